/** What stands in the brackets of an index: numbers, slices, tensors; read and checked. Floor: tensor. */
import type { TypedArray } from "../base/dtype.ts";
import { TwopassError, describe, showShape } from "../base/errors.ts";
import { type Shape, broadcastShapes, sizeOf, stridesOf } from "../base/shape.ts";
import type { Value } from "../ir/value.ts";
import { block, checkedIndex, reshaped, wrapIndex } from "../ops/composite/indexing.ts";
import { kit } from "../ops/kit.ts";
import { makeLeaf } from "../ops/leaf.ts";
import { TensorHandle, valueOf } from "./handle.ts";

type Bound = "" | `${number}`;
/** `start:stop` or `start:stop:step`, each part optional, as in Python: `"1:3"`, `":-1"`, `"::2"`, `"::-1"`. */
export type SliceText = `${Bound}:${Bound}` | `${Bound}:${Bound}:${Bound}`;

/** Positions along a dim: an int32 tensor or plain numbers. */
export type Index = TensorHandle | readonly number[];

/** One entry of an index. */
export type IndexItem = number | SliceText | "..." | null | Index;

/** How the positions of an index are read. */
export interface IndexRules {
  /** Extent of the dim that they are positions of. */
  readonly size: number;
  /** Whether −1 is the last position, or an error. */
  readonly wrap: boolean;
}

/**
 * Positions as an int32 vertex. Those whose elements are in JavaScript's memory are checked here, and negative ones
 * replaced; computed ones are checked by the device when they are used.
 */
export function indexValue(op: string, index: Index, { size, wrap }: IndexRules): Value {
  if (!(index instanceof TensorHandle)) {
    const places = numbersOf(op, index);
    const data = Int32Array.from(checkPlaces(op, places, [places.length], size, wrap) ?? places);
    return makeLeaf([data.length], "int32", { kind: "data", data });
  }
  const value = valueOf(index);
  if (value.dtype !== "int32" && value.dtype !== "uint8") throw notAnIndex(op, value);
  if (value.leaf?.kind === "data") {
    const replaced = checkPlaces(op, value.leaf.data, value.shape, size, wrap);
    if (replaced !== undefined) return makeLeaf(value.shape, "int32", { kind: "data", data: replaced });
    return kit.cast(value, "int32");
  }
  const places = kit.cast(value, "int32");
  return wrap ? wrapIndex(kit, places, size) : places;
}

/** The tensors among indices. */
export function indexTensors(indices: readonly unknown[]): TensorHandle[] {
  return indices.filter((x) => x instanceof TensorHandle);
}

function numbersOf(op: string, index: unknown): readonly number[] {
  const bad = Array.isArray(index) ? index.findIndex((i) => !Number.isInteger(i)) : -2;
  if (bad === -1) return index as readonly number[];
  throw new TwopassError({
    op,
    problem: "an index is an int32 tensor or an array of whole numbers",
    facts: bad === -2 ? `got ${describe(index)}` : `position ${bad} is ${describe((index as unknown[])[bad])}`,
  });
}

function notAnIndex(op: string, value: Value): TwopassError {
  return new TwopassError({
    op,
    problem: "an index must be int32",
    facts: `got ${value.dtype} ${showShape(value.shape)}`,
    hint:
      value.dtype === "bool"
        ? "to read by a mask: await x.maskedSelect(mask); to write by one: x.maskedFill(mask, value)"
        : "convert it with .int()",
    dtypes: [value.dtype],
  });
}

/** Throws at the first position out of range. Gives the positions with negative ones counted from the end, if any are. */
function checkPlaces(
  op: string,
  places: TypedArray | readonly number[],
  shape: Shape,
  size: number,
  wrap: boolean,
): Int32Array | undefined {
  let negative = false;
  for (let i = 0; i < places.length; i++) {
    const at = places[i] as number;
    if (at >= size || at < (wrap ? -size : 0)) throw outOfRange(op, at, i, shape, size, wrap);
    if (at < 0) negative = true;
  }
  return negative ? Int32Array.from(places, (at) => (at < 0 ? at + size : at)) : undefined;
}

function outOfRange(op: string, at: number, i: number, shape: Shape, size: number, wrap: boolean): TwopassError {
  const where = stridesOf(shape).map((stride, d) => Math.floor(i / stride) % (shape[d] as number));
  return new TwopassError({
    op,
    problem: "index out of range",
    facts: `${at} at ${showShape(where)} of the index, the dim has ${size} ${size === 1 ? "element" : "elements"}`,
    hint:
      size === 0
        ? "the dim is empty"
        : `use whole numbers from ${wrap ? -size : 0} to ${size - 1}${at < 0 && !wrap ? "; at() counts from the end" : ""}`,
  });
}

/** An index read against a shape. */
export interface Region {
  /** The slice that numbers and slice texts make, for each dim. */
  readonly start: readonly number[];
  readonly step: readonly number[];
  readonly size: readonly number[];
  /** The shape of that slice without the dims that numbers took, with the new ones. */
  readonly shape: Shape;
  /** Tensors and arrays: positions in dims of `shape`, with one shape for all. */
  readonly indices: readonly { readonly dim: number; readonly value: Value }[];
}

/** Reads the items of an index of a tensor of that shape. */
export function readItems(op: string, shape: Shape, items: readonly IndexItem[]): Region {
  const taken = items.filter((item) => item !== null && item !== "...").length;
  if (taken > shape.length) {
    throw new TwopassError({
      op,
      problem: "more indices than dims",
      facts: `${taken} for shape ${showShape(shape)}`,
      shapes: [shape],
    });
  }
  const dots = items.indexOf("...");
  if (dots >= 0 && items.indexOf("...", dots + 1) >= 0) {
    throw new TwopassError({ op, problem: '"..." can come once only', facts: `in ${items.length} indices` });
  }
  const start = shape.map(() => 0);
  const step = shape.map(() => 1);
  const size = [...shape];
  const kept: number[] = [];
  const given: { dim: number; index: Index }[] = [];
  let dim = 0;
  const keepTo = (end: number): void => {
    for (; dim < end; dim++) kept.push(size[dim] as number);
  };
  items.forEach((item, i) => {
    if (item === null) kept.push(1);
    else if (item === "...") keepTo(dim + shape.length - taken);
    else if (typeof item === "number") {
      start[dim] = placeOf(op, item, i, dim, shape);
      size[dim++] = 1;
    } else if (typeof item === "string") {
      const part = readSlice(op, item, i, shape[dim] as number);
      start[dim] = part.start;
      step[dim] = part.step;
      size[dim] = part.size;
      keepTo(dim + 1);
    } else {
      given.push({ dim: kept.length, index: item });
      keepTo(dim + 1);
    }
  });
  keepTo(shape.length);
  const indices = given.map(({ dim: at, index }) => {
    const extent = kept[at] as number;
    const value = indexValue(op, index, { size: extent, wrap: true });
    // Several positions become one in a flattened dim, where one too large for its own dim would not be seen.
    return {
      dim: at,
      value: given.length > 1 && value.leaf?.kind !== "data" ? checkedIndex(kit, value, extent) : value,
    };
  });
  const common = indices.reduce<Shape>((all, { value }) => broadcastShapes(op, all, value.shape), []);
  return {
    start,
    step,
    size,
    shape: kept,
    indices: indices.map((x) => ({ ...x, value: kit.broadcast(x.value, common) })),
  };
}

function placeOf(op: string, at: number, i: number, dim: number, shape: Shape): number {
  const n = shape[dim] as number;
  if (Number.isInteger(at) && at >= -n && at < n) return at < 0 ? at + n : at;
  throw new TwopassError({
    op,
    problem: Number.isInteger(at) ? "index out of range" : "an index must be a whole number",
    facts: `argument ${i} is ${at}, dim ${dim} of ${showShape(shape)} has ${n} ${n === 1 ? "element" : "elements"}`,
    shapes: [shape],
  });
}

const sliceForm = /^(-?\d+)?:(-?\d+)?(?::(-?\d+)?)?$/;

/** A slice text as start, step and number of elements, by Python's rules. */
function readSlice(op: string, text: string, i: number, n: number): { start: number; step: number; size: number } {
  const match = sliceForm.exec(text);
  const step = Number(match?.[3] ?? 1);
  if (match === null || step === 0) {
    throw new TwopassError({
      op,
      problem: match === null ? "not a slice" : "a slice has no step of 0",
      facts: `argument ${i} is ${describe(text)}`,
      hint: 'write "start:stop" or "start:stop:step", each part optional',
    });
  }
  const [least, most] = step > 0 ? [0, n] : [-1, n - 1];
  const bound = (given: string | undefined, otherwise: number): number => {
    if (given === undefined) return otherwise;
    const at = Number(given);
    return Math.max(least, Math.min(most, at < 0 ? at + n : at));
  };
  const start = bound(match[1], step > 0 ? 0 : n - 1);
  const stop = bound(match[2], step > 0 ? n : -1);
  const size = Math.max(0, Math.ceil((stop - start) / step));
  return size === 0 ? { start: 0, step: 1, size } : { start, step, size };
}

/** What numbers and slice texts choose of x. */
export function sliceRegion(x: Value, region: Region): Value {
  return reshaped(kit, block(kit, x, region.start, region.step, region.size), region.shape);
}

/** A region's slice arranged so that its index tensors are positions in one dim of three, and the way back. */
export interface Folded {
  /** [before, chosen, behind]. */
  readonly x: Value;
  /** int32 [n]: positions in the chosen dim. */
  readonly index: Value;
  /** The shape of the result of reading. */
  readonly shape: Shape;
  /** From [before, chosen, behind] to the shape of the slice. */
  readonly unfold: (y: Value) => Value;
}

/**
 * The dims with index tensors, joined: where they are neighbours the dims of the index take their place, otherwise they
 * come first, as in NumPy and PyTorch.
 */
export function foldRegion(slice: Value, region: Region): Folded {
  const dims = region.indices.map(({ dim }) => dim);
  const [first, last] = [dims[0] as number, dims[dims.length - 1] as number];
  const neighbours = last - first === dims.length - 1;
  const at = neighbours ? first : 0;
  const rest = slice.shape.map((_, i) => i).filter((i) => !dims.includes(i));
  const order = [...rest.slice(0, at), ...dims, ...rest.slice(at)];
  const moved = kit.permute(slice, order);
  const chosen = moved.shape.slice(at, at + dims.length);
  const [before, behind] = [moved.shape.slice(0, at), moved.shape.slice(at + dims.length)];
  const common = region.indices[0]?.value.shape ?? [];
  const strides = stridesOf(chosen);
  const index = region.indices
    .map(({ value }, i) => (strides[i] === 1 ? value : kit.mul(value, strides[i] as number)))
    .reduce((sum, part) => kit.add(sum, part));
  return {
    x: kit.reshape(moved, [sizeOf(before), sizeOf(chosen), sizeOf(behind)]),
    index: kit.reshape(index, [sizeOf(common)]),
    shape: [...before, ...common, ...behind],
    unfold: (y) =>
      kit.permute(
        kit.reshape(y, moved.shape),
        order.map((_, i) => order.indexOf(i)),
      ),
  };
}
