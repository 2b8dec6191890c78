/** Rules 2 and 3 of the run contract: what a run keeps, and that a kept result is a leaf. */
import { expect, test } from "vitest";
import { StaleError } from "../../src/base/errors.ts";
import { crossEntropy } from "../../src/nn/functional/loss.ts";
import { Module } from "../../src/nn/module/module.ts";
import { Parameter } from "../../src/nn/module/parameter.ts";
import { tensor } from "../../src/tensor/creation.ts";
import { currentEngine } from "../../src/tensor/engines.ts";
import { rand } from "../../src/tensor/random.ts";
import { noGrad } from "../../src/tensor/scope.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { onEachDevice } from "../devices.ts";
import { Descent, counter, kernelsOfLatest, parameter } from "./support.ts";

class Linear extends Module {
  readonly w = new Parameter(
    tensor([
      [1, 2],
      [3, 4],
    ]),
  );

  override forward(x: Tensor): Tensor {
    return x.matmul(this.w);
  }
}

onEachDevice(() => {
  test("the results of an outermost module call can be used after step(), with their old values", async () => {
    const model = new Linear();
    const optimizer = new Descent(model.parameters(), 1);
    const count = counter();
    const logits = model.forward(tensor([[1, 1]]));
    logits.sum().backward();
    optimizer.step();
    const best = logits.argmax(1);
    expect(await logits.array()).toEqual([[4, 6]]);
    expect(await best.array()).toEqual([1]);
    expect(count.runs).toBe(2);
    expect(await model.forward(tensor([[1, 1]])).array()).toEqual([[2, 4]]);
  });

  test("results in arrays and objects count", async () => {
    class Pair extends Module {
      readonly w = new Parameter(tensor([2]));

      override forward(x: Tensor): { sum: Tensor; rest: Tensor[] } {
        return { sum: x.add(this.w), rest: [x.mul(this.w)] };
      }
    }
    const model = new Pair();
    const { sum, rest } = model.forward(tensor([5]));
    sum
      .add(rest[0] as Tensor)
      .sum()
      .backward();
    new Descent(model.parameters(), 1).step();
    expect(await sum.array()).toEqual([7]);
    expect(await rest[0]?.array()).toEqual([10]);
  });

  test("an inner result that another one consumed is gone after step(), and says so", async () => {
    const w = parameter([2], "fc.weight");
    const h = w.mul(3);
    h.mul(5).sum().backward();
    new Descent([w], 1).step();
    await expect(h.array()).rejects.toThrow(StaleError);
    await expect(h.array()).rejects.toThrow(
      /^read: .*overwritten: fc\.weight has changed.*mul of shape \[1\].*\(read it before step\(\)/,
    );
    expect(await w.array()).toEqual([-13]);
  });

  test("read before step(), it has its value", async () => {
    const w = parameter([2]);
    const h = w.mul(3);
    h.mul(5).sum().backward();
    const count = counter();
    expect(await h.array()).toEqual([6]);
    new Descent([w], 1).step();
    expect(count.runs).toBe(2);
    expect(await h.array()).toEqual([6]);
  });

  test("metrics and the loss come out of the run of step()", async () => {
    const w = parameter([
      [1, 0],
      [0, 1],
    ]);
    const optimizer = new Descent([w], 1);
    const logits = tensor([
      [2, 1],
      [0, 3],
      [4, 5],
    ]).matmul(w);
    const loss = crossEntropy(logits, [0, 1, 0]);
    const correct = logits
      .argmax(1)
      .eq(tensor([0, 1, 0]).int())
      .sum();
    const count = counter();
    loss.backward();
    optimizer.step();
    expect(count.runs).toBe(1);
    expect(await correct.item()).toBe(2);
    expect(await loss.item()).toBeCloseTo(
      (Math.log(1 + Math.exp(-1)) + Math.log(1 + Math.exp(-3)) + Math.log(1 + Math.E)) / 3,
      6,
    );
    expect(count.runs).toBe(1);
  });

  test("a detached state goes from step to step and starts from the stored numbers", async () => {
    const w = parameter([0.5]);
    const optimizer = new Descent([w], 0.125);
    const count = counter();
    let state: Tensor = tensor([4]);
    const plain = { w: 0.5, state: 4 };
    for (let i = 0; i < 5; i++) {
      state = state.detach();
      const next = state.mul(w);
      const loss = next.sum();
      optimizer.zeroGrad();
      loss.backward();
      state = next.detach();
      optimizer.step();
      const gradient = plain.state;
      plain.state *= plain.w;
      plain.w -= 0.125 * gradient;
      expect(await state.item()).toBe(plain.state);
    }
    expect(count.runs).toBe(5);
    // The first state is data, the later ones are results: both are leaves.
    expect(count.plans).toBe(1);
    expect(await w.item()).toBe(plain.w);
  });

  test.each(["loss", "loss.detach()"])("a sum of %s over an epoch costs no run and no longer plan", async (how) => {
    const w = parameter([8]);
    const optimizer = new Descent([w], 0.5);
    const count = counter();
    let total: Tensor = tensor(0);
    let expected = 0;
    let now = 8;
    for (let i = 0; i < 12; i++) {
      const loss = w.mul(3).sum();
      optimizer.zeroGrad();
      loss.backward();
      total = total.add(how === "loss" ? loss : loss.detach());
      optimizer.step();
      expected += 3 * now;
      now -= 1.5;
    }
    expect(count.runs).toBe(12);
    expect(count.plans).toBe(1);
    expect(await total.item()).toBe(expected);
    expect(count.runs).toBe(12);
  });

  test("what is built on a kept result, before or after, starts from the stored number", async () => {
    const x = tensor([1, 2, 3, 4]);
    const y = x.mul(3).add(5).cumsum(0).sort().values;
    const before = y.neg();
    expect(await y.array()).toEqual([8, 19, 33, 50]);
    expect(await before.array()).toEqual([-8, -19, -33, -50]);
    const steps = kernelsOfLatest();
    expect(await y.neg().array()).toEqual([-8, -19, -33, -50]);
    expect(kernelsOfLatest()).toBe(1);
    expect(steps).toBeGreaterThan(2);
  });

  test("a result nobody used is kept by the next run, and read without one", async () => {
    const w = parameter([2]);
    const aside = w.mul(9);
    const count = counter();
    w.mul(1.5).sum().backward();
    new Descent([w], 2).step();
    expect(count.runs).toBe(1);
    expect(await aside.array()).toEqual([18]);
    expect(count.runs).toBe(1);
  });

  test("a kept result that requires grad can still be differentiated", async () => {
    const w = parameter([3]);
    const y = w.mul(w);
    const other = parameter([1]);
    other.mul(2).sum().backward();
    expect(await y.array()).toEqual([9]);
    y.mul(2).sum().backward();
    expect(await w.grad?.array()).toEqual([12]);
  });

  test("gradients do not require grad, unless they were made with createGraph", () => {
    const w = parameter([3]);
    w.mul(w).sum().backward();
    expect(w.grad?.requiresGrad).toBe(false);
    new Descent([w], 1).zeroGrad();
    w.mul(w).sum().backward({ createGraph: true });
    expect(w.grad?.requiresGrad).toBe(true);
  });

  test("a result that was disposed is not computed", async () => {
    const x = tensor([1, 2, 3]);
    const unwanted = x.exp().sum();
    const wanted = x.add(1);
    unwanted.dispose();
    expect(await wanted.array()).toEqual([2, 3, 4]);
    expect(currentEngine().plans.latest?.explain()).not.toMatch(/exp\b/);
    expect(() => unwanted.neg()).toThrow(/disposed/);
  });

  test("a random tensor is the same however often it is computed", async () => {
    const noise = rand(4);
    const doubled = noise.mul(2);
    const twice = (await doubled.array(1)).map((v) => v / 2);
    // `noise` was consumed, so this computes it again.
    expect(await noise.array()).toEqual(twice);
  });

  test("noGrad results keep nothing of what they were made from", async () => {
    const w = parameter([1]);
    let x: Tensor = tensor([1]);
    const count = counter();
    for (let i = 0; i < 10; i++) {
      x = noGrad(() => x.add(w));
      await x.realize();
    }
    expect(await x.array()).toEqual([11]);
    expect(count.runs).toBe(10);
    expect(count.plans).toBe(1);
  });
});
