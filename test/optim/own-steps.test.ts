/** Steps of optimisers that a user writes: names of numbers that change, and steps that fail. */
import { afterEach, describe, expect, test } from "vitest";
import { BatchNorm1d, Buffer, Parameter } from "../../src/nn/index.ts";
import { Optimizer, type ParameterState, type Tensors } from "../../src/optim/index.ts";
import { compile } from "../../src/tensor/compile.ts";
import { tensor, zeros } from "../../src/tensor/creation.ts";
import { setEager } from "../../src/tensor/switches.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { onEachDevice } from "../devices.ts";

interface Rate {
  lr: number;
}

class Plain extends Optimizer<Rate, Record<string, number>> {
  asked = 0;

  constructor(parameters: Iterable<Parameter>) {
    super(parameters, {}, { lr: 0.5 });
  }

  protected override update(
    _group: object,
    n: Tensors<Record<string, number>>,
    p: Tensor,
    g: Tensor,
    _state: ParameterState,
  ): Tensor {
    this.asked++;
    return p.sub(g.mul(n["lr"] as Tensor));
  }
}

/** A step of `optimizer` on the sum of parameters: every gradient is 1. */
function stepOn(optimizer: { zeroGrad(): void; step(): void }, parameters: readonly Parameter[]): () => void {
  return () => {
    optimizer.zeroGrad();
    parameters.reduce<Tensor>((sum, each) => sum.add(each.sum()), zeros()).backward();
    optimizer.step();
  };
}

describe("names of numbers", () => {
  /** One whose numbers are those of `list` at its steps, the last ones from there on. */
  const made = (list: readonly unknown[], isFixed: boolean): (new (p: Iterable<Parameter>) => Plain) => {
    class Changing extends Plain {
      static readonly hasFixedUpdate: boolean = isFixed;

      protected override numbers(_group: Rate, step: number): Record<string, number> {
        return list[Math.min(step, list.length) - 1] as Record<string, number>;
      }
    }
    return Changing;
  };

  onEachDevice(() => {
    test.each([true, false])("another order, other names beside it, fewer; fixed: %o", async (isFixed) => {
      const list = [{ lr: 0.5, x: 100 }, { x: 200, lr: 0.25 }, { y: 7, lr: 1 }, { lr: 2 }, { lr: 0.5, x: 300 }];
      const parameters = [new Parameter(zeros(2)), new Parameter(zeros(2))];
      const optimizer = new (made(list, isFixed))(parameters);
      const step = stepOn(optimizer, parameters);
      const found: unknown[] = [];
      for (let i = 0; i < 5; i++) {
        step();
        found.push(await parameters[1]?.array());
      }
      expect(found).toEqual([-0.5, -0.75, -1.75, -3.75, -4.25].map((x) => [x, x]));
      // Learnt once for each list of names.
      expect(optimizer.asked).toBe(isFixed ? 4 : 10);
    });

    test("a compiled step takes another order", async () => {
      const p = new Parameter(zeros(2));
      const order = made(
        [
          { lr: 0.5, x: 1 },
          { lr: 0.5, x: 1 },
          { x: 2, lr: 0.25 },
        ],
        false,
      );
      const step = compile(stepOn(new order([p]), [p]));
      for (let i = 0; i < 3; i++) step();
      expect(await p.array()).toEqual([-1.25, -1.25]);
    });
  });

  test.each([
    ["other ones", { rate: 0.1 }, /^Changing\.numbers: the names differ from those .*: rate, and there lr \(give all/],
    ["more", { lr: 0.1, x: 1 }, /^Changing\.numbers: the names differ .*: lr, x, and there lr/],
    ["none", {}, /^Changing\.numbers: the names differ .*: none, and there lr/],
    ["NaN", { lr: Number.NaN }, /^Changing\.numbers: lr must be a number: got NaN/],
    ["no number", { lr: "0.1" }, /^Changing\.numbers: lr must be a number: got "0.1"/],
    ["nothing", undefined, /^Changing\.numbers: must give numbers by name: got undefined/],
  ])("a compiled step that gets %s changes nothing", async (_name, wrong, message) => {
    const p = new Parameter(zeros(2));
    // The third call replays what the second has traced.
    const optimizer = new (made([{ lr: 0.5 }, { lr: 0.5 }, wrong], false))([p]);
    const step = compile(stepOn(optimizer, [p]));
    step();
    step();
    const { asked } = optimizer;
    expect(step).toThrow(message);
    expect(optimizer.asked).toBe(asked);
    expect(await p.array()).toEqual([-1, -1]);
    expect(optimizer.stateDict().state).toMatchObject({ 0: { step: 2 } });
  });

  test("hasFixedUpdate = false is not true", () => {
    const parameters = [new Parameter(zeros(2)), new Parameter(zeros(2))];
    class Free extends Plain {
      static readonly hasFixedUpdate = false;
    }
    const optimizer = new Free(parameters);
    stepOn(optimizer, parameters)();
    expect(optimizer.asked).toBe(2);
  });
});

/** Fails at parameters of two elements; keeps the sum of gradients. */
class Failing extends Plain {
  protected override readonly stateNames = ["sum"];
  isWhole = false;
  reads = false;

  protected override update(
    group: object,
    n: Tensors<Record<string, number>>,
    p: Tensor,
    g: Tensor,
    state: ParameterState,
  ): Tensor {
    state.set("sum", state.get("sum").add(g));
    if (this.reads) g.sum().itemSync();
    if (p.size === 2 && !this.isWhole) throw new Error("half way");
    return super.update(group, n, p, g, state);
  }
}

class FixedFailing extends Failing {
  static readonly hasFixedUpdate = true;
}

describe("a step that fails half way makes no part of it", () => {
  afterEach(() => setEager(false));

  const expectAllOrNothing = async (optimizer: Failing, parameters: readonly Parameter[]): Promise<void> => {
    const step = stepOn(optimizer, parameters);
    const contents = (): Promise<unknown[]> => Promise.all(parameters.map((each) => each.array()));
    expect(step).toThrow("half way");
    expect(await contents()).toEqual([
      [0, 0, 0],
      [0, 0],
    ]);
    expect(optimizer.stateDict().state).toEqual({});
    // The gradients are there still.
    expect(await parameters[0]?.grad?.array()).toEqual([1, 1, 1]);
    optimizer.isWhole = true;
    step();
    step();
    expect(await contents()).toEqual([
      [-1, -1, -1],
      [-1, -1],
    ]);
    const { state } = optimizer.stateDict();
    expect(state).toMatchObject({ 0: { step: 2 }, 1: { step: 2 } });
    const sum = state[0]?.["sum"] as Tensor;
    expect(await sum.array()).toEqual([2, 2, 2]);
  };
  const two = (): Parameter[] => [new Parameter(zeros(3)), new Parameter(zeros(2))];

  test.each([Failing, FixedFailing])("%o", async (Class) => {
    const parameters = two();
    await expectAllOrNothing(new Class(parameters), parameters);
  });

  test("operation by operation", async () => {
    setEager(true);
    const parameters = two();
    await expectAllOrNothing(new Failing(parameters), parameters);
  });

  test("where update reads", async () => {
    const parameters = two();
    const optimizer = new Failing(parameters);
    optimizer.reads = true;
    await expectAllOrNothing(optimizer, parameters);
  });

  test("behind as many writes as may wait", async () => {
    const parameters = two();
    const [first, second] = parameters as [Parameter, Parameter];
    const optimizer = new Failing(parameters);
    first.sum().add(second.sum()).backward();
    await first.grad?.array();
    for (let i = 0; i < 32; i++) first.add_(1);
    expect(() => optimizer.step()).toThrow("half way");
    expect([await first.array(), optimizer.stateDict().state]).toEqual([[32, 32, 32], {}]);
    optimizer.isWhole = true;
    optimizer.step();
    expect([await first.array(), await second.array()]).toEqual([
      [31.5, 31.5, 31.5],
      [-0.5, -0.5],
    ]);
  });

  test("inside of compile()", async () => {
    const parameters = two();
    const optimizer = new Failing(parameters);
    const step = compile(stepOn(optimizer, parameters));
    expect(step).toThrow("half way");
    expect(optimizer.stateDict().state).toEqual({});
    optimizer.isWhole = true;
    for (let i = 0; i < 3; i++) step();
    expect(await Promise.all(parameters.map((each) => each.array()))).toEqual([
      [-1.5, -1.5, -1.5],
      [-1.5, -1.5],
    ]);
    expect(optimizer.stateDict().state).toMatchObject({ 0: { step: 3 }, 1: { step: 3 } });
  });

  test("where numbers of a later group throw", async () => {
    const [a, b] = [new Parameter(zeros(1)), new Parameter(zeros(1))];
    class Late extends Plain {
      protected override numbers(group: Rate): Record<string, number> {
        if (group.lr === 9) throw new Error("no numbers");
        return { lr: group.lr };
      }
    }
    const optimizer = new Late([a]);
    optimizer.addParamGroup({ params: [b], lr: 9 });
    expect(stepOn(optimizer, [a, b])).toThrow("no numbers");
    expect([await a.item(), optimizer.stateDict().state]).toEqual([0, {}]);
  });

  test("what else was pending is made", async () => {
    const parameters = [new Parameter(zeros(2))];
    const optimizer = new Failing(parameters);
    const norm = new BatchNorm1d(2, { momentum: 0.5 });
    const buffer = new Buffer(zeros(2));
    norm.forward(
      tensor([
        [1, 2],
        [3, 6],
      ]),
    );
    buffer.assign(tensor([5, 5]));
    expect(stepOn(optimizer, parameters)).toThrow("half way");
    expect(await buffer.array()).toEqual([5, 5]);
    expect(await (norm.stateDict()["running_mean"] as Tensor).array()).toEqual([1, 2]);
  });
});

onEachDevice(() => {
  test.each([true, false])("a state that was set is what is got behind that; fixed: %o", async (isFixed) => {
    class Twice extends Plain {
      static readonly hasFixedUpdate: boolean = isFixed;
      protected override readonly stateNames = ["count"];

      protected override update(_group: object, _n: object, p: Tensor, _g: Tensor, state: ParameterState): Tensor {
        for (let i = 0; i < 40; i++) state.set("count", state.get("count", 1).add(1));
        return p.add(state.get("count"));
      }
    }
    const p = new Parameter(zeros(2));
    const optimizer = new Twice([p]);
    const step = stepOn(optimizer, [p]);
    step();
    step();
    expect(await p.array()).toEqual([41 + 81, 41 + 81]);
    const count = optimizer.stateDict().state[0]?.["count"] as Tensor;
    expect(await count.array()).toEqual([81, 81]);
  });
});
