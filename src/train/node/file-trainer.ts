/** The trainer of Node: checkpoints in folders, and Ctrl-C. Floor: train; Node only. */
import { TwopassError, checkOptions, describe } from "../../base/errors.ts";
import type { Batches } from "../trainer/batches.ts";
import type { CheckpointOptions, CheckpointStore } from "../trainer/checkpoint.ts";
import type { FitOptions } from "../trainer/fit-run.ts";
import type { History } from "../trainer/history.ts";
import { Trainer as PlainTrainer } from "../trainer/trainer.ts";
import type { PairBatch } from "../trainer/trainer-options.ts";
import { CheckpointFolder, type CheckpointFolderOptions } from "./checkpoint-folder.ts";
import { catchInterrupt } from "./interrupt.ts";

/** When and where the state is saved. */
export interface FolderCheckpoint extends CheckpointFolderOptions, Omit<CheckpointOptions, "store"> {
  /** Folder for the checkpoints; it is made where it is missing. */
  readonly dir: string;
}

export interface FileFitOptions<B> extends Omit<FitOptions<B>, "checkpoint" | "resume"> {
  readonly checkpoint?: FolderCheckpoint | CheckpointOptions;
  /** A folder with checkpoints: goes on from the newest one that is undamaged; from the start where there is none. */
  readonly resume?: string | CheckpointStore;
  /** Whether Ctrl-C ends `fit` after the step, with a checkpoint where there is a folder; default true. */
  readonly catchInterrupt?: boolean;
}

/**
 * A trainer that keeps checkpoints in folders. A run that was killed goes on with the same numbers, to the bit.
 *
 * @example
 * const trainer = new Trainer({ model, optimizer, loss: new nn.CrossEntropyLoss() });
 * const history = await trainer.fit(loader, { epochs: 2, checkpoint: { dir: "run", everySteps: 500 }, resume: "run" });
 * history.epochs.length; // 2
 */
export class Trainer<B = PairBatch> extends PlainTrainer<B> {
  override async fit(loader: Batches<B>, options: FileFitOptions<B> = {}): Promise<History> {
    checkOptions("fit", options, ["epochs", "validation", "checkpoint", "resume", "catchInterrupt"]);
    const { checkpoint, resume, catchInterrupt: catches = true, ...rest } = options;
    const plain: FitOptions<B> = {
      ...rest,
      ...(checkpoint === undefined ? {} : { checkpoint: storeOf(checkpoint) }),
      ...(resume === undefined ? {} : { resume: typeof resume === "string" ? announced(resume) : resume }),
    };
    const release = catches ? catchInterrupt(() => this.interrupt()) : undefined;
    try {
      return await super.fit(loader, plain);
    } finally {
      release?.();
    }
  }

  /** Saves the state as a checkpoint into a folder. */
  async saveCheckpoint(dir: string, options: CheckpointFolderOptions = {}): Promise<void> {
    checkOptions("saveCheckpoint", options, ["keep"]);
    await new CheckpointFolder(dir, options).save(await this.state());
  }

  /**
   * Goes to the newest checkpoint of a folder that is undamaged; the next `fit` goes on from there.
   *
   * @throws where there is none, and where it is of another model, naming the keys.
   */
  async loadCheckpoint(dir: string): Promise<void> {
    const state = await new CheckpointFolder(dir).load();
    if (state !== undefined) return this.restore(state);
    throw new TwopassError({ op: "loadCheckpoint", problem: "there is no checkpoint", facts: JSON.stringify(dir) });
  }
}

function storeOf(checkpoint: FolderCheckpoint | CheckpointOptions): CheckpointOptions {
  if (typeof checkpoint !== "object" || checkpoint === null) {
    throw new TwopassError({
      op: "fit",
      problem: "checkpoint must be an object",
      facts: `got ${describe(checkpoint)}`,
      hint: '{ dir: "run", everySteps: 500 }',
    });
  }
  if (!("dir" in checkpoint)) return checkpoint;
  checkOptions("fit", checkpoint, ["dir", "keep", "everySteps", "everyEpochs"]);
  const { dir, keep, ...rest } = checkpoint;
  return { ...rest, store: new CheckpointFolder(dir, keep === undefined ? {} : { keep }) };
}

/** A folder that says where there is nothing to go on from. */
function announced(dir: string): CheckpointStore {
  const folder = new CheckpointFolder(dir);
  return {
    save: (state) => folder.save(state),
    async load() {
      const state = await folder.load();
      if (state === undefined) console.log(`no checkpoint in ${JSON.stringify(dir)} yet: training begins`);
      return state;
    },
  };
}
