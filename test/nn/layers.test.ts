import { expect, test } from "vitest";
import * as nn from "../../src/nn/index.ts";
import { arange, int32, ones, tensor, zeros } from "../../src/tensor/creation.ts";
import { manualSeed, randn } from "../../src/tensor/random.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { currentEngine } from "../../src/tensor/engines.ts";

async function numbers(x: Tensor): Promise<number[]> {
  return Array.from(await x.data());
}

test("a linear layer and its gradients, by hand", async () => {
  const fc = new nn.Linear(2, 1);
  fc.loadStateDict({ weight: tensor([[3, -1]]), bias: tensor([0.5]) });
  const x = tensor(
    [
      [1, 2],
      [4, 5],
    ],
    { requiresGrad: true },
  );
  const y = fc.forward(x);
  y.square().sum().backward();
  expect(await numbers(y)).toEqual([1.5, 7.5]);
  expect(await numbers(fc.weight.grad as Tensor)).toEqual([2 * (1.5 * 1 + 7.5 * 4), 2 * (1.5 * 2 + 7.5 * 5)]);
  expect(await numbers(fc.bias?.grad as Tensor)).toEqual([18]);
  expect(await numbers(x.grad as Tensor)).toEqual([9, -3, 45, -15]);
});

test("initial weights lie within the bounds of PyTorch and depend on the seed alone", async () => {
  const make = (): nn.Module[] => [
    new nn.Linear(64, 32),
    new nn.Conv2d(4, 8, [3, 5], { groups: 2 }),
    new nn.ConvTranspose1d(4, 8, 3),
  ];
  manualSeed(3);
  const first = make();
  manualSeed(3);
  const second = make();
  for (const [i, bound] of [1 / 8, 1 / Math.sqrt(2 * 15), 1 / Math.sqrt(8 * 3)].entries()) {
    const [a, b] = [first[i] as nn.Module, second[i] as nn.Module].map((module) => module.parameters());
    for (const [j, parameter] of (a ?? []).entries()) {
      const drawn = await numbers(parameter);
      const most = Math.max(...drawn.map(Math.abs));
      expect(most).toBeLessThanOrEqual(Math.fround(bound));
      // The largest of a few is not near the bound.
      expect(most).toBeGreaterThan(drawn.length > 30 ? 0.8 * bound : 0);
      expect(drawn).toEqual(await numbers(b?.[j] as Tensor));
    }
  }
  const table = new nn.Embedding(200, 50, { paddingIdx: -1 });
  const rows = await numbers(table.weight);
  const mean = rows.reduce((sum, x) => sum + x, 0) / rows.length;
  const variance = rows.reduce((sum, x) => sum + (x - mean) ** 2, 0) / rows.length;
  expect(Math.abs(mean)).toBeLessThan(0.05);
  expect(Math.abs(variance - 1)).toBeLessThan(0.05);
  expect(rows.slice(-50).every((x) => x === 0)).toBe(true);
});

test("dropout keeps about 1 - p, scales it, repeats itself when computed again, and compiles once", async () => {
  const layer = new nn.Dropout(0.3);
  const x = ones(50, 100).requiresGrad_();
  const y = layer.forward(x);
  const kept = (await numbers(y)).filter((value) => value !== 0);
  expect(kept.length / 5000).toBeCloseTo(0.7, 1);
  expect(new Set(kept)).toEqual(new Set([Math.fround(1 / 0.7)]));
  y.sum().backward();
  expect(await numbers(x.grad as Tensor)).toEqual(await numbers(y));
  const other = await numbers(layer.forward(ones(50, 100)));
  expect(other).not.toEqual(await numbers(y));
  const plans = currentEngine().stats.plans;
  for (const p of [0.1, 0.2, 0.9]) {
    layer.p = p;
    const share = (await numbers(layer.forward(ones(50, 100)))).filter((value) => value !== 0).length / 5000;
    expect(Math.abs(share - (1 - p))).toBeLessThan(0.03);
  }
  expect(currentEngine().stats.plans).toBe(plans);
  layer.eval();
  expect(layer.forward(x)).toBe(x);
  layer.train().p = 1;
  expect(Math.max(...(await numbers(layer.forward(ones(10)))))).toBe(0);
});

test("dropout of channels drops them as a whole", async () => {
  const y = await new nn.Dropout2d(0.5)
    .forward(ones(20, 10, 2, 2))
    .reshape(200, 4)
    .array(2);
  expect(y.every((channel) => new Set(channel).size === 1)).toBe(true);
  expect(new Set(y.map((channel) => channel[0]))).toEqual(new Set([0, 2]));
});

test("batch normalisation learns its statistics in training only, and the plain mean with momentum null", async () => {
  const layer = new nn.BatchNorm1d(1, { momentum: null });
  const batches = [
    [1, 3],
    [5, 9],
    [2, 2],
  ];
  for (const batch of batches) await layer.forward(tensor(batch.map((x) => [x]))).array();
  expect(await layer.running_mean?.item()).toBeCloseTo((2 + 7 + 2) / 3, 5);
  expect(await layer.running_var?.item()).toBeCloseTo((2 + 8 + 0) / 3, 5);
  expect(await layer.num_batches_tracked?.item()).toBe(3);
  layer.eval();
  await layer.forward(tensor([[100], [200]])).array();
  expect(await layer.num_batches_tracked?.item()).toBe(3);
  expect(() => layer.train().forward(tensor([[1]]))).toThrow("training needs more than one value for each channel");
});

test("an embedding takes arrays, checks them at the call, and gives the padding row no gradient", async () => {
  const table = new nn.Embedding(4, 2, { paddingIdx: 1 });
  expect(table.forward([[0, 1, 2]]).shape).toEqual([1, 3, 2]);
  expect(() => table.forward([0, 4])).toThrow(/^embedding: row out of range: element 1 is 4, and there are 4/);
  expect(() => table.forward(tensor([0.5]))).toThrow("convert with .int()");
  table.forward([1, 1, 3]).sum().backward();
  expect(await table.weight.grad?.array()).toEqual([
    [0, 0],
    [0, 0],
    [0, 0],
    [1, 1],
  ]);
  await expect(table.forward(int32([2]).add(5)).array()).rejects.toThrow("out of range");
});

test("cross-entropy takes labels as numbers, bytes and probabilities, and is stable", async () => {
  const x = tensor([
    [1000, 0],
    [0, -1000],
  ]);
  const of = async (target: Parameters<nn.CrossEntropyLoss["forward"]>[1]): Promise<number> =>
    new nn.CrossEntropyLoss().forward(x, target).item();
  expect(await of([0, 0])).toBe(0);
  expect(await of([1, 1])).toBe(1000);
  expect(await of(tensor(new Uint8Array([1, 0])))).toBe(500);
  expect(
    await of(
      tensor([
        [0.5, 0.5],
        [1, 0],
      ]),
    ),
  ).toBe(250);
});

test("labels that cannot be are refused where the loss is written", () => {
  const loss = new nn.CrossEntropyLoss();
  const x = zeros(2, 3);
  expect(() => loss.forward(x, [0, 3])).toThrow(/^crossEntropy: label out of range: element 1 is 3, and there are 3/);
  expect(() => loss.forward(x, [0, 1.5])).toThrow("must be whole numbers");
  expect(() => loss.forward(x, tensor([0, 1]))).toThrow(/labels must be whole numbers.*\.int\(\)/);
  expect(() => loss.forward(x, int32([[0], [1]]))).toThrow("y.squeeze(-1)");
  expect(() => loss.forward(x, int32([0, 1, 2]))).toThrow("the target must be labels of shape [2]");
  expect(() => new nn.CrossEntropyLoss({ reduction: "avg" as "mean" })).toThrow('unknown reduction "avg"');
});

test("labels that are computed are checked on the device, and nothing is written then", async () => {
  const model = new nn.Linear(2, 3);
  const before = await model.weight.array();
  const labels = arange(2).add(5).int();
  new nn.CrossEntropyLoss().forward(model.forward(ones(2, 2)), labels).backward();
  model.weight.assign(0);
  expect(() => currentEngine().run([])).toThrow("out of range");
  expect(await model.weight.array()).toEqual(before);
});

test("an ignored label counts nothing, also among computed labels", async () => {
  const x = randn(3, 4);
  const loss = new nn.CrossEntropyLoss();
  const two = await loss.forward(x.at("1:3"), [2, 3]).item();
  expect(await loss.forward(x, [-100, 2, 3]).item()).toBeCloseTo(two, 6);
  expect(await loss.forward(x, int32([-101, 1, 2]).add(1)).item()).toBeCloseTo(two, 6);
});

test("binary cross-entropy of scores has the slope of the sigmoid at 0", async () => {
  const x = tensor([0, 0], { requiresGrad: true });
  new nn.BCEWithLogitsLoss({ reduction: "sum" }).forward(x, tensor([0, 1])).backward();
  expect(await x.grad?.array()).toEqual([0.5, -0.5]);
  expect(() => new nn.BCELoss().forward(tensor([1.5]), tensor([1]))).toThrow("use binaryCrossEntropyWithLogits");
});

test("losses do not broadcast", () => {
  expect(() => new nn.MSELoss().forward(zeros(3, 1), zeros(3))).toThrow(
    /^mseLoss: input and target must have the same shape: input \[3, 1\], target \[3\] \(target.reshape\(3, 1\)\)$/,
  );
});

test("convolutions name shapes and channels", () => {
  const conv = new nn.Conv2d(1, 6, 5);
  expect(() => conv.forward(zeros(8, 3, 28, 28))).toThrow(
    "conv2d: the input has 3 channels, the weight takes 1: input [8, 3, 28, 28], weight [6, 1, 5, 5], groups 1",
  );
  expect(() => conv.forward(zeros(8, 28, 28, 1))).toThrow("channels come first: x.permute(0, 3, 1, 2)");
  expect(() => conv.forward(zeros(8, 1, 4, 4))).toThrow("the kernel does not fit into the padded input");
  expect(() => conv.forward(zeros(28, 28))).toThrow("the input must have 4 dims [N, C, H, W], or 3 without a batch");
  expect(() => new nn.Conv2d(1, 6, 5, { strides: 2 } as object)).toThrow(
    'unknown option "strides" (did you mean "stride"?)',
  );
  expect(() => new nn.Conv2d(1, 1, 3, { stride: 2, padding: "same" })).toThrow('padding "same" needs stride 1');
  expect(() => new nn.MaxPool2d(2, { padding: 2 }).forward(zeros(1, 1, 4, 4))).toThrow("padding may be at most half");
});

test("a convolution with even kernel and same padding keeps the extents", () => {
  expect(new nn.Conv2d(1, 2, [4, 3], { padding: "same" }).forward(zeros(1, 1, 7, 9)).shape).toEqual([1, 2, 7, 9]);
  expect(new nn.ConvTranspose2d(2, 3, 4, { stride: 2, padding: 1 }).forward(zeros(1, 2, 5, 5)).shape).toEqual([
    1, 3, 10, 10,
  ]);
});

test("max pooling can give places", async () => {
  const [values, places] = new nn.MaxPool1d(2, { returnIndices: true }).forward(tensor([[1, 5, 7, 2]]));
  expect([await values.array(), await places.array()]).toEqual([[[5, 7]], [[1, 2]]]);
});

test("initialisers have the spread that they say", async () => {
  const deviation = async (x: Tensor): Promise<number> =>
    Math.sqrt((await numbers(x)).reduce((sum, v) => sum + v * v, 0) / x.size);
  const weight = new nn.Parameter(zeros(80, 50));
  expect(await deviation(nn.init.kaimingNormal_(weight, { nonlinearity: "relu" }))).toBeCloseTo(Math.sqrt(2 / 50), 2);
  expect(await deviation(nn.init.kaimingUniform_(weight, { mode: "fanOut" }))).toBeCloseTo(Math.sqrt(2 / 80), 2);
  expect(await deviation(nn.init.xavierUniform_(weight))).toBeCloseTo(Math.sqrt(2 / 130), 2);
  expect(await deviation(nn.init.xavierNormal_(weight, { gain: 2 }))).toBeCloseTo(2 * Math.sqrt(2 / 130), 2);
  const cut = await numbers(nn.init.truncNormal_(weight, { std: 0.5, a: -1, b: 0.25 }));
  expect([Math.min(...cut) >= -1, Math.max(...cut) <= 0.25, Math.min(...cut) < -0.9]).toEqual([true, true, true]);
  nn.init.orthogonal_(weight);
  const gram = await weight.transpose(0, 1).matmul(weight).array(2);
  gram.forEach((row, i) => row.forEach((value, j) => expect(value).toBeCloseTo(i === j ? 1 : 0, 5)));
  const sparse = await nn.init.sparse_(weight, 0.1).transpose(0, 1).array(2);
  expect(sparse.every((column) => column.filter((value) => value === 0).length === 8)).toBe(true);
  expect(await nn.init.eye_(new nn.Parameter(zeros(2, 3))).array()).toEqual([
    [1, 0, 0],
    [0, 1, 0],
  ]);
  const kernel = nn.init.dirac_(new nn.Parameter(zeros(2, 2, 3)));
  expect(await kernel.array()).toEqual([
    [
      [0, 1, 0],
      [0, 0, 0],
    ],
    [
      [0, 0, 0],
      [0, 1, 0],
    ],
  ]);
  expect(() => nn.init.kaimingNormal_(new nn.Parameter(zeros(3)))).toThrow("2 or more dims");
  expect(() => nn.init.calculateGain("relux")).toThrow('did you mean "relu"?');
});

test("gradients are clipped together by their norm", async () => {
  const [a, b] = [new nn.Parameter(zeros(2)), new nn.Parameter(zeros(1))];
  a.mul(tensor([3, 0]))
    .sum()
    .add(b.mul(4).sum())
    .backward();
  const norm = nn.clipGradNorm([a, b], 1);
  expect([await norm.item(), await a.grad?.array(), await b.grad?.array()]).toEqual([
    5,
    [expect.closeTo(0.6, 5), 0],
    [expect.closeTo(0.8, 5)],
  ]);
  nn.clipGradValue([a, b], 0.7);
  expect(await b.grad?.item()).toBeCloseTo(0.7, 6);
  expect(await nn.clipGradNorm([a, b], 100, { normType: Number.POSITIVE_INFINITY }).item()).toBeCloseTo(0.7, 6);
  expect(await b.grad?.item()).toBeCloseTo(0.7, 6);
});

test("dropout of everything is 0, and so is its gradient", async () => {
  const x = ones(3).requiresGrad_();
  const y = nn.functional.dropout(x, 1);
  y.sum().backward();
  expect(await numbers(y)).toEqual([0, 0, 0]);
  expect(await numbers(x.grad as Tensor)).toEqual([0, 0, 0]);
});

test("a batch that batch normalisation refuses changes nothing", async () => {
  for (const momentum of [0.1, null]) {
    const norm = new nn.BatchNorm1d(3, { momentum });
    expect(() => norm.forward(ones(1, 3))).toThrow(/^batchNorm: training needs more than one value/);
    expect(await norm.num_batches_tracked?.item()).toBe(0);
    norm.forward(tensor([[1], [3]]).expand(2, 3));
    expect(await norm.num_batches_tracked?.item()).toBe(1);
    expect(await numbers(norm.running_mean as Tensor)).toEqual(
      new Array<number>(3).fill(Math.fround((momentum ?? 1) * 2)),
    );
  }
});

test("what is no tensor is refused by name", () => {
  const rows = [[1, 2, 3]] as unknown as Tensor;
  for (const layer of [
    new nn.ReLU(),
    new nn.Tanh(),
    new nn.GELU(),
    new nn.Flatten(),
    new nn.BatchNorm1d(3),
    new nn.InstanceNorm1d(3),
    new nn.Softmax(1),
  ]) {
    expect(() => layer.forward(rows)).toThrow(/: the input must be a tensor: got an array of length 1/);
  }
  const missing = undefined as unknown as Tensor;
  expect(() => nn.functional.crossEntropy(ones(2, 3), missing)).toThrow(
    /^crossEntropy: the target must be a tensor or an array: got undefined/,
  );
  expect(() => nn.functional.embedding(missing, ones(2, 3))).toThrow(
    /^embedding: the input must be a tensor or an array: got undefined/,
  );
});

test("gradients of both floating dtypes are clipped by one norm", async () => {
  const [a, b] = [new nn.Parameter(ones(2)), new nn.Parameter(ones(2, { dtype: "float64" }))];
  a.mul(3).sum().backward();
  b.mul(-3).sum().backward();
  const norm = nn.clipGradNorm([a, b], 3);
  expect([norm.dtype, await norm.item()]).toEqual(["float64", expect.closeTo(6, 5)]);
  expect(await a.grad?.array()).toEqual([1.5, 1.5].map((x) => expect.closeTo(x, 5)));
  expect(await b.grad?.array()).toEqual([-1.5, -1.5].map((x) => expect.closeTo(x, 5)));
});
