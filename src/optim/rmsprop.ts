/** RMSprop. Floor: optim. */
import type { Tensor } from "../tensor/tensor.ts";
import { has } from "./group-settings.ts";
import { Optimizer, type ParamList, type ParameterState, type Tensors } from "./optimizer.ts";
import { ownSettings } from "./settings.ts";
import { decayed, movedToward } from "./terms.ts";

export interface RMSpropOptions {
  /** Learning rate; default 0.01. */
  lr: number;
  /** Share of the old mean of squared gradients; default 0.99. */
  alpha: number;
  /** Added to the divisor; default 1e-8. */
  eps: number;
  /** Share of the parameter added to its gradient; default 0. */
  weightDecay: number;
  /** Share of the last direction that is kept; default 0. */
  momentum: number;
  /** Whether the squared mean is taken off the mean of squares; default false. Graves (2013). */
  centered: boolean;
  /** Whether to ascend; default false. */
  maximize: boolean;
}

/** The numbers of a step of RMSprop. */
export interface RMSpropNumbers {
  readonly lr: number;
  /** 1 − alpha. */
  readonly share: number;
  readonly eps: number;
  readonly momentum: number;
  readonly weightDecay: number;
}

/**
 * RMSprop: p ← p − lr · g / (√v + eps) with v the running mean of g². Tieleman and Hinton (2012).
 *
 * @example
 * const w = new nn.Parameter(tensor([1]));
 * const optimizer = new RMSprop([w], { lr: 0.01 });
 * w.mul(3).sum().backward();
 * optimizer.step();
 * await w.item(); // 0.9000
 */
export class RMSprop extends Optimizer<RMSpropOptions, RMSpropNumbers> {
  static readonly hasFixedUpdate = true;
  protected override readonly stateNames = ["square_avg", "grad_avg", "momentum_buffer"];

  constructor(parameters: ParamList<RMSpropOptions>, options?: Partial<RMSpropOptions>) {
    super(
      parameters,
      options,
      ownSettings({
        lr: 0.01,
        alpha: 0.99,
        eps: 1e-8,
        weightDecay: 0,
        momentum: 0,
        centered: false,
        maximize: false,
      }),
    );
  }

  protected override numbers(group: RMSpropOptions): RMSpropNumbers {
    return {
      lr: group.lr,
      share: 1 - group.alpha,
      eps: group.eps,
      momentum: group.momentum,
      weightDecay: group.weightDecay,
    };
  }

  protected override update(
    group: RMSpropOptions,
    n: Tensors<RMSpropNumbers>,
    p: Tensor,
    gradient: Tensor,
    state: ParameterState,
  ): Tensor {
    const g = decayed(group, p, gradient, n.weightDecay);
    const squares = movedToward(state.get("square_avg"), g.square(), n.share);
    state.set("square_avg", squares);
    let spread = squares;
    if (group.centered) {
      const mean = movedToward(state.get("grad_avg"), g, n.share);
      state.set("grad_avg", mean);
      spread = squares.sub(mean.square());
    }
    let direction = g.div(spread.sqrt().add(n.eps));
    if (has(group, "momentum")) {
      direction = state.get("momentum_buffer").mul(n.momentum).add(direction);
      state.set("momentum_buffer", direction);
    }
    return p.sub(direction.mul(n.lr));
  }
}
