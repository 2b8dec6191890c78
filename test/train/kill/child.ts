/**
 * Trains and saves a checkpoint after each update, until somebody kills it. It says "ready" when it is warm, begins when
 * it is told to, and says "saved" after each save.
 */
import process from "node:process";
import { CheckpointFolder } from "../../../src/train/node/checkpoint-folder.ts";
import { Trainer } from "../../../src/train/trainer/trainer.ts";
import type { TrainerState } from "../../../src/train/trainer/trainer-state.ts";
import { endless, killed } from "./setup.ts";

const folder = new CheckpointFolder(process.argv[2] as string, { keep: 2 });
const store = {
  load: () => folder.load(),
  async save(state: TrainerState): Promise<void> {
    await folder.save(state);
    process.send?.("saved");
  },
};
// The first steps of a program compile; a kill shall find a training.
const warm = killed();
await new Trainer(warm.options).fit(warm.loader, { epochs: 1 });

process.on("message", () => {
  const { options, loader } = killed();
  void new Trainer(options).fit(loader, { epochs: endless, checkpoint: { store, everySteps: 1 }, resume: store });
});
process.send?.("ready");
