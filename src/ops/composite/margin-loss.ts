/** Losses that want scores or distances to differ by a margin. Floor: ops. */
import type { Value } from "../../ir/value.ts";
import type { Kit } from "../kit.ts";
import { logsigmoid } from "./activation.ts";
import { clamp } from "./elementwise.ts";

/** max(x, 0) with the slope 1 at 0, as PyTorch's clamp has it. */
function fromZero(k: Kit, x: Value): Value {
  return clamp(k, x, 0, undefined);
}

/** 1 − cos(a, b) where the target is 1, max(cos(a, b) − margin, 0) where it is −1; vectors along the last dim. */
export function cosineEmbedding(k: Kit, a: Value, b: Value, target: Value, margin: number): Value {
  const last = [a.shape.length - 1];
  const tiny = 1e-12;
  const lengths = k.mul(k.add(k.sum(k.square(a), last), tiny), k.add(k.sum(k.square(b), last), tiny));
  const cosine = k.div(k.sum(k.mul(a, b), last), k.sqrt(lengths));
  const apart = k.where(k.eq(target, -1), fromZero(k, k.sub(cosine, margin)), 0);
  return k.add(k.where(k.eq(target, 1), k.sub(1, cosine), 0), apart);
}

/** x where the target is 1, max(margin − x, 0) where it is −1; their sum for any other target, as in PyTorch. */
export function hingeEmbedding(k: Kit, x: Value, target: Value, margin: number): Value {
  const apart = k.where(k.ne(target, 1), fromZero(k, k.sub(margin, x)), 0);
  return k.add(apart, k.where(k.ne(target, -1), x, 0));
}

/** max(near − far + margin, 0). */
export function triplet(k: Kit, near: Value, far: Value, margin: number): Value {
  return fromZero(k, k.sub(k.add(near, margin), far));
}

/** max(−target (a − b) + margin, 0). */
export function marginRanking(k: Kit, a: Value, b: Value, target: Value, margin: number): Value {
  return fromZero(k, k.add(k.mul(k.neg(target), k.sub(a, b)), margin));
}

/** log(1 + exp(−target · x)), without overflow. */
export function softMargin(k: Kit, x: Value, target: Value): Value {
  return k.neg(logsigmoid(k, k.mul(target, x)));
}

/**
 * Σ max(margin − x[label] + x[j], 0)ᵖ / C over all j but the label, times the weight of the label: x [N, C], labels int32
 * [N], weight [C].
 */
export function multiMargin(
  k: Kit,
  x: Value,
  labels: Value,
  s: { readonly p: 1 | 2; readonly margin: number; readonly weight: Value | undefined },
): Value {
  const [rows, classes] = x.shape as [number, number];
  const place = k.reshape(labels, [rows, 1]);
  const own = k.gather(x, place, 1);
  const gap = k.relu(k.sub(k.add(x, s.margin), own));
  const losses = s.p === 1 ? gap : k.square(gap);
  const others = k.where(k.eq(k.iota([rows, classes], 1), place), 0, losses);
  const mean = k.div(k.sum(others, [1]), classes);
  return s.weight === undefined ? mean : k.mul(mean, k.gather(s.weight, labels, 0));
}

/**
 * Σ max(1 − x[t] + x[j], 0) / C over all t that are labels and all j that are none: x [N, C], labels int32 [N, C], of which
 * those in front of the first −1 count.
 */
export function multilabelMargin(k: Kit, x: Value, labels: Value): Value {
  const [rows, classes] = x.shape as [number, number];
  const ended = k.cumulate(k.cast(k.eq(labels, -1), "int32"));
  const counts = k.eq(ended, 0);
  const places = k.where(counts, labels, 0);
  const isLabel = k.gt(k.scatter(places, k.cast(counts, "int32"), 1, classes), 0);
  const own = k.reshape(k.gather(x, places, 1), [rows, classes, 1]);
  const gap = k.relu(k.add(k.sub(1, own), k.reshape(x, [rows, 1, classes])));
  const pairs = k.and(k.reshape(counts, [rows, classes, 1]), k.negate(k.reshape(isLabel, [rows, 1, classes])));
  return k.div(k.sum(k.where(pairs, gap, 0), [1, 2]), classes);
}

/** −(t log σ(x) + (1 − t) log σ(−x)), times the weight, as the mean over the last dim. */
export function multilabelSoftMargin(k: Kit, x: Value, target: Value, weight: Value | undefined): Value {
  const hit = k.mul(target, logsigmoid(k, x));
  const losses = k.neg(k.add(hit, k.mul(k.sub(1, target), logsigmoid(k, k.neg(x)))));
  const last = x.shape.length - 1;
  const weighted = weight === undefined ? losses : k.mul(losses, weight);
  return k.div(k.sum(weighted, [last]), x.shape[last] as number);
}
