/** RMSprop. Floor: optim. */
import type { Value } from "../ir/value.ts";
import { kit } from "../ops/kit.ts";
import { movedToward } from "./adam.ts";
import { type HostNumber, Optimizer, type ParamList, type StateAccess } from "./optimizer.ts";

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

interface Numbers {
  readonly lr: Value;
  readonly share: Value;
  readonly momentum: Value;
  readonly weightDecay: Value;
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
export class RMSprop extends Optimizer<RMSpropOptions, Numbers> {
  static readonly hasFixedUpdate = true;
  protected override readonly stateNames = ["square_avg", "grad_avg", "momentum_buffer"];

  constructor(parameters: ParamList<RMSpropOptions>, options?: Partial<RMSpropOptions>) {
    super(parameters, options, {
      lr: 0.01,
      alpha: 0.99,
      eps: 1e-8,
      weightDecay: 0,
      momentum: 0,
      centered: false,
      maximize: false,
    });
  }

  protected override numbers(group: RMSpropOptions, _steps: () => number, number: HostNumber): Numbers {
    return {
      lr: number(() => group.lr),
      share: number(() => 1 - group.alpha),
      momentum: number(() => group.momentum),
      weightDecay: number(() => group.weightDecay),
    };
  }

  protected override update(group: RMSpropOptions, n: Numbers, p: Value, gradient: Value, state: StateAccess): Value {
    const g = group.weightDecay === 0 ? gradient : kit.add(gradient, kit.mul(p, n.weightDecay));
    const squares = movedToward(state.get("square_avg"), kit.square(g), n.share);
    state.set("square_avg", squares);
    let spread = squares;
    if (group.centered) {
      const mean = movedToward(state.get("grad_avg"), g, n.share);
      state.set("grad_avg", mean);
      spread = kit.sub(squares, kit.square(mean));
    }
    let direction = kit.div(g, kit.add(kit.sqrt(spread), group.eps));
    if (group.momentum !== 0) {
      direction = kit.add(kit.mul(state.get("momentum_buffer"), n.momentum), direction);
      state.set("momentum_buffer", direction);
    }
    return kit.sub(p, kit.mul(direction, n.lr));
  }
}
