import { expect, test } from "vitest";
import { stream } from "../../src/base/random-stream.ts";
import * as nn from "../../src/nn/index.ts";
import * as F from "../../src/nn/functional.ts";
import { tensor, zeros } from "../../src/tensor/creation.ts";
import { currentEngine } from "../../src/tensor/engines.ts";
import { randn } from "../../src/tensor/random.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

function net(): nn.Sequential {
  return new nn.Sequential(
    new nn.Conv2d(1, 6, 5, { padding: 2, groups: 1 }),
    new nn.BatchNorm2d(6),
    new nn.ReLU(),
    new nn.Dropout(0.1),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Linear(6 * 14 * 14, 10),
  );
}

test("shapes, parameters and multiply-adds, counted by hand", () => {
  const s = nn.summary(net(), [4, 1, 28, 28]);
  const [root, conv, norm, , , , , linear] = s.rows;
  expect(root).toMatchObject({ path: "", className: "Sequential", outputShapes: [[4, 10]], calls: 1, parameters: 0 });
  expect(conv).toMatchObject({ path: "0", className: "Conv2d", outputShapes: [[4, 6, 28, 28]], parameters: 6 * 26 });
  expect(conv?.multiplyAdds).toBe(4 * 6 * 28 * 28 * 25);
  expect(norm).toMatchObject({ parameters: 12, multiplyAdds: 0 });
  expect(linear).toMatchObject({ path: "6", parameters: 11_770, multiplyAdds: 4 * 1176 * 10 });
  expect(s.parameters).toBe(156 + 12 + 11_770);
  expect(s.trainable).toBe(s.parameters);
  expect(s.buffers).toBe(13);
  expect(s.parameterBytes).toBe(4 * s.parameters);
  expect(s.multiplyAdds).toBe(470_400 + 47_040);
});

test("what the backward pass reads: the input of each product and what its activation needs", () => {
  const mlp = new nn.Sequential(new nn.Linear(3, 5), new nn.Tanh(), new nn.Linear(5, 2));
  const s = nn.summary(mlp, [[7, 3]]);
  // tanh gives what both its own derivative and the weight of the second layer need; the input is the caller's.
  expect(s.rows.map((row) => row.activationBytes)).toEqual([0, 0, 7 * 5 * 4, 0]);
  mlp.requiresGrad_(false);
  const frozen = nn.summary(mlp, [7, 3]);
  expect([frozen.activationBytes, frozen.trainable, frozen.parameters]).toEqual([0, 0, 32]);
});

test("modules that call functions, call others several times, and share parameters", () => {
  class Own extends nn.Module {
    weight = new nn.Parameter(randn(4, 4));
    shared = new nn.Linear(4, 4);
    blocks = [new nn.Linear(4, 2)];
    tied = this.shared;
    unused = new nn.Linear(3, 3);
    forward(x: Tensor, parts: { state: Tensor }): { y: Tensor; z: Tensor } {
      const h = this.shared.forward(this.shared.forward(F.linear(x, this.weight)));
      const scale = tensor([1, 2, 3, 4]);
      return { y: (this.blocks[0] as nn.Linear).forward(h.mul(scale)), z: h.matmul(parts.state) };
    }
  }
  const own = new Own();
  const s = nn.summary(own, zeros(5, 4), { state: zeros(4, 3) });
  expect(s.rows.map(({ path, calls, multiplyAdds, parameters }) => [path, calls, multiplyAdds, parameters])).toEqual([
    ["", 1, 5 * 16 + 5 * 12, 16],
    ["shared", 2, 2 * 5 * 16, 20],
    ["blocks.0", 1, 5 * 8, 10],
    ["unused", 0, 0, 12],
  ]);
  expect(s.rows[0]?.outputShapes).toEqual([
    [5, 2],
    [5, 3],
  ]);
  expect(s.parameters).toBe(58);
  expect(String(s)).toContain("  shared Linear (2 calls)");
});

test("products are those of the layer, in transposed convolutions, attention and recurrent layers too", () => {
  const transposed = new nn.ConvTranspose2d(4, 6, 3, { stride: 2, groups: 2 });
  // Each of the 2 · 4 · 5 · 5 inputs goes to 3 channels by 9 places.
  expect(nn.summary(transposed, [2, 4, 5, 5]).multiplyAdds).toBe(2 * 4 * 25 * 3 * 9);
  const lstm = new nn.LSTM(3, 4, { batchFirst: true });
  const x = zeros(2, 7, 3);
  expect(nn.summary(lstm, x).multiplyAdds).toBe(2 * 7 * 16 * (3 + 4));
  const packed = nn.packPaddedSequence(x, [7, 2], { batchFirst: true });
  const s = nn.summary(lstm, packed, [
    [1, 2, 4],
    [1, 2, 4],
  ]);
  expect(s.multiplyAdds).toBe(2 * 7 * 16 * 7);
  expect(s.rows[0]?.outputShapes).toEqual([
    [2, 7, 4],
    [1, 2, 4],
    [1, 2, 4],
  ]);
  const tokens = nn.summary(new nn.Embedding(9, 3), zeros(2, 5, { dtype: "int32" }));
  expect(tokens.rows[0]).toMatchObject({ outputShapes: [[2, 5, 3]], multiplyAdds: 0, parameters: 27 });
});

test("nothing is run and nothing is changed", () => {
  const model = net();
  const engine = currentEngine();
  engine.run([]);
  const key = stream("dropout").state();
  const before = engine.stats;
  const state = Object.entries(model.stateDict()).map(([name, x]) => [name, Array.from(x.dataSync())]);
  nn.summary(model, [4, 1, 28, 28]);
  expect(engine.idle).toBe(true);
  expect(engine.stats).toEqual(before);
  expect(stream("dropout").state()).toEqual(key);
  expect(Object.entries(model.stateDict()).map(([name, x]) => [name, Array.from(x.dataSync())])).toEqual(state);
  // A pending input stays what it was: kept by the next run.
  const x = randn(2, 1, 28, 28).mul(2);
  nn.summary(model, x);
  engine.run([]);
  const { runs } = engine.stats;
  expect(x.dataSync().length).toBe(2 * 784);
  expect(engine.stats.runs).toBe(runs);
  // The model works on as before.
  model.forward(x).sum().backward();
  expect(model.parameters().every((p) => p.grad !== null)).toBe(true);
});

test("the table is aligned", () => {
  class Pair extends nn.Module {
    parts = [new nn.Linear(200, 1000), new nn.Tanh()];
    forward(x: Tensor): Tensor {
      return x.pipe(...(this.parts as nn.Layer[]));
    }
  }
  expect(nn.summary(new Pair(), [32, 200]).toString().split("\n")).toEqual([
    "layer             output      parameters  multiply-adds  kept for backward",
    "--------------------------------------------------------------------------",
    "Pair              [32, 1000]           0              0                0 B",
    "  parts.0 Linear  [32, 1000]     201,000      6,400,000                0 B",
    "  parts.1 Tanh    [32, 1000]           0              0             128 kB",
    "--------------------------------------------------------------------------",
    "total                            201,000      6,400,000             128 kB",
    "201,000 parameters (804 kB), 201,000 of them trainable",
    "0 elements in buffers",
  ]);
});

test("what cannot be summed up is named, and leaves nothing behind", () => {
  expect(() => nn.summary({} as nn.Module)).toThrow("summary: takes a module: got an object");
  expect(() => nn.summary(new nn.Linear(3, 2), [5, 4])).toThrow("linear: the input has 4 features");
  expect(() => nn.summary(new nn.Linear(3, 2), [5, 1.5])).toThrow("a shape of whole numbers: got [5, 1.5]");
  class Reads extends nn.Module {
    forward(x: Tensor): Tensor {
      return x.mul(x.sum().itemSync());
    }
  }
  expect(() => nn.summary(new Reads(), [2])).toThrow("summary: forward needs more than its graph");
  expect(new Reads().forward(tensor([1, 2])).arraySync()).toEqual([3, 6]);
});

test("shapes are zeros of the parameters' dtype", () => {
  expect(nn.summary(new nn.Linear(2, 3).to("float64"), [1, 2]).parameterBytes).toBe(72);
});
