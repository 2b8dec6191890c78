/** Transformers: stacks of encoder and decoder layers. Floor: nn. */
import { TwopassError, describe } from "../../base/errors.ts";
import { fromElements } from "../../tensor/creation.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { type Optional, checkWhole, withDefaults } from "../functional/common.ts";
import { xavierUniform_ } from "../init.ts";
import { Module } from "../module/module.ts";
import { LayerNorm } from "../layers/normalization.ts";
import type { Layer } from "../module/sequential.ts";
import {
  type DecoderLayer,
  type DecoderLayerCallOptions,
  type EncoderLayer,
  type EncoderLayerCallOptions,
  TransformerDecoderLayer,
  TransformerEncoderLayer,
  type TransformerLayerOptions,
} from "./transformer-layer.ts";

export interface StackOptions {
  /** Applied to the result of the last layer; default none. */
  readonly norm?: Optional<Layer>;
}

/** `count` layers: copies of one, or as many as a function makes. */
function layersOf<T>(op: string, given: T | (() => T), count: number, copy: (layer: T) => T): T[] {
  checkWhole(op, "numLayers", count, 1);
  const make = typeof given === "function" ? (given as () => T) : () => copy(given);
  return Array.from({ length: count }, () => {
    const layer = make();
    if (layer instanceof Module) return layer;
    throw new TwopassError({
      op,
      problem: "takes a layer, or a function that makes one",
      facts: `got ${describe(layer)}`,
    });
  });
}

/** What `clone()` of a layer gives. */
function cloned<T>(op: string, layer: T): T {
  const clone: unknown = layer instanceof Module ? Reflect.get(layer, "clone") : undefined;
  if (typeof clone === "function") return Reflect.apply(clone, layer, []) as T;
  throw new TwopassError({
    op,
    problem: "the layer cannot be copied",
    facts: `got ${describe(layer)}`,
    hint: "give a function that makes layers: () => new MyLayer(...)",
  });
}

function normOf(op: string, given: StackOptions | undefined): Layer | null {
  const { norm } = withDefaults<Required<StackOptions>>(op, given, { norm: null });
  if (norm === null || norm === undefined || norm instanceof Module) return (norm ?? null) as Layer | null;
  throw new TwopassError({ op, problem: "norm must be a layer", facts: `got ${describe(norm)}` });
}

export interface EncoderCallOptions {
  /** As `srcMask` of a layer. */
  readonly mask?: Optional<Tensor>;
  readonly srcKeyPaddingMask?: Optional<Tensor>;
  readonly isCausal?: boolean;
}

/**
 * Encoder layers one behind the other, and a last normalisation if one is given. Vaswani et al. (2017).
 *
 * @param encoderLayer a layer, of which copies are made (all start equal, as in PyTorch); or a function that makes layers.
 * @param options.norm applied to the result; default none. With `normFirst` give `new nn.LayerNorm(dModel)`.
 * @example
 * const layer = new nn.TransformerEncoderLayer(16, 4, { batchFirst: true });
 * new nn.TransformerEncoder(layer, 6).forward(zeros(2, 5, 16)).shape; // [2, 5, 16]
 */
export class TransformerEncoder extends Module {
  layers: EncoderLayer[];
  norm: Layer | null;

  constructor(encoderLayer: EncoderLayer | (() => EncoderLayer), numLayers: number, options?: StackOptions) {
    super();
    const op = "nn.TransformerEncoder";
    this.layers = layersOf(op, encoderLayer, numLayers, (layer) => cloned(op, layer));
    this.norm = normOf(op, options);
  }

  forward(src: Tensor, given?: EncoderCallOptions): Tensor {
    const options = withDefaults<Required<EncoderCallOptions>>("nn.TransformerEncoder", given, {
      mask: null,
      srcKeyPaddingMask: null,
      isCausal: false,
    });
    const { mask: srcMask, srcKeyPaddingMask, isCausal } = options;
    const each: EncoderLayerCallOptions = { srcMask, srcKeyPaddingMask, isCausal };
    const x = this.layers.reduce((y, layer) => layer.forward(y, each), src);
    return this.norm === null ? x : this.norm.forward(x);
  }
}

/**
 * Decoder layers one behind the other, as `TransformerEncoder`: `forward(tgt, memory, options)` with a layer's options.
 *
 * @example
 * const layer = new nn.TransformerDecoderLayer(16, 4, { batchFirst: true });
 * new nn.TransformerDecoder(layer, 2).forward(zeros(2, 5, 16), zeros(2, 7, 16)).shape; // [2, 5, 16]
 */
export class TransformerDecoder extends Module {
  layers: DecoderLayer[];
  norm: Layer | null;

  constructor(decoderLayer: DecoderLayer | (() => DecoderLayer), numLayers: number, options?: StackOptions) {
    super();
    const op = "nn.TransformerDecoder";
    this.layers = layersOf(op, decoderLayer, numLayers, (layer) => cloned(op, layer));
    this.norm = normOf(op, options);
  }

  forward(tgt: Tensor, memory: Tensor, options?: DecoderLayerCallOptions): Tensor {
    const x = this.layers.reduce((y, layer) => layer.forward(y, memory, options), tgt);
    return this.norm === null ? x : this.norm.forward(x);
  }
}

/**
 * A mask to add to the scores of attention: [size, size] float32, 0 where j ≤ i, else −∞, so that place i sees places 0 to
 * i. The option `isCausal` does the same without a tensor.
 *
 * @example
 * await nn.generateSquareSubsequentMask(2).array(); // [[0, -Infinity], [0, 0]]
 */
export function generateSquareSubsequentMask(size: number): Tensor {
  checkWhole("generateSquareSubsequentMask", "size", size, 0);
  const data = Float32Array.from({ length: size * size }, (_, at) =>
    at % size > Math.floor(at / size) ? Number.NEGATIVE_INFINITY : 0,
  );
  return fromElements(data, [size, size], "float32");
}

export interface TransformerOptions extends TransformerLayerOptions {
  /** Features of each place; default 512. */
  readonly dModel?: number;
  /** Heads of each attention; default 8. */
  readonly nhead?: number;
  /** Default 6. */
  readonly numEncoderLayers?: number;
  /** Default 6. */
  readonly numDecoderLayers?: number;
  /** In place of the encoder: any module whose `forward` takes what `TransformerEncoder` takes. */
  readonly customEncoder?: Pick<TransformerEncoder, "forward"> | null;
  /** In place of the decoder. */
  readonly customDecoder?: Pick<TransformerDecoder, "forward"> | null;
}

export interface TransformerCallOptions extends DecoderLayerCallOptions {
  readonly srcMask?: Optional<Tensor>;
  readonly srcKeyPaddingMask?: Optional<Tensor>;
  readonly srcIsCausal?: boolean;
}

/**
 * The transformer of Vaswani et al., "Attention Is All You Need" (2017): an encoder and a decoder, each with a last
 * normalisation, without embeddings, positions and output layer. Weights start by Glorot's rule (`xavierUniform_`).
 *
 * `forward(src, tgt)` takes [S, N, dModel] and [L, N, dModel], with `batchFirst` N first, and gives the target's shape.
 *
 * Differs from PyTorch: all settings are options, with PyTorch's defaults.
 *
 * @example
 * const model = new nn.Transformer({ dModel: 16, nhead: 4, numEncoderLayers: 2, numDecoderLayers: 2 });
 * model.forward(zeros(7, 2, 16), zeros(5, 2, 16), { tgtIsCausal: true }).shape; // [5, 2, 16]
 */
export class Transformer extends Module {
  /** `generateSquareSubsequentMask`, where PyTorch has it. */
  static readonly generateSquareSubsequentMask = generateSquareSubsequentMask;

  readonly dModel: number;
  readonly nhead: number;
  readonly batchFirst: boolean;
  encoder: Pick<TransformerEncoder, "forward">;
  decoder: Pick<TransformerDecoder, "forward">;

  constructor(given?: TransformerOptions) {
    super();
    const options = withDefaults<Required<TransformerOptions>>("nn.Transformer", given, {
      dModel: 512,
      nhead: 8,
      numEncoderLayers: 6,
      numDecoderLayers: 6,
      dimFeedforward: 2048,
      dropout: 0.1,
      activation: "relu",
      customEncoder: null,
      customDecoder: null,
      layerNormEps: 1e-5,
      batchFirst: false,
      normFirst: false,
      bias: true,
    });
    const { dModel, nhead, numEncoderLayers, numDecoderLayers, customEncoder, customDecoder, ...each } = options;
    const norm = (): LayerNorm => new LayerNorm(dModel, { eps: each.layerNormEps, bias: each.bias });
    this.dModel = dModel;
    this.nhead = nhead;
    this.batchFirst = each.batchFirst;
    const encoderLayer = (): EncoderLayer => new TransformerEncoderLayer(dModel, nhead, each);
    const decoderLayer = (): DecoderLayer => new TransformerDecoderLayer(dModel, nhead, each);
    this.encoder = customEncoder ?? new TransformerEncoder(encoderLayer, numEncoderLayers, { norm: norm() });
    this.decoder = customDecoder ?? new TransformerDecoder(decoderLayer, numDecoderLayers, { norm: norm() });
    for (const parameter of this.parameters()) if (parameter.ndim > 1) xavierUniform_(parameter);
  }

  forward(src: Tensor, tgt: Tensor, given?: TransformerCallOptions): Tensor {
    const options = withDefaults<Required<TransformerCallOptions>>("nn.Transformer", given, {
      srcMask: null,
      tgtMask: null,
      memoryMask: null,
      srcKeyPaddingMask: null,
      tgtKeyPaddingMask: null,
      memoryKeyPaddingMask: null,
      srcIsCausal: false,
      tgtIsCausal: false,
      memoryIsCausal: false,
    });
    const { srcMask: mask, srcKeyPaddingMask, srcIsCausal: isCausal, ...ofDecoder } = options;
    const memory = this.encoder.forward(src, { mask, srcKeyPaddingMask, isCausal });
    return this.decoder.forward(tgt, memory, ofDecoder);
  }

  protected override describeSettings(): string {
    return `${this.dModel}, ${this.nhead}`;
  }
}
