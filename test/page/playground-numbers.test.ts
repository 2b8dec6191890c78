import { expect, test } from "vitest";
import { packDigits, unpackDigits } from "../../site/src/session/digit-file.ts";
import { histogramOf } from "../../site/src/playground/distribution.ts";
import { Tasks } from "../../site/src/playground/tasks.ts";
import { hiddenName, outputName } from "../../site/src/playground/unit-names.ts";
import { summaryOf } from "../../src/inspect/index.ts";

test("digits come back from their file in 16 shades", () => {
  const images = Uint8Array.from({ length: 2 * 784 }, (_, i) => (17 * i) % 272);
  const labels = Uint8Array.from([3, 9]);
  const bytes = packDigits({ images, labels });
  expect(bytes).toHaveLength(2 * 393);
  expect(unpackDigits(bytes)).toEqual({ images, labels });
  const gray = packDigits({ images: new Uint8Array(784).fill(100), labels: Uint8Array.of(1) });
  expect(unpackDigits(gray).images[5]).toBe(102);
});

test("a file that is cut short, or another one, is no file of digits", () => {
  const bytes = packDigits({ images: new Uint8Array(784), labels: Uint8Array.of(1) });
  expect(() => unpackDigits(bytes.subarray(0, 300))).toThrow("no file of digits");
  expect(() => unpackDigits(new Uint8Array(393).fill(60))).toThrow("no file of digits");
});

test("numbers are counted as the trace counts them", () => {
  const data = [0.5, -2, 7.25, 0, 0, 3, NaN, Infinity, 7.25];
  const value = { kind: "elements", data } as const;
  const { from, to, counts } = summaryOf(value).histogram;
  expect(histogramOf(value)).toEqual({ from, to, counts });
  expect(histogramOf(summaryOf(value))).toMatchObject({ from, to, counts });
  expect(histogramOf({ kind: "elements", data: [2, 2] }).counts[0]).toBe(2);
  expect(histogramOf({ kind: "elements", data: [NaN] })).toMatchObject({ from: 0, to: 0 });
});

test("an output that stands for a probability is a score", () => {
  const info = { outputs: ["p(cat)", "y"] };
  expect([outputName(info, 0), outputName(info, 1), outputName(info, 2), hiddenName(11)]).toEqual([
    "y(cat)",
    "y",
    "y₃",
    "h₁₂",
  ]);
});

test("tasks wait for each other; a problem stays until one succeeds", async () => {
  let failures = 0;
  const tasks = new Tasks(() => failures++);
  const order: number[] = [];
  const slow = tasks.do(async () => {
    await Promise.resolve();
    order.push(1);
  });
  const bad = tasks.do(() => Promise.reject(new RangeError("no")));
  expect(tasks.isFull).toBe(false);
  const last = tasks.do(async () => void order.push(2));
  expect(tasks.isFull).toBe(true);
  await bad;
  expect(tasks.problem.value).toBeInstanceOf(RangeError);
  await Promise.all([slow, last]);
  expect([order, failures, tasks.problem.value, tasks.isFull]).toEqual([[1, 2], 1, undefined, false]);
});
