/**
 * The host functions in C. Those of C itself are called by their names; the others follow base/special-functions.ts.
 * Floor: codegen.
 */
import { type HostFunction, hostFunctions } from "../../base/host-functions.ts";
import { polygamma } from "../../base/special-functions.ts";
import { literal } from "./scalar.ts";

/** Functions that the compiler knows by name; their results are those of the C library. */
const own: ReadonlySet<HostFunction> = new Set<HostFunction>(["remainder", "lgamma", "digamma", "polygamma"]);

/** What a function needs in front of it. */
const needs: Partial<Readonly<Record<HostFunction, readonly HostFunction[]>>> = { polygamma: ["digamma"] };

const head = "static __attribute__((noinline)) double";

/** Definitions of host_NAME for the functions that C text calls. */
export function hostSource(text: string): string {
  const used = new Set(hostFunctions.filter((name) => text.includes(`host_${name}(`)));
  for (const name of used) for (const other of needs[name] ?? []) used.add(other);
  return hostFunctions
    .filter((name) => used.has(name))
    .map((name) => (own.has(name) ? definitions[name] : builtin(name)))
    .join("");
}

function builtin(name: HostFunction): string {
  return `#define host_${name} __builtin_${name}\n`;
}

function table(name: string, numbers: readonly number[]): string {
  return `static const double ${name}[] = {${numbers.map((x) => literal("float64", x)).join(", ")}};\n`;
}

/** Bernoulli numbers B2, B4 ... B18. */
const bernoulli = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798];

/** The Taylor series of the digamma function at 2, without its first term. */
function digammaTaylor(): number[] {
  let factorial = 1;
  return Array.from({ length: 28 }, (_, i) => {
    factorial *= i + 1;
    return polygamma(i + 1, 2) / factorial;
  });
}

const definitions: Readonly<Record<string, string>> = {
  remainder: `${head} host_remainder(double a, double b) {
  const double rest = __builtin_fmod(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}
`,
  lgamma: `extern double lgamma_r(double, int *);
${head} host_lgamma(double x) {
  int sign;
  return lgamma_r(x, &sign);
}
`,
  // −Infinity at 0, Infinity at −0, NaN at −1, −2 ...
  digamma: `${table("digamma_taylor", digammaTaylor())}${table("bernoulli", bernoulli)}
static double digamma_near_two(double z) {
  double sum = 0;
  for (int i = 27; i >= 0; i--) sum = sum * z + digamma_taylor[i];
  return 0.42278433509846713 + z * sum;
}
${head} host_digamma(double x) {
  if (x == 0) return -1 / x;
  double more = 0;
  if (x < 0) {
    if (x == __builtin_floor(x)) return __builtin_nan("");
    const double pi = 3.141592653589793;
    more = -pi / __builtin_tan(pi * (x - __builtin_floor(x + 0.5)));
    x = 1 - x;
  }
  if (x < 0.5) return more + (digamma_near_two(x) - 1 / (x + 1) - 1 / x);
  if (x < 1.5) return more + (digamma_near_two(x - 1) - 1 / x);
  if (x < 2.5) return more + digamma_near_two(x - 2);
  double sum = 0;
  for (; x < 10; x++) sum -= 1 / x;
  const double z = 1 / (x * x);
  double tail = 0;
  for (int k = 7; k >= 0; k--) tail = (tail + bernoulli[k] / (2 * k + 2)) * z;
  return more + (sum + (__builtin_log(x) - 0.5 / x - tail));
}
`,
  polygamma: `static double hurwitz_zeta(double s, double a) {
  const double from = 10 + s;
  double terms[192], x = a;
  int count = 0;
  for (; x < from; x++) terms[count++] = __builtin_pow(x, -s);
  double sum = 0, factor = s / (2 * x);
  for (int j = 0; j < 9; j++) {
    sum += bernoulli[j] * factor;
    factor *= ((s + 2 * j + 1) * (s + 2 * j + 2)) / ((2 * j + 3) * (2 * j + 4) * x * x);
  }
  sum = __builtin_pow(x, 1 - s) / (s - 1) + __builtin_pow(x, -s) * (0.5 + sum);
  while (count > 0) sum += terms[--count];
  return sum;
}
static double cotangent_derivative(int n, double x) {
  const double pi = 3.141592653589793, c = 1 / __builtin_tan(pi * (x - __builtin_floor(x + 0.5)));
  double p[174] = {0, 1}, next[174];
  for (int k = 0; k < n; k++) {
    for (int i = 0; i <= k + 2; i++) next[i] = 0;
    for (int i = 1; i <= k + 1; i++) {
      const double slope = -pi * i * p[i];
      next[i - 1] += slope;
      next[i + 1] += slope;
    }
    for (int i = 0; i <= k + 2; i++) p[i] = next[i];
  }
  double sum = 0;
  for (int i = n + 1; i >= 0; i--) sum = sum * c + p[i];
  return sum;
}
${head} host_polygamma(double order, double x) {
  const double n = __builtin_floor(order + 0.5);
  if (!(n >= 0 && n <= 170) || x != x || x == -__builtin_inf()) return __builtin_nan("");
  if (n == 0) return host_digamma(x);
  if (x == __builtin_inf()) return 0;
  const double sign = (int)n % 2 == 0 ? -1 : 1;
  if (x <= 0 && x == __builtin_floor(x)) return sign * __builtin_inf();
  double factorial = 1;
  for (int k = 2; k <= n; k++) factorial *= k;
  if (x > 0) return sign * factorial * hurwitz_zeta(n + 1, x);
  return -sign * (sign * factorial * hurwitz_zeta(n + 1, 1 - x)) - 3.141592653589793 * cotangent_derivative((int)n, x);
}
`,
};
