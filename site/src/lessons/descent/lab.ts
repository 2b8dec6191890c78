/**
 * Gradient descent on the loss of a model with one weight. A descent is computed whole, from its start to its last step; the
 * page shows as many of its steps as were made.
 */
import { type Tensor, grad, linspace, manualSeed, randperm, stack, tensor } from "twopass";
import { Parameter } from "twopass/nn";
import { SGD } from "twopass/optim";
import { exampleCount, mostSteps, nudge } from "./constants.ts";

/** The loss of a line, of a wave whose frequency is the weight, and of a sigmoid whose steepness it is. */
export type Ground = "bowl" | "valleys" | "plateau";

export interface Sight {
  readonly ground: Ground;
  /** Inputs and targets of the examples. */
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** Weights at equal distances, and the loss of each. */
  readonly w: readonly number[];
  readonly loss: readonly number[];
}

export interface DescentChoice {
  readonly ground: Ground;
  readonly start: number;
  readonly rate: number;
  /** Examples in a batch, 1 to `exampleCount`. */
  readonly batch: number;
  readonly seed: number;
}

/** A weight, and the step that is made from there. */
export interface DescentStep {
  readonly w: number;
  /** Of all examples. */
  readonly loss: number;
  /** ∂L/∂w of the batch, which the step is made by, and of all examples. */
  readonly slope: number;
  readonly wholeSlope: number;
  /** −η·∂L/∂w. */
  readonly move: number;
  /** Which examples are in the batch: 1 or 0. */
  readonly mask: readonly number[];
}

export interface Descent extends DescentChoice {
  /** The last one is the first whose loss or slope is infinite or no number, if there is one. */
  readonly steps: readonly DescentStep[];
  readonly isBroken: boolean;
  /** The second derivative of the loss at the start, and 1 − η times it. */
  readonly bend: number;
  readonly factor: number;
}

export interface LookChoice {
  readonly ground: Ground;
  readonly w: number;
  readonly mask: readonly number[];
}

export interface Look extends LookChoice {
  /** Inputs at equal distances, and what the model gives for them. */
  readonly x: readonly number[];
  readonly line: readonly number[];
  /** The loss of the batch over the weights of `Sight`. */
  readonly loss: readonly number[];
  /** The loss of all examples at w and at w + `nudge`, and their difference divided by `nudge`. */
  readonly near: readonly [here: number, there: number, quotient: number];
}

export interface DescentLab {
  sight(ground: Ground): Promise<Sight>;
  descend(choice: DescentChoice): Promise<Descent>;
  look(choice: LookChoice): Promise<Look>;
}

interface Model {
  readonly from: number;
  readonly to: number;
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly forward: (w: Tensor, x: Tensor) => Tensor;
}

const models: Readonly<Record<Ground, Model>> = {
  bowl: {
    from: -1,
    to: 4,
    x: [0.2, 0.5, 0.8, 1, 1.3, 1.5, 1.8, 2],
    y: [0.6, 0.3, 1.7, 1.2, 2.3, 1.8, 3.2, 2.6],
    forward: (w, x) => w.mul(x),
  },
  valleys: {
    from: 1,
    to: 6,
    x: [0.3, 0.6, 0.9, 1.2, 1.5, 1.8, 2.1, 2.4],
    y: [0.4, 1, 0.9, 0.8, 0.2, -0.5, -0.8, -1.1],
    forward: (w, x) => w.mul(x).sin(),
  },
  plateau: {
    from: -8,
    to: 8,
    x: [-2, -1.5, -1.1, -0.8, 0.8, 1.1, 1.5, 2],
    y: [0.1, 0.05, 0.2, 0.3, 0.75, 0.8, 0.85, 0.95],
    forward: (w, x) => w.mul(x).sigmoid(),
  },
};

const places = 201;

/** The mean squared error of the examples in the batch, for each weight of a column. */
function lossOf({ x, y, forward }: Model, w: Tensor, mask: Tensor): Tensor {
  const error = forward(w, tensor(x)).sub(tensor(y));
  return error.square().mul(mask).sum(-1).div(mask.sum());
}

/** The batch of all examples. */
function everything(): Tensor {
  return tensor(new Array<number>(exampleCount).fill(1));
}

async function numbers(values: Tensor): Promise<number[]> {
  return values.array(1);
}

/** Batches in order: each round goes through the examples in an order of its own. */
async function masksOf(batch: number, seed: number): Promise<number[][]> {
  if (batch === exampleCount) return new Array<number[]>(mostSteps + 1).fill(new Array<number>(exampleCount).fill(1));
  const inRound = Math.floor(exampleCount / batch);
  manualSeed(seed);
  // All are drawn before anything is waited for: another call may set the seed meanwhile.
  const drawn = Array.from({ length: Math.ceil((mostSteps + 1) / inRound) }, () => randperm(exampleCount));
  const orders = await Promise.all(drawn.map(numbers));
  return Array.from({ length: mostSteps + 1 }, (_, step) => {
    const order = orders[Math.floor(step / inRound)] as number[];
    const from = (step % inRound) * batch;
    const chosen = order.slice(from, from + batch);
    return order.map((__, i) => (chosen.includes(i) ? 1 : 0));
  });
}

async function descend(choice: DescentChoice): Promise<Descent> {
  const { ground, start, rate, batch, seed } = choice;
  const model = models[ground];
  const all = everything();
  const masks = await masksOf(batch, seed);
  const w = new Parameter(tensor(start));
  const [first] = grad(lossOf(model, w, all), w, { createGraph: true });
  const [second] = grad(first, w);
  const bend = stack([second, second.mul(-rate).add(1)]);
  const optimizer = new SGD([w], { lr: rate });
  const found = masks.map((mask) => {
    const whole = lossOf(model, w, all);
    const [wholeSlope] = grad(whole, w);
    optimizer.zeroGrad();
    lossOf(model, w, tensor(mask)).backward();
    const slope = w.grad as Tensor;
    const row = stack([w, whole, slope, wholeSlope, slope.mul(-rate)]);
    optimizer.step();
    return row;
  });
  const rows = await Promise.all(found.map(numbers));
  const steps = rows.map((row, i): DescentStep => {
    const [at, loss, slope, wholeSlope, move] = row as [number, number, number, number, number];
    return { w: at, loss, slope, wholeSlope, move, mask: masks[i] as number[] };
  });
  const broken = rows.findIndex((row) => !row.every(Number.isFinite));
  const [curve, factor] = (await numbers(bend)) as [number, number];
  return {
    ...choice,
    steps: broken < 0 ? steps : steps.slice(0, broken + 1),
    isBroken: broken >= 0,
    bend: curve,
    factor,
  };
}

export function descentLab(): DescentLab {
  const curve = (model: Model, mask: Tensor): Promise<number[]> =>
    numbers(lossOf(model, linspace(model.from, model.to, places).reshape(places, 1), mask));
  return {
    sight: async (ground) => {
      const model = models[ground];
      const { from, to, x, y } = model;
      return {
        ground,
        x,
        y,
        w: await numbers(linspace(from, to, places)),
        loss: await curve(model, everything()),
      };
    },
    descend,
    look: async (choice) => {
      const model = models[choice.ground];
      const { x, forward } = model;
      const [here, there] = [0, nudge].map((by) => lossOf(model, tensor(choice.w).add(by), everything())) as [
        Tensor,
        Tensor,
      ];
      const inputs = linspace(Math.min(0, x[0] as number), x.at(-1) as number, 61);
      return {
        ...choice,
        x: await numbers(inputs),
        line: await numbers(forward(tensor(choice.w), inputs)),
        loss: await curve(model, tensor(choice.mask)),
        near: (await numbers(stack([here, there, there.sub(here).div(nudge)]))) as [number, number, number],
      };
    },
  };
}
