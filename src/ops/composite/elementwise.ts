/**
 * Elementwise operations that are no primitive of their own, written over the kit. Inputs of one call have one dtype;
 * who calls has promoted them. Gradients are PyTorch's, also where a function has a kink. Floor: ops.
 */
import { isFloating } from "../../base/dtype.ts";
import { withMode } from "../../ir/mode.ts";
import type { Value } from "../../ir/value.ts";
import type { Kit, Operand } from "../kit.ts";
import { table } from "../table.ts";

/** Sum; for bool the logical or. */
export function add(k: Kit, a: Value, b: Value): Value {
  return a.dtype === "bool" ? k.or(a, b) : k.add(a, b);
}

/** Product; for bool the logical and. */
export function mul(k: Kit, a: Value, b: Value): Value {
  return a.dtype === "bool" ? k.and(a, b) : k.mul(a, b);
}

/** Whole quotient toward zero. */
export function divTrunc(k: Kit, a: Value, b: Value): Value {
  return isFloating(a.dtype) ? k.map(table.trunc, k.div(a, b)) : k.map(table.idiv, a, b);
}

/**
 * Whole quotient downward. For floats it is (a − fmod(a, b)) / b, which is a whole number but for rounding, so that it
 * agrees with `remainder` also where a / b rounds up to a whole number.
 */
export function divFloor(k: Kit, a: Value, b: Value): Value {
  if (!isFloating(a.dtype)) {
    const quotient = k.map(table.idiv, a, b);
    if (a.dtype === "uint8") return quotient;
    const rest = k.map(table.irem, a, b);
    return k.where(k.and(k.ne(rest, 0), unlikeSigns(k, rest, b)), k.sub(quotient, 1), quotient);
  }
  const rest = k.map(table.fmod, a, b);
  const exact = k.div(k.sub(a, rest), b);
  const below = k.where(k.and(k.ne(rest, 0), unlikeSigns(k, rest, b)), k.sub(exact, 1), exact);
  const floor = k.map(table.floor, below);
  const whole = k.where(k.gt(k.sub(below, floor), 0.5), k.add(floor, 1), floor);
  const plain = k.div(a, b);
  return k.where(k.eq(b, 0), plain, k.where(k.eq(below, 0), copysign(k, k.mul(below, 0), plain), whole));
}

function unlikeSigns(k: Kit, a: Value, b: Value): Value {
  return k.map(table.xor, k.lt(a, 0), k.lt(b, 0));
}

/** a − b · trunc(a / b), with the sign of a. */
export function fmod(k: Kit, a: Value, b: Value): Value {
  return k.map(isFloating(a.dtype) ? table.fmod : table.irem, a, b);
}

export function maximum(k: Kit, a: Value, b: Value): Value {
  return a.dtype === "bool" ? k.or(a, b) : k.maximum(a, b);
}

export function minimum(k: Kit, a: Value, b: Value): Value {
  return a.dtype === "bool" ? k.and(a, b) : k.minimum(a, b);
}

/** Larger of two; the other one where one is NaN. Of equal ones, a gets the gradient. */
export function fmax(k: Kit, a: Value, b: Value): Value {
  return isFloating(a.dtype) ? k.where(k.or(k.ge(a, b), isnan(k, b)), a, b) : maximum(k, a, b);
}

/** Smaller of two; the other one where one is NaN. Of equal ones, a gets the gradient. */
export function fmin(k: Kit, a: Value, b: Value): Value {
  return isFloating(a.dtype) ? k.where(k.or(k.le(a, b), isnan(k, b)), a, b) : minimum(k, a, b);
}

/**
 * min(max(x, low), high); NaN if any of them is. x has the gradient within the bounds and on them, else the bound that
 * was taken.
 */
export function clamp(k: Kit, x: Value, low: Operand | undefined, high: Operand | undefined): Value {
  const above = low === undefined ? x : k.where(orNaN(k, k.lt(x, low), low), low, x);
  return high === undefined ? above : k.where(orNaN(k, k.gt(above, high), high), high, above);
}

function orNaN(k: Kit, condition: Value, bound: Operand): Value {
  return typeof bound === "number" || !isFloating(bound.dtype) ? condition : k.or(condition, isnan(k, bound));
}

/** −1, 0 or 1; 0 for NaN. */
export function sign(k: Kit, x: Value): Value {
  return isFloating(x.dtype) ? k.where(isnan(k, x), 0, k.sign(x)) : k.sign(x);
}

/** xᵉ for a number e; small whole and half numbers are products and roots. For integers e is a whole number from 0. */
export function powNumber(k: Kit, x: Value, e: number): Value {
  const all = k.full(x.shape, 1, "bool");
  switch (e) {
    case 0:
      return k.where(all, 1, x);
    case 1:
      return k.alias(x);
    case 2:
      return k.square(x);
    case 3:
      return k.mul(k.square(x), x);
    case -1:
      return k.map(table.reciprocal, x);
    case 0.5:
      return k.sqrt(x);
    case -0.5:
      return k.map(table.rsqrt, x);
    default:
      return isFloating(x.dtype) ? k.pow(x, e) : pow(k, x, k.full([], e, x.dtype));
  }
}

/** aᵇ; integers by way of float64, which is exact up to 2⁵³. */
export function pow(k: Kit, a: Value, b: Value): Value {
  if (isFloating(a.dtype)) return k.pow(a, b);
  return k.cast(k.pow(k.cast(a, "float64"), k.cast(b, "float64")), a.dtype);
}

export function isnan(k: Kit, x: Value): Value {
  return k.map(table.isnan, x);
}

/** Whether the sign is minus, also that of −0. */
export function signbit(k: Kit, x: Value): Value {
  if (!isFloating(x.dtype)) return x.dtype === "bool" ? k.full(x.shape, 0, "bool") : k.lt(x, 0);
  return k.or(k.lt(x, 0), k.lt(k.map(table.reciprocal, x), 0));
}

/** |a| with the sign of b, whose gradient is 0. */
export function copysign(k: Kit, a: Value, b: Value): Value {
  return k.mul(k.abs(a), k.where(signbit(k, b), -1, powNumber(k, b, 0)));
}

/** √(a² + b²), scaled by the larger of both so that squares neither overflow nor vanish. */
export function hypot(k: Kit, a: Value, b: Value): Value {
  // The scale drops out of the result, so it needs no gradient.
  const scale = withMode({ grad: false }, () => {
    const most = k.maximum(k.abs(a), k.abs(b));
    return k.where(k.and(k.gt(most, 0), k.lt(most, Infinity)), most, 1);
  });
  return k.mul(scale, k.sqrt(k.add(k.square(k.div(a, scale)), k.square(k.div(b, scale)))));
}

/** log(eᵃ + eᵇ) = max(a, b) + log(1 + exp(−|a − b|)). */
export function logaddexp(k: Kit, a: Value, b: Value): Value {
  // Equal infinities have no difference.
  const distance = k.abs(k.where(k.eq(a, b), 0, k.sub(a, b)));
  return k.add(k.maximum(a, b), k.log1p(k.exp(k.neg(distance))));
}

/** log₂(2ᵃ + 2ᵇ). */
export function logaddexp2(k: Kit, a: Value, b: Value): Value {
  return k.div(logaddexp(k, k.mul(a, Math.LN2), k.mul(b, Math.LN2)), Math.LN2);
}

/** log Γₚ(x) = p (p − 1) / 4 · log π + Σ lgamma(x − j / 2) over j < p. */
export function mvlgamma(k: Kit, x: Value, p: number): Value {
  let sum = k.map(table.lgamma, x);
  for (let j = 1; j < p; j++) sum = k.add(sum, k.map(table.lgamma, k.sub(x, j / 2)));
  return k.add(sum, ((p * (p - 1)) / 4) * Math.log(Math.PI));
}

/** a · log b; 0 where a is 0, unless b is NaN. */
export function xlogy(k: Kit, a: Value, b: Value): Value {
  const pole = k.or(k.le(b, 0), k.eq(b, Infinity));
  return k.mul(a, k.log(k.where(k.and(k.eq(a, 0), pole), 1, b)));
}

/** 0 below zero, 1 above, `atZero` there. */
export function heaviside(k: Kit, x: Value, atZero: Value): Value {
  return k.where(k.eq(x, 0), atZero, k.cast(k.gt(x, 0), x.dtype));
}

/** a + w (b − a); from w = ½ on b − (1 − w)(b − a), so that both ends are exact. */
export function lerp(k: Kit, a: Value, b: Value, w: Value): Value {
  const difference = k.sub(b, a);
  const fromStart = k.add(a, k.mul(w, difference));
  const fromEnd = k.sub(b, k.mul(k.sub(1, w), difference));
  return k.where(k.lt(w, 0.5), fromStart, fromEnd);
}

/** NaN and infinities replaced; they get no gradient. */
export function nanToNum(k: Kit, x: Value, nan: number, high: number, low: number): Value {
  const finite = k.where(k.eq(x, Infinity), high, k.where(k.eq(x, -Infinity), low, x));
  return k.where(isnan(k, x), nan, finite);
}

/** sin(πx) / (πx), 1 at 0. */
export function sinc(k: Kit, x: Value): Value {
  const zero = k.eq(x, 0);
  const angle = k.mul(k.where(zero, 1, x), Math.PI);
  return k.where(zero, 1, k.div(k.sin(angle), angle));
}

/** log(x / (1 − x)), x held within [eps, 1 − eps] first where eps is given. */
export function logit(k: Kit, x: Value, eps: number | undefined): Value {
  const p = eps === undefined ? x : clamp(k, x, eps, 1 - eps);
  return k.log(k.div(p, k.sub(1, p)));
}

/** Nearest number with that many decimals, half to even; negative decimals round to tens, hundreds and so on. */
export function round(k: Kit, x: Value, decimals: number): Value {
  const scale = 10 ** Math.abs(decimals);
  if (decimals === 0) return k.map(table.round, x);
  return decimals > 0
    ? k.div(k.map(table.round, k.mul(x, scale)), scale)
    : k.mul(k.map(table.round, k.div(x, scale)), scale);
}

/** |a − b| ≤ atol + rtol |b|, or equal. */
export function isclose(k: Kit, a: Value, b: Value, rtol: number, atol: number, equalNan: boolean): Value {
  const distance = k.abs(k.sub(a, b));
  const near = k.and(k.lt(distance, Infinity), k.le(distance, k.add(k.mul(k.abs(b), rtol), atol)));
  const close = k.or(k.eq(a, b), near);
  return equalNan ? k.or(close, k.and(isnan(k, a), isnan(k, b))) : close;
}
