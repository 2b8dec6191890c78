/**
 * Optimisers on one landscape: a loss over two weights. A run is computed whole; the page shows as many of its steps as were
 * made.
 */
import { type Tensor, cat, linspace, tensor } from "twopass";
import { Parameter } from "twopass/nn";
import { Adam, RMSprop, SGD } from "twopass/optim";
import { type LandName, type OptimizerName, eps, mostSteps } from "./constants.ts";

export type Pair = readonly [number, number];

export interface Land {
  readonly land: LandName;
  /** Both weights go from −`reach` to `reach`. */
  readonly reach: number;
  /** So many weights in each direction. */
  readonly size: number;
  /** Row by row, the largest w₂ first. */
  readonly loss: readonly number[];
  /** A loss below it counts as the bottom. */
  readonly goal: number;
}

export interface RunChoice {
  readonly land: LandName;
  readonly start: Pair;
  readonly optimizer: OptimizerName;
  readonly rate: number;
  /** Share of the velocity or of the mean gradient that is kept: μ of momentum, β₁ of Adam. */
  readonly keep: number;
  /** Share of the mean of squares that is kept: ρ of RMSProp, β₂ of Adam. */
  readonly keepSquares: number;
}

/** Weights, and the step that is made from there; of each there is one for w₁ and one for w₂. */
export interface RunStep {
  readonly w: Pair;
  readonly loss: number;
  readonly slope: Pair;
  /** After the step: momentum's velocity or Adam's mean of gradients. */
  readonly mean: Pair | undefined;
  /** After the step: the mean of squared gradients. */
  readonly squares: Pair | undefined;
  /** The same two of Adam, divided by 1 − βᵗ. */
  readonly straightMean: Pair | undefined;
  readonly straightSquares: Pair | undefined;
  /** What is added to the weights. */
  readonly move: Pair;
}

export interface Run extends RunChoice {
  /** The last one is the first that has an infinite number, if there is one. */
  readonly steps: readonly RunStep[];
  readonly isBroken: boolean;
  /** The first step from which on the loss stays below the goal. */
  readonly arrived: number | undefined;
}

export interface OptimizersLab {
  land(land: LandName): Promise<Land>;
  runs(choices: readonly RunChoice[]): Promise<Run[]>;
}

interface Ground {
  readonly reach: number;
  readonly goal: number;
  readonly loss: (w1: Tensor, w2: Tensor) => Tensor;
}

const grounds: Readonly<Record<LandName, Ground>> = {
  /** w₁·x₁ + w₂·x₂, whose second input is larger. */
  ravine: {
    reach: 2,
    goal: 0.01,
    loss: examples([0.5, -0.5, 1, -1], [5, 4, -6, -3], [-1, -1.7, 2.8, -0.1], (z) => z),
  },
  /** The same two weights before a sigmoid, which is flat where it is sure. */
  plateau: {
    reach: 4,
    goal: 0.01,
    loss: examples([-2, -1, 1, 2], [-1, 1, -1, 1], [0.1, 0.4, 0.6, 0.9], (z) => z.sigmoid()),
  },
  /** (w₁·w₂ − 1)²: two weights one behind the other. */
  saddle: { reach: 2, goal: 0.01, loss: (w1, w2) => w1.mul(w2).sub(1).square() },
  /** (1 − w₁)² + 5·(w₂ − w₁²)². */
  bend: {
    reach: 2,
    goal: 0.01,
    loss: (w1, w2) => w1.sub(1).square().add(w2.sub(w1.square()).square().mul(5)),
  },
};

/** The mean squared error of a neuron with two weights. */
function examples(
  x1: readonly number[],
  x2: readonly number[],
  y: readonly number[],
  activation: (z: Tensor) => Tensor,
): Ground["loss"] {
  return (w1, w2) => {
    const z = w1
      .unsqueeze(-1)
      .mul(tensor(x1))
      .add(w2.unsqueeze(-1).mul(tensor(x2)));
    return activation(z).sub(tensor(y)).square().mean(-1);
  };
}

const size = 81;

interface Rule {
  readonly optimizer: (
    w: Parameter,
    choice: RunChoice,
  ) => { step(): void; zeroGrad(): void; stateDict: SGD["stateDict"] };
  /** The states' names in the optimiser. */
  readonly mean?: string;
  readonly squares?: string;
  /** Whether the states are divided by 1 − βᵗ. */
  readonly isCorrected?: boolean;
}

const rules: Readonly<Record<OptimizerName, Rule>> = {
  sgd: { optimizer: (w, { rate }) => new SGD([w], { lr: rate }) },
  momentum: {
    optimizer: (w, { rate, keep }) => new SGD([w], { lr: rate, momentum: keep }),
    mean: "momentum_buffer",
  },
  rmsprop: {
    optimizer: (w, { rate, keepSquares }) => new RMSprop([w], { lr: rate, alpha: keepSquares, eps }),
    squares: "square_avg",
  },
  adam: {
    optimizer: (w, { rate, keep, keepSquares }) => new Adam([w], { lr: rate, betas: [keep, keepSquares], eps }),
    mean: "exp_avg",
    squares: "exp_avg_sq",
    isCorrected: true,
  },
};

async function run(choice: RunChoice): Promise<Run> {
  const { land, start, rate, keep, keepSquares } = choice;
  const { loss: lossOf, goal } = grounds[land];
  const rule = rules[choice.optimizer];
  const w = new Parameter(tensor(start));
  const optimizer = rule.optimizer(w, choice);
  const rows: Tensor[] = [];
  for (let step = 1; step <= mostSteps + 1; step++) {
    const loss = lossOf(w.at(0), w.at(1));
    optimizer.zeroGrad();
    loss.backward();
    const slope = w.grad as Tensor;
    const row = [w, loss.unsqueeze(0), slope].map((part) => part.clone());
    optimizer.step();
    const state = optimizer.stateDict().state[0];
    const stateOf = (name: string | undefined): Tensor | undefined => {
      if (name === undefined) return undefined;
      const kept = state?.[name];
      // With a momentum of 0 there is no velocity: it would be the gradient.
      return typeof kept === "object" ? kept.clone() : slope;
    };
    const corrected = (part: Tensor | undefined, share: number): Tensor | undefined =>
      rule.isCorrected === true ? part?.div(1 - share ** step) : part;
    const [mean, squares] = [stateOf(rule.mean), stateOf(rule.squares)];
    const straightMean = corrected(mean, keep);
    const straightSquares = corrected(squares, keepSquares);
    const direction = straightMean ?? slope;
    const move = straightSquares === undefined ? direction : direction.div(straightSquares.sqrt().add(eps));
    const nothing = slope.mul(0);
    const all = [mean, squares, straightMean, straightSquares].map((part) => part ?? nothing);
    rows.push(cat([...row, ...all, move.mul(-rate)]));
  }
  const steps = (await Promise.all(rows.map((row) => row.array(1)))).map((row): RunStep => {
    const pair = (at: number): Pair => [row[at] as number, row[at + 1] as number];
    return {
      w: pair(0),
      loss: row[2] as number,
      slope: pair(3),
      mean: rule.mean === undefined ? undefined : pair(5),
      squares: rule.squares === undefined ? undefined : pair(7),
      straightMean: rule.isCorrected === true ? pair(9) : undefined,
      straightSquares: rule.isCorrected === true ? pair(11) : undefined,
      move: pair(13),
    };
  });
  const broken = steps.findIndex(({ w: at, loss, slope }) => ![...at, loss, ...slope].every(Number.isFinite));
  const isBroken = broken >= 0;
  const arrived = steps.findLastIndex(({ loss }) => !(loss < goal)) + 1;
  return {
    ...choice,
    steps: isBroken ? steps.slice(0, broken + 1) : steps,
    isBroken,
    arrived: arrived < steps.length ? arrived : undefined,
  };
}

export function optimizersLab(): OptimizersLab {
  // Most often one of them has changed.
  let known = new Map<string, Run>();
  return {
    land: async (land) => {
      const { reach, goal, loss } = grounds[land];
      const values = linspace(-reach, reach, size);
      const all = loss(values.reshape(1, size), values.neg().reshape(size, 1).add(values.reshape(1, size).mul(0)));
      return { land, reach, size, goal, loss: await all.reshape(size * size).array(1) };
    },
    runs: async (choices) => {
      const found = new Map<string, Run>();
      for (const choice of choices) {
        const key = JSON.stringify(choice);
        found.set(key, known.get(key) ?? (await run(choice)));
      }
      known = found;
      return [...found.values()];
    },
  };
}
