import { beforeAll, expect, test } from "vitest";
import {
  type NeuronInput,
  type NeuronLab,
  type NeuronWeights,
  neuronActivations,
  neuronLab,
} from "../../site/src/lessons/neuron/lab.ts";
import { type PointSet, lineEnds, resolution } from "../../site/src/lessons/plane/plane-set.ts";
import { continued, startRun } from "../../site/src/lessons/plane/run.ts";

const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));
const closed = {
  sigmoid: { a: sigmoid, slope: (z: number) => sigmoid(z) * (1 - sigmoid(z)) },
  tanh: { a: Math.tanh, slope: (z: number) => 1 - Math.tanh(z) ** 2 },
  relu: { a: (z: number) => Math.max(0, z), slope: (z: number) => (z > 0 ? 1 : 0) },
};
const sumAt = ([w1, w2, b]: readonly number[], x1: number, x2: number): number =>
  (w1 as number) * x1 + (w2 as number) * x2 + (b as number);

/** Each point with its class. */
function examples({ inputs, targets }: PointSet): { x1: number; x2: number; y: number }[] {
  return Array.from(targets, (y, i) => ({ x1: inputs[2 * i] as number, x2: inputs[2 * i + 1] as number, y }));
}

/** Mean of −ln of the probability of the right class, in float64. */
function lossOf(weights: readonly number[], set: PointSet): number {
  const all = examples(set).map(({ x1, x2, y }) => Math.log1p(Math.exp((1 - 2 * y) * sumAt(weights, x1, x2))));
  return all.reduce((sum, one) => sum + one, 0) / all.length;
}

function accuracyOf(weights: readonly number[], set: PointSet): number {
  const right = examples(set).filter(({ x1, x2, y }) => Number(sumAt(weights, x1, x2) > 0) === y);
  return right.length / set.targets.length;
}

const input: NeuronInput = {
  weights: [-0.5, 1, -0.3],
  point: [0.5, -0.4],
  activation: "sigmoid",
  data: "heaps",
  rate: 0.2,
};

let lab: NeuronLab;
beforeAll(() => {
  lab = neuronLab();
});

/** So many steps: a call may make fewer than it is asked for. */
function trained(given: NeuronInput, steps: number): NeuronWeights {
  let { weights } = given;
  for (let left = steps; left > 0; ) {
    const { parameters, losses } = lab.train({ ...given, weights }, left);
    weights = parameters as NeuronWeights;
    left -= losses.length;
  }
  return weights;
}

test.each(neuronActivations)("%s: the sum, the activation and its slope are those of the formulas", (activation) => {
  const { a, slope } = closed[activation];
  for (const point of [
    [0.5, -0.4],
    [-1, 1],
    [0.25, 0.75],
  ] as const) {
    const look = lab.look({ ...input, activation, point, weights: [1.25, -2, 0.5] });
    const [x1, x2] = point;
    const z = sumAt([1.25, -2, 0.5], x1, x2);
    expect(look.z).toBeCloseTo(z, 6);
    expect(look.a).toBeCloseTo(a(z), 6);
    expect(look.slope).toBeCloseTo(slope(z), 6);
  }
  const curve = lab.curve(activation);
  expect([curve.z[0], curve.z.at(-1)]).toEqual([-6, 6]);
  curve.z.forEach((z, i) => expect(curve.a[i]).toBeCloseTo(a(z), 5));
});

test("maps have the middle of each cell, row by row from the top", () => {
  const { maps } = lab.look({ ...input, activation: "tanh" });
  expect(maps.z).toHaveLength(resolution ** 2);
  for (const [row, column] of [
    [0, 0],
    [0, 23],
    [23, 0],
    [7, 15],
  ] as const) {
    const z = sumAt(input.weights, (2 * column + 1) / resolution - 1, 1 - (2 * row + 1) / resolution);
    expect(maps.z[row * resolution + column]).toBeCloseTo(z, 5);
    expect(maps.a[row * resolution + column]).toBeCloseTo(Math.tanh(z), 5);
  }
});

test.each(["heaps", "xor"] as const)("%s: loss, accuracy, gradients and the step are those computed apart", (data) => {
  const set = lab.points(data);
  for (const weights of [input.weights, [2, 3, -1], [0.1, 0, 0]] as const) {
    const { score } = lab.look({ ...input, data, weights });
    expect(score.loss).toBeCloseTo(lossOf(weights, set), 5);
    expect(score.accuracy).toBe(accuracyOf(weights, set));
    const all = examples(set).map(({ x1, x2, y }) => [x1, x2, 1].map((x) => (sigmoid(sumAt(weights, x1, x2)) - y) * x));
    for (const i of [0, 1, 2]) {
      const mean = all.reduce((sum, one) => sum + (one[i] as number), 0) / all.length;
      expect(score.gradients[i]).toBeCloseTo(mean, 5);
      const moved = (by: number): number =>
        lossOf(
          weights.map((w, k) => (k === i ? w + by : w)),
          set,
        );
      expect(score.gradients[i]).toBeCloseTo((moved(1e-5) - moved(-1e-5)) / 2e-5, 5);
      expect(score.next[i]).toBeCloseTo((weights[i] as number) - input.rate * mean, 5);
    }
  }
});

test("training is step after step, and depends on nothing that was asked before", () => {
  const { parameters, losses, isFinite } = lab.train(input, 3);
  lab.look({ ...input, weights: [9, 9, 9], data: "xor" });
  let weights: NeuronWeights = input.weights;
  for (const loss of losses) {
    expect(loss).toBeCloseTo(lossOf(weights, lab.points("heaps")), 5);
    weights = lab.look({ ...input, weights }).score.next as NeuronWeights;
  }
  expect(isFinite).toBe(true);
  expect(losses.length).toBeGreaterThan(0);
  expect(parameters).toEqual(weights);
});

test("what the lesson says of the heaps: wrong at first, 95% by training, and by the sliders too", () => {
  const set = lab.points("heaps");
  expect(accuracyOf(input.weights, set)).toBeLessThan(0.5);
  expect(accuracyOf(trained(input, 150), set)).toBeGreaterThanOrEqual(0.95);
  expect(lab.look({ ...input, weights: [4, -3, -1.5] }).score.accuracy).toBeGreaterThanOrEqual(0.95);
  // The bias is needed: no line through the middle is as good.
  const best = Math.max(
    ...Array.from({ length: 360 }, (_, i) =>
      accuracyOf([Math.cos((i * Math.PI) / 180), Math.sin((i * Math.PI) / 180), 0], set),
    ),
  );
  expect(best).toBeLessThan(0.95);
});

test("what the lesson says of XOR: no line is good, and training ends near one half", () => {
  const set = lab.points("xor");
  const weights = trained({ ...input, data: "xor" }, 200);
  expect(lossOf(weights, set)).toBeGreaterThan(0.68);
  expect(lossOf(weights, set)).toBeLessThan(0.7);
  expect(Math.abs(accuracyOf(weights, set) - 0.5)).toBeLessThan(0.1);
  const later = trained({ ...input, data: "xor", weights, rate: 1 }, 1000);
  expect(lossOf(later, set)).toBeCloseTo(Math.LN2, 1);
  let best = 0;
  for (let angle = 0; angle < 2 * Math.PI; angle += 0.05) {
    for (let b = -1.4; b <= 1.4; b += 0.05)
      best = Math.max(best, accuracyOf([Math.cos(angle), Math.sin(angle), b], set));
  }
  expect(best).toBeLessThan(0.8);
});

test("numbers that are too large are told, not hidden", () => {
  const { isFinite, parameters, losses } = lab.train({ ...input, rate: 1e39 }, 100);
  expect(isFinite).toBe(false);
  expect(parameters.every(Number.isFinite)).toBe(false);
  expect(losses.length).toBeLessThan(100);
  const look = lab.look({ ...input, weights: [Infinity, 1, 0], point: [0, 1] });
  expect([look.z, look.a, look.score.loss].some(Number.isFinite)).toBe(false);
});

test("a run keeps all its steps in a curve that does not grow for ever", () => {
  let run = startRun([0, 0, 0]);
  for (let step = 0; step < 3000; step += 3) {
    run = continued(run, { parameters: [step, 0, 0], losses: [step, step + 1, step + 2], isFinite: true });
    // A loss stands where the step is that it belongs to.
    expect(run.losses.every((loss, i) => loss === i * run.stride)).toBe(true);
    expect(run.losses.length).toBeLessThanOrEqual(400);
  }
  expect(run.steps).toBe(3000);
  expect(run.parameters[0]).toBe(2997);
  expect(run.losses.at(-1)).toBeGreaterThan(2980);
});

test("a line is drawn from edge to edge, and not where it lies outside", () => {
  const sorted = (...weights: readonly [number, number, number]) =>
    lineEnds(weights)
      ?.map((end) => end.map((x) => x + 0))
      .sort();
  expect(sorted(1, 0, 0.5)).toEqual([
    [-0.5, -1],
    [-0.5, 1],
  ]);
  expect(sorted(0, 2, 1)).toEqual([
    [-1, -0.5],
    [1, -0.5],
  ]);
  expect(sorted(1, -1, 0)).toEqual([
    [-1, -1],
    [1, 1],
  ]);
  for (const weights of [
    [1, 1, 3],
    [0, 0, 1],
    [0, 0, 0],
    [NaN, 1, 0],
    [Infinity, 1, 0],
  ] as const)
    expect(lineEnds(weights)).toBeUndefined();
  for (let i = 0; i < 50; i++) {
    const weights = [Math.cos(i), Math.sin(i), Math.sin(7 * i)] as const;
    for (const [x1, x2] of lineEnds(weights) ?? []) expect(sumAt(weights, x1, x2)).toBeCloseTo(0, 9);
  }
});
