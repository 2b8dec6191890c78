/** Losses that want scores or distances to differ by a margin, as functions. Floor: nn. */
import { isFloating } from "../../base/dtype.ts";
import { TwopassError, describe, showShape } from "../../base/errors.ts";
import { broadcastShapes, sameShape } from "../../base/shape.ts";
import type { Value } from "../../ir/value.ts";
import { reduce } from "../../ops/composite/loss.ts";
import * as composite from "../../ops/composite/margin-loss.ts";
import { norm } from "../../ops/composite/reduction.ts";
import { kit } from "../../ops/kit.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import {
  type Optional,
  checkReduction,
  floatingVertex,
  likeVertex,
  optionalVertex,
  present,
  resultOf,
  vertexOf,
  withDefaults,
} from "./common.ts";
import { type Labels, checkRange, readLabels } from "./labels.ts";
import type { ReductionOptions } from "./loss.ts";

export interface MarginOptions extends ReductionOptions {
  /** How far apart what differs shall be. */
  readonly margin?: number;
}

/** Throws unless the vertices have equal shapes: broadcasting a loss hides mistakes. */
export function checkEqual(op: string, names: string, ...values: readonly Value[]): void {
  const [first] = values as [Value];
  if (values.every((x) => sameShape(x.shape, first.shape))) return;
  throw new TwopassError({
    op,
    problem: `${names} must have the same shape`,
    facts: values.map((x) => showShape(x.shape)).join(", "),
    shapes: values.map((x) => x.shape),
  });
}

/** The vertex of a target of 1 and −1 in the dtype of the input; integers and bool are cast. */
export function targetLike(op: string, target: Tensor, x: Value): Value {
  const t = vertexOf(op, "the target", target);
  return isFloating(t.dtype) ? likeVertex(op, "the target", target, x) : kit.cast(t, x.dtype);
}

/**
 * 1 − cos(x1, x2) where the target is 1, max(cos(x1, x2) − margin, 0) where it is −1.
 *
 * @param input1, input2 [N, D], or [D]
 * @param target [N], or []: 1 or −1.
 * @param options.margin default 0.
 * @example
 * await cosineEmbeddingLoss(tensor([[1, 0]]), tensor([[0, 1]]), int32([1])).item(); // 1
 */
export function cosineEmbeddingLoss(input1: Tensor, input2: Tensor, target: Tensor, options?: MarginOptions): Tensor {
  const op = "cosineEmbeddingLoss";
  const { margin, reduction } = withDefaults<Required<MarginOptions>>(op, options, { margin: 0, reduction: "mean" });
  const how = checkReduction(op, reduction);
  const a = floatingVertex(op, input1);
  const b = likeVertex(op, "the second input", input2, a);
  checkEqual(op, "the inputs", a, b);
  const t = targetLike(op, target, a);
  if (a.shape.length < 1 || a.shape.length > 2 || !sameShape(t.shape, a.shape.slice(0, -1))) {
    throw new TwopassError({
      op,
      problem: "inputs [N, D] take a target [N], and inputs [D] a target []",
      facts: `inputs ${showShape(a.shape)}, target ${showShape(t.shape)}`,
      shapes: [a.shape, t.shape],
    });
  }
  return resultOf(reduce(kit, composite.cosineEmbedding(kit, a, b, t, margin), how), [input1, input2, target]);
}

/** x where the target is 1, max(margin − x, 0) where it is −1; margin default 1. Input and target have equal shapes. */
export function hingeEmbeddingLoss(input: Tensor, target: Tensor, options?: MarginOptions): Tensor {
  const op = "hingeEmbeddingLoss";
  const { margin, reduction } = withDefaults<Required<MarginOptions>>(op, options, { margin: 1, reduction: "mean" });
  const how = checkReduction(op, reduction);
  const x = floatingVertex(op, input);
  const t = targetLike(op, target, x);
  checkEqual(op, "input and target", x, t);
  return resultOf(reduce(kit, composite.hingeEmbedding(kit, x, t, margin), how), [input, target]);
}

/** max(−target (x1 − x2) + margin, 0): x1 shall be ranked higher where the target is 1; margin default 0. Equal shapes. */
export function marginRankingLoss(input1: Tensor, input2: Tensor, target: Tensor, options?: MarginOptions): Tensor {
  const op = "marginRankingLoss";
  const { margin, reduction } = withDefaults<Required<MarginOptions>>(op, options, { margin: 0, reduction: "mean" });
  const how = checkReduction(op, reduction);
  const a = floatingVertex(op, input1);
  const b = likeVertex(op, "the second input", input2, a);
  const t = targetLike(op, target, a);
  checkEqual(op, "inputs and target", a, b, t);
  return resultOf(reduce(kit, composite.marginRanking(kit, a, b, t, margin), how), [input1, input2, target]);
}

export interface TripletOptions extends MarginOptions {
  /** The norm of the distances; default 2. */
  readonly p?: number;
  /** Added to each difference; default 1e-6. */
  readonly eps?: number;
  /** Whether the negative counts from the positive where it is nearer to it; default false. Balntas et al. (2016). */
  readonly swap?: boolean;
}

/**
 * max(d(anchor, positive) − d(anchor, negative) + margin, 0), d(a, b) = ‖a − b + eps‖ₚ along the last dim.
 *
 * @param anchor, positive, negative [N, D] or [D]; they have equally many dims.
 * @param options.margin default 1.
 * @example
 * await tripletMarginLoss(tensor([[0, 0]]), tensor([[0, 1]]), tensor([[0, 1.5]])).item(); // 0.5
 */
export function tripletMarginLoss(anchor: Tensor, positive: Tensor, negative: Tensor, given?: TripletOptions): Tensor {
  const op = "tripletMarginLoss";
  const options = withDefaults<Required<TripletOptions>>(op, given, {
    margin: 1,
    p: 2,
    eps: 1e-6,
    swap: false,
    reduction: "mean",
  });
  const how = checkReduction(op, options.reduction);
  const a = floatingVertex(op, anchor);
  const near = likeVertex(op, "the positive", positive, a);
  const far = likeVertex(op, "the negative", negative, a);
  const rank = a.shape.length;
  if (rank === 0 || near.shape.length !== rank || far.shape.length !== rank) {
    throw new TwopassError({
      op,
      problem: "anchor, positive and negative must have equally many dims, at least 1",
      facts: [a, near, far].map((x) => showShape(x.shape)).join(", "),
      shapes: [a.shape, near.shape, far.shape],
    });
  }
  const distance = (x: Value, y: Value): Value => {
    const shape = broadcastShapes(op, x.shape, y.shape);
    const gap = kit.sub(kit.broadcast(x, shape), kit.broadcast(y, shape));
    return norm(kit, kit.add(gap, options.eps), options.p, [rank - 1]);
  };
  const away = distance(a, far);
  const farthest = options.swap ? kit.minimum(away, distance(near, far)) : away;
  const losses = composite.triplet(kit, distance(a, near), farthest, options.margin);
  return resultOf(reduce(kit, losses, how), [anchor, positive, negative]);
}

export interface TripletDistanceOptions extends MarginOptions {
  /** Gives the distances of two tensors; default the Euclidean one, `pairwiseDistance`. */
  readonly distanceFunction?: ((a: Tensor, b: Tensor) => Tensor) | null;
  /** Whether the negative counts from the positive where it is nearer to it; default false. */
  readonly swap?: boolean;
}

/** `tripletMarginLoss` with a distance of your own: max(d(anchor, positive) − d(anchor, negative) + margin, 0). */
export function tripletMarginWithDistanceLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  given?: TripletDistanceOptions,
): Tensor {
  const op = "tripletMarginWithDistanceLoss";
  const options = withDefaults<Required<TripletDistanceOptions>>(op, given, {
    distanceFunction: null,
    margin: 1,
    swap: false,
    reduction: "mean",
  });
  const { distanceFunction, margin, swap, reduction } = options;
  if (distanceFunction === null) return tripletMarginLoss(anchor, positive, negative, { margin, swap, reduction });
  const how = checkReduction(op, reduction);
  if (typeof distanceFunction !== "function") {
    throw new TwopassError({
      op,
      problem: "distanceFunction must be a function",
      facts: `got ${describe(distanceFunction)}`,
    });
  }
  const [near, far] = [distanceFunction(anchor, positive), distanceFunction(anchor, negative)];
  const crossed = swap ? distanceFunction(positive, negative) : undefined;
  const n = floatingVertex(op, near);
  const f = likeVertex(op, "the distance to the negative", far, n);
  checkEqual(op, "the distances", n, f);
  const farthest = crossed === undefined ? f : kit.minimum(f, likeVertex(op, "the distance", crossed, n));
  return resultOf(reduce(kit, composite.triplet(kit, n, farthest, margin), how), present(near, far, crossed));
}

/** log(1 + exp(−target · x)): two classes, target 1 or −1. Input and target have equal shapes. */
export function softMarginLoss(input: Tensor, target: Tensor, options?: ReductionOptions): Tensor {
  const op = "softMarginLoss";
  const { reduction } = withDefaults<Required<ReductionOptions>>(op, options, { reduction: "mean" });
  const how = checkReduction(op, reduction);
  const x = floatingVertex(op, input);
  const t = targetLike(op, target, x);
  checkEqual(op, "input and target", x, t);
  return resultOf(reduce(kit, composite.softMargin(kit, x, t), how), [input, target]);
}

export interface MultiMarginOptions extends MarginOptions {
  /** Power of each part: 1 (default) or 2. */
  readonly p?: number;
  /** One factor for each class, [C]; default none. */
  readonly weight?: Optional<Tensor>;
}

/** Labels of one dim less than the scores, which are made [N, C]. */
function rowsOf(op: string, x: Value): Value {
  if (x.shape.length > 2) {
    throw new TwopassError({
      op,
      problem: "the input must be [N, C] or [C]",
      facts: `it has shape ${showShape(x.shape)}`,
      shapes: [x.shape],
    });
  }
  return x.shape.length === 2 ? x : kit.reshape(x, [1, x.shape[0] ?? 1]);
}

/**
 * Σ max(margin − x[label] + x[j], 0)ᵖ / C over the classes j but the label: the hinge loss of several classes.
 *
 * @param input scores [N, C], or [C].
 * @param target labels [N], or [].
 * @param options.margin default 1.
 * @param options.p 1 (default) or 2.
 * @example
 * await multiMarginLoss(tensor([[0.5, 2, 0]]), [1]).item(); // 0
 * await multiMarginLoss(tensor([[0.5, 2, 0]]), [0]).item(); // 1
 */
export function multiMarginLoss(input: Tensor, target: Labels, given?: MultiMarginOptions): Tensor {
  const op = "multiMarginLoss";
  const options = withDefaults<Required<MultiMarginOptions>>(op, given, {
    p: 1,
    margin: 1,
    weight: null,
    reduction: "mean",
  });
  const how = checkReduction(op, options.reduction);
  const { p, margin } = options;
  if (p !== 1 && p !== 2) throw new TwopassError({ op, problem: "p must be 1 or 2", facts: `got ${p}` });
  const x = floatingVertex(op, input);
  const rows = rowsOf(op, x);
  const [count, classes] = rows.shape as [number, number];
  const weight = optionalVertex(op, "the weight", options.weight, x, [classes]);
  const labels = readLabels(op, "the target", target);
  const shapes = x.shape.length === 2 ? [[count]] : [[], [1]];
  if (!shapes.some((shape) => sameShape(shape, labels.value.shape))) {
    throw new TwopassError({
      op,
      problem: `the target must be labels of shape ${shapes.map(showShape).join(" or ")}`,
      facts: `target ${showShape(labels.value.shape)}, input ${showShape(x.shape)}`,
      shapes: [labels.value.shape, x.shape],
    });
  }
  checkRange(op, "label", labels, classes);
  const losses = composite.multiMargin(kit, rows, kit.reshape(labels.value, [count]), { p, margin, weight });
  const shaped = kit.reshape(losses, x.shape.length === 2 ? [count] : []);
  return resultOf(reduce(kit, shaped, how), present(input, labels.tensor, options.weight));
}

/**
 * Σ max(1 − x[t] + x[j], 0) / C over all labels t and all classes j that are none.
 *
 * @param input scores [N, C], or [C].
 * @param target whole numbers of the input's shape: in each row the labels, then −1 and anything.
 * @example
 * await multilabelMarginLoss(tensor([[0.5, 2, 0]]), [[0, 1, -1]]).item(); // 0.1667
 */
export function multilabelMarginLoss(input: Tensor, target: Labels, options?: ReductionOptions): Tensor {
  const op = "multilabelMarginLoss";
  const { reduction } = withDefaults<Required<ReductionOptions>>(op, options, { reduction: "mean" });
  const how = checkReduction(op, reduction);
  const x = floatingVertex(op, input);
  const rows = rowsOf(op, x);
  const labels = readLabels(op, "the target", target);
  checkEqual(op, "input and target", x, labels.value);
  checkRange(op, "label", labels, rows.shape[1] as number, -1);
  const losses = composite.multilabelMargin(kit, rows, kit.reshape(labels.value, rows.shape));
  const shaped = kit.reshape(losses, x.shape.slice(0, -1));
  return resultOf(reduce(kit, shaped, how), [input, labels.tensor]);
}

/**
 * −(t log σ(x) + (1 − t) log σ(−x)) as the mean over the classes: several labels may hold at once.
 *
 * @param input scores [..., C].
 * @param target of the same shape, 0 or 1.
 * @param options.weight one factor for each class, [C]; default none.
 * @example
 * await multilabelSoftMarginLoss(tensor([[0, 0, 0]]), tensor([[1, 1, 0]])).item(); // 0.6931
 */
export function multilabelSoftMarginLoss(
  input: Tensor,
  target: Tensor,
  options?: ReductionOptions & { readonly weight?: Optional<Tensor> },
): Tensor {
  const op = "multilabelSoftMarginLoss";
  const { weight, reduction } = withDefaults<Required<ReductionOptions> & { readonly weight: Optional<Tensor> }>(
    op,
    options,
    { weight: null, reduction: "mean" },
  );
  const how = checkReduction(op, reduction);
  const x = floatingVertex(op, input);
  const t = targetLike(op, target, x);
  checkEqual(op, "input and target", x, t);
  if (x.shape.length === 0) throw new TwopassError({ op, problem: "the input must have a dim of classes" });
  const w = optionalVertex(op, "the weight", weight, x, x.shape.slice(-1));
  const losses = composite.multilabelSoftMargin(kit, x, t, w);
  return resultOf(reduce(kit, losses, how), present(input, target, weight));
}
