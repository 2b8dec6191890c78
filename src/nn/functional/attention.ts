/** Attention as a function. Floor: nn. */
import { TwopassError, showShape } from "../../base/errors.ts";
import { broadcastShapes } from "../../base/shape.ts";
import type { Value } from "../../ir/value.ts";
import { softmax } from "../../ops/composite/activation.ts";
import { kit } from "../../ops/kit.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type Optional, floatingVertex, likeVertex, present, resultOf, vertexOf, withDefaults } from "./common.ts";
import { dropout } from "./dropout.ts";

export interface AttentionOptions {
  /** bool (true where attention is allowed) or added to the scores; broadcast to [..., L, S]; default none. */
  readonly attnMask?: Optional<Tensor>;
  /** Probability that a weight is dropped; default 0. */
  readonly dropoutP?: number;
  /** Whether place i sees places 0 to i only; default false. Not together with `attnMask`. */
  readonly isCausal?: boolean;
  /** Factor of the scores; default 1 / √E. */
  readonly scale?: number | null;
}

/**
 * Scaled dot-product attention: softmax(q kᵀ · scale + mask) v. Vaswani et al. (2017), section 3.2.1.
 *
 * @param query [..., L, E]
 * @param key [..., S, E]
 * @param value [..., S, Ev]
 * @returns [..., L, Ev]
 */
export function scaledDotProductAttention(query: Tensor, key: Tensor, value: Tensor, given?: AttentionOptions): Tensor {
  const op = "scaledDotProductAttention";
  const options = withDefaults<Required<AttentionOptions>>(op, given, {
    attnMask: null,
    dropoutP: 0,
    isCausal: false,
    scale: null,
  });
  const q = floatingVertex(op, query);
  const k = likeVertex(op, "the key", key, q);
  const v = likeVertex(op, "the value", value, q);
  checkShapes(op, q, k, v);
  if (options.isCausal && options.attnMask !== null) {
    throw new TwopassError({ op, problem: "isCausal and attnMask do not go together", hint: "put both into the mask" });
  }
  const [length, width] = q.shape.slice(-2) as [number, number];
  const places = k.shape[k.shape.length - 2] as number;
  const keyed = broadcastShapes(op, q.shape.slice(0, -2), k.shape.slice(0, -2));
  const outer = broadcastShapes(op, keyed, v.shape.slice(0, -2));
  const wide = (x: Value): Value => kit.broadcast(x, [...outer, ...x.shape.slice(-2)]);
  const scaled = kit.mul(q, options.scale ?? 1 / Math.sqrt(width));
  let scores = kit.matmul(wide(scaled), kit.transpose(wide(k), outer.length, outer.length + 1));
  if (options.isCausal) {
    const allowed = kit.ge(kit.iota([length, places], 0), kit.iota([length, places], 1));
    scores = kit.where(allowed, scores, Number.NEGATIVE_INFINITY);
  } else if (options.attnMask !== null && options.attnMask !== undefined) {
    scores = masked(op, scores, options.attnMask);
  }
  let weights = softmax(kit, scores, scores.shape.length - 1);
  const used = present(query, key, value, options.attnMask);
  if (options.dropoutP > 0) weights = vertexOf(op, "the weights", dropout(resultOf(weights, used), options.dropoutP));
  return resultOf(kit.matmul(weights, wide(v)), used);
}

function checkShapes(op: string, q: Value, k: Value, v: Value): void {
  const ranks = [q, k, v].every((x) => x.shape.length >= 2);
  const at = (x: Value, dim: number): number | undefined => x.shape[x.shape.length + dim];
  if (ranks && at(q, -1) === at(k, -1) && at(k, -2) === at(v, -2)) return;
  throw new TwopassError({
    op,
    problem: "query [..., L, E], key [..., S, E] and value [..., S, Ev] must share E and S",
    facts: `query ${showShape(q.shape)}, key ${showShape(k.shape)}, value ${showShape(v.shape)}`,
    shapes: [q.shape, k.shape, v.shape],
  });
}

function masked(op: string, scores: Value, attnMask: Tensor): Value {
  const mask = vertexOf(op, "attnMask", attnMask);
  const shape = broadcastShapes(op, scores.shape, mask.shape);
  if (shape.length !== scores.shape.length || shape.some((n, i) => n !== scores.shape[i])) {
    throw new TwopassError({
      op,
      problem: "attnMask must broadcast to the scores",
      facts: `mask ${showShape(mask.shape)}, scores ${showShape(scores.shape)}`,
      shapes: [mask.shape, scores.shape],
    });
  }
  if (mask.dtype === "bool") return kit.where(mask, scores, Number.NEGATIVE_INFINITY);
  return kit.add(scores, likeVertex(op, "attnMask", attnMask, scores));
}
