/** What rounding leaves of a 0 in float64, such as 0.1 + 0.2 − 0.3, is 0; all other numbers stay as they are. */
export function withoutNoise(value: number): number {
  return Math.abs(value) < 1e-12 ? 0 : value;
}
