/** Elementwise exponentials, logarithms and powers. Floor: ops. */
import type { Scalar } from "../ir/scalar.ts";
import type { Value } from "../ir/value.ts";
import { hosted } from "./host-call.ts";
import * as line from "./polynomial.ts";
import { elementwise, floating } from "./record.ts";

const aboveZero = { from: 0.2, to: 4 };

/** y = eˣ.  dx = y dy. */
export const exp = hosted("exp", {
  doc: "exponential function",
  float32: line.expFloat32,
  vjp: (k, g, _inputs, y) => [k.mul(g, y)],
  cost: 20,
});

/** y = 2ˣ.  dx = y log(2) dy. */
export const exp2 = elementwise("exp2", {
  doc: "two to the power x",
  accepts: floating,
  evaluate: (x) => 2 ** x,
  lower: (s, [x], out) =>
    out === "float32" ? line.exp2Float32(s, x as Scalar) : s.call("pow", s.constant(2, out), x as Scalar),
  vjp: (k, g, _inputs, y) => [k.mul(g, k.mul(y, Math.LN2))],
  cost: 20,
});

/** y = eˣ − 1, precise near 0.  dx = (y + 1) dy. */
export const expm1 = hosted("expm1", {
  doc: "exponential function minus one",
  float32: line.expm1Float32,
  vjp: (k, g, _inputs, y) => [k.mul(g, k.add(y, 1))],
  cost: 24,
});

/** y = log x.  dx = dy / x. */
export const log = hosted("log", {
  doc: "natural logarithm",
  float32: line.logFloat32,
  vjp: (k, g, [x]) => [k.div(g, x as Value)],
  cost: 30,
  sample: aboveZero,
});

/** y = log₂ x.  dx = dy / (x log 2). */
export const log2 = hosted("log2", {
  doc: "logarithm to base 2",
  float32: line.log2Float32,
  vjp: (k, g, [x]) => [k.div(g, k.mul(x as Value, Math.LN2))],
  cost: 35,
  sample: aboveZero,
});

/** y = log₁₀ x.  dx = dy / (x log 10). */
export const log10 = hosted("log10", {
  doc: "logarithm to base 10",
  float32: line.log10Float32,
  vjp: (k, g, [x]) => [k.div(g, k.mul(x as Value, Math.LN10))],
  cost: 35,
  sample: aboveZero,
});

/** y = log(1 + x), precise near 0.  dx = dy / (1 + x). */
export const log1p = hosted("log1p", {
  doc: "natural logarithm of one plus x",
  float32: line.log1pFloat32,
  vjp: (k, g, [x]) => [k.div(g, k.add(x as Value, 1))],
  cost: 40,
  sample: { from: -0.8, to: 3 },
});

/** y = 1 / (1 + e⁻ˣ).  dx = y (1 − y) dy. */
export const sigmoid = elementwise("sigmoid", {
  doc: "logistic function",
  accepts: floating,
  evaluate: (x) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x))),
  lower: (s, [x], out) => {
    if (out === "float32") return line.sigmoidFloat32(s, x as Scalar);
    // By e^−|x|, which does not overflow.
    const one = s.like(x as Scalar, 1);
    const e = s.call("exp", s.op("neg", s.op("abs", x as Scalar)));
    const above = s.select(s.compare("lt", x as Scalar, s.like(x as Scalar, 0)), e, one);
    return s.div(above, s.add(e, one));
  },
  vjp: (k, g, _inputs, y) => [k.mul(g, k.mul(y, k.sub(1, y)))],
  cost: 28,
});

/**
 * y = aᵇ.  da = b aᵇ⁻¹ dy, which is 0 where b is 0; db = y log(a) dy, which is 0 where a is 0 and b ≥ 0, as in PyTorch.
 * There the base is replaced by 1 before the power and the logarithm, so that no NaN arises in higher derivatives.
 */
export const pow = hosted("pow", {
  doc: "a to the power b",
  vjp: (k, g, inputs, y) => {
    const [a, b] = inputs as readonly [Value, Value];
    // Where |a| is below 1e-30, or NaN, 1 / a may be no number to multiply b = 0 with.
    const constant = k.and(k.eq(b, 0), k.negate(k.gt(k.abs(a), 1e-30)));
    const da = k.mul(b, k.pow(k.where(constant, 1, a), k.sub(b, 1)));
    const pole = k.and(k.eq(a, 0), k.ge(b, 0));
    const db = k.mul(y, k.log(k.where(pole, 1, a)));
    return [k.mul(g, da), k.mul(g, db)];
  },
  cost: 80,
  sample: [
    { from: 0.3, to: 3 },
    { from: -2, to: 3 },
  ],
});
