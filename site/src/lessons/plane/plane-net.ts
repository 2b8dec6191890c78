/**
 * A network for two classes of points in the plane: what the labs of the first two lessons share. It holds nothing between
 * two calls: parameters come in and go out as a list, layer by layer, each weight row by row and then its bias.
 */
import { type StoredTensor, type Tensor, compile, noGrad, tensor } from "twopass";
import * as nn from "twopass/nn";
import { SGD } from "twopass/optim";
import { makePlaneSet } from "../../session/plane-data.ts";
import { type PointSet, resolution } from "./plane-set.ts";

export interface Score {
  /** Binary cross-entropy, the mean over the points. */
  readonly loss: number;
  /** Share of the points whose class is right: 1 where the output is above 0. */
  readonly accuracy: number;
  /** ∂L/∂θ for each parameter. */
  readonly gradients: readonly number[];
  /** The parameters after a step of gradient descent: θ − η · ∂L/∂θ. */
  readonly next: readonly number[];
}

export interface Training {
  readonly parameters: readonly number[];
  /** In front of each step. */
  readonly losses: readonly number[];
  /** Whether all numbers still are. */
  readonly isFinite: boolean;
}

/** Milliseconds of a call, so that a pause is answered at once. */
const slice = 12;

export class PlaneNet {
  readonly model: nn.Sequential;
  readonly loss = new nn.BCEWithLogitsLoss();
  readonly optimizer: SGD;
  readonly #parameters: readonly StoredTensor[];
  readonly #step: (x: Tensor, y: Tensor) => Tensor;
  readonly #score: (x: Tensor, y: Tensor) => readonly Tensor[];
  readonly #tensors = new WeakMap<PointSet, readonly [x: Tensor, y: Tensor]>();

  constructor(...layers: (nn.Module & nn.Layer)[]) {
    this.model = new nn.Sequential(...layers);
    this.#parameters = this.model.parameters();
    this.optimizer = new SGD(this.model.parameters(), { lr: 1 });
    const backward = (x: Tensor, y: Tensor): readonly [loss: Tensor, output: Tensor] => {
      this.optimizer.zeroGrad();
      const output = this.model.forward(x);
      const loss = this.loss.forward(output, y);
      loss.backward();
      return [loss.detach(), output.detach()];
    };
    this.#step = compile((x: Tensor, y: Tensor) => {
      const [loss] = backward(x, y);
      this.optimizer.step();
      return loss;
    });
    this.#score = compile((x: Tensor, y: Tensor) => [
      ...backward(x, y),
      ...this.#parameters.map(({ grad }) => (grad as Tensor).detach()),
    ]);
  }

  load(parameters: readonly number[]): void {
    let at = 0;
    for (const parameter of this.#parameters) {
      parameter.load(Float32Array.from(parameters.slice(at, at + parameter.size)));
      at += parameter.size;
    }
  }

  read(): number[] {
    return this.#parameters.flatMap((parameter) => Array.from(parameter.dataSync() as Float32Array));
  }

  score(parameters: readonly number[], set: PointSet, rate: number): Score {
    this.load(parameters);
    const [loss, output, ...gradients] = this.#score(...this.#pair(set)).map((one) => one.dataSync() as Float32Array);
    const right = set.targets.filter((target, i) => Number((output?.[i] as number) > 0) === target).length;
    return {
      loss: loss?.[0] as number,
      accuracy: right / set.targets.length,
      gradients: gradients.flatMap((one) => Array.from(one)),
      next: this.train(parameters, set, rate, 1).parameters,
    };
  }

  /** Makes steps of gradient descent on all points: as many as are wanted, or as there is time for, but at least one. */
  train(parameters: readonly number[], set: PointSet, rate: number, steps: number): Training {
    this.load(parameters);
    this.rate = rate;
    const pair = this.#pair(set);
    const losses: number[] = [];
    const until = performance.now() + slice;
    do {
      losses.push(this.#step(...pair).itemSync());
    } while (losses.length < steps && Number.isFinite(losses.at(-1)) && performance.now() < until);
    const after = this.read();
    return { parameters: after, losses, isFinite: [...after, ...losses.slice(-1)].every(Number.isFinite) };
  }

  set rate(rate: number) {
    for (const group of this.optimizer.paramGroups) group.lr = rate;
  }

  #pair(set: PointSet): readonly [Tensor, Tensor] {
    let pair = this.#tensors.get(set);
    if (pair === undefined) {
      const count = set.targets.length;
      pair = [tensor(set.inputs, { shape: [count, 2] }), tensor(set.targets, { shape: [count, 1] })];
      this.#tensors.set(set, pair);
    }
    return pair;
  }
}

let cells: Tensor | undefined;

/** [cells, 2]: the middles of the cells of the plane, row by row from the top. */
export function cellMiddles(): Tensor {
  const middle = (i: number): number => (2 * i + 1) / resolution - 1;
  cells ??= tensor(
    Float32Array.from({ length: 2 * resolution * resolution }, (_, i) => {
      const cell = i >> 1;
      return i % 2 === 0 ? middle(cell % resolution) : -middle(Math.floor(cell / resolution));
    }),
    { shape: [resolution * resolution, 2] },
  );
  return cells;
}

/** A function of tensors that is no part of a step: made into a program once, without gradients. */
export function compiled<A extends readonly Tensor[]>(
  body: (...given: A) => readonly Tensor[],
): (...given: A) => Float32Array[] {
  const program = compile((...given: A) => noGrad(() => body(...given)));
  return (...given) => program(...given).map((one) => one.dataSync() as Float32Array);
}

/** Points as the playground makes them. */
export function planePoints(kind: "xor" | "circle", size: number): PointSet {
  const { inputs, targets } = makePlaneSet({ kind, size, noise: 0, testShare: 0 }, 1) as PointSet;
  return { inputs, targets };
}
