/** Checks of tensors, sizes and dims given to views, indexing and products. Options are in options.ts. Floor: tensor. */
import { isFloating, promote } from "../base/dtype.ts";
import { TwopassError, describe, showShape } from "../base/errors.ts";
import { type Shape, checkShape, normalizeDim, sizeOf } from "../base/shape.ts";
import type { Value } from "../ir/value.ts";
import { kit } from "../ops/kit.ts";
import { TensorHandle, valueOf } from "./handle.ts";

/** Sizes or dims as arguments one by one, or as one array: `(2, 3)` or `([2, 3])`. */
export type SizeList = number[] | [readonly number[]];

/** Sizes as a list of whole numbers, however they were given. */
export function sizesOf(op: string, given: readonly number[] | Readonly<SizeList>): readonly number[] {
  const first = given[0];
  const list = typeof first === "object" && given.length === 1 ? first : (given as readonly number[]);
  list.forEach((size, i) => checkAnyWhole(op, `size or dim ${i}`, size));
  return list;
}

/** Throws unless `value` is a whole number; it may be negative. */
export function checkAnyWhole(op: string, name: string, value: unknown): void {
  if (Number.isInteger(value)) return;
  throw new TwopassError({ op, problem: `${name} must be a whole number`, facts: `got ${describe(value)}` });
}

/** Throws unless `x` is a tensor. */
export function checkTensor(op: string, name: string, x: unknown): asserts x is TensorHandle {
  if (x instanceof TensorHandle) return;
  throw new TwopassError({
    op,
    problem: `${name} must be a tensor`,
    facts: `got ${describe(x)}`,
    hint: typeof x === "number" || Array.isArray(x) || ArrayBuffer.isView(x) ? "wrap it: tensor(...)" : "see the types",
  });
}

/** Throws unless `list` is an array of at least one tensor; names the entry that is none. */
export function checkTensors(op: string, list: unknown): asserts list is readonly TensorHandle[] {
  if (!Array.isArray(list)) {
    throw new TwopassError({ op, problem: "takes an array of tensors", facts: `got ${describe(list)}` });
  }
  if (list.length === 0)
    throw new TwopassError({ op, problem: "takes at least one tensor", facts: "got an empty array" });
  list.forEach((x, i) => checkTensor(op, `entry ${i}`, x));
}

/** Tensors as vertices of the dtype that holds all of them, whatever their shapes. float32 and float64 do not mix. */
export function promoteTensors(op: string, tensors: readonly TensorHandle[]): Value[] {
  const floats = [...new Set(tensors.map((x) => x.dtype).filter(isFloating))];
  if (floats.length > 1) {
    throw new TwopassError({
      op,
      problem: "float32 and float64 do not mix by themselves",
      facts: tensors.map((x) => x.dtype).join(" and "),
      hint: 'convert one with .to("float32") or .to("float64")',
      dtypes: floats,
    });
  }
  const dtype = tensors.map((x) => x.dtype).reduce(promote);
  return tensors.map((x) => kit.cast(valueOf(x), dtype));
}

/** Throws unless `x` has `rank` dims. */
export function checkRank(op: string, name: string, x: { readonly shape: Shape }, rank: number): void {
  if (x.shape.length === rank) return;
  throw new TwopassError({
    op,
    problem: `${name} must have ${rank} ${rank === 1 ? "dim" : "dims"}`,
    facts: `got ${showShape(x.shape)}`,
    shapes: [x.shape],
  });
}

/** The shape of as many elements as `from` has, in which one extent may be −1: what is left over. */
export function inferShape(op: string, from: Shape, to: readonly number[]): Shape {
  const open = to.indexOf(-1);
  const known = sizeOf(to.filter((_, i) => i !== open));
  const size = sizeOf(from);
  if (open >= 0 && to.indexOf(-1, open + 1) >= 0) {
    throw new TwopassError({ op, problem: "only one extent can be -1", facts: `got ${showShape(to)}` });
  }
  if (open >= 0 && known === 0) {
    throw new TwopassError({
      op,
      problem: "the extent for -1 cannot be found",
      facts: `${showShape(to)} for ${showShape(from)}`,
      hint: "an extent of 0 leaves it open: write all extents",
    });
  }
  if (to.some((n) => n < -1) || (open < 0 ? known !== size : size % known !== 0)) {
    throw new TwopassError({
      op,
      problem: "the sizes differ",
      facts: `${showShape(from)} has ${size} elements, ${showShape(to)} ${open < 0 ? `has ${known}` : `needs a multiple of ${known}`}`,
      hint: "a reshape keeps the number of elements; one extent can be -1",
      shapes: [from, to],
    });
  }
  return checkShape(op, open < 0 ? [...to] : to.with(open, size / known));
}

/** Dims counted from the front, in the order given, each at most once. */
export function distinctDims(op: string, dims: readonly number[], rank: number): number[] {
  const list = dims.map((dim) => normalizeDim(op, dim, rank));
  if (new Set(list).size === list.length) return list;
  throw new TwopassError({ op, problem: "the same dim twice", facts: `dims ${showShape(dims)} of ${rank}` });
}
