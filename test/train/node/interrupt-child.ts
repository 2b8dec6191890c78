/** Trains for ever; "slow" waits in the first batch. Says when it trains, and what `fit` returned. */
import process from "node:process";
import { Trainer } from "../../../src/train/node/file-trainer.ts";
import { training } from "../support.ts";

const [dir, mode] = process.argv.slice(2) as [string, string];
const { options, loader } = training({ totalSteps: 10_000_000 });
const say = {
  onBatchEnd: async ({ batch, epoch }: { batch: number; epoch: number }): Promise<void> => {
    if (batch === 1 && epoch === 1) process.stdout.write("training\n");
    if (mode === "slow") await new Promise((resolve) => setTimeout(resolve, 60_000));
  },
};
const trainer = new Trainer({ ...options, callbacks: [say] });
const history = await trainer.fit(loader, { epochs: 1_000_000, checkpoint: { dir } });
const listeners = process.listenerCount("SIGINT");
process.stdout.write(`${JSON.stringify({ interrupted: history.interrupted, steps: history.steps, listeners })}\n`);
