/** Pooling over windows of a fixed size as functions; adaptive-pooling.ts has those of a fixed number. Floor: nn. */
import { TwopassError, describe, showShape } from "../../base/errors.ts";
import { sameShape, sizeOf } from "../../base/shape.ts";
import type { Value } from "../../ir/value.ts";
import {
  type Divisor,
  type Windows,
  avgPool,
  lpPool,
  maxPool,
  maxUnpool,
  windowCount,
} from "../../ops/composite/pooling.ts";
import { kit } from "../../ops/kit.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { floatingVertex, perDim, resultOf, vertexOf, withDefaults } from "./common.ts";
import { type PerDim, batched, unbatched } from "./convolution.ts";
import { checkRange, readLabels } from "./labels.ts";

export interface MaxPoolOptions<Indices extends boolean = boolean> {
  /** Step from window to window; default: the kernel size, so that windows lie side by side. */
  readonly stride?: PerDim | null;
  /** Places around the input that never win; at most half the kernel; default 0. */
  readonly padding?: PerDim;
  /** Step from element to element within a window; default 1. */
  readonly dilation?: PerDim;
  /** Whether a last window that sticks out counts; default false. */
  readonly ceilMode?: boolean;
  /** Whether to give the places as well; default false. */
  readonly returnIndices?: Indices;
}

export interface AvgPoolOptions {
  /** Step from window to window; default: the kernel size. */
  readonly stride?: PerDim | null;
  /** Zeros around the input; at most half the kernel; default 0. */
  readonly padding?: PerDim;
  /** Whether a last window that sticks out counts; default false. */
  readonly ceilMode?: boolean;
  /** Whether padding counts as elements; default true. */
  readonly countIncludePad?: boolean;
  /** Divides by this number instead of the size of the window. */
  readonly divisorOverride?: number | null;
}

interface WindowOptions {
  readonly stride: PerDim | null;
  readonly padding: PerDim;
  readonly dilation: PerDim;
  readonly ceilMode: boolean;
}

/** Checks sizes and gives the windows over x [N, C, ...]. */
function windowsOf(op: string, x: Value, n: number, kernelSize: PerDim, options: WindowOptions): Windows {
  const kernel = perDim(op, "kernelSize", kernelSize, n, [], 1);
  const stride = options.stride === null ? kernel : perDim(op, "stride", options.stride, n, [], 1);
  const padding = perDim(op, "padding", options.padding, n, [], 0);
  const dilation = perDim(op, "dilation", options.dilation, n, [], 1);
  kernel.forEach((size, i) => {
    if ((padding[i] as number) <= size / 2) return;
    throw new TwopassError({
      op,
      problem: "padding may be at most half the kernel",
      facts: `padding ${showShape(padding)}, kernelSize ${showShape(kernel)}`,
    });
  });
  const spatial = x.shape.slice(2);
  const extents = spatial.map((size, i) =>
    windowCount(
      size,
      kernel[i] as number,
      stride[i] as number,
      padding[i] as number,
      dilation[i] as number,
      options.ceilMode,
    ),
  );
  if (extents.some((size) => size < 1) || x.shape.slice(1).includes(0)) {
    throw new TwopassError({
      op,
      problem: "the window does not fit into the padded input",
      facts: `input ${showShape(x.shape)}, kernelSize ${showShape(kernel)}, the result would have ${showShape(extents)}`,
      shapes: [x.shape],
    });
  }
  return { kernel, stride, padding, dilation, extents };
}

function maxPooling(
  op: string,
  n: number,
  input: Tensor,
  kernelSize: PerDim,
  given?: MaxPoolOptions,
): Tensor | [Tensor, Tensor] {
  const options = withDefaults<Required<MaxPoolOptions>>(op, given, {
    stride: null,
    padding: 0,
    dilation: 1,
    ceilMode: false,
    returnIndices: false,
  });
  const x = vertexOf(op, "the input", input);
  const xBatched = batched(op, x, n);
  const pooled = maxPool(kit, xBatched, windowsOf(op, xBatched, n, kernelSize, options));
  const values = resultOf(unbatched(pooled.values, x), [input]);
  return options.returnIndices ? [values, resultOf(unbatched(pooled.indices, x), [input])] : values;
}

/**
 * The largest of each window: y[n, c, i] = max over j of x[n, c, i · stride + j · dilation − padding]. NaN counts as the
 * largest; the gradient goes to the first of equal ones.
 *
 * @param input [N, C, L], or [C, L]
 * @param options.returnIndices gives [values, indices], indices int32 being places in L.
 * @returns [N, C, L'] with L' as of `conv1d`
 * @example
 * await maxPool1d(tensor([[1, 3, 2, 5]]), 2).array(); // [[3, 5]]
 */
export function maxPool1d(
  input: Tensor,
  kernelSize: PerDim,
  options: MaxPoolOptions & { returnIndices: true },
): [Tensor, Tensor];
export function maxPool1d(input: Tensor, kernelSize: PerDim, options?: MaxPoolOptions<false>): Tensor;
export function maxPool1d(input: Tensor, kernelSize: PerDim, options?: MaxPoolOptions): Tensor | [Tensor, Tensor];
export function maxPool1d(input: Tensor, kernelSize: PerDim, options?: MaxPoolOptions): Tensor | [Tensor, Tensor] {
  return maxPooling("maxPool1d", 1, input, kernelSize, options);
}

/**
 * The largest of each window of an image, by the formula of `maxPool1d` in both dims.
 *
 * @param input [N, C, H, W], or [C, H, W]
 * @param options.returnIndices gives [values, indices], indices int32 being places in the flattened H · W.
 * @example
 * maxPool2d(zeros(1, 3, 28, 28), 2).shape; // [1, 3, 14, 14]
 */
export function maxPool2d(
  input: Tensor,
  kernelSize: PerDim,
  options: MaxPoolOptions & { returnIndices: true },
): [Tensor, Tensor];
export function maxPool2d(input: Tensor, kernelSize: PerDim, options?: MaxPoolOptions<false>): Tensor;
export function maxPool2d(input: Tensor, kernelSize: PerDim, options?: MaxPoolOptions): Tensor | [Tensor, Tensor];
export function maxPool2d(input: Tensor, kernelSize: PerDim, options?: MaxPoolOptions): Tensor | [Tensor, Tensor] {
  return maxPooling("maxPool2d", 2, input, kernelSize, options);
}

/** The largest of each window of a volume [N, C, D, H, W] or [C, D, H, W]. */
export function maxPool3d(
  input: Tensor,
  kernelSize: PerDim,
  options: MaxPoolOptions & { returnIndices: true },
): [Tensor, Tensor];
export function maxPool3d(input: Tensor, kernelSize: PerDim, options?: MaxPoolOptions<false>): Tensor;
export function maxPool3d(input: Tensor, kernelSize: PerDim, options?: MaxPoolOptions): Tensor | [Tensor, Tensor];
export function maxPool3d(input: Tensor, kernelSize: PerDim, options?: MaxPoolOptions): Tensor | [Tensor, Tensor] {
  return maxPooling("maxPool3d", 3, input, kernelSize, options);
}

function avgPooling(op: string, n: number, input: Tensor, kernelSize: PerDim, given?: AvgPoolOptions): Tensor {
  const options = withDefaults<Required<AvgPoolOptions>>(op, given, {
    stride: null,
    padding: 0,
    ceilMode: false,
    countIncludePad: true,
    divisorOverride: null,
  });
  if (options.divisorOverride === 0) throw new TwopassError({ op, problem: "divisorOverride must not be 0" });
  const x = floatingVertex(op, input);
  const xBatched = batched(op, x, n);
  const windows = windowsOf(op, xBatched, n, kernelSize, { ...options, dilation: 1 });
  const divisor: Divisor = options.divisorOverride ?? (options.countIncludePad ? "withPadding" : "withoutPadding");
  return resultOf(unbatched(avgPool(kit, xBatched, windows, divisor), x), [input]);
}

/** The mean of each window: input [N, C, L] or [C, L]; extents as of `maxPool1d`. */
export function avgPool1d(input: Tensor, kernelSize: PerDim, options?: AvgPoolOptions): Tensor {
  return avgPooling("avgPool1d", 1, input, kernelSize, options);
}

/** The mean of each window of an image: input [N, C, H, W] or [C, H, W]; extents as of `maxPool2d`. */
export function avgPool2d(input: Tensor, kernelSize: PerDim, options?: AvgPoolOptions): Tensor {
  return avgPooling("avgPool2d", 2, input, kernelSize, options);
}

/** The mean of each window of a volume: input [N, C, D, H, W] or [C, D, H, W]; extents as of `maxPool3d`. */
export function avgPool3d(input: Tensor, kernelSize: PerDim, options?: AvgPoolOptions): Tensor {
  return avgPooling("avgPool3d", 3, input, kernelSize, options);
}

export interface LPPoolOptions {
  /** Step from window to window; default: the kernel size. */
  readonly stride?: PerDim | null;
  /** Whether a last window that sticks out counts; default false. */
  readonly ceilMode?: boolean;
}

function lpPooling(op: string, n: number, input: Tensor, p: number, kernelSize: PerDim, given?: LPPoolOptions): Tensor {
  const options = withDefaults<Required<LPPoolOptions>>(op, given, { stride: null, ceilMode: false });
  if (!Number.isFinite(p) || p === 0) {
    throw new TwopassError({ op, problem: "normType must be a number but 0", facts: `got ${describe(p)}` });
  }
  const x = floatingVertex(op, input);
  const xBatched = batched(op, x, n);
  const windows = windowsOf(op, xBatched, n, kernelSize, { ...options, padding: 0, dilation: 1 });
  return resultOf(unbatched(lpPool(kit, xBatched, windows, p), x), [input]);
}

/** (Σ xᵖ)^(1/p) of each window: input [N, C, L] or [C, L]; p = 1 is a sum, p = 2 the Euclidean norm. Gradient 0 at 0. */
export function lpPool1d(input: Tensor, normType: number, kernelSize: PerDim, options?: LPPoolOptions): Tensor {
  return lpPooling("lpPool1d", 1, input, normType, kernelSize, options);
}

/** (Σ xᵖ)^(1/p) of each window of an image: input [N, C, H, W] or [C, H, W]. */
export function lpPool2d(input: Tensor, normType: number, kernelSize: PerDim, options?: LPPoolOptions): Tensor {
  return lpPooling("lpPool2d", 2, input, normType, kernelSize, options);
}

/** (Σ xᵖ)^(1/p) of each window of a volume: input [N, C, D, H, W] or [C, D, H, W]. */
export function lpPool3d(input: Tensor, normType: number, kernelSize: PerDim, options?: LPPoolOptions): Tensor {
  return lpPooling("lpPool3d", 3, input, normType, kernelSize, options);
}

export interface MaxUnpoolOptions {
  /** As of the pooling; default the kernel size. */
  readonly stride?: PerDim | null;
  /** As of the pooling; default 0. */
  readonly padding?: PerDim;
  /** Spatial extents of the result, or its whole shape; default (n − 1) · stride − 2 · padding + kernelSize. */
  readonly outputSize?: readonly number[] | null;
}

function maxUnpooling(
  op: string,
  n: number,
  input: Tensor,
  indices: Tensor,
  kernelSize: PerDim,
  given?: MaxUnpoolOptions,
): Tensor {
  const options = withDefaults<Required<MaxUnpoolOptions>>(op, given, { stride: null, padding: 0, outputSize: null });
  const x = vertexOf(op, "the input", input);
  const places = readLabels(op, "the indices", indices);
  if (!sameShape(x.shape, places.value.shape)) {
    throw new TwopassError({
      op,
      problem: "input and indices must have the same shape",
      facts: `input ${showShape(x.shape)}, indices ${showShape(places.value.shape)}`,
      shapes: [x.shape, places.value.shape],
    });
  }
  const xBatched = batched(op, x, n);
  const kernel = perDim(op, "kernelSize", kernelSize, n, [], 1);
  const stride = options.stride === null ? kernel : perDim(op, "stride", options.stride, n, [], 1);
  const padding = perDim(op, "padding", options.padding, n, [], 0);
  const usual = xBatched.shape
    .slice(2)
    .map((size, i) => (size - 1) * (stride[i] as number) - 2 * (padding[i] as number) + (kernel[i] as number));
  const extents = options.outputSize === null ? usual : options.outputSize.slice(-n);
  const fits =
    extents.length === n && extents.every((size, i) => Math.abs(size - (usual[i] as number)) < (stride[i] as number));
  if (!fits || extents.some((size) => !Number.isInteger(size) || size < 1)) {
    throw new TwopassError({
      op,
      problem: "outputSize must be less than a stride from (n - 1) · stride - 2 · padding + kernelSize",
      facts: `got ${showShape(extents)}, that is ${showShape(usual)} with stride ${showShape(stride)}`,
    });
  }
  checkRange(op, "index", places, sizeOf(extents));
  const indexBatched = batched(op, places.value, n);
  const y = maxUnpool(kit, xBatched, indexBatched, extents);
  return resultOf(unbatched(y, x), [input, places.tensor]);
}

/**
 * The opposite of `maxPool1d`: values put back to where they were, zeros elsewhere. Where windows overlapped and a place
 * comes twice, the last one wins.
 *
 * @param input [N, C, L], or [C, L]
 * @param indices as `maxPool1d` gives them with `returnIndices`, of the input's shape.
 * @param options.outputSize where the pooled extent was no multiple of the stride.
 * @example
 * const [values, indices] = maxPool1d(tensor([[1, 3, 2, 5]]), 2, { returnIndices: true });
 * await maxUnpool1d(values, indices, 2).array(); // [[0, 3, 0, 5]]
 */
export function maxUnpool1d(input: Tensor, indices: Tensor, kernelSize: PerDim, options?: MaxUnpoolOptions): Tensor {
  return maxUnpooling("maxUnpool1d", 1, input, indices, kernelSize, options);
}

/** The opposite of `maxPool2d`: input and indices [N, C, H, W] or [C, H, W], as `maxUnpool1d`. */
export function maxUnpool2d(input: Tensor, indices: Tensor, kernelSize: PerDim, options?: MaxUnpoolOptions): Tensor {
  return maxUnpooling("maxUnpool2d", 2, input, indices, kernelSize, options);
}

/** The opposite of `maxPool3d`: input and indices [N, C, D, H, W] or [C, D, H, W], as `maxUnpool1d`. */
export function maxUnpool3d(input: Tensor, indices: Tensor, kernelSize: PerDim, options?: MaxUnpoolOptions): Tensor {
  return maxUnpooling("maxUnpool3d", 3, input, indices, kernelSize, options);
}
