/** Damaged files made of good ones. Every choice comes from a random stream, so a file can be made again. */
import type { RandomStream } from "../../src/base/random-stream.ts";
import { utf8 } from "./target.ts";

/** Files grow no larger than this by mutation, unless a seed is larger. */
const mostBytes = 4096;

type Mutation = (bytes: Uint8Array, random: RandomStream, material: Material) => Uint8Array;

export interface Material {
  readonly seeds: readonly Uint8Array[];
  /** Pieces of bytes that mean something in the format. */
  readonly tokens: readonly Uint8Array[];
}

/** A seed after one to four mutations; rarely more. */
export function mutate(random: RandomStream, material: Material): Uint8Array {
  let bytes: Uint8Array = pick(random, material.seeds).slice();
  do {
    bytes = pick(random, mutations)(bytes, random, material);
  } while (random.int(2) === 0);
  return bytes;
}

const mutations: readonly Mutation[] = [
  flipBit,
  flipBit,
  setByte,
  setByte,
  truncate,
  removeRange,
  insertBytes,
  repeatRange,
  editLength,
  editLength,
  editDigits,
  putToken,
  splice,
];

function flipBit(bytes: Uint8Array, random: RandomStream): Uint8Array {
  if (bytes.length === 0) return bytes;
  const at = random.int(bytes.length);
  bytes[at] = (bytes[at] as number) ^ (1 << random.int(8));
  return bytes;
}

/** Bytes at the ends of ranges, and those that mean something in texts. */
const telling = [0, 1, 0x7f, 0x80, 0xff, ...utf8("\n\r\t ,;\"'\\{}[]:-+.09aE")];

function setByte(bytes: Uint8Array, random: RandomStream): Uint8Array {
  if (bytes.length === 0) return bytes;
  bytes[random.int(bytes.length)] = random.int(2) === 0 ? random.int(256) : pick(random, telling);
  return bytes;
}

function truncate(bytes: Uint8Array, random: RandomStream): Uint8Array {
  return bytes.slice(0, random.int(bytes.length + 1));
}

function removeRange(bytes: Uint8Array, random: RandomStream): Uint8Array {
  const [from, to] = range(bytes, random);
  return replaceRange(bytes, from, to, new Uint8Array(0));
}

function insertBytes(bytes: Uint8Array, random: RandomStream): Uint8Array {
  const inserted = new Uint8Array(1 + random.int(random.int(8) === 0 ? 300 : 8));
  const value = pick(random, telling);
  const isRun = random.int(2) === 0;
  for (let i = 0; i < inserted.length; i++) inserted[i] = isRun ? value : random.int(256);
  const at = random.int(bytes.length + 1);
  return replaceRange(bytes, at, at, inserted);
}

function repeatRange(bytes: Uint8Array, random: RandomStream): Uint8Array {
  const [from, to] = range(bytes, random);
  const times = 1 + random.int(random.int(8) === 0 ? 200 : 3);
  const part = bytes.subarray(from, to);
  const inserted = new Uint8Array(part.length * Math.min(times, Math.ceil(mostBytes / (part.length + 1))));
  for (let at = 0; at < inserted.length; at += part.length) inserted.set(part, at);
  return replaceRange(bytes, to, to, inserted);
}

/** Writes a number that a length, count or offset could be: 1 to 8 bytes, either byte order. */
function editLength(bytes: Uint8Array, random: RandomStream): Uint8Array {
  const width = pick(random, [1, 2, 4, 4, 8]);
  if (bytes.length < width) return bytes;
  const at = random.int(bytes.length - width + 1);
  const little = random.int(2) === 0;
  const mask = (1n << BigInt(8 * width)) - 1n;
  let old = 0n;
  for (let i = 0; i < width; i++) old |= BigInt(bytes[at + i] as number) << BigInt(8 * (little ? i : width - 1 - i));
  const size = BigInt(bytes.length);
  const value =
    pick(random, [
      0n,
      1n,
      old + 1n,
      old - 1n,
      old * 2n,
      old + 8n,
      size,
      size - BigInt(at),
      size + 1n,
      0x7fffn,
      0x8000n,
      0xffffn,
      0x100000n,
      0x7fffffffn,
      0x80000000n,
      0xffffffffn,
      0x20000000000000n,
      mask,
      mask >> 1n,
    ]) & mask;
  for (let i = 0; i < width; i++) {
    bytes[at + (little ? i : width - 1 - i)] = Number((value >> BigInt(8 * i)) & 255n);
  }
  return bytes;
}

const numberTexts = ["0", "-1", "1e999", "00", "0.5", "255", "65536", "2147483648", "4294967295", "9007199254740993"];

/** Puts another number where digits stand: a length in a header of text. */
function editDigits(bytes: Uint8Array, random: RandomStream): Uint8Array {
  const isDigit = (at: number): boolean => (bytes[at] ?? 0) >= 0x30 && (bytes[at] ?? 0) <= 0x39;
  let from = random.int(bytes.length + 1);
  while (from < bytes.length && !isDigit(from)) from++;
  if (from >= bytes.length) return flipBit(bytes, random);
  let to = from;
  while (isDigit(to)) to++;
  return replaceRange(bytes, from, to, utf8(pick(random, numberTexts)));
}

function putToken(bytes: Uint8Array, random: RandomStream, { tokens }: Material): Uint8Array {
  if (tokens.length === 0) return insertBytes(bytes, random);
  const token = pick(random, tokens);
  const at = random.int(bytes.length + 1);
  const to = random.int(2) === 0 ? at : Math.min(at + token.length, bytes.length);
  return replaceRange(bytes, at, to, token);
}

/** The beginning of this file and the end of another, or a piece of another in its middle. */
function splice(bytes: Uint8Array, random: RandomStream, { seeds }: Material): Uint8Array {
  const other = pick(random, seeds);
  const [from, to] = range(other, random);
  const at = random.int(bytes.length + 1);
  if (random.int(2) === 0) return replaceRange(bytes, at, bytes.length, other.subarray(from));
  return replaceRange(bytes, at, at, other.subarray(from, to));
}

/** A piece of a file, mostly a short one. */
function range(bytes: Uint8Array, random: RandomStream): [number, number] {
  const from = random.int(bytes.length + 1);
  const most = random.int(4) === 0 ? bytes.length - from : Math.min(16, bytes.length - from);
  return [from, from + random.int(most + 1)];
}

/** A new file with another piece in place of [from, to); where it would grow too large, the file as it was. */
function replaceRange(bytes: Uint8Array, from: number, to: number, piece: Uint8Array): Uint8Array {
  const size = bytes.length - (to - from) + piece.length;
  if (size > mostBytes && size > bytes.length) return bytes;
  const out = new Uint8Array(size);
  out.set(bytes.subarray(0, from));
  out.set(piece, from);
  out.set(bytes.subarray(to), from + piece.length);
  return out;
}

function pick<T>(random: RandomStream, from: readonly T[]): T {
  return from[random.int(from.length)] as T;
}
