/** Orders of examples: which numbers a loader takes, one epoch after the other. Floor: data. */
import { TwopassError, checkOptions, describe } from "../../base/errors.ts";
import { RandomStream, type RandomStreamState, stream } from "../../base/random-stream.ts";
import { checkWhole } from "../../tensor/options.ts";

/**
 * The numbers of the examples of an epoch: anything iterable, an array for instance. A sampler whose order changes says
 * by `state` where it stands before an epoch, as JSON, so that a loader can go on in the middle of one.
 */
export interface Sampler<I = number> extends Iterable<I> {
  /** How many there are in an epoch, where that is known. */
  readonly length?: number;
  state?(): unknown;
  restore?(state: unknown): void;
}

export interface SeedOptions {
  /** Seed of the orders; default: drawn from the process's seed, see `manualSeed`. */
  readonly seed?: number;
}

export interface RandomSamplerOptions extends SeedOptions {
  /** Whether a number may come more than once; default false. */
  readonly replacement?: boolean;
  /** Numbers in an epoch; default: as many as there are examples. More than that begin a new order. */
  readonly numSamples?: number;
}

export interface WeightedSamplerOptions extends SeedOptions {
  /** Whether a number may come more than once; default true. */
  readonly replacement?: boolean;
}

/** What a sampler counts: a data set, an array, or the number of examples itself. */
type Counted = { readonly length: number } | number;

/**
 * 0, 1, 2 and so on.
 *
 * @example
 * [...new SequentialSampler(3)]; // [0, 1, 2]
 */
export class SequentialSampler implements Sampler {
  readonly length: number;

  /** @param set the data set, or the number of its examples. */
  constructor(set: Counted) {
    this.length = checkCount("SequentialSampler", set);
  }

  *[Symbol.iterator](): Generator<number, void, undefined> {
    for (let i = 0; i < this.length; i++) yield i;
  }
}

/** What random samplers share: a stream of their own, and an order drawn as a whole before each epoch. */
abstract class DrawnSampler implements Sampler {
  abstract readonly length: number;
  readonly #stream: RandomStream;

  constructor(seed: number | undefined) {
    this.#stream = new RandomStream(seed ?? stream("loader").int(2 ** 32), "sampler");
  }

  [Symbol.iterator](): Iterator<number> {
    return this.draw(this.#stream)[Symbol.iterator]();
  }

  /** Where the random orders stand: before an epoch, that epoch. */
  state(): RandomStreamState {
    return this.#stream.state();
  }

  restore(state: unknown): void {
    this.#stream.restore(state as RandomStreamState);
  }

  protected abstract draw(random: RandomStream): Int32Array;
}

/**
 * All numbers in random order; with `replacement` each is drawn from all.
 *
 * @param set the data set, or the number of its examples.
 * @example
 * [...new RandomSampler(3)].sort(); // [0, 1, 2]
 * [...new RandomSampler(5, { replacement: true, numSamples: 8 })].length; // 8
 */
export class RandomSampler extends DrawnSampler {
  readonly length: number;
  readonly #count: number;
  readonly #replacement: boolean;

  constructor(set: Counted, options: RandomSamplerOptions = {}) {
    checkOptions("RandomSampler", options, ["replacement", "numSamples", "seed"]);
    super(options.seed);
    this.#count = checkCount("RandomSampler", set);
    this.length = checkWhole("RandomSampler", "numSamples", options.numSamples ?? this.#count, 1);
    this.#replacement = options.replacement ?? false;
  }

  protected draw(random: RandomStream): Int32Array {
    const order = new Int32Array(this.length);
    if (this.#replacement) return order.map(() => random.int(this.#count));
    for (let start = 0; start < this.length; start += this.#count) {
      order.set(random.permutation(this.#count).subarray(0, this.length - start), start);
    }
    return order;
  }
}

/**
 * The given numbers, each once, in random order.
 *
 * @example
 * [...new SubsetRandomSampler([7, 8, 9])].sort(); // [7, 8, 9]
 */
export class SubsetRandomSampler extends DrawnSampler {
  readonly length: number;
  readonly #indices: Int32Array;

  constructor(indices: ArrayLike<number>, options: SeedOptions = {}) {
    checkOptions("SubsetRandomSampler", options, ["seed"]);
    super(options.seed);
    this.length = checkCount("SubsetRandomSampler", indices);
    this.#indices = Int32Array.from(indices);
  }

  protected draw(random: RandomStream): Int32Array {
    return random.permutation(this.length).map((i) => this.#indices[i] as number);
  }
}

/**
 * Numbers drawn in proportion to their weights, which need not sum to 1: for classes of unequal size each example gets
 * the weight 1 / (size of its class). Without replacement a number that was drawn is out, and the rest goes on.
 *
 * @throws for a weight that is negative or not finite, and for more numbers without replacement than have a weight.
 * @example
 * const drawn = [...new WeightedRandomSampler([1, 0, 9], 1000)];
 * drawn.filter((i) => i === 2).length > 800; // true
 */
export class WeightedRandomSampler extends DrawnSampler {
  readonly length: number;
  readonly #weights: Float64Array;
  readonly #replacement: boolean;

  constructor(weights: ArrayLike<number>, numSamples: number, options: WeightedSamplerOptions = {}) {
    const op = "WeightedRandomSampler";
    checkOptions(op, options, ["replacement", "seed"]);
    super(options.seed);
    this.length = checkWhole(op, "numSamples", numSamples, 1);
    this.#weights = Float64Array.from(weights);
    this.#replacement = options.replacement ?? true;
    const wrong = this.#weights.findIndex((weight) => !(weight >= 0 && weight < Number.POSITIVE_INFINITY));
    if (wrong >= 0) {
      const facts = `weight ${wrong} is ${this.#weights[wrong]}`;
      throw new TwopassError({ op, problem: "weights must be finite and not negative", facts });
    }
    const drawable = this.#weights.filter((weight) => weight > 0).length;
    if (drawable === 0) throw new TwopassError({ op, problem: "no weight is above 0" });
    if (!this.#replacement && numSamples > drawable) {
      const facts = `${numSamples} of ${drawable} with a weight above 0`;
      throw new TwopassError({ op, problem: "cannot draw so many without replacement", facts });
    }
  }

  protected draw(random: RandomStream): Int32Array {
    return this.#replacement ? this.#drawEach(random) : this.#drawOnce(random);
  }

  /** The first whose running sum is above a uniform part of the whole sum. */
  #drawEach(random: RandomStream): Int32Array {
    let sum = 0;
    const sums = this.#weights.map((weight) => (sum += weight));
    return new Int32Array(this.length).map(() => {
      const at = uniform(random) * sum;
      let [low, high] = [0, sums.length - 1];
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((sums[middle] as number) > at) high = middle;
        else low = middle + 1;
      }
      return low;
    });
  }

  /** A race: each number arrives after a time of the exponential distribution whose rate is its weight. */
  #drawOnce(random: RandomStream): Int32Array {
    const times = this.#weights.map((weight) => -Math.log(1 - uniform(random)) / weight);
    const order = Int32Array.from({ length: times.length }, (_, i) => i).filter(
      (i) => (this.#weights[i] as number) > 0,
    );
    return order.sort((a, b) => (times[a] as number) - (times[b] as number)).slice(0, this.length);
  }
}

/**
 * Lists of numbers from a sampler: for the option `batchSampler` of a loader, or to be changed by a class of one's own.
 *
 * @example
 * [...new BatchSampler(new SequentialSampler(5), 2)]; // [[0, 1], [2, 3], [4]]
 */
export class BatchSampler implements Sampler<number[]> {
  readonly #sampler: Sampler;
  readonly #batchSize: number;
  readonly #dropLast: boolean;

  constructor(sampler: Sampler, batchSize: number, options: { readonly dropLast?: boolean } = {}) {
    checkOptions("BatchSampler", options, ["dropLast"]);
    this.#sampler = sampler;
    this.#batchSize = checkWhole("BatchSampler", "batchSize", batchSize, 1);
    this.#dropLast = options.dropLast ?? false;
  }

  /** @throws for a sampler whose length is not known. */
  get length(): number {
    const count = this.#sampler.length;
    if (count === undefined) {
      throw new TwopassError({ op: "BatchSampler", problem: "the length of the sampler is not known" });
    }
    return this.#dropLast ? Math.floor(count / this.#batchSize) : Math.ceil(count / this.#batchSize);
  }

  *[Symbol.iterator](): Generator<number[], void, undefined> {
    let batch: number[] = [];
    for (const index of this.#sampler) {
      batch.push(index);
      if (batch.length < this.#batchSize) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0 && !this.#dropLast) yield batch;
  }

  state(): unknown {
    return this.#sampler.state?.();
  }

  restore(state: unknown): void {
    this.#sampler.restore?.(state);
  }
}

/** In [0, 1), a multiple of 2^−53. */
function uniform(random: RandomStream): number {
  return (random.int(2 ** 26) * 2 ** 27 + random.int(2 ** 27)) * 2 ** -53;
}

function checkCount(op: string, set: unknown): number {
  const count = typeof set === "object" && set !== null ? (set as { length?: unknown }).length : set;
  if (typeof count === "number" && Number.isInteger(count) && count > 0 && count < 2 ** 31) return count;
  throw new TwopassError({ op, problem: "needs examples to count", facts: `got ${describe(count)}` });
}
