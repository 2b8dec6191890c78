/** Pooling as functions. Floor: nn. */
import { TwopassError, showShape } from "../../base/errors.ts";
import type { Value } from "../../ir/value.ts";
import {
  type Divisor,
  type Windows,
  adaptiveAvgPool,
  avgPool,
  maxPool,
  windowCount,
} from "../../ops/composite/pooling.ts";
import { kit } from "../../ops/kit.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { floatingVertex, perDim, resultOf, vertexOf, withDefaults } from "./common.ts";
import { type PerDim, batched, unbatched } from "./convolution.ts";

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

/** One extent for all spatial dims, or one for each; null keeps that of the input. */
export type OutputSize = number | readonly (number | null)[];

function adaptiveExtents(op: string, x: Value, n: number, outputSize: OutputSize): readonly number[] {
  const spatial = x.shape.slice(2);
  const given =
    typeof outputSize === "number" ? outputSize : outputSize.map((size, i) => size ?? (spatial[i] as number));
  const extents = perDim(op, "outputSize", given, n, [], 1);
  if (!spatial.includes(0)) return extents;
  throw new TwopassError({
    op,
    problem: "the input has no elements",
    facts: `shape ${showShape(x.shape)}`,
    shapes: [x.shape],
  });
}

function adaptiveAverage(op: string, n: number, input: Tensor, outputSize: OutputSize): Tensor {
  const x = floatingVertex(op, input);
  const xBatched = batched(op, x, n);
  const extents = adaptiveExtents(op, xBatched, n, outputSize);
  return resultOf(unbatched(adaptiveAvgPool(kit, xBatched, extents), x), [input]);
}

/** The mean of `outputSize` windows: the i-th covers ⌊i · L / n⌋ to ⌈(i + 1) · L / n⌉. Input [N, C, L] or [C, L]. */
export function adaptiveAvgPool1d(input: Tensor, outputSize: OutputSize): Tensor {
  return adaptiveAverage("adaptiveAvgPool1d", 1, input, outputSize);
}

/**
 * The mean of `outputSize` windows in both dims, by the formula of `adaptiveAvgPool1d`.
 *
 * @param input [N, C, H, W], or [C, H, W]
 * @example
 * adaptiveAvgPool2d(zeros(2, 8, 7, 5), 1).shape; // [2, 8, 1, 1]
 */
export function adaptiveAvgPool2d(input: Tensor, outputSize: OutputSize): Tensor {
  return adaptiveAverage("adaptiveAvgPool2d", 2, input, outputSize);
}

/** The mean of `outputSize` windows of a volume [N, C, D, H, W] or [C, D, H, W]. */
export function adaptiveAvgPool3d(input: Tensor, outputSize: OutputSize): Tensor {
  return adaptiveAverage("adaptiveAvgPool3d", 3, input, outputSize);
}
