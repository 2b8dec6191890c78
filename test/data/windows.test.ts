import fc from "fast-check";
import { expect, test } from "vitest";
import { CharTokenizer, DataLoader, WindowDataset, randomSplit } from "../../src/data/index.ts";
import { arange } from "../../src/tensor/creation.ts";

test("tokens have the next token as target", async () => {
  const tokenizer = CharTokenizer.fit("hello world");
  const set = new WindowDataset(tokenizer.encode("hello world"), { length: 5, stride: 5 });
  expect(set.length).toBe(2);
  for await (const [x, y] of new DataLoader(set, { batchSize: 2 })) {
    expect([x.shape, x.dtype, y.shape]).toEqual([[2, 5], "int32", [2, 5]]);
    const [inputs, targets] = [await x.array(2), await y.array(2)];
    expect(inputs.map((row) => tokenizer.decode(row))).toEqual(["hello", " worl"]);
    expect(targets.map((row) => tokenizer.decode(row))).toEqual(["ello ", "world"]);
  }
});

test("a horizon lies behind the window, and rows keep their other dims", async () => {
  const series = arange(14).reshape(7, 2);
  const set = new WindowDataset(series, { length: 3, horizon: 2 });
  expect(set.length).toBe(3);
  const [x, y] = set.get(1);
  expect(await x.array()).toEqual([
    [2, 3],
    [4, 5],
    [6, 7],
  ]);
  expect(await y.array()).toEqual([
    [8, 9],
    [10, 11],
  ]);
  const [training] = randomSplit(set, [2, 1], { seed: 1 });
  for await (const [inputs, targets] of new DataLoader(training, { batchSize: 2 })) {
    expect([inputs.shape, targets.shape]).toEqual([
      [2, 3, 2],
      [2, 2, 2],
    ]);
  }
});

test("every window with a target is there, and no other", () => {
  const numbers = fc.record({
    more: fc.nat(30),
    length: fc.integer({ min: 1, max: 6 }),
    horizon: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
    stride: fc.integer({ min: 1, max: 5 }),
  });
  fc.assert(
    fc.property(numbers, ({ more, length, horizon, stride }) => {
      const needed = length + (horizon ?? 1);
      const steps = needed + more;
      const starts: number[] = [];
      for (let start = 0; start + needed <= steps; start += stride) starts.push(start);
      const options = { length, stride, ...(horizon === undefined ? {} : { horizon }) };
      const series = Int32Array.from({ length: steps }, (_, i) => i);
      const set = new WindowDataset(series, options);
      expect(() => new WindowDataset(series.subarray(0, needed - 1), options)).toThrow(
        `the series is too short: ${needed - 1} steps, one window with its target has ${needed}`,
      );
      expect(Array.from({ length: set.length }, (_, i) => set.get(i)[0].dataSync()[0])).toEqual(starts);
      const last = set.get(set.length - 1)[1].dataSync();
      expect(last[0]).toBe((starts.at(-1) as number) + (horizon === undefined ? 1 : length));
      expect(last.length).toBe(horizon ?? length);
      expect(() => set.get(set.length)).toThrow("WindowDataset: no such window");
    }),
  );
});
