/** Multiplication and addition in one, rounded once: what `multiplyAdd` means where vectors can. Knows float32 only. */

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);
/** The lower half of a float64 in memory. */
const low = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 0 : 1;

/** The neighbour of a finite number other than 0, further from 0 or closer to it. */
function neighbour(x: number, further: boolean): number {
  float[0] = x;
  const [lower, upper] = [words[low] as number, words[1 - low] as number];
  const next = further ? lower + 1 : lower - 1;
  words[low] = next;
  if (next < 0 || next > 0xffffffff) words[1 - low] = further ? upper + 1 : upper - 1;
  return float[0];
}

/**
 * x y + z of float32 numbers. The product is exact in float64. A sum that is not becomes its odd neighbour, so that rounding it to
 * float32 rounds the exact sum: Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums" (2008).
 */
export function multiplyAdd(x: number, y: number, z: number): number {
  const product = x * y;
  const sum = product + z;
  const part = sum - product;
  const lost = product - (sum - part) + (z - part);
  float[0] = sum;
  if (!Number.isFinite(sum) || lost === 0 || ((words[low] as number) & 1) === 1) return Math.fround(sum);
  return Math.fround(neighbour(sum, lost > 0 === sum > 0));
}
