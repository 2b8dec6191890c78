/** Attention, its weights, and what hides places from each other. Floor: ops. */
import { sizeOf } from "../../base/shape.ts";
import { withMode } from "../../ir/mode.ts";
import type { Value } from "../../ir/value.ts";
import {
  attention as attentionRecord,
  attentionGradient,
  attentionParts,
  attentionSizes,
  rowsOfPart,
} from "../attention.ts";
import { derivative } from "../derived.ts";
import { either } from "../either.ts";
import type { Kit } from "../kit.ts";
import { numberOf } from "../record.ts";

/** What hides places from each other. Each part broadcasts to the scores [..., L, S]. */
export interface Masking {
  /** Place i sees places 0 to i. */
  readonly causal: boolean;
  /** bool: true where attention is allowed. */
  readonly allowed: Value | undefined;
  /** Added to the scores. */
  readonly bias: Value | undefined;
}

/** A softmax in parts: numerators, and for each row the shift of the exponents and 1 / Σ numerators. */
interface Soft {
  readonly numerators: Value;
  readonly peak: Value;
  readonly inverse: Value;
}

/** Where `mayBeEmpty`, a row of nothing but −∞ has numerators and shift 0 and inverse 1: its weights are 0, not 0 / 0. */
function softParts(k: Kit, x: Value, mayBeEmpty: boolean): Soft {
  const last = [x.shape.length - 1];
  // The shift drops out of the result, so it needs no gradient. That of an empty row would leave −∞ + ∞.
  const [peak, shift] = withMode({ grad: false }, () => {
    const most = k.max(x, last);
    const kept = mayBeEmpty ? k.where(k.eq(most, Number.NEGATIVE_INFINITY), 0, most) : most;
    return [kept, k.spread(kept, x.shape, last)] as const;
  });
  const numerators = k.exp(k.sub(x, shift));
  const total = k.sum(numerators, last);
  return { numerators, peak, inverse: k.div(1, mayBeEmpty ? k.where(k.eq(total, 0), 1, total) : total) };
}

function weightsOf(k: Kit, { numerators, inverse }: Soft): Value {
  return k.mul(numerators, k.spread(inverse, numerators.shape, [numerators.shape.length - 1]));
}

function lastTwoSwapped(k: Kit, x: Value): Value {
  return k.transpose(x, x.shape.length - 2, x.shape.length - 1);
}

/** q keyᵀ + mask, −∞ where attention is not allowed. */
function scoresOf(k: Kit, q: Value, key: Value, mask: Masking): Value {
  let scores = k.matmul(q, lastTwoSwapped(k, key));
  if (mask.bias !== undefined) scores = k.add(scores, mask.bias);
  if (mask.allowed !== undefined) scores = k.where(mask.allowed, scores, Number.NEGATIVE_INFINITY);
  if (!mask.causal) return scores;
  const square = scores.shape.slice(-2);
  return k.where(k.ge(k.iota(square, 0), k.iota(square, 1)), scores, Number.NEGATIVE_INFINITY);
}

/** Place 0 sees itself: causal rows are never empty. */
function mayBeEmpty({ bias, allowed }: Masking): boolean {
  return bias !== undefined || allowed !== undefined;
}

/** softmax(q keyᵀ + mask): q [..., L, E], key [..., S, E] with equal dims in front, weights [..., L, S]. */
export function attentionWeights(k: Kit, q: Value, key: Value, mask: Masking): Value {
  return weightsOf(k, softParts(k, scoresOf(k, q, key, mask), mayBeEmpty(mask)));
}

/**
 * softmax(scale · q keyᵀ + mask) v: q [..., L, E], key [..., S, E], v [..., S, F] with equal dims in front, result
 * [..., L, F]. Devices with kernels for it keep no weights, unless it is differentiated twice.
 */
export function attention(k: Kit, q: Value, key: Value, v: Value, mask: Masking, scale: number): Value {
  const weights = attentionWeights(k, k.mul(q, scale), key, mask);
  const plain = k.matmul(weights, v);
  const isEmpty = [q, key, v].some((x) => sizeOf(x.shape) === 0);
  // The gradient of a mask has as many elements as the scores.
  if (isEmpty || mask.bias?.requiresGrad === true) return plain;
  const masks = joinedMask(k, mask, weights);
  const attrs = { scale, causal: mask.causal };
  const made = k.apply(attentionRecord, [q, key, v, ...masks], attrs);
  const fast = k.reshape(k.range(made, 0, 0, sizeOf(plain.shape)), plain.shape);
  return k.derived(k.apply(either, [plain, fast]), [q, key, v, weights, made, ...masks], attentionRule, attrs);
}

/** Both masks as one of the shape of the scores, if there is any. */
function joinedMask(k: Kit, { allowed, bias }: Masking, scores: Value): Value[] {
  const both = allowed !== undefined && bias !== undefined;
  const mask = both ? k.where(allowed, bias, Number.NEGATIVE_INFINITY) : (allowed ?? bias);
  return mask === undefined ? [] : [k.broadcast(mask, scores.shape)];
}

/** Runs of rows whose shares of a key's gradient are summed apart, so that several threads have work; never many. */
function partsOf(rows: number): number {
  return Math.min(Math.ceil(rows / 512), 4);
}

const attentionRule = derivative("attention", (k, g, inputs, _, attrs) => {
  const [, q, key, v, weights, made, ...masks] = inputs as [Value, Value, Value, Value, Value, Value, Value?];
  const wanted = [q, key, v];
  const sizes = attentionSizes(wanted);
  const parts = partsOf(sizes.rows);
  const { scale, causal } = attrs as { scale: number; causal: boolean };
  const all = k.apply(attentionGradient, [...wanted, made, g, ...(masks as Value[])], { scale, causal, parts });
  const { dKey, dValue, end } = attentionParts(sizes, parts).gradient;
  const bounds = [0, dKey, dValue, end];
  const plain = plainGradients(k, q, key, v, weights, g, scale);
  const gradients = wanted.map((x, i) => {
    if (!x.requiresGrad) return undefined;
    const piece = k.range(all, 0, bounds[i] as number, bounds[i + 1] as number);
    const fast = i === 0 ? piece : k.sum(k.reshape(piece, [parts, sizeOf(x.shape)]), [0]);
    return k.apply(either, [plain[i] as Value, k.reshape(fast, x.shape)]);
  });
  return [undefined, ...gradients, undefined, undefined];
});

/** Gradients of q, key and v from the weights p: dv = pᵀ g, ds = scale · p ∘ (g vᵀ − Σ p ∘ g vᵀ), dq = ds key, dkey = dsᵀ q. */
function plainGradients(k: Kit, q: Value, key: Value, v: Value, p: Value, g: Value, scale: number): Value[] {
  const last = [p.shape.length - 1];
  const dp = k.matmul(g, lastTwoSwapped(k, v));
  const mean = k.spread(k.sum(k.mul(p, dp), last), p.shape, last);
  const ds = k.mul(k.mul(p, k.sub(dp, mean)), scale);
  const turned = lastTwoSwapped(k, p);
  return [k.matmul(ds, key), k.matmul(lastTwoSwapped(k, ds), q), k.matmul(turned, g)];
}

/** A vertex of ops/attention.ts from primitives. */
export function attentionByPrimitives(k: Kit, value: Value, inputs: readonly Value[]): Value {
  const { attrs } = value;
  const isGradient = attrs["parts"] !== undefined;
  const [q, key, v] = inputs as [Value, Value, Value];
  const sizes = attentionSizes(inputs);
  const given = inputs[isGradient ? 5 : 3];
  const isBool = given?.dtype === "bool";
  const mask: Masking = {
    causal: attrs["causal"] === true,
    allowed: isBool ? given : undefined,
    bias: isBool ? undefined : given,
  };
  const scale = numberOf(attrs, "scale");
  const scores = scoresOf(k, k.mul(q, scale), key, mask);
  const flat = (parts: readonly Value[]): Value =>
    k.concat(
      parts.map((x) => k.reshape(x, [sizeOf(x.shape)])),
      0,
    );
  if (!isGradient) {
    const soft = softParts(k, scores, mayBeEmpty(mask));
    return flat([k.matmul(weightsOf(k, soft), v), k.mul(soft.peak, Math.LOG2E), soft.inverse]);
  }
  const [made, g] = inputs.slice(3) as [Value, Value];
  const { peaks, inverses, end } = attentionParts(sizes, 1).forward;
  const last = scores.shape.length - 1;
  const rowOf = (from: number, to: number): Value =>
    k.spread(k.reshape(k.range(made, 0, from, to), scores.shape.slice(0, -1)), scores.shape, [last]);
  const p = k.mul(k.exp(k.sub(scores, k.mul(rowOf(peaks, inverses), Math.LN2))), rowOf(inverses, end));
  const result = k.reshape(k.range(made, 0, 0, peaks), g.shape);
  const mean = k.spread(k.sum(k.mul(g, result), [last]), scores.shape, [last]);
  const ds = k.mul(k.mul(p, k.sub(k.matmul(g, lastTwoSwapped(k, v)), mean)), scale);
  const parts = numberOf(attrs, "parts");
  const length = rowsOfPart(sizes.rows, parts);
  /** aᵀ b for each run of rows. */
  const products = (a: Value, b: Value): Value[] =>
    Array.from({ length: parts }, (_, i) => {
      const run = (x: Value): Value =>
        k.range(x, last - 1, Math.min(i * length, sizes.rows), Math.min((i + 1) * length, sizes.rows));
      return k.matmul(lastTwoSwapped(k, run(a)), run(b));
    });
  return flat([k.matmul(ds, key), ...products(ds, q), ...products(p, g)]);
}
