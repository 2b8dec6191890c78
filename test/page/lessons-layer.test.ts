import { beforeAll, expect, test } from "vitest";
import { type LayerInput, type LayerLab, layerLab } from "../../site/src/lessons/layer/lab.ts";
import { after, before, diagramPhase, known, moments } from "../../site/src/lessons/layer/moments.ts";
import { type PointSet, resolution } from "../../site/src/lessons/plane/plane-set.ts";

const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

/** The network written out: parameters are W row by row, b, v, c. */
function forward(parameters: readonly number[], isBent: boolean, x1: number, x2: number) {
  const units = (parameters.length - 1) / 4;
  const at = (place: number): number => parameters[place] as number;
  const sums = Array.from({ length: units }, (_, u) => at(2 * u) * x1 + at(2 * u + 1) * x2 + at(2 * units + u));
  const hidden = sums.map((s) => (isBent ? Math.tanh(s) : s));
  const z = hidden.reduce((sum, h, u) => sum + h * at(3 * units + u), at(4 * units));
  return { sums, hidden, z, p: sigmoid(z) };
}

function lossOf(parameters: readonly number[], isBent: boolean, { inputs, targets }: PointSet): number {
  let sum = 0;
  targets.forEach((y, i) => {
    const { z } = forward(parameters, isBent, inputs[2 * i] as number, inputs[2 * i + 1] as number);
    sum += Math.log1p(Math.exp((1 - 2 * y) * z));
  });
  return sum / targets.length;
}

/** By finite differences. */
function gradientsOf(parameters: readonly number[], isBent: boolean, set: PointSet): number[] {
  return parameters.map((value, i) => {
    const moved = (by: number): number => lossOf(parameters.toSpliced(i, 1, value + by), isBent, set);
    return (moved(1e-5) - moved(-1e-5)) / 2e-5;
  });
}

function expectClose(given: readonly number[], wanted: readonly number[], digits = 5): void {
  expect(given).toHaveLength(wanted.length);
  wanted.forEach((value, i) => expect(given[i]).toBeCloseTo(value, digits));
}

let lab: LayerLab;
beforeAll(() => {
  lab = layerLab();
});

function inputOf(units: number, more: Partial<LayerInput> = {}, seed = 1): LayerInput {
  const parameters = lab.start(units, seed);
  return { units, isBent: true, data: "xor", parameters, point: [0.3, 0.5], rate: 1, ...more };
}

/** The share that is right after so many steps. */
function learnt(input: LayerInput, steps: number): number {
  let { parameters } = input;
  for (let left = steps; left > 0; ) {
    const training = lab.train({ ...input, parameters }, left);
    parameters = training.parameters;
    left -= training.losses.length;
  }
  return lab.look({ ...input, parameters }).score.accuracy;
}

test.each([
  [1, true],
  [3, true],
  [8, true],
  [2, false],
  [5, false],
])("%i units, bent %s: values, maps and gradients are those computed apart", (units, isBent) => {
  for (const data of ["xor", "circle"] as const) {
    const input = inputOf(units, { isBent, data, rate: 0.5 }, 4);
    const { parameters, point } = input;
    const look = lab.look(input);
    const wanted = forward(parameters, isBent, point[0], point[1]);
    expectClose(look.sums, wanted.sums);
    expectClose(look.hidden, wanted.hidden);
    expectClose([look.z, look.p], [wanted.z, wanted.p]);
    expect(look.maps.hidden).toHaveLength(units);
    for (const [row, column] of [
      [0, 0],
      [5, 20],
      [23, 11],
    ] as const) {
      const cell = forward(parameters, isBent, (2 * column + 1) / resolution - 1, 1 - (2 * row + 1) / resolution);
      const at = row * resolution + column;
      expectClose(
        look.maps.hidden.map((map) => map[at] as number),
        cell.hidden,
        4,
      );
      expect(look.maps.p[at]).toBeCloseTo(cell.p, 4);
    }
    const set = lab.points(data);
    const gradients = gradientsOf(parameters, isBent, set);
    expect(look.score.loss).toBeCloseTo(lossOf(parameters, isBent, set), 5);
    expectClose(look.score.gradients, gradients, 4);
    expectClose(
      look.score.next,
      parameters.map((value, i) => value - 0.5 * (gradients[i] as number)),
      4,
    );
    const right = set.targets.filter((y, i) => {
      const { z } = forward(parameters, isBent, set.inputs[2 * i] as number, set.inputs[2 * i + 1] as number);
      return Number(z > 0) === y;
    });
    expect(look.score.accuracy).toBe(right.length / set.targets.length);
  }
});

test("a start is the same for the same seed, and the first line crosses the plane", () => {
  expect(lab.start(3, 5)).toEqual(lab.start(3, 5));
  expect(lab.start(3, 5)).not.toEqual(lab.start(3, 6));
  expect(lab.start(8, 1)).toHaveLength(33);
  // The first task needs both sides of a line.
  const [w1 = 0, w2 = 0, , , b = 0] = lab.start(2, 1);
  expect(Math.abs(b)).toBeLessThan(0.9 * (Math.abs(w1) + Math.abs(w2)));
});

test("a step tells both passes of the example that is nearest, and its update", async () => {
  const set = lab.points("circle");
  for (const isBent of [true, false]) {
    const input = inputOf(3, { data: "circle", point: [-0.4, 0.6], rate: 0.3, isBent }, 2);
    const step = await lab.step(input);
    const { parameters } = input;
    let nearest = 0;
    const distance = (i: number): number =>
      Math.hypot((set.inputs[2 * i] as number) + 0.4, (set.inputs[2 * i + 1] as number) - 0.6);
    set.targets.forEach((_, i) => {
      if (distance(i) < distance(nearest)) nearest = i;
    });
    expect(step.input).toEqual([set.inputs[2 * nearest], set.inputs[2 * nearest + 1]]);
    expect(step.target).toBe(set.targets[nearest]);
    const one = { inputs: Float32Array.from(step.input), targets: Float32Array.of(step.target) };
    const wanted = forward(parameters, isBent, ...step.input);
    expectClose(step.sums, wanted.sums);
    expectClose(step.hidden, wanted.hidden);
    expectClose([step.z, step.p, step.loss], [wanted.z, wanted.p, lossOf(parameters, isBent, one)]);
    const slope = wanted.p - step.target;
    const shares = parameters.slice(9, 12).map((v) => slope * v);
    expect(step.gradients.z).toBeCloseTo(slope, 5);
    expectClose(step.gradients.hidden, shares);
    expectClose(
      step.gradients.sums,
      shares.map((share, u) => share * (isBent ? 1 - (wanted.hidden[u] as number) ** 2 : 1)),
    );
    const gradients = gradientsOf(parameters, isBent, one);
    expectClose(step.gradients.parameters, gradients, 4);
    expectClose(
      step.next,
      parameters.map((value, i) => value - 0.3 * (gradients[i] as number)),
      4,
    );
    // It leaves nothing behind.
    expect(await lab.step(input)).toEqual(step);
  }
});

test("what the lesson says of XOR: two units are too few, three depend on the start, four do it", () => {
  const seeds = [1, 2, 3, 4, 5, 6];
  const shares = (units: number, steps: number): number[] =>
    seeds.map((seed) => learnt(inputOf(units, {}, seed), steps));
  const two = shares(2, 3000);
  expect(Math.max(...two)).toBeLessThan(0.95);
  expect(Math.max(...two)).toBeGreaterThan(0.85);
  const three = shares(3, 1500);
  expect(three.filter((share) => share > 0.95).length).toBeGreaterThan(2);
  expect(three.filter((share) => share <= 0.95).length).toBeGreaterThan(0);
  expect(shares(4, 1500).filter((share) => share > 0.95).length).toBeGreaterThan(4);
});

test("what the lesson says of the circle: two units are too few, three do it", () => {
  const shares = (units: number): number[] =>
    [1, 2, 3].map((seed) => learnt(inputOf(units, { data: "circle" }, seed), 600));
  expect(Math.max(...shares(2))).toBeLessThan(0.95);
  expect(Math.min(...shares(3))).toBeGreaterThanOrEqual(0.95);
});

test("without activation the layer is one neuron, whose weights are told", () => {
  for (const units of [2, 8]) {
    const input = inputOf(units, { isBent: false });
    expect(learnt(input, 300)).toBeLessThan(0.75);
    const look = lab.look(input);
    const [w1, w2, b] = look.line as [number, number, number];
    look.maps.p.forEach((p, i) => {
      const [row, column] = [Math.floor(i / resolution), i % resolution];
      const z = w1 * ((2 * column + 1) / resolution - 1) + w2 * (1 - (2 * row + 1) / resolution) + b;
      expect(p).toBeCloseTo(sigmoid(z), 4);
    });
  }
  expect(lab.look(inputOf(2)).line).toBeUndefined();
});

test("a rate that is too large ends in numbers that are told not to be finite", () => {
  const input = inputOf(3, { isBent: false, rate: 100 });
  let { parameters } = input;
  let isFinite = true;
  for (let i = 0; i < 100 && isFinite; i++) ({ parameters, isFinite } = lab.train({ ...input, parameters }, 50));
  expect(isFinite).toBe(false);
  expect(lab.look({ ...input, parameters }).score.loss).not.toBeLessThan(Infinity);
});

test("moments: by operation, layer and phase, and back", () => {
  const way = (next: (at: number) => number, from: number, end: number): number[] => {
    const all = [from];
    while (all.at(-1) !== end) all.push(next(all.at(-1) as number));
    return all;
  };
  const last = moments.length - 1;
  expect(way((at) => after(at, "operation"), -1, last)).toEqual([-1, 0, 1, 2, 3, 4, 5, 6, 7]);
  expect(way((at) => after(at, "layer"), -1, last)).toEqual([-1, 1, 2, 3, 5, 6, 7]);
  expect(way((at) => after(at, "phase"), -1, last)).toEqual([-1, 2, 3, 6, 7]);
  expect(way((at) => before(at, "layer"), last, -1)).toEqual([7, 6, 5, 3, 2, 1, -1]);
  expect(way((at) => before(at, "phase"), last, -1)).toEqual([7, 6, 3, 2, -1]);
  expect(after(last, "phase")).toBe(moments.length);
  expect(moments.map(({ phase }) => phase).filter((phase, i, all) => phase !== all[i - 1])).toEqual([
    "forward",
    "loss",
    "backward",
    "update",
  ]);
  expect(diagramPhase(-1)).toEqual({ phase: "forward", layer: -1, done: [] });
  // The shares of the hidden units are known before the gradients of their weights.
  expect(diagramPhase(known.shares)).toEqual({ phase: "backward", layer: 2, done: [1] });
  expect(diagramPhase(known.weights)).toEqual({ phase: "backward", layer: 1, done: [2] });
});
