/** What a loader reads and how it can be told to: the options and their checks. Floor: data. */
import { TwopassError, checkOptions, describe } from "../../base/errors.ts";
import { checkWhole } from "../../tensor/options.ts";
import type { Dataset } from "../datasets/dataset.ts";
import type { Sampler } from "./samplers.ts";

/** What a loader reads: an array, a data set, or a source that gives examples one by one. */
export type Examples<T> = ArrayLike<T> | Dataset<T> | AsyncIterable<T> | Iterable<T>;

export interface LoaderOptions<T, B, M> {
  /** Examples in a batch; default 1. */
  readonly batchSize?: number;
  /** Whether each epoch has an order of its own; default false. A source needs `shuffleBuffer` instead. */
  readonly shuffle?: boolean;
  /** Which examples an epoch takes, in which order: instead of `shuffle`. */
  readonly sampler?: Sampler;
  /** Which examples each batch takes: instead of `batchSize`, `shuffle`, `sampler` and `dropLast`. */
  readonly batchSampler?: Sampler<ArrayLike<number>>;
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
  /**
   * How many threads make the examples, and join them unless there is a `collate`; default 0. The batches are the same
   * for any number, as long as `get` takes its random numbers from the stream that it is given. The threads stay for the
   * next epoch; they end by `break`, an error, `close`, or with the program.
   */
  readonly workers?: number;
  /** Where the threads find the data set; the loader's own gives the length. */
  readonly worker?: WorkerModule;
  /**
   * How many batches are made before they are asked for, while the loop works on another; default 0, with workers two
   * for each. It helps where `get` waits for something, or with workers.
   */
  readonly prefetch?: number;
  /** Whether NaN and infinities in an example are an error that names it; default false. */
  readonly checkFinite?: boolean;
}

/** A module that each worker imports. */
export interface WorkerModule {
  /** Its address: `new URL("../digits.js", import.meta.url)`. */
  readonly module: string | { readonly href: string };
  /** The export that is a data set, or a function that makes or promises one; default "default". */
  readonly export?: string;
  /** What that function is called with: anything that can be posted. */
  readonly args?: unknown;
}

const known = [
  "batchSize",
  "shuffle",
  "sampler",
  "batchSampler",
  "dropLast",
  "seed",
  "collate",
  "map",
  "shuffleBuffer",
  "prefetch",
  "checkFinite",
  "workers",
  "worker",
];

/** Checks what a loader is made of. */
export function checkLoader<T, B, M>(examples: Examples<T>, options: LoaderOptions<T, B, M>): void {
  checkOptions("DataLoader", options, known);
  checkWhole("DataLoader", "batchSize", options.batchSize ?? 1, 1);
  checkWhole("DataLoader", "shuffleBuffer", options.shuffleBuffer ?? 0, 0);
  checkWhole("DataLoader", "prefetch", options.prefetch ?? 0, 0);
  checkWorkers(options.workers, options.worker);
  checkFunction("collate", options.collate);
  checkFunction("map", options.map);
  checkSampler("sampler", options.sampler);
  checkSampler("batchSampler", options.batchSampler);
  refuseBeside("batchSampler", options, ["batchSize", "shuffle", "sampler", "dropLast"]);
  refuseBeside("sampler", options, ["shuffle"]);
  const count = countOf(examples);
  if (count === 0) throw new TwopassError({ op: "DataLoader", problem: "the data set is empty" });
  if (count === undefined && options.shuffle === true) {
    throw new TwopassError({
      op: "DataLoader",
      problem: "a source without a length cannot be shuffled as a whole",
      hint: "{ shuffleBuffer: 1000 } shuffles as it reads",
    });
  }
  if (count === undefined && (options.workers ?? 0) > 0) {
    throw new TwopassError({ op: "DataLoader", problem: "a source without a length cannot be shared by workers" });
  }
  if (count === undefined && (options.sampler ?? options.batchSampler) !== undefined) {
    throw new TwopassError({ op: "DataLoader", problem: "a source without a length cannot be picked from by number" });
  }
  if (count !== undefined && (options.shuffleBuffer ?? 0) > 0) {
    throw new TwopassError({
      op: "DataLoader",
      problem: "shuffleBuffer is for sources without a length",
      hint: "{ shuffle: true } shuffles all examples",
    });
  }
}

function checkWorkers(workers: number | undefined, worker: WorkerModule | undefined): void {
  const hint = 'worker: { module: new URL("../digits.js", import.meta.url), export: "digits" }';
  if (checkWhole("DataLoader", "workers", workers ?? 0, 0) > 0 && worker === undefined) {
    throw new TwopassError({ op: "DataLoader", problem: "workers need a module that exports the data set", hint });
  }
  if (worker === undefined) return;
  checkOptions("DataLoader.worker", worker, ["module", "export", "args"]);
  if (/^(?:\/|[a-z][a-z0-9+.-]*:)/i.test(addressOf(worker))) return;
  throw new TwopassError({
    op: "DataLoader",
    problem: "worker.module must be a URL",
    facts: `got ${describe(worker.module)}`,
    hint,
  });
}

/** Throws unless a setting is a function or left out. */
function checkFunction(name: string, x: unknown): void {
  if (x === undefined || typeof x === "function") return;
  throw new TwopassError({ op: "DataLoader", problem: `${name} must be a function`, facts: `got ${describe(x)}` });
}

function checkSampler(name: string, x: unknown): void {
  if (x === undefined || (typeof x === "object" && x !== null && Symbol.iterator in x)) return;
  throw new TwopassError({ op: "DataLoader", problem: `${name} must be iterable`, facts: `got ${describe(x)}` });
}

function refuseBeside(name: "sampler" | "batchSampler", options: object, others: readonly string[]): void {
  const given = options as Readonly<Record<string, unknown>>;
  if (given[name] === undefined) return;
  const other = others.find((key) => given[key] !== undefined && given[key] !== false);
  if (other === undefined) return;
  throw new TwopassError({ op: "DataLoader", problem: `${name} and ${other} contradict each other` });
}

/** The number of examples; undefined for a source. */
export function countOf(examples: unknown): number | undefined {
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

/** Where the module of a worker is; a URL has an `href`. */
export function addressOf({ module }: WorkerModule): string {
  return String(typeof module === "string" ? module : module?.href);
}
