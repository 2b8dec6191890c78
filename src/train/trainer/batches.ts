/** What a trainer reads its batches from: a loader, or anything that can be looped over. Floor: train. */
import { TwopassError, describe } from "../../base/errors.ts";

/** Batches, again for each epoch: a DataLoader, an array, or an (async) iterable. */
export type Batches<B> = (AsyncIterable<B> | Iterable<B>) & {
  /** Batches in an epoch. */
  readonly length?: number;
  /** Where it stands, in the middle of an epoch too; without it a resumed run reads and drops what was used. */
  state?(): object;
  restore?(state: never): void;
};

export function checkBatches(op: string, name: string, batches: unknown): void {
  const isIterable =
    typeof batches === "object" && batches !== null && (Symbol.asyncIterator in batches || Symbol.iterator in batches);
  if (isIterable) return;
  throw new TwopassError({
    op,
    problem: `${name} must be a loader, or an array of batches`,
    facts: `got ${describe(batches)}`,
    hint: "new DataLoader(new TensorDataset(x, y), { batchSize: 32 })",
  });
}

/** Batches in an epoch, where they are known. */
export function countBatches(batches: Batches<unknown>): number | undefined {
  try {
    return typeof batches.length === "number" ? batches.length : undefined;
  } catch (error) {
    if (error instanceof TwopassError) return undefined;
    throw error;
  }
}

/** Where the batches stand; null where they do not say. */
export function placeOf(batches: Batches<unknown> | undefined): object | null {
  return typeof batches?.restore === "function" ? (batches.state?.() ?? null) : null;
}

/** Goes to a place that `placeOf` gave. Says whether the batches can do that. */
export function goTo(batches: Batches<unknown> | undefined, place: object | null): boolean {
  if (place === null || typeof batches?.restore !== "function") return false;
  batches.restore(place as never);
  return true;
}

/** The error of a loader that gave nothing. */
export function noBatches(op: string, name: string): TwopassError {
  return new TwopassError({
    op,
    problem: `the ${name} gave no batch`,
    hint: "is the data set empty, smaller than a batch with dropLast, or an iterator that was used up?",
  });
}
