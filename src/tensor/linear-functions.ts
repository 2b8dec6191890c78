/** Products as free functions: `matmul(a, b)` is `a.matmul(b)`. Floor: tensor. */
import { TwopassError, showShape } from "../base/errors.ts";
import { broadcastShapes, normalizeDim, sizeOf } from "../base/shape.ts";
import type { Value } from "../ir/value.ts";
import { kit } from "../ops/kit.ts";
import { checkTensor, checkTensors, promoteTensors } from "./arguments.ts";
import { free } from "./free.ts";
import { resultOf } from "./joining.ts";
import type { Tensor } from "./tensor.ts";

/** Product of matrices, of vectors, and of batches of them. */
export const matmul = free("matmul");
/** Product of two matrices. */
export const mm = free("mm");
/** Product of a matrix and a vector. */
export const mv = free("mv");
/** Products of matrices in pairs. */
export const bmm = free("bmm");
/** Sum of products of two vectors. */
export const dot = free("dot");
/** Sum of products of two vectors. */
export const vdot = free("vdot");
/** Sums of products along the last dims. */
export const inner = free("inner");
/** All products of elements of two vectors. */
export const outer = free("outer");
/** beta · x + alpha · a · b for matrices. */
export const addmm = free("addmm");
/** beta · x + alpha · matrix · vector. */
export const addmv = free("addmv");
/** beta · x + alpha · outer(a, b). */
export const addr = free("addr");
/** beta · x + alpha · Σ aᵢ · bᵢ over a batch. */
export const addbmm = free("addbmm");
/** beta · x + alpha · a · b for each of a batch. */
export const baddbmm = free("baddbmm");
/** Sums of products over several pairs of dims. */
export const tensordot = free("tensordot");
/** The Kronecker product. */
export const kron = free("kron");
/** The vector product along a dim of extent 3. */
export const cross = free("cross");
/** Distances between all rows of two tensors. */
export const cdist = free("cdist");
/** Sum of the diagonal of a matrix. */
export const trace = free("trace");

/**
 * Sums of products along one dim, default the last; the other dims broadcast.
 *
 * @example
 * await vecdot(tensor([[1, 2], [3, 4]]), tensor([10, 1])).array(); // [12, 34]
 */
export function vecdot(a: Tensor, b: Tensor, dim = -1): Tensor {
  checkTensor("vecdot", "the first argument", a);
  checkTensor("vecdot", "the second argument", b);
  const [x, y] = promoteTensors("vecdot", [a, b]) as [Value, Value];
  const shape = broadcastShapes("vecdot", x.shape, y.shape);
  if (shape.length === 0) {
    throw new TwopassError({
      op: "vecdot",
      problem: "takes vectors",
      facts: `${showShape(x.shape)} and ${showShape(y.shape)}`,
    });
  }
  return resultOf(kit.sum(kit.mul(x, y), [normalizeDim("vecdot", dim, shape.length)]), [a, b]);
}

/**
 * Product of several matrices, multiplied in the order that needs the fewest operations. The first may be a row and the
 * last a column of one dim.
 *
 * @throws if neighbours do not fit, naming the entry.
 * @example
 * multiDot([zeros(2, 100), zeros(100, 3), zeros(3, 5)]).shape; // [2, 5]
 */
export function multiDot(tensors: readonly Tensor[]): Tensor {
  checkTensors("multiDot", tensors);
  const values = promoteTensors("multiDot", tensors);
  const end = values.length - 1;
  const chain = values.map((x, i) => {
    if (x.shape.length === 1 && (i === 0 || i === end))
      return kit.reshape(x, i === 0 ? [1, ...x.shape] : [...x.shape, 1]);
    if (x.shape.length === 2) return x;
    throw new TwopassError({ op: "multiDot", problem: "takes matrices", facts: `entry ${i} is ${showShape(x.shape)}` });
  });
  const bad = chain.findIndex((x, i) => i > 0 && x.shape[0] !== chain[i - 1]?.shape[1]);
  if (end === 0 || bad >= 0) {
    throw new TwopassError({
      op: "multiDot",
      problem: end === 0 ? "takes at least two tensors" : "the inner dims differ",
      facts:
        end === 0 ? "got 1" : `entries ${bad - 1} and ${bad}: ${tensors.map((x) => showShape(x.shape)).join(", ")}`,
      shapes: tensors.map((x) => x.shape),
    });
  }
  const [first, last] = [values[0] as Value, values[end] as Value];
  const shape = [...first.shape.slice(0, -1), ...last.shape.slice(1)];
  return resultOf(kit.reshape(cheapest(chain), shape), tensors);
}

/** The product of a chain of matrices: the best place of the last product, by dynamic programming over all parts. */
function cheapest(chain: readonly Value[]): Value {
  const n = chain.length;
  const sizes = [...chain.map((x) => x.shape[0] as number), chain[n - 1]?.shape[1] as number];
  const best = new Map<string, { readonly cost: number; readonly split: number }>();
  const costOf = (i: number, j: number): number => best.get(`${i},${j}`)?.cost ?? 0;
  for (let length = 2; length <= n; length++) {
    for (let i = 0; i + length <= n; i++) {
      const j = i + length;
      let least = { cost: Number.POSITIVE_INFINITY, split: i + 1 };
      for (let split = i + 1; split < j; split++) {
        const cost = costOf(i, split) + costOf(split, j) + sizeOf([i, split, j].map((d) => sizes[d] as number));
        if (cost < least.cost) least = { cost, split };
      }
      best.set(`${i},${j}`, least);
    }
  }
  const product = (i: number, j: number): Value => {
    const split = best.get(`${i},${j}`)?.split;
    return split === undefined ? (chain[i] as Value) : kit.matmul(product(i, split), product(split, j));
  };
  return product(0, n);
}
