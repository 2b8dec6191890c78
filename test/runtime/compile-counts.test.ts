/** compile(): what changes from step to step compiles nothing, another shape once, and explain() tells it in one line. */
import { expect, test } from "vitest";
import { mseLoss } from "../../src/nn/functional.ts";
import { Dropout, Linear, Sequential, Tanh } from "../../src/nn/index.ts";
import { AdamW, OneCycleLR, SGD } from "../../src/optim/index.ts";
import { compile } from "../../src/tensor/compile.ts";
import { tensor } from "../../src/tensor/creation.ts";
import { currentEngine } from "../../src/tensor/engines.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { onEachDevice } from "../devices.ts";

const optimizers: readonly (readonly [string, (model: Sequential) => SGD | AdamW])[] = [
  ["SGD with momentum", (model) => new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 })],
  ["AdamW", (model) => new AdamW(model.parameters(), { lr: 0.1 })],
];

onEachDevice(() => {
  test.each(optimizers)("%s", async (_, make) => {
    const model = new Sequential(new Linear(3, 5), new Tanh(), new Dropout(0.25), new Linear(5, 1));
    const optimizer = make(model);
    const schedule = new OneCycleLR(optimizer, { maxLr: 0.2, totalSteps: 100 });
    const step = compile((x: Tensor, y: Tensor) => {
      const loss = mseLoss(model.forward(x), y);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    });
    let calls = 0;
    const losses = new Set<number>();
    const call = async (rows: number): Promise<void> => {
      calls++;
      const elements = Float32Array.from({ length: 3 * rows }, (_, i) => Math.sin(i * calls));
      losses.add(
        await step(
          tensor(elements, { shape: [rows, 3] }),
          tensor(elements.subarray(0, rows), { shape: [rows, 1] }),
        ).item(),
      );
      schedule.step();
    };
    const counted = (): unknown => {
      const { plans, kernels } = currentEngine().stats;
      return { plans, kernels, explained: step.explain() };
    };

    // The state of the optimiser is made in the first call.
    for (let i = 0; i < 3; i++) await call(4);
    const early = counted();
    for (let i = 0; i < 20; i++) await call(4);
    expect(counted()).toEqual(early);

    const { plans } = currentEngine().stats;
    const lines = step.explain().split("\n");
    await call(6);
    expect(currentEngine().stats.plans).toBe(plans + 1);
    expect(step.explain().split("\n")).toEqual([
      ...lines,
      `call ${calls}: traced: argument 1 changed its shape from [4, 3] to [6, 3]`,
    ]);
    const late = counted();
    for (let i = 0; i < 6; i++) await call(i % 2 === 0 ? 4 : 6);
    expect(counted()).toEqual(late);
    // All of these were steps of a training.
    expect(losses.size).toBe(calls);
  });
});
