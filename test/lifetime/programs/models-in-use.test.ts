/** Programs with models that exist already: one that was saved, one whose layers are frozen, one that answers requests. */
import { expect, test } from "vitest";
import { DataLoader, TensorDataset } from "../../../src/data/index.ts";
import type { LoaderState } from "../../../src/data/index.ts";
import { load, save } from "../../../src/io/index.ts";
import * as nn from "../../../src/nn/index.ts";
import { Adam, CosineAnnealingLR, type OptimizerState, type ScheduleState } from "../../../src/optim/index.ts";
import { tensor } from "../../../src/tensor/creation.ts";
import { manualSeed } from "../../../src/tensor/random.ts";
import { noGrad } from "../../../src/tensor/scope.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import { digits } from "../digits.ts";
import { Watch } from "../watch.ts";

const classifier = (): nn.Sequential =>
  new nn.Sequential(
    new nn.Flatten(),
    new nn.Linear(144, 16),
    new nn.BatchNorm1d(16),
    new nn.ReLU(),
    new nn.Linear(16, 10),
  );

test("save and resume: another process goes on to the bit", async () => {
  interface Saved {
    readonly model: nn.StateDict;
    readonly optimizer: OptimizerState;
    readonly schedule: ScheduleState;
    readonly loader: LoaderState;
  }

  /** Trains for 100 steps of 5 in an epoch, and saves after each epoch; gives losses and what was saved last. */
  async function train(
    watch: Watch,
    from?: Uint8Array,
  ): Promise<[losses: number[], saved: Uint8Array, on: () => Promise<number[]>]> {
    const { pixels, labels } = digits(80);
    const data = new TensorDataset(tensor(pixels, { shape: [80, 144] }).div(255), tensor(labels));
    const loader = new DataLoader(data, { batchSize: 16, shuffle: true });
    const model = classifier();
    const optimizer = new Adam(model.parameters(), { lr: 0.001 });
    const schedule = new CosineAnnealingLR(optimizer, { tMax: 200 });
    if (from !== undefined) {
      const state = load<Saved>(from);
      model.loadStateDict(state.model);
      optimizer.loadStateDict(state.optimizer);
      schedule.loadStateDict(state.schedule);
      loader.restore(state.loader);
    }
    let losses: number[] = [];
    let saved = new Uint8Array();
    const run = async (): Promise<void> => {
      for (let epoch = 1; epoch <= 20; epoch++) {
        for await (const [x, y] of loader) {
          const loss = watch.forward(new nn.CrossEntropyLoss().forward(model.forward(x), y));
          optimizer.zeroGrad();
          loss.backward();
          optimizer.step();
          schedule.step();
          losses.push(await loss.item());
          watch.step();
        }
        saved = await save({
          model: model.stateDict(),
          optimizer: optimizer.stateDict(),
          schedule: schedule.stateDict(),
          loader: loader.state(),
        });
      }
    };
    await run();
    return [
      losses,
      saved,
      async () => {
        losses = [];
        await run();
        return losses;
      },
    ];
  }

  const watch = new Watch();
  const [before, saved, goOn] = await train(watch);
  // Plans: the pixels before the loop, and a step. Saving copies what is there and runs nothing.
  expect(watch.report()).toEqual({ plans: 2, runs: 10, forwards: 1, changed: {} });
  const expected = await goOn();
  const resumed = new Watch();
  manualSeed(2);
  const [after] = await train(resumed, saved);
  // Its first step also writes what was loaded.
  expect(resumed.report()).toEqual({ plans: 3, runs: 10, forwards: 1, changed: {} });
  expect(after).toEqual(expected);
  expect(after.at(-1)).toBeLessThan(0.5 * (before[0] as number));
});

test("frozen layers below a new one", async () => {
  const watch = new Watch();
  const { pixels, labels } = digits(80);
  class Net extends nn.Module {
    features = new nn.Sequential(
      new nn.Conv2d(1, 4, 3),
      new nn.BatchNorm2d(4),
      new nn.ReLU(),
      new nn.MaxPool2d(2),
      new nn.Flatten(),
    );
    head = new nn.Linear(100, 10);

    forward(x: Tensor): Tensor {
      return this.head.forward(this.features.forward(x));
    }
  }
  const model = new Net();
  model.features.requiresGrad_(false).eval();
  const before = await model.features.snapshot();
  const optimizer = new Adam(
    model.parameters().filter((parameter) => parameter.requiresGrad),
    { lr: 0.05 },
  );
  const x = tensor(pixels, { shape: [80, 1, 12, 12] }).div(255);
  const losses: number[] = [];
  do {
    const loss = watch.forward(new nn.CrossEntropyLoss().forward(model.forward(x), tensor(labels)));
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
  } while (watch.step());
  expect(watch.report()).toEqual({ plans: 1, runs: 10, forwards: 1, changed: {} });
  expect(losses.at(-1)).toBeLessThan(0.2 * (losses[0] as number));
  const after = await model.features.snapshot();
  for (const [key, content] of Object.entries(before)) expect(await after[key]?.array()).toEqual(await content.array());
});

test("an inference server: requests that come together share a forward pass, the rest of them a smaller one", async () => {
  const largest = 8;
  const watch = new Watch();
  const model = classifier().eval();

  interface Waiting {
    readonly pixels: Uint8Array;
    answer(scores: number[]): void;
  }
  let waiting: Waiting[] = [];
  async function runBatch(): Promise<void> {
    const batch = waiting;
    waiting = [];
    if (batch.length === 0) return;
    const pixels = new Uint8Array(batch.length * 144);
    batch.forEach((one, i) => pixels.set(one.pixels, i * 144));
    const x = tensor(pixels, { shape: [batch.length, 144] }).div(255);
    const chances = await noGrad(() => watch.forward(model.forward(x)).softmax(-1)).array(2);
    batch.forEach((one, i) => one.answer(chances[i] as number[]));
  }
  const predict = (pixels: Uint8Array): Promise<number[]> =>
    new Promise((answer) => {
      waiting.push({ pixels, answer });
      if (waiting.length === 1) setImmediate(() => void runBatch());
      else if (waiting.length === largest) void runBatch();
    });

  const { pixels } = digits(21);
  const alone = noGrad(() => model.forward(tensor(pixels, { shape: [21, 144] }).div(255)).softmax(-1));
  const expected = await alone.array(2);
  do {
    const requests = Array.from({ length: 21 }, (_, i) => predict(pixels.subarray(i * 144, (i + 1) * 144)));
    expect(await Promise.all(requests)).toEqual(expected);
  } while (watch.step());
  // Plans: all at once before the server starts, a full batch, and the rest; 8 + 8 + 5 requests a time.
  expect(watch.report()).toEqual({ plans: 3, runs: 30, forwards: 1, changed: {} });
});
