/** The lab of the lesson of digits: its numbers against the same network computed apart in float64, and its tasks. */
import { beforeAll, describe, expect, test } from "vitest";
import { type DigitLab, type DigitLook, digitLab, units } from "../../site/src/lessons/digit/lab.ts";
import type { DigitSet } from "../../site/src/session/digit-data.ts";
import { packDigits, unpackDigits } from "../../site/src/session/digit-file.ts";
import { mnist } from "../../src/data/node/mnist.ts";

const pixels = 784;

/** 50 of each digit, as the page has them. */
async function digits(): Promise<DigitSet> {
  const { images, labels } = await mnist({ train: false });
  const counts = new Array<number>(10).fill(0);
  const chosen = Array.from(labels.keys()).filter((n) => {
    const label = labels[n] as number;
    counts[label] = (counts[label] as number) + 1;
    return (counts[label] as number) <= 50;
  });
  const picked = Uint8Array.from(chosen.flatMap((n) => [...images.subarray(n * pixels, (n + 1) * pixels)]));
  return unpackDigits(packDigits({ images: picked, labels: Uint8Array.from(chosen, (n) => labels[n] as number) }));
}

interface Layer {
  readonly weights: readonly Float32Array[];
  readonly biases: readonly number[];
}

function layersOf(lab: DigitLab): Layer[] {
  const blank = new Float32Array(pixels);
  return [units, units, 10].map((count, layer) => {
    const all = Array.from({ length: count }, (_, unit) => lab.unit(blank, layer, unit));
    return { weights: all.map(({ weights }) => weights), biases: all.map(({ bias }) => bias) };
  });
}

interface Reference {
  readonly sums: number[][];
  readonly outputs: number[][];
  readonly loss: number;
  readonly sumGradients: number[][];
  readonly pixelGradients: number[];
}

/** Forward pass, loss and backward pass, written out. */
function reference(layers: readonly Layer[], picture: ArrayLike<number>, wanted: number): Reference {
  const sums: number[][] = [];
  const outputs: number[][] = [];
  let now = Array.from(picture);
  for (const [at, { weights, biases }] of layers.entries()) {
    const sum = weights.map((row, i) => now.reduce((s, x, j) => s + x * (row[j] as number), biases[i] as number));
    const powers = sum.map(Math.exp);
    const total = powers.reduce((a, b) => a + b, 0);
    now = at < 2 ? sum.map((z) => Math.max(0, z)) : powers.map((power) => power / total);
    sums.push(sum);
    outputs.push(now);
  }
  const sumGradients: number[][] = [];
  let gradient = (outputs[2] as number[]).map((p, i) => p - (i === wanted ? 1 : 0));
  for (const at of [2, 1, 0]) {
    sumGradients.unshift(gradient);
    const { weights } = layers[at] as Layer;
    const back = Array.from(weights[0] as Float32Array, (_, j) =>
      gradient.reduce((s, g, i) => s + g * ((weights[i] as Float32Array)[j] as number), 0),
    );
    gradient = at === 0 ? back : back.map((g, j) => (((sums[at - 1] as number[])[j] as number) > 0 ? g : 0));
  }
  const loss = -Math.log((outputs[2] as number[])[wanted] as number);
  return { sums, outputs, loss, sumGradients, pixelGradients: gradient };
}

function expectClose(given: ArrayLike<number>, wanted: ArrayLike<number>): void {
  expect(given.length).toBe(wanted.length);
  const scale = Math.max(1e-3, ...Array.from(wanted, Math.abs));
  Array.from(given).forEach((x, i) => expect(Math.abs(x - (wanted[i] as number))).toBeLessThan(2e-5 * scale));
}

function expectLook(look: DigitLook, wanted: Reference): void {
  for (const layer of [0, 1, 2]) {
    expectClose(look.sums[layer] as Float32Array, wanted.sums[layer] as number[]);
    expectClose(look.outputs[layer] as Float32Array, wanted.outputs[layer] as number[]);
    expectClose(look.sumGradients[layer] as Float32Array, wanted.sumGradients[layer] as number[]);
  }
  expect(look.loss).toBeCloseTo(wanted.loss, 4);
  expectClose(look.pixelGradients, wanted.pixelGradients);
  expectClose(look.powers, (wanted.sums[2] as number[]).map(Math.exp));
  expect(look.total).toBeCloseTo(
    look.powers.reduce((a, b) => a + b, 0),
    2,
  );
}

describe("the lesson of digits", () => {
  let set: DigitSet;
  let lab: DigitLab;
  let tests: readonly number[];

  const pictureOf = (n: number): Float32Array =>
    Float32Array.from(set.images.subarray(n * pixels, (n + 1) * pixels), (byte) => byte / 255);
  const answersApart = (): number[] => {
    const layers = layersOf(lab);
    return tests.map((n) => {
      const { outputs } = reference(layers, pictureOf(n), 0);
      const shares = outputs[2] as number[];
      return shares.indexOf(Math.max(...shares));
    });
  };
  const trainTo = (accuracy: number): number => {
    let progress = lab.reset();
    while (progress.accuracy < accuracy && progress.step < 4000) progress = lab.train(4, 0.003);
    expect(progress.accuracy).toBeGreaterThanOrEqual(accuracy);
    return progress.step;
  };

  beforeAll(async () => {
    set = await digits();
    lab = digitLab();
    tests = lab.load(set).tests;
  });

  test("ten of each digit are kept apart", () => {
    expect(lab.load(set).train).toBe(400);
    expect(tests.length).toBe(100);
    for (let digit = 0; digit < 10; digit++) expect(tests.filter((n) => set.labels[n] === digit)).toHaveLength(10);
  });

  test("both passes have the numbers of the network written out, before and after training", () => {
    for (const steps of [0, 60]) {
      lab.reset();
      for (let i = 0; i < steps; i++) lab.train(1, 0.003);
      const layers = layersOf(lab);
      for (const [n, wanted] of [
        [tests[0] as number, 3],
        [tests[17] as number, set.labels[tests[17] as number] as number],
      ] as const)
        expectLook(lab.look(pictureOf(n), wanted), reference(layers, pictureOf(n), wanted));
    }
  });

  test("gradients of pixels are those of finite differences", () => {
    lab.reset();
    for (let i = 0; i < 30; i++) lab.train(1, 0.003);
    const layers = layersOf(lab);
    const picture = pictureOf(tests[5] as number);
    const { pixelGradients } = lab.look(picture, 8);
    const by = 1e-5;
    for (const at of [0, 200, 350, 406, 500, 783]) {
      const moved = (sign: number): number =>
        reference(layers, Array.from(picture).with(at, (picture[at] as number) + sign * by), 8).loss;
      expect(pixelGradients[at]).toBeCloseTo((moved(1) - moved(-1)) / (2 * by), 4);
    }
  });

  test("a unit is told by its inputs, weights and bias", () => {
    lab.reset();
    const picture = pictureOf(tests[2] as number);
    const look = lab.look(picture, 0);
    for (const layer of [0, 1, 2]) {
      const { inputs, weights, products, bias } = lab.unit(picture, layer, 4);
      expectClose(inputs, layer === 0 ? picture : (look.outputs[layer - 1] as Float32Array));
      expectClose(
        products,
        inputs.map((x, i) => x * (weights[i] as number)),
      );
      expect(products.reduce((a, b) => a + b, bias)).toBeCloseTo((look.sums[layer] as Float32Array)[4] as number, 4);
    }
    expect(Array.from(lab.pictures().subarray(4 * pixels, 5 * pixels))).toEqual(
      Array.from(lab.unit(picture, 0, 4).weights),
    );
  });

  test("90% of the digits not trained with are learnt, the same way each time, and counted as the page says", () => {
    expect(lab.reset()).toMatchObject({ step: 0, losses: [], isFinite: true });
    const three = (): number[] => Array.from({ length: 3 }, () => lab.train(1, 0.003).losses[0] as number);
    const first = three();
    expect(first.every((loss) => Math.abs(loss - Math.log(10)) < 0.3)).toBe(true);
    trainTo(0.9);
    const { accuracy, answers, step } = lab.train(1, 1e-8);
    const apart = answersApart();
    expect(answers).toEqual(apart);
    expect(accuracy).toBeCloseTo(
      apart.filter((answer, i) => answer === set.labels[tests[i] as number]).length / 100,
      6,
    );
    expect(step).toBeLessThan(2000);
    lab.reset();
    expect(three()).toEqual(first);
  });

  test("a first step of Adam moves each weight by the rate at most", () => {
    lab.reset();
    const before = lab.pictures().slice();
    lab.train(1, 0.01);
    const moves = lab.pictures().map((w, i) => Math.abs(w - (before[i] as number)));
    expect(Math.max(...moves)).toBeCloseTo(0.01, 4);
  });

  test("a unit whose picture stays what it was is off for every digit, and gets no gradient", () => {
    lab.reset();
    const before = lab.pictures().slice();
    trainTo(0.9);
    const after = lab.pictures();
    const still = Array.from({ length: units }, (_, unit) => unit).filter((unit) => {
      // A few digits of the first steps may have moved it a little.
      const weights = Array.from({ length: pixels }, (__, j) => unit * pixels + j);
      return Math.max(...weights.map((at) => Math.abs((after[at] as number) - (before[at] as number)))) < 0.05;
    });
    expect(still.length).toBeGreaterThan(0);
    for (const n of tests) {
      const { outputs, sumGradients } = lab.look(pictureOf(n), 5);
      for (const unit of still) expect([outputs[0]?.[unit], Math.abs(sumGradients[0]?.[unit] ?? NaN)]).toEqual([0, 0]);
    }
  });

  test("pixels that go against their gradient make the network believe in another digit", () => {
    trainTo(0.9);
    const n = tests.find((each) => set.labels[each] === 3) as number;
    let picture = pictureOf(n);
    const start = lab.look(picture, 8);
    let look = start;
    for (let i = 0; i < 20 && look.outputs[2]?.indexOf(Math.max(...look.outputs[2])) !== 8; i++) {
      const { pixelGradients } = look;
      const next = lab.nudge(picture, 8, 0.1);
      const largest = Math.max(...pixelGradients.map(Math.abs));
      expectClose(
        next,
        picture.map((x, j) => Math.min(1, Math.max(0, x - (0.1 * (pixelGradients[j] as number)) / largest))),
      );
      picture = next;
      look = lab.look(picture, 8);
    }
    expect(look.outputs[2]?.indexOf(Math.max(...look.outputs[2]))).toBe(8);
    expect(look.loss).toBeLessThan(start.loss);
  });

  test("a drawing at the edge comes to the middle; none stays none", () => {
    const drawn = new Float32Array(pixels);
    for (let row = 2; row < 20; row++) drawn[row * 28 + 3] = 1;
    const centred = lab.centred(drawn);
    const inked = Array.from(centred.keys()).filter((i) => centred[i] === 1);
    expect(inked).toHaveLength(18);
    expect(inked.every((i) => Math.abs((i % 28) - 13.5) <= 0.5)).toBe(true);
    expect(lab.centred(new Float32Array(pixels)).every((x) => x === 0)).toBe(true);
  });

  test("a rate that is far too large is told, and ends with the next start", () => {
    lab.reset();
    let progress = lab.train(1, 1e38);
    for (let i = 0; i < 20 && progress.isFinite; i++) progress = lab.train(1, 1e38);
    expect(progress.isFinite).toBe(false);
    expect(lab.reset().isFinite).toBe(true);
    expect(lab.train(1, 0.003).isFinite).toBe(true);
  });

  test("a call ends within a frame", () => {
    lab.reset();
    lab.train(5, 0.003);
    const start = performance.now();
    const { losses } = lab.train(1e9, 0.003);
    expect(performance.now() - start).toBeLessThan(5000);
    expect(losses.length).toBeGreaterThan(0);
  });
});
