/** Data sets made of others: parts, joins, and examples that are changed as they are read. Floor: data. */
import { TwopassError, checkOptions, describe } from "../../base/errors.ts";
import { RandomStream, stream } from "../../base/random-stream.ts";
import { type Dataset, type Indexed, type JoinedRows, exampleAt, hasJoinedRows, joinedRows } from "./dataset.ts";
import type { SeedOptions } from "../loader/samplers.ts";

/**
 * Some examples of a data set, by number.
 *
 * @throws where a number is none of the set's.
 * @example
 * const evens = new Subset(new TensorDataset(x, labels), [0, 2, 4]);
 * evens.length; // 3
 */
export class Subset<T> implements Dataset<T> {
  readonly length: number;
  readonly indices: Int32Array;
  readonly #set: Indexed<T>;
  /** Only where the set itself has it. */
  declare readonly [joinedRows]?: JoinedRows[typeof joinedRows];

  constructor(set: Indexed<T>, indices: ArrayLike<number>) {
    const wrong = Array.from(indices).findIndex((i) => !(Number.isInteger(i) && i >= 0 && i < set.length));
    if (wrong >= 0) {
      const facts = `number ${wrong} is ${describe(indices[wrong])}, the set has ${set.length}`;
      throw new TwopassError({ op: "Subset", problem: "no such example", facts });
    }
    this.#set = set;
    this.indices = Int32Array.from(indices);
    this.length = this.indices.length;
    if (hasJoinedRows(set)) {
      this[joinedRows] = (rows) => set[joinedRows](Int32Array.from(rows, (row) => this.#at(row)));
    }
  }

  get(index: number, random?: RandomStream): T | Promise<T> {
    return exampleAt(this.#set, this.#at(index), random);
  }

  #at(index: number): number {
    const found = this.indices[index];
    if (found !== undefined) return found;
    throw new TwopassError({ op: "Subset", problem: "no such example", facts: `${describe(index)} of ${this.length}` });
  }
}

/**
 * Random parts without common examples. `parts` are numbers of examples that sum to the set's, or fractions that sum to
 * 1: each gets the whole part of its share, and what is left over goes to the first ones, one each.
 *
 * @throws where the parts do not sum to all, or one would be empty.
 * @example
 * const [training, validation] = randomSplit(new TensorDataset(x, labels), [0.75, 0.25], { seed: 1 });
 * [training.length, validation.length]; // [9, 3]
 */
export function randomSplit<T, const P extends readonly number[]>(
  set: Indexed<T>,
  parts: P,
  options: SeedOptions = {},
): { -readonly [K in keyof P]: Subset<T> } {
  checkOptions("randomSplit", options, ["seed"]);
  const counts = countParts(set.length, parts);
  const random = options.seed === undefined ? stream("randomSplit") : new RandomStream(options.seed, "randomSplit");
  const order = random.permutation(set.length);
  let end = 0;
  const subsets = counts.map((count) => new Subset(set, order.subarray(end, (end += count))));
  return subsets as { -readonly [K in keyof P]: Subset<T> };
}

function countParts(total: number, parts: readonly number[]): number[] {
  const given = `[${parts.join(", ")}] of ${total} examples`;
  const sum = parts.reduce((a, b) => a + b, 0);
  const areCounts = sum === total && parts.every(Number.isInteger);
  if (!areCounts && !(Math.abs(sum - 1) < 1e-9)) {
    throw new TwopassError({
      op: "randomSplit",
      problem: "the parts do not make the whole",
      facts: given,
      hint: `numbers must sum to ${total}, fractions to 1`,
    });
  }
  // The small addition is for products such as 0.29 · 100, which is 28.999999999999996.
  const counts = areCounts ? [...parts] : parts.map((part) => Math.floor(part * total + 1e-9));
  let rest = total - counts.reduce((a, b) => a + b, 0);
  for (let i = 0; rest > 0; i = (i + 1) % counts.length, rest--) counts[i] = (counts[i] as number) + 1;
  const empty = counts.findIndex((count) => !(count > 0));
  if (empty < 0) return counts;
  throw new TwopassError({
    op: "randomSplit",
    problem: "a part would be empty",
    facts: `part ${empty} of ${given}`,
    hint: "give each at least one example",
  });
}

/**
 * The examples of several data sets, one set behind the other.
 *
 * @example
 * const more = new ConcatDataset([new TensorDataset(zeros(5, 2)), new TensorDataset(ones(3, 2))]);
 * more.length; // 8
 */
export class ConcatDataset<T> implements Dataset<T> {
  readonly length: number;
  readonly #sets: readonly Indexed<T>[];
  /** Number of the example behind the last of each set. */
  readonly #ends: readonly number[];

  constructor(sets: readonly Indexed<T>[]) {
    if (sets.length === 0) throw new TwopassError({ op: "ConcatDataset", problem: "got no data sets" });
    let end = 0;
    this.#sets = sets;
    this.#ends = sets.map((set) => (end += set.length));
    this.length = end;
  }

  get(index: number, random?: RandomStream): T | Promise<T> {
    const at = this.#ends.findIndex((end) => index < end);
    if (at < 0 || !(Number.isInteger(index) && index >= 0)) {
      const facts = `${describe(index)} of ${this.length}`;
      throw new TwopassError({ op: "ConcatDataset", problem: "no such example", facts });
    }
    const set = this.#sets[at] as Indexed<T>;
    return exampleAt(set, index - (this.#ends[at] as number) + set.length, random);
  }
}

/**
 * A data set whose examples are changed each time they are read: for random changes of images, for instance. `change`
 * gets the example's stream of random numbers; a loader gives the same one for the same seed, epoch and example.
 *
 * @example
 * const noisy = mapDataset(["a", "b"], (text, random) => text.repeat(1 + random.int(2)));
 * (await noisy.get(0)).length <= 2; // true
 */
export function mapDataset<T, U>(
  set: Indexed<T>,
  change: (example: T, random: RandomStream) => U | Promise<U>,
): Dataset<U> {
  return {
    length: set.length,
    get(index, random = stream("mapDataset")) {
      const example = exampleAt(set, index, random);
      return example instanceof Promise ? example.then((x) => change(x, random)) : change(example, random);
    },
  };
}
