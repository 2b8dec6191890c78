import { describe, expect, test } from "vitest";
import { bool, float64, int32, tensor, uint8, zeros } from "../../src/tensor/creation.ts";
import { setDefaultDevice } from "../../src/tensor/engines.ts";
import * as fn from "../../src/tensor/functions.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { expectGradients, gradientOf } from "./gradient.ts";

// The reference device: values here are those of the records and composites.
setDefaultDevice("js");

const table = [
  [1, 5, 2],
  [7, 3, 4],
];
const deep = [
  [
    [0.3, -1.2],
    [2.5, 0.7],
  ],
  [
    [1.1, 3.2],
    [-0.4, -2.2],
  ],
];

describe("sums and means", () => {
  test("dims and keepdim", () => {
    const x = tensor(table);
    expect(x.sum().itemSync()).toBe(22);
    expect(x.sum(0).arraySync()).toEqual([8, 8, 6]);
    expect(x.sum(-1, { keepdim: true }).arraySync()).toEqual([[8], [14]]);
    expect(x.sum([0, 1], { keepdim: true }).arraySync()).toEqual([[22]]);
    expect(x.sum([]).shape).toEqual([]);
    expect(x.sum({ keepdim: true }).shape).toEqual([1, 1]);
    expect(x.sum(null).itemSync()).toBe(22);
    expect(x.mean(1).arraySync()).toEqual([8 / 3, 14 / 3].map(Math.fround));
    expect(x.prod(0).arraySync()).toEqual([7, 15, 8]);
    expect(tensor(5).sum(0).itemSync()).toBe(5);
    expect(zeros(0, 2).sum(0).arraySync()).toEqual([0, 0]);
    expect(zeros(0).mean().itemSync()).toBeNaN();
    expect(fn.sum(x, 0).arraySync()).toEqual([8, 8, 6]);
  });

  test("dtypes", () => {
    expect(uint8([200, 100]).sum().itemSync()).toBe(300);
    expect(bool([true, true]).sum().dtype).toBe("int32");
    expect(bool([true, true]).prod().dtype).toBe("int32");
    expect(int32([1, 2]).sum(0, { dtype: "float32" }).dtype).toBe("float32");
    expect(int32([1, 2]).mean(0, { dtype: "float64" }).itemSync()).toBe(1.5);
    expect(() => int32([1, 2]).mean()).toThrow(
      /^mean: takes floating tensors: dtype int32 \(cast with float\(\) first\)$/,
    );
    expect(() => int32([1, 2]).var()).toThrow(/^var: takes floating tensors/);
  });

  test("gradients", () => {
    for (const dims of [undefined, 0, [0, 2], -1]) {
      for (const name of [
        "sum",
        "mean",
        "prod",
        "var",
        "std",
        "logsumexp",
        "amax",
        "amin",
        "nansum",
        "nanmean",
      ] as const) {
        expectGradients((x) => x[name](dims), deep);
      }
      for (const p of [1, 2, 3, 2.5, -1, Infinity, -Infinity]) expectGradients((x) => x.norm(p, dims), deep);
    }
    expect(gradientOf((x) => x.prod(), [0, 2, 3])).toEqual([6, 0, 0]);
    expect(gradientOf((x) => x.prod(), [0, 2, 0])).toEqual([0, 0, 0]);
    expect(gradientOf((x) => x.std(), [2, 2])).toEqual([0, 0]);
    expect(gradientOf((x) => x.norm(), [0, 0])).toEqual([0, 0]);
    expect(gradientOf((x) => x.norm(0.5), [0, 4])).toEqual([0, 1]);
    expect(gradientOf((x) => x.amax(), [2, 2, 1])).toEqual([0.5, 0.5, 0]);
  });

  test("variance", () => {
    const x = tensor([1, 2, 3, 4]);
    expect(x.var().itemSync()).toBeCloseTo(5 / 3);
    expect(x.var({ correction: 0 }).itemSync()).toBe(1.25);
    expect(x.std(0, { correction: 0, keepdim: true }).arraySync()).toEqual([Math.fround(Math.sqrt(1.25))]);
    const [v, m] = x.varMean();
    expect([v.itemSync(), m.itemSync()]).toEqual([Math.fround(5 / 3), 2.5]);
    const [s, n] = x.stdMean(0, { correction: 0 });
    expect([s.itemSync(), n.itemSync()]).toEqual([Math.fround(Math.sqrt(1.25)), 2.5]);
    expect(tensor([3]).var().itemSync()).toBeNaN();
    expect(fn.variance(x).itemSync()).toBeCloseTo(5 / 3);
    // 1e4 plus little is hard for a formula with the sum of squares.
    expect(tensor([10000, 10001, 10002]).var().itemSync()).toBe(1);
  });

  test("norms and logsumexp", () => {
    const x = tensor([3, -4, 0]);
    expect(x.norm().itemSync()).toBe(5);
    expect(x.norm("fro").itemSync()).toBe(5);
    expect(x.norm(1).itemSync()).toBe(7);
    expect(x.norm(0).itemSync()).toBe(2);
    expect(x.norm(Infinity).itemSync()).toBe(4);
    expect(x.norm(-Infinity).itemSync()).toBe(0);
    expect(x.norm(3).itemSync()).toBeCloseTo(91 ** (1 / 3), 5);
    expect(tensor(table).norm(2, 0).shape).toEqual([3]);
    expect(x.dist(tensor([3, 0, 3])).itemSync()).toBe(5);
    expectGradients((a, b) => a.dist(b, { p: 3 }), [1, 2], [3, -1]);
    expect(tensor([1000, 1000]).logsumexp().itemSync()).toBeCloseTo(1000 + Math.LN2, 3);
    expect(tensor([-Infinity, -Infinity]).logsumexp(0).itemSync()).toBe(-Infinity);
    expect(tensor([Infinity, 0]).logsumexp(0).itemSync()).toBe(Infinity);
  });

  test("any, all, counts, NaN", () => {
    const x = tensor([
      [0, 1],
      [0, NaN],
    ]);
    expect(x.any(0).arraySync()).toEqual([0, 1]);
    expect(x.all(0).arraySync()).toEqual([0, 1]);
    expect(x.any().dtype).toBe("bool");
    expect(zeros(0).any().itemSync()).toBe(0);
    expect(zeros(0).all().itemSync()).toBe(1);
    expect(bool([true, false]).all().itemSync()).toBe(0);
    expect(x.countNonzero(1).arraySync()).toEqual([1, 1]);
    expect(x.countNonzero().dtype).toBe("int32");
    expect(x.nansum().itemSync()).toBe(1);
    expect(x.nanmean().itemSync()).toBe(Math.fround(1 / 3));
    expect(gradientOf((y) => y.nanmean(), [1, NaN, 3])).toEqual([0.5, 0, 0.5]);
  });

  test("equal and allclose", async () => {
    const x = tensor(table);
    expect(await x.equal(tensor(table))).toBe(true);
    expect(await x.equal(x.add(1))).toBe(false);
    expect(await x.equal(x.sum(0))).toBe(false);
    expect(await x.allclose(x.add(1e-6))).toBe(true);
    expect(await x.allclose(x.add(1e-3))).toBe(false);
    expect(await x.allclose(x.add(1e-3), { atol: 1e-2 })).toBe(true);
  });

  test("says what is wrong", () => {
    const x = tensor(table);
    expect(() => x.sum(2)).toThrow(
      /^sum: dim out of range: dim 2 of a tensor with 2 dims \(use a whole number from -2 to 1\)$/,
    );
    expect(() => x.amax([0, -2])).toThrow(/^amax: the same dim twice/);
    expect(() => x.sum(0, { keepDim: true } as object)).toThrow(
      /^sum: unknown option "keepDim" \(did you mean "keepdim"\?\)$/,
    );
    expect(() => x.std({ unbiased: true } as object)).toThrow(/^std: unknown option "unbiased"/);
    expect(() => x.norm("nuc" as "fro")).toThrow(/^norm: p must be a number: got "nuc"$/);
    expect(() => x.sum(0, { dtype: "int" as "int32" })).toThrow(
      /^sum: unknown dtype "int" \(did you mean "int32"\?\)$/,
    );
  });
});

describe("extremes", () => {
  test("of all, and along a dim with positions", () => {
    const x = tensor(table);
    expect(x.max().itemSync()).toBe(7);
    expect(x.min().itemSync()).toBe(1);
    const { values, indices } = x.max(0);
    expect(values.arraySync()).toEqual([7, 5, 4]);
    expect(indices.arraySync()).toEqual([1, 0, 1]);
    expect(indices.dtype).toBe("int32");
    expect(x.min(-1, { keepdim: true }).indices.arraySync()).toEqual([[0], [1]]);
    expect(fn.max(x, 0).values.arraySync()).toEqual([7, 5, 4]);
    expect(x.argmax().itemSync()).toBe(3);
    expect(x.argmax(1).arraySync()).toEqual([1, 0]);
    expect(x.argmin(0, { keepdim: true }).arraySync()).toEqual([[0, 1, 0]]);
    expect(x.argmax({ keepdim: true }).shape).toEqual([1, 1]);
    expect(tensor([1, NaN, NaN]).argmax().itemSync()).toBe(1);
    expect(tensor([1, NaN]).min().itemSync()).toBeNaN();
    const both = x.aminmax(0);
    expect([both.min.arraySync(), both.max.arraySync()]).toEqual([
      [1, 3, 2],
      [7, 5, 4],
    ]);
    expect(bool([true, false]).max().dtype).toBe("bool");
    expect(bool([true, false]).max(0).indices.itemSync()).toBe(0);
    expect(tensor(4).max(0).values.shape).toEqual([]);
    expect(tensor(4).max(0, { keepdim: true }).indices.shape).toEqual([]);
    expect(int32([-5, -7]).max().itemSync()).toBe(-5);
  });

  test("gradients go to what was chosen", () => {
    expect(gradientOf((x) => x.max(0).values, [3, 7, 7])).toEqual([0, 1, 0]);
    expect(gradientOf((x) => x.max(), [3, 7, 7])).toEqual([0, 0.5, 0.5]);
    expectGradients((x) => x.min(1).values, deep);
    expectGradients((x) => x.aminmax(2).max, deep);
  });

  test("of nothing throw", () => {
    expect(() => zeros(0).max()).toThrow(/^max: there is no element to choose: dim 0 of \[0\] is empty/);
    expect(() => zeros(2, 0).max(1)).toThrow(/^max: there is no element to choose/);
    expect(zeros(2, 0).max(0).values.shape).toEqual([0]);
    expect(() => zeros(0).argmin()).toThrow(/^argmin: there is no element/);
    expect(() => zeros(0, 3).aminmax()).toThrow(/^aminmax: there is no element/);
    expect(() => zeros(0).median()).toThrow(/^median: there is no element/);
    expect(() => tensor([1]).max(2)).toThrow(/^max: dim out of range/);
  });
});

describe("order", () => {
  test("median and k-th value", () => {
    expect(tensor([4, 1, 3, 2]).median().itemSync()).toBe(2);
    expect(tensor([4, NaN, 3]).median().itemSync()).toBeNaN();
    const m = tensor(table).median(1);
    expect([m.values.arraySync(), m.indices.arraySync()]).toEqual([
      [2, 4],
      [2, 2],
    ]);
    expect(
      tensor([[1, NaN, NaN]])
        .median(1)
        .indices.arraySync(),
    ).toEqual([1]);
    expect(gradientOf((x) => x.median(), [1, 2, 2, 5])).toEqual([0, 0.5, 0.5, 0]);
    expectGradients((x) => x.median(0).values, deep);
    expect(tensor([4, NaN, 3, 1]).nanmedian().itemSync()).toBe(3);
    expect(tensor([NaN, NaN]).nanmedian().itemSync()).toBeNaN();
    expect(
      tensor([
        [4, NaN, 3, 1],
        [2, 1, 5, 7],
      ])
        .nanmedian(1)
        .indices.arraySync(),
    ).toEqual([2, 0]);
    expect(gradientOf((x) => x.nanmedian(), [1, 2, NaN, 2, 5])).toEqual([0, 0.5, 0, 0.5, 0]);
    expect(tensor([5, 1, 3]).kthvalue(2).indices.itemSync()).toBe(2);
    expect(tensor(table).kthvalue(1, 0, { keepdim: true }).values.arraySync()).toEqual([[1, 3, 2]]);
    expect(() => tensor([1, 2]).kthvalue(3)).toThrow(/^kthvalue: k must be a whole number from 1 to 2: got 3$/);
  });

  test("sort, argsort, topk", () => {
    const { values, indices } = tensor(table).sort();
    expect(values.arraySync()).toEqual([
      [1, 2, 5],
      [3, 4, 7],
    ]);
    expect(indices.arraySync()).toEqual([
      [0, 2, 1],
      [1, 2, 0],
    ]);
    expect(tensor(table).sort(0, { descending: true }).values.arraySync()).toEqual([
      [7, 5, 4],
      [1, 3, 2],
    ]);
    expect(tensor([2, 1, 2, 1]).argsort({ descending: true, stable: true }).arraySync()).toEqual([0, 2, 1, 3]);
    expect(tensor([NaN, 1]).sort().values.arraySync()).toEqual([1, NaN]);
    expect(bool([true, false]).sort().values.dtype).toBe("bool");
    expect(tensor(3).sort().values.shape).toEqual([]);
    const top = tensor(table).topk(2);
    expect([top.values.arraySync(), top.indices.arraySync()]).toEqual([
      [
        [5, 2],
        [7, 4],
      ],
      [
        [1, 2],
        [0, 2],
      ],
    ]);
    expect(tensor(table).topk(1, 0, { largest: false }).values.arraySync()).toEqual([[1, 3, 2]]);
    expectGradients((x) => x.sort(1).values, deep);
    expectGradients((x) => x.topk(1, 0).values, deep);
    expect(() => tensor([1, 2]).topk(3)).toThrow(/^topk: k must be a whole number from 0 to 2: got 3$/);
  });
});

describe("running folds and differences", () => {
  test("values", () => {
    expect(tensor(table).cumsum(0).arraySync()).toEqual([
      [1, 5, 2],
      [8, 8, 6],
    ]);
    expect(tensor(table).cumsum(-1).arraySync()).toEqual([
      [1, 6, 8],
      [7, 10, 14],
    ]);
    expect(tensor(table).cumprod(1).arraySync()).toEqual([
      [1, 5, 10],
      [7, 21, 84],
    ]);
    expect(uint8([200, 100]).cumsum(0).arraySync()).toEqual([200, 300]);
    expect(bool([true, true]).cumprod(0).dtype).toBe("int32");
    expect(int32([1, 2]).cumsum(0, { dtype: "float32" }).dtype).toBe("float32");
    expect(tensor(3).cumsum(0).itemSync()).toBe(3);
    expect(tensor([1, 3, 2, 3, NaN, 9]).cummax(0).values.arraySync()).toEqual([1, 3, 3, 3, NaN, NaN]);
    expect(tensor([1, 3, 2, 3, NaN, 9]).cummax(0).indices.arraySync()).toEqual([0, 1, 1, 3, 4, 4]);
    expect(int32([3, 1, 2, 1]).cummin(0).indices.arraySync()).toEqual([0, 1, 1, 3]);
    expect(bool([true, false]).cummin(0).values.arraySync()).toEqual([1, 0]);
    expect(tensor([1000, 1000]).logcumsumexp(0).arraySync()).toEqual([1000, Math.fround(1000 + Math.LN2)]);
    expect(zeros(0).cumprod(0).shape).toEqual([0]);
    expect(tensor([1, 4, 9, 16]).diff().arraySync()).toEqual([3, 5, 7]);
    expect(tensor([1, 4, 9, 16]).diff({ n: 2 }).arraySync()).toEqual([2, 2]);
    expect(
      tensor([1, 4])
        .diff(0, { prepend: tensor([0]), append: int32([9, 9]) })
        .arraySync(),
    ).toEqual([1, 3, 5, 0]);
    expect(bool([true, false, false]).diff().arraySync()).toEqual([1, 0]);
    expect(tensor([1]).diff({ n: 3 }).shape).toEqual([0]);
    expect(() => tensor([[1]]).diff(1, { prepend: tensor([1]) })).toThrow(
      /^diff: what is put in front or behind must fit/,
    );
    expect(() => tensor(1).diff()).toThrow(/^diff: a 0-d tensor/);
  });

  test("gradients", () => {
    expectGradients((x) => x.cumsum(1), deep);
    expectGradients((x) => x.cumprod(1), deep);
    expectGradients((x) => x.logcumsumexp(1), deep);
    expectGradients((x) => x.cummax(2).values, deep);
    expectGradients((x) => x.cummin(0).values, deep);
    expectGradients((x) => x.cumprod(0), [2, 0, 3, 0, 1.5]);
    expectGradients((x: Tensor, y: Tensor) => x.diff(0, { n: 2, prepend: y }), [1, 4, 9], [2, 0.5]);
  });
});

test("second derivatives", () => {
  // L = Σ g² for the gradient g of var: the Hessian of var is 2 (I − 1/n) / (n − 1).
  const x = float64([1, 2, 4], { requiresGrad: true });
  x.var().backward({ createGraph: true });
  const g = x.grad as Tensor;
  x.grad = null;
  g.square().sum().backward();
  const centred = [1, 2, 4].map((v) => v - 7 / 3);
  (x.grad as unknown as Tensor).arraySync(1).forEach((v, i) => expect(v).toBeCloseTo(2 * (centred[i] as number)));
});
