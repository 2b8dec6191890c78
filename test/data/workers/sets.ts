/** Data sets for the tests of workers. */
import process from "node:process";
import { mapDataset } from "../../../src/data/datasets/combine.ts";
import type { Dataset } from "../../../src/data/datasets/dataset.ts";
import { arange } from "../../../src/tensor/creation.ts";

const numbers = Array.from({ length: 23 }, (_, i) => i);

export const noisy = mapDataset(numbers, (x, random) => [new Float32Array([x, random.int(1000)]), x] as const);

/** Fields of all kinds, of which some are views of larger memory. */
export const mixed: Dataset<{ bytes: Uint8Array; row: unknown; text: string }> = {
  length: 23,
  get: (i) => ({ bytes: shared.subarray(i, i + 2), row: arange(3).add(i), text: `number ${i}` }),
};
const shared = new Uint8Array(100).map((_, i) => i);

export async function powers(args: unknown): Promise<number[]> {
  const { count, exponent } = args as { count: number; exponent: number };
  return Array.from({ length: count }, (_, i) => i ** exponent);
}

export const failing: Dataset<number> = {
  length: 23,
  get: (i) => {
    if (i === 13) throw new RangeError("no pixels");
    return i;
  },
};

export const dying: Dataset<number> = {
  length: 23,
  get: (i) => {
    if (i === 5) process.exit(3);
    return i;
  },
};

export const text = "no data set";
