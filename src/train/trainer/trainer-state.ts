/**
 * The state of a training as an object: tensors, numbers, texts and lists, as `save` takes it. Floor: train.
 */
import type { RandomStreamState } from "../../base/random-stream.ts";
import { TwopassError, describe } from "../../base/errors.ts";
import { fromElements } from "../../tensor/creation.ts";
import { Tensor } from "../../tensor/tensor.ts";

/** Everything that decides how a training goes on. Its tensors are copies. */
export interface TrainerState {
  /** The version of this form. */
  readonly version: 1;
  readonly progress: TrainerProgress;
  /** Parameters and persistent buffers by path. */
  readonly model: Readonly<Record<string, Tensor>>;
  /** All other buffers by path. */
  readonly buffers: Readonly<Record<string, Tensor>>;
  /** Gradients by path, in the middle of an accumulation. */
  readonly gradients: Readonly<Record<string, Tensor>>;
  /** What `stateDict()` of these gave; null where there is none. */
  readonly optimizer: object;
  readonly schedule: object | null;
  readonly average: object | null;
  /** By name and in order; null for one without a state. */
  readonly metrics: Readonly<Record<string, object | null>>;
  readonly callbacks: readonly (object | null)[];
  readonly loader: object | null;
  readonly validation: object | null;
  /** Σ loss · examples of the epoch, float64 []. */
  readonly lossSum: Tensor;
  readonly seed: number;
  readonly streams: Readonly<Record<string, RandomStreamState>>;
  readonly epochs: readonly Readonly<Record<string, unknown>>[];
}

/** How far a training is. */
export interface TrainerProgress {
  /** Epochs that are over. */
  readonly epoch: number;
  /** Batches of the epoch that runs; 0 between epochs. */
  readonly batch: number;
  /** Batches in an epoch; 0 where the loader does not know. */
  readonly batches: number;
  /** Examples of the epoch that runs. */
  readonly examples: number;
  /** Batches since the last update. */
  readonly waiting: number;
  /** Updates. */
  readonly step: number;
  /** The learning rate of the last update; a schedule may have gone on since. */
  readonly rate: number;
  /** The epochs that were over when `fit` began. */
  readonly start: number;
}

/** Something that has a state. */
export interface Stateful {
  stateDict(): object;
  loadStateDict(state: never): void;
}

export function isStateful(x: unknown): x is Stateful {
  if (typeof x !== "object" || x === null) return false;
  const { stateDict, loadStateDict } = x as Partial<Stateful>;
  return typeof stateDict === "function" && typeof loadStateDict === "function";
}

/** The key that stands for a number which JSON does not have. */
const numberKey = "twopass.number";

/**
 * A state as it is now, as `save` takes it: tensors are copied, NaN and infinities become objects of a text, what is
 * undefined is left out.
 *
 * @throws for what is neither, naming the place.
 */
export async function copyState<S extends object>(state: S): Promise<S> {
  // Every read begins before the first one is waited for: all is of one moment.
  const copy = async (part: unknown, path: string): Promise<unknown> => {
    if (part instanceof Tensor) return fromElements(await part.data(), [...part.shape], part.dtype);
    if (typeof part === "number" && !Number.isFinite(part)) return { [numberKey]: String(part) };
    if (part === null || typeof part === "number" || typeof part === "string" || typeof part === "boolean") return part;
    if (Array.isArray(part)) return Promise.all(part.map((item, i) => copy(item ?? null, `${path}.${i}`)));
    if (isRecord(part)) {
      const kept = Object.entries(part).filter(([, item]) => item !== undefined);
      const copies = kept.map(async ([key, item]) => [key, await copy(item, `${path}.${key}`)] as const);
      return Object.fromEntries(await Promise.all(copies));
    }
    throw new TwopassError({
      op: "Trainer.state",
      problem: "a state is made of tensors, numbers, texts, lists and plain objects",
      facts: `${describe(part)} at ${path.slice(1)}`,
    });
  };
  return (await copy(state, "")) as S;
}

/** The numbers of a copied state as they were. Tensors are those of the copy. */
export function readState<S>(state: S): S {
  const read = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(read);
    if (part instanceof Tensor || !isRecord(part)) return part;
    if (typeof part[numberKey] === "string") return Number(part[numberKey]);
    return Object.fromEntries(Object.entries(part).map(([key, item]) => [key, read(item)]));
  };
  return read(state) as S;
}

/** Throws for what is no state of a trainer. */
export function checkState(state: unknown): asserts state is TrainerState {
  const problem =
    !isRecord(state) || !isRecord(state["progress"]) || !isRecord(state["model"]) || !isRecord(state["streams"])
      ? "not the state of a trainer"
      : state["version"] === 1
        ? undefined
        : "a state of another version";
  if (problem === undefined) return;
  const facts =
    isRecord(state) && "version" in state ? `version ${describe(state["version"])}` : `got ${describe(state)}`;
  throw new TwopassError({ op: "Trainer.restore", problem, facts, hint: "give what state() of a trainer returned" });
}

function isRecord(x: unknown): x is Readonly<Record<string, unknown>> {
  if (typeof x !== "object" || x === null) return false;
  const prototype: unknown = Object.getPrototypeOf(x);
  return prototype === Object.prototype || prototype === null;
}
