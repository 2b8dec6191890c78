/** Backward passes and updates that are known come as calls: nobody may see a difference. */
import { expect, test } from "vitest";
import { newestId } from "../../src/ir/value.ts";
import * as nn from "../../src/nn/index.ts";
import { Adagrad, Adam, SGD } from "../../src/optim/index.ts";
import { ones, tensor } from "../../src/tensor/creation.ts";
import { engineOf, setDefaultDevice } from "../../src/tensor/engines.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

setDefaultDevice("js");
const engine = engineOf("js");

async function gradientOf(w: nn.Parameter): Promise<unknown> {
  return w.grad?.array();
}

/** Vertices that `body` makes. */
function vertices(body: () => void): number {
  const before = newestId();
  body();
  return newestId() - before;
}

test("a step like the one before makes no vertices of its backward pass but the call and the gradients", () => {
  const w = new nn.Parameter(ones(3, 3));
  const loss = (): Tensor => w.matmul(w).exp().mul(w).sum();
  const first = loss();
  const fresh = vertices(() => first.backward());
  w.grad = null;
  const again = loss();
  expect(vertices(() => again.backward())).toBe(3); // the gradient of the loss, the call, its result
  expect(fresh).toBeGreaterThan(6);
  engine.run([]);
});

test("passes that differ in a number, a shape or what needs a gradient are told apart", async () => {
  const w = new nn.Parameter(tensor([1, 2]));
  const fixed = tensor([1, 1]);
  const gradient = async (loss: Tensor): Promise<unknown> => {
    w.grad = null;
    loss.backward();
    return gradientOf(w);
  };
  for (let i = 0; i < 2; i++) {
    expect(await gradient(w.mul(w).sum())).toEqual([2, 4]);
    expect(await gradient(w.mul(fixed).sum())).toEqual([1, 1]);
    expect(await gradient(w.mul(w.detach()).sum())).toEqual([1, 2]);
    expect(await gradient(w.mul(2).sum())).toEqual([2, 2]);
    expect(await gradient(w.mul(0.5).sum())).toEqual([0.5, 0.5]);
    expect(await gradient(w.mul(3.5).sum())).toEqual([3.5, 3.5]);
    expect(await gradient(w.reshape(2, 1).mul(w.reshape(2, 1)).sum())).toEqual([2, 4]);
  }
});

test("variables with one gradient, and a gradient that is the one given", async () => {
  const [a, b] = [new nn.Parameter(tensor([1])), new nn.Parameter(tensor([2]))];
  for (let i = 0; i < 2; i++) {
    a.grad = null;
    b.grad = null;
    a.add(b).backward({ gradient: tensor([5]) });
    expect([await gradientOf(a), await gradientOf(b)]).toEqual([[5], [5]]);
  }
});

test("a graph that was used up is refused by a pass that is known", () => {
  const w = new nn.Parameter(tensor([1, 2]));
  for (let i = 0; i < 2; i++) {
    const loss = w.exp().sum();
    loss.backward();
    expect(() => loss.backward()).toThrow("the graph was used by an earlier backward() and is gone");
    w.grad = null;
  }
});

test("gradients behind the second run of a known pass are those of a choice by computed positions", async () => {
  const w = new nn.Parameter(tensor([1, 3, 2]));
  const loss = (): Tensor =>
    w
      .mul(w)
      .gather(0, w.detach().argmax(0, { keepdim: true }))
      .sum();
  for (const at of [1, 1, 1]) {
    w.grad = null;
    loss().backward();
    const expected = [0, 0, 0];
    expected[at] = 6;
    expect(await gradientOf(w)).toEqual(expected);
  }
});

test("a parameter that gets its first gradient later starts its state as the others did", async () => {
  const [a, b] = [new nn.Parameter(tensor([1])), new nn.Parameter(tensor([1]))];
  const optimizer = new Adagrad([a, b], { lr: 1, initialAccumulatorValue: 3, eps: 0 });
  a.mul(1).sum().backward();
  optimizer.step();
  optimizer.zeroGrad();
  b.mul(1).sum().backward();
  optimizer.step();
  // 1 − 1 / √(3 + 1)
  expect([await a.item(), await b.item()]).toEqual([0.5, 0.5]);
});

test("a setting that changes the graph of an update is seen", async () => {
  const run = async (decay: readonly number[]): Promise<number> => {
    const w = new nn.Parameter(tensor([1]));
    const optimizer = new Adam([w], { lr: 0.1 });
    for (const weightDecay of decay) {
      for (const group of optimizer.paramGroups) group.weightDecay = weightDecay;
      optimizer.zeroGrad();
      w.mul(0).sum().backward();
      optimizer.step();
    }
    return w.item();
  };
  expect(await run([0, 0])).toBe(1);
  expect(await run([0, 1])).toBeLessThan(0.99);
});

test("an update that a class has not called fixed is asked for at each step", async () => {
  class Alternating extends SGD {
    calls = 0;

    protected override update(...args: Parameters<SGD["update"]>): ReturnType<SGD["update"]> {
      const [group, numbers, p, g, state] = args;
      return this.calls++ % 2 === 0 ? super.update(group, numbers, p, g, state) : p;
    }
  }
  const w = new nn.Parameter(tensor([1]));
  const optimizer = new Alternating([w], { lr: 1 });
  const values: unknown[] = [];
  for (let i = 0; i < 4; i++) {
    w.sum().backward();
    optimizer.step();
    optimizer.zeroGrad();
    values.push(await w.item());
  }
  expect(values).toEqual([0, 0, -1, -1]);
});

test("an update is learned only where what it is given is not one tensor in two roles", async () => {
  const step = async (make: (a: nn.Parameter, b: nn.Parameter, optimizer: SGD) => Promise<void>): Promise<unknown> => {
    const [a, b] = [new nn.Parameter(tensor([1, 2])), new nn.Parameter(tensor([10, 20]))];
    const optimizer = new SGD([a, b], { lr: 0.5, momentum: 0.5 });
    await make(a, b, optimizer);
    b.grad = ones(2);
    optimizer.step();
    return b.array();
  };
  expect(await step(async (a) => void (a.grad = a))).toEqual([9.5, 19.5]);
  const asState = step(async (a, b, optimizer) => {
    [a.grad, b.grad] = [ones(2), ones(2)];
    optimizer.step();
    a.grad = optimizer.stateDict().state[0]?.["momentum_buffer"] as Tensor;
  });
  expect(await asState).toEqual([8.75, 18.75]);
});

test("settings of a group that replaces another one are read at each step", async () => {
  const w = new nn.Parameter(tensor([2, 4]));
  const optimizer = new SGD([w], { lr: 0.5 });
  const step = (): void => {
    w.grad = ones(2);
    optimizer.step();
  };
  step();
  optimizer.paramGroups[0] = { ...(optimizer.paramGroups[0] as (typeof optimizer.paramGroups)[number]) };
  step();
  (optimizer.paramGroups[0] as { weightDecay: number }).weightDecay = 1;
  step();
  expect(await w.array()).toEqual([0, 1]);
});
