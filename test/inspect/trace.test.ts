import { expect, test } from "vitest";
import {
  type Trace,
  type TraceOperation,
  type TraceValue,
  type TraceOptimizer,
  readTrace,
  summaryOf,
  trace,
  traceText,
} from "../../src/inspect/index.ts";
import { watching } from "../../src/ir/value.ts";
import { watchedCalls } from "../../src/nn/module/forward-call.ts";
import * as nn from "../../src/nn/index.ts";
import { Adam, SGD } from "../../src/optim/index.ts";
import { compile } from "../../src/tensor/compile.ts";
import { tensor, zeros } from "../../src/tensor/creation.ts";
import { grad } from "../../src/tensor/grad.ts";
import { inner } from "../../src/tensor/inner.ts";
import { profile } from "../../src/tensor/profile.ts";
import { manualSeed, randn } from "../../src/tensor/random.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { onEachDevice } from "../devices.ts";
import { examples, xorBatch } from "./models.ts";

function dataOf(value: TraceValue | undefined): readonly number[] {
  if (value?.kind !== "elements") throw new Error("there are no elements");
  return value.data;
}

const numbers = async (x: Tensor): Promise<number[]> => Array.from(await x.data());

function lossOf({ model, loss, batch: [x, y] }: ReturnType<(typeof examples)[number]["make"]>): Tensor {
  const output = (model as unknown as { forward(x: Tensor): Tensor }).forward(x);
  return typeof loss === "function" ? loss(output, y) : loss.forward(output, y);
}

/** The operations that are left when those of the library's own bookkeeping are. */
function operation(step: Trace, at: number | undefined): TraceOperation {
  const found = at === undefined ? undefined : step.operations[at];
  if (found === undefined) throw new Error("there is no such operation");
  return found;
}

/** What is wrong with the links of an operation. */
function faultsOf(step: Trace, one: TraceOperation, i: number): string[] {
  const { inputs, gradient, derivativeOf, value, shape, phase } = one;
  const of = derivativeOf === undefined ? undefined : operation(step, derivativeOf);
  const size = shape.reduce((n, m) => n * m, 1);
  const faults = {
    "takes what is behind it": inputs.some((input) => input < 0 || input >= i),
    "has a gradient outside of the forward pass": gradient !== undefined && phase !== "forward",
    "has a gradient of another shape":
      gradient !== undefined && operation(step, gradient).shape.join() !== shape.join(),
    "is a derivative of nothing forward": of !== undefined && (phase !== "backward" || of.phase !== "forward"),
    "has another number of elements": value?.kind === "elements" && value.data.length !== size,
  };
  return Object.entries(faults).flatMap(([fault, isSo]) => (isSo ? [`${i} ${fault}`] : []));
}

onEachDevice(() => {
  test.each(examples)("$name: both graphs belong to each other, and have the numbers of the step", async ({ make }) => {
    manualSeed(3);
    const plain = make();
    manualSeed(11);
    const loss = lossOf(plain);
    const parameters = plain.model.namedParameters();
    const gradients = grad(
      loss,
      parameters.map(([, p]) => p),
    ) as Tensor[];
    const expected = await Promise.all(gradients.map(numbers));
    const lossValue = await loss.item();

    manualSeed(3);
    const traced = make();
    manualSeed(11);
    const step = await trace(traced.model, traced.loss, traced.batch, { whole: 10_000 });
    expect(step.lossValue).toBe(lossValue);
    expect(step.parameters.map((p) => p.path)).toEqual(parameters.map(([path]) => path));
    step.parameters.forEach((parameter, i) => {
      const { value, gradientOf } = operation(step, parameter.gradient);
      expect(dataOf(value)).toEqual(expected[i]);
      expect(operation(step, gradientOf).shape).toEqual(parameter.shape);
    });
    expect(step.operations.flatMap((one, i) => faultsOf(step, one, i))).toEqual([]);
    // Every operation that a gradient flows through has something in the backward pass.
    const used = new Set(step.operations.map((one) => one.derivativeOf));
    // The gradients of parts that cover a tensor are joined, which belongs to that tensor.
    const isOwn = ({ op, gradient }: TraceOperation): boolean =>
      gradient !== undefined && !["leaf", "slice", "reshape"].includes(op);
    const flows = step.operations.flatMap((one, i) => (isOwn(one) ? [i] : []));
    expect(flows.length).toBeGreaterThan(3);
    expect(flows.filter((i) => !used.has(i) && !isPassedOn(step, i))).toEqual([]);
    expect(operation(step, step.loss).phase).toBe("forward");
    expect(readTrace(traceText(step))).toEqual(step);
  });

  test("a traced step is a step: parameters and state are those of one that is not traced, to the bit", async () => {
    const run = async (isTraced: boolean): Promise<number[][]> => {
      manualSeed(5);
      const { model, loss, batch } = (examples[5] as (typeof examples)[number]).make();
      const optimizer = new Adam(model.parameters(), { lr: 0.01 });
      for (let i = 0; i < 4; i++) {
        if (isTraced) await trace(model, loss, batch, { optimizer });
        else {
          const result = lossOf({ model, loss, batch });
          optimizer.zeroGrad();
          result.backward();
          optimizer.step();
        }
      }
      const states = Object.values(optimizer.stateDict().state).flatMap((s) => Object.values(s));
      return Promise.all(
        [...model.parameters(), ...states.filter((x): x is Tensor => typeof x === "object")].map(numbers),
      );
    };
    expect(await run(true)).toEqual(await run(false));
  });

  test("the update is told with what was before, the change and the optimiser's state", async () => {
    manualSeed(1);
    const model = new nn.Sequential(new nn.Linear(2, 3), new nn.Tanh(), new nn.Linear(3, 1));
    const optimizer = new SGD(model.parameters(), { lr: 0.5, momentum: 0.9 });
    const loss = new nn.MSELoss();
    const first = await trace(model, loss, xorBatch(), { optimizer });
    const step = await trace(model, loss, xorBatch(), { optimizer });
    expect([first.step, step.step]).toEqual([1, 2]);
    for (const [i, parameter] of step.parameters.entries()) {
      const g = dataOf(operation(step, parameter.gradient).value);
      const [before, after, change] = [parameter.before, parameter.after, parameter.change].map(dataOf) as number[][];
      expect(before).toEqual(dataOf(first.parameters[i]?.after));
      const { momentum_buffer: buffer } = parameter.state;
      expect(dataOf(buffer?.before)).toEqual(dataOf(first.parameters[i]?.state["momentum_buffer"]?.after));
      g.forEach((slope, j) => {
        const velocity = 0.9 * (dataOf(buffer?.before)[j] as number) + slope;
        expect(dataOf(buffer?.after)[j]).toBeCloseTo(velocity, 6);
        expect(change?.[j]).toBeCloseTo(-0.5 * velocity, 6);
        expect(after?.[j]).toBeCloseTo((before?.[j] as number) - 0.5 * velocity, 6);
      });
      expect(parameter.settings["lr"]).toBe(0.5);
    }
    expect(step.optimizer).toBe("SGD");
    expect(new Set(step.operations.map((one) => one.phase))).toEqual(new Set(["forward", "backward", "update"]));
  });

  test("an update of several runs is told whole, and a small step in one run", async () => {
    manualSeed(1);
    const model = new nn.Linear(2, 3);
    const first = new SGD(model.parameters(), { lr: 0.5 });
    const { engine } = model.weight.add(0)[inner];
    let runs = 0;
    const counted = async (optimizer: SGD | TraceOptimizer): Promise<Trace> => {
      const before = engine?.stats.runs ?? 0;
      const step = await trace(model, (y: Tensor) => y.sum(), xorBatch(), { optimizer });
      runs = (engine?.stats.runs ?? 0) - before;
      return step;
    };
    const start = await numbers(model.weight);
    const once = await counted(first);
    expect(runs).toBe(1);
    const middle = await numbers(model.weight);
    expect(dataOf(once.parameters[0]?.before)).toEqual(start);
    expect(dataOf(once.parameters[0]?.after)).toEqual(middle);
    const twice = await counted({
      paramGroups: first.paramGroups,
      zeroGrad: () => first.zeroGrad(),
      stateDict: () => first.stateDict(),
      step: () => {
        first.step();
        // A write of its own, behind the run.
        model.weight.assign(model.weight.mul(3));
      },
    });
    const end = await numbers(model.weight);
    const { before, after, change } = twice.parameters[0] ?? {};
    expect(dataOf(before)).toEqual(middle);
    expect(dataOf(after)).toEqual(end);
    dataOf(change).forEach((x, i) => expect(x).toBeCloseTo((end[i] as number) - (middle[i] as number), 5));
  });

  test("without an optimiser nothing is updated, and gradients stay as they are", async () => {
    const model = new nn.Linear(2, 1);
    const before = await numbers(model.weight);
    const step = await trace(model, new nn.MSELoss(), xorBatch());
    expect(await numbers(model.weight)).toEqual(before);
    expect(model.weight.grad).toBeNull();
    expect(step.parameters[0]?.after).toBeUndefined();
    expect(step.parameters[0]?.gradient).toBeDefined();
    expect(step.step).toBeUndefined();
  });

  test("large tensors have statistics, which are those of their elements", async () => {
    manualSeed(2);
    const model = new nn.Sequential(new nn.Linear(40, 60), new nn.ReLU(), new nn.Linear(60, 30));
    const batch = [randn(50, 40), randn(50, 30)] as const;
    const whole = await trace(model, new nn.MSELoss(), batch, { whole: 1e6 });
    const short = await trace(model, new nn.MSELoss(), batch, { whole: 0 });
    let compared = 0;
    for (const [i, { value }] of short.operations.entries()) {
      const all = whole.operations[i]?.value;
      if (value === undefined || all === undefined) continue;
      expect(value.kind).toBe("statistics");
      const [got, want] = [summaryOf(value), summaryOf(all)];
      for (const key of ["min", "max", "zeros", "nonFinite", "size"] as const) expect(got[key]).toBe(want[key]);
      for (const key of ["mean", "std", "norm"] as const) {
        const scale = Math.max(Math.abs(want.min), Math.abs(want.max)) * (key === "norm" ? Math.sqrt(want.size) : 1);
        expect(Math.abs(got[key] - want[key])).toBeLessThanOrEqual(1e-5 * scale + 1e-12);
      }
      expect(got.histogram.counts.reduce((n, m) => n + m, 0)).toBe(got.histogram.sampled);
      expect(got.histogram.sampled).toBeLessThanOrEqual(2048);
      // Of a larger one some elements are counted, in the bins of all.
      const { from, to } = want.histogram;
      expect(got.histogram).toMatchObject(got.size <= 2048 ? want.histogram : { from, to });
      compared++;
    }
    expect(compared).toBeGreaterThan(12);
    expect(short.parameters.every((p) => p.before.kind === "statistics")).toBe(true);
  });

  test("NaN and infinities are counted, and do not hide the rest", async () => {
    const model = new nn.Linear(1, 1, { bias: false });
    model.loadStateDict({ weight: tensor([[2]]) });
    const x = tensor([[1], [Infinity], [NaN], [-3], [0]]);
    for (const whole of [0, 100]) {
      const step = await trace(model, new nn.MSELoss(), [x, zeros(5, 1)], { whole });
      const value = step.operations.find((one) => one.op === "dot")?.value as TraceValue;
      expect(summaryOf(value)).toMatchObject({ size: 5, min: -6, max: 2, zeros: 1, nonFinite: 2 });
      expect(summaryOf(value).mean).toBeCloseTo(-4 / 3, 6);
      expect(step.lossValue).toBeNaN();
      expect(readTrace(traceText(step))).toEqual(step);
    }
  });
});

/** Whether the gradient goes on as it came: an addition has nothing to compute. */
function isPassedOn(step: Trace, at: number): boolean {
  const { gradient, inputs } = operation(step, at);
  return inputs.some((input) => operation(step, input).gradient === gradient);
}

test("operations know their module, the function that made them, and their line", async () => {
  class Small extends nn.Module {
    readonly first = new nn.Linear(2, 3);
    readonly second = new nn.Linear(3, 1);
    forward(x: Tensor): Tensor {
      return this.second.forward(this.first.forward(x).softmax(1));
    }
  }
  const step = await trace(new Small(), (y: Tensor, t: Tensor) => y.sub(t).square().mean(), xorBatch());
  const forward = step.operations.filter((one) => one.phase === "forward" && one.op !== "leaf");
  const exp = forward.find((one) => one.op === "exp") as TraceOperation;
  expect(exp.call).toBe("softmax");
  expect(exp.line).toMatch(/trace\.test\.ts:\d+:\d+$/);
  expect(new Set(forward.map((one) => one.module))).toEqual(new Set(["first", "", "second", "loss"]));
  expect(forward.filter((one) => one.module === "loss").map((one) => one.call)).toContain("square");
  expect(step.modules.map(({ path, type }) => `${path}:${type}`)).toEqual([":Small", "first:Linear", "second:Linear"]);
  expect(step.modules[1]?.settings).toBe(String(new nn.Linear(2, 3)).slice(7, -1));
  expect(step.modules[1]?.parameters).toEqual(["first.weight", "first.bias"]);
  const [call] = step.modules[1]?.calls ?? [];
  expect(operation(step, call?.inputs[0]).label).toBe("input");
  expect(operation(step, call?.outputs[0]).module).toBe("first");
  const without = await trace(new Small(), (y: Tensor, t: Tensor) => y.sub(t).square().mean(), xorBatch(), {
    lines: false,
  });
  expect(without.operations.every((one) => one.line === "" && one.call === "")).toBe(true);
  // Statistics are no kernels of the step.
  const { kernels } = await trace(new Small(), new nn.MSELoss(), xorBatch(), { whole: 0 });
  expect(kernels.length).toBeGreaterThan(3);
  expect(kernels.filter(({ label }) => label.includes("looking"))).toEqual([]);
});

test("what the backward pass reads is told in bytes", async () => {
  const model = new nn.Sequential(new nn.Linear(2, 3), new nn.Tanh());
  const step = await trace(model, (y: Tensor) => y.sum(), xorBatch());
  const kept = (op: string): number | undefined => step.operations.find((one) => one.op === op)?.keptBytes;
  // tanh's derivative is of its result; the product's of its input, which is a leaf.
  expect(kept("tanh")).toBe(4 * 3 * 4);
  expect(kept("dot")).toBe(0);
  expect(step.operations.find((one) => one.label === "input")?.keptBytes).toBe(4 * 2 * 4);
});

test("later steps are described as the first one is", async () => {
  const model = new nn.Sequential(new nn.Linear(2, 3), new nn.Tanh(), new nn.Linear(3, 1));
  const optimizer = new SGD(model.parameters(), { lr: 0.1 });
  const described: unknown[] = [];
  for (let i = 0; i < 3; i++) {
    const { operations } = await trace(model, new nn.MSELoss(), xorBatch(), { optimizer });
    // Numbers of the update are those of the step.
    described.push(
      operations.map(({ label, phase, ...rest }) => ({
        ...rest,
        value: undefined,
        phase,
        label: phase === "forward" ? label : "",
      })),
    );
  }
  expect(described[1]).toEqual(described[0]);
  expect(described[2]).toEqual(described[0]);
});

test("values are captured by path and pattern", async () => {
  const model = new nn.Sequential(
    new nn.Sequential(new nn.Linear(30, 30), new nn.Tanh()),
    new nn.Sequential(new nn.Linear(30, 30), new nn.Softmax(1)),
  );
  const batch = [randn(10, 30), randn(10, 30)] as const;
  const captured = async (capture: string | readonly string[]): Promise<string[]> => {
    const step = await trace(model, new nn.MSELoss(), batch, { capture });
    return step.operations.flatMap((one) => (one.value === undefined ? [] : [`${one.module}/${one.op}`]));
  };
  const few = await captured([]);
  // Results of modules and their gradients, whatever is asked.
  expect(few).toContain("0.1/tanh");
  expect(few).not.toContain("1.1/exp");
  for (const pattern of ["1.1", "1", "*.1", "**", "**.1", "1.**"]) expect(await captured(pattern)).toContain("1.1/exp");
  for (const pattern of ["0", "0.*", "*.0", "**.0"]) expect(await captured(pattern)).not.toContain("1.1/exp");
  await expect(captured("2.*")).rejects.toThrow('trace: no module has the path "2.*"');
  await expect(captured(["0", "1.11"])).rejects.toThrow("did you mean");
});

test("a large step has values of modules alone unless more is asked for", async () => {
  const model = new nn.Sequential(new nn.Linear(4, 600), new nn.Softmax(1));
  const step = await trace(model, new nn.MSELoss(), [randn(500, 4), zeros(500, 600)]);
  const has = (op: string): boolean => step.operations.some((one) => one.op === op && one.value !== undefined);
  expect(has("exp")).toBe(false);
  expect(step.operations.filter((one) => one.module === "1" && one.phase === "forward" && one.value)).toHaveLength(1);
  const all = await trace(model, new nn.MSELoss(), [randn(500, 4), zeros(500, 600)], { capture: "**" });
  expect(all.operations.some((one) => one.op === "exp" && one.value?.kind === "statistics")).toBe(true);
});

test("nothing watches behind a trace, also where it fails", async () => {
  const model = new nn.Linear(2, 1);
  await trace(model, new nn.MSELoss(), xorBatch());
  const broken = (): Tensor => {
    throw new RangeError("no loss today");
  };
  await expect(trace(model, broken, xorBatch())).rejects.toThrow("no loss today");
  expect([watching.made, watchedCalls.ended]).toEqual([undefined, undefined]);
  const { runs } = await profile(() => model.forward(zeros(1, 2)).item());
  expect(runs.length).toBeGreaterThan(0);
});

test("what cannot be traced is told", async () => {
  const model = new nn.Linear(2, 1);
  const loss = new nn.MSELoss();
  const batch = xorBatch();
  const attempt = (...args: unknown[]): Promise<Trace> => (trace as (...all: unknown[]) => Promise<Trace>)(...args);
  await expect(attempt({}, loss, batch)).rejects.toThrow("trace: the model must be a module");
  await expect(attempt(model, 3, batch)).rejects.toThrow("trace: the loss must be a loss");
  await expect(attempt(model, loss, [batch[0]])).rejects.toThrow("a batch must be [input, target]");
  await expect(attempt(model, loss, batch, { whole: -1 })).rejects.toThrow("whole must be");
  await expect(attempt(model, loss, batch, { optimiser: 1 })).rejects.toThrow('did you mean "optimizer"');
  await expect(attempt(model, loss, batch, { optimizer: {} })).rejects.toThrow("optimizer must be an optimiser");
  await expect(attempt(model, loss, batch, { capture: 3 })).rejects.toThrow("capture must be");
  await expect(attempt(model, (y: Tensor) => y, batch)).rejects.toThrow("the loss must be a tensor of one number");
  await expect(attempt(model, (y: Tensor) => y.detach().sum(), batch)).rejects.toThrow("does not depend on anything");
  let inside: Promise<Trace> | undefined;
  const compiled = compile((x: Tensor) => {
    inside = attempt(model, loss, batch);
    inside.catch(() => undefined);
    return x.add(1);
  });
  compiled(zeros(1));
  await expect(inside).rejects.toThrow("a compiled function cannot be looked into");
});
