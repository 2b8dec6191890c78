/**
 * Special functions that `Math` lacks, in float64: error function, gamma function and their kin, remainder, power.
 * They are the reference of the table and the host functions of targets that call JavaScript. Floor: base.
 */

const sqrtPi = Math.sqrt(Math.PI);
const halfLogTwoPi = 0.5 * Math.log(2 * Math.PI);
const { NaN: nan } = Number;

// Error function

/** Taylor series of erf(x) √π / (2x) in x²: (−1)ⁿ / (n! (2n + 1)). Twenty terms are exact to 1e-19 up to x = 1. */
const erfTaylor: readonly number[] = (() => {
  const terms: number[] = [];
  let factorial = 1;
  for (let n = 0; n < 20; n++) {
    if (n > 0) factorial *= -n;
    terms.push(1 / (factorial * (2 * n + 1)));
  }
  return terms;
})();

function erfNearZero(x: number): number {
  const z = x * x;
  let sum = 0;
  for (let n = erfTaylor.length - 1; n >= 0; n--) sum = sum * z + (erfTaylor[n] as number);
  return (2 / sqrtPi) * x * sum;
}

/** exp(−x²) without the rounding of x², which counts x² times: x² = h² + (x − h)(x + h) with h² exact. */
function gaussian(x: number): number {
  const h = Math.fround(x);
  return Math.exp(-h * h) * Math.exp((h - x) * (h + x));
}

/** exp(−n²/4) for n = 1, 2 ... as far as it counts. */
const gaussianNodes: readonly number[] = Array.from({ length: 13 }, (_, i) => Math.exp(-((i + 1) ** 2) / 4));

/**
 * erfc of x ≥ 0.5 by the trapezoidal rule with step h = 1/2 and the residue of its pole; the error is exp(−π²/h²).
 * Matta and Reichel, "Uniform computation of the error function and other related functions", Math. Comp. 25 (1971).
 */
function erfcTail(x: number): number {
  if (x > 28) return 0;
  let sum = 0;
  for (let i = gaussianNodes.length - 1; i >= 0; i--) {
    sum += (gaussianNodes[i] as number) / ((i + 1) ** 2 / 4 + x * x);
  }
  const rule = (gaussian(x) / Math.PI) * (1 / (2 * x) + x * sum);
  return x < 6 ? rule - 2 / Math.expm1(4 * Math.PI * x) : rule;
}

/** 2/√π ∫₀ˣ exp(−t²) dt. */
export function erf(x: number): number {
  if (x !== x) return nan;
  const a = Math.abs(x);
  if (a < 1) return erfNearZero(x);
  return Math.sign(x) * (1 - erfcTail(a));
}

/** 1 − erf(x), with its own relative precision where erf(x) is close to 1. */
export function erfc(x: number): number {
  if (x !== x) return nan;
  if (x < 0.5) return 1 - erf(x);
  return erfcTail(x);
}

// Gamma function

/** Bernoulli numbers B₂, B₄ ... B₁₈. */
const bernoulli: readonly number[] = [
  1 / 6,
  -1 / 30,
  1 / 42,
  -1 / 30,
  5 / 66,
  -691 / 2730,
  7 / 6,
  -3617 / 510,
  43867 / 798,
];

/** Hurwitz zeta Σ (a + k)⁻ˢ over k ≥ 0, for s > 1 and a > 0, by the Euler-Maclaurin formula. */
function hurwitzZeta(s: number, a: number): number {
  const from = 10 + s;
  const terms: number[] = [];
  let x = a;
  for (; x < from; x++) terms.push(x ** -s);
  let sum = 0;
  let factor = s / (2 * x);
  for (let j = 0; j < bernoulli.length; j++) {
    sum += (bernoulli[j] as number) * factor;
    factor *= ((s + 2 * j + 1) * (s + 2 * j + 2)) / ((2 * j + 3) * (2 * j + 4) * x * x);
  }
  sum = x ** (1 - s) / (s - 1) + x ** -s * (0.5 + sum);
  // Smallest first.
  for (let i = terms.length - 1; i >= 0; i--) sum += terms[i] as number;
  return sum;
}

/** (−1)ᵏ (ζ(k) − 1) for k = 2, 3 ...: the Taylor series of the digamma function at 2, and k times that of lgamma. */
const zetaTaylor: readonly number[] = Array.from({ length: 28 }, (_, i) => (-1) ** i * hurwitzZeta(i + 2, 2));

/** 1 − γ, the digamma function of 2. */
const digammaOfTwo = 0.42278433509846713;

/** lgamma(2 + z) for |z| ≤ 1/2; its relative precision holds at the zero z = 0. */
function lgammaNearTwo(z: number): number {
  let sum = 0;
  for (let i = zetaTaylor.length - 1; i >= 0; i--) sum = sum * z + (zetaTaylor[i] as number) / (i + 2);
  return z * (digammaOfTwo + z * sum);
}

/** log |Γ(x)|; Infinity at 0, −1, −2 ... and at ±Infinity. The zeros at negative x have absolute precision only. */
export function lgamma(x: number): number {
  if (x !== x) return nan;
  if (Math.abs(x) === Infinity) return Infinity;
  if (x <= 0 && Number.isInteger(x)) return Infinity;
  if (Math.abs(x) < 0.5) return lgammaNearTwo(x) - Math.log1p(x) - Math.log(Math.abs(x));
  if (x < 0) {
    // Γ(x) Γ(1 − x) = π / sin(πx), with an exact reduction of x.
    const sine = Math.sin(Math.PI * (x - Math.round(x)));
    return Math.log(Math.PI / Math.abs(sine)) - lgamma(1 - x);
  }
  if (x < 1.5) return lgammaNearTwo(x - 1) - Math.log1p(x - 1);
  if (x < 8) {
    let y = x;
    let product = 1;
    while (y >= 2.5) product *= --y;
    return Math.log(product) + lgammaNearTwo(y - 2);
  }
  const z = 1 / (x * x);
  let tail = 0;
  for (let k = 6; k >= 0; k--) tail = tail * z + (bernoulli[k] as number) / ((2 * k + 2) * (2 * k + 1));
  const log = Math.log(x);
  return x * (log - 1) - 0.5 * log + (halfLogTwoPi + tail / x);
}

function digammaNearTwo(z: number): number {
  let sum = 0;
  for (let i = zetaTaylor.length - 1; i >= 0; i--) sum = sum * z + (zetaTaylor[i] as number);
  return digammaOfTwo + z * sum;
}

/** d/dx log |Γ(x)|; −Infinity at 0, Infinity at −0, NaN at −1, −2 ...; absolute precision near its zeros. */
export function digamma(x: number): number {
  if (x === 0) return -1 / x;
  if (x < 0) {
    if (x === -Infinity || Number.isInteger(x)) return nan;
    return digamma(1 - x) - Math.PI / Math.tan(Math.PI * (x - Math.round(x)));
  }
  if (x < 0.5) return digammaNearTwo(x) - 1 / (x + 1) - 1 / x;
  if (x < 1.5) return digammaNearTwo(x - 1) - 1 / x;
  if (x < 2.5) return digammaNearTwo(x - 2);
  let y = x;
  let sum = 0;
  for (; y < 10; y++) sum -= 1 / y;
  const z = 1 / (y * y);
  let tail = 0;
  for (let k = 7; k >= 0; k--) tail = (tail + (bernoulli[k] as number) / (2 * k + 2)) * z;
  return sum + (Math.log(y) - 0.5 / y - tail);
}

/** dⁿ/dxⁿ cot(πx), by its polynomial in c = cot(πx): dc/dx = −π (1 + c²). */
function cotangentDerivative(n: number, x: number): number {
  const c = 1 / Math.tan(Math.PI * (x - Math.round(x)));
  let p = [0, 1];
  for (let k = 0; k < n; k++) {
    const next = new Array<number>(p.length + 1).fill(0);
    for (let i = 1; i < p.length; i++) {
      const slope = -Math.PI * i * (p[i] as number);
      next[i - 1] = (next[i - 1] as number) + slope;
      next[i + 1] = (next[i + 1] as number) + slope;
    }
    p = next;
  }
  return p.reduceRight((sum, coefficient) => sum * c + coefficient, 0);
}

/**
 * The nth derivative of the digamma function; n is rounded to a whole number from 0 (digamma itself) to 170 (the last
 * whose factorial is a float64), else NaN. At the poles 0, −1, −2 ... Infinity where n is odd, else −Infinity, as in PyTorch.
 */
export function polygamma(order: number, x: number): number {
  const n = Math.round(order);
  if (!(n >= 0 && n <= 170) || x !== x || x === -Infinity) return nan;
  if (n === 0) return digamma(x);
  if (x === Infinity) return 0;
  const sign = n % 2 === 0 ? -1 : 1;
  if (x <= 0 && Number.isInteger(x)) return sign * Infinity;
  // ψₙ(1 − x) − (−1)ⁿ ψₙ(x) = (−1)ⁿ π dⁿ/dxⁿ cot(πx)
  if (x < 0) return -sign * polygamma(n, 1 - x) - Math.PI * cotangentDerivative(n, x);
  let factorial = 1;
  for (let k = 2; k <= n; k++) factorial *= k;
  return sign * factorial * hurwitzZeta(n + 1, x);
}

// Powers and remainders

/** aᵇ as C and PyTorch have it: 1 where a is 1, and where a is −1 and b infinite; `Math.pow` gives NaN there. */
export function pow(a: number, b: number): number {
  if (a === 1 || (a === -1 && Math.abs(b) === Infinity)) return 1;
  return a ** b;
}

/** a − b · floor(a / b), with the sign of b, as in Python. */
export function remainder(a: number, b: number): number {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}
