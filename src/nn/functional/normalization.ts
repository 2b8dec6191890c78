/** Normalisation as functions. Floor: nn. */
import { TwopassError, showShape } from "../../base/errors.ts";
import { normalizeDims, sizeOf } from "../../base/shape.ts";
import { withMode } from "../../ir/mode.ts";
import type { Value } from "../../ir/value.ts";
import * as composite from "../../ops/composite/normalization.ts";
import { norm } from "../../ops/composite/reduction.ts";
import { kit } from "../../ops/kit.ts";
import { currentEngine } from "../../tensor/engines.ts";
import { inner } from "../../tensor/inner.ts";
import { StoredTensor } from "../../tensor/stored.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import {
  type Optional,
  floatingVertex,
  likeVertex,
  optionalVertex,
  present,
  resultOf,
  checkWhole,
  withDefaults,
} from "./common.ts";

export interface BatchNormOptions {
  /** Whether to use, and to learn, the statistics of this batch; default false. */
  readonly training?: boolean;
  /** Share of this batch in the running statistics; default 0.1. A 0-d tensor may be given instead of a number. */
  readonly momentum?: number | Tensor;
  /** Added to the variance; default 1e-5. */
  readonly eps?: number;
}

/**
 * Batch normalisation: y = (x − mean) / √(variance + eps) · weight + bias for each channel.
 *
 * In training the statistics are those of the batch, and the running ones become (1 − momentum) · old + momentum · new
 * (with the variance over n − 1) at the next run; they must be stored tensors then.
 *
 * @param input [N, C, ...]
 * @param runningMean, runningVar [C]; needed unless training.
 * @param weight, bias [C]; default none.
 * @example
 * const x = tensor([[1, 10], [3, 30]]);
 * await batchNorm(x, null, null, null, null, { training: true }).array(); // [[-1.0000, -1], [1.0000, 1]]
 */
export function batchNorm(
  input: Tensor,
  runningMean: Optional<Tensor>,
  runningVar: Optional<Tensor>,
  weight?: Optional<Tensor>,
  bias?: Optional<Tensor>,
  given?: BatchNormOptions,
): Tensor {
  const op = "batchNorm";
  const options = withDefaults<Required<BatchNormOptions>>(op, given, { training: false, momentum: 0.1, eps: 1e-5 });
  const x = floatingVertex(op, input);
  if (x.shape.length < 2) {
    throw new TwopassError({
      op,
      problem: "the input must have a batch and channels",
      facts: `shape ${showShape(x.shape)}`,
    });
  }
  const channels = [x.shape[1] as number];
  const mean = optionalVertex(op, "runningMean", runningMean, x, channels);
  const variance = optionalVertex(op, "runningVar", runningVar, x, channels);
  const w = optionalVertex(op, "the weight", weight, x, channels);
  const b = optionalVertex(op, "the bias", bias, x, channels);
  const used = present(input, weight, bias);
  if (!options.training) {
    if (mean === undefined || variance === undefined) {
      throw new TwopassError({
        op,
        problem: "running statistics are needed outside of training",
        hint: "{ training: true }",
      });
    }
    const y = composite.normalizeChannels(kit, x, { mean, variance }, w, b, options.eps);
    return resultOf(y, [...used, ...present(runningMean, runningVar)]);
  }
  const batch = composite.moments(kit, x, composite.allButChannels(x.shape));
  if (batch.count <= 1) {
    throw new TwopassError({
      op,
      problem: "training needs more than one value for each channel",
      facts: `input ${showShape(x.shape)}`,
      hint: "use a larger batch, or eval()",
      shapes: [x.shape],
    });
  }
  withMode({ grad: false }, () => {
    const { momentum } = options;
    const share = typeof momentum === "number" ? momentum : likeVertex(op, "the momentum", momentum, x);
    updateRunning(op, runningMean, batch.mean, share);
    updateRunning(op, runningVar, kit.mul(batch.variance, batch.count / (batch.count - 1)), share);
  });
  return resultOf(composite.normalizeBatch(kit, x, batch, w, b, options.eps), used);
}

/** running ← running + share · (batch − running). */
function updateRunning(op: string, running: Optional<Tensor>, batch: Value, share: number | Value): void {
  if (running === undefined || running === null) return;
  if (!(running instanceof StoredTensor)) {
    throw new TwopassError({
      op,
      problem: "running statistics change, so they must be stored tensors",
      hint: "use new nn.Buffer(tensor)",
    });
  }
  const part = running[inner];
  const old = part.value;
  const next = kit.add(kit.mul(old, kit.sub(1, asVertex(share, old))), kit.mul(batch, share));
  (part.engine ?? currentEngine()).noteWrite(part, next);
}

function asVertex(x: number | Value, like: Value): Value {
  return typeof x === "number" ? kit.full([], x, like.dtype) : x;
}

/**
 * Layer normalisation: y = (x − mean) / √(variance + eps) · weight + bias over the last dims. Ba, Kiros, Hinton (2016).
 *
 * @param input [..., ...normalizedShape]
 * @param weight, bias of shape normalizedShape; default none.
 * @param options.eps added to the variance; default 1e-5.
 * @example
 * await layerNorm(tensor([[1, 3], [10, 30]]), 2).array(); // [[-1.0000, 1.0000], [-1, 1]]
 */
export function layerNorm(
  input: Tensor,
  normalizedShape: number | readonly number[],
  weight?: Optional<Tensor>,
  bias?: Optional<Tensor>,
  options?: { readonly eps?: number },
): Tensor {
  const op = "layerNorm";
  const { eps } = withDefaults(op, options, { eps: 1e-5 });
  const x = floatingVertex(op, input);
  const shape = lastDims(op, x, normalizedShape);
  const w = optionalVertex(op, "the weight", weight, x, shape);
  const b = optionalVertex(op, "the bias", bias, x, shape);
  return resultOf(composite.layerNorm(kit, x, shape.length, w, b, eps), present(input, weight, bias));
}

/**
 * Root mean square normalisation: y = x / √(mean(x²) + eps) · weight over the last dims. Zhang and Sennrich (2019).
 *
 * @param input [..., ...normalizedShape]
 * @param weight of shape normalizedShape; default none.
 * @param options.eps added to the mean square; default the machine epsilon of the dtype, 2^−23 for float32.
 * @example
 * await rmsNorm(tensor([[3, 4]]), 2).array(); // [[0.8485, 1.1314]]
 */
export function rmsNorm(
  input: Tensor,
  normalizedShape: number | readonly number[],
  weight?: Optional<Tensor>,
  options?: { readonly eps?: number | null },
): Tensor {
  const op = "rmsNorm";
  const { eps } = withDefaults<{ eps: number | null }>(op, options, { eps: null });
  const x = floatingVertex(op, input);
  const shape = lastDims(op, x, normalizedShape);
  const w = optionalVertex(op, "the weight", weight, x, shape);
  const dims = shape.map((_, i) => x.shape.length - shape.length + i);
  const meanSquare = kit.div(kit.sum(kit.square(x), dims), sizeOf(shape));
  const inverse = kit.div(1, kit.sqrt(kit.add(meanSquare, eps ?? machineEpsilon(x))));
  const y = kit.mul(x, kit.spread(inverse, x.shape, dims));
  return resultOf(w === undefined ? y : kit.mul(y, w), present(input, weight));
}

function machineEpsilon(x: Value): number {
  return x.dtype === "float64" ? Number.EPSILON : 2 ** -23;
}

/** The normalized shape as a list, which the last dims of x must be. */
function lastDims(op: string, x: Value, normalizedShape: number | readonly number[]): readonly number[] {
  const shape = typeof normalizedShape === "number" ? [normalizedShape] : normalizedShape;
  const last = x.shape.slice(x.shape.length - shape.length);
  if (shape.length > 0 && shape.length <= x.shape.length && shape.every((n, i) => n === last[i])) return shape;
  throw new TwopassError({
    op,
    problem: "the last dims of the input must be normalizedShape",
    facts: `input ${showShape(x.shape)}, normalizedShape ${showShape(shape)}`,
    shapes: [x.shape, shape],
  });
}

/**
 * Group normalisation: y = (x − mean) / √(variance + eps) · weight + bias over groups of channels. Wu, He (2018).
 *
 * @param input [N, C, ...]
 * @param numGroups divides C.
 * @param weight, bias [C]; default none.
 * @param options.eps added to the variance; default 1e-5.
 * @example
 * await groupNorm(tensor([[1, 3, 10, 30]]), 2).array(); // [[-1.0000, 1.0000, -1, 1]]
 */
export function groupNorm(
  input: Tensor,
  numGroups: number,
  weight?: Optional<Tensor>,
  bias?: Optional<Tensor>,
  options?: { readonly eps?: number },
): Tensor {
  const op = "groupNorm";
  const { eps } = withDefaults(op, options, { eps: 1e-5 });
  const x = floatingVertex(op, input);
  const groups = checkWhole(op, "numGroups", numGroups, 1);
  const channels = x.shape[1] ?? 0;
  if (x.shape.length < 2 || channels % groups !== 0) {
    throw new TwopassError({
      op,
      problem: "the channels must be divisible by numGroups",
      facts: `input ${showShape(x.shape)}, numGroups ${groups}`,
      shapes: [x.shape],
    });
  }
  const w = optionalVertex(op, "the weight", weight, x, [channels]);
  const b = optionalVertex(op, "the bias", bias, x, [channels]);
  return resultOf(composite.groupNorm(kit, x, groups, w, b, eps), present(input, weight, bias));
}

export interface InstanceNormOptions {
  /** Running statistics [C], to learn or, without `useInputStats`, to use; default none. */
  readonly runningMean?: Optional<Tensor>;
  readonly runningVar?: Optional<Tensor>;
  /** Whether each channel of each example has its own statistics; default true. */
  readonly useInputStats?: boolean;
  /** Share of this batch in the running statistics; default 0.1. */
  readonly momentum?: number;
  /** Added to the variance; default 1e-5. */
  readonly eps?: number;
}

/**
 * Instance normalisation: y = (x − mean) / √(variance + eps) · weight + bias for each channel of each example.
 * Ulyanov, Vedaldi, Lempitsky (2016).
 *
 * @param input [N, C, ...]
 * @param weight, bias [C]; default none.
 * @example
 * await instanceNorm(tensor([[[1, 3], [10, 30]]])).array(); // [[[-1.0000, 1.0000], [-1, 1]]]
 */
export function instanceNorm(
  input: Tensor,
  weight?: Optional<Tensor>,
  bias?: Optional<Tensor>,
  given?: InstanceNormOptions,
): Tensor {
  const op = "instanceNorm";
  const options = withDefaults<Required<InstanceNormOptions>>(op, given, {
    runningMean: null,
    runningVar: null,
    useInputStats: true,
    momentum: 0.1,
    eps: 1e-5,
  });
  const { runningMean, runningVar, momentum, eps } = options;
  if (!options.useInputStats) return batchNorm(input, runningMean, runningVar, weight, bias, { eps });
  const x = floatingVertex(op, input);
  const [examples = 0, channels = 0] = x.shape;
  const count = sizeOf(x.shape.slice(2));
  if (x.shape.length < 3 || count <= 1) {
    throw new TwopassError({
      op,
      problem: "each channel of each example must have more than one value",
      facts: `input ${showShape(x.shape)}`,
      shapes: [x.shape],
    });
  }
  const w = optionalVertex(op, "the weight", weight, x, [channels]);
  const b = optionalVertex(op, "the bias", bias, x, [channels]);
  const stats = composite.moments(kit, x, composite.spatialDims(x.shape));
  withMode({ grad: false }, () => {
    const meanOf = (each: Value): Value => kit.div(kit.sum(each, [0]), examples);
    updateRunning(op, runningMean, meanOf(stats.mean), momentum);
    updateRunning(op, runningVar, kit.mul(meanOf(stats.variance), count / (count - 1)), momentum);
  });
  return resultOf(composite.normalizeInstances(kit, x, stats, w, b, eps), present(input, weight, bias));
}

/**
 * Vectors scaled to length 1: y = x / max(‖x‖ₚ, eps) along a dim.
 *
 * @param dim default 1.
 * @param options.p the norm; default 2.
 * @param options.eps smallest divisor; default 1e-12.
 * @example
 * await normalize(tensor([[3, 4]])).array(); // [[0.6000, 0.8000]]
 */
export function normalize(input: Tensor, dim = 1, options?: { readonly p?: number; readonly eps?: number }): Tensor {
  const { p, eps } = withDefaults("normalize", options, { p: 2, eps: 1e-12 });
  const x = floatingVertex("normalize", input);
  const along = normalizeDims("normalize", dim, x.shape.length);
  const length = kit.spread(kit.maximum(norm(kit, x, p, along), eps), x.shape, along);
  return resultOf(kit.div(x, length), [input]);
}
