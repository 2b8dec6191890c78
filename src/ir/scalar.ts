/**
 * Scalar instructions: what an elementwise operation is made of. Every target spells these and no others.
 * An operation that is not one of them brings a `lower` that builds it from them. Floor: ir.
 */
import type { Dtype } from "../base/dtype.ts";
import type { HostFunction } from "../base/host-functions.ts";

export { type HostFunction, hostFunctions } from "../base/host-functions.ts";

/** Instructions that take and give values of one dtype. */
export const arithmetic = [
  "add",
  "sub",
  "mul",
  "div", // floats only
  "multiplyAdd", // float32 only: x y + z; one rounding or two, as ScalarBuilder.multiplyAdd says
  "idiv", // integers: quotient toward zero; by zero gives 0
  "irem", // integers: remainder with the sign of the first; by zero gives 0
  "scale", // float32 only: x 2ⁿ of a whole n from −252 to 252, rounded once where x is near 1; NaN where x is
  "neg",
  "abs",
  "min", // carries NaN
  "max", // carries NaN
  "sqrt",
  "floor",
  "ceil",
  "trunc",
  "round", // half to even
  "and",
  "or",
  "xor",
  "not",
  "shl",
  "shr", // arithmetic
  "ushr", // logical
] as const;
/** Instructions that give bool. */
export const comparisons = ["eq", "ne", "lt", "le", "gt", "ge"] as const;

export type Arithmetic = (typeof arithmetic)[number];
export type Comparison = (typeof comparisons)[number];

export type Instruction =
  | Arithmetic
  | Comparison
  | "const"
  | "select" // (bool, a, b)
  | "cast" // by value, float to integer toward zero and saturating, NaN gives 0
  | "bitcast" // float32 <-> int32
  | "call" // a host function
  | "argument" // a number that comes with the call: made by the code generator
  | "load" // an element of a buffer: made by the code generator
  | "index"; // the position along a loop: made by the code generator

/** One scalar computation. Equal computations are one object within a builder. */
export interface Scalar {
  readonly id: number;
  readonly instruction: Instruction;
  readonly dtype: Dtype;
  readonly args: readonly Scalar[];
  /** The number of a `const`, the place of an `argument`, the number of the access of a `load` or `index`, else 0. */
  readonly value: number;
  /** The function of a `call`, else "". */
  readonly name: string;
}

/** Builds scalar computations, each once. */
export class ScalarBuilder {
  readonly #known = new Map<string, Scalar>();

  make(instruction: Instruction, dtype: Dtype, args: readonly Scalar[], value = 0, name = ""): Scalar {
    const number = Object.is(value, -0) ? "-0" : String(value);
    const key = `${instruction} ${dtype} ${args.map((a) => a.id).join(",")} ${number} ${name}`;
    let scalar = this.#known.get(key);
    if (scalar === undefined) {
      scalar = { id: this.#known.size, instruction, dtype, args, value, name };
      this.#known.set(key, scalar);
    }
    return scalar;
  }

  /** An arithmetic instruction; the result has the dtype of the first argument. */
  op(instruction: Arithmetic, first: Scalar, ...rest: readonly Scalar[]): Scalar {
    return this.make(instruction, first.dtype, [first, ...rest]);
  }

  compare(instruction: Comparison, a: Scalar, b: Scalar): Scalar {
    return this.make(instruction, "bool", [a, b]);
  }

  constant(value: number, dtype: Dtype): Scalar {
    return this.make("const", dtype, [], value);
  }

  /** a number with the dtype of `like`. */
  like(like: Scalar, value: number): Scalar {
    return this.constant(value, like.dtype);
  }

  add(a: Scalar, b: Scalar): Scalar {
    return this.op("add", a, b);
  }

  sub(a: Scalar, b: Scalar): Scalar {
    return this.op("sub", a, b);
  }

  mul(a: Scalar, b: Scalar): Scalar {
    return this.op("mul", a, b);
  }

  div(a: Scalar, b: Scalar): Scalar {
    return this.op("div", a, b);
  }

  /**
   * x y + z in float32. Rounded once where vectors have such an instruction (C for AVX-512, AVX2 and NEON), else the product
   * is rounded too (WebAssembly, plain C): bits depend on the target, never on what stands around it.
   */
  multiplyAdd(x: Scalar, y: Scalar, z: Scalar): Scalar {
    return this.op("multiplyAdd", x, y, z);
  }

  select(condition: Scalar, a: Scalar, b: Scalar): Scalar {
    return this.make("select", a.dtype, [condition, a, b]);
  }

  cast(a: Scalar, to: Dtype): Scalar {
    return a.dtype === to ? a : this.make("cast", to, [a]);
  }

  bitcast(a: Scalar, to: "float32" | "int32"): Scalar {
    return a.dtype === to ? a : this.make("bitcast", to, [a]);
  }

  /** A host function in float64; other dtypes are cast there and back. */
  call(name: HostFunction, ...args: readonly Scalar[]): Scalar {
    const dtype = (args[0] as Scalar).dtype;
    const wide = args.map((a) => this.cast(a, "float64"));
    return this.cast(this.make("call", "float64", wide, 0, name), dtype);
  }

  /** c₀ + c₁x + c₂x² ..., by Horner's rule; in float32 by multiplyAdd. */
  polynomial(x: Scalar, coefficients: readonly number[]): Scalar {
    let sum = this.like(x, coefficients[coefficients.length - 1] ?? 0);
    for (let i = coefficients.length - 2; i >= 0; i--) {
      const c = this.like(x, coefficients[i] as number);
      sum = x.dtype === "float32" ? this.multiplyAdd(sum, x, c) : this.add(this.mul(sum, x), c);
    }
    return sum;
  }
}
