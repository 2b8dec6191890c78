import { describe, expect, expectTypeOf, test } from "vitest";
import { bool, int32, tensor, uint8, zeros } from "../../src/tensor/creation.ts";
import { currentEngine, setDefaultDevice } from "../../src/tensor/engines.ts";
import type { IndexItem } from "../../src/tensor/index-items.ts";
import { StoredTensor } from "../../src/tensor/stored.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { expectGradients, gradientOf } from "./gradient.ts";

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

describe("at", () => {
  test("numbers, slices, dots and new dims", () => {
    const x = count(3, 4);
    expect(x.at(1).arraySync()).toEqual([4, 5, 6, 7]);
    expect(x.at(-1, -1).arraySync()).toBe(11);
    expect(x.at("1:").arraySync()).toEqual([
      [4, 5, 6, 7],
      [8, 9, 10, 11],
    ]);
    expect(x.at(":", "::2").arraySync()).toEqual([
      [0, 2],
      [4, 6],
      [8, 10],
    ]);
    expect(x.at(0, "::-1").arraySync()).toEqual([3, 2, 1, 0]);
    expect(x.at(0, "2:0:-1").arraySync()).toEqual([2, 1]);
    expect(x.at(0, "-3:-1").arraySync()).toEqual([1, 2]);
    expect(x.at(0, "2:99").arraySync()).toEqual([2, 3]);
    expect(x.at(0, "3:1").shape).toEqual([0]);
    expect(x.at("...", 1).arraySync()).toEqual([1, 5, 9]);
    expect(x.at(null, 0, "...", null).shape).toEqual([1, 4, 1]);
    expect(x.at().arraySync()).toEqual(x.arraySync());
    expect(count(2, 3, 4).at(1, "...", "0:2").shape).toEqual([3, 2]);
    const i = 1;
    expect(x.at(`${i}:${i + 1}`).arraySync()).toEqual([[4, 5, 6, 7]]);
  });

  test("index tensors stand where NumPy and PyTorch put them", () => {
    const x = count(3, 4);
    expect(x.at([2, 0]).arraySync()).toEqual([
      [8, 9, 10, 11],
      [0, 1, 2, 3],
    ]);
    expect(x.at(":", [-1, 0]).arraySync()).toEqual([
      [3, 0],
      [7, 4],
      [11, 8],
    ]);
    expect(x.at([0, 2], [1, 3]).arraySync()).toEqual([1, 11]);
    expect(x.at(int32([[0], [2]]), int32([1, 3])).arraySync()).toEqual([
      [1, 3],
      [9, 11],
    ]);
    expect(x.at(computed([[0], [2]]), computed([1, -1])).arraySync()).toEqual([
      [1, 3],
      [9, 11],
    ]);
    expect(x.at(int32(1)).arraySync()).toEqual([4, 5, 6, 7]);
    expect(x.at(uint8([1])).shape).toEqual([1, 4]);
    const y = count(2, 3, 4, 5);
    expect(y.at(":", [0, 1], [1, 2]).shape).toEqual([2, 2, 5]);
    expect(y.at(":", [0, 1], ":", [1, 2]).shape).toEqual([2, 2, 4]);
    expect(y.at(":", [0, 1], ":", [1, 2]).at(1, 1, 3).itemSync()).toBe(y.at(1, 1, 3, 2).itemSync());
    expect(y.at(0, ":", [1, 2]).shape).toEqual([3, 2, 5]);
    expect(y.at("...", null, [0, 1]).shape).toEqual([2, 3, 4, 1, 2]);
    expect(y.at([]).shape).toEqual([0, 3, 4, 5]);
  });

  test("says what is wrong", () => {
    const x = count(3, 4);
    expect(() => x.at(3)).toThrow(/^at: index out of range: argument 0 is 3, dim 0 of \[3, 4\] has 3 elements/);
    expect(() => x.at(0, 0, 0)).toThrow(/^at: more indices than dims: 3 for shape \[3, 4\]/);
    expect(() => x.at([0, 3])).toThrow(/^at: index out of range: 3 at \[1\] of the index, the dim has 3 elements/);
    expect(() =>
      x.at(
        int32([
          [0, 1],
          [2, -4],
        ]),
      ),
    ).toThrow(/^at: index out of range: -4 at \[1, 1\] of the index/);
    expect(() => x.at([0.5])).toThrow(
      /^at: an index is an int32 tensor or an array of whole numbers: position 0 is 0.5/,
    );
    expect(() => x.at(tensor([0]))).toThrow(
      /^at: an index must be int32: got float32 \[1\] \(convert it with .int\(\)\)/,
    );
    expect(() => x.at(x.gt(0))).toThrow(/await x.maskedSelect\(mask\)/);
    expect(() => x.at("1,3" as "1:3")).toThrow(/^at: not a slice: argument 0 is "1,3"/);
    expect(() => x.at("::0")).toThrow(/^at: a slice has no step of 0/);
    expect(() => x.at("...", "...")).toThrow(/^at: "..." can come once only/);
    expect(() => x.at([0, 1], [0, 1, 2])).toThrow(/^at: shapes do not broadcast: \[2\] and \[3\]/);
    expect(() => x.at(undefined as unknown as number)).toThrow(/^at: an index is an int32 tensor or an array/);
    expectTypeOf<"1,3">().not.toExtend<IndexItem>();
    expectTypeOf<"::2">().toExtend<IndexItem>();
    expectTypeOf<"a:b">().not.toExtend<IndexItem>();
  });

  test("computed positions are checked when they are used", () => {
    const x = count(3, 4);
    expect(() => x.at(computed([5])).arraySync()).toThrow(/index out of range: 5/);
    // In the flattened dims [0, 4] would be [1, 0].
    expect(() => x.at(computed([0]), computed([4])).arraySync()).toThrow(/index out of range: 4/);
    expect(x.at(computed([-3])).arraySync()).toEqual([[0, 1, 2, 3]]);
  });

  test("gradients", () => {
    const x = [
      [1, 2, 3],
      [4, 5, 6],
    ];
    expectGradients((a) => a.at("::-1", "1:"), x);
    expectGradients((a) => a.at([1, 1, 0]), x);
    expectGradients((a) => a.at([1, 1, 0], [2, 2, 0]), x);
    expectGradients(
      (a) =>
        a.at(
          ":",
          null,
          computed([
            [0, 2],
            [2, -1],
          ]),
        ),
      x,
    );
    expect(gradientOf((a) => a.at([1, 1]), x)).toEqual([
      [0, 0, 0],
      [2, 2, 2],
    ]);
  });
});

describe("set", () => {
  test("values", () => {
    const x = count(3, 4);
    expect(x.set([0], 7).arraySync()).toEqual([
      [7, 7, 7, 7],
      [4, 5, 6, 7],
      [8, 9, 10, 11],
    ]);
    expect(x.arraySync()).toEqual(count(3, 4).arraySync());
    expect(x.set([":", "::2"], tensor([[50, 51]])).arraySync()).toEqual([
      [50, 1, 51, 3],
      [50, 5, 51, 7],
      [50, 9, 51, 11],
    ]);
    expect(
      x
        .set([1, "::-1"], tensor([1, 2, 3, 4]))
        .at(1)
        .arraySync(),
    ).toEqual([4, 3, 2, 1]);
    expect(
      x
        .set(
          [
            [0, 2],
            [1, 3],
          ],
          tensor([70, 71]),
        )
        .at([0, 2], [1, 3])
        .arraySync(),
    ).toEqual([70, 71]);
    expect(
      x
        .set([[1, 1]], tensor([[20], [30]]))
        .at(1)
        .arraySync(),
    ).toEqual([30, 30, 30, 30]);
    expect(
      x
        .set([computed([-1])], 0)
        .at(2)
        .arraySync(),
    ).toEqual([0, 0, 0, 0]);
    expect(
      x
        .set(["1:", [0]], tensor([[-1], [-2]]))
        .at(":", 0)
        .arraySync(),
    ).toEqual([0, -1, -2]);
    const y = count(2, 3, 4);
    const part = y.at([0, 1], ":", [3, 1]);
    expect(y.set([[0, 1], ":", [3, 1]], part).arraySync()).toEqual(y.arraySync());
    expect(x.set(["3:1"], 5).arraySync()).toEqual(x.arraySync());
    expect(int32([1, 2]).set([0], 2.7).arraySync()).toEqual([2, 2]);
    expect(bool([false, false]).set([1], true).arraySync()).toEqual([0, 1]);
  });

  test("adds", () => {
    const x = zeros([3]);
    expect(x.set([[1, 1, 2]], 1, { accumulate: true }).arraySync()).toEqual([0, 2, 1]);
    expect(x.indexPut(["1:"], tensor([1, 2]), { accumulate: true }).arraySync()).toEqual([0, 1, 2]);
    expect(x.set([bool([true, false, true])], 4, { accumulate: true }).arraySync()).toEqual([4, 0, 4]);
    expect(
      bool([true, false])
        .set([[0, 1, 1]], bool([true, true, false]), { accumulate: true })
        .arraySync(),
    ).toEqual([1, 1]);
  });

  test("by a mask", () => {
    const x = count(2, 2);
    expect(x.set([x.gt(1)], 0).arraySync()).toEqual([
      [0, 1],
      [0, 0],
    ]);
    expect(x.set([bool([true, false])], tensor([8, 9])).arraySync()).toEqual([
      [8, 9],
      [2, 3],
    ]);
    expect(x.set(["...", bool([true, false])], 5).arraySync()).toEqual([
      [5, 1],
      [5, 3],
    ]);
    expect(() => x.set([bool([true])], 0)).toThrow(/^set: the mask must have the extents of the dims that it covers/);
    expect(() => x.set([0, bool([true, false])], 0)).toThrow(/^set: a mask must be the only index/);
    expect(() => x.set([x.gt(1)], tensor([1, 2, 3]))).toThrow(/^set: the value does not fit the part: \[3\] into \[\]/);
  });

  test("says what is wrong", () => {
    const x = count(3, 4);
    expect(() => x.set([0], tensor([1, 2]))).toThrow(/^set: the value does not fit the part: \[2\] into \[4\]/);
    expect(() => x.set(0 as unknown as [0], 1)).toThrow(/^set: the index is an array: got 0/);
    expect(() => x.set([0], "a" as unknown as number)).toThrow(/^set: the value must be a tensor: got "a"/);
    expect(() => x.set([0], 1, { acumulate: true } as object)).toThrow(/did you mean "accumulate"/);
  });

  test("gradients", () => {
    const x = [
      [1, 2, 3],
      [4, 5, 6],
    ];
    expectGradients((a, v) => a.set([":", "::-2"], v), x, [
      [7, 8],
      [9, 10],
    ]);
    expectGradients(
      (a, v) =>
        a.set(
          [
            [0, 1],
            [2, 0],
          ],
          v,
        ),
      x,
      [7, 8],
    );
    expectGradients((a, v) => a.set([[0, 0]], v), x, [
      [7, 8, 9],
      [1, 2, 3],
    ]);
    expectGradients((a, v) => a.set([[0, 0]], v, { accumulate: true }), x, [
      [7, 8, 9],
      [1, 2, 3],
    ]);
    expectGradients((a, v) => a.selectScatter(v, 1, 1).sliceScatter(v.unsqueeze(1), 1, 0, 1), x, [7, 8]);
    expectGradients((a, v) => a.diagonalScatter(v, 1), x, [7, 8]);
  });

  test("parts of one dim", () => {
    expect(
      zeros([2, 3])
        .selectScatter(tensor([1, 2]), 1, -1)
        .arraySync(),
    ).toEqual([
      [0, 0, 1],
      [0, 0, 2],
    ]);
    expect(
      zeros([2, 3])
        .sliceScatter(tensor([[1, 2, 3]]), 0, 1)
        .arraySync(),
    ).toEqual([
      [0, 0, 0],
      [1, 2, 3],
    ]);
    expect(
      zeros([1, 5])
        .sliceScatter(tensor([[1, 2]]), 1, -4, 4, 2)
        .arraySync(),
    ).toEqual([[0, 1, 0, 2, 0]]);
    expect(
      zeros([2, 3])
        .diagonalScatter(tensor([1, 2]), 1)
        .arraySync(),
    ).toEqual([
      [0, 1, 0],
      [0, 0, 2],
    ]);
    expect(() => zeros([2, 3]).selectScatter(tensor([1, 2]), 0, 0)).toThrow(/does not fit the part: \[2\] into \[3\]/);
    expect(() => zeros([2, 3]).diagonalScatter(tensor([1]))).toThrow(
      /^diagonalScatter: the source does not fit the diagonal: \[1\], needed is \[2\]/,
    );
  });
});

describe("structure", () => {
  test("other positions need no other plan", () => {
    const table = new StoredTensor(count(10, 3), { requiresGrad: true });
    const step = (rows: number[]): void => {
      table.at(rows).sum().backward();
      table.grad?.dataSync();
      table.grad = null;
    };
    // The first run also takes what other tests left unread.
    step([1, 2]);
    step([1, 2]);
    const { plans } = currentEngine().stats;
    step([-1, 5]);
    step([0, 0]);
    expect(currentEngine().stats.plans).toBe(plans);
  });
});
