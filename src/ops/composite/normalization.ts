/** Normalisation: subtract a mean, divide by a deviation, then scale and shift. Floor: ops. */
import { type Shape, sizeOf } from "../../base/shape.ts";
import type { Value } from "../../ir/value.ts";
import type { Kit } from "../kit.ts";

export interface Moments {
  readonly mean: Value;
  /** x − mean, of x's shape. */
  readonly centered: Value;
  /** Σ (x − mean)² / n, without correction. */
  readonly variance: Value;
  /** Elements in each mean. */
  readonly count: number;
}

/** Mean and variance along `dims`, in two passes: the second one sees the centered values. */
export function moments(k: Kit, x: Value, dims: readonly number[]): Moments {
  const count = sizeOf(dims.map((d) => x.shape[d] as number));
  const mean = k.div(k.sum(x, dims), count);
  const centered = k.sub(x, k.spread(mean, x.shape, dims));
  return { mean, centered, variance: k.div(k.sum(k.square(centered), dims), count), count };
}

/** 1 / √(v + eps). */
function inverseDeviation(k: Kit, variance: Value, eps: number): Value {
  return k.div(1, k.sqrt(k.add(variance, eps)));
}

/** A tensor of the shape [C] or of the last dims, laid along x for broadcasting. */
type Place = (v: Value) => Value;

function affine(k: Kit, x: Value, weight: Value | undefined, bias: Value | undefined, place: Place): Value {
  const scaled = weight === undefined ? x : k.mul(x, place(weight));
  return bias === undefined ? scaled : k.add(scaled, place(bias));
}

/** Lays [C] along dim 1 of `shape`. */
function alongChannels(k: Kit, shape: Shape): Place {
  return (v) =>
    k.reshape(
      v,
      shape.map((n, i) => (i === 1 ? n : 1)),
    );
}

/**
 * y = (x − mean) / √(variance + eps) · weight + bias for each channel of x [N, C, ...]; mean, variance, weight, bias [C].
 * `centered`, where it is known, is x − mean.
 */
export function normalizeChannels(
  k: Kit,
  x: Value,
  stats: { readonly mean: Value; readonly variance: Value; readonly centered?: Value },
  weight: Value | undefined,
  bias: Value | undefined,
  eps: number,
): Value {
  const place = alongChannels(k, x.shape);
  const centered = stats.centered ?? k.sub(x, place(stats.mean));
  const inverse = inverseDeviation(k, stats.variance, eps);
  const scale = weight === undefined ? inverse : k.mul(inverse, weight);
  const scaled = k.mul(centered, place(scale));
  return bias === undefined ? scaled : k.add(scaled, place(bias));
}

/** All dims of [N, C, ...] but the channels. */
export function allButChannels(shape: Shape): number[] {
  return shape.map((_, i) => i).filter((i) => i !== 1);
}

/** y = (x − mean) / √(variance + eps) · weight + bias over the last dims, which weight and bias have. */
export function layerNorm(
  k: Kit,
  x: Value,
  rank: number,
  weight: Value | undefined,
  bias: Value | undefined,
  eps: number,
): Value {
  const dims = Array.from({ length: rank }, (_, i) => x.shape.length - rank + i);
  return affine(k, standardize(k, x, dims, eps), weight, bias, (v) => v);
}

/** y = (x − mean) / √(variance + eps) over each of `groups` groups of channels of x [N, C, ...]; weight, bias [C]. */
export function groupNorm(
  k: Kit,
  x: Value,
  groups: number,
  weight: Value | undefined,
  bias: Value | undefined,
  eps: number,
): Value {
  const [n] = x.shape as [number];
  const rows = k.reshape(x, [n, groups, sizeOf(x.shape) / Math.max(n * groups, 1)]);
  return affine(k, k.reshape(standardize(k, rows, [2], eps), x.shape), weight, bias, alongChannels(k, x.shape));
}

/**
 * y = (x − mean) / √(variance + eps) · weight + bias for each channel of each example of x [N, C, ...], with the moments
 * along the spatial dims.
 */
export function normalizeInstances(
  k: Kit,
  x: Value,
  { centered, variance }: Moments,
  weight: Value | undefined,
  bias: Value | undefined,
  eps: number,
): Value {
  const inverse = k.spread(inverseDeviation(k, variance, eps), x.shape, spatialDims(x.shape));
  return affine(k, k.mul(centered, inverse), weight, bias, alongChannels(k, x.shape));
}

/** All dims of [N, C, ...] but the first two. */
export function spatialDims(shape: Shape): number[] {
  return shape.map((_, i) => i).slice(2);
}

function standardize(k: Kit, x: Value, dims: readonly number[], eps: number): Value {
  const { centered, variance } = moments(k, x, dims);
  return k.mul(centered, k.spread(inverseDeviation(k, variance, eps), x.shape, dims));
}
