/** The layers that transformers are stacks of. Floor: nn. */
import { TwopassError, describe } from "../../base/errors.ts";
import { checkTensor } from "../../tensor/arguments.ts";
import { checkDeviceName } from "../../tensor/engines.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { MultiheadAttention } from "./attention.ts";
import { Dropout } from "../layers/dropout.ts";
import { gelu, relu } from "../functional/activation.ts";
import { type Optional, checkWhole, withDefaults } from "../functional/common.ts";
import { Linear } from "../layers/linear.ts";
import { Module } from "../module/module.ts";
import { LayerNorm } from "../layers/normalization.ts";
import type { Layer } from "../module/sequential.ts";

export interface TransformerLayerOptions {
  /** Features between the two linear layers; default 2048. */
  readonly dimFeedforward?: number;
  /** Probability that an element is dropped, in all places of the layer; default 0.1. */
  readonly dropout?: number;
  /** Between the two linear layers: "relu" (default), "gelu", a function or a layer. */
  readonly activation?: "relu" | "gelu" | ((x: Tensor) => Tensor) | Layer;
  /** Added to the variance in the normalisations; default 1e-5. */
  readonly layerNormEps?: number;
  /** Whether inputs are [N, L, E] instead of [L, N, E]; default false. */
  readonly batchFirst?: boolean;
  /** Whether each part normalises what goes in instead of what comes out; default false. */
  readonly normFirst?: boolean;
  /** Whether linear layers and normalisations have a bias; default true. */
  readonly bias?: boolean;
}

export interface EncoderLayerCallOptions {
  /** Which places see which, as `attnMask` of `MultiheadAttention`: bool, true where attention is not allowed, or added. */
  readonly srcMask?: Optional<Tensor>;
  /** [N, S]: bool, true where a place of the source is left out, or added. */
  readonly srcKeyPaddingMask?: Optional<Tensor>;
  /** Whether place i sees places 0 to i only; default false. */
  readonly isCausal?: boolean;
}

export interface DecoderLayerCallOptions {
  /** Which places of the target see which: bool, true where attention is not allowed, or added. */
  readonly tgtMask?: Optional<Tensor>;
  /** Which places of the target see which of the memory. */
  readonly memoryMask?: Optional<Tensor>;
  /** [N, L]: which places of the target are left out. */
  readonly tgtKeyPaddingMask?: Optional<Tensor>;
  /** [N, S]: which places of the memory are left out. */
  readonly memoryKeyPaddingMask?: Optional<Tensor>;
  /** Whether place i of the target sees its places 0 to i only; default false. */
  readonly tgtIsCausal?: boolean;
  /** The same for the memory; default false. */
  readonly memoryIsCausal?: boolean;
}

/** An encoder layer of any class. */
export interface EncoderLayer {
  forward(src: Tensor, options?: EncoderLayerCallOptions): Tensor;
}

/** A decoder layer of any class. */
export interface DecoderLayer {
  forward(tgt: Tensor, memory: Tensor, options?: DecoderLayerCallOptions): Tensor;
}

const standard: Required<TransformerLayerOptions> = {
  dimFeedforward: 2048,
  dropout: 0.1,
  activation: "relu",
  layerNormEps: 1e-5,
  batchFirst: false,
  normFirst: false,
  bias: true,
};

function activationOf(op: string, given: unknown): Layer | ((x: Tensor) => Tensor) {
  if (given === "relu") return relu;
  if (given === "gelu") return (x) => gelu(x);
  if (typeof given === "function") return given as (x: Tensor) => Tensor;
  if (given instanceof Module) return given as Module & Layer;
  throw new TwopassError({
    op,
    problem: 'activation must be "relu", "gelu", a function or a layer',
    facts: `got ${describe(given)}`,
  });
}

/** What both kinds of layer have: attention to itself, and two linear layers. */
abstract class TransformerLayer extends Module {
  /** The settings, as `clone()` needs them. */
  readonly options: Readonly<Required<TransformerLayerOptions>>;
  readonly dModel: number;
  readonly nhead: number;
  self_attn: MultiheadAttention;
  linear1: Linear;
  dropout: Dropout;
  linear2: Linear;
  norm1: LayerNorm;
  norm2: LayerNorm;
  dropout1: Dropout;
  dropout2: Dropout;
  activation: Layer | ((x: Tensor) => Tensor);

  constructor(dModel: number, nhead: number, given: TransformerLayerOptions | undefined) {
    super();
    const op = `nn.${this.constructor.name}`;
    const options = withDefaults(op, given, standard);
    const { dimFeedforward, dropout, bias } = options;
    this.activation = activationOf(op, options.activation);
    // A layer as activation is a part of this one already; among the options it would be found twice.
    this.options = { ...options, activation: options.activation instanceof Module ? "relu" : options.activation };
    this.dModel = dModel;
    this.nhead = nhead;
    checkWhole(op, "dimFeedforward", dimFeedforward, 1);
    this.self_attn = this.attention();
    this.linear1 = new Linear(dModel, dimFeedforward, { bias });
    this.dropout = new Dropout(dropout);
    this.linear2 = new Linear(dimFeedforward, dModel, { bias });
    this.norm1 = this.norm();
    this.norm2 = this.norm();
    this.dropout1 = new Dropout(dropout);
    this.dropout2 = new Dropout(dropout);
  }

  protected attention(): MultiheadAttention {
    const { dropout, batchFirst, bias } = this.options;
    return new MultiheadAttention(this.dModel, this.nhead, { dropout, batchFirst, bias });
  }

  protected norm(): LayerNorm {
    return new LayerNorm(this.dModel, { eps: this.options.layerNormEps, bias: this.options.bias });
  }

  /** x and what a part makes of it, normalised before or after. */
  protected residual(x: Tensor, norm: LayerNorm, part: (x: Tensor) => Tensor): Tensor {
    return this.options.normFirst ? x.add(part(norm.forward(x))) : norm.forward(x.add(part(x)));
  }

  protected feedForward(x: Tensor, dropout: Dropout): Tensor {
    const hidden = this.linear1.forward(x);
    const active = typeof this.activation === "function" ? this.activation(hidden) : this.activation.forward(hidden);
    return dropout.forward(this.linear2.forward(this.dropout.forward(active)));
  }

  /** Copies the state of this layer into one made with the same settings. */
  protected copyInto<T extends TransformerLayer>(copy: T): T {
    const isBuiltIn = copy.constructor === this.constructor && !(this.activation instanceof Module);
    if (!isBuiltIn) {
      throw new TwopassError({
        op: `nn.${this.constructor.name}.clone`,
        problem: "only the built-in layer, with a function as activation, can be copied",
        hint: `give a function that makes layers: () => new ${this.constructor.name}(...)`,
      });
    }
    const copies = copy.parameters();
    for (const [i, parameter] of this.parameters().entries()) {
      const { dtype, device, requiresGrad } = parameter;
      checkDeviceName(device);
      copies[i]?.to_({ dtype, device }).requiresGrad_(requiresGrad);
    }
    copy.loadStateDict(this.stateDict());
    return copy.train(this.training);
  }

  protected override describeSettings(): string {
    return `${this.dModel}, ${this.nhead}`;
  }
}

/**
 * One layer of a transformer's encoder: attention of the places to each other, then two linear layers for each place,
 * both with a residual connection and layer normalisation. Vaswani et al. (2017), section 3.1.
 *
 * `forward(src)` takes [L, N, dModel], with `batchFirst` [N, L, dModel], or [L, dModel], and gives the same shape.
 *
 * @param options.dimFeedforward default 2048.
 * @param options.dropout default 0.1.
 * @param options.activation "relu" (default), "gelu", a function or a layer.
 * @param options.normFirst whether to normalise before each part, as newer models do; default false.
 * @example
 * const layer = new nn.TransformerEncoderLayer(16, 4, { dimFeedforward: 32, batchFirst: true });
 * layer.forward(zeros(2, 5, 16)).shape; // [2, 5, 16]
 */
export class TransformerEncoderLayer extends TransformerLayer implements EncoderLayer {
  constructor(dModel: number, nhead: number, options?: TransformerLayerOptions) {
    super(dModel, nhead, options);
  }

  forward(src: Tensor, given?: EncoderLayerCallOptions): Tensor {
    checkTensor("nn.TransformerEncoderLayer", "the source", src);
    const { srcMask, srcKeyPaddingMask, isCausal } = withDefaults<Required<EncoderLayerCallOptions>>(
      "nn.TransformerEncoderLayer",
      given,
      { srcMask: null, srcKeyPaddingMask: null, isCausal: false },
    );
    const masks = { attnMask: srcMask, keyPaddingMask: srcKeyPaddingMask, isCausal };
    const attended = this.residual(src, this.norm1, (x) =>
      this.dropout1.forward(this.self_attn.forward(x, x, x, masks)[0]),
    );
    return this.residual(attended, this.norm2, (x) => this.feedForward(x, this.dropout2));
  }

  /** A layer of the same settings and content with parameters of its own. */
  clone(): TransformerEncoderLayer {
    return this.copyInto(new TransformerEncoderLayer(this.dModel, this.nhead, this.options));
  }
}

/**
 * One layer of a transformer's decoder: attention of the target's places to each other, attention to the memory, then two
 * linear layers for each place. Vaswani et al. (2017), section 3.1. Options as of `TransformerEncoderLayer`.
 *
 * `forward(tgt, memory)` takes [L, N, dModel] and [S, N, dModel], with `batchFirst` N first, and gives the target's shape.
 * The order of the target is kept from being seen by `{ tgtIsCausal: true }`.
 *
 * @example
 * const layer = new nn.TransformerDecoderLayer(16, 4, { dimFeedforward: 32, batchFirst: true });
 * layer.forward(zeros(2, 5, 16), zeros(2, 7, 16)).shape; // [2, 5, 16]
 */
export class TransformerDecoderLayer extends TransformerLayer implements DecoderLayer {
  multihead_attn: MultiheadAttention;
  norm3: LayerNorm;
  dropout3: Dropout;

  constructor(dModel: number, nhead: number, options?: TransformerLayerOptions) {
    super(dModel, nhead, options);
    this.multihead_attn = this.attention();
    this.norm3 = this.norm();
    this.dropout3 = new Dropout(this.options.dropout);
  }

  forward(tgt: Tensor, memory: Tensor, given?: DecoderLayerCallOptions): Tensor {
    checkTensor("nn.TransformerDecoderLayer", "the target", tgt);
    checkTensor("nn.TransformerDecoderLayer", "the memory", memory);
    const options = withDefaults<Required<DecoderLayerCallOptions>>("nn.TransformerDecoderLayer", given, {
      tgtMask: null,
      memoryMask: null,
      tgtKeyPaddingMask: null,
      memoryKeyPaddingMask: null,
      tgtIsCausal: false,
      memoryIsCausal: false,
    });
    const own = {
      attnMask: options.tgtMask,
      keyPaddingMask: options.tgtKeyPaddingMask,
      isCausal: options.tgtIsCausal,
    };
    const cross = {
      attnMask: options.memoryMask,
      keyPaddingMask: options.memoryKeyPaddingMask,
      isCausal: options.memoryIsCausal,
    };
    const attended = this.residual(tgt, this.norm1, (x) =>
      this.dropout1.forward(this.self_attn.forward(x, x, x, own)[0]),
    );
    const informed = this.residual(attended, this.norm2, (x) =>
      this.dropout2.forward(this.multihead_attn.forward(x, memory, memory, cross)[0]),
    );
    return this.residual(informed, this.norm3, (x) => this.feedForward(x, this.dropout3));
  }

  /** A layer of the same settings and content with parameters of its own. */
  clone(): TransformerDecoderLayer {
    return this.copyInto(new TransformerDecoderLayer(this.dModel, this.nhead, this.options));
  }
}
