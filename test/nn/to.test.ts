/** Moving a module to another device or dtype, and parameters that no optimiser has. */
import { afterEach, expect, it, vi } from "vitest";
import { manualSeed, tensor, withDevice } from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";
import { Adam } from "../../src/optim/index.ts";

function network(): nn.Sequential {
  manualSeed(3);
  return new nn.Sequential(new nn.Linear(2, 4), new nn.BatchNorm1d(4), new nn.Tanh(), new nn.Linear(4, 1));
}
const inputs = [
  [0, 1],
  [1, 0],
  [2, 2],
];

function train(model: nn.Sequential, optimizer: Adam, steps: number, dtype: "float32" | "float64" = "float32"): void {
  for (let i = 0; i < steps; i++) {
    optimizer.zeroGrad();
    model.forward(tensor(inputs, { dtype })).square().mean().backward();
    optimizer.step();
  }
}

it("a module moved in the middle of training goes on as on the other device", async () => {
  const still = network();
  train(still, new Adam(still.parameters(), { lr: 0.1 }), 6);
  const moved = network();
  const optimizer = new Adam(moved.parameters(), { lr: 0.1 });
  train(moved, optimizer, 3);
  moved.to("js");
  expect(moved.parameters().every((p) => p.device === "js")).toBe(true);
  expect(moved.buffers().every((p) => p.device === "js")).toBe(true);
  withDevice("js", () => train(moved, optimizer, 3));
  const expected = await still.forward(tensor(inputs)).array(2);
  const actual = await moved.to("wasm").forward(tensor(inputs)).array(2);
  actual.forEach((row, i) => expect(row[0]).toBeCloseTo(expected[i]?.[0] as number, 5));
});

it("a dtype changes what is floating, with gradients and the optimiser's state", async () => {
  const model = network();
  const optimizer = new Adam(model.parameters(), { lr: 0.1 });
  train(model, optimizer, 2);
  const before = await model.parameters()[0]?.grad?.array(2);
  model.to("float64");
  expect(model.parameters()[0]?.grad?.dtype).toBe("float64");
  expect(await model.parameters()[0]?.grad?.array(2)).toEqual(before);
  expect(new Set(model.parameters().map((p) => p.dtype))).toEqual(new Set(["float64"]));
  expect(model.namedBuffers().map(([, b]) => b.dtype)).toEqual(["float64", "float64", "int32"]);
  train(model, optimizer, 2, "float64");
  expect(model.forward(tensor(inputs, { dtype: "float64" })).dtype).toBe("float64");
  expect(
    Number.isFinite(
      await model
        .forward(tensor(inputs, { dtype: "float64" }))
        .sum()
        .item(),
    ),
  ).toBe(true);
});

it("a pending write is done before the move", async () => {
  const w = new nn.Parameter(tensor([1, 2]));
  w.assign(w.mul(10));
  w.to_({ device: "js" });
  expect(await w.array()).toEqual([10, 20]);
});

it("whole numbers cannot hold gradients", () => {
  expect(() => new nn.Parameter(tensor([1])).to_({ dtype: "int32" })).toThrow(
    /to_: only floating tensors can require grad/,
  );
});

afterEach(() => {
  vi.restoreAllMocks();
});

it("a parameter that gets gradients but is in no optimiser is named once", () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
  const model = network();
  const optimizer = new Adam(model.parameters().slice(0, -1), { lr: 0.1 });
  for (let i = 0; i < 2; i++) {
    optimizer.zeroGrad();
    model.forward(tensor(inputs)).square().mean().backward();
    optimizer.step();
  }
  expect(warn.mock.calls.map(([text]) => String(text))).toEqual([
    expect.stringContaining("3.bias gets a gradient but is in no optimiser"),
  ]);
  warn.mockClear();
  const frozen = network();
  frozen.parameters()[0]?.requiresGrad_(false);
  const other = new Adam(frozen.parameters().slice(1), { lr: 0.1 });
  frozen.forward(tensor(inputs)).square().mean().backward();
  other.step();
  expect(warn).not.toHaveBeenCalled();
});
