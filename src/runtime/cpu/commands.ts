/**
 * Commands as words of memory: a header and the arguments of a kernel. Words are 4 or 8 bytes wide; either way they are
 * kept here as halves of 4 bytes. Floor: runtime.
 *
 * The header: [0] the kernel, [1] bytes of the command, [2] chunks of the wave and [3] its bytes (in the first command
 * of a wave, else 0), [4] units of the kernel, [5] units of a chunk, [6] unused, [7] its time
 * on one thread in µs, about (in the first command of a wave that of the wave).
 */
import { type Dtype, viewOf } from "../../base/dtype.ts";

export const headerWords = 8;

/** A word that holds an address inside of a buffer. */
export interface Relocation {
  readonly word: number;
  readonly addend: number;
}

/** Takes the arguments of one kernel, in their order. */
export interface ArgumentWriter {
  word(value: number): void;
  /** The address of a buffer of the kernel, plus some bytes. */
  address(buffer: number, addend: number): void;
  /** The address of a table of places, each times `unit`: 4 bytes an entry. */
  table(places: Int32Array, unit: number): void;
  /** A number of the call: 8 bytes with its bits in front. */
  number(dtype: Dtype, value: number): void;
  /** The address of the fault words. */
  fault(): void;
}

export interface Table {
  readonly word: number;
  readonly places: Int32Array;
  readonly unit: number;
}

export class CommandWriter implements ArgumentWriter {
  readonly #halves: number[] = [];
  readonly #isWide: boolean;
  readonly #faultAddress: number;
  readonly relocations: readonly Relocation[][];
  readonly tables: Table[] = [];
  #buffers: readonly number[] = [];
  #offsets: readonly number[] | undefined = undefined;

  constructor(wordBytes: 4 | 8, buffers: number, faultAddress: number) {
    this.#isWide = wordBytes === 8;
    this.relocations = Array.from({ length: buffers }, () => []);
    this.#faultAddress = faultAddress;
  }

  /** Words so far. */
  get length(): number {
    return this.#isWide ? this.#halves.length / 2 : this.#halves.length;
  }

  get bytes(): number {
    return 4 * this.#halves.length;
  }

  /**
   * Writes a command: `write` writes its arguments and gives its units. `offsets` are the bytes from the start of each
   * buffer to where it begins for the kernel. Gives the number of its first word.
   */
  command(
    kernel: number,
    buffers: readonly number[],
    offsets: readonly number[] | undefined,
    write: () => number,
  ): { head: number; units: number } {
    const head = this.length;
    const start = this.bytes;
    this.#buffers = buffers;
    this.#offsets = offsets;
    this.word(kernel);
    for (let i = 1; i < headerWords; i++) this.word(0);
    const units = write();
    this.set(head + 1, this.bytes - start);
    this.set(head + 4, units);
    return { head, units };
  }

  word(value: number): void {
    this.#halves.push(value | 0);
    if (this.#isWide) this.#halves.push(upperHalf(value));
  }

  set(word: number, value: number): void {
    writeWord(this.#halves, word, value, this.#isWide);
  }

  address(buffer: number, addend: number): void {
    const at = addend + (this.#offsets?.[buffer] ?? 0);
    (this.relocations[this.#buffers[buffer] as number] as Relocation[]).push({ word: this.length, addend: at });
    this.word(0);
  }

  table(places: Int32Array, unit: number): void {
    this.tables.push({ word: this.length, places, unit });
    this.word(0);
  }

  number(dtype: Dtype, value: number): void {
    const halves = new Int32Array(2);
    viewOf(dtype, halves.buffer, 0, 1)[0] = dtype === "bool" ? -Number(value !== 0) : value;
    this.#halves.push(...halves);
  }

  fault(): void {
    this.word(this.#faultAddress);
  }

  copyTo(halves: Int32Array): void {
    halves.set(this.#halves);
  }
}

function upperHalf(value: number): number {
  return Math.floor(value / 2 ** 32);
}

/** Writes one word among halves. */
export function writeWord(halves: Int32Array | number[], word: number, value: number, isWide: boolean): void {
  if (!isWide) {
    halves[word] = value;
    return;
  }
  halves[2 * word] = value | 0;
  halves[2 * word + 1] = upperHalf(value);
}
