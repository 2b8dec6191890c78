/** Memory after many steps equals memory after few: nothing depends on the collector or on dispose(). */
import v8 from "node:v8";
import vm from "node:vm";
import { expect, test } from "vitest";
import { workloads } from "../../bench/workloads.ts";
import * as nn from "../../src/nn/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { tensor } from "../../src/tensor/creation.ts";
import { engineOf, setDefaultDevice } from "../../src/tensor/engines.ts";
import { memory } from "../../src/tensor/memory.ts";
import { noGrad } from "../../src/tensor/scope.ts";

v8.setFlagsFromString("--expose-gc");
const gc = vm.runInNewContext("gc") as () => void;

interface Measured {
  /** Bytes that JavaScript holds, typed arrays included. */
  readonly host: number;
  /** Bytes of the device that are in use, and that it has reserved. */
  readonly device: number;
  readonly reserved: number;
  readonly plans: number;
}

async function measure(): Promise<Measured> {
  // Finalisers run between turns of the event loop.
  for (let i = 0; i < 3; i++) {
    gc();
    await new Promise((resume) => setImmediate(resume));
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  const engine = engineOf("wasm");
  const { cells, arena, cache, reserved } = engine.device.memory();
  return {
    host: heapUsed + arrayBuffers - reserved,
    device: cells + arena + cache,
    reserved,
    plans: engine.stats.plans,
  };
}

test.each([
  ["w6", 10_000],
  ["w6-compiled", 10_000],
  ["w4", 300],
])("%s keeps its memory over %d steps", { timeout: 300_000 }, async (name, steps) => {
  setDefaultDevice("wasm");
  const make = workloads[name];
  if (make === undefined) throw new Error(`no workload ${name}`);
  const { step } = make();
  let loss = 0;
  const run = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      loss = step().itemSync();
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
});

test("data that two runs use is not kept for ever", async () => {
  setDefaultDevice("wasm");
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
    if (step === 100 || step === 399) cache.push(memory()["wasm"]?.cache ?? 0);
  }
  expect(cache[0]).toBeGreaterThan(0);
  expect(cache[1]).toBe(cache[0]);
});
