/** Running folds along a dim, over the kit: y[i] = x[0] ∘ ... ∘ x[i]. Floor: ops. */
import { isFloating } from "../../base/dtype.ts";
import { withMode } from "../../ir/mode.ts";
import type { Value } from "../../ir/value.ts";
import type { Kit } from "../kit.ts";
import { logaddexp } from "./elementwise.ts";
import { alongLast, orderedType } from "./reduction.ts";
import { table } from "../table.ts";

/** Running sum. */
export function cumsum(k: Kit, x: Value, dim: number): Value {
  return alongLast(k, x, dim, (line) => k.cumulate(line));
}

/** Elements moved `by` places up along `dim`, `fill` in front. */
function shifted(k: Kit, x: Value, dim: number, by: number, fill: number): Value {
  const none = x.shape.map(() => 0);
  return k.pad(k.range(x, dim, 0, (x.shape[dim] as number) - by), none.with(dim, by), none, fill);
}

/** Any associative operation with a neutral element, by log₂ n rounds of y[i] ∘ y[i − 2ʳ]. */
function byDoubling(k: Kit, x: Value, dim: number, neutral: number, join: (a: Value, b: Value) => Value): Value {
  let y = x;
  for (let by = 1; by < (x.shape[dim] as number); by *= 2) y = join(y, shifted(k, y, dim, by, neutral));
  return y;
}

/** Running product. Its gradient needs no division by an x that is 0. */
export function cumprod(k: Kit, x: Value, dim: number): Value {
  return byDoubling(k, x, dim, 1, (a, b) => k.mul(a, b));
}

/** Running log Σ eˣ. */
export function logcumsumexp(k: Kit, x: Value, dim: number): Value {
  return byDoubling(k, x, dim, -Infinity, (a, b) => logaddexp(k, a, b));
}

/** Position of the largest or smallest element so far, int32: the last of equal ones; NaN wins over all. */
export function runningPosition(k: Kit, given: Value, dim: number, largest: boolean): Value {
  return withMode({ grad: false }, () => {
    let x = orderedType(k, given);
    const worst = largest ? lowest(x) : highest(x);
    let position = k.iota(x.shape, dim);
    for (let by = 1; by < (x.shape[dim] as number); by *= 2) {
      const before = shifted(k, x, dim, by, worst);
      const better = k.or(largest ? k.ge(x, before) : k.le(x, before), k.map(table.isnan, x));
      position = k.where(better, position, shifted(k, position, dim, by, 0));
      x = k.where(better, x, before);
    }
    return position;
  });
}

function lowest(x: Value): number {
  return isFloating(x.dtype) ? -Infinity : x.dtype === "int32" ? -2147483648 : 0;
}

function highest(x: Value): number {
  return isFloating(x.dtype) ? Infinity : x.dtype === "int32" ? 2147483647 : 255;
}
