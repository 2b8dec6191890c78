/** Bilinear layers, bags of rows, distances, weight normalisation, and activations and dropout with random parts. */
import { describe, expect, test } from "vitest";
import * as nn from "../../src/nn/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { int32, ones, tensor, zeros } from "../../src/tensor/creation.ts";
import { manualSeed, randn } from "../../src/tensor/random.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { onEachDevice } from "../devices.ts";
import { expectGradients } from "../tensor/gradient.ts";
import { distance, numbers } from "./numbers.ts";

const F = nn.functional;

onEachDevice(() => {
  test("derivatives are those of finite differences", () => {
    expectGradients(
      (a, b, w, c) => F.bilinear(a.reshape(2, 1, 3), b.reshape(2, 1, 2), w.reshape(4, 3, 2), c),
      numbers(6, 1),
      numbers(4, 2),
      numbers(24, 3),
      numbers(4, 4),
    );
    expectGradients((x) => F.localResponseNorm(x.reshape(1, 6, 2), 3, { alpha: 0.5, beta: 0.6 }), numbers(12));
    for (const p of [1, 2, 3.5]) expectGradients((x) => F.pdist(x.reshape(4, 3), { p }), numbers(12));
    const factors = tensor(numbers(5, 3), { dtype: "float64" });
    for (const mode of ["sum", "mean", "max"] as const) {
      expectGradients(
        (w) => F.embeddingBag([0, 1, 3, 1, 2], w.reshape(4, 3), { offsets: [0, 2, 2], mode, paddingIdx: 2 }),
        numbers(12),
      );
    }
    expectGradients(
      (w, s) => F.embeddingBag([0, 1, 3, 1, 2], w.reshape(4, 3), { offsets: [0, 2], mode: "sum", perSampleWeights: s }),
      numbers(12),
      Array.from(factors.dataSync(), Number),
    );
    expectGradients((x) => F.rrelu(x, { lower: 0.1, upper: 0.4 }), numbers(6));
  });

  test("bags join the rows of a lookup, and leave out the padding row", () => {
    const weight = randn(6, 3);
    const input = [
      [0, 1, 2],
      [2, 2, 5],
    ];
    const rows = F.embedding(input, weight);
    expect(distance(F.embeddingBag(input, weight), rows.mean(1))).toBeLessThan(1e-6);
    expect(distance(F.embeddingBag(input, weight, { mode: "max" }), rows.amax(1))).toBe(0);
    const kept = F.embeddingBag(input, weight, { paddingIdx: 2 });
    expect(distance(kept.at(0), rows.at(0, "0:2").mean(0))).toBeLessThan(1e-6);
    expect(distance(kept.at(1), weight.at(5))).toBeLessThan(1e-6);
    const bags = F.embeddingBag([3, 4, 5], weight, { offsets: int32([0, 0, 2]), mode: "sum" });
    expect(bags.at(0).abs().sum().itemSync()).toBe(0);
    expect(distance(bags.at(1), weight.at(3).add(weight.at(4)))).toBeLessThan(1e-6);
    const ends = F.embeddingBag([3, 4, 5], weight, { offsets: [0, 2, 3], mode: "sum", includeLastOffset: true });
    expect(distance(ends.at(1), weight.at(5))).toBe(0);
    expect(F.embeddingBag([], weight, { offsets: [0] }).arraySync()).toEqual([[0, 0, 0]]);
  });

  test("random slopes lie within their bounds, differ, and stay when computed again", () => {
    manualSeed(3);
    const layer = new nn.RReLU({ lower: 0.25, upper: 0.5 });
    const x = tensor(new Array<number>(500).fill(-1).concat(2), { requiresGrad: true });
    const y = layer.forward(x);
    y.sum().backward();
    const slopes = Array.from(x.grad?.dataSync() ?? []).slice(0, 500);
    expect(Math.min(...slopes)).toBeGreaterThanOrEqual(0.25);
    expect(Math.max(...slopes)).toBeLessThan(0.5);
    expect(new Set(slopes).size).toBeGreaterThan(400);
    expect(y.dataSync()).toEqual(x.grad?.mul(x).dataSync());
    expect(
      layer
        .eval()
        .forward(tensor([-2, 2]))
        .arraySync(),
    ).toEqual([-0.75, 2]);
  });

  test("alpha dropout keeps mean and variance, and drops whole channels where asked", () => {
    manualSeed(5);
    const x = randn(200, 100);
    const layer = new nn.AlphaDropout(0.3);
    const y = layer.forward(x);
    expect(Math.abs(y.mean().itemSync())).toBeLessThan(0.03);
    expect(Math.abs(y.var().itemSync() - 1)).toBeLessThan(0.05);
    expect(layer.eval().forward(x)).toBe(x);
    const z = new nn.FeatureAlphaDropout(0.5).forward(ones(20, 10, 3, 2));
    const channels = z.reshape(200, 6).arraySync() as number[][];
    expect(channels.every((channel) => new Set(channel).size === 1)).toBe(true);
    expect(new Set(channels.map((channel) => channel[0])).size).toBe(2);
    const all = ones(5).requiresGrad_();
    const none = F.alphaDropout(all, 1);
    none.sum().backward();
    expect([none.abs().sum().itemSync(), all.grad?.abs().sum().itemSync()]).toEqual([0, 0]);
  });

  test("pairs of rows come in the order of PyTorch", () => {
    const x = randn(4, 3);
    const between = (i: number, j: number): number => x.at(i).sub(x.at(j)).norm().itemSync();
    const wanted = [between(0, 1), between(0, 2), between(0, 3), between(1, 2), between(1, 3), between(2, 3)];
    F.pdist(x)
      .dataSync()
      .forEach((value, i) => expect(value).toBeCloseTo(wanted[i] as number, 5));
    expect(F.pdist(ones(1, 3)).shape).toEqual([0]);
  });

  test("a softmax over channels sums to 1 at each pixel", () => {
    const y = new nn.Softmax2d().forward(randn(2, 3, 4, 5));
    expect(distance(y.sum(1), ones(2, 4, 5))).toBeLessThan(1e-6);
    expect(() => new nn.Softmax2d().forward(zeros(2, 3))).toThrow("nn.Softmax2d: the input must have 4 dims");
  });
});

describe("weightNorm", () => {
  test("a weight becomes a length and a direction, and trains as such", async () => {
    manualSeed(1);
    const plain = new nn.Conv2d(2, 3, 2);
    const layer = new nn.Conv2d(2, 3, 2);
    layer.loadStateDict(plain.stateDict());
    nn.weightNorm(layer);
    expect(layer.stateDict()["weight_g"]?.shape).toEqual([3, 1, 1, 1]);
    expect(Object.keys(layer.stateDict())).toEqual(["bias", "weight_g", "weight_v"]);
    const x = randn(1, 2, 4, 4);
    expect(distance(layer.forward(x), plain.forward(x))).toBeLessThan(1e-6);
    const optimizer = new SGD(layer.parameters(), { lr: 0.1 });
    layer.forward(x).square().sum().backward();
    optimizer.step();
    const lengths = (layer.weight as Tensor).square().sum([1, 2, 3]).sqrt();
    const g = layer.stateDict()["weight_g"] as Tensor;
    expect(distance(lengths, g.reshape(3).abs())).toBeLessThan(1e-5);
    const trained = await layer.forward(x).data();
    nn.removeWeightNorm(layer);
    expect(Object.keys(layer.stateDict()).toSorted()).toEqual(["bias", "weight"]);
    expect(layer.weight).toBeInstanceOf(nn.Parameter);
    expect(distance(layer.forward(x), tensor(trained, { shape: [1, 3, 3, 3] }))).toBeLessThan(1e-6);
  });

  test("its derivatives are those of finite differences", () => {
    const layer = nn.weightNorm(new nn.Linear(3, 2), { dim: null });
    for (const parameter of layer.parameters()) parameter.to_({ dtype: "float64" });
    const state = layer.stateDict();
    const direction = state["weight_v"] as nn.Parameter;
    const x = tensor(numbers(6), { shape: [2, 3], dtype: "float64" });
    expectGradients(
      (v, g) => F.linear(x, v.reshape(2, 3).mul(g.div(v.norm())), null),
      Array.from(direction.dataSync(), Number),
      [1.5],
    );
    layer.forward(x).sum().backward();
    expect(direction.grad?.shape).toEqual([2, 3]);
    // The length does not depend on the direction's length: its gradient is at a right angle to it.
    expect(Math.abs(direction.grad?.mul(direction).sum().itemSync() ?? 1)).toBeLessThan(1e-6);
  });

  test("a length is where its weight is, and as frozen", () => {
    const layer = new nn.Linear(3, 2).to("float64").to("js");
    layer.weight.requiresGrad_(false);
    nn.weightNorm(layer);
    const length = layer.stateDict()["weight_g"] as nn.Parameter;
    expect([length.dtype, length.device, length.requiresGrad]).toEqual(["float64", "js", false]);
  });

  test("a module without such a parameter is refused", () => {
    expect(() => nn.weightNorm(new nn.ReLU())).toThrow('nn.weightNorm: ReLU has no parameter "weight"');
    expect(() => nn.weightNorm(nn.weightNorm(new nn.Linear(2, 2)))).toThrow('has no parameter "weight"');
  });
});

test("mistakes are named where they are written", () => {
  expect(() => F.bilinear(zeros(2, 3), zeros(2, 4), zeros(5, 3, 3))).toThrow("take a weight [out, in1, in2]");
  const weight = zeros(4, 2);
  expect(() => F.embeddingBag([0, 1], weight)).toThrow("an input of one dim takes offsets [B]");
  expect(() => F.embeddingBag([0, 1], weight, { offsets: [1] })).toThrow("offset 0 is 1");
  expect(() => F.embeddingBag([0, 1], weight, { offsets: [0, 3] })).toThrow("offset 1 is 3, the input has 2 elements");
  expect(() => F.embeddingBag([[0, 4]], weight)).toThrow("row out of range");
  expect(() => F.embeddingBag([[0, 1]], weight, { perSampleWeights: ones(1, 2) })).toThrow('go with mode "sum" only');
  expect(() => new nn.EmbeddingBag(3, 2, { mode: "avg" as "mean" })).toThrow('unknown mode "avg"');
  expect(() => F.localResponseNorm(zeros(2, 3), 2)).toThrow("at least 3 dims");
  expect(() => F.rrelu(zeros(2), { lower: 0.5, upper: 0.1 })).toThrow("lower must be a number");
});

test("each length of a cosine is cut at eps, not their product", () => {
  const [a, b] = [tensor([[0.1, 0.2]]), tensor([[2, 0]])];
  expect(F.cosineSimilarity(a, b, 1, { eps: 0.5 }).itemSync()).toBeCloseTo(0.2 / (0.5 * 2), 6);
  expect(new nn.CosineSimilarity().forward(a, b).itemSync()).toBeCloseTo(0.2 / (Math.sqrt(0.05) * 2), 6);
});
