/** Cases of the records that only move elements, and of those without operands. */
import { dtypes } from "../../../src/base/dtype.ts";
import type { Value } from "../../../src/ir/value.ts";
import { kit } from "../../../src/ops/kit.ts";
import { table } from "../../../src/ops/table.ts";
import type { Family } from "./case.ts";
import { moves, permutations, show, unary } from "./common.ts";

/** Leaves: a result that is one gets elements of its own. */
export const leaf: Family = {
  record: table.leaf,
  ...moves,
  cases: [[], [1], [7], [2, 3], [0], [2, 0]].map((shape) => unary("as it is", shape, (x) => x)),
};

export const constant: Family = {
  record: table.constant,
  ...moves,
  cases: [[], [1], [7], [2, 3], [0]].flatMap((shape) =>
    dtypes.map((dtype) => ({
      label: `${show(shape)} ${dtype}`,
      inputs: [],
      build: () => kit.full(shape, dtype === "bool" ? 1 : dtype === "uint8" ? 200 : -3, dtype),
    })),
  ),
};

export const iota: Family = {
  record: table.iota,
  ...moves,
  cases: [0, 1, 2, 5, 9].map((size) => ({
    label: `${size}`,
    inputs: [],
    build: () => kit.apply(table.iota, [], { size }),
  })),
};

const reshapes: readonly (readonly [readonly number[], readonly number[]])[] = [
  [[6], [2, 3]],
  [
    [2, 3, 4],
    [4, 6],
  ],
  [
    [2, 3, 4],
    [6, 1, 4],
  ],
  [
    [4, 6],
    [8, 3],
  ],
  [[1], []],
  [[], [1, 1]],
  [
    [2, 0, 3],
    [0, 5],
  ],
  [
    [0, 4],
    [2, 0],
  ],
  [[3, 1, 5], [15]],
];

export const reshape: Family = {
  record: table.reshape,
  ...moves,
  cases: reshapes.map(([from, to]) =>
    unary(`to ${show(to)}`, from, (x) => kit.apply(table.reshape, [x], { shape: to })),
  ),
};

export const permute: Family = {
  record: table.permute,
  ...moves,
  cases: [
    ...permutations(3).map((order) => unary(show(order), [2, 3, 5], (x) => kit.apply(table.permute, [x], { order }))),
    unary("[3, 1, 0, 2]", [2, 3, 4, 5], (x) => kit.permute(x, [3, 1, 0, 2])),
    unary("[1, 0]", [0, 3], (x) => kit.permute(x, [1, 0])),
    unary("[1, 0]", [1, 1], (x) => kit.permute(x, [1, 0])),
    unary("[]", [], (x) => kit.apply(table.permute, [x], { order: [] })),
  ],
};

export const expand: Family = {
  record: table.expand,
  ...moves,
  cases: (
    [
      [[1], [7]],
      [
        [1, 3],
        [4, 3],
      ],
      [
        [3, 1],
        [3, 5],
      ],
      [
        [1, 2, 1],
        [4, 2, 5],
      ],
      [
        [1, 3],
        [0, 3],
      ],
      [
        [2, 3],
        [2, 3],
      ],
      [[1], [1]],
      [[], []],
    ] as const
  ).map(([from, to]) => unary(`to ${show(to)}`, from, (x) => kit.apply(table.expand, [x], { shape: to }))),
};

export const slice: Family = {
  record: table.slice,
  ...moves,
  cases: (
    [
      [[9], [2], [1], [4]],
      [[9], [8], [-1], [9]],
      [[9], [7], [-3], [3]],
      [
        [4, 5],
        [1, 0],
        [2, 2],
        [2, 3],
      ],
      [
        [4, 5],
        [3, 4],
        [-1, -2],
        [3, 2],
      ],
      [
        [4, 5],
        [0, 2],
        [1, 1],
        [4, 0],
      ],
      [
        [2, 3, 4],
        [1, 0, 3],
        [1, 1, -1],
        [1, 3, 4],
      ],
      [[], [], [], []],
    ] as const
  ).map(([shape, start, step, size]) =>
    unary(`from ${show(start)} by ${show(step)}`, shape, (x) => kit.apply(table.slice, [x], { start, step, size })),
  ),
};

export const pad: Family = {
  record: table.pad,
  ...moves,
  cases: (
    [
      [[3], [2], [1], [0]],
      [[3], [0], [0], [2]],
      [
        [2, 3],
        [1, 0],
        [0, 2],
        [0, 1],
      ],
      [
        [2, 3],
        [0, 0],
        [0, 0],
        [3, 0],
      ],
      [
        [2, 1, 3],
        [1, 1, 1],
        [2, 0, 1],
        [1, 5, 2],
      ],
      [[0], [2], [1], [1]],
      [
        [0, 2],
        [0, 1],
        [3, 0],
        [0, 0],
      ],
      [[], [], [], []],
    ] as const
  ).flatMap(([shape, low, high, inner]) =>
    [0, 1].map((value) =>
      unary(`low ${show(low)} high ${show(high)} inner ${show(inner)} with ${value}`, shape, (x) =>
        kit.apply(table.pad, [x], { low, high, inner, value }),
      ),
    ),
  ),
};

export const concat: Family = {
  record: table.concat,
  ...moves,
  cases: (
    [
      [0, [[3], [2], [4]]],
      [
        0,
        [
          [2, 3],
          [1, 3],
        ],
      ],
      [
        1,
        [
          [2, 3],
          [2, 1],
          [2, 4],
        ],
      ],
      [
        1,
        [
          [2, 0],
          [2, 3],
        ],
      ],
      [
        2,
        [
          [2, 3, 4],
          [2, 3, 1],
        ],
      ],
      [
        1,
        [
          [2, 3, 4],
          [2, 2, 4],
        ],
      ],
      [0, [[0], [0]]],
      [0, [[5]]],
    ] as const
  ).map(([dim, parts]) => ({
    label: `${parts.map(show).join(" ")} along ${dim}`,
    inputs: parts.map((shape) => ({ shape })),
    build: (...x: Value[]) => kit.apply(table.concat, x, { dim }),
  })),
};
