/** Rule 6 of the run contract: a fault writes nothing and names its place; afterwards training goes on. */
import { afterEach, describe, expect, test } from "vitest";
import { TwopassError } from "../../src/base/errors.ts";
import { Embedding } from "../../src/nn/layers/embedding.ts";
import { Module } from "../../src/nn/module/module.ts";
import { hostEffect } from "../../src/tensor/capture.ts";
import { tensor } from "../../src/tensor/creation.ts";
import { currentEngine } from "../../src/tensor/engines.ts";
import { StoredTensor } from "../../src/tensor/stored.ts";
import { setCheckFinite, setEager } from "../../src/tensor/switches.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { onEachDevice } from "../devices.ts";
import { Descent, counter, parameter } from "./support.ts";

function errorOf(body: () => unknown): TwopassError {
  try {
    body();
  } catch (error) {
    if (error instanceof TwopassError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

onEachDevice(() => {
  /** Positions that are known only when they run: x + 1 as whole numbers. */
  const computed = (values: number[]): Tensor => tensor(values).add(1).int();

  test("a computed index out of range writes nothing, unsets the gradients, and the next step is fine", async () => {
    const w = parameter([1, 2, 3]);
    const seen = new StoredTensor(tensor([0]), { label: "seen" });
    const optimizer = new Descent([w], 1);
    const step = (positions: number[]): void => {
      seen.assign(seen.add(1));
      optimizer.zeroGrad();
      w.gather(0, computed(positions)).sum().backward();
      optimizer.step();
    };
    step([0, 1]);
    expect(await w.array()).toEqual([1, 1, 2]);
    const error = errorOf(() => step([0, 5]));
    expect(error.message).toMatch(/index out of range.*6 where 3 places/);
    expect(w.grad).toBeNull();
    expect(await w.array()).toEqual([1, 1, 2]);
    expect(await seen.array()).toEqual([1]);
    const count = counter();
    step([1, 1]);
    expect(count.runs).toBe(1);
    expect(count.plans).toBe(0);
    expect(await w.array()).toEqual([1, 1, 0]);
    expect(await seen.array()).toEqual([2]);
  });

  test("the error names the operation, the module and the line", () => {
    class Net extends Module {
      readonly tokens = new Embedding(4, 2);

      override forward(positions: Tensor): Tensor {
        return this.tokens.forward(positions);
      }
    }
    const model = new Net();
    const positions = computed([0, 8]);
    const y = model.forward(positions);
    const error = errorOf(() => y.dataSync());
    expect(error.op).toBe("embedding");
    expect(error.message).toMatch(/9 where 4 places are there, in tokens, at .*faults\.test\.ts:\d+/);
    expect(error.hint).toMatch(/from 0 to 3/);
  });

  test("the first of several choices that is wrong is the one named", () => {
    const table = tensor([
      [1, 2],
      [3, 4],
    ]);
    const fine = table.gather(0, computed([-1, 0]).reshape(1, 2));
    const wrong = tensor([5, 6, 7]).gather(0, computed([2]));
    const error = errorOf(() => fine.sum().add(wrong.sum()).dataSync());
    expect(error.message).toMatch(/3 where 3 places are there/);
  });

  test("reads that need nothing of it are fine afterwards", async () => {
    const x = tensor([1, 2, 3]);
    const y = x.mul(2);
    const bad = x.gather(0, computed([7]));
    expect(() => bad.dataSync()).toThrow(/index out of range/);
    expect(await y.array()).toEqual([2, 4, 6]);
    expect(() => bad.dataSync()).toThrow(/index out of range/);
    expect(await x.gather(0, computed([1])).array()).toEqual([3]);
  });

  test("pending writes of a failed run are given up, and the tensor stands for what it holds", async () => {
    const s = new StoredTensor(tensor([1]), { label: "s" });
    s.assign(s.add(1));
    s.assign(s.mul(10));
    expect(() =>
      tensor([1])
        .gather(0, computed([3]))
        .dataSync(),
    ).toThrow(/index out of range/);
    expect(await s.array()).toEqual([1]);
    s.assign(s.add(1));
    expect(await s.array()).toEqual([2]);
  });

  test("what the host counted beside the failed run is taken back", () => {
    let steps = 0;
    const step = (position: number): void => {
      const s = new StoredTensor(tensor([1, 2]), { label: "s" });
      hostEffect(() => {
        steps++;
        return () => {
          steps--;
        };
      }, true);
      s.assign(s.gather(0, computed([position])));
      currentEngine().run([]);
    };
    step(0);
    expect(() => step(4)).toThrow(/index out of range/);
    expect(steps).toBe(1);
    step(-1);
    expect(steps).toBe(2);
  });

  describe("the check for finite numbers", () => {
    afterEach(() => {
      setCheckFinite(false);
      setEager(false);
    });

    const step = (w: StoredTensor, x: number): void => {
      const loss = tensor([x]).log().mul(w).sum();
      w.grad = null;
      loss.backward();
      new Descent([w], 1).step();
    };

    test("stops a step before anything is written", async () => {
      setCheckFinite(true);
      const w = parameter([2], "head.weight");
      step(w, 1);
      expect(await w.array()).toEqual([2]);
      expect(() => step(w, 0)).toThrow(/^checkFinite: .*not finite: -Infinity at element 0/);
      expect(await w.array()).toEqual([2]);
      step(w, Math.E);
      expect((await w.array(1))[0]).toBeCloseTo(1, 5);
    });

    test("names a gradient where the loss is finite", () => {
      setCheckFinite(true);
      const w = parameter([0], "head.weight");
      expect(() => {
        w.sqrt().sum().backward();
        new Descent([w], 1).step();
      }).toThrow(/the gradient of head\.weight is not finite: Infinity/);
    });

    test("together with the eager switch it names the operation", () => {
      setCheckFinite(true);
      setEager(true);
      expect(() => tensor([0]).log().exp().add(1)).toThrow(/a log is not finite/);
    });

    test("off, nothing is checked", async () => {
      const w = parameter([2]);
      step(w, 0);
      expect(await w.array()).toEqual([Number.POSITIVE_INFINITY]);
    });
  });
});
