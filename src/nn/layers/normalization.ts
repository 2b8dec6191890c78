/** Normalisation layers. Floor: nn. */
import { TwopassError, showShape } from "../../base/errors.ts";
import { withMode } from "../../ir/mode.ts";
import { kit } from "../../ops/kit.ts";
import { checkTensor } from "../../tensor/arguments.ts";
import { inner } from "../../tensor/inner.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { resultOf, checkWhole, withDefaults } from "../functional/common.ts";
import { batchNorm, groupNorm, instanceNorm, layerNorm, rmsNorm } from "../functional/normalization.ts";
import { constantContent } from "../module/initial-content.ts";
import { Module } from "../module/module.ts";
import { type Content, Parameter, StateBuffer } from "../module/parameter.ts";

export interface BatchNormLayerOptions {
  /** Added to the variance; default 1e-5. */
  readonly eps?: number;
  /** Share of a batch in the running statistics; null takes the plain mean of all batches; default 0.1. */
  readonly momentum?: number | null;
  /** Whether there are `weight` and `bias`; default true. */
  readonly affine?: boolean;
  /** Whether running statistics are kept; without them evaluation uses those of the batch; default true. */
  readonly trackRunningStats?: boolean;
}

/** A counter at 0. */
function noBatches(): Content {
  return { data: new Int32Array(1), shape: [], dtype: "int32" };
}

/** The share of the next batch in the mean of all batches: 1 / n for the n-th. */
function shareOfNext(counter: StateBuffer, input: Tensor): Tensor {
  const share = withMode({ grad: false }, () => kit.div(1, kit.cast(kit.add(counter[inner].value, 1), input.dtype)));
  return resultOf(share, [counter]);
}

interface ChannelSettings<M extends number | null> {
  readonly eps: number;
  readonly momentum: M;
  readonly affine: boolean;
  readonly trackRunningStats: boolean;
}

/** What batch and instance normalisation share: settings by channel, and running statistics. */
abstract class ChannelNorm<M extends number | null> extends Module {
  readonly numFeatures: number;
  readonly eps: number;
  readonly momentum: M;
  weight: Parameter | null;
  bias: Parameter | null;
  running_mean: StateBuffer | null;
  running_var: StateBuffer | null;
  num_batches_tracked: StateBuffer | null;

  constructor(numFeatures: number, given: Partial<ChannelSettings<M>> | undefined, standard: ChannelSettings<M>) {
    super();
    const op = `nn.${this.constructor.name}`;
    const options = withDefaults<ChannelSettings<M>>(op, given, standard);
    const shape = [checkWhole(op, "numFeatures", numFeatures, 1)];
    this.numFeatures = numFeatures;
    this.eps = options.eps;
    this.momentum = options.momentum;
    this.weight = options.affine ? new Parameter(constantContent(shape, 1)) : null;
    this.bias = options.affine ? new Parameter(constantContent(shape, 0)) : null;
    const tracks = options.trackRunningStats;
    this.running_mean = tracks ? new StateBuffer(constantContent(shape, 0)) : null;
    this.running_var = tracks ? new StateBuffer(constantContent(shape, 1)) : null;
    this.num_batches_tracked = tracks ? new StateBuffer(noBatches()) : null;
  }

  protected override describeSettings(): string {
    return String(this.numFeatures);
  }
}

abstract class BatchNorm extends ChannelNorm<number | null> {
  readonly #ranks: readonly number[];

  constructor(ranks: readonly number[], numFeatures: number, given?: BatchNormLayerOptions) {
    super(numFeatures, given, { eps: 1e-5, momentum: 0.1, affine: true, trackRunningStats: true });
    this.#ranks = ranks;
  }

  forward(input: Tensor): Tensor {
    checkTensor(`nn.${this.constructor.name}`, "the input", input);
    if (!this.#ranks.includes(input.ndim) || input.shape[1] !== this.numFeatures) {
      throw new TwopassError({
        op: `nn.${this.constructor.name}`,
        problem: `the input must have ${this.#ranks.join(" or ")} dims, the second of extent ${this.numFeatures}`,
        facts: `shape ${showShape(input.shape)}`,
        shapes: [input.shape],
      });
    }
    const counter = this.training ? this.num_batches_tracked : null;
    const training = this.training || this.running_mean === null;
    const momentum = counter === null ? 0 : (this.momentum ?? shareOfNext(counter, input));
    const [mean, variance] = [this.running_mean, this.running_var];
    const y = batchNorm(input, mean, variance, this.weight, this.bias, { training, momentum, eps: this.eps });
    // Behind the checks: a batch that is refused does not count.
    counter?.add_(1);
    return y;
  }
}

/** Batch normalisation of [N, C] or [N, C, L], as `BatchNorm2d`. */
export class BatchNorm1d extends BatchNorm {
  constructor(numFeatures: number, options?: BatchNormLayerOptions) {
    super([2, 3], numFeatures, options);
  }
}

/**
 * Batch normalisation of images [N, C, H, W]: y = (x − mean) / √(variance + eps) · weight + bias for each channel.
 * Ioffe and Szegedy (2015). In training with the statistics of the batch, else with the running ones.
 *
 * @param options.eps default 1e-5.
 * @param options.momentum share of a batch in the running statistics; default 0.1.
 * @param options.affine, options.trackRunningStats default true.
 * @example
 * const layer = new nn.BatchNorm2d(3);
 * layer.forward(zeros(8, 3, 28, 28)).shape; // [8, 3, 28, 28]
 * Object.keys(layer.stateDict()); // ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
 */
export class BatchNorm2d extends BatchNorm {
  constructor(numFeatures: number, options?: BatchNormLayerOptions) {
    super([4], numFeatures, options);
  }
}

/** Batch normalisation of volumes [N, C, D, H, W], as `BatchNorm2d`. */
export class BatchNorm3d extends BatchNorm {
  constructor(numFeatures: number, options?: BatchNormLayerOptions) {
    super([5], numFeatures, options);
  }
}

/**
 * Layer normalisation over the last dims: y = (x − mean) / √(variance + eps) · weight + bias. Ba, Kiros, Hinton (2016).
 *
 * @param normalizedShape the last dims of the input.
 * @param options.eps default 1e-5.
 * @param options.elementwiseAffine whether there are `weight` and `bias`; default true.
 * @param options.bias whether there is a `bias` beside the weight; default true.
 * @example
 * await new nn.LayerNorm(2).forward(tensor([[1, 3], [10, 30]])).array(); // [[-1.0000, 1.0000], [-1, 1]]
 */
export class LayerNorm extends Module {
  readonly normalizedShape: readonly number[];
  readonly eps: number;
  weight: Parameter | null;
  bias: Parameter | null;

  constructor(
    normalizedShape: number | readonly number[],
    given?: { readonly eps?: number; readonly elementwiseAffine?: boolean; readonly bias?: boolean },
  ) {
    super();
    const options = withDefaults("nn.LayerNorm", given, { eps: 1e-5, elementwiseAffine: true, bias: true });
    const shape = typeof normalizedShape === "number" ? [normalizedShape] : [...normalizedShape];
    for (const n of shape) checkWhole("nn.LayerNorm", "normalizedShape", n, 0);
    this.normalizedShape = shape;
    this.eps = options.eps;
    this.weight = options.elementwiseAffine ? new Parameter(constantContent(shape, 1)) : null;
    this.bias = options.elementwiseAffine && options.bias ? new Parameter(constantContent(shape, 0)) : null;
  }

  forward(input: Tensor): Tensor {
    return layerNorm(input, this.normalizedShape, this.weight, this.bias, { eps: this.eps });
  }

  protected override describeSettings(): string {
    return `[${this.normalizedShape.join(", ")}]`;
  }
}

/**
 * Root mean square normalisation over the last dims: y = x / √(mean(x²) + eps) · weight. Zhang and Sennrich (2019).
 *
 * @param normalizedShape the last dims of the input.
 * @param options.eps default null: the machine epsilon of the input's dtype.
 * @param options.elementwiseAffine whether there is a `weight`; default true.
 * @example
 * await new nn.RMSNorm(2).forward(tensor([[3, 4]])).array(); // [[0.8485, 1.1314]]
 */
export class RMSNorm extends Module {
  readonly normalizedShape: readonly number[];
  readonly eps: number | null;
  weight: Parameter | null;

  constructor(
    normalizedShape: number | readonly number[],
    given?: { readonly eps?: number | null; readonly elementwiseAffine?: boolean },
  ) {
    super();
    const { eps, elementwiseAffine } = withDefaults<{ eps: number | null; elementwiseAffine: boolean }>(
      "nn.RMSNorm",
      given,
      { eps: null, elementwiseAffine: true },
    );
    const shape = typeof normalizedShape === "number" ? [normalizedShape] : [...normalizedShape];
    for (const n of shape) checkWhole("nn.RMSNorm", "normalizedShape", n, 0);
    this.normalizedShape = shape;
    this.eps = eps;
    this.weight = elementwiseAffine ? new Parameter(constantContent(shape, 1)) : null;
  }

  forward(input: Tensor): Tensor {
    return rmsNorm(input, this.normalizedShape, this.weight, { eps: this.eps });
  }

  protected override describeSettings(): string {
    return `[${this.normalizedShape.join(", ")}]`;
  }
}

/**
 * Group normalisation of [N, C, ...]: as layer normalisation, over each of numGroups groups of channels. Wu, He (2018).
 *
 * @param options.eps default 1e-5.
 * @param options.affine whether there are `weight` and `bias` [C]; default true.
 * @example
 * await new nn.GroupNorm(2, 4).forward(tensor([[1, 3, 10, 30]])).array(); // [[-1.0000, 1.0000, -1, 1]]
 */
export class GroupNorm extends Module {
  readonly numGroups: number;
  readonly numChannels: number;
  readonly eps: number;
  weight: Parameter | null;
  bias: Parameter | null;

  constructor(numGroups: number, numChannels: number, given?: { readonly eps?: number; readonly affine?: boolean }) {
    super();
    const { eps, affine } = withDefaults("nn.GroupNorm", given, { eps: 1e-5, affine: true });
    this.numGroups = checkWhole("nn.GroupNorm", "numGroups", numGroups, 1);
    this.numChannels = checkWhole("nn.GroupNorm", "numChannels", numChannels, 1);
    if (numChannels % numGroups !== 0) {
      throw new TwopassError({
        op: "nn.GroupNorm",
        problem: "numChannels must be divisible by numGroups",
        facts: `${numChannels} and ${numGroups}`,
      });
    }
    this.eps = eps;
    this.weight = affine ? new Parameter(constantContent([numChannels], 1)) : null;
    this.bias = affine ? new Parameter(constantContent([numChannels], 0)) : null;
  }

  forward(input: Tensor): Tensor {
    return groupNorm(input, this.numGroups, this.weight, this.bias, { eps: this.eps });
  }

  protected override describeSettings(): string {
    return `${this.numGroups}, ${this.numChannels}`;
  }
}

export interface InstanceNormLayerOptions {
  /** Added to the variance; default 1e-5. */
  readonly eps?: number;
  /** Share of a batch in the running statistics; default 0.1. */
  readonly momentum?: number;
  /** Whether there are `weight` and `bias`; default false. */
  readonly affine?: boolean;
  /** Whether running statistics are kept, which evaluation then uses; default false. */
  readonly trackRunningStats?: boolean;
}

abstract class InstanceNorm extends ChannelNorm<number> {
  readonly #rank: number;

  constructor(rank: number, numFeatures: number, given?: InstanceNormLayerOptions) {
    super(numFeatures, given, { eps: 1e-5, momentum: 0.1, affine: false, trackRunningStats: false });
    this.#rank = rank;
  }

  forward(input: Tensor): Tensor {
    checkTensor(`nn.${this.constructor.name}`, "the input", input);
    if (input.ndim === this.#rank - 1) return this.#normalize(input.unsqueeze(0)).squeeze(0);
    return this.#normalize(input);
  }

  #normalize(x: Tensor): Tensor {
    if (x.ndim !== this.#rank || x.shape[1] !== this.numFeatures) {
      throw new TwopassError({
        op: `nn.${this.constructor.name}`,
        problem: `the input must have ${this.#rank} dims, or ${this.#rank - 1} without a batch, and ${this.numFeatures} channels`,
        facts: `shape ${showShape(x.shape)}`,
        shapes: [x.shape],
      });
    }
    const { eps, momentum, running_mean: runningMean, running_var: runningVar } = this;
    const useInputStats = this.training || runningMean === null;
    const learn = this.training ? { runningMean, runningVar } : {};
    const use = useInputStats ? learn : { runningMean, runningVar };
    return instanceNorm(x, this.weight, this.bias, { ...use, useInputStats, momentum, eps });
  }
}

/** Instance normalisation of [N, C, L] or [C, L], as `InstanceNorm2d`. */
export class InstanceNorm1d extends InstanceNorm {
  constructor(numFeatures: number, options?: InstanceNormLayerOptions) {
    super(3, numFeatures, options);
  }
}

/**
 * Instance normalisation of images [N, C, H, W] or [C, H, W]: each channel of each example by its own statistics.
 * Ulyanov, Vedaldi, Lempitsky (2016).
 *
 * @param options.eps, options.momentum default 1e-5 and 0.1.
 * @param options.affine, options.trackRunningStats default false.
 * @example
 * new nn.InstanceNorm2d(3).forward(rand(8, 3, 28, 28)).shape; // [8, 3, 28, 28]
 */
export class InstanceNorm2d extends InstanceNorm {
  constructor(numFeatures: number, options?: InstanceNormLayerOptions) {
    super(4, numFeatures, options);
  }
}

/** Instance normalisation of volumes [N, C, D, H, W] or [C, D, H, W], as `InstanceNorm2d`. */
export class InstanceNorm3d extends InstanceNorm {
  constructor(numFeatures: number, options?: InstanceNormLayerOptions) {
    super(5, numFeatures, options);
  }
}
