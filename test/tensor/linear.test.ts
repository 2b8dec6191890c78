import { describe, expect, test } from "vitest";
import { bool, float64, int32, tensor, zeros } from "../../src/tensor/creation.ts";
import { einsum } from "../../src/tensor/einsum.ts";
import { currentEngine, setDefaultDevice } from "../../src/tensor/engines.ts";
import * as fn from "../../src/tensor/linear-functions.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { expectGradients } from "./gradient.ts";

// The reference device: values here are those of the records and composites.
setDefaultDevice("js");

const count = (...shape: number[]): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Float32Array.from({ length: size }, (_, i) => i % 7),
    { shape },
  );
};

/** a · b by its definition, for batches that are equal or left out. */
function product(a: Tensor, b: Tensor): number[] {
  const [m, k] = a.shape.slice(-2) as [number, number];
  const n = b.shape.at(-1) as number;
  const [x, y] = [a.dataSync(), b.dataSync()];
  const batches = Math.max(...[a, b].map((t) => t.shape.slice(0, -2).reduce((size, extent) => size * extent, 1)));
  const out: number[] = [];
  for (let batch = 0; batch < batches; batch++) {
    const [atA, atB] = [a.ndim > 2 ? batch * m * k : 0, b.ndim > 2 ? batch * k * n : 0];
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let l = 0; l < k; l++) sum += (x[atA + i * k + l] as number) * (y[atB + l * n + j] as number);
        out.push(sum);
      }
    }
  }
  return out;
}

describe("matmul", () => {
  test("every pair of ranks", () => {
    for (const [a, b, shape] of [
      [
        [2, 3],
        [3, 4],
        [2, 4],
      ],
      [
        [5, 2, 3],
        [3, 4],
        [5, 2, 4],
      ],
      [
        [2, 3],
        [5, 3, 4],
        [5, 2, 4],
      ],
      [
        [5, 2, 3],
        [5, 3, 4],
        [5, 2, 4],
      ],
      [
        [6, 5, 2, 3],
        [6, 5, 3, 4],
        [6, 5, 2, 4],
      ],
      [
        [2, 0],
        [0, 4],
        [2, 4],
      ],
    ] as const) {
      const y = count(...a).matmul(count(...b));
      expect(y.shape).toEqual(shape);
      expect(Array.from(y.dataSync())).toEqual(product(count(...a), count(...b)));
    }
    expect(count(3).matmul(count(3)).itemSync()).toBe(5);
    expect(count(2, 3).matmul(count(3)).arraySync()).toEqual([5, 14]);
    expect(count(3).matmul(count(3, 2)).arraySync()).toEqual([10, 13]);
    expect(count(4, 2, 3).matmul(count(3)).shape).toEqual([4, 2]);
    expect(count(3).matmul(count(4, 3, 2)).shape).toEqual([4, 2]);
    expect(count(5, 1, 2, 3).matmul(count(4, 3, 2)).shape).toEqual([5, 4, 2, 2]);
    expect(
      int32([[2]])
        .matmul(int32([[3]]))
        .arraySync(),
    ).toEqual([[6]]);
  });

  test("a matrix on the right is contracted once", () => {
    const w = tensor(
      [
        [1, 2],
        [3, 4],
      ],
      { requiresGrad: true },
    );
    const x = count(5, 3, 2);
    x.matmul(w).sum().backward();
    expect(w.grad?.shape).toEqual([2, 2]);
    const before = currentEngine().stats.runs;
    w.grad?.dataSync();
    expect(currentEngine().stats.runs).toBe(before + 1);
  });

  test("says what is wrong", () => {
    expect(() => zeros([2, 3]).matmul(zeros([4, 5]))).toThrow(
      /^matmul: the inner dims differ: \[2, 3\] and \[4, 5\]: 3 and 4 \(the last dim of the first must be the last but one of the second\)$/,
    );
    expect(() => zeros([2, 3]).matmul(zeros([4, 3]))).toThrow(
      /^matmul: the inner dims differ: \[2, 3\] and \[4, 3\]: 3 and 4 \(did you mean a.matmul\(b.t\(\)\)\?\)$/,
    );
    expect(() => zeros([3, 2]).mm(zeros([3, 4]))).toThrow(/3 and 4|2 and 3 \(did you mean a.t\(\).mm\(b\)\?\)/);
    expect(() => zeros([2, 3, 4]).matmul(zeros([3, 4, 5]))).toThrow(
      /^matmul: the batch dims do not broadcast: \[2, 3, 4\] and \[3, 4, 5\]: 2 and 3/,
    );
    expect(() => tensor(1).matmul(zeros([2]))).toThrow(/^matmul: both tensors must have at least one dim/);
    expect(() =>
      zeros([2, 2]).matmul(
        int32([
          [1, 2],
          [3, 4],
        ]),
      ),
    ).toThrow(/^matmul: the dtypes differ: float32 and int32/);
    expect(() => bool([[true]]).mm(bool([[true]]))).toThrow(/^mm: sums of products of bool would not fit/);
    expect(() => zeros([2, 2]).matmul(3 as unknown as Tensor)).toThrow(
      /^matmul: the second tensor must be a tensor: got 3/,
    );
    expect(() => zeros([2]).mm(zeros([2, 2]))).toThrow(/^mm: the first tensor must have 2 dims: got \[2\]/);
    expect(() => zeros([2, 2, 2]).bmm(zeros([3, 2, 2]))).toThrow(
      /^bmm: the batches differ: .*: 2 and 3 \(matmul broadcasts/,
    );
    expect(() => zeros([2]).dot(zeros([3]))).toThrow(
      /^dot: the inner dims differ: \[2\] and \[3\]: 2 and 3 \(the last dims must be equal\)$/,
    );
  });

  test("gradients", () => {
    const [a, b] = [
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      [
        [0.5, -1],
        [2, 0.25],
        [1, 3],
      ],
    ];
    expectGradients((x, y) => x.matmul(y), a, b);
    expectGradients((x, y) => x.matmul(y), [a, a], b);
    expectGradients((x, y) => x.matmul(y), a, [b, b]);
    expectGradients((x, y) => x.matmul(y), [[a], [a]], [b, b]);
    expectGradients((x, y) => x.matmul(y), [1, 2, 3], [b, b]);
    expectGradients((x, y) => x.matmul(y), [a, a], [1, 2, 3]);
    expectGradients((x, y) => x.matmul(y), [1, 2, 3], [4, 5, 6]);
  });
});

describe("other products", () => {
  test("values", () => {
    const [a, b] = [
      tensor([
        [1, 2],
        [3, 4],
      ]),
      tensor([
        [5, 6],
        [7, 8],
      ]),
    ];
    expect(a.mm(b).arraySync()).toEqual([
      [19, 22],
      [43, 50],
    ]);
    expect(a.mv(tensor([1, -1])).arraySync()).toEqual([-1, -1]);
    expect(a.unsqueeze(0).bmm(b.unsqueeze(0)).arraySync()).toEqual([
      [
        [19, 22],
        [43, 50],
      ],
    ]);
    expect(
      tensor([1, 2])
        .dot(tensor([3, 4]))
        .itemSync(),
    ).toBe(11);
    expect(
      tensor([1, 2])
        .vdot(tensor([3, 4]))
        .itemSync(),
    ).toBe(11);
    expect(a.inner(b).arraySync()).toEqual([
      [17, 23],
      [39, 53],
    ]);
    expect(a.inner(tensor(2)).arraySync()).toEqual([
      [2, 4],
      [6, 8],
    ]);
    expect(
      tensor([1, 2])
        .outer(tensor([3, 4, 5]))
        .arraySync(),
    ).toEqual([
      [3, 4, 5],
      [6, 8, 10],
    ]);
    expect(tensor([1, 1]).addmm(a, b, { beta: 2, alpha: 0.5 }).arraySync()).toEqual([
      [11.5, 13],
      [23.5, 27],
    ]);
    expect(
      tensor([1, 1])
        .addmv(a, tensor([1, 1]))
        .arraySync(),
    ).toEqual([4, 8]);
    expect(
      zeros([2, 2])
        .addr(tensor([1, 2]), tensor([3, 4]))
        .arraySync(),
    ).toEqual([
      [3, 4],
      [6, 8],
    ]);
    expect(tensor([Number.NaN]).addmm(a, b, { beta: 0 }).arraySync()).toEqual([
      [19, 22],
      [43, 50],
    ]);
    const batch = a.unsqueeze(0).repeat(2, 1, 1);
    expect(a.addbmm(batch, batch).arraySync()).toEqual([
      [15, 22],
      [33, 48],
    ]);
    expect(a.baddbmm(batch, batch).at(1).arraySync()).toEqual([
      [8, 12],
      [18, 26],
    ]);
    expect(a.tensordot(b).itemSync()).toBe(70);
    expect(a.tensordot(b, 1).arraySync()).toEqual(a.mm(b).arraySync());
    expect(a.tensordot(b, [[1], [1]]).arraySync()).toEqual(a.mm(b.t()).arraySync());
    expect(a.tensordot(b, 0).shape).toEqual([2, 2, 2, 2]);
    expect(tensor([1, 2]).kron(a).arraySync()).toEqual([
      [1, 2, 2, 4],
      [3, 4, 6, 8],
    ]);
    expect(
      tensor([1, 0, 0])
        .cross(tensor([0, 1, 0]))
        .arraySync(),
    ).toEqual([0, 0, 1]);
    expect(
      tensor([[1, 2, 3]])
        .cross(
          tensor([
            [4, 5, 6],
            [1, 2, 3],
          ]),
        )
        .arraySync(),
    ).toEqual([
      [-3, 6, -3],
      [0, 0, 0],
    ]);
    expect(
      tensor([
        [0, 0],
        [3, 4],
      ])
        .cdist(tensor([[0, 0]]))
        .arraySync(),
    ).toEqual([[0], [5]]);
    expect(
      tensor([[0, 0]])
        .cdist(tensor([[3, -4]]), { p: 1 })
        .arraySync(),
    ).toEqual([[7]]);
    expect(
      tensor([[0, 0]])
        .cdist(tensor([[3, -4]]), { p: Number.POSITIVE_INFINITY })
        .arraySync(),
    ).toEqual([[4]]);
    expect(
      zeros([2, 0])
        .cdist(zeros([1, 0]))
        .arraySync(),
    ).toEqual([[0], [0]]);
    expect(fn.vecdot(a, b).arraySync()).toEqual([17, 53]);
    expect(fn.vecdot(a, b, 0).arraySync()).toEqual([26, 44]);
    expect(fn.multiDot([tensor([1, 1]), a, b, tensor([1, 0])]).itemSync()).toBe(62);
    expect(fn.multiDot([count(2, 9), count(9, 2), count(2, 9), count(9, 3)]).arraySync()).toEqual(
      count(2, 9).mm(count(9, 2)).mm(count(2, 9)).mm(count(9, 3)).arraySync(),
    );
    expect(fn.matmul(a, b).arraySync()).toEqual(a.matmul(b).arraySync());
  });

  test("say what is wrong", () => {
    const a = zeros([2, 2]);
    expect(() => zeros([3]).addmm(a, a)).toThrow(/^addmm: shapes do not broadcast/);
    expect(() => zeros([3, 2, 2]).addmm(a, a)).toThrow(
      /^addmm: the tensor does not broadcast to the product: \[3, 2, 2\] to/,
    );
    expect(() => a.addmm(a, a, { bta: 1 } as object)).toThrow(/did you mean "beta"/);
    expect(() => a.tensordot(zeros([3, 2]))).toThrow(/^tensordot: contracted dims differ: dims \[0, 1\] of \[2, 2\]/);
    expect(() => a.tensordot(a, 3)).toThrow(/^tensordot: more dims than the tensors have/);
    expect(() => a.cross(a)).toThrow(/^cross: both must have as many dims, and extent 3 along the dim/);
    expect(() => a.cdist(zeros([2, 3]))).toThrow(/^cdist: both must have at least two dims and rows of one length/);
    expect(() => a.cdist(a, { p: -1 })).toThrow(/^cdist: p must be from 0: got -1/);
    expect(() => a.inner(zeros([2, 3]))).toThrow(/^inner: the last dims differ: \[2, 2\] and \[2, 3\]: 2 and 3/);
    expect(() => a.outer(zeros([2]))).toThrow(/^outer: the first tensor must have 1 dim: got \[2, 2\]/);
    expect(() => a.kron(float64([1]))).toThrow(/^kron: float32 and float64 do not mix/);
    expect(() => fn.multiDot([a, zeros([3, 2])])).toThrow(
      /^multiDot: the inner dims differ: entries 0 and 1: \[2, 2\], \[3, 2\]/,
    );
  });

  test("gradients", () => {
    const [a, b] = [
      [
        [1, 2],
        [3, 4],
      ],
      [
        [0.5, -1],
        [2, 0.25],
      ],
    ];
    expectGradients((x, y) => x.inner(y), a, b);
    expectGradients((x, y) => x.outer(y), [1, 2], [3, 4, 5]);
    expectGradients((z, x, y) => z.addmm(x, y, { beta: 0.3, alpha: 2 }), [1, 2], a, b);
    expectGradients((z, x, y) => z.addbmm(x, y), a, [a, b], [b, a]);
    expectGradients((z, x, y) => z.baddbmm(x, y), a, [a, b], [b, a]);
    expectGradients((x, y) => x.kron(y), a, [[1, 2]]);
    expectGradients((x, y) => x.cross(y), [1, 2, 3], [4, 5, 7]);
    for (const p of [1, 1.5, 2, 3, Number.POSITIVE_INFINITY]) expectGradients((x, y) => x.cdist(y, { p }), a, b);
    expectGradients((x, y) => fn.multiDot([x, y, x]), a, b);
    const same = tensor(a, { requiresGrad: true });
    same.cdist(same.detach()).sum().backward();
    expect(same.grad?.dataSync().every((g) => Number.isFinite(g))).toBe(true);
  });
});

describe("einsum", () => {
  const [a, b] = [count(2, 3), count(3, 4)];

  test("values", () => {
    expect(einsum("ij,jk->ik", a, b).arraySync()).toEqual(a.mm(b).arraySync());
    expect(einsum("ij,jk", a, b).arraySync()).toEqual(a.mm(b).arraySync());
    expect(einsum("ij , jk -> ki", a, b).arraySync()).toEqual(a.mm(b).t().arraySync());
    expect(einsum("ij->", a).itemSync()).toBe(15);
    expect(einsum("ji", a).arraySync()).toEqual(a.t().arraySync());
    expect(einsum("ii->i", count(2, 2)).arraySync()).toEqual([0, 3]);
    expect(einsum("ii", count(2, 2)).itemSync()).toBe(3);
    expect(einsum("i,i->i", tensor([1, 2]), tensor([3, 4])).arraySync()).toEqual([3, 8]);
    expect(einsum("i,j->ij", tensor([1, 2]), tensor([3, 4])).arraySync()).toEqual([
      [3, 4],
      [6, 8],
    ]);
    expect(einsum("...ij,...jk->...ik", count(5, 2, 3), b).arraySync()).toEqual(count(5, 2, 3).matmul(b).arraySync());
    expect(einsum("b...i,...i->...b", count(2, 4, 3), count(4, 3)).shape).toEqual([4, 2]);
    expect(einsum("...->...", a).arraySync()).toEqual(a.arraySync());
    expect(einsum("i...->...", a).arraySync()).toEqual(a.sum(0).arraySync());
    expect(einsum("ij,jk,kl->il", a, b, count(4, 2)).arraySync()).toEqual(a.mm(b).mm(count(4, 2)).arraySync());
    expect(einsum("bhqd,bhkd->bhqk", count(2, 2, 3, 4), count(2, 2, 5, 4)).arraySync()).toEqual(
      count(2, 2, 3, 4)
        .matmul(count(2, 2, 5, 4).mT)
        .arraySync(),
    );
    expect(einsum("ij,ij->", a, a).itemSync()).toBe(55);
    // An extent of 1 broadcasts, summed or not.
    expect(einsum("ij,ij->i", a, tensor([[2], [3]])).arraySync()).toEqual([6, 36]);
    expect(einsum("aB,Bc", a, b).shape).toEqual([2, 4]);
    expect(einsum("cA,cb->", count(2, 3), count(2, 2)).itemSync()).toBe(
      count(2, 3).sum(1).mul(count(2, 2).sum(1)).sum().itemSync(),
    );
  });

  test("says what is wrong", () => {
    expect(() => einsum("ij,jk->il", a, b)).toThrow(/^einsum: the result names an unknown dim: "l" in "ij,jk->il"/);
    expect(() => einsum("ij,jk->ii", a, b)).toThrow(/^einsum: the result names a dim twice: "i"/);
    expect(() => einsum("ij,jk", a)).toThrow(
      /^einsum: the equation does not fit the operands: "ij,jk" has 2 on the left/,
    );
    expect(() => einsum("ijk", a)).toThrow(
      /^einsum: the names do not fit the operand: "ijk" for operand 0 of shape \[2, 3\]/,
    );
    expect(() => einsum("i1", a)).toThrow(/^einsum: the names do not fit the operand/);
    expect(() => einsum("ij,ik->jk", a, b)).toThrow(/^einsum: extents of one name differ: "i" is 2 and 3/);
    expect(() => einsum("i...j...", a)).toThrow(/^einsum: the names do not fit the operand/);
    expect(() => einsum(a as unknown as string)).toThrow(/^einsum: the equation comes first: got a Tensor/);
    expect(() => einsum("i", [1] as unknown as Tensor)).toThrow(/^einsum: operand 0 must be a tensor/);
  });

  test("gradients", () => {
    const [x, y] = [
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      [
        [0.5, -1],
        [2, 0.25],
        [1, 3],
      ],
    ];
    expectGradients((p, q) => einsum("ij,jk->ki", p, q), x, y);
    expectGradients((p, q) => einsum("ij,jk,ij->jk", p, q, p), x, y);
    expectGradients(
      (p) => einsum("ii->i", p),
      [
        [1, 2],
        [3, 4],
      ],
    );
    expectGradients((p, q) => einsum("...i,ij->...j", p, q), [x, x], y);
  });
});
