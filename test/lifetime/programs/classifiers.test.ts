/** Programs that learn to tell things apart: by hand, by the Trainer, with a class of one's own, with data that comes later. */
import { describe, expect, test } from "vitest";
import { DataLoader, TensorDataset } from "../../../src/data/index.ts";
import * as nn from "../../../src/nn/index.ts";
import { Adam, SGD } from "../../../src/optim/index.ts";
import { maxPool2d } from "../../../src/nn/functional.ts";
import { tensor } from "../../../src/tensor/creation.ts";
import { noGrad } from "../../../src/tensor/scope.ts";
import { setHints } from "../../../src/tensor/switches.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import { Accuracy, Trainer } from "../../../src/train/index.ts";
import { digits } from "../digits.ts";
import { Watch } from "../watch.ts";

type Pair = [Tensor, Tensor];

function dataset(count: number, seed?: number): TensorDataset<Pair> {
  const { pixels, labels } = digits(count, seed);
  return new TensorDataset(tensor(pixels, { shape: [count, 1, 12, 12] }), tensor(labels));
}

describe("XOR", () => {
  type Read = (when: "early" | "between" | "after", loss: Tensor) => Promise<void>;

  async function train(read: Read): Promise<Watch> {
    const watch = new Watch();
    const x = tensor([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ]);
    const y = tensor([[0], [1], [1], [0]]);
    const model = new nn.Sequential(new nn.Linear(2, 8), new nn.Tanh(), new nn.Linear(8, 1));
    const optimizer = new Adam(model.parameters(), { lr: 0.05 });
    const lossOf = new nn.BCEWithLogitsLoss();
    do {
      const loss = watch.forward(lossOf.forward(model.forward(x), y));
      await read("early", loss);
      optimizer.zeroGrad();
      loss.backward();
      await read("between", loss);
      optimizer.step();
      await read("after", loss);
    } while (watch.step());
    expect(await model.forward(x).sigmoid().round().array(2)).toEqual([[0], [1], [1], [0]]);
    return watch;
  }

  test.each([
    ["never read", [], { plans: 1, runs: 10 }],
    ["read after step()", ["after"], { plans: 1, runs: 10 }],
    // Forward and backward, then the update: still one forward pass.
    ["read between backward() and step()", ["between", "after"], { plans: 2, runs: 20 }],
    // This read costs a second forward pass, and a hint says so. The last layer is spared: its result was kept.
    ["read before backward()", ["early"], { plans: 2, runs: 20, forwards: 1.5 }],
  ])("%s", async (_, places, cost) => {
    setHints(false);
    const losses: number[] = [];
    const watch = await train(async (when, loss) => {
      if (places.includes(when)) losses.push(await loss.item());
    });
    setHints(true);
    expect(watch.report()).toEqual({ forwards: 1, changed: {}, ...cost });
    expect(losses.at(-1) ?? 0).toBeLessThan(0.1);
  });
});

test("digits by hand, with a sum of losses and a test in each epoch", async () => {
  class Net extends nn.Module {
    conv = new nn.Conv2d(1, 4, 3);
    pool = new nn.MaxPool2d(2);
    hidden = new nn.Linear(4 * 5 * 5, 16);
    output = new nn.Linear(16, 10);

    forward(pixels: Tensor): Tensor {
      const edges = this.pool.forward(this.conv.forward(pixels.div(255)).relu());
      return this.output.forward(this.hidden.forward(edges.flatten(1)).relu());
    }
  }

  const watch = new Watch();
  const loader = new DataLoader(dataset(80), { batchSize: 16, shuffle: true });
  const held = new DataLoader(dataset(60, 2), { batchSize: 20 });
  const model = new Net();
  const optimizer = new Adam(model.parameters(), { lr: 0.01 });
  const lossOf = new nn.CrossEntropyLoss();
  const means: number[] = [];
  let accuracy = 0;
  for (let epoch = 1; epoch <= 20; epoch++) {
    let lossSum = tensor(0);
    for await (const [pixels, labels] of loader) {
      const loss = watch.forward(lossOf.forward(model.forward(pixels), labels));
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      lossSum = lossSum.add(loss.detach());
      watch.step();
    }
    means.push((await lossSum.item()) / loader.length);
    let correct = tensor(0);
    for await (const [pixels, labels] of held) {
      const right = noGrad(() => watch.forward(model.forward(pixels)).argmax(1).eq(labels));
      correct = correct.add(right.sum());
    }
    accuracy = (await correct.item()) / 60;
  }
  // Plans: a step, one that also adds the loss before it, the last addition of an epoch, and the test, which is one run.
  expect(watch.report()).toEqual({ plans: 4, runs: 10 + 2 * 2, forwards: 1, changed: {} });
  expect(means.at(-1)).toBeLessThan(0.2 * (means[0] as number));
  expect(accuracy).toBeGreaterThan(0.9);
});

test("digits by the Trainer, with a metric and a validation", async () => {
  const watch = new Watch();
  const model = new nn.Sequential(
    new nn.Conv2d(1, 4, 3),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Linear(100, 10),
  );
  const lossOf = new nn.CrossEntropyLoss();
  const map = ([pixels, labels]: Pair): Pair => [pixels.div(255), labels];
  const trainer = new Trainer({
    model,
    optimizer: new Adam(model.parameters(), { lr: 0.01 }),
    loss: (output, target) => watch.forward(lossOf.forward(output, target)),
    metrics: [new Accuracy()],
    callbacks: [{ onBatchEnd: () => void watch.step() }],
  });
  const history = await trainer.fit(new DataLoader(dataset(80), { batchSize: 16, shuffle: true, map }), {
    epochs: 20,
    validation: new DataLoader(dataset(60, 2), { batchSize: 20, map }),
  });
  // Plans: a step, one with the loss that the callback before it got, that loss alone, and a batch of the validation.
  expect(watch.report()).toEqual({ plans: 4, runs: 10 + 2 * (1 + 3), forwards: 1, changed: {} });
  const [first, last] = [history.epochs[0], history.epochs.at(-1)];
  expect(last?.["train/loss"]).toBeLessThan(0.5 * (first?.["train/loss"] as number));
  expect(last?.["val/accuracy"]).toBeGreaterThan(0.9);
});

test("a class of one's own with everything that has a mode: batch statistics, dropout, two branches", async () => {
  class Block extends nn.Module {
    readonly conv: nn.Conv2d;
    readonly norm: nn.BatchNorm2d;
    constructor(from: number, to: number) {
      super();
      this.conv = new nn.Conv2d(from, to, 3, { padding: 1, bias: false });
      this.norm = new nn.BatchNorm2d(to);
    }

    forward(x: Tensor): Tensor {
      return this.norm.forward(this.conv.forward(x)).relu();
    }
  }
  class Net extends nn.Module {
    stem = new Block(1, 4);
    branches = [new Block(4, 4), new Block(4, 4)];
    drop = new nn.Dropout(0.2);
    head = new nn.Linear(4 * 6 * 6, 10);

    forward(pixels: Tensor): Tensor {
      const x = maxPool2d(this.stem.forward(pixels.div(255)), 2);
      const both = this.branches.map((branch) => branch.forward(x)).reduce((sum, y) => sum.add(y), x);
      return this.head.forward(this.drop.forward(both.flatten(1)));
    }
  }

  const watch = new Watch();
  const loader = new DataLoader(dataset(80), { batchSize: 16, shuffle: true });
  const model = new Net();
  const optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
  const lossOf = new nn.CrossEntropyLoss();
  for (let epoch = 1; epoch <= 20; epoch++) {
    for await (const [pixels, labels] of loader) {
      const loss = watch.forward(lossOf.forward(model.forward(pixels), labels));
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      watch.step();
    }
  }
  expect(watch.report()).toEqual({ plans: 1, runs: 10, forwards: 1, changed: {} });
  model.eval();
  const { pixels, labels } = digits(60, 2);
  const scores = noGrad(() => model.forward(tensor(pixels, { shape: [60, 1, 12, 12] })));
  const right = scores.argmax(1).eq(tensor(labels));
  expect(await right.float().mean().item()).toBeGreaterThan(0.9);
});
