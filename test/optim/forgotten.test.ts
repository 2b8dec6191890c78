/** The hint about parameters that get gradients and are in no optimiser. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Parameter } from "../../src/nn/index.ts";
import { LBFGS, SGD } from "../../src/optim/index.ts";
import { zeros } from "../../src/tensor/creation.ts";
import { setHints } from "../../src/tensor/switches.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);

beforeEach(() => {
  setHints(true);
  warn.mockClear();
});

afterEach(() => setHints(false));

const hints = (): string[] => warn.mock.calls.map(([text]) => String(text).replace(/ \(at .*/, ""));

function parametersOf(labels: readonly (string | undefined)[]): Parameter[] {
  return labels.map((label) => {
    const made = new Parameter(zeros(1));
    if (label !== undefined) made.label = label;
    return made;
  });
}

function backward(parameters: readonly Parameter[]): void {
  for (const each of parameters) each.grad = null;
  parameters
    .reduce<Tensor>((sum, each) => sum.add(each), zeros(1))
    .sum()
    .backward();
}

test("they are named, three of them, and counted", () => {
  const parameters = parametersOf(["a", "b", "c", "d", "e", "f"]);
  const optimizer = new SGD(parameters.slice(0, 1));
  // Each hint has a line of its own.
  backward(parameters);
  optimizer.step();
  backward(parameters.slice(0, 4));
  optimizer.step();
  expect(hints()).toEqual([
    "twopass: b, c, d and 2 more get gradients but are in no optimiser; give them to one, or freeze them with requiresGrad_(false)",
    "twopass: b, c, d get gradients but are in no optimiser; give them to one, or freeze them with requiresGrad_(false)",
  ]);
});

test("a name comes once, the others are counted", () => {
  const parameters = parametersOf([undefined, undefined, undefined, "scale", undefined]);
  const optimizer = new SGD(parameters.slice(0, 1));
  backward(parameters);
  optimizer.step();
  backward(parameters.slice(0, 3));
  optimizer.step();
  expect(hints().map((text) => text.slice(0, text.indexOf(";")))).toEqual([
    "twopass: a parameter without a name, scale and 2 more get gradients but are in no optimiser",
    "twopass: a parameter without a name and 1 more get gradients but are in no optimiser",
  ]);
});

test("those of an LBFGS are in one", () => {
  const [a, b, c] = parametersOf(["a", "b", "c"]) as [Parameter, Parameter, Parameter];
  const optimizer = new SGD([a]);
  new LBFGS([b]).zeroGrad();
  backward([a, b]);
  optimizer.step();
  expect(hints()).toEqual([]);
  backward([a, b, c]);
  optimizer.step();
  expect(hints()).toHaveLength(1);
  expect(hints()[0]).toMatch(/^twopass: c gets a gradient/);
});

test("a step that finds no gradient is told, and one that finds a gradient is not", () => {
  const [p] = parametersOf(["p"]) as [Parameter];
  const optimizer = new SGD([p], { lr: 0.1 });
  backward([p]);
  optimizer.step();
  expect(hints()).toEqual([]);
  backward([p]);
  optimizer.zeroGrad();
  optimizer.step();
  expect(hints()).toEqual([expect.stringContaining("step() finds no gradient and changes nothing: call backward()")]);
});
