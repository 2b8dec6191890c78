/** Arithmetic of shapes: sizes, strides, dims, broadcasting. Knows nothing of tensors. Floor: base. */
import { TwopassError, describe, showShape } from "./errors.ts";

export type Shape = readonly number[];

/** Number of elements. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const extent of shape) size *= extent;
  return size;
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i] as number;
  }
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** A dim counted from the front, from one that may count from the back. A 0-d tensor accepts 0 and -1. */
export function normalizeDim(op: string, dim: number, rank: number): number {
  const most = Math.max(rank, 1);
  if (!Number.isInteger(dim) || dim < -most || dim >= most) {
    throw new TwopassError({
      op,
      problem: "dim out of range",
      facts: `dim ${describe(dim)} of a tensor with ${rank} dims`,
      hint: `use a whole number from ${-most} to ${most - 1}`,
    });
  }
  return dim < 0 ? dim + most : dim;
}

/** Sorted, distinct dims counted from the front; undefined means all. */
export function normalizeDims(op: string, dims: number | readonly number[] | undefined, rank: number): number[] {
  if (dims === undefined) return Array.from({ length: rank }, (_, i) => i);
  const list = (typeof dims === "number" ? [dims] : dims).map((dim) => normalizeDim(op, dim, rank));
  const sorted = [...new Set(list)].sort((a, b) => a - b);
  if (sorted.length !== list.length) {
    throw new TwopassError({ op, problem: "the same dim twice", facts: `dims ${showShape(list)}` });
  }
  return rank === 0 ? [] : sorted;
}

/** The shape of an elementwise operation on both, by the rule of NumPy and PyTorch. */
export function broadcastShapes(op: string, a: Shape, b: Shape): Shape {
  if (sameShape(a, b)) return a;
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const x = i > a.length ? 1 : (a[a.length - i] as number);
    const y = i > b.length ? 1 : (b[b.length - i] as number);
    if (x !== y && x !== 1 && y !== 1) {
      throw new TwopassError({
        op,
        problem: "shapes do not broadcast",
        facts: `${showShape(a)} and ${showShape(b)} differ in dim -${i}: ${x} and ${y}`,
        hint: "dims must be equal or 1, counted from the last",
        shapes: [a, b],
      });
    }
    out[rank - i] = x === 1 ? y : x;
  }
  return out;
}

/** Checks a shape given by the user: whole numbers, not negative, with a size that JavaScript can count. */
export function checkShape(op: string, shape: readonly number[]): Shape {
  for (const extent of shape) {
    if (!Number.isInteger(extent) || extent < 0) {
      throw new TwopassError({
        op,
        problem: "a shape holds whole numbers from 0",
        facts: `got ${showShape(shape.map((x) => (typeof x === "number" ? x : Number.NaN)))}`,
      });
    }
  }
  if (sizeOf(shape) > 2 ** 31 - 1) {
    throw new TwopassError({ op, problem: "too many elements", facts: `shape ${showShape(shape)}` });
  }
  return shape;
}
