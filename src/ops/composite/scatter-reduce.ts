/** Folds of what is scattered to one place: sums, means, products, largest and smallest. Floor: ops. */
import { isFloating } from "../../base/dtype.ts";
import { withMode } from "../../ir/mode.ts";
import type { Value } from "../../ir/value.ts";
import type { Kit } from "../kit.ts";
import { table } from "../table.ts";
import { divFloor } from "./elementwise.ts";
import { addAt, hits, padTo, scatterSum, sortPlaces } from "./indexing.ts";

export const scatterFolds = ["sum", "prod", "mean", "amax", "amin"] as const;
export type ScatterFold = (typeof scatterFolds)[number];

/** What is scattered where, as in composite/indexing.ts. */
interface Writing {
  readonly x: Value;
  readonly index: Value;
  readonly source: Value;
  readonly dim: number;
}

/**
 * x folded with all of source that goes to a place: y[..., index, ...] = fold of x[..., index, ...], if `withSelf`, and
 * source. Places that nothing goes to stay as they are.
 */
export function reduceAt(k: Kit, given: Writing, fold: ScatterFold, withSelf: boolean): Value {
  const { dtype } = given.x;
  if (dtype === "bool") {
    const ints = { ...given, x: k.cast(given.x, "int32"), source: k.cast(given.source, "int32") };
    return k.cast(reduceAt(k, ints, fold, withSelf), dtype);
  }
  const { x, index, source, dim } = given;
  const one = k.full(index.shape, 1, "int32");
  const hit = hits(k, x, index, one, dim, source.shape);
  if (fold === "prod") return product(k, given, hit, withSelf);
  if (fold === "amax" || fold === "amin") return extreme(k, given, hit, withSelf, fold);
  const sum = addAt(k, withSelf ? x : k.where(hit, 0, x), index, source, dim);
  if (fold === "sum") return sum;
  const scattered = k.scatter(index, one, dim, x.shape[dim] as number);
  const counts = padTo(k, k.expand(scattered, source.shape.with(dim, x.shape[dim] as number)), x.shape);
  const divisor = k.cast(withSelf ? k.add(counts, 1) : k.maximum(counts, 1), dtype);
  return isFloating(dtype) ? k.div(sum, divisor) : divFloor(k, sum, divisor);
}

/** All of source that goes to a place, folded; 0 where nothing goes. Runs of equal positions are folded by doubling. */
function folded(k: Kit, given: Writing, neutral: number, join: (a: Value, b: Value) => Value): Value {
  const { x, index, source, dim } = given;
  const { places, isLast, moved } = sortPlaces(k, index, source, dim);
  const n = source.shape[dim] as number;
  let y = moved;
  for (let by = 1; by < n; by *= 2) {
    const isSame = k.eq(k.range(places, dim, by, n), k.range(places, dim, 0, n - by));
    const before = k.where(isSame, k.range(y, dim, 0, n - by), neutral);
    y = k.concat([k.range(y, dim, 0, by), join(k.range(y, dim, by, n), before)], dim);
  }
  return padTo(k, scatterSum(k, places, k.where(isLast, y, 0), dim, x.shape[dim] as number), x.shape);
}

function product(k: Kit, given: Writing, hit: Value, withSelf: boolean): Value {
  const scattered = folded(k, given, 1, (a, b) => k.mul(a, b));
  return k.where(hit, withSelf ? k.mul(given.x, scattered) : scattered, given.x);
}

/** The gradient goes to all that are equal to the result, in equal shares, as in PyTorch. */
function extreme(k: Kit, given: Writing, hit: Value, withSelf: boolean, fold: "amax" | "amin"): Value {
  const { x, index, source, dim } = given;
  const join = (a: Value, b: Value): Value => (fold === "amax" ? k.maximum(a, b) : k.minimum(a, b));
  const shares = withMode({ grad: false }, () => {
    const scattered = folded(k, given, worst(x, fold), join);
    const most = k.where(hit, withSelf ? join(x, scattered) : scattered, x);
    if (!isFloating(x.dtype)) return { most };
    const part = k.slice(
      most,
      x.shape.map(() => 0),
      x.shape.map(() => 1),
      source.shape.with(dim, x.shape[dim] as number),
    );
    const fromSource = k.eq(source, k.gather(part, k.expand(index, source.shape), dim));
    const fromSelf = withSelf ? k.eq(x, most) : k.negate(hit);
    const count = addAt(k, k.cast(fromSelf, x.dtype), index, k.cast(fromSource, x.dtype), dim);
    return { most, fromSelf, fromSource, count: k.maximum(count, 1) };
  });
  const { most, fromSelf, fromSource, count } = shares;
  if (count === undefined || (!x.requiresGrad && !source.requiresGrad)) return most;
  // Its value is `most`, too; the difference to itself adds nothing but the derivative.
  const mean = k.div(addAt(k, k.where(fromSelf, x, 0), index, k.where(fromSource, source, 0), dim), count);
  const still = withMode({ grad: false }, () => k.alias(mean));
  return k.add(most, k.where(k.map(table.isfinite, mean), k.sub(mean, still), 0));
}

/** What every element is better than. */
function worst(x: Value, fold: "amax" | "amin"): number {
  const sign = fold === "amax" ? -1 : 1;
  if (isFloating(x.dtype)) return sign * Number.POSITIVE_INFINITY;
  if (x.dtype === "uint8") return fold === "amax" ? 0 : 255;
  return fold === "amax" ? -2147483648 : 2147483647;
}
