/**
 * Float32 lowerings of the frequent functions: straight lines of scalar instructions, without calls and tables, so that
 * a code generator may run them on whole vectors. Every instruction rounds to its dtype; only `multiplyAdd` rounds once on
 * some targets and twice on others, and each function keeps its bound with either. The error that each states, in units of
 * the last place (ulp), is the largest, as scripts/ulp.ts finds it; polynomials come from scripts/fit-polynomial.ts.
 * These are no records; float64 and rare functions call the host. Floor: ops.
 */
import type { Scalar, ScalarBuilder } from "../ir/scalar.ts";

const signBit = -2147483648;
/** 2²³: the exponent stands above it. */
const place = 2 ** 23;
/** Bits of 1, and of √½ rounded down. */
const oneBits = 0x3f800000;
const rootHalfBits = 0x3f3504f3;

function integer(s: ScalarBuilder, value: number): Scalar {
  return s.constant(value, "int32");
}

/** `y`, which is not negative where x is positive, with the sign of `x`. */
function withSign(s: ScalarBuilder, y: Scalar, x: Scalar): Scalar {
  const sign = s.op("and", s.bitcast(x, "int32"), integer(s, signBit));
  return s.bitcast(s.op("or", s.bitcast(y, "int32"), sign), "float32");
}

/** min(max(x, low), high); NaN stays. */
function clamp(s: ScalarBuilder, x: Scalar, low: number, high: number): Scalar {
  return s.op("min", s.op("max", x, s.like(x, low)), s.like(x, high));
}

// Exponential function

/** A whole number n as float32, and n + bias in the low bits of an int32, ready to become an exponent. */
interface Whole {
  readonly n: Scalar;
  readonly bits: Scalar;
}

/**
 * The whole number n nearest to factor · x, below 2²¹. Added to 3 · 2²² + bias, it is rounded to a whole number, which then
 * stands in the low bits. The lowest nine bits of 3 · 2²² are 0, so of 0 ≤ n + bias < 2⁹ they hold all.
 */
function nearest(s: ScalarBuilder, x: Scalar, bias: number, factor: number): Whole {
  const shift = s.like(x, 12582912 + bias);
  const product = (): Scalar => s.multiplyAdd(x, s.like(x, factor), shift);
  const moved = factor === 1 ? s.add(x, shift) : factor === -1 ? s.sub(shift, x) : product();
  return { n: s.sub(moved, shift), bits: s.bitcast(moved, "int32") };
}

/** 2ⁿ, of a whole number with bias 127. */
function powerOfTwo(s: ScalarBuilder, { bits }: Whole): Scalar {
  return s.bitcast(s.op("shl", bits, integer(s, 23)), "float32");
}

/** 2ⁿ (1 + p). */
function scaled(s: ScalarBuilder, { n }: Whole, p: Scalar): Scalar {
  return s.op("scale", s.add(p, s.like(p, 1)), n);
}

/** e^(sign · x) = 2ⁿ (1 + sign · p), and the same of 2ˣ. */
interface ExpParts {
  readonly whole: Whole;
  readonly p: Scalar;
}

/** log 2 in two parts. The upper one has 15 bits, so its product with a whole number of nine bits is exact. */
const log2Upper = 0.693145751953125;
const log2Lower = Math.LN2 - log2Upper;

/** sign · (exp(sign · r) − 1) = r + r² q(sign · r) for |r| ≤ log(2) / 2. */
function expm1Reduced(s: ScalarBuilder, r: Scalar, sign: 1 | -1): Scalar {
  const q = [0.50000001, 0.16666518, 0.0416662041, 0.00836900548, 0.00139506549].map((c, i) => sign ** (i + 1) * c);
  return s.multiplyAdd(s.mul(r, r), s.polynomial(r, q), r);
}

/** e^(sign · x): sign · x = n log 2 + sign · r. */
function expParts(s: ScalarBuilder, x: Scalar, sign: 1 | -1, bias: number): ExpParts {
  const whole = nearest(s, x, bias, sign * Math.LOG2E);
  const upper = s.multiplyAdd(whole.n, s.like(x, -sign * log2Upper), x);
  const r = s.multiplyAdd(whole.n, s.like(x, -sign * log2Lower), upper);
  return { whole, p: expm1Reduced(s, r, sign) };
}

/** 2^(sign · x). */
function exp2Parts(s: ScalarBuilder, x: Scalar, sign: 1 | -1, bias: number): ExpParts {
  const whole = nearest(s, x, bias, sign);
  const f = sign > 0 ? s.sub(x, whole.n) : s.add(x, whole.n);
  return { whole, p: expm1Reduced(s, s.mul(f, s.like(x, Math.LN2)), sign) };
}

/** eˣ, within 1.05 ulp. Outside of the clamp the result is 0 or Infinity, as at its ends. */
export function expFloat32(s: ScalarBuilder, x: Scalar): Scalar {
  const { whole, p } = expParts(s, clamp(s, x, -104, 89), 1, 0);
  return scaled(s, whole, p);
}

/** 2ˣ, within 1.05 ulp; exact for whole x. */
export function exp2Float32(s: ScalarBuilder, x: Scalar): Scalar {
  const { whole, p } = exp2Parts(s, clamp(s, x, -151, 129), 1, 0);
  return scaled(s, whole, p);
}

/**
 * eˣ − 1 = 2 (2ⁿ⁻¹ p + (2ⁿ⁻¹ − ½)), within 1.72 ulp: nothing cancels, and 2ⁿ⁻¹ does not overflow before the result.
 */
export function expm1Float32(s: ScalarBuilder, x: Scalar): Scalar {
  const { whole, p } = expParts(s, clamp(s, x, -30, 89), 1, 126);
  const scale = powerOfTwo(s, whole);
  const half = s.multiplyAdd(scale, p, s.sub(scale, s.like(x, 0.5)));
  const tiny = s.compare("lt", s.op("abs", x), s.like(x, 2 ** -25));
  return s.select(tiny, x, s.add(half, half));
}

/**
 * 1 / (1 + e⁻ˣ) = c / (c + c 2ⁿ + c 2ⁿ p), within 2.49 ulp. c = 2⁻⁶⁴ keeps e⁻ˣ from overflow, so that only the quotient
 * rounds to a subnormal number. The result is 1 from 17.4 on. Summands by size would give 1.77 ulp for four instructions.
 */
export function sigmoidFloat32(s: ScalarBuilder, x: Scalar): Scalar {
  const { whole, p } = expParts(s, clamp(s, s.op("neg", x), -20, 104), 1, 127 - 64);
  const c = s.like(x, 2 ** -64);
  const scale = powerOfTwo(s, whole);
  return s.div(c, s.add(s.multiplyAdd(scale, p, scale), c));
}

/**
 * tanh |x| = (1 − e) / (1 + e) with e = e^−2|x| = 2ⁿ + 2ⁿ p, within 1.96 ulp: 1 ± 2ⁿ is exact as far as it counts,
 * and of 1 − e only −p is left near 0.
 */
export function tanhFloat32(s: ScalarBuilder, x: Scalar): Scalar {
  // tanh is 1 in float32 from 9.02 on.
  const a = s.op("min", s.op("abs", x), s.like(x, 10));
  const { whole, p } = expParts(s, s.add(a, a), -1, 127);
  const scale = powerOfTwo(s, whole);
  const rest = s.mul(scale, p);
  const one = s.like(x, 1);
  return withSign(s, s.div(s.add(s.sub(one, scale), rest), s.sub(s.add(one, scale), rest)), x);
}

/**
 * erf |x| = 1 − 2^(a G(a)) with G(a) = log₂(erfc a) / a, within 2.87 ulp: it is (1 − 2ⁿ) − 2ⁿ p, of which only −p is
 * left near 0.
 */
export function erfFloat32(s: ScalarBuilder, x: Scalar): Scalar {
  // erf is 1 in float32 from 3.92 on.
  const a = s.op("min", s.op("abs", x), s.like(x, 3.95));
  const g = s.polynomial(
    a,
    [
      1.62790703, 0.918447645, 0.148276918, -0.0276315395, -0.000232237537, 0.00240579424, -0.000913395947,
      0.000169828962, -0.0000133656136,
    ],
  );
  const { whole, p } = exp2Parts(s, s.mul(a, g), -1, 127);
  const scale = powerOfTwo(s, whole);
  return withSign(s, s.multiplyAdd(scale, p, s.sub(s.like(x, 1), scale)), x);
}

// Logarithm

/** x = 2ᵏ (1 + f) with 1 + f in [√½, √2); k and, as an int32, the exponent k + 127, both times 2²³. */
interface LogParts {
  readonly k: Scalar;
  readonly f: Scalar;
  readonly exponent: Scalar;
}

/** Parts of a finite x that is normal, or has been scaled by 2ˢ with `bias` = 2²³ (127 + s). */
function logParts(s: ScalarBuilder, x: Scalar, bias: Scalar): LogParts {
  // Moved so that the exponent steps at √½ instead of 1.
  const moved = s.add(s.bitcast(x, "int32"), integer(s, oneBits - rootHalfBits));
  const exponent = s.op("and", moved, integer(s, -place));
  const bits = s.add(s.sub(moved, exponent), integer(s, rootHalfBits));
  return {
    k: s.cast(s.sub(exponent, bias), "float32"),
    f: s.sub(s.bitcast(bits, "float32"), s.like(x, 1)),
    exponent,
  };
}

/** Parts of a positive finite x. Subnormal ones are scaled by 2²³ first. */
function logPartsOf(s: ScalarBuilder, x: Scalar): LogParts {
  const subnormal = s.compare("lt", x, s.like(x, 2 ** -126));
  const scaled = s.select(subnormal, s.mul(x, s.like(x, place)), x);
  return logParts(s, scaled, s.select(subnormal, integer(s, oneBits + 23 * place), integer(s, oneBits)));
}

/**
 * f²/2 and the tail of log(1 + f) = f − f²/2 + tail. With t = f / (2 + f), log(1 + f) = 2 atanh t =
 * f − f²/2 + t (f²/2 + R(t²)), as in fdlibm's e_log.c (Sun Microsystems, 1993).
 */
function logCurve(s: ScalarBuilder, f: Scalar): { halfSquare: Scalar; tail: Scalar } {
  const t = s.div(f, s.add(f, s.like(f, 2)));
  const z = s.mul(t, t);
  const halfSquare = s.mul(s.mul(f, f), s.like(f, 0.5));
  const r = s.polynomial(z, [0.66666776, 0.39977555, 0.298720698]);
  return { halfSquare, tail: s.mul(t, s.multiplyAdd(z, r, halfSquare)) };
}

/** `y`, but what a logarithm has at 0, Infinity, NaN and below 0. */
function logEnds(s: ScalarBuilder, x: Scalar, y: Scalar): Scalar {
  const zero = s.like(x, 0);
  const finite = s.select(s.compare("lt", x, s.like(x, Infinity)), y, x);
  const pole = s.select(s.compare("eq", x, zero), s.like(x, -Infinity), s.like(x, Number.NaN));
  return s.select(s.compare("gt", x, zero), finite, pole);
}

/** k log 2 + log(1 + f), with k times 2²³. */
function logOf(s: ScalarBuilder, k: Scalar, f: Scalar): Scalar {
  const { halfSquare, tail } = logCurve(s, f);
  const small = s.sub(s.multiplyAdd(k, s.like(f, log2Lower / place), tail), halfSquare);
  return s.multiplyAdd(k, s.like(f, log2Upper / place), s.add(small, f));
}

/** log x, within 0.84 ulp. */
export function logFloat32(s: ScalarBuilder, x: Scalar): Scalar {
  const { k, f } = logPartsOf(s, x);
  return logEnds(s, x, logOf(s, k, f));
}

/** log of u = 1 + x as it is rounded, within 1.40 ulp; what the sum lost, 2⁻ᵏ times as much, is added to f. */
export function log1pFloat32(s: ScalarBuilder, x: Scalar): Scalar {
  const one = s.like(x, 1);
  const u = s.add(x, one);
  const { k, f, exponent } = logParts(s, u, integer(s, oneBits));
  // 2⁻ᵏ, or 0 where it would be subnormal: nothing was lost there.
  const scale = s.op("max", s.sub(integer(s, 2 * oneBits), exponent), integer(s, 0));
  const lost = s.sub(x, s.sub(u, one));
  const y = logEnds(s, u, logOf(s, k, s.multiplyAdd(lost, s.bitcast(scale, "float32"), f)));
  // The sign of −0.
  return withSign(s, y, x);
}

/**
 * log x / log base, where log 2 / log base = unitHigh + unitLow and 1 / log base = high + low. log(1 + f) is split into
 * a part of twelve bits and the rest, `high` has twelve bits too: their product is exact.
 */
function logBase(
  s: ScalarBuilder,
  x: Scalar,
  base: { high: number; low: number; unitHigh: number; unitLow: number },
): Scalar {
  const { k, f } = logPartsOf(s, x);
  const { halfSquare, tail } = logCurve(s, f);
  const whole = s.sub(f, halfSquare);
  const upper = s.bitcast(s.op("and", s.bitcast(whole, "int32"), integer(s, -4096)), "float32");
  const lower = s.add(s.sub(s.sub(f, upper), halfSquare), tail);
  const plus = (sum: Scalar, a: Scalar, b: number): Scalar => s.multiplyAdd(a, s.like(x, b), sum);
  const small = plus(s.mul(lower, s.like(x, base.high)), s.add(lower, upper), base.low);
  const withUnit = base.unitLow === 0 ? small : plus(small, k, base.unitLow / place);
  return logEnds(s, x, plus(plus(withUnit, upper, base.high), k, base.unitHigh / place));
}

const log2High = 1.4423828125;
const log10High = 0.434326171875;
const log10TwoHigh = 0.301025390625;

/** log₂ x, within 0.89 ulp; exact for powers of two. */
export function log2Float32(s: ScalarBuilder, x: Scalar): Scalar {
  return logBase(s, x, { high: log2High, low: Math.LOG2E - log2High, unitHigh: 1, unitLow: 0 });
}

/** log₁₀ x, within 0.85 ulp. */
export function log10Float32(s: ScalarBuilder, x: Scalar): Scalar {
  const unitLow = Math.LN2 * Math.LOG10E - log10TwoHigh;
  return logBase(s, x, { high: log10High, low: Math.LOG10E - log10High, unitHigh: log10TwoHigh, unitLow });
}

// Sine, cosine and tangent

/**
 * 1 / (2π) in five parts of 29 bits and a rest: the product of a float32 with a part is exact in float64, and the
 * product with the rest is below 2⁻²¹ turns for every float32.
 */
const turnParts: readonly number[] = [
  0.15915494272485375, 3.6704158115630214e-10, 5.690025167992954e-19, 1.4703036846932608e-27, 2.5867171752090537e-36,
  9.458140970740169e-46,
];

/**
 * Turns x / 2π in float64, less `offset` and the nearest multiple of `step` turns, the nth. The turns are taken modulo
 * 1 part by part, which loses nothing, so even 2¹²⁷ is reduced right. Float64 lanes are half as many. Measured instead:
 * 76 instructions on int32, which choose bits of 1 / (2π) by the exponent and shift each lane by its own distance, were
 * 1.5 times as fast with AVX-512 and 2.4 times as slow in WebAssembly, which has no such shift.
 */
function reduceTurns(s: ScalarBuilder, x: Scalar, step: number, offset: number): { n: Scalar; t: Scalar } {
  const wide = s.cast(x, "float64");
  const rests = turnParts.map((part, i) => {
    const turns = s.mul(wide, s.like(wide, part));
    return i < turnParts.length - 1 ? s.sub(turns, s.op("round", turns)) : turns;
  });
  const plus = (a: Scalar, b: number): Scalar => (b === 0 ? a : s.add(a, s.like(a, b)));
  const total = rests.reduce((a, b) => s.add(a, b));
  const n = s.op("round", plus(s.mul(total, s.like(wide, 1 / step)), -offset / step));
  // From the largest part on, so that what cancels against the multiple does so exactly.
  const [first, ...others] = rests as [Scalar, ...Scalar[]];
  const multiple = plus(s.mul(n, s.like(wide, step)), offset);
  return { n: s.cast(n, "int32"), t: others.reduce((a, b) => s.add(a, b), s.sub(first, multiple)) };
}

/** sin x for `shift` 0, cos x for 1, within 0.501 ulp: ± sin 2πt, t turns from a zero, a quarter at most. */
export function sineFloat32(s: ScalarBuilder, x: Scalar, shift: 0 | 1): Scalar {
  const { n, t } = reduceTurns(s, x, 0.5, shift === 0 ? 0 : -0.25);
  const p = s.polynomial(
    s.mul(t, t),
    [
      6.283185307072895, -41.3417021172479, 81.60522623851435, -76.7042827645946, 42.00983211782987,
      -14.394304287404685,
    ],
  );
  const y = s.cast(s.mul(t, p), "float32");
  const sign = s.op("shl", n, integer(s, 31));
  const signed = s.bitcast(s.op("xor", s.bitcast(y, "int32"), sign), "float32");
  // Keeps −0.
  return shift === 0 ? s.select(s.compare("eq", x, s.like(x, 0)), x, signed) : signed;
}

/** tan x, within 0.502 ulp: tan 2πt after an even number of quarter turns, −1 / tan 2πt after an odd one. */
export function tanFloat32(s: ScalarBuilder, x: Scalar): Scalar {
  const { n, t } = reduceTurns(s, x, 0.25, 0);
  const z = s.mul(t, t);
  const sine = s.mul(
    t,
    s.polynomial(z, [6.283185307152453, -41.34170215350492, 81.60520474627678, -76.69786995811934, 41.472948681253165]),
  );
  const cosine = s.polynomial(
    z,
    [0.9999999999526005, -19.73920865035792, 64.9393162084477, -85.44285212105484, 59.220407280234305],
  );
  const odd = s.compare("ne", s.op("and", n, integer(s, 1)), integer(s, 0));
  const quotient = s.div(s.select(odd, cosine, sine), s.select(odd, s.op("neg", sine), cosine));
  return s.select(s.compare("eq", x, s.like(x, 0)), x, s.cast(quotient, "float32"));
}
