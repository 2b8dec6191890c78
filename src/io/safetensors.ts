/**
 * The safetensors format: 8 bytes of header length (u64, little-endian), a JSON header padded with spaces, then the
 * elements of all tensors, row-major and little-endian, one after the other without holes.
 * Works on bytes and typed arrays, not on tensors and not on files. Floor: io.
 */
import { TwopassError, describe, showShape } from "../base/errors.ts";
import { type HeaderEntry, isWellFormed, metadataName, mostDims, parseHeader } from "./safetensors-header.ts";

/** Typed arrays by dtype, widest first, which is the order of the data. F16 and BF16 are kept as their bits. */
const arrayTypes = {
  F64: Float64Array,
  I64: BigInt64Array,
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
} as const satisfies Record<string, ArrayType>;

export type SafetensorsDtype = keyof typeof arrayTypes;

export type SafetensorsData =
  | Float64Array
  | BigInt64Array
  | Float32Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

interface ArrayType {
  readonly name: string;
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): SafetensorsData;
}

/** One tensor: its elements row-major, BOOL as bytes 0 and 1, F16 and BF16 as their 16 bits. */
export interface SafetensorsEntry {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly data: SafetensorsData;
}

export interface SafetensorsFile {
  /** The tensors in the order of the header. */
  readonly entries: Map<string, SafetensorsEntry>;
  /** The free texts of `__metadata__`; empty where there are none. */
  readonly metadata: Record<string, string>;
}

const lengthBytes = 8;
/** The bound of the reference implementation. */
const mostHeaderBytes = 100_000_000;

/**
 * The bytes of a safetensors file. Equal arguments give equal bytes. Wider dtypes are laid out first, so that every
 * tensor starts at a multiple of its element size.
 *
 * @throws TwopassError for a name given twice, an unknown dtype, or data that does not fit its dtype and shape.
 * @example
 * const bytes = encodeSafetensors([["w", { dtype: "F32", shape: [2], data: new Float32Array([1, 2]) }]]);
 * decodeSafetensors(bytes).entries.get("w")?.data; // Float32Array(2) [1, 2]
 */
export function encodeSafetensors(
  entries: Iterable<readonly [string, SafetensorsEntry]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const tensors = new Map<string, SafetensorsEntry>();
  for (const [name, entry] of entries) {
    if (tensors.has(name)) throw unwritable(`two tensors named ${describe(name)}`, "give each its own name");
    checkEntry(name, entry);
    tensors.set(name, entry);
  }
  checkMetadata(metadata);

  const begins = new Map<string, number>();
  let dataBytes = 0;
  const widestFirst = [...tensors].sort(([, a], [, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT);
  for (const [name, { data }] of widestFirst) {
    begins.set(name, dataBytes);
    dataBytes += data.byteLength;
  }

  // Put together as text: an object would bring names such as "10" and "2" into an order of its own.
  const members = Object.keys(metadata).length === 0 ? [] : [`"${metadataName}":${JSON.stringify(metadata)}`];
  for (const [name, { dtype, shape, data }] of tensors) {
    const begin = begins.get(name) as number;
    const value = { dtype, shape, data_offsets: [begin, begin + data.byteLength] };
    members.push(`${JSON.stringify(name)}:${JSON.stringify(value)}`);
  }
  const json = new TextEncoder().encode(`{${members.join(",")}}`);
  const headerBytes = Math.ceil(json.length / 8) * 8;
  if (headerBytes > mostHeaderBytes) throw unwritable(`the header needs ${headerBytes} bytes`, "name fewer tensors");

  const bytes = allocate(lengthBytes + headerBytes + dataBytes);
  new DataView(bytes.buffer).setUint32(0, headerBytes, true);
  bytes.set(json, lengthBytes);
  bytes.fill(0x20, lengthBytes + json.length, lengthBytes + headerBytes);
  for (const [name, { data }] of tensors) {
    const at = lengthBytes + headerBytes + (begins.get(name) as number);
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
  }
  return bytes;
}

/**
 * The tensors of a safetensors file. The data are views of `bytes` where the alignment allows, else copies, so reading
 * takes no more memory than the file; keep `bytes` unchanged as long as the result is used.
 *
 * @throws TwopassError for anything that is not exactly the format: a header that is too long or malformed, a name that
 * appears twice, an unknown dtype, a range that does not fit its shape, ranges that overlap, leave holes or end
 * elsewhere than the file, a BOOL that is not 0 or 1.
 */
export function decodeSafetensors(bytes: Uint8Array): SafetensorsFile {
  const headerBytes = headerLength(bytes);
  const dataStart = lengthBytes + headerBytes;
  const { entries, metadata } = parseHeader(headerText(bytes.subarray(lengthBytes, dataStart)));
  checkLayout(entries, bytes.length - dataStart);

  const result = new Map<string, SafetensorsEntry>();
  for (const entry of entries) {
    const dtype = knownDtype(entry);
    const data = dataOf(dtype, entry, bytes.subarray(dataStart + entry.begin, dataStart + entry.end));
    result.set(entry.name, { dtype, shape: entry.shape, data });
  }
  return { entries: result, metadata };
}

function headerLength(bytes: Uint8Array): number {
  if (!(bytes instanceof Uint8Array)) {
    throw unreadable("expected a Uint8Array", `got ${describe(bytes)}`, "use new Uint8Array(buffer)");
  }
  if (bytes.length < lengthBytes) {
    throw unreadable("too short for a safetensors file", `${bytes.length} bytes`, "the file is cut off or empty");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, lengthBytes);
  const length = view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
  if (length > mostHeaderBytes) {
    const facts = `${length} bytes, at most ${mostHeaderBytes}`;
    throw unreadable("header length out of bounds", facts, "this is probably no safetensors file");
  }
  if (length > bytes.length - lengthBytes) {
    const facts = `a header of ${length} bytes in a file of ${bytes.length}`;
    throw unreadable("the header does not fit the file", facts, "the file is cut off, or is no safetensors file");
  }
  return length;
}

function headerText(header: Uint8Array): string {
  if (header[0] !== 0x7b) {
    const facts = `its first byte is ${header[0] ?? "missing"}`;
    throw unreadable('the header must begin with "{"', facts, "this is no safetensors file");
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(header);
  } catch (cause) {
    throw unreadable("the header is not UTF-8", `${header.length} bytes`, "this is no safetensors file", cause);
  }
}

/** Every range has the size of its tensor, and sorted they follow each other from 0 to the end of the file. */
function checkLayout(entries: readonly HeaderEntry[], dataBytes: number): void {
  for (const entry of entries) {
    const { name, begin, end, dtype, shape } = entry;
    const wanted = bytesOf(knownDtype(entry), shape);
    if (end > dataBytes) {
      const facts = `tensor ${describe(name)} ends at ${end}, the data at ${dataBytes}`;
      throw unreadable("a tensor reaches beyond the file", facts, "the file is cut off or damaged");
    }
    if (wanted === undefined || end - begin !== wanted) {
      const facts = `tensor ${describe(name)}, ${dtype} ${showShape(shape)}, has the range ${begin} to ${end}`;
      throw unreadable("size and shape do not match", facts, "the file is damaged");
    }
  }
  let at = 0;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== at) {
      const facts = `tensor ${describe(name)} begins at ${begin}, the one before it ends at ${at}`;
      throw unreadable(begin < at ? "two tensors overlap" : "a hole in the data", facts, "the file is damaged");
    }
    at = end;
  }
  if (at !== dataBytes) {
    const facts = `the last tensor ends at ${at}, the data at ${dataBytes}`;
    throw unreadable("bytes behind the last tensor", facts, "the file is damaged, or two were put together");
  }
}

function knownDtype({ name, dtype }: { readonly name: string; readonly dtype: string }): SafetensorsDtype {
  if (isSafetensorsDtype(dtype)) return dtype;
  throw unreadable("unknown dtype", `${describe(dtype)} of tensor ${describe(name)}`, `known: ${knownDtypes}`);
}

const knownDtypes = Object.keys(arrayTypes).join(", ");

function isSafetensorsDtype(dtype: string): dtype is SafetensorsDtype {
  return Object.hasOwn(arrayTypes, dtype);
}

/** undefined where the size is more than a number can count. */
function bytesOf(dtype: SafetensorsDtype, shape: readonly number[]): number | undefined {
  let size = arrayTypes[dtype].BYTES_PER_ELEMENT;
  for (const extent of shape) {
    size *= extent;
    if (!Number.isSafeInteger(size)) return undefined;
  }
  return size;
}

function dataOf(dtype: SafetensorsDtype, { name }: HeaderEntry, part: Uint8Array): SafetensorsData {
  const wrong = dtype === "BOOL" ? part.findIndex((value) => value > 1) : -1;
  if (wrong >= 0) {
    const facts = `element ${wrong} of tensor ${describe(name)} is ${part[wrong]}`;
    throw unreadable("a BOOL that is not 0 or 1", facts, "the file is damaged, or the dtype should be U8");
  }
  const arrayType: ArrayType = arrayTypes[dtype];
  const itemSize = arrayType.BYTES_PER_ELEMENT;
  const { buffer, byteOffset } = part.byteOffset % itemSize === 0 ? part : new Uint8Array(part);
  return new arrayType(buffer, byteOffset, part.length / itemSize);
}

function checkEntry(name: string, { dtype, shape, data }: SafetensorsEntry): void {
  const what = `tensor ${describe(name)}`;
  if (name === metadataName) throw unwritable(`a tensor named ${metadataName}`, "the format keeps this name");
  if (!isWellFormed(name)) throw unwritable(`the name ${describe(name)}`, "it holds half of a surrogate pair");
  if (!isSafetensorsDtype(dtype)) throw unwritable(`${what} has the dtype ${describe(dtype)}`, `known: ${knownDtypes}`);
  const arrayType: ArrayType = arrayTypes[dtype];
  if (!(data instanceof arrayType)) {
    throw unwritable(`${what} has the data ${describe(data)}`, `${dtype} takes a ${arrayType.name}`);
  }
  if (shape.length > mostDims || !shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0)) {
    throw unwritable(`${what} has the shape ${showShape(shape)}`, `at most ${mostDims} whole numbers from 0`);
  }
  if (bytesOf(dtype, shape) !== data.byteLength) {
    throw unwritable(`${what} has ${data.length} elements`, `its shape is ${showShape(shape)}`);
  }
  if (dtype === "BOOL" && (data as Uint8Array).some((value) => value > 1)) {
    throw unwritable(`${what} is BOOL and has other elements than 0 and 1`, "use U8 for numbers");
  }
}

function checkMetadata(metadata: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== "string") {
      throw unwritable(`the metadata ${describe(key)} is ${describe(value)}`, "metadata are texts: use JSON.stringify");
    }
    if (!isWellFormed(key) || !isWellFormed(value)) {
      throw unwritable(`the metadata ${describe(key)}`, "it holds half of a surrogate pair");
    }
  }
}

function allocate(size: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(size);
  } catch (cause) {
    throw unwritable(`no memory for ${size} bytes`, "save in several files", cause);
  }
}

function unwritable(facts: string, hint: string, cause?: unknown): TwopassError {
  return new TwopassError({ op: "encodeSafetensors", problem: "cannot be written", facts, hint, cause });
}

function unreadable(problem: string, facts: string, hint: string, cause?: unknown): TwopassError {
  return new TwopassError({ op: "decodeSafetensors", problem, facts, hint, cause });
}
