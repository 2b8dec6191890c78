import { describe, expect, test } from "vitest";
import * as create from "../../src/tensor/creation.ts";
import { currentEngine, setDefaultDevice } from "../../src/tensor/engines.ts";
import { bernoulli, manualSeed, rand, randLike, randint, randn, randnLike, randperm } from "../../src/tensor/random.ts";

// The reference device: values here are those of the records and composites.
setDefaultDevice("js");

const { tensor, zeros, ones, full, eye, arange, linspace, logspace } = create;

describe("data", () => {
  test("dtypes and shapes", () => {
    expect(
      tensor([
        [1, 2],
        [3, 4],
      ]).shape,
    ).toEqual([2, 2]);
    expect(tensor([true]).dtype).toBe("bool");
    expect(tensor(Int16Array.of(1)).dtype).toBe("int32");
    expect(tensor(BigInt64Array.of(5n)).arraySync()).toEqual([5]);
    expect(tensor(Float64Array.of(1, 2, 3, 4), { shape: [2, 2] }).arraySync()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(create.int32([1.7, -2]).arraySync()).toEqual([1, -2]);
    expect(create.uint8([255.9, -0.5]).arraySync()).toEqual([255, 0]);
    expect(create.int32([-2147483648, 2147483647.5]).arraySync()).toEqual([-2147483648, 2147483647]);
    expect(create.bool([0, 2]).arraySync()).toEqual([0, 1]);
    expect(create.float64([1]).dtype).toBe("float64");
    expect(create.float32(Int32Array.of(3)).dtype).toBe("float32");
  });

  test("numbers out of range are named with their place", () => {
    expect(() =>
      create.int32([
        [1, 2],
        [3, 2 ** 31],
      ]),
    ).toThrow(
      /^int32: a number does not fit int32: 2147483648 at \[1, 1\] \(int32 holds whole numbers from -2147483648 to 2147483647\)$/,
    );
    expect(() => create.int32([0, NaN])).toThrow(/^int32: a number does not fit int32: NaN at \[1\]/);
    expect(() => create.uint8([-1])).toThrow(/^uint8: a number does not fit uint8: -1 at \[0\]/);
    expect(() => create.uint8(256)).toThrow(/^uint8: a number does not fit uint8: 256 \(/);
    expect(() => create.uint8(Int8Array.of(0, 0, -3))).toThrow(/uint8: -3 at \[2\]/);
    expect(() => create.int32(Float32Array.of(1, Infinity))).toThrow(/int32: Infinity at \[1\]/);
    expect(() => create.bool([1, NaN])).toThrow(/bool: NaN at \[1\] \(NaN is neither true nor false\)/);
    expect(() => tensor([300], { dtype: "uint8" })).toThrow(/^tensor: a number does not fit uint8: 300 at \[0\]/);
    expect(() => full([2], 300, { dtype: "uint8" })).toThrow(/^full: a number does not fit uint8: 300 \(/);
    expect(tensor([1e300, NaN]).arraySync()).toEqual([Infinity, NaN]);
  });

  test("copies unless told not to", () => {
    const data = Float32Array.of(1, 2);
    const [copied, shared] = [tensor(data), tensor(data, { copy: false })];
    data[0] = 9;
    expect(copied.arraySync()).toEqual([1, 2]);
    expect(shared.arraySync()).toEqual([9, 2]);
  });

  test("says what is wrong", () => {
    expect(() => tensor([[1, 2], [3]])).toThrow(/^tensor: ragged array: row \[1\] has 1 elements, the first has 2/);
    expect(() => tensor(["a"] as unknown as number[])).toThrow(/^tensor: an element is no number: "a" at \[0\]/);
    expect(() => tensor([1, 2], { shape: [3] })).toThrow(
      /^tensor: the data does not fit the shape: 2 elements for \[3\]/,
    );
    expect(() => tensor(BigInt64Array.of(2n ** 40n))).toThrow(/does not fit int32/);
    expect(() => create.int32([1], { requiresGrad: true })).toThrow(/only floating tensors can require grad/);
    expect(() => create.int32([1], { dtype: "bool" } as object)).toThrow(/^int32: unknown option "dtype"/);
    expect(() => tensor([1], { dtype: "float" as "float32" })).toThrow(/^tensor: unknown dtype "float"/);
  });
});

describe("fillings", () => {
  test("sizes one by one or as a list", () => {
    expect(zeros(2, 3).shape).toEqual([2, 3]);
    expect(zeros([2, 3]).shape).toEqual([2, 3]);
    expect(zeros().shape).toEqual([]);
    expect(zeros([]).shape).toEqual([]);
    expect(zeros(2, { dtype: "int32" }).dtype).toBe("int32");
    expect(ones([2], { dtype: "bool" }).arraySync()).toEqual([1, 1]);
    expect(full([2], 7).arraySync()).toEqual([7, 7]);
    expect(full([1], true).dtype).toBe("bool");
    expect(full([1], 1.7, { dtype: "int32" }).arraySync()).toEqual([1]);
    const like = tensor([[1, 2]], { dtype: "float64" });
    expect(create.zerosLike(like).dtype).toBe("float64");
    expect(create.onesLike(like, { dtype: "int32" }).arraySync()).toEqual([[1, 1]]);
    expect(create.fullLike(like, 0.1).arraySync()).toEqual([[0.1, 0.1]]);
    expect(eye(2, 3).arraySync()).toEqual([
      [1, 0, 0],
      [0, 1, 0],
    ]);
    expect(eye(2, { dtype: "bool" }).dtype).toBe("bool");
    expect(eye(0).shape).toEqual([0, 0]);
  });

  test("can require grad", () => {
    const x = ones(2, { requiresGrad: true });
    x.mul(3).sum().backward();
    expect(x.grad?.arraySync()).toEqual([3, 3]);
    expect(eye(2, { requiresGrad: true }).requiresGrad).toBe(true);
    expect(() => zeros(1, { dtype: "int32", requiresGrad: true })).toThrow(/only floating/);
  });

  test("a number that changes compiles once", () => {
    full([3], 0.3).dataSync();
    const { plans } = currentEngine().stats;
    for (let i = 0; i < 5; i++) expect(full([3], 10 + i).arraySync()).toEqual([10 + i, 10 + i, 10 + i]);
    expect(currentEngine().stats.plans).toBe(plans);
  });

  test("say what is wrong", () => {
    expect(() => zeros(-1, 2)).toThrow(/^zeros: a size must be a whole number from 0: got -1$/);
    expect(() => zeros(2, { dtyp: "int32" } as object)).toThrow(
      /^zeros: unknown option "dtyp" \(did you mean "dtype"\?\)$/,
    );
    expect(() => ones("2" as unknown as number)).toThrow(/^ones: a size must be a whole number/);
    expect(() => eye(0, -3)).toThrow(/^eye: m must be a whole number from 0: got -3$/);
    expect(() => full([2], "x" as unknown as number)).toThrow(/^full/);
  });
});

describe("sequences", () => {
  test("arange", () => {
    expect(arange(4).arraySync()).toEqual([0, 1, 2, 3]);
    expect(arange(4).dtype).toBe("int32");
    expect(arange(1, 8, 3).arraySync()).toEqual([1, 4, 7]);
    expect(arange(5, 0, -2).arraySync()).toEqual([5, 3, 1]);
    expect(arange(3, { dtype: "float32" }).dtype).toBe("float32");
    expect(arange(0, 1, 0.25).arraySync()).toEqual([0, 0.25, 0.5, 0.75]);
    expect(arange(0.5, 2).dtype).toBe("float32");
    expect(arange(0).shape).toEqual([0]);
    expect(() => arange(0, 3, -2)).toThrow(/^arange: the steps do not lead to the end: from 0 to 3 by -2/);
    expect(() => arange(0, 3, 0)).toThrow(/^arange/);
    expect(() => arange(-Infinity, 1, 2)).toThrow(/^arange/);
    expect(() => arange("3" as unknown as number)).toThrow(/^arange: a bound must be a number/);
  });

  test("linspace and logspace", () => {
    expect(linspace(0, 1, 5).arraySync()).toEqual([0, 0.25, 0.5, 0.75, 1]);
    expect(linspace(3, 7, 1).arraySync()).toEqual([3]);
    expect(linspace(3, 1, 3, { dtype: "int32" }).arraySync()).toEqual([3, 2, 1]);
    expect(logspace(0, 2, 3).arraySync()).toEqual([1, 10, 100]);
    expect(logspace(0, 3, 4, { base: 2 }).arraySync()).toEqual([1, 2, 4, 8]);
    expect(() => linspace(0, 1, -1)).toThrow(/^linspace: steps must be a whole number from 0: got -1$/);
  });
});

describe("random", () => {
  test("repeats by seed, and by reading twice", () => {
    manualSeed(7);
    const a = rand(5);
    const [first, again] = [a.arraySync(), a.mul(1).arraySync()];
    expect(again).toEqual(first);
    const b = rand(5).arraySync();
    expect(b).not.toEqual(first);
    manualSeed(7);
    expect(rand(5).arraySync()).toEqual(first);
    expect(() => manualSeed(0.5)).toThrow(/^manualSeed: the seed must be a whole number/);
  });

  test("a new key compiles nothing", () => {
    randn(10).dataSync();
    const { plans } = currentEngine().stats;
    for (let i = 0; i < 5; i++) randn(10).dataSync();
    expect(currentEngine().stats.plans).toBe(plans);
  });

  test.each(["float32", "float64"] as const)("distributions, %s", (dtype) => {
    manualSeed(11);
    const n = 20000;
    const u = rand(n, { dtype }).dataSync();
    expect(Math.min(...u)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...u)).toBeLessThan(1);
    const moment = (x: ArrayLike<number>, p: number): number =>
      Array.from(x).reduce((s, v) => s + v ** p, 0) / x.length;
    // Five standard errors of each mean.
    expect(Math.abs(moment(u, 1) - 1 / 2)).toBeLessThan((5 * Math.sqrt(1 / 12)) / Math.sqrt(n));
    expect(Math.abs(moment(u, 2) - 1 / 3)).toBeLessThan((5 * Math.sqrt(4 / 45)) / Math.sqrt(n));
    const z = randn(n, { dtype }).dataSync();
    expect(Math.abs(moment(z, 1))).toBeLessThan(5 / Math.sqrt(n));
    expect(Math.abs(moment(z, 2) - 1)).toBeLessThan((5 * Math.sqrt(2)) / Math.sqrt(n));
    expect(Math.abs(moment(z, 3))).toBeLessThan((5 * Math.sqrt(15)) / Math.sqrt(n));
    expect(Math.abs(moment(z, 4) - 3)).toBeLessThan((5 * Math.sqrt(96)) / Math.sqrt(n));
  });

  test("float64 has more than 24 bits", () => {
    const u = rand(50, { dtype: "float64" }).dataSync();
    expect(Array.from(u).some((x) => (x * 2 ** 24) % 1 !== 0)).toBe(true);
  });

  test("whole numbers, permutations, coins", () => {
    manualSeed(5);
    const counts = new Array<number>(6).fill(0);
    for (const x of randint(1, 7, [6000]).dataSync()) counts[x - 1] = (counts[x - 1] as number) + 1;
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(5 * Math.sqrt(1000));
    expect(randint(3, [2, 2]).dtype).toBe("int32");
    expect(randint(-5, -4, [3]).arraySync()).toEqual([-5, -5, -5]);
    const order = randperm(50).arraySync(1);
    expect(order).not.toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(bernoulli(0.25, [4000]).mean().itemSync()).toBeCloseTo(0.25, 1);
    expect(bernoulli(tensor([0, 1])).arraySync()).toEqual([0, 1]);
    expect(bernoulli(1, [2], { dtype: "bool" }).dtype).toBe("bool");
  });

  test("shapes and grad", () => {
    expect(rand(2, 3).shape).toEqual([2, 3]);
    expect(randn([3, 1], { requiresGrad: true }).requiresGrad).toBe(true);
    expect(randn(3).shape).toEqual([3]);
    expect(rand().shape).toEqual([]);
    expect(randn(0).shape).toEqual([0]);
    expect(randLike(tensor([[1]], { dtype: "float64" })).dtype).toBe("float64");
    expect(randnLike(tensor([[1, 2, 3]])).shape).toEqual([1, 3]);
  });

  test("says what is wrong", () => {
    expect(() => rand(2, { dtype: "int32" })).toThrow(/^rand: does not take this dtype: dtype int32/);
    expect(() => randint(5, 5, [1])).toThrow(/^randint: high must be a whole number from 6/);
    expect(() => randint(5, undefined as unknown as number[])).toThrow(/^randint: needs sizes as a list/);
    expect(() => bernoulli(2, [1])).toThrow(/^bernoulli: a probability is from 0 to 1: got 2$/);
    expect(() => bernoulli(create.int32([1]))).toThrow(/^bernoulli: does not take this dtype/);
    expect(() => randperm(-1)).toThrow(/^randperm: n must be a whole number from 0/);
  });
});
