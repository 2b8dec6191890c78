/** Cases of elements chosen by positions, and of positions in windows. */
import type { Value } from "../../../src/ir/value.ts";
import { type WindowSettings, kit } from "../../../src/ops/kit.ts";
import { table } from "../../../src/ops/table.ts";
import type { Family } from "./case.ts";
import { moves, show, sums, tied } from "./common.ts";

/** Places below n, with the first and the last one among them. */
const placesBelow =
  (n: number) =>
  (random: () => number): number => {
    const x = random();
    return x < 0.2 ? 0 : x > 0.8 ? n - 1 : Math.floor(random() * n);
  };

const chosen = [
  { shape: [7], dim: 0, count: 5 },
  { shape: [4, 5], dim: 0, count: 3 },
  { shape: [4, 5], dim: 1, count: 9 },
  { shape: [2, 3, 4], dim: 0, count: 5 },
  { shape: [2, 3, 4], dim: 1, count: 2 },
  { shape: [2, 3, 4], dim: 2, count: 6 },
  { shape: [1, 6], dim: 0, count: 4 },
  { shape: [3, 1], dim: 1, count: 4 },
  { shape: [3, 4], dim: 1, count: 0 },
  { shape: [0, 4], dim: 1, count: 3 },
] as const;

export const gather: Family = {
  record: table.gather,
  ...moves,
  cases: chosen.map(({ shape, dim, count }) => ({
    label: `${show(shape)} ${count} along ${dim}`,
    inputs: [
      { shape },
      {
        shape: shape.map((n, d) => (d === dim ? count : n)),
        dtype: "int32",
        element: placesBelow(shape[dim] as number),
      },
    ],
    build: (...[x, index]: Value[]) => kit.gather(x as Value, index as Value, dim),
  })),
};

export const scatter: Family = {
  record: table.scatter,
  dtypes: sums,
  tolerance: 8,
  cases: chosen.map(({ shape, dim, count }) => {
    const size = shape[dim] as number;
    const from = shape.map((n, d) => (d === dim ? count : n));
    return {
      label: `${show(from)} into ${size} along ${dim}`,
      inputs: [{ shape: from, dtype: "int32", element: placesBelow(size) }, { shape: from }],
      build: (...[index, x]: Value[]) => kit.scatter(index as Value, x as Value, dim, size),
    };
  }),
};

const windows = [
  { shape: [2, 3, 8], kernel: [2], stride: [2], low: [0], dilation: [1], extents: [4] },
  { shape: [2, 3, 7], kernel: [3], stride: [1], low: [1], dilation: [1], extents: [7] },
  { shape: [1, 2, 9], kernel: [3], stride: [2], low: [1], dilation: [2], extents: [4] },
  { shape: [2, 2, 6, 6], kernel: [2, 2], stride: [2, 2], low: [0, 0], dilation: [1, 1], extents: [3, 3] },
  { shape: [1, 3, 5, 7], kernel: [3, 2], stride: [2, 1], low: [1, 0], dilation: [1, 2], extents: [3, 5] },
  { shape: [2, 1, 5, 5], kernel: [3, 3], stride: [3, 3], low: [1, 1], dilation: [1, 1], extents: [2, 2] },
  {
    shape: [1, 2, 4, 4, 4],
    kernel: [2, 2, 2],
    stride: [2, 2, 2],
    low: [0, 0, 0],
    dilation: [1, 1, 1],
    extents: [2, 2, 2],
  },
  {
    shape: [1, 1, 4, 5, 3],
    kernel: [2, 3, 2],
    stride: [1, 2, 1],
    low: [1, 1, 0],
    dilation: [1, 1, 2],
    extents: [4, 2, 1],
  },
  { shape: [0, 2, 4], kernel: [2], stride: [2], low: [0], dilation: [1], extents: [2] },
] as const;

function windowFamily(record: Family["record"], build: (x: Value, attrs: WindowSettings) => Value): Family {
  return {
    record,
    dtypes: ["float32", "float64", "int32", "uint8"],
    tolerance: 0,
    cases: windows.flatMap(({ shape, ...attrs }) =>
      [undefined, tied].map((element) => ({
        label: `${show(shape)} kernel ${show(attrs.kernel)}${element === undefined ? "" : " with ties"}`,
        inputs: [element === undefined ? { shape } : { shape, element }],
        build: (...[x]: Value[]) => build(x as Value, attrs),
      })),
    ),
  };
}

export const window = windowFamily(table.window, (x, attrs) => kit.window(x, attrs));
export const windowMax = windowFamily(table.windowMax, (x, attrs) => kit.windowMax(x, attrs));
