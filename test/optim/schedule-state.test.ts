/** Every schedule saved in the middle as JSON and restored in a new object: the rates and momenta after it are the same. */
import { describe, expect, test } from "vitest";
import { Parameter } from "../../src/nn/index.ts";
import {
  Adam,
  ChainedScheduler,
  ConstantLR,
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  CyclicLR,
  ExponentialLR,
  LambdaLR,
  LinearLR,
  MultiStepLR,
  MultiplicativeLR,
  OneCycleLR,
  PolynomialLR,
  ReduceLROnPlateau,
  SGD,
  SWALR,
  SequentialLR,
  StepLR,
  withWarmup,
} from "../../src/optim/index.ts";
import { zeros } from "../../src/tensor/creation.ts";

type Optimizer = SGD | Adam;

/** What all schedules have. */
interface Saved {
  step(metric: number): void;
  stateDict(): object;
  loadStateDict(state: never): void;
}

function sgd(): SGD {
  const group = (lr: number): { params: Parameter[]; lr: number } => ({ params: [new Parameter(zeros(1))], lr });
  return new SGD([group(1), group(0.25)], { lr: 1, momentum: 0.9 });
}

function adam(): Adam {
  return new Adam([new Parameter(zeros(1))], { lr: 0.1 });
}

const makers: Readonly<Record<string, readonly [() => Optimizer, (optimizer: Optimizer) => Saved]>> = {
  StepLR: [sgd, (o) => new StepLR(o, { stepSize: 3 })],
  MultiStepLR: [sgd, (o) => new MultiStepLR(o, { milestones: [2, 5, 7] })],
  ExponentialLR: [sgd, (o) => new ExponentialLR(o, { gamma: 0.9 })],
  ConstantLR: [sgd, (o) => new ConstantLR(o, { totalIters: 4 })],
  LinearLR: [sgd, (o) => new LinearLR(o, { totalIters: 7 })],
  PolynomialLR: [sgd, (o) => new PolynomialLR(o, { totalIters: 9, power: 2 })],
  CosineAnnealingLR: [sgd, (o) => new CosineAnnealingLR(o, { tMax: 8 })],
  CosineAnnealingWarmRestarts: [sgd, (o) => new CosineAnnealingWarmRestarts(o, { t0: 3, tMult: 2 })],
  LambdaLR: [sgd, (o) => new LambdaLR(o, { lrLambda: (t) => 1 / (1 + t) })],
  MultiplicativeLR: [sgd, (o) => new MultiplicativeLR(o, { lrLambda: (t) => 1 - 0.05 * t })],
  CyclicLR: [sgd, (o) => new CyclicLR(o, { baseLr: 0.1, maxLr: 1, stepSizeUp: 3, mode: "triangular2" })],
  "CyclicLR of Adam": [adam, (o) => new CyclicLR(o, { baseLr: 0.1, maxLr: 1, stepSizeUp: 4 })],
  OneCycleLR: [sgd, (o) => new OneCycleLR(o, { maxLr: 1, totalSteps: 12 })],
  "OneCycleLR of Adam": [adam, (o) => new OneCycleLR(o, { maxLr: 1, totalSteps: 12, threePhase: true })],
  SWALR: [sgd, (o) => new SWALR(o, { swaLr: 0.05, annealEpochs: 8 })],
  ReduceLROnPlateau: [sgd, (o) => new ReduceLROnPlateau(o, { patience: 1, cooldown: 1, factor: 0.5 })],
  "ReduceLROnPlateau for more": [sgd, (o) => new ReduceLROnPlateau(o, { mode: "max", patience: 0 })],
  SequentialLR: [
    sgd,
    (o) => {
      const cyclic = new CyclicLR(o, { baseLr: 0.1, maxLr: 1, stepSizeUp: 2 });
      const cycle = new OneCycleLR(o, { maxLr: 0.5, totalSteps: 9 });
      return new SequentialLR(o, [cyclic, cycle, new StepLR(o, { stepSize: 1 })], { milestones: [6, 10] });
    },
  ],
  ChainedScheduler: [
    sgd,
    (o) =>
      new ChainedScheduler([new ExponentialLR(o, { gamma: 0.9 }), new LinearLR(o), new StepLR(o, { stepSize: 4 })]),
  ],
  withWarmup: [sgd, (o) => withWarmup(new CosineAnnealingLR(o, { tMax: 6 }), { steps: 4 })],
};

const steps = 11;
/** Falls, stays, is not a number, and falls again. */
const metrics = [5, 4, 4, 4, Number.NaN, 4, 3, 3, 3, 3, 2];

function settings(optimizer: Optimizer): number[][] {
  return optimizer.paramGroups.map((group) => ["momentum" in group ? group.momentum : group.betas[0], group.lr]);
}

describe.each(Object.entries(makers))("%s", (_name, [makeOptimizer, makeSchedule]) => {
  /** What is set after each step, the first one `from`. */
  function run(optimizer: Optimizer, schedule: Saved, from: number, to: number): number[][][] {
    const rows: number[][][] = [];
    for (let i = from; i < to; i++) {
      schedule.step(metrics[i] as number);
      rows.push(settings(optimizer));
    }
    return rows;
  }
  // Schedules that take the epoch as argument are stepped without.
  const make = (optimizer: Optimizer): Saved => {
    const made = makeSchedule(optimizer);
    if (made instanceof ReduceLROnPlateau) return made;
    const plain = made as Saved & { step(): void };
    return {
      step: () => plain.step(),
      stateDict: () => plain.stateDict(),
      loadStateDict: (s) => plain.loadStateDict(s),
    };
  };

  test("goes on after each step as if it had not been saved", () => {
    const whole = makeOptimizer();
    const expected = run(whole, make(whole), 0, steps);
    for (let k = 0; k <= steps; k++) {
      const first = makeOptimizer();
      const before = make(first);
      run(first, before, 0, k);
      const [state, groups] = JSON.parse(JSON.stringify([before.stateDict(), first.stateDict().paramGroups])) as [
        never,
        ReturnType<Optimizer["stateDict"]>["paramGroups"],
      ];
      const reached = settings(first);
      // The schedule may be made before the optimiser's state is loaded, or after.
      for (const isMadeFirst of [true, false]) {
        const second = makeOptimizer();
        const early = isMadeFirst ? make(second) : undefined;
        second.loadStateDict({ state: {}, paramGroups: groups });
        const after = early ?? make(second);
        after.loadStateDict(state);
        expect(settings(second)).toEqual(reached);
        expect(run(second, after, k, steps)).toEqual(expected.slice(k));
      }
    }
  });

  test("refuses the state of something else", () => {
    const optimizer = makeOptimizer();
    const schedule = make(optimizer);
    schedule.step(1);
    const before = settings(optimizer);
    for (const bad of [
      {},
      { lastEpoch: 1 },
      { lastEpoch: 1, lrs: [1, 2, 3], baseLrs: [1], badSteps: 0 },
      { schedules: [] },
    ]) {
      expect(() => schedule.loadStateDict(bad as never)).toThrow(/loadStateDict: the state does not fit/);
    }
    expect(settings(optimizer)).toEqual(before);
  });
});

test("a warm-up rises evenly from the first step on, then the schedule begins", () => {
  const optimizer = adam();
  const schedule = withWarmup(new StepLR(optimizer, { stepSize: 2, gamma: 0.5 }), { steps: 4 });
  const rates = [schedule.getLastLr()[0]];
  for (let i = 0; i < 8; i++) {
    schedule.step();
    rates.push(schedule.getLastLr()[0]);
  }
  const expected = [0.02, 0.04, 0.06, 0.08, 0.1, 0.1, 0.05, 0.05, 0.025];
  expect(rates).toEqual(expected.map((rate) => expect.closeTo(rate, 12) as number));
  const later = adam();
  withWarmup(new ExponentialLR(later, { gamma: 1 }), { steps: 2, startFactor: 0.5 });
  expect(later.paramGroups[0]?.lr).toBe(0.05);
  expect(() => withWarmup(new StepLR(later, { stepSize: 1 }), { steps: 0 })).toThrow(
    "steps must be a whole number from 1",
  );
  const plateau = new ReduceLROnPlateau(later) as unknown as StepLR;
  expect(() => withWarmup(plateau, { steps: 1 })).toThrow("withWarmup: takes a schedule of steps");
});
