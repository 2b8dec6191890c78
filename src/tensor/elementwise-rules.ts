/**
 * What each elementwise method, and the free function of the same name, does to vertices that are promoted already.
 * No shapes here: the kit broadcasts. Floor: tensor.
 */
import { isFloating } from "../base/dtype.ts";
import type { OpDef } from "../ir/op.ts";
import type { Value } from "../ir/value.ts";
import * as composite from "../ops/composite/elementwise.ts";
import { kit } from "../ops/kit.ts";
import { table } from "../ops/table.ts";
import { dtypeError } from "./options.ts";
import { toFloating } from "./operand.ts";

type Unary = (x: Value) => Value;
type Binary = (a: Value, b: Value) => Value;

const compareHint = "compare first, or cast with int() or float()";

function noBool(op: string, x: Value, hint = compareHint): Value {
  if (x.dtype === "bool") throw dtypeError(op, x.dtype, hint);
  return x;
}

function noFloat(op: string, x: Value): Value {
  if (isFloating(x.dtype)) throw dtypeError(op, x.dtype, "bits are for integers and bool; cast with int()");
  return x;
}

/** A function of numbers: integers and bool become float32. */
function ofFloats(op: OpDef): Unary {
  return (x) => kit.map(op, toFloating(x));
}

function ofTwoFloats(f: Binary): Binary {
  return (a, b) => f(toFloating(a), toFloating(b));
}

/** A step function: integers are whole already. */
function step(name: string, op: OpDef): Unary {
  return (x) => (isFloating(x.dtype) ? kit.map(op, x) : kit.alias(noBool(name, x)));
}

function bits(name: string, op: OpDef): Binary {
  return (a, b) => kit.map(op, noFloat(name, a), b);
}

function shift(name: string, op: OpDef): Binary {
  return (a, b) => {
    const to = noBool(name, noFloat(name, a)).dtype;
    return kit.cast(kit.map(op, kit.cast(a, "int32"), kit.cast(b, "int32")), to);
  };
}

/** x ≠ 0 as bool. */
function truth(x: Value): Value {
  return kit.cast(x, "bool");
}

/** Whether x is that infinity; integers never are. */
function equalTo(x: Value, infinity: number): Value {
  return isFloating(x.dtype) ? kit.eq(x, infinity) : kit.full(x.shape, 0, "bool");
}

export const unaryRules = {
  neg: (x) => kit.neg(noBool("neg", x, "use logicalNot()")),
  abs: (x) => kit.abs(noBool("abs", x)),
  sign: (x) => (x.dtype === "bool" ? kit.alias(x) : composite.sign(kit, x)),
  square: (x) => (x.dtype === "bool" ? kit.square(kit.cast(x, "int32")) : kit.square(x)),
  sqrt: ofFloats(table.sqrt),
  rsqrt: ofFloats(table.rsqrt),
  reciprocal: ofFloats(table.reciprocal),
  exp: ofFloats(table.exp),
  exp2: ofFloats(table.exp2),
  expm1: ofFloats(table.expm1),
  log: ofFloats(table.log),
  log2: ofFloats(table.log2),
  log10: ofFloats(table.log10),
  log1p: ofFloats(table.log1p),
  sin: ofFloats(table.sin),
  cos: ofFloats(table.cos),
  tan: ofFloats(table.tan),
  asin: ofFloats(table.asin),
  acos: ofFloats(table.acos),
  atan: ofFloats(table.atan),
  sinh: ofFloats(table.sinh),
  cosh: ofFloats(table.cosh),
  tanh: ofFloats(table.tanh),
  asinh: ofFloats(table.asinh),
  acosh: ofFloats(table.acosh),
  atanh: ofFloats(table.atanh),
  sigmoid: ofFloats(table.sigmoid),
  erf: ofFloats(table.erf),
  erfc: ofFloats(table.erfc),
  lgamma: ofFloats(table.lgamma),
  digamma: ofFloats(table.digamma),
  sinc: (x) => composite.sinc(kit, toFloating(x)),
  deg2rad: (x) => kit.mul(toFloating(x), Math.PI / 180),
  rad2deg: (x) => kit.mul(toFloating(x), 180 / Math.PI),
  floor: step("floor", table.floor),
  ceil: step("ceil", table.ceil),
  trunc: step("trunc", table.trunc),
  frac: (x) => {
    if (!isFloating(x.dtype)) throw dtypeError("frac", x.dtype, "whole numbers have no fraction");
    return kit.sub(x, kit.map(table.trunc, x));
  },
  logicalNot: (x) => kit.negate(truth(x)),
  bitwiseNot: (x) => (x.dtype === "bool" ? kit.negate(x) : kit.map(table.not, noFloat("bitwiseNot", x))),
  isnan: (x) => kit.map(table.isnan, x),
  isinf: (x) => kit.map(table.isinf, x),
  isfinite: (x) => kit.map(table.isfinite, x),
  isposinf: (x) => equalTo(x, Infinity),
  isneginf: (x) => equalTo(x, -Infinity),
  signbit: (x) => composite.signbit(kit, x),
} satisfies Readonly<Record<string, Unary>>;

export const binaryRules = {
  add: (a, b) => composite.add(kit, a, b),
  sub: (a, b) => kit.sub(noBool("sub", a, "use logicalXor()"), b),
  rsub: (a, b) => kit.sub(noBool("rsub", b, "use logicalXor()"), a),
  mul: (a, b) => composite.mul(kit, a, b),
  div: ofTwoFloats((a, b) => kit.div(a, b)),
  floorDivide: (a, b) => composite.divFloor(kit, noBool("floorDivide", a), b),
  remainder: (a, b) => kit.map(table.remainder, noBool("remainder", a), b),
  fmod: (a, b) => composite.fmod(kit, noBool("fmod", a), b),
  pow: (a, b) => composite.pow(kit, noBool("pow", a), b),
  atan2: ofTwoFloats((a, b) => kit.map(table.atan2, a, b)),
  hypot: ofTwoFloats((a, b) => composite.hypot(kit, a, b)),
  logaddexp: ofTwoFloats((a, b) => composite.logaddexp(kit, a, b)),
  logaddexp2: ofTwoFloats((a, b) => composite.logaddexp2(kit, a, b)),
  ldexp: ofTwoFloats((a, b) => kit.mul(a, kit.map(table.exp2, b))),
  floatPower: (a, b) => kit.pow(kit.cast(a, "float64"), kit.cast(b, "float64")),
  xlogy: ofTwoFloats((a, b) => composite.xlogy(kit, a, b)),
  copysign: ofTwoFloats((a, b) => composite.copysign(kit, a, b)),
  heaviside: (a, b) => composite.heaviside(kit, a, b),
  maximum: (a, b) => composite.maximum(kit, a, b),
  minimum: (a, b) => composite.minimum(kit, a, b),
  fmax: (a, b) => composite.fmax(kit, a, b),
  fmin: (a, b) => composite.fmin(kit, a, b),
  eq: (a, b) => kit.eq(a, b),
  ne: (a, b) => kit.ne(a, b),
  lt: (a, b) => kit.lt(a, b),
  le: (a, b) => kit.le(a, b),
  gt: (a, b) => kit.gt(a, b),
  ge: (a, b) => kit.ge(a, b),
  logicalAnd: (a, b) => kit.and(truth(a), truth(b)),
  logicalOr: (a, b) => kit.or(truth(a), truth(b)),
  logicalXor: (a, b) => kit.map(table.xor, truth(a), truth(b)),
  bitwiseAnd: bits("bitwiseAnd", table.and),
  bitwiseOr: bits("bitwiseOr", table.or),
  bitwiseXor: bits("bitwiseXor", table.xor),
  bitwiseLeftShift: shift("bitwiseLeftShift", table.shl),
  bitwiseRightShift: shift("bitwiseRightShift", table.shr),
} satisfies Readonly<Record<string, Binary>>;

export type UnaryName = keyof typeof unaryRules;
export type BinaryName = keyof typeof binaryRules;
