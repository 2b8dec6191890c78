/** Losses that want scores or distances to differ by a margin, as layers: each does what the function of its name says. Floor: nn. */
import type { Tensor } from "../../tensor/tensor.ts";
import { type Optional, checkReduction, withDefaults } from "../functional/common.ts";
import type { Labels } from "../functional/labels.ts";
import type { ReductionOptions } from "../functional/loss.ts";
import * as F from "../functional/margin-loss.ts";
import { PlainLoss, byMean, factor } from "./loss.ts";
import { Module } from "../module/module.ts";
import type { StateBuffer } from "../module/parameter.ts";

/** 1 − cos(x1, x2) where the target is 1, max(cos(x1, x2) − margin, 0) where it is −1; margin default 0. */
export class CosineEmbeddingLoss extends PlainLoss<Required<F.MarginOptions>> {
  constructor(options?: F.MarginOptions) {
    super(options, { ...byMean, margin: 0 });
  }

  forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    return F.cosineEmbeddingLoss(input1, input2, target, this.options);
  }
}

/** x where the target is 1, max(margin − x, 0) where it is −1; margin default 1. */
export class HingeEmbeddingLoss extends PlainLoss<Required<F.MarginOptions>> {
  constructor(options?: F.MarginOptions) {
    super(options, { ...byMean, margin: 1 });
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.hingeEmbeddingLoss(input, target, this.options);
  }
}

/** max(−target (x1 − x2) + margin, 0); margin default 0. */
export class MarginRankingLoss extends PlainLoss<Required<F.MarginOptions>> {
  constructor(options?: F.MarginOptions) {
    super(options, { ...byMean, margin: 0 });
  }

  forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    return F.marginRankingLoss(input1, input2, target, this.options);
  }
}

/**
 * max(d(anchor, positive) − d(anchor, negative) + margin, 0) with distances in the p-norm.
 *
 * @param options.margin, options.p, options.eps, options.swap default 1, 2, 1e-6, false.
 * @example
 * const loss = new nn.TripletMarginLoss();
 * await loss.forward(tensor([[0, 0]]), tensor([[0, 1]]), tensor([[0, 3]])).item(); // 0
 */
export class TripletMarginLoss extends PlainLoss<Required<F.TripletOptions>> {
  constructor(options?: F.TripletOptions) {
    super(options, { ...byMean, margin: 1, p: 2, eps: 1e-6, swap: false });
  }

  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return F.tripletMarginLoss(anchor, positive, negative, this.options);
  }
}

/**
 * `TripletMarginLoss` with a distance of your own.
 *
 * @param options.distanceFunction gives the distances of two tensors; default the Euclidean one.
 * @param options.margin, options.swap default 1, false.
 * @example
 * const loss = new nn.TripletMarginWithDistanceLoss({ distanceFunction: (a, b) => a.sub(b).abs().sum(-1) });
 * await loss.forward(tensor([[0, 0]]), tensor([[0, 1]]), tensor([[0, 1.5]])).item(); // 0.5
 */
export class TripletMarginWithDistanceLoss extends PlainLoss<Required<F.TripletDistanceOptions>> {
  constructor(options?: F.TripletDistanceOptions) {
    super(options, { ...byMean, distanceFunction: null, margin: 1, swap: false });
  }

  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return F.tripletMarginWithDistanceLoss(anchor, positive, negative, this.options);
  }
}

/** log(1 + exp(−target · x)), target 1 or −1. */
export class SoftMarginLoss extends PlainLoss<Required<ReductionOptions>> {
  constructor(options?: ReductionOptions) {
    super(options, byMean);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.softMarginLoss(input, target, this.options);
  }
}

/** Σ max(1 − x[t] + x[j], 0) / C over all labels t and all classes j that are none. */
export class MultiLabelMarginLoss extends PlainLoss<Required<ReductionOptions>> {
  constructor(options?: ReductionOptions) {
    super(options, byMean);
  }

  forward(input: Tensor, target: Labels): Tensor {
    return F.multilabelMarginLoss(input, target, this.options);
  }
}

/** Σ max(margin − x[label] + x[j], 0)ᵖ / C: the hinge loss of several classes; p default 1, margin default 1. */
export class MultiMarginLoss extends Module {
  readonly weight: StateBuffer | null;
  readonly options: Readonly<Omit<Required<F.MultiMarginOptions>, "weight">>;

  constructor(given?: F.MultiMarginOptions) {
    super();
    const { weight, ...options } = withDefaults<Required<F.MultiMarginOptions>>("nn.MultiMarginLoss", given, {
      ...byMean,
      p: 1,
      margin: 1,
      weight: null,
    });
    this.weight = factor(weight);
    this.options = options;
    checkReduction("nn.MultiMarginLoss", options.reduction);
  }

  forward(input: Tensor, target: Labels): Tensor {
    return F.multiMarginLoss(input, target, { ...this.options, weight: this.weight });
  }
}

/** −(t log σ(x) + (1 − t) log σ(−x)) as the mean over the classes: several labels may hold at once. */
export class MultiLabelSoftMarginLoss extends Module {
  readonly weight: StateBuffer | null;
  readonly options: Readonly<Required<ReductionOptions>>;

  constructor(given?: ReductionOptions & { readonly weight?: Optional<Tensor> }) {
    super();
    const standard = { ...byMean, weight: null as Optional<Tensor> };
    const { weight, ...options } = withDefaults("nn.MultiLabelSoftMarginLoss", given, standard);
    this.weight = factor(weight);
    this.options = options;
    checkReduction("nn.MultiLabelSoftMarginLoss", options.reduction);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.multilabelSoftMarginLoss(input, target, { ...this.options, weight: this.weight });
  }
}
