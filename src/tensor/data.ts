/** Reading what users give as data: nested arrays, typed arrays, numbers. No tensors here. Floor: tensor. */
import { type Dtype, type TypedArray, allocate, castElement } from "../base/dtype.ts";
import { TwopassError, describe } from "../base/errors.ts";

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

/** Reads data; `wanted` converts the elements, `copy: false` takes a typed array over as it is where that can be. */
export function readData(op: string, data: TensorData, wanted: Dtype | undefined, copy: boolean): Elements {
  if (ArrayBuffer.isView(data)) return readTyped(op, data, wanted, copy);
  const shape: number[] = [];
  for (let level: NestedData = data; Array.isArray(level); level = level[0] as NestedData) {
    shape.push(level.length);
    if (level.length === 0) break;
  }
  const flat: (number | boolean)[] = [];
  flatten(op, data, shape, 0, [], flat);
  const dtype = wanted ?? (flat.length > 0 && flat.every((x) => typeof x === "boolean") ? "bool" : "float32");
  const elements = allocate(dtype, flat.length);
  for (let i = 0; i < flat.length; i++) elements[i] = castElement(dtype, Number(flat[i]));
  return { elements, shape, dtype };
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

function readTyped(op: string, data: ArrayBufferView, wanted: Dtype | undefined, copy: boolean): Elements {
  if (data instanceof BigInt64Array) return convert(fromBigInts(op, data), "int32", wanted);
  if (data instanceof Float32Array) return convert(copy ? data.slice() : data, "float32", wanted);
  if (data instanceof Float64Array) return convert(copy ? data.slice() : data, "float64", wanted);
  if (data instanceof Int32Array) return convert(copy ? data.slice() : data, "int32", wanted);
  if (data instanceof Uint8Array) return convert(copy ? new Uint8Array(data) : data, "uint8", wanted);
  if (data instanceof Uint8ClampedArray) return convert(Uint8Array.from(data), "uint8", wanted);
  if (data instanceof Int8Array || data instanceof Int16Array || data instanceof Uint16Array) {
    return convert(Int32Array.from(data), "int32", wanted);
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
        facts: `${x} at ${i}`,
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
