/** Reading what users give as data: nested arrays, typed arrays, numbers. No tensors here. Floor: tensor. */
import { type Dtype, type TypedArray, allocate, castElement } from "../base/dtype.ts";
import { TwopassError, describe } from "../base/errors.ts";
import { type Shape, sizeOf } from "../base/shape.ts";

export type NestedData = number | boolean | readonly NestedData[];
export type TensorData =
  | NestedData
  | TypedArray
  | BigInt64Array
  | Int8Array
  | Int16Array
  | Uint16Array
  | Uint8ClampedArray;

/** Elements in row-major order and what they are. */
export interface Elements {
  readonly elements: TypedArray;
  readonly shape: readonly number[];
  readonly dtype: Dtype;
}

/**
 * Reads data; `wanted` converts the elements, `copy: false` takes a typed array over as it is where that can be. `intended`
 * is the shape that the elements will have, for messages.
 *
 * @throws where an element is out of the range of `wanted`.
 */
export function readData(
  op: string,
  data: TensorData,
  wanted: Dtype | undefined,
  copy: boolean,
  intended?: Shape,
): Elements {
  const placesOf = (count: number, own: Shape): Shape =>
    intended !== undefined && sizeOf(intended) === count ? intended : own;
  if (ArrayBuffer.isView(data)) {
    const { elements, dtype } = readTyped(op, data, copy);
    if (wanted !== undefined && wanted !== dtype) {
      checkRange(op, wanted, elements, placesOf(elements.length, [elements.length]));
    }
    return convert(elements, dtype, wanted);
  }
  const shape: number[] = [];
  for (let level: NestedData = data; Array.isArray(level); level = level[0] as NestedData) {
    shape.push(level.length);
    if (level.length === 0) break;
  }
  const flat: (number | boolean)[] = [];
  flatten(op, data, shape, 0, [], flat);
  const dtype = wanted ?? (flat.length > 0 && flat.every((x) => typeof x === "boolean") ? "bool" : "float32");
  checkRange(op, dtype, flat, placesOf(flat.length, shape));
  const elements = allocate(dtype, flat.length);
  for (let i = 0; i < flat.length; i++) elements[i] = castElement(dtype, Number(flat[i]));
  return { elements, shape, dtype };
}

/** What the dtypes that are not floating hold; fractions are cut off first. NaN is in no range. */
const ranges = {
  int32: [-2147483648, 2147483647],
  uint8: [0, 255],
  bool: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
} as const;

/** Throws for the first element that `dtype` cannot hold. Where floating numbers end, they round to infinity. */
export function checkRange(
  op: string,
  dtype: Dtype,
  elements: ArrayLike<number | boolean>,
  shape: readonly number[],
): void {
  if (dtype === "float32" || dtype === "float64") return;
  const [least, most] = ranges[dtype];
  for (let i = 0; i < elements.length; i++) {
    const whole = Math.trunc(Number(elements[i]));
    if (whole >= least && whole <= most) continue;
    const at = shape.length === 0 ? "" : ` at [${positionOf(i, shape).join(", ")}]`;
    throw new TwopassError({
      op,
      problem: `a number does not fit ${dtype}`,
      facts: `${elements[i]}${at}`,
      hint:
        dtype === "bool" ? "NaN is neither true nor false" : `${dtype} holds whole numbers from ${least} to ${most}`,
      dtypes: [dtype],
    });
  }
}

/** The position in each dim of element number `i`. */
function positionOf(i: number, shape: readonly number[]): number[] {
  let rest = i;
  return shape
    .toReversed()
    .map((extent) => {
      const at = rest % extent;
      rest = Math.floor(rest / extent);
      return at;
    })
    .toReversed();
}

function flatten(
  op: string,
  data: unknown,
  shape: readonly number[],
  depth: number,
  at: readonly number[],
  out: (number | boolean)[],
): void {
  if (depth === shape.length) {
    if (typeof data !== "number" && typeof data !== "boolean") {
      throw new TwopassError({
        op,
        problem: Array.isArray(data) ? "ragged array" : "an element is no number",
        facts: `${describe(data)} at [${at.join(", ")}]`,
        hint: Array.isArray(data) ? "all rows must be nested equally deep" : "use numbers or booleans",
      });
    }
    out.push(data);
    return;
  }
  if (!Array.isArray(data) || data.length !== shape[depth]) {
    throw new TwopassError({
      op,
      problem: "ragged array",
      facts: `row [${at.join(", ")}] ${Array.isArray(data) ? `has ${data.length} elements` : "is no array"}, the first has ${shape[depth]}`,
      hint: "make all rows equally long",
    });
  }
  data.forEach((item, i) => flatten(op, item, shape, depth + 1, [...at, i], out));
}

/** A typed array, or a copy of it, with the dtype that is its own. */
function readTyped(op: string, data: ArrayBufferView, copy: boolean): { elements: TypedArray; dtype: Dtype } {
  if (data instanceof BigInt64Array) return { elements: fromBigInts(op, data), dtype: "int32" };
  if (data instanceof Float32Array) return { elements: copy ? data.slice() : data, dtype: "float32" };
  if (data instanceof Float64Array) return { elements: copy ? data.slice() : data, dtype: "float64" };
  if (data instanceof Int32Array) return { elements: copy ? data.slice() : data, dtype: "int32" };
  if (data instanceof Uint8Array) return { elements: copy ? new Uint8Array(data) : data, dtype: "uint8" };
  if (data instanceof Uint8ClampedArray) return { elements: Uint8Array.from(data), dtype: "uint8" };
  if (data instanceof Int8Array || data instanceof Int16Array || data instanceof Uint16Array) {
    return { elements: Int32Array.from(data), dtype: "int32" };
  }
  throw new TwopassError({
    op,
    problem: "unknown kind of data",
    facts: describe(data),
    hint: "use Float32Array, Float64Array, Int32Array, Uint8Array or nested arrays",
  });
}

function fromBigInts(op: string, data: BigInt64Array): Int32Array {
  const elements = new Int32Array(data.length);
  data.forEach((x, i) => {
    if (x < -2147483648n || x > 2147483647n) {
      throw new TwopassError({
        op,
        problem: "a 64-bit integer does not fit int32",
        facts: `${x} at [${i}]`,
        hint: "twopass counts in int32",
      });
    }
    elements[i] = Number(x);
  });
  return elements;
}

/** Elements of one dtype as another, or themselves where it is the same. */
export function convert(elements: TypedArray, dtype: Dtype, wanted: Dtype | undefined): Elements {
  const shape = [elements.length];
  if (wanted === undefined || wanted === dtype) return { elements, shape, dtype };
  const converted = allocate(wanted, elements.length);
  for (let i = 0; i < elements.length; i++) converted[i] = castElement(wanted, elements[i] as number);
  return { elements: converted, shape, dtype: wanted };
}
