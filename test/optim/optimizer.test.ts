import { expect, test } from "vitest";
import { load, save } from "../../src/io/index.ts";
import { Dropout, Linear, Parameter, Sequential } from "../../src/nn/index.ts";
import { Adam, AdamW, NAdam, type OptimizerState, RMSprop, SGD, StepLR } from "../../src/optim/index.ts";
import { compile } from "../../src/tensor/compile.ts";
import { ones, tensor, zeros } from "../../src/tensor/creation.ts";
import { currentEngine } from "../../src/tensor/engines.ts";
import { manualSeed } from "../../src/tensor/random.ts";
import type { StoredTensor } from "../../src/tensor/stored.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

/** A loss with gradient p − 1 everywhere. */
function loss(...parameters: Tensor[]): Tensor {
  return parameters.map((p) => p.sub(1).square().sum().mul(0.5)).reduce((sum, part) => sum.add(part));
}

test("SGD with momentum and Nesterov's look ahead, by hand", async () => {
  const p = new Parameter(tensor([0, 3]));
  const optimizer = new SGD([p], { lr: 0.5, momentum: 0.5, nesterov: true });
  for (let i = 0; i < 2; i++) {
    optimizer.zeroGrad();
    loss(p).backward();
    optimizer.step();
  }
  // First b = g = [-1, 2], d = g + b/2; p = [0.75, 1.5]. Then g = [-0.25, 0.5], b = [-0.75, 1.5], d = [-0.625, 1.25].
  expect(await p.array()).toEqual([1.0625, 0.875]);
});

test("a changed rate, and steps behind the second, compile nothing", async () => {
  const p = new Parameter(ones(3));
  const optimizer = new AdamW([p], { lr: 0.1 });
  const step = (): void => {
    optimizer.zeroGrad();
    loss(p).backward();
    optimizer.step();
  };
  step();
  const { plans } = currentEngine().stats;
  for (let i = 0; i < 5; i++) {
    for (const group of optimizer.paramGroups) {
      group.lr *= 0.9;
      group.betas = [0.8, 0.99];
    }
    step();
  }
  expect(currentEngine().stats.plans).toBe(plans);
});

test("of a weight decay only whether it is 0 is part of a compiled step", () => {
  const p = new Parameter(ones(3));
  const optimizer = new AdamW([p], { lr: 0.1, weightDecay: 0.5 });
  const step = compile(() => {
    optimizer.zeroGrad();
    loss(p).backward();
    optimizer.step();
  });
  for (const weightDecay of [0.5, 0.25, 0.125, 0]) {
    for (const group of optimizer.paramGroups) group.weightDecay = weightDecay;
    for (let i = 0; i < 3; i++) step();
  }
  expect(step.explain().split("\n").slice(1)).toEqual(["call 10: traced again: weightDecay of an optimiser changed"]);
});

test("one step is one run", () => {
  const parameters = [new Parameter(ones(3)), new Parameter(ones(2, 2))];
  const optimizer = new Adam(parameters);
  loss(...parameters).backward();
  const { runs } = currentEngine().stats;
  optimizer.step();
  expect(currentEngine().stats.runs).toBe(runs + 1);
});

test("a parameter without a gradient keeps its content and its count of steps", async () => {
  const [a, b] = [new Parameter(zeros(1)), new Parameter(zeros(1))];
  const optimizer = new Adam([a, b], { lr: 0.1 });
  loss(a).backward();
  optimizer.step();
  expect(await b.item()).toBe(0);
  optimizer.zeroGrad();
  loss(a, b).backward();
  optimizer.step();
  const { state } = optimizer.stateDict();
  expect([state[0]?.["step"], state[1]?.["step"]]).toEqual([2, 1]);
  // The first step of Adam has the length of the rate, whatever the gradient.
  expect(await b.item()).toBeCloseTo(0.1, 5);
});

test("groups have settings of their own", async () => {
  const [a, b] = [new Parameter(zeros(1)), new Parameter(zeros(1))];
  const optimizer = new SGD([{ params: [a] }, { params: [b], lr: 0.25 }], { lr: 0.5 });
  loss(a, b).backward();
  optimizer.step();
  expect([await a.item(), await b.item()]).toEqual([0.5, 0.25]);
  const c = new Parameter(zeros(1));
  optimizer.addParamGroup({ params: [c], lr: 0.75 });
  optimizer.zeroGrad();
  loss(a, b, c).backward();
  optimizer.step();
  expect(await c.item()).toBe(0.75);
});

test("a saved optimiser goes on exactly where it was", async () => {
  const start = tensor([
    [1, -2],
    [0.5, 4],
  ]);
  const run = async (makeSteps: (p: Parameter) => Promise<void>): Promise<unknown> => {
    const p = new Parameter(start);
    await makeSteps(p);
    return p.array();
  };
  const step = (p: Parameter, optimizer: RMSprop): void => {
    optimizer.zeroGrad();
    loss(p).backward();
    optimizer.step();
  };
  const options = { lr: 0.05, momentum: 0.9, centered: true };
  const whole = await run(async (p) => {
    const optimizer = new RMSprop([p], options);
    for (let i = 0; i < 6; i++) step(p, optimizer);
  });
  const inTwo = await run(async (p) => {
    const first = new RMSprop([p], options);
    for (let i = 0; i < 3; i++) step(p, first);
    const bytes = await save(first.stateDict());
    const second = new RMSprop([p]);
    second.loadStateDict(load<OptimizerState & Record<string, unknown>>(bytes));
    for (let i = 0; i < 3; i++) step(p, second);
  });
  expect(inTwo).toEqual(whole);
});

test("a state that does not fit is refused", () => {
  const [a, b] = [new Parameter(zeros(2)), new Parameter(zeros(3))];
  const [first, second] = [new Adam([a]), new Adam([b])];
  loss(a).backward();
  first.step();
  expect(() => second.loadStateDict(first.stateDict())).toThrow(
    /a shape differs: exp_avg of parameter 0 is \[2\], the parameter \[3\]/,
  );
  expect(() => new Adam([a, b]).loadStateDict(first.stateDict())).toThrow("the groups differ");
});

test("what is given by mistake is named", () => {
  const p = new Parameter(zeros(1));
  expect(() => new SGD([])).toThrow(/^SGD: got no parameters/);
  expect(() => new SGD([p], { learningRate: 1 } as object)).toThrow('SGD: unknown option "learningRate"');
  expect(() => new SGD([p], { weightdecay: 1 } as object)).toThrow('did you mean "weightDecay"?');
  expect(() => new Adam([p], { betas: [0.9, 1] })).toThrow("Adam: betas must be two numbers from 0 to below 1");
  expect(() => new SGD([p], { lr: -1 })).toThrow("lr must be a number from 0: got -1");
  expect(() => new SGD([p], { nesterov: true })).toThrow("nesterov needs a momentum");
  expect(() => new SGD([p, p])).toThrow("a parameter comes twice");
  expect(() => new SGD([zeros(1)] as unknown as StoredTensor[])).toThrow("new nn.Parameter(tensor)");
  expect(() => new SGD({} as unknown as StoredTensor[])).toThrow("model.parameters()");
});

test("a run that fails takes the step back", async () => {
  const p = new Parameter(zeros(2));
  const optimizer = new Adam([p]);
  const index = tensor([0, 7]).int().add(0);
  p.gather(0, index).sum().backward();
  expect(() => optimizer.step()).toThrow("out of range");
  expect(optimizer.stateDict().state).toEqual({});
  optimizer.zeroGrad();
  loss(p).backward();
  optimizer.step();
  expect(optimizer.stateDict().state[0]?.["step"]).toBe(1);
});

test("NAdam follows the formula of PyTorch 1.13", async () => {
  const p = new Parameter(zeros(1));
  const optimizer = new NAdam([p], { lr: 0.1 });
  let [x, m, v, product] = [0, 0, 0, 1];
  const momentum = (t: number): number => 0.9 * (1 - 0.5 * 0.96 ** (0.004 * t));
  for (let t = 1; t <= 4; t++) {
    optimizer.zeroGrad();
    loss(p).backward();
    optimizer.step();
    const g = x - 1;
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    product *= momentum(t);
    // The paper has the momentum of the step once in what corrects the mean.
    const all = product * momentum(t) * momentum(t + 1);
    const corrected = (momentum(t + 1) * m) / (1 - all) + ((1 - momentum(t)) * g) / (1 - product);
    x -= (0.1 * corrected) / (Math.sqrt(v / (1 - 0.999 ** t)) + 1e-8);
  }
  expect(await p.item()).toBeCloseTo(x, 5);
});

test("a schedule sets rates, and its state brings them back", () => {
  const optimizer = new SGD([new Parameter(zeros(1))], { lr: 1 });
  const rate = (): number => optimizer.paramGroups[0]?.lr ?? Number.NaN;
  const schedule = new StepLR(optimizer, { stepSize: 2, gamma: 0.5 });
  const rates = [rate()];
  for (let i = 0; i < 4; i++) {
    schedule.step();
    rates.push(rate());
  }
  expect(rates).toEqual([1, 1, 0.5, 0.5, 0.25]);
  const state = schedule.stateDict();
  schedule.step();
  schedule.step();
  schedule.loadStateDict(state);
  schedule.step();
  expect([schedule.lastEpoch, rate()]).toEqual([5, 0.25]);
});

test("a compiled step reads the rate, the count of steps and the key of dropout at each call", async () => {
  const x = tensor([
    [0, 1],
    [2, 3],
  ]);
  const train = async (isCompiled: boolean): Promise<unknown> => {
    manualSeed(4);
    const model = new Sequential(new Linear(2, 8), new Dropout(0.5), new Linear(8, 1));
    const optimizer = new Adam(model.parameters(), { lr: 0.1 });
    const schedule = new StepLR(optimizer, { stepSize: 2, gamma: 0.5 });
    const step = (input: Tensor): Tensor => {
      const error = model.forward(input).square().mean();
      optimizer.zeroGrad();
      error.backward();
      optimizer.step();
      return error;
    };
    const run = isCompiled ? compile(step) : step;
    const losses: number[] = [];
    for (let i = 0; i < 8; i++) {
      losses.push(await run(x).item());
      schedule.step();
    }
    expect(optimizer.stateDict().state[0]?.["step"]).toBe(8);
    return losses;
  };
  expect(await train(true)).toEqual(await train(false));
});

test("a loaded state takes the dtype of its parameter, and what is no state is refused", async () => {
  const make = (): [Parameter, Adam] => {
    const p = new Parameter(ones(2));
    return [p, new Adam([p], { lr: 0.1 })];
  };
  const step = (p: Parameter, optimizer: Adam): void => {
    optimizer.zeroGrad();
    p.mul(tensor([1, -3]))
      .sum()
      .backward();
    optimizer.step();
  };
  const [p, first] = make();
  step(p, first);
  const { state, paramGroups } = first.stateDict();
  const entries = Object.entries(state[0] ?? {});
  const wide = Object.fromEntries(entries.map(([name, x]) => [name, typeof x === "number" ? x : x.to("float64")]));
  const [q, second] = make();
  q.assign(p);
  second.loadStateDict({ state: { 0: wide }, paramGroups });
  const loaded = second.stateDict().state[0]?.["exp_avg"] as Tensor | undefined;
  expect(loaded?.dtype).toBe("float32");
  step(p, first);
  step(q, second);
  expect(await q.array()).toEqual(await p.array());
  for (const bad of [undefined, null, {}, { state: {}, paramGroups: [{}] }]) {
    expect(() => second.loadStateDict(bad as unknown as OptimizerState)).toThrow(
      /^Adam.loadStateDict: a state has the fields state and paramGroups/,
    );
  }
});
