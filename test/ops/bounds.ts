/**
 * How far the float32 results of an elementwise record may be from the exact ones, in units of the last place. For
 * lines of instructions that is the largest error over all float32, as scripts/ulp.ts finds it, rounded up; else the
 * rounding of the exact result, with a little for a host function's own rounding.
 */
const lines: Readonly<Record<string, number>> = {
  exp: 1.05,
  exp2: 1.05,
  expm1: 1.72,
  log: 0.84,
  log2: 0.89,
  log10: 0.85,
  log1p: 1.4,
  tanh: 1.96,
  sigmoid: 2.49,
  erf: 2.87,
  sin: 0.501,
  cos: 0.501,
  tan: 0.502,
  rsqrt: 1.5,
};

export function float32Bound(name: string): number {
  return lines[name] ?? 0.5 + 1e-6;
}
