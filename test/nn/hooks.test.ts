/** Hooks on tensors and modules, in the forward and the backward pass. */
import { expect, it } from "vitest";
import { Tensor, compile, grad, manualSeed, tensor } from "../../src/index.ts";
import * as nn from "../../src/nn/index.ts";
import { SGD } from "../../src/optim/index.ts";

it("a tensor's hook sees its gradient and may replace it", async () => {
  const x = tensor([1, 2], { requiresGrad: true });
  const y = x.mul(3);
  const seen: Tensor[] = [];
  y.registerHook((g) => {
    seen.push(g);
  });
  const handle = y.registerHook((g) => g.mul(10));
  y.mul(y).sum().backward();
  expect(await seen[0]?.array()).toEqual([6, 12]);
  expect(await x.grad?.array()).toEqual([180, 360]);
  handle.remove();
  x.grad = null;
  const z = x.mul(3);
  z.registerHook((g) => g.neg()).remove();
  z.sum().backward();
  expect(await (x.grad as Tensor | null)?.array()).toEqual([3, 3]);
});

it("a hook sees the sum over all uses, once", async () => {
  const x = tensor([2], { requiresGrad: true });
  let calls = 0;
  x.registerHook((g) => {
    calls++;
    return g.add(1);
  });
  x.mul(x).add(x).sum().backward();
  expect(calls).toBe(1);
  expect(await x.grad?.array()).toEqual([6]);
  const [direct] = grad(x.mul(4).sum(), x);
  expect(await direct.array()).toEqual([5]);
});

it("a parameter's hook stays over updates, also in a compiled step", async () => {
  const w = new nn.Parameter(tensor([1]));
  w.registerHook((g) => g.mul(2));
  const optimizer = new SGD([w], { lr: 1 });
  const step = (): Tensor => {
    const loss = w.mul(3).sum();
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  };
  step();
  step();
  expect(await w.array()).toEqual([-11]);
  const compiled = compile(step);
  compiled();
  compiled();
  expect(await w.array()).toEqual([-23]);
});

it("wrong hooks are named", () => {
  expect(() => tensor([1]).registerHook(() => undefined)).toThrow(/does not require grad/);
  const x = tensor([1, 2], { requiresGrad: true });
  x.registerHook((g) => g.sum());
  expect(() => x.sum().backward()).toThrow(/registerHook: a hook returns nothing, or a gradient of the same shape/);
});

it("forward hooks may change arguments and results", async () => {
  const layer = new nn.Linear(2, 2, { bias: false });
  layer.weight.load(new Float32Array([1, 0, 0, 1]));
  const pre = layer.registerForwardPreHook((module, [x]) => {
    expect(module).toBe(layer);
    return [(x as Tensor).mul(10)];
  });
  const post = layer.registerForwardHook((_, [x], y) => (y as Tensor).add((x as Tensor).sum()));
  expect(await layer.forward(tensor([[1, 2]])).array()).toEqual([[40, 50]]);
  pre.remove();
  expect(await layer.forward(tensor([[1, 2]])).array()).toEqual([[4, 5]]);
  post.remove();
  expect(await layer.forward(tensor([[1, 2]])).array()).toEqual([[1, 2]]);
});

it("a hook in the middle of a network captures an activation without a run", async () => {
  manualSeed(1);
  const relu = new nn.ReLU();
  const last = new nn.Linear(3, 1);
  const model = new nn.Sequential(new nn.Linear(2, 3), relu, last);
  let hidden: Tensor | undefined;
  relu.registerForwardHook((_, __, y) => {
    hidden = y as Tensor;
  });
  const x = tensor([[1, 2]]);
  const y = model.forward(x);
  const again = (hidden as Tensor).matmul(last.weight.t()).add(last.bias as Tensor);
  expect(await again.array()).toEqual(await y.array());
});

it("full backward hooks get the gradients at both ends and may change those that leave", async () => {
  manualSeed(2);
  const first = new nn.Linear(3, 3);
  const second = new nn.Linear(3, 1);
  const x = tensor([[1, 2, 3]]);
  const plain = first.forward(x);
  second.forward(plain).sum().backward();
  const expected = await (first.weight.grad as Tensor).array(2);
  first.zeroGrad();
  second.zeroGrad();
  const seen: Record<string, unknown> = {};
  second.registerFullBackwardHook((module, gradInput, gradOutput) => {
    seen["module"] = module;
    seen["in"] = gradInput[0];
    seen["out"] = gradOutput[0];
    return gradInput.map((g) => g && g.mul(2));
  });
  first.registerFullBackwardHook((_, gradInput) => {
    seen["first"] = gradInput;
  });
  second.forward(first.forward(x)).sum().backward();
  expect(seen["module"]).toBe(second);
  expect(await (seen["out"] as Tensor).array()).toEqual([[1]]);
  expect(await (seen["in"] as Tensor).array()).toEqual(await second.weight.array());
  expect(seen["first"]).toEqual([null]);
  expect(await (first.weight.grad as Tensor).array()).toEqual(expected.map((row) => row.map((g) => 2 * g)));
});

class Mix extends nn.Module {
  forward(a: Tensor, b: Tensor): { sum: Tensor; product: Tensor } {
    return { sum: a.add(b), product: a.mul(b.sum()) };
  }
}

it("a backward hook gets all gradients of a module with several tensors at once", async () => {
  const mix = new Mix();
  let calls = 0;
  mix.registerFullBackwardPreHook((_, gradOutput) => gradOutput.map((g) => g.mul(2)));
  mix.registerFullBackwardHook((_, gradInput, gradOutput) => {
    calls++;
    expect(gradInput.map((g) => g?.shape)).toEqual([[2], [1]]);
    expect(gradOutput.map((g) => g.shape)).toEqual([[2], [2]]);
    return [gradInput[0] ?? null, gradInput[1]?.add(100) ?? null];
  });
  const a = tensor([1, 2], { requiresGrad: true });
  const b = tensor([3], { requiresGrad: true });
  const { sum, product } = mix.forward(a, b);
  sum.sum().add(product.sum()).backward();
  expect(calls).toBe(1);
  expect(await a.grad?.array()).toEqual([8, 8]);
  expect(await b.grad?.array()).toEqual([2 * 2 + 2 * 3 + 100]);
  a.grad = null;
  mix.forward(a, b).sum.sum().backward(); // nothing reaches the product: zeros
  expect(await (a.grad as Tensor | null)?.array()).toEqual([2, 2]);
});

it("results of hooks that do not fit are named", () => {
  const layer = new nn.Linear(1, 1);
  const handle = layer.registerForwardPreHook(() => "x" as unknown as unknown[]);
  expect(() => layer.forward(tensor([[1]]))).toThrow(/Linear: a forward pre-hook returns nothing, or an array/);
  handle.remove();
  layer.registerForwardHook(async () => undefined);
  expect(() => layer.forward(tensor([[1]]))).toThrow(/a hook only builds the graph/);
});

it("a hook that is no function is refused when it is given", () => {
  expect(() => new nn.Linear(1, 1).registerForwardHook(3 as never)).toThrow("Linear: a hook is a function: got 3");
});
