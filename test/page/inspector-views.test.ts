import { expect, test } from "vitest";
import { type Trace, type TraceKernel, health, readTrace, summaryOf, traceText } from "../../src/inspect/index.ts";
import { compareTraces, distance, quantities, ratioOf } from "../../site/src/inspector/compare.ts";
import { fitting, moved, showing, zoomed } from "../../site/src/inspector/camera.ts";
import { badgesOf } from "../../site/src/inspector/findings.ts";
import { graphModel } from "../../site/src/inspector/graph-model.ts";
import { gridOf } from "../../site/src/inspector/grid.ts";
import { kernelRows, timeBars } from "../../site/src/inspector/kernel-time.ts";
import { memoryRows } from "../../site/src/inspector/memory.ts";
import { outlineOf, valueOf } from "../../site/src/inspector/outline.ts";
import { traceRoom } from "../../site/src/inspector/trace-room.ts";
import { nestedTrace, twoLayers } from "./inspector-traces.ts";

const file = (text: string): Blob => new Blob([text]);

test("an opened file gives an outline without elements, and its numbers when asked", async () => {
  const step = await twoLayers();
  const room = traceRoom();
  const { trace, outline, findings } = await room.open(file(traceText(step)));
  expect(outline).toEqual(outlineOf(step));
  expect(outline.operations.some(({ value }) => value !== undefined)).toBe(false);
  expect(findings).toEqual(health(step));
  const at = step.operations.findIndex(({ op }) => op === "tanh");
  const gradient = step.operations[at]?.gradient as number;
  expect(room.values(trace, at)).toEqual({
    value: step.operations[at]?.value,
    gradient: step.operations[gradient]?.value,
  });
  const [weight] = step.parameters;
  expect(room.values(trace, weight?.operation as number).parameter).toEqual(weight);
  expect(room.parameter(trace, "0.weight").gradient).toEqual(step.operations[weight?.gradient as number]?.value);
  expect(room.small(trace, [at, weight?.operation as number], 12)).toEqual([
    step.operations[at]?.value,
    weight?.before,
  ]);
  expect(room.small(trace, [at], 4)).toEqual([undefined]);
  room.close(trace);
  expect(() => room.values(trace, at)).toThrow(/not open/);
});

test("a file that is no trace says what readTrace says", async () => {
  const text = traceText(await twoLayers());
  const room = traceRoom();
  for (const bad of [text.slice(0, 2000), text.replace('"version":1', '"version":2'), "{}", "hello", ""]) {
    let expected = "";
    try {
      readTrace(bad);
    } catch (error) {
      expected = (error as Error).message;
    }
    expect(expected).not.toBe("");
    await expect(room.open(file(bad))).rejects.toThrow(expected);
  }
});

test("a constant's value is its label", async () => {
  const step = await twoLayers();
  const seed = step.operations[step.operations[step.loss]?.gradient as number];
  expect(seed === undefined ? undefined : valueOf(seed)).toEqual({ kind: "elements", data: [1] });
});

test("kept bytes are those of the trace, results apart from what is there anyway", async () => {
  const step = await nestedTrace();
  const model = graphModel(step);
  const rows = memoryRows(model);
  const sum = (isLeaf: boolean): number =>
    step.operations
      .filter((one, i) => model.foldOf[i] !== "constant" && (one.inputs.length === 0) === isLeaf)
      .reduce((total, { keptBytes }) => total + keptBytes, 0);
  expect(rows.reduce((total, { kept }) => total + kept, 0)).toBe(sum(false));
  expect(rows.reduce((total, { read }) => total + read, 0)).toBe(sum(true));
  expect(sum(false)).toBeGreaterThan(0);
  const act = rows.find(({ group }) => group.path === "act");
  // tanh, twice: 4 × 3 float32.
  expect(act).toMatchObject({ kept: 96, tensors: 2 });
  expect(step.operations[act?.largest as number]?.op).toBe("tanh");
  expect(rows.map(({ kept }) => kept)).toEqual(rows.map(({ kept }) => kept).toSorted((a, b) => b - a));
});

const kernel = (label: string, phase: TraceKernel["phase"], milliseconds: number, more: object = {}): TraceKernel => ({
  label,
  kind: "loop",
  phase,
  milliseconds,
  operations: 0,
  bytes: 1000,
  ...more,
});

test("kernels have rates and shares; bars nest by module", () => {
  const kernels = [
    kernel("a.x: dot", "forward", 2, { operations: 4e6, bytes: 6e6 }),
    kernel("a.y: add", "forward", 1),
    kernel("a.x: dot", "backward", 4),
    kernel("fill constant", "update", 1, { bytes: 0 }),
    kernel("b: mul", "backward", 0),
  ];
  const rows = kernelRows(kernels);
  expect(rows[0]).toMatchObject({ path: "a.x", label: "dot", share: 0.25, gflops: 2, gigabytes: 3 });
  expect(rows[1]?.gflops).toBeUndefined();
  expect(rows[3]).toMatchObject({ path: "", label: "fill constant", gigabytes: undefined });
  expect(rows[4]?.gigabytes).toBeUndefined();
  expect(timeBars(kernels).map(({ path, depth, from, milliseconds }) => [path, depth, from, milliseconds])).toEqual([
    ["", 0, 0, 8],
    ["a", 1, 0, 7],
    ["a.x", 2, 0, 6],
    ["a.y", 2, 6, 1],
    ["b", 1, 7, 0],
  ]);
  expect(timeBars(kernels)[1]?.phases).toEqual({ forward: 3, backward: 4, update: 0 });
});

test("two steps are compared by norms, and what differs most comes first", async () => {
  const [a, b] = [await twoLayers(0.1), await twoLayers(0.4)];
  const { rows, structure } = compareTraces(a, b);
  expect(structure).toEqual([]);
  const weight = rows.find(({ kind, path }) => kind === "parameter" && path === "0.weight");
  const normOf = (step: Trace): number => summaryOf(step.parameters[0]?.change ?? { kind: "elements", data: [] }).norm;
  expect(weight?.norms.update).toEqual({ a: normOf(a), b: normOf(b) });
  // Four times the rate: the same gradient, four times the update.
  expect(ratioOf(weight?.norms.gradient ?? { a: undefined, b: undefined })).toBe(1);
  expect(ratioOf(weight?.norms.update ?? { a: undefined, b: undefined })).toBeCloseTo(4, 4);
  expect(weight?.difference).toBeCloseTo(2, 4);
  const order = rows.map(({ difference }) => difference);
  expect(order).toEqual(order.toSorted((x, y) => y - x));
  for (const { norms, difference } of rows) {
    expect(difference).toBe(Math.max(...quantities.map((name) => distance(norms[name]))));
  }
});

test("a missing norm is not 0, and 0 is not a ratio", () => {
  expect(ratioOf({ a: undefined, b: 1 })).toBeUndefined();
  expect(distance({ a: undefined, b: 1 })).toBe(0);
  expect(distance({ a: 0, b: 1 })).toBe(Infinity);
  expect(distance({ a: 1, b: 0 })).toBe(Infinity);
  expect(distance({ a: 0, b: 0 })).toBe(0);
  expect(distance({ a: 4, b: 1 })).toBe(2);
  expect(distance({ a: 1, b: Infinity })).toBe(Infinity);
});

test("differences of structure are told", async () => {
  const [a, b] = [await twoLayers(), await nestedTrace()];
  const { structure } = compareTraces(a, b);
  expect(structure).toContainEqual({ kind: "model", path: "", a: "Sequential", b: "Nested" });
  expect(structure).toContainEqual({ kind: "module", path: "0", a: "Linear", b: undefined });
  expect(structure).toContainEqual({ kind: "module", path: "act", a: undefined, b: "Tanh" });
  expect(structure).toContainEqual({ kind: "parameter", path: "0.bias", a: "float32 [3]", b: undefined });
  const changed = {
    ...a,
    operations: a.operations.map((one) => (one.op === "tanh" ? { ...one, op: "relu" } : one)),
    parameters: a.parameters.map((one) => (one.path === "2.bias" ? { ...one, shape: [7] } : one)),
  };
  expect(compareTraces(a, changed).structure).toEqual([
    { kind: "shape", path: "2.bias", a: "float32 [1]", b: "float32 [7]" },
    { kind: "operations", path: "1", a: "1: tanh", b: "1: relu" },
  ]);
});

test("findings mark their operation and the groups around it", async () => {
  const step = await nestedTrace();
  const model = graphModel(step);
  const at = step.operations.findIndex(({ op, module }) => op === "dot" && module === "blocks.1");
  const badges = badgesOf(model, [
    { kind: "nonFinite", operation: at, path: "blocks.1", amount: 1 },
    { kind: "noGradient", path: "blocks.0.weight", amount: 0 },
  ]);
  expect(Object.fromEntries(badges)).toEqual({
    [`o:${at}`]: "∞",
    "m:blocks.1": "∞",
    "m:blocks": "∞",
    "m:blocks.0": "∅",
  });
});

test("a value is rows of its last dim", () => {
  const value = { kind: "elements", data: [1, -3, NaN, 2, 0, Infinity] } as const;
  expect(gridOf(value, [1, 2, 3])).toEqual({ rows: 2, columns: 3, data: value.data, limit: 3 });
  expect(gridOf({ kind: "elements", data: [5] }, [])).toMatchObject({ rows: 1, columns: 1 });
  expect(gridOf({ kind: "elements", data: [] }, [0, 3])).toBeUndefined();
  expect(gridOf(undefined, [3])).toBeUndefined();
});

test("the camera keeps the place under the pointer, and shows what it should", () => {
  const camera = { x: 10, y: 20, scale: 1 };
  const near = zoomed(camera, 2, 100, 50);
  expect(near).toEqual({ x: 60, y: 45, scale: 2 });
  expect(zoomed(camera, 1e9, 0, 0).scale).toBe(8);
  expect(moved(near, 20, -10)).toEqual({ x: 70, y: 40, scale: 2 });
  const screen = { width: 400, height: 300 };
  const whole = fitting({ width: 4000, height: 300 }, screen);
  expect(whole).toEqual({ x: 0, y: -1350, scale: 0.1 });
  const box = { x: 1000, y: 1000, width: 100, height: 40 };
  const seen = showing({ x: 0, y: 0, scale: 1 }, box, screen);
  expect(seen.x + screen.width).toBeGreaterThanOrEqual(1100);
  expect(seen.y + screen.height).toBeGreaterThanOrEqual(1040);
  expect(showing(seen, box, screen)).toEqual(seen);
});
