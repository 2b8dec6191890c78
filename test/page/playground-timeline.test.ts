import { expect, test } from "vitest";
import {
  type Timeline,
  endOfPhase,
  gradientState,
  isKnown,
  isUpdated,
  moved,
  placeAt,
  timelineOf,
} from "../../site/src/playground/timeline.ts";
import { readStep } from "../../site/src/playground/step-reading.ts";
import type { Trace } from "../../src/inspect/index.ts";
import { Adam } from "../../src/optim/index.ts";
import { traced } from "./playground-steps.ts";

const make = async (): Promise<{ trace: Trace; timeline: Timeline; made: Awaited<ReturnType<typeof traced>> }> => {
  const made = await traced({ optimizer: (p) => new Adam(p, { lr: 0.1 }), loss: "crossEntropy" });
  return { trace: made.trace, timeline: timelineOf(made.trace, made.info.layers), made };
};

/** "forward 0" for each stretch of moments. */
function stretches({ moments }: Timeline): string[] {
  const names = moments.map(({ phase, layer }) => `${phase} ${layer}`);
  return names.filter((name, i) => name !== names[i - 1]);
}

test("a step goes forward layer by layer, to the loss, back from the output to the input, and updates", async () => {
  const { trace, timeline } = await make();
  expect(stretches(timeline)).toEqual([
    "forward 0",
    "forward 1",
    "forward 2",
    "loss 3",
    "backward 3",
    "backward 2",
    "backward 1",
    "backward 0",
    "update 0",
    "update 1",
    "update 2",
  ]);
  const named = timeline.moments
    .filter(({ phase }) => phase === "forward")
    .map(({ operation }) => trace.operations[operation as number]?.op);
  expect(named).toEqual(["dot", "add", "tanh", "dot", "add", "tanh", "dot", "add"]);
  expect(timeline.moments.filter(({ phase }) => phase === "update").map(({ parameter }) => parameter)).toEqual([
    0, 1, 2, 3, 4, 5,
  ]);
});

test("each operation of both passes is in one moment, behind those that it takes", async () => {
  const { trace, timeline } = await make();
  const listed = timeline.moments.flatMap(({ operations }) => operations);
  const last = Math.max(...trace.parameters.map(({ gradient }) => gradient as number));
  const expected = trace.operations.flatMap(({ phase, op }, i) =>
    i > last || (phase === "forward" && op === "leaf") ? [] : [i],
  );
  expect(expected.length).toBeGreaterThan(50);
  expect([...listed].sort((a, b) => a - b)).toEqual(expected);
  for (const { operations } of timeline.moments) {
    for (const operation of operations) {
      for (const input of trace.operations[operation]?.inputs ?? []) {
        expect(timeline.knownFrom[input]).toBeLessThanOrEqual(timeline.knownFrom[operation] as number);
      }
    }
  }
});

test("a gradient that is not there yet is not a gradient of 0, and not one that never comes", async () => {
  const { trace, timeline, made } = await make();
  const step = readStep(trace, made.info, made.training);
  const [first, , last] = step?.layers ?? [];
  const weightOf = (layer: typeof first) => trace.parameters[layer?.weight as number]?.gradient;
  const afterLoss = endOfPhase(timeline, "loss");
  expect(gradientState(timeline, afterLoss, weightOf(last))).toBe("notYet");
  expect(gradientState(timeline, afterLoss, undefined)).toBe("none");
  // One layer back: the output's gradients are there, the first layer's are not.
  let at = afterLoss;
  while (timeline.moments[at]?.phase === "backward" && (timeline.moments[at]?.layer as number) >= 2) at++;
  expect(gradientState(timeline, at, weightOf(last))).toBe("known");
  expect(gradientState(timeline, at, weightOf(first))).toBe("notYet");
  expect(gradientState(timeline, endOfPhase(timeline, "backward"), weightOf(first))).toBe("known");
  expect(isKnown(timeline, 0, first?.z)).toBe(false);
  expect(isKnown(timeline, 0, first?.input)).toBe(true);
  expect(isKnown(timeline, endOfPhase(timeline, "forward"), last?.z)).toBe(true);
  expect(isUpdated(timeline, endOfPhase(timeline, "backward"), 0)).toBe(false);
  expect(isUpdated(timeline, endOfPhase(timeline, "backward") + 1, 0)).toBe(true);
  expect(isUpdated(timeline, endOfPhase(timeline, "backward") + 1, 1)).toBe(false);
});

test("moves by operation, layer and phase reach the end, and lead back to the beginning by the same places", async () => {
  const { timeline } = await make();
  const end = timeline.moments.length;
  for (const [size, stops] of [
    ["operation", end],
    ["layer", stretches(timeline).length],
    ["phase", 4],
  ] as const) {
    const there = [0];
    for (let at = moved(timeline, 0, size, "forward"); at !== "step"; at = moved(timeline, at, size, "forward"))
      there.push(at);
    expect(there).toHaveLength(stops + 1);
    expect(there.at(-1)).toBe(end);
    const back = [end];
    for (let at = moved(timeline, end, size, "backward"); at !== "step"; at = moved(timeline, at, size, "backward"))
      back.push(at);
    expect(back.reverse()).toEqual(there);
  }
  expect([moved(timeline, end, "phase", "forward"), moved(timeline, 0, "layer", "backward")]).toEqual(["step", "step"]);
});

test("from the middle of a layer a move by layer ends it, and one by phase ends the phase", async () => {
  const { timeline } = await make();
  expect(moved(timeline, 1, "layer", "forward")).toBe(3);
  expect(moved(timeline, 1, "phase", "forward")).toBe(8);
  expect(moved(timeline, 1, "layer", "backward")).toBe(0);
  expect(moved(timeline, 4, "layer", "backward")).toBe(3);
});

test("a place is told by its phase, how much of it is done, and the layers it went through", async () => {
  const { timeline } = await make();
  expect(placeAt(timeline, 0)).toMatchObject({ phase: "forward", share: 0, layers: [], moment: undefined });
  expect(placeAt(timeline, 4)).toMatchObject({ phase: "forward", share: 0.5, layers: [0, 1] });
  expect(placeAt(timeline, endOfPhase(timeline, "loss"))).toMatchObject({ phase: "loss", share: 1, layers: [3] });
  expect(placeAt(timeline, timeline.moments.length)).toMatchObject({ phase: "update", share: 1, layers: [0, 1, 2] });
});

test("a step without an optimiser ends with its backward pass", async () => {
  const { trace, info } = await traced();
  const timeline = timelineOf(trace, info.layers);
  expect(new Set(timeline.moments.map(({ phase }) => phase))).toEqual(new Set(["forward", "loss", "backward"]));
  expect(endOfPhase(timeline, "update")).toBe(timeline.moments.length);
});
