/**
 * The numbers of the lesson on the loss: a line's errors at some points and the gradient of their mean square, lines that
 * are trained by three losses, and what a class costs by its score. In float64, so that decimals such as 0.3 stay what
 * they are. What is asked for is all that is known here: the page keeps the lines.
 */
import { StoredTensor, type Tensor, grad, stack, tensor } from "twopass";
import { binaryCrossEntropyWithLogits, huberLoss, l1Loss, mseLoss } from "twopass/nn/functional";
import { SGD } from "twopass/optim";
import { withoutNoise } from "../kit/without-noise.ts";
import { type Fit, ends, fits } from "./settings.ts";

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** ŷ = w·x + b. */
export interface Line {
  readonly w: number;
  readonly b: number;
}

/** A line that is trained: its loss, and the gradient of it. */
export interface FittedLine extends Line {
  readonly loss: number;
  readonly slopeW: number;
  readonly slopeB: number;
}

export interface LineReading {
  /** For each point: ŷ, ŷ − y, and (ŷ − y)². */
  readonly outputs: readonly number[];
  readonly errors: readonly number[];
  readonly squares: readonly number[];
  /** The mean of the squares, and its gradient. */
  readonly loss: number;
  readonly slopeW: number;
  readonly slopeB: number;
}

/** The loss at equal distances of w, and the tangent at the line's own w. */
export interface Valley {
  readonly w: readonly number[];
  readonly loss: readonly number[];
  readonly tangent: readonly number[];
}

/** Of an answer p = σ(z) by cross-entropy, and by the square (p − y)². */
export interface ScoreReading {
  /** What was asked for. */
  readonly z: number;
  readonly y: number;
  readonly p: number;
  readonly loss: number;
  readonly slope: number;
  readonly square: number;
  readonly squareSlope: number;
}

export interface ScoreCurves {
  readonly z: readonly number[];
  readonly loss: readonly number[];
  readonly square: readonly number[];
}

const dtype = "float64";

const lossOf: Readonly<Record<Fit, (outputs: Tensor, targets: Tensor) => Tensor>> = {
  mse: mseLoss,
  mae: l1Loss,
  huber: huberLoss,
};

function plain(values: readonly number[]): Tensor {
  return tensor([...values], { dtype });
}

function variable(value: number): Tensor {
  return tensor(value, { dtype, requiresGrad: true });
}

function numbers(result: Tensor): number[] {
  return Array.from(result.dataSync(), withoutNoise);
}

/** From −end to end. The quotient is the number that a slider of such steps has, to the bit. */
function between(end: number, perUnit: number): number[] {
  return Array.from({ length: 2 * end * perUnit + 1 }, (_, i) => (i - end * perUnit) / perUnit);
}

export function lossLab() {
  return {
    read({ w, b }: Line, points: readonly Point[]): LineReading {
      const [x, y] = [plain(points.map((p) => p.x)), plain(points.map((p) => p.y))];
      const [weight, bias] = [variable(w), variable(b)];
      const outputs = x.mul(weight).add(bias);
      const errors = outputs.sub(y);
      const loss = mseLoss(outputs, y);
      const slopes = grad(loss, [weight, bias], { retainGraph: true });
      const rows = stack([outputs, errors, errors.square()]);
      const all = numbers(rows);
      const row = (i: number): number[] => all.slice(i * points.length, (i + 1) * points.length);
      const [mean, slopeW, slopeB] = numbers(stack([loss, ...slopes])) as [number, number, number];
      return { outputs: row(0), errors: row(1), squares: row(2), loss: mean, slopeW, slopeB };
    },

    /** As many steps of gradient descent, each line by its own loss; with 0 what they are now. */
    train(lines: readonly Line[], points: readonly Point[], rate: number, steps: number): FittedLine[] {
      const parameters = (["w", "b"] as const).map(
        (name) => new StoredTensor(plain(lines.map((line) => line[name])), { requiresGrad: true }),
      ) as [StoredTensor, StoredTensor];
      const [w, b] = parameters;
      const [x, y] = [plain(points.map((p) => p.x)), plain(points.map((p) => p.y))];
      const losses = (): Tensor =>
        stack(fits.map((fit, i) => lossOf[fit](x.mul(w.select(0, i)).add(b.select(0, i)), y)));
      const optimizer = new SGD(parameters, { lr: rate });
      for (let step = 0; step < steps; step++) {
        optimizer.zeroGrad();
        // No line is in the loss of another, so the sum leaves to each the gradient of its own.
        losses().sum().backward();
        optimizer.step();
      }
      const last = losses();
      const slopes = grad(last.sum(), parameters, { retainGraph: true });
      const all = numbers(stack([w, b, last, ...slopes]));
      const count = lines.length;
      return lines.map((_, i) => {
        const [toW, toB, loss, slopeW, slopeB] = [0, 1, 2, 3, 4].map((row) => all[row * count + i] as number);
        return { w: toW, b: toB, loss, slopeW, slopeB } as FittedLine;
      });
    },

    /** The mean square over w, with b as it is. */
    valley({ w, b }: Line, points: readonly Point[]): Valley {
      const places = between(ends.w, 20);
      const [x, y] = [plain(points.map((p) => p.x)), plain(points.map((p) => p.y))];
      const all = plain(places).unsqueeze(1);
      const loss = all.mul(x).add(b).sub(y).square().mean(1);
      const weight = variable(w);
      const here = mseLoss(x.mul(weight).add(b), y);
      const [slope] = grad(here, [weight], { retainGraph: true });
      const tangent = plain(places).sub(w).mul(slope).add(here.detach());
      return { w: places, loss: numbers(loss), tangent: numbers(tangent) };
    },

    score(z: number, y: number): ScoreReading {
      const score = variable(z);
      const target = tensor(y, { dtype });
      const p = score.sigmoid();
      const loss = binaryCrossEntropyWithLogits(score, target);
      const square = mseLoss(p, target);
      const [slope] = grad(loss, [score], { retainGraph: true });
      const [squareSlope] = grad(square, [score], { retainGraph: true });
      const [shownP, shownLoss, shownSlope, shownSquare, shownSquareSlope] = Array.from(
        stack([p, loss, slope, square, squareSlope]).dataSync(),
      ) as [number, number, number, number, number];
      return {
        z,
        y,
        p: shownP,
        loss: shownLoss,
        slope: shownSlope,
        square: shownSquare,
        squareSlope: shownSquareSlope,
      };
    },

    scores(y: number): ScoreCurves {
      const z = between(ends.z, 10);
      const scores = plain(z);
      const targets = plain(z.map(() => y));
      const loss = binaryCrossEntropyWithLogits(scores, targets, { reduction: "none" });
      const square = mseLoss(scores.sigmoid(), targets, { reduction: "none" });
      return { z, loss: numbers(loss), square: numbers(square) };
    },
  };
}

export type LossLab = ReturnType<typeof lossLab>;
