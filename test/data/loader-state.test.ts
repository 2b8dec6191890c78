import { expect, test } from "vitest";
import {
  BatchSampler,
  DataLoader,
  type LoaderState,
  RandomSampler,
  TensorDataset,
  WeightedRandomSampler,
  mapDataset,
} from "../../src/data/index.ts";
import { arange, int32 } from "../../src/tensor/creation.ts";
import { Tensor } from "../../src/tensor/tensor.ts";

interface Loader extends AsyncIterable<unknown> {
  state(): LoaderState;
  restore(state: LoaderState): void;
}

const numbers = Array.from({ length: 11 }, (_, i) => i);
const noisy = mapDataset(numbers, (x, random) => x + random.int(1000) / 1000);
const late = {
  length: 11,
  get: async (i: number) => {
    await new Promise((resolve) => setTimeout(resolve, (i * 7) % 3));
    return i;
  },
};
async function* counted(): AsyncGenerator<number> {
  yield* numbers;
}
const source = { [Symbol.asyncIterator]: counted };

const loaders: Readonly<Record<string, () => Loader>> = {
  "a tensor data set": () =>
    new DataLoader(new TensorDataset(arange(11), int32(numbers)), { batchSize: 3, shuffle: true, seed: 1 }),
  "an order that stays": () => new DataLoader(new TensorDataset(arange(11)), { batchSize: 4, dropLast: true, seed: 1 }),
  "random changes": () => new DataLoader(noisy, { batchSize: 3, shuffle: true, seed: 1 }),
  "random changes without shuffle": () => new DataLoader(noisy, { batchSize: 3, seed: 1 }),
  "promises, ahead": () => new DataLoader(late, { batchSize: 2, shuffle: true, seed: 1, prefetch: 3 }),
  "a source": () => new DataLoader(source, { batchSize: 3, seed: 1 }),
  "a mixed source, ahead": () => new DataLoader(source, { batchSize: 3, shuffleBuffer: 5, seed: 1, prefetch: 2 }),
  "a sampler": () =>
    new DataLoader(noisy, { batchSize: 3, sampler: new WeightedRandomSampler(numbers, 10, { seed: 2 }), seed: 1 }),
  "a list": () => new DataLoader(numbers, { batchSize: 2, sampler: [3, 3, 7, 1, 0], seed: 1 }),
  "a batch sampler": () =>
    new DataLoader(numbers, { batchSampler: new BatchSampler(new RandomSampler(11, { seed: 3 }), 4), seed: 1 }),
  "a collate of one's own": () =>
    new DataLoader(noisy, { batchSize: 3, shuffle: true, seed: 1, collate: (examples) => examples }),
};

async function plain(batch: unknown): Promise<unknown> {
  if (batch instanceof Tensor) return batch.array();
  return Array.isArray(batch) ? Promise.all(batch.map(plain)) : batch;
}

async function epoch(loader: Loader): Promise<unknown[]> {
  const batches: unknown[] = [];
  for await (const batch of loader) batches.push(await plain(batch));
  return batches;
}

test.each(Object.keys(loaders))("%s goes on in the middle of an epoch", async (name) => {
  const make = loaders[name] as () => Loader;
  const first = make();
  const epochs = [await epoch(first), await epoch(first), await epoch(first)];
  const states: string[] = [];
  const second = make();
  await epoch(second);
  states.push(JSON.stringify(second.state()));
  for await (const _ of second) states.push(JSON.stringify(second.state()));
  expect(states.map((state) => (JSON.parse(state) as LoaderState).batch)).toEqual(states.map((_, i) => i));
  expect(states.length).toBeGreaterThan(2);
  for (const [batch, state] of states.entries()) {
    const resumed = make();
    resumed.restore(JSON.parse(state) as LoaderState);
    expect(JSON.stringify(resumed.state())).toBe(state);
    expect(await epoch(resumed)).toEqual(epochs[1]?.slice(batch));
    expect(await epoch(resumed)).toEqual(epochs[2]);
  }
});

test("a resumed loop can be interrupted again, and what came before is not read", async () => {
  const read: number[] = [];
  const set = { length: 6, get: (i: number) => (read.push(i), i) };
  const loader = new DataLoader(set, { batchSize: 1, seed: 4, shuffle: true });
  const whole = (await epoch(new DataLoader(set, { batchSize: 1, seed: 4, shuffle: true }))).flat();
  read.length = 0;
  const found: unknown[] = [];
  for (let part = 0; part < 3; part++) {
    let state: LoaderState | undefined;
    for await (const batch of loader) {
      found.push(...((await plain(batch)) as number[]));
      state = loader.state();
      if (found.length % 2 === 0) break;
    }
    loader.restore(state as LoaderState);
  }
  expect(found).toEqual(whole);
  expect(read).toEqual(whole);
});

test("a loop that was left is over: the state is that of the next epoch", async () => {
  const make = (): DataLoader<[Tensor]> =>
    new DataLoader(new TensorDataset(arange(6)), { batchSize: 2, shuffle: true, seed: 1 });
  const [left, whole] = [make(), make()];
  for await (const _ of left) break;
  await epoch(whole);
  expect(left.state()).toEqual(whole.state());
});

test("two loops at once: each is an epoch, and the state is that of the one that began last", async () => {
  const make = (): DataLoader<[Tensor]> =>
    new DataLoader(new TensorDataset(arange(6)), { batchSize: 2, shuffle: true, seed: 1 });
  const [apart, mixed] = [make(), make()];
  const expected = [await epoch(apart), await epoch(apart)];
  const loops = [mixed[Symbol.asyncIterator](), mixed[Symbol.asyncIterator]()];
  const found: unknown[][] = [[], []];
  for (const i of [0, 0, 1, 0]) {
    const result = await loops[i]?.next();
    found[i]?.push(await plain(result?.value));
  }
  const state = mixed.state();
  expect(state.batch).toBe(1);
  expect(found[0]).toEqual(expected[0]);
  const resumed = make();
  resumed.restore(state);
  expect([...(found[1] as unknown[]), ...(await epoch(resumed))]).toEqual(expected[1]);
});

test("a state that does not fit is refused", async () => {
  const loader = new DataLoader(numbers, { batchSize: 6 });
  const state = loader.state();
  expect(() => loader.restore({ ...state, batch: -1 })).toThrow("batch must be a whole number from 0: got -1");
  expect(() => loader.restore({ batch: 0 } as unknown as LoaderState)).toThrow("not the state of a loader");
  loader.restore({ ...state, batch: 3 });
  await expect(epoch(loader)).rejects.toThrow("the state is of other data: it stands behind batch 3, an epoch has 2");
});
