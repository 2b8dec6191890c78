/** The WebAssembly device with threads: the same bits for every number of them, and what its report says. */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { type TypedArray, allocate } from "../../../src/base/dtype.ts";
import type { Cell } from "../../../src/ir/cell.ts";
import type { Wanted } from "../../../src/ir/program.ts";
import { kit } from "../../../src/ops/kit.ts";
import { CpuDevice } from "../../../src/runtime/cpu/device.ts";
import type { Device } from "../../../src/runtime/device.ts";
import { WasmMachine, type WasmMachineOptions } from "../../../src/runtime/wasm/machine.ts";
import { chooseThreads } from "../../../src/runtime/wasm/threads.ts";
import { preload, readSourcesInThreads } from "../../data/workers/sources-in-threads.ts";
import { inputOf, lenetStep, mlpStep, transformerStep } from "../../schedule/models.ts";
import { CompiledGraph, dataLeaf, runOnce, sameBits } from "../compiled-graph.ts";
import { generate, recipeOf } from "../fuzz/generate.ts";

const machines: WasmMachine[] = [];

function machineWith(options: WasmMachineOptions): WasmMachine {
  const machine = new WasmMachine({ oversubscribe: true, ...options });
  machines.push(machine);
  return machine;
}

/** A machine to which everything seems large, with all its threads at work. */
async function sharingMachine(threads: number): Promise<WasmMachine> {
  const machine = machineWith({ threads, rates: { products: 1e-4, instructions: 1e-4 } });
  runOnce(new CpuDevice(machine), [kit.neg(inputOf([100]))]);
  for (let i = 0; machine.working < threads; i++) {
    if (i > 2000) throw new Error(machine.report());
    await sleep(10);
  }
  return machine;
}

afterAll(() => {
  for (const machine of machines) machine.close();
  vi.restoreAllMocks();
});

describe("results have the same bits for 1, 2 and 4 threads", () => {
  let devices: Device[];
  beforeAll(async () => {
    readSourcesInThreads();
    const all = [machineWith({ threads: 1 }), await sharingMachine(2), await sharingMachine(4)];
    devices = all.map((machine) => new CpuDevice(machine));
  });

  /** What each device gives in so many runs, and the cells after them; for each device these start anew. */
  function onAll(
    wanted: readonly Wanted[],
    cells: readonly Cell[],
    start: readonly ArrayLike<number>[],
    runs: number,
  ): TypedArray[][] {
    return devices.map((device) => {
      cells.forEach((cell, i) => {
        const data = allocate(cell.dtype, (start[i] as ArrayLike<number>).length);
        data.set(start[i] as ArrayLike<number>);
        cell.host = data;
        cell.buffer = undefined;
      });
      const graph = new CompiledGraph(device, wanted);
      const kept = Array.from({ length: runs }, () => graph.run()).flat();
      const results = [...kept.filter((data) => data !== undefined), ...cells.map((cell) => device.read(cell))];
      graph.plan.dispose();
      for (const cell of cells) device.release(cell);
      return results;
    });
  }

  function expectSame(all: readonly TypedArray[][]): void {
    const [alone, ...shared] = all as [TypedArray[], ...TypedArray[][]];
    for (const results of shared) {
      expect(results.length).toBe(alone.length);
      results.forEach((data, i) => expect(sameBits(data, alone[i] as TypedArray)).toBe(true));
    }
  }

  const steps = { MLP: () => mlpStep(32), LeNet: () => lenetStep(4), "transformer block": () => transformerStep() };
  test.each(Object.entries(steps))("training steps of a small %s", (_, step) => {
    const wanted = step();
    const cells = wanted.flatMap(({ cell }) => (cell === undefined ? [] : [cell]));
    const all = onAll(
      wanted,
      cells,
      cells.map((cell) => (cell.host as TypedArray).slice()),
      4,
    );
    expectSame(all);
    expect(all[0]?.length).toBeGreaterThan(4);
  });

  test("random programs", () => {
    for (let seed = 1; seed <= 100; seed++) {
      const graph = generate(recipeOf(seed));
      expectSame(onAll(graph.wanted, graph.cells, graph.start, 2));
    }
  });

  test.each([
    [130, 70, 300],
    [1, 500, 64],
    [500, 1, 64],
    [33, 257, 9],
    [3, 100_000, 2],
  ])("products of %i × %i by %i, sums, sorted and added rows", (m, n, k) => {
    const c = kit.matmul(inputOf([m, k]), inputOf([k, n]));
    const places = Array.from({ length: m }, (_, i) => (i * i) % 5);
    const rows = kit.expand(dataLeaf([m, 1], "int32", places), [m, n]);
    const roots = [
      c,
      kit.sum(c, [0]),
      kit.sum(c, [1]),
      kit.sum(c, [0, 1]),
      kit.sort(c, false),
      kit.scatter(rows, c, 0, 5),
    ];
    const all = devices.map((device) => runOnce(device, roots));
    expectSame(all);
  });

  test("additions at few places from far apart, all of them", () => {
    const n = 100_000;
    const places = dataLeaf(
      [n],
      "int32",
      Array.from({ length: n }, (_, i) => i % 5),
    );
    const roots = [kit.scatter(places, dataLeaf([n], "float32", new Float32Array(n).fill(1)), 0, 5)];
    for (const device of devices) expect(runOnce(device, roots)).toEqual([new Float32Array(5).fill(n / 5)]);
  });

  test("a program of which many plans are alive", () => {
    const graphs = devices.map((device) =>
      Array.from({ length: 30 }, (_, i) => new CompiledGraph(device, [kit.exp(kit.mul(inputOf([i + 1, 70]), i))])),
    );
    for (let round = 0; round < 3; round++)
      expectSame(graphs.map((list) => list.flatMap((g) => g.run() as TypedArray[])));
  });

  test("after the memory has grown", () => {
    const reserved = devices.map((device) => device.memory().reserved);
    const large = inputOf([1500, 1500]);
    expectSame(devices.map((device) => runOnce(device, [kit.sum(kit.permute(kit.exp(large), [1, 0]), [0])])));
    devices.forEach((device, i) => expect(device.memory().reserved).toBeGreaterThan(reserved[i] as number));
    expectSame(devices.map((device) => runOnce(device, [kit.matmul(inputOf([64, 64]), inputOf([64, 64]))])));
  });
});

describe("how many threads", () => {
  afterEach(() => vi.unstubAllGlobals());

  const usual = process.getBuiltinModule.bind(process);
  afterEach(() => {
    process.getBuiltinModule = usual;
  });

  /** Until the end of a test this machine has so many cores. */
  function withCores(cores: number): void {
    const system = { availableParallelism: () => cores };
    process.getBuiltinModule = ((name: string) => (name === "node:os" ? system : usual(name))) as typeof usual;
  }

  test.each([
    [4, undefined, 4, undefined],
    [4, 2, 2, "of 4 cores: as many were asked for"],
    [4, 4, 4, undefined],
    [4, 9, 4, "9 were asked for, there are 4 cores"],
    [1, 3, 1, "3 were asked for, there is one core"],
    [1, undefined, 1, "there is one core"],
    [4, 1, 1, "one was asked for"],
    [32, undefined, 8, "more than 8 are not used"],
    [32, 20, 8, "20 were asked for, more than 8 are not used"],
  ] as const)("on %i cores, asked for %s", (cores, threads, chosen, reason) => {
    withCores(cores);
    expect(chooseThreads(threads === undefined ? {} : { threads })).toEqual({ threads: chosen, reason });
  });

  test("a TWOPASS_THREADS that is no number is told once, and the default holds", () => {
    withCores(4);
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    vi.stubEnv("TWOPASS_THREADS", "many");
    const note = "TWOPASS_THREADS=many is not a whole number from 1 on; the default holds";
    const usually = { threads: 4, reason: note };
    expect([chooseThreads({}), chooseThreads({}), chooseThreads({ threads: 4 })]).toEqual([
      usually,
      usually,
      { threads: 4, reason: undefined },
    ]);
    expect(warn.mock.calls).toEqual([[`twopass: ${note}`]]);
    vi.stubEnv("TWOPASS_THREADS", " 2 ");
    expect(chooseThreads({}).threads).toBe(2);
    vi.stubEnv("TWOPASS_THREADS", "");
    expect(chooseThreads({})).toEqual({ threads: 4, reason: undefined });
    expect(warn).toHaveBeenCalledTimes(1);
    warn.mockRestore();
    vi.unstubAllEnvs();
  });

  test("one in a page that is not isolated, and the report says what to do", () => {
    withCores(4);
    vi.stubGlobal("crossOriginIsolated", false);
    vi.stubGlobal("SharedArrayBuffer", undefined);
    const machine = machineWith({});
    expect(machine.threads).toBe(1);
    expect(machine.report()).toMatch(
      /^one thread: the page is not cross-origin isolated: send the headers Cross-Origin-Opener-Policy: same-origin/m,
    );
    const c = kit.matmul(inputOf([300, 300]), inputOf([300, 300]));
    expect(machine.memory.memory.buffer).toBeInstanceOf(ArrayBuffer);
    const alone = runOnce(new CpuDevice(machine), [c]);
    vi.unstubAllGlobals();
    expect(runOnce(new CpuDevice(machineWith({ threads: 2 })), [c])).toEqual(alone);
  });

  test("one where the host has no shared memory", () => {
    withCores(4);
    vi.stubGlobal("SharedArrayBuffer", undefined);
    expect(machineWith({}).report()).toMatch(/^one thread: this host has no SharedArrayBuffer$/m);
  });

  test("small programs start none", () => {
    withCores(2);
    const machine = machineWith({ threads: 2 });
    runOnce(new CpuDevice(machine), [kit.matmul(inputOf([8, 8]), inputOf([8, 8]))]);
    expect(machine.report()).toMatch(/^2 threads: they start when there is work worth sharing$/m);
    expect(machine.working).toBe(1);
  });
});

test.each(["end", "exit", "throw"])("a program with threads that sleep can %s", (how) => {
  const program = fileURLToPath(new URL("./ends.ts", import.meta.url));
  const args = ["--import", preload, program, how];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 60_000 });
  expect(stdout).toBe("2 threads\n");
  expect(status).toBe({ end: 0, exit: 0, throw: 1 }[how]);
});
