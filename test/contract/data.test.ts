/** Rule 7 of the run contract: data is copied at the call, and numbers and data compile nothing. */
import { expect, test } from "vitest";
import { tensor } from "../../src/tensor/creation.ts";
import { StoredTensor } from "../../src/tensor/stored.ts";
import { onEachDevice } from "../devices.ts";
import { Descent, counter, parameter } from "./support.ts";

onEachDevice(() => {
  test("tensor(data) copies at the call", async () => {
    const data = Float32Array.of(1, 2);
    const x = tensor(data);
    const y = x.mul(10);
    data.fill(0);
    expect(await y.array()).toEqual([10, 20]);
    expect(await x.array()).toEqual([1, 2]);
  });

  test("what a read gives belongs to the reader", async () => {
    const x = tensor([1, 2]).mul(1.5);
    const first = await x.data();
    first.fill(0);
    expect(await x.array()).toEqual([1.5, 3]);
    const s = new StoredTensor(tensor([4]), { label: "s" });
    (await s.data()).fill(0);
    expect(await s.add(1).array()).toEqual([5]);
  });

  test("a stored tensor copies what it is made from", async () => {
    const data = Float32Array.of(1, 2);
    const s = new StoredTensor(tensor(data, { copy: false }), { label: "s" });
    s.add_(1);
    expect(await s.array()).toEqual([2, 3]);
    expect([...data]).toEqual([1, 2]);
  });

  test("other data is the same plan", async () => {
    const run = (values: number[]): Promise<unknown> => tensor(values).mul(2).add(0.25).array();
    await run([1, 2, 3]);
    const count = counter();
    expect(await run([4, 5, 6])).toEqual([8.25, 10.25, 12.25]);
    expect(count.plans).toBe(0);
    await run([1, 2]);
    expect(count.plans).toBe(1);
  });

  test("other numbers are the same plan, except the few that are structure", async () => {
    const run = (by: number): Promise<unknown> => tensor([1, 2]).mul(by).sub(by).array();
    await run(0.3);
    const count = counter();
    for (const by of [0.7, 3, -8, 1e10, 1e-30, 123456789]) {
      expect(await run(by)).toEqual(
        [0, 1].map((x) => Math.fround(Math.fround((x + 1) * Math.fround(by)) - Math.fround(by))),
      );
    }
    expect(count.plans).toBe(0);
    await run(0);
    await run(1);
    expect(count.plans).toBe(2);
  });

  test("a changing learning rate compiles nothing", async () => {
    const w = parameter([8]);
    const optimizer = new Descent([w], 0.125);
    const step = (): void => {
      optimizer.zeroGrad();
      w.mul(4).sum().backward();
      optimizer.step();
    };
    step();
    const count = counter();
    for (const lr of [0.25, 0.0625, 3]) {
      optimizer.lr = lr;
      step();
    }
    expect(count.plans).toBe(0);
    expect(await w.item()).toBe(8 - 4 * (0.125 + 0.25 + 0.0625 + 3));
  });

  test("one buffer used twice is another plan than two buffers", async () => {
    const [a, b] = [tensor([1, 2]), tensor([10, 20])];
    expect(await a.mul(b).array()).toEqual([10, 40]);
    expect(await a.mul(a).array()).toEqual([1, 4]);
    expect(await b.mul(a).array()).toEqual([10, 40]);
  });

  test("data that many runs use gives the same numbers each time", async () => {
    const x = tensor([1, 2, 3]);
    for (let i = 1; i <= 5; i++) {
      expect(await x.mul(i + 0.5).array()).toEqual([i + 0.5, 2 * i + 1, 3 * i + 1.5]);
    }
  });
});
