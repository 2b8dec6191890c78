/** Batches of examples, one after the other, in a new order each time. Floor: data. */
import { TwopassError, describe } from "../../base/errors.ts";
import { RandomStream, type RandomStreamState, stream } from "../../base/random-stream.ts";
import { threefry2x32 } from "../../base/threefry.ts";
import { deviceQueue } from "../../tensor/engines.ts";
import { checkWhole } from "../../tensor/options.ts";
import { checkFinite } from "./check-finite.ts";
import { type Batch, unpack } from "./collate.ts";
import { type Indexed, hasJoinedRows, joinedRows } from "../datasets/dataset.ts";
import { type Job, pickExamples } from "../datasets/example.ts";
import { checkIndices, runsOf } from "./index-batches.ts";
import {
  type Examples,
  type LoaderOptions,
  type WorkerModule,
  addressOf,
  checkLoader,
  countOf,
} from "./loader-options.ts";
import { type Carried, uncarry } from "./carried.ts";
import { nextTurn } from "./next-turn.ts";
import { pack } from "../datasets/pack.ts";
import { readAhead } from "./read-ahead.ts";
import { BatchSampler, type Sampler } from "./samplers.ts";
import { WorkerPool } from "./worker-pool.ts";

/** Where a loader stands, as JSON. */
export interface LoaderState {
  /** The stream of the orders at the start of the epoch. */
  readonly stream: RandomStreamState;
  /** Batches of this epoch that the loop has got; 0 between epochs. */
  readonly batch: number;
  /** The sampler's own state at the start of the epoch, where it has one. */
  readonly sampler?: unknown;
}

/** Milliseconds after which the page, or the program's timers, get their turn. */
const longestTurn = 12;

/**
 * Batches for `for await (const [x, y] of loader)`. Each loop is an epoch; with `shuffle` each has another order, the
 * same ones for the same seed. Between batches a page can paint.
 *
 * @param examples an array of examples, an object `{ length, get(i) }`, a TensorDataset, or anything iterable.
 * @throws for an empty data set, for options that contradict each other, and for an unknown one.
 * @example
 * const batches = new DataLoader(new TensorDataset(x, labels), { batchSize: 5, shuffle: true });
 * for await (const [inputs, targets] of batches) {
 *   optimizer.zeroGrad();
 *   nn.functional.crossEntropy(model.forward(inputs), targets).backward();
 *   optimizer.step();
 * }
 * batches.length; // 3
 */
export class DataLoader<T, B = Batch<T>, M = B> implements AsyncIterable<M> {
  /** Examples in a full batch; undefined where `batchSampler` says it. */
  readonly batchSize: number | undefined;
  readonly #examples: Examples<T>;
  readonly #options: LoaderOptions<T, B, M>;
  readonly #stream: RandomStream;
  readonly #prefetch: number;
  #pool: WorkerPool | undefined;
  /** The state of the loop that began last; undefined where that is over. */
  #running: LoaderState | undefined;
  /** Batches of the next epoch that were handed out before `restore`. */
  #skip = 0;
  #lastTurn = 0;

  constructor(examples: Examples<T>, options: LoaderOptions<T, B, M> = {}) {
    checkLoader(examples, options);
    this.batchSize = options.batchSampler === undefined ? (options.batchSize ?? 1) : undefined;
    this.#examples = examples;
    this.#options = options;
    this.#stream = new RandomStream(options.seed ?? stream("loader").int(2 ** 32), "loader");
    this.#prefetch = options.prefetch ?? 2 * (options.workers ?? 0);
  }

  /** Batches in an epoch. @throws for a source or a sampler whose length is not known. */
  get length(): number {
    const { batchSampler, sampler, dropLast = false } = this.#options;
    const counted = batchSampler ?? sampler;
    const count = counted === undefined ? countOf(this.#examples) : counted.length;
    if (count === undefined) {
      const what = counted === undefined ? "source" : "sampler";
      throw new TwopassError({ op: "DataLoader", problem: `the length of this ${what} is not known` });
    }
    if (this.batchSize === undefined) return count;
    return dropLast ? Math.floor(count / this.batchSize) : Math.ceil(count / this.batchSize);
  }

  /**
   * Where the loader stands, as JSON: inside of a loop the epoch and how many of its batches the loop has got, else the
   * next epoch. A loop that was left by `break` is over.
   */
  state(): LoaderState {
    return this.#running ?? this.#nextEpoch();
  }

  /**
   * The next loop gives what was left of the epoch when `state` was taken, perhaps nothing, and those after it what they
   * would have given. Examples before it are not read again, except those of a source, which is read from its start.
   *
   * @throws where it is not what `state()` gave.
   */
  restore(state: LoaderState): void {
    if (typeof state?.stream !== "object" || state.stream === null) {
      const [op, facts] = ["DataLoader.restore", `got ${describe(state)}`];
      throw new TwopassError({ op, problem: "not the state of a loader", facts, hint: "pass what state() returned" });
    }
    const { stream: at, batch, sampler } = state;
    checkWhole("DataLoader.restore", "batch", batch, 0);
    this.#stream.restore(at);
    if (sampler !== undefined) this.#sampler()?.restore?.(sampler);
    this.#skip = batch;
    this.#running = undefined;
  }

  /** Ends the worker threads, where there are any. The next loop starts others. */
  close(): void {
    this.#pool?.close();
    this.#pool = undefined;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<M, void, undefined> {
    const skip = this.#skip;
    const state = this.#nextEpoch();
    this.#skip = 0;
    let running: LoaderState = state;
    this.#running = running;
    let isComplete = false;
    const next = this.#batches(skip);
    try {
      for await (const batch of readAhead(next.take, this.#prefetch)) {
        const changed = this.#options.map === undefined ? (batch as unknown as M) : await this.#options.map(batch);
        const isLatest = this.#running === running;
        running = { ...state, batch: running.batch + 1 };
        if (isLatest) this.#running = running;
        yield changed;
        await this.#takeTurns();
        await deviceQueue();
      }
      isComplete = true;
    } finally {
      if (!isComplete) this.close();
      if (this.#running === running) this.#running = undefined;
      await next.close();
    }
  }

  #sampler(): Sampler<unknown> | undefined {
    return this.#options.batchSampler ?? this.#options.sampler;
  }

  /** The state before the next loop. */
  #nextEpoch(): LoaderState {
    const sampler = this.#sampler()?.state?.();
    const state = { stream: this.#stream.state(), batch: this.#skip };
    return sampler === undefined ? state : { ...state, sampler };
  }

  /** The batches of an epoch behind the first `skip` ones, made when they are taken. */
  #batches(skip: number): { take: () => Promise<IteratorResult<B>>; close: () => Promise<unknown> } {
    const key = this.#epochKey();
    if (countOf(this.#examples) === undefined) {
      const batches = this.#fromSource(key, skip);
      return { take: () => batches.next(), close: () => batches.return() };
    }
    const jobs = this.#jobs(key, skip);
    const take = async (): Promise<IteratorResult<B>> => {
      const job = jobs.next();
      return job.done === true ? { done: true, value: undefined } : { done: false, value: await this.#make(job.value) };
    };
    return { take, close: async () => jobs.return() };
  }

  /** The key of the epoch's other random numbers. No position of a stream has this bit, so they are none of the order's. */
  #epochKey(): [number, number] {
    const { key0, key1, position } = this.#stream.state();
    return threefry2x32(key0, key1, position | 0, Math.floor(position / 2 ** 32) | 0x80000000);
  }

  *#jobs(key: readonly [number, number], skip: number): Generator<Job, void, undefined> {
    const count = countOf(this.#examples) as number;
    let place = 0;
    let batch = 0;
    for (const indices of this.#indices(count)) {
      checkIndices(indices, count);
      if (batch >= skip) yield { indices, place, key, checkFinite: this.#options.checkFinite ?? false };
      place += indices.length;
      batch++;
    }
    if (batch > 0 || this.#sampler() !== undefined) checkCounts(batch, skip, "sampler");
  }

  /** The numbers of each batch. An epoch moves the stream by as much, whatever is read of it. */
  #indices(count: number): Iterable<ArrayLike<number>> {
    const { batchSampler, sampler, shuffle = false, dropLast = false } = this.#options;
    const order = shuffle ? this.#stream.permutation(count) : undefined;
    if (!shuffle) this.#stream.key();
    if (batchSampler !== undefined) return batchSampler;
    if (sampler !== undefined) return new BatchSampler(sampler, this.batchSize as number, { dropLast });
    return runsOf(order, count, this.batchSize as number, dropLast);
  }

  #make(job: Job): B | Promise<B> {
    if ((this.#options.workers ?? 0) > 0) return this.#makeElsewhere(job);
    const set = this.#examples as Indexed<T>;
    const isPlain = this.#options.collate === undefined && !job.checkFinite;
    if (isPlain && hasJoinedRows(set)) return set[joinedRows](job.indices) as B;
    const examples = pickExamples(set, job);
    if (examples instanceof Promise) return examples.then((found) => this.#join(found, job.indices));
    return this.#join(examples, job.indices);
  }

  async #makeElsewhere(job: Job): Promise<B> {
    const { workers = 0, collate } = this.#options;
    const worker = this.#options.worker as WorkerModule;
    this.#pool ??= new WorkerPool(workers, {
      module: addressOf(worker),
      name: worker.export ?? "default",
      args: worker.args,
      count: countOf(this.#examples) as number,
      joins: collate === undefined,
    });
    const reply = await this.#pool.run(job);
    return "packed" in reply
      ? (unpack(reply.packed) as B)
      : this.#join((reply as { examples: readonly Carried[] }).examples.map(uncarry) as T[], job.indices);
  }

  #join(examples: T[], numbers: ArrayLike<number>): B | Promise<B> {
    const { collate } = this.#options;
    return collate === undefined ? (unpack(pack(examples, numbers)) as B) : collate(examples);
  }

  async *#fromSource(key: readonly [number, number], skip: number): AsyncGenerator<B, void, undefined> {
    this.#stream.key();
    const size = this.batchSize as number;
    let examples: T[] = [];
    let numbers: number[] = [];
    let batch = 0;
    for await (const [example, number] of this.#mixed(key)) {
      examples.push(example);
      numbers.push(number);
      if (examples.length < size) continue;
      if (batch >= skip) yield await this.#joinRead(examples, numbers);
      examples = [];
      numbers = [];
      batch++;
    }
    if (examples.length > 0 && !(this.#options.dropLast ?? false)) {
      if (batch >= skip) yield await this.#joinRead(examples, numbers);
      batch++;
    }
    if (examples.length === 0) checkCounts(batch, skip, "source");
  }

  #joinRead(examples: T[], numbers: readonly number[]): B | Promise<B> {
    if (this.#options.checkFinite ?? false) examples.forEach((x, i) => checkFinite(x, numbers[i] as number));
    return this.#join(examples, numbers);
  }

  /** The examples of a source with their numbers, each held back for a random time. */
  async *#mixed(key: readonly [number, number]): AsyncGenerator<[T, number], void, undefined> {
    const size = this.#options.shuffleBuffer ?? 0;
    const random = new RandomStream(0, "");
    random.restore({ key0: key[0], key1: key[1], position: 0 });
    const held: [T, number][] = [];
    let number = 0;
    for await (const example of this.#examples as AsyncIterable<T> | Iterable<T>) {
      const numbered: [T, number] = [example, number++];
      if (size === 0) yield numbered;
      else if (held.length < size) held.push(numbered);
      else {
        const at = random.int(size);
        yield held[at] as [T, number];
        held[at] = numbered;
      }
    }
    for (const at of random.permutation(held.length)) yield held[at] as [T, number];
  }

  /** Lets others run where this loop has run for a while: promises alone never do. */
  async #takeTurns(): Promise<void> {
    const now = performance.now();
    if (now - this.#lastTurn < longestTurn) return;
    await nextTurn();
    this.#lastTurn = performance.now();
  }
}

/** Throws where an epoch had no batch, or fewer than were handed out before `restore`. */
function checkCounts(batches: number, skip: number, what: string): void {
  if (batches > 0 && batches >= skip) return;
  throw new TwopassError({
    op: "DataLoader",
    ...(batches === 0
      ? { problem: `the ${what} gave no example`, hint: "can it be read twice?" }
      : { problem: "the state is of other data", facts: `it stands behind batch ${skip}, an epoch has ${batches}` }),
  });
}
