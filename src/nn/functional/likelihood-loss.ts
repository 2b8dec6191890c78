/** Losses that are likelihoods of counts and of Gaussians, as functions. Floor: nn. */
import { TwopassError, showShape } from "../../base/errors.ts";
import { broadcastShapes, sameShape } from "../../base/shape.ts";
import * as composite from "../../ops/composite/likelihood-loss.ts";
import { reduce } from "../../ops/composite/loss.ts";
import { kit } from "../../ops/kit.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { checkReduction, floatingVertex, likeVertex, numberIn, resultOf, withDefaults } from "./common.ts";
import type { ReductionOptions } from "./loss.ts";
import { checkEqual, targetLike } from "./margin-loss.ts";

export interface PoissonOptions extends ReductionOptions {
  /** Whether the input is the logarithm of the expected count; default true. */
  readonly logInput?: boolean;
  /** Whether the part that does not depend on the input is added, by Stirling's formula; default false. */
  readonly full?: boolean;
  /** Added to the input before its logarithm, without `logInput`; default 1e-8. */
  readonly eps?: number;
}

/**
 * Negative log-likelihood of counts: eˣ − t x, or without `logInput` x − t log(x + eps). Input and target have equal
 * shapes.
 *
 * @example
 * await poissonNllLoss(tensor([0, 0]), tensor([1, 4])).item(); // 1
 */
export function poissonNllLoss(input: Tensor, target: Tensor, given?: PoissonOptions): Tensor {
  const op = "poissonNllLoss";
  const { reduction, ...settings } = withDefaults<Required<PoissonOptions>>(op, given, {
    logInput: true,
    full: false,
    eps: 1e-8,
    reduction: "mean",
  });
  const how = checkReduction(op, reduction);
  const x = floatingVertex(op, input);
  const t = targetLike(op, target, x);
  checkEqual(op, "input and target", x, t);
  return resultOf(reduce(kit, composite.poissonError(kit, x, t, settings), how), [input, target]);
}

export interface GaussianOptions extends ReductionOptions {
  /** Whether log(2π) / 2 is added; default false. */
  readonly full?: boolean;
  /** Smallest variance; default 1e-6. */
  readonly eps?: number;
}

/**
 * Negative log-likelihood of Gaussians: (log v + (x − t)² / v) / 2 with v = max(variance, eps). The cut at eps does not
 * stop the gradient. Nix and Weigend (1994).
 *
 * @param input the means, of any shape.
 * @param target of the input's shape, or one that broadcasts to it.
 * @param variance of the input's shape, or with the last dim 1 or left out; not negative.
 * @example
 * await gaussianNllLoss(tensor([1, 2]), tensor([1, 4]), tensor([1, 1])).item(); // 1
 */
export function gaussianNllLoss(input: Tensor, target: Tensor, variance: Tensor, given?: GaussianOptions): Tensor {
  const op = "gaussianNllLoss";
  const { reduction, ...settings } = withDefaults<Required<GaussianOptions>>(op, given, {
    full: false,
    eps: 1e-6,
    reduction: "mean",
  });
  const how = checkReduction(op, reduction);
  numberIn(op, "eps", settings.eps, 0, Number.POSITIVE_INFINITY);
  const x = floatingVertex(op, input);
  const t = targetLike(op, target, x);
  const v = likeVertex(op, "the variance", variance, x);
  const outer = x.shape.slice(0, -1);
  const isRow = sameShape(v.shape, outer) && x.shape.length > 0;
  const fits = isRow || sameShape(v.shape, x.shape) || sameShape(v.shape, [...outer, 1]);
  if (!fits || !sameShape(broadcastShapes(op, x.shape, t.shape), x.shape)) {
    throw new TwopassError({
      op,
      problem: "the target must broadcast to the input, and the variance have its shape, or the last dim 1 or left out",
      facts: `input ${showShape(x.shape)}, target ${showShape(t.shape)}, variance ${showShape(v.shape)}`,
      shapes: [x.shape, t.shape, v.shape],
    });
  }
  const negative = v.leaf?.kind === "data" ? v.leaf.data.find((each) => each < 0) : undefined;
  if (negative !== undefined) {
    throw new TwopassError({ op, problem: "the variance must not be negative", facts: `found ${negative}` });
  }
  const laid = isRow ? kit.reshape(v, [...outer, 1]) : v;
  const losses = composite.gaussianError(kit, x, t, kit.broadcast(laid, x.shape), settings);
  return resultOf(reduce(kit, losses, how), [input, target, variance]);
}
