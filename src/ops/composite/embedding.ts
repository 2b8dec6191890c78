/** Rows of a table chosen by numbers. Floor: ops. */
import { sizeOf } from "../../base/shape.ts";
import { withMode } from "../../ir/mode.ts";
import type { Value } from "../../ir/value.ts";
import type { Kit } from "../kit.ts";
import { reduceAt } from "./scatter-reduce.ts";

/** y[..., :] = w[index[...], :]: w [V, D], index int32, y [...index, D]. Rows of number `padding` get no gradient. */
export function embeddingRows(k: Kit, w: Value, index: Value, padding: number | undefined): Value {
  const size = sizeOf(index.shape);
  const [, width] = w.shape as [number, number];
  const line = k.reshape(index, [size, 1]);
  let rows = k.gather(w, k.expand(line, [size, width]), 0);
  if (padding !== undefined && w.requiresGrad) {
    const still = withMode({ grad: false }, () => k.alias(rows));
    rows = k.where(k.eq(line, padding), still, rows);
  }
  return k.reshape(rows, [...index.shape, width]);
}

/** w with the rows that `index` names scaled down to at most `maxNorm` in the p-norm; the others as they are. */
export function limitRows(k: Kit, w: Value, index: Value, maxNorm: number, p: number): Value {
  const size = sizeOf(index.shape);
  const [count] = w.shape as [number, number];
  const uses = k.scatter(k.reshape(index, [size]), k.full([size], 1, w.dtype), 0, count);
  const powers = k.sum(p === 2 ? k.square(w) : k.pow(k.abs(w), p), [1]);
  const norm = p === 2 ? k.sqrt(powers) : k.pow(powers, 1 / p);
  const tooLong = k.and(k.gt(uses, 0), k.gt(norm, maxNorm));
  const scale = k.where(tooLong, k.div(maxNorm, k.add(norm, 1e-7)), 1);
  return k.mul(w, k.spread(scale, w.shape, [1]));
}

export const bagModes = ["sum", "mean", "max"] as const;
/** How the rows of a bag are joined. */
export type BagMode = (typeof bagModes)[number];

/**
 * The bag of each of n places, int32 [n]: bag i starts at offsets[i], which do not decrease. A place in front of the first
 * has −1.
 */
export function bagsOf(k: Kit, offsets: Value, n: number): Value {
  const starts = k.scatter(offsets, k.full(offsets.shape, 1, "int32"), 0, n + 1);
  return k.sub(k.cumulate(k.range(starts, 0, 0, n)), 1);
}

/**
 * Rows [n, D] joined by bag: bags int32 [n], y [count, D]. Rows whose bag is `count` are left out; an empty bag gives 0.
 */
export function joinBags(k: Kit, rows: Value, bags: Value, count: number, mode: BagMode): Value {
  const [n, width] = rows.shape as [number, number];
  const index = k.expand(k.reshape(bags, [n, 1]), [n, width]);
  if (mode === "max") {
    const none = k.full([count + 1, width], 0, rows.dtype);
    const largest = reduceAt(k, { x: none, index, source: rows, dim: 0 }, "amax", false);
    return k.range(largest, 0, 0, count);
  }
  const sums = k.range(k.scatter(index, rows, 0, count + 1), 0, 0, count);
  if (mode === "sum") return sums;
  const sizes = k.range(k.scatter(bags, k.full([n], 1, rows.dtype), 0, count + 1), 0, 0, count);
  return k.div(sums, k.reshape(k.maximum(sizes, 1), [count, 1]));
}
