/** L-BFGS beyond the reference cases: float32 and float64, saved in the middle, failing, used wrongly. And Lion by hand. */
import { describe, expect, test } from "vitest";
import { load, save } from "../../src/io/index.ts";
import { Linear, Parameter } from "../../src/nn/index.ts";
import {
  Adam,
  ExponentialLR,
  LBFGS,
  type LBFGSOptions,
  Lion,
  type OptimizerState,
  SGD,
} from "../../src/optim/index.ts";
import { int32, tensor } from "../../src/tensor/creation.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import { onEachDevice } from "../devices.ts";

/** The banana of Rosenbrock (1960), lowest at [1, 1]. */
function banana(p: Tensor): Tensor {
  const [x, y] = [p.at(0), p.at(1)];
  return x.sub(1).square().add(y.sub(x.square()).square().mul(100));
}

function problem(dtype: "float32" | "float64", options: Partial<LBFGSOptions>): [Parameter, LBFGS, () => Tensor] {
  const p = new Parameter(tensor([-1.2, 1], { dtype }));
  const optimizer = new LBFGS([p], options);
  const closure = (): Tensor => {
    optimizer.zeroGrad();
    const loss = banana(p);
    loss.backward();
    return loss;
  };
  return [p, optimizer, closure];
}

describe("L-BFGS", () => {
  onEachDevice(() => {
    test("goes down a curved valley as PyTorch does, evaluation by evaluation", async () => {
      for (const [options, end, evaluations, iterations] of [
        [{}, [0.9999814210791366, 0.9999619651810989], 43, 35],
        [{ toleranceChange: 0 }, [1.000000000100408, 1.00000000017865], 46, 37],
      ] as const) {
        const [p, optimizer, closure] = problem("float64", { lineSearchFn: "strong_wolfe", maxIter: 100, ...options });
        const first = await optimizer.step(closure);
        expect(await first.item()).toBeCloseTo(24.2, 10);
        expect(await p.array()).toEqual(end.map((x) => expect.closeTo(x, 9) as number));
        expect(optimizer.stateDict().state[0]).toMatchObject({ func_evals: evaluations, n_iter: iterations });
      }
    });
  });

  test("saved between steps it goes on exactly, with a short history too", async () => {
    for (const dtype of ["float32", "float64"] as const) {
      const options = { maxIter: 3, historySize: 2, lineSearchFn: "strong_wolfe" } as const;
      const [whole, all, closure] = problem(dtype, options);
      for (let i = 0; i < 8; i++) await all.step(closure);
      const [p, first, firstClosure] = problem(dtype, options);
      for (let i = 0; i < 4; i++) await first.step(firstClosure);
      const bytes = await save(first.stateDict());
      const [q, second, secondClosure] = problem(dtype, {});
      q.assign(p);
      second.loadStateDict(load<OptimizerState & Record<string, unknown>>(bytes));
      expect(second.paramGroups[0].historySize).toBe(2);
      for (let i = 0; i < 4; i++) await second.step(secondClosure);
      expect(await q.array()).toEqual(await whole.array());
      expect(second.stateDict().state[0]?.["n_iter"]).toEqual(all.stateDict().state[0]?.["n_iter"]);
      expect(second.stateDict().state[0]?.["old_dirs"]).toMatchObject({ shape: [2, 2] });
    }
  });

  test("a closure that fails takes the step back", async () => {
    const [p, optimizer, closure] = problem("float32", { lineSearchFn: "strong_wolfe" });
    let calls = 0;
    const failing = (): Tensor => {
      if (++calls === 4) throw new Error("out of data");
      return closure();
    };
    const before = await p.array();
    await expect(optimizer.step(failing)).rejects.toThrow("out of data");
    expect(await p.array()).toEqual(before);
    expect(optimizer.stateDict().state).toEqual({});
    await optimizer.step(closure);
    expect(await banana(p).item()).toBeLessThan(1);
  });

  test("a loss that is not finite ends the search", async () => {
    const p = new Parameter(tensor([1]));
    const optimizer = new LBFGS([p], { lineSearchFn: "strong_wolfe", lr: 10 });
    const closure = (): Tensor => {
      optimizer.zeroGrad();
      const loss = p.sub(2).log();
      loss.backward();
      return loss;
    };
    await optimizer.step(closure);
    expect(optimizer.stateDict().state[0]?.["func_evals"]).toBeLessThan(60);
  });

  test("a parameter without a gradient stays, an async closure and a schedule will do", async () => {
    const [p, idle] = [new Parameter(tensor([3])), new Parameter(tensor([5]))];
    const optimizer = new LBFGS([p, idle], { lr: 0.5, maxIter: 1 });
    new ExponentialLR(optimizer, { gamma: 0.5 }).step();
    expect(optimizer.paramGroups[0].lr).toBe(0.25);
    await optimizer.step(async () => {
      optimizer.zeroGrad();
      const loss = p.square().sum().mul(0.5);
      loss.backward();
      return loss;
    });
    // The first step has the length lr · min(1, 1 / Σ|g|) · |g|.
    expect([await p.item(), await idle.item()]).toEqual([2.75, 5]);
  });

  test("mistakes are named", async () => {
    const [p, optimizer] = problem("float32", {});
    await expect((optimizer as unknown as SGD).step() as unknown as Promise<unknown>).rejects.toThrow(
      "LBFGS.step: takes a function that computes the loss and its gradients: got undefined",
    );
    await expect(optimizer.step(() => p)).rejects.toThrow("the closure must return the loss, a tensor of one element");
    expect(() => new LBFGS([p], { lineSearchFn: "wolfe" as "strong_wolfe" })).toThrow('must be "strong_wolfe" or null');
    expect(() => new LBFGS([p], { maxIter: 0 })).toThrow("maxIter must be a whole number from 1: got 0");
    expect(() => new LBFGS([p], { linesearch: 1 } as object)).toThrow('unknown option "linesearch"');
    expect(() => new LBFGS([])).toThrow("LBFGS: got no parameters");
    expect(() => new LBFGS([p, p])).toThrow("a parameter comes twice");
    const adam = new Adam([p]);
    p.sum().backward();
    adam.step();
    expect(() => optimizer.loadStateDict({ ...adam.stateDict(), paramGroups: [{ params: [0] }] })).toThrow(
      'LBFGS.loadStateDict: unknown state "step"',
    );
    expect(() => optimizer.loadStateDict({ state: {}, paramGroups: [] })).toThrow("takes the state of an LBFGS");
  });

  test("fits a logistic regression better in 10 steps than gradient descent in 100", async () => {
    const x = tensor([
      [0, 1],
      [1, 3],
      [2, 1],
      [3, 4],
      [4, 2],
      [5, 6],
    ]);
    const y = tensor([[0], [1], [0], [1], [0], [1]]);
    const train = async (isNewton: boolean): Promise<number> => {
      const model = new Linear(2, 1);
      for (const p of model.parameters()) p.zero_();
      const lossOf = (): Tensor => {
        const z = model.forward(x);
        return z.exp().log1p().sub(z.mul(y)).mean().add(model.weight.square().sum().mul(0.01));
      };
      const optimizer = isNewton
        ? new LBFGS(model.parameters(), { maxIter: 5 })
        : new SGD(model.parameters(), { lr: 0.1 });
      const closure = (): Tensor => {
        optimizer.zeroGrad();
        const loss = lossOf();
        loss.backward();
        return loss;
      };
      for (let i = 0; i < (isNewton ? 10 : 100); i++) {
        if (optimizer instanceof LBFGS) await optimizer.step(closure);
        else {
          closure();
          optimizer.step();
        }
      }
      return lossOf().item();
    };
    expect(await train(true)).toBeLessThan((await train(false)) - 0.01);
  });
});

test("Lion by hand", async () => {
  const p = new Parameter(tensor([0.5, -2, 1]));
  const optimizer = new Lion([p], { lr: 0.1, betas: [0.5, 0.75], weightDecay: 0.2 });
  const x = [0.5, -2, 1];
  const m = [0, 0, 0];
  for (let step = 0; step < 5; step++) {
    optimizer.zeroGrad();
    p.sub(tensor([0, 0, 1]))
      .square()
      .sum()
      .mul(0.5)
      .backward();
    optimizer.step();
    x.forEach((value, i) => {
      const g = value - (i === 2 ? 1 : 0);
      const mean = m[i] as number;
      x[i] = value * (1 - 0.1 * 0.2) - 0.1 * Math.sign(0.5 * mean + 0.5 * g);
      m[i] = 0.75 * mean + 0.25 * g;
    });
  }
  expect(await p.array()).toEqual(x.map((value) => expect.closeTo(value, 5) as number));
  const mean = optimizer.stateDict().state[0]?.["exp_avg"];
  expect(mean).toBeInstanceOf(Tensor);
  expect(await (mean as Tensor).array()).toEqual(m.map((value) => expect.closeTo(value, 5) as number));
});

test("a state of another optimiser, or of none, is refused by name", () => {
  const p = new Parameter(tensor([1, 2]));
  const [adam, sgd] = [new Adam([p]), new SGD([p], { momentum: 0.9 })];
  p.sum().backward();
  adam.step();
  const [group] = sgd.stateDict().paramGroups;
  const give = (entries: object, number = 0): (() => void) => {
    const state = { [number]: entries } as OptimizerState["state"];
    return () => sgd.loadStateDict({ state, paramGroups: [group as Record<string, unknown>] });
  };
  expect(give(adam.stateDict().state[0] as object)).toThrow(
    'SGD.loadStateDict: unknown state "exp_avg" of parameter 0: kept are step, momentum_buffer',
  );
  expect(give({ step: 1, momentum_buffer: 3 })).toThrow("momentum_buffer of parameter 0 must be a tensor: got 3");
  expect(give({ step: int32(1) })).toThrow("step of parameter 0 must be a whole number from 0");
  expect(give({ step: 1 }, 4)).toThrow("the state is of other parameters: it has number 4, and there are 1");
  expect(give({ step: 1, momentum_buffer: p })).not.toThrow();
});
