/** Loop kernels one element at a time, in JavaScript: what the code generators are held against. */
import { type Dtype, type TypedArray, castElement, itemSize, viewOf } from "../../../src/base/dtype.ts";
import { type HostFunction, hostFunctionTable } from "../../../src/base/host-functions.ts";
import { multiplyAdd } from "../../ops/fused.ts";
import type { Scalar } from "../../../src/ir/scalar.ts";
import {
  type Access,
  type Fold,
  type Level,
  type LoopKernel,
  type Statement,
  rowScratch,
} from "../../../src/schedule/kernel.ts";
import { rowScratchBytes } from "../../../src/schedule/row-scratch.ts";

/** Runs a kernel on buffers. Sums are kept in float64. Gives whether an index was out of range. `isFused`: multiplyAdd rounds once. */
export function interpret(kernel: LoopKernel, buffers: readonly TypedArray[], isFused = false): boolean {
  return new Interpreter(kernel, buffers, isFused).run();
}

type FoldStatement = Extract<Statement, { kind: "fold" }>;

const bits = new DataView(new ArrayBuffer(8));

class Interpreter {
  readonly #kernel: LoopKernel;
  readonly #buffers: readonly TypedArray[];
  readonly #workspace = new ArrayBuffer(rowScratchBytes);
  readonly #index: number[];
  readonly #accumulators = new Map<number, { value: number; position: number; fold: Fold }>();
  readonly #isFused: boolean;
  #fault = false;

  constructor(kernel: LoopKernel, buffers: readonly TypedArray[], isFused: boolean) {
    this.#kernel = kernel;
    this.#isFused = isFused;
    this.#buffers = buffers;
    this.#index = kernel.extents.map(() => 0);
  }

  run(): boolean {
    const { outer, lanes, extents, levels } = this.#kernel;
    const kept = outer + (lanes === "along" ? 1 : 0);
    this.#walk(0, kept, () => {
      for (const level of levels) {
        this.#statements(level.row, level);
        for (const s of level.loop) if (s.kind === "fold") this.#start(s);
        if (level.loop.length > 0) this.#walk(kept, extents.length, () => this.#statements(level.loop, level));
      }
    });
    return this.#fault;
  }

  #walk(from: number, to: number, body: () => void): void {
    if (from === to) {
      body();
      return;
    }
    for (let i = 0; i < (this.#kernel.extents[from] as number); i++) {
      this.#index[from] = i;
      this.#walk(from + 1, to, body);
    }
    this.#index[from] = 0;
  }

  #statements(statements: readonly Statement[], level: Level): void {
    const known = new Map<Scalar, number>();
    const value = (s: Scalar): number => this.#value(s, level, known);
    for (const s of statements) {
      if (s.kind === "fold") this.#fold(s, value(s.value), s.position === undefined ? undefined : value(s.position));
    }
    const stores = statements.flatMap((s) => {
      if (s.kind !== "store") return [];
      return [{ s, number: value(s.value), index: s.index === undefined ? undefined : value(s.index) }];
    });
    for (const { s, number, index } of stores) {
      const access = this.#kernel.accesses[s.access] as Access;
      const data = this.#elements(access);
      const place = this.#place(access, index);
      data[place] = index === undefined ? number : (data[place] as number) + number;
    }
  }

  #start(s: FoldStatement): void {
    const fold = s.fold === "argmax" ? "max" : s.fold === "argmin" ? "min" : s.fold;
    const start = { sum: 0, prod: 1, max: -Infinity, min: Infinity }[fold];
    this.#accumulators.set(s.accumulator, { value: start, position: -1, fold: s.fold });
  }

  #fold(s: FoldStatement, value: number, position: number | undefined): void {
    const a = this.#accumulators.get(s.accumulator) as { value: number; position: number };
    if (position !== undefined) {
      const isBetter = s.fold === "argmax" ? value > a.value : value < a.value;
      const isFirstNaN = Number.isNaN(value) && !Number.isNaN(a.value);
      if (isBetter || isFirstNaN || a.position < 0) Object.assign(a, { value, position });
      return;
    }
    if (s.fold === "max" || s.fold === "min") a.value = Math[s.fold](a.value, value);
    else if (s.dtype === "bool") a.value = Number(s.fold === "sum" ? a.value + value > 0 : a.value * value > 0);
    else if (s.dtype === "int32" || s.dtype === "uint8") {
      a.value = s.fold === "sum" ? (a.value + value) | 0 : Math.imul(a.value, value);
    } else if (s.fold === "sum") a.value = rounded(s, a.value + value);
    else a.value = rounded(s, a.value * value);
  }

  #elements({ buffer, dtype }: Access): TypedArray {
    if (buffer !== rowScratch) return this.#buffers[buffer] as TypedArray;
    return viewOf(dtype, this.#workspace, 0, rowScratchBytes / itemSize[dtype]);
  }

  #place({ offset, strides, indirect }: Access, index: number | undefined): number {
    const at = strides.reduce((sum, stride, loop) => sum + stride * (this.#index[loop] as number), offset);
    if (indirect === undefined || index === undefined) return at;
    const isInside = index >= 0 && index < indirect.size;
    if (!isInside) this.#fault = true;
    return at + (isInside ? index * indirect.stride : 0);
  }

  #value(given: Scalar, level: Level, known: Map<Scalar, number>): number {
    const s = level.reload.get(given) ?? given;
    let number = known.get(s);
    if (number === undefined) {
      const args = s.args.map((arg) => this.#value(arg, level, known));
      number = this.#compute(s, args);
      known.set(s, number);
    }
    return number;
  }

  #compute(s: Scalar, args: readonly number[]): number {
    switch (s.instruction) {
      case "const":
        return s.dtype === "float32" ? Math.fround(s.value) : s.value;
      case "argument":
        return castElement(s.dtype, this.#kernel.numbers[s.value]?.value as number);
      case "index":
        return this.#place(this.#kernel.accesses[s.value] as Access, undefined);
      case "load": {
        if (s.name === "row") {
          const a = this.#accumulators.get(s.value) as { value: number; position: number; fold: Fold };
          if (a.fold.startsWith("arg")) return Math.max(a.position, 0);
          return s.dtype === "float32" ? Math.fround(a.value) : a.value;
        }
        const access = this.#kernel.accesses[s.value] as Access;
        return this.#elements(access)[this.#place(access, args[0])] as number;
      }
      default:
        return compute(s, args, this.#isFused);
    }
  }
}

/** Running folds round at each step, others keep what float64 has. */
function rounded(s: FoldStatement, x: number): number {
  return s.running === true && s.dtype === "float32" ? Math.fround(x) : x;
}

/** One scalar instruction on numbers; bool is 0 or 1. */
export function compute(
  s: Pick<Scalar, "instruction" | "dtype" | "name" | "args">,
  args: readonly number[],
  isFused: boolean,
): number {
  const [a, b, c] = args as [number, number, number];
  if (s.instruction === "multiplyAdd") return isFused ? multiplyAdd(a, b, c) : Math.fround(Math.fround(a * b) + c);
  if (s.instruction === "call") return hostFunctionTable[s.name as HostFunction](...args);
  if (s.instruction === "select") return a !== 0 ? b : c;
  if (s.instruction === "cast") return castElement(s.dtype, a);
  if (s.instruction === "bitcast") {
    if (s.dtype === "int32") bits.setFloat32(0, a);
    else bits.setInt32(0, a);
    return s.dtype === "int32" ? bits.getInt32(0) : bits.getFloat32(0);
  }
  const compared = { eq: a === b, ne: a !== b, lt: a < b, le: a <= b, gt: a > b, ge: a >= b }[s.instruction as string];
  if (compared !== undefined) return Number(compared);
  const floating = s.dtype === "float32" || s.dtype === "float64";
  return wrap(s.dtype, floating ? floatOp(s.instruction, a, b) : integerOp(s.instruction, a, b));
}

function wrap(dtype: Dtype, x: number): number {
  if (dtype === "float32") return Math.fround(x);
  if (dtype === "float64") return x;
  return dtype === "int32" ? x | 0 : dtype === "uint8" ? x & 255 : x & 1;
}

function floatOp(instruction: string, a: number, b: number): number {
  switch (instruction) {
    case "add":
      return a + b;
    case "sub":
      return a - b;
    case "mul":
      return a * b;
    case "div":
      return a / b;
    case "scale":
      return a * 2 ** b;
    case "neg":
      return -a;
    case "min":
      return Math.min(a, b);
    case "max":
      return Math.max(a, b);
    case "round": {
      if (!(Math.abs(a) < 2 ** 52)) return a;
      const even = Math.abs(a) + 2 ** 52 - 2 ** 52;
      return a < 0 || Object.is(a, -0) ? -even : even;
    }
    default:
      return Math[instruction as "abs" | "sqrt" | "floor" | "ceil" | "trunc"](a);
  }
}

function integerOp(instruction: string, a: number, b: number): number {
  switch (instruction) {
    case "add":
      return a + b;
    case "sub":
      return a - b;
    case "mul":
      return Math.imul(a, b);
    case "idiv":
      return b === 0 ? 0 : Math.trunc(a / b);
    case "irem":
      return b === 0 ? 0 : a % b;
    case "neg":
      return -a;
    case "not":
      return ~a;
    case "abs":
      return Math.abs(a);
    case "min":
      return Math.min(a, b);
    case "max":
      return Math.max(a, b);
    case "and":
      return a & b;
    case "or":
      return a | b;
    case "xor":
      return a ^ b;
    case "shl":
      return a << (b & 31);
    case "shr":
      return a >> (b & 31);
    case "ushr":
      return a >>> (b & 31);
    default:
      throw new Error(instruction);
  }
}
