/** Cases of contractions and convolutions: every layout, and strides, dilations, groups and padding in one to three dims. */
import type { Value } from "../../../src/ir/value.ts";
import { type ConvSettings, convExtents } from "../../../src/ops/conv.ts";
import { kit } from "../../../src/ops/kit.ts";
import { table } from "../../../src/ops/table.ts";
import type { Case, Family, Input } from "./case.ts";
import { floats, permutations, show, sums } from "./common.ts";

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

export const dot: Family = {
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

export const conv: Family = { record: table.conv, dtypes: floats, tolerance: 16, cases: convCases("conv") };
export const convInput: Family = {
  record: table.convInput,
  dtypes: floats,
  tolerance: 16,
  cases: convCases("convInput"),
};
export const convWeight: Family = {
  record: table.convWeight,
  dtypes: floats,
  tolerance: 24,
  cases: convCases("convWeight"),
};
