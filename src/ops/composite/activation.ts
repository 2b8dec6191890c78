/**
 * Activation functions over the kit. Inputs are floating but for relu; numbers are part of the structure. Values are
 * stable at both ends, gradients are PyTorch's, also at the kinks. Floor: ops.
 */
import { withMode } from "../../ir/mode.ts";
import type { Value } from "../../ir/value.ts";
import type { Kit } from "../kit.ts";

/** x − max x along `dim`. The shift drops out of both softmaxes, so the maximum needs no gradient. */
function belowPeak(k: Kit, x: Value, dim: number): Value {
  const peak = withMode({ grad: false }, () => k.spread(k.max(x, [dim]), x.shape, [dim]));
  return k.sub(x, peak);
}

/** y = eˣ / Σ eˣ along `dim`. */
export function softmax(k: Kit, x: Value, dim: number): Value {
  const e = k.exp(belowPeak(k, x, dim));
  return k.mul(e, k.spread(k.div(1, k.sum(e, [dim])), x.shape, [dim]));
}

/** y = x − log Σ eˣ along `dim`. */
export function logSoftmax(k: Kit, x: Value, dim: number): Value {
  const z = belowPeak(k, x, dim);
  return k.sub(z, k.spread(k.log(k.sum(k.exp(z), [dim])), x.shape, [dim]));
}

/** y = x / (1 + e⁻ˣ). */
export function silu(k: Kit, x: Value): Value {
  return k.mul(x, k.sigmoid(x));
}

/** y = x Φ(x) = x (1 + erf(x / √2)) / 2. */
export function gelu(k: Kit, x: Value): Value {
  return k.mul(k.mul(x, 0.5), k.add(k.erf(k.mul(x, Math.SQRT1_2)), 1));
}

/**
 * y = x (1 + tanh u) / 2 with u = √(2/π) (x + 0.044715 x³), which is x / (1 + e⁻²ᵘ): nothing cancels where x < 0.
 * Hendrycks and Gimpel, "Gaussian Error Linear Units" (2016).
 */
export function geluTanh(k: Kit, x: Value): Value {
  const slope = 2 * Math.sqrt(2 / Math.PI);
  return k.mul(x, k.sigmoid(k.mul(x, k.add(k.mul(k.square(x), slope * 0.044715), slope))));
}

/** y = x above 0, else scale · (e^(x / width) − 1); the exponential never sees an x above 0. */
function exponentialBelow(k: Kit, x: Value, scale: number, width: number): Value {
  const positive = k.gt(x, 0);
  const negative = k.where(positive, 0, x);
  return k.where(positive, x, k.mul(k.expm1(width === 1 ? negative : k.div(negative, width)), scale));
}

/** y = x above 0, else α (eˣ − 1). */
export function elu(k: Kit, x: Value, alpha: number): Value {
  return exponentialBelow(k, x, alpha, 1);
}

/** y = x above 0, else α (e^(x/α) − 1). */
export function celu(k: Kit, x: Value, alpha: number): Value {
  return exponentialBelow(k, x, alpha, alpha);
}

/** y = 1.0507 · elu(x, 1.6733). Klambauer et al., "Self-Normalizing Neural Networks" (2017). */
export function selu(k: Kit, x: Value): Value {
  return k.mul(exponentialBelow(k, x, 1.6732632423543772, 1), 1.0507009873554805);
}

/** y = x above 0, else slope · x. */
export function leakyRelu(k: Kit, x: Value, slope: number): Value {
  return k.where(k.gt(x, 0), x, k.mul(x, slope));
}

/** y = x above 0, else w · x, with w broadcast to x. */
export function prelu(k: Kit, x: Value, w: Value): Value {
  return k.where(k.gt(x, 0), x, k.mul(x, w));
}

/** y = log(1 + e^(βx)) / β; x itself where βx > threshold. */
export function softplus(k: Kit, x: Value, beta: number, threshold: number): Value {
  const scaled = beta === 1 ? x : k.mul(x, beta);
  const linear = k.gt(scaled, threshold);
  const curve = k.log1p(k.exp(k.where(linear, 0, scaled)));
  return k.where(linear, x, beta === 1 ? curve : k.div(curve, beta));
}

/** y = log(1 / (1 + e⁻ˣ)) = min(x, 0) − log(1 + e^(−|x|)). */
export function logsigmoid(k: Kit, x: Value): Value {
  return k.sub(k.minimum(x, 0), k.log1p(k.exp(k.neg(k.abs(x)))));
}

/** y = x within (low, high), else the bound; no gradient on the bounds. */
export function hardtanh(k: Kit, x: Value, low: number, high: number): Value {
  const above = k.where(k.le(x, low), low, x);
  return k.where(k.ge(x, high), high, above);
}

/** y = x / 6 + ½ within (−3, 3), 0 below and 1 above. */
export function hardsigmoid(k: Kit, x: Value): Value {
  const slope = k.add(k.div(x, 6), 0.5);
  return k.where(k.le(x, -3), 0, k.where(k.ge(x, 3), 1, slope));
}

/** y = x (x + 3) / 6 within [−3, 3], 0 below and x above. */
export function hardswish(k: Kit, x: Value): Value {
  const curve = k.div(k.mul(x, k.add(x, 3)), 6);
  return k.where(k.lt(x, -3), 0, k.where(k.le(x, 3), curve, x));
}

/**
 * y = x tanh(log(1 + eˣ)) = x n / (n + 2) with n = eˣ (eˣ + 2); the quotient is 1 in float64 from 20 on.
 * Misra, "Mish: A Self Regularized Non-Monotonic Activation Function" (2019).
 */
export function mish(k: Kit, x: Value): Value {
  const e = k.exp(k.minimum(x, 20));
  const n = k.mul(e, k.add(e, 2));
  return k.mul(x, k.div(n, k.add(n, 2)));
}

/** y = x / (1 + |x|). */
export function softsign(k: Kit, x: Value): Value {
  return k.div(x, k.add(k.abs(x), 1));
}

/** y = x − tanh x. */
export function tanhshrink(k: Kit, x: Value): Value {
  return k.sub(x, k.tanh(x));
}

/** y = x where |x| > λ, else 0. */
export function hardshrink(k: Kit, x: Value, lambda: number): Value {
  return k.where(k.le(k.abs(x), lambda), 0, x);
}

/** y = x moved toward 0 by λ, 0 where |x| ≤ λ. */
export function softshrink(k: Kit, x: Value, lambda: number): Value {
  const moved = k.where(k.gt(x, 0), k.sub(x, lambda), k.add(x, lambda));
  return k.where(k.le(k.abs(x), lambda), 0, moved);
}

/** y = x above t, else the value. */
export function threshold(k: Kit, x: Value, t: number, value: number): Value {
  return k.where(k.le(x, t), value, x);
}

/** y = a · sigmoid(b), a and b the two halves of x along `dim`. */
export function glu(k: Kit, x: Value, dim: number): Value {
  const n = x.shape[dim] as number;
  return k.mul(k.range(x, dim, 0, n / 2), k.sigmoid(k.range(x, dim, n / 2, n)));
}
