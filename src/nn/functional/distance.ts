/** Distances and similarities as functions. Floor: nn. */
import { broadcastShapes, normalizeDim } from "../../base/shape.ts";
import type { Value } from "../../ir/value.ts";
import { powNumber } from "../../ops/composite/elementwise.ts";
import { takeAt } from "../../ops/composite/indexing.ts";
import { norm } from "../../ops/composite/reduction.ts";
import { kit } from "../../ops/kit.ts";
import { makeLeaf } from "../../ops/leaf.ts";
import { checkRank } from "../../tensor/arguments.ts";
import { promoteOperands, toFloating } from "../../tensor/operand.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { floatingVertex, numberIn, resultOf, vertexOf, withDefaults } from "./common.ts";

/** Two tensors as floating vertices of one shape. */
function broadcastPair(op: string, a: Tensor, b: Tensor): [Value, Value] {
  vertexOf(op, "the first input", a);
  vertexOf(op, "the second input", b);
  const shape = broadcastShapes(op, a.shape, b.shape);
  return promoteOperands(op, [a, b]).map((v) => kit.broadcast(toFloating(v), shape)) as [Value, Value];
}

/**
 * Cosine of the angle between vectors along a dim: x1 · x2 / (max(‖x1‖, eps) · max(‖x2‖, eps)).
 *
 * @param x1, x2 floating; they broadcast.
 * @param dim default 1.
 * @param options.eps the least that each length counts as; default 1e-8.
 * @returns the shape that both broadcast to, without the dim.
 * @example
 * await cosineSimilarity(tensor([[3, 4]]), tensor([[4, 3]])).array(); // [0.9600]
 */
export function cosineSimilarity(x1: Tensor, x2: Tensor, dim = 1, options?: { readonly eps?: number }): Tensor {
  const op = "cosineSimilarity";
  const { eps } = withDefaults(op, options, { eps: 1e-8 });
  const [a, b] = broadcastPair(op, x1, x2);
  const along = [normalizeDim(op, dim, a.shape.length)];
  const lengthOf = (x: Value): Value => kit.maximum(norm(kit, x, 2, along), eps);
  const y = kit.div(kit.sum(kit.mul(a, b), along), kit.mul(lengthOf(a), lengthOf(b)));
  return resultOf(y, [x1, x2]);
}

/**
 * Distance of vectors along the last dim: ‖x1 − x2 + eps‖ₚ.
 *
 * @param options.p the norm; default 2.
 * @param options.eps added to each difference; default 1e-6.
 * @param options.keepdim whether the last dim stays, with extent 1; default false.
 * @example
 * await pairwiseDistance(tensor([[0, 0]]), tensor([[3, 4]])).array(); // [5.0000]
 */
export function pairwiseDistance(
  x1: Tensor,
  x2: Tensor,
  options?: { readonly p?: number; readonly eps?: number; readonly keepdim?: boolean },
): Tensor {
  const op = "pairwiseDistance";
  const { p, eps, keepdim } = withDefaults(op, options, { p: 2, eps: 1e-6, keepdim: false });
  const [a, b] = broadcastPair(op, x1, x2);
  const last = normalizeDim(op, -1, a.shape.length);
  const y = norm(kit, kit.add(kit.sub(a, b), eps), p, [last]);
  return resultOf(keepdim ? kit.reshape(y, a.shape.with(last, 1)) : y, [x1, x2]);
}

/**
 * Distances in the p-norm between all pairs of rows of [N, D]: those of row 0 to the rows behind it, then of row 1, and so
 * on, N (N − 1) / 2 in all. Gradient 0 where rows are equal.
 *
 * @param options.p the norm; default 2.
 * @example
 * await pdist(tensor([[0, 0], [3, 4], [3, 0]])).array(); // [5, 3, 4]
 */
export function pdist(input: Tensor, options?: { readonly p?: number }): Tensor {
  const op = "pdist";
  const { p } = withDefaults(op, options, { p: 2 });
  numberIn(op, "p", p, 0, Number.POSITIVE_INFINITY);
  const x = floatingVertex(op, input);
  checkRank(op, "the input", x, 2);
  const [rows] = x.shape as [number, number];
  const firsts = Array.from({ length: Math.max(rows - 1, 0) }, (_, i) =>
    new Array<number>(rows - 1 - i).fill(i),
  ).flat();
  const places = (list: readonly number[]): Value =>
    makeLeaf([list.length], "int32", { kind: "data", data: Int32Array.from(list) });
  let at = 0;
  const seconds = firsts.map((first, i) => {
    at = i > 0 && firsts[i - 1] === first ? at + 1 : first + 1;
    return at;
  });
  if (firsts.length === 0) return resultOf(kit.full([0], 0, x.dtype), [input]);
  const gaps = kit.sub(takeAt(kit, x, places(firsts), 0), takeAt(kit, x, places(seconds), 0));
  // A count of differences has the gradient 0, as in PyTorch, and not none.
  const y = p === 0 ? kit.sum(kit.where(kit.eq(gaps, 0), 0, powNumber(kit, gaps, 0)), [1]) : norm(kit, gaps, p, [1]);
  return resultOf(y, [input]);
}
