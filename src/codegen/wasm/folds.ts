/** Folds of vectors: where they start, one step, and the lanes folded together at the end. Floor: codegen. */
import type { Dtype } from "../../base/dtype.ts";
import type { Fold } from "../../schedule/kernel.ts";
import type { Fn, Local } from "./function.ts";
import type { PlainOp } from "./opcodes.ts";
import { type Lanes, pushConstant } from "./vector.ts";

const starts: Readonly<Record<Fold, Readonly<Record<Dtype, number>>>> = {
  sum: { float32: 0, float64: 0, int32: 0, uint8: 0, bool: 0 },
  prod: { float32: 1, float64: 1, int32: 1, uint8: 1, bool: 1 },
  max: { float32: -Infinity, float64: -Infinity, int32: -2147483648, uint8: 0, bool: 0 },
  min: { float32: Infinity, float64: Infinity, int32: 2147483647, uint8: 255, bool: 1 },
  argmax: { float32: -Infinity, float64: -Infinity, int32: -2147483648, uint8: 0, bool: 0 },
  argmin: { float32: Infinity, float64: Infinity, int32: 2147483647, uint8: 255, bool: 1 },
};

/** Pushes the start of a fold. */
export function startOf(f: Fn, fold: Fold, dtype: Dtype): void {
  pushConstant(f, dtype, starts[fold][dtype]);
}

/** The instruction of one step. */
function stepOf(fold: Fold, dtype: Dtype): PlainOp {
  if (dtype === "float32" || dtype === "float64") {
    const lanes = dtype === "float32" ? "f32x4" : "f64x2";
    return `${lanes}.${fold === "sum" ? "add" : fold === "prod" ? "mul" : fold === "max" ? "max" : "min"}` as PlainOp;
  }
  if (dtype === "bool") return fold === "max" || fold === "sum" ? "v128.or" : "v128.and";
  return fold === "sum" ? "i32x4.add" : fold === "prod" ? "i32x4.mul" : fold === "max" ? "i32x4.max_s" : "i32x4.min_s";
}

/** Pushes target folded with value. For a position also updates `held`: the first best one, a NaN being best. */
export function foldInto(
  f: Fn,
  fold: Fold,
  dtype: Dtype,
  target: Local,
  value: Local,
  held: Local | undefined,
  position: Local | undefined,
  better: Local,
  temporary: Local,
): void {
  if (held === undefined || position === undefined) {
    f.get(target).get(value).op(stepOf(fold, dtype));
    return;
  }
  const isFloat = dtype === "float32" || dtype === "float64";
  const lanes = dtype === "float64" ? "f64x2" : dtype === "float32" ? "f32x4" : "i32x4";
  const relation = fold === "argmax" ? "gt" : "lt";
  const sign = isFloat ? "" : dtype === "bool" ? "_u" : "_s";
  f.get(value)
    .get(target)
    .op(`${lanes}.${relation}${sign}` as PlainOp)
    .set(better);
  if (isFloat) {
    // A NaN beats what is no NaN.
    f.get(value)
      .get(value)
      .op(`${lanes}.ne` as PlainOp);
    f.get(target)
      .get(target)
      .op(`${lanes}.eq` as PlainOp, "v128.and");
    f.get(better).op("v128.or").set(better);
  }
  if (dtype === "float64") f.get(better).get(better).shuffleLanes(0, 2, 0, 2).set(better);
  // The first element always counts: nothing is held yet.
  f.get(better).get(held).i32x4(0).op("i32x4.lt_s", "v128.or").set(better);
  f.get(position).get(held).get(better).op("v128.bitselect").set(held);
  f.get(value).get(target).get(better);
  if (dtype === "float64") f.set(temporary).get(temporary).get(temporary).shuffleLanes(0, 0, 1, 1);
  f.op("v128.bitselect");
}

/** Pushes the copies folded together, and their lanes too: the result is in all lanes. */
export function horizontal(
  f: Fn,
  fold: Fold,
  dtype: Dtype,
  lanes: Lanes,
  copies: readonly Local[],
  temporary: Local,
): void {
  const step = stepOf(fold, dtype);
  const combine = (from: number, count: number): void => {
    if (count === 1) {
      f.get(copies[from] as Local);
      return;
    }
    combine(from, count / 2);
    combine(from + count / 2, count / 2);
    f.op(step);
  };
  combine(0, copies.length);
  if (dtype === "float64") {
    f.tee(temporary).get(temporary).get(temporary).shuffleLanes(1, 0).op(step);
    return;
  }
  if (lanes === 4) f.tee(temporary).get(temporary).get(temporary).shuffleLanes(2, 3, 0, 1).op(step);
  f.tee(temporary).get(temporary).get(temporary).shuffleLanes(1, 0, 3, 2).op(step);
  if (lanes === 2) f.tee(temporary).get(temporary).shuffleLanes(0, 0, 0, 0);
}
