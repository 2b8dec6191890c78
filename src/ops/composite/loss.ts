/** Losses: how far a prediction is from its target. Each gives one number for each element; `reduce` joins them. Floor: ops. */
import { sizeOf } from "../../base/shape.ts";
import type { Value } from "../../ir/value.ts";
import type { Kit } from "../kit.ts";
import { pick } from "./reduction.ts";

export const reductions = ["mean", "sum", "none"] as const;
/** How the losses of the elements are joined. */
export type Reduction = (typeof reductions)[number];

/** The mean or sum of all elements, or the elements as they are. */
export function reduce(k: Kit, x: Value, reduction: Reduction): Value {
  if (reduction === "none") return x;
  const total = k.sum(
    x,
    x.shape.map((_, i) => i),
  );
  return reduction === "sum" ? total : k.div(total, sizeOf(x.shape));
}

export interface ClassSettings {
  /** Dim of the classes in the prediction. */
  readonly dim: number;
  /** One factor for each class, [C]. */
  readonly weight: Value | undefined;
  readonly reduction: Reduction;
}

export interface LabelSettings extends ClassSettings {
  /** The label whose elements do not count; undefined where none can be there. */
  readonly ignore: number | undefined;
  /** Whether all labels are known to be in range (or ignored); others are looked up so that the device checks them. */
  readonly checked: boolean;
  /** Part of the target that is spread evenly over all classes. */
  readonly smoothing: number;
}

/** The elements of x at the labels along `dim`; labels have x's shape without that dim. */
function atLabels(k: Kit, x: Value, labels: Value, s: { dim: number; checked: boolean }): Value {
  if (!s.checked) return pick(k, x, labels, s.dim);
  const wide = k.reshape(labels, x.shape.with(s.dim, 1));
  // Known labels: a comparison instead of a lookup stays within the row, and so does its derivative.
  const chosen = k.eq(k.iota(x.shape, s.dim), k.expand(wide, x.shape));
  return k.sum(k.where(chosen, x, 0), [s.dim]);
}

/** −log p of the labels: logp has a dim of classes, labels (int32) have the other dims. */
export function labelLoss(k: Kit, logp: Value, labels: Value, s: LabelSettings): Value {
  const counts = s.ignore === undefined ? undefined : k.ne(labels, s.ignore);
  const safe = counts === undefined ? labels : k.where(counts, labels, 0);
  const only = (x: Value): Value => (counts === undefined ? x : k.where(counts, x, 0));
  let weights: Value | undefined;
  if (s.weight !== undefined) {
    const [classes] = s.weight.shape as [number];
    const table = k.expand(k.reshape(s.weight, [1, classes]), [sizeOf(labels.shape), classes]);
    const flat = k.reshape(safe, [sizeOf(labels.shape)]);
    weights = only(k.reshape(atLabels(k, table, flat, { dim: 1, checked: s.checked }), labels.shape));
  }
  const picked = k.neg(atLabels(k, logp, safe, s));
  const losses = only(weights === undefined ? picked : k.mul(picked, weights));
  if (s.smoothing === 0) return weightedMean(k, losses, weights, counts, s.reduction);
  const classes = logp.shape[s.dim] as number;
  const even = only(k.neg(k.sum(scaleClasses(k, logp, s), [s.dim])));
  const share = s.smoothing / classes;
  return k.add(
    k.mul(weightedMean(k, losses, weights, counts, s.reduction), 1 - s.smoothing),
    k.mul(weightedMean(k, even, weights, counts, s.reduction), share),
  );
}

/** The sum over the weights of the elements that count, where a mean is wanted. */
function weightedMean(
  k: Kit,
  losses: Value,
  weights: Value | undefined,
  counts: Value | undefined,
  reduction: Reduction,
): Value {
  if (reduction !== "mean" || (weights === undefined && counts === undefined)) return reduce(k, losses, reduction);
  const total = weights ?? k.cast(counts as Value, losses.dtype);
  return k.div(reduce(k, losses, "sum"), reduce(k, total, "sum"));
}

/** x times the weight of each class. */
function scaleClasses(k: Kit, x: Value, s: ClassSettings): Value {
  if (s.weight === undefined) return x;
  return k.mul(
    x,
    k.reshape(
      s.weight,
      x.shape.map((n, i) => (i === s.dim ? n : 1)),
    ),
  );
}

/** −Σ target · log p over the classes, target being probabilities of logp's shape. The mean is over all but the classes. */
export function probabilityLoss(
  k: Kit,
  logp: Value,
  target: Value,
  s: ClassSettings & { readonly smoothing: number },
): Value {
  const classes = logp.shape[s.dim] as number;
  const aim = s.smoothing === 0 ? target : k.add(k.mul(target, 1 - s.smoothing), s.smoothing / classes);
  return reduce(k, k.neg(k.sum(scaleClasses(k, k.mul(logp, aim), s), [s.dim])), s.reduction);
}

/** (x − y)². */
export function squaredError(k: Kit, x: Value, y: Value): Value {
  return k.square(k.sub(x, y));
}

/** |x − y|. */
export function absoluteError(k: Kit, x: Value, y: Value): Value {
  return k.abs(k.sub(x, y));
}

/** d² / (2 beta) where |d| < beta, else |d| − beta / 2, with d = x − y. */
export function smoothError(k: Kit, x: Value, y: Value, beta: number): Value {
  if (beta === 0) return absoluteError(k, x, y);
  const d = k.sub(x, y);
  const size = k.abs(d);
  return k.where(k.lt(size, beta), k.mul(k.square(d), 0.5 / beta), k.sub(size, 0.5 * beta));
}

/** d² / 2 where |d| ≤ delta, else delta · (|d| − delta / 2), with d = x − y. */
export function huberError(k: Kit, x: Value, y: Value, delta: number): Value {
  const d = k.sub(x, y);
  const size = k.abs(d);
  return k.where(k.le(size, delta), k.mul(k.square(d), 0.5), k.mul(k.sub(size, 0.5 * delta), delta));
}

/** log x, at least −100 as in PyTorch, so that a loss stays finite; no gradient passes where it is cut. */
function limitedLog(k: Kit, x: Value): Value {
  const positive = k.gt(x, 0);
  return k.where(positive, k.maximum(k.log(k.where(positive, x, 1)), -100), -100);
}

/** −(t log p + (1 − t) log(1 − p)) of a probability p. */
export function binaryError(k: Kit, p: Value, t: Value): Value {
  const hit = k.mul(t, limitedLog(k, p));
  return k.neg(k.add(hit, k.mul(k.sub(1, t), limitedLog(k, k.sub(1, p)))));
}

/**
 * The same of p = sigmoid(x), without the sigmoid: (1 − t) x + (1 + (w − 1) t) · (log(1 + exp(−|x|)) + max(−x, 0)), where
 * w weighs the positive targets.
 */
export function binaryLogitError(k: Kit, x: Value, t: Value, positiveWeight: Value | undefined): Value {
  // max shares its gradient at 0 and relu does not: −½ is the slope of this part at 0.
  const lower = k.add(k.log1p(k.exp(k.neg(k.abs(x)))), k.maximum(k.neg(x), 0));
  const weighted = positiveWeight === undefined ? lower : k.mul(lower, k.add(k.mul(t, k.sub(positiveWeight, 1)), 1));
  return k.add(k.mul(k.sub(1, t), x), weighted);
}

/** t (log t − x) of log-probabilities x; 0 where t is 0. With `logTarget`, t is given as log t. */
export function divergence(k: Kit, x: Value, t: Value, logTarget: boolean): Value {
  if (logTarget) return k.mul(k.exp(t), k.sub(t, x));
  const positive = k.gt(t, 0);
  const entropy = k.where(positive, k.mul(t, k.log(k.where(positive, t, 1))), 0);
  return k.sub(entropy, k.mul(t, x));
}
