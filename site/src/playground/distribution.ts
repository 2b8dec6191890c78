/** How the numbers of a tensor are distributed: as the trace counted them, or counted here where it kept them all. */
import type { TraceHistogram, TraceValue } from "twopass/inspect";

const bins = 32;

export function histogramOf(value: TraceValue): Pick<TraceHistogram, "from" | "to" | "counts"> {
  if (value.kind === "statistics") return value.histogram;
  const finite = value.data.filter(Number.isFinite);
  const from = finite.reduce((least, x) => Math.min(least, x), Infinity);
  const to = finite.reduce((most, x) => Math.max(most, x), -Infinity);
  const counts = new Array<number>(bins).fill(0);
  if (finite.length === 0) return { from: 0, to: 0, counts };
  for (const x of finite) {
    // The largest belongs to the last bin.
    const bin = to > from ? Math.min(bins - 1, Math.floor((bins * (x - from)) / (to - from))) : 0;
    counts[bin] = (counts[bin] as number) + 1;
  }
  return { from, to, counts };
}
