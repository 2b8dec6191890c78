/**
 * The safetensors format, whole files: bytes to entries and back. Elements lie row-major and little-endian, one tensor
 * after the other without holes. Works on bytes and typed arrays, not on tensors and not on files. Floor: io.
 */
import { TwopassError, describe, showShape } from "../base/errors.ts";
import { elementsOf } from "./elements.ts";
import { isWellFormed, metadataName, mostDims } from "./safetensors-header.ts";
import {
  type SafetensorsData,
  type SafetensorsDtype,
  type TensorPlace,
  arrayTypeOf,
  bitsOf,
  bytesOf,
  headerLength,
  isOpaque,
  isSafetensorsDtype,
  knownDtypes,
  lengthBytes,
  mostHeaderBytes,
  readLayout,
  unreadable,
} from "./safetensors-layout.ts";

export type { SafetensorsData, SafetensorsDtype };

/**
 * One tensor: its elements row-major, BOOL as bytes 0 and 1, F16 and BF16 as their 16 bits. C64 and the dtypes of 8 bits
 * and less, F8_E4M3 and so on, as their bytes.
 */
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
  for (const [name, { data }] of [...tensors].sort(([, a], [, b]) => bitsOf(b.dtype) - bitsOf(a.dtype))) {
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
 * @example
 * const { entries, metadata } = decodeSafetensors(await save({ w: int32([5]) }, { metadata: { epoch: "3" } }));
 * entries.get("w"); // { dtype: "I32", shape: [1], data: Int32Array(1) [5] }
 * metadata; // { epoch: "3" }
 */
export function decodeSafetensors(bytes: Uint8Array): SafetensorsFile {
  if (!(bytes instanceof Uint8Array)) {
    throw unreadable("expected a Uint8Array", `got ${describe(bytes)}`, "use new Uint8Array(buffer)");
  }
  const dataStart = lengthBytes + headerLength(bytes, bytes.length);
  const { places, metadata } = readLayout(bytes.subarray(lengthBytes, dataStart), bytes.length - dataStart);
  const entries = new Map<string, SafetensorsEntry>();
  for (const place of places) {
    entries.set(place.name, entryOf(place, bytes.subarray(dataStart + place.begin, dataStart + place.end)));
  }
  return { entries, metadata };
}

/** The entry at a place, of the bytes there. */
export function entryOf({ name, dtype, shape }: TensorPlace, part: Uint8Array): SafetensorsEntry {
  if (isOpaque(dtype)) return { dtype, shape, data: new Uint8Array(part.buffer, part.byteOffset, part.length) };
  const wrong = dtype === "BOOL" ? part.findIndex((value) => value > 1) : -1;
  if (wrong >= 0) {
    const facts = `element ${wrong} of tensor ${describe(name)} is ${part[wrong]}`;
    throw unreadable("a BOOL that is not 0 or 1", facts, "the file is damaged, or the dtype should be U8");
  }
  return { dtype, shape, data: elementsOf(dtype, part) };
}

function checkEntry(name: string, { dtype, shape, data }: SafetensorsEntry): void {
  const what = `tensor ${describe(name)}`;
  if (name === metadataName) throw unwritable(`a tensor named ${metadataName}`, "the format keeps this name");
  if (!isWellFormed(name)) throw unwritable(`the name ${describe(name)}`, "it holds half of a surrogate pair");
  if (!isSafetensorsDtype(dtype)) throw unwritable(`${what} has the dtype ${describe(dtype)}`, `known: ${knownDtypes}`);
  const arrayType = arrayTypeOf(dtype);
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
