/**
 * Float32 lowerings of the frequent functions: straight lines of scalar instructions, without calls and tables, so that
 * a code generator may run them on whole vectors. Every instruction rounds to float32 and no fused multiply-add is
 * assumed; test/ops/polynomial.test.ts holds the errors. Polynomials come from scripts/fit-polynomial.ts.
 * These are no records; float64 and rare functions call the host. Floor: ops.
 */
import type { Scalar, ScalarBuilder } from "../ir/scalar.ts";

const signBit = -2147483648;
/** Bits of 1, and of √½ rounded down. */
const oneBits = 0x3f800000;
const rootHalfBits = 0x3f3504f3;

function integer(s: ScalarBuilder, value: number): Scalar {
  return s.constant(value, "int32");
}

/** The magnitude of `y` ≥ 0 with the sign of `x`. */
function withSign(s: ScalarBuilder, y: Scalar, x: Scalar): Scalar {
  const sign = s.op("and", s.bitcast(x, "int32"), integer(s, signBit));
  return s.bitcast(s.op("or", s.bitcast(y, "int32"), sign), "float32");
}

/** 2ⁿ for int32 −126 ≤ n ≤ 127, by its bits. */
function powerOfTwo(s: ScalarBuilder, n: Scalar): Scalar {
  return s.bitcast(s.op("shl", s.add(n, integer(s, 127)), integer(s, 23)), "float32");
}

// Exponential function

/**
 * The nearest whole number to |x| < 2²¹, as float32 and int32. Added to 3 · 2²², x is rounded to a whole number, which then
 * stands in the low bits.
 */
function nearest(s: ScalarBuilder, x: Scalar): { whole: Scalar; n: Scalar } {
  const shift = 12582912;
  const moved = s.add(x, s.like(x, shift));
  const n = s.sub(s.bitcast(moved, "int32"), integer(s, 0x4b400000));
  return { whole: s.sub(moved, s.like(x, shift)), n };
}

/** x = n log 2 + r with |r| ≤ log(2) / 2. The upper part of log 2 has nine bits, so its product with n is exact. */
function reduceExp(s: ScalarBuilder, x: Scalar): { n: Scalar; r: Scalar } {
  const { whole, n } = nearest(s, s.mul(x, s.like(x, Math.LOG2E)));
  const upper = s.sub(x, s.mul(whole, s.like(x, 0.693359375)));
  return { n, r: s.sub(upper, s.mul(whole, s.like(x, Math.LN2 - 0.693359375))) };
}

/** exp(r) − 1 for |r| ≤ log(2) / 2. */
function expm1Reduced(s: ScalarBuilder, r: Scalar): Scalar {
  const q = s.polynomial(r, [0.50000001, 0.16666518, 0.0416662041, 0.00836900548, 0.00139506549]);
  return s.add(s.mul(s.mul(r, r), q), r);
}

/** 2ⁿ (1 + p), in two steps because 2ⁿ alone may be no float32, and so that only the last one rounds. */
function scaleTwice(s: ScalarBuilder, n: Scalar, p: Scalar): Scalar {
  const half = s.op("shr", n, integer(s, 1));
  const scaled = s.mul(s.add(p, s.like(p, 1)), powerOfTwo(s, half));
  return s.mul(scaled, powerOfTwo(s, s.sub(n, half)));
}

/** min(max(x, low), high); NaN stays. */
function clamp(s: ScalarBuilder, x: Scalar, low: number, high: number): Scalar {
  return s.op("min", s.op("max", x, s.like(x, low)), s.like(x, high));
}

/** eˣ. Outside of the clamp the result is 0 or Infinity, as at its ends. */
export function expFloat32(s: ScalarBuilder, x: Scalar): Scalar {
  const { n, r } = reduceExp(s, clamp(s, x, -104, 89));
  return scaleTwice(s, n, expm1Reduced(s, r));
}

/** eˣ where the result is a normal float32. */
function expNormal(s: ScalarBuilder, x: Scalar): Scalar {
  const { n, r } = reduceExp(s, x);
  return s.mul(s.add(expm1Reduced(s, r), s.like(x, 1)), powerOfTwo(s, n));
}

/** 2ˣ. */
export function exp2Float32(s: ScalarBuilder, x: Scalar): Scalar {
  const bounded = clamp(s, x, -151, 129);
  const { whole, n } = nearest(s, bounded);
  const r = s.mul(s.sub(bounded, whole), s.like(x, Math.LN2));
  return scaleTwice(s, n, expm1Reduced(s, r));
}

/** eˣ − 1 = 2 (2ⁿ⁻¹ p + (2ⁿ⁻¹ − ½)) with p = exp(r) − 1: nothing cancels, and 2ⁿ⁻¹ does not overflow before the result. */
export function expm1Float32(s: ScalarBuilder, x: Scalar): Scalar {
  const { n, r } = reduceExp(s, clamp(s, x, -30, 89));
  const p = expm1Reduced(s, r);
  const scale = powerOfTwo(s, s.sub(n, integer(s, 1)));
  const half = s.add(s.mul(scale, p), s.sub(scale, s.like(x, 0.5)));
  const tiny = s.compare("lt", s.op("abs", x), s.like(x, 2 ** -25));
  return s.select(tiny, x, s.add(half, half));
}

/** 1 / (1 + e⁻ˣ), by e^−|x|, which does not overflow: that over 1 + e^−|x| where x < 0. */
export function sigmoidFloat32(s: ScalarBuilder, x: Scalar): Scalar {
  const one = s.like(x, 1);
  const e = expFloat32(s, s.op("neg", s.op("abs", x)));
  const above = s.select(s.compare("lt", x, s.like(x, 0)), e, one);
  return s.div(above, s.add(e, one));
}

/** tanh |x| is a + a³ P(a²) below 5/8, from there 1 − 2 / (e²ᵃ + 1). */
export function tanhFloat32(s: ScalarBuilder, x: Scalar): Scalar {
  const a = s.op("abs", x);
  const z = s.mul(a, a);
  const p = s.polynomial(z, [-0.33333285, 0.13331514, -0.0537450357, 0.0206548407, -0.00572118515]);
  const small = s.add(a, s.mul(a, s.mul(z, p)));
  // tanh is 1 in float32 from 9.02 on.
  const e = expNormal(s, s.op("min", s.add(a, a), s.like(x, 20)));
  const large = s.sub(s.like(x, 1), s.div(s.like(x, 2), s.add(e, s.like(x, 1))));
  return withSign(s, s.select(s.compare("lt", a, s.like(x, 0.625)), small, large), x);
}

/** erf |x| is a + a P(a²) below 7/8, from there 1 − exp(Q(a)) with Q = log erfc. */
export function erfFloat32(s: ScalarBuilder, x: Scalar): Scalar {
  const a = s.op("abs", x);
  const p = s.polynomial(
    s.mul(a, a),
    [0.128379159, -0.376125571, 0.112825237, -0.0267939356, 0.00503583963, -0.00062222333],
  );
  const small = s.add(a, s.mul(a, p));
  // erf is 1 in float32 from 3.92 on.
  const q = s.polynomial(
    s.op("min", a, s.like(x, 4)),
    [
      0.000163586528, -1.12946112, -0.633456468, -0.108158746, 0.0250405299, -0.00414096438, 0.000428227581,
      -0.0000205542007,
    ],
  );
  const large = s.sub(s.like(x, 1), expNormal(s, q));
  return withSign(s, s.select(s.compare("lt", a, s.like(x, 0.875)), small, large), x);
}

// Logarithm

/** Parts of log x for a positive finite x: log x = k log 2 + f − f²/2 + tail, with 1 + f in [√½, √2). */
interface LogParts {
  readonly k: Scalar;
  readonly f: Scalar;
  readonly halfSquare: Scalar;
  readonly tail: Scalar;
}

/**
 * With t = f / (2 + f), log(1 + f) = 2 atanh t = f − f²/2 + t (f²/2 + R(t²)), as in fdlibm's e_log.c (Sun Microsystems,
 * 1993). Subnormal x are scaled by 2²³ first.
 */
function logParts(s: ScalarBuilder, x: Scalar): LogParts {
  const subnormal = s.compare("lt", x, s.like(x, 2 ** -126));
  const scaled = s.select(subnormal, s.mul(x, s.like(x, 2 ** 23)), x);
  // Moved so that the exponent steps at √½ instead of 1.
  const moved = s.add(s.bitcast(scaled, "int32"), integer(s, oneBits - rootHalfBits));
  const bias = s.select(subnormal, integer(s, 127 + 23), integer(s, 127));
  const k = s.cast(s.sub(s.op("shr", moved, integer(s, 23)), bias), "float32");
  const bits = s.add(s.op("and", moved, integer(s, 0x7fffff)), integer(s, rootHalfBits));
  const f = s.sub(s.bitcast(bits, "float32"), s.like(x, 1));
  const t = s.div(f, s.add(f, s.like(x, 2)));
  const z = s.mul(t, t);
  const r = s.mul(z, s.polynomial(z, [0.66666776, 0.39977555, 0.298720698]));
  const halfSquare = s.mul(s.mul(f, f), s.like(x, 0.5));
  return { k, f, halfSquare, tail: s.mul(t, s.add(halfSquare, r)) };
}

/** `y`, but what a logarithm has at 0, Infinity, NaN and below 0. */
function logEnds(s: ScalarBuilder, x: Scalar, y: Scalar): Scalar {
  const zero = s.like(x, 0);
  const finite = s.select(s.compare("lt", x, s.like(x, Infinity)), y, x);
  const pole = s.select(s.compare("eq", x, zero), s.like(x, -Infinity), s.like(x, Number.NaN));
  return s.select(s.compare("gt", x, zero), finite, pole);
}

/** log x, plus a small correction. The upper part of log 2 has nine bits, so its product with k is exact. */
function logWith(s: ScalarBuilder, x: Scalar, correction: Scalar | undefined): Scalar {
  const { k, f, halfSquare, tail } = logParts(s, x);
  const low = s.mul(k, s.like(x, Math.LN2 - 0.693359375));
  const small = s.add(tail, correction === undefined ? low : s.add(low, correction));
  const y = s.add(s.sub(small, halfSquare), f);
  return logEnds(s, x, s.add(y, s.mul(k, s.like(x, 0.693359375))));
}

/** log x. */
export function logFloat32(s: ScalarBuilder, x: Scalar): Scalar {
  return logWith(s, x, undefined);
}

/** log u + (1 + x − u) / u with u the rounded 1 + x. */
export function log1pFloat32(s: ScalarBuilder, x: Scalar): Scalar {
  const one = s.like(x, 1);
  const u = s.add(x, one);
  const lost = s.select(s.compare("lt", x, one), s.sub(x, s.sub(u, one)), s.sub(one, s.sub(u, x)));
  const y = logWith(s, u, s.div(lost, u));
  // x itself where it is tiny: that keeps −0.
  return s.select(s.compare("lt", s.op("abs", x), s.like(x, 2 ** -25)), x, y);
}

/**
 * log x / log base, where log 2 / log base = unitHigh + unitLow and 1 / log base = high + low. log(1 + f) is split into a
 * part of twelve bits and the rest, `high` has twelve bits too: their product is exact.
 */
function logBase(
  s: ScalarBuilder,
  x: Scalar,
  base: { high: number; low: number; unitHigh: number; unitLow: number },
): Scalar {
  const { k, f, halfSquare, tail } = logParts(s, x);
  const whole = s.sub(f, halfSquare);
  const upper = s.bitcast(s.op("and", s.bitcast(whole, "int32"), integer(s, -4096)), "float32");
  const lower = s.add(s.sub(s.sub(f, upper), halfSquare), tail);
  const times = (a: Scalar, b: number): Scalar => s.mul(a, s.like(x, b));
  const small = s.add(times(s.add(lower, upper), base.low), times(lower, base.high));
  const withUnit = base.unitLow === 0 ? small : s.add(times(k, base.unitLow), small);
  return logEnds(s, x, s.add(s.add(withUnit, times(upper, base.high)), times(k, base.unitHigh)));
}

const log2High = 1.4423828125;
const log10High = 0.434326171875;
const log10TwoHigh = 0.301025390625;

/** log₂ x; exact for powers of two. */
export function log2Float32(s: ScalarBuilder, x: Scalar): Scalar {
  return logBase(s, x, { high: log2High, low: Math.LOG2E - log2High, unitHigh: 1, unitLow: 0 });
}

/** log₁₀ x. */
export function log10Float32(s: ScalarBuilder, x: Scalar): Scalar {
  const unitLow = Math.LN2 * Math.LOG10E - log10TwoHigh;
  return logBase(s, x, { high: log10High, low: Math.LOG10E - log10High, unitHigh: log10TwoHigh, unitLow });
}

// Sine and cosine

/**
 * 1 / (2π) in five parts of 29 bits and a rest: the product of a float32 with a part is exact in float64, and the product
 * with the rest is below 2⁻²¹ turns for every float32.
 */
const turnParts: readonly number[] = [
  0.15915494272485375, 3.6704158115630214e-10, 5.690025167992954e-19, 1.4703036846932608e-27, 2.5867171752090537e-36,
  9.458140970740169e-46,
];

/**
 * sin(x + shift · π/2) for all of float32, computed in float64. The turns x / 2π are taken modulo 1 part by part, which
 * loses nothing, so even 2¹²⁷ is reduced right; then quarter turns are split off. Float64 lanes are half as
 * many as float32 lanes, but the same reduction in float32 would take several times the instructions.
 */
export function sineFloat32(s: ScalarBuilder, x: Scalar, shift: 0 | 1): Scalar {
  const wide = s.cast(x, "float64");
  const rests = turnParts.map((part, i) => {
    const turns = s.mul(wide, s.like(wide, part));
    return i < turnParts.length - 1 ? s.sub(turns, s.op("round", turns)) : turns;
  });
  const total = rests.reduce((a, b) => s.add(a, b));
  const quarters = s.op("round", s.mul(total, s.like(wide, 4)));
  // From the largest part on, so that what cancels against the quarters does so exactly.
  const [first, ...others] = rests as [Scalar, ...Scalar[]];
  const t = others.reduce((a, b) => s.add(a, b), s.sub(first, s.mul(quarters, s.like(wide, 0.25))));
  const z = s.mul(t, t);
  const sine = s.mul(
    t,
    s.polynomial(z, [6.283185307152453, -41.34170215350492, 81.60520474627678, -76.69786995811934, 41.472948681253165]),
  );
  const cosine = s.polynomial(
    z,
    [0.9999999999526005, -19.73920865035792, 64.9393162084477, -85.44285212105484, 59.220407280234305],
  );
  const n = s.add(s.cast(quarters, "int32"), integer(s, shift));
  const odd = s.compare("ne", s.op("and", n, integer(s, 1)), integer(s, 0));
  const negative = s.compare("ne", s.op("and", n, integer(s, 2)), integer(s, 0));
  const y = s.select(odd, cosine, sine);
  const signed = s.cast(s.select(negative, s.op("neg", y), y), "float32");
  // Keeps −0.
  return shift === 0 ? s.select(s.compare("eq", x, s.like(x, 0)), x, signed) : signed;
}
