/** A captured value as rows and columns: the last dim is a row, all dims before it are the rows. */
import type { TraceValue } from "twopass/inspect";

export interface Grid {
  readonly rows: number;
  readonly columns: number;
  readonly data: readonly number[];
  /** The largest finite |x|. */
  readonly limit: number;
}

/** @returns undefined for what was not captured whole, and for nothing at all. */
export function gridOf(value: TraceValue | undefined, shape: readonly number[]): Grid | undefined {
  if (value?.kind !== "elements" || value.data.length === 0) return undefined;
  const { data } = value;
  const columns = shape.at(-1) ?? 1;
  const limit = data.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 0);
  return { rows: data.length / columns, columns, data, limit };
}
