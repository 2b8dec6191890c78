/**
 * The IDX format of MNIST and its relatives: two zero bytes, a type byte, the number of dims, the dims as big-endian
 * u32, then the elements, row-major and big-endian. Works on bytes, not on files. Floor: data.
 */
import { TwopassError, showShape } from "../../base/errors.ts";

export type IdxData = Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;
export type IdxDtype = "uint8" | "int8" | "int16" | "int32" | "float32" | "float64";

export interface IdxArray {
  readonly dtype: IdxDtype;
  readonly shape: readonly number[];
  readonly data: IdxData;
}

interface ElementType {
  readonly dtype: IdxDtype;
  readonly array: {
    readonly BYTES_PER_ELEMENT: number;
    new (length: number): IdxData;
    new (buffer: ArrayBufferLike, byteOffset: number, length: number): IdxData;
  };
  /** The method of DataView that reads one element; big-endian unless told otherwise. */
  readonly get: "getUint8" | "getInt8" | "getInt16" | "getInt32" | "getFloat32" | "getFloat64";
}

const elementTypes: ReadonlyMap<number, ElementType> = new Map<number, ElementType>([
  [0x08, { dtype: "uint8", array: Uint8Array, get: "getUint8" }],
  [0x09, { dtype: "int8", array: Int8Array, get: "getInt8" }],
  [0x0b, { dtype: "int16", array: Int16Array, get: "getInt16" }],
  [0x0c, { dtype: "int32", array: Int32Array, get: "getInt32" }],
  [0x0d, { dtype: "float32", array: Float32Array, get: "getFloat32" }],
  [0x0e, { dtype: "float64", array: Float64Array, get: "getFloat64" }],
]);

/**
 * The array in the bytes of an IDX file. `name` names the file in errors. The data of uint8 and int8 are a view of
 * `bytes`, others a copy.
 *
 * @throws TwopassError where the first four bytes are not those of the format, the file is shorter or longer than its
 * dims say, or the dims are too large to count.
 * @example
 * decodeIdx(new Uint8Array([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]), "two").data; // Uint8Array(2) [7, 9]
 */
export function decodeIdx(bytes: Uint8Array, name: string): IdxArray {
  const [zero0, zero1, typeByte, rank] = bytes;
  if (rank === undefined) throw wrong(name, "too short for IDX", `${bytes.length} bytes`, "the file is cut off");
  const elementType = elementTypes.get(typeByte as number);
  if (zero0 !== 0 || zero1 !== 0 || elementType === undefined) {
    const isGzip = zero0 === 0x1f && zero1 === 0x8b;
    const hint = isGzip ? "it is compressed: gunzip it first" : "expected 00 00 and a type from 08 to 0e";
    const first = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0"));
    throw wrong(name, "not an IDX file", `it begins with ${first.join(" ")}`, hint);
  }
  const dataStart = 4 + 4 * rank;
  if (bytes.length < dataStart) {
    const facts = `${bytes.length} bytes, ${rank} dims need ${dataStart}`;
    throw wrong(name, "the file ends among its dims", facts, "the file is cut off");
  }
  const header = new DataView(bytes.buffer, bytes.byteOffset, dataStart);
  const shape = Array.from({ length: rank }, (_, i) => header.getUint32(4 + 4 * i));

  let wanted = elementType.array.BYTES_PER_ELEMENT;
  for (const extent of shape) {
    wanted *= extent;
    if (!Number.isSafeInteger(wanted)) {
      throw wrong(name, "the dims are too large", showShape(shape), "the file is damaged");
    }
  }
  const found = bytes.length - dataStart;
  if (found !== wanted) {
    const facts = `${elementType.dtype} ${showShape(shape)} is ${wanted} bytes, found ${found}`;
    if (found < wanted) throw wrong(name, "too few elements", facts, "the file is cut off");
    throw wrong(name, "bytes behind the last element", facts, "the file is damaged");
  }
  return { dtype: elementType.dtype, shape, data: readElements(elementType, bytes.subarray(dataStart)) };
}

function readElements({ array, get }: ElementType, bytes: Uint8Array): IdxData {
  const itemSize = array.BYTES_PER_ELEMENT;
  if (itemSize === 1) return new array(bytes.buffer, bytes.byteOffset, bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const out = new array(bytes.length / itemSize);
  for (let i = 0; i < out.length; i++) out[i] = view[get](i * itemSize);
  return out;
}

function wrong(name: string, problem: string, facts: string, hint: string): TwopassError {
  return new TwopassError({ op: "decodeIdx", problem, facts: `${JSON.stringify(name)}, ${facts}`, hint });
}
