/** Attention: masks, layouts, added places, and derivatives in float64. */
import { describe, expect, test } from "vitest";
import * as nn from "../../src/nn/index.ts";
import { full, ones, tensor, zeros } from "../../src/tensor/creation.ts";
import { cat } from "../../src/tensor/joining.ts";
import { manualSeed, randn } from "../../src/tensor/random.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { onEachDevice } from "../devices.ts";
import { expectGradients } from "../tensor/gradient.ts";
import { numbers } from "./numbers.ts";

const F = nn.functional;

/** Numbers that look random, the same each time. */
function some(seed: number, ...shape: number[]): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(Float64Array.from(numbers(size, seed)), { shape, dtype: "float64" });
}

function expectClose(actual: Tensor, expected: Tensor, tolerance = 1e-5): void {
  expect(actual.shape).toEqual(expected.shape);
  const [a, b] = [actual.dataSync(), expected.dataSync()];
  const worst = Math.max(0, ...Array.from(a, (x, i) => Math.abs(Number(x) - Number(b[i]))));
  expect(worst).toBeLessThan(tolerance);
}

/** A layer whose parameters are float64 and look random. */
function attentionOf(options?: nn.MultiheadAttentionOptions): nn.MultiheadAttention {
  const layer = new nn.MultiheadAttention(6, 2, options);
  for (const [i, parameter] of layer.parameters().entries()) {
    parameter.to_({ dtype: "float64" }).assign(some(i + 50, ...parameter.shape));
  }
  return layer;
}

onEachDevice(() => {
  describe("scaledDotProductAttention", () => {
    const inputs = (): [Tensor, Tensor, Tensor] => [some(1, 2, 3, 4), some(2, 2, 5, 4), some(3, 2, 5, 2)];
    const seen = [1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1];
    const mask = (): Tensor => tensor(seen, { shape: [3, 5] }).ne(0);

    test("a mask of bool and one that is added say the same", () => {
      const [q, k, v] = inputs();
      const allowed = mask();
      const added = allowed.logicalNot().to("float64").mul(-1e9);
      const byBool = F.scaledDotProductAttention(q, k, v, { attnMask: allowed });
      const byFloat = F.scaledDotProductAttention(q, k, v, { attnMask: added });
      expectClose(byBool.at("...", "0:1", ":"), byFloat.at("...", "0:1", ":"), 1e-12);
      expectClose(byBool.at("...", "2:3", ":"), byFloat.at("...", "2:3", ":"), 1e-12);
    });

    test("a place that sees nothing gives 0, and its gradient is 0, not NaN", () => {
      const [, k, v] = inputs();
      const query = tensor(numbers(24, 1), { shape: [2, 3, 4], requiresGrad: true });
      const y = F.scaledDotProductAttention(query, k.float(), v.float(), { attnMask: mask() });
      y.square().sum().backward();
      expect(y.at(":", 1).arraySync()).toEqual([
        [0, 0],
        [0, 0],
      ]);
      expect(query.grad?.at(":", 1).abs().sum().itemSync()).toBe(0);
      expect(Number.isFinite(query.grad?.sum().itemSync())).toBe(true);
      const infinite = tensor(
        seen.map((each) => (each === 1 ? 0 : Number.NEGATIVE_INFINITY)),
        { shape: [3, 5] },
      );
      expectClose(F.scaledDotProductAttention(query, k.float(), v.float(), { attnMask: infinite }), y, 1e-6);
    });

    test("causal places see themselves and those in front, also where lengths differ", () => {
      const [q, k, v] = inputs();
      const y = F.scaledDotProductAttention(q, k, v, { isCausal: true });
      for (let i = 0; i < 3; i++) {
        const part = [":", `0:${i + 1}`, ":"] as const;
        const alone = F.scaledDotProductAttention(q.at(":", `${i}:${i + 1}`), k.at(...part), v.at(...part));
        expectClose(y.at(":", `${i}:${i + 1}`), alone, 1e-12);
      }
    });

    test("its derivatives are those of finite differences", () => {
      const [, k, v] = inputs();
      expectGradients(
        (a, b, c, m) =>
          F.scaledDotProductAttention(a.reshape(3, 4), b.reshape(5, 4), c.reshape(5, 2), { attnMask: m.reshape(3, 5) }),
        numbers(12, 1),
        numbers(20, 2),
        numbers(10, 3),
        numbers(15, 9),
      );
      expectGradients(
        (a) => F.scaledDotProductAttention(a.reshape(2, 3, 4), k, v, { attnMask: mask(), scale: 0.7 }),
        numbers(24, 1),
      );
    });

    test("no keys give zeros", () => {
      expect(
        F.scaledDotProductAttention(ones(2, 3, 4), zeros(2, 0, 4), zeros(2, 0, 5))
          .dataSync()
          .every((x) => x === 0),
      ).toBe(true);
    });

    test("mistakes are named", () => {
      const [q, k, v] = inputs();
      expect(() => F.scaledDotProductAttention(q, k.at("...", "0:3"), v)).toThrow("must share E and S");
      expect(() => F.scaledDotProductAttention(q, k, v, { attnMask: mask(), isCausal: true })).toThrow(
        "do not go together",
      );
      expect(() => F.scaledDotProductAttention(q, k, v, { attnMask: ones(4, 5) })).toThrow(
        "attnMask must broadcast to the scores: mask [4, 5], scores [2, 3, 5]",
      );
      expect(() => F.scaledDotProductAttention(q, k, v, { dropoutP: 1.5 })).toThrow(
        "dropoutP must be a number from 0 to 1",
      );
    });
  });

  describe("MultiheadAttention", () => {
    test("one head at a time is the same as all heads", () => {
      const layer = attentionOf({ batchFirst: true });
      const x = some(1, 2, 5, 6);
      const [y, weights] = layer.forward(x, x, x, { needWeights: true, averageAttnWeights: false });
      const w = layer.in_proj_weight as Tensor;
      const b = layer.in_proj_bias as Tensor;
      const part = (i: number, head: number): Tensor => {
        const rows = `${6 * i + 3 * head}:${6 * i + 3 * head + 3}` as const;
        return F.linear(x, w.at(rows), b.at(rows));
      };
      const heads = [0, 1].map((head) => F.scaledDotProductAttention(part(0, head), part(1, head), part(2, head)));
      expectClose(y, layer.out_proj.forward(cat(heads, -1)), 1e-12);
      expect(weights?.shape).toEqual([2, 2, 5, 5]);
      expectClose(weights?.sum(-1) as Tensor, full([2, 2, 5], 1, { dtype: "float64" }), 1e-12);
    });

    test("layouts say the same: batch first, batch second, no batch", () => {
      const layers = [attentionOf(), attentionOf({ batchFirst: true })] as const;
      layers[1].loadStateDict(layers[0].stateDict());
      const [q, k] = [some(1, 4, 3, 6), some(2, 5, 3, 6)];
      const options = { needWeights: true, keyPaddingMask: some(3, 3, 5).gt(0.9) };
      const [y, w] = layers[0].forward(q, k, k, options);
      const [z, u] = layers[1].forward(q.transpose(0, 1), k.transpose(0, 1), k.transpose(0, 1), options);
      expectClose(y, z.transpose(0, 1), 1e-12);
      expectClose(w as Tensor, u as Tensor, 1e-12);
      const single = layers[0].forward(q.at(":", 1), k.at(":", 1), k.at(":", 1), {
        needWeights: true,
        keyPaddingMask: options.keyPaddingMask.at(1),
      });
      expectClose(single[0], y.at(":", 1), 1e-12);
      expectClose(single[1] as Tensor, w?.at(1) as Tensor, 1e-12);
    });

    test("the query alone attends to itself, and three equal inputs are not one by chance", () => {
      const layer = attentionOf();
      const x = some(1, 4, 2, 6);
      const [y, none] = layer.forward(x);
      expect(none).toBe(null);
      expectClose(y, layer.forward(x, x.clone(), x.clone())[0], 1e-12);
    });

    test("masks hide places: true leaves out, as in PyTorch", () => {
      const layer = attentionOf({ batchFirst: true });
      const x = some(1, 2, 4, 6);
      const hidden = tensor([
        [0, 0, 1, 1],
        [0, 0, 0, 0],
      ]).ne(0);
      const [y, w] = layer.forward(x, x, x, { keyPaddingMask: hidden, needWeights: true });
      expect(w?.at(0, ":", "2:").abs().sum().itemSync()).toBe(0);
      const short = x.at("0:1", "0:2");
      expectClose(y.at("0:1"), layer.forward(x.at("0:1"), short, short)[0], 1e-12);
      const future = tensor([
        [0, 1, 1, 1],
        [0, 0, 1, 1],
        [0, 0, 0, 1],
        [0, 0, 0, 0],
      ]);
      const byMask = layer.forward(x, x, x, { attnMask: future.ne(0), keyPaddingMask: hidden })[0];
      expectClose(byMask, layer.forward(x, x, x, { isCausal: true, keyPaddingMask: hidden })[0], 1e-12);
      const added = future.to("float64").mul(-1e9);
      expectClose(layer.forward(x, x, x, { attnMask: added })[0], layer.forward(x, x, x, { isCausal: true })[0], 1e-9);
      const perHead = future.ne(0).expand(4, 4, 4);
      expectClose(
        layer.forward(x, x, x, { attnMask: perHead })[0],
        layer.forward(x, x, x, { isCausal: true })[0],
        1e-12,
      );
    });

    test("a place that may see nothing gives the output bias", () => {
      const layer = attentionOf({ batchFirst: true });
      const x = some(1, 1, 3, 6);
      const [y] = layer.forward(x, x, x, { keyPaddingMask: ones(1, 3).ne(0) });
      expectClose(y, (layer.out_proj.bias as Tensor).expand(1, 3, 6), 1e-12);
    });

    test("added places are keys and values like others, and never hidden", () => {
      const layer = attentionOf({ addBiasKv: true, addZeroAttn: true, batchFirst: true });
      const x = some(1, 2, 3, 6);
      const [, w] = layer.forward(x, x, x, { isCausal: true, keyPaddingMask: ones(2, 3).ne(0), needWeights: true });
      expect(w?.shape).toEqual([2, 3, 5]);
      expect(w?.at(":", ":", "0:3").abs().sum().itemSync()).toBe(0);
      expectClose(w?.at(":", ":", "3:5").sum(-1) as Tensor, full([2, 3], 1, { dtype: "float64" }), 1e-12);
    });

    test("derivatives are those of finite differences", () => {
      for (const options of [{}, { kdim: 5, vdim: 3 }, { addBiasKv: true, addZeroAttn: true, bias: false }]) {
        const layer = attentionOf(options);
        const [kdim, vdim] = [options.kdim ?? 6, options.vdim ?? 6];
        expectGradients(
          (q, k, v) => layer.forward(q.reshape(3, 2, 6), k.reshape(2, 2, kdim), v.reshape(2, 2, vdim))[0],
          numbers(36, 1),
          numbers(4 * kdim, 2),
          numbers(4 * vdim, 3),
        );
      }
    });
  });
});

test("the names of the state are PyTorch's", () => {
  expect(Object.keys(new nn.MultiheadAttention(4, 2, { addBiasKv: true }).stateDict())).toEqual([
    "in_proj_weight",
    "in_proj_bias",
    "bias_k",
    "bias_v",
    "out_proj.weight",
    "out_proj.bias",
  ]);
  const apart = new nn.MultiheadAttention(4, 2, { kdim: 3, vdim: 5, bias: false });
  expect(Object.entries(apart.stateDict()).map(([name, value]) => [name, value.shape])).toEqual([
    ["q_proj_weight", [4, 4]],
    ["k_proj_weight", [4, 3]],
    ["v_proj_weight", [4, 5]],
    ["out_proj.weight", [4, 4]],
  ]);
});

test("dropout of the weights works in training only", () => {
  manualSeed(1);
  const layer = new nn.MultiheadAttention(4, 2, { dropout: 0.5, batchFirst: true });
  const x = randn(8, 16, 4);
  const [, w] = layer.forward(x, x, x, { needWeights: true, averageAttnWeights: false });
  const dropped = Array.from(w?.dataSync() ?? []).filter((value) => value === 0).length / (w?.size ?? 1);
  expect(Math.abs(dropped - 0.5)).toBeLessThan(0.05);
  layer.eval();
  const [, all] = layer.forward(x, x, x, { needWeights: true });
  expect(all?.eq(0).any().itemSync()).toBe(0);
});

test("mistakes are named where the layer is called", () => {
  expect(() => new nn.MultiheadAttention(6, 4)).toThrow(
    "embedDim must be divisible by numHeads: embedDim 6, numHeads 4",
  );
  const layer = new nn.MultiheadAttention(6, 2, { batchFirst: true });
  expect(() => layer.forward(zeros(2, 3, 5))).toThrow(
    /query, key and value must be \[N, L, 6\], \[N, S, 6\] and \[N, S, 6\]: query \[2, 3, 5\].*without a batch, leave out N/,
  );
  expect(() => layer.forward(zeros(2, 3, 6), zeros(3, 4, 6))).toThrow("query, key and value must be");
  const x = zeros(2, 3, 6);
  expect(() => layer.forward(x, x, x, { attnMask: zeros(3, 4) })).toThrow(
    "attnMask must have shape [3, 3] or [4, 3, 3]: it has [3, 4]",
  );
  expect(() => layer.forward(x, x, x, { keyPaddingMask: zeros(3, 2) })).toThrow(
    "keyPaddingMask must have shape [2, 3]",
  );
  expect(() => layer.forward(x, x, x, { needWeight: true } as object)).toThrow('did you mean "needWeights"?');
});

test("a mask of whole numbers is refused, as 0 and 1 would be added to the scores", () => {
  const mask = ones(3, 3, { dtype: "int32" });
  const hint =
    'attnMask must be bool, or floating and added to the scores: it is int32 [3, 3] (convert it with .to("bool"))';
  const x = zeros(3, 1, 6);
  expect(() => new nn.MultiheadAttention(6, 2).forward(x, x, x, { attnMask: mask })).toThrow(hint);
  expect(() => F.scaledDotProductAttention(zeros(3, 2), zeros(3, 2), zeros(3, 2), { attnMask: mask })).toThrow(hint);
});
