/** Optimisers that find their own step sizes: Adadelta, Rprop; and averaged SGD. Floor: optim. */
import type { Value } from "../ir/value.ts";
import { kit } from "../ops/kit.ts";
import { movedToward } from "./adam.ts";
import { type HostNumber, Optimizer, type ParamList, type StateAccess } from "./optimizer.ts";

export interface AdadeltaOptions {
  /** Factor of the step; default 1. */
  lr: number;
  /** Share of the old means; default 0.9. */
  rho: number;
  /** Added under the roots; default 1e-6. */
  eps: number;
  /** Share of the parameter added to its gradient; default 0. */
  weightDecay: number;
  /** Whether to ascend; default false. */
  maximize: boolean;
}

interface AdadeltaNumbers {
  readonly lr: Value;
  readonly share: Value;
  readonly weightDecay: Value;
}

/**
 * Steps as large as the last ones: p ← p − lr · g · √(u + eps) / √(v + eps), u the mean of squared steps.
 * Zeiler (2012).
 *
 * @example
 * const w = new nn.Parameter(tensor([1]));
 * const optimizer = new Adadelta([w], { lr: 100 });
 * w.mul(3).sum().backward();
 * optimizer.step();
 * await w.item(); // 0.6838
 */
export class Adadelta extends Optimizer<AdadeltaOptions, AdadeltaNumbers> {
  static readonly hasFixedUpdate = true;
  protected override readonly stateNames = ["square_avg", "acc_delta"];

  constructor(parameters: ParamList<AdadeltaOptions>, options?: Partial<AdadeltaOptions>) {
    super(parameters, options, { lr: 1, rho: 0.9, eps: 1e-6, weightDecay: 0, maximize: false });
  }

  protected override numbers(group: AdadeltaOptions, _steps: () => number, number: HostNumber): AdadeltaNumbers {
    return {
      lr: number(() => group.lr),
      share: number(() => 1 - group.rho),
      weightDecay: number(() => group.weightDecay),
    };
  }

  protected override update(
    group: AdadeltaOptions,
    n: AdadeltaNumbers,
    p: Value,
    gradient: Value,
    state: StateAccess,
  ): Value {
    const g = group.weightDecay === 0 ? gradient : kit.add(gradient, kit.mul(p, n.weightDecay));
    const squares = movedToward(state.get("square_avg"), kit.square(g), n.share);
    const steps = state.get("acc_delta");
    const direction = kit.mul(g, kit.div(kit.sqrt(kit.add(steps, group.eps)), kit.sqrt(kit.add(squares, group.eps))));
    state.set("square_avg", squares);
    state.set("acc_delta", movedToward(steps, kit.square(direction), n.share));
    return kit.sub(p, kit.mul(direction, n.lr));
  }
}

export interface RpropOptions {
  /** The first step size of each element; default 0.01. */
  lr: number;
  /** Factors where the gradient's sign changes and where it stays; default [0.5, 1.2]. */
  etas: readonly [number, number];
  /** Smallest and largest step size; default [1e-6, 50]. */
  stepSizes: readonly [number, number];
  /** Whether to ascend; default false. */
  maximize: boolean;
}

interface RpropNumbers {
  readonly lr: Value;
  readonly isFirst: Value;
  readonly slower: Value;
  readonly faster: Value;
  readonly smallest: Value;
  readonly largest: Value;
}

/**
 * Steps by the gradient's sign alone, each element with a size of its own. For full batches. Riedmiller, Braun (1993).
 *
 * @example
 * const w = new nn.Parameter(tensor([1]));
 * const optimizer = new Rprop([w], { lr: 0.1 });
 * w.mul(3).sum().backward();
 * optimizer.step();
 * await w.item(); // 0.9000
 */
export class Rprop extends Optimizer<RpropOptions, RpropNumbers> {
  static readonly hasFixedUpdate = true;
  protected override readonly stateNames = ["prev", "step_size"];

  constructor(parameters: ParamList<RpropOptions>, options?: Partial<RpropOptions>) {
    super(parameters, options, { lr: 0.01, etas: [0.5, 1.2], stepSizes: [1e-6, 50], maximize: false });
  }

  protected override numbers(group: RpropOptions, steps: () => number, number: HostNumber): RpropNumbers {
    return {
      lr: number(() => group.lr),
      isFirst: number(() => (steps() === 1 ? 1 : 0)),
      slower: number(() => group.etas[0]),
      faster: number(() => group.etas[1]),
      smallest: number(() => group.stepSizes[0]),
      largest: number(() => group.stepSizes[1]),
    };
  }

  protected override update(_group: RpropOptions, n: RpropNumbers, p: Value, g: Value, state: StateAccess): Value {
    const agreement = kit.mul(g, state.get("prev"));
    const old = kit.where(kit.gt(n.isFirst, 0), n.lr, state.get("step_size"));
    const factor = kit.where(kit.gt(agreement, 0), n.faster, kit.where(kit.lt(agreement, 0), n.slower, 1));
    const size = kit.minimum(kit.maximum(kit.mul(old, factor), n.smallest), n.largest);
    // After a change of sign the element waits for one step.
    const used = kit.where(kit.lt(agreement, 0), 0, g);
    state.set("prev", used);
    state.set("step_size", size);
    return kit.sub(p, kit.mul(kit.sign(used), size));
  }
}

export interface ASGDOptions {
  /** Learning rate; default 0.01. */
  lr: number;
  /** How fast the parameters shrink and the rate falls; default 1e-4. */
  lambd: number;
  /** Power of the fall of the rate; default 0.75. */
  alpha: number;
  /** Step at which averaging starts; default 1e6. */
  t0: number;
  /** Share of the parameter added to its gradient; default 0. */
  weightDecay: number;
  /** Whether to ascend; default false. */
  maximize: boolean;
}

interface ASGDNumbers {
  readonly rate: Value;
  readonly shrink: Value;
  readonly share: Value;
  readonly weightDecay: Value;
}

/**
 * SGD with a falling rate that keeps the mean of the parameters as `ax`. Polyak and Juditsky (1992).
 *
 * @example
 * const w = new nn.Parameter(tensor([1]));
 * const optimizer = new ASGD([w], { lr: 0.1 });
 * w.mul(3).sum().backward();
 * optimizer.step();
 * await w.item(); // 0.7000
 */
export class ASGD extends Optimizer<ASGDOptions, ASGDNumbers> {
  static readonly hasFixedUpdate = true;
  protected override readonly stateNames = ["ax"];

  constructor(parameters: ParamList<ASGDOptions>, options?: Partial<ASGDOptions>) {
    super(parameters, options, { lr: 0.01, lambd: 1e-4, alpha: 0.75, t0: 1e6, weightDecay: 0, maximize: false });
  }

  protected override numbers(group: ASGDOptions, steps: () => number, number: HostNumber): ASGDNumbers {
    // A rate follows from the step before; the first is lr itself.
    const rate = (step: number): number => group.lr / (1 + group.lambd * group.lr * step) ** group.alpha;
    const used = (): number => (steps() === 1 ? group.lr : rate(steps() - 1));
    return {
      rate: number(used),
      shrink: number(() => 1 - group.lambd * used()),
      share: number(() => 1 / Math.max(1, steps() - 1 - group.t0)),
      weightDecay: number(() => group.weightDecay),
    };
  }

  protected override update(group: ASGDOptions, n: ASGDNumbers, p: Value, gradient: Value, state: StateAccess): Value {
    const g = group.weightDecay === 0 ? gradient : kit.add(gradient, kit.mul(p, n.weightDecay));
    const next = kit.sub(kit.mul(p, n.shrink), kit.mul(g, n.rate));
    state.set("ax", movedToward(state.get("ax"), next, n.share));
    return next;
  }
}
