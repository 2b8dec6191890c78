/** Cases of the records that are not elementwise, by family. */
import type { Dtype } from "../../../src/base/dtype.ts";
import { dtypes } from "../../../src/base/dtype.ts";
import type { Value } from "../../../src/ir/value.ts";
import { type ConvSettings, convExtents } from "../../../src/ops/conv.ts";
import { kit } from "../../../src/ops/kit.ts";
import { type Table, table } from "../../../src/ops/table.ts";
import type { Case, Family, Input } from "./case.ts";

const floats: readonly Dtype[] = ["float32", "float64"];
const sums: readonly Dtype[] = ["float32", "float64", "int32"];

const show = (list: readonly number[]): string => `[${list.join(", ")}]`;

/** All subsets of 0 ... n − 1 but the empty one. */
function subsets(n: number): number[][] {
  return Array.from({ length: 2 ** n - 1 }, (_, bits) => [...Array(n).keys()].filter((d) => ((bits + 1) >> d) & 1));
}

function permutations(n: number): number[][] {
  if (n === 0) return [[]];
  return permutations(n - 1).flatMap((rest) =>
    Array.from({ length: n }, (_, at) => [...rest.slice(0, at), n - 1, ...rest.slice(at)]),
  );
}

/** One input, moved by `build`. */
const unary = (label: string, shape: readonly number[], build: (x: Value) => Value): Case => ({
  label: `${show(shape)} ${label}`,
  inputs: [{ shape }],
  build,
});

const moves = { dtypes, tolerance: 0 };

/** Leaves: a result that is one gets elements of its own. */
const leaf: Family = {
  record: table.leaf,
  ...moves,
  cases: [[], [1], [7], [2, 3], [0], [2, 0]].map((shape) => unary("as it is", shape, (x) => x)),
};

const constant: Family = {
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

const iota: Family = {
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

const reshape: Family = {
  record: table.reshape,
  ...moves,
  cases: reshapes.map(([from, to]) =>
    unary(`to ${show(to)}`, from, (x) => kit.apply(table.reshape, [x], { shape: to })),
  ),
};

const permute: Family = {
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

const expand: Family = {
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

const slice: Family = {
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

const pad: Family = {
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

const concat: Family = {
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

/** Over every subset of the dims; extents 1 and more than a few vectors are among them. */
function foldCases(record: Table["sum"], isEmptyAllowed: boolean): Case[] {
  const fold =
    (dims: readonly number[]) =>
    (x: Value): Value =>
      kit.apply(record, [x], { dims });
  const over = (shape: readonly number[]): Case[] =>
    subsets(shape.length).map((dims) => unary(`over ${show(dims)}`, shape, fold(dims)));
  return [
    ...over([2, 3, 4, 5]),
    ...over([3, 1, 7]),
    ...over([37]),
    ...over([3, 19]),
    ...over([19, 3]),
    ...over([1]),
    unary("over [0]", [0], fold([0])),
    unary("over [0]", [3, 0], fold([0])),
    unary("over [1]", [3, 0], fold([1])),
    unary("over [1]", [0, 3], fold([1])),
  ].filter(({ inputs }) => isEmptyAllowed || !inputs.some(({ shape }) => shape.includes(0)));
}

/** Numbers near 1, so that products of many neither vanish nor overflow. */
const nearOne = (random: () => number): number => 0.5 + random();

/** More than a block of a sum, whose parts are added up on their own. */
const long = unary("over [1]", [2, 4500], (x) => kit.sum(x, [1]));
const sum: Family = { record: table.sum, dtypes: sums, tolerance: 8, cases: [...foldCases(table.sum, true), long] };
const prod: Family = {
  record: table.prod,
  dtypes: sums,
  tolerance: 40,
  cases: foldCases(table.prod, true).map((c) => ({
    ...c,
    inputs: c.inputs.map((x) => ({ ...x, element: nearOne })),
  })),
};
const max: Family = { record: table.max, ...moves, cases: foldCases(table.max, false) };
const min: Family = { record: table.min, ...moves, cases: foldCases(table.min, false) };

const rows = [[1], [2], [5], [8], [33], [3, 7], [2, 3, 4], [4, 1], [0, 3]] as const;
/** Small whole numbers: ties everywhere. */
const tied = (random: () => number): number => Math.floor(random() * 4);

const along = (build: (x: Value) => Value): Case[] =>
  rows.flatMap((shape) => [
    unary("", shape, build),
    { label: `${show(shape)} with ties`, inputs: [{ shape, element: tied }], build },
  ]);

const argmax: Family = { record: table.argmax, ...moves, cases: along((x) => kit.argmax(x)) };
const argmin: Family = { record: table.argmin, ...moves, cases: along((x) => kit.argmin(x)) };
const sort: Family = {
  record: table.sort,
  ...moves,
  cases: [false, true].flatMap((descending) => along((x) => kit.sort(x, descending))),
};
const cumulate: Family = {
  record: table.cumulate,
  dtypes: sums,
  tolerance: 8,
  cases: rows.map((shape) => unary("", shape, (x) => kit.cumulate(x))),
};

interface DotShape {
  readonly batch: readonly number[];
  readonly m: readonly number[];
  readonly n: readonly number[];
  readonly k: readonly number[];
}

/** A dot whose operands have their dims in any order. */
function dotCase(s: DotShape, orderA: readonly number[], orderB: readonly number[]): Case {
  // Each dim by its role, then put in the order asked for.
  const a = [...s.batch, ...s.m, ...s.k];
  const b = [...s.batch, ...s.n, ...s.k];
  const places = (order: readonly number[], from: number, count: number): number[] =>
    Array.from({ length: count }, (_, i) => order.indexOf(from + i));
  const nb = s.batch.length;
  const attrs = {
    batchA: places(orderA, 0, nb),
    batchB: places(orderB, 0, nb),
    contractA: places(orderA, nb + s.m.length, s.k.length),
    contractB: places(orderB, nb + s.n.length, s.k.length),
  };
  const shapeA = orderA.map((d) => a[d] as number);
  const shapeB = orderB.map((d) => b[d] as number);
  return {
    label: `${show(shapeA)} ${show(shapeB)} batch ${show(attrs.batchA)} ${show(attrs.batchB)} over ${show(attrs.contractA)} ${show(attrs.contractB)}`,
    inputs: [{ shape: shapeA }, { shape: shapeB }],
    build: (...[x, y]) => kit.dot(x as Value, y as Value, attrs),
  };
}

const straight = (s: DotShape): Case =>
  dotCase(
    s,
    [...s.batch, ...s.m, ...s.k].map((_, i) => i),
    [...s.batch, ...s.n, ...s.k].map((_, i) => i),
  );

const dot: Family = {
  record: table.dot,
  dtypes: sums,
  tolerance: 16,
  cases: [
    // Every layout of both operands, with and without a batch dim.
    ...permutations(2).flatMap((p) => permutations(2).map((q) => dotCase({ batch: [], m: [5], n: [7], k: [6] }, p, q))),
    ...permutations(3).flatMap((p) =>
      permutations(3).map((q) => dotCase({ batch: [2], m: [3], n: [5], k: [4] }, p, q)),
    ),
    dotCase({ batch: [2, 3], m: [4], n: [5], k: [6] }, [1, 2, 0, 3], [3, 0, 2, 1]),
    dotCase({ batch: [2, 3], m: [4], n: [5], k: [6] }, [0, 1, 2, 3], [0, 1, 3, 2]),
    dotCase({ batch: [2], m: [3, 2], n: [2, 3], k: [4, 2] }, [4, 0, 2, 1, 3], [3, 1, 4, 0, 2]),
    straight({ batch: [2, 3, 2, 2], m: [3], n: [2], k: [3] }),
    straight({ batch: [], m: [3, 4], n: [2, 5], k: [6] }),
    straight({ batch: [], m: [3], n: [4], k: [2, 3, 4] }),
    straight({ batch: [], m: [], n: [9], k: [7] }),
    straight({ batch: [], m: [9], n: [], k: [7] }),
    straight({ batch: [], m: [], n: [], k: [33] }),
    straight({ batch: [4], m: [], n: [], k: [9] }),
    straight({ batch: [], m: [6], n: [5], k: [] }),
    straight({ batch: [3], m: [2], n: [4], k: [] }),
    straight({ batch: [], m: [1], n: [1], k: [1] }),
    straight({ batch: [], m: [3], n: [4], k: [0] }),
    straight({ batch: [], m: [0], n: [4], k: [3] }),
    straight({ batch: [2], m: [3], n: [0], k: [3] }),
    straight({ batch: [0], m: [3], n: [2], k: [3] }),
    straight({ batch: [], m: [13], n: [19], k: [37] }),
    straight({ batch: [], m: [64], n: [17], k: [9] }),
    straight({ batch: [], m: [2], n: [3], k: [300] }),
  ],
};

interface ConvShape {
  readonly images: number;
  readonly channels: number;
  readonly out: number;
  readonly spatial: readonly number[];
  readonly kernel: readonly number[];
  readonly stride?: readonly number[];
  readonly low?: readonly number[];
  readonly high?: readonly number[];
  readonly dilation?: readonly number[];
  readonly groups?: number;
}

const convShapes: readonly ConvShape[] = [
  { images: 2, channels: 3, out: 4, spatial: [9], kernel: [3] },
  { images: 2, channels: 3, out: 4, spatial: [9], kernel: [3], stride: [2], low: [1], high: [1] },
  { images: 1, channels: 2, out: 2, spatial: [11], kernel: [3], dilation: [3], low: [2], high: [3] },
  { images: 2, channels: 4, out: 6, spatial: [8], kernel: [2], groups: 2, stride: [3] },
  { images: 2, channels: 1, out: 1, spatial: [5], kernel: [1] },
  { images: 2, channels: 3, out: 5, spatial: [6, 7], kernel: [3, 2] },
  { images: 2, channels: 3, out: 2, spatial: [6, 7], kernel: [3, 3], low: [1, 1], high: [1, 1] },
  { images: 1, channels: 2, out: 3, spatial: [7, 8], kernel: [3, 2], stride: [2, 3], low: [1, 0], high: [0, 2] },
  {
    images: 2,
    channels: 2,
    out: 2,
    spatial: [9, 8],
    kernel: [2, 3],
    dilation: [2, 3],
    stride: [1, 2],
    low: [2, 1],
    high: [1, 3],
  },
  { images: 2, channels: 4, out: 4, spatial: [5, 5], kernel: [3, 3], groups: 4, low: [1, 1], high: [1, 1] },
  {
    images: 1,
    channels: 4,
    out: 6,
    spatial: [6, 5],
    kernel: [3, 3],
    groups: 2,
    stride: [2, 2],
    low: [1, 1],
    high: [1, 1],
  },
  { images: 3, channels: 2, out: 4, spatial: [4, 4], kernel: [1, 1] },
  { images: 2, channels: 3, out: 2, spatial: [4, 4], kernel: [4, 4] },
  { images: 1, channels: 1, out: 2, spatial: [5, 6], kernel: [2, 2], low: [-1, -2], high: [0, -1] },
  { images: 2, channels: 2, out: 3, spatial: [4, 5, 4], kernel: [2, 3, 2] },
  {
    images: 1,
    channels: 4,
    out: 2,
    spatial: [5, 4, 6],
    kernel: [2, 2, 3],
    stride: [2, 1, 2],
    dilation: [2, 1, 1],
    low: [1, 0, 2],
    high: [0, 1, 1],
    groups: 2,
  },
  { images: 0, channels: 2, out: 3, spatial: [5], kernel: [2] },
  { images: 2, channels: 2, out: 3, spatial: [2], kernel: [3] },
];

function settingsOf(s: ConvShape): ConvSettings {
  const all = (n: number): number[] => s.spatial.map(() => n);
  return {
    stride: s.stride ?? all(1),
    low: s.low ?? all(0),
    high: s.high ?? all(0),
    dilation: s.dilation ?? all(1),
    groups: s.groups ?? 1,
  };
}

/** The three convolutions of the same shapes: x, w and y are the operands of one or the result of another. */
function convCases(which: "conv" | "convInput" | "convWeight"): Case[] {
  return convShapes.map((s) => {
    const settings = settingsOf(s);
    const x: Input = { shape: [s.images, s.channels, ...s.spatial] };
    const w: Input = { shape: [s.out, s.channels / settings.groups, ...s.kernel] };
    const y: Input = { shape: [s.images, s.out, ...convExtents(s.spatial, s.kernel, settings)] };
    const builds: Record<typeof which, readonly [Input[], (a: Value, b: Value) => Value]> = {
      conv: [[x, w], (a, b) => kit.conv(a, b, settings)],
      convInput: [[y, w], (a, b) => kit.convInput(a, b, s.spatial, settings)],
      convWeight: [[x, y], (a, b) => kit.convWeight(a, b, s.kernel, settings)],
    };
    const [inputs, build] = builds[which];
    return {
      label: `${show(x.shape)} ${show(w.shape)} ${JSON.stringify(settings).replaceAll('"', "")}`,
      inputs,
      build: (...[a, b]: Value[]) => build(a as Value, b as Value),
    };
  });
}

const conv: Family = { record: table.conv, dtypes: floats, tolerance: 16, cases: convCases("conv") };
const convInput: Family = { record: table.convInput, dtypes: floats, tolerance: 16, cases: convCases("convInput") };
const convWeight: Family = { record: table.convWeight, dtypes: floats, tolerance: 24, cases: convCases("convWeight") };

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

const gather: Family = {
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

const scatter: Family = {
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

const window: Family = {
  record: table.window,
  dtypes: ["float32", "float64", "int32", "uint8"],
  tolerance: 0,
  cases: windows.flatMap(({ shape, ...attrs }) =>
    [undefined, tied].map((element) => ({
      label: `${show(shape)} kernel ${show(attrs.kernel)}${element === undefined ? "" : " with ties"}`,
      inputs: [element === undefined ? { shape } : { shape, element }],
      build: (...[x]: Value[]) => kit.window(x as Value, attrs),
    })),
  ),
};

/** By the table's own names. A record that is neither elementwise nor here fails the sweep. */
export const families: Readonly<Partial<Record<keyof Table, Family>>> = {
  leaf,
  constant,
  iota,
  reshape,
  permute,
  expand,
  slice,
  pad,
  concat,
  sum,
  prod,
  max,
  min,
  argmax,
  argmin,
  dot,
  conv,
  convInput,
  convWeight,
  gather,
  scatter,
  window,
  sort,
  cumulate,
};
