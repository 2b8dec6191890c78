/**
 * The examples of one batch, picked from a data set. The loader and its workers share this, so that a batch is the same
 * wherever it is made. Floor: data.
 */
import { TwopassError, describe } from "../../base/errors.ts";
import { RandomStream } from "../../base/random-stream.ts";
import { threefry2x32 } from "../../base/threefry.ts";
import { checkFinite } from "../loader/check-finite.ts";
import { type Indexed, exampleAt } from "./dataset.ts";

/** Which examples make a batch. */
export interface Job {
  readonly indices: ArrayLike<number>;
  /** How many examples of the epoch come before this batch. */
  readonly place: number;
  /** The key of the epoch, of which each example's random numbers come. */
  readonly key: readonly [number, number];
  readonly checkFinite: boolean;
}

/**
 * The examples of a batch, all at once where `get` gives promises.
 *
 * @throws TwopassError that names the example whose `get` failed.
 */
export function pickExamples<T>(set: Indexed<T>, job: Job): T[] | Promise<T[]> {
  const examples: (T | Promise<T>)[] = [];
  let waits = false;
  for (let i = 0; i < job.indices.length; i++) {
    const example = pickExample(set, job, i);
    waits ||= example instanceof Promise;
    examples.push(example);
  }
  return waits ? Promise.all(examples).then((found) => checked(found, job)) : checked(examples as T[], job);
}

/** A failure becomes a promise too, so that those made before it are waited for with it. */
function pickExample<T>(set: Indexed<T>, job: Job, i: number): T | Promise<T> {
  const index = job.indices[i] as number;
  const fail = (error: unknown): Promise<never> => Promise.reject(failed(index, error));
  try {
    const example = exampleAt(set, index, randomOf(set, job, i));
    return isPromise(example) ? Promise.resolve(example).catch(fail) : example;
  } catch (error) {
    return fail(error);
  }
}

function isPromise<T>(x: T | Promise<T>): x is Promise<T> {
  return typeof x === "object" && x !== null && "then" in x && typeof x.then === "function";
}

/** The place is part of the key: an example that a sampler gives twice is not changed in the same way twice. */
function randomOf(set: object, { indices, place, key }: Job, i: number): RandomStream | undefined {
  if (!("get" in set)) return undefined;
  const [key0, key1] = threefry2x32(key[0], key[1], indices[i] as number, place + i);
  const random = new RandomStream(0, "");
  random.restore({ key0, key1, position: 0 });
  return random;
}

function checked<T>(examples: T[], job: Job): T[] {
  if (job.checkFinite) examples.forEach((example, i) => checkFinite(example, job.indices[i] as number));
  return examples;
}

function failed(index: number, error: unknown): TwopassError {
  return new TwopassError({
    op: "DataLoader",
    problem: `example ${index} failed`,
    facts: error instanceof Error ? error.message : describe(error),
    cause: error,
  });
}
