/** Elementwise arithmetic that every target has as an instruction. Floor: ops. */
import type { Dtype } from "../base/dtype.ts";
import { roundHalfEven } from "../base/round.ts";
import type { OpDef } from "../ir/op.ts";
import type { Arithmetic } from "../ir/scalar.ts";
import type { Value } from "../ir/value.ts";
import { type ElementwiseParts, elementwise, floating, integral, numeric } from "./record.ts";

type Simple = Omit<ElementwiseParts, "lower"> & { readonly lower?: ElementwiseParts["lower"] };

/** A record whose lowering is the instruction of that name. */
function instruction(name: Arithmetic, parts: Simple): OpDef {
  return elementwise(name, {
    lower: (s, x) => s.op(name, x[0] as (typeof x)[number], ...x.slice(1)),
    ...parts,
  });
}

/** y = a + b.  da = dy, db = dy. */
export const add = instruction("add", {
  doc: "sum",
  accepts: numeric,
  evaluate: (a, b) => a + b,
  vjp: (_k, g) => [g, g],
});

/** y = a − b.  da = dy, db = −dy. */
export const sub = instruction("sub", {
  doc: "difference",
  accepts: numeric,
  evaluate: (a, b) => a - b,
  vjp: (k, g) => [g, k.neg(g)],
  identity: { right: 0 },
});

/** y = a · b.  da = b dy, db = a dy. */
export const mul = instruction("mul", {
  doc: "product",
  accepts: numeric,
  evaluate: (a, b) => a * b,
  evaluateInteger: Math.imul,
  vjp: (k, g, [a, b]) => [k.mul(g, b as Value), k.mul(g, a as Value)],
  identity: { left: 1, right: 1 },
});

/** y = a / b.  da = dy / b, db = −dy a / b². */
export const div = instruction("div", {
  doc: "quotient",
  accepts: floating,
  evaluate: (a, b) => a / b,
  vjp: (k, g, [, b], y) => {
    const da = k.div(g, b as Value);
    return [da, k.neg(k.mul(da, y))];
  },
  cost: 4,
  sample: [
    { from: -2, to: 2 },
    { from: 0.5, to: 3 },
  ],
});

/** y = a / b toward zero, for integers; 0 where b is 0. */
export const idiv = instruction("idiv", {
  doc: "whole quotient toward zero",
  accepts: ["int32", "uint8"],
  evaluate: (a, b) => (b === 0 ? 0 : Math.trunc(a / b)),
  vjp: null,
  cost: 8,
});

/** y = a − b · (a / b toward zero), for integers; 0 where b is 0. */
export const irem = instruction("irem", {
  doc: "whole remainder with the sign of the first",
  accepts: ["int32", "uint8"],
  evaluate: (a, b) => (b === 0 ? 0 : a % b),
  vjp: null,
  cost: 8,
});

/** y = −x.  dx = −dy. */
export const neg = instruction("neg", {
  doc: "negative",
  accepts: numeric,
  evaluate: (x) => -x,
  vjp: (k, g) => [k.neg(g)],
});

/** y = |x|.  dx = sign(x) dy. */
export const abs = instruction("abs", {
  doc: "absolute value",
  accepts: numeric,
  evaluate: Math.abs,
  lower: (s, [x], out) => (out === "uint8" ? (x as NonNullable<typeof x>) : s.op("abs", x as NonNullable<typeof x>)),
  vjp: (k, g, [x]) => [k.mul(g, k.sign(x as Value))],
  sample: { from: -2, to: 2, except: [0] },
});

const carryNaN = (f: (a: number, b: number) => number) => (a: number, b: number) =>
  a !== a || b !== b ? Number.NaN : f(a, b);

/** y = max(a, b), NaN if either is. The gradient goes to the larger; equal ones share it, as in PyTorch. */
export const maximum = elementwise("maximum", {
  doc: "larger of two",
  accepts: numeric,
  evaluate: carryNaN(Math.max),
  lower: (s, [a, b]) => s.op("max", a as NonNullable<typeof a>, b as NonNullable<typeof b>),
  vjp: (k, g, [a, b]) => {
    const half = k.mul(g, 0.5);
    const tie = k.eq(a as Value, b as Value);
    const win = k.gt(a as Value, b as Value);
    const lose = k.lt(a as Value, b as Value);
    return [k.where(tie, half, k.where(win, g, 0)), k.where(tie, half, k.where(lose, g, 0))];
  },
});

/** y = min(a, b), NaN if either is. The gradient goes to the smaller; equal ones share it, as in PyTorch. */
export const minimum = elementwise("minimum", {
  doc: "smaller of two",
  accepts: numeric,
  evaluate: carryNaN(Math.min),
  lower: (s, [a, b]) => s.op("min", a as NonNullable<typeof a>, b as NonNullable<typeof b>),
  vjp: (k, g, [a, b]) => {
    const half = k.mul(g, 0.5);
    const tie = k.eq(a as Value, b as Value);
    const win = k.lt(a as Value, b as Value);
    const lose = k.gt(a as Value, b as Value);
    return [k.where(tie, half, k.where(win, g, 0)), k.where(tie, half, k.where(lose, g, 0))];
  },
});

/** y = max(x, 0), NaN if x is.  dx = dy where x > 0. */
export const relu = elementwise("relu", {
  doc: "max(x, 0)",
  accepts: numeric,
  evaluate: (x) => (x > 0 || x !== x ? x : 0),
  lower: (s, [x]) => s.op("max", x as NonNullable<typeof x>, s.like(x as NonNullable<typeof x>, 0)),
  vjp: (k, g, _inputs, y) => [k.where(k.gt(y, 0), g, 0)],
  sample: { from: -2, to: 2, except: [0] },
});

/** y = √x.  dx = dy / (2y). */
export const sqrt = instruction("sqrt", {
  doc: "square root",
  accepts: floating,
  evaluate: Math.sqrt,
  vjp: (k, g, _inputs, y) => [k.div(g, k.mul(y, 2))],
  cost: 4,
  sample: { from: 0.2, to: 4 },
});

/** Steps: the derivative is 0 wherever there is one. */
function step(name: "floor" | "ceil" | "trunc" | "round", doc: string, evaluate: (x: number) => number): OpDef {
  return instruction(name, {
    doc,
    accepts: floating,
    evaluate,
    vjp: (k, g) => [k.mul(g, 0)],
    sample: { from: -3, to: 3, except: [-3, -2.5, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3] },
  });
}

export const floor = step("floor", "largest whole number not above", Math.floor);
export const ceil = step("ceil", "smallest whole number not below", Math.ceil);
export const trunc = step("trunc", "whole part", Math.trunc);
export const round = step("round", "nearest whole number, half to even", roundHalfEven);

/** Bits of integers; for bool the logical operations. */
function bitwise(name: "and" | "or" | "xor", doc: string, evaluate: (a: number, b: number) => number): OpDef {
  return instruction(name, { doc, accepts: integral, evaluate, vjp: null });
}

export const and = bitwise("and", "bitwise and", (a, b) => a & b);
export const or = bitwise("or", "bitwise or", (a, b) => a | b);
export const xor = bitwise("xor", "bitwise exclusive or", (a, b) => a ^ b);

/** Bits inverted; for bool the logical not (which is an exclusive or with true). */
export const not = elementwise("not", {
  doc: "bits inverted",
  accepts: ["int32", "uint8"] satisfies Dtype[],
  evaluate: (a) => ~a,
  lower: (s, [x]) => s.op("not", x as NonNullable<typeof x>),
  vjp: null,
});

function shift(name: "shl" | "shr" | "ushr", doc: string, evaluate: (a: number, b: number) => number): OpDef {
  return instruction(name, { doc, accepts: ["int32"], evaluate, vjp: null, sample: { from: 0, to: 8 } });
}

export const shl = shift("shl", "bits moved up", (a, b) => a << b);
export const shr = shift("shr", "bits moved down, sign kept", (a, b) => a >> b);
export const ushr = shift("ushr", "bits moved down, zeros in front", (a, b) => (a >>> b) | 0);
