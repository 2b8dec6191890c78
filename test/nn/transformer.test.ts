/** Transformers and positional encodings. */
import { describe, expect, test } from "vitest";
import * as nn from "../../src/nn/index.ts";
import { Adam } from "../../src/optim/index.ts";
import { compile } from "../../src/tensor/compile.ts";
import { arange, ones, tensor, zeros } from "../../src/tensor/creation.ts";
import { currentEngine } from "../../src/tensor/engines.ts";
import { manualSeed, randint, randn } from "../../src/tensor/random.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { onEachDevice } from "../devices.ts";
import { expectGradients } from "../tensor/gradient.ts";

const F = nn.functional;

function distance(a: Tensor, b: Tensor): number {
  expect(a.shape).toEqual(b.shape);
  return a.sub(b).abs().max().itemSync();
}

const small = { dimFeedforward: 16, dropout: 0, batchFirst: true };

describe("stacks", () => {
  test("copies of a layer start equal, and train apart", () => {
    const layer = new nn.TransformerEncoderLayer(8, 2, { ...small, normFirst: true });
    layer.linear1.weight.requiresGrad_(false);
    const stack = new nn.TransformerEncoder(layer, 2, { norm: new nn.LayerNorm(8) });
    const all = new Set<unknown>([...layer.parameters(), ...stack.parameters()]);
    expect(all.size).toBe(12 + 2 * 12 + 2);
    const [first, second] = stack.layers as [nn.TransformerEncoderLayer, nn.TransformerEncoderLayer];
    const x = randn(2, 5, 8);
    expect(distance(first.forward(x), layer.forward(x))).toBe(0);
    expect(first.linear1.weight.requiresGrad).toBe(false);
    first.linear2.weight.assign(0);
    expect(distance(second.forward(x), layer.forward(x))).toBe(0);
    expect(distance(first.forward(x), layer.forward(x))).toBeGreaterThan(0.01);
    expect(Object.keys(stack.stateDict())[0]).toBe("layers.0.self_attn.in_proj_weight");
    expect(Object.keys(stack.stateDict()).slice(-2)).toEqual(["norm.weight", "norm.bias"]);
  });

  test("copies have the dtype and the device of the layer", () => {
    const layer = new nn.TransformerEncoderLayer(4, 2, small).to("float64").to("js");
    const [copy] = new nn.TransformerEncoder(layer, 1).layers as [nn.TransformerEncoderLayer];
    expect(new Set(copy.parameters().map((x) => `${x.dtype} ${x.device}`))).toEqual(new Set(["float64 js"]));
    expect(copy.linear1.weight.dataSync()).toEqual(layer.linear1.weight.dataSync());
  });

  test("a function makes layers that start different, of any class", () => {
    class Mine extends nn.TransformerEncoderLayer {}
    const stack = new nn.TransformerEncoder(() => new Mine(8, 2, small), 3);
    const [a, b] = stack.layers as [Mine, Mine, Mine];
    expect(distance(a.linear1.weight, b.linear1.weight)).toBeGreaterThan(0);
    expect(() => new nn.TransformerEncoder(new Mine(8, 2, small), 2)).toThrow("() => new Mine(...)");
    expect(() => new nn.TransformerEncoder({ forward: (x: Tensor) => x }, 2)).toThrow("the layer cannot be copied");
  });

  test("activations by name, as functions and as layers", () => {
    const x = randn(2, 3, 8);
    const named = new nn.TransformerEncoderLayer(8, 2, { ...small, activation: "gelu" });
    for (const activation of [(y: Tensor) => F.gelu(y), new nn.GELU()]) {
      const other = new nn.TransformerEncoderLayer(8, 2, { ...small, activation });
      other.loadStateDict(named.stateDict());
      expect(distance(other.forward(x), named.forward(x))).toBe(0);
    }
    const own = new nn.TransformerEncoderLayer(8, 2, { ...small, activation: new nn.PReLU() });
    expect(Object.keys(own.stateDict())).toContain("activation.weight");
    expect(() => new nn.TransformerEncoder(own, 2)).toThrow("with a function as activation");
    expect(() => new nn.TransformerEncoderLayer(8, 2, { activation: "rleu" as "relu" })).toThrow("activation must be");
  });

  test("a causal encoder does not see the future, and padding is not seen at all", () => {
    const stack = new nn.TransformerEncoder(() => new nn.TransformerEncoderLayer(8, 2, small), 2);
    const x = randn(2, 5, 8);
    const changed = x.set([":", "3:"], 9);
    const both = [x, changed].map((y) => stack.forward(y, { isCausal: true })) as [Tensor, Tensor];
    expect(distance(both[0].at(":", "0:3"), both[1].at(":", "0:3"))).toBe(0);
    expect(distance(both[0].at(":", "3:"), both[1].at(":", "3:"))).toBeGreaterThan(0.1);
    const mask = nn.generateSquareSubsequentMask(5);
    expect(mask.arraySync()).toEqual(
      Array.from({ length: 5 }, (_, i) => Array.from({ length: 5 }, (_, j) => (j > i ? -Infinity : 0))),
    );
    expect(distance(stack.forward(x, { mask }), both[0])).toBeLessThan(1e-5);
    const srcKeyPaddingMask = arange(5).ge(3).expand(2, 5);
    const [short, long] = [stack.forward(x.at(":", "0:3")), stack.forward(changed, { srcKeyPaddingMask })];
    expect(distance(long.at(":", "0:3"), short)).toBeLessThan(1e-5);
  });

  test("a transformer takes source and target, and its decoder sees both as masks allow", () => {
    const model = new nn.Transformer({
      dModel: 8,
      nhead: 2,
      numEncoderLayers: 1,
      numDecoderLayers: 2,
      ...small,
    }).eval();
    const [src, tgt] = [randn(2, 4, 8), randn(2, 3, 8)];
    const y = model.forward(src, tgt, { tgtIsCausal: true });
    const tgtMask = nn.Transformer.generateSquareSubsequentMask(3);
    expect(distance(y, model.forward(src, tgt, { tgtMask }))).toBeLessThan(1e-5);
    const later = model.forward(src, tgt.set([":", 2], 5), { tgtIsCausal: true });
    expect(distance(y.at(":", "0:2"), later.at(":", "0:2"))).toBe(0);
    const memoryKeyPaddingMask = arange(4).ge(3).expand(2, 4);
    const hidden = { srcKeyPaddingMask: memoryKeyPaddingMask, memoryKeyPaddingMask, tgtIsCausal: true };
    const cut = model.forward(src.at(":", "0:3"), tgt, { tgtIsCausal: true });
    expect(distance(model.forward(src, tgt, hidden), cut)).toBeLessThan(1e-5);
    const [weights] = (model.encoder as nn.TransformerEncoder).layers as [nn.TransformerEncoderLayer];
    const bound = Math.sqrt(6 / (8 + 16));
    expect(weights.linear1.weight.abs().max().itemSync()).toBeLessThanOrEqual(Math.fround(bound));
    expect(weights.linear1.weight.abs().max().itemSync()).toBeGreaterThan(1 / Math.sqrt(8));
    expect(
      new nn.Transformer({ dModel: 8, nhead: 2, ...small, customEncoder: { forward: (x) => x } }).encoder,
    ).toBeDefined();
  });

  test("dropout is off in evaluation, and on in training", () => {
    const layer = new nn.TransformerDecoderLayer(8, 2, { dimFeedforward: 16, dropout: 0.5 });
    const [x, memory] = [randn(3, 2, 8), randn(4, 2, 8)];
    expect(distance(layer.forward(x, memory), layer.forward(x, memory))).toBeGreaterThan(0.01);
    layer.eval();
    expect(distance(layer.forward(x, memory), layer.forward(x, memory))).toBe(0);
  });

  test("derivatives of both kinds of layers are those of finite differences", () => {
    const layers = [
      new nn.TransformerEncoderLayer(4, 2, { ...small, activation: "gelu" }),
      new nn.TransformerDecoderLayer(4, 2, { ...small, activation: "gelu", normFirst: true }),
    ] as const;
    for (const parameter of layers.flatMap((layer) => layer.parameters())) parameter.to_({ dtype: "float64" });
    const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => Math.sin(3 * i * i + 1));
    expectGradients((x) => layers[0].forward(x.reshape(1, 3, 4), { isCausal: true }), numbers(12));
    expectGradients(
      (x, m) => layers[1].forward(x.reshape(1, 2, 4), m.reshape(1, 3, 4), { tgtIsCausal: true }),
      numbers(8),
      numbers(12),
    );
  });

  test("a small one learns to turn sequences around, with one plan", () => {
    manualSeed(1);
    class Model extends nn.Module {
      embed = new nn.Embedding(8, 16);
      places = new nn.LearnedPositionalEncoding(16, { maxLength: 6, batchFirst: true });
      encoder = new nn.TransformerEncoder(
        () =>
          new nn.TransformerEncoderLayer(16, 2, { dimFeedforward: 32, dropout: 0, batchFirst: true, normFirst: true }),
        1,
        { norm: new nn.LayerNorm(16) },
      );
      head = new nn.Linear(16, 8);

      forward(x: Tensor): Tensor {
        return this.head.forward(this.encoder.forward(this.places.forward(this.embed.forward(x))));
      }
    }
    const model = new Model();
    model.places.weight.assign(randn(6, 16));
    const optimizer = new Adam(model.parameters(), { lr: 0.01 });
    const step = compile((x: Tensor) => {
      const loss = F.crossEntropy(model.forward(x).transpose(1, 2), x.flip(1));
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    });
    const losses = Array.from({ length: 150 }, () => step(randint(0, 8, [16, 6])).itemSync());
    expect(losses[0]).toBeGreaterThan(1.8);
    expect(losses.at(-1)).toBeLessThan(0.3);
    const { plans } = currentEngine().stats;
    step(randint(0, 8, [16, 6])).itemSync();
    expect(currentEngine().stats.plans).toBe(plans);
  });
});

onEachDevice(() => {
  describe("places", () => {
    test("sines and cosines by the formula, in all layouts", () => {
      const layer = new nn.SinusoidalPositionalEncoding(5, { maxLength: 7 });
      const rows = layer.forward(zeros(7, 5)).arraySync() as number[][];
      rows.forEach((row, place) => {
        row.forEach((value, i) => {
          const angle = place / 10000 ** ((i - (i % 2)) / 5);
          expect(value).toBeCloseTo(i % 2 === 0 ? Math.sin(angle) : Math.cos(angle), 5);
        });
      });
      const x = randn(3, 2, 5);
      const y = layer.forward(x).sub(x);
      expect(distance(y.at(":", 1), layer.forward(zeros(3, 5)))).toBeLessThan(1e-6);
      const first = new nn.SinusoidalPositionalEncoding(5, { maxLength: 7, batchFirst: true });
      expect(distance(first.forward(x.transpose(0, 1)), layer.forward(x).transpose(0, 1))).toBe(0);
      expect(distance(layer.forward(zeros(3, 5), { offset: 4 }), tensor(rows.slice(4)))).toBeLessThan(1e-6);
      expect(Object.keys(layer.stateDict())).toEqual([]);
      expect(layer.forward(zeros(2, 5, { dtype: "float64" })).dtype).toBe("float64");
    });

    test("longer sequences are refused, with both lengths", () => {
      const layer = new nn.SinusoidalPositionalEncoding(4, { maxLength: 3 });
      expect(() => layer.forward(zeros(4, 2, 4))).toThrow(
        "nn.SinusoidalPositionalEncoding: the sequence is longer than maxLength: length 4, maxLength 3",
      );
      expect(() => new nn.LearnedPositionalEncoding(4, { maxLength: 3 }).forward(zeros(2, 4), { offset: 2 })).toThrow(
        "offset 2 and length 2, maxLength 3",
      );
      expect(() => layer.forward(zeros(2, 2, 5))).toThrow("the input must be [L, N, dModel], or [L, dModel]");
      expect(() => new nn.RotaryPositionalEncoding(4, { maxLength: 3 }).forward(zeros(4, 4))).toThrow(
        "length 4, maxLength 3",
      );
      expect(() => new nn.RotaryPositionalEncoding(5)).toThrow("dim must be even");
      expect(() => F.applyRotary(zeros(2, 3))).toThrow("with an even D");
    });

    test("learned places train, only those that were used", () => {
      const layer = new nn.LearnedPositionalEncoding(2, { maxLength: 4 });
      layer
        .forward(ones(2, 3, 2))
        .sum()
        .backward();
      expect(layer.weight.grad?.arraySync()).toEqual([
        [3, 3],
        [3, 3],
        [0, 0],
        [0, 0],
      ]);
    });

    test.each([true, false])(
      "rotations keep lengths, and products depend on distances alone (interleaved %s)",
      (interleaved) => {
        const [q, k] = [randn(1, 8), randn(1, 8)];
        const at = (x: Tensor, offset: number): Tensor => F.applyRotary(x, { offset, interleaved });
        const product = (i: number, j: number): number => at(q, i).mul(at(k, j)).sum().itemSync();
        expect(at(q, 9).norm().itemSync()).toBeCloseTo(q.norm().itemSync(), 5);
        expect(product(3, 5)).toBeCloseTo(product(10, 12), 4);
        expect(Math.abs(product(3, 5) - product(3, 9))).toBeGreaterThan(1e-4);
        const line = F.applyRotary(q.expand(6, 8), { interleaved });
        expect(distance(line.at("4:5"), at(q, 4))).toBeLessThan(1e-6);
        const layer = new nn.RotaryPositionalEncoding(8, { maxLength: 20, interleaved });
        expect(distance(layer.forward(q.expand(2, 3, 6, 8)).at(1, 2), line)).toBeLessThan(1e-6);
        expect(distance(layer.forward(q, { offset: 9 }), at(q, 9))).toBeLessThan(1e-6);
        expectGradients((x) => F.applyRotary(x.reshape(2, 3, 4), { interleaved, offset: 2 }), numbersOf(24));
      },
    );
  });
});

function numbersOf(count: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.cos(5 * i));
}
