/**
 * Where the tensors of a safetensors file lie: 8 bytes of header length (u64, little-endian), a JSON header padded with
 * spaces, then the elements of all tensors one after the other. The header is read and checked against the size of the
 * file before anything else is read. No bytes of tensors here. Floor: io.
 */
import { TwopassError, describe, showShape } from "../base/errors.ts";
import {
  type ElementArray,
  type ElementArrayType,
  type ElementType,
  arrayTypes,
  countOf,
  fileItemSize,
} from "./elements.ts";
import { type HeaderEntry, parseHeader } from "./safetensors-header.ts";

/** Bits of one element of the dtypes that no tensor has: read and written as their bytes. */
const opaqueBits = {
  C64: 64,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E5M2FNUZ: 8,
  F8_E4M3FNUZ: 8,
  F6_E2M3: 6,
  F6_E3M2: 6,
  F4: 4,
} as const satisfies Record<string, number>;

export type OpaqueDtype = keyof typeof opaqueBits;
export type SafetensorsDtype = ElementType | OpaqueDtype;
export type SafetensorsData = ElementArray;

/** A tensor's place. `begin` and `end` count bytes from the first byte of data. */
export interface TensorPlace {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface Layout {
  /** In the order of the header. */
  readonly places: readonly TensorPlace[];
  readonly metadata: Record<string, string>;
}

export const lengthBytes = 8;
/** The bound of the reference implementation. */
export const mostHeaderBytes = 100_000_000;

export const knownDtypes = [...Object.keys(arrayTypes), ...Object.keys(opaqueBits)].join(", ");

export function isSafetensorsDtype(dtype: string): dtype is SafetensorsDtype {
  return Object.hasOwn(arrayTypes, dtype) || Object.hasOwn(opaqueBits, dtype);
}

export function isOpaque(dtype: SafetensorsDtype): dtype is OpaqueDtype {
  return Object.hasOwn(opaqueBits, dtype);
}

export function bitsOf(dtype: SafetensorsDtype): number {
  return isOpaque(dtype) ? opaqueBits[dtype] : 8 * fileItemSize(dtype);
}

/** undefined where the size is more than a number can count, or ends inside of a byte. */
export function bytesOf(dtype: SafetensorsDtype, shape: readonly number[]): number | undefined {
  const count = countOf(shape);
  const bytes = count === undefined ? undefined : (count * bitsOf(dtype)) / 8;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The type of the data of a dtype. */
export function arrayTypeOf(dtype: SafetensorsDtype): ElementArrayType {
  return isOpaque(dtype) ? Uint8Array : arrayTypes[dtype];
}

/** The length of the header, from the first 8 bytes of a file of `fileBytes`. */
export function headerLength(first: Uint8Array, fileBytes: number): number {
  if (fileBytes < lengthBytes) {
    throw unreadable("too short for a safetensors file", `${fileBytes} bytes`, "the file is cut off or empty");
  }
  const view = new DataView(first.buffer, first.byteOffset, lengthBytes);
  const length = view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
  if (length > mostHeaderBytes) {
    const facts = `${length} bytes, at most ${mostHeaderBytes}`;
    throw unreadable("header length out of bounds", facts, "this is probably no safetensors file");
  }
  if (length > fileBytes - lengthBytes) {
    const facts = `a header of ${length} bytes in a file of ${fileBytes}`;
    throw unreadable("the header does not fit the file", facts, "the file is cut off, or is no safetensors file");
  }
  return length;
}

/** The header, in front of `dataBytes` bytes of data. */
export function readLayout(header: Uint8Array, dataBytes: number): Layout {
  const { entries, metadata } = parseHeader(headerText(header));
  return { places: checkLayout(entries, dataBytes), metadata };
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
function checkLayout(entries: readonly HeaderEntry[], dataBytes: number): TensorPlace[] {
  const places = entries.map((entry) => checkEntry(entry, dataBytes));
  let at = 0;
  for (const { name, begin, end } of [...places].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
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
  return places;
}

function checkEntry({ name, dtype, shape, begin, end }: HeaderEntry, dataBytes: number): TensorPlace {
  if (!isSafetensorsDtype(dtype)) {
    throw unreadable("unknown dtype", `${describe(dtype)} of tensor ${describe(name)}`, `known: ${knownDtypes}`);
  }
  if (end > dataBytes) {
    const facts = `tensor ${describe(name)} ends at ${end}, the data at ${dataBytes}`;
    throw unreadable("a tensor reaches beyond the file", facts, "the file is cut off or damaged");
  }
  const wanted = bytesOf(dtype, shape);
  if (wanted === undefined || end - begin !== wanted) {
    const facts = `tensor ${describe(name)}, ${dtype} ${showShape(shape)}, has the range ${begin} to ${end}`;
    throw unreadable("size and shape do not match", facts, "the file is damaged");
  }
  return { name, dtype, shape, begin, end };
}

export function unreadable(problem: string, facts: string, hint: string, cause?: unknown): TwopassError {
  return new TwopassError({ op: "decodeSafetensors", problem, facts, hint, cause });
}
