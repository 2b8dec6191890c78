import { describe, expect, test } from "vitest";
import { bool, int32, ones, tensor, uint8, zeros } from "../../src/tensor/creation.ts";
import { currentEngine, setDefaultDevice } from "../../src/tensor/engines.ts";
import * as join from "../../src/tensor/joining.ts";
import { StoredTensor } from "../../src/tensor/stored.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import * as fn from "../../src/tensor/view-functions.ts";
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
const shapes = (list: readonly Tensor[]): unknown => list.map((x) => x.shape);

describe("shapes", () => {
  test("reshape and its relatives", () => {
    const x = count(2, 3);
    expect(x.reshape(3, -1).arraySync()).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
    expect(x.reshape([6]).shape).toEqual([6]);
    expect(tensor([7]).reshape().arraySync()).toBe(7);
    expect(x.view(1, 6).shape).toEqual([1, 6]);
    expect(x.viewAs(zeros([3, 2])).shape).toEqual([3, 2]);
    expect(x.reshapeAs(zeros([6])).shape).toEqual([6]);
    expect(zeros([0, 3]).reshape(3, 0).shape).toEqual([3, 0]);
    expect(x.ravel().shape).toEqual([6]);
    expect(count(2, 3, 4).flatten().shape).toEqual([24]);
    expect(count(2, 3, 4).flatten(1).shape).toEqual([2, 12]);
    expect(count(2, 3, 4).flatten(0, -2).shape).toEqual([6, 4]);
    expect(tensor(3).flatten().shape).toEqual([1]);
    expect(count(2, 12).unflatten(-1, [3, -1]).shape).toEqual([2, 3, 4]);
    expect(x.contiguous().arraySync()).toEqual(x.arraySync());
  });

  test("reshape says why it cannot", () => {
    expect(() => count(2, 3).reshape(4, 2)).toThrow(
      /^reshape: the sizes differ: \[2, 3\] has 6 elements, \[4, 2\] has 8/,
    );
    expect(() => count(2, 3).reshape(4, -1)).toThrow(/\[4, -1\] needs a multiple of 4/);
    expect(() => count(2, 3).view(-1, -1)).toThrow(/^view: only one extent can be -1: got \[-1, -1\]/);
    expect(() => zeros([0]).reshape(0, -1)).toThrow(/the extent for -1 cannot be found/);
    expect(() => count(2, 3).reshape(-2, -3)).toThrow(/the sizes differ/);
    expect(() => count(2, 3).reshape(1.5, 4)).toThrow(/^reshape: size or dim 0 must be a whole number: got 1.5/);
    expect(() => count(2, 3).flatten(1, 0)).toThrow(/^flatten: start lies behind end: dims 1 and 0 of 2/);
    expect(() => count(2, 3).unflatten(1, [2, 2])).toThrow(/^unflatten: the sizes differ: \[3\] has 3 elements/);
  });

  test("order of dims", () => {
    const x = count(2, 3);
    expect(x.permute(1, 0).arraySync()).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
    ]);
    expect(x.permute([-1, 0]).shape).toEqual([3, 2]);
    expect(x.transpose(0, -1).arraySync()).toEqual(x.t().arraySync());
    expect(x.T.arraySync()).toEqual(x.swapaxes(0, 1).arraySync());
    expect(count(2, 3, 4).T.shape).toEqual([4, 3, 2]);
    expect(count(2, 3, 4).mT.shape).toEqual([2, 4, 3]);
    expect(tensor([1, 2]).t().shape).toEqual([2]);
    expect(count(2, 3, 4, 5).movedim([0, -1], [-1, 0]).shape).toEqual([5, 3, 4, 2]);
    expect(count(2, 3, 4).movedim(0, 1).shape).toEqual([3, 2, 4]);
    expect(() => x.permute(0, 0)).toThrow(/^permute: the same dim twice: dims \[0, 0\] of 2/);
    expect(() => x.permute(0)).toThrow(/^permute: each dim must be named once: dims \[0\] for shape \[2, 3\]/);
    expect(() => x.transpose(0, 2)).toThrow(/^transpose: dim out of range: dim 2 of a tensor with 2 dims/);
    expect(() => count(1, 1, 1).t()).toThrow(/^t: the tensor must have 2 dims: got \[1, 1, 1\]/);
    expect(() => x.movedim([0, 1], [0])).toThrow(/^movedim: source and destination differ in length/);
  });

  test("expand, squeeze, unsqueeze", () => {
    expect(
      tensor([[1], [2]])
        .expand(2, -1, 3)
        .arraySync(),
    ).toEqual([
      [
        [1, 1, 1],
        [2, 2, 2],
      ],
      [
        [1, 1, 1],
        [2, 2, 2],
      ],
    ]);
    expect(tensor([1, 2]).expandAs(zeros([3, 2])).shape).toEqual([3, 2]);
    expect(tensor(5).broadcastTo(2, 2).arraySync()).toEqual([
      [5, 5],
      [5, 5],
    ]);
    expect(zeros([1]).expand(0).shape).toEqual([0]);
    expect(() => zeros([3]).expand(4)).toThrow(
      /^expand: only dims of extent 1 can be repeated: \[3\] to \[4\] differs in dim 0/,
    );
    expect(() => zeros([3]).expand(-1, 3)).toThrow(/^expand: a shape holds whole numbers from 0: got \[-1, 3\]/);
    expect(() => zeros([2, 3]).broadcastTo(3)).toThrow(/which has fewer dims/);
    expect(zeros([1, 3, 1]).squeeze().shape).toEqual([3]);
    expect(zeros([1, 3, 1]).squeeze(-1).shape).toEqual([1, 3]);
    expect(zeros([1, 3, 1]).squeeze([0, 1]).shape).toEqual([3, 1]);
    expect(zeros([3]).unsqueeze(-1).shape).toEqual([3, 1]);
    expect(zeros([3]).unsqueeze(0).shape).toEqual([1, 3]);
    expect(() => zeros([3]).unsqueeze(2)).toThrow(/^unsqueeze: dim out of range/);
    expect(shapes([tensor(1).atleast1d(), tensor(1).atleast2d(), tensor(1).atleast3d()])).toEqual([
      [1],
      [1, 1],
      [1, 1, 1],
    ]);
    expect(shapes([zeros([4]).atleast2d(), zeros([4]).atleast3d(), zeros([4, 5]).atleast3d()])).toEqual([
      [1, 4],
      [1, 4, 1],
      [4, 5, 1],
    ]);
    expect(count(2, 3).sumToSize(1, 3).arraySync()).toEqual([[3, 5, 7]]);
    expect(count(2, 3).sumToSize(3).arraySync()).toEqual([3, 5, 7]);
    expect(() => count(2, 3).sumToSize(2)).toThrow(
      /^sumToSize: the sizes must be those of a tensor that can be expanded/,
    );
  });

  test("parts", () => {
    const x = count(5, 2);
    expect(x.narrow(0, 1, 2).arraySync()).toEqual([
      [2, 3],
      [4, 5],
    ]);
    expect(x.narrow(0, -2, 2).arraySync()).toEqual([
      [6, 7],
      [8, 9],
    ]);
    expect(x.narrow(1, 1, 1).arraySync()).toEqual([[1], [3], [5], [7], [9]]);
    expect(x.select(0, -1).arraySync()).toEqual([8, 9]);
    expect(x.select(1, 0).arraySync()).toEqual([0, 2, 4, 6, 8]);
    expect(shapes(x.split(2))).toEqual([
      [2, 2],
      [2, 2],
      [1, 2],
    ]);
    expect(x.split([1, 4])[1]?.arraySync()).toEqual([
      [2, 3],
      [4, 5],
      [6, 7],
      [8, 9],
    ]);
    expect(shapes(x.chunk(3))).toEqual([
      [2, 2],
      [2, 2],
      [1, 2],
    ]);
    expect(shapes(zeros([0, 2]).chunk(2))).toEqual([
      [0, 2],
      [0, 2],
    ]);
    expect(shapes(x.tensorSplit(3))).toEqual([
      [2, 2],
      [2, 2],
      [1, 2],
    ]);
    expect(shapes(x.tensorSplit([1, -1]))).toEqual([
      [1, 2],
      [3, 2],
      [1, 2],
    ]);
    expect(shapes(x.tensorSplit([3, 1]))).toEqual([
      [3, 2],
      [0, 2],
      [4, 2],
    ]);
    expect(shapes([...count(4, 4, 2).hsplit(2), ...count(4, 4, 2).vsplit(2), ...count(4, 4, 2).dsplit([1])])).toEqual([
      [4, 2, 2],
      [4, 2, 2],
      [2, 4, 2],
      [2, 4, 2],
      [4, 4, 1],
      [4, 4, 1],
    ]);
    expect(x.unbind(1).map((y) => y.arraySync())).toEqual([
      [0, 2, 4, 6, 8],
      [1, 3, 5, 7, 9],
    ]);
    expect(() => x.narrow(0, 3, 3)).toThrow(
      /^narrow: the part reaches out of the dim: 3 from 3 of dim 0 with 5 elements/,
    );
    expect(() => x.select(0, 5)).toThrow(/^select: index out of range: 5 of dim 0 with 5 elements/);
    expect(() => x.split([1, 1])).toThrow(/^split: the sizes must add up to the extent: \[1, 1\] add up to 2, dim 0/);
    expect(() => x.split(0)).toThrow(/^split: size must be a whole number from 1/);
    expect(() => x.hsplit(3)).toThrow(/^hsplit: the count must divide the extent: 3 parts of dim 1 with 2 elements/);
    expect(() => tensor(1).unbind()).toThrow(/^unbind: the tensor must have at least 1 dim: got \[\]/);
  });

  test("a block of data that is there needs no work", () => {
    const data = count(100, 3);
    const before = currentEngine().stats.runs;
    expect(data.reshape(50, 6).at(1).arraySync()).toEqual([6, 7, 8, 9, 10, 11]);
    expect(data.narrow(0, 10, 2).arraySync()).toEqual([
      [30, 31, 32],
      [33, 34, 35],
    ]);
    expect(data.at(5).arraySync()).toEqual([15, 16, 17]);
    expect(data.at(5, "1:").arraySync()).toEqual([16, 17]);
    expect(currentEngine().stats.runs).toBe(before);
    const plans = currentEngine().stats.plans;
    for (let i = 0; i < 10; i++)
      data
        .narrow(0, 10 * i, 10)
        .mul(3)
        .sum()
        .itemSync();
    expect(currentEngine().stats.plans).toBe(plans + 1);
  });

  test("what stays the same is still a result of its own", () => {
    const p = new StoredTensor(tensor([1, 2]));
    const same = p.add(1).reshape(2).contiguous();
    p.add_(10);
    p.sum().itemSync();
    expect(same.arraySync()).toEqual([2, 3]);
  });

  test("gradients", () => {
    const x = [
      [1, 2, 3],
      [4, 5, 6],
    ];
    expectGradients((a) => a.reshape(3, 2).t().unsqueeze(1).flatten(1), x);
    expectGradients((a) => a.unsqueeze(-1).expand(2, 3, 2).movedim(-1, 0), x);
    expectGradients((a) => join.cat(a.split([2, 1], 1).reverse(), 1).mul(a), x);
    expectGradients((a) => a.select(1, 1).add(a.narrow(1, 0, 1).squeeze(1)), x);
    expectGradients((a) => a.sumToSize(2, 1).mul(a), x);
    expect(gradientOf((a) => a.tensorSplit(2, 1)[1] as Tensor, x)).toEqual([
      [0, 0, 1],
      [0, 0, 1],
    ]);
  });
});

describe("arrangements", () => {
  test("turned and moved", () => {
    const x = count(2, 3);
    expect(x.flip(0, 1).arraySync()).toEqual([
      [5, 4, 3],
      [2, 1, 0],
    ]);
    expect(x.flip([-1]).arraySync()).toEqual(x.fliplr().arraySync());
    expect(x.flipud().arraySync()).toEqual([
      [3, 4, 5],
      [0, 1, 2],
    ]);
    expect(x.roll(1).arraySync()).toEqual([
      [5, 0, 1],
      [2, 3, 4],
    ]);
    expect(x.roll([1, -1], [0, 1]).arraySync()).toEqual([
      [4, 5, 3],
      [1, 2, 0],
    ]);
    expect(x.roll(4, 1).arraySync()).toEqual([
      [2, 0, 1],
      [5, 3, 4],
    ]);
    expect(x.rot90().arraySync()).toEqual([
      [2, 5],
      [1, 4],
      [0, 3],
    ]);
    expect(x.rot90(2).arraySync()).toEqual(x.flip(0, 1).arraySync());
    expect(x.rot90(-1).arraySync()).toEqual([
      [3, 0],
      [4, 1],
      [5, 2],
    ]);
    expect(() => x.flip(0, 0)).toThrow(/^flip: the same dim twice/);
    expect(() => x.roll([1, 2], 0)).toThrow(/^roll: one shift for each dim is needed: shifts \[1, 2\], dims \[0\]/);
    expect(() => tensor([1]).fliplr()).toThrow(/^fliplr: the tensor must have at least 2 dims/);
  });

  test("repeated", () => {
    const x = tensor([[1, 2]]);
    expect(x.repeat(2, 2).arraySync()).toEqual([
      [1, 2, 1, 2],
      [1, 2, 1, 2],
    ]);
    expect(x.repeat(2, 1, 1).shape).toEqual([2, 1, 2]);
    expect(x.repeat([0, 1]).shape).toEqual([0, 2]);
    expect(x.tile(2).arraySync()).toEqual([[1, 2, 1, 2]]);
    expect(x.repeatInterleave(2, 1).arraySync()).toEqual([[1, 1, 2, 2]]);
    expect(x.repeatInterleave(2).arraySync()).toEqual([1, 1, 2, 2]);
    expect(() => x.repeat(2)).toThrow(/^repeat: fewer sizes than dims: \[2\] for shape \[1, 2\] \(tile takes fewer\)/);
  });

  test("diagonals and triangles", () => {
    const x = count(3, 4);
    expect(x.diagonal().arraySync()).toEqual([0, 5, 10]);
    expect(x.diagonal(1).arraySync()).toEqual([1, 6, 11]);
    expect(x.diagonal(-1).arraySync()).toEqual([4, 9]);
    expect(x.diagonal(9).shape).toEqual([0]);
    expect(count(2, 3, 3).diagonal(0, 1, 2).arraySync()).toEqual([
      [0, 4, 8],
      [9, 13, 17],
    ]);
    expect(tensor([1, 2]).diag(1).arraySync()).toEqual([
      [0, 1, 0],
      [0, 0, 2],
      [0, 0, 0],
    ]);
    expect(tensor([1, 2]).diag(-1).arraySync()).toEqual([
      [0, 0, 0],
      [1, 0, 0],
      [0, 2, 0],
    ]);
    expect(x.diag().arraySync()).toEqual([0, 5, 10]);
    expect(count(2, 2).diagEmbed(0, 0, 2).shape).toEqual([2, 2, 2]);
    expect(count(2, 2).diagEmbed().arraySync()).toEqual([
      [
        [0, 0],
        [0, 1],
      ],
      [
        [2, 0],
        [0, 3],
      ],
    ]);
    expect(count(2, 2).diagflat().diagonal().arraySync()).toEqual([0, 1, 2, 3]);
    expect(count(2, 2).trace().itemSync()).toBe(3);
    expect(
      bool([
        [true, false],
        [false, true],
      ]).trace().dtype,
    ).toBe("int32");
    expect(x.tril().arraySync()).toEqual([
      [0, 0, 0, 0],
      [4, 5, 0, 0],
      [8, 9, 10, 0],
    ]);
    expect(x.tril(-9).sum().itemSync()).toBe(0);
    expect(x.triu(1).arraySync()).toEqual([
      [0, 1, 2, 3],
      [0, 0, 6, 7],
      [0, 0, 0, 11],
    ]);
    expect(ones([2, 2], { dtype: "bool" }).tril().arraySync()).toEqual([
      [1, 0],
      [1, 1],
    ]);
    expect(
      tensor([[Number.NaN, Number.NaN]])
        .tril()
        .arraySync(),
    ).toEqual([[Number.NaN, 0]]);
    expect(() => zeros([2, 2, 2]).diag()).toThrow(/^diag: takes a vector or a matrix: got \[2, 2, 2\]/);
    expect(() => x.diagonal(0, 1, 1)).toThrow(/^diagonal: the same dim twice/);
    expect(() => zeros([3]).tril()).toThrow(/^tril: the tensor must have at least 2 dims/);
  });

  test("windows and padding", () => {
    const x = tensor([1, 2, 3, 4, 5]);
    expect(x.unfold(0, 3, 2).arraySync()).toEqual([
      [1, 2, 3],
      [3, 4, 5],
    ]);
    expect(count(2, 4).unfold(1, 2, 1).shape).toEqual([2, 3, 2]);
    expect(tensor(7).unfold(0, 1, 1).arraySync()).toEqual([7]);
    expect(x.pad([1, 2], { value: 9 }).arraySync()).toEqual([9, 1, 2, 3, 4, 5, 9, 9]);
    expect(x.pad([2, 1], { mode: "reflect" }).arraySync()).toEqual([3, 2, 1, 2, 3, 4, 5, 4]);
    expect(x.pad([2, 1], { mode: "replicate" }).arraySync()).toEqual([1, 1, 1, 2, 3, 4, 5, 5]);
    expect(x.pad([2, 1], { mode: "circular" }).arraySync()).toEqual([4, 5, 1, 2, 3, 4, 5, 1]);
    expect(x.pad([-1, -2]).arraySync()).toEqual([2, 3]);
    expect(join.pad(count(2, 2), [1, 0, 0, 1]).arraySync()).toEqual([
      [0, 0, 1],
      [0, 2, 3],
      [0, 0, 0],
    ]);
    expect(() => x.unfold(0, 6, 1)).toThrow(/^unfold: the window is larger than the dim: size 6, dim 0 of \[5\] has 5/);
    expect(() => x.pad([1])).toThrow(/^pad: two sizes for each padded dim are needed: got \[1\] for shape \[5\]/);
    expect(() => x.pad([5, 0], { mode: "reflect" })).toThrow(
      /^pad: mode "reflect" has too few elements to take: 5 and 0/,
    );
    expect(() => x.pad([-3, -3])).toThrow(
      /^pad: more is cut off than there is: -3 and -3 at the ends of dim 0 of \[5\]/,
    );
    expect(() => x.pad([1, 1], { mode: "same" as "reflect" })).toThrow(/^pad: unknown mode "same" \(known: constant/);
    expect(() => x.pad([1, 1], { vlue: 1 } as object)).toThrow(/did you mean "value"/);
  });

  test("gradients", () => {
    const x = [
      [1, 2, 3],
      [4, 5, 6],
    ];
    expectGradients((a) => a.flip(1).roll(2).rot90(), x);
    expectGradients((a) => a.repeat(2, 3).tril(1).triu(-1), x);
    expectGradients((a) => a.repeatInterleave(2, 0), x);
    expectGradients((a) => a.diagonal(1).diagEmbed(-1), x);
    expectGradients((a) => a.trace().add(a.diag(-1).sum()), x);
    expectGradients((a) => a.unfold(1, 2, 1), x);
    for (const mode of ["constant", "reflect", "replicate", "circular"] as const) {
      expectGradients((a) => a.pad([1, 2, 1, 0], { mode }), x);
    }
    expectGradients((a) => a.pad([-1, 1]), x);
  });
});

describe("joining", () => {
  test("values", () => {
    expect(join.cat([tensor([[1, 2]]), tensor([[3, 4]])]).arraySync()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(join.cat([tensor([[1, 2]]), tensor([[3]])], -1).arraySync()).toEqual([[1, 2, 3]]);
    expect(join.cat([zeros([0]), tensor([[3]])]).arraySync()).toEqual([[3]]);
    expect(join.cat([int32([1]), tensor([0.5])]).arraySync()).toEqual([1, 0.5]);
    expect(join.cat([uint8([1]), bool([true])]).dtype).toBe("uint8");
    expect(join.stack([tensor([1, 2]), tensor([3, 4])], -1).arraySync()).toEqual([
      [1, 3],
      [2, 4],
    ]);
    expect(join.hstack([tensor([1]), tensor([2, 3])]).arraySync()).toEqual([1, 2, 3]);
    expect(join.vstack([tensor([1, 2]), tensor([[3, 4]])]).arraySync()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(join.dstack([tensor([1, 2]), tensor([3, 4])]).arraySync()).toEqual([
      [
        [1, 3],
        [2, 4],
      ],
    ]);
    expect(join.columnStack([tensor([1, 2]), tensor([[3], [4]])]).arraySync()).toEqual([
      [1, 3],
      [2, 4],
    ]);
    expect(join.blockDiag(tensor([[1, 2]]), tensor(3)).arraySync()).toEqual([
      [1, 2, 0],
      [0, 0, 3],
    ]);
    expect(join.cartesianProd(tensor([1, 2]), tensor([3, 4])).arraySync()).toEqual([
      [1, 3],
      [1, 4],
      [2, 3],
      [2, 4],
    ]);
    expect(shapes(join.broadcastTensors(zeros([2, 1]), zeros([3])))).toEqual([
      [2, 3],
      [2, 3],
    ]);
    expect(join.broadcastShapes([2, 1], [3], [])).toEqual([2, 3]);
    expect(join.combinations(tensor([5, 6, 7])).arraySync()).toEqual([
      [5, 6],
      [5, 7],
      [6, 7],
    ]);
    expect(join.combinations(tensor([5, 6]), { withReplacement: true }).arraySync()).toEqual([
      [5, 5],
      [5, 6],
      [6, 6],
    ]);
    const [a, b] = join.meshgrid([tensor([1, 2, 3]), tensor([4, 5])]);
    expect(a?.arraySync()).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    expect(b?.arraySync()).toEqual([
      [4, 5],
      [4, 5],
      [4, 5],
    ]);
    expect(join.meshgrid([tensor([1, 2, 3]), tensor([4, 5])], { indexing: "xy" })[0]?.arraySync()).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
    expect(fn.squeeze(zeros([1, 2])).shape).toEqual([2]);
  });

  test("says what is wrong", () => {
    const [a, b] = [zeros([2, 3]), zeros([2, 4])];
    expect(() => join.cat([a, b])).toThrow(
      /^cat: shapes differ in more than the dim they are joined along: entry 0 is \[2, 3\], entry 1 is \[2, 4\], dim 0/,
    );
    expect(() => join.stack([a, a, b])).toThrow(/^stack: shapes differ: entry 0 is \[2, 3\], entry 2 is \[2, 4\]/);
    expect(() => join.cat([])).toThrow(/^cat: takes at least one tensor/);
    expect(() => join.cat([a, 3 as unknown as Tensor])).toThrow(/^cat: entry 1 must be a tensor: got 3 \(wrap it/);
    expect(() => join.cat(a as unknown as Tensor[])).toThrow(/^cat: takes an array of tensors: got a Tensor/);
    expect(() => join.cat([tensor(1), tensor(2)])).toThrow(/^cat: a tensor without dims cannot be joined: entry 0/);
    expect(() => join.cat([a, zeros([2, 3], { dtype: "float64" })])).toThrow(/float32 and float64 do not mix/);
    expect(() => join.meshgrid([a])).toThrow(/^meshgrid: takes vectors: entry 0 is \[2, 3\]/);
    expect(() => join.meshgrid([zeros([2])], { indexing: "yx" as "xy" })).toThrow(/^meshgrid: unknown indexing/);
    expect(() => fn.reshape(3 as unknown as Tensor, 1)).toThrow(/^reshape: the first argument must be a tensor: got 3/);
  });

  test("gradients", () => {
    const [x, y] = [
      [
        [1, 2],
        [3, 4],
      ],
      [
        [5, 6],
        [7, 8],
      ],
    ];
    expectGradients((a, b) => join.cat([a, b, a], 1), x, y);
    expectGradients((a, b) => join.stack([a, b], 1), x, y);
    expectGradients((a, b) => join.blockDiag(a, b), x, y);
    expectGradients((a, b) => join.cartesianProd(a, b), [1, 2], [3, 4, 5]);
    expectGradients((a, b) => join.stack(join.meshgrid([a, b], { indexing: "xy" })), [1, 2], [3, 4, 5]);
    expectGradients((a) => join.combinations(a, { r: 3 }), [1, 2, 3, 4]);
  });
});
