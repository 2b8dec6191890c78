/** Whole training steps with layers and optimisers: compiled, eager, run singly and interrupted by reads, with equal numbers. */
import { afterEach, expect, test } from "vitest";
import * as nn from "../../src/nn/index.ts";
import { crossEntropy } from "../../src/nn/functional/loss.ts";
import { Adam, ChainedScheduler, ExponentialLR, LinearLR, SGD, SequentialLR, StepLR } from "../../src/optim/index.ts";
import { compile } from "../../src/tensor/compile.ts";
import { tensor } from "../../src/tensor/creation.ts";
import { manualSeed } from "../../src/tensor/random.ts";
import { setEager, setHints } from "../../src/tensor/switches.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { onEachDevice } from "../devices.ts";
import { counter } from "./support.ts";

class Net extends nn.Module {
  readonly first = new nn.Linear(4, 8);
  readonly norm = new nn.BatchNorm1d(8);
  readonly drop = new nn.Dropout(0.25);
  readonly last = new nn.Linear(8, 3);

  override forward(x: Tensor): Tensor {
    return this.last.forward(this.drop.forward(this.norm.forward(this.first.forward(x)).relu()));
  }
}

type Step = (x: Tensor, y: Tensor) => Tensor;

interface Program {
  readonly wrap?: (step: Step) => Step;
  readonly meddle?: (model: Net, loss: Tensor) => Promise<void>;
}

/** Trains for 12 steps; gives losses, and all parameters and buffers. */
async function train(
  optimizerOf: (model: Net) => Adam | SGD,
  { wrap = (f) => f, meddle }: Program = {},
): Promise<unknown> {
  manualSeed(3);
  const model = new Net();
  const optimizer = optimizerOf(model);
  const step = wrap((x, y) => {
    const loss = crossEntropy(model.forward(x), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  });
  const losses: number[] = [];
  for (let i = 0; i < 12; i++) {
    const x = tensor(
      Float32Array.from({ length: 24 }, (_, j) => Math.sin(i + j)),
      { shape: [6, 4] },
    );
    const y = tensor(Int32Array.from({ length: 6 }, (_, j) => (i + j) % 3));
    const loss = step(x, y);
    await meddle?.(model, loss);
    losses.push(await loss.item());
  }
  const state = await model.snapshot();
  const entries = await Promise.all(Object.entries(state).map(async ([key, value]) => [key, await value.array()]));
  return [losses, entries];
}

onEachDevice(() => {
  afterEach(() => {
    setEager(false);
    setHints(true);
  });

  const optimizers = [
    ["Adam", (model: Net) => new Adam(model.parameters(), { lr: 0.01, weightDecay: 0.1 })],
    ["SGD with momentum", (model: Net) => new SGD(model.parameters(), { lr: 0.05, momentum: 0.9, dampening: 0.5 })],
  ] as const;

  test.each(optimizers)("%s: a step is one run, and few plans are made", async (_, optimizerOf) => {
    await train(optimizerOf);
    const count = counter();
    await train(optimizerOf);
    expect(count.plans).toBe(0);
    // Twelve steps; all else that a run was needed for is the initial state.
    expect(count.runs).toBeLessThanOrEqual(13);
  });

  test.each(optimizers)(
    "%s: compiled is eager, bit by bit, with dropout and running statistics",
    async (_, optimizerOf) => {
      const eager = await train(optimizerOf);
      expect(await train(optimizerOf, { wrap: (step) => compile(step) })).toEqual(eager);
    },
  );

  test.each(optimizers)("%s: each operation in a run of its own gives the same numbers", async (_, optimizerOf) => {
    const lazy = await train(optimizerOf);
    setEager(true);
    expect(await train(optimizerOf)).toEqual(lazy);
  });

  test("reading everything everywhere changes no number", async () => {
    const [, optimizerOf] = optimizers[0];
    const plain = await train(optimizerOf);
    const meddle = async (model: Net, loss: Tensor): Promise<void> => {
      await loss.array();
      for (const parameter of model.parameters()) {
        await parameter.grad?.array();
        await parameter.mul(2).sum().item();
      }
    };
    expect(await train(optimizerOf, { meddle })).toEqual(plain);
  });

  test("a read of the loss and the scores before backward() changes no number, dropout included", async () => {
    const [, optimizerOf] = optimizers[0];
    setHints(false);
    const readEarly = async (early: boolean): Promise<number[]> => {
      manualSeed(5);
      const model = new Net();
      const optimizer = optimizerOf(model);
      const losses: number[] = [];
      for (let i = 0; i < 4; i++) {
        const x = tensor([
          [1, 2, i, 4],
          [0, i, 1, -1],
          [i, 0, 0, 2],
        ]);
        const loss = crossEntropy(model.forward(x), [0, 1, 2]);
        if (early) await loss.item();
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
        losses.push(await loss.item());
      }
      return losses;
    };
    expect(await readEarly(true)).toEqual(await readEarly(false));
  });

  test.each([
    ["a schedule", (o: SGD) => new ExponentialLR(o, { gamma: 0.5 })],
    [
      "a sequence of schedules",
      (o: SGD) =>
        new SequentialLR(
          o,
          [new LinearLR(o, { startFactor: 0.5, totalIters: 3 }), new ExponentialLR(o, { gamma: 0.5 })],
          {
            milestones: [3],
          },
        ),
    ],
    [
      "schedules at the same time",
      (o: SGD) => new ChainedScheduler([new StepLR(o, { stepSize: 2 }), new ExponentialLR(o, { gamma: 0.9 })]),
    ],
  ] as const)("%s inside of a compiled step goes on at each call", async (_, scheduleOf) => {
    const run = async (wrap: (step: () => Tensor) => () => Tensor): Promise<unknown> => {
      const w = new nn.Parameter(tensor([1, 2]));
      const optimizer = new SGD([w], { lr: 0.5 });
      const schedule = scheduleOf(optimizer);
      const step = wrap(() => {
        const loss = w.square().sum();
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
        schedule.step();
        return loss;
      });
      const seen: number[] = [];
      for (let i = 0; i < 9; i++) {
        seen.push(await step().item());
        seen.push(optimizer.paramGroups[0]?.lr ?? Number.NaN);
      }
      return [seen, await w.array()];
    };
    expect(await run((step) => compile(step))).toEqual(await run((step) => step));
  });

  test("a fault takes back the optimiser's count, not the schedule's step before it", async () => {
    const w = new nn.Parameter(tensor([1, 2]));
    const optimizer = new Adam([w], { lr: 0.5 });
    const schedule = new ExponentialLR(optimizer, { gamma: 0.5 });
    const step = (position: number): void => {
      optimizer.zeroGrad();
      w.gather(0, tensor([position]).add(0.25).int())
        .sum()
        .backward();
      optimizer.step();
    };
    step(0);
    schedule.step();
    expect(() => step(5)).toThrow(/index out of range/);
    expect(optimizer.paramGroups[0]?.lr).toBe(0.25);
    expect(optimizer.stateDict().state[0]?.["step"]).toBe(1);
    step(1);
    expect(optimizer.stateDict().state[0]?.["step"]).toBe(2);
    expect((await w.array(1))[0]).toBeLessThan(1);
  });

  test("eval() and train() reach a compiled step", async () => {
    manualSeed(7);
    const model = new Net();
    const predict = compile((x: Tensor) => model.forward(x));
    const x = tensor([
      [1, 2, 3, 4],
      [0, 1, 1, -1],
    ]);
    for (let i = 0; i < 3; i++) predict(x);
    model.eval();
    const expected = await model.forward(x).array();
    for (let i = 0; i < 3; i++) expect(await predict(x).array()).toEqual(expected);
    model.train();
    expect(await predict(x).array()).not.toEqual(expected);
    expect(predict.explain()).toMatch(/eval\(\) was called[^]*train\(\) was called/);
  });
});
