/**
 * Learning rates by a plan. A schedule is stepped once after each optimiser step, or once an epoch; the rate at step t is
 * a function of t and of the rate that the group had when the schedule was made. Floor: optim.
 */
import { TwopassError, checkOptions, describe } from "../base/errors.ts";
import { hostEffect } from "../tensor/capture.ts";

/** What a schedule changes: an optimiser's groups. */
export interface Rated {
  readonly paramGroups: readonly RatedGroup[];
}

/** Of the settings of a group those that schedules change. */
export interface RatedGroup {
  lr: number;
  momentum?: number;
  betas?: readonly [number, number];
}

/** The rate that each group had before its first schedule. */
const initialRates = new WeakMap<object, number>();

/** Numbers only, so that it survives JSON. What a schedule was made with is not part of it. */
export interface ScheduleState {
  readonly lastEpoch: number;
  readonly lrs: readonly number[];
  readonly baseLrs: readonly number[];
}

/** Throws where a state lacks a number, or has not one rate for each group. */
export function checkScheduleState(op: string, state: object, groups: number): void {
  const faults = Object.entries({ lastEpoch: 0, lrs: [], baseLrs: [] }).flatMap(([key, like]) => {
    const value = (state as Readonly<Record<string, unknown>> | null)?.[key];
    if (!Array.isArray(like)) return Number.isInteger(value) ? [] : [key];
    const isRates = Array.isArray(value) && value.length === groups && value.every((x) => typeof x === "number");
    return isRates ? [] : [key];
  });
  if (faults.length === 0) return;
  throw new TwopassError({
    op: `${op}.loadStateDict`,
    problem: "the state does not fit",
    facts: `${faults.join(", ")} of ${describe(state)}; the optimiser has ${groups} group${groups === 1 ? "" : "s"}`,
    hint: "give what stateDict() of the same schedule gave",
  });
}

/**
 * The base of schedules. Making one sets the rates of step 0.
 *
 * @example
 * const schedule = new StepLR(optimizer, { stepSize: 10 });
 * for await (const [x, y] of loader) {
 *   optimizer.zeroGrad();
 *   nn.functional.crossEntropy(model.forward(x), y).backward();
 *   optimizer.step();
 *   schedule.step();
 * }
 * schedule.lastEpoch; // 3
 */
export abstract class LRScheduler {
  readonly optimizer: Rated;
  /** Rates of the groups before any schedule. */
  baseLrs: readonly number[];
  /** Steps made so far. */
  lastEpoch = 0;

  constructor(optimizer: Rated) {
    if (typeof optimizer !== "object" || optimizer === null || !Array.isArray(optimizer.paramGroups)) {
      throw new TwopassError({
        op: new.target.name,
        problem: "takes an optimiser",
        facts: `got ${describe(optimizer)}`,
      });
    }
    this.optimizer = optimizer;
    this.baseLrs = optimizer.paramGroups.map((group) => {
      const rate = initialRates.get(group) ?? group.lr;
      initialRates.set(group, rate);
      return rate;
    });
  }

  /** The rate of a group at a step: `base` is the one it began with, `current` the one it has. */
  protected abstract rateAt(step: number, base: number, current: number, group: number): number;

  /** Changes what else a schedule changes. */
  protected settle(_step: number): void {
    // Most schedules change rates only.
  }

  /** Goes on by one step, or to the step given. */
  step(epoch?: number): void {
    hostEffect(() => {
      const before = this.stateDict();
      this.setStep(epoch ?? this.lastEpoch + 1);
      return () => this.loadStateDict(before);
    });
  }

  /** Sets rates for a step. Subclasses call it with 0 at the end of their constructor. */
  protected setStep(step: number): void {
    this.lastEpoch = step;
    this.optimizer.paramGroups.forEach((group, i) => {
      group.lr = this.rateAt(step, this.baseLrs[i] as number, group.lr, i);
    });
    this.settle(step);
  }

  /** The rates of the groups. */
  getLastLr(): number[] {
    return this.optimizer.paramGroups.map((group) => group.lr);
  }

  stateDict(): ScheduleState {
    return { lastEpoch: this.lastEpoch, lrs: this.getLastLr(), baseLrs: [...this.baseLrs] };
  }

  /**
   * Goes to a saved state, of a schedule made with the same options. The rates that groups began with are part of it, so the
   * optimiser's own state may be loaded before or after.
   */
  loadStateDict(state: ScheduleState): void {
    checkScheduleState(this.constructor.name, state, this.optimizer.paramGroups.length);
    this.lastEpoch = state.lastEpoch;
    this.baseLrs = [...state.baseLrs];
    this.optimizer.paramGroups.forEach((group, i) => {
      group.lr = state.lrs[i] as number;
      initialRates.set(group, state.baseLrs[i] as number);
    });
    this.settle(state.lastEpoch);
  }
}

/** Options over their defaults; those without a default must be given. */
export function scheduleOptions<O extends object>(
  op: string,
  given: NoInfer<Partial<O>>,
  standard: NoInfer<Partial<O>>,
  needed: readonly NoInfer<keyof O & string>[],
): O {
  checkOptions(op, given, [...Object.keys(standard), ...needed]);
  for (const key of needed) {
    if (given?.[key] === undefined) throw new TwopassError({ op, problem: `${key} must be given` });
  }
  return { ...standard, ...given } as O;
}

/** One value for all groups, or a list with one for each. */
export function ofGroup<T>(value: T | readonly T[], group: number): T {
  return Array.isArray(value) ? (value[group] as T) : (value as T);
}

/**
 * lr = base · gamma^⌊t / stepSize⌋; gamma default 0.1.
 *
 * @example
 * const schedule = new StepLR(new SGD(model.parameters(), { lr: 1 }), { stepSize: 2 });
 * schedule.step(2);
 * schedule.getLastLr(); // [0.1]
 */
export class StepLR extends LRScheduler {
  readonly #o: { stepSize: number; gamma: number };

  constructor(optimizer: Rated, options: { readonly stepSize: number; readonly gamma?: number }) {
    super(optimizer);
    this.#o = scheduleOptions("StepLR", options, { gamma: 0.1 }, ["stepSize"]);
    this.setStep(0);
  }

  protected override rateAt(step: number, base: number): number {
    return base * this.#o.gamma ** Math.floor(step / this.#o.stepSize);
  }
}

/**
 * lr = base · gamma for each milestone that is reached; gamma default 0.1.
 *
 * @example
 * const schedule = new MultiStepLR(new SGD(model.parameters(), { lr: 1 }), { milestones: [2, 5], gamma: 0.5 });
 * schedule.step(5);
 * schedule.getLastLr(); // [0.25]
 */
export class MultiStepLR extends LRScheduler {
  readonly #o: { milestones: readonly number[]; gamma: number };

  constructor(optimizer: Rated, options: { readonly milestones: readonly number[]; readonly gamma?: number }) {
    super(optimizer);
    this.#o = scheduleOptions("MultiStepLR", options, { gamma: 0.1 }, ["milestones"]);
    this.setStep(0);
  }

  protected override rateAt(step: number, base: number): number {
    return base * this.#o.gamma ** this.#o.milestones.filter((milestone) => milestone <= step).length;
  }
}

/**
 * lr = base · gammaᵗ.
 *
 * @example
 * const schedule = new ExponentialLR(new SGD(model.parameters(), { lr: 1 }), { gamma: 0.5 });
 * schedule.step(3);
 * schedule.getLastLr(); // [0.125]
 */
export class ExponentialLR extends LRScheduler {
  readonly #o: { gamma: number };

  constructor(optimizer: Rated, options: { readonly gamma: number }) {
    super(optimizer);
    this.#o = scheduleOptions("ExponentialLR", options, {}, ["gamma"]);
    this.setStep(0);
  }

  protected override rateAt(step: number, base: number): number {
    return base * this.#o.gamma ** step;
  }
}

/**
 * lr = base · factor during the first totalIters steps, then base; default 1/3 and 5.
 *
 * @example
 * const schedule = new ConstantLR(new SGD(model.parameters(), { lr: 1 }), { factor: 0.5 });
 * schedule.getLastLr(); // [0.5]
 * schedule.step(5);
 * schedule.getLastLr(); // [1]
 */
export class ConstantLR extends LRScheduler {
  readonly #o: { factor: number; totalIters: number };

  constructor(optimizer: Rated, options: { readonly factor?: number; readonly totalIters?: number } = {}) {
    super(optimizer);
    this.#o = scheduleOptions("ConstantLR", options, { factor: 1 / 3, totalIters: 5 }, []);
    this.setStep(0);
  }

  protected override rateAt(step: number, base: number): number {
    return step < this.#o.totalIters ? base * this.#o.factor : base;
  }
}

/**
 * lr = base · a factor that moves from startFactor to endFactor in totalIters steps; default 1/3, 1 and 5.
 *
 * @example
 * const schedule = new LinearLR(new SGD(model.parameters(), { lr: 1 }), { startFactor: 0.5, totalIters: 4 });
 * schedule.step(2);
 * schedule.getLastLr(); // [0.75]
 */
export class LinearLR extends LRScheduler {
  readonly #o: { startFactor: number; endFactor: number; totalIters: number };

  constructor(
    optimizer: Rated,
    options: { readonly startFactor?: number; readonly endFactor?: number; readonly totalIters?: number } = {},
  ) {
    super(optimizer);
    this.#o = scheduleOptions("LinearLR", options, { startFactor: 1 / 3, endFactor: 1, totalIters: 5 }, []);
    this.setStep(0);
  }

  protected override rateAt(step: number, base: number): number {
    const { startFactor, endFactor, totalIters } = this.#o;
    return base * (startFactor + ((endFactor - startFactor) * Math.min(step, totalIters)) / totalIters);
  }
}

/**
 * lr = base · (1 − t / totalIters)^power, 0 from totalIters on; default 5 and 1.
 *
 * @example
 * const schedule = new PolynomialLR(new SGD(model.parameters(), { lr: 1 }), { totalIters: 4, power: 2 });
 * schedule.step(2);
 * schedule.getLastLr(); // [0.25]
 */
export class PolynomialLR extends LRScheduler {
  readonly #o: { totalIters: number; power: number };

  constructor(optimizer: Rated, options: { readonly totalIters?: number; readonly power?: number } = {}) {
    super(optimizer);
    this.#o = scheduleOptions("PolynomialLR", options, { totalIters: 5, power: 1 }, []);
    this.setStep(0);
  }

  protected override rateAt(step: number, base: number): number {
    const { totalIters, power } = this.#o;
    return base * (1 - Math.min(step, totalIters) / totalIters) ** power;
  }
}

/**
 * lr = etaMin + (base − etaMin) · (1 + cos(π t / tMax)) / 2; etaMin default 0. Loshchilov and Hutter (2017).
 *
 * @example
 * const schedule = new CosineAnnealingLR(new SGD(model.parameters(), { lr: 1 }), { tMax: 100, etaMin: 0.5 });
 * schedule.step(100);
 * schedule.getLastLr(); // [0.5]
 */
export class CosineAnnealingLR extends LRScheduler {
  readonly #o: { tMax: number; etaMin: number };

  constructor(optimizer: Rated, options: { readonly tMax: number; readonly etaMin?: number }) {
    super(optimizer);
    this.#o = scheduleOptions("CosineAnnealingLR", options, { etaMin: 0 }, ["tMax"]);
    this.setStep(0);
  }

  protected override rateAt(step: number, base: number): number {
    const { tMax, etaMin } = this.#o;
    return etaMin + ((base - etaMin) * (1 + Math.cos((Math.PI * step) / tMax))) / 2;
  }
}

/**
 * Cosine annealing that starts again after t0 steps, then each time after tMult times as many; default tMult 1 and
 * etaMin 0.
 *
 * @example
 * const schedule = new CosineAnnealingWarmRestarts(new SGD(model.parameters(), { lr: 1 }), { t0: 10, tMult: 2 });
 * schedule.step(10);
 * schedule.getLastLr(); // [1]
 */
export class CosineAnnealingWarmRestarts extends LRScheduler {
  readonly #o: { t0: number; tMult: number; etaMin: number };

  constructor(optimizer: Rated, options: { readonly t0: number; readonly tMult?: number; readonly etaMin?: number }) {
    super(optimizer);
    this.#o = scheduleOptions("CosineAnnealingWarmRestarts", options, { tMult: 1, etaMin: 0 }, ["t0"]);
    this.setStep(0);
  }

  protected override rateAt(step: number, base: number): number {
    const { t0, tMult, etaMin } = this.#o;
    let length = t0;
    let at = step;
    while (at >= length) {
      at -= length;
      length *= tMult;
    }
    return etaMin + ((base - etaMin) * (1 + Math.cos((Math.PI * at) / length))) / 2;
  }
}

/** A function of the step: one for all groups, or one for each. */
export type RateFunction = ((step: number) => number) | readonly ((step: number) => number)[];

/**
 * lr = base · lrLambda(t).
 *
 * @example
 * const schedule = new LambdaLR(new SGD(model.parameters(), { lr: 1 }), { lrLambda: (step) => 1 / (1 + step) });
 * schedule.step(3);
 * schedule.getLastLr(); // [0.25]
 */
export class LambdaLR extends LRScheduler {
  readonly #o: { lrLambda: RateFunction };

  constructor(optimizer: Rated, options: { readonly lrLambda: RateFunction }) {
    super(optimizer);
    this.#o = scheduleOptions("LambdaLR", options, {}, ["lrLambda"]);
    this.setStep(0);
  }

  protected override rateAt(step: number, base: number, _current: number, group: number): number {
    return base * ofGroup(this.#o.lrLambda, group)(step);
  }
}

/**
 * lr = the last lr · lrLambda(t), from step 1 on.
 *
 * @example
 * const schedule = new MultiplicativeLR(new SGD(model.parameters(), { lr: 1 }), { lrLambda: () => 0.5 });
 * schedule.step();
 * schedule.getLastLr(); // [0.5]
 */
export class MultiplicativeLR extends LRScheduler {
  readonly #o: { lrLambda: RateFunction };

  constructor(optimizer: Rated, options: { readonly lrLambda: RateFunction }) {
    super(optimizer);
    this.#o = scheduleOptions("MultiplicativeLR", options, {}, ["lrLambda"]);
    this.setStep(0);
  }

  protected override rateAt(step: number, _base: number, current: number, group: number): number {
    return step === 0 ? current : current * ofGroup(this.#o.lrLambda, group)(step);
  }
}
