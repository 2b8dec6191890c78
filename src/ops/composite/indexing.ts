/** Reading and writing at positions given as tensors. Positions are int32 and count from the front. Floor: ops. */
import { isFloating } from "../../base/dtype.ts";
import { sizeOf } from "../../base/shape.ts";
import type { Value } from "../../ir/value.ts";
import type { Kit } from "../kit.ts";
import { makeLeaf } from "../leaf.ts";
import { add } from "./elementwise.ts";

/**
 * A slice. One block of consecutive elements of data in JavaScript's memory is no work at all: it is a leaf over a part
 * of that memory, so that a batch taken from a data set at another place each step has the same structure each step.
 */
export function block(
  k: Kit,
  x: Value,
  start: readonly number[],
  step: readonly number[],
  size: readonly number[],
): Value {
  const cut = size.findLastIndex((n, i) => n !== x.shape[i]);
  const whole = size.every((n, i) => (i >= cut || n === 1) && (step[i] === 1 || n === 1));
  const leaf = x.leaf;
  if (leaf?.kind !== "data" || x.requiresGrad || cut < 0 || !whole) return k.slice(x, start, step, size);
  const row = sizeOf(x.shape.slice(cut + 1));
  const at = start.slice(0, cut + 1).reduce((place, s, i) => place * (x.shape[i] as number) + s, 0) * row;
  return makeLeaf(size, x.dtype, { kind: "data", data: leaf.data.subarray(at, at + sizeOf(size)) });
}

/** A reshape, which is no work for data in JavaScript's memory either. */
export function reshaped(k: Kit, x: Value, shape: readonly number[]): Value {
  if (x.leaf?.kind !== "data" || x.requiresGrad) return k.reshape(x, shape);
  return makeLeaf(shape, x.dtype, x.leaf);
}

/** Elements from `start` to `end` (not included) along one dim. */
export function blockAlong(k: Kit, x: Value, dim: number, start: number, end: number): Value {
  const size = x.shape.with(dim, end - start);
  return block(
    k,
    x,
    x.shape.map((_, i) => (i === dim ? start : 0)),
    x.shape.map(() => 1),
    size,
  );
}

/** Negative positions count from the end: i + size where i < 0. */
export function wrapIndex(k: Kit, index: Value, size: number): Value {
  return k.where(k.lt(index, 0), k.add(index, size), index);
}

/** The same positions; a device faults where one is not from 0 to size − 1, however the result is used. */
export function checkedIndex(k: Kit, index: Value, size: number): Value {
  const line = k.reshape(index, [sizeOf(index.shape)]);
  return k.reshape(k.gather(k.iota([size], 0), line, 0), index.shape);
}

/** The three dims that an operation along `dim` sees: all in front, the dim, all behind. */
export function foldAround(shape: readonly number[], dim: number): [number, number, number] {
  return [sizeOf(shape.slice(0, dim)), shape[dim] as number, sizeOf(shape.slice(dim + 1))];
}

/** x read at positions [n] along `dim`: [..., n, ...]. */
export function takeAt(k: Kit, x: Value, index: Value, dim: number): Value {
  const [before, size, after] = foldAround(x.shape, dim);
  const n = sizeOf(index.shape);
  const places = k.expand(k.reshape(index, [1, n, 1]), [before, n, after]);
  return k.reshape(k.gather(k.reshape(x, [before, size, after]), places, 1), x.shape.with(dim, n));
}

/**
 * Zeros with x added at index along `dim`, in the dtype of x; bool becomes "any". `index` has the shape of x, or 1 in
 * dims where it is the same all along.
 */
export function scatterSum(k: Kit, index: Value, x: Value, dim: number, size: number): Value {
  const wide = isFloating(x.dtype) ? x : k.cast(x, "int32");
  return k.cast(k.scatter(k.expand(index, x.shape), wide, dim, size), x.dtype);
}

/** A tensor whose extents are at most those of `shape`, put at its start and filled up with zeros. */
export function padTo(k: Kit, x: Value, shape: readonly number[]): Value {
  return k.pad(
    x,
    shape.map(() => 0),
    shape.map((n, i) => n - (x.shape[i] as number)),
  );
}

/**
 * x + what is scattered: x[..., index, ...] += source along `dim`. Extents of index are those of source, or 1 in dims
 * where it is the same all along; those of x are as large or larger. So it is for all functions below.
 */
export function addAt(k: Kit, x: Value, index: Value, source: Value, dim: number): Value {
  return add(k, x, padTo(k, scatterSum(k, index, source, dim, x.shape[dim] as number), x.shape));
}

/**
 * Whether x is written to at a place, bool: `counts` is scattered, repeated to the extents `shape` of what is written,
 * and filled up to x.
 */
export function hits(k: Kit, x: Value, index: Value, counts: Value, dim: number, shape: readonly number[]): Value {
  const size = x.shape[dim] as number;
  const hit = k.gt(k.scatter(index, counts, dim, size), 0);
  return padTo(k, k.expand(hit, shape.with(dim, size)), x.shape);
}

/**
 * x[..., index, ...] = value along `dim`, where `shape` is what a source in place of the value would have.
 * `value` has the dtype of x and a shape that broadcasts to it.
 */
export function fillAt(k: Kit, x: Value, index: Value, value: Value, dim: number, shape = index.shape): Value {
  return k.where(hits(k, x, index, k.full(index.shape, 1, "int32"), dim, shape), value, x);
}

/** Positions in increasing order, equal ones in their old order. */
export interface SortedPlaces {
  readonly places: Value;
  /** Whether the next position is another one: bool. */
  readonly isLast: Value;
  /** The source in the order of the positions. */
  readonly moved: Value;
}

/** Sorts positions and a source along `dim`, so that what goes to one place stands side by side. */
export function sortPlaces(k: Kit, index: Value, source: Value, dim: number): SortedPlaces {
  const n = index.shape[dim] as number;
  // One position for each place, or none: there is nothing to sort.
  if (n <= 1) return { places: index, isLast: k.full(index.shape, 1, "bool"), moved: source };
  const last = index.shape.length - 1;
  const line = k.transpose(index, dim, last);
  const order = k.sort(line, false);
  const sorted = k.gather(line, order, last);
  const changes = k.ne(k.range(sorted, last, 0, n - 1), k.range(sorted, last, 1, n));
  const isLast = k.concat([changes, k.full(line.shape.with(last, 1), 1, "bool")], last);
  return {
    places: k.transpose(sorted, dim, last),
    isLast: k.transpose(isLast, dim, last),
    moved: k.gather(source, k.expand(k.transpose(order, dim, last), source.shape), dim),
  };
}

/**
 * x[..., index, ...] = source along `dim`. Where a position comes twice the last one wins, and only it gets a gradient:
 * the positions are sorted, and all but the last of each run write nothing.
 */
export function setAt(k: Kit, x: Value, index: Value, source: Value, dim: number): Value {
  const { places, isLast, moved } = sortPlaces(k, index, source, dim);
  const placed = padTo(k, scatterSum(k, places, k.where(isLast, moved, 0), dim, x.shape[dim] as number), x.shape);
  return k.where(hits(k, x, places, k.cast(isLast, "int32"), dim, source.shape), placed, x);
}
