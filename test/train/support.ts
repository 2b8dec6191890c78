/** What the tests of the trainer share: a small classifier with everything that has a state, and its curve. */
import { DataLoader, TensorDataset } from "../../src/data/index.ts";
import * as nn from "../../src/nn/index.ts";
import { Adam, OneCycleLR, SGD } from "../../src/optim/index.ts";
import { ExponentialMovingAverage } from "../../src/optim/weight-average.ts";
import { manualSeed, randn } from "../../src/tensor/random.ts";
import { Accuracy } from "../../src/train/metrics/accuracy.ts";
import { Trainer } from "../../src/train/trainer/trainer.ts";
import type { Callback } from "../../src/train/callbacks/callback.ts";
import type { TrainerOptions } from "../../src/train/trainer/trainer-options.ts";

export interface Setup {
  readonly seed?: number;
  readonly accumulate?: number;
  readonly optimizer?: "adam" | "sgd";
  readonly totalSteps?: number;
  readonly callbacks?: readonly Callback[];
  readonly size?: number;
  /** Without batch statistics, means of weights and clipping: less to compile. */
  readonly plain?: boolean;
}

/** A training with dropout, batch statistics, shuffling, momentum, a rate that changes at each step, means of weights. */
export function training(setup: Setup = {}) {
  const { seed = 7, accumulate = 1, totalSteps = 200, callbacks = [], size = 50, plain = false } = setup;
  manualSeed(99);
  const x = randn(size, 4);
  const y = x.select(1, 0).gt(0).int().add(x.select(1, 1).gt(0).int());
  manualSeed(seed);
  const model = new nn.Sequential(
    new nn.Linear(4, 12),
    plain ? new nn.Identity() : new nn.BatchNorm1d(12),
    new nn.ReLU(),
    new nn.Dropout(0.2),
    new nn.Linear(12, 3),
  );
  const loader = new DataLoader(new TensorDataset(x, y), { batchSize: 8, shuffle: true });
  const validation = new DataLoader(new TensorDataset(x, y), { batchSize: 16, shuffle: true });
  const optimizer =
    setup.optimizer === "sgd"
      ? new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 })
      : new Adam(model.parameters(), { lr: 0.01 });
  const losses: number[] = [];
  const options: TrainerOptions = {
    model,
    optimizer,
    loss: new nn.CrossEntropyLoss(),
    metrics: [new Accuracy()],
    schedule: new OneCycleLR(optimizer, { maxLr: 0.05, totalSteps }),
    accumulate,
    ...(plain ? {} : { average: new ExponentialMovingAverage(model, { decay: 0.9 }), clipGradNorm: 1 }),
    callbacks: [{ onBatchEnd: async ({ loss }) => void losses.push(await loss.item()) }, ...callbacks],
  };
  return { model, optimizer, loader, validation, options, losses, trainer: new Trainer(options), x, y };
}

export type Made = ReturnType<typeof training>;

/** All weights, buffers and means of a training, element by element. */
export async function contentsOf({ model, options }: Made): Promise<Record<string, number[]>> {
  const average = options.average as ExponentialMovingAverage;
  const contents: Record<string, number[]> = {};
  for (const [name, x] of Object.entries(model.stateDict())) contents[name] = Array.from(await x.data());
  for (const [name, x] of Object.entries(average.stateDict().averages)) {
    contents[`average ${name}`] = Array.from(await x.data());
  }
  return contents;
}
