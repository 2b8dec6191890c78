import { expect, test } from "vitest";
import {
  BatchSampler,
  DataLoader,
  RandomSampler,
  SequentialSampler,
  SubsetRandomSampler,
  WeightedRandomSampler,
} from "../../src/data/index.ts";
import { manualSeed } from "../../src/tensor/random.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

const sorted = (numbers: Iterable<number>): number[] => [...numbers].sort((a, b) => a - b);

async function taken(loader: AsyncIterable<Tensor>): Promise<unknown[]> {
  const batches: unknown[] = [];
  for await (const batch of loader) batches.push(await batch.array());
  return batches;
}

test("a random sampler takes each number once, in another order each time, the same for a seed", () => {
  const sampler = new RandomSampler(50, { seed: 1 });
  const [first, second] = [[...sampler], [...sampler]];
  expect(first).not.toEqual(second);
  expect(sorted(first)).toEqual([...new SequentialSampler(50)]);
  const again = new RandomSampler({ length: 50 }, { seed: 1 });
  const state = again.state();
  expect([[...again], [...again]]).toEqual([first, second]);
  again.restore(JSON.parse(JSON.stringify(state)));
  expect([...again]).toEqual(first);
  manualSeed(3);
  const seeded = [...new RandomSampler(50)];
  manualSeed(3);
  expect([...new RandomSampler(50)]).toEqual(seeded);
});

test("more numbers than examples begin a new order; with replacement each is drawn from all", () => {
  const twice = [...new RandomSampler(4, { numSamples: 10, seed: 1 })];
  expect(twice.length).toBe(10);
  expect(sorted(twice.slice(0, 4))).toEqual([0, 1, 2, 3]);
  expect(sorted(twice.slice(4, 8))).toEqual([0, 1, 2, 3]);
  const drawn = [...new RandomSampler(10, { replacement: true, numSamples: 10_000, seed: 1 })];
  const counts = Array.from({ length: 10 }, (_, i) => drawn.filter((x) => x === i).length);
  // Five standard deviations of the binomial distribution.
  for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(5 * Math.sqrt(10_000 * 0.1 * 0.9));
});

test("weights: with replacement in proportion, without as draws one after the other", () => {
  const weights = [1, 0, 3, 6];
  const drawn = [...new WeightedRandomSampler(weights, 20_000, { seed: 1 })];
  const parts = weights.map((_, i) => drawn.filter((x) => x === i).length / drawn.length);
  for (const [i, part] of parts.entries()) expect(part).toBeCloseTo((weights[i] as number) / 10, 1.7);
  expect(parts[1]).toBe(0);
  const sampler = new WeightedRandomSampler(weights, 2, { replacement: false, seed: 1 });
  const pairs = Array.from({ length: 20_000 }, () => [...sampler].join());
  expect(new Set(pairs)).toEqual(new Set(["0,2", "0,3", "2,0", "2,3", "3,0", "3,2"]));
  // P(3 then 2) = 6/10 · 3/4.
  expect(pairs.filter((pair) => pair === "3,2").length / pairs.length).toBeCloseTo(0.45, 1.7);
});

test("subsets and batches", () => {
  const subset = new SubsetRandomSampler([5, 7, 9], { seed: 1 });
  expect(sorted(subset)).toEqual([5, 7, 9]);
  expect([...new BatchSampler(new SequentialSampler(5), 2)]).toEqual([[0, 1], [2, 3], [4]]);
  const whole = new BatchSampler(new SequentialSampler(5), 2, { dropLast: true });
  expect([whole.length, [...whole].length]).toEqual([2, 2]);
});

test("a loader takes what its sampler says", async () => {
  const examples = [10, 11, 12, 13, 14];
  const loader = new DataLoader(examples, { batchSize: 2, sampler: [4, 4, 0] });
  expect(loader.length).toBe(2);
  expect(await taken(loader)).toEqual([[14, 14], [10]]);
  expect(await taken(new DataLoader(examples, { batchSampler: [[0], [1, 2, 3]] }))).toEqual([[10], [11, 12, 13]]);
  const weighted = new WeightedRandomSampler([0, 0, 1, 0, 0], 3);
  expect(await taken(new DataLoader(examples, { batchSize: 3, sampler: weighted }))).toEqual([[12, 12, 12]]);
  const unknown = new DataLoader(examples, { sampler: new Set([1, 2]) });
  expect(() => unknown.length).toThrow("the length of this sampler is not known");
  expect(await taken(unknown)).toEqual([[11], [12]]);
});

test("what cannot be is said", async () => {
  const examples = [1, 2, 3];
  expect(() => new DataLoader(examples, { sampler: [1], shuffle: true })).toThrow(
    "DataLoader: sampler and shuffle contradict each other",
  );
  expect(() => new DataLoader(examples, { batchSampler: [[1]], batchSize: 2 })).toThrow(
    "batchSampler and batchSize contradict each other",
  );
  expect(() => new DataLoader(new Set(examples), { sampler: [1] })).toThrow("cannot be picked from by number");
  expect(() => new DataLoader(examples, { shuffleBuffer: 3 })).toThrow("shuffleBuffer is for sources");
  expect(() => new DataLoader(examples, { sampler: 3 as never })).toThrow("sampler must be iterable: got 3");
  await expect(taken(new DataLoader(examples, { sampler: [0, 3] }))).rejects.toThrow(
    "DataLoader: the sampler gave a number that is no example's: 3 of 3",
  );
  await expect(taken(new DataLoader(examples, { batchSampler: [1] as never }))).rejects.toThrow(
    "batchSampler must give lists of numbers: got 1",
  );
  await expect(taken(new DataLoader(examples, { sampler: new Set<number>() }))).rejects.toThrow(
    "the sampler gave no example (can it be read twice?)",
  );
  expect(() => new WeightedRandomSampler([1, -1], 2)).toThrow("weight 1 is -1");
  expect(() => new WeightedRandomSampler([0, 0], 2)).toThrow("no weight is above 0");
  expect(() => new WeightedRandomSampler([1, 0], 2, { replacement: false })).toThrow("2 of 1 with a weight above 0");
  expect(() => new RandomSampler([])).toThrow("RandomSampler: needs examples to count: got 0");
});
