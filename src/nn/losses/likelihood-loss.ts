/** Losses that are likelihoods, as layers: each does what the function of its name says. Floor: nn. */
import type { Tensor } from "../../tensor/tensor.ts";
import { type CTCOptions, ctcLoss } from "../functional/ctc.ts";
import type { Labels } from "../functional/labels.ts";
import * as F from "../functional/likelihood-loss.ts";
import { PlainLoss, byMean } from "./loss.ts";

/**
 * Negative log-likelihood of counts: eˣ − t x, or without `logInput` x − t log(x + eps).
 *
 * @param options.logInput, options.full, options.eps default true, false, 1e-8.
 * @example
 * await new nn.PoissonNLLLoss().forward(tensor([0, 0]), tensor([1, 4])).item(); // 1
 */
export class PoissonNLLLoss extends PlainLoss<Required<F.PoissonOptions>> {
  constructor(options?: F.PoissonOptions) {
    super(options, { ...byMean, logInput: true, full: false, eps: 1e-8 });
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.poissonNllLoss(input, target, this.options);
  }
}

/**
 * Negative log-likelihood of Gaussians: (log v + (x − t)² / v) / 2 with v = max(variance, eps).
 *
 * @param options.full, options.eps default false, 1e-6.
 * @example
 * await new nn.GaussianNLLLoss().forward(tensor([1, 2]), tensor([1, 4]), tensor([1, 1])).item(); // 1
 */
export class GaussianNLLLoss extends PlainLoss<Required<F.GaussianOptions>> {
  constructor(options?: F.GaussianOptions) {
    super(options, { ...byMean, full: false, eps: 1e-6 });
  }

  forward(input: Tensor, target: Tensor, variance: Tensor): Tensor {
    return F.gaussianNllLoss(input, target, variance, this.options);
  }
}

/**
 * Connectionist temporal classification, as `functional.ctcLoss`: `forward(logProbs, targets, inputLengths,
 * targetLengths)`. Graves et al. (2006).
 *
 * @param options.blank the class that stands for no label; default 0.
 * @param options.zeroInfinity whether infinite losses count as 0; default false.
 * @example
 * const logProbs = zeros(2, 1, 3).logSoftmax(-1);
 * await new nn.CTCLoss().forward(logProbs, [[1]], [2], [1]).item(); // 1.0986
 */
export class CTCLoss extends PlainLoss<Required<CTCOptions>> {
  constructor(options?: CTCOptions) {
    super(options, { ...byMean, blank: 0, zeroInfinity: false });
  }

  forward(logProbs: Tensor, targets: Labels, inputLengths: Labels, targetLengths: Labels): Tensor {
    return ctcLoss(logProbs, targets, inputLengths, targetLengths, this.options);
  }
}
