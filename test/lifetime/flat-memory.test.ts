/** Memory after many steps equals memory after few: nothing depends on the collector or on dispose(). */
import { expect, test } from "vitest";
import { workloads } from "../../bench/workloads/index.ts";
import * as nn from "../../src/nn/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { compile } from "../../src/tensor/compile.ts";
import { tensor } from "../../src/tensor/creation.ts";
import { setDefaultDevice } from "../../src/tensor/engines.ts";
import { memory } from "../../src/tensor/memory.ts";
import { noGrad } from "../../src/tensor/scope.ts";
import { machineName } from "../cpu-machine.ts";
import { measure } from "./measure.ts";

test.each([
  ["w6", false, 10_000],
  ["w6", true, 10_000],
  ["w4", false, 300],
] as const)(
  "%s, compiled: %s, keeps its memory over %d steps",
  { timeout: 300_000 },
  async (name, isCompiled, steps) => {
    setDefaultDevice(machineName);
    const { x, y, step: written } = workloads[name].make();
    const step = isCompiled ? compile(written) : written;
    let loss = 0;
    const run = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        loss = step(x, y).itemSync();
        if (i % 50 === 49) await new Promise((resume) => setImmediate(resume));
      }
    };
    await run(steps / 10);
    const early = await measure();
    await run(steps - steps / 10);
    const late = await measure();
    expect(Number.isFinite(loss)).toBe(true);
    expect(late.device).toBe(early.device);
    expect(late.reserved).toBe(early.reserved);
    expect(late.plans).toBe(early.plans);
    // What the test runner itself allocates meanwhile is far below this.
    expect(late.host - early.host).toBeLessThan(2 * 2 ** 20);
  },
);

test("data that two runs use is not kept for ever", async () => {
  setDefaultDevice(machineName);
  const model = new nn.Linear(64, 8);
  const optimizer = new SGD(model.parameters(), { lr: 0.01 });
  const cache: number[] = [];
  for (let step = 0; step < 400; step++) {
    const x = tensor(new Float32Array(64 * 64).fill(step), { shape: [64, 64] });
    optimizer.zeroGrad();
    model.forward(x).mean().backward();
    optimizer.step();
    await noGrad(() => model.forward(x))
      .sum()
      .item();
    if (step === 100 || step === 399) cache.push(memory()[machineName]?.cache ?? 0);
  }
  expect(cache[0]).toBeGreaterThan(0);
  expect(cache[1]).toBe(cache[0]);
});
