import fc from "fast-check";
import { expect, test } from "vitest";
import { ConcatDataset, DataLoader, Subset, TensorDataset, mapDataset, randomSplit } from "../../src/data/index.ts";
import { arange, int32 } from "../../src/tensor/creation.ts";
import { Tensor } from "../../src/tensor/tensor.ts";

const letters = Array.from("abcdefghij");

async function joined(loader: AsyncIterable<unknown>): Promise<unknown[]> {
  const batches: unknown[] = [];
  for await (const batch of loader) batches.push(batch instanceof Tensor ? await batch.array() : batch);
  return batches;
}

test("a subset gives the examples of its numbers, by rows where the set can", async () => {
  const set = new TensorDataset(arange(10), int32([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]));
  for await (const [x, y] of new DataLoader(new Subset(set, [7, 2, 2]), { batchSize: 3 })) {
    expect([await x.array(), await y.array()]).toEqual([
      [7, 2, 2],
      [2, 7, 7],
    ]);
  }
  const inner = new Subset(new Subset(letters, [9, 8, 7]), [0, 2]);
  expect(await joined(new DataLoader(inner, { batchSize: 2 }))).toEqual([["j", "h"]]);
  expect(() => new Subset(letters, [0, 10])).toThrow("Subset: no such example: number 1 is 10, the set has 10");
  expect(() => inner.get(2)).toThrow("Subset: no such example: 2 of 2");
});

test("parts of a random split have no common examples and make the whole", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 4, max: 200 }),
      fc.integer({ min: 2, max: 4 }),
      fc.integer(),
      (count, parts, seed) => {
        const set = Array.from({ length: count }, (_, i) => i);
        const fractions = Array.from({ length: parts }, () => 1 / parts);
        const subsets: Subset<number>[] = randomSplit(set, fractions, { seed });
        const all = subsets.flatMap((subset) => [...subset.indices]);
        expect(all.sort((a, b) => a - b)).toEqual(set);
        const sizes = subsets.map((subset) => subset.length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      },
    ),
  );
});

test("the sizes of parts are those of PyTorch, and a part is never empty", () => {
  const sizes = (count: number, parts: number[]): number[] =>
    randomSplit(new Array<number>(count).fill(0), parts).map((subset) => subset.length);
  expect(sizes(10, [0.8, 0.2])).toEqual([8, 2]);
  expect(sizes(10, [0.55, 0.45])).toEqual([6, 4]);
  expect(sizes(100, [0.29, 0.71])).toEqual([29, 71]);
  expect(sizes(10, [7, 3])).toEqual([7, 3]);
  expect(sizes(1, [1])).toEqual([1]);
  expect(() => sizes(10, [10, 0])).toThrow("randomSplit: a part would be empty: part 1 of [10, 0] of 10 examples");
  expect(() => sizes(3, [0.99, 0.01])).toThrow("a part would be empty: part 1");
  expect(() => sizes(10, [0.8, 0.1])).toThrow("numbers must sum to 10, fractions to 1");
  expect(() => sizes(10, [Number.NaN, 0.1])).toThrow("the parts do not make the whole");
  const [a] = randomSplit(letters, [0.5, 0.5], { seed: 1 });
  const [b] = randomSplit(letters, [0.5, 0.5], { seed: 1 });
  expect(a.indices).toEqual(b.indices);
});

test("sets behind each other, and examples that are changed as they are read", async () => {
  const late = { length: 2, get: async (i: number) => ["k", "l"][i] as string };
  const all = new ConcatDataset<string>([letters, late, []]);
  expect(all.length).toBe(12);
  const upper = mapDataset(all, (letter) => letter.toUpperCase());
  expect(await joined(new DataLoader(upper, { batchSize: 6 }))).toEqual([Array.from("ABCDEF"), Array.from("GHIJKL")]);
  expect(() => all.get(12)).toThrow("ConcatDataset: no such example: 12 of 12");
  expect(() => new ConcatDataset([])).toThrow("got no data sets");
});

test("random numbers of an example: other ones each epoch and each time it is drawn, the same for a seed", async () => {
  const set = mapDataset(letters, (_, random) => random.int(1e9));
  const make = (seed: number): DataLoader<number> => new DataLoader(set, { batchSize: 4, seed });
  const [a, b] = [make(1), make(1)];
  const first = await joined(a);
  expect(await joined(b)).toEqual(first);
  expect(await joined(a)).not.toEqual(first);
  expect(await joined(make(2))).not.toEqual(first);
  const [drawn] = (await joined(new DataLoader(set, { batchSize: 20, sampler: new Array(20).fill(3) }))) as number[][];
  expect(new Set(drawn).size).toBe(20);
});

test("a failing example, a ragged batch and a NaN are named by their numbers in the set", async () => {
  const cause = new Error("disk");
  const broken = {
    length: 9,
    get: (i: number) => {
      if (i === 7) throw cause;
      return i;
    },
  };
  const failure = joined(new DataLoader(broken, { batchSize: 4 }));
  await expect(failure).rejects.toMatchObject({ message: "DataLoader: example 7 failed: disk", cause });
  const rejecting = { length: 9, get: async (i: number) => (i === 7 ? Promise.reject(cause) : i) };
  await expect(joined(new DataLoader(rejecting, { batchSize: 4, prefetch: 2 }))).rejects.toMatchObject({ cause });

  const rows = [[1, 2], [3, 4], [5, 6], [7]].map((row) => [new Float32Array(row), "x"] as const);
  await expect(joined(new DataLoader(rows, { batchSize: 2 }))).rejects.toThrow(
    "examples of a batch must be alike: field 0 of example 2 is float32 [2], example 3 float32 [1]",
  );
  const records = [{ a: 1 }, { a: "x" as unknown as number }];
  await expect(joined(new DataLoader(records, { batchSize: 2 }))).rejects.toThrow(
    'field "a" of example 1: is no array of numbers: got "x"',
  );

  const images = { data: new Float32Array(8), shape: [2, 2, 2] };
  const bad = { data: Float32Array.of(0, 0, 0, 0, 0, 0, Number.NaN, 0), shape: [2, 2, 2] };
  const set = [images, images, bad].map((image) => ({ image, label: 1 }));
  await expect(joined(new DataLoader(set, { batchSize: 2, checkFinite: true }))).rejects.toThrow(
    "DataLoader: example 2 is not finite: NaN at .image[1, 1, 0] (clean the data, or leave checkFinite out)",
  );
  expect((await joined(new DataLoader(set, { batchSize: 2 }))).length).toBe(2);
  const tensors = new TensorDataset(arange(4), [[1], [2], [Number.POSITIVE_INFINITY], [4]]);
  await expect(joined(new DataLoader(tensors, { batchSize: 4, checkFinite: true }))).rejects.toThrow(
    "example 2 is not finite: Infinity at [1][0]",
  );
  const source = new Set([1, Number.NaN]);
  await expect(joined(new DataLoader(source, { batchSize: 4, checkFinite: true }))).rejects.toThrow("example 1 is not");
});

test("typed arrays with a shape become tensors of that shape", async () => {
  const images = [1, 2].map((x) => ({ data: new Uint8Array(6).fill(x), shape: [1, 2, 3] }));
  for await (const x of new DataLoader(images, { batchSize: 2 })) {
    expect([x.shape, x.dtype]).toEqual([[2, 1, 2, 3], "uint8"]);
  }
});

test("prefetch makes batches while the loop works, and no more than it says", async () => {
  const read: number[] = [];
  const set = { length: 8, get: async (i: number) => (read.push(i), i) };
  const seen: number[] = [];
  for await (const _ of new DataLoader(set, { prefetch: 2 })) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    seen.push(read.length);
  }
  expect(seen).toEqual([3, 4, 5, 6, 7, 8, 8, 8]);
});
