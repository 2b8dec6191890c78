/**
 * Runs scalar computations as the instructions are defined, one instruction over a block of elements at a time. Each
 * result is rounded to its dtype. It is the meaning that code generators are tested against, and knows no record.
 */
import type { Dtype } from "../../src/base/dtype.ts";
import { castElement, toElement } from "../../src/base/dtype.ts";
import { internal } from "../../src/base/errors.ts";
import { hostFunctionTable } from "../../src/base/host-functions.ts";
import { roundHalfEven } from "../../src/base/round.ts";
import { multiplyAdd } from "./fused.ts";
import {
  type Arithmetic,
  type Comparison,
  type HostFunction,
  type Instruction,
  type Scalar,
  type ScalarBuilder,
  arithmetic,
} from "../../src/ir/scalar.ts";

type Binary = (a: number, b: number) => number;

/** Before rounding to the dtype. Float64 sums, products and quotients of two float32 round to float32 as one step would. */
const floatArithmetic: Partial<Record<Arithmetic, Binary>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  neg: (a) => -a,
  abs: Math.abs,
  min: Math.min,
  max: Math.max,
  scale: (x, n) => x * 2 ** n,
  sqrt: Math.sqrt,
  floor: Math.floor,
  ceil: Math.ceil,
  trunc: Math.trunc,
  round: roundHalfEven,
};

/** Before wrapping to the dtype. Shifts take the lowest five bits of b. */
const integerArithmetic: Partial<Record<Arithmetic, Binary>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: Math.imul,
  idiv: (a, b) => (b === 0 ? 0 : Math.trunc(a / b)),
  irem: (a, b) => (b === 0 ? 0 : a % b),
  neg: (a) => -a,
  abs: Math.abs,
  min: Math.min,
  max: Math.max,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  not: (a) => ~a,
  shl: (a, b) => a << b,
  shr: (a, b) => a >> b,
  ushr: (a, b) => a >>> b,
};

const boolArithmetic: Partial<Record<Arithmetic, Binary>> = {
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  not: (a) => 1 - a,
};

const comparison: Readonly<Record<Comparison, Binary>> = {
  eq: (a, b) => (a === b ? 1 : 0),
  ne: (a, b) => (a !== b ? 1 : 0),
  lt: (a, b) => (a < b ? 1 : 0),
  le: (a, b) => (a <= b ? 1 : 0),
  gt: (a, b) => (a > b ? 1 : 0),
  ge: (a, b) => (a >= b ? 1 : 0),
};

const arithmeticOf: Readonly<Record<Dtype, Partial<Record<Arithmetic, Binary>>>> = {
  float32: floatArithmetic,
  float64: floatArithmetic,
  int32: integerArithmetic,
  uint8: integerArithmetic,
  bool: boolArithmetic,
};

const word = new DataView(new ArrayBuffer(4));

/** The number with the bits of another. */
export function bitcastElement(to: Dtype, x: number): number {
  if (to === "int32") {
    word.setFloat32(0, x);
    return word.getInt32(0);
  }
  word.setInt32(0, x);
  return word.getFloat32(0);
}

function isArithmetic(instruction: Instruction): instruction is Arithmetic {
  return (arithmetic as readonly Instruction[]).includes(instruction);
}

function isComparison(instruction: Instruction): instruction is Comparison {
  return instruction in comparison;
}

/** What one instruction does to elements that already have the dtypes of its arguments. */
function meaning(scalar: Scalar, isFused: boolean): (a: number, b: number, c: number) => number {
  const { instruction, dtype, args, name } = scalar;
  for (const arg of args) {
    const other = instruction === "cast" || instruction === "bitcast" || isComparison(instruction);
    if (!other && arg.dtype !== dtype && !(instruction === "select" && arg === args[0] && arg.dtype === "bool")) {
      throw internal(`${instruction} of ${arg.dtype} gives ${dtype}`);
    }
  }
  if (isComparison(instruction)) {
    if (dtype !== "bool" || args[0]?.dtype !== args[1]?.dtype) throw internal(`${instruction} of unlike dtypes`);
    return comparison[instruction];
  }
  if (instruction === "multiplyAdd" && dtype === "float32") {
    return isFused ? multiplyAdd : (a, b, c) => Math.fround(Math.fround(a * b) + c);
  }
  if (isArithmetic(instruction)) {
    const f = arithmeticOf[dtype][instruction];
    if (f === undefined) throw internal(`${instruction} of ${dtype}`);
    if (dtype === "float64") return f;
    if (dtype === "float32") return (a, b) => Math.fround(f(a, b));
    return (a, b) => toElement(dtype, f(a, b));
  }
  switch (instruction) {
    case "select":
      if (args[0]?.dtype !== "bool") throw internal("select by a value that is no bool");
      return (condition, a, b) => (condition !== 0 ? a : b);
    case "cast":
      return (a) => castElement(dtype, a);
    case "bitcast":
      return (a) => bitcastElement(dtype, a);
    case "call": {
      if (dtype !== "float64") throw internal(`call in ${dtype}`);
      const f = hostFunctionTable[name as HostFunction];
      return f.length === 1 ? (a) => f(a) : f;
    }
    case "const":
    case "argument":
    case "load":
    case "index":
      throw internal(`${instruction} has no arguments`);
  }
}

/** The input that stands for argument `index` of a lowering. */
export function inputScalar(s: ScalarBuilder, dtype: Dtype, index: number): Scalar {
  return s.make("load", dtype, [], index);
}

/** The vertices that `root` needs, arguments first. */
export function scalarOrder(root: Scalar): Scalar[] {
  const order: Scalar[] = [];
  const known = new Set<Scalar>();
  const visit = (scalar: Scalar): void => {
    if (known.has(scalar)) return;
    known.add(scalar);
    scalar.args.forEach(visit);
    order.push(scalar);
  };
  visit(root);
  return order;
}

/**
 * The elements of `root`, where `load` number i reads `inputs[i]`, element by element. Every dtype is held in float64,
 * which has all of its values; inputs are rounded to the dtype of their `load`. `isFused`: multiplyAdd rounds once.
 */
export function interpret(root: Scalar, inputs: readonly ArrayLike<number>[], isFused = false): Float64Array {
  const size = inputs[0]?.length ?? 1;
  const held = new Map<Scalar, Float64Array>();
  for (const scalar of scalarOrder(root)) {
    const out = new Float64Array(size);
    held.set(scalar, out);
    if (scalar.instruction === "const") {
      out.fill(toElement(scalar.dtype, scalar.value));
    } else if (scalar.instruction === "load") {
      const input = inputs[scalar.value];
      if (input?.length !== size) throw internal(`no input ${scalar.value} of ${size} elements`);
      for (let i = 0; i < size; i++) out[i] = toElement(scalar.dtype, input[i] as number);
    } else if (scalar.instruction === "index") {
      for (let i = 0; i < size; i++) out[i] = i;
    } else {
      const f = meaning(scalar, isFused);
      const [a, b, c] = scalar.args.map((arg) => held.get(arg) as Float64Array) as [Float64Array, ...Float64Array[]];
      const second = b ?? a;
      const third = c ?? a;
      for (let i = 0; i < size; i++) out[i] = f(a[i] as number, second[i] as number, third[i] as number);
    }
  }
  return held.get(root) as Float64Array;
}
