/**
 * Elements as files hold them and the tensors they become. The names of the types are those of safetensors; every format
 * here has no others that a tensor can take. No format is known here. Floor: io.
 */
import { type Dtype, type TypedArray, itemSize } from "../base/dtype.ts";
import { TwopassError } from "../base/errors.ts";
import { fromElements } from "../tensor/creation.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { widenBfloat, widenHalf } from "./half.ts";

/** Typed arrays by type, widest first. F16 and BF16 are kept as their bits, BOOL as bytes 0 and 1. */
export const arrayTypes = {
  F64: Float64Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
  F32: Float32Array,
  I32: Int32Array,
  U32: Uint32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const satisfies Record<string, ElementArrayType>;

export type ElementType = keyof typeof arrayTypes;

export type ElementArray =
  | TypedArray
  | BigInt64Array
  | BigUint64Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array;

export interface ElementArrayType {
  readonly name: string;
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): ElementArray;
  new (length: number): ElementArray;
}

/** The dtype of the tensor that elements become. */
const tensorDtypes: Readonly<Record<ElementType, Dtype>> = {
  F64: "float64",
  I64: "int32",
  U64: "int32",
  F32: "float32",
  I32: "int32",
  U32: "int32",
  F16: "float32",
  BF16: "float32",
  I16: "int32",
  U16: "int32",
  I8: "int32",
  U8: "uint8",
  BOOL: "bool",
};

/** Bytes of one element in the file, and in the tensor. */
export function fileItemSize(type: ElementType): number {
  return arrayTypes[type].BYTES_PER_ELEMENT;
}
export function tensorItemSize(type: ElementType): number {
  return itemSize[tensorDtypes[type]];
}

/** Whether a tensor can hold elements of the type as they are. */
export function isTensorType(type: ElementType): boolean {
  return type === "F64" || type === "F32" || type === "I32" || type === "U8" || type === "BOOL";
}

const hostIsLittle = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** The elements in bytes: a view where alignment and byte order allow, else a copy. The bytes are whole elements. */
export function elementsOf(type: ElementType, bytes: Uint8Array, littleEndian = true): ElementArray {
  const arrayType: ElementArrayType = arrayTypes[type];
  const width = arrayType.BYTES_PER_ELEMENT;
  const mustSwap = width > 1 && littleEndian !== hostIsLittle;
  const part = mustSwap || bytes.byteOffset % width !== 0 ? new Uint8Array(bytes) : bytes;
  if (mustSwap) swapBytes(part, width);
  return new arrayType(part.buffer, part.byteOffset, part.length / width);
}

function swapBytes(bytes: Uint8Array, width: number): void {
  for (let at = 0; at < bytes.length; at += width) {
    for (let i = at, j = at + width - 1; i < j; i++, j--) {
      const byte = bytes[i] as number;
      bytes[i] = bytes[j] as number;
      bytes[j] = byte;
    }
  }
}

/** The product, or undefined where it is more than a number counts exactly. */
export function countOf(shape: readonly number[]): number | undefined {
  let count = 1;
  for (const extent of shape) {
    count *= extent;
    if (!Number.isSafeInteger(count)) return undefined;
  }
  return count;
}

/** Where the elements of a tensor lie, counted in elements. All must be inside of the data. */
export interface Strided {
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** Strides of elements that lie one after the other, the last dim fastest. */
export function rowMajorStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  for (let dim = shape.length - 1, stride = 1; dim >= 0; dim--) {
    strides[dim] = stride;
    stride *= shape[dim] as number;
  }
  return strides;
}

/** The type to copy to on the way to a tensor: whole numbers of 8 and 16 bits become int32 at once. */
export function copyType(type: ElementType): ElementType {
  return type === "I8" || type === "I16" || type === "U16" ? "I32" : type;
}

/** A row-major copy; `type` is that of the data, or one that holds its numbers. */
export function rowMajor(type: ElementType, data: ElementArray, { offset, shape, strides }: Strided): ElementArray {
  const arrayType: ElementArrayType = arrayTypes[type];
  const out = new arrayType(countOf(shape) as number);
  // An element of 64 bits is moved as the bigint it is; the types here are only those of most.
  const [to, from] = [out as Float32Array, data as Float32Array];
  const inner = shape.at(-1) ?? 1;
  const step = strides.at(-1) ?? 0;
  const index = new Array<number>(Math.max(shape.length - 1, 0)).fill(0);
  for (let at = 0, row = offset; at < to.length; ) {
    for (let j = 0; j < inner; j++) to[at++] = from[row + j * step] as number;
    for (let dim = index.length - 1; dim >= 0; dim--) {
      const stride = strides[dim] as number;
      row += stride;
      index[dim] = (index[dim] as number) + 1;
      if ((index[dim] as number) < (shape[dim] as number)) break;
      row -= stride * (shape[dim] as number);
      index[dim] = 0;
    }
  }
  return out;
}

/** Where elements come from, for messages. */
export interface Origin {
  readonly op: string;
  /** The format's word for the type: `I64` in "I64 element 3 of "x" is 5000000000". */
  readonly typeName: string;
  /** `"x"` in it. */
  readonly name: string;
  readonly hint: string;
}

/**
 * The tensor of elements in row-major order: F16 and BF16 become float32; whole numbers other than U8 become int32.
 *
 * @param isOwn whether nobody else holds `data`: a tensor may then keep it, else it gets a copy.
 * @throws for whole numbers outside of int32, and for a BOOL that is not 0 or 1.
 */
export function tensorOf(
  type: ElementType,
  data: ElementArray,
  shape: readonly number[],
  isOwn: boolean,
  origin: Origin,
): Tensor {
  return fromElements(converted(type, data, isOwn, origin), [...shape], tensorDtypes[type]);
}

function converted(type: ElementType, data: ElementArray, isOwn: boolean, origin: Origin): TypedArray {
  switch (type) {
    case "F16":
      return widenHalf(data as Uint16Array);
    case "BF16":
      return widenBfloat(data as Uint16Array);
    case "I64":
    case "U64":
    case "U32":
      return narrowed(data as BigInt64Array | BigUint64Array | Uint32Array, origin);
    case "I16":
    case "U16":
    case "I8":
      return new Int32Array(data as Int16Array | Uint16Array | Int8Array);
    case "BOOL":
      checkBool(data as Uint8Array, origin);
      break;
    case "F64":
    case "F32":
    case "I32":
    case "U8":
  }
  return isOwn ? (data as TypedArray) : (data as TypedArray).slice();
}

function narrowed(data: BigInt64Array | BigUint64Array | Uint32Array, origin: Origin): Int32Array {
  const out = new Int32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const element = data[i] as number | bigint;
    out[i] = Number(element);
    if (out[i] === Number(element)) continue;
    throw new TwopassError({
      op: origin.op,
      problem: "a whole number does not fit int32",
      facts: `${origin.typeName} element ${i} of ${origin.name} is ${element}`,
      hint: origin.hint,
    });
  }
  return out;
}

function checkBool(data: Uint8Array, { op, typeName, name }: Origin): void {
  const wrong = data.findIndex((value) => value > 1);
  if (wrong < 0) return;
  throw new TwopassError({
    op,
    problem: `a ${typeName} that is not 0 or 1`,
    facts: `element ${wrong} of ${name} is ${data[wrong]}`,
    hint: "the file is damaged",
  });
}
