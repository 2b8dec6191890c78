/** Rule 1 of the run contract: when a run happens, and that it happens once. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { Module } from "../../src/nn/module/module.ts";
import { Parameter } from "../../src/nn/module/parameter.ts";
import { tensor } from "../../src/tensor/creation.ts";
import { currentEngine } from "../../src/tensor/engines.ts";
import { noGrad } from "../../src/tensor/scope.ts";
import { setEager, setHints } from "../../src/tensor/switches.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { onEachDevice } from "../devices.ts";
import { Descent, counter, parameter } from "./support.ts";

class Scale extends Module {
  readonly w = new Parameter(tensor([2, 3]));

  override forward(x: Tensor): Tensor {
    return x.mul(this.w);
  }
}

onEachDevice(() => {
  test("forward, backward and assign build the graph and run nothing", async () => {
    const w = parameter([1, 2]);
    const count = counter();
    const loss = w.mul(w).sum();
    loss.backward();
    w.assign(w.mul(2));
    expect(w.grad?.shape).toEqual([2]);
    expect(String(loss)).toContain("not run yet");
    expect(count.runs).toBe(0);
    expect(await loss.item()).toBe(5);
    expect(count.runs).toBe(1);
    expect(await w.grad?.array()).toEqual([2, 4]);
    expect(await w.array()).toEqual([2, 4]);
    expect(count.runs).toBe(1);
  });

  test("a training step is one run of one plan", async () => {
    const w = parameter([4, 8]);
    const x = tensor([1, 2]);
    const optimizer = new Descent([w], 0.25);
    const count = counter();
    const losses: number[] = [];
    for (let i = 0; i < 3; i++) {
      const loss = w.mul(x).sum();
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      losses.push(await loss.item());
      expect(count.runs).toBe(i + 1);
    }
    expect(count.plans).toBe(1);
    expect(losses).toEqual([20, 18.75, 17.5]);
    expect(await w.array()).toEqual([3.25, 6.5]);
  });

  test("a read between backward() and step() runs forward and backward once, and step() the update", async () => {
    const w = parameter([4]);
    const optimizer = new Descent([w], 0.5);
    const count = counter();
    for (let i = 0; i < 2; i++) {
      const loss = w.mul(w).sum();
      optimizer.zeroGrad();
      loss.backward();
      await loss.item();
      expect(count.runs).toBe(2 * i + 1);
      optimizer.step();
      expect(count.runs).toBe(2 * i + 2);
    }
    expect(count.plans).toBe(2);
    expect(await w.array()).toEqual([0]);
  });

  test("what has run is not run again", async () => {
    const x = tensor([1, 2, 3]);
    const y = x.mul(3);
    const count = counter();
    await y.array();
    await y.data();
    await y.realize();
    y.arraySync();
    expect(count.runs).toBe(1);
    await x.array();
    expect(count.runs).toBe(1);
  });

  test("one read runs all that is pending", async () => {
    const x = tensor([1, 2]);
    const [a, b] = [x.mul(3), x.add(5)];
    const count = counter();
    expect(await a.array()).toEqual([3, 6]);
    expect(await b.array()).toEqual([6, 7]);
    expect(count.runs).toBe(1);
  });

  test("a read is bound where it is written, not where it is awaited", async () => {
    const w = parameter([1]);
    const before = w.array();
    w.assign(7);
    currentEngine().run([]);
    const after = w.array();
    expect(await before).toEqual([1]);
    expect(await after).toEqual([7]);
  });

  test("the ninth outermost module call without a run makes one", async () => {
    const model = new Scale();
    const x = tensor([1, 1]);
    const count = counter();
    noGrad(() => {
      let hits = tensor(0).mul(1);
      for (let call = 1; call <= 20; call++) {
        hits = hits.add(model.forward(x).sum());
        expect(count.runs).toBe(call < 9 ? 0 : call < 18 ? 1 : 2);
      }
      expect(hits.itemSync()).toBe(100);
    });
  });

  test("calls inside of a call are not counted", () => {
    class Twice extends Module {
      readonly scale = new Scale();

      override forward(x: Tensor): Tensor {
        return this.scale.forward(this.scale.forward(x));
      }
    }
    const model = new Twice();
    const count = counter();
    noGrad(() => {
      for (let call = 0; call < 8; call++) model.forward(tensor([1, 1]));
      expect(count.runs).toBe(0);
      model.forward(tensor([1, 1]));
      expect(count.runs).toBe(1);
    });
  });

  test("calls in front of a backward() do not run before it", async () => {
    const model = new Scale();
    const optimizer = new Descent(model.parameters(), 0.001);
    const count = counter();
    for (let step = 1; step <= 3; step++) {
      let loss = tensor(0).mul(1);
      for (let call = 0; call < 100; call++) loss = loss.add(model.forward(tensor([1, 1])).sum());
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      expect(count.runs).toBe(step);
    }
    // Where no backward() follows, nothing may pile up without end.
    for (let call = 0; call < 600; call++) model.forward(tensor([1, 1]));
    expect(count.runs).toBe(4);
  });

  describe("the hint at a read before backward()", () => {
    afterEach(() => {
      vi.restoreAllMocks();
      setHints(true);
    });

    const readFirst = async (): Promise<number> => {
      const w = parameter([3]);
      const loss = w.mul(w).sum();
      const value = await loss.item();
      loss.backward();
      return value + ((await w.grad?.item()) ?? Number.NaN);
    };

    test("the numbers are right", async () => {
      setHints(false);
      const count = counter();
      expect(await readFirst()).toBe(15);
      expect(count.runs).toBe(2);
    });

    test("says what it costs, once a line", async () => {
      const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
      setHints(true);
      const w = parameter([3]);
      for (let i = 0; i < 2; i++) {
        const loss = w.mul(5).sum();
        await loss.item();
        loss.backward();
      }
      expect(warn).toHaveBeenCalledTimes(1);
      expect(String(warn.mock.calls[0]?.[0])).toMatch(/read before backward\(\).*runs twice.*runs\.test\.ts:\d+/);
    });

    test("can be switched off, and does not come without a reason", async () => {
      const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
      const w = parameter([3]);
      const loss = w.mul(5).sum();
      loss.backward();
      await loss.item();
      setHints(false);
      const other = w.mul(6).sum();
      await other.item();
      other.backward();
      expect(warn).not.toHaveBeenCalled();
    });
  });

  describe("the eager switch", () => {
    afterEach(() => setEager(false));

    test("runs each operation where it is written, with the same numbers", async () => {
      const train = async (): Promise<unknown> => {
        const w = parameter([
          [1, -2],
          [3, 0.5],
        ]);
        const optimizer = new Descent([w], 0.1);
        for (let i = 0; i < 3; i++) {
          const loss = tensor([
            [1, 2],
            [3, 4],
          ])
            .matmul(w)
            .tanh()
            .mean();
          optimizer.zeroGrad();
          loss.backward();
          optimizer.step();
        }
        return w.array();
      };
      const lazy = await train();
      setEager(true);
      const count = counter();
      tensor([1]).mul(2).add(3);
      expect(count.runs).toBeGreaterThanOrEqual(2);
      expect(await train()).toEqual(lazy);
    });
  });
});
