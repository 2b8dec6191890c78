/** Errors in units of the last place, for tests of rounded results. */

const formats = {
  float32: { digits: 23, lowest: -126, limit: 2 ** 128 },
  float64: { digits: 52, lowest: -1022, limit: Infinity },
} as const;

/**
 * How far `got` is from the float64 number `exact`, in units of the last place of `dtype` at `exact`. Infinity counts as
 * the number after the largest float32. NaN is at Infinity from every number, and at 0 from NaN.
 */
export function ulpError(dtype: "float32" | "float64", got: number, exact: number): number {
  if (got !== got || exact !== exact) return got !== got && exact !== exact ? 0 : Infinity;
  if (got === exact) return 0;
  const { digits, lowest, limit } = formats[dtype];
  const near = Math.abs(dtype === "float32" ? Math.fround(exact) : exact);
  const exponent = Math.max(lowest, Math.floor(Math.log2(Math.min(near, Number.MAX_VALUE))));
  const bounded = (x: number): number => Math.max(-limit, Math.min(limit, x));
  return Math.abs(bounded(got) - bounded(exact)) / 2 ** (Math.min(exponent, Math.log2(limit) - 1) - digits);
}
