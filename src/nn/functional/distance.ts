/** Distances and similarities as functions. Floor: nn. */
import { broadcastShapes, normalizeDim } from "../../base/shape.ts";
import type { Value } from "../../ir/value.ts";
import { norm } from "../../ops/composite/reduction.ts";
import { kit } from "../../ops/kit.ts";
import { promoteOperands, toFloating } from "../../tensor/operand.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { resultOf, vertexOf, withDefaults } from "./common.ts";

/** Two tensors as floating vertices of one shape. */
function broadcastPair(op: string, a: Tensor, b: Tensor): [Value, Value] {
  vertexOf(op, "the first input", a);
  vertexOf(op, "the second input", b);
  const shape = broadcastShapes(op, a.shape, b.shape);
  return promoteOperands(op, [a, b]).map((v) => kit.broadcast(toFloating(v), shape)) as [Value, Value];
}

/**
 * Cosine of the angle between vectors along a dim: x1 · x2 / max(‖x1‖ ‖x2‖, eps).
 *
 * @param dim default 1.
 * @param options.eps smallest divisor; default 1e-8.
 */
export function cosineSimilarity(x1: Tensor, x2: Tensor, dim = 1, options?: { readonly eps?: number }): Tensor {
  const op = "cosineSimilarity";
  const { eps } = withDefaults(op, options, { eps: 1e-8 });
  const [a, b] = broadcastPair(op, x1, x2);
  const along = [normalizeDim(op, dim, a.shape.length)];
  const lengths = kit.mul(norm(kit, a, 2, along), norm(kit, b, 2, along));
  const y = kit.div(kit.sum(kit.mul(a, b), along), kit.maximum(lengths, eps));
  return resultOf(y, [x1, x2]);
}

/**
 * Distance of vectors along the last dim: ‖x1 − x2 + eps‖ₚ.
 *
 * @param options.p the norm; default 2.
 * @param options.eps added to each difference; default 1e-6.
 * @param options.keepdim whether the last dim stays, with extent 1; default false.
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
