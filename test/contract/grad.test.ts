/** grad(): gradients as results, and derivatives of derivatives. */
import { describe, expect, test } from "vitest";
import { float64, tensor } from "../../src/tensor/creation.ts";
import { compile } from "../../src/tensor/compile.ts";
import { grad } from "../../src/tensor/grad.ts";
import { noGrad } from "../../src/tensor/scope.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { onEachDevice } from "../devices.ts";
import { counter, parameter } from "./support.ts";

onEachDevice(() => {
  const variable = (values: number[]): Tensor => float64(values, { requiresGrad: true });

  test("gives gradients and leaves .grad alone", async () => {
    const [x, w] = [tensor([1, 2], { requiresGrad: true }), parameter([3, 4])];
    const [gx, gw] = grad(x.mul(w).sum(), [x, w]);
    expect(await gx.array()).toEqual([3, 4]);
    expect(await gw.array()).toEqual([1, 2]);
    expect(x.grad).toBeNull();
    expect(w.grad).toBeNull();
    expect(gx.requiresGrad).toBe(false);
  });

  test("with respect to an intermediate result", async () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const h = x.mul(3);
    const [gh] = grad(h.mul(h).sum(), h);
    expect(await gh.array()).toEqual([6, 12]);
  });

  test("several outputs, with gradients that come in", async () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const [gx] = grad([x.mul(2), x.sum()], x, { gradOutputs: [tensor([10, 100]), null] });
    expect(await gx.array()).toEqual([21, 201]);
  });

  test("walks only where it leads to an input", async () => {
    const [x, w] = [tensor([1, 2], { requiresGrad: true }), parameter([3, 4])];
    const h = w.mul(2);
    const loss = x.mul(h).sum();
    const [gx] = grad(loss, x);
    // The part below h was not used up.
    h.sum().backward();
    expect(await gx.array()).toEqual([6, 8]);
    expect(await w.grad?.array()).toEqual([2, 2]);
  });

  test("a graph is used once, unless it is retained", async () => {
    const x = tensor([3], { requiresGrad: true });
    const y = x.mul(x).sum();
    const [first] = grad(y, x, { retainGraph: true });
    const [second] = grad(y, x);
    expect(await first.add(second).array()).toEqual([12]);
    expect(() => grad(y, x)).toThrow(/^grad: the graph was used by an earlier backward/);
  });

  test("an unused input", async () => {
    const [x, z] = [tensor([3], { requiresGrad: true }), tensor([1], { requiresGrad: true })];
    expect(() => grad(x.mul(2), [x, z])).toThrow(/^grad: the outputs do not depend on an input: number 1.*allowUnused/);
    const [gx, gz] = grad(x.mul(2), [x, z], { allowUnused: true });
    expect(await gx?.array()).toEqual([2]);
    expect(gz).toBeNull();
  });

  test.each([
    [
      "outputs without gradients",
      () => grad(tensor([1]), parameter([1])),
      /^grad: outputs must require grad: number 0/,
    ],
    ["inputs without gradients", () => grad(parameter([1]).mul(2), tensor([1])), /^grad: inputs must require grad/],
    [
      "an output of several elements",
      () => grad(parameter([1, 2]).mul(2), parameter([1])),
      /only an output with one element/,
    ],
    [
      "a gradient of another shape",
      () => grad(parameter([1, 2]).mul(2), parameter([1]), { gradOutputs: tensor([1]) }),
      /must have the shape.*\[1\] for float32 \[2\]/,
    ],
    [
      "too many gradients",
      () => grad(parameter([1]), parameter([1]), { gradOutputs: [null, null] }),
      /one for each output: 2 for 1/,
    ],
    ["no tensor", () => grad(3 as unknown as Tensor, parameter([1])), /outputs must be tensors: got 3/],
    [
      "an unknown option",
      () => grad(parameter([1]), parameter([1]), { retain: true } as object),
      /unknown option "retain"/,
    ],
  ] as const)("refuses %s", (_, call, message) => {
    expect(call).toThrow(message);
  });

  describe("second derivatives", () => {
    test.each([
      ["x³", (x: Tensor) => x.mul(x).mul(x), (x: number) => 6 * x],
      ["sin", (x: Tensor) => x.sin(), (x: number) => -Math.sin(x)],
      ["exp(2x)", (x: Tensor) => x.mul(2).exp(), (x: number) => 4 * Math.exp(2 * x)],
      ["1/x", (x: Tensor) => x.reciprocal(), (x: number) => 2 / x ** 3],
      ["tanh", (x: Tensor) => x.tanh(), (x: number) => -2 * Math.tanh(x) * (1 - Math.tanh(x) ** 2)],
      ["sigmoid", (x: Tensor) => x.sigmoid(), (x: number) => second(x)],
      ["log", (x: Tensor) => x.log(), (x: number) => -1 / (x * x)],
      ["sqrt", (x: Tensor) => x.sqrt(), (x: number) => -0.25 * x ** -1.5],
      ["x⁵ by pow", (x: Tensor) => x.pow(5), (x: number) => 20 * x ** 3],
    ] as const)("of %s, element by element", async (_, f, expected) => {
      const points = [0.3, 0.7, 1.9];
      const x = variable(points);
      const [first] = grad(f(x).sum(), x, { createGraph: true });
      const [curve] = grad(first.sum(), x);
      const values = await curve.array(1);
      values.forEach((value, i) => expect(value).toBeCloseTo(expected(points[i] as number), 9));
    });

    const second = (x: number): number => {
      const s = 1 / (1 + Math.exp(-x));
      return s * (1 - s) * (1 - 2 * s);
    };

    test("a Hessian times a vector: of softmax cross-entropy, against differences of gradients", async () => {
      const z = [0.2, -0.5, 1.1];
      const v = [0.3, 0.7, -0.4];
      const slope = (values: number[]): Tensor => {
        const x = variable(values);
        return grad(
          x
            .logSoftmax(0)
            .mul(float64([0.1, 0.6, 0.3]))
            .sum()
            .neg(),
          x,
        )[0];
      };
      const x = variable(z);
      const [first] = grad(
        x
          .logSoftmax(0)
          .mul(float64([0.1, 0.6, 0.3]))
          .sum()
          .neg(),
        x,
        { createGraph: true },
      );
      const [product] = grad(first.mul(float64(v)).sum(), x);
      const h = 1e-5;
      const up = await slope(z.map((a, i) => a + h * (v[i] as number))).array(1);
      const down = await slope(z.map((a, i) => a - h * (v[i] as number))).array(1);
      const values = await product.array(1);
      values.forEach((value, i) => expect(value).toBeCloseTo(((up[i] as number) - (down[i] as number)) / (2 * h), 8));
    });

    test("third derivatives", async () => {
      const x = variable([0.4, 1.2]);
      const [first] = grad(x.exp().mul(x).sum(), x, { createGraph: true });
      const [next] = grad(first.sum(), x, { createGraph: true });
      const [third] = grad(next.sum(), x);
      const values = await third.array(1);
      [0.4, 1.2].forEach((p, i) => expect(values[i]).toBeCloseTo((p + 3) * Math.exp(p), 9));
    });

    test("of a product of matrices", async () => {
      const a = float64(
        [
          [1, 2],
          [3, 4],
        ],
        { requiresGrad: true },
      );
      const [first] = grad(a.matmul(a).sum(), a, { createGraph: true });
      const [curve] = grad(
        first
          .mul(
            float64([
              [1, 0],
              [0, 0],
            ]),
          )
          .sum(),
        a,
      );
      // d/da of g₀₀ = (a₀₀ + a₁₀) + (a₀₀ + a₀₁)
      expect(await curve.array()).toEqual([
        [2, 1],
        [1, 0],
      ]);
    });
  });

  test("grad inside of a compiled function", async () => {
    const f = compile((x: Tensor) => {
      const [first] = grad(x.mul(x).mul(x).sum(), x, { createGraph: true });
      return [first, grad(first.sum(), x)[0]];
    });
    const count = counter();
    for (let i = 1; i < 6; i++) {
      const [first, curve] = f(tensor([i], { requiresGrad: true }));
      expect(await first?.array()).toEqual([3 * i * i]);
      expect(await curve?.array()).toEqual([6 * i]);
    }
    expect(count.plans).toBe(1);
  });

  test("results are results: kept by the next run, and new vertices without gradients", async () => {
    const x = tensor([2], { requiresGrad: true });
    const count = counter();
    const [g] = grad(x.mul(x).sum(), x);
    const doubled = noGrad(() => g.mul(2));
    expect(await doubled.array()).toEqual([8]);
    expect(count.runs).toBe(1);
  });
});
