/** Batches of examples, one after the other, in a new order each time. Floor: data. */
import { TwopassError, checkOptions, describe } from "../base/errors.ts";
import { RandomStream, type RandomStreamState, stream } from "../base/random-stream.ts";
import { checkWhole } from "../tensor/options.ts";
import { type Batch, collate as joinExamples } from "./collate.ts";
import { type Dataset, TensorDataset } from "./dataset.ts";

/** What a loader reads: an array, a data set, or a source that gives examples one by one. */
export type Examples<T> = ArrayLike<T> | Dataset<T> | AsyncIterable<T> | Iterable<T>;

export interface LoaderOptions<T, B, M> {
  /** Examples in a batch; default 1. */
  readonly batchSize?: number;
  /** Whether each epoch has an order of its own; default false. A source needs `shuffleBuffer` instead. */
  readonly shuffle?: boolean;
  /** Whether a last batch that is not full is left out; default false. */
  readonly dropLast?: boolean;
  /** Seed of the orders; default: drawn from the process's seed, see `manualSeed`. */
  readonly seed?: number;
  /** Joins examples to a batch; default: tensors along a new first dim. */
  readonly collate?: (examples: T[]) => B | Promise<B>;
  /** Changes each batch: `map: ([x, y]) => [x.div(255), y]`. */
  readonly map?: (batch: B) => M | Promise<M>;
  /** For a source: how many examples are held, of which a random one is given next; default 0, which keeps the order. */
  readonly shuffleBuffer?: number;
}

/** The batch that a loader makes of examples of type T, unless `collate` or `map` says otherwise. */
export type DefaultBatch<T> = Batch<T>;

/** Milliseconds after which the page, or the program's timers, get their turn. */
const longestTurn = 12;

/**
 * Batches for `for await (const [x, y] of loader)`. Each loop is an epoch; with `shuffle` each has another order, the
 * same ones for the same seed. Between batches a page can paint.
 *
 * @param examples an array of examples, an object `{ length, get(i) }`, a TensorDataset, or anything iterable.
 * @throws for an empty data set, and for an unknown option.
 * @example
 * const loader = new DataLoader(new TensorDataset(images, labels), { batchSize: 64, shuffle: true });
 * for await (const [x, y] of loader) train(x, y);
 */
export class DataLoader<T, B = DefaultBatch<T>, M = B> implements AsyncIterable<M> {
  readonly batchSize: number;
  readonly #examples: Examples<T>;
  readonly #options: LoaderOptions<T, B, M>;
  readonly #stream: RandomStream;
  #lastTurn = 0;

  constructor(examples: Examples<T>, options: LoaderOptions<T, B, M> = {}) {
    checkOptions("DataLoader", options, [
      "batchSize",
      "shuffle",
      "dropLast",
      "seed",
      "collate",
      "map",
      "shuffleBuffer",
    ]);
    this.batchSize = checkWhole("DataLoader", "batchSize", options.batchSize ?? 1, 1);
    checkWhole("DataLoader", "shuffleBuffer", options.shuffleBuffer ?? 0, 0);
    checkFunction("collate", options.collate);
    checkFunction("map", options.map);
    this.#examples = examples;
    this.#options = options;
    this.#stream = new RandomStream(options.seed ?? stream("loader").int(2 ** 32), "loader");
    const count = countOf(examples);
    if (count === 0) throw new TwopassError({ op: "DataLoader", problem: "the data set is empty" });
    if (count === undefined && options.shuffle === true) {
      throw new TwopassError({
        op: "DataLoader",
        problem: "a source without a length cannot be shuffled as a whole",
        hint: "{ shuffleBuffer: 1000 } shuffles as it reads",
      });
    }
  }

  /** Batches in an epoch. @throws for a source whose length is not known. */
  get length(): number {
    const count = countOf(this.#examples);
    if (count === undefined)
      throw new TwopassError({ op: "DataLoader", problem: "the length of this source is not known" });
    return (this.#options.dropLast ?? false) ? Math.floor(count / this.batchSize) : Math.ceil(count / this.batchSize);
  }

  /** Where the random orders stand. `restore` before an epoch repeats it. */
  state(): RandomStreamState {
    return this.#stream.state();
  }

  restore(state: RandomStreamState): void {
    this.#stream.restore(state);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<M, void, undefined> {
    const batches = countOf(this.#examples) === undefined ? this.#fromSource() : this.#byIndex();
    for await (const batch of batches) {
      yield this.#options.map === undefined ? (batch as unknown as M) : await this.#options.map(batch);
      await this.#takeTurns();
    }
  }

  async *#byIndex(): AsyncGenerator<B, void, undefined> {
    const set = this.#examples as ArrayLike<T> | Dataset<T>;
    const count = set.length;
    const order = (this.#options.shuffle ?? false) ? this.#stream.permutation(count) : undefined;
    const batches = this.length;
    for (let batch = 0; batch < batches; batch++) {
      const start = batch * this.batchSize;
      const end = Math.min(start + this.batchSize, count);
      const indices = Int32Array.from({ length: end - start }, (_, i) =>
        order === undefined ? start + i : (order[start + i] as number),
      );
      if (set instanceof TensorDataset && this.#options.collate === undefined) yield set.rows(indices) as unknown as B;
      else yield await this.#join(await Promise.all(Array.from(indices, (i) => exampleAt(set, i))));
    }
  }

  async *#fromSource(): AsyncGenerator<B, void, undefined> {
    let examples: T[] = [];
    let isEmpty = true;
    for await (const example of this.#mixed(this.#examples as AsyncIterable<T> | Iterable<T>)) {
      isEmpty = false;
      examples.push(example);
      if (examples.length < this.batchSize) continue;
      yield await this.#join(examples);
      examples = [];
    }
    if (isEmpty)
      throw new TwopassError({
        op: "DataLoader",
        problem: "the source gave no example",
        hint: "can it be read twice?",
      });
    if (examples.length > 0 && !(this.#options.dropLast ?? false)) yield await this.#join(examples);
  }

  /** The examples of a source, each held back for a random time. */
  async *#mixed(source: AsyncIterable<T> | Iterable<T>): AsyncGenerator<T, void, undefined> {
    const size = this.#options.shuffleBuffer ?? 0;
    const held: T[] = [];
    for await (const example of source) {
      if (size === 0) yield example;
      else if (held.length < size) held.push(example);
      else {
        const at = this.#stream.int(size);
        yield held[at] as T;
        held[at] = example;
      }
    }
    for (const at of this.#stream.permutation(held.length)) yield held[at] as T;
  }

  async #join(examples: T[]): Promise<B> {
    return this.#options.collate === undefined ? (joinExamples(examples) as B) : this.#options.collate(examples);
  }

  /** Lets others run where this loop has run for a while: promises alone never do. */
  async #takeTurns(): Promise<void> {
    const now = performance.now();
    if (now - this.#lastTurn < longestTurn) return;
    await nextTurn();
    this.#lastTurn = performance.now();
  }
}

/** Throws unless a setting is a function or left out. */
function checkFunction(name: string, x: unknown): void {
  if (x === undefined || typeof x === "function") return;
  throw new TwopassError({ op: "DataLoader", problem: `${name} must be a function`, facts: `got ${describe(x)}` });
}

/** The number of examples; undefined for a source. */
function countOf(examples: unknown): number | undefined {
  if (typeof examples === "object" && examples !== null) {
    const { length } = examples as { length?: unknown };
    if (typeof length === "number") return length;
    if (Symbol.asyncIterator in examples || Symbol.iterator in examples) return undefined;
  }
  throw new TwopassError({
    op: "DataLoader",
    problem: "takes an array, an object { length, get(i) }, or something iterable",
    facts: `got ${describe(examples)}`,
  });
}

function exampleAt<T>(set: ArrayLike<T> | Dataset<T>, index: number): T | Promise<T> {
  return "get" in set && typeof set.get === "function" ? set.get(index) : ((set as ArrayLike<T>)[index] as T);
}

/** What hosts offer for a turn of the event loop; a timer is the slowest. */
interface Host {
  readonly setImmediate?: (callback: () => void) => unknown;
  readonly MessageChannel?: new () => { readonly port1: object; readonly port2: object };
}

/** The parts of a message port that are used; Node and browsers type them differently. */
interface Port {
  onmessage: (() => void) | null;
  close(): void;
  postMessage(message: null): void;
}

function nextTurn(): Promise<void> {
  const { setImmediate, MessageChannel } = globalThis as Host;
  return new Promise((resolve) => {
    if (setImmediate !== undefined) setImmediate(resolve);
    else if (MessageChannel !== undefined) {
      const { port1, port2 } = new MessageChannel() as { port1: Port; port2: Port };
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(null);
    } else setTimeout(resolve, 0);
  });
}
