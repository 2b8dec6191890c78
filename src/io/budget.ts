/**
 * The memory that a file may ask for. Formats with compression, or with several tensors over the same bytes, can stand for
 * far more than their size; without a bound a file of a kilobyte could take all there is. Floor: io.
 */
import { TwopassError, describe } from "../base/errors.ts";

export interface MemoryOptions {
  /** The most bytes that the arrays of the file may take. Default: 4 times the file, and 16 KiB. */
  readonly maxBytes?: number;
}

/** Counts what a file asks for, before it is allocated. */
export class Budget {
  readonly #op: string;
  readonly #limit: number;
  #taken = 0;

  constructor(op: string, fileBytes: number, { maxBytes }: MemoryOptions) {
    if (maxBytes !== undefined && !(typeof maxBytes === "number" && maxBytes >= 0)) {
      throw new TwopassError({ op, problem: "maxBytes must be a number from 0", facts: `got ${describe(maxBytes)}` });
    }
    this.#op = op;
    this.#limit = maxBytes ?? 4 * fileBytes + 16_384;
  }

  /** @throws where the file asks for more than it may. */
  take(bytes: number, what: string): void {
    this.#taken += bytes;
    if (this.#taken <= this.#limit) return;
    throw new TwopassError({
      op: this.#op,
      problem: "the file asks for too much memory",
      facts: `${this.#taken} bytes with ${what}, at most ${this.#limit}`,
      hint: `if you trust the file, allow more with { maxBytes: ${2 ** Math.ceil(Math.log2(this.#taken))} }`,
    });
  }
}
