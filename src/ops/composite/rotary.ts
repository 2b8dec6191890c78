/** The rotation by which rotary encodings note places. Floor: ops. */
import type { Value } from "../../ir/value.ts";
import type { Kit } from "../kit.ts";

/** The pairs of the last dim turned by angles: a cos − b sin and a sin + b cos; cos and sin [..., D / 2] broadcast. */
export function rotatePairs(k: Kit, x: Value, cos: Value, sin: Value, interleaved: boolean): Value {
  const last = x.shape.length - 1;
  const half = (x.shape[last] as number) / 2;
  const turned = (a: Value, b: Value): [Value, Value] => [
    k.sub(k.mul(a, cos), k.mul(b, sin)),
    k.add(k.mul(a, sin), k.mul(b, cos)),
  ];
  if (!interleaved) return k.concat(turned(k.range(x, last, 0, half), k.range(x, last, half, 2 * half)), last);
  const outer = x.shape.slice(0, -1);
  const pairs = k.reshape(x, [...outer, half, 2]);
  const side = (i: number): Value => k.reshape(k.range(pairs, last + 1, i, i + 1), [...outer, half]);
  const both = turned(side(0), side(1)).map((y) => k.reshape(y, [...outer, half, 1]));
  return k.reshape(k.concat(both, last + 1), x.shape);
}
