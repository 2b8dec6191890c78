/** Trains into a folder, with a record at each step, until somebody kills it. It says "recorded" after the first record. */
import process from "node:process";
import { watch } from "../../src/inspect/index.ts";
import { RunFolder } from "../../src/inspect/node/index.ts";
import { training } from "../train/support.ts";

const { trainer, loader } = training({ plain: true, totalSteps: 1_000_000 });
watch(trainer, { sink: new RunFolder(process.argv[2] as string), every: 1, traceEvery: 3 });
trainer.add({ onBatchEnd: () => void (trainer.step === 1 && process.send?.("recorded")) });
await trainer.fit(loader, { epochs: 100_000 });
