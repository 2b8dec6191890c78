/** Threads that help with waves: with kernels made by hand that tell which thread did what, hang, or fail. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import {
  type KernelFn,
  commandHeaderBytes,
  driverModule,
  kernelArgument,
  kernelFunction,
} from "../../../src/codegen/wasm/driver.ts";
import { assembleModule } from "../../../src/codegen/wasm/module.ts";
import { Heap } from "../../../src/runtime/wasm/heap.ts";
import { Pool } from "../../../src/runtime/wasm/pool.ts";
import { readSourcesInThreads } from "../../data/workers/sources-in-threads.ts";

beforeAll(readSourcesInThreads);
afterAll(() => vi.restoreAllMocks());

type Run = (begin: number, end: number, workspace: number, pool: number) => void;

interface Call {
  readonly place: number;
  readonly units: number;
  readonly chunk: number;
  readonly args: readonly number[];
}

/** A pool with a driver and the kernels of a test. */
class Bench {
  readonly heap = new Heap(4, true);
  readonly pool: Pool;
  readonly workspace: number;
  readonly #table = new WebAssembly.Table({ element: "anyfunc", initial: 256 });
  readonly #commands: number;
  readonly #run: Run;

  constructor(helpers: number, patience = 30_000) {
    const driver = driverModule({ shared: true });
    this.pool = new Pool({ heap: this.heap, helpers, driver, workspaceBytes: 64, patience });
    this.workspace = this.heap.allocate(64, "a test").address;
    this.#commands = this.heap.allocate(4096, "a test").address;
    const stalled = (helper: number): void => this.pool.stalled(helper);
    const env = { memory: this.heap.memory, table: this.#table, stalled };
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(driver), { env });
    this.#run = exports["run"] as unknown as Run;
  }

  get words(): Int32Array {
    return new Int32Array(this.heap.memory.buffer);
  }

  allocate(words: number): number {
    const { address } = this.heap.allocate(4 * words, "a test");
    this.words.fill(0, address / 4, address / 4 + words);
    return address;
  }

  /** Compiles a kernel here, and gives it to the helpers. */
  add(place: number, kernel: KernelFn): void {
    const bytes = assembleModule({ k0: kernel }, { shared: true });
    const env = { memory: this.heap.memory };
    this.#table.set(place, new WebAssembly.Instance(new WebAssembly.Module(bytes), { env }).exports["k0"]);
    if (this.pool.isStarted) this.pool.publish({ bytes, places: [place] });
    else this.pool.start([{ bytes, places: [place] }]);
  }

  /** Runs calls as one wave that is worth waking threads for. */
  wave(calls: readonly Call[]): void {
    let end = this.#commands;
    for (const { place, units, chunk, args } of calls) {
      const bytes = commandHeaderBytes + 4 * args.length;
      this.words.set([place, bytes, 0, 0, units, chunk, 0, 0, ...args], end / 4);
      end += bytes;
    }
    const chunks = calls.reduce((sum, { units, chunk }) => sum + Math.ceil(units / chunk), 0);
    this.words.set([chunks, end - this.#commands], this.#commands / 4 + 2);
    this.words[this.#commands / 4 + 7] = 1_000_000;
    this.#run(this.#commands, end, this.workspace, this.pool.address);
    this.pool.check();
  }

  /** Resolves when so many helpers take part. */
  async helpers(count: number): Promise<void> {
    for (let i = 0; this.pool.helping !== count; i++) {
      if (i > 2000) throw new Error(`${this.pool.helping} helpers instead of ${count}: ${this.pool.report()}`);
      await sleep(10);
    }
  }
}

/**
 * For each unit u: word u of argument 0 counts how often it was done, word u of argument 1 becomes the workspace. Takes a
 * while, so that others come to take some.
 */
function marking(): KernelFn {
  const f = kernelFunction();
  const [, from, to, workspace] = f.params;
  const [counts, marks] = [kernelArgument(f, 0), kernelArgument(f, 1)];
  const [unit, i] = [f.local("i32"), f.local("i32")];
  f.for(unit, from, to, 1, () => {
    f.address(counts, unit, 4).i32(1).atomic("i32.atomic.rmw.add").op("drop");
    f.address(marks, unit, 4).get(workspace).store("i32.store");
    f.for(i, 0, 20_000, 1, () => f.address(marks, unit, 4).get(workspace).store("i32.store"));
  });
  return f;
}

/** Does `body` in helpers, where the workspace is not the one of argument 0. */
function inHelpers(body: (f: KernelFn) => void): KernelFn {
  const f = kernelFunction();
  const [, , , workspace] = f.params;
  const i = f.local("i32");
  f.get(workspace).get(kernelArgument(f, 0)).op("i32.ne");
  f.if(
    () => body(f),
    // Leaves chunks for others.
    () => f.for(i, 0, 100_000, 1, () => f.get(kernelArgument(f, 0)).load("i32.load").op("drop")),
  );
  return f;
}

let bench: Bench;
afterEach(() => bench.pool.close());

/** Waves of marks until a helper and the caller have done something; checks that all was done once. */
async function marksOfWaves(place = 0): Promise<void> {
  const units = 64;
  const [counts, marks] = [bench.allocate(units), bench.allocate(units)];
  const seen = new Set<number>();
  let waves = 0;
  do {
    if (++waves > 2000) throw new Error(`only ${[...seen].join(", ")} did anything; the caller is ${bench.workspace}`);
    bench.wave([
      { place, units: 40, chunk: 3, args: [counts, marks] },
      { place, units: 24, chunk: 1, args: [counts + 160, marks + 160] },
    ]);
    for (let u = 0; u < units; u++) seen.add(bench.words[marks / 4 + u] as number);
    // Now and then the helpers fall asleep.
    if (waves % 4 === 0) await sleep(1);
  } while (seen.size < 2 || !seen.has(bench.workspace) || waves < 10);
  expect([...bench.words.subarray(counts / 4, counts / 4 + units)]).toEqual(new Array(units).fill(waves));
}

test.each([1, 3])("%i helpers and the caller do each unit once", async (helpers) => {
  bench = new Bench(helpers);
  bench.add(0, marking());
  // Without them the caller does all.
  const [counts, marks] = [bench.allocate(4), bench.allocate(4)];
  bench.wave([{ place: 0, units: 4, chunk: 1, args: [counts, marks] }]);
  expect([...bench.words.subarray(marks / 4, marks / 4 + 4)]).toEqual(new Array(4).fill(bench.workspace));
  await bench.helpers(helpers);
  await marksOfWaves();
  expect(bench.pool.report()).toBeUndefined();
});

test("kernels that are added while helpers sleep are theirs too, in a memory that has grown", async () => {
  bench = new Bench(1);
  bench.add(0, marking());
  await bench.helpers(1);
  await marksOfWaves();
  const used = bench.heap.used;
  for (let i = 0; i < 200; i++) bench.add(20 + i, marking());
  const reserved = bench.heap.reserved;
  bench.allocate(2 ** 20);
  expect(bench.heap.reserved).toBeGreaterThan(reserved);
  for (const place of [20, 219]) await marksOfWaves(place);
  // The code of kernels that all have compiled is let go, but for the last.
  bench.add(220, marking());
  await marksOfWaves(220);
  bench.add(221, marking());
  expect(bench.heap.used).toBeLessThan(used + 4 * 2 ** 20 + 16_384);
});

test("a kernel that fails in a helper fails the run, and the rest goes on without the helper", async () => {
  bench = new Bench(2);
  bench.add(0, marking());
  bench.add(
    1,
    inHelpers((f) => f.op("unreachable")),
  );
  await bench.helpers(2);
  const fails = (): void => {
    for (let i = 0; i < 2000; i++) bench.wave([{ place: 1, units: 32, chunk: 1, args: [bench.workspace] }]);
  };
  expect(fails).toThrow(/internal: a kernel has failed in a thread/);
  await vi.waitFor(() => expect(bench.pool.report()).toMatch(/left, a thread has ended: unreachable/), 10_000);
  const alive = bench.pool.alive;
  expect(alive).toBeLessThan(2);
  if (alive > 0) await marksOfWaves();
});

test("a helper that does not come back is given up: the run fails, later ones do without it", async () => {
  bench = new Bench(1, 200);
  bench.add(0, marking());
  bench.add(
    1,
    inHelpers((f) => f.loop((again) => f.br(again))),
  );
  await bench.helpers(1);
  const hangs = (): void => {
    for (let i = 0; i < 2000; i++) bench.wave([{ place: 1, units: 32, chunk: 1, args: [bench.workspace] }]);
  };
  expect(hangs).toThrow(/^wasm: a thread does not come back with its part of a kernel: it was waited for 0\.\d s/);
  expect(bench.pool.alive).toBe(0);
  expect(bench.pool.helping).toBe(0);
  const [counts, marks] = [bench.allocate(8), bench.allocate(8)];
  bench.wave([{ place: 0, units: 8, chunk: 1, args: [counts, marks] }]);
  expect([...bench.words.subarray(counts / 4, counts / 4 + 8)]).toEqual(new Array(8).fill(1));
  expect(bench.pool.report()).toBe("one is left, a thread has ended: it did not answer");
});

test("a thread that cannot start leaves the work to the caller, and says why", async () => {
  vi.restoreAllMocks();
  bench = new Bench(1);
  // Threads of a test run cannot read TypeScript.
  bench.add(0, marking());
  await vi.waitFor(() => expect(bench.pool.alive).toBe(0), 20_000);
  expect(bench.pool.report()).toMatch(/^one is left, a thread has ended: .*extension/);
  const [counts, marks] = [bench.allocate(8), bench.allocate(8)];
  bench.wave([{ place: 0, units: 8, chunk: 1, args: [counts, marks] }]);
  expect([...bench.words.subarray(counts / 4, counts / 4 + 8)]).toEqual(new Array(8).fill(1));
  readSourcesInThreads();
});
