/** Attention as a function. Floor: nn. */
import { isFloating } from "../../base/dtype.ts";
import { TwopassError, showShape } from "../../base/errors.ts";
import { type Shape, broadcastShapes } from "../../base/shape.ts";
import type { Value } from "../../ir/value.ts";
import { type Masking, attention, attentionWeights } from "../../ops/composite/attention.ts";
import { kit } from "../../ops/kit.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import {
  type Optional,
  checkDtype,
  floatingVertex,
  likeVertex,
  numberIn,
  present,
  resultOf,
  vertexOf,
  withDefaults,
} from "./common.ts";
import { dropValue } from "./dropout.ts";

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
 * A place that may see no other gives 0.
 *
 * @param query [..., L, E]
 * @param key [..., S, E]
 * @param value [..., S, Ev]
 * @returns [..., L, Ev]
 * @throws where the shapes do not fit, and for `isCausal` together with `attnMask`.
 * @example
 * scaledDotProductAttention(rand(2, 4, 5, 8), rand(2, 4, 7, 8), rand(2, 4, 7, 6)).shape; // [2, 4, 5, 6]
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
  numberIn(op, "dropoutP", options.dropoutP, 0, 1);
  const keyed = broadcastShapes(op, q.shape.slice(0, -2), k.shape.slice(0, -2));
  const outer = broadcastShapes(op, keyed, v.shape.slice(0, -2));
  const wide = (x: Value): Value => kit.broadcast(x, [...outer, ...x.shape.slice(-2)]);
  const scores = [...outer, q.shape[q.shape.length - 2] as number, k.shape[k.shape.length - 2] as number];
  const mask = masking(op, options.attnMask, q, scores, options.isCausal);
  const scale = options.scale ?? 1 / Math.sqrt(q.shape[q.shape.length - 1] as number);
  const used = present(query, key, value, options.attnMask);
  if (options.dropoutP === 0) return resultOf(attention(kit, wide(q), wide(k), wide(v), mask, scale), used);
  const weights = attentionWeights(kit, wide(kit.mul(q, scale)), wide(k), mask);
  return resultOf(
    kit.matmul(
      dropValue(weights, () => options.dropoutP, weights.shape),
      wide(v),
    ),
    used,
  );
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

/** A mask given to attention, bool or added, checked against the shape of the scores. */
function masking(op: string, given: Optional<Tensor>, q: Value, scores: Shape, causal: boolean): Masking {
  if (given === null || given === undefined) return { causal, allowed: undefined, bias: undefined };
  const mask = vertexOf(op, "attnMask", given);
  const fits =
    mask.shape.length <= scores.length && mask.shape.every((n, i) => isOneOr(n, scores.at(i - mask.shape.length)));
  if (!fits) {
    throw new TwopassError({
      op,
      problem: "attnMask must broadcast to the scores",
      facts: `mask ${showShape(mask.shape)}, scores ${showShape(scores)}`,
      shapes: [mask.shape, scores],
    });
  }
  if (mask.dtype === "bool") return { causal, allowed: mask, bias: undefined };
  return { causal, allowed: undefined, bias: addedMask(op, "attnMask", mask, q) };
}

/** A mask that is added to the scores: in the dtype of the input. Whole numbers are refused: 0 and 1 are meant as a bool. */
export function addedMask(op: string, name: string, mask: Value, like: Value): Value {
  if (isFloating(mask.dtype)) return checkDtype(op, name, mask, like);
  throw new TwopassError({
    op,
    problem: `${name} must be bool, or floating and added to the scores`,
    facts: `it is ${mask.dtype} ${showShape(mask.shape)}`,
    hint: 'convert it with .to("bool")',
    dtypes: [mask.dtype],
  });
}

function isOneOr(n: number, other: number | undefined): boolean {
  return n === 1 || n === other;
}
