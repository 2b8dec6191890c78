import { describe, expect, test } from "vitest";
import {
  type LandName,
  eps,
  landNames,
  mostSteps,
  optimizerNames,
} from "../../site/src/lessons/optimizers/constants.ts";
import { contour, heightsOf } from "../../site/src/lessons/optimizers/contours.ts";
import { type Pair, type Run, type RunChoice, optimizersLab } from "../../site/src/lessons/optimizers/lab.ts";
import { type RulePart, ruleOf } from "../../site/src/lessons/optimizers/rules.ts";
import { formatNumber } from "../../site/src/view/number.ts";

const lab = optimizersLab();

type Loss = (w1: number, w2: number) => number;

function meanSquares(
  x1: readonly number[],
  x2: readonly number[],
  y: readonly number[],
  bend: (z: number) => number,
): Loss {
  return (w1, w2) =>
    y.reduce((sum, each, i) => sum + (bend(w1 * (x1[i] as number) + w2 * (x2[i] as number)) - each) ** 2, 0) / y.length;
}

/** The landscapes, written apart. */
const losses: Readonly<Record<LandName, Loss>> = {
  ravine: meanSquares([0.5, -0.5, 1, -1], [5, 4, -6, -3], [-1, -1.7, 2.8, -0.1], (z) => z),
  plateau: meanSquares([-2, -1, 1, 2], [-1, 1, -1, 1], [0.1, 0.4, 0.6, 0.9], (z) => 1 / (1 + Math.exp(-z))),
  saddle: (w1, w2) => (w1 * w2 - 1) ** 2,
  bend: (w1, w2) => (1 - w1) ** 2 + 5 * (w2 - w1 ** 2) ** 2,
};
const starts: Readonly<Record<LandName, Pair>> = {
  ravine: [-1.8, 1.2],
  plateau: [-3.5, -2],
  saddle: [-1.6, 1.5],
  bend: [-1.6, -1],
};

async function runOf(choice: Partial<RunChoice>): Promise<Run> {
  const land = choice.land ?? "ravine";
  const whole: RunChoice = {
    land,
    start: starts[land],
    optimizer: "sgd",
    rate: 0.01,
    keep: 0.9,
    keepSquares: choice.optimizer === "adam" ? 0.999 : 0.9,
    ...choice,
  };
  const [run] = await lab.runs([whole]);
  return run as Run;
}

function slopeOf(loss: Loss, [w1, w2]: Pair): Pair {
  const h = 1e-5;
  return [(loss(w1 + h, w2) - loss(w1 - h, w2)) / (2 * h), (loss(w1, w2 + h) - loss(w1, w2 - h)) / (2 * h)];
}

function expectNear(value: number | undefined, expected: number, about: string): void {
  const off = Math.abs((value as number) - expected);
  expect(off, `${about}: ${value} for ${expected}`).toBeLessThan(2e-4 * Math.max(1, Math.abs(expected)));
}

test.each(landNames)("%s: the map is the loss of both weights, and has a bottom", async (name) => {
  const land = await lab.land(name);
  const { size, reach } = land;
  expect(land.loss).toHaveLength(size * size);
  land.loss.forEach((value, i) => {
    const w1 = -reach + (2 * reach * (i % size)) / (size - 1);
    const w2 = reach - (2 * reach * Math.floor(i / size)) / (size - 1);
    expectNear(value, losses[name](w1, w2), `${w1}, ${w2}`);
  });
  expect(Math.min(...land.loss)).toBeLessThan(land.goal);
});

describe.each(landNames)("on %s", (land) => {
  test.each(optimizerNames)("each step of %s is what its rule says", async (optimizer) => {
    const loss = losses[land];
    const { steps, rate, keep, keepSquares } = await runOf({ land, optimizer, rate: 0.004 });
    expect(steps).toHaveLength(mostSteps + 1);
    let mean: Pair = [0, 0];
    let squares: Pair = [0, 0];
    steps.forEach((step, i) => {
      const slope = slopeOf(loss, step.w);
      expectNear(step.loss, loss(...step.w), `the loss of step ${i}`);
      for (const k of [0, 1] as const) {
        const about = `w${k + 1} of step ${i}`;
        expectNear(step.slope[k], slope[k], about);
        // From the step's own numbers, so that differences of rounding do not add up.
        const g = step.slope[k];
        const share1 = 1 - keep ** (i + 1);
        const share2 = 1 - keepSquares ** (i + 1);
        const moves = {
          sgd: () => g,
          momentum: () => {
            expectNear(step.mean?.[k], keep * mean[k] + g, about);
            return step.mean?.[k] ?? NaN;
          },
          rmsprop: () => {
            expectNear(step.squares?.[k], keepSquares * squares[k] + (1 - keepSquares) * g ** 2, about);
            return g / (Math.sqrt(step.squares?.[k] ?? NaN) + eps);
          },
          adam: () => {
            expectNear(step.mean?.[k], keep * mean[k] + (1 - keep) * g, about);
            expectNear(step.squares?.[k], keepSquares * squares[k] + (1 - keepSquares) * g ** 2, about);
            expectNear(step.straightMean?.[k], (step.mean?.[k] ?? NaN) / share1, about);
            expectNear(step.straightSquares?.[k], (step.squares?.[k] ?? NaN) / share2, about);
            return (step.straightMean?.[k] ?? NaN) / (Math.sqrt(step.straightSquares?.[k] ?? NaN) + eps);
          },
        };
        expectNear(step.move[k], -rate * moves[optimizer](), about);
        const next = steps[i + 1];
        if (next !== undefined) expectNear(next.w[k], step.w[k] + step.move[k], about);
      }
      mean = step.mean ?? mean;
      squares = step.squares ?? squares;
    });
    expect(steps[0]?.mean === undefined).toBe(optimizer === "sgd" || optimizer === "rmsprop");
    expect(steps[0]?.squares === undefined).toBe(optimizer === "sgd" || optimizer === "momentum");
  });
});

test("Adam's first step moves each weight by the rate", async () => {
  const [first] = (await runOf({ optimizer: "adam", rate: 0.1 })).steps;
  expect(first?.move.map(Math.abs).every((move) => Math.abs(move - 0.1) < 1e-6)).toBe(true);
  expect(first?.straightMean?.[0]).toBeCloseTo(first?.slope[0] ?? NaN, 4);
});

test("momentum that keeps nothing goes where SGD goes, and its velocity is the gradient", async () => {
  const momentum = await runOf({ optimizer: "momentum", keep: 0 });
  const sgd = await runOf({ optimizer: "sgd", keep: 0 });
  expect(momentum.steps.map(({ w }) => w)).toEqual(sgd.steps.map(({ w }) => w));
  expect(momentum.steps[5]?.mean).toEqual(momentum.steps[5]?.slope);
  for (const optimizer of ["rmsprop", "adam"] as const) {
    const { isBroken } = await runOf({ optimizer, keep: 0, keepSquares: 0 });
    expect(isBroken).toBe(false);
  }
});

test("a run ends at its first infinite number", async () => {
  const { steps, isBroken, arrived } = await runOf({ rate: 0.1 });
  expect(isBroken).toBe(true);
  expect(arrived).toBeUndefined();
  const isFinite = ({ w, loss, slope }: Run["steps"][number]): boolean => [...w, loss, ...slope].every(Number.isFinite);
  expect(steps.slice(0, -1).every(isFinite)).toBe(true);
  expect(isFinite(steps.at(-1) as Run["steps"][number])).toBe(false);
});

test("runs come in the order in which they are asked for, also what is known already", async () => {
  const choices = optimizerNames.map(
    (optimizer): RunChoice => ({ land: "saddle", start: [1, 1.5], optimizer, rate: 0.02, keep: 0.8, keepSquares: 0.9 }),
  );
  const first = await lab.runs(choices);
  expect(first.map(({ optimizer }) => optimizer)).toEqual([...optimizerNames]);
  const changed = choices.map((choice) => (choice.optimizer === "sgd" ? { ...choice, rate: 0.03 } : choice));
  const again = await lab.runs(changed);
  expect(again.slice(1)).toEqual(first.slice(1));
  expect(again[0]).toEqual(await runOf(changed[0] as RunChoice));
  expect(again[0]?.steps).not.toEqual(first[0]?.steps);
});

describe("tasks can be done, and not by leaving all as it is", () => {
  test.each<[string, Partial<RunChoice>, Partial<RunChoice>, number]>([
    ["SGD", { rate: 0.02 }, { rate: 0.04 }, 70],
    ["momentum", { optimizer: "momentum", rate: 0.01 }, { optimizer: "momentum", rate: 0.04, keep: 0.6 }, 30],
    [
      "RMSProp",
      { land: "plateau", optimizer: "rmsprop", rate: 0.05 },
      { land: "plateau", optimizer: "rmsprop", rate: 0.1 },
      80,
    ],
    ["Adam", { land: "bend", optimizer: "adam", rate: 0.1 }, { land: "bend", optimizer: "adam", rate: 0.3 }, 80],
  ])("%s", async (_, first, done, most) => {
    expect((await runOf(first)).arrived ?? Infinity).toBeGreaterThan(most);
    const { arrived, steps } = await runOf(done);
    expect(arrived).toBeLessThanOrEqual(most);
    expect(steps[arrived ?? 0]?.loss).toBeLessThan(0.01);
    expect(steps[(arrived ?? 0) - 1]?.loss).toBeGreaterThanOrEqual(0.01);
    expect(steps.slice(arrived).every(({ loss }) => loss < 0.01)).toBe(true);
  });

  test("SGD before Adam", async () => {
    const [sgd, adam] = [
      await runOf({ land: "saddle", rate: 0.05 }),
      await runOf({ land: "saddle", optimizer: "adam", rate: 0.1 }),
    ];
    expect(sgd.arrived).toBeLessThan(adam.arrived ?? NaN);
    expect(sgd.steps[0]?.loss).toBeGreaterThan(0.3);
  });
});

function numbersIn(parts: readonly RulePart[]): number[] {
  return parts.flatMap((part): number[] => {
    if (typeof part === "string" || "name" in part) return [];
    if ("number" in part) return part.number === undefined ? [] : [part.number];
    return numbersIn(part.group);
  });
}

test.each(optimizerNames)(
  "the lines of a step of %s compute from their own numbers to their results",
  async (optimizer) => {
    const run = await runOf({ land: "bend", optimizer, rate: 0.01 });
    for (const count of [0, 7]) {
      for (const weight of [0, 1] as const) {
        const lines = ruleOf(run, count, weight)
          .map(numbersIn)
          .filter((numbers) => numbers.length > 0);
        const near = (line: number, value: number): void => expectNear(lines[line]?.at(-1), value, `line ${line}`);
        const of = (line: number, at: number): number => lines[line]?.[at] ?? NaN;
        const t = count + 1;
        if (optimizer === "sgd") near(0, of(0, 0) - of(0, 1) * of(0, 2));
        if (optimizer === "momentum") {
          near(0, of(0, 0) * of(0, 1) + of(0, 2));
          near(1, of(1, 0) - of(1, 1) * of(1, 2));
        }
        const mean = (line: number, power: number): void =>
          near(line, of(line, 0) * of(line, 1) + (1 - of(line, 2)) * of(line, 3) ** power);
        const divided = (line: number): void =>
          near(line, of(line, 0) - (of(line, 1) * of(line, 2)) / (Math.sqrt(of(line, 3)) + of(line, 4)));
        if (optimizer === "rmsprop") {
          mean(0, 2);
          divided(1);
        }
        if (optimizer === "adam") {
          mean(0, 1);
          mean(1, 2);
          near(2, of(2, 0) / (1 - of(2, 1) ** t));
          near(3, of(3, 0) / (1 - of(3, 1) ** t));
          divided(4);
        }
        expect(lines.at(-1)?.at(-1)).toBe(run.steps[count + 1]?.w[weight]);
      }
    }
    expect(ruleOf(run, mostSteps + 5, 0)).toEqual([]);
  },
);

test("lines of equal loss lie where the loss is that", () => {
  const size = 41;
  const values = Array.from(
    { length: size * size },
    (_, i) => ((i % size) - 20) ** 2 + (Math.floor(i / size) - 20) ** 2,
  );
  const pieces = contour(values, size, 100);
  expect(pieces.length).toBeGreaterThan(40);
  for (const [column, row] of pieces.flat()) {
    expect(Math.hypot(column - 20, row - 20)).toBeCloseTo(10, 1);
  }
  // A closed line: every place belongs to two pieces.
  const counts = new Map<string, number>();
  for (const [column, row] of pieces.flat()) {
    const key = `${formatNumber(column)} ${formatNumber(row)}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  expect([...counts.values()].every((count) => count % 2 === 0)).toBe(true);
  expect(contour(values, size, -1)).toEqual([]);
  expect(heightsOf(1, 100, 2)).toEqual([1, 10]);
});
