/** When a trainer saves its state, and where to; files are in `twopass/train/node`. Floor: train. */
import { TwopassError, checkOptions, describe } from "../../base/errors.ts";
import type { TrainerState } from "./trainer-state.ts";

/** Keeps states of a training. In a page: `save(state)` gives the bytes for a database. */
export interface CheckpointStore {
  /** Keeps a state, so that it outlives the program. */
  save(state: TrainerState): Promise<void>;
  /** The newest state; undefined where none was kept yet. */
  load(): Promise<TrainerState | undefined>;
}

export interface CheckpointOptions {
  readonly store: CheckpointStore;
  /** Updates between two saves. */
  readonly everySteps?: number;
  /** Epochs between two saves; default 1, and none where `everySteps` is given. The last epoch is always saved. */
  readonly everyEpochs?: number;
}

export function checkCheckpoint(given: CheckpointOptions): void {
  const op = "fit";
  if (typeof given === "object" && given !== null && "dir" in given) {
    throw new TwopassError({
      op,
      problem: "a folder for checkpoints needs the Trainer of Node",
      hint: 'import { Trainer } from "twopass/train/node"',
    });
  }
  checkOptions(op, given, ["store", "everySteps", "everyEpochs"]);
  if (typeof given.store?.save !== "function" || typeof given.store.load !== "function") {
    throw new TwopassError({
      op,
      problem: "a checkpoint needs a store with save and load",
      facts: `got ${describe(given.store)}`,
      hint: "the Trainer of twopass/train/node takes { dir }",
    });
  }
  for (const key of ["everySteps", "everyEpochs"] as const) {
    const every = given[key];
    if (every === undefined || (Number.isInteger(every) && every >= 1)) continue;
    throw new TwopassError({ op, problem: `${key} must be a whole number from 1`, facts: `got ${describe(every)}` });
  }
}
