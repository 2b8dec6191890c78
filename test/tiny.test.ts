/** One of everything, in seconds: the first thing to run after a change. */
import { expect, test } from "vitest";
import { DataLoader, TensorDataset } from "../src/data/index.ts";
import { explain, stats } from "../src/debug.ts";
import {
  StoredTensor,
  type Tensor,
  compile,
  float64,
  grad,
  manualSeed,
  memory,
  noGrad,
  rand,
  tensor,
  zeros,
} from "../src/index.ts";
import { load, save } from "../src/io/index.ts";
import * as nn from "../src/nn/index.ts";
import { clipGradNorm } from "../src/nn/index.ts";
import { Adam, SGD, StepLR } from "../src/optim/index.ts";
import { onEachDevice } from "./devices.ts";

const xor = (): [Tensor, Tensor] => [
  tensor([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ]),
  tensor([[0], [1], [1], [0]]),
];

class Classifier extends nn.Module {
  readonly conv = new nn.Conv2d(1, 4, 3, { padding: 1 });
  readonly norm = new nn.BatchNorm2d(4);
  readonly drop = new nn.Dropout(0.1);
  readonly fc = new nn.Linear(4 * 4, 2);

  override forward(x: Tensor): Tensor {
    const h = this.norm.forward(this.conv.forward(x)).relu();
    return this.fc.forward(this.drop.forward(nn.functional.maxPool2d(h, 2).flatten(1)));
  }
}

onEachDevice((device) => {
  test("tensors: arithmetic, broadcasting, shapes, reductions, indexing, choices", async () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(
      await x
        .mul(2)
        .sub(tensor([1, 1, 1]))
        .array(),
    ).toEqual([
      [1, 3, 5],
      [7, 9, 11],
    ]);
    expect(await x.reshape(3, 2).transpose(0, 1).array()).toEqual([
      [1, 3, 5],
      [2, 4, 6],
    ]);
    expect(await x.sum(0).array()).toEqual([5, 7, 9]);
    expect(await x.matmul(x.transpose(0, 1)).array()).toEqual([
      [14, 32],
      [32, 77],
    ]);
    expect(await x.argmax(1).array()).toEqual([2, 2]);
    expect(await x.gt(3).array()).toEqual([
      [0, 0, 0],
      [1, 1, 1],
    ]);
    expect(await x.gather(1, tensor([[2], [0]]).int()).array()).toEqual([[3], [4]]);
    expect(await float64([1, 2]).div(3).sum().item()).toBe(1 / 3 + 2 / 3);
    expect(x.device).toBe(device);
  });

  test("a wrong shape throws where the call is written", () => {
    expect(() => tensor([[1, 2]]).matmul(tensor([[1, 2]]))).toThrow(/^matmul: .*\[1, 2\]/);
    expect(() => tensor([1, 2]).add(tensor([1, 2, 3]))).toThrow(/^add: shapes do not broadcast: \[2\] and \[3\]/);
  });

  test("gradients, and gradients of gradients", async () => {
    const x = tensor([1, 2, 3], { requiresGrad: true });
    x.mul(x).sum().backward();
    expect(await x.grad?.array()).toEqual([2, 4, 6]);
    const [first] = grad(x.mul(x).mul(x).sum(), x, { createGraph: true });
    expect(await grad(first.sum(), x)[0].array()).toEqual([6, 12, 18]);
  });

  test("XOR is learned, by one run a step", async () => {
    manualSeed(1);
    const [x, y] = xor();
    const model = new nn.Sequential(new nn.Linear(2, 8), new nn.Tanh(), new nn.Linear(8, 1));
    const optimizer = new Adam(model.parameters(), { lr: 0.05 });
    const lossOf = new nn.BCEWithLogitsLoss();
    const before = stats().runs;
    let loss: Tensor = tensor(0);
    for (let i = 0; i < 200; i++) {
      loss = lossOf.forward(model.forward(x), y);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
    }
    expect(stats().runs - before).toBe(200);
    expect(await loss.item()).toBeLessThan(0.05);
    expect(await model.forward(x).sigmoid().round().array(2)).toEqual([[0], [1], [1], [0]]);
    expect(explain()).not.toBe("nothing has run yet");
  });

  test("convolution, normalisation, dropout, clipping, a schedule and a loader learn a pattern", async () => {
    manualSeed(2);
    const images = Float32Array.from({ length: 32 * 16 }, (_, i) => {
      const [image, row, column] = [i >> 4, (i >> 2) & 3, i & 3];
      return (image % 2 === 0 ? row : column) % 2;
    });
    const labels = Int32Array.from({ length: 32 }, (_, i) => i % 2);
    const data = new TensorDataset(tensor(images, { shape: [32, 1, 4, 4] }), tensor(labels));
    const loader = new DataLoader(data, { batchSize: 8, shuffle: true });
    const model = new Classifier();
    const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
    const schedule = new StepLR(optimizer, { stepSize: 4 });
    const lossOf = new nn.CrossEntropyLoss();
    for (let epoch = 0; epoch < 5; epoch++) {
      for await (const [x, y] of loader) {
        const loss = lossOf.forward(model.forward(x), y);
        optimizer.zeroGrad();
        loss.backward();
        clipGradNorm(model.parameters(), 1);
        optimizer.step();
      }
      schedule.step();
    }
    expect(optimizer.paramGroups[0]?.lr).toBeCloseTo(0.01, 9);
    model.eval();
    const best = noGrad(() => model.forward(tensor(images, { shape: [32, 1, 4, 4] })).argmax(1));
    expect(await best.eq(tensor(labels)).sum().item()).toBe(32);
  });

  test("embedding and layer normalisation train by accumulated gradients", async () => {
    manualSeed(3);
    const model = new nn.Sequential(new nn.Embedding(5, 4), new nn.LayerNorm([4]), new nn.Linear(4, 5));
    const optimizer = new Adam(model.parameters(), { lr: 0.1 });
    let last = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 30; i++) {
      optimizer.zeroGrad();
      let sum: Tensor = tensor(0);
      for (const tokens of [
        [0, 1, 2],
        [3, 4],
      ]) {
        const from = tensor(Int32Array.from(tokens));
        const to = tensor(Int32Array.from(tokens, (t) => (t + 1) % 5));
        const loss = nn.functional.crossEntropy(model.forward(from), to, { reduction: "sum" });
        loss.backward();
        sum = sum.add(loss.detach());
      }
      optimizer.step();
      last = await sum.item();
    }
    expect(last).toBeLessThan(0.1);
  });

  test("a compiled step gives the numbers of the eager one", async () => {
    const train = async (
      wrap: (f: (x: Tensor, y: Tensor) => Tensor) => (x: Tensor, y: Tensor) => Tensor,
    ): Promise<number> => {
      manualSeed(4);
      const [x, y] = xor();
      const model = new nn.Sequential(new nn.Linear(2, 8), new nn.ReLU(), new nn.Dropout(0.2), new nn.Linear(8, 1));
      const optimizer = new Adam(model.parameters());
      const lossOf = new nn.MSELoss();
      const step = wrap((inputs, targets) => {
        const loss = lossOf.forward(model.forward(inputs), targets);
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
        return loss;
      });
      let loss = 0;
      for (let i = 0; i < 10; i++) loss = await step(x, y).item();
      return loss;
    };
    expect(await train((f) => compile(f))).toBe(await train((f) => f));
  });

  test("a saved state goes on where it was", async () => {
    manualSeed(5);
    const [x, y] = xor();
    const make = (): [nn.Module & { forward(x: Tensor): Tensor }, Adam] => {
      const model = new nn.Sequential(new nn.Linear(2, 4), new nn.Tanh(), new nn.Linear(4, 1)) as nn.Module & {
        forward(x: Tensor): Tensor;
      };
      return [model, new Adam(model.parameters(), { lr: 0.1 })];
    };
    const step = async ([model, optimizer]: ReturnType<typeof make>): Promise<number> => {
      const loss = new nn.MSELoss().forward(model.forward(x), y);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss.item();
    };
    const first = make();
    for (let i = 0; i < 3; i++) await step(first);
    const bytes = await save({ model: first[0].stateDict(), optimizer: first[1].stateDict() });
    const second = make();
    const state = load<{ model: Record<string, Tensor>; optimizer: ReturnType<Adam["stateDict"]> }>(bytes);
    second[0].loadStateDict(state.model);
    second[1].loadStateDict(state.optimizer);
    expect(await step(second)).toBe(await step(first));
    expect(await step(second)).toBe(await step(first));
  });

  test("random tensors repeat after a seed", async () => {
    manualSeed(6);
    const [a, b] = [rand(5), rand(5)];
    manualSeed(6);
    const again = rand(5);
    expect(await again.array()).toEqual(await a.array());
    expect(await b.array()).not.toEqual(await a.array());
  });

  test("stored tensors are written in place, and memory is reported", async () => {
    const s = new StoredTensor(zeros(2, 3), { label: "s" });
    s.add_(1).mul_(4);
    expect(await s.array()).toEqual([
      [4, 4, 4],
      [4, 4, 4],
    ]);
    expect(memory()[device]?.kept).toBeDefined();
  });
});
