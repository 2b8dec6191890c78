/** What the lesson of digits computes: a network 784-16-16-10 in training, and both of its passes for one picture. */
import { type Compiled, type Tensor, compile, grad, manualSeed, noGrad, tensor } from "twopass";
import * as nn from "twopass/nn";
import { crossEntropy } from "twopass/nn/functional";
import { Adam } from "twopass/optim";
import { type DigitSet, digitSide as side } from "../../session/digit-data.ts";
import type { TrainingProgress } from "../kit/use-training.ts";

export const units = 16;
const pixels = side * side;
const batch = 32;
/** Of each digit, not trained with. */
const testsOfEach = 10;
/** Training pictures are moved by up to so many pixels, so that their place is not learnt by heart. */
const farthest = 2;
/** Milliseconds after which a call gives what it has. */
const patience = 12;

export interface DigitCounts {
  readonly train: number;
  /** For each digit that is not trained with, its number in the set. */
  readonly tests: readonly number[];
}

export interface DigitProgress extends TrainingProgress {
  /** Share of the digits not trained with that are answered rightly. */
  readonly accuracy: number;
  /** The answers for them. */
  readonly answers: readonly number[];
}

export interface DigitLook {
  readonly wanted: number;
  /** 16, 16, and 10 before the softmax. */
  readonly sums: readonly Float32Array[];
  /** 16, 16, and 10 probabilities. */
  readonly outputs: readonly Float32Array[];
  /** What the probabilities are made of: e to the sums of the last layer, and the sum of them. */
  readonly powers: Float32Array;
  readonly total: number;
  /** −log of the wanted digit's probability, and its gradients. */
  readonly loss: number;
  /** For the sums of each layer. */
  readonly sumGradients: readonly Float32Array[];
  readonly pixelGradients: Float32Array;
}

/** The weighted sum of one unit: its inputs, weights and bias, and what each input adds. */
export interface DigitUnit {
  readonly layer: number;
  readonly unit: number;
  readonly inputs: Float32Array;
  readonly weights: Float32Array;
  readonly products: Float32Array;
  readonly bias: number;
}

export interface DigitLab {
  load(digits: DigitSet): DigitCounts;
  /** New first weights; the same at each start. */
  reset(): DigitProgress;
  /** Trains for at most so many steps, and no longer than a frame lasts. */
  train(most: number, rate: number): DigitProgress;
  look(picture: Float32Array, wanted: number): DigitLook;
  unit(picture: Float32Array, layer: number, unit: number): DigitUnit;
  /** Weights of the first layer, [16, 784]. */
  pictures(): Float32Array;
  /** A picture moved against the gradient of its pixels: to where the loss for the wanted digit is lower. */
  nudge(picture: Float32Array, wanted: number, by: number): Float32Array;
  /** A drawing with the middle of its ink in the middle, as the digits of the set are. */
  centred(picture: Float32Array): Float32Array;
}

interface Network {
  readonly model: nn.Sequential;
  readonly layers: readonly nn.Linear[];
  readonly optimizer: Adam;
  readonly update: Compiled<[Tensor, Tensor], Tensor>;
  readonly answer: (x: Tensor) => Tensor;
}

function build(): Network {
  manualSeed(7);
  const layers = [new nn.Linear(pixels, units), new nn.Linear(units, units), new nn.Linear(units, 10)];
  const [first, second, last] = layers as [nn.Linear, nn.Linear, nn.Linear];
  const model = new nn.Sequential(first, new nn.ReLU(), second, new nn.ReLU(), last);
  const optimizer = new Adam(model.parameters());
  const update = compile((x: Tensor, y: Tensor) => {
    optimizer.zeroGrad();
    const loss = crossEntropy(model.forward(x), y);
    loss.backward();
    optimizer.step();
    return loss.detach();
  });
  const answer = compile((x: Tensor) => noGrad(() => model.forward(x).argmax(1)));
  return { model, layers, optimizer, update, answer };
}

/** Numbers from 0 to 1 in an order that is the same each time. */
function chances(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A picture moved to the right and down; what leaves it is lost. */
function moved(picture: Float32Array, dx: number, dy: number): Float32Array {
  return picture.map((_, i) => {
    const column = (i % side) - dx;
    const row = Math.floor(i / side) - dy;
    const isInside = column >= 0 && row >= 0 && column < side && row < side;
    return isInside ? (picture[row * side + column] as number) : 0;
  });
}

export function digitLab(): DigitLab {
  let set: DigitSet = { images: new Uint8Array(0), labels: new Uint8Array(0) };
  let train: number[] = [];
  let tests: number[] = [];
  let testInputs: Tensor | undefined;
  let network = build();
  let chance = chances();
  let step = 0;
  let isFinite = true;

  const pictureOf = (n: number): Float32Array =>
    Float32Array.from(set.images.subarray(n * pixels, (n + 1) * pixels), (byte) => byte / 255);
  const oneStep = (): number => {
    const x = new Float32Array(batch * pixels);
    const y = new Int32Array(batch);
    const move = (): number => Math.floor(chance() * (2 * farthest + 1)) - farthest;
    for (let i = 0; i < batch; i++) {
      const n = train[Math.floor(chance() * train.length)] as number;
      x.set(moved(pictureOf(n), move(), move()), i * pixels);
      y[i] = set.labels[n] as number;
    }
    const shape = [batch, pixels];
    const loss = network.update(tensor(x, { shape, copy: false }), tensor(y, { copy: false })).itemSync();
    step++;
    isFinite &&= Number.isFinite(loss);
    return loss;
  };
  const progress = (losses: readonly number[]): DigitProgress => {
    const answers = testInputs === undefined ? [] : Array.from(network.answer(testInputs).dataSync(), Number);
    const right = answers.filter((answer, i) => answer === set.labels[tests[i] as number]).length;
    return { step, losses, accuracy: right / answers.length, answers, isFinite };
  };
  /** Both passes for one picture. */
  const passes = (picture: Float32Array, wanted: number) => {
    const x = tensor(picture, { shape: [1, pixels], requiresGrad: true });
    const sums: Tensor[] = [];
    const outputs: Tensor[] = [];
    let now = x;
    for (const [i, layer] of network.layers.entries()) {
      const sum = layer.forward(now);
      sums.push(sum);
      now = i < 2 ? sum.relu() : sum;
      outputs.push(i < 2 ? now : sum.softmax(1));
    }
    const loss = crossEntropy(now, tensor([wanted], { dtype: "int32" }));
    return { x, sums, outputs, loss };
  };
  const floats = (x: Tensor): Float32Array => x.dataSync() as Float32Array;

  return {
    load(digits) {
      set = digits;
      const left = new Array<number>(10).fill(testsOfEach);
      train = [];
      tests = [];
      // The first of each digit are kept apart.
      set.labels.forEach((label, n) => {
        left[label] = (left[label] as number) - 1;
        ((left[label] as number) >= 0 ? tests : train).push(n);
      });
      const x = new Float32Array(tests.length * pixels);
      tests.forEach((n, i) => x.set(pictureOf(n), i * pixels));
      testInputs = tensor(x, { shape: [tests.length, pixels], copy: false });
      return { train: train.length, tests };
    },
    reset() {
      network = build();
      chance = chances();
      step = 0;
      isFinite = true;
      return progress([]);
    },
    train(most, rate) {
      for (const group of network.optimizer.paramGroups) group.lr = rate;
      const losses: number[] = [];
      const end = performance.now() + patience;
      do losses.push(oneStep());
      while (isFinite && losses.length < most && performance.now() < end);
      return progress(losses);
    },
    look(picture, wanted) {
      const { x, sums, outputs, loss } = passes(picture, wanted);
      const [pixelGradients, ...sumGradients] = grad(loss, [x, ...sums]) as [Tensor, ...Tensor[]];
      const powers = (sums[2] as Tensor).exp();
      return {
        wanted,
        sums: sums.map(floats),
        outputs: outputs.map(floats),
        powers: floats(powers),
        total: powers.sum().itemSync(),
        loss: loss.itemSync(),
        sumGradients: sumGradients.map(floats),
        pixelGradients: floats(pixelGradients),
      };
    },
    unit(picture, layer, unit) {
      const { x, outputs } = passes(picture, 0);
      const inputs = (layer === 0 ? x : (outputs[layer - 1] as Tensor)).detach().at(0);
      const { weight, bias } = network.layers[layer] as nn.Linear;
      const weights = weight.detach().at(unit);
      return {
        layer,
        unit,
        inputs: floats(inputs),
        weights: floats(weights),
        products: floats(weights.mul(inputs)),
        bias: (bias as Tensor).at(unit).itemSync(),
      };
    },
    pictures: () => floats((network.layers[0] as nn.Linear).weight),
    nudge(picture, wanted, by) {
      const { x, loss } = passes(picture, wanted);
      const [slope] = grad(loss, [x]);
      // Gradients that are all 0 move nothing.
      const largest = slope.abs().max().clamp(1e-30);
      return floats(x.detach().sub(slope.div(largest).mul(by)).clamp(0, 1).at(0));
    },
    centred(picture) {
      let [ink, across, down] = [0, 0, 0];
      picture.forEach((x, i) => {
        ink += x;
        across += x * (i % side);
        down += x * Math.floor(i / side);
      });
      const middle = (side - 1) / 2;
      const [dx, dy] = [across, down].map((sum) => (ink === 0 ? 0 : Math.round(middle - sum / ink))) as [
        number,
        number,
      ];
      return moved(picture, dx, dy);
    },
  };
}
