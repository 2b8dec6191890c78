/** Elementwise remainders, reciprocals, sign and kinds of numbers: a few instructions each. Floor: ops. */
import { remainder as flooredRemainder } from "../base/special-functions.ts";
import type { OpDef } from "../ir/op.ts";
import type { Scalar, ScalarBuilder } from "../ir/scalar.ts";
import type { Value } from "../ir/value.ts";
import { isFloating } from "../base/dtype.ts";
import { hosted } from "./host-call.ts";
import { type Rule, anyDtype, elementwise, floating, numeric } from "./record.ts";

/** y = 1 / x.  dx = −y² dy. */
export const reciprocal = elementwise("reciprocal", {
  doc: "one over x",
  accepts: floating,
  evaluate: (x) => 1 / x,
  lower: (s, [x]) => s.div(s.like(x as Scalar, 1), x as Scalar),
  vjp: (k, g, _inputs, y) => [k.neg(k.mul(g, k.square(y)))],
  cost: 4,
  sample: { from: 0.5, to: 3 },
});

/** y = 1 / √x.  dx = −y³ dy / 2. */
export const rsqrt = elementwise("rsqrt", {
  doc: "one over the square root",
  accepts: floating,
  evaluate: (x) => 1 / Math.sqrt(x),
  lower: (s, [x]) => s.div(s.like(x as Scalar, 1), s.op("sqrt", x as Scalar)),
  vjp: (k, g, _inputs, y) => [k.mul(k.mul(g, -0.5), k.mul(y, k.square(y)))],
  cost: 8,
  sample: { from: 0.2, to: 4 },
});

/** y = −1, 0 or 1; x itself where it is a zero or NaN.  dx = 0. */
export const sign = elementwise("sign", {
  doc: "minus one, zero or one",
  accepts: numeric,
  evaluate: Math.sign,
  lower: (s, [x], out) => {
    const [a, one] = [x as Scalar, s.like(x as Scalar, 1)];
    if (out === "uint8") return s.op("min", a, one);
    const zero = s.like(a, 0);
    return s.select(s.compare("gt", a, zero), one, s.select(s.compare("lt", a, zero), s.like(a, -1), a));
  },
  vjp: (k, g) => [k.full(g.shape, 0, g.dtype)],
  cost: 4,
  sample: { from: -2, to: 2, except: [0] },
});

/** A question about a float; integers have one answer. */
function question(
  name: string,
  doc: string,
  ofInteger: 0 | 1,
  evaluate: (x: number) => boolean,
  lower: (s: ScalarBuilder, x: Scalar) => Scalar,
): OpDef {
  return elementwise(name, {
    doc,
    accepts: anyDtype,
    gives: "bool",
    evaluate: (x) => (evaluate(x) ? 1 : 0),
    lower: (s, [x]) => (isFloating((x as Scalar).dtype) ? lower(s, x as Scalar) : s.constant(ofInteger, "bool")),
    vjp: null,
  });
}

export const isnan = question("isnan", "whether x is NaN", 0, Number.isNaN, (s, x) => s.compare("ne", x, x));

export const isinf = question(
  "isinf",
  "whether x is Infinity or -Infinity",
  0,
  (x) => Math.abs(x) === Infinity,
  (s, x) => s.compare("eq", s.op("abs", x), s.like(x, Infinity)),
);

export const isfinite = question("isfinite", "whether x is neither infinite nor NaN", 1, Number.isFinite, (s, x) =>
  s.compare("lt", s.op("abs", x), s.like(x, Infinity)),
);

/** y = a − n b with a whole n, which is (a − y) / b.  da = dy, db = −n dy. */
const remainderRule: Rule = (k, g, inputs, y) => {
  const [a, b] = inputs as readonly [Value, Value];
  return [g, k.neg(k.mul(g, k.div(k.sub(a, y), b)))];
};

/** y = a − b trunc(a / b), exact, with the sign of a; NaN where b is 0. `irem` is the same of integers. */
export const fmod = hosted("fmod", {
  doc: "remainder with the sign of the first",
  vjp: remainderRule,
  sample: [
    { from: 2.2, to: 2.8 },
    { from: 0.95, to: 1.05 },
  ],
});

/** y = a − b floor(a / b), with the sign of b, as in Python; where b is 0, NaN for floats and 0 for integers. */
export const remainder = elementwise("remainder", {
  doc: "remainder with the sign of the second",
  accepts: numeric,
  evaluate: flooredRemainder,
  lower: (s, x, out) => {
    const [a, b] = x as readonly [Scalar, Scalar];
    if (isFloating(out)) return s.call("remainder", a, b);
    const rest = s.op("irem", a, b);
    if (out === "uint8") return rest;
    const zero = s.like(a, 0);
    const unlike = s.compare("lt", s.op("xor", rest, b), zero);
    const wrong = s.op("and", s.compare("ne", rest, zero), unlike);
    return s.select(wrong, s.add(rest, b), rest);
  },
  vjp: remainderRule,
  cost: 50,
  sample: [
    { from: -2.8, to: -2.2 },
    { from: 0.95, to: 1.05 },
  ],
});
