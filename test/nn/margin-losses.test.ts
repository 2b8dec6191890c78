/** The losses of margins and likelihoods: values by hand, derivatives, and what they refuse. */
import { describe, expect, test } from "vitest";
import * as nn from "../../src/nn/index.ts";
import { int32, ones, tensor, zeros } from "../../src/tensor/creation.ts";
import { manualSeed, randn } from "../../src/tensor/random.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { onEachDevice } from "../devices.ts";
import { expectGradients } from "../tensor/gradient.ts";
import { numbers } from "./numbers.ts";

const F = nn.functional;

const signs = (...shape: number[]): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  const data = Array.from({ length: size }, (_, i) => (i % 3 === 1 ? -1 : 1));
  return tensor(data, { shape, dtype: "float64" });
};

onEachDevice(() => {
  describe("derivatives are those of finite differences", () => {
    test("embeddings and distances", () => {
      expectGradients(
        (a, b) =>
          F.cosineEmbeddingLoss(a.reshape(4, 3), b.reshape(4, 3), signs(4), { margin: -0.5, reduction: "none" }),
        numbers(12, 1),
        numbers(12, 2),
      );
      expectGradients((x) => F.hingeEmbeddingLoss(x, signs(6), { margin: 0.7 }), numbers(6));
      expectGradients(
        (a, b, t) => F.marginRankingLoss(a, b, t, { margin: 0.3, reduction: "sum" }),
        numbers(5, 1),
        numbers(5, 2),
        numbers(5, 3),
      );
      for (const p of [1, 2, 3]) {
        for (const swap of [false, true]) {
          expectGradients(
            (a, b, c) =>
              F.tripletMarginLoss(a.reshape(4, 3), b.reshape(4, 3), c.reshape(4, 3), { p, swap, margin: 0.5 }),
            numbers(12, 1),
            numbers(12, 2),
            numbers(12, 3),
          );
        }
      }
      const squared = (a: Tensor, b: Tensor): Tensor => a.sub(b).square().sum(-1);
      expectGradients(
        (a, b, c) =>
          F.tripletMarginWithDistanceLoss(a.reshape(4, 3), b.reshape(4, 3), c.reshape(4, 3), {
            distanceFunction: squared,
            swap: true,
          }),
        numbers(12, 1),
        numbers(12, 2),
        numbers(12, 3),
      );
    });

    test("classes", () => {
      expectGradients((x) => F.softMarginLoss(x, signs(6), { reduction: "sum" }), numbers(6));
      const weight = tensor([0.5, 2, 1], { dtype: "float64" });
      for (const p of [1, 2]) {
        expectGradients(
          (x) => F.multiMarginLoss(x.reshape(4, 3), [0, 2, 1, 1], { p, weight, margin: 0.8 }),
          numbers(12),
        );
      }
      const labels = [
        [2, 0, -1, 1],
        [-1, 3, 3, 3],
        [3, 1, 2, 0],
      ];
      expectGradients((x) => F.multilabelMarginLoss(x.reshape(3, 4), labels, { reduction: "none" }), numbers(12));
      expectGradients(
        (x, t) => F.multilabelSoftMarginLoss(x.reshape(4, 3), t.reshape(4, 3), { weight }),
        numbers(12, 1),
        numbers(12, 2),
      );
    });

    test("likelihoods", () => {
      const counts = numbers(6, 2).map((x) => Math.abs(4 * x));
      for (const full of [false, true]) {
        expectGradients((x, t) => F.poissonNllLoss(x, t, { full }), numbers(6), counts);
        expectGradients(
          (x, t) => F.poissonNllLoss(x.abs(), t, { full, logInput: false, eps: 0.01 }),
          numbers(6),
          counts,
        );
        expectGradients(
          (x, t, v) => F.gaussianNllLoss(x.reshape(2, 3), t.reshape(2, 3), v.abs().add(0.1).reshape(2, 1), { full }),
          numbers(6, 1),
          numbers(6, 2),
          numbers(2, 3),
        );
      }
    });

    test("alignments, behind a log-softmax", () => {
      for (const reduction of ["none", "mean"] as const) {
        expectGradients(
          (x) =>
            F.ctcLoss(
              x.reshape(5, 2, 4).logSoftmax(-1),
              [
                [1, 1],
                [3, 2],
              ],
              [5, 4],
              [2, 1],
              { reduction },
            ),
          numbers(40),
        );
      }
      expectGradients((x) => F.ctcLoss(x.reshape(3, 4).logSoftmax(-1), [1, 2], 3, 2, { blank: 3 }), numbers(12));
    });
  });

  test("an alignment's probability is the sum over all paths", () => {
    manualSeed(4);
    const [steps, classes, labels] = [4, 3, [1, 2]];
    const logp = randn(steps, classes).logSoftmax(-1);
    const p = logp.exp().arraySync() as number[][];
    let total = 0;
    for (let path = 0; path < classes ** steps; path++) {
      const symbols = Array.from({ length: steps }, (_, t) => Math.floor(path / classes ** t) % classes);
      const merged = symbols.filter((s, t) => s !== 0 && s !== symbols[t - 1]);
      if (merged.join() === labels.join()) total += symbols.reduce((all, s, t) => all * (p[t]?.[s] as number), 1);
    }
    expect(F.ctcLoss(logp, labels, 4, 2, { reduction: "sum" }).itemSync()).toBeCloseTo(-Math.log(total), 5);
  });

  test("labels without an alignment cost Infinity, or nothing, and no NaN", () => {
    const x = randn(3, 2, 4).requiresGrad_();
    const lengths = int32([3, 3]);
    const targets = int32([1, 1, 2, 3]);
    const loss = F.ctcLoss(x.logSoftmax(-1), targets, lengths, int32([3, 1]), { reduction: "none" });
    expect(Array.from(loss.dataSync(), Number.isFinite)).toEqual([false, true]);
    F.ctcLoss(x.logSoftmax(-1), targets, lengths, [3, 1], { zeroInfinity: true }).backward();
    expect(x.grad?.at(":", 0).abs().sum().itemSync()).toBe(0);
    expect(x.grad?.isfinite().all().itemSync()).toBe(1);
  });

  test("values by hand", () => {
    const item = (x: Tensor): number => x.itemSync();
    expect(item(F.hingeEmbeddingLoss(tensor([0.25, 0.25]), tensor([1, -1])))).toBe(0.5);
    expect(item(F.marginRankingLoss(tensor([2]), tensor([1]), int32([-1]), { margin: 0.5 }))).toBe(1.5);
    expect(item(F.tripletMarginLoss(tensor([0, 0]), tensor([3, 4]), tensor([0, 1]), { eps: 0 }))).toBe(5);
    expect(
      item(F.tripletMarginLoss(tensor([0, 0]), tensor([3, 4]), tensor([0, 6]), { eps: 0, swap: true })),
    ).toBeCloseTo(5 - Math.hypot(3, 2) + 1, 5);
    expect(item(F.softMarginLoss(tensor([1000, -1000]), tensor([1, 1]), { reduction: "sum" }))).toBe(1000);
    expect(item(F.multiMarginLoss(tensor([[1, 3, 0]]), [0]))).toBe(1);
    expect(item(F.multilabelMarginLoss(tensor([[0.5, 1, 0, 2]]), [[3, 0, -1, 1]]))).toBeCloseTo((1.5 + 0.5) / 4, 6);
    expect(item(F.poissonNllLoss(tensor([0]), tensor([3])))).toBe(1);
    expect(item(F.gaussianNllLoss(tensor([1]), tensor([3]), tensor([1])))).toBe(2);
    expect(item(F.cosineEmbeddingLoss(tensor([1, 0]), tensor([0, 2]), tensor(1)))).toBe(1);
  });
});

test("a variance below eps is cut, and still gets its gradient", () => {
  const variance = tensor([0], { requiresGrad: true });
  const loss = F.gaussianNllLoss(tensor([0]), tensor([0]), variance, { eps: 0.5 });
  loss.backward();
  expect(loss.itemSync()).toBeCloseTo(Math.log(0.5) / 2, 6);
  expect(variance.grad?.itemSync()).toBeCloseTo(1, 6);
});

test("classes do what functions do, and keep weights in their state", () => {
  const [x, y] = [randn(3, 4), randn(3, 4)];
  const same = (a: Tensor, b: Tensor): void => expect(a.dataSync()).toEqual(b.dataSync());
  same(new nn.TripletMarginLoss({ margin: 2 }).forward(x, y, x), F.tripletMarginLoss(x, y, x, { margin: 2 }));
  const distanceFunction = (a: Tensor, b: Tensor): Tensor => a.sub(b).abs().sum(-1);
  same(
    new nn.TripletMarginWithDistanceLoss({ distanceFunction }).forward(x, y, x),
    F.tripletMarginWithDistanceLoss(x, y, x, { distanceFunction }),
  );
  const loss = new nn.MultiMarginLoss({ weight: tensor([1, 2, 3, 4]) });
  expect(Object.keys(loss.stateDict())).toEqual(["weight"]);
  same(loss.forward(x, [0, 1, 2]), F.multiMarginLoss(x, [0, 1, 2], { weight: tensor([1, 2, 3, 4]) }));
});

test("mistakes are named where the loss is written", () => {
  expect(() => F.cosineEmbeddingLoss(zeros(3, 2), zeros(3, 2), ones(2))).toThrow("inputs [N, D] take a target [N]");
  expect(() => F.marginRankingLoss(zeros(3, 2), zeros(3, 2), ones(3))).toThrow("must have the same shape");
  expect(() => F.tripletMarginLoss(zeros(3, 2), zeros(2), zeros(3, 2))).toThrow("equally many dims");
  expect(() => F.multiMarginLoss(zeros(2, 3), [0, 3])).toThrow("label out of range");
  expect(() => F.multiMarginLoss(zeros(2, 3), [0, 1], { p: 3 })).toThrow("p must be 1 or 2");
  expect(() => F.gaussianNllLoss(zeros(2, 3), zeros(2, 3), zeros(3))).toThrow("the variance have its shape");
  expect(() => F.gaussianNllLoss(zeros(2), zeros(2), tensor([1, -1]))).toThrow("must not be negative: found -1");
  expect(() => new nn.PoissonNLLLoss({ reduction: "avg" as "mean" })).toThrow('unknown reduction "avg"');
  const logp = zeros(4, 2, 3);
  expect(() => F.ctcLoss(logp, [[1], [2]], [4, 5], [1, 1])).toThrow("inputLengths must be from 0 to 4: row 1 has 5");
  expect(() => F.ctcLoss(logp, [1, 2, 1], [4, 4], [1, 1])).toThrow("all labels one behind the other");
  expect(() => F.ctcLoss(logp, [[1], [3]], [4, 4], [1, 1])).toThrow("label out of range");
  expect(() => F.ctcLoss(logp, [[1], [2]], [4, 4], [1])).toThrow("targetLengths must have one element for each row");
});
