/** Relatives of Adam: Adamax, NAdam, RAdam. Floor: optim. */
import type { Value } from "../ir/value.ts";
import { kit } from "../ops/kit.ts";
import { movedToward } from "./adam.ts";
import { type HostNumber, Optimizer, type ParamList, type StateAccess } from "./optimizer.ts";

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

function decayed(group: AdamaxOptions, p: Value, g: Value, weightDecay: Value): Value {
  return group.weightDecay === 0 ? g : kit.add(g, kit.mul(p, weightDecay));
}

interface AdamaxNumbers {
  readonly share1: Value;
  readonly beta2: Value;
  readonly rate: Value;
  readonly weightDecay: Value;
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
    super(parameters, options, { lr: 0.002, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, maximize: false });
  }

  protected override numbers(group: AdamaxOptions, steps: () => number, number: HostNumber): AdamaxNumbers {
    return {
      share1: number(() => 1 - group.betas[0]),
      beta2: number(() => group.betas[1]),
      rate: number(() => group.lr / (1 - group.betas[0] ** steps())),
      weightDecay: number(() => group.weightDecay),
    };
  }

  protected override update(
    group: AdamaxOptions,
    n: AdamaxNumbers,
    p: Value,
    gradient: Value,
    state: StateAccess,
  ): Value {
    const g = decayed(group, p, gradient, n.weightDecay);
    const mean = movedToward(state.get("exp_avg"), g, n.share1);
    const largest = kit.maximum(kit.mul(state.get("exp_inf"), n.beta2), kit.add(kit.abs(g), group.eps));
    state.set("exp_avg", mean);
    state.set("exp_inf", largest);
    return kit.sub(p, kit.mul(kit.div(mean, largest), n.rate));
  }
}

interface NAdamNumbers {
  readonly share1: Value;
  readonly share2: Value;
  readonly scale: Value;
  /** Rates of the gradient itself and of the mean. */
  readonly gradientRate: Value;
  readonly meanRate: Value;
  readonly weightDecay: Value;
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
    super(parameters, options, { lr: 0.002, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, momentumDecay: 0.004 });
  }

  protected override numbers(group: NAdamOptions, steps: () => number, number: HostNumber): NAdamNumbers {
    const momentum = (step: number): number => group.betas[0] * (1 - 0.5 * 0.96 ** (step * group.momentumDecay));
    const productTo = (step: number): number => this.#productTo(group, step, momentum);
    return {
      share1: number(() => 1 - group.betas[0]),
      share2: number(() => 1 - group.betas[1]),
      scale: number(() => 1 / Math.sqrt(1 - group.betas[1] ** steps())),
      gradientRate: number(() => (group.lr * (1 - momentum(steps()))) / (1 - productTo(steps()))),
      meanRate: number(() => {
        const next = momentum(steps() + 1);
        return (group.lr * next) / (1 - productTo(steps()) * momentum(steps()) * next);
      }),
      weightDecay: number(() => group.weightDecay),
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
    n: NAdamNumbers,
    p: Value,
    gradient: Value,
    state: StateAccess,
  ): Value {
    const g = decayed(group, p, gradient, n.weightDecay);
    const mean = movedToward(state.get("exp_avg"), g, n.share1);
    const squares = movedToward(state.get("exp_avg_sq"), kit.square(g), n.share2);
    state.set("exp_avg", mean);
    state.set("exp_avg_sq", squares);
    const divisor = kit.add(kit.mul(kit.sqrt(squares), n.scale), group.eps);
    return kit.sub(p, kit.div(kit.add(kit.mul(g, n.gradientRate), kit.mul(mean, n.meanRate)), divisor));
  }
}

interface RAdamNumbers {
  readonly share1: Value;
  readonly share2: Value;
  /** Rate of m / (√v + eps), 0 in the first steps. */
  readonly adaptiveRate: Value;
  /** Rate of m alone, 0 after the first steps. */
  readonly plainRate: Value;
  readonly weightDecay: Value;
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
    super(parameters, options, { lr: 0.001, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0 });
  }

  protected override numbers(group: AdamaxOptions, steps: () => number, number: HostNumber): RAdamNumbers {
    /** The correction of the divisor's variance; undefined while there are too few steps to tell. */
    const rectification = (step: number): number | undefined => {
      const most = 2 / (1 - group.betas[1]) - 1;
      const power = group.betas[1] ** step;
      const length = most - (2 * step * power) / (1 - power);
      if (length <= 5) return undefined;
      return Math.sqrt((((length - 4) * (length - 2) * most) / ((most - 4) * (most - 2) * length)) * (1 - power));
    };
    const rate = (step: number): number => group.lr / (1 - group.betas[0] ** step);
    return {
      share1: number(() => 1 - group.betas[0]),
      share2: number(() => 1 - group.betas[1]),
      adaptiveRate: number(() => rate(steps()) * (rectification(steps()) ?? 0)),
      plainRate: number(() => (rectification(steps()) === undefined ? rate(steps()) : 0)),
      weightDecay: number(() => group.weightDecay),
    };
  }

  protected override update(
    group: AdamaxOptions,
    n: RAdamNumbers,
    p: Value,
    gradient: Value,
    state: StateAccess,
  ): Value {
    const g = decayed(group, p, gradient, n.weightDecay);
    const mean = movedToward(state.get("exp_avg"), g, n.share1);
    const squares = movedToward(state.get("exp_avg_sq"), kit.square(g), n.share2);
    state.set("exp_avg", mean);
    state.set("exp_avg_sq", squares);
    const adaptive = kit.div(n.adaptiveRate, kit.add(kit.sqrt(squares), group.eps));
    return kit.sub(p, kit.mul(mean, kit.add(adaptive, n.plainRate)));
  }
}
