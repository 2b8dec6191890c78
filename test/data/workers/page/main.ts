/** Runs loaders with Web Workers and leaves what came of it in `outcome`. */
import type { Dataset } from "../../../../src/data/datasets/dataset.ts";
import { DataLoader } from "../../../../src/data/loader/loader.ts";
import { mapDataset } from "../../../../src/data/datasets/combine.ts";

const module = new URL("/sets.js", import.meta.url);
const noisy: Dataset<readonly [Float32Array, number]> = mapDataset(
  Array.from({ length: 23 }, (_, i) => i),
  (i, random) => [new Float32Array([i, random.int(1000)]), i] as const,
);

async function batches(workers: number): Promise<unknown[]> {
  const options = { batchSize: 4, shuffle: true, seed: 1, workers, worker: { module, export: "noisy" } };
  const loader = new DataLoader(noisy, options);
  const found: unknown[] = [];
  for await (const [x, y] of loader) found.push([await x.array(), await y.array()]);
  loader.close();
  return found;
}

async function failure(worker: { readonly module: URL; readonly export: string }): Promise<unknown> {
  try {
    for await (const _ of new DataLoader<number>({ length: 23 }, { batchSize: 4, workers: 2, worker }));
    return undefined;
  } catch (error) {
    const { message, cause } = error as Error;
    return { message, stack: (cause as Error).stack };
  }
}

async function run(): Promise<object> {
  return {
    alone: await batches(0),
    shared: await batches(2),
    failing: await failure({ module, export: "failing" }),
    missing: await failure({ module: new URL("/missing.js", import.meta.url), export: "noisy" }),
  };
}

void run()
  .catch((error: unknown) => ({ failed: String(error) }))
  .then((outcome) => Object.assign(globalThis, { outcome }));
