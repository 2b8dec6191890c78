/** Weights of attention, and what hides places from each other. Floor: ops. */
import { withMode } from "../../ir/mode.ts";
import type { Value } from "../../ir/value.ts";
import type { Kit } from "../kit.ts";
import { softmax } from "./activation.ts";

/** What hides places from each other. Each part broadcasts to the scores [..., L, S]. */
export interface Masking {
  /** Place i sees places 0 to i. */
  readonly causal: boolean;
  /** bool: true where attention is allowed. */
  readonly allowed: Value | undefined;
  /** Added to the scores. */
  readonly bias: Value | undefined;
}

/** softmax along the last dim of scores, some of which are −∞. A row of nothing else becomes 0, not 0 / 0. */
function maskedSoftmax(k: Kit, x: Value): Value {
  const last = [x.shape.length - 1];
  // The shift drops out of the result, so it needs no gradient. That of an empty row would leave −∞ + ∞.
  const peak = withMode({ grad: false }, () => {
    const most = k.max(x, last);
    return k.spread(k.where(k.eq(most, Number.NEGATIVE_INFINITY), 0, most), x.shape, last);
  });
  const e = k.exp(k.sub(x, peak));
  const total = k.sum(e, last);
  return k.mul(e, k.spread(k.div(1, k.where(k.eq(total, 0), 1, total)), x.shape, last));
}

/** softmax(q keyᵀ + mask): q [..., L, E], key [..., S, E] with equal dims in front, weights [..., L, S]. */
export function attentionWeights(k: Kit, q: Value, key: Value, mask: Masking): Value {
  const rank = q.shape.length;
  let scores = k.matmul(q, k.transpose(key, rank - 2, rank - 1));
  if (mask.bias !== undefined) scores = k.add(scores, mask.bias);
  if (mask.allowed !== undefined) scores = k.where(mask.allowed, scores, Number.NEGATIVE_INFINITY);
  if (mask.causal) {
    const square = scores.shape.slice(-2);
    scores = k.where(k.ge(k.iota(square, 0), k.iota(square, 1)), scores, Number.NEGATIVE_INFINITY);
  }
  // Place 0 sees itself: causal rows are never empty.
  const isSafe = mask.bias === undefined && mask.allowed === undefined;
  return isSafe ? softmax(k, scores, rank - 1) : maskedSoftmax(k, scores);
}
