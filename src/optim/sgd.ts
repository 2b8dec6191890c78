/** Stochastic gradient descent. Floor: optim. */
import type { Value } from "../ir/value.ts";
import { kit } from "../ops/kit.ts";
import { type HostNumber, Optimizer, type ParamList, type StateAccess } from "./optimizer.ts";

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

interface Numbers {
  readonly lr: Value;
  readonly momentum: Value;
  readonly share: Value;
  readonly weightDecay: Value;
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
export class SGD extends Optimizer<SGDOptions, Numbers> {
  static readonly hasFixedUpdate = true;
  protected override readonly stateNames = ["momentum_buffer"];

  constructor(parameters: ParamList<SGDOptions>, options?: Partial<SGDOptions>) {
    super(parameters, options, {
      lr: 0.001,
      momentum: 0,
      dampening: 0,
      weightDecay: 0,
      nesterov: false,
      maximize: false,
    });
  }

  protected override numbers(group: SGDOptions, steps: () => number, number: HostNumber): Numbers {
    return {
      lr: number(() => group.lr),
      momentum: number(() => group.momentum),
      // The first direction counts whole: the sum starts with it.
      share: number(() => (steps() === 1 ? 1 : 1 - group.dampening)),
      weightDecay: number(() => group.weightDecay),
    };
  }

  protected override update(group: SGDOptions, n: Numbers, p: Value, g: Value, state: StateAccess): Value {
    let direction = group.weightDecay === 0 ? g : kit.add(g, kit.mul(p, n.weightDecay));
    if (group.momentum !== 0) {
      const added = group.dampening === 0 ? direction : kit.mul(direction, n.share);
      const sum = kit.add(kit.mul(state.get("momentum_buffer"), n.momentum), added);
      state.set("momentum_buffer", sum);
      direction = group.nesterov ? kit.add(direction, kit.mul(sum, n.momentum)) : sum;
    }
    return kit.sub(p, kit.mul(direction, n.lr));
  }
}
