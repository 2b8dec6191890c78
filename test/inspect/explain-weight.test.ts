import { expect, test } from "vitest";
import { type ChainLink, explainWeight } from "../../src/inspect/index.ts";
import { streamStates } from "../../src/base/random-stream.ts";
import * as nn from "../../src/nn/index.ts";
import { tensor } from "../../src/tensor/creation.ts";
import { grad } from "../../src/tensor/grad.ts";
import { manualSeed } from "../../src/tensor/random.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { onEachDevice } from "../devices.ts";
import { examples, xorBatch } from "./models.ts";

const near = (a: number, b: number, scale: number): void => expect(Math.abs(a - b)).toBeLessThanOrEqual(scale);

async function expectExplained({ make }: (typeof examples)[number], dtype: "float32" | "float64"): Promise<void> {
  manualSeed(7);
  const { model, loss, batch: given } = make();
  model.to(dtype);
  const batch = given.map((x) => (x.dtype === "float32" ? x.to(dtype) : x)) as [Tensor, Tensor];
  const parameters = model.namedParameters();
  // By what the chain rule gives in one go.
  manualSeed(9);
  const output = (model as unknown as { forward(x: Tensor): Tensor }).forward(batch[0]);
  const total = typeof loss === "function" ? loss(output, batch[1]) : loss.forward(output, batch[1]);
  const gradients = grad(
    total,
    parameters.map(([, p]) => p),
  ) as Tensor[];
  const expected = await Promise.all(gradients.map((g) => g.data()));
  const states = await Promise.all(Object.values(model.stateDict()).map((x) => x.data()));
  const epsilon = dtype === "float32" ? 1e-6 : 1e-12;
  for (const [i, [path, parameter]] of parameters.entries()) {
    const at = (7 * i + 3) % parameter.size;
    let rest = at;
    const index = [...parameter.shape].reverse().map((extent) => {
      const place = rest % extent;
      rest = Math.floor(rest / extent);
      return place;
    });
    manualSeed(9);
    const before = JSON.stringify(streamStates());
    const found = await explainWeight(model, loss, batch, path, index.reverse());
    expect(JSON.stringify(streamStates())).toBe(before);
    const slopes = expected[i] as Float32Array;
    const scale = Math.max(1e-3, ...slopes.map(Math.abs));
    near(found.gradient, slopes[at] as number, epsilon * scale);
    near(found.samples.reduce((sum, share) => sum + share, 0) + found.direct, found.gradient, epsilon * scale);
    // In float32 a step is so wide that it may cross the kink of a relu.
    if (dtype === "float64") near(found.difference, found.gradient, 1e-6 * scale);
    expectChain(found.chain, 20 * epsilon);
    expect(found.chain.at(-1)).toMatchObject({ op: path, index: found.index, gradient: found.gradient });
  }
  // Nothing was changed: no parameter, no running statistics.
  const after = await Promise.all(Object.values(model.stateDict()).map((x) => x.data()));
  expect(after).toEqual(states);
  expect(model.parameters().every((p) => p.grad === null)).toBe(true);
}

onEachDevice(() => {
  test.each(examples)("$name: links are derivatives, and samples add up", (example) =>
    expectExplained(example, "float64"),
  );
});

test.each(examples)("$name: the same in float32", (example) => expectExplained(example, "float32"));

function expectChain(chain: readonly ChainLink[], epsilon: number): void {
  expect(chain[0]).toMatchObject({ gradient: 1, contributions: [] });
  expect(chain.length).toBeGreaterThan(2);
  chain.slice(1).forEach((link, i) => {
    const sum = link.contributions.reduce((total, { product }) => total + product, link.rest);
    const size = link.contributions.reduce((total, { product }) => total + Math.abs(product), Math.abs(link.rest));
    near(sum, link.gradient, epsilon * size + epsilon / 1000);
    const [first] = link.contributions;
    const above = chain[i] as ChainLink;
    expect(first).toMatchObject({ op: above.op, index: above.index, gradient: above.gradient });
    expect(link.contributions.every(({ local, gradient, product }) => product === local * gradient)).toBe(true);
  });
}

test("each link has the numbers of its element", async () => {
  // L = (w x + b − t)² with w 3, b 1, x 2, t 5: z = 7, L = 4, ∂L/∂z = 4, ∂L/∂w = 4 · 2.
  const model = new nn.Linear(1, 1);
  model.loadStateDict({ weight: tensor([[3]]), bias: tensor([1]) });
  const square = (y: Tensor, t: Tensor): Tensor => y.sub(t).square().sum();
  const found = await explainWeight(model, square, [tensor([[2]]), tensor([[5]])], "weight", [0, 0]);
  expect(found).toMatchObject({ path: "weight", index: [0, 0], value: 3, gradient: 8, samples: [8], direct: 0 });
  const steps = found.chain.map(({ op, value, gradient }) => [op, value, gradient]);
  expect(steps).toEqual([
    ["sum", 4, 1],
    ["mul", 4, 1],
    ["sub", 2, 4],
    ["add", 7, 4],
    ["dot", 6, 4],
    ["weight", 3, 8],
  ]);
  expect(found.chain.at(-1)?.contributions).toEqual([{ op: "dot", index: [0, 0], local: 2, gradient: 4, product: 8 }]);
});

test("paths and indices that are not there are told", async () => {
  const model = new nn.Sequential(new nn.Linear(2, 1));
  const unused = new nn.Linear(1, 1);
  const both = new nn.Sequential(model, new nn.Sigmoid());
  const explain = (path: string, index: number[]): Promise<unknown> =>
    explainWeight(both, new nn.MSELoss(), xorBatch(), path, index);
  await expect(explain("0.0.weights", [0, 0])).rejects.toThrow('did you mean "0.0.weight"');
  await expect(explain("0.0.weight", [0])).rejects.toThrow("[0] for 0.0.weight [1, 2]");
  await expect(explain("0.0.weight", [0, 2])).rejects.toThrow("the index must have one whole number for each dim");
  const apart = (y: Tensor, t: Tensor): Tensor => y.detach().sub(t).square().mean().add(unused.weight.sum());
  await expect(explainWeight(both, apart, xorBatch(), "0.0.weight", [0, 0])).rejects.toThrow(
    "the loss does not depend on this parameter",
  );
});
