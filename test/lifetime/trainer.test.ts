/** A training by the trainer keeps its memory and makes no new plans, however long it is. */
import { expect, test } from "vitest";
import { setDefaultDevice } from "../../src/tensor/engines.ts";
import { Trainer } from "../../src/train/trainer/trainer.ts";
import { machineName } from "../cpu-machine.ts";
import { training } from "../train/support.ts";
import { measure } from "./measure.ts";

test.each([1, 4])("1,400 batches, %d an update", { timeout: 120_000 }, async (accumulate) => {
  setDefaultDevice(machineName);
  const made = training({ accumulate, totalSteps: 1400 });
  // The loss is not read at each batch here.
  const trainer = new Trainer({ ...made.options, callbacks: [] });
  await trainer.fit(made.loader, { epochs: 20, validation: made.validation });
  const early = await measure();
  await trainer.fit(made.loader, { epochs: 180, validation: made.validation });
  const late = await measure();
  expect(trainer.step).toBe(accumulate === 1 ? 1400 : 400);
  // Cells of an earlier test move out meanwhile.
  expect(late.device).toBeLessThanOrEqual(early.device);
  expect(late.reserved).toBe(early.reserved);
  expect(late.plans).toBe(early.plans);
  // The records of 180 epochs, and what the test runner itself allocates.
  expect(late.host - early.host).toBeLessThan(2 * 2 ** 20);
});
