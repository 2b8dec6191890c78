/** Stochastic gradient descent. Floor: optim. */
import type { Tensor } from "../tensor/tensor.ts";
import { has } from "./group-settings.ts";
import { Optimizer, type ParamList, type ParameterState, type Tensors } from "./optimizer.ts";
import { ownSettings } from "./settings.ts";
import { decayed } from "./terms.ts";

export interface SGDOptions {
  /** Learning rate; default 0.001. */
  lr: number;
  /** Share of the last direction that is kept; default 0. */
  momentum: number;
  /** Share by which the gradient counts less where there is a momentum; default 0. */
  dampening: number;
  /** Share of the parameter added to its gradient; default 0. */
  weightDecay: number;
  /** Whether the momentum is applied once more in advance; default false. Sutskever et al. (2013). */
  nesterov: boolean;
  /** Whether to ascend; default false. */
  maximize: boolean;
}

/** The numbers of a step of SGD. */
export interface SGDNumbers {
  readonly lr: number;
  readonly momentum: number;
  /** 1 in the first step, then 1 − dampening. */
  readonly share: number;
  readonly weightDecay: number;
}

/**
 * Stochastic gradient descent: p ← p − lr · d with d = g + weightDecay · p, or with a momentum its running sum
 * b ← momentum · b + (1 − dampening) · d, which starts as d.
 *
 * @param parameters `model.parameters()`, or groups `{ params, lr, ... }`.
 * @throws for an empty list, an unknown option, or a value out of range.
 * @example
 * const w = new nn.Parameter(tensor([1]));
 * const optimizer = new SGD([w], { lr: 0.1, momentum: 0.9 });
 * w.mul(3).sum().backward();
 * optimizer.step();
 * await w.item(); // 0.7000
 */
export class SGD extends Optimizer<SGDOptions, SGDNumbers> {
  static readonly hasFixedUpdate = true;
  protected override readonly stateNames = ["momentum_buffer"];

  constructor(parameters: ParamList<SGDOptions>, options?: Partial<SGDOptions>) {
    super(
      parameters,
      options,
      ownSettings({
        lr: 0.001,
        momentum: 0,
        dampening: 0,
        weightDecay: 0,
        nesterov: false,
        maximize: false,
      }),
    );
  }

  protected override numbers(group: SGDOptions, step: number): SGDNumbers {
    return {
      lr: group.lr,
      momentum: group.momentum,
      // The first direction counts whole: the sum starts with it.
      share: step === 1 ? 1 : 1 - group.dampening,
      weightDecay: group.weightDecay,
    };
  }

  protected override update(
    group: SGDOptions,
    n: Tensors<SGDNumbers>,
    p: Tensor,
    g: Tensor,
    state: ParameterState,
  ): Tensor {
    let direction = decayed(group, p, g, n.weightDecay);
    if (has(group, "momentum")) {
      const added = has(group, "dampening") ? direction.mul(n.share) : direction;
      const sum = state.get("momentum_buffer").mul(n.momentum).add(added);
      state.set("momentum_buffer", sum);
      direction = group.nesterov ? direction.add(sum.mul(n.momentum)) : sum;
    }
    return p.sub(direction.mul(n.lr));
  }
}
