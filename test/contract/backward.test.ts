/** Rule 5 of the run contract: backward(), accumulation, several losses and several optimisers. */
import { describe, expect, test } from "vitest";
import { StaleError } from "../../src/base/errors.ts";
import { clipGradNorm, clipGradValue } from "../../src/nn/clip.ts";
import { tensor } from "../../src/tensor/creation.ts";
import { currentEngine } from "../../src/tensor/engines.ts";
import type { StoredTensor } from "../../src/tensor/stored.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { onEachDevice } from "../devices.ts";
import { Descent, counter, kernelsOfLatest, parameter } from "./support.ts";

onEachDevice(() => {
  test("gradients add up until zeroGrad() unsets them", async () => {
    const w = parameter([1, 2]);
    w.mul(3).sum().backward();
    w.mul(4).sum().backward();
    expect(await w.grad?.array()).toEqual([7, 7]);
    w.mul(w).sum().backward();
    expect(await w.grad?.array()).toEqual([9, 11]);
    new Descent([w], 1).zeroGrad();
    expect(w.grad).toBeNull();
    w.mul(5).sum().backward();
    expect(await w.grad?.array()).toEqual([5, 5]);
  });

  test("accumulation over 32 micro-batches is 32 runs of plans no larger than one micro-batch needs", async () => {
    const w = parameter([
      [1, 2],
      [3, 4],
    ]);
    const optimizer = new Descent([w], 1 / 64);
    const batch = (i: number): Tensor =>
      tensor([
        [i, 1],
        [2, i],
      ]);
    const gradient = [
      [0, 0],
      [0, 0],
    ] as [[number, number], [number, number]];
    for (let round = 0; round < 2; round++) {
      const count = counter();
      const sizes: number[] = [];
      for (let i = 0; i < 32; i++) {
        const loss = batch(i).matmul(w).sum();
        loss.backward();
        if (round === 0) {
          gradient[0][0] += i + 2;
          gradient[0][1] += i + 2;
          gradient[1][0] += 1 + i;
          gradient[1][1] += 1 + i;
        }
        expect(count.runs).toBe(i);
        if (i > 0) sizes.push(kernelsOfLatest());
      }
      optimizer.step();
      optimizer.zeroGrad();
      expect(count.runs).toBe(32);
      // The first batch sets, the others add, the last one updates as well.
      expect(count.plans).toBe(round === 0 ? 3 : 0);
      expect(new Set(sizes.slice(1)).size).toBe(1);
    }
    const expected = [
      [1, 2],
      [3, 4],
    ].map((row, i) => row.map((x, j) => x - (2 / 64) * (gradient[i]?.[j] ?? 0)));
    expect(await w.array()).toEqual(expected);
  });

  test("a metric carried through micro-batches is computed once each", async () => {
    const w = parameter([2]);
    const optimizer = new Descent([w], 0.5);
    let hits: Tensor = tensor(0);
    for (let step = 0; step < 2; step++) {
      const sizes: number[] = [];
      for (let i = 0; i < 8; i++) {
        const y = tensor([i, 1]).mul(w);
        hits = hits.add(y.detach().max());
        y.sum().backward();
        if (i > 0) sizes.push(kernelsOfLatest());
      }
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(3);
      optimizer.step();
      optimizer.zeroGrad();
    }
    // w is 2, then 2 - 0.5 · (0 + 1 + ... + 7 + 8) = -16; the maxima are 2, 2, 4 ... 14, then 0, -16 ... -16
    const first = 2 + 2 + 4 + 6 + 8 + 10 + 12 + 14;
    const second = [0, 1, 2, 3, 4, 5, 6, 7].reduce((sum, i) => sum + Math.max(-16 * i, -16), 0);
    expect(await hits.item()).toBe(first + second);
  });

  test("a second backward() through the same graph throws, and leaves the gradients alone", async () => {
    const w = parameter([3]);
    const loss = w.mul(w).sum();
    loss.backward();
    expect(() => loss.backward()).toThrow(/^backward: the graph was used.*retainGraph/);
    expect(await w.grad?.array()).toEqual([6]);
    expect(() => loss.backward()).toThrow(/^backward: the graph was used/);
    expect(() => loss.mul(2).backward()).toThrow(/^backward: the graph was used/);
  });

  test("with retainGraph it adds again, before or after a read", async () => {
    const w = parameter([3]);
    const loss = w.mul(w).sum();
    const count = counter();
    loss.backward({ retainGraph: true });
    loss.backward({ retainGraph: true });
    expect(count.runs).toBe(0);
    expect(await w.grad?.array()).toEqual([12]);
    loss.backward();
    expect(await w.grad?.array()).toEqual([18]);
    expect(() => loss.backward()).toThrow(/used by an earlier/);
  });

  test("two losses over a shared trunk", async () => {
    const [trunk, a, b] = [parameter([2], "trunk"), parameter([3], "a"), parameter([5], "b")];
    const h = trunk.mul(7);
    const [first, second] = [h.mul(a).sum(), h.mul(b).sum()];
    const count = counter();
    first.backward({ retainGraph: true });
    second.backward();
    new Descent([trunk, a, b], 1).step();
    expect(count.runs).toBe(1);
    expect([await trunk.item(), await a.item(), await b.item()]).toEqual([2 - 7 * 8, 3 - 14, 5 - 14]);
  });

  test("a loss that was left behind by step() is stale, and training goes on", async () => {
    const w = parameter([2], "w");
    const optimizer = new Descent([w], 1);
    const old = w.mul(w).mul(3).sum();
    w.mul(5).sum().backward();
    optimizer.step();
    expect(await old.item()).toBe(12);
    optimizer.zeroGrad();
    old.backward();
    expect(() => optimizer.step()).toThrow(StaleError);
    expect(w.grad).toBeNull();
    expect(await w.array()).toEqual([-3]);
    w.mul(5).sum().backward();
    optimizer.step();
    expect(await w.array()).toEqual([-8]);
  });

  test("the error of a stale backward() says to call it before step()", () => {
    const w = parameter([2], "head.weight");
    const old = w.mul(w).sum();
    w.assign(1);
    currentEngine().run([]);
    old.backward();
    expect(() => w.grad?.dataSync()).toThrow(/head\.weight has changed since/);
  });

  test("two optimisers take turns, as in a GAN", async () => {
    const g = parameter([2], "generator");
    const d = parameter([3], "discriminator");
    const [ofG, ofD] = [new Descent([g], 0.5), new Descent([d], 0.25)];
    const plain = { g: 2, d: 3 };
    const count = counter();
    for (let i = 0; i < 3; i++) {
      const fake = g.mul(tensor([1]));
      const lossD = d.mul(fake.detach()).sum();
      ofD.zeroGrad();
      lossD.backward();
      ofD.step();
      plain.d -= 0.25 * plain.g;
      const lossG = d.mul(fake).mul(-1).sum();
      ofG.zeroGrad();
      lossG.backward();
      ofG.step();
      plain.g += 0.5 * plain.d;
      expect(count.runs).toBe(2 * (i + 1));
      expect(await lossG.item()).toBe(-plain.d * (plain.g - 0.5 * plain.d));
    }
    expect([await g.item(), await d.item()]).toEqual([plain.g, plain.d]);
    expect(count.plans).toBeLessThanOrEqual(3);
  });

  test("frozen parameters get no gradient and no update", async () => {
    const [frozen, free] = [parameter([2], "frozen"), parameter([3], "free")];
    frozen.requiresGrad_(false);
    frozen.mul(free).sum().backward();
    new Descent([frozen, free], 1).step();
    expect(frozen.grad).toBeNull();
    expect([await frozen.item(), await free.item()]).toEqual([2, 1]);
    frozen.requiresGrad_(true);
    frozen.mul(free).sum().backward();
    expect(await frozen.grad?.item()).toBe(1);
  });

  test("a parameter that is frozen between forward and backward gets nothing", async () => {
    const [a, b] = [parameter([2]), parameter([3])];
    const loss = a.mul(b).sum();
    a.requiresGrad_(false);
    loss.backward();
    expect(a.grad).toBeNull();
    expect(await b.grad?.item()).toBe(2);
  });

  test("clipping works on pending gradients, and what is kept is what was clipped", async () => {
    const w = parameter([3, 4]);
    const optimizer = new Descent([w], 1);
    const count = counter();
    for (let i = 0; i < 2; i++) {
      optimizer.zeroGrad();
      w.mul(w).sum().mul(0.5).backward();
      const norm = clipGradNorm([w], 1);
      optimizer.step();
      expect(await norm.item()).toBeCloseTo(5 - i, 5);
    }
    expect(count.runs).toBe(2);
    expect(count.plans).toBe(1);
    const [x, y] = (await w.array()) as [number, number];
    expect(x).toBeCloseTo(1.8, 5);
    expect(y).toBeCloseTo(2.4, 5);
    const [gx, gy] = ((await w.grad?.array()) ?? []) as [number, number];
    expect(Math.hypot(gx, gy)).toBeCloseTo(1, 5);
  });

  test("accumulation onto clipped gradients", async () => {
    const w = parameter([3, 4]);
    w.mul(tensor([10, -10]))
      .sum()
      .backward();
    clipGradValue([w], 2);
    w.mul(tensor([1, 1]))
      .sum()
      .backward();
    expect(await w.grad?.array()).toEqual([3, -1]);
  });

  test("a gradient can be set and taken", async () => {
    const w = parameter([1, 1]);
    w.grad = tensor([5, 6]);
    new Descent([w], 1).step();
    expect(await w.array()).toEqual([-4, -5]);
    w.mul(2).sum().backward();
    const taken = w.grad as Tensor;
    w.grad = null;
    expect(await taken.array()).toEqual([7, 8]);
    expect(() => {
      w.grad = tensor([1]);
    }).toThrow(/^grad: .*float32 \[1\] for float32 \[2\]/);
  });

  test("variables that are not stored collect gradients too", async () => {
    const x = tensor([1, 2, 3], { requiresGrad: true });
    x.mul(x).sum().backward();
    expect(await x.grad?.array()).toEqual([2, 4, 6]);
    const y = x.detach().requiresGrad_();
    y.mul(3).sum().backward();
    expect(await y.grad?.array()).toEqual([3, 3, 3]);
    expect(await x.grad?.array()).toEqual([2, 4, 6]);
  });

  test("retainGrad keeps the gradient of an intermediate result", async () => {
    const w = parameter([2]);
    const h = w.mul(3).retainGrad();
    h.mul(h).sum().backward();
    expect(await h.grad?.array()).toEqual([12]);
    expect(await w.grad?.array()).toEqual([36]);
  });

  test("a gradient penalty differentiates a gradient", async () => {
    const w = parameter([3]);
    w.mul(w).mul(w).sum().backward({ createGraph: true });
    const slope = w.grad as Tensor;
    new Descent([w], 1).zeroGrad();
    slope.mul(slope).sum().backward();
    // d/dw (3w²)² = 36 w³
    expect(await w.grad?.array()).toEqual([972]);
  });

  describe("backward() checks its arguments", () => {
    test.each([
      ["no gradient anywhere", () => tensor([1]).mul(2).backward(), /does not depend on anything that requires grad/],
      ["several elements", () => parameter([1, 2]).mul(2).backward(), /only a tensor with one element.*shape \[2\]/],
      [
        "another shape",
        () =>
          parameter([1, 2])
            .mul(2)
            .backward({ gradient: tensor([1]) }),
        /the gradient must have the shape.*\[1\] for float32 \[2\]/,
      ],
      [
        "an unknown option",
        () =>
          parameter([1])
            .sum()
            .backward({ retain: true } as object),
        /unknown option "retain"/,
      ],
    ] as const)("%s", (_, call, message) => {
      expect(call).toThrow(message);
    });

    test("a gradient of the right shape", async () => {
      const w: StoredTensor = parameter([1, 2]);
      w.mul(3).backward({ gradient: tensor([10, 100]) });
      expect(await w.grad?.array()).toEqual([30, 300]);
    });
  });
});
