/** Dropout: elements left out at random, the others scaled up or shifted. Floor: ops. */
import { type Shape, sizeOf } from "../../base/shape.ts";
import type { Value } from "../../ir/value.ts";
import type { Kit } from "../kit.ts";
import { table } from "../table.ts";

/** Random numbers are compared as whole numbers of 24 bits. */
export const dropoutSteps = 2 ** 24;

/** What decides which elements stay, as int32 []: a random number of 24 bits must be at least `threshold`. */
export interface Fate {
  readonly key0: Value;
  readonly key1: Value;
  readonly threshold: Value;
}

/** Which elements stay, bool. `shape` is x's shape or one that broadcasts to it (1 where elements share their fate). */
function kept(k: Kit, shape: Shape, fate: Fate): Value {
  const bits = k.randomBits(sizeOf(shape), fate.key0, fate.key1);
  return k.reshape(k.ge(k.map(table.ushr, bits, 8), fate.threshold), shape);
}

/** y = x · scale where x stays, else 0. `scale` has x's dtype, []. */
export function dropout(k: Kit, x: Value, shape: Shape, fate: Fate & { readonly scale: Value }): Value {
  return k.where(kept(k, shape, fate), k.mul(x, fate.scale), 0);
}

/** y = x · scale + shift where x stays, else `dropped`; all three have x's dtype, []. */
export function alphaDropout(
  k: Kit,
  x: Value,
  shape: Shape,
  fate: Fate & { readonly scale: Value; readonly shift: Value; readonly dropped: Value },
): Value {
  return k.where(kept(k, shape, fate), k.add(k.mul(x, fate.scale), fate.shift), fate.dropped);
}
