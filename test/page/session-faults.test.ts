import { expect, test, vi } from "vitest";
import { Session } from "../../site/src/session/session.ts";
import { type Choice, built, configOf, layers } from "./session-support.ts";

const sgd = (lr: number) => ({ name: "sgd", lr, momentum: 0.9, weightDecay: 0 }) as const;
const steep: Choice = {
  data: { kind: "wave", noise: 0 },
  loss: "mse",
  layers: layers(8, 2, "relu"),
  optimizer: sgd(10),
};

test("rate 10: the run ends by itself, says where the first infinity came from, and can go back", async () => {
  const { session, events } = await built(steep);
  const metrics = await session.advance(5000);
  expect(metrics.step).toBeLessThan(5000);
  expect(Number.isFinite(metrics.trainLoss)).toBe(false);
  const told = events.at(-1);
  expect(told).toMatchObject({ kind: "diverged", metrics: { step: metrics.step }, finding: { kind: "nonFinite" } });
  await expect(session.advance(1)).rejects.toThrow("smaller learning rate");
  await expect(session.run()).rejects.toThrow("smaller learning rate");

  const back = await session.back();
  expect(back?.metrics.step).toBe(metrics.step - 1);
  expect(back?.trace.lossValue).toBeLessThan(Number.POSITIVE_INFINITY);
  const failing = await session.traceStep();
  expect(failing.findings[0]).toEqual(told?.kind === "diverged" ? told.finding : undefined);
  const { operations } = failing.trace;
  const origin = operations[failing.findings[0]?.operation as number];
  const isFiniteValue = (i: number): boolean => {
    const value = operations[i]?.value;
    return value?.kind === "elements" ? value.data.every(Number.isFinite) : value?.nonFinite === 0;
  };
  expect(origin?.inputs.every(isFiniteValue)).toBe(true);

  await session.goTo(2);
  await session.change({ lr: 0.01 });
  expect((await session.advance(100)).trainLoss).toBeLessThan(Number.POSITIVE_INFINITY);
});

test("a run at full speed that diverges ends, and tells it once", async () => {
  const { session, events } = await built(steep);
  await session.run();
  const diverged = () => events.filter(({ kind }) => kind === "diverged");
  await vi.waitFor(() => expect(diverged()).toHaveLength(1), 10_000);
  const { step } = await session.stop();
  expect(diverged()).toHaveLength(1);
  expect(step).toBeGreaterThan(0);
  expect((await session.goTo(step - 1)).trainLoss).toBeGreaterThan(0);
});

test("a weight that is made too large shows in the consequence, and leaves no trace", async () => {
  const { session } = await built({ ...steep, optimizer: sgd(0.01) });
  await session.advance(3);
  const before = await session.metrics();
  const { with: losses } = await session.consequence({ lr: 1e6 }, 8);
  expect(losses.at(-1)).toBeNaN();
  expect(await session.metrics()).toEqual(before);
  expect((await session.advance(2)).trainLoss).toBeLessThan(1);
});

test.each<[string, Choice, string]>([
  ["a rate below 0", { optimizer: sgd(-1) }, "outOfRange"],
  ["no rate", { optimizer: sgd(Number.NaN) }, "outOfRange"],
  ["a layer without units", { layers: layers(0, 1, "tanh") }, "outOfRange"],
  ["half a unit", { layers: layers(1.5, 1, "tanh") }, "notWhole"],
  ["many layers", { layers: layers(2, 11, "tanh") }, "outOfRange"],
  ["an unknown activation", { layers: layers(2, 1, "sine" as "tanh") }, "unknownChoice"],
  [
    "nesterov without momentum",
    { optimizer: { name: "nesterov", lr: 0.1, momentum: 0, weightDecay: 0 } },
    "nesterovWithoutMomentum",
  ],
  ["a negative batch", { batchSize: -1 }, "outOfRange"],
  ["all for the test", { data: { testShare: 1 } }, "outOfRange"],
  ["cross-entropy of numbers", { data: { kind: "plane" } }, "classesNeeded"],
])("%s is refused, and the network before stays", async (_, choice, code) => {
  const { session } = await built({});
  await session.advance(5);
  await expect(session.build(configOf(choice))).rejects.toMatchObject({ code });
  expect((await session.metrics()).step).toBe(5);
});

test("calls that make no sense say so", async () => {
  const empty = new Session();
  await expect(empty.advance(1)).rejects.toMatchObject({ code: "notBuilt" });
  await expect(empty.run()).rejects.toMatchObject({ code: "notBuilt" });
  const { session } = await built({});
  await expect(session.advance(-1)).rejects.toMatchObject({ code: "outOfRange" });
  await expect(session.goTo(1.5)).rejects.toMatchObject({ code: "notWhole" });
  await expect(session.predict([1])).rejects.toThrow("1 numbers were given, and the network takes 2");
  await expect(session.predict([1, Number.NaN])).rejects.toMatchObject({ code: "notANumber" });
  await expect(session.write("a", 3)).rejects.toMatchObject({ code: "noLetters" });
  await expect(session.maps(1000)).rejects.toMatchObject({ code: "outOfRange" });
  await expect(session.change({ lr: -1 })).rejects.toMatchObject({ code: "outOfRange" });
  await expect(session.change({ example: { at: 99, target: 1 } })).rejects.toMatchObject({ code: "noSuchExample" });
  await expect(session.change({ example: { at: 0, target: 2 } })).rejects.toMatchObject({ code: "unknownChoice" });
  await expect(session.change({ example: { at: 0, input: [2, 0] } })).rejects.toMatchObject({ code: "noSuchInput" });
  const parameter = { path: "0.bias", index: [0], value: Number.NaN };
  await expect(session.change({ parameter })).rejects.toMatchObject({ code: "notANumber" });
  expect((await session.metrics()).step).toBe(0);
});

test("weights of zero: no gradient reaches the hidden layers, and that is told", async () => {
  const { session } = await built({ layers: [{ units: 4, activation: "relu", init: "zeros" }] });
  const { findings, metrics } = await session.traceStep();
  expect(metrics.gradientNorms[0]).toBe(0);
  expect(findings.map(({ kind }) => kind)).toContain("dead");
});
