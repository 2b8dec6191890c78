/** Comparison, choice and casts. Floor: ops. */
import type { Dtype } from "../base/dtype.ts";
import { castElement, dtypes, isFloating } from "../base/dtype.ts";
import type { OpDef } from "../ir/op.ts";
import type { Comparison, Scalar } from "../ir/scalar.ts";
import type { Value } from "../ir/value.ts";
import { anyDtype, elementwise } from "./record.ts";

function comparison(name: Comparison, doc: string, evaluate: (a: number, b: number) => boolean): OpDef {
  return elementwise(name, {
    doc,
    accepts: anyDtype,
    gives: "bool",
    evaluate: (a, b) => (evaluate(a, b) ? 1 : 0),
    lower: (s, [a, b]) => s.compare(name, a as Scalar, b as Scalar),
    vjp: null,
  });
}

export const eq = comparison("eq", "equal; NaN equals nothing", (a, b) => a === b);
export const ne = comparison("ne", "not equal", (a, b) => a !== b);
export const lt = comparison("lt", "less", (a, b) => a < b);
export const le = comparison("le", "less or equal", (a, b) => a <= b);
export const gt = comparison("gt", "greater", (a, b) => a > b);
export const ge = comparison("ge", "greater or equal", (a, b) => a >= b);

/** y = a where the condition holds, else b.  da = dy where it holds, else 0; db the other way round. */
export const where = elementwise("where", {
  doc: "one or the other, by a condition",
  accepts: anyDtype,
  evaluate: (c, a, b) => (c !== 0 ? a : b),
  lower: (s, [c, a, b]) => s.select(c as Scalar, a as Scalar, b as Scalar),
  vjp: (k, g, [c]) => [undefined, k.where(c as Value, g, 0), k.where(c as Value, 0, g)],
});

function castTo(to: Dtype): OpDef {
  return elementwise(`cast_${to}`, {
    doc: `elements as ${to}`,
    accepts: anyDtype,
    gives: to,
    evaluate: (x) => castElement(to, x),
    lower: (s, [x]) => s.cast(x as Scalar, to),
    vjp: (k, g, [x]) => [isFloating((x as Value).dtype) ? k.cast(g, (x as Value).dtype) : undefined],
  });
}

/** One cast for each target dtype. dx = dy in the dtype of x. */
export const cast: Readonly<Record<Dtype, OpDef>> = Object.fromEntries(dtypes.map((d) => [d, castTo(d)])) as Record<
  Dtype,
  OpDef
>;

/** y = x, with new elements of its own. dx = dy. */
export const copy = elementwise("copy", {
  doc: "the same elements, copied",
  accepts: anyDtype,
  evaluate: (x) => x,
  lower: (_s, [x]) => x as Scalar,
  vjp: (_k, g) => [g],
});
