/** Attention, and the rotation of places. Floor: ops. */
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

/** x Wᵀ + b along the last dim: x [..., in], w [out, in], b [out]. */
export function project(k: Kit, x: Value, w: Value, bias: Value | undefined): Value {
  const y = k.dot(x, w, { batchA: [], batchB: [], contractA: [x.shape.length - 1], contractB: [1] });
  return bias === undefined ? y : k.add(y, bias);
}

/** The pairs of the last dim turned by angles: a cos − b sin and a sin + b cos; cos and sin [..., D / 2] broadcast. */
export function rotatePairs(k: Kit, x: Value, cos: Value, sin: Value, interleaved: boolean): Value {
  const last = x.shape.length - 1;
  const half = (x.shape[last] as number) / 2;
  const turned = (a: Value, b: Value): [Value, Value] => [
    k.sub(k.mul(a, cos), k.mul(b, sin)),
    k.add(k.mul(a, sin), k.mul(b, cos)),
  ];
  if (!interleaved) return k.concat(turned(k.range(x, last, 0, half), k.range(x, last, half, 2 * half)), last);
  const outer = x.shape.slice(0, -1);
  const pairs = k.reshape(x, [...outer, half, 2]);
  const side = (i: number): Value => k.reshape(k.range(pairs, last + 1, i, i + 1), [...outer, half]);
  const both = turned(side(0), side(1)).map((y) => k.reshape(y, [...outer, half, 1]));
  return k.reshape(k.concat(both, last + 1), x.shape);
}
