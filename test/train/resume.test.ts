/** A training that goes on from a state has the curve of one that was never interrupted, to the bit. */
import { describe, expect, test } from "vitest";
import { load, save } from "../../src/io/index.ts";
import { EarlyStopping } from "../../src/train/early-stopping.ts";
import type { History } from "../../src/train/history.ts";
import type { TrainerState } from "../../src/train/trainer-state.ts";
import { type Made, type Setup, contentsOf, training } from "./support.ts";

const epochs = 3;

interface Result {
  readonly losses: readonly number[];
  readonly contents: Readonly<Record<string, number[]>>;
  readonly history: History;
}

async function uninterrupted(setup: Setup): Promise<Result> {
  const made = training(setup);
  const history = await made.trainer.fit(made.loader, { epochs, validation: made.validation });
  return { losses: made.losses, contents: await contentsOf(made), history };
}

/** Bytes of the state after so many batches, or what stops a run otherwise. */
async function bytesAfter(batches: number, setup: Setup): Promise<{ bytes: Uint8Array; losses: number[] }> {
  let bytes: Uint8Array | undefined;
  let seen = 0;
  const made: Made = training({
    ...setup,
    callbacks: [
      ...(setup.callbacks ?? []),
      {
        onBatchEnd: async () => {
          seen++;
          if (seen !== batches) return;
          bytes = await save(await made.trainer.state());
          throw new Error("cut off");
        },
      },
    ],
  });
  await expect(made.trainer.fit(made.loader, { epochs, validation: made.validation })).rejects.toThrow("cut off");
  return { bytes: bytes as Uint8Array, losses: made.losses.slice(0, batches) };
}

/** Another process: all is made anew, with other seeds. */
async function resumed(bytes: Uint8Array, setup: Setup): Promise<Result> {
  const made = training({ ...setup, seed: 12345, callbacks: [...(setup.callbacks ?? []), {}] });
  await made.trainer.restore(load<TrainerState>(bytes));
  const history = await made.trainer.fit(made.loader, { epochs, validation: made.validation });
  return { losses: made.losses, contents: await contentsOf(made), history };
}

/** All but the time that it took. */
function timeless(history: History): unknown {
  return {
    ...history,
    epochs: history.epochs.map(({ seconds, ...rest }) => ({ ...rest, seconds: seconds !== undefined })),
  };
}

describe.each([
  ["Adam", { optimizer: "adam" }],
  ["SGD with momentum", { optimizer: "sgd" }],
  ["Adam, three batches an update", { optimizer: "adam", accumulate: 3 }],
] as const)("%s", (_, given) => {
  // Seven batches an epoch.
  test.each([1, 2, 5, 7, 8, 13, 14, 20, 21])("goes on after batch %d", async (batches) => {
    const setup = { ...given };
    const whole = await uninterrupted(setup);
    expect(whole.losses).toHaveLength(21);
    const { bytes, losses } = await bytesAfter(batches, setup);
    expect(losses).toEqual(whole.losses.slice(0, batches));
    const rest = await resumed(bytes, setup);
    expect(rest.losses).toEqual(whole.losses.slice(batches));
    expect(rest.contents).toEqual(whole.contents);
    expect(timeless(rest.history)).toEqual(timeless(whole.history));
  });
});

test("a callback has its state again", async () => {
  const stopping = (): EarlyStopping =>
    new EarlyStopping({ monitor: "train/loss", minDelta: 100, patience: 1, restoreBest: true });
  const whole = await uninterrupted({ callbacks: [stopping()] });
  expect(whole.history.epochs).toHaveLength(3);
  expect(whole.history.stopped).toMatch(/train\/loss was best in epoch 1/);
  const { bytes } = await bytesAfter(10, { callbacks: [stopping()] });
  const rest = await resumed(bytes, { callbacks: [stopping()] });
  expect(rest.contents).toEqual(whole.contents);
  expect(rest.history.stopped).toBe(whole.history.stopped);
});
