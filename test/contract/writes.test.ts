/** Rule 4 of the run contract: writes to stored tensors, their order, and what they leave stale. */
import { describe, expect, test } from "vitest";
import { StaleError, TwopassError } from "../../src/base/errors.ts";
import { tensor } from "../../src/tensor/creation.ts";
import { currentEngine } from "../../src/tensor/engines.ts";
import { noGrad } from "../../src/tensor/scope.ts";
import { StoredTensor } from "../../src/tensor/stored.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { onEachDevice } from "../devices.ts";
import { Descent, counter, parameter } from "./support.ts";

const stored = (values: number[], label = "s"): StoredTensor => new StoredTensor(tensor(values), { label });

onEachDevice(() => {
  test("writes happen in program order, each reading what was current where it was written", async () => {
    const a = stored([1]);
    const b = stored([10]);
    a.assign(a.add(1));
    b.assign(b.add(a));
    a.assign(a.mul(5));
    b.assign(b.sub(a));
    const count = counter();
    expect(await a.array()).toEqual([10]);
    expect(await b.array()).toEqual([2]);
    expect(count.runs).toBe(1);
  });

  test("a loop that only writes runs in between, with the same numbers and one plan", async () => {
    const mean = stored([0, 0]);
    const inputs = [tensor([1, 2]), tensor([-3, 0.5])] as const;
    const count = counter();
    const plain = [0, 0];
    for (let i = 0; i < 33 * 30; i++) {
      const x = inputs[i % 2] as Tensor;
      mean.assign(mean.mul(0.75).add(x.mul(0.25)));
      for (const k of [0, 1]) {
        const given = [1, 2, -3, 0.5][2 * (i % 2) + k] as number;
        plain[k] = Math.fround(Math.fround(0.75 * (plain[k] as number)) + 0.25 * given);
      }
    }
    expect(count.runs).toBe(30);
    expect(currentEngine().idle).toBe(true);
    expect(count.plans).toBe(1);
    expect(await mean.array()).toEqual(plain);
  });

  test("writes to many tensors, a few to each, are one run", () => {
    const all = Array.from({ length: 100 }, (_, i) => stored([i]));
    const count = counter();
    for (const each of all) for (let i = 0; i < 4; i++) each.assign(each.add(1));
    expect(count.runs).toBe(0);
    currentEngine().run([]);
    expect(count.runs).toBe(1);
  });

  test("writes in a forward pass do not run it before its backward pass", async () => {
    const [w, sum] = [parameter([2]), stored([0])];
    const optimizer = new Descent([w], 0.5);
    const count = counter();
    let loss = tensor([0]) as Tensor;
    for (let i = 0; i < 100; i++) {
      const x = w.mul(0.5);
      sum.add_(x.detach());
      loss = loss.add(x);
    }
    loss.backward();
    optimizer.step();
    expect(count.runs).toBe(1);
    expect([await w.item(), await sum.item(), await loss.item()]).toEqual([-23, 100, 100]);
  });

  test("two stored tensors swap", async () => {
    const a = stored([1, 2]);
    const b = stored([3, 4]);
    const before = a.clone();
    a.assign(b);
    b.assign(before);
    expect(await a.array()).toEqual([3, 4]);
    expect(await b.array()).toEqual([1, 2]);
  });

  test("a rotation of three, again and again, is one plan", async () => {
    const [a, b, c] = [stored([1]), stored([2]), stored([3])];
    const count = counter();
    for (let i = 0; i < 4; i++) {
      const first = a.clone();
      a.assign(b);
      b.assign(c);
      c.assign(first);
      currentEngine().run([]);
    }
    expect([await a.item(), await b.item(), await c.item()]).toEqual([2, 3, 1]);
    expect(count.plans).toBe(1);
  });

  test("a write copies and never aliases", async () => {
    const a = stored([1, 2]);
    const b = stored([0, 0]);
    b.assign(a);
    a.assign(tensor([5, 6]));
    a.add_(1);
    expect(await b.array()).toEqual([1, 2]);
    expect(await a.array()).toEqual([6, 7]);
    const data = Float32Array.of(8, 9);
    b.assign(tensor(data, { copy: false }));
    await b.array();
    b.mul_(2);
    await b.array();
    expect([...data]).toEqual([8, 9]);
  });

  test("one value written to two cells, and kept as well", async () => {
    const [a, b] = [stored([0]), stored([0])];
    const x = tensor([3]).mul(4);
    a.assign(x);
    b.assign(x);
    a.add_(1);
    expect(await x.array()).toEqual([12]);
    expect(await a.array()).toEqual([13]);
    expect(await b.array()).toEqual([12]);
  });

  test("an exponential moving average follows a parameter", async () => {
    const w = parameter([8]);
    const ema = stored([8]);
    const optimizer = new Descent([w], 1);
    const count = counter();
    let [plainW, plainEma] = [8, 8];
    for (let i = 0; i < 4; i++) {
      w.mul(2).sum().backward();
      optimizer.step();
      optimizer.zeroGrad();
      noGrad(() => ema.assign(ema.mul(0.75).add(w.mul(0.25))));
      plainW -= 2;
      plainEma = 0.75 * plainEma + 0.25 * plainW;
    }
    expect(await ema.item()).toBe(plainEma);
    expect(await w.item()).toBe(plainW);
    // Four steps, and the average of the last one at the read; the others ran with the next step.
    expect(count.runs).toBe(5);
  });

  test("running statistics that forward writes are read by the next forward", async () => {
    const w = parameter([2]);
    const mean = stored([0]);
    const optimizer = new Descent([w], 0);
    const forward = (x: Tensor): Tensor => {
      mean.assign(mean.mul(0.5).add(x.mean().mul(0.5)));
      return x.sub(mean).mul(w);
    };
    const losses: number[] = [];
    const count = counter();
    for (const value of [4, 8]) {
      const loss = forward(tensor([value, value])).sum();
      loss.backward();
      optimizer.step();
      losses.push(await loss.item());
    }
    // means 2 and then 5; (4 - 2) * 2 twice, (8 - 5) * 2 twice
    expect(losses).toEqual([8, 12]);
    expect(await mean.item()).toBe(5);
    expect(count.runs).toBe(2);
  });

  test("in-place methods of owners", async () => {
    const a = stored([4, 8]);
    a.add_(2)
      .mul_(3)
      .sub_(tensor([0, 6]))
      .div_(2);
    expect(await a.array()).toEqual([9, 12]);
    a.fill_(7);
    expect(await a.array()).toEqual([7, 7]);
    a.copy_(tensor([1, 2])).add_(a);
    expect(await a.array()).toEqual([2, 4]);
    a.zero_();
    expect(await a.array()).toEqual([0, 0]);
  });

  test("assign broadcasts and casts, and refuses what does not fit", async () => {
    const a = new StoredTensor(
      tensor([
        [1, 2, 3],
        [4, 5, 6],
      ]),
      { label: "table" },
    );
    a.assign(tensor([7, 8, 9]).int());
    expect(a.dtype).toBe("float32");
    expect(await a.array()).toEqual([
      [7, 8, 9],
      [7, 8, 9],
    ]);
    a.assign(0.5);
    expect(await a.array()).toEqual([
      [0.5, 0.5, 0.5],
      [0.5, 0.5, 0.5],
    ]);
    expect(() => a.assign(tensor([1, 2]))).toThrow(/^assign: the value does not fit: shape \[2\] into \[2, 3\]/);
    expect(await a.array()).toEqual([
      [0.5, 0.5, 0.5],
      [0.5, 0.5, 0.5],
    ]);
  });

  test("no gradient flows through a write", async () => {
    const w = parameter([3]);
    const s = stored([0]);
    s.assign(w.mul(2));
    expect(s.requiresGrad).toBe(false);
    w.mul(s).sum().backward();
    expect(await w.grad?.array()).toEqual([6]);
  });

  test("a parameter that was assigned is a variable like before", async () => {
    const w = parameter([3]);
    w.assign(tensor([5]));
    expect(w.requiresGrad).toBe(true);
    const first = w.mul(w).sum();
    first.backward();
    w.mul(w).sum().backward();
    expect(await w.grad?.array()).toEqual([20]);
    expect(await first.item()).toBe(25);
  });

  test("load replaces the content at once; what was written before sees the old", async () => {
    const w = parameter([3]);
    const before = w.mul(2);
    w.load(Float32Array.of(10));
    const after = w.mul(2);
    expect(await before.array()).toEqual([6]);
    expect(await after.array()).toEqual([20]);
    expect(() => w.load(Float32Array.of(1, 2))).toThrow(/^load: wrong number of elements: 2 for \[1\]/);
  });

  describe("StaleError", () => {
    test("the engine is healthy afterwards, and what else was pending still runs", async () => {
      const w = parameter([2], "encoder.weight");
      const lost = w.mul(3);
      lost.add(1);
      w.assign(7);
      currentEngine().run([]);
      const fine = w.mul(10);
      const other = parameter([1]);
      other.assign(5);
      expect(() => lost.dataSync()).toThrow(StaleError);
      expect(await fine.array()).toEqual([70]);
      expect(await other.array()).toEqual([5]);
      w.mul(2).sum().backward();
      new Descent([w], 1).step();
      expect(await w.array()).toEqual([5]);
    });

    test("names the tensor that changed and says what to do", () => {
      const w = parameter([2], "encoder.weight");
      const lost = w.mul(3);
      lost.add(1);
      w.assign(7);
      currentEngine().run([]);
      let error: unknown;
      try {
        lost.dataSync();
      } catch (caught) {
        error = caught;
      }
      expect(error).toBeInstanceOf(StaleError);
      expect(error).toBeInstanceOf(TwopassError);
      expect((error as StaleError).hint).toMatch(/clone\(\)/);
      expect(String(error)).toMatch(/encoder\.weight has changed since; the mul of shape \[1\] was written before/);
    });

    test("names what the program carried over", () => {
      const w = parameter([2, 3], "cell.weight");
      const h = w.mul(3).tanh();
      h.sum();
      w.assign(7);
      currentEngine().run([]);
      const next = h.detach().mul(5).add(1);
      expect(() => next.dataSync()).toThrow(
        /cell\.weight has changed since; the tanh of shape \[2\] was written before \(detach\(\) or clone\(\) that one before step/,
      );
    });

    test("built upon later, it is an error only where it is needed", async () => {
      const w = parameter([2]);
      const lost = w.mul(3);
      lost.add(1);
      w.assign(7);
      currentEngine().run([]);
      const alsoLost = lost.add(2);
      const fine = tensor([1]).add(2);
      expect(await fine.array()).toEqual([3]);
      expect(() => alsoLost.dataSync()).toThrow(StaleError);
    });

    test("assign of stale content writes nothing at all", async () => {
      const w = parameter([2], "w");
      const [a, b] = [stored([1], "a"), stored([1], "b")];
      const lost = w.mul(3);
      lost.add(1);
      w.assign(7);
      currentEngine().run([]);
      a.assign(4);
      b.assign(lost);
      expect(() => currentEngine().run([])).toThrow(/^assign: .*w has changed/);
      expect(await a.array()).toEqual([1]);
      expect(await b.array()).toEqual([1]);
    });

    test("a copy made where it is written lives on", async () => {
      const w = parameter([2]);
      const h = w.mul(3);
      const copy = h.clone();
      h.add(1);
      w.assign(7);
      currentEngine().run([]);
      expect(await copy.array()).toEqual([6]);
    });

    test("a disposed stored tensor is named", () => {
      const w = parameter([2], "old.bias");
      const y = w.mul(3);
      w.dispose();
      expect(() => y.dataSync()).toThrow(/disposed: old\.bias/);
      expect(() => w.mul(2)).toThrow(/disposed/);
    });
  });
});
