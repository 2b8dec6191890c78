/** Optimisers that find their own step sizes: Adadelta, Rprop; and averaged SGD. Floor: optim. */
import { where } from "../tensor/functions.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Optimizer, type ParamList, type ParameterState, type Tensors } from "./optimizer.ts";
import { ownSettings } from "./settings.ts";
import { decayed, movedToward } from "./terms.ts";

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

/** The numbers of a step of Adadelta. */
export interface AdadeltaNumbers {
  readonly lr: number;
  readonly eps: number;
  /** 1 − rho. */
  readonly share: number;
  readonly weightDecay: number;
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
    super(parameters, options, ownSettings({ lr: 1, rho: 0.9, eps: 1e-6, weightDecay: 0, maximize: false }));
  }

  protected override numbers(group: AdadeltaOptions): AdadeltaNumbers {
    return {
      lr: group.lr,
      share: 1 - group.rho,
      eps: group.eps,
      weightDecay: group.weightDecay,
    };
  }

  protected override update(
    group: AdadeltaOptions,
    n: Tensors<AdadeltaNumbers>,
    p: Tensor,
    gradient: Tensor,
    state: ParameterState,
  ): Tensor {
    const g = decayed(group, p, gradient, n.weightDecay);
    const squares = movedToward(state.get("square_avg"), g.square(), n.share);
    const steps = state.get("acc_delta");
    const direction = g.mul(steps.add(n.eps).sqrt().div(squares.add(n.eps).sqrt()));
    state.set("square_avg", squares);
    state.set("acc_delta", movedToward(steps, direction.square(), n.share));
    return p.sub(direction.mul(n.lr));
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

/** The numbers of a step of Rprop. */
export interface RpropNumbers {
  readonly lr: number;
  /** 1 in the first step, then 0. */
  readonly isFirst: number;
  /** The factors of etas. */
  readonly slower: number;
  readonly faster: number;
  /** The bounds of stepSizes. */
  readonly smallest: number;
  readonly largest: number;
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
    super(parameters, options, ownSettings({ lr: 0.01, etas: [0.5, 1.2], stepSizes: [1e-6, 50], maximize: false }));
  }

  protected override numbers(group: RpropOptions, step: number): RpropNumbers {
    return {
      lr: group.lr,
      isFirst: step === 1 ? 1 : 0,
      slower: group.etas[0],
      faster: group.etas[1],
      smallest: group.stepSizes[0],
      largest: group.stepSizes[1],
    };
  }

  protected override update(
    _group: RpropOptions,
    n: Tensors<RpropNumbers>,
    p: Tensor,
    g: Tensor,
    state: ParameterState,
  ): Tensor {
    const agreement = g.mul(state.get("prev"));
    const old = where(n.isFirst.gt(0), n.lr, state.get("step_size"));
    const factor = where(agreement.gt(0), n.faster, where(agreement.lt(0), n.slower, 1));
    const size = old.mul(factor).maximum(n.smallest).minimum(n.largest);
    // After a change of sign the element waits for one step.
    const used = where(agreement.lt(0), 0, g);
    state.set("prev", used);
    state.set("step_size", size);
    return p.sub(used.sign().mul(size));
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

/** The numbers of a step of ASGD. */
export interface ASGDNumbers {
  /** The rate of this step. */
  readonly rate: number;
  /** 1 − lambd · rate. */
  readonly shrink: number;
  /** Share of the new parameters in their mean. */
  readonly share: number;
  readonly weightDecay: number;
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
    super(
      parameters,
      options,
      ownSettings({ lr: 0.01, lambd: 1e-4, alpha: 0.75, t0: 1e6, weightDecay: 0, maximize: false }),
    );
  }

  protected override numbers(group: ASGDOptions, step: number): ASGDNumbers {
    // A rate follows from the step before; the first is lr itself.
    const rate = step === 1 ? group.lr : group.lr / (1 + group.lambd * group.lr * (step - 1)) ** group.alpha;
    return {
      rate,
      shrink: 1 - group.lambd * rate,
      share: 1 / Math.max(1, step - 1 - group.t0),
      weightDecay: group.weightDecay,
    };
  }

  protected override update(
    group: ASGDOptions,
    n: Tensors<ASGDNumbers>,
    p: Tensor,
    gradient: Tensor,
    state: ParameterState,
  ): Tensor {
    const g = decayed(group, p, gradient, n.weightDecay);
    const next = p.mul(n.shrink).sub(g.mul(n.rate));
    state.set("ax", movedToward(state.get("ax"), next, n.share));
    return next;
  }
}
