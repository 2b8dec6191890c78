/** Normalisation: subtract a mean, divide by a deviation, then scale and shift. Floor: ops. */
import { type Shape, sizeOf } from "../../base/shape.ts";
import type { Value } from "../../ir/value.ts";
import { derivative } from "../derived.ts";
import type { Kit } from "../kit.ts";
import { listOf } from "../record.ts";

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

/** y = (x − mean) / √(variance + eps) · weight + bias for each channel of x [N, C, ...]; mean, variance, weight, bias [C]. */
export function normalizeChannels(
  k: Kit,
  x: Value,
  { mean, variance }: { readonly mean: Value; readonly variance: Value },
  weight: Value | undefined,
  bias: Value | undefined,
  eps: number,
): Value {
  return scaleChannels(k, x, mean, inverseDeviation(k, variance, eps), weight, bias);
}

function scaleChannels(
  k: Kit,
  x: Value,
  mean: Value,
  inverse: Value,
  weight: Value | undefined,
  bias: Value | undefined,
): Value {
  const place = alongChannels(k, x.shape);
  const scale = weight === undefined ? inverse : k.mul(inverse, weight);
  const scaled = k.mul(k.sub(x, place(mean)), place(scale));
  return bias === undefined ? scaled : k.add(scaled, place(bias));
}

/**
 * The same with mean and variance of x itself. With x̂ = (x − mean) / √(variance + eps) and n elements in a channel:
 * d weight = Σ dy x̂, d bias = Σ dy, dx = weight / √(variance + eps) · (dy − Σ dy / n − x̂ Σ dy x̂ / n)
 * (Ioffe and Szegedy, Batch Normalization, 2015, section 3): two sums, where the primitives' rules would take four.
 */
export function normalizeBatch(
  k: Kit,
  x: Value,
  { mean, variance }: Moments,
  weight: Value | undefined,
  bias: Value | undefined,
  eps: number,
): Value {
  const inverse = inverseDeviation(k, variance, eps);
  const y = scaleChannels(k, x, mean, inverse, weight, bias);
  const parameters = [weight, bias].filter((v) => v !== undefined);
  const attrs = { isScaled: weight !== undefined, isShifted: bias !== undefined };
  return k.derived(y, [x, mean, inverse, ...parameters], channelRule, attrs);
}

const channelRule = derivative("normalizeBatch", (k, g, inputs, _, { isScaled, isShifted }) => {
  const [, x, mean, inverse] = inputs as [Value, Value, Value, Value];
  const weight = isScaled === true ? inputs[4] : undefined;
  const place = alongChannels(k, x.shape);
  const dims = allButChannels(x.shape);
  const count = sizeOf(dims.map((d) => x.shape[d] as number));
  const normal = k.mul(k.sub(x, place(mean)), place(inverse));
  const dBias = k.sum(g, dims);
  const dWeight = k.sum(k.mul(g, normal), dims);
  const scale = weight === undefined ? inverse : k.mul(inverse, weight);
  const rest = k.sub(k.sub(g, place(k.div(dBias, count))), k.mul(normal, place(k.div(dWeight, count))));
  const parameters = [...(isScaled === true ? [dWeight] : []), ...(isShifted === true ? [dBias] : [])];
  return [undefined, k.mul(place(scale), rest), undefined, undefined, ...parameters];
});

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
  known: Moments,
  weight: Value | undefined,
  bias: Value | undefined,
  eps: number,
): Value {
  const y = standardize(k, x, spatialDims(x.shape), eps, known);
  return affine(k, y, weight, bias, alongChannels(k, x.shape));
}

/** All dims of [N, C, ...] but the first two. */
export function spatialDims(shape: Shape): number[] {
  return shape.map((_, i) => i).slice(2);
}

/**
 * x̂ = (x − mean) / √(variance + eps) along `dims`, of which there are n elements.
 * dx = (dy − Σ dy / n − x̂ Σ dy x̂ / n) / √(variance + eps).
 */
function standardize(k: Kit, x: Value, dims: readonly number[], eps: number, known = moments(k, x, dims)): Value {
  const inverse = inverseDeviation(k, known.variance, eps);
  const y = k.mul(known.centered, k.spread(inverse, x.shape, dims));
  return k.derived(y, [x, known.mean, inverse], standardRule, { dims });
}

const standardRule = derivative("standardize", (k, g, inputs, _, attrs) => {
  const [, x, mean, inverse] = inputs as [Value, Value, Value, Value];
  const dims = listOf(attrs, "dims");
  const spread = (v: Value): Value => k.spread(v, x.shape, dims);
  const count = sizeOf(dims.map((d) => x.shape[d] as number));
  const normal = k.mul(k.sub(x, spread(mean)), spread(inverse));
  const average = (v: Value): Value => spread(k.div(k.sum(v, dims), count));
  const rest = k.sub(k.sub(g, average(g)), k.mul(normal, average(k.mul(g, normal))));
  return [undefined, k.mul(spread(inverse), rest), undefined, undefined];
});
