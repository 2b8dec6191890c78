import { expect, test } from "vitest";
import { type Finding, health, readTrace, trace, traceText } from "../../src/inspect/index.ts";
import * as nn from "../../src/nn/index.ts";
import { tensor, full } from "../../src/tensor/creation.ts";
import { manualSeed, randn } from "../../src/tensor/random.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { examples, xorBatch } from "./models.ts";

const kinds = (findings: readonly Finding[]): string[] => findings.map(({ kind, path }) => `${kind} ${path}`);

test("a step that is well has no finding", async () => {
  manualSeed(1);
  const model = new nn.Sequential(new nn.Linear(2, 8), new nn.Tanh(), new nn.Linear(8, 1));
  expect(health(await trace(model, new nn.MSELoss(), xorBatch()))).toEqual([]);
});

test("the operation that gave the first number that is not finite is named, also behind a file", async () => {
  const model = new nn.Sequential(new nn.Linear(2, 1));
  const loss = (y: Tensor): Tensor => y.mul(0).log().mul(2).sum();
  const step = readTrace(traceText(await trace(model, loss, xorBatch())));
  const [first] = health(step);
  expect(first).toMatchObject({ kind: "nonFinite", path: "loss", amount: 4 });
  expect(step.operations[first?.operation as number]?.op).toBe("log");
});

test("infinities that a mask is made of are meant, and those that they hide are not", async () => {
  const { model, loss, batch } = (examples[4] as (typeof examples)[number]).make();
  expect(kinds(health(await trace(model, loss, batch, { whole: 1e4 })))).toEqual([]);
  expect(kinds(health(await trace(model, loss, batch, { whole: 0 })))).toEqual([]);
  const blown = (y: Tensor): Tensor => y.mul(1e30).exp().sum();
  const linear = new nn.Linear(2, 1);
  linear.loadStateDict({ weight: full([1, 2], 1), bias: tensor([1]) });
  const [found] = health(await trace(linear, blown, xorBatch()));
  expect(found).toMatchObject({ kind: "nonFinite", path: "loss", amount: 4 });
});

test("relus that are 0 for the whole batch are dead, and flat tanhs and sigmoids saturated", async () => {
  const model = new nn.Sequential(new nn.Linear(2, 4), new nn.ReLU());
  const weight = full([4, 2], 1);
  model.loadStateDict({ "0.weight": weight, "0.bias": tensor([-5, -5, -5, 1]) });
  const dead = health(await trace(model, (y: Tensor) => y.sum(), xorBatch()));
  expect(dead.map(({ kind, path, amount }) => [kind, path, amount])).toEqual([["dead", "1", 0.75]]);
  for (const layer of [new nn.Tanh(), new nn.Sigmoid()]) {
    const flat = new nn.Sequential(new nn.Linear(2, 2), layer);
    flat.loadStateDict({ "0.weight": full([2, 2], 1), "0.bias": tensor([9, 0]) });
    const [found] = health(await trace(flat, (y: Tensor) => y.sum(), xorBatch()));
    expect(found).toMatchObject({ kind: "saturated", path: "1", amount: 0.5 });
  }
});

test("large layers are judged too", async () => {
  manualSeed(1);
  const model = new nn.Sequential(new nn.Linear(3, 64), new nn.ReLU(), new nn.Linear(64, 1));
  const bias = new Float32Array(64).fill(1);
  bias.fill(-100, 0, 32);
  (model.children()[0] as nn.Linear).bias?.assign(tensor(bias));
  const found = health(await trace(model, new nn.MSELoss(), [randn(40, 3), randn(40, 1)]));
  expect(kinds(found)).toEqual(["dead 1"]);
  expect(found[0]?.amount).toBe(0.5);
});

test("gradients that vanish, explode or do not come are told by the parameter", async () => {
  const layers = Array.from({ length: 8 }, () => [new nn.Linear(2, 2), new nn.Sigmoid()]).flat();
  const deep = new nn.Sequential(...layers);
  for (const p of deep.parameters()) if (p.ndim === 2) p.assign(p.mul(0.1));
  const vanishing = health(await trace(deep, (y: Tensor) => y.sum(), xorBatch()));
  expect(vanishing.map(({ kind }) => kind)).toContain("vanishing");
  expect(kinds(vanishing)).toContain("vanishing 0.weight");
  expect(kinds(vanishing)).not.toContain("vanishing 14.weight");

  const steep = new nn.Sequential(new nn.Linear(2, 2), new nn.Linear(2, 1));
  const exploding = health(await trace(steep, (y: Tensor) => y.mul(1e6).square().sum(), xorBatch()));
  expect(exploding.some(({ kind }) => kind === "exploding")).toBe(true);

  class Idle extends nn.Module {
    readonly used = new nn.Linear(2, 1);
    readonly idle = new nn.Linear(2, 1);
    forward(x: Tensor): Tensor {
      return this.used.forward(x);
    }
  }
  const idle = health(await trace(new Idle(), new nn.MSELoss(), xorBatch()));
  expect(kinds(idle)).toEqual(["noGradient idle.weight", "noGradient idle.bias"]);
});
