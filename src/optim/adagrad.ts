/** Adagrad. Floor: optim. */
import type { Tensor } from "../tensor/tensor.ts";
import { Optimizer, type ParamList, type ParameterState, type Tensors } from "./optimizer.ts";
import { ownSettings } from "./settings.ts";
import { decayed } from "./terms.ts";

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

/** The numbers of a step of Adagrad. */
export interface AdagradNumbers {
  /** lr / (1 + (t − 1) · lrDecay). */
  readonly rate: number;
  readonly eps: number;
  readonly weightDecay: number;
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
export class Adagrad extends Optimizer<AdagradOptions, AdagradNumbers> {
  static readonly hasFixedUpdate = true;
  protected override readonly stateNames = ["sum"];

  constructor(parameters: ParamList<AdagradOptions>, options?: Partial<AdagradOptions>) {
    super(
      parameters,
      options,
      ownSettings({
        lr: 0.01,
        lrDecay: 0,
        weightDecay: 0,
        initialAccumulatorValue: 0,
        eps: 1e-10,
        maximize: false,
      }),
    );
  }

  protected override numbers(group: AdagradOptions, step: number): AdagradNumbers {
    return {
      rate: group.lr / (1 + (step - 1) * group.lrDecay),
      eps: group.eps,
      weightDecay: group.weightDecay,
    };
  }

  protected override update(
    group: AdagradOptions,
    n: Tensors<AdagradNumbers>,
    p: Tensor,
    gradient: Tensor,
    state: ParameterState,
  ): Tensor {
    const g = decayed(group, p, gradient, n.weightDecay);
    const sum = state.get("sum", group.initialAccumulatorValue).add(g.square());
    state.set("sum", sum);
    return p.sub(g.div(sum.sqrt().add(n.eps)).mul(n.rate));
  }
}
