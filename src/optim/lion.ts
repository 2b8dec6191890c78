/** Lion. Floor: optim. */
import type { Tensor } from "../tensor/tensor.ts";
import { has } from "./group-settings.ts";
import { Optimizer, type ParamList, type ParameterState, type Tensors } from "./optimizer.ts";
import { ownSettings } from "./settings.ts";
import { movedToward } from "./terms.ts";

export interface LionOptions {
  /** Learning rate, each element's step; default 1e-4. A third to a tenth of Adam's is usual. */
  lr: number;
  /** Shares of the old mean: in the direction, and in the mean that is kept; default [0.9, 0.99]. */
  betas: readonly [number, number];
  /** Rate by which parameters shrink, times lr; default 0. */
  weightDecay: number;
  /** Whether to ascend; default false. */
  maximize: boolean;
}

/** The numbers of a step of Lion. */
export interface LionNumbers {
  readonly lr: number;
  /** 1 − β₁. */
  readonly share1: number;
  /** 1 − β₂. */
  readonly share2: number;
  /** 1 − lr · weightDecay. */
  readonly shrink: number;
}

/**
 * Lion: steps by the sign of a mean, p ← p · (1 − lr · weightDecay) − lr · sign(β₁ m + (1 − β₁) g), then
 * m ← β₂ m + (1 − β₂) g. Chen et al. (2023).
 *
 * @param parameters `model.parameters()`, or groups `{ params, lr, ... }`.
 * @throws for an empty list, an unknown option, or a value out of range.
 * @example
 * const w = new nn.Parameter(tensor([1]));
 * const optimizer = new Lion([w], { lr: 0.1 });
 * w.mul(3).sum().backward();
 * optimizer.step();
 * await w.item(); // 0.9000
 */
export class Lion extends Optimizer<LionOptions, LionNumbers> {
  static readonly hasFixedUpdate = true;
  protected override readonly stateNames = ["exp_avg"];

  constructor(parameters: ParamList<LionOptions>, options?: Partial<LionOptions>) {
    super(parameters, options, ownSettings({ lr: 1e-4, betas: [0.9, 0.99], weightDecay: 0, maximize: false }));
  }

  protected override numbers(group: LionOptions): LionNumbers {
    return {
      lr: group.lr,
      share1: 1 - group.betas[0],
      share2: 1 - group.betas[1],
      shrink: 1 - group.lr * group.weightDecay,
    };
  }

  protected override update(
    group: LionOptions,
    n: Tensors<LionNumbers>,
    p: Tensor,
    g: Tensor,
    state: ParameterState,
  ): Tensor {
    const mean = state.get("exp_avg");
    const direction = movedToward(mean, g, n.share1).sign();
    state.set("exp_avg", movedToward(mean, g, n.share2));
    const shrunk = has(group, "weightDecay") ? p.mul(n.shrink) : p;
    return shrunk.sub(direction.mul(n.lr));
  }
}
