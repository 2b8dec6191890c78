/** Threads that help and are killed between runs: the caller goes on without them, with the same bits. */
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import threads from "node:worker_threads";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { kit } from "../../../src/ops/kit.ts";
import { CpuDevice } from "../../../src/runtime/cpu/device.ts";
import { WasmMachine } from "../../../src/runtime/wasm/machine.ts";
import { preload } from "../../data/workers/sources-in-threads.ts";
import { cellOf, inputOf, sgd } from "../../schedule/models.ts";
import { CompiledGraph } from "../compiled-graph.ts";

const started: threads.Worker[] = [];

class NotedWorker extends threads.Worker {
  constructor(file: URL) {
    super(file, { execArgv: ["--import", preload] });
    started.push(this);
  }
}

const usual = process.getBuiltinModule.bind(process);
beforeAll(() => {
  vi.spyOn(process, "getBuiltinModule").mockImplementation(((name: string) =>
    name === "node:worker_threads" ? { ...threads, Worker: NotedWorker } : usual(name)) as typeof usual);
});
afterAll(() => vi.restoreAllMocks());

/** The losses and the weights of steps, of which some come before `between` and some behind. */
async function trained(machine: WasmMachine, between: () => Promise<void>): Promise<unknown[]> {
  const device = new CpuDevice(machine);
  const w = cellOf("w", [40, 30]);
  const product = kit.matmul(inputOf([50, 40]), w);
  const loss = kit.sum(kit.mul(product, product), [0, 1]);
  const graph = new CompiledGraph(device, [{ value: loss, cell: undefined }, ...sgd([w], [kit.mul(w, 0.5)])]);
  const steps = (): unknown[] => Array.from({ length: 20 }, () => graph.run()[0]);
  const early = steps();
  await between();
  return [...early, ...steps()];
}

test.each([1, 2])("%i of two are", async (count) => {
  const options = { oversubscribe: true, rates: { products: 1e-4, instructions: 1e-4 } };
  const alone = await trained(new WasmMachine({ threads: 1 }), () => Promise.resolve());
  started.length = 0;
  const machine = new WasmMachine({ threads: 3, ...options });
  const isWorking = (many: number) => vi.waitFor(() => expect(machine.working).toBe(many), 20_000);
  const shared = await trained(machine, async () => {
    await isWorking(3);
    // Asleep: one that is killed in the middle of its part fails the run, see pool.test.ts.
    await sleep(50);
    for (const worker of started.slice(0, count)) await worker.terminate();
    await isWorking(3 - count);
  });
  expect(shared).toEqual(alone);
  expect(machine.report()).toMatch(/left, a thread has ended: exit code 1/);
  machine.close();
});
