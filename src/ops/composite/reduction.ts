/**
 * Reductions and choices by order, over the kit; running folds are in scan.ts. `dims` are removed from the shape. Values that are
 * chosen are gathers of positions, so that gradients flow to where they came from. Floor: ops.
 */
import { sizeOf } from "../../base/shape.ts";
import { withMode } from "../../ir/mode.ts";
import type { Value } from "../../ir/value.ts";
import type { Kit } from "../kit.ts";
import { table } from "../table.ts";

/** How many elements each result comes from. */
export function countAlong(x: Value, dims: readonly number[]): number {
  return sizeOf(dims.map((d) => x.shape[d] as number));
}

export function mean(k: Kit, x: Value, dims: readonly number[]): Value {
  return k.div(k.sum(x, dims), countAlong(x, dims));
}

/** Σ (x − mean)² / (n − correction), in two passes. */
export function variance(k: Kit, x: Value, dims: readonly number[], correction: number): Value {
  const centred = k.sub(x, k.spread(mean(k, x, dims), x.shape, dims));
  return k.div(k.sum(k.square(centred), dims), Math.max(countAlong(x, dims) - correction, 0));
}

/** √x with the derivative 0 at 0, where that of the root is infinite. */
export function sqrtFlatAtZero(k: Kit, x: Value): Value {
  const zero = k.eq(x, 0);
  return k.where(zero, 0, k.sqrt(k.where(zero, 1, x)));
}

/** log Σ eˣ, shifted by the largest x. */
export function logsumexp(k: Kit, x: Value, dims: readonly number[]): Value {
  // The shift drops out of the result, so it needs no gradient. An infinite one would leave Infinity − Infinity.
  const peak = withMode({ grad: false }, () => {
    const most = k.max(x, dims);
    return k.where(k.map(table.isfinite, most), most, 0);
  });
  return k.add(k.log(k.sum(k.exp(k.sub(x, k.spread(peak, x.shape, dims))), dims)), peak);
}

/** (Σ |x|ᵖ)^(1/p); the largest or smallest |x| for p = ±∞, the number of x ≠ 0 for p = 0. Gradient 0 where x is 0. */
export function norm(k: Kit, x: Value, p: number, dims: readonly number[]): Value {
  const size = k.abs(x);
  if (p === Infinity) return k.max(size, dims);
  if (p === -Infinity) return k.min(size, dims);
  if (p === 0) return k.sum(k.cast(k.ne(x, 0), x.dtype), dims);
  if (p === 1) return k.sum(size, dims);
  if (p === 2) return sqrtFlatAtZero(k, k.sum(k.square(x), dims));
  const zero = k.eq(x, 0);
  const sum = k.sum(k.where(zero, p > 0 ? 0 : Infinity, k.pow(k.where(zero, 1, size), p)), dims);
  const none = k.eq(sum, 0);
  return k.where(none, 0, k.pow(k.where(none, 1, sum), 1 / p));
}

/** Number of elements that are not 0, int32. */
export function countNonzero(k: Kit, x: Value, dims: readonly number[]): Value {
  return k.sum(k.cast(x.dtype === "bool" ? x : k.ne(x, 0), "int32"), dims);
}

/** x with 0 for NaN. */
export function withoutNaN(k: Kit, x: Value): Value {
  return k.where(k.map(table.isnan, x), 0, x);
}

/** Mean of the elements that are not NaN. */
export function nanmean(k: Kit, x: Value, dims: readonly number[]): Value {
  const there = k.cast(k.eq(x, x), x.dtype);
  return k.div(k.sum(withoutNaN(k, x), dims), k.sum(there, dims));
}

/** Applies f, which keeps the rank and works along the last dim, along `dim`. */
export function alongLast(k: Kit, x: Value, dim: number, f: (x: Value) => Value): Value {
  const dims = x.shape.map((_, i) => i);
  const order = [...dims.filter((i) => i !== dim), dim];
  return k.permute(
    f(k.permute(x, order)),
    dims.map((i) => order.indexOf(i)),
  );
}

/** Bool has no order on devices; 0 and 1 have. */
export function orderedType(k: Kit, x: Value): Value {
  return x.dtype === "bool" ? k.cast(x, "uint8") : x;
}

/** Position of the first largest or smallest element along `dim`, which is removed. */
export function extremePosition(k: Kit, x: Value, dim: number, largest: boolean): Value {
  const order = [...x.shape.map((_, i) => i).filter((i) => i !== dim), dim];
  const moved = k.permute(orderedType(k, x), order);
  return largest ? k.argmax(moved) : k.argmin(moved);
}

/** The elements at `index`, which lacks `dim`. */
export function pick(k: Kit, x: Value, index: Value, dim: number): Value {
  const one = k.reshape(index, x.shape.with(dim, 1));
  return k.reshape(k.gather(x, one, dim), index.shape);
}

/** Positions that sort x along `dim`. */
export function sortOrder(k: Kit, x: Value, dim: number, descending: boolean): Value {
  return alongLast(k, orderedType(k, x), dim, (line) => k.sort(line, descending));
}

/** Position of the k-th smallest element along `dim` (from 0), which is removed. */
export function rankPosition(k: Kit, x: Value, dim: number, rank: number): Value {
  return k.reshape(k.range(sortOrder(k, x, dim, false), dim, rank, rank + 1), x.shape.toSpliced(dim, 1));
}

/** Position of the lower median along `dim`, which is removed; where there are NaN, that of the first. */
export function medianPosition(k: Kit, x: Value, dim: number): Value {
  const n = x.shape[dim] as number;
  const middle = rankPosition(k, x, dim, (n - 1) >> 1);
  // NaN counts as the largest, the first of several wins.
  const largest = extremePosition(k, x, dim, true);
  return k.where(k.map(table.isnan, pick(k, x, largest, dim)), largest, middle);
}

/** The same of the elements that are not NaN; where there are only NaN, the position of one. */
export function nanmedianPosition(k: Kit, x: Value, dim: number): Value {
  const count = k.sum(k.cast(k.eq(x, x), "int32"), [dim]);
  const rank = k.map(table.shr, k.relu(k.sub(count, 1)), 1);
  return pick(k, sortOrder(k, x, dim, false), rank, dim);
}

/** The element of x [n] at a position, its gradient shared with all that are equal: a maximum over them. */
export function pickShared(k: Kit, given: Value, position: (x: Value) => Value): Value {
  const x = orderedType(k, given);
  const chosen = withMode({ grad: false }, () => pick(k, x, position(x), 0));
  // Where NaN was chosen nothing is left out, and the maximum is NaN.
  const other = k.and(k.ne(x, chosen), k.eq(chosen, chosen));
  const lowest = x.dtype === "int32" ? -2147483648 : x.dtype === "uint8" ? 0 : -Infinity;
  return k.cast(k.max(k.where(other, lowest, x), [0]), given.dtype);
}

/** Differences of neighbours along `dim`; for bool whether they differ. */
export function diff(k: Kit, x: Value, dim: number): Value {
  const n = Math.max(x.shape[dim] as number, 1);
  const later = k.range(x, dim, Math.min(1, x.shape[dim] as number), x.shape[dim] as number);
  const earlier = k.range(x, dim, 0, n - 1);
  return x.dtype === "bool" ? k.ne(later, earlier) : k.sub(later, earlier);
}
