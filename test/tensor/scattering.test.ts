import { describe, expect, test } from "vitest";
import { bool, int32, tensor, zeros } from "../../src/tensor/creation.ts";
import { setDefaultDevice } from "../../src/tensor/engines.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { expectGradients } from "./gradient.ts";

// The reference device: values here are those of the records and composites.
setDefaultDevice("js");

const count = (...shape: number[]): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Float32Array.from({ length: size }, (_, i) => i),
    { shape },
  );
};
/** An index that the device computes, so that nothing is known of it at the call. */
const computed = (list: number[] | number[][]): Tensor => int32(list).add(1).sub(1);

describe("positions along one dim", () => {
  const x = count(2, 3);
  const wide = int32([
    [2, 0, 1],
    [0, 0, 2],
  ]);

  test("gather and take", () => {
    expect(x.gather(1, wide).arraySync()).toEqual([
      [2, 0, 1],
      [3, 3, 5],
    ]);
    expect(x.gather(0, int32([[1, 0]])).arraySync()).toEqual([[3, 1]]);
    expect(tensor(4).gather(0, [0, 0]).arraySync()).toEqual([4, 4]);
    expect(x.takeAlongDim(x.argmax(1, { keepdim: true }), 1).arraySync()).toEqual([[2], [5]]);
    expect(x.takeAlongDim(int32([[5, 0]])).arraySync()).toEqual([5, 0]);
    expect(x.take([[5, -6]].flat()).arraySync()).toEqual([5, 0]);
    expect(x.take(int32([[1], [2]])).arraySync()).toEqual([[1], [2]]);
    expect(x.indexSelect(1, [2, 2]).arraySync()).toEqual([
      [2, 2],
      [5, 5],
    ]);
    expect(() => x.gather(1, int32([[-1]]))).toThrow(
      /^gather: index out of range: -1 at \[0, 0\].*at\(\) counts from the end/,
    );
    expect(() => x.gather(1, [0])).toThrow(
      /^gather: index and tensor must have as many dims: index \[1\], tensor \[2, 3\]/,
    );
    expect(() => x.gather(1, int32([[0], [0], [0]]))).toThrow(
      /^gather: the index is larger than the tensor: .*, dim 0/,
    );
    expect(() => x.indexSelect(0, [-1])).toThrow(/^indexSelect: index out of range/);
    expect(() => x.indexSelect(0, int32([[0]]))).toThrow(/^indexSelect: the index must have one dim: got \[1, 1\]/);
    expect(() => x.take([6])).toThrow(/^take: index out of range: 6 at \[0\].*from -6 to 5/);
    expect(() => x.gather(1, computed([[3]])).arraySync()).toThrow(/index out of range: 3/);
    expect(() => x.takeAlongDim(int32([[0], [0], [0]]), 1)).toThrow(/^takeAlongDim: index and tensor must broadcast/);
  });

  test("scatter", () => {
    expect(
      zeros([2, 3])
        .scatter(1, int32([[2], [0]]), 1)
        .arraySync(),
    ).toEqual([
      [0, 0, 1],
      [1, 0, 0],
    ]);
    expect(zeros([2, 3]).scatter(1, wide, x).arraySync()).toEqual([
      [1, 2, 0],
      [4, 0, 5],
    ]);
    expect(zeros([2, 3]).scatterAdd(1, wide, x).arraySync()).toEqual([
      [1, 2, 0],
      [7, 0, 5],
    ]);
    expect(
      zeros([3, 2])
        .scatter(
          0,
          int32([[2, 1]]),
          tensor([
            [8, 9],
            [0, 0],
          ]),
        )
        .arraySync(),
    ).toEqual([
      [0, 0],
      [0, 9],
      [8, 0],
    ]);
    expect(x.scatter(1, int32([[0, 0]]), 2, { reduce: "multiply" }).arraySync()).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    expect(x.scatter(1, int32([[1, 1]]), 3, { reduce: "multiply" }).arraySync()).toEqual([
      [0, 9, 2],
      [3, 4, 5],
    ]);
    expect(x.scatter(1, int32([[1, 1]]), 3, { reduce: "add" }).arraySync()).toEqual([
      [0, 7, 2],
      [3, 4, 5],
    ]);
    expect(
      bool([false, true])
        .scatter(0, [0, 0], bool([false, true]))
        .arraySync(),
    ).toEqual([1, 1]);
    expect(() =>
      x.scatter(
        1,
        wide,
        int32([
          [1, 2, 3],
          [4, 5, 6],
        ]),
      ),
    ).toThrow(/^scatter: the source must have the tensor's dtype/);
    expect(() => x.scatterAdd(1, wide, zeros([1, 3]))).toThrow(/^scatterAdd: the source is smaller than the index/);
    expect(() => x.scatter(1, int32([[3]]), 1)).toThrow(/^scatter: index out of range: 3 at \[0, 0\]/);
    expect(() => x.scatter(1, computed([[3]]), 1).arraySync()).toThrow(/index out of range: 3/);
    expect(() => x.scatter(1, wide, x, { reduce: "max" as "add" })).toThrow(/^scatter: unknown reduce "max"/);
  });

  test("folds", () => {
    const index = int32([0, 0, 2, 0]);
    const source = tensor([3, -1, 4, 2]);
    const of = (reduce: "sum" | "prod" | "mean" | "amax" | "amin", includeSelf: boolean): unknown =>
      tensor([1, 7, 9]).scatterReduce(0, index, source, reduce, { includeSelf }).arraySync();
    expect(of("sum", true)).toEqual([5, 7, 13]);
    expect(of("sum", false)).toEqual([4, 7, 4]);
    expect(of("prod", true)).toEqual([-6, 7, 36]);
    expect(of("mean", true)).toEqual([1.25, 7, 6.5]);
    expect(of("amax", true)).toEqual([3, 7, 9]);
    expect(of("amax", false)).toEqual([3, 7, 4]);
    expect(of("amin", true)).toEqual([-1, 7, 4]);
    expect(
      int32([5])
        .scatterReduce(0, [0, 0], int32([-8, 1]), "mean")
        .arraySync(),
    ).toEqual([-1]);
    expect(
      tensor([0])
        .scatterReduce(0, [0], tensor([Number.NEGATIVE_INFINITY]), "amin")
        .arraySync(),
    ).toEqual([Number.NEGATIVE_INFINITY]);
    expect(
      zeros([2, 2])
        .indexReduce(
          0,
          [1, 1],
          tensor([
            [1, 2],
            [3, 1],
          ]),
          "amax",
        )
        .arraySync(),
    ).toEqual([
      [0, 0],
      [3, 2],
    ]);
    expect(() => of("max" as "amax", true)).toThrow(/^scatterReduce: unknown reduce "max" \(known: sum/);
  });

  test("whole parts", () => {
    const rows = tensor([
      [1, 1],
      [2, 2],
    ]);
    expect(zeros([3, 2]).indexAdd(0, [2, 2], rows).arraySync()).toEqual([
      [0, 0],
      [0, 0],
      [3, 3],
    ]);
    expect(zeros([3, 2]).indexAdd(0, [2, 0], rows, { alpha: -0.5 }).arraySync()).toEqual([
      [-1, -1],
      [0, 0],
      [-0.5, -0.5],
    ]);
    expect(zeros([3, 2]).indexCopy(0, [2, 2], rows).arraySync()).toEqual([
      [0, 0],
      [0, 0],
      [2, 2],
    ]);
    expect(zeros([2, 3]).indexFill(1, [0, 2], 7).arraySync()).toEqual([
      [7, 0, 7],
      [7, 0, 7],
    ]);
    expect(
      zeros([4])
        .put([1, -1], tensor([5, 6]))
        .arraySync(),
    ).toEqual([0, 5, 0, 6]);
    expect(
      zeros([2])
        .put([1, 1], tensor([5, 6]), { accumulate: true })
        .arraySync(),
    ).toEqual([0, 11]);
    expect(() => zeros([3, 2]).indexCopy(0, [0], rows)).toThrow(
      /^indexCopy: the source does not fit: \[2, 2\], needed is \[1, 2\]/,
    );
    expect(() => zeros([2]).indexFill(0, [0], tensor([1, 2]))).toThrow(/^indexFill: the value must be one element/);
    expect(() => int32([1]).indexAdd(0, [0], int32([1]), { alpha: 0.5 })).toThrow(
      /^indexAdd: alpha for integers must be a whole/,
    );
    expect(() => zeros([2]).put([0], tensor([1, 2]))).toThrow(
      /^put: the source must have as many elements as the index: 2 and 1/,
    );
  });

  test("gradients", () => {
    const data = [
      [1, 2, 3],
      [4, 5, 6],
    ];
    const source = [
      [0.5, 7, 0.25],
      [8, 9, 3],
    ];
    const unlike = int32([
      [2, 0, 1],
      [1, 0, 2],
    ]);
    expectGradients((a) => a.gather(1, wide), data);
    expectGradients((a, s) => a.scatter(1, unlike, s), data, source);
    expectGradients((a, s) => a.scatter(1, wide, s), data, source);
    expectGradients((a, s) => a.scatterAdd(1, wide, s), data, source);
    for (const reduce of ["sum", "prod", "mean", "amax", "amin"] as const) {
      for (const includeSelf of [true, false]) {
        expectGradients((a, s) => a.scatterReduce(1, wide, s, reduce, { includeSelf }), data, source);
        expectGradients((a, s) => a.indexReduce(0, [1, 1], s, reduce, { includeSelf }), data, source);
      }
    }
    expectGradients((a, s) => a.indexCopy(0, [1, 0], s), data, source);
    expectGradients((a, s) => a.indexAdd(0, [1, 1], s, { alpha: 3 }), data, source);
    expectGradients((a) => a.indexFill(1, [1], 3).indexSelect(1, [0, 0, 1]), data);
    expectGradients((a) => a.take([5, 5, 0]), data);
    expectGradients((a, s) => a.put([5, 0], s), data, [7, 8]);
    expectGradients((a) => a.takeAlongDim(int32([[0, 2]]), 1), data);
  });

  test("the gradient of a product that a 0 takes part in", () => {
    expectGradients((a, s) => a.scatterReduce(0, [0, 0], s, "prod"), [2], [0, 3]);
  });

  test("equal shares of a largest element", () => {
    const a = tensor([3], { requiresGrad: true });
    const s = tensor([3, 1, 3], { requiresGrad: true });
    a.scatterReduce(0, [0, 0, 0], s, "amax").mul(6).sum().backward();
    expect([a.grad?.arraySync(), s.grad?.arraySync()]).toEqual([[2], [2, 0, 2]]);
  });
});
