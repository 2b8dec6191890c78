/**
 * Reading zip archives in memory, as NumPy and PyTorch write them: stored or deflated entries, zip64. The list at the end of
 * the file rules; every range is checked before it is read, and sizes count against a budget before anything is inflated.
 * Encryption, other methods and archives in parts are refused. Floor: io.
 */
import { Inflate, inflateSync } from "fflate";
import { TwopassError, describe } from "../base/errors.ts";
import type { Budget } from "./budget.ts";

export interface ZipEntry {
  readonly name: string;
  readonly isStored: boolean;
  /** The bytes as they lie in the file. */
  readonly packed: Uint8Array;
  /** Bytes of the content. */
  readonly size: number;
  readonly crc: number;
}

const endSignature = 0x06054b50;
const zip64EndSignature = 0x06064b50;
const zip64LocatorSignature = 0x07064b50;
const centralSignature = 0x02014b50;
const localSignature = 0x04034b50;
const longestComment = 0xffff;
const zip64Fields = ["size", "packedSize", "offset"] as const;

/** The entries of an archive in its order, by name. */
export function readZip(op: string, bytes: Uint8Array): Map<string, ZipEntry> {
  return new ZipReader(op, bytes).entries();
}

class ZipReader {
  readonly #op: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });

  constructor(op: string, bytes: Uint8Array) {
    this.#op = op;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  entries(): Map<string, ZipEntry> {
    const { count, start, end } = this.#directory();
    const entries = new Map<string, ZipEntry>();
    let at = start;
    const ranges: (readonly [number, number])[] = [];
    for (let i = 0; i < count; i++) {
      if (at + 46 > end || this.#u32(at) !== centralSignature) throw this.#damaged("the list of entries is damaged");
      const next = at + 46 + this.#u16(at + 28) + this.#u16(at + 30) + this.#u16(at + 32);
      if (next > end) throw this.#damaged("the list of entries is cut off");
      const [entry, range] = this.#entry(at, start);
      if (entries.has(entry.name)) throw this.#damaged(`two entries named ${describe(entry.name)}`);
      entries.set(entry.name, entry);
      ranges.push(range);
      at = next;
    }
    let taken = 0;
    for (const [begin, end] of ranges.sort(([a], [b]) => a - b)) {
      // Entries over the same bytes could stand for far more than the file.
      if (begin < taken) throw this.#damaged("two entries overlap");
      taken = end;
    }
    return entries;
  }

  /** Where the list of entries lies, from the record at the end of the file. */
  #directory(): { count: number; start: number; end: number } {
    const at = this.#findEnd();
    let [disk, listDisk, here, count] = [this.#u16(at + 4), this.#u16(at + 6), this.#u16(at + 8), this.#u16(at + 10)];
    let [size, start] = [this.#u32(at + 12), this.#u32(at + 16)];
    if (at >= 20 && this.#u32(at - 20) === zip64LocatorSignature) {
      const record = this.#u64(at - 12);
      if (record > at - 20 - 56 || this.#u32(record) !== zip64EndSignature)
        throw this.#damaged("a zip64 record is missing");
      [disk, listDisk] = [this.#u32(record + 16), this.#u32(record + 20)];
      [here, count] = [this.#u64(record + 24), this.#u64(record + 32)];
      [size, start] = [this.#u64(record + 40), this.#u64(record + 48)];
    }
    if (disk !== 0 || listDisk !== 0 || here !== count) throw this.#refused("an archive in several parts");
    if (start + size > at) throw this.#damaged("the list of entries lies outside of the file");
    if (count * 46 > size) throw this.#damaged(`${count} entries in a list of ${size} bytes`);
    return { count, start, end: start + size };
  }

  /** The record at the end, behind which there may only be its comment. */
  #findEnd(): number {
    const last = this.#bytes.length - 22;
    for (let at = last; at >= Math.max(0, last - longestComment); at--) {
      if (this.#u32(at) === endSignature && at + 22 + this.#u16(at + 20) === this.#bytes.length) return at;
    }
    throw this.#damaged("the end of the archive is missing");
  }

  /** The entry that the list has at `at`, and the range of the file that it takes. */
  #entry(at: number, listStart: number): [ZipEntry, readonly [number, number]] {
    const nameEnd = at + 46 + this.#u16(at + 28);
    const name = this.#text(at + 46, nameEnd);
    const what = describe(name);
    if ((this.#u16(at + 8) & 1) !== 0) throw this.#refused(`the entry ${what} is encrypted`);
    const method = this.#u16(at + 10);
    if (method !== 0 && method !== 8) {
      throw this.#refused(`the entry ${what} is compressed by method ${method}, known are stored (0) and deflated (8)`);
    }
    const { size, packedSize, offset } = this.#sizes(at, nameEnd);
    if (offset + 30 > listStart || this.#u32(offset) !== localSignature) {
      throw this.#damaged(`the entry ${what} is not where the list says`);
    }
    const begin = offset + 30 + this.#u16(offset + 26) + this.#u16(offset + 28);
    const end = begin + packedSize;
    if (end > listStart) throw this.#damaged(`the entry ${what} reaches beyond the file`);
    if (method === 0 && size !== packedSize) throw this.#damaged(`the entry ${what} has two sizes`);
    const packed = this.#bytes.subarray(begin, end);
    return [{ name, isStored: method === 0, packed, size, crc: this.#u32(at + 16) }, [offset, end]];
  }

  /**
   * Sizes and the offset of an entry. Where the short fields are full, those of zip64 stand in its extra field, in the
   * order of this list.
   */
  #sizes(at: number, extra: number): { size: number; packedSize: number; offset: number } {
    const sizes = { size: this.#u32(at + 24), packedSize: this.#u32(at + 20), offset: this.#u32(at + 42) };
    let from = this.#findZip64(extra, extra + this.#u16(at + 30));
    if (from < 0) return sizes;
    const end = from + 2 + this.#u16(from);
    from += 2;
    for (const field of zip64Fields) {
      if (sizes[field] !== 0xffffffff) continue;
      if (from + 8 > end) throw this.#damaged("a zip64 field is too short");
      sizes[field] = this.#u64(from);
      from += 8;
    }
    return sizes;
  }

  /** Where the length of the zip64 field stands in an extra field, or -1. */
  #findZip64(from: number, end: number): number {
    let at = from;
    while (at + 4 <= end) {
      const next = at + 4 + this.#u16(at + 2);
      if (this.#u16(at) === 1 && next <= end) return at + 2;
      at = next;
    }
    return -1;
  }

  #text(begin: number, end: number): string {
    try {
      return this.#decoder.decode(this.#bytes.subarray(begin, end));
    } catch (cause) {
      throw this.#damaged("a name is not UTF-8", cause);
    }
  }

  #u16(at: number): number {
    return this.#view.getUint16(at, true);
  }

  #u32(at: number): number {
    return this.#view.getUint32(at, true);
  }

  /** Beyond 2^53 it is inexact, and larger than any file. */
  #u64(at: number): number {
    return this.#u32(at + 4) * 2 ** 32 + this.#u32(at);
  }

  #damaged(facts: string, cause?: unknown): TwopassError {
    return zipError(this.#op, "the zip archive cannot be read", facts, "the file is damaged or cut off", cause);
  }

  #refused(facts: string): TwopassError {
    return zipError(this.#op, "the zip archive cannot be read", facts, "save the file again without that");
  }
}

/** Up to this size, even the largest content that an entry could have is inflated in a moment. */
const smallPacked = 65_536;
/** No deflated byte stands for more. */
const mostExpansion = 1032;

/**
 * The content of an entry: a view of the file where it is stored, else an array of its own, which counts against the
 * budget first. Its size and check sum are compared.
 */
export function unzip(op: string, entry: ZipEntry, budget: Budget): Uint8Array {
  const { name, packed, size, crc, isStored } = entry;
  const what = `the entry ${describe(name)}`;
  if (!isStored) budget.take(size, what);
  let content: Uint8Array;
  try {
    content = isStored ? packed : inflate(packed, size);
  } catch (cause) {
    throw zipError(op, "the zip archive cannot be read", `${what} cannot be inflated`, "the file is damaged", cause);
  }
  if (content.length !== size) {
    const facts = `${what} has ${content.length} bytes, the list says ${size}`;
    throw zipError(op, "the zip archive cannot be read", facts, "the file is damaged");
  }
  if (crc32(content) !== crc) {
    throw zipError(op, "a check sum does not fit", what, "the file is damaged, or was written without check sums");
  }
  return content;
}

/** At most `size` bytes are kept, and not much more than that is ever inflated. */
function inflate(packed: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  if (packed.length <= smallPacked) return inflateSync(packed, { out });
  let done = 0;
  const stream = new Inflate((piece) => {
    if (piece.length > size - done) throw new RangeError(`more than ${size} bytes`);
    out.set(piece, done);
    done += piece.length;
  });
  for (let at = 0; at < packed.length; ) {
    // A piece of the input that can hardly overflow what is left to fill.
    const end = at + Math.max(1024, Math.floor((size - done) / mostExpansion));
    stream.push(packed.subarray(at, end), end >= packed.length);
    at = end;
  }
  return out.subarray(0, done);
}

let crcTable: Uint32Array | undefined;

/** The check sum of zip: CRC-32 with the polynomial of Ethernet. */
export function crc32(bytes: Uint8Array): number {
  crcTable ??= Uint32Array.from({ length: 256 }, (_, i) => {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    return crc;
  });
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ (crcTable[(crc ^ (bytes[i] as number)) & 255] as number);
  return ~crc >>> 0;
}

export function zipError(op: string, problem: string, facts: string, hint: string, cause?: unknown): TwopassError {
  return new TwopassError({ op, problem, facts, hint, cause });
}
