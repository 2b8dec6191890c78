/** Pooling over a fixed number of windows as functions. Floor: nn. */
import { TwopassError, describe, showShape } from "../../base/errors.ts";
import type { Value } from "../../ir/value.ts";
import { adaptiveAvgPool, adaptiveMaxPool } from "../../ops/composite/pooling.ts";
import { kit } from "../../ops/kit.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { floatingVertex, perDim, resultOf, vertexOf, withDefaults } from "./common.ts";
import { batched, unbatched } from "./convolution.ts";

/** One extent for all spatial dims, or one for each; null keeps that of the input. */
export type OutputSize = number | readonly (number | null)[];

function adaptiveExtents(op: string, x: Value, n: number, outputSize: OutputSize): readonly number[] {
  const spatial = x.shape.slice(2);
  if (typeof outputSize !== "number" && !Array.isArray(outputSize)) {
    throw new TwopassError({
      op,
      problem: "outputSize must be a whole number, or a list of them",
      facts: `got ${describe(outputSize)}`,
    });
  }
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

export interface AdaptiveMaxPoolOptions<Indices extends boolean = boolean> {
  /** Whether to give the places as well, int32 in the flattened spatial dims; default false. */
  readonly returnIndices?: Indices;
}

function adaptiveLargest(
  op: string,
  n: number,
  input: Tensor,
  outputSize: OutputSize,
  given?: AdaptiveMaxPoolOptions,
): Tensor | [Tensor, Tensor] {
  const { returnIndices } = withDefaults<Required<AdaptiveMaxPoolOptions>>(op, given, { returnIndices: false });
  const x = vertexOf(op, "the input", input);
  const xBatched = batched(op, x, n);
  const pooled = adaptiveMaxPool(kit, xBatched, adaptiveExtents(op, xBatched, n, outputSize));
  const values = resultOf(unbatched(pooled.values, x), [input]);
  return returnIndices ? [values, resultOf(unbatched(pooled.indices, x), [input])] : values;
}

/** The largest of `outputSize` windows, those of `adaptiveAvgPool1d`; the gradient goes to the first of equal ones. */
export function adaptiveMaxPool1d(
  input: Tensor,
  outputSize: OutputSize,
  options: AdaptiveMaxPoolOptions & { returnIndices: true },
): [Tensor, Tensor];
export function adaptiveMaxPool1d(
  input: Tensor,
  outputSize: OutputSize,
  options?: AdaptiveMaxPoolOptions<false>,
): Tensor;
export function adaptiveMaxPool1d(
  input: Tensor,
  outputSize: OutputSize,
  options?: AdaptiveMaxPoolOptions,
): Tensor | [Tensor, Tensor];
export function adaptiveMaxPool1d(
  input: Tensor,
  outputSize: OutputSize,
  options?: AdaptiveMaxPoolOptions,
): Tensor | [Tensor, Tensor] {
  return adaptiveLargest("adaptiveMaxPool1d", 1, input, outputSize, options);
}

/** The largest of `outputSize` windows of an image [N, C, H, W] or [C, H, W]. */
export function adaptiveMaxPool2d(
  input: Tensor,
  outputSize: OutputSize,
  options: AdaptiveMaxPoolOptions & { returnIndices: true },
): [Tensor, Tensor];
export function adaptiveMaxPool2d(
  input: Tensor,
  outputSize: OutputSize,
  options?: AdaptiveMaxPoolOptions<false>,
): Tensor;
export function adaptiveMaxPool2d(
  input: Tensor,
  outputSize: OutputSize,
  options?: AdaptiveMaxPoolOptions,
): Tensor | [Tensor, Tensor];
export function adaptiveMaxPool2d(
  input: Tensor,
  outputSize: OutputSize,
  options?: AdaptiveMaxPoolOptions,
): Tensor | [Tensor, Tensor] {
  return adaptiveLargest("adaptiveMaxPool2d", 2, input, outputSize, options);
}

/** The largest of `outputSize` windows of a volume [N, C, D, H, W] or [C, D, H, W]. */
export function adaptiveMaxPool3d(
  input: Tensor,
  outputSize: OutputSize,
  options: AdaptiveMaxPoolOptions & { returnIndices: true },
): [Tensor, Tensor];
export function adaptiveMaxPool3d(
  input: Tensor,
  outputSize: OutputSize,
  options?: AdaptiveMaxPoolOptions<false>,
): Tensor;
export function adaptiveMaxPool3d(
  input: Tensor,
  outputSize: OutputSize,
  options?: AdaptiveMaxPoolOptions,
): Tensor | [Tensor, Tensor];
export function adaptiveMaxPool3d(
  input: Tensor,
  outputSize: OutputSize,
  options?: AdaptiveMaxPoolOptions,
): Tensor | [Tensor, Tensor] {
  return adaptiveLargest("adaptiveMaxPool3d", 3, input, outputSize, options);
}
