/** Schedules made of others, and the one that moves to the rate of weight averaging. Floor: optim. */
import { TwopassError, checkOptions, describe } from "../base/errors.ts";
import { hostEffect } from "../tensor/capture.ts";
import { LRScheduler, LinearLR, type Rated, type ScheduleState, ofGroup, scheduleOptions } from "./schedule.ts";

/**
 * Schedules one after the other: the i-th begins, at its step 0, when milestone i − 1 is reached.
 *
 * @param options.milestones one fewer than schedules, rising.
 * @example
 * const sgd = new SGD(model.parameters(), { lr: 1 });
 * const first = new ConstantLR(sgd, { factor: 0.5, totalIters: 3 });
 * const schedule = new SequentialLR(sgd, [first, new ExponentialLR(sgd, { gamma: 0.5 })], { milestones: [3] });
 * for (let step = 0; step < 4; step++) schedule.step();
 * schedule.getLastLr(); // [0.5]
 */
export class SequentialLR {
  lastEpoch = 0;
  readonly #schedules: readonly LRScheduler[];
  readonly #milestones: readonly number[];

  constructor(
    optimizer: Rated,
    schedules: readonly LRScheduler[],
    options: { readonly milestones: readonly number[] },
  ) {
    const { milestones } = scheduleOptions<{ milestones: readonly number[] }>("SequentialLR", options, {}, [
      "milestones",
    ]);
    if (schedules.length !== milestones.length + 1 || schedules.some((schedule) => schedule.optimizer !== optimizer)) {
      throw new TwopassError({
        op: "SequentialLR",
        problem: "needs schedules of this optimiser, and one milestone fewer",
        facts: `${schedules.length} schedules, ${milestones.length} milestones`,
      });
    }
    this.#schedules = schedules;
    this.#milestones = milestones;
    // Each schedule has set its own rates: the first one is on.
    schedules[0]?.step(0);
  }

  step(): void {
    hostEffect(() => {
      const before = this.stateDict();
      this.#advance();
      return () => this.loadStateDict(before);
    });
  }

  #advance(): void {
    this.lastEpoch++;
    const index = this.#current();
    const schedule = this.#schedules[index] as LRScheduler;
    if (index > 0 && this.#milestones[index - 1] === this.lastEpoch) schedule.step(0);
    else schedule.step();
  }

  /** Which schedule is on. */
  #current(): number {
    return this.#milestones.filter((milestone) => milestone <= this.lastEpoch).length;
  }

  getLastLr(): number[] {
    return (this.#schedules[0] as LRScheduler).getLastLr();
  }

  stateDict(): { readonly lastEpoch: number; readonly schedules: readonly ScheduleState[] } {
    return { lastEpoch: this.lastEpoch, schedules: this.#schedules.map((schedule) => schedule.stateDict()) };
  }

  loadStateDict(state: { readonly lastEpoch: number; readonly schedules: readonly ScheduleState[] }): void {
    checkCount("SequentialLR", this.#schedules, state.schedules);
    this.lastEpoch = state.lastEpoch;
    const load = (i: number): void => this.#schedules[i]?.loadStateDict(state.schedules[i] as ScheduleState);
    this.#schedules.forEach((_, i) => load(i));
    // The one that is on has the last word on the momentum.
    load(this.#current());
  }
}

/** Throws where a state is of more or fewer schedules. */
function checkCount(op: string, schedules: readonly LRScheduler[], states: unknown): void {
  if (Array.isArray(states) && states.length === schedules.length) return;
  throw new TwopassError({
    op: `${op}.loadStateDict`,
    problem: "the state does not fit",
    facts: `there are ${schedules.length} schedules, in the state ${Array.isArray(states) ? states.length : "no list"}`,
    hint: "give what stateDict() of the same schedule gave",
  });
}

export interface WarmupOptions {
  /** Steps before the schedule begins, from 1. */
  readonly steps: number;
  /** Share of the rate at the first step; default 1 / (steps + 1), so that the rate rises evenly from the first step on. */
  readonly startFactor?: number;
}

/**
 * A schedule after a linear rise to the rate it begins with: `SequentialLR` of a `LinearLR` and the schedule, which is not
 * stepped by itself any more.
 *
 * @example
 * const sgd = new SGD(model.parameters(), { lr: 1 });
 * const schedule = withWarmup(new CosineAnnealingLR(sgd, { tMax: 900 }), { steps: 3 });
 * schedule.getLastLr(); // [0.25]
 * schedule.step();
 * schedule.getLastLr(); // [0.5]
 */
export function withWarmup(schedule: LRScheduler, options: WarmupOptions): SequentialLR {
  if (!(schedule instanceof LRScheduler)) {
    throw new TwopassError({
      op: "withWarmup",
      problem: "takes a schedule of steps",
      facts: `got ${describe(schedule)}`,
      hint: "new CosineAnnealingLR(optimizer, { tMax: 1000 })",
    });
  }
  checkOptions("withWarmup", options, ["steps", "startFactor"]);
  const { steps, startFactor = 1 / (steps + 1) } = options;
  if (!Number.isInteger(steps) || steps < 1) {
    throw new TwopassError({
      op: "withWarmup",
      problem: "steps must be a whole number from 1",
      facts: `got ${describe(steps)}`,
    });
  }
  const rise = new LinearLR(schedule.optimizer, { startFactor, totalIters: steps });
  return new SequentialLR(schedule.optimizer, [rise, schedule], { milestones: [steps] });
}

export interface ChainState {
  readonly lrs: readonly number[];
  readonly schedules: readonly ScheduleState[];
}

/**
 * Schedules at the same time: each multiplies the rate by what it would do to it alone.
 *
 * @example
 * const sgd = new SGD(model.parameters(), { lr: 1 });
 * const constant = new ConstantLR(sgd, { factor: 0.5 });
 * const schedule = new ChainedScheduler([constant, new ExponentialLR(sgd, { gamma: 0.5 })]);
 * schedule.step();
 * schedule.getLastLr(); // [0.25]
 */
export class ChainedScheduler {
  readonly #schedules: readonly LRScheduler[];
  readonly #groups: readonly { lr: number }[];
  /** The rates of the groups that each schedule would have set alone. */
  #own: readonly (readonly number[])[];

  constructor(schedules: readonly LRScheduler[]) {
    const [first] = schedules;
    if (first === undefined || schedules.some((schedule) => schedule.optimizer !== first.optimizer)) {
      throw new TwopassError({ op: "ChainedScheduler", problem: "needs schedules of one optimiser" });
    }
    this.#schedules = schedules;
    this.#groups = first.optimizer.paramGroups;
    this.#own = schedules.map(() => first.baseLrs);
    this.#setRates(first.baseLrs);
    this.#combine((schedule) => schedule.step(0));
  }

  step(): void {
    hostEffect(() => {
      const before = this.stateDict();
      this.#combine((schedule) => schedule.step());
      return () => this.loadStateDict(before);
    });
  }

  /** Moves each schedule alone, and the rates by the product of the changes. */
  #combine(move: (schedule: LRScheduler) => void): void {
    const rates = this.getLastLr();
    this.#own = this.#schedules.map((schedule, i) => {
      const old = this.#own[i] as readonly number[];
      this.#setRates(old);
      move(schedule);
      const moved = schedule.getLastLr();
      moved.forEach((rate, group) => {
        const from = old[group] as number;
        rates[group] = from === 0 ? rate : (rates[group] as number) * (rate / from);
      });
      return moved;
    });
    this.#setRates(rates);
  }

  #setRates(rates: readonly number[]): void {
    this.#groups.forEach((group, i) => {
      group.lr = rates[i] as number;
    });
  }

  /** The rates of the groups. */
  getLastLr(): number[] {
    return this.#groups.map((group) => group.lr);
  }

  stateDict(): ChainState {
    const schedules = this.#schedules.map((schedule, i) => ({
      ...schedule.stateDict(),
      lrs: this.#own[i] ?? [],
    }));
    return { lrs: this.getLastLr(), schedules };
  }

  loadStateDict({ lrs, schedules }: ChainState): void {
    checkCount("ChainedScheduler", this.#schedules, schedules);
    this.#schedules.forEach((schedule, i) => schedule.loadStateDict(schedules[i] as ScheduleState));
    this.#own = schedules.map((state) => state.lrs);
    this.#setRates(lrs);
  }
}

export interface SWALROptions {
  /** The rate to end at, for all groups or one for each. */
  readonly swaLr: number | readonly number[];
  /** Steps to get there; default 10. */
  readonly annealEpochs?: number;
  /** How: "cos" (default) or "linear". */
  readonly annealStrategy?: "cos" | "linear";
}

/**
 * The rate moves from base to swaLr and stays there, for averaging weights. Izmailov et al. (2018).
 *
 * @example
 * const schedule = new SWALR(new SGD(model.parameters(), { lr: 1 }), { swaLr: 0.5, annealEpochs: 5 });
 * schedule.step(5);
 * schedule.getLastLr(); // [0.5]
 */
export class SWALR extends LRScheduler {
  readonly #o: Required<SWALROptions>;

  constructor(optimizer: Rated, options: SWALROptions) {
    super(optimizer);
    this.#o = scheduleOptions<Required<SWALROptions>>("SWALR", options, { annealEpochs: 10, annealStrategy: "cos" }, [
      "swaLr",
    ]);
    this.setStep(0);
  }

  protected override rateAt(step: number, base: number, _current: number, group: number): number {
    const { annealEpochs, annealStrategy, swaLr } = this.#o;
    const passed = Math.max(
      0,
      Math.min(1, (annealEpochs === 0 ? Math.max(1, step) : step) / Math.max(1, annealEpochs)),
    );
    const share = annealStrategy === "linear" ? passed : (1 - Math.cos(Math.PI * passed)) / 2;
    return ofGroup(swaLr, group) * share + base * (1 - share);
  }
}
