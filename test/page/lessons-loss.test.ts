/** The lesson on the loss: its numbers against closed formulas and a run apart from the lab; each task can be done. */
import { expect, test } from "vitest";
import { errorLines, meanLines } from "../../site/src/lessons/loss/formulas.ts";
import { type FittedLine, type Line, type Point, lossLab } from "../../site/src/lessons/loss/lab.ts";
import { fits } from "../../site/src/lessons/loss/settings.ts";
import { tensor } from "../../src/index.ts";
import { HuberLoss, L1Loss, Linear, MSELoss } from "../../src/nn/index.ts";
import { SGD } from "../../src/optim/index.ts";

const lab = lossLab();
const points: readonly Point[] = [-0.8, 0.5, 0.8, 2.1, 2.4].map((y, i) => ({ x: i - 2, y }));
const outlier: readonly Point[] = points.map((point, i) => (i === 4 ? { x: 2, y: -2 } : point));
const start: Line = { w: -0.5, b: 0.5 };
const three = (line: Line): Line[] => fits.map(() => line);

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

const costs = {
  mse: (e: number): number => e * e,
  mae: Math.abs,
  huber: (e: number): number => (Math.abs(e) <= 1 ? (e * e) / 2 : Math.abs(e) - 0.5),
} as const;

function lossOf(fit: (typeof fits)[number], { w, b }: Line, at = points): number {
  return mean(at.map(({ x, y }) => costs[fit](w * x + b - y)));
}

const lines: readonly Line[] = [start, { w: 0.8, b: 1 }, { w: 2.35, b: -1.7 }, { w: 0, b: 0 }];

test.each(lines)("errors, squares and their mean at %o", (line) => {
  const reading = lab.read(line, points);
  points.forEach(({ x, y }, i) => {
    const output = line.w * x + line.b;
    expect(reading.outputs[i]).toBeCloseTo(output, 12);
    expect(reading.errors[i]).toBeCloseTo(output - y, 12);
    expect(reading.squares[i]).toBeCloseTo((output - y) ** 2, 12);
  });
  expect(reading.loss).toBeCloseTo(lossOf("mse", line), 12);
  const errors = reading.errors.map((error, i) => error * (points[i] as Point).x);
  expect(reading.slopeW).toBeCloseTo(2 * mean(errors), 12);
  expect(reading.slopeB).toBeCloseTo(2 * mean(reading.errors), 12);
});

test("the gradients of the three losses are those of differences", () => {
  const line = { w: 0.31, b: 0.47 };
  const slope = (fit: (typeof fits)[number], name: "w" | "b"): number =>
    (lossOf(fit, { ...line, [name]: line[name] + 1e-6 }) - lossOf(fit, { ...line, [name]: line[name] - 1e-6 })) / 2e-6;
  lab.train(three(line), points, 0.1, 0).forEach((fitted, i) => {
    const fit = fits[i] as (typeof fits)[number];
    expect(fitted).toMatchObject(line);
    expect(fitted.loss).toBeCloseTo(lossOf(fit, line), 10);
    expect(fitted.slopeW).toBeCloseTo(slope(fit, "w"), 6);
    expect(fitted.slopeB).toBeCloseTo(slope(fit, "b"), 6);
  });
});

test("training is that of three lines apart, by layers in float32", async () => {
  const together = lab.train(three(start), outlier, 0.05, 40);
  const inputs = tensor(outlier.map(({ x }) => [x]));
  const targets = tensor(outlier.map(({ y }) => [y]));
  for (const [i, loss] of [new MSELoss(), new L1Loss(), new HuberLoss()].entries()) {
    const model = new Linear(1, 1);
    model.weight.load(Float32Array.of(start.w));
    model.bias?.load(Float32Array.of(start.b));
    const optimizer = new SGD(model.parameters(), { lr: 0.05 });
    for (let step = 0; step < 40; step++) {
      optimizer.zeroGrad();
      loss.forward(model.forward(inputs), targets).backward();
      optimizer.step();
    }
    const line = together[i] as FittedLine;
    expect(await model.weight.item()).toBeCloseTo(line.w, 4);
    expect(await model.bias?.item()).toBeCloseTo(line.b, 4);
  }
});

test("so many steps at once are as many one by one", () => {
  let line: readonly Line[] = three(start);
  for (let step = 0; step < 5; step++) line = lab.train(line, points, 0.05, 1);
  expect(line).toEqual(lab.train(three(start), points, 0.05, 5));
});

test("the tasks can be done", () => {
  expect(lab.read(start, points).errors.every((error) => Math.abs(error) > 0.1)).toBe(true);
  expect(Math.abs(lab.read({ w: -0.5, b: 2.6 }, points).errors[3] as number)).toBeLessThanOrEqual(0.1);
  const best = lab.read({ w: 0.8, b: 1 }, points);
  expect(best.loss).toBeCloseTo(0.06, 12);
  expect([best.slopeW, best.slopeB]).toEqual([0, 0]);
  // No line is better.
  for (const by of [-0.05, 0.05]) expect(lab.read({ w: 0.8 + by, b: 1 }, points).loss).toBeGreaterThan(best.loss);
  expect(lab.read(start, points).loss).toBeGreaterThan(0.1);
  expect(Math.abs(lab.read(start, points).slopeW)).toBeGreaterThan(0.1);

  const [mse, mae, huber] = lab.train(three(start), outlier, 0.05, 200) as [FittedLine, FittedLine, FittedLine];
  expect(Math.abs(mse.slopeW) + Math.abs(mse.slopeB)).toBeLessThan(1e-3);
  expect(mse.w).toBeCloseTo(-0.08, 3);
  expect(mae.w - mse.w).toBeGreaterThan(0.3);
  expect(huber.w).toBeGreaterThan(mse.w);
  // Without an outlier the three agree better.
  const [a, b] = lab.train(three(start), points, 0.05, 200) as [FittedLine, FittedLine];
  expect(Math.abs(a.w - b.w)).toBeLessThan(0.3);

  expect(lab.score(-5.5, 1).loss).toBeGreaterThan(5);
  expect(lab.score(1, 1).loss).toBeLessThan(5);
});

test("a rate that is too large makes the lines run away", () => {
  const [mse, mae] = lab.train(three(start), points, 1, 700) as [FittedLine, FittedLine];
  expect(Number.isFinite(mse.w)).toBe(false);
  // The slope of |e| does not grow with the error.
  expect(Math.abs(mae.w)).toBeLessThan(10);
  const [near] = lab.train(three(start), points, 1, 20) as [FittedLine];
  expect(Math.abs(near.w)).toBeGreaterThan(1e6);
  expect(Number.isNaN(lab.train([{ w: NaN, b: 0 }, start, start], points, 0.1, 1)[0]?.w)).toBe(true);
});

test("the valley over w", () => {
  const { w, loss, tangent } = lab.valley(start, points);
  expect([w[0], w[50], w.at(-1)]).toEqual([-3, -0.5, 3]);
  w.forEach((at, i) => expect(loss[i]).toBeCloseTo(lossOf("mse", { w: at, b: start.b }), 10));
  const { loss: here, slopeW } = lab.read(start, points);
  w.forEach((at, i) => expect(tangent[i]).toBeCloseTo(here + slopeW * (at - start.w), 10));
});

test.each([
  [1, 1],
  [-6, 1],
  [-6, 0],
  [0, 0],
  [3.7, 0],
])("the score %d where %d is right", (z, y) => {
  const reading = lab.score(z, y);
  const p = 1 / (1 + Math.exp(-z));
  expect(reading.p).toBeCloseTo(p, 12);
  expect(reading.loss).toBeCloseTo(-Math.log(y === 1 ? p : 1 - p), 10);
  expect(reading.slope).toBeCloseTo(p - y, 12);
  expect(reading.square).toBeCloseTo((p - y) ** 2, 12);
  expect(reading.squareSlope).toBeCloseTo(2 * (p - y) * p * (1 - p), 12);
  const curves = lab.scores(y);
  const place = curves.z.indexOf(z);
  expect(curves.loss[place]).toBeCloseTo(reading.loss, 10);
  expect(curves.square[place]).toBeCloseTo(reading.square, 10);
});

test("a score far out has a finite loss", () => {
  expect(lab.score(-1000, 1)).toMatchObject({ p: 0, loss: 1000, slope: -1 });
  expect(lab.score(-1000, 1).squareSlope).toBeCloseTo(0, 12);
  expect(lab.score(1000, 1).loss).toBe(0);
});

test("formulas have the numbers put in", () => {
  const reading = lab.read(start, points);
  const numbersOf = (part: unknown): number[] =>
    typeof part !== "object" || part === null
      ? []
      : "number" in part
        ? [part.number as number]
        : Object.values(part).flatMap(numbersOf);
  const [output, error] = errorLines(start, points, 3, reading);
  expect(numbersOf(output)).toEqual([-0.5, 1, 0.5, reading.outputs[3]]);
  expect(numbersOf(error)).toEqual([reading.outputs[3], 2.1, reading.errors[3]]);
  expect(numbersOf(meanLines(reading)[1])).toEqual([...reading.squares, 5, reading.loss]);
});
