/** Summaries of lists of times. */

/** The value below which a share of the list lies; the list is not changed. */
export function quantile(list: readonly number[], share: number): number {
  const sorted = [...list].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  if (low === undefined || high === undefined) return Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

export function median(list: readonly number[]): number {
  return quantile(list, 0.5);
}

/** Five digits: more says nothing. */
export function round(x: number, digits = 5): number {
  return Number(x.toPrecision(digits));
}

/** A time or a rate with three digits. */
export function show(x: number): string {
  if (!Number.isFinite(x)) return "";
  if (x >= 100) return x.toFixed(0);
  return x >= 10 ? x.toFixed(1) : x >= 1 ? x.toFixed(2) : x >= 0.1 ? x.toFixed(3) : x.toFixed(4);
}
