/**
 * Scalar instructions spelled in SIMD. In a register every dtype has 32-bit lanes but float64; a kernel that holds
 * float64 works on two lanes, any other on four. bool is a mask of all ones or zeros, uint8 a zero-extended i32.
 * Floor: codegen.
 */
import type { Dtype } from "../../base/dtype.ts";
import { internal } from "../../base/errors.ts";
import type { Scalar } from "../../ir/scalar.ts";
import type { Fn, HostFunction, Local } from "./function.ts";
import type { PlainOp } from "./opcodes.ts";

export type Lanes = 2 | 4;

type Spelling = (f: Fn) => void;

const floatOps: Readonly<Record<string, string>> = {
  add: "add",
  sub: "sub",
  mul: "mul",
  div: "div",
  neg: "neg",
  abs: "abs",
  min: "min",
  max: "max",
  sqrt: "sqrt",
  floor: "floor",
  ceil: "ceil",
  trunc: "trunc",
  round: "nearest",
};

const wordOps: Readonly<Record<string, PlainOp>> = {
  add: "i32x4.add",
  sub: "i32x4.sub",
  mul: "i32x4.mul",
  neg: "i32x4.neg",
  abs: "i32x4.abs",
  min: "i32x4.min_s",
  max: "i32x4.max_s",
  and: "v128.and",
  or: "v128.or",
  xor: "v128.xor",
  not: "v128.not",
};

const maskOps: Readonly<Record<string, PlainOp>> = {
  and: "v128.and",
  or: "v128.or",
  xor: "v128.xor",
  min: "v128.and",
  max: "v128.or",
};

/** Pushes a number in all lanes. */
export function pushConstant(f: Fn, dtype: Dtype, value: number): void {
  if (dtype === "float32") f.f32x4(value);
  else if (dtype === "float64") f.f64x2(value);
  else if (dtype === "bool") f.i32x4(value !== 0 ? -1 : 0);
  else f.i32x4(value | 0);
}

/** Two 64-bit masks on the stack as 32-bit masks in the low lanes. */
function narrowMask(f: Fn, temporary: Local): void {
  f.tee(temporary).get(temporary).shuffleLanes(0, 2, 0, 2);
}

/** 32-bit masks in the low lanes as 64-bit masks. */
function widenMask(f: Fn, temporary: Local): void {
  f.tee(temporary).get(temporary).shuffleLanes(0, 0, 1, 1);
}

/** Spells instructions into one function. `push` puts the value of an argument on the stack. */
export class VectorSpeller {
  readonly #f: Fn;
  readonly #lanes: Lanes;
  readonly #temporaries: Local[] = [];
  readonly #hosts: Map<string, HostFunction>;

  constructor(f: Fn, lanes: Lanes, hosts: Map<string, HostFunction>) {
    this.#f = f;
    this.#lanes = lanes;
    this.#hosts = hosts;
  }

  /** A spare local; `i` tells apart the ones needed at the same time. */
  temporary(i: number): Local {
    let local = this.#temporaries[i];
    if (local === undefined) {
      local = this.#f.local("v128");
      this.#temporaries[i] = local;
    }
    return local;
  }

  /** Pushes the result of an instruction that is neither load nor index. */
  emit(s: Scalar, push: (arg: Scalar) => void): void {
    const f = this.#f;
    switch (s.instruction) {
      case "const":
        pushConstant(f, s.dtype, s.value);
        return;
      case "cast":
        push(s.args[0] as Scalar);
        this.#cast((s.args[0] as Scalar).dtype, s.dtype);
        return;
      case "bitcast":
        push(s.args[0] as Scalar);
        return;
      case "select": {
        const [condition, a, b] = s.args as [Scalar, Scalar, Scalar];
        push(a);
        push(b);
        push(condition);
        if (s.dtype === "float64") widenMask(f, this.temporary(0));
        f.op("v128.bitselect");
        return;
      }
      case "call":
        this.#call(s, push);
        return;
      case "eq":
      case "ne":
      case "lt":
      case "le":
      case "gt":
      case "ge":
        this.#compare(s, push);
        return;
      case "argument":
      case "load":
      case "index":
        throw internal(`${s.instruction} is not spelled here`);
      default:
        this.#arithmetic(s, push);
    }
  }

  #arithmetic(s: Scalar, push: (arg: Scalar) => void): void {
    const f = this.#f;
    if (s.dtype === "float32" || s.dtype === "float64") {
      if (s.instruction === "multiplyAdd" && s.dtype === "float32") {
        const [x, y, z] = s.args as [Scalar, Scalar, Scalar];
        push(x);
        push(y);
        f.op("f32x4.mul");
        push(z);
        f.op("f32x4.add");
        return;
      }
      if (s.instruction === "scale" && s.dtype === "float32") {
        this.#scale(s, push);
        return;
      }
      for (const arg of s.args) push(arg);
      const name = floatOps[s.instruction];
      if (name === undefined) throw internal(`${s.instruction} of ${s.dtype}`);
      f.op(`${s.dtype === "float32" ? "f32x4" : "f64x2"}.${name}` as PlainOp);
      return;
    }
    if (s.instruction === "idiv" || s.instruction === "irem" || ["shl", "shr", "ushr"].includes(s.instruction)) {
      this.#lanewise(s, push);
    } else {
      for (const arg of s.args) push(arg);
      const op = s.dtype === "bool" ? maskOps[s.instruction] : wordOps[s.instruction];
      if (op === undefined) throw internal(`${s.instruction} of ${s.dtype}`);
      f.op(op);
    }
    if (s.dtype === "uint8") f.i32x4(255).op("v128.and");
  }

  /** x 2ⁿ, in two steps because 2ⁿ alone may be no float32, and only the last one rounds. */
  #scale(s: Scalar, push: (arg: Scalar) => void): void {
    const f = this.#f;
    const [bits, half] = [this.temporary(0), this.temporary(1)];
    // Added to so large a number n + 254 stands in the low bits.
    push(s.args[1] as Scalar);
    f.f32x4(12583166).op("f32x4.add").set(bits);
    f.get(bits).i32(22).op("i32x4.shl").i32x4(-8388608).op("v128.and").set(half);
    push(s.args[0] as Scalar);
    f.get(half).op("f32x4.mul");
    f.get(bits).i32(23).op("i32x4.shl").get(half).op("i32x4.sub").op("f32x4.mul");
  }

  /** Integer division and shifts by a vector exist for single numbers only. */
  #lanewise(s: Scalar, push: (arg: Scalar) => void): void {
    const f = this.#f;
    const [a, b] = s.args as [Scalar, Scalar];
    const isShift = s.instruction.endsWith("shl") || s.instruction.endsWith("shr");
    if (isShift && b.instruction === "const") {
      push(a);
      f.i32(b.value & 31).op(
        s.instruction === "shl" ? "i32x4.shl" : s.instruction === "shr" ? "i32x4.shr_s" : "i32x4.shr_u",
      );
      return;
    }
    const [x, y, out] = [this.temporary(0), this.temporary(1), this.temporary(2)];
    push(a);
    push(b);
    f.set(y).set(x).i32x4(0).set(out);
    const divisor = f.local("i32");
    for (let lane = 0; lane < this.#lanes; lane++) {
      f.get(out);
      f.get(y).lane("i32x4.extract_lane", lane).set(divisor);
      if (isShift) {
        f.get(x).lane("i32x4.extract_lane", lane).get(divisor);
        f.op(s.instruction === "shl" ? "i32.shl" : s.instruction === "shr" ? "i32.shr_s" : "i32.shr_u");
      } else {
        // By zero the result is 0; the smallest number by -1 wraps and has remainder 0.
        f.get(divisor)
          .op("i32.eqz")
          .if(
            () => {
              f.i32(0);
            },
            () => {
              f.push(divisor, -1)
                .op("i32.eq")
                .if(
                  () => {
                    if (s.instruction === "irem") f.i32(0);
                    else f.i32(0).get(x).lane("i32x4.extract_lane", lane).op("i32.sub");
                  },
                  () => {
                    f.get(x).lane("i32x4.extract_lane", lane).get(divisor);
                    f.op(s.instruction === "irem" ? "i32.rem_s" : "i32.div_s");
                  },
                  "i32",
                );
            },
            "i32",
          );
      }
      f.lane("i32x4.replace_lane", lane).set(out);
    }
    f.get(out);
  }

  #compare(s: Scalar, push: (arg: Scalar) => void): void {
    const f = this.#f;
    const [a, b] = s.args as [Scalar, Scalar];
    push(a);
    push(b);
    const name = s.instruction;
    if (a.dtype === "float32") f.op(`f32x4.${name}` as PlainOp);
    else if (a.dtype === "float64") {
      f.op(`f64x2.${name}` as PlainOp);
      narrowMask(f, this.temporary(0));
    } else {
      // Masks compare as unsigned: true is above false.
      const sign = name === "eq" || name === "ne" ? "" : a.dtype === "bool" ? "_u" : "_s";
      f.op(`i32x4.${name}${sign}` as PlainOp);
    }
  }

  #call(s: Scalar, push: (arg: Scalar) => void): void {
    const f = this.#f;
    const params = s.args.map(() => "f64" as const);
    let host = this.#hosts.get(s.name);
    if (host === undefined) {
      host = { name: s.name, params, results: ["f64"] };
      this.#hosts.set(s.name, host);
    }
    const inputs = s.args.map((arg, i) => {
      push(arg);
      const local = this.temporary(3 + i);
      f.set(local);
      return local;
    });
    const out = this.temporary(2);
    f.f64x2(0).set(out);
    for (let lane = 0; lane < 2; lane++) {
      f.get(out);
      for (const input of inputs) f.get(input).lane("f64x2.extract_lane", lane);
      f.call(host).lane("f64x2.replace_lane", lane).set(out);
    }
    f.get(out);
  }

  #cast(from: Dtype, to: Dtype): void {
    const f = this.#f;
    const spell = casts[from]?.[to];
    if (spell === undefined) throw internal(`cast of ${from} to ${to}`);
    if (from === "bool" && to === "float64") widenMask(f, this.temporary(0));
    spell(f);
    if (from === "float64" && to === "bool") narrowMask(f, this.temporary(0));
  }
}

const same: Spelling = () => undefined;
const toByte: Spelling = (f) => f.i32x4(255).op("v128.and");
const notZeroWord: Spelling = (f) => f.i32x4(0).op("i32x4.ne");

const casts: Readonly<Record<Dtype, Partial<Record<Dtype, Spelling>>>> = {
  float32: {
    float64: (f) => f.op("f64x2.promote_low_f32x4"),
    int32: (f) => f.op("i32x4.trunc_sat_f32x4_s"),
    uint8: (f) => {
      f.op("i32x4.trunc_sat_f32x4_s");
      toByte(f);
    },
    bool: (f) => f.f32x4(0).op("f32x4.ne"),
  },
  float64: {
    float32: (f) => f.op("f32x4.demote_f64x2_zero"),
    int32: (f) => f.op("i32x4.trunc_sat_f64x2_s_zero"),
    uint8: (f) => {
      f.op("i32x4.trunc_sat_f64x2_s_zero");
      toByte(f);
    },
    bool: (f) => f.f64x2(0).op("f64x2.ne"),
  },
  int32: {
    float32: (f) => f.op("f32x4.convert_i32x4_s"),
    float64: (f) => f.op("f64x2.convert_low_i32x4_s"),
    uint8: toByte,
    bool: notZeroWord,
  },
  uint8: {
    float32: (f) => f.op("f32x4.convert_i32x4_s"),
    float64: (f) => f.op("f64x2.convert_low_i32x4_s"),
    int32: same,
    bool: notZeroWord,
  },
  bool: {
    float32: (f) => f.f32x4(1).op("v128.and"),
    float64: (f) => f.f64x2(1).op("v128.and"),
    int32: (f) => f.op("i32x4.neg"),
    uint8: (f) => f.op("i32x4.neg"),
  },
};
