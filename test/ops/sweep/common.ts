/** What the lists of cases share. */
import { type Dtype, dtypes } from "../../../src/base/dtype.ts";
import type { Value } from "../../../src/ir/value.ts";
import type { Case } from "./case.ts";

export const floats: readonly Dtype[] = ["float32", "float64"];
export const sums: readonly Dtype[] = ["float32", "float64", "int32"];

export const show = (list: readonly number[]): string => `[${list.join(", ")}]`;

/** All subsets of 0 ... n − 1 but the empty one. */
export function subsets(n: number): number[][] {
  return Array.from({ length: 2 ** n - 1 }, (_, bits) => [...Array(n).keys()].filter((d) => ((bits + 1) >> d) & 1));
}

export function permutations(n: number): number[][] {
  if (n === 0) return [[]];
  return permutations(n - 1).flatMap((rest) =>
    Array.from({ length: n }, (_, at) => [...rest.slice(0, at), n - 1, ...rest.slice(at)]),
  );
}

/** One input, moved by `build`. */
export const unary = (label: string, shape: readonly number[], build: (x: Value) => Value): Case => ({
  label: `${show(shape)} ${label}`,
  inputs: [{ shape }],
  build,
});

export const moves = { dtypes, tolerance: 0 };

/** Small whole numbers: ties everywhere. */
export const tied = (random: () => number): number => Math.floor(random() * 4);
