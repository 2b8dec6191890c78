/** Adagrad. Floor: optim. */
import type { Value } from "../ir/value.ts";
import { kit } from "../ops/kit.ts";
import { type HostNumber, Optimizer, type ParamList, type StateAccess } from "./optimizer.ts";

export interface AdagradOptions {
  /** Learning rate; default 0.01. */
  lr: number;
  /** The rate at step t is lr / (1 + (t − 1) · lrDecay); default 0. */
  lrDecay: number;
  /** Share of the parameter added to its gradient; default 0. */
  weightDecay: number;
  /** Where the sums of squares start; default 0. */
  initialAccumulatorValue: number;
  /** Added to the divisor; default 1e-10. */
  eps: number;
  /** Whether to ascend; default false. */
  maximize: boolean;
}

interface Numbers {
  readonly rate: Value;
  readonly weightDecay: Value;
}

/**
 * Adagrad: p ← p − lr · g / (√Σ g² + eps) over all steps so far. Duchi, Hazan, Singer (2011).
 *
 * @example
 * const w = new nn.Parameter(tensor([1]));
 * const optimizer = new Adagrad([w], { lr: 0.1 });
 * w.mul(3).sum().backward();
 * optimizer.step();
 * await w.item(); // 0.9000
 */
export class Adagrad extends Optimizer<AdagradOptions, Numbers> {
  static readonly hasFixedUpdate = true;
  protected override readonly stateNames = ["sum"];

  constructor(parameters: ParamList<AdagradOptions>, options?: Partial<AdagradOptions>) {
    super(parameters, options, {
      lr: 0.01,
      lrDecay: 0,
      weightDecay: 0,
      initialAccumulatorValue: 0,
      eps: 1e-10,
      maximize: false,
    });
  }

  protected override numbers(group: AdagradOptions, steps: () => number, number: HostNumber): Numbers {
    return {
      rate: number(() => group.lr / (1 + (steps() - 1) * group.lrDecay)),
      weightDecay: number(() => group.weightDecay),
    };
  }

  protected override update(group: AdagradOptions, n: Numbers, p: Value, gradient: Value, state: StateAccess): Value {
    const g = group.weightDecay === 0 ? gradient : kit.add(gradient, kit.mul(p, n.weightDecay));
    const sum = kit.add(state.get("sum", group.initialAccumulatorValue), kit.square(g));
    state.set("sum", sum);
    return kit.sub(p, kit.mul(kit.div(g, kit.add(kit.sqrt(sum), group.eps)), n.rate));
  }
}
