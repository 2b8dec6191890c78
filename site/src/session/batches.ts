/** Which examples each step takes: one order for each epoch, which follows from the seed and the epoch alone. */
import { RandomStream } from "twopass/data";

export class Batches {
  readonly perEpoch: number;
  readonly #examples: Int32Array;
  readonly #size: number;
  readonly #seed: number;
  #epoch = -1;
  #order = new Int32Array(0);

  /** @param size examples in a batch; 0 for all. */
  constructor(examples: Int32Array, size: number, seed: number) {
    this.#examples = examples;
    this.#size = size === 0 ? examples.length : Math.min(size, examples.length);
    this.#seed = seed;
    this.perEpoch = Math.ceil(examples.length / this.#size);
  }

  /** The examples of the step behind `step` updates. */
  at(step: number): Int32Array {
    // All at once need no order.
    if (this.perEpoch === 1) return this.#examples;
    const epoch = Math.floor(step / this.perEpoch);
    if (epoch !== this.#epoch) {
      const places = new RandomStream(this.#seed, `epoch ${epoch}`).permutation(this.#examples.length);
      this.#order = places.map((place) => this.#examples[place] as number);
      this.#epoch = epoch;
    }
    const start = (step % this.perEpoch) * this.#size;
    return this.#order.subarray(start, start + this.#size);
  }
}
