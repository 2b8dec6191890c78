import { describe, expect, test } from "vitest";
import * as activation from "../../src/ops/composite/activation.ts";
import { kit } from "../../src/ops/kit.ts";
import { bool, float64, int32, tensor, uint8 } from "../../src/tensor/creation.ts";
import * as fn from "../../src/tensor/functions.ts";
import { StoredTensor } from "../../src/tensor/stored.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import { Inner, inner } from "../../src/tensor/inner.ts";
import { currentEngine, setDefaultDevice } from "../../src/tensor/engines.ts";
import { expectGradients, gradientOf } from "./gradient.ts";

// The reference device: values here are those of the records and composites.
setDefaultDevice("js");

const freeFunctions = new Map(Object.entries(fn)) as unknown as ReadonlyMap<string, (x: Tensor) => Tensor>;

function near(x: Tensor, want: number[]): void {
  const got = Array.from(x.dataSync());
  expect(got.length).toBe(want.length);
  got.forEach((value, i) => {
    const to = want[i] as number;
    const close = Math.abs(value - to) <= 2e-6 * Math.max(1, Math.abs(to));
    expect(close || Object.is(value, to), `${value} against ${to}`).toBe(true);
  });
}

describe("arithmetic", () => {
  test("broadcasts and promotes", () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    expect(x.add(tensor([10, 20])).arraySync()).toEqual([
      [11, 22],
      [13, 24],
    ]);
    expect(x.sub(1, { alpha: 2 }).arraySync()).toEqual([
      [-1, 0],
      [1, 2],
    ]);
    expect(x.rsub(10, { alpha: 2 }).arraySync()).toEqual([
      [8, 6],
      [4, 2],
    ]);
    expect(int32([1, 2]).add(1).dtype).toBe("int32");
    expect(int32([1, 2]).add(1.5).arraySync()).toEqual([2.5, 3.5]);
    expect(
      int32([1, 2])
        .add(uint8([255, 1]))
        .arraySync(),
    ).toEqual([256, 3]);
    expect(uint8([255]).add(1).arraySync()).toEqual([0]);
    expect(
      bool([true, false])
        .add(bool([true, false]))
        .arraySync(),
    ).toEqual([1, 0]);
    expect(bool([true, true]).mul(bool([true, false])).dtype).toBe("bool");
    expect(int32([7]).div(2).arraySync()).toEqual([3.5]);
  });

  test("whole quotients and remainders", () => {
    const a = [7, -7, 7, -7];
    const b = [2, 2, -2, -2];
    for (const make of [int32, tensor]) {
      const [x, y] = [make(a), make(b)];
      expect(x.div(y, { rounding: "trunc" }).arraySync()).toEqual([3, -3, -3, 3]);
      expect(x.div(y, { rounding: "floor" }).arraySync()).toEqual([3, -4, -4, 3]);
      expect(x.floorDivide(y).arraySync()).toEqual([3, -4, -4, 3]);
      expect(x.remainder(y).arraySync()).toEqual([1, 1, -1, -1]);
      expect(x.fmod(y).arraySync()).toEqual([1, -1, 1, -1]);
      expect(x.floorDivide(y).dtype).toBe(x.dtype);
    }
    expect(tensor([1, 0, -1]).floorDivide(0).arraySync()).toEqual([Infinity, NaN, -Infinity]);
    // 1 / 0.1 is 10 when rounded, and yet ten times the number 0.1 is more than 1.
    expect(float64([1]).floorDivide(0.1).arraySync()).toEqual([9]);
  });

  test("powers", () => {
    const x = tensor([0.5, 2, 3]);
    for (const e of [0, 1, 2, 3, -1, 0.5, -0.5, 2.5, -2]) {
      near(
        x.pow(e),
        [0.5, 2, 3].map((v) => v ** e),
      );
      expectGradients((y) => y.pow(e), [0.5, 2, 3]);
    }
    expect(gradientOf((y) => y.pow(0), [0, 2])).toEqual([0, 0]);
    expect(int32([2, -3]).pow(3).arraySync()).toEqual([8, -27]);
    expect(int32([2, -3]).pow(5).arraySync()).toEqual([32, -243]);
    expect(int32([4]).pow(0.5).dtype).toBe("float32");
    expect(() => int32([2]).pow(-1)).toThrow(/^pow: an integer to a negative power .* \(cast with float\(\) first\)$/);
    expectGradients((a, b) => a.pow(b), [0.5, 2], [1.5, -2]);
    expect(fn.pow(2, tensor([3, -1])).arraySync()).toEqual([8, 0.5]);
  });

  test("number operands compile once", () => {
    const x = tensor([1, 2, 3]);
    const engine = currentEngine();
    x.mul(0.1).dataSync();
    const plans = engine.stats.plans;
    for (let i = 2; i < 8; i++) x.mul(i / 10 + 0.05).dataSync();
    expect(engine.stats.plans).toBe(plans);
  });

  test("says what is wrong", () => {
    expect(() => tensor([1, 2]).add(tensor([1, 2, 3]))).toThrow(/^add: shapes do not broadcast: \[2\] and \[3\]/);
    expect(() => bool([true]).sub(bool([true]))).toThrow(/^sub: does not take this dtype: dtype bool \(use logicalXor/);
    expect(() => bool([true]).neg()).toThrow(/^neg: .*logicalNot/);
    expect(() => tensor([1]).div(2, { rounding: "up" as "floor" })).toThrow(/^div: unknown rounding "up"/);
    expect(() => tensor([1]).div(2, { mode: "floor" } as object)).toThrow(/^div: unknown option "mode"/);
    expect(() => tensor([1]).add(float64([1]))).toThrow(/float32 and float64 do not mix/);
    expect(() => tensor([1]).clamp()).toThrow(/^clamp: needs a bound/);
    expect(() => tensor([1]).bitwiseAnd(tensor([1]))).toThrow(/^bitwiseAnd: .*float32/);
    expect(() => tensor([1]).where(tensor([1]), 0)).toThrow(/^where: the condition must be a bool tensor: got float32/);
    expect(() => tensor([1]).to("half" as "bool")).toThrow(/^to: unknown dtype "half"/);
    expect(() => tensor([1]).isclose(1, { rtol: -1 })).toThrow(/^isclose: rtol must not be negative: got -1$/);
    expect(() => fn.add("x" as unknown as number, 1)).toThrow(/^add: takes tensors and numbers: got "x"/);
  });
});

describe("functions of one element", () => {
  const functions = [
    ["exp", Math.exp, [-1, 0.3, 2]],
    ["exp2", (x: number) => 2 ** x, [-1, 0.3, 2]],
    ["expm1", Math.expm1, [-1, 1e-6, 2]],
    ["log", Math.log, [0.2, 1, 7]],
    ["log2", Math.log2, [0.2, 1, 7]],
    ["log10", Math.log10, [0.2, 1, 7]],
    ["log1p", Math.log1p, [-0.5, 1e-6, 7]],
    ["sqrt", Math.sqrt, [0.2, 1, 7]],
    ["rsqrt", (x: number) => 1 / Math.sqrt(x), [0.2, 1, 7]],
    ["reciprocal", (x: number) => 1 / x, [0.2, -1, 7]],
    ["square", (x: number) => x * x, [0.2, -1, 7]],
    ["abs", Math.abs, [0.2, -1, 7]],
    ["neg", (x: number) => -x, [0.2, -1, 7]],
    ["sin", Math.sin, [0.2, -1, 7]],
    ["cos", Math.cos, [0.2, -1, 7]],
    ["tan", Math.tan, [0.2, -1, 1.3]],
    ["asin", Math.asin, [0.2, -0.9, 0.5]],
    ["acos", Math.acos, [0.2, -0.9, 0.5]],
    ["atan", Math.atan, [0.2, -1, 7]],
    ["sinh", Math.sinh, [0.2, -1, 3]],
    ["cosh", Math.cosh, [0.2, -1, 3]],
    ["tanh", Math.tanh, [0.2, -1, 3]],
    ["asinh", Math.asinh, [0.2, -1, 3]],
    ["acosh", Math.acosh, [1.2, 2, 3]],
    ["atanh", Math.atanh, [0.2, -0.9, 0.5]],
    ["sigmoid", (x: number) => 1 / (1 + Math.exp(-x)), [0.2, -5, 3]],
    ["sinc", (x: number) => Math.sin(Math.PI * x) / (Math.PI * x), [0.2, -1.4, 2.6]],
    ["deg2rad", (x: number) => (x * Math.PI) / 180, [90, -45, 1]],
    ["rad2deg", (x: number) => (x * 180) / Math.PI, [1, -0.2, 3]],
    ["frac", (x: number) => x - Math.trunc(x), [1.25, -0.2, 3.5]],
    ["logit", (x: number) => Math.log(x / (1 - x)), [0.1, 0.5, 0.9]],
    ["silu", (x: number) => x / (1 + Math.exp(-x)), [0.2, -5, 3]],
    ["relu", (x: number) => Math.max(x, 0), [0.2, -5, 3]],
  ] as const;

  test.each(functions)("%s: value, gradient, integers", (name, f, points) => {
    const want = points.map(f);
    near(tensor([...points])[name](), want);
    expectGradients((x) => x[name](), [...points]);
    const free = freeFunctions.get(name) ?? ((x: Tensor) => x[name]());
    near(free(tensor([...points])), want);
  });

  test("integers become float32, or stay integers", () => {
    for (const name of ["exp", "log", "sqrt", "sin", "sigmoid", "erf", "sinc", "reciprocal", "silu"] as const) {
      expect(int32([1])[name]().dtype).toBe("float32");
    }
    for (const name of ["abs", "neg", "square", "sign", "relu", "floor"] as const) {
      expect(int32([1])[name]().dtype).toBe("int32");
    }
    expect(() => int32([1]).frac()).toThrow(/^frac: does not take this dtype: dtype int32/);
    expect(tensor([-2, -0, NaN, 3]).sign().arraySync()).toEqual([-1, -0, 0, 1]);
  });

  test("special functions", () => {
    near(tensor([0, 0.5]).erf(), [0, 0.5204999]);
    near(tensor([0, 0.5]).erfc(), [1, 0.4795001]);
    near(tensor([1, 5]).lgamma(), [0, Math.log(24)]);
    near(tensor([1, 2]).digamma(), [-0.5772157, 0.4227843]);
    near(tensor([0, 1]).sinc(), [1, 0]);
    expect(gradientOf((x) => x.sinc(), [0])).toEqual([0]);
    near(fn.polygamma(1, tensor([1, 2])), [Math.PI ** 2 / 6, Math.PI ** 2 / 6 - 1]);
    near(tensor([2.5]).mvlgamma(2), [Math.log(Math.sqrt(Math.PI) * 1.329340388) + 0]);
    expect(() => fn.polygamma(-1, tensor([1]))).toThrow(/^polygamma: n must be a whole number from 0: got -1$/);
    for (const name of ["erf", "erfc", "lgamma", "digamma"] as const) expectGradients((x) => x[name](), [0.4, 1.3]);
    near(tensor([-1, 2]).logit({ eps: 0.1 }), [Math.log(1 / 9), Math.log(9)]);
  });

  test("rounding", () => {
    const x = tensor([-1.5, -0.5, 0.5, 1.5, 2.4]);
    expect(x.floor().arraySync()).toEqual([-2, -1, 0, 1, 2]);
    expect(x.ceil().arraySync()).toEqual([-1, -0, 1, 2, 3]);
    expect(x.trunc().arraySync()).toEqual([-1, -0, 0, 1, 2]);
    expect(x.round().arraySync()).toEqual([-2, -0, 0, 2, 2]);
    near(tensor([1.2345, 1.255]).round({ decimals: 1 }), [1.2, 1.3]);
    expect(tensor([1250, 1350]).round({ decimals: -2 }).arraySync()).toEqual([1200, 1400]);
    for (const name of ["floor", "ceil", "trunc", "round"] as const) {
      expect(int32([3])[name]().dtype).toBe("int32");
      expect(gradientOf((y) => y[name](), [1.3])).toEqual([0]);
    }
    expect(() => int32([1]).round({ decimals: 1 })).toThrow(/^round: does not take this dtype: dtype int32/);
    expect(() => tensor([1]).round({ decimals: 0.5 })).toThrow(/^round: decimals must be a whole number/);
  });
});

describe("functions of two", () => {
  test("values and gradients", () => {
    near(tensor([1]).atan2(tensor([-1])), [(3 * Math.PI) / 4]);
    near(
      tensor([3e30, 0])
        .hypot(tensor([4e30, 0]))
        .div(1e30),
      [5, 0],
    );
    near(tensor([1000, -Infinity]).logaddexp(tensor([1000, -Infinity])), [1000 + Math.LN2, -Infinity]);
    near(tensor([3, 0]).logaddexp2(tensor([3, 1])), [4, Math.log2(3)]);
    near(tensor([3]).ldexp(int32([-2])), [0.75]);
    expect(int32([2]).floatPower(-1).arraySync()).toEqual([0.5]);
    expect(int32([2]).floatPower(-1).dtype).toBe("float64");
    near(tensor([0, 2, 0]).xlogy(tensor([0, 3, NaN])), [0, 2 * Math.log(3), NaN]);
    near(tensor([-1, 0, 2]).heaviside(0.5), [0, 0.5, 1]);
    expect(
      tensor([1, -2])
        .copysign(tensor([-0, 3]))
        .arraySync(),
    ).toEqual([-1, 2]);
    for (const name of ["atan2", "hypot", "logaddexp", "xlogy", "maximum", "minimum", "fmax", "fmin", "div"] as const) {
      expectGradients(
        (a, b) => a[name](b),
        [0.4, -1.5, 2].map((x) => Math.abs(x)),
        [1.1, 0.7, 1.9],
      );
    }
    expectGradients((a, b) => a.remainder(b), [5.3, -5.3], [2, 1.7]);
    expectGradients((a, b) => a.fmod(b), [5.3, -5.3], [2, 1.7]);
    expectGradients((a, b, w) => a.lerp(b, w), [1, 2], [3, -4], [0.3, 0.8]);
    expectGradients((x, a, b) => x.addcmul(a, b, { value: 0.5 }), [1, 2], [3, -4], [0.3, 0.8]);
    expectGradients((x, a, b) => x.addcdiv(a, b, { value: 0.5 }), [1, 2], [3, -4], [0.3, 0.8]);
    expect(
      tensor([0, 10])
        .lerp(tensor([10, 20]), 1)
        .arraySync(),
    ).toEqual([10, 20]);
  });

  test("equal ones and NaN", () => {
    const grads = (name: "maximum" | "fmax", b: number): unknown[] => {
      const [x, y] = [tensor([1], { requiresGrad: true }), tensor([b], { requiresGrad: true })];
      x[name](y).backward();
      return [x.grad?.itemSync(), y.grad?.itemSync()];
    };
    expect(grads("maximum", 1)).toEqual([0.5, 0.5]);
    expect(grads("fmax", 1)).toEqual([1, 0]);
    expect(grads("fmax", NaN)).toEqual([1, 0]);
    expect(
      tensor([NaN, 1])
        .maximum(tensor([1, NaN]))
        .arraySync(),
    ).toEqual([NaN, NaN]);
    expect(
      tensor([NaN, 1])
        .fmin(tensor([1, NaN]))
        .arraySync(),
    ).toEqual([1, 1]);
  });

  test("clamp", () => {
    const x = [-2, -1, 0.5, 1, 3, NaN];
    expect(tensor(x).clamp(-1, 1).arraySync()).toEqual([-1, -1, 0.5, 1, 1, NaN]);
    expect(tensor(x).clamp({ max: 0 }).arraySync()).toEqual([-2, -1, 0, 0, 0, NaN]);
    expect(tensor(x).clampMin(0).arraySync()).toEqual([0, 0, 0.5, 1, 3, NaN]);
    expect(
      tensor([1, 5])
        .clamp(tensor([2, 2]), tensor([3, 3]))
        .arraySync(),
    ).toEqual([2, 3]);
    expect(tensor([1]).clamp(3, 2).arraySync()).toEqual([2]);
    expect(
      tensor([1])
        .clamp(tensor([NaN]), 2)
        .arraySync(),
    ).toEqual([NaN]);
    expect(gradientOf((y) => y.clamp(-1, 1), [-2, -1, 0.5, 1, 3])).toEqual([0, 1, 1, 1, 0]);
    expectGradients((y, a, b) => y.clamp(a, b), [-2, 0.5, 3], [-1, -1, -1], [1, 1, 1]);
    expect(int32([5]).clamp(0, 2.5).arraySync()).toEqual([2.5]);
  });
});

test("comparisons, logic and bits", () => {
  const x = tensor([1, 2, NaN]);
  expect(x.eq(2).arraySync()).toEqual([0, 1, 0]);
  expect(x.ne(2).arraySync()).toEqual([1, 0, 1]);
  expect(x.lt(2).arraySync()).toEqual([1, 0, 0]);
  expect(x.le(2).arraySync()).toEqual([1, 1, 0]);
  expect(x.gt(1).arraySync()).toEqual([0, 1, 0]);
  expect(x.ge(1).arraySync()).toEqual([1, 1, 0]);
  expect(int32([1, 2]).gt(1.5).arraySync()).toEqual([0, 1]);
  expect(
    int32([1, 2])
      .eq(bool([true, true]))
      .arraySync(),
  ).toEqual([1, 0]);
  expect(tensor([0, 2]).logicalAnd(1).arraySync()).toEqual([0, 1]);
  expect(tensor([0, 2]).logicalOr(0).arraySync()).toEqual([0, 1]);
  expect(
    tensor([0, 2])
      .logicalXor(int32([3, 3]))
      .arraySync(),
  ).toEqual([1, 0]);
  expect(tensor([0, 2]).logicalNot().arraySync()).toEqual([1, 0]);
  expect(int32([12]).bitwiseAnd(10).arraySync()).toEqual([8]);
  expect(int32([12]).bitwiseOr(10).arraySync()).toEqual([14]);
  expect(int32([12]).bitwiseXor(10).arraySync()).toEqual([6]);
  expect(int32([12]).bitwiseNot().arraySync()).toEqual([-13]);
  expect(bool([true]).bitwiseNot().arraySync()).toEqual([0]);
  expect(int32([-8]).bitwiseRightShift(1).arraySync()).toEqual([-4]);
  expect(uint8([200]).bitwiseLeftShift(1).arraySync()).toEqual([144]);
  const odd = tensor([NaN, Infinity, -Infinity, -0, 1]);
  expect(odd.isnan().arraySync()).toEqual([1, 0, 0, 0, 0]);
  expect(odd.isinf().arraySync()).toEqual([0, 1, 1, 0, 0]);
  expect(odd.isposinf().arraySync()).toEqual([0, 1, 0, 0, 0]);
  expect(odd.isneginf().arraySync()).toEqual([0, 0, 1, 0, 0]);
  expect(odd.isfinite().arraySync()).toEqual([0, 0, 0, 1, 1]);
  expect(odd.signbit().arraySync()).toEqual([0, 0, 1, 1, 0]);
  expect(int32([1]).isnan().arraySync()).toEqual([0]);
  expect(odd.nanToNum({ posinf: 9, neginf: -9 }).arraySync()).toEqual([0, 9, -9, -0, 1]);
  expect(gradientOf((y) => y.nanToNum(), [NaN, Infinity, 3])).toEqual([0, 0, 1]);
  expect(
    tensor([1, NaN, Infinity])
      .isclose(tensor([1.000001, NaN, Infinity]), { equalNan: true })
      .arraySync(),
  ).toEqual([1, 1, 1]);
  expect(
    tensor([1, NaN])
      .isclose(tensor([1.1, NaN]))
      .arraySync(),
  ).toEqual([0, 0]);
});

test("casts", () => {
  expect(tensor([1.7, -1.7, NaN]).int().arraySync()).toEqual([1, -1, 0]);
  expect(tensor([0, 0.5]).bool().arraySync()).toEqual([0, 1]);
  expect(tensor([257]).byte().arraySync()).toEqual([1]);
  expect(tensor([1]).double().dtype).toBe("float64");
  const x = tensor([1.5], { requiresGrad: true });
  x.double().mul(3).backward();
  expect(x.grad?.dtype).toBe("float32");
  expect(x.grad?.arraySync()).toEqual([3]);
  expect(x.int().requiresGrad).toBe(false);
});

test("where takes numbers on both sides", () => {
  const c = bool([true, false]);
  expect(tensor([1, 2]).where(c, 0).arraySync()).toEqual([1, 0]);
  expect(fn.where(c, 1, tensor([5, 6])).arraySync()).toEqual([1, 6]);
  expect(fn.where(c, int32([1]), 0.5).arraySync()).toEqual([1, 0.5]);
  expectGradients((a, b) => fn.where(c, a, b), [1, 2], [3, 4]);
  expect(() => tensor([1, 2, 3]).where(c, 0)).toThrow(/^where: shapes do not broadcast/);
});

test("a number on the left", () => {
  expect(
    fn
      .sub(1, tensor([0.25]))
      .log()
      .itemSync(),
  ).toBeCloseTo(Math.log(0.75));
  expect(fn.div(1, int32([4])).arraySync()).toEqual([0.25]);
  expect(fn.sub(1, int32([4])).dtype).toBe("int32");
  expect(fn.exp(0).itemSync()).toBe(1);
  expectGradients((x) => fn.div(2, x), [0.5, 3]);
});

test("a clone keeps what a stored tensor held", () => {
  const p = new StoredTensor(tensor([1, 2]), { requiresGrad: true });
  const old = p.clone();
  const moved = old.mul(10);
  p.assign(tensor([5, 5]));
  expect(p.arraySync()).toEqual([5, 5]);
  expect(old.arraySync()).toEqual([1, 2]);
  expect(moved.arraySync()).toEqual([10, 20]);
  p.clone().mul(3).sum().backward();
  expect(p.grad?.arraySync()).toEqual([3, 3]);
});

describe("activations", () => {
  const apply =
    (f: (k: typeof kit, x: Tensor[typeof inner]["value"]) => Tensor[typeof inner]["value"]) => (x: Tensor) =>
      new Tensor(new Inner(f(kit, x[inner].value), currentEngine()));
  const points = [-4, -2.5, -0.7, 0.3, 1.2, 4, 7];
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
  const softplus = (x: number): number => Math.log1p(Math.exp(x));
  const functions: [string, (x: Tensor) => Tensor, (x: number) => number][] = [
    ["elu", apply((k, x) => activation.elu(k, x, 0.8)), (x) => (x > 0 ? x : 0.8 * Math.expm1(x))],
    ["celu", apply((k, x) => activation.celu(k, x, 0.8)), (x) => (x > 0 ? x : 0.8 * Math.expm1(x / 0.8))],
    ["selu", apply(activation.selu), (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x))],
    ["leakyRelu", apply((k, x) => activation.leakyRelu(k, x, 0.1)), (x) => (x > 0 ? x : 0.1 * x)],
    ["softplus", apply((k, x) => activation.softplus(k, x, 2, 5)), (x) => (2 * x > 5 ? x : softplus(2 * x) / 2)],
    ["logsigmoid", apply(activation.logsigmoid), (x) => -softplus(-x)],
    ["hardtanh", apply((k, x) => activation.hardtanh(k, x, -1, 2)), (x) => Math.min(Math.max(x, -1), 2)],
    ["hardsigmoid", apply(activation.hardsigmoid), (x) => Math.min(Math.max(x / 6 + 0.5, 0), 1)],
    ["hardswish", apply(activation.hardswish), (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6],
    ["mish", apply(activation.mish), (x) => x * Math.tanh(softplus(x))],
    ["softsign", apply(activation.softsign), (x) => x / (1 + Math.abs(x))],
    ["tanhshrink", apply(activation.tanhshrink), (x) => x - Math.tanh(x)],
    ["hardshrink", apply((k, x) => activation.hardshrink(k, x, 0.5)), (x) => (Math.abs(x) > 0.5 ? x : 0)],
    [
      "softshrink",
      apply((k, x) => activation.softshrink(k, x, 0.5)),
      (x) => Math.sign(x) * Math.max(Math.abs(x) - 0.5, 0),
    ],
    ["threshold", apply((k, x) => activation.threshold(k, x, 0.5, -3)), (x) => (x > 0.5 ? x : -3)],
    ["silu", (x) => x.silu(), (x) => x * sigmoid(x)],
    [
      "gelu tanh",
      (x) => x.gelu({ approximate: "tanh" }),
      (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
    ],
  ];

  test.each(functions)("%s", (_, f, want) => {
    near(f(tensor(points)), points.map(want));
    expectGradients(f, points);
  });

  test("gelu, prelu, glu", () => {
    near(tensor([-1, 0, 1]).gelu(), [-0.158655, 0, 0.841345]);
    expectGradients((x) => x.gelu(), points);
    expectGradients(
      (x, w) => new Tensor(new Inner(activation.prelu(kit, x[inner].value, w[inner].value), currentEngine())),
      points,
      [0.2],
    );
    expectGradients(
      apply((k, x) => activation.glu(k, x, 0)),
      [1, 2, 0.3, -1],
    );
    expect(() => tensor([1]).gelu({ approximate: "exact" as "none" })).toThrow(/^gelu: unknown approximation "exact"/);
  });

  test("kinks have PyTorch's gradients", () => {
    const at = (f: (x: Tensor) => Tensor, x: number): unknown => (gradientOf(f, [x]) as number[])[0];
    expect(at((x) => x.relu(), 0)).toBe(0);
    expect(at((x) => x.abs(), 0)).toBe(0);
    expect(
      at(
        apply((k, x) => activation.elu(k, x, 0.5)),
        0,
      ),
    ).toBe(0.5);
    expect(
      at(
        apply((k, x) => activation.leakyRelu(k, x, 0.25)),
        0,
      ),
    ).toBe(0.25);
    expect(
      at(
        apply((k, x) => activation.hardtanh(k, x, -1, 1)),
        1,
      ),
    ).toBe(0);
    expect(at(apply(activation.hardsigmoid), -3)).toBe(0);
    expect(at(apply(activation.hardswish), -3)).toBeCloseTo(-0.5);
    expect(at(apply(activation.hardswish), 3)).toBeCloseTo(1.5);
    expect(at(apply(activation.logsigmoid), 0)).toBe(0.5);
    expect(
      at(
        apply((k, x) => activation.softplus(k, x, 1, 20)),
        0,
      ),
    ).toBe(0.5);
    expect(
      at(
        apply((k, x) => activation.elu(k, x, 1)),
        1e4,
      ),
    ).toBe(1);
    expect(
      at(
        apply((k, x) => activation.softplus(k, x, 1, 20)),
        1e4,
      ),
    ).toBe(1);
  });

  test("softmax is stable, along any dim", () => {
    near(
      tensor([
        [1000, 1000],
        [0, 1],
      ]).softmax(1),
      [0.5, 0.5, 1 / (1 + Math.E), Math.E / (1 + Math.E)],
    );
    near(
      tensor([
        [1000, 1000],
        [0, 1],
      ]).softmax(0),
      [1, 1, 0, 0],
    );
    near(tensor([1000, 0]).logSoftmax(-1), [0, -1000]);
    expect(tensor(3).softmax(0).itemSync()).toBe(1);
    expect(int32([1, 1]).softmax(0).arraySync()).toEqual([0.5, 0.5]);
    expect(int32([1, 1]).softmax(0, { dtype: "float64" }).dtype).toBe("float64");
    expectGradients(
      (x) => x.softmax(1),
      [
        [1, 2, 0.5],
        [0, -1, 3],
      ],
    );
    expectGradients(
      (x) => x.logSoftmax(0),
      [
        [1, 2, 0.5],
        [0, -1, 3],
      ],
    );
    expect(() => tensor([1]).softmax(1)).toThrow(/^softmax: dim out of range: dim 1 of a tensor with 1 dims/);
  });
});
