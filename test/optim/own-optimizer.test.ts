/** Optimisers that a user writes: they extend Optimizer, or one of the library's. */
import { describe, expect, test } from "vitest";
import { load, save } from "../../src/io/index.ts";
import { Linear, MSELoss, Parameter } from "../../src/nn/index.ts";
import {
  Adam,
  type AdamNumbers,
  type AdamOptions,
  ExponentialLR,
  Optimizer,
  type OptimizerState,
  type ParamList,
  type ParameterState,
  type Tensors,
} from "../../src/optim/index.ts";
import { compile } from "../../src/tensor/compile.ts";
import { tensor, zeros } from "../../src/tensor/creation.ts";
import { manualSeed, randn } from "../../src/tensor/random.ts";
import { setEager } from "../../src/tensor/switches.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { Trainer } from "../../src/train/index.ts";
import { DataLoader, TensorDataset } from "../../src/data/index.ts";
import { onEachDevice } from "../devices.ts";

interface SignOptions {
  lr: number;
  momentum: number;
  /** What becomes of the direction. */
  form: string;
}

/** Steps by the sign of a running mean; the rate falls with the square root of the steps. */
class Signs extends Optimizer<SignOptions, { rate: number; momentum: number }> {
  protected override readonly stateNames = ["mean"];
  asked = 0;

  constructor(parameters: ParamList<SignOptions>, options: Partial<SignOptions> = {}) {
    super(parameters, options, { lr: 0.25, momentum: 0.5, form: "sign" });
  }

  protected override numbers(group: SignOptions, step: number): { rate: number; momentum: number } {
    return { rate: group.lr / Math.sqrt(step), momentum: group.momentum };
  }

  protected override update(
    group: SignOptions,
    n: Tensors<{ rate: number; momentum: number }>,
    p: Tensor,
    g: Tensor,
    state: ParameterState,
  ): Tensor {
    this.asked++;
    const mean = g.lerp(state.get("mean"), n.momentum);
    state.set("mean", mean);
    const direction = group.form === "sign" ? mean.sign() : mean.tanh().mul(0.3);
    return p.sub(direction.mul(n.rate));
  }
}

class FixedSigns extends Signs {
  static readonly hasFixedUpdate = true;
}

/** Reads its rate from the group, as one would in PyTorch. */
class Plain extends Optimizer<{ lr: number }> {
  constructor(parameters: ParamList<{ lr: number }>, options: { lr?: number } = {}) {
    super(parameters, options, { lr: 0.5 });
  }

  protected override update(group: { lr: number }, _n: object, p: Tensor, g: Tensor): Tensor {
    return p.sub(g.mul(group.lr));
  }
}

const f32 = Math.fround;

class FixedPlain extends Plain {
  static readonly hasFixedUpdate = true;
}

onEachDevice(() => {
  /** Trains two parameters for some steps whose rate falls. */
  async function train(
    make: (parameters: Parameter[]) => Optimizer<{ lr: number }, never> | Signs | Plain,
    wrap: (step: () => Tensor) => () => Tensor = (step) => step,
  ): Promise<unknown> {
    const parameters = [new Parameter(tensor([1, -2, 3])), new Parameter(tensor([0.5, 0.25, -1]))];
    const optimizer = make(parameters);
    const schedule = new ExponentialLR(optimizer, { gamma: 0.75 });
    const step = wrap(() => {
      const [a, b] = parameters as [Parameter, Parameter];
      const loss = a.mul(b).sub(1).square().sum();
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    });
    const losses: number[] = [];
    for (let i = 0; i < 12; i++) {
      losses.push(await step().item());
      schedule.step();
    }
    return [losses, ...(await Promise.all(parameters.map((p) => p.array())))];
  }

  test("it follows its formula", async () => {
    const p = new Parameter(tensor([1, -2]));
    const optimizer = new Signs([p]);
    const plain = [1, -2];
    const mean = [0, 0];
    for (let step = 1; step <= 5; step++) {
      optimizer.zeroGrad();
      p.square().sum().backward();
      optimizer.step();
      for (const i of [0, 1]) {
        const g = f32(2 * (plain[i] as number));
        mean[i] = f32(g + f32(0.5 * f32((mean[i] as number) - g)));
        plain[i] = f32((plain[i] as number) - f32(Math.sign(mean[i] as number) * f32(0.25 / Math.sqrt(step))));
      }
    }
    expect(await p.array()).toEqual(plain);
  });

  test.each([Signs, FixedSigns, Plain])(
    "%o compiled: the numbers of the eager steps, with a falling rate",
    async (Own) => {
      const eager = await train((parameters) => new Own(parameters));
      expect(await train((parameters) => new Own(parameters), compile)).toEqual(eager);
    },
  );

  test("where it is fixed it is asked once for a type, with the same numbers", async () => {
    const made: Signs[] = [];
    const keep = (optimizer: Signs): Signs => {
      made.push(optimizer);
      return optimizer;
    };
    for (const form of ["sign", "soft"]) {
      const asked = await train((parameters) => keep(new Signs(parameters, { form })));
      expect(await train((parameters) => keep(new FixedSigns(parameters, { form })))).toEqual(asked);
    }
    expect(made.map(({ asked }) => asked)).toEqual([24, 1, 24, 1]);
  });

  test("a rate that is read from the group reaches a fixed update", async () => {
    expect(await train((parameters) => new FixedPlain(parameters))).toEqual(
      await train((parameters) => new Plain(parameters)),
    );
  });

  test("operation by operation", async () => {
    const lazy = await train((parameters) => new Signs(parameters));
    setEager(true);
    try {
      expect(await train((parameters) => new Signs(parameters))).toEqual(lazy);
    } finally {
      setEager(false);
    }
  });

  test("float64, and groups with settings of their own", async () => {
    const [a, b] = [new Parameter(tensor(Float64Array.of(1))), new Parameter(zeros(2))];
    const optimizer = new Signs([
      { params: [a], lr: 0.1 },
      { params: [b], momentum: 0 },
    ]);
    a.mul(2).sum().backward();
    b.mul(-1).sum().backward();
    optimizer.step();
    expect([await a.item(), await b.array()]).toEqual([0.9, [0.25, 0.25]]);
  });

  test("its gradient is a tensor, so it may be held", async () => {
    const held: Tensor[] = [];
    class Holding extends Plain {
      protected override update(group: { lr: number }, n: object, p: Tensor, g: Tensor): Tensor {
        held.push(g);
        return super.update(group, n, p, g);
      }
    }
    const p = new Parameter(tensor([1, 2]));
    const optimizer = new Holding([p]);
    for (let i = 0; i < 3; i++) {
      optimizer.zeroGrad();
      p.square().sum().backward();
      optimizer.step();
    }
    expect(await Promise.all(held.map((g) => g.array()))).toEqual([
      [2, 4],
      [0, 0],
      [0, 0],
    ]);
  });

  test("one that extends Adam", async () => {
    /** Adam whose parameters stay within bounds. */
    class Bounded extends Adam {
      protected override update(
        group: AdamOptions,
        n: Tensors<AdamNumbers>,
        p: Tensor,
        g: Tensor,
        state: ParameterState,
      ): Tensor {
        return super.update(group, n, p, g, state).clamp(-1, 1);
      }
    }
    const p = new Parameter(tensor([0.95, 0]));
    const optimizer = new Bounded([p], { lr: 0.25 });
    const step = compile(() => {
      optimizer.zeroGrad();
      p.mul(-1).sum().backward();
      optimizer.step();
    });
    for (let i = 0; i < 3; i++) step();
    const [first, second] = await p.array(1);
    expect(first).toBe(1);
    expect(second).toBeCloseTo(0.75, 6);
  });
});

test("a saved state goes on exactly where it was", async () => {
  const run = async (isInterrupted: boolean): Promise<unknown> => {
    const p = new Parameter(tensor([1, -2, 3]));
    let optimizer = new Signs([p], { form: "soft" });
    for (let i = 0; i < 6; i++) {
      if (isInterrupted && i === 3) {
        const bytes = await save(optimizer.stateDict());
        optimizer = new Signs([p], { lr: 9 });
        optimizer.loadStateDict(load<OptimizerState & Record<string, unknown>>(bytes));
      }
      optimizer.zeroGrad();
      p.square().sum().backward();
      optimizer.step();
    }
    expect(optimizer.stateDict().state[0]?.["step"]).toBe(6);
    return p.array();
  };
  expect(await run(true)).toEqual(await run(false));
});

test("the trainer takes it", async () => {
  manualSeed(1);
  const x = randn(40, 2);
  const model = new Linear(2, 1);
  const optimizer = new Signs(model.parameters(), { lr: 0.05 });
  const trainer = new Trainer({
    model,
    optimizer,
    loss: new MSELoss(),
    schedule: new ExponentialLR(optimizer, { gamma: 0.9 }),
  });
  const data = new DataLoader(new TensorDataset(x, x.sum(1, { keepdim: true })), { batchSize: 10 });
  const { epochs } = await trainer.fit(data, { epochs: 10 });
  expect(epochs.at(-1)?.["train/loss"]).toBeLessThan((epochs[0]?.["train/loss"] ?? 0) / 2);
});

describe("what is wrong is named", () => {
  const p = new Parameter(zeros(2));
  const step = (optimizer: { step(): void }): void => {
    p.grad = null;
    p.sum().backward();
    optimizer.step();
  };
  type Update = (p: Tensor, state: ParameterState) => unknown;
  const made = (update: Update, numbers?: () => object): Plain => {
    class Wrong extends Plain {
      protected override numbers(group: { lr: number }, count: number): { lr: number } {
        return (numbers?.() ?? super.numbers(group, count)) as { lr: number };
      }

      protected override update(
        _group: { lr: number },
        _n: object,
        given: Tensor,
        _g: Tensor,
        state?: ParameterState,
      ): Tensor {
        return update(given, state as ParameterState) as Tensor;
      }
    }
    return new Wrong([p]);
  };

  test("contents", () => {
    expect(() => step(made((x) => x.sum()))).toThrow(
      /^Wrong\.update: the new content of a parameter without a name must be a tensor of its shape and dtype: float32 \[\] for float32 \[2\]/,
    );
    expect(() => step(made(() => undefined))).toThrow(/got undefined for|undefined for float32/);
    expect(() => step(made((x, state) => (state.set("mean", x), x)))).toThrow(
      /^Wrong: the state "mean" is not in stateNames: which is empty \(protected override readonly stateNames = \["mean"\]\)/,
    );
    class Named extends Signs {
      protected override update(...[, , x, , state]: Parameters<Signs["update"]>): Tensor {
        state.set("mean", x.int());
        return x;
      }
    }
    expect(() => step(new Named([p]))).toThrow(/^Named\.update: mean of .* int32 \[2\] for float32 \[2\]/);
  });

  test("numbers and settings", () => {
    expect(() =>
      step(
        made(
          (x) => x,
          () => ({ lr: "0.1" }),
        ),
      ),
    ).toThrow(/^Wrong\.numbers: lr must be a number: got "0.1"/);
    expect(() => new Signs([p], { form: 3 as unknown as string })).toThrow(/^Signs: form must be like "sign": got 3/);
    expect(() => new Signs([p], { beta: 1 } as object)).toThrow(/^Signs: unknown option "beta"/);
  });
});
