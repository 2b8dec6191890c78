/** A training that goes on from a state has the curve of one that was never interrupted, to the bit. */
import { describe, expect, test } from "vitest";
import { load, save } from "../../src/io/index.ts";
import * as nn from "../../src/nn/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { tensor } from "../../src/tensor/creation.ts";
import { manualSeed } from "../../src/tensor/random.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import type { Callback } from "../../src/train/callbacks/callback.ts";
import { EarlyStopping } from "../../src/train/callbacks/early-stopping.ts";
import type { History } from "../../src/train/trainer/history.ts";
import { Trainer } from "../../src/train/trainer/trainer.ts";
import type { TrainerState } from "../../src/train/trainer/trainer-state.ts";
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

/** Fails after so many batches, or at the end of an epoch. */
function failing(at: { readonly batches?: number; readonly epoch?: number }): Callback {
  let seen = 0;
  return {
    onBatchEnd() {
      seen++;
      if (seen === at.batches) throw new Error("cut off");
    },
    onEpochEnd({ epoch }) {
      if (epoch === at.epoch) throw new Error("cut off");
    },
  };
}

test.each([{ batches: 1 }, { batches: 10 }, { batches: 14 }, { epoch: 1 }])(
  "the state behind a failed fit is that of its last batch: %o",
  async (at) => {
    const whole = await uninterrupted({});
    let during: Uint8Array | undefined;
    const onException = async (): Promise<void> => void (during = await save(await trainer.state()));
    const { trainer, loader, validation, losses } = training({ callbacks: [{ ...failing(at), onException }] });
    await expect(trainer.fit(loader, { epochs, validation })).rejects.toThrow("cut off");
    const bytes = await save(await trainer.state());
    expect(during).toEqual(bytes);
    const rest = await resumed(bytes, {});
    expect([...losses, ...rest.losses]).toEqual(whole.losses);
    expect(rest.contents).toEqual(whole.contents);
    expect(timeless(rest.history)).toEqual(timeless(whole.history));
  },
);

test("a fit that failed in an accumulation, or at the end of an epoch, has no state", async () => {
  const failed = /^Trainer.state: fit has failed between two places/;
  const accumulating = training({ accumulate: 3, callbacks: [failing({ batches: 4 })] });
  await expect(accumulating.trainer.fit(accumulating.loader, { epochs })).rejects.toThrow("cut off");
  await expect(accumulating.trainer.state()).rejects.toThrow(failed);

  const { trainer, loader, validation } = training({
    callbacks: [
      {
        onValidationStart() {
          throw new Error("cut off");
        },
      },
    ],
  });
  await expect(trainer.fit(loader, { epochs, validation })).rejects.toThrow("cut off");
  await expect(trainer.state()).rejects.toThrow(failed);
  // A new fit has one again.
  await trainer.fit(loader, { epochs: 1 });
  expect((await trainer.state()).progress.epoch).toBe(1);
});

test("an evaluation before a training goes on leaves its metrics alone", async () => {
  const whole = await uninterrupted({});
  const stop: Callback = { onBatchEnd: ({ trainer }) => void (trainer.step === 10 && trainer.stop()) };
  const made = training({ callbacks: [stop] });
  await made.trainer.fit(made.loader, { epochs, validation: made.validation });
  await made.trainer.evaluate([[made.x, made.y]]);
  const state = await made.trainer.state();

  const next = training({ callbacks: [{}] });
  await next.trainer.restore(state);
  await next.trainer.evaluate([[next.x, next.y]]);
  const history = await next.trainer.fit(next.loader, { epochs, validation: next.validation });
  expect(timeless(history)).toEqual(timeless(whole.history));
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

test("batches without a place of their own are read again and left out", async () => {
  const batches: [Tensor, Tensor][] = [1, 2, 3, 4, 5].map((n) => [tensor([[n, -n]]), tensor([[n]])]);
  const run = async (seen: number[], state?: TrainerState): Promise<TrainerState> => {
    manualSeed(1);
    const model = new nn.Sequential(new nn.Linear(2, 8), new nn.Dropout(0.5), new nn.Linear(8, 1));
    let saved: TrainerState | undefined;
    const callback: Callback = {
      onBatchEnd: async ({ loss, trainer }) => {
        seen.push(await loss.item());
        if (trainer.step === 8) saved = await made.state();
      },
    };
    const optimizer = new SGD(model.parameters(), { lr: 0.01 });
    const made = new Trainer({ model, optimizer, loss: new nn.MSELoss(), callbacks: [callback] });
    if (state !== undefined) await made.restore(state);
    await made.fit(batches, { epochs: 3 });
    return saved as TrainerState;
  };
  const [whole, rest]: [number[], number[]] = [[], []];
  await run(rest, await run(whole));
  expect(whole).toHaveLength(15);
  expect(rest).toEqual(whole.slice(8));
});

test("what is no state is refused", async () => {
  const { trainer } = training();
  await expect(trainer.restore({} as TrainerState)).rejects.toThrow(/^Trainer.restore: not the state of a trainer/);
  const state = await trainer.state();
  await expect(trainer.restore({ ...state, version: 2 } as unknown as TrainerState)).rejects.toThrow(
    /a state of another version: version 2/,
  );
});
