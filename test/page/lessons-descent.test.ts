import { describe, expect, test } from "vitest";
import { exampleCount, mostSteps, nudge } from "../../site/src/lessons/descent/constants.ts";
import { type Descent, type DescentChoice, type Ground, descentLab } from "../../site/src/lessons/descent/lab.ts";

const lab = descentLab();
const grounds = ["bowl", "valleys", "plateau"] as const;
const everything = new Array<number>(exampleCount).fill(1);
const largest = 3.4028234663852886e38;

/** The models, written apart. */
const models: Readonly<Record<Ground, (w: number, x: number) => number>> = {
  bowl: (w, x) => w * x,
  valleys: (w, x) => Math.sin(w * x),
  plateau: (w, x) => 1 / (1 + Math.exp(-w * x)),
};

async function lossOf(ground: Ground): Promise<(w: number, mask?: readonly number[]) => number> {
  const { x, y } = await lab.sight(ground);
  return (w, mask = everything) => {
    const squares = x.map((each, i) => (mask[i] as number) * (models[ground](w, each) - (y[i] as number)) ** 2);
    return squares.reduce((sum, each) => sum + each) / mask.reduce((sum, each) => sum + each);
  };
}

function descend(choice: Partial<DescentChoice>): Promise<Descent> {
  return lab.descend({ ground: "bowl", start: -0.5, rate: 0.1, batch: exampleCount, seed: 1, ...choice });
}

function expectNear(value: number | undefined, expected: number, about: string): void {
  expect(Math.abs((value as number) - expected), `${about}: ${value} for ${expected}`).toBeLessThan(
    1e-4 * Math.max(1, Math.abs(expected)),
  );
}

describe.each(grounds)("%s", (ground) => {
  test("the loss over the weight is the mean squared error", async () => {
    const loss = await lossOf(ground);
    const sight = await lab.sight(ground);
    expect(sight.x).toHaveLength(exampleCount);
    expect(sight.w.length).toBe(sight.loss.length);
    sight.w.forEach((w, i) => expectNear(sight.loss[i], loss(w), `the loss at ${w}`));
  });

  test.each([exampleCount, 2])("each step follows from its slope, batches of %i", async (batch) => {
    const loss = await lossOf(ground);
    const { w } = await lab.sight(ground);
    const start = w[60] as number;
    const descent = await descend({ ground, start, rate: 0.05, batch });
    expect(descent.steps).toHaveLength(mostSteps + 1);
    expectNear(descent.steps[0]?.w, start, "the start");
    const slopeOf = (at: number, mask?: readonly number[]): number =>
      (loss(at + 1e-5, mask) - loss(at - 1e-5, mask)) / 2e-5;
    descent.steps.forEach((step, i) => {
      expectNear(step.loss, loss(step.w), `the loss of step ${i}`);
      expectNear(step.slope, slopeOf(step.w, step.mask), `the slope of step ${i}`);
      expectNear(step.wholeSlope, slopeOf(step.w), `the whole slope of step ${i}`);
      expectNear(step.move, -0.05 * step.slope, `the move of step ${i}`);
      const next = descent.steps[i + 1];
      if (next !== undefined) expectNear(next.w, step.w + step.move, `the weight after step ${i}`);
    });
  });

  test("what is seen at a weight: the model, the loss of a batch, and a small move", async () => {
    const loss = await lossOf(ground);
    const mask = [1, 0, 0, 1, 0, 0, 0, 0];
    const { w: weights } = await lab.sight(ground);
    const w = weights[130] as number;
    const look = await lab.look({ ground, w, mask });
    look.x.forEach((x, i) => expectNear(look.line[i], models[ground](w, x), `the model at ${x}`));
    look.loss.forEach((each, i) => expectNear(each, loss(weights[i] as number, mask), `the batch at ${weights[i]}`));
    const [here, there, quotient] = look.near;
    expectNear(here, loss(w), "here");
    expectNear(there, loss(w + nudge), "there");
    expect(quotient).toBeCloseTo((loss(w + nudge) - loss(w)) / nudge, 2);
    const [step] = (await descend({ ground, start: w })).steps;
    expect(Math.abs(quotient - (step?.slope ?? NaN))).toBeLessThan(0.03);
  });

  test("how fast the slope changes", async () => {
    const loss = await lossOf(ground);
    const { w } = await lab.sight(ground);
    const start = w[70] as number;
    const { bend, factor } = await descend({ ground, start, rate: 0.2 });
    const second = (loss(start + 1e-3) - 2 * loss(start) + loss(start - 1e-3)) / 1e-6;
    expectNear(bend, second, "the bend");
    expectNear(factor, 1 - 0.2 * second, "the factor");
  });
});

test("in the bowl each step multiplies the distance to the bottom by the factor", async () => {
  const { x, y } = await lab.sight("bowl");
  const dot = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, each, i) => sum + each * (b[i] as number), 0);
  const bottom = dot(x, y) / dot(x, x);
  for (const rate of [0.05, 0.3, 0.55]) {
    const { steps, factor } = await descend({ rate });
    for (let i = 0; i < 5; i++) {
      expect((steps[i + 1]?.w ?? NaN) - bottom).toBeCloseTo(factor * ((steps[i]?.w ?? NaN) - bottom), 4);
    }
  }
});

test("batches: each round takes every example once, in an order that follows from the seed", async () => {
  for (const batch of [1, 2, 4]) {
    const { steps } = await descend({ batch });
    const rounds = exampleCount / batch;
    for (let i = 0; i + rounds <= 40; i += rounds) {
      const sums = everything.map((_, k) =>
        steps.slice(i, i + rounds).reduce((sum, { mask }) => sum + (mask[k] ?? 0), 0),
      );
      expect(sums).toEqual(everything);
    }
  }
  const [first, again, other] = await Promise.all([3, 3, 4].map((seed) => descend({ batch: 2, seed })));
  expect(again).toEqual(first);
  expect(other?.steps.map(({ mask }) => mask)).not.toEqual(first?.steps.map(({ mask }) => mask));
  // Of 3 there are two batches in a round, and two examples left out.
  for (const { mask } of (await descend({ batch: 3 })).steps) expect(mask.filter((each) => each === 1)).toHaveLength(3);
});

test.each([0.7, 1, 10])("rate %f: it ends at the first infinite number", async (rate) => {
  const loss = await lossOf("bowl");
  const { steps, isBroken } = await descend({ rate });
  expect(isBroken).toBe(true);
  const before = steps.at(-2);
  const last = steps.at(-1);
  // The sum of squares is 8 times the loss.
  expect(8 * loss(last?.w ?? NaN)).toBeGreaterThan(largest);
  expect(8 * loss(before?.w ?? NaN)).toBeLessThan(largest);
  expect(last?.loss).toBe(Infinity);
  expect(steps.slice(0, -1).every((step) => Number.isFinite(step.loss + step.slope + step.w))).toBe(true);
});

describe("tasks can be done, and not by leaving all as it is", () => {
  const flat = (descent: Descent): number => descent.steps.findIndex((step) => Math.abs(step.wholeSlope) < 0.01);

  test("a rate that arrives in 5 steps", async () => {
    expect(flat(await descend({ rate: 0.3 }))).toBeLessThanOrEqual(5);
    expect(flat(await descend({ rate: 0.1 }))).toBeGreaterThan(5);
    expect(flat(await descend({ rate: 0.55 }))).toBeGreaterThan(5);
  });

  test("both valleys", async () => {
    const ends = await Promise.all(
      [4.4, 3].map(async (start) => {
        const descent = await descend({ ground: "valleys", start });
        return descent.steps[flat(descent)]?.loss;
      }),
    );
    expect(ends[0]).toBeGreaterThan(0.9);
    expect(ends[1]).toBeLessThan(0.05);
  });

  test("off the plateau in 50 steps", async () => {
    const low = async (rate: number): Promise<number> =>
      (await descend({ ground: "plateau", start: -6, rate })).steps.findIndex(({ loss }) => loss < 0.01);
    expect(await low(1)).toBe(-1);
    for (const rate of [10, 30]) {
      expect(await low(rate)).toBeGreaterThan(0);
      expect(await low(rate)).toBeLessThanOrEqual(50);
    }
  });

  test("calm batches of 2", async () => {
    const most = async (rate: number, seed: number): Promise<number> =>
      Math.max(...(await descend({ batch: 2, rate, seed })).steps.slice(30, 61).map(({ loss }) => loss));
    for (const seed of [1, 2, 3]) expect(await most(0.04, seed)).toBeLessThan(0.19);
    expect(await most(0.1, 1)).toBeGreaterThan(0.19);
    expect(await most(0.01, 1)).toBeGreaterThan(0.19);
  });
});
