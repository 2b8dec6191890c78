import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test, vi } from "vitest";
import { TwopassError } from "../../src/base/errors.ts";
import { DataLoader, type LoaderState } from "../../src/data/index.ts";
import { int32 } from "../../src/tensor/creation.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import { failing, mixed, noisy } from "./workers/sets.ts";
import { preload, readSourcesInThreads } from "./workers/sources-in-threads.ts";

beforeAll(readSourcesInThreads);
// Each thread compiles what it imports, which takes a second where the machine is busy.
vi.setConfig({ testTimeout: 60_000 });

const module = new URL("./workers/sets.ts", import.meta.url);
const numbers = Array.from({ length: 23 }, (_, i) => i);

interface Loader extends AsyncIterable<unknown> {
  state(): LoaderState;
  restore(state: LoaderState): void;
  close(): void;
}

async function plain(x: unknown): Promise<unknown> {
  if (x instanceof Tensor) return [x.dtype, await x.array()];
  if (Array.isArray(x)) return Promise.all(x.map(plain));
  if (typeof x !== "object" || x === null) return x;
  return Promise.all(Object.entries(x).map(async ([key, value]) => [key, await plain(value)]));
}

async function epoch(loader: AsyncIterable<unknown>): Promise<unknown[]> {
  const batches: unknown[] = [];
  for await (const batch of loader) batches.push(await plain(batch));
  return batches;
}

test("any number of workers gives the same batches in the same order, also from the middle on", async () => {
  const make = (workers: number): Loader =>
    new DataLoader(noisy, { batchSize: 4, shuffle: true, seed: 1, workers, worker: { module, export: "noisy" } });
  const alone = make(0);
  const expected = [await epoch(alone), await epoch(alone)];
  expect(expected[0]).not.toEqual(expected[1]);
  for (const workers of [1, 2]) {
    const loader = make(workers);
    expect([await epoch(loader), await epoch(loader)]).toEqual(expected);
    loader.close();
  }
  const left = make(2);
  let state: LoaderState | undefined;
  for await (const _ of left) {
    state = left.state();
    if (state.batch === 3) break;
  }
  const resumed = make(1);
  resumed.restore(state as LoaderState);
  expect(await epoch(resumed)).toEqual(expected[0]?.slice(3));
  expect(await epoch(resumed)).toEqual(expected[1]);
  resumed.close();
});

test("fields of all kinds come back, joined there or joined here", async () => {
  const here = { batchSize: 5, seed: 1 };
  const there = { ...here, workers: 1, worker: { module, export: "mixed" } };
  const joined = new DataLoader(mixed, there);
  expect(await epoch(joined)).toEqual(await epoch(new DataLoader(mixed, here)));
  joined.close();
  const collate = (examples: unknown[]): unknown[] => examples;
  const own = new DataLoader(mixed, { ...there, collate });
  expect(await epoch(own)).toEqual(await epoch(new DataLoader(mixed, { ...here, collate })));
  own.close();
});

test("the data set may be made there from arguments, and the loader needs no more than its length", async () => {
  const loader = new DataLoader<number>(
    { length: 6 },
    { batchSize: 3, workers: 2, worker: { module: module.href, export: "powers", args: { count: 6, exponent: 2 } } },
  );
  expect(await epoch(loader)).toEqual([
    ["float32", [0, 1, 4]],
    ["float32", [9, 16, 25]],
  ]);
  loader.close();
});

test("an error of a worker arrives in the loop, in its turn, with the example, the message and the worker's stack", async () => {
  const loader = new DataLoader(failing, { batchSize: 4, workers: 2, worker: { module, export: "failing" } });
  const seen: number[] = [];
  const loop = async (): Promise<void> => {
    for await (const x of loader) seen.push(...((await x.array()) as number[]));
  };
  const error = await loop().catch((reason: unknown) => reason);
  expect(seen).toEqual(numbers.slice(0, 12));
  expect(error).toBeInstanceOf(TwopassError);
  expect(error).toMatchObject({
    message: "DataLoader: example 13 failed: no pixels",
    cause: { name: "RangeError", message: "no pixels", stack: expect.stringContaining("sets.ts:") },
  });
});

test("a worker that dies, or has no data set, is an error and not a wait", async () => {
  const failure = (name: string, length = 23): Promise<unknown> =>
    epoch(new DataLoader<number>({ length }, { batchSize: 2, workers: 1, worker: { module, export: name } }));
  await expect(failure("dying")).rejects.toThrow(
    /^DataLoader: a worker ended before it gave its batch: exit code 3; asked for the examples /,
  );
  await expect(failure("nothing")).rejects.toThrow(/the worker's module has no such export: "nothing" of file:/);
  await expect(failure("text")).rejects.toThrow(/must export a data set: "text" of .*sets.ts is "no data set"$/);
  await expect(failure("noisy", 24)).rejects.toThrow("sets.ts has 23 examples, the loader's 24");
  const missing = new URL("./workers/missing.ts", import.meta.url);
  const loader = new DataLoader<number>({ length: 2 }, { workers: 1, worker: { module: missing } });
  await expect(epoch(loader)).rejects.toThrow(/missing\.ts/);
});

test("a program ends while threads are idle, and while a loop was left without break", () => {
  const file = fileURLToPath(new URL("./workers/ends-by-itself.ts", import.meta.url));
  const { stdout, status } = spawnSync(process.execPath, ["--import", preload, file], {
    encoding: "utf8",
    timeout: 20_000,
  });
  expect([stdout, status]).toEqual(["23 examples\nleft\n", 0]);
});

test("what workers cannot do is said when the loader is made", () => {
  const worker = { module, export: "noisy" };
  expect(() => new DataLoader(noisy, { workers: 2 })).toThrow(
    "DataLoader: workers need a module that exports the data set",
  );
  expect(() => new DataLoader(noisy, { workers: 1, worker: { module: "./sets.ts" } })).toThrow(
    'worker.module must be a URL: got "./sets.ts"',
  );
  expect(() => new DataLoader(noisy, { workers: -1, worker })).toThrow("workers must be a whole number from 0: got -1");
  expect(() => new DataLoader(new Set([1]), { workers: 1, worker })).toThrow("cannot be shared by workers");
  expect(() => new DataLoader(int32([1]) as never, { workers: 1, worker })).toThrow("takes an array");
});
