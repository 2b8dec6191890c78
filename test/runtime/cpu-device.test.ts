/** CPU devices beyond single results: plans that move, data that stays, cells that come and go, kernels shared. */
import { describe, expect, test } from "vitest";
import type { TypedArray } from "../../src/base/dtype.ts";
import type { Cell } from "../../src/ir/cell.ts";
import type { Wanted } from "../../src/ir/program.ts";
import type { Value } from "../../src/ir/value.ts";
import { kit } from "../../src/ops/kit.ts";
import { JsDevice } from "../../src/runtime/js/device.ts";
import { CpuDevice } from "../../src/runtime/cpu/device.ts";
import { Heap } from "../../src/runtime/wasm/heap.ts";
import { machineName, makeDevice } from "../cpu-machine.ts";
import { cellOf, inputOf, lenetStep, mlpStep, sgd, slotOf, transformerStep } from "../schedule/models.ts";
import { CompiledGraph, dataLeaf, runOnce, sameBits } from "./compiled-graph.ts";

const cellIn = (value: Value): Cell => {
  if (value.leaf?.kind !== "cell") throw new Error("no cell");
  return value.leaf.cell;
};

/** Cells after some steps, each from the same start. */
function trained(
  device: JsDevice | CpuDevice,
  step: () => Wanted[],
  steps: number,
): { losses: number[]; cells: TypedArray[] } {
  const wanted = step();
  const graph = new CompiledGraph(device, wanted);
  const losses = Array.from({ length: steps }, () => (graph.run()[0] as TypedArray)[0] as number);
  const cells = wanted.flatMap(({ cell }) => (cell === undefined ? [] : [device.read(cell)]));
  graph.plan.dispose();
  return { losses, cells };
}

describe("training steps", () => {
  const models = [
    { name: "MLP", step: () => mlpStep(4) },
    { name: "LeNet", step: () => lenetStep(2) },
    { name: "transformer block", step: () => transformerStep() },
  ];
  test.each(models)("of a $name are those of the reference, and the same unfused", ({ step }) => {
    const fused = trained(makeDevice(), step, 3);
    const alone = trained(makeDevice({ fuse: false }), step, 3);
    expect(fused.losses).toEqual(alone.losses);
    fused.cells.forEach((data, i) => expect(sameBits(data, alone.cells[i] as TypedArray)).toBe(true));
    const want = trained(new JsDevice(), step, 3);
    want.losses.forEach((loss, i) => expect(fused.losses[i]).toBeCloseTo(loss, 4));
    expect(fused.losses[2]).toBeLessThan(fused.losses[0] as number);
  });
});

describe("kernels", () => {
  test("are shared by plans: new batch sizes compile nothing", () => {
    const device = makeDevice();
    trained(device, () => mlpStep(8), 1);
    const before = device.compiled;
    trained(device, () => mlpStep(8), 1);
    expect(device.compiled).toBe(before);
    trained(device, () => mlpStep(5), 1);
    expect(device.compiled).toBe(before);
  });

  // A C compiler would take minutes for so many: native/kernels.test.ts has fewer.
  test.skipIf(machineName === "native")("are dropped when thousands are unused, and made again when needed", () => {
    const device = makeDevice();
    const many = (from: number): TypedArray[] => {
      const roots = Array.from({ length: 300 }, (_, i) => {
        // The bits say what happens, so that all kernels differ; other shapes keep them apart.
        let y = inputOf([i + 1]);
        for (let bit = 0; bit < 13; bit++) y = ((from + i) >> bit) & 1 ? kit.neg(kit.relu(y)) : kit.abs(y);
        return y;
      });
      return runOnce(device, roots);
    };
    const first = many(0);
    for (let from = 300; from < 2700; from += 300) many(from);
    const before = device.compiled;
    expect(before).toBe(2700);
    many(2400);
    expect(device.compiled).toBe(before);
    expect(many(0)).toEqual(first);
    expect(device.compiled).toBeGreaterThan(before);
  });
});

describe("memory", () => {
  test("may grow and the arena may move between the runs of a plan", () => {
    const device = makeDevice();
    const x = inputOf([50, 50]);
    const graph = new CompiledGraph(device, [kit.matmul(kit.matmul(x, x), x), kit.sum(x, [0])]);
    const before = graph.run();
    const reserved = device.memory().reserved;
    const large = dataLeaf([1500, 1500], "float32", new Float32Array(1500 * 1500).fill(1));
    const other = new CompiledGraph(device, [kit.sum(kit.permute(kit.exp(kit.permute(large, [1, 0])), [1, 0]), [0])]);
    const [sums] = other.run();
    expect(sums?.[7]).toBeCloseTo(1500 * Math.E, 0);
    expect(device.memory().reserved).toBeGreaterThan(reserved);
    graph.run().forEach((data, i) => expect(sameBits(data as TypedArray, before[i] as TypedArray)).toBe(true));
  });

  test("of data that a run uses is not given away in that run", () => {
    const device = makeDevice();
    const size = 3 * 2 ** 20;
    const parts = Array.from({ length: 7 }, (_, i) => dataLeaf([size], "float32", new Float32Array(size).fill(i + 1)));
    const graph = new CompiledGraph(
      device,
      parts.map((x) => kit.max(x, [0])),
    );
    for (let run = 0; run < 3; run++) expect(graph.run().map((data) => data?.[0])).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(device.memory().cache).toBeGreaterThan(64 * 2 ** 20);
    // Once others need the room, the limit holds again.
    const more = dataLeaf([size], "float32", new Float32Array(size));
    for (let run = 0; run < 3; run++) runOnce(device, [kit.sum(more, [0])]);
    expect(device.memory().cache).toBeLessThanOrEqual(64 * 2 ** 20);
  });

  test("of many steps is that of one", () => {
    const device = makeDevice();
    const parameter = cellOf("p", [40]);
    const graph = new CompiledGraph(device, sgd([parameter], [kit.mul(parameter, 0.5)]));
    graph.run();
    const before = device.memory();
    const used = device.machine.memory.used;
    for (let i = 0; i < 2000; i++) graph.run();
    expect(device.memory()).toEqual(before);
    expect(device.machine.memory.used).toBe(used);
  });

  test("of a plan goes back when it is disposed, once", () => {
    const device = makeDevice();
    const graph = new CompiledGraph(device, [kit.neg(inputOf([10]))]);
    graph.run();
    const used = device.machine.memory.used;
    graph.plan.dispose();
    const after = device.machine.memory.used;
    expect(after).toBeLessThan(used);
    graph.plan.dispose();
    expect(device.machine.memory.used).toBe(after);
    expect(() => graph.run()).toThrow(/a disposed plan is run/);
  });
});

describe("cells", () => {
  test("that nobody uses for long move out, and come back with their elements", () => {
    const device = makeDevice();
    const idle = cellOf("idle", [6]);
    const start = device.read(cellIn(idle));
    const read = new CompiledGraph(device, [kit.mul(idle, 2)]);
    read.run();
    expect(cellIn(idle).host).toBeUndefined();
    const other = new CompiledGraph(device, [kit.neg(inputOf([3]))]);
    for (let i = 0; i < 1100; i++) other.run();
    expect(cellIn(idle).host).toEqual(start);
    expect(read.run()).toEqual([start.map((x) => 2 * x)]);
  });

  test("are read and written where they are", () => {
    const device = makeDevice();
    const p = cellOf("p", [3]);
    device.write(cellIn(p), Float32Array.of(1, 2, 3));
    const graph = new CompiledGraph(device, [kit.mul(p, slotOf(10))]);
    expect(graph.run()).toEqual([Float32Array.of(10, 20, 30)]);
    device.write(cellIn(p), Float32Array.of(4, 5, 6));
    expect(device.read(cellIn(p))).toEqual(Float32Array.of(4, 5, 6));
    expect(graph.run()).toEqual([Float32Array.of(40, 50, 60)]);
    const used = device.memory().cells;
    device.release(cellIn(p));
    expect(device.memory().cells).toBe(used - 12);
  });

  test("exchange their contents", () => {
    const device = makeDevice();
    const [p, q] = [cellOf("first", [5]), cellOf("second", [5])];
    const [a, b] = [device.read(cellIn(p)), device.read(cellIn(q))];
    const graph = new CompiledGraph(device, [
      { value: q, cell: cellIn(p) },
      { value: p, cell: cellIn(q) },
    ]);
    graph.run();
    expect([device.read(cellIn(p)), device.read(cellIn(q))]).toEqual([b, a]);
    graph.run();
    expect([device.read(cellIn(p)), device.read(cellIn(q))]).toEqual([a, b]);
  });
});

describe("the heap", () => {
  test("gives out blocks that do not overlap, and joins what comes back", () => {
    const heap = new Heap(2);
    const whole = heap.reserved - 64;
    const blocks = [1, 64, 65, 1000, 5000].map((bytes) => heap.allocate(bytes, "a test"));
    blocks.forEach((a, i) => {
      expect(a.address % 64).toBe(0);
      for (const b of blocks.slice(0, i))
        expect(a.address >= b.address + b.bytes || b.address >= a.address + a.bytes).toBe(true);
    });
    for (const i of [1, 3, 0, 4, 2]) heap.free(blocks[i] as (typeof blocks)[number]);
    expect(heap.used).toBe(0);
    const all = heap.allocate(whole, "a test");
    expect(heap.reserved).toBe(whole + 64);
    const more = heap.allocate(100, "a test");
    expect(heap.reserved).toBeGreaterThan(whole + 64);
    expect(more.address).toBeGreaterThanOrEqual(all.address + all.bytes);
  });

  test("says who wanted more than there is", () => {
    expect(() => new Heap(1).allocate(2 ** 33, "the arena of a plan")).toThrow(
      /out of memory: the arena of a plan needs 8192/,
    );
  });
});

test("a plan says what it does", () => {
  const device = makeDevice();
  const graph = new CompiledGraph(device, [kit.relu(kit.matmul(inputOf([2, 3]), inputOf([3, 4])))]);
  expect(graph.plan.kernels).toEqual({ 0: 2, 1: 0, 2: 0 });
  expect(graph.plan.explain()).toBe(
    [
      "0 forward contract dot: float32 [2, 3], float32 [3, 4], float32 [2, 4]",
      "1 forward loop relu: float32 [2, 4], float32 [2, 4]",
      "arena 96 bytes",
    ].join("\n"),
  );
});
