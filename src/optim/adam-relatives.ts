/** Relatives of Adam: Adamax, NAdam, RAdam. Floor: optim. */
import type { Tensor } from "../tensor/tensor.ts";
import { Optimizer, type ParamList, type ParameterState, type Tensors } from "./optimizer.ts";
import { ownSettings } from "./settings.ts";
import { decayed, movedToward } from "./terms.ts";

export interface AdamaxOptions {
  /** Learning rate; default 0.002 for Adamax and NAdam, 0.001 for RAdam. */
  lr: number;
  /** Shares of the old means; default [0.9, 0.999]. */
  betas: readonly [number, number];
  /** Added to the divisor; default 1e-8. */
  eps: number;
  /** Share of the parameter added to its gradient; default 0. */
  weightDecay: number;
}

/** The numbers of a step of Adamax. */
export interface AdamaxNumbers {
  /** 1 − β₁. */
  readonly share1: number;
  /** β₂. */
  readonly beta2: number;
  /** lr / (1 − β₁ᵗ). */
  readonly rate: number;
  readonly eps: number;
  readonly weightDecay: number;
}

/**
 * Adam by the largest gradient: p ← p − lr · m̂ / u with u ← max(β₂ u, |g| + eps). Kingma and Ba (2015), section 7.1.
 *
 * @example
 * const w = new nn.Parameter(tensor([1]));
 * const optimizer = new Adamax([w], { lr: 0.1 });
 * w.mul(3).sum().backward();
 * optimizer.step();
 * await w.item(); // 0.9000
 */
export class Adamax extends Optimizer<AdamaxOptions & { maximize: boolean }, AdamaxNumbers> {
  static readonly hasFixedUpdate = true;
  protected override readonly stateNames = ["exp_avg", "exp_inf"];

  constructor(
    parameters: ParamList<AdamaxOptions & { maximize: boolean }>,
    options?: Partial<AdamaxOptions & { maximize: boolean }>,
  ) {
    super(
      parameters,
      options,
      ownSettings({ lr: 0.002, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, maximize: false }),
    );
  }

  protected override numbers(group: AdamaxOptions, step: number): AdamaxNumbers {
    return {
      share1: 1 - group.betas[0],
      beta2: group.betas[1],
      rate: group.lr / (1 - group.betas[0] ** step),
      eps: group.eps,
      weightDecay: group.weightDecay,
    };
  }

  protected override update(
    group: AdamaxOptions,
    n: Tensors<AdamaxNumbers>,
    p: Tensor,
    gradient: Tensor,
    state: ParameterState,
  ): Tensor {
    const g = decayed(group, p, gradient, n.weightDecay);
    const mean = movedToward(state.get("exp_avg"), g, n.share1);
    const largest = state.get("exp_inf").mul(n.beta2).maximum(g.abs().add(n.eps));
    state.set("exp_avg", mean);
    state.set("exp_inf", largest);
    return p.sub(mean.div(largest).mul(n.rate));
  }
}

/** The numbers of a step of NAdam. */
export interface NAdamNumbers {
  /** 1 − β₁. */
  readonly share1: number;
  /** 1 − β₂. */
  readonly share2: number;
  /** 1 / √(1 − β₂ᵗ). */
  readonly scale: number;
  /** Rate of the gradient itself. */
  readonly gradientRate: number;
  /** Rate of the mean. */
  readonly meanRate: number;
  readonly eps: number;
  readonly weightDecay: number;
}

export interface NAdamOptions extends AdamaxOptions {
  /** How fast the momentum grows to β₁; default 0.004. */
  momentumDecay: number;
}

/**
 * Adam with Nesterov's momentum, which grows toward β₁. Dozat (2016).
 *
 * The correction of the mean has the momentum of the step twice, as in PyTorch 1.13; the paper has it once.
 *
 * @example
 * const w = new nn.Parameter(tensor([1]));
 * const optimizer = new NAdam([w], { lr: 0.1 });
 * w.mul(3).sum().backward();
 * optimizer.step();
 * await w.item(); // 0.8950
 */
export class NAdam extends Optimizer<NAdamOptions, NAdamNumbers> {
  static readonly hasFixedUpdate = true;
  protected override readonly stateNames = ["exp_avg", "exp_avg_sq"];

  /** For each group the product of all momenta to a step, from which the next one follows. */
  readonly #products = new WeakMap<object, { step: number; product: number }>();

  constructor(parameters: ParamList<NAdamOptions>, options?: Partial<NAdamOptions>) {
    super(
      parameters,
      options,
      ownSettings({ lr: 0.002, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, momentumDecay: 0.004 }),
    );
  }

  protected override numbers(group: NAdamOptions, step: number): NAdamNumbers {
    const momentumAt = (t: number): number => group.betas[0] * (1 - 0.5 * 0.96 ** (t * group.momentumDecay));
    const [momentum, next] = [momentumAt(step), momentumAt(step + 1)];
    const product = this.#productTo(group, step, momentumAt);
    return {
      share1: 1 - group.betas[0],
      share2: 1 - group.betas[1],
      scale: 1 / Math.sqrt(1 - group.betas[1] ** step),
      gradientRate: (group.lr * (1 - momentum)) / (1 - product),
      meanRate: (group.lr * next) / (1 - product * momentum * next),
      eps: group.eps,
      weightDecay: group.weightDecay,
    };
  }

  /** The product of the momenta of steps 1 to `step`, as if β₁ and the decay had always been what they are. */
  #productTo(group: NAdamOptions, step: number, momentum: (step: number) => number): number {
    let known = this.#products.get(group);
    if (known === undefined || known.step > step) {
      known = { step: 0, product: 1 };
      this.#products.set(group, known);
    }
    while (known.step < step) known.product *= momentum(++known.step);
    return known.product;
  }

  protected override update(
    group: NAdamOptions,
    n: Tensors<NAdamNumbers>,
    p: Tensor,
    gradient: Tensor,
    state: ParameterState,
  ): Tensor {
    const g = decayed(group, p, gradient, n.weightDecay);
    const mean = movedToward(state.get("exp_avg"), g, n.share1);
    const squares = movedToward(state.get("exp_avg_sq"), g.square(), n.share2);
    state.set("exp_avg", mean);
    state.set("exp_avg_sq", squares);
    const divisor = squares.sqrt().mul(n.scale).add(n.eps);
    return p.sub(g.mul(n.gradientRate).add(mean.mul(n.meanRate)).div(divisor));
  }
}

/** The numbers of a step of RAdam. */
export interface RAdamNumbers {
  /** 1 − β₁. */
  readonly share1: number;
  /** 1 − β₂. */
  readonly share2: number;
  /** Rate of m / (√v + eps), 0 in the first steps. */
  readonly adaptiveRate: number;
  /** Rate of m alone, 0 after the first steps. */
  readonly plainRate: number;
  readonly eps: number;
  readonly weightDecay: number;
}

/**
 * Adam that begins without its divisor, until the variance of that can be told. Liu et al. (2020).
 *
 * @example
 * const w = new nn.Parameter(tensor([1]));
 * const optimizer = new RAdam([w], { lr: 0.1 });
 * w.mul(3).sum().backward();
 * optimizer.step();
 * await w.item(); // 0.7000
 */
export class RAdam extends Optimizer<AdamaxOptions, RAdamNumbers> {
  static readonly hasFixedUpdate = true;
  protected override readonly stateNames = ["exp_avg", "exp_avg_sq"];

  constructor(parameters: ParamList<AdamaxOptions>, options?: Partial<AdamaxOptions>) {
    super(parameters, options, ownSettings({ lr: 0.001, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0 }));
  }

  protected override numbers(group: AdamaxOptions, step: number): RAdamNumbers {
    const most = 2 / (1 - group.betas[1]) - 1;
    const power = group.betas[1] ** step;
    const length = most - (2 * step * power) / (1 - power);
    /** The correction of the divisor's variance; undefined while there are too few steps to tell. */
    const rectification =
      length <= 5
        ? undefined
        : Math.sqrt((((length - 4) * (length - 2) * most) / ((most - 4) * (most - 2) * length)) * (1 - power));
    const rate = group.lr / (1 - group.betas[0] ** step);
    return {
      share1: 1 - group.betas[0],
      share2: 1 - group.betas[1],
      adaptiveRate: rate * (rectification ?? 0),
      plainRate: rectification === undefined ? rate : 0,
      eps: group.eps,
      weightDecay: group.weightDecay,
    };
  }

  protected override update(
    group: AdamaxOptions,
    n: Tensors<RAdamNumbers>,
    p: Tensor,
    gradient: Tensor,
    state: ParameterState,
  ): Tensor {
    const g = decayed(group, p, gradient, n.weightDecay);
    const mean = movedToward(state.get("exp_avg"), g, n.share1);
    const squares = movedToward(state.get("exp_avg_sq"), g.square(), n.share2);
    state.set("exp_avg", mean);
    state.set("exp_avg_sq", squares);
    const adaptive = n.adaptiveRate.div(squares.sqrt().add(n.eps));
    return p.sub(mean.mul(adaptive.add(n.plainRate)));
  }
}
