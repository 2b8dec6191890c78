/** Learning rates that fall when a metric stops getting better. Floor: optim. */
import { TwopassError, checkOptions, describe } from "../base/errors.ts";
import { type Rated, ofGroup } from "./schedule.ts";

export interface PlateauOptions {
  /** Whether less is better ("min", default) or more ("max"). */
  readonly mode?: "min" | "max";
  /** What the rate is multiplied by; default 0.1. */
  readonly factor?: number;
  /** Steps without improvement that are let pass; default 10. */
  readonly patience?: number;
  /** How much better counts as better; default 1e-4. */
  readonly threshold?: number;
  /** Whether the threshold is a share of the best ("rel", default) or a difference ("abs"). */
  readonly thresholdMode?: "rel" | "abs";
  /** Steps after a fall during which nothing counts; default 0. */
  readonly cooldown?: number;
  /** Lowest rate, for all groups or one for each; default 0. */
  readonly minLr?: number | readonly number[];
  /** Falls smaller than this are left out; default 1e-8. */
  readonly eps?: number;
}

export interface PlateauState {
  /** null as long as no metric was better than the worst there is: JSON has no infinity. */
  readonly best: number | null;
  readonly badSteps: number;
  readonly cooldownLeft: number;
  readonly lrs: readonly number[];
}

/**
 * Multiplies the rates by `factor` when a metric has not got better for more than `patience` steps.
 *
 * @example
 * const schedule = new ReduceLROnPlateau(new SGD(model.parameters(), { lr: 1 }), { factor: 0.5, patience: 2 });
 * for (const loss of [0.4, 0.3, 0.3, 0.3, 0.3]) schedule.step(loss);
 * schedule.getLastLr(); // [0.5]
 */
export class ReduceLROnPlateau {
  readonly optimizer: Rated;
  readonly #o: Required<PlateauOptions>;
  #best: number;
  #badSteps = 0;
  #cooldownLeft = 0;

  constructor(optimizer: Rated, options: PlateauOptions = {}) {
    const standard: Required<PlateauOptions> = {
      mode: "min",
      factor: 0.1,
      patience: 10,
      threshold: 1e-4,
      thresholdMode: "rel",
      cooldown: 0,
      minLr: 0,
      eps: 1e-8,
    };
    checkOptions("ReduceLROnPlateau", options, Object.keys(standard));
    this.optimizer = optimizer;
    this.#o = { ...standard, ...options };
    this.#best = this.#worst;
    if (this.#o.factor >= 1) {
      throw new TwopassError({
        op: "ReduceLROnPlateau",
        problem: "factor must be below 1",
        facts: `got ${this.#o.factor}`,
      });
    }
  }

  /** Takes the metric of this epoch. @throws for anything but a number: read the loss first, `await loss.item()`. */
  step(metric: number): void {
    if (typeof metric !== "number") {
      throw new TwopassError({
        op: "ReduceLROnPlateau.step",
        problem: "takes a number",
        facts: `got ${describe(metric)}`,
        hint: "await loss.item()",
      });
    }
    if (this.#isBetter(metric)) {
      this.#best = metric;
      this.#badSteps = 0;
    } else this.#badSteps++;
    if (this.#cooldownLeft > 0) {
      this.#cooldownLeft--;
      this.#badSteps = 0;
    }
    if (this.#badSteps <= this.#o.patience) return;
    this.#reduce();
    this.#cooldownLeft = this.#o.cooldown;
    this.#badSteps = 0;
  }

  get #worst(): number {
    return this.#o.mode === "min" ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  }

  #isBetter(metric: number): boolean {
    const { mode, threshold, thresholdMode } = this.#o;
    const sign = mode === "min" ? -1 : 1;
    const bound = thresholdMode === "rel" ? this.#best * (1 + sign * threshold) : this.#best + sign * threshold;
    return mode === "min" ? metric < bound : metric > bound;
  }

  #reduce(): void {
    this.optimizer.paramGroups.forEach((group, i) => {
      const next = Math.max(group.lr * this.#o.factor, ofGroup(this.#o.minLr, i));
      if (group.lr - next > this.#o.eps) group.lr = next;
    });
  }

  /** The rates of the groups. */
  getLastLr(): number[] {
    return this.optimizer.paramGroups.map((group) => group.lr);
  }

  stateDict(): PlateauState {
    return {
      best: Number.isFinite(this.#best) ? this.#best : null,
      badSteps: this.#badSteps,
      cooldownLeft: this.#cooldownLeft,
      lrs: this.getLastLr(),
    };
  }

  loadStateDict(state: PlateauState): void {
    const groups = this.optimizer.paramGroups.length;
    const isWhole = Number.isInteger(state?.badSteps) && Number.isInteger(state.cooldownLeft);
    if (!isWhole || !Array.isArray(state.lrs) || state.lrs.length !== groups) {
      throw new TwopassError({
        op: "ReduceLROnPlateau.loadStateDict",
        problem: "the state does not fit",
        facts: `got ${describe(state)}; the optimiser has ${groups} group${groups === 1 ? "" : "s"}`,
        hint: "give what stateDict() of the same schedule gave",
      });
    }
    this.#best = state.best ?? this.#worst;
    this.#badSteps = state.badSteps;
    this.#cooldownLeft = state.cooldownLeft;
    this.optimizer.paramGroups.forEach((group, i) => {
      group.lr = state.lrs[i] ?? group.lr;
    });
  }
}
