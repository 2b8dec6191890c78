/** Dropout: elements set to zero at random, the others scaled up. Floor: ops. */
import { type Shape, sizeOf } from "../../base/shape.ts";
import type { Value } from "../../ir/value.ts";
import type { Kit } from "../kit.ts";
import { table } from "../table.ts";

/** Random numbers are compared as whole numbers of 24 bits. */
export const dropoutSteps = 2 ** 24;

/**
 * y = x · scale where a random number of 24 bits is at least `threshold`, else 0. `shape` is x's shape or one that
 * broadcasts to it (1 where elements share their fate). key0, key1 and threshold are int32 [], scale has x's dtype, [].
 */
export function dropout(
  k: Kit,
  x: Value,
  shape: Shape,
  random: { readonly key0: Value; readonly key1: Value; readonly threshold: Value; readonly scale: Value },
): Value {
  const bits = k.randomBits(sizeOf(shape), random.key0, random.key1);
  const kept = k.ge(k.map(table.ushr, bits, 8), random.threshold);
  return k.where(k.reshape(kept, shape), k.mul(x, random.scale), 0);
}
