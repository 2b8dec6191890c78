import { expect, test } from "vitest";
import type { DataKind } from "../../site/src/session/config.ts";
import { splitSet } from "../../site/src/session/data-set.ts";
import { makeDataSet } from "../../site/src/session/data.ts";
import { SessionError } from "../../site/src/session/faults.ts";
import { configOf } from "./session-support.ts";

const base = configOf({}).data;

test.each(["xor", "circle", "gauss", "spiral", "moons"] as const)(
  "%s: points of two classes in the plane, the same from the same seed",
  (kind) => {
    const config = { ...base, kind, size: 300, noise: 0.2 };
    const set = makeDataSet(config, "crossEntropy", 7);
    expect(set.inputs).toHaveLength(600);
    expect(set.inputs.every((x) => x >= -1 && x <= 1)).toBe(true);
    expect(set.targets.filter((label) => label === 1)).toHaveLength(150);
    expect(set.classes).toEqual(["0", "1"]);
    expect(makeDataSet(config, "crossEntropy", 7)).toEqual(set);
    expect(makeDataSet(config, "crossEntropy", 8).inputs).not.toEqual(set.inputs);
    const calm = makeDataSet({ ...config, noise: 0 }, "crossEntropy", 7);
    expect(calm.inputs).not.toEqual(set.inputs);
  },
);

test("without noise classes are where their shapes are", () => {
  const xor = makeDataSet({ ...base, kind: "xor", noise: 0 }, "crossEntropy", 1);
  const circle = makeDataSet({ ...base, kind: "circle", noise: 0 }, "crossEntropy", 1);
  for (let i = 0; i < xor.count; i++) {
    expect(Number((xor.inputs[2 * i] as number) * (xor.inputs[2 * i + 1] as number) < 0)).toBe(xor.targets[i]);
    const radius = Math.hypot(circle.inputs[2 * i] as number, circle.inputs[2 * i + 1] as number);
    expect(Number(radius < 0.55)).toBe(circle.targets[i]);
  }
});

test.each([
  ["wave", (x: number, y: number) => Math.sin(Math.PI * x) * Math.cos((Math.PI * y) / 2)],
  ["plane", (x: number, y: number) => 0.6 * x - 0.4 * y + 0.1],
] as const)("%s: numbers of two inputs, with noise around them", (kind, surface) => {
  const calm = makeDataSet({ ...base, kind, noise: 0 }, "mse", 3);
  const noisy = makeDataSet({ ...base, kind, noise: 0.3 }, "mse", 3);
  const off = (set: typeof calm): number[] =>
    Array.from(set.targets, (y, i) => y - surface(set.inputs[2 * i] as number, set.inputs[2 * i + 1] as number));
  expect(Math.max(...off(calm).map(Math.abs))).toBeLessThan(1e-6);
  const spread = Math.sqrt(off(noisy).reduce((sum, x) => sum + x * x, 0) / noisy.count);
  expect(spread).toBeGreaterThan(0.25);
  expect(spread).toBeLessThan(0.35);
  expect(calm.classes).toBeUndefined();
});

test("a part of each class is kept for the test, and of none all", () => {
  const set = makeDataSet({ ...base, kind: "points", points: drawn([0, 0, 0, 0, 0, 0, 0, 0, 4, 4, 7]) }, "mse", 1);
  expect(set.classes).toEqual(["0", "4", "7"]);
  const { train, test: kept } = splitSet(set, 0.5, 1);
  const labels = (of: Int32Array): number[] => Array.from(of, (i) => set.targets[i] as number).sort((a, b) => a - b);
  expect(labels(kept)).toEqual([0, 0, 0, 0, 1]);
  expect(labels(train)).toEqual([0, 0, 0, 0, 1, 2]);
  expect([...train, ...kept].sort((a, b) => a - b)).toEqual(Array.from({ length: 11 }, (_, i) => i));
  expect(splitSet(set, 0, 1).test).toHaveLength(0);
});

test("a table: numbers lie between −1 and 1, texts have a number each, categories are classes", () => {
  const csv = "size,color,kind\n1,red,cat\n3,blue,dog\n5,red,cat\n2,blue,bird\n";
  const set = makeDataSet({ ...base, kind: "csv", csv }, "crossEntropy", 1);
  expect(set.inputNames).toEqual(["size", "color=blue", "color=red"]);
  expect(set.classes).toEqual(["bird", "cat", "dog"]);
  expect(Array.from(set.targets)).toEqual([1, 2, 1, 0]);
  expect(Array.from(set.inputs)).toEqual([-1, 0, 1, 0, 1, 0, 1, 0, 1, -0.5, 1, 0]);
  expect(set.isPlane).toBe(false);
  const other = makeDataSet({ ...base, kind: "csv", csv, target: "size" }, "mse", 1);
  expect(other.classes).toBeUndefined();
  expect(Array.from(other.targets)).toEqual([-1, 0, 1, -0.5]);
  expect(other.targetName).toBe("size");
  const plane = makeDataSet({ ...base, kind: "csv", csv: "a,b,y\n0,5,0\n4,5,1\n2,5,1\n1,5,0\n" }, "crossEntropy", 1);
  expect(plane.isPlane).toBe(true);
  expect(Array.from(plane.inputs)).toEqual([-1, 0, 1, 0, 0, 0, -0.5, 0]);
  expect(plane.classes).toEqual(["0", "1"]);
});

const rows = (count: number, row: (i: number) => string): string =>
  ["x,y", ...Array.from({ length: count }, (_, i) => row(i))].join("\n");

test.each([
  ["nothing", "", "csvNone", "choose a CSV file"],
  ["names alone", "x,y\n", "csvUnreadable", "no rows"],
  ["a row that is too short", "x,y\n1,a\n2\n3,b\n4,a\n", "csvUnreadable", "line 3"],
  ["one column", "x\n1\n2\n3\n4\n", "csvOneColumn", "one column only, x"],
  ["few rows", "x,y\n1,a\n2,b\n", "tooFewExamples", "at least 4"],
  ["a hole", "x,y\n1,a\n,b\n3,a\nNA,b\n", "csvHole", "Row 2 has nothing in column x"],
  ["a hole in the target", "x,y\n1,a\n2,b\n3,\n4,b\n", "csvHole", "Row 3 has nothing in column y"],
  ["an empty column", "x,z,y\n1,,a\n2,,b\n3,,a\n4,,b\n", "csvEmptyColumn", "Column z is empty"],
  ["text among numbers", "x,y\n1,a\n2,b\nmany,a\n4,b\n", "csvBrokenNumber", 'Row 3 has "many" in column x'],
  ["one class", "x,y\n1,a\n2,a\n3,a\n4,a\n", "oneClass", "of one class, a"],
  ["one number", "x,y\n1,5\n2,5\n3,5\n4,5\n", "oneClass", "of one class, 5"],
  ["names as an input", rows(30, (i) => `name ${i},${i % 2}`), "csvManyTexts", "30 different texts"],
  ["numbers as classes", rows(30, (i) => `${i},${i / 7}`), "csvManyClasses", "choose mse"],
] as const)("a table with %s is refused, and it is said what to do", (_, csv, code, part) => {
  const error = faultOf(() => makeDataSet({ ...base, kind: "csv", csv }, "crossEntropy", 1));
  expect(error.code).toBe(code);
  expect(error.message).toContain(part);
  expect(error.message).not.toContain("{");
});

test("a column that the table has not is named, with those that it has", () => {
  const csv = "x,y\n1,a\n2,b\n3,a\n4,b\n";
  const error = faultOf(() => makeDataSet({ ...base, kind: "csv", csv, target: "z" }, "crossEntropy", 1));
  expect(error.message).toBe("The table has no column z: choose one of x, y.");
});

test("a line of text: each letter from those before it", () => {
  const set = makeDataSet({ ...base, kind: "text", text: "ab ba" }, "crossEntropy", 1);
  expect(set.classes).toEqual(["␣", "a", "b"]);
  expect(Array.from(set.targets)).toEqual([2, 0, 2, 1]);
  expect(set.width).toBe(12);
  expect(set.inputNames.slice(0, 4)).toEqual(["␣₋₄", "a₋₄", "b₋₄", "␣₋₃"]);
  // Before "b": "ab " at the last three places, nothing in front of it.
  expect(Array.from(set.inputs.subarray(24, 36))).toEqual([0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0]);
  expect(makeDataSet({ ...base, kind: "text", text: "天地玄黄 天地" }, "crossEntropy", 1).classes).toHaveLength(5);
});

test("digits: those that come with the page and the learner's own", () => {
  const images = new Uint8Array(2 * 784).fill(255, 784);
  const own = { pixels: new Array<number>(784).fill(0.5), label: 9 };
  const config = { ...base, kind: "digits", digits: [own] } as const;
  const set = makeDataSet(config, "crossEntropy", 1, { images, labels: Uint8Array.of(3, 4) });
  expect(Array.from(set.targets)).toEqual([3, 4, 9]);
  expect([0, 784, 1568].map((i) => set.inputs[i])).toEqual([0, 1, 0.5]);
  expect(set.classes).toHaveLength(10);
  expect(faultOf(() => makeDataSet(config, "crossEntropy", 1)).code).toBe("oneClass");
  const wrong = { ...config, digits: [own, { pixels: [1, 2], label: 3 }] };
  expect(faultOf(() => makeDataSet(wrong, "crossEntropy", 1)).message).toContain("Digit number 2");
});

test.each([
  ["points", {}, "noPoints"],
  ["points", { points: drawn([3, 3, 3]) }, "oneClass"],
  ["points", { points: [{ x: 2, y: 0, label: 0 }] }, "outOfRange"],
  ["digits", {}, "noDigits"],
  ["text", {}, "shortText"],
  ["text", { text: "aaaa" }, "oneLetter"],
  ["text", { text: "ab".repeat(2000) }, "longText"],
  ["wave", {}, "classesNeeded"],
  ["xor", { size: 3 }, "outOfRange"],
  ["xor", { size: 10.5 }, "notWhole"],
  ["xor", { noise: Number.NaN }, "outOfRange"],
  ["cubes", {}, "unknownChoice"],
] as const)("%s with %o is refused as %s", (kind, change, code) => {
  const config = { ...base, ...change, kind: kind as DataKind };
  expect(faultOf(() => makeDataSet(config, "crossEntropy", 1)).code).toBe(code);
});

function drawn(labels: readonly number[]) {
  return labels.map((label, i) => ({ x: i / 20, y: -i / 20, label }));
}

function faultOf(body: () => unknown): SessionError {
  try {
    body();
  } catch (error) {
    if (error instanceof SessionError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
