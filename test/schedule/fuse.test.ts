/** What becomes one kernel and what does not, and graphs on which the scheduler or the code once failed. */
import { describe, expect, test } from "vitest";
import { withMode } from "../../src/ir/mode.ts";
import type { Value } from "../../src/ir/value.ts";
import { kit } from "../../src/ops/kit.ts";
import { table } from "../../src/ops/table.ts";
import { JsDevice } from "../../src/runtime/js/device.ts";
import { makeDevice } from "../cpu-machine.ts";
import { dataLeaf, runOnce, sameBits } from "../runtime/compiled-graph.ts";
import { inputOf, planOf } from "./models.ts";

const js = new JsDevice();
const fused = makeDevice();
const unfused = makeDevice({ fuse: false });

/** Fused and unfused to the bit, and near the reference. */
function expectSame(roots: readonly Value[], within = 1e-6): void {
  const [got, alone, want] = [runOnce(fused, roots), runOnce(unfused, roots), runOnce(js, roots)];
  got.forEach((data, i) => {
    expect(sameBits(data, alone[i] as typeof data), `output ${i}: ${String(data)} and ${String(alone[i])}`).toBe(true);
    data.forEach((x, j) => {
      const y = want[i]?.[j] as number;
      expect(Math.abs(x - y) <= within * Math.max(1, Math.abs(y)), `output ${i}, element ${j}: ${x} and ${y}`).toBe(
        true,
      );
    });
  });
}

const kernels = (...roots: readonly Value[]): number => planOf(roots).plan.steps.length;

function softmaxOf(x: Value, dims: readonly number[]): Value {
  const spread = (y: Value): Value => kit.spread(y, x.shape, dims);
  const e = kit.exp(kit.sub(x, spread(kit.max(x, dims))));
  return kit.div(e, spread(kit.sum(e, dims)));
}

describe("one kernel", () => {
  test("for a chain of elementwise operations with broadcasting and views", () => {
    const x = inputOf([4, 6]);
    const y = kit.relu(kit.add(kit.mul(x, inputOf([6])), kit.permute(inputOf([6, 4]), [1, 0])));
    expect(kernels(y)).toBe(1);
    expectSame([y]);
  });

  test("for folds of a row, what they need and what needs them", () => {
    expect(kernels(softmaxOf(inputOf([5, 7]), [1]))).toBe(1);
    expect(kernels(softmaxOf(inputOf([5, 7]), [0]))).toBe(1);
    expect(kernels(softmaxOf(inputOf([5, 7]), [0, 1]))).toBe(1);
  });

  test("for several results of one space", () => {
    const x = inputOf([40]);
    const e = kit.exp(x);
    expect(kernels(e, kit.neg(e), kit.sum(e, [0]))).toBe(1);
  });
});

describe("kernels of their own", () => {
  test("for each phase", () => {
    const y = kit.exp(inputOf([40]));
    expect(
      kernels(
        withMode({ phase: 2 }, () => kit.mul(kit.exp(y), kit.exp(y))),
        y,
      ),
    ).toBe(2);
  });

  test("which make cheap work again that an earlier phase has done, rather than keep it", () => {
    const x = kit.add(inputOf([40]), inputOf([40], Math.cos));
    const slope = kit.add(kit.mul(kit.mul(x, x), 0.07), 1.6);
    const s = kit.sigmoid(kit.mul(x, slope));
    const [y, later] = [kit.mul(x, s), withMode({ phase: 1 }, () => kit.mul(slope, s))];
    const { buffers } = planOf([y, later]).plan;
    expect(buffers.filter((b) => b.input < 0).length, "the results and the sigmoid").toBe(3);
    expectSame([y, later]);
  });

  test("in a time that grows with the graph, where each value is read twice", () => {
    let x = inputOf([4]);
    for (let i = 0; i < 60; i++) x = kit.add(kit.neg(x), kit.mul(x, x));
    expect(kernels(x)).toBeGreaterThan(0);
  });

  test("for what a sum of another kernel would pass through", () => {
    const x = inputOf([6, 6]);
    const a = kit.exp(kit.sum(x, [1]));
    const b = kit.exp(kit.sum(kit.matmul(x, kit.spread(a, [6, 6], [1])), [1]));
    expect(kernels(kit.add(a, b), a, b)).toBe(3);
    expectSame([kit.add(a, b), a, b], 1e-5);
  });

  test("for more operands and more work than a kernel takes", () => {
    const parts = Array.from({ length: 70 }, (_, i) => inputOf([8], (j) => i + j));
    const total = parts.reduce((sum, x) => kit.add(sum, x));
    expect(kernels(total)).toBeGreaterThan(2);
    expectSame([total]);
    let x = inputOf([8]);
    for (let i = 0; i < 900; i++) x = kit.add(kit.mul(x, 0.5), parts[0] as Value);
    expect(kernels(x)).toBeLessThan(10);
    expectSame([x]);
  });
});

describe("graphs that failed once", () => {
  test("what an earlier level stores is not read before it is stored, for a space of one element", () => {
    expectSame([softmaxOf(kit.neg(inputOf([1, 1, 1])), [0, 1])]);
    expectSame([softmaxOf(kit.cast(kit.neg(inputOf([1, 1])), "float64"), [0])]);
  });

  test("a window whose taps lie in a larger image and whose pixels are one", () => {
    const x = kit.pad(inputOf([3, 4, 1, 2]), [0, 0, 1, 0], [0, 0, 1, 1]);
    const attrs = { kernel: [2, 2], stride: [2, 2], low: [0, 0], dilation: [1, 1], extents: [1, 1] };
    expectSame([kit.window(x, attrs)]);
  });

  test("what is the same in a whole row is computed again, not read back: rows may be empty", () => {
    for (const n of [0, 3]) {
      const [x, v] = [inputOf([2, n]), inputOf([2])];
      const wide = kit.exp(kit.spread(v, [2, n], [1]));
      expectSame([wide, kit.mul(kit.add(kit.sum(kit.mul(x, wide), [1]), 1), kit.exp(v))]);
    }
  });

  test("the gradient of kernels without images is zero", () => {
    const settings = { stride: [1], low: [0], high: [0], dilation: [1], groups: 1 };
    const [x, y] = [dataLeaf([0, 2, 5], "float32", []), dataLeaf([0, 3, 4], "float32", [])];
    expect(runOnce(fused, [kit.convWeight(x, y, [2], settings)])).toEqual([new Float32Array(12)]);
  });

  test("constants are folded in the arithmetic of their dtype", () => {
    const [a, b] = [123456789, 987654321].map((n) => kit.full([2], n, "int32")) as [Value, Value];
    const product = Math.imul(123456789, 987654321);
    expect(runOnce(fused, [kit.mul(a, b)])).toEqual([Int32Array.of(product, product)]);
    expect(runOnce(fused, [kit.map(table.sub, kit.full([1], 3, "uint8"), kit.full([1], 5, "uint8"))])).toEqual([
      Uint8Array.of(254),
    ]);
  });

  test("a fold of float32 keeps its order beside float64", () => {
    const x = inputOf([3, 37]);
    const wide = kit.cast(x, "float64");
    expectSame([kit.sum(x, [1]), kit.sum(wide, [1]), kit.mul(wide, wide)]);
  });

  test("a fold keeps its order whatever is read beside it", () => {
    const x = inputOf([3, 5, 7]);
    const other = kit.permute(inputOf([7, 5, 3], Math.cos), [2, 1, 0]);
    expectSame([kit.sum(x, [1, 2]), kit.sum(kit.mul(x, other), [1, 2]), kit.mul(x, other)]);
  });

  test("sums of more elements than a block has", () => {
    const x = inputOf([3, 9001]);
    expectSame([kit.sum(x, [1]), kit.sum(kit.reshape(x, [27003]), [0]), kit.sum(x, [0, 1])], 1e-4);
  });
});
