/**
 * Scalar instructions spelled in C, on vectors. In a register every dtype has 32-bit lanes but float64; a kernel that
 * holds float64 has half of a vector's float32 lanes ("h"), any other all of them ("v"). bool is a mask of all ones or
 * zeros, uint8 a zero-extended int32. The functions named here are those of prelude.ts. Floor: codegen.
 */
import type { Dtype } from "../../base/dtype.ts";
import { internal } from "../../base/errors.ts";
import type { Scalar } from "../../ir/scalar.ts";

/** Whether float32 fills a vector or half of one. */
export type Suffix = "v" | "h";

/** The C type of a register. */
export function registerType(dtype: Dtype, suffix: Suffix): string {
  return dtype === "float64" ? "f64v" : dtype === "float32" ? `f32${suffix}` : `i32${suffix}`;
}

/** The C type of elements in memory, many and one. */
export function memoryType(dtype: Dtype, suffix: Suffix): string {
  return dtype === "uint8" || dtype === "bool" ? `u8${suffix}` : registerType(dtype, suffix);
}

export function elementType(dtype: Dtype): string {
  return { float32: "f32", float64: "f64", int32: "i32", uint8: "u8", bool: "u8" }[dtype];
}

/** One number in all lanes; `text` is a C expression. */
export function splat(dtype: Dtype, suffix: Suffix, text: string): string {
  return `${registerType(dtype, suffix).toUpperCase()}(${text})`;
}

/** A number as C has it, in the dtype of a register. */
export function literal(dtype: Dtype, value: number): string {
  if (dtype === "bool") return value !== 0 ? "-1" : "0";
  if (dtype === "int32" || dtype === "uint8") {
    const word = value | 0;
    return word === -2147483648 ? "(-2147483647 - 1)" : String(word);
  }
  const end = dtype === "float32" ? "f" : "";
  const number = dtype === "float32" ? Math.fround(value) : value;
  if (Number.isNaN(number)) return `__builtin_nan${end}("")`;
  if (Math.abs(number) === Infinity) return `${number < 0 ? "-" : ""}__builtin_inf${end}()`;
  const text = Object.is(number, -0) ? "-0" : String(number);
  return `${/[.e]/.test(text) ? text : `${text}.0`}${end}`;
}

const floatSigns: Readonly<Record<string, string>> = { add: "+", sub: "-", mul: "*", div: "/" };
const floatFunctions = new Set([
  "multiplyAdd",
  "scale",
  "abs",
  "min",
  "max",
  "sqrt",
  "floor",
  "ceil",
  "trunc",
  "round",
]);
const wordSigns: Readonly<Record<string, string>> = { add: "+", sub: "-", mul: "*", and: "&", or: "|", xor: "^" };
const wordFunctions: Readonly<Record<string, string>> = {
  abs: "abs",
  min: "min",
  max: "max",
  idiv: "div",
  irem: "rem",
  shl: "shl",
  shr: "shr",
  ushr: "ushr",
};
const maskSigns: Readonly<Record<string, string>> = { and: "&", or: "|", xor: "^", min: "&", max: "|" };
const relations: Readonly<Record<string, string>> = { eq: "==", ne: "!=", lt: "<", le: "<=", gt: ">", ge: ">=" };

/** The value of an argument: a name, or a literal. */
export type Spell = (arg: Scalar) => string;

/** An instruction that is none of load, index, argument and call, as a C expression. `name` gives its arguments. */
export function instruction(s: Scalar, suffix: Suffix, name: Spell): string {
  const first = s.args[0] as Scalar;
  switch (s.instruction) {
    case "const":
      return splat(s.dtype, suffix, literal(s.dtype, s.value));
    case "cast":
      return cast(first.dtype, s.dtype, suffix, name(first));
    case "bitcast":
      return `(${registerType(s.dtype, suffix)})${name(first)}`;
    case "select":
      return `select_${registerType(s.dtype, suffix)}(${s.args.map(name).join(", ")})`;
    default:
      if (relations[s.instruction] !== undefined) return comparison(s, suffix, name);
      if (s.dtype === "float32" || s.dtype === "float64") return floating(s, suffix, name);
      return s.dtype === "bool" ? mask(s, name) : integer(s, suffix, name);
  }
}

/** Both arguments around a sign: a constant may stay a single number, if the other one is a vector. */
function infix(s: Scalar, sign: string, name: Spell): string {
  const [a, b] = s.args as [Scalar, Scalar];
  const isPlain = (x: Scalar, other: Scalar): boolean => x.instruction === "const" && other.instruction !== "const";
  const text = (x: Scalar, other: Scalar): string => (isPlain(x, other) ? literal(x.dtype, x.value) : name(x));
  return `${text(a, b)} ${sign} ${text(b, a)}`;
}

function floating(s: Scalar, suffix: Suffix, name: Spell): string {
  const sign = floatSigns[s.instruction];
  if (sign !== undefined) return infix(s, sign, name);
  if (s.instruction === "neg") return `-${name(s.args[0] as Scalar)}`;
  if (!floatFunctions.has(s.instruction)) throw internal(`${s.instruction} of ${s.dtype}`);
  const type = registerType(s.dtype, suffix);
  if (s.instruction === "min" || s.instruction === "max") {
    const bound = bounded(s, type, name);
    if (bound !== undefined) return bound;
  }
  return `${s.instruction}_${type}(${s.args.map(name).join(", ")})`;
}

/** The larger or smaller of x and a constant, in fewer instructions: which of them comes out where they are equal is known. */
function bounded(s: Scalar, type: string, name: Spell): string | undefined {
  const [a, b] = s.args as [Scalar, Scalar];
  const [x, c] = b.instruction === "const" ? [a, b] : [b, a];
  if (c.instruction !== "const" || x.instruction === "const" || Number.isNaN(c.value)) return undefined;
  const value = s.dtype === "float32" ? Math.fround(c.value) : c.value;
  const text = `bound_${s.instruction}_${type}(${name(x)}, ${name(c)})`;
  // Of two zeros this gives x, which is right where the constant is the one that loses.
  if (!Object.is(value, s.instruction === "max" ? 0 : -0)) return text;
  return s.instruction === "max" ? `${text} + ${name(c)}` : undefined;
}

function integer(s: Scalar, suffix: Suffix, name: Spell): string {
  const text = integerText(s, suffix, name);
  return s.dtype === "uint8" ? `(${text}) & 255` : text;
}

function integerText(s: Scalar, suffix: Suffix, name: Spell): string {
  const [a, b] = s.args as [Scalar, Scalar];
  const sign = wordSigns[s.instruction];
  if (sign !== undefined) return infix(s, sign, name);
  if (s.instruction === "neg") return `-${name(a)}`;
  if (s.instruction === "not") return `~${name(a)}`;
  if (b?.instruction === "const") {
    const by = b.value & 31;
    if (s.instruction === "shl") return `${name(a)} << ${by}`;
    if (s.instruction === "shr") return `${name(a)} >> ${by}`;
    if (s.instruction === "ushr") return `(i32${suffix})((u32${suffix})${name(a)} >> ${by})`;
  }
  const helper = wordFunctions[s.instruction];
  if (helper === undefined) throw internal(`${s.instruction} of ${s.dtype}`);
  return `${helper}_i32${suffix}(${s.args.map(name).join(", ")})`;
}

function mask(s: Scalar, name: Spell): string {
  if (s.instruction === "not") return `~${name(s.args[0] as Scalar)}`;
  const sign = maskSigns[s.instruction];
  if (sign === undefined) throw internal(`${s.instruction} of bool`);
  return s.args.map(name).join(` ${sign} `);
}

function comparison(s: Scalar, suffix: Suffix, name: Spell): string {
  const relation = relations[s.instruction] as string;
  const [a, b] = s.args as [Scalar, Scalar];
  // As masks, true is -1: compared the other way round.
  if (a.dtype === "bool") return `${name(b)} ${relation} ${name(a)}`;
  const text = infix(s, relation, name);
  return a.dtype === "float64" ? `__builtin_convertvector(${text}, i32${suffix})` : text;
}

function cast(from: Dtype, to: Dtype, suffix: Suffix, x: string): string {
  const type = registerType(to, suffix);
  const convert = (text: string): string => `__builtin_convertvector(${text}, ${type})`;
  const byte = (text: string): string => (to === "uint8" ? `${text} & 255` : text);
  switch (from) {
    case "float32":
    case "float64": {
      if (to === "int32" || to === "uint8") {
        return byte(`trunc_${registerType(from, suffix)}_i32${suffix}(${x})`);
      }
      if (to !== "bool") return convert(x);
      return from === "float32" ? `${x} != 0.0f` : convert(`${x} != 0.0`);
    }
    case "int32":
    case "uint8":
      if (to === "bool") return `${x} != 0`;
      if (to === "float32" || to === "float64") return convert(x);
      return byte(x);
    case "bool":
      if (to === "float32") return `(${type})(${x} & 0x3f800000)`;
      return to === "float64" ? convert(`-${x}`) : `-${x}`;
  }
}
