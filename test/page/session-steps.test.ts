import { expect, test, vi } from "vitest";
import { type LossName, type OptimizerName, optimizers } from "../../site/src/session/config.ts";
import { onEachDevice } from "../devices.ts";
import { type Choice, built, configOf, dataOf, layers, numbersOf, parameterOf } from "./session-support.ts";

const lr = 0.03;
const choices: readonly (readonly [string, Choice])[] = [
  ...optimizers.map((name: OptimizerName): readonly [string, Choice] => [
    name,
    { optimizer: { name, lr, momentum: 0.9, weightDecay: 0.01 } },
  ]),
  ...(["mse", "mae", "huber"] as const).map((loss: LossName): readonly [string, Choice] => [
    loss,
    { loss, layers: layers(5, 1, "gelu"), data: { kind: "wave" } },
  ]),
  ["no hidden layer", { layers: [] }],
  [
    "classes",
    { data: { kind: "points", points: threeClasses(), testShare: 0 }, layers: layers(8, 2, "relu"), batchSize: 7 },
  ],
];

onEachDevice(() => {
  test.each(choices)("%s: traced steps are steps at full speed, to the bit", async (_, choice) => {
    const [quick, slow] = [(await built(choice)).session, (await built(choice)).session];
    // Of 100 examples each fourth batch is a short one.
    for (let i = 0; i < 6; i++) await slow.traceStep();
    await quick.advance(6);
    const [a, b] = [await quick.traceStep(), await slow.traceStep()];
    expect(numbersOf(a)).toEqual(numbersOf(b));
    expect(a.metrics).toEqual(b.metrics);
    expect(a.trace.step).toBe(7);
  });

  test("back: each step is told again as it was, and the run stands behind it", async () => {
    const { session } = await built({});
    await session.advance(20);
    const told = [];
    for (let i = 0; i < 4; i++) told.push(await session.traceStep());
    for (let i = 2; i >= 0; i--) {
      const back = await session.back();
      expect(back && numbersOf(back)).toEqual(numbersOf(told[i] as (typeof told)[number]));
      expect(back?.metrics.step).toBe(21 + i);
    }
    // In front of the traced steps there are those at full speed.
    expect((await session.back())?.metrics).toMatchObject({ step: 20, epoch: 5, batch: 0 });
    for (const before of told) expect(numbersOf(await session.traceStep())).toEqual(numbersOf(before));
  });
});

test("back at the start of a run: there the network is as it was built", async () => {
  const { session } = await built({});
  const start = await session.metrics();
  expect(await session.back()).toBeUndefined();
  const first = await session.traceStep();
  expect(await session.back()).toBeUndefined();
  expect(await session.metrics()).toEqual(start);
  expect(start.gradientNorms).toEqual([]);
  expect(numbersOf(await session.traceStep())).toEqual(numbersOf(first));
});

test("goTo: every place of a run has the numbers that it had, back and forth", async () => {
  const { session } = await built({});
  const places = [0, 1, 37, 400, 1333, 4000];
  const seen = [];
  for (const step of places) {
    await session.advance(step - (await session.metrics()).step);
    seen.push({ metrics: await session.metrics(), chances: await session.predict([0.3, -0.2]) });
  }
  const length = (await session.curve()).length;
  for (const i of [3, 1, 5, 0, 4, 2]) {
    expect(await session.goTo(places[i] as number)).toEqual(seen[i]?.metrics);
    expect(await session.predict([0.3, -0.2])).toEqual(seen[i]?.chances);
  }
  // Looking back forgets nothing; a step from here does.
  await session.stop();
  expect(await session.curve()).toHaveLength(length);
  await session.advance(1);
  expect((await session.curve()).map(({ step }) => step).slice(-2)).toEqual([37, 38]);
  expect((await session.goTo(400)).trainLoss).toBe(seen[3]?.metrics.trainLoss);
});

test("changes are a part of the run: going back undoes them, going on makes them again", async () => {
  const { session } = await built({ data: { kind: "circle" } });
  await session.advance(10);
  const plain = await session.metrics();
  const next = await session.batch();
  await session.change({ parameter: { path: "2.weight", index: [3, 1], value: 2.5 } });
  await session.change({ lr: 0.2 });
  await session.change({ example: { at: 2, input: [1, 0.75], target: 1 } });
  const changed = await session.metrics();
  expect(changed.trainLoss).not.toBe(plain.trainLoss);
  expect(parameterOf(await session.traceStep(), "2.weight").before).toMatchObject({ kind: "elements" });
  const later = await session.advance(30);
  await session.goTo(9);
  const step = await session.traceStep();
  // A step that is made anew leads to where nothing was changed.
  expect(step.metrics).toEqual({ ...plain, gradientNorms: step.metrics.gradientNorms });
  expect(await session.batch()).toEqual(next);

  await session.change({ parameter: { path: "2.weight", index: [3, 1], value: 2.5 } });
  await session.change({ lr: 0.2 });
  await session.change({ example: { at: 2, input: [1, 0.75], target: 1 } });
  const batch = await session.batch();
  expect([batch.inputs[2]?.[1], batch.targets[2]]).toEqual([0.75, 1]);
  const traced = await session.traceStep();
  expect(dataOf(parameterOf(traced, "2.weight").before)[25]).toBe(2.5);
  expect(parameterOf(traced, "2.weight").settings["lr"]).toBe(0.2);
  expect(await session.advance(30)).toEqual(later);
  await session.goTo(3);
  expect((await session.goTo(10)).trainLoss).toBe(changed.trainLoss);
  expect(await session.goTo(41)).toEqual(later);
});

test("the consequence of a change is what happens where it is made, and changes nothing", async () => {
  const { session } = await built({});
  await session.advance(25);
  const metrics = await session.metrics();
  const change = { lr: 0.3, parameter: { path: "0.bias", index: [2], value: -1 }, example: { at: 0, target: 1 } };
  const { without, with: others } = await session.consequence(change, 12);
  expect(others[0]).not.toBe(without[0]);
  expect(await session.consequence(change, 12)).toEqual({ without, with: others });
  expect(await session.metrics()).toEqual(metrics);

  const losses = async (): Promise<number[]> => {
    const all = [];
    for (let i = 0; i < 12; i++) all.push((await session.traceStep()).trace.lossValue);
    return all;
  };
  expect(await losses()).toEqual(without);
  await session.goTo(25);
  await session.change(change);
  expect(await losses()).toEqual(others);
});

test.each<[string, Choice]>([
  ["two classes", { layers: layers(4, 2, "tanh") }],
  ["numbers", { data: { kind: "wave" }, loss: "mse", layers: layers(4, 1, "sigmoid") }],
])("%s: gradients of a traced step are those of finite differences in float64", async (_, choice) => {
  const { session, info } = await built({ ...choice, batchSize: 8 });
  await session.advance(5);
  const { inputs, targets } = await session.batch();
  const step = await session.traceStep();
  const contents = new Map(step.trace.parameters.map(({ path, before }) => [path, [...dataOf(before)]]));
  const loss = (): number => {
    let sum = 0;
    inputs.forEach((input, i) => {
      let x = [...input];
      for (const { path, units, activation } of info.layers) {
        const [w, b] = [`${path}.weight`, `${path}.bias`].map((name) => contents.get(name) as number[]) as [
          number[],
          number[],
        ];
        const width = x.length;
        const z = Array.from({ length: units }, (_, u) =>
          x.reduce((s, v, k) => s + v * (w[u * width + k] as number), b[u] as number),
        );
        x =
          activation === "tanh"
            ? z.map(Math.tanh)
            : activation === "sigmoid"
              ? z.map((v) => 1 / (1 + Math.exp(-v)))
              : z;
      }
      const [z = 0, y = 0] = [x[0], targets[i]];
      sum += choice.loss === "mse" ? (z - y) ** 2 : Math.log1p(Math.exp(z)) - y * z;
    });
    return sum / inputs.length;
  };
  expect(loss()).toBeCloseTo(step.trace.lossValue, 6);
  for (const { path, gradient } of step.trace.parameters) {
    const data = contents.get(path) as number[];
    const told = dataOf(step.trace.operations[gradient as number]?.value);
    data.forEach((value, i) => {
      const moved = (by: number): number => {
        data[i] = value + by;
        return loss();
      };
      const slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
      data[i] = value;
      expect(Math.abs((told[i] as number) - slope)).toBeLessThan(1e-6);
    });
  }
});

test("a weight is explained as it was in the last traced step", async () => {
  const { session } = await built({});
  const early = await session.explain("0.weight", [1, 0]);
  const step = await session.traceStep();
  const weight = parameterOf(step, "0.weight");
  const gradient = dataOf(step.trace.operations[weight.gradient as number]?.value)[2];
  const why = await session.explain("0.weight", [1, 0]);
  expect(why.value).toBe(dataOf(weight.before)[2]);
  expect(why.gradient).toBeCloseTo(gradient as number, 6);
  expect(why.samples).toHaveLength(32);
  // In front of the first step it is the next one that is explained.
  expect(early).toEqual(why);
  const other = await built({});
  await other.session.traceStep();
  expect(numbersOf(await session.traceStep())).toEqual(numbersOf(await other.session.traceStep()));
  await expect(session.explain("0.wait", [0, 0])).rejects.toThrow("no parameter 0.wait");
  await expect(session.explain("0.weight", [9, 0])).rejects.toThrow("0.weight has no element [9, 0]");
});

test("pictures: the output and every unit over the plane", async () => {
  const { session, info } = await built({ layers: layers(3, 2, "relu") });
  await session.advance(50);
  const maps = await session.maps(4);
  expect(maps?.units.map((units) => units.length)).toEqual([3, 3, 1]);
  expect(info.layers.map(({ path, activationPath }) => [path, activationPath])).toEqual([
    ["0", "1"],
    ["2", "3"],
    ["4", undefined],
  ]);
  // The second cell of the third row.
  const [chance] = await session.predict([-0.25, -0.25]);
  expect(maps?.output[9]).toBeCloseTo(chance as number, 6);
  expect(maps?.units[0]?.every((unit) => unit.length === 16 && unit.every((x) => x >= 0))).toBe(true);
});

test("a run at full speed goes on between calls, tells where it is, and is exact", async () => {
  const { session, events } = await built({});
  const told = () => events.flatMap((event) => (event.kind === "metrics" ? [event] : []));
  const start = performance.now();
  await session.run();
  await vi.waitFor(() => expect(told().length).toBeGreaterThan(2), 10_000);
  await session.change({ lr: 0.01 });
  await session.maps(10);
  const before = told().length;
  await vi.waitFor(() => expect(told().length).toBeGreaterThan(before + 2), 10_000);
  const end = await session.stop();
  expect(told().length).toBeLessThanOrEqual((performance.now() - start) / 50);
  expect(told().every(({ stepsPerSecond }) => stepsPerSecond > 0)).toBe(true);
  expect(end.step).toBeGreaterThanOrEqual(told().at(-1)?.metrics.step ?? Number.POSITIVE_INFINITY);
  const count = events.length;
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(events).toHaveLength(count);
  const points = await session.curve();
  const steps = points.map(({ step }) => step);
  expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b));
  const middle = points[Math.floor(points.length / 2)];
  expect(await session.goTo(middle?.step as number)).toEqual(middle);
  expect(await session.goTo(end.step)).toEqual(end);
});

test("an advance that is long can be stopped, and a build ends a run", async () => {
  const { session } = await built({});
  const long = session.advance(1_000_000);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const { step } = await session.stop();
  expect((await long).step).toBe(step);
  expect(step).toBeLessThan(1_000_000);
  await session.run();
  await session.build(configOf({ seed: 9 }));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect((await session.metrics()).step).toBe(0);
});

function threeClasses() {
  return Array.from({ length: 30 }, (_, i) => ({ x: (i % 9) / 10, y: (i % 7) / 10 - 0.3, label: i % 3 }));
}
