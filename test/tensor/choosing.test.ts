import { describe, expect, test } from "vitest";
import { bool, int32, tensor, zeros } from "../../src/tensor/creation.ts";
import { setDefaultDevice } from "../../src/tensor/engines.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { expectGradients } from "./gradient.ts";

// The reference device: values here are those of the records and composites.
setDefaultDevice("js");

/** An index that the device computes, so that nothing is known of it at the call. */
const computed = (list: number[] | number[][]): Tensor => int32(list).add(1).sub(1);

describe("masks and values", () => {
  const x = tensor([
    [1, -2],
    [-3, 4],
  ]);

  test("masked", async () => {
    expect(x.maskedFill(x.lt(0), 0).arraySync()).toEqual([
      [1, 0],
      [0, 4],
    ]);
    expect(x.maskedFill(bool([true, false]), Number.NEGATIVE_INFINITY).arraySync()).toEqual([
      [Number.NEGATIVE_INFINITY, -2],
      [Number.NEGATIVE_INFINITY, 4],
    ]);
    expect(x.maskedFill(x.lt(0), tensor(9)).arraySync()).toEqual([
      [1, 9],
      [9, 4],
    ]);
    expect(x.maskedScatter(x.lt(0), tensor([7, 8, 9])).arraySync()).toEqual([
      [1, 7],
      [8, 4],
    ]);
    expect((await x.maskedSelect(x.gt(0))).arraySync()).toEqual([1, 4]);
    expect((await x.maskedSelect(bool([[false], [true]]))).arraySync()).toEqual([-3, 4]);
    expect(
      (
        await tensor([1, 2]).maskedSelect(
          bool([
            [true, false],
            [true, true],
          ]),
        )
      ).arraySync(),
    ).toEqual([1, 1, 2]);
    expect((await x.maskedSelect(x.gt(9))).shape).toEqual([0]);
    expect(() => x.maskedFill(tensor([1, 0]), 0)).toThrow(/^maskedFill: a mask must be bool: got float32 \[2\]/);
    expect(() => x.maskedFill(bool([true, true, true]), 0)).toThrow(/^maskedFill: shapes do not broadcast/);
    expect(() => x.maskedFill(x.lt(0), tensor([1, 2]))).toThrow(
      /^maskedFill: the value must be one element: got \[2\]/,
    );
    expect(() => x.maskedScatter(x.lt(0), tensor([7])).arraySync()).toThrow(/index out of range/);
    await expect(x.maskedSelect(tensor([1]))).rejects.toThrow(/^maskedSelect: a mask must be bool/);
  });

  test("positions of what is not 0", async () => {
    const y = tensor([
      [0, 2],
      [3, 0],
    ]);
    expect((await y.nonzero()).arraySync()).toEqual([
      [0, 1],
      [1, 0],
    ]);
    expect((await y.nonzero()).dtype).toBe("int32");
    expect((await y.argwhere()).shape).toEqual([2, 2]);
    expect((await tensor(3).nonzero()).shape).toEqual([1, 0]);
    expect((await zeros([3]).nonzero()).shape).toEqual([0, 1]);
    const places = await y.nonzero({ asTuple: true });
    expect(y.at(...places).arraySync()).toEqual([2, 3]);
  });

  test("distinct values", async () => {
    const all = await tensor([
      [3, 1],
      [3, Number.NaN],
    ]).unique();
    expect(all.values.arraySync()).toEqual([1, 3, Number.NaN]);
    expect(all.inverse.arraySync()).toEqual([
      [1, 0],
      [1, 2],
    ]);
    expect(all.counts.arraySync()).toEqual([1, 2, 1]);
    const rows = await int32([
      [2, 1],
      [1, 5],
      [2, 1],
    ]).unique({ dim: 0 });
    expect(rows.values.arraySync()).toEqual([
      [1, 5],
      [2, 1],
    ]);
    expect(rows.values.dtype).toBe("int32");
    expect(rows.inverse.arraySync()).toEqual([1, 0, 1]);
    const runs = await tensor([1, 1, 2, 1]).uniqueConsecutive();
    expect(runs.values.arraySync()).toEqual([1, 2, 1]);
    expect(runs.counts.arraySync()).toEqual([2, 1, 1]);
    expect((await tensor([Number.NaN, 2, Number.NaN, 1]).unique()).counts.arraySync()).toEqual([1, 1, 1, 1]);
  });

  test("classes", () => {
    expect(int32([1, 0]).oneHot(3).arraySync()).toEqual([
      [0, 1, 0],
      [1, 0, 0],
    ]);
    expect(int32([[2]]).oneHot().shape).toEqual([1, 1, 3]);
    expect(computed([1]).oneHot(2).arraySync()).toEqual([[0, 1]]);
    expect(() => int32([3]).oneHot(3)).toThrow(/^oneHot: index out of range: 3 at \[0\]/);
    expect(() => computed([3]).oneHot(3).arraySync()).toThrow(/index out of range: 3/);
    expect(() => computed([1]).oneHot()).toThrow(
      /^oneHot: the number of classes is not known before the tensor is computed/,
    );
    expect(() => tensor([1]).oneHot(2)).toThrow(/^oneHot: an index must be int32: got float32/);
  });

  test("gradients", async () => {
    expectGradients(
      (a) =>
        a.maskedFill(
          bool([
            [true, false],
            [false, true],
          ]),
          3,
        ),
      [
        [1, 2],
        [3, 4],
      ],
    );
    expectGradients(
      (a, v) =>
        a.maskedFill(
          bool([
            [true, false],
            [false, true],
          ]),
          v,
        ),
      [
        [1, 2],
        [3, 4],
      ],
      5,
    );
    expectGradients(
      (a, s) =>
        a.maskedScatter(
          bool([
            [true, false],
            [false, true],
          ]),
          s,
        ),
      [
        [1, 2],
        [3, 4],
      ],
      [5, 6, 7],
    );
    const y = tensor([3, -1, 2, 3], { requiresGrad: true });
    const [chosen, { values }] = [await y.maskedSelect(y.gt(2)), await y.unique()];
    chosen.mul(10).sum().add(values.sum()).backward();
    expect(y.grad?.arraySync()).toEqual([11, 1, 1, 10]);
  });
});
