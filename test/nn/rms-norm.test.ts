import { expect, test } from "vitest";
import * as F from "../../src/nn/functional.ts";
import * as nn from "../../src/nn/index.ts";
import { tensor, zeros } from "../../src/tensor/creation.ts";
import { onEachDevice } from "../devices.ts";
import { expectGradients } from "../tensor/gradient.ts";

onEachDevice(() => {
  test("values and derivatives of root mean square normalisation", () => {
    const x = tensor([
      [3, 4],
      [0, 0],
    ]);
    const norm = new nn.RMSNorm(2);
    norm.weight?.load(Float32Array.of(1, 10));
    const root = Math.sqrt(12.5 + 2 ** -23);
    const y = Array.from(norm.forward(x).dataSync());
    [3 / root, 40 / root, 0, 0].forEach((want, i) => expect(y[i]).toBeCloseTo(want, 5));
    // The epsilon is that of the dtype: x / √(x² + ε) for x = √ε is √½.
    for (const [dtype, eps] of [
      ["float32", 2 ** -23],
      ["float64", 2 ** -52],
    ] as const) {
      const small = tensor([Math.sqrt(eps)], { dtype });
      expect(F.rmsNorm(small, 1).itemSync()).toBeCloseTo(Math.SQRT1_2, 6);
    }
    const data = [
      [
        [0.3, -1.2, 0.7],
        [1.1, 0.4, -0.5],
      ],
      [
        [2, 0.1, -0.3],
        [0.9, -0.8, 0.2],
      ],
    ];
    expectGradients((v, w) => F.rmsNorm(v, [2, 3], w, { eps: 0.1 }), data, data[1] as number[][]);
    expectGradients((v) => F.rmsNorm(v, 3), data);
  });
});

test("a module of root mean square normalisation", () => {
  const norm = new nn.RMSNorm([2, 3], { elementwiseAffine: false, eps: 1e-5 });
  expect([norm.weight, norm.eps, String(norm)]).toEqual([null, 1e-5, "RMSNorm([2, 3])"]);
  expect(Object.keys(new nn.RMSNorm(4).stateDict())).toEqual(["weight"]);
  expect(() => norm.forward(zeros(3, 2))).toThrow("rmsNorm: the last dims of the input must be normalizedShape");
});
