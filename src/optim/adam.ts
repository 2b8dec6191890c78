/** Adam and AdamW. Floor: optim. */
import type { Tensor } from "../tensor/tensor.ts";
import { has } from "./group-settings.ts";
import { Optimizer, type ParamList, type ParameterState, type Tensors } from "./optimizer.ts";
import { ownSettings } from "./settings.ts";
import { movedToward } from "./terms.ts";

export interface AdamOptions {
  /** Learning rate; default 0.001. */
  lr: number;
  /** Shares of the old means of gradients and of their squares; default [0.9, 0.999]. */
  betas: readonly [number, number];
  /** Added to the divisor; default 1e-8. */
  eps: number;
  /** Adam: share of the parameter added to its gradient, default 0. AdamW: rate by which it shrinks, default 0.01. */
  weightDecay: number;
  /** Whether the divisor never falls; default false. Reddi, Kale, Kumar (2018). */
  amsgrad: boolean;
  /** Whether to ascend; default false. */
  maximize: boolean;
}

/** The numbers of a step of Adam and AdamW. */
export interface AdamNumbers {
  /** 1 − β₁: share of the new gradient in the mean. */
  readonly share1: number;
  /** 1 − β₂: the same in the mean of squares. */
  readonly share2: number;
  /** lr / (1 − β₁ᵗ). */
  readonly rate: number;
  /** 1 / √(1 − β₂ᵗ). */
  readonly scale: number;
  readonly eps: number;
  readonly weightDecay: number;
  /** 1 − lr · weightDecay. */
  readonly shrink: number;
}

const standard = { lr: 0.001, betas: [0.9, 0.999], eps: 1e-8, amsgrad: false, maximize: false } as const;

abstract class AdamBase extends Optimizer<AdamOptions, AdamNumbers> {
  protected override readonly stateNames = ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"];
  /** Whether weight decay shrinks the parameter itself instead of changing its gradient. */
  protected abstract readonly decoupled: boolean;

  protected override numbers(group: AdamOptions, step: number): AdamNumbers {
    return {
      share1: 1 - group.betas[0],
      share2: 1 - group.betas[1],
      rate: group.lr / (1 - group.betas[0] ** step),
      scale: 1 / Math.sqrt(1 - group.betas[1] ** step),
      eps: group.eps,
      weightDecay: group.weightDecay,
      shrink: 1 - group.lr * group.weightDecay,
    };
  }

  protected override update(
    group: AdamOptions,
    n: Tensors<AdamNumbers>,
    p: Tensor,
    gradient: Tensor,
    state: ParameterState,
  ): Tensor {
    const decays = has(group, "weightDecay");
    const g = decays && !this.decoupled ? gradient.add(p.mul(n.weightDecay)) : gradient;
    const mean = movedToward(state.get("exp_avg"), g, n.share1);
    const squares = movedToward(state.get("exp_avg_sq"), g.square(), n.share2);
    state.set("exp_avg", mean);
    state.set("exp_avg_sq", squares);
    let bound = squares;
    if (group.amsgrad) {
      bound = state.get("max_exp_avg_sq").maximum(squares);
      state.set("max_exp_avg_sq", bound);
    }
    const divisor = bound.sqrt().mul(n.scale).add(n.eps);
    const shrunk = decays && this.decoupled ? p.mul(n.shrink) : p;
    return shrunk.sub(mean.div(divisor).mul(n.rate));
  }
}

/**
 * Adam: p ← p − lr · m̂ / (√v̂ + eps), with m̂ and v̂ the running means of gradients and their squares, corrected for
 * their start at 0. Kingma and Ba (2015).
 *
 * @param parameters `model.parameters()`, or groups `{ params, lr, ... }`.
 * @throws for an empty list, an unknown option, or a value out of range.
 * @example
 * const w = new nn.Parameter(tensor([1]));
 * const optimizer = new Adam([w], { lr: 0.1 });
 * w.mul(3).sum().backward();
 * optimizer.step();
 * await w.item(); // 0.9000
 */
export class Adam extends AdamBase {
  static readonly hasFixedUpdate = true;
  protected override readonly decoupled = false;

  constructor(parameters: ParamList<AdamOptions>, options?: Partial<AdamOptions>) {
    super(parameters, options, ownSettings({ ...standard, weightDecay: 0 }));
  }
}

/**
 * Adam with weight decay apart from the gradient: first p ← p · (1 − lr · weightDecay), then as Adam.
 * Loshchilov and Hutter (2019).
 *
 * @param parameters `model.parameters()`, or groups `{ params, lr, ... }`.
 * @example
 * const w = new nn.Parameter(tensor([1]));
 * const optimizer = new AdamW([w], { lr: 0.1, weightDecay: 0.5 });
 * w.mul(3).sum().backward();
 * optimizer.step();
 * await w.item(); // 0.8500
 */
export class AdamW extends AdamBase {
  static readonly hasFixedUpdate = true;
  protected override readonly decoupled = true;

  constructor(parameters: ParamList<AdamOptions>, options?: Partial<AdamOptions>) {
    super(parameters, options, ownSettings({ ...standard, weightDecay: 0.01 }));
  }
}
