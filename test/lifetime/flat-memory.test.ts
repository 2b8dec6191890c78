/** Memory after many steps equals memory after few: nothing depends on the collector or on dispose(). */
import v8 from "node:v8";
import vm from "node:vm";
import { expect, test } from "vitest";
import { workloads } from "../../bench/workloads.ts";
import { engineOf, setDefaultDevice } from "../../src/tensor/engines.ts";

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
