/** compile(): the numbers of the eager program, traces and why they were made, what it refuses, and eager steps between. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { StaleError } from "../../src/base/errors.ts";
import { Embedding } from "../../src/nn/layers/embedding.ts";
import { hostEffect, hostNumber, structureChanged } from "../../src/tensor/capture.ts";
import { compile } from "../../src/tensor/compile.ts";
import { tensor } from "../../src/tensor/creation.ts";
import { currentEngine } from "../../src/tensor/engines.ts";
import { grad } from "../../src/tensor/grad.ts";
import { Inner } from "../../src/tensor/inner.ts";
import { noGrad } from "../../src/tensor/scope.ts";
import { StoredTensor } from "../../src/tensor/stored.ts";
import { setEager, setHints } from "../../src/tensor/switches.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import { onEachDevice } from "../devices.ts";
import { Descent, counter, parameter } from "./support.ts";

/** A small net, its optimiser and its step, twice the same. */
function net(): { w: StoredTensor; b: StoredTensor; optimizer: Descent; step: (x: Tensor, y: Tensor) => Tensor } {
  const w = parameter(
    [
      [0.5, -1],
      [0.25, 2],
    ],
    "w",
  );
  const b = parameter([0, 0.5], "b");
  const optimizer = new Descent([w, b], 0.125);
  const step = (x: Tensor, y: Tensor): Tensor => {
    const loss = x.matmul(w).add(b).tanh().sub(y).square().mean();
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  };
  return { w, b, optimizer, step };
}

const inputs = (i: number): [Tensor, Tensor] => [
  tensor([
    [1, i],
    [2, -1],
    [0, 0.5],
  ]),
  tensor([
    [0, 1],
    [1, 0],
    [0.5, i],
  ]),
];

onEachDevice(() => {
  test("a compiled step gives the numbers of the eager one, bit by bit", async () => {
    const [eager, other] = [net(), net()];
    const compiled = compile(other.step);
    for (let i = 0; i < 20; i++) {
      const [a, b] = [eager.step(...inputs(i)), compiled(...inputs(i))];
      expect(await b.item()).toBe(await a.item());
    }
    expect(await other.w.array()).toEqual(await eager.w.array());
    expect(await other.b.array()).toEqual(await eager.b.array());
  });

  test("each call is one run; the plan is made once, and only what is returned is kept", async () => {
    const { w, step } = net();
    const compiled = compile(step);
    const count = counter();
    for (let i = 0; i < 40; i++) compiled(...inputs(i));
    expect(count.runs).toBe(40);
    expect(count.plans).toBeLessThanOrEqual(1);
    expect(w.grad).toBeNull();
    expect(compiled.explain()).toBe("call 1: traced: the first call");
  });

  test("results are plain data without gradients", async () => {
    const { step } = net();
    const loss = compile(step)(...inputs(1));
    expect(loss).toBeInstanceOf(Tensor);
    expect(loss.requiresGrad).toBe(false);
    expect(loss.shape).toEqual([]);
  });

  test("eager and compiled steps mix, and eager reads see the newest content", async () => {
    const [eager, other] = [net(), net()];
    const compiled = compile(other.step);
    for (let i = 0; i < 12; i++) {
      eager.step(...inputs(i));
      if (i % 3 === 2) other.step(...inputs(i));
      else compiled(...inputs(i));
      expect(await other.w.array()).toEqual(await eager.w.array());
      if (i % 4 === 1) {
        for (const { w } of [eager, other]) w.assign(w.mul(0.5));
      }
      const sums = await Promise.all([eager, other].map(({ w }) => w.mul(i).sum().item()));
      expect(sums[1]).toBe(sums[0]);
    }
    expect(await other.b.array()).toEqual(await eager.b.array());
  });

  test("an eager result from before a replay has its old value where it was unused, else it is stale", async () => {
    const w = parameter([1], "w");
    const step = compile(() => {
      w.assign(w.add(1));
    });
    for (let i = 0; i < 5; i++) step();
    const [kept, used] = [w.mul(10), w.mul(100)];
    used.neg();
    step();
    expect(await kept.array()).toEqual([60]);
    await expect(used.array()).rejects.toThrow(StaleError);
    expect(await w.mul(10).array()).toEqual([70]);
  });

  test("gradients of eager steps are gone after a compiled one that differentiates the same parameters", async () => {
    const { w, step } = net();
    const compiled = compile(step);
    compiled(...inputs(0));
    compiled(...inputs(1));
    step(...inputs(2));
    expect(w.grad).not.toBeNull();
    compiled(...inputs(3));
    expect(w.grad).toBeNull();
  });

  test("several functions share parameters; one of them evaluates", async () => {
    const [eager, other] = [net(), net()];
    const train = compile(other.step);
    const predict = compile((x: Tensor) => noGrad(() => x.matmul(other.w).add(other.b).argmax(1)));
    for (let i = 0; i < 6; i++) {
      train(...inputs(i));
      eager.step(...inputs(i));
      const [x] = inputs(i);
      expect(await predict(x).array()).toEqual(await x.matmul(eager.w).add(eager.b).argmax(1).array());
    }
  });

  test("two optimisers and accumulation are one program", async () => {
    const run = async (wrap: (f: (x: Tensor) => Tensor) => (x: Tensor) => Tensor): Promise<unknown> => {
      const [g, d] = [parameter([2], "g"), parameter([3], "d")];
      const [ofG, ofD] = [new Descent([g], 0.5), new Descent([d], 0.25)];
      const step = wrap((x) => {
        ofD.zeroGrad();
        for (const part of [x.mul(2), x.sub(1)]) d.mul(g.detach()).mul(part).sum().backward();
        ofD.step();
        ofG.zeroGrad();
        const loss = d.mul(g).mul(x).neg().sum();
        loss.backward();
        ofG.step();
        ofD.zeroGrad();
        return loss;
      });
      const losses: number[] = [];
      for (let i = 1; i <= 5; i++) losses.push(await step(tensor([i / 4])).item());
      return [losses, await g.array(), await d.array()];
    };
    const eager = await run((f) => f);
    expect(await run((f) => compile(f))).toEqual(eager);
  });

  test("the host's numbers are read again at each call, in program order", async () => {
    const s = new StoredTensor(tensor([0]), { label: "s" });
    let steps = 0;
    const tick = (): Tensor => {
      hostEffect(() => {
        steps++;
      });
      return new Tensor(
        new Inner(
          hostNumber(() => 1 / steps, "float32"),
          currentEngine(),
        ),
      );
    };
    const step = compile(() => {
      s.assign(s.add(tick()));
      s.assign(s.mul(tick()));
    });
    let plain = 0;
    let t = 0;
    for (let i = 0; i < 9; i++) {
      step();
      plain = Math.fround(plain + Math.fround(1 / ++t));
      plain = Math.fround(plain * Math.fround(1 / ++t));
    }
    expect(steps).toBe(18);
    expect(await s.item()).toBe(plain);
  });

  test("a changed learning rate reaches the replays where the optimiser reads it as the host's", async () => {
    const w = parameter([8], "w");
    const settings = { lr: 1 };
    const step = compile(() => {
      const lr = new Tensor(
        new Inner(
          hostNumber(() => settings.lr, "float32"),
          currentEngine(),
        ),
      );
      w.assign(w.sub(lr));
    });
    for (const lr of [1, 2, 0.5, 0.25, 4]) {
      settings.lr = lr;
      step();
    }
    expect(await w.item()).toBe(0.25);
  });

  describe("arguments", () => {
    test("a number is an operand, and other numbers compile nothing", async () => {
      const scale = compile((x: Tensor, by: Tensor) => x.mul(by).add(by));
      const count = counter();
      for (const by of [3, 0.5, 0, 1, -7]) expect(await scale(tensor([1, 2]), by).array()).toEqual([2 * by, 3 * by]);
      expect(count.plans).toBe(1);
    });

    test("a number does not change the dtype of what it meets", async () => {
      const scale = compile((x: Tensor, by: Tensor) => x.mul(by));
      const wide = tensor(Float64Array.of(1 / 3));
      const y = scale(wide, 0.1);
      expect(y.dtype).toBe("float64");
      expect(await y.item()).toBe((1 / 3) * 0.1);
    });

    test("JavaScript arithmetic on a number throws", () => {
      const wrong = compile((x: Tensor, by: Tensor) => x.mul((by as unknown as number) * 2));
      expect(() => wrong(tensor([1]), 3)).toThrow(
        /^compile: a number argument of a compiled function is a tensor inside/,
      );
    });

    test("arrays and objects of tensors", async () => {
      const f = compile((batch: { x: Tensor; rest: Tensor[] }, sign: string) => ({
        sum: batch.rest.reduce((sum, t) => sum.add(t), batch.x),
        all: [sign === "-" ? batch.x.neg() : batch.x],
      }));
      for (let i = 0; i < 5; i++) {
        const { sum, all } = f({ x: tensor([i]), rest: [tensor([10]), tensor([100])] }, "-");
        expect(await sum.array()).toEqual([110 + i]);
        expect(await all[0]?.array()).toEqual([-i]);
      }
      const { all } = f({ x: tensor([1]), rest: [tensor([10]), tensor([100])] }, "+");
      expect(await all[0]?.array()).toEqual([1]);
      expect(f.explain().split("\n")[1]).toBe('call 6: traced: argument 2 changed from "-" to "+"');
    });

    test("pending results and stored tensors", async () => {
      const w = parameter([5], "w");
      const f = compile((x: Tensor, p: Tensor) => x.mul(p));
      for (let i = 0; i < 4; i++) {
        expect(await f(tensor([i]).add(1), w).array()).toEqual([(i + 1) * (5 + i)]);
        w.assign(w.add(1));
      }
      const other = parameter([1], "other");
      expect(await f(tensor([3]).add(1), other).array()).toEqual([4]);
    });

    test("one tensor as two arguments, and two", async () => {
      const f = compile((a: Tensor, b: Tensor) => a.sub(b));
      const x = tensor([4]);
      expect(await f(x, x).array()).toEqual([0]);
      for (let i = 0; i < 4; i++) expect(await f(x, tensor([i])).array()).toEqual([4 - i]);
    });

    test("an argument that comes back, and a stored tensor", async () => {
      const w = parameter([5], "w");
      const f = compile((x: Tensor) => [x, w, null]);
      for (let i = 0; i < 4; i++) {
        const [x, same, nothing] = f(tensor([i]));
        expect(await x?.array()).toEqual([i]);
        expect(same).toBe(w);
        expect(nothing).toBeNull();
      }
    });

    test("gradients with respect to an argument", async () => {
      const f = compile((x: Tensor) => {
        x.mul(x).sum().backward();
        return x.grad as Tensor;
      });
      for (let i = 1; i < 5; i++) expect(await f(tensor([i], { requiresGrad: true })).array()).toEqual([2 * i]);
    });

    test("gradients that nothing uses get a hint, once", async () => {
      const [w, b] = [parameter([2], "w"), parameter([3], "b")];
      const optimizer = new Descent([w], 1);
      const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
      setHints(true);
      const useless = compile(() => {
        optimizer.zeroGrad();
        b.grad = null;
        const loss = w.mul(b).sum();
        loss.backward();
        return loss;
      });
      for (let i = 0; i < 3; i++) useless();
      expect(warn.mock.calls.map(([text]) => String(text))).toEqual([
        expect.stringMatching(/compile: the gradients of w and 1 more do not leave the function.*call step\(\) inside/),
      ]);
      const step = compile(() => {
        optimizer.zeroGrad();
        b.grad = null;
        w.mul(b).sum().backward();
        optimizer.step();
      });
      step();
      expect(warn).toHaveBeenCalledTimes(1);
      warn.mockRestore();
      expect(await w.item()).toBe(-1);
    });

    test("a backward() through a result says what to do", async () => {
      const w = parameter([2], "w");
      const forward = compile((x: Tensor) => x.mul(w));
      const wrong = /^backward: the tensor does not depend.*compile the whole step: zeroGrad\(\), forward pass/;
      for (let i = 0; i < 3; i++) {
        expect(() =>
          forward(tensor([3]))
            .sub(1)
            .square()
            .sum()
            .backward(),
        ).toThrow(wrong);
        expect(() => forward(tensor([3])).backward()).toThrow(wrong);
        expect(() => grad(forward(tensor([3])).sum(), w)).toThrow(
          /^grad: outputs must require grad.*compile the whole step/,
        );
      }
      const plain = compile((x: Tensor) => x.mul(2));
      expect(() => plain(tensor([3])).backward()).toThrow(/make parameters with requiresGrad/);
      // What does require grad goes on through such results.
      const v = parameter([5], "v");
      for (let i = 0; i < 3; i++) {
        v.grad = null;
        forward(tensor([3]))
          .mul(v)
          .backward();
        expect(await (v.grad as unknown as Tensor).array()).toEqual([6]);
      }
    });

    test("what is neither tensor nor number is refused", () => {
      const f = compile((x: Tensor) => x.neg());
      expect(() => f(new Float32Array(2) as unknown as Tensor)).toThrow(
        /neither tensor nor number: got a Float32Array.*wrap it/,
      );
      expect(() => compile(3 as unknown as () => Tensor)).toThrow(/^compile: takes a function/);
    });
  });

  describe("traces", () => {
    test("explain() says why in one line each", async () => {
      const f = compile((x: Tensor) => x.mul(2));
      f(tensor([1, 2]));
      f(tensor([3, 4]));
      f(tensor([1, 2, 3]));
      f(tensor([1, 2, 3]).int());
      f(tensor([1, 2]));
      noGrad(() => f(tensor([1, 2])));
      expect(f.explain().split("\n")).toEqual([
        "call 1: traced: the first call",
        "call 3: traced: argument 1 changed its shape from [2] to [3]",
        "call 4: traced: argument 1 changed its dtype from float32 to int32",
        "call 6: traced: gradients are not recorded now",
      ]);
    });

    test("a change of structure is looked at, at the next call", async () => {
      const switchable = { training: true };
      const f = compile((x: Tensor) => (switchable.training ? x.mul(2) : x));
      for (let i = 0; i < 5; i++) expect(await f(tensor([3])).item()).toBe(6);
      switchable.training = false;
      structureChanged("model.eval() was called");
      for (let i = 0; i < 5; i++) expect(await f(tensor([3])).item()).toBe(3);
      expect(f.explain().split("\n")[1]).toBe("call 6: traced again: model.eval() was called");
    });

    test("freezing a parameter is such a change", async () => {
      const [a, b] = [parameter([2], "a"), parameter([3], "b")];
      const optimizer = new Descent([a, b], 1);
      const f = compile(() => {
        optimizer.zeroGrad();
        a.mul(b).sum().backward();
        optimizer.step();
      });
      for (let i = 0; i < 3; i++) f();
      const before = [await a.item(), await b.item()] as [number, number];
      a.requiresGrad_(false);
      f();
      expect([await a.item(), await b.item()]).toEqual([before[0], before[1] - before[0]]);
      expect(f.explain()).toMatch(/traced again: requiresGrad_\(\)/);
    });

    test("a number from outside that changed throws", () => {
      let factor = 3;
      const f = compile((x: Tensor) => x.mul(factor));
      f(tensor([1]));
      f(tensor([1]));
      factor = 4;
      const calls = (): void => {
        for (let i = 0; i < 4; i++) f(tensor([1]));
      };
      expect(calls).toThrow(/^compile: something from outside.*the number 3 is 4 now \(give it as an argument/);
    });

    test("a tensor from outside that is another one throws", () => {
      let state: Tensor = tensor([1]);
      const f = compile((x: Tensor) => x.add(state));
      expect(() => {
        for (let i = 0; i < 4; i++) state = f(tensor([1]));
      }).toThrow(/^compile: something from outside.*a tensor of 1 elements is another one now/);
    });

    test("a graph that changes by itself throws", () => {
      let calls = 0;
      const f = compile((x: Tensor) => (calls++ > 2 ? x.neg() : x.mul(2)));
      expect(() => {
        for (let i = 0; i < 20; i++) f(tensor([1]));
      }).toThrow(/^compile: the function built another graph for the same kind of arguments/);
    });

    test("state that is made at the first call is no such change", async () => {
      const w = parameter([1], "w");
      let momentum: StoredTensor | undefined;
      const step = compile(() => {
        w.grad = null;
        w.mul(2).sum().backward();
        const g = w.grad as unknown as Tensor;
        noGrad(() => {
          if (momentum === undefined) {
            momentum = new StoredTensor({ data: new Float32Array(1), shape: [1], dtype: "float32" }, { label: "m" });
            momentum.assign(g);
          } else momentum.assign(momentum.mul(0.5).add(g));
          w.assign(w.sub(momentum));
        });
      });
      for (let i = 0; i < 4; i++) step();
      expect(await momentum?.item()).toBe(2 + 1 + 0.5 + 0.25);
      expect(await w.item()).toBe(1 - (2 + 3 + 3.5 + 3.75));
      expect(step.explain().split("\n")).toHaveLength(2);
    });

    test("a plan that was dropped from the cache is made again", async () => {
      const f = compile((x: Tensor) => x.mul(3).add(4));
      for (let i = 0; i < 5; i++) f(tensor([i]));
      for (let size = 1; size < 300; size++) tensor(new Float32Array(size)).sin().dataSync();
      expect(await f(tensor([5])).array()).toEqual([19]);
      expect(f.explain()).toMatch(/its plan was dropped/);
    });
  });

  describe("refusals", () => {
    const w = tensor([1, 2]);
    test.each([
      [
        "async functions",
        (): unknown => compile((async () => undefined) as unknown as () => undefined)(),
        /takes a synchronous function/,
      ],
      ["reads", () => compile(() => tensor(w.dataSync()))(), /cannot read elements/],
      [
        "reads of pending results",
        () => compile((x: Tensor) => tensor(x.mul(2).itemSync()))(tensor([1])),
        /cannot read elements/,
      ],
      [
        "data",
        () => compile((x: Tensor) => x.add(tensor([1, 2])))(tensor([1, 2])),
        /^tensor: a compiled function cannot make/,
      ],
      ["other results", (): unknown => compile((() => 5) as unknown as () => undefined)(), /returns tensors: got 5/],
    ] as const)("%s", (_, call, message) => {
      expect(call).toThrow(message);
      expect(tensor([1, 2]).add(1).arraySync()).toEqual([2, 3]);
    });

    test("gradients from outside", async () => {
      const p = parameter([2], "head.weight");
      p.mul(3).sum().backward();
      const f = compile(() => {
        p.mul(5).sum().backward();
      });
      expect(() => f()).toThrow(/uses a gradient from outside: that of head\.weight \(call zeroGrad\(\) inside/);
      expect(await p.grad?.item()).toBe(3);
    });

    test("an error in the function leaves everything as it was", async () => {
      const p = parameter([2], "p");
      p.mul(3).sum().backward();
      let steps = 0;
      const countStep = (): void =>
        hostEffect(() => {
          steps++;
          return () => {
            steps--;
          };
        });
      const f = compile(() => {
        countStep();
        p.grad = null;
        p.assign(p.add(1));
        throw new RangeError("mine");
      });
      expect(() => f()).toThrow(RangeError);
      expect(steps).toBe(0);
      expect(await p.item()).toBe(2);
      expect(await p.grad?.item()).toBe(3);
    });

    test("a fault in a replay writes nothing, counts nothing, and names its place", async () => {
      const table = new Embedding(3, 1);
      const seen = new StoredTensor(tensor([0]), { label: "seen" });
      let steps = 0;
      const countStep = (): void =>
        hostEffect(() => {
          steps++;
          return () => {
            steps--;
          };
        });
      const f = compile((x: Tensor) => {
        countStep();
        seen.assign(seen.add(1));
        return table.forward(x.add(1).int());
      });
      for (let i = 0; i < 3; i++) f(tensor([0, 1]));
      expect(() => f(tensor([0, 6]))).toThrow(/7 where 3 places are there.*compile\.test\.ts/);
      expect(await seen.item()).toBe(3);
      expect(steps).toBe(3);
      f(tensor([0, 1]));
      expect(await seen.item()).toBe(4);
    });

    test("a disposed parameter", () => {
      const p = parameter([2], "old");
      const f = compile((x: Tensor) => x.mul(p));
      for (let i = 0; i < 4; i++) f(tensor([1]));
      p.dispose();
      expect(() => f(tensor([1]))).toThrow(/disposed: old/);
    });
  });

  test("inside of a compiled function another one is just called", async () => {
    const inner = compile((x: Tensor) => x.mul(2));
    const outer = compile((x: Tensor) => inner(x).add(1));
    const count = counter();
    for (let i = 0; i < 4; i++) expect(await outer(tensor([i])).item()).toBe(2 * i + 1);
    expect(count.plans).toBe(1);
  });

  describe("the eager switch", () => {
    afterEach(() => setEager(false));

    test("runs the function as it is written, with the same numbers", async () => {
      const [a, b] = [net(), net()];
      const [first, second] = [compile(a.step), compile(b.step)];
      const lazy = first(...inputs(1));
      setEager(true);
      expect(await second(...inputs(1)).item()).toBe(await lazy.item());
      expect(await b.w.array()).toEqual(await a.w.array());
    });
  });
});
