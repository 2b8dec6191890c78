/** Losses as layers: `lossOf.forward(prediction, target)`. Each does what the function of its name says. Floor: nn. */
import type { Tensor } from "../../tensor/tensor.ts";
import type { Optional } from "../functional/common.ts";
import type { Labels } from "../functional/labels.ts";
import { checkReduction, withDefaults } from "../functional/common.ts";
import * as F from "../functional/loss.ts";
import { Module } from "../module/module.ts";
import { StateBuffer } from "../module/parameter.ts";

/** A factor given to a loss, as part of its state. */
export function factor(given: Optional<Tensor>): StateBuffer | null {
  return given === null || given === undefined ? null : new StateBuffer(given);
}

export const byMean: Required<F.ReductionOptions> = { reduction: "mean" };

/** A loss whose only settings are options of its function. */
export abstract class PlainLoss<O extends F.ReductionOptions> extends Module {
  readonly options: Readonly<O>;

  constructor(given: Partial<O> | undefined, defaults: O) {
    super();
    const op = `nn.${this.constructor.name}`;
    this.options = withDefaults(op, given, defaults);
    checkReduction(op, this.options.reduction);
  }
}

/** Mean squared error: (x − y)². */
export class MSELoss extends PlainLoss<Required<F.ReductionOptions>> {
  constructor(options?: F.ReductionOptions) {
    super(options, byMean);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.mseLoss(input, target, this.options);
  }
}

/** Mean absolute error: |x − y|. */
export class L1Loss extends PlainLoss<Required<F.ReductionOptions>> {
  constructor(options?: F.ReductionOptions) {
    super(options, byMean);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.l1Loss(input, target, this.options);
  }
}

/** d² / (2 beta) where |d| < beta, else |d| − beta / 2, with d = x − y; beta default 1. */
export class SmoothL1Loss extends PlainLoss<Required<F.ReductionOptions> & { beta: number }> {
  constructor(options?: F.ReductionOptions & { readonly beta?: number }) {
    super(options, { ...byMean, beta: 1 });
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.smoothL1Loss(input, target, this.options);
  }
}

/** d² / 2 where |d| ≤ delta, else delta · (|d| − delta / 2), with d = x − y; delta default 1. */
export class HuberLoss extends PlainLoss<Required<F.ReductionOptions> & { delta: number }> {
  constructor(options?: F.ReductionOptions & { readonly delta?: number }) {
    super(options, { ...byMean, delta: 1 });
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.huberLoss(input, target, this.options);
  }
}

/** Kullback-Leibler divergence of log-probabilities from probabilities (from their logarithms with `logTarget`). */
export class KLDivLoss extends Module {
  readonly options: Readonly<Required<F.DivergenceOptions>>;

  constructor(options?: F.DivergenceOptions) {
    super();
    const standard: Required<F.DivergenceOptions> = { reduction: "mean", logTarget: false };
    this.options = withDefaults("nn.KLDivLoss", options, standard);
    if (this.options.reduction !== "batchmean") checkReduction("nn.KLDivLoss", this.options.reduction);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.klDiv(input, target, this.options);
  }
}

/**
 * Cross-entropy of class scores: −log softmax(x)[target].
 *
 * @param options.weight one factor for each class, [C]; copied.
 * @param options.ignoreIndex a label that counts nothing; default −100.
 * @param options.labelSmoothing part of the target that is spread over all classes; default 0.
 * @param options.reduction "mean" (default), "sum" or "none".
 * @example
 * await new nn.CrossEntropyLoss().forward(tensor([[0, 0]]), [1]).item(); // 0.6931
 */
export class CrossEntropyLoss extends Module {
  readonly weight: StateBuffer | null;
  readonly options: Readonly<Omit<Required<F.CrossEntropyOptions>, "weight">>;

  constructor(given?: F.CrossEntropyOptions) {
    super();
    const { weight, ...options } = withDefaults<Required<F.CrossEntropyOptions>>("nn.CrossEntropyLoss", given, {
      weight: null,
      ignoreIndex: -100,
      reduction: "mean",
      labelSmoothing: 0,
    });
    this.weight = factor(weight);
    this.options = options;
    checkReduction("nn.CrossEntropyLoss", options.reduction);
  }

  forward(input: Tensor, target: Labels): Tensor {
    return F.crossEntropy(input, target, { ...this.options, weight: this.weight });
  }
}

/** Negative log-likelihood: −input[target] of log-probabilities. Options as of `CrossEntropyLoss`, without smoothing. */
export class NLLLoss extends Module {
  readonly weight: StateBuffer | null;
  readonly options: Readonly<Omit<Required<F.NLLLossOptions>, "weight">>;

  constructor(given?: F.NLLLossOptions) {
    super();
    const { weight, ...options } = withDefaults<Required<F.NLLLossOptions>>("nn.NLLLoss", given, {
      weight: null,
      ignoreIndex: -100,
      reduction: "mean",
    });
    this.weight = factor(weight);
    this.options = options;
    checkReduction("nn.NLLLoss", options.reduction);
  }

  forward(input: Tensor, target: Labels): Tensor {
    return F.nllLoss(input, target, { ...this.options, weight: this.weight });
  }
}

/** Binary cross-entropy of probabilities. */
export class BCELoss extends Module {
  readonly weight: StateBuffer | null;
  readonly options: Readonly<Required<F.ReductionOptions>>;

  constructor(given?: F.BinaryOptions) {
    super();
    const { weight, ...options } = withDefaults<Required<F.BinaryOptions>>("nn.BCELoss", given, {
      ...byMean,
      weight: null,
    });
    this.weight = factor(weight);
    this.options = options;
    checkReduction("nn.BCELoss", options.reduction);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.binaryCrossEntropy(input, target, { ...this.options, weight: this.weight });
  }
}

/**
 * Binary cross-entropy of scores: that of sigmoid(x), computed stably.
 *
 * @param options.weight one factor for each element, broadcast to the input.
 * @param options.posWeight factor of positive targets, broadcast to the input.
 * @example
 * await new nn.BCEWithLogitsLoss().forward(tensor([0, 0]), tensor([0, 1])).item(); // 0.6931
 */
export class BCEWithLogitsLoss extends Module {
  readonly weight: StateBuffer | null;
  readonly pos_weight: StateBuffer | null;
  readonly options: Readonly<Required<F.ReductionOptions>>;

  constructor(given?: F.BinaryOptions & { readonly posWeight?: Optional<Tensor> }) {
    super();
    const standard = { ...byMean, weight: null as Optional<Tensor>, posWeight: null as Optional<Tensor> };
    const { weight, posWeight, ...options } = withDefaults("nn.BCEWithLogitsLoss", given, standard);
    this.weight = factor(weight);
    this.pos_weight = factor(posWeight);
    this.options = options;
    checkReduction("nn.BCEWithLogitsLoss", options.reduction);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.binaryCrossEntropyWithLogits(input, target, {
      ...this.options,
      weight: this.weight,
      posWeight: this.pos_weight,
    });
  }
}
