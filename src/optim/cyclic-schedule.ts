/** Learning rates that rise and fall, with the momentum against them. Floor: optim. */
import { TwopassError } from "../base/errors.ts";
import { LRScheduler, type Rated, type RatedGroup, ofGroup, scheduleOptions } from "./schedule.ts";

/** Sets the momentum of a group, or the first of its betas. */
function setMomentum(group: RatedGroup, to: number): void {
  if (group.betas !== undefined) group.betas = [to, group.betas[1]];
  else group.momentum = to;
}

function checkMomentum(op: string, optimizer: Rated): void {
  const [group] = optimizer.paramGroups;
  if (group !== undefined && ("momentum" in group || "betas" in group)) return;
  throw new TwopassError({ op, problem: "the optimiser has no momentum to cycle", hint: "{ cycleMomentum: false }" });
}

export interface CyclicOptions {
  /** Lowest rate, for all groups or one for each. */
  readonly baseLr: number | readonly number[];
  /** Highest rate. */
  readonly maxLr: number | readonly number[];
  /** Steps from lowest to highest; default 2000. */
  readonly stepSizeUp?: number;
  /** Steps back; default stepSizeUp. */
  readonly stepSizeDown?: number;
  /** "triangular" (default), "triangular2" (each cycle half as high), or "expRange" (height · gammaᵗ). */
  readonly mode?: "triangular" | "triangular2" | "expRange";
  /** For "expRange"; default 1. */
  readonly gamma?: number;
  /** Whether the momentum falls as the rate rises; default true. */
  readonly cycleMomentum?: boolean;
  /** Lowest momentum; default 0.8. */
  readonly baseMomentum?: number;
  /** Highest momentum; default 0.9. */
  readonly maxMomentum?: number;
}

/**
 * The rate rises from baseLr to maxLr and falls again, over and over. Smith (2017).
 *
 * @example
 * const sgd = new SGD(model.parameters(), { lr: 1, momentum: 0.9 });
 * const schedule = new CyclicLR(sgd, { baseLr: 0.1, maxLr: 0.5, stepSizeUp: 4 });
 * schedule.step(2);
 * schedule.getLastLr(); // [0.3000]
 */
export class CyclicLR extends LRScheduler {
  readonly #o: Required<CyclicOptions>;

  constructor(optimizer: Rated, options: CyclicOptions) {
    super(optimizer);
    const up = options.stepSizeUp ?? 2000;
    this.#o = scheduleOptions<Required<CyclicOptions>>(
      "CyclicLR",
      options,
      {
        stepSizeUp: up,
        stepSizeDown: up,
        mode: "triangular",
        gamma: 1,
        cycleMomentum: true,
        baseMomentum: 0.8,
        maxMomentum: 0.9,
      },
      ["baseLr", "maxLr"],
    );
    if (this.#o.cycleMomentum) checkMomentum("CyclicLR", optimizer);
    this.setStep(0);
  }

  /** Height at a step: 0 at the foot of a cycle, at most 1. */
  #height(step: number): number {
    const { stepSizeUp, stepSizeDown, mode, gamma } = this.#o;
    const total = stepSizeUp + stepSizeDown;
    const cycle = Math.floor(step / total);
    const at = step / total - cycle;
    const ratio = stepSizeUp / total;
    const height = at <= ratio ? at / ratio : (at - 1) / (ratio - 1);
    return height * { triangular: 1, triangular2: 2 ** -cycle, expRange: gamma ** step }[mode];
  }

  protected override rateAt(step: number, _base: number, _current: number, group: number): number {
    const [low, high] = [ofGroup(this.#o.baseLr, group), ofGroup(this.#o.maxLr, group)];
    return low + (high - low) * this.#height(step);
  }

  protected override settle(step: number): void {
    const { cycleMomentum, baseMomentum, maxMomentum } = this.#o;
    if (!cycleMomentum) return;
    const momentum = maxMomentum - (maxMomentum - baseMomentum) * this.#height(step);
    for (const group of this.optimizer.paramGroups) setMomentum(group, momentum);
  }
}

export interface OneCycleOptions {
  /** Highest rate, for all groups or one for each. */
  readonly maxLr: number | readonly number[];
  /** Steps of the cycle; needed unless epochs and stepsPerEpoch are given. */
  readonly totalSteps?: number;
  readonly epochs?: number;
  readonly stepsPerEpoch?: number;
  /** Part of the steps in which the rate rises; default 0.3. */
  readonly pctStart?: number;
  /** How a value moves to the next: "cos" (default) or "linear". */
  readonly annealStrategy?: "cos" | "linear";
  /** Whether the momentum falls as the rate rises; default true. */
  readonly cycleMomentum?: boolean;
  /** Lowest momentum; default 0.85. */
  readonly baseMomentum?: number;
  /** Highest momentum; default 0.95. */
  readonly maxMomentum?: number;
  /** The first rate is maxLr / divFactor; default 25. */
  readonly divFactor?: number;
  /** The last rate is the first / finalDivFactor; default 10000. */
  readonly finalDivFactor?: number;
  /** Whether it falls to the first rate before it falls to the last; default false. */
  readonly threePhase?: boolean;
}

/** A phase ends at a step and moves rate and momentum between two of their levels. */
interface Phase {
  readonly end: number;
  readonly rate: readonly [Level, Level];
  readonly momentum: readonly ["low" | "high", "low" | "high"];
}

type Level = "first" | "highest" | "last";

/**
 * The rate rises once to maxLr and falls to almost nothing; stepped after each batch. Smith and Topin (2019).
 *
 * @example
 * const schedule = new OneCycleLR(optimizer, { maxLr: 0.5, totalSteps: 11 });
 * schedule.getLastLr(); // [0.0200]
 * schedule.step(2);
 * schedule.getLastLr(); // [0.4801]
 */
export class OneCycleLR extends LRScheduler {
  readonly #o: Required<OneCycleOptions>;
  readonly #phases: readonly Phase[];

  constructor(optimizer: Rated, options: OneCycleOptions) {
    super(optimizer);
    const totalSteps = options.totalSteps ?? (options.epochs ?? 0) * (options.stepsPerEpoch ?? 0);
    this.#o = scheduleOptions<Required<OneCycleOptions>>(
      "OneCycleLR",
      options,
      {
        totalSteps,
        epochs: 0,
        stepsPerEpoch: 0,
        pctStart: 0.3,
        annealStrategy: "cos",
        cycleMomentum: true,
        baseMomentum: 0.85,
        maxMomentum: 0.95,
        divFactor: 25,
        finalDivFactor: 1e4,
        threePhase: false,
      },
      ["maxLr"],
    );
    if (!(totalSteps > 0)) {
      throw new TwopassError({ op: "OneCycleLR", problem: "totalSteps, or epochs and stepsPerEpoch, must be given" });
    }
    if (this.#o.cycleMomentum) checkMomentum("OneCycleLR", optimizer);
    const up = this.#o.pctStart * totalSteps;
    this.#phases = this.#o.threePhase
      ? [
          { end: up - 1, rate: ["first", "highest"], momentum: ["high", "low"] },
          { end: 2 * up - 2, rate: ["highest", "first"], momentum: ["low", "high"] },
          { end: totalSteps - 1, rate: ["first", "last"], momentum: ["high", "high"] },
        ]
      : [
          { end: up - 1, rate: ["first", "highest"], momentum: ["high", "low"] },
          { end: totalSteps - 1, rate: ["highest", "last"], momentum: ["low", "high"] },
        ];
    this.setStep(0);
  }

  /** The phase of a step, and how much of it has passed. */
  #place(step: number): { phase: Phase; passed: number } {
    if (step > this.#o.totalSteps) {
      throw new TwopassError({
        op: "OneCycleLR",
        problem: "the cycle is over",
        facts: `step ${step} of ${this.#o.totalSteps}`,
        hint: "give the number of all steps as totalSteps",
      });
    }
    let start = 0;
    for (const phase of this.#phases) {
      if (step <= phase.end || phase === this.#phases.at(-1))
        return { phase, passed: (step - start) / (phase.end - start) };
      start = phase.end;
    }
    return { phase: this.#phases[0] as Phase, passed: 0 };
  }

  #between(from: number, to: number, passed: number): number {
    if (this.#o.annealStrategy === "linear") return from + (to - from) * passed;
    return to + ((from - to) / 2) * (1 + Math.cos(Math.PI * passed));
  }

  protected override rateAt(step: number, _base: number, _current: number, group: number): number {
    const { phase, passed } = this.#place(step);
    const highest = ofGroup(this.#o.maxLr, group);
    const first = highest / this.#o.divFactor;
    const levels = { first, highest, last: first / this.#o.finalDivFactor };
    return this.#between(levels[phase.rate[0]], levels[phase.rate[1]], passed);
  }

  protected override settle(step: number): void {
    if (!this.#o.cycleMomentum) return;
    const { phase, passed } = this.#place(step);
    const levels = { low: this.#o.baseMomentum, high: this.#o.maxMomentum };
    const momentum = this.#between(levels[phase.momentum[0]], levels[phase.momentum[1]], passed);
    for (const group of this.optimizer.paramGroups) setMomentum(group, momentum);
  }
}
