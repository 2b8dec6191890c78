import { expect, test } from "vitest";
import { DataLoader, TensorDataset } from "../../src/data/index.ts";
import { arange, int32, tensor } from "../../src/tensor/creation.ts";
import { manualSeed } from "../../src/tensor/random.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

/** The first elements of each batch's first tensor. */
async function epoch(loader: AsyncIterable<readonly Tensor[] | Tensor>): Promise<number[][]> {
  const batches: number[][] = [];
  for await (const batch of loader) {
    const x = (Array.isArray(batch) ? batch[0] : batch) as Tensor;
    batches.push((await x.reshape(-1).array()) as number[]);
  }
  return batches;
}

test("a tensor data set is cut into rows in order, with a smaller last batch", async () => {
  const set = new TensorDataset(arange(10).reshape(5, 2), int32([0, 1, 2, 3, 4]));
  const loader = new DataLoader(set, { batchSize: 2 });
  const shapes: unknown[] = [];
  for await (const [x, y] of loader) shapes.push([x.shape, y.shape, y.dtype, await y.array()]);
  expect(shapes).toEqual([
    [[2, 2], [2], "int32", [0, 1]],
    [[2, 2], [2], "int32", [2, 3]],
    [[1, 2], [1], "int32", [4]],
  ]);
  expect(loader.length).toBe(3);
  const full = new DataLoader(set, { batchSize: 2, dropLast: true });
  expect([full.length, (await epoch(full)).length]).toEqual([2, 2]);
  expect(await set.get(3)[0].array()).toEqual([6, 7]);
});

test("bytes stay bytes until map scales them", async () => {
  const images = new Uint8Array([0, 255, 51, 102]);
  const set = new TensorDataset(tensor(images, { shape: [2, 2], copy: false }), new Uint8Array([7, 9]));
  const loader = new DataLoader(set, { batchSize: 2, map: ([x, y]) => [x.div(255), y] as const });
  for await (const [x, y] of loader) {
    expect([x.dtype, y.dtype]).toEqual(["float32", "uint8"]);
    expect(await x.array()).toEqual([
      [0, 1],
      [expect.closeTo(0.2, 6), expect.closeTo(0.4, 6)],
    ]);
  }
});

test("each epoch has its own order, and the same seed the same ones", async () => {
  const make = (seed?: number): DataLoader<[Tensor]> =>
    new DataLoader(new TensorDataset(arange(20)), {
      batchSize: 20,
      shuffle: true,
      ...(seed === undefined ? {} : { seed }),
    });
  const [a, b] = [make(5), make(5)];
  const first = (await epoch(a))[0] as number[];
  const second = (await epoch(a))[0] as number[];
  expect(first).not.toEqual(second);
  expect([...first].sort((x, y) => x - y)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  expect((await epoch(b))[0]).toEqual(first);
  const state = b.state();
  expect((await epoch(b))[0]).toEqual(second);
  b.restore(state);
  expect(b.state()).toEqual(state);
  expect((await epoch(b))[0]).toEqual(second);
  manualSeed(1);
  const seeded = await epoch(make());
  manualSeed(1);
  expect(await epoch(make())).toEqual(seeded);
});

test("examples are joined by their form: pairs, objects, nested numbers, typed arrays, texts", async () => {
  const pairs: [number[], number][] = [
    [[1, 2], 0],
    [[3, 4], 1],
  ];
  for await (const [x, y] of new DataLoader(pairs, { batchSize: 2 })) {
    expect([await x.array(), await y.array()]).toEqual([
      [
        [1, 2],
        [3, 4],
      ],
      [0, 1],
    ]);
  }
  const records = [
    { pixels: new Uint8Array([1, 2]), name: "a" },
    { pixels: new Uint8Array([3, 4]), name: "b" },
  ];
  for await (const { pixels, name } of new DataLoader(records, { batchSize: 2 })) {
    expect([pixels.dtype, await pixels.array(), name]).toEqual([
      "uint8",
      [
        [1, 2],
        [3, 4],
      ],
      ["a", "b"],
    ]);
  }
  const xor: [number[], number[]][] = [
    [[0, 1], [1]],
    [[1, 1], [0]],
  ];
  for await (const [x, y] of new DataLoader(xor, { batchSize: 2 })) {
    expect([x.shape, y.shape]).toEqual([
      [2, 2],
      [2, 1],
    ]);
  }
  for await (const x of new DataLoader([1, 2, 3], { batchSize: 3 })) expect(await x.array()).toEqual([1, 2, 3]);
});

test("a data set of one's own may be asynchronous, and collate joins its examples", async () => {
  const set = { length: 3, get: async (i: number) => ({ text: "x".repeat(i + 1) }) };
  const loader = new DataLoader(set, { batchSize: 2, collate: (examples) => examples.map(({ text }) => text.length) });
  const seen: number[][] = [];
  for await (const lengths of loader) seen.push(lengths);
  expect(seen).toEqual([[1, 2], [3]]);
});

test("a source is read as it comes, shuffled through a buffer, and closed by break", async () => {
  let closed = 0;
  async function* source(): AsyncGenerator<number> {
    try {
      for (let i = 0; i < 8; i++) yield i;
    } finally {
      closed++;
    }
  }
  const once = { [Symbol.asyncIterator]: source };
  expect(await epoch(new DataLoader(once, { batchSize: 3 }))).toEqual([
    [0, 1, 2],
    [3, 4, 5],
    [6, 7],
  ]);
  const mixed = (await epoch(new DataLoader(once, { batchSize: 8, shuffleBuffer: 4, seed: 2 })))[0] as number[];
  expect(mixed).not.toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect([...mixed].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(closed).toBe(2);
  for await (const x of new DataLoader(once, { batchSize: 2 })) {
    expect(await x.array()).toEqual([0, 1]);
    break;
  }
  expect(closed).toBe(3);
  expect(() => new DataLoader(once, { shuffle: true })).toThrow("shuffleBuffer");
});

test("timers and the page get their turn during a long epoch", async () => {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const slow = new DataLoader(new TensorDataset(arange(40)), {
    map: (batch) => {
      const end = performance.now() + 3;
      while (performance.now() < end);
      return batch;
    },
  });
  await epoch(slow);
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(2);
});

test("what cannot be loaded is named", async () => {
  expect(() => new DataLoader([])).toThrow(/^DataLoader: the data set is empty$/);
  expect(() => new DataLoader(5 as unknown as number[])).toThrow("takes an array, an object { length, get(i) }");
  expect(() => new DataLoader([1], { batchsize: 2 } as object)).toThrow('did you mean "batchSize"?');
  expect(() => new DataLoader([1], { batchSize: 0 })).toThrow("batchSize must be a whole number from 1: got 0");
  expect(() => new TensorDataset(arange(3), arange(4))).toThrow(
    "the numbers of rows differ: tensor 0 is [3], tensor 1 is [4]",
  );
  const ragged: number[][] = [[1], [1, 2]];
  await expect(epoch(new DataLoader(ragged, { batchSize: 2 }))).rejects.toThrow(
    "examples of a batch must be alike: example 0 is float32 [1], example 1 float32 [2]",
  );
  await expect(epoch(new DataLoader(new Set<number>()))).rejects.toThrow("the source gave no example");
});

test("collate and map must be functions", () => {
  const bad = { map: 3 } as unknown as object;
  expect(() => new DataLoader([1, 2], bad)).toThrow(/^DataLoader: map must be a function: got 3/);
});
