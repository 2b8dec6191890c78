/** Memory: it stays flat over thousands of steps, is reported, and can be limited. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, test } from "vitest";
import { tensor, zeros } from "../../src/tensor/creation.ts";
import { compile } from "../../src/tensor/compile.ts";
import { currentEngine } from "../../src/tensor/engines.ts";
import { inner } from "../../src/tensor/inner.ts";
import { type MemoryReport, memory, setMemoryLimit } from "../../src/tensor/memory.ts";
import { noGrad } from "../../src/tensor/scope.ts";
import { StoredTensor } from "../../src/tensor/stored.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import { onEachDevice } from "../devices.ts";
import { Descent, parameter } from "./support.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Bytes that live objects and their buffers hold. */
function liveBytes(): number {
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** How much `step` leaves behind in each of many calls, after some to warm up. */
async function growth(step: (i: number) => void | Promise<void>, steps = 2000): Promise<number> {
  for (let i = 0; i < 1000; i++) await step(i);
  const before = liveBytes();
  for (let i = 0; i < steps; i++) await step(i);
  return (liveBytes() - before) / steps;
}

/** What counts as nothing: compiled code grows by some 100 bytes a step at first; a chain of steps would by 1,000 and more. */
const nothing = 300;

onEachDevice((device) => {
  const x = (): Tensor =>
    tensor(
      Float32Array.from({ length: 1024 }, (_, i) => (i % 7) / 7),
      { shape: [64, 16] },
    );

  test("2,000 eager steps of a two-layer net, with everything a program holds on to by habit", async () => {
    const [a, b] = [parameter([[0.5]], "a"), parameter([[0.25]], "b")];
    const optimizer = new Descent([a, b], 1e-4);
    let total: Tensor = tensor(0);
    let state: Tensor = zeros(64, 16);
    let last = 0;
    const left = await growth(async (i) => {
      const h = x().add(state.mul(0.1)).mul(a).tanh();
      const loss = h.mul(b).square().mean();
      optimizer.zeroGrad();
      loss.backward();
      state = h.detach();
      optimizer.step();
      total = total.add(loss);
      if (i % 100 === 0) last = await total.item();
    });
    expect(left).toBeLessThan(nothing);
    expect(last).toBeGreaterThan(0);
  }, 30_000);

  test("a step that is never read, and results that nobody uses", async () => {
    const w = parameter([2], "w");
    const optimizer = new Descent([w], 1e-6);
    const left = await growth(() => {
      const loss = x().mul(w).mean();
      loss.exp();
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
    });
    expect(left).toBeLessThan(nothing);
  });

  test("evaluation without gradients, read at the end only", async () => {
    const w = parameter([2], "w");
    let hits: Tensor = tensor(0);
    const left = await growth(() => {
      noGrad(() => {
        hits = hits.add(x().mul(w).sum());
      });
      currentEngine().noteCall([hits[inner].value]);
    });
    expect(left).toBeLessThan(nothing);
    expect(await hits.item()).toBeGreaterThan(0);
  });

  test("a program that only builds and never reads runs now and then", () => {
    const w = parameter([1], "w");
    const { runs } = currentEngine().stats;
    for (let i = 0; i < 10_500; i++) w.mul(2);
    expect(currentEngine().stats.runs).toBe(runs + 1);
  });

  test("replays of a compiled step", async () => {
    const w = parameter([2], "w");
    const optimizer = new Descent([w], 1e-6);
    const step = compile((batch: Tensor) => {
      const loss = batch.mul(w).mean();
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    });
    const left = await growth(() => {
      step(x());
    });
    expect(left).toBeLessThan(nothing);
  });

  test("models that are made and dropped", async () => {
    const left = await growth(() => {
      const w = parameter([2], "w");
      w.mul(3).sum().backward();
      new Descent([w], 1).step();
    });
    expect(left).toBeLessThan(nothing);
  });

  test("shapes that never come again: plans are dropped, oldest first", async () => {
    const w = parameter([2], "w");
    const run = async (size: number): Promise<void> => {
      await zeros(size).add(w).realize();
    };
    for (let size = 1; size <= 600; size++) await run(size);
    const { plans } = currentEngine().stats;
    await run(600);
    expect(currentEngine().stats.plans).toBe(plans);
    await run(1);
    expect(currentEngine().stats.plans).toBe(plans + 1);
  }, 30_000);

  // The reference device holds nothing of its own.
  describe.skipIf(device === "js")("reports and limits", () => {
    afterEach(() => setMemoryLimit(null));

    const report = (): MemoryReport => memory()[device] as MemoryReport;

    test("memory() counts what the device holds, and what the last run kept", async () => {
      const before = report();
      const w = new StoredTensor(zeros(10, 10), { requiresGrad: true, label: "w" });
      expect(report().cells).toBe(before.cells);
      const loss = w.mul(3).sum();
      loss.backward();
      await loss.item();
      expect(report().cells - before.cells).toBe(400);
      expect(report().kept).toBe(404);
      expect(report().reserved).toBeGreaterThan(report().cells);
      w.dispose();
      expect(report().cells).toBe(before.cells);
    });

    test("above the hard limit an error lists the largest holders, and nothing was written", async () => {
      const big = new StoredTensor(zeros(100, 100), { label: "big.weight" });
      await big.sum().item();
      const { cells, arena, cache } = report();
      const other = new StoredTensor(zeros(50, 50), { label: "other.weight" });
      setMemoryLimit({ hard: cells + arena + cache + 1000 });
      other.assign(other.add(big.sum()));
      expect(() => currentEngine().run([])).toThrow(/^memory: above the hard limit: .*big\.weight \[100, 100\]: 40000/);
      setMemoryLimit(null);
      expect((await other.data())[0]).toBe(0);
      other.assign(other.add(1));
      expect((await other.data())[0]).toBe(1);
    });

    test("above the soft limit a collection is asked for, and nothing else happens", async () => {
      let asked = 0;
      setMemoryLimit({ soft: 1, collect: () => asked++ });
      expect(await parameter([1]).add(1).item()).toBe(2);
      expect(asked).toBe(1);
    });

    test("checks its options", () => {
      expect(() => setMemoryLimit({ hard: -1 })).toThrow(/^setMemoryLimit: hard must be bytes above 0/);
      expect(() => setMemoryLimit({ most: 1 } as object)).toThrow(/unknown option "most"/);
    });
  });

  test("using gives a tensor back at the end of its block", () => {
    const key = (Symbol as { dispose?: symbol }).dispose ?? Symbol.for("Symbol.dispose");
    const t = tensor([1, 2]);
    (t as unknown as Record<symbol, () => void>)[key]?.();
    expect(() => t.mul(2)).toThrow(/disposed/);
    expect(t).toBeInstanceOf(Tensor);
  });
});
