/** Element types: their names, sizes, typed arrays and promotion. Floor: base. */
import { internal } from "./errors.ts";

/** The element types a tensor can have. Numbers from plain JavaScript become float32, booleans bool. */
export const dtypes = ["float32", "float64", "int32", "uint8", "bool"] as const;
export type Dtype = (typeof dtypes)[number];

export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/** Bytes of one element. */
export const itemSize: Readonly<Record<Dtype, number>> = { float32: 4, float64: 8, int32: 4, uint8: 1, bool: 1 };

/** Small number of each dtype, for structural keys. */
export const dtypeCode: Readonly<Record<Dtype, number>> = { float32: 0, float64: 1, int32: 2, uint8: 3, bool: 4 };

export function isDtype(value: unknown): value is Dtype {
  return dtypes.includes(value as Dtype);
}

export function isFloating(dtype: Dtype): boolean {
  return dtype === "float32" || dtype === "float64";
}

/** A fresh zeroed array for `size` elements. bool is stored as one byte, 0 or 1. */
export function allocate(dtype: Dtype, size: number): TypedArray {
  switch (dtype) {
    case "float32":
      return new Float32Array(size);
    case "float64":
      return new Float64Array(size);
    case "int32":
      return new Int32Array(size);
    case "uint8":
    case "bool":
      return new Uint8Array(size);
  }
}

/** A typed array laid over a buffer. */
export function viewOf(dtype: Dtype, buffer: ArrayBufferLike, byteOffset: number, size: number): TypedArray {
  switch (dtype) {
    case "float32":
      return new Float32Array(buffer, byteOffset, size);
    case "float64":
      return new Float64Array(buffer, byteOffset, size);
    case "int32":
      return new Int32Array(buffer, byteOffset, size);
    case "uint8":
    case "bool":
      return new Uint8Array(buffer, byteOffset, size);
  }
}

const category: Readonly<Record<Dtype, number>> = { bool: 0, uint8: 1, int32: 1, float32: 2, float64: 2 };
const width: Readonly<Record<Dtype, number>> = { bool: 0, uint8: 1, int32: 2, float32: 3, float64: 4 };

/** The smallest dtype that holds both (PyTorch's `promote_types` over these types). */
export function promote(a: Dtype, b: Dtype): Dtype {
  return width[a] >= width[b] ? a : b;
}

/**
 * The dtype of `tensor (op) number`: a number of a higher category (bool < integer < float) lifts the tensor,
 * one of the same or a lower category takes the tensor's dtype, as in PyTorch.
 */
export function promoteWithNumber(tensor: Dtype, value: number | boolean, isWhole: boolean): Dtype {
  const rank = typeof value === "boolean" ? 0 : isWhole ? 1 : 2;
  if (rank <= category[tensor]) return tensor;
  if (rank === 2) return "float32";
  return rank === 1 ? "int32" : "bool";
}

/** The value as an element of `dtype`: float32 rounds, int32 and uint8 wrap, bool is 0 or 1. */
export function toElement(dtype: Dtype, value: number): number {
  switch (dtype) {
    case "float32":
      return Math.fround(value);
    case "float64":
      return value;
    case "int32":
      return value | 0;
    case "uint8":
      return value & 255;
    case "bool":
      return value !== 0 ? 1 : 0;
    default:
      throw internal(`unknown dtype ${String(dtype)}`);
  }
}

/**
 * A number turned into an element, as a cast does it: float to integer truncates toward zero and saturates
 * (NaN gives 0) before it wraps to the width of uint8.
 */
export function castElement(to: Dtype, value: number): number {
  if (to === "int32" || to === "uint8") {
    const whole = Number.isNaN(value) ? 0 : Math.max(-2147483648, Math.min(2147483647, Math.trunc(value)));
    return toElement(to, whole);
  }
  if (to === "bool") return value !== 0 ? 1 : 0;
  return toElement(to, value);
}
