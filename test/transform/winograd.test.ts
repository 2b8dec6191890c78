/** Convolutions by transformed tiles: which they are, their results in the graph and on a device, and their error. */
import { describe, expect, test } from "vitest";
import type { TypedArray } from "../../src/base/dtype.ts";
import { sizeOf } from "../../src/base/shape.ts";
import { withMode } from "../../src/ir/mode.ts";
import { Rewriter } from "../../src/ir/rewrite.ts";
import { type Value, sortGraph } from "../../src/ir/value.ts";
import { verifyGraph } from "../../src/ir/verify.ts";
import type { ConvSettings } from "../../src/ops/conv.ts";
import { kit } from "../../src/ops/kit.ts";
import { JsDevice } from "../../src/runtime/js/device.ts";
import { WasmDevice } from "../../src/runtime/wasm/device.ts";
import { decompose } from "../../src/transform/decompose.ts";
import { loop } from "../../src/transform/loop/build.ts";
import { suitsWinograd } from "../../src/transform/winograd.ts";
import { CompiledGraph, dataLeaf, runOnce, sameBits } from "../runtime/compiled-graph.ts";

interface Sizes {
  readonly images: number;
  readonly channels: number;
  readonly outs: number;
  readonly input: readonly [number, number];
  readonly low?: readonly number[];
  readonly high?: readonly number[];
}

const settingsOf = ({ low = [1, 1], high = low }: Partial<Sizes>): ConvSettings => ({
  stride: [1, 1],
  low,
  high,
  dilation: [1, 1],
  groups: 1,
});

let state = 7;

/** About normally distributed. */
function random(): number {
  let sum = -6;
  for (let i = 0; i < 12; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    sum += state / 2 ** 32;
  }
  return sum;
}

function leafOf(shape: readonly number[]): Value {
  return dataLeaf(shape, "float32", Float32Array.from({ length: sizeOf(shape) }, random));
}

/** The three passes over the same data. */
function passesOf(sizes: Sizes): { operands: [Value, Value, Value]; passes: Record<"y" | "dx" | "dw", Value> } {
  const { images, channels, outs, input } = sizes;
  const s = settingsOf(sizes);
  const [x, w] = [leafOf([images, channels, ...input]), leafOf([outs, channels, 3, 3])];
  const y = kit.conv(x, w, s);
  const dy = leafOf(y.shape);
  return {
    operands: [x, w, dy],
    passes: { y, dx: kit.convInput(dy, w, input, s), dw: kit.convWeight(x, dy, [3, 3], s) },
  };
}

const cases: Readonly<Record<string, Sizes>> = {
  "tiles that are full": { images: 2, channels: 16, outs: 20, input: [12, 12] },
  "odd sizes, no padding": { images: 2, channels: 17, outs: 19, input: [15, 13], low: [0, 0] },
  "padding on one side": { images: 1, channels: 16, outs: 16, input: [11, 14], low: [2, 0], high: [0, 1] },
  "rows and columns unlike": { images: 3, channels: 24, outs: 16, input: [9, 18], low: [2, 1] },
};

function rootMeanSquare(got: TypedArray, want: TypedArray): number {
  let sum = 0;
  got.forEach((x: number, i: number) => {
    sum += (x - (want[i] as number)) ** 2;
  });
  return Math.sqrt(sum / got.length);
}

describe.each(Object.entries(cases))("%s", (_, sizes) => {
  const roots = Object.values(withMode({ phase: 1, path: "net.conv" }, () => passesOf(sizes).passes));

  test("as a graph is no convolution any more, and the same to rounding", () => {
    const got = new Rewriter().run(roots, decompose);
    verifyGraph(got, "decompose");
    const { order } = sortGraph(got, (v) => v.leaf !== undefined);
    // What is left are products, which have one tap.
    expect(order.filter(({ op }) => op.kind === "conv").map(({ shape }) => shape.slice(2))).toEqual([[1], [1], [1]]);
    const made = order.filter(({ leaf }) => leaf === undefined);
    expect([...new Set(made.map(({ phase, path }) => `${phase} ${path}`))]).toEqual(["1 net.conv"]);
    expect(got.map((v) => v.shape)).toEqual(roots.map((v) => v.shape));
    const [a, b] = [runOnce(new JsDevice(), got), runOnce(new JsDevice(), roots)];
    a.forEach((y, i) => expect(rootMeanSquare(y, b[i] as TypedArray)).toBeLessThan(2e-5));
  });

  test("has the same bits fused or not, and no image sees the others", () => {
    const device = new WasmDevice();
    const [fused, plain] = [runOnce(device, roots), runOnce(new WasmDevice({ fuse: false }), roots)];
    fused.forEach((y, i) => expect(sameBits(y, plain[i] as TypedArray)).toBe(true));
  });
});

test("images done in parts have the bits of images done alone, whatever the number", () => {
  // A part holds 6 images at most: 12 are two parts, 10 two of five, 11 two of six with an image of zeros.
  const sizes = { channels: 64, outs: 64, input: [24, 24] as const };
  const { operands } = passesOf({ ...sizes, images: 12 });
  const [x, w, dy] = operands;
  const s = settingsOf(sizes);
  const device = new WasmDevice();
  const of = (count: number, from = 0): TypedArray[] => {
    const [a, b] = [x, dy].map((v) => kit.range(v, 0, from, from + count)) as [Value, Value];
    return runOnce(device, [kit.conv(a, w, s), kit.convInput(b, w, sizes.input, s), kit.convWeight(a, b, [3, 3], s)]);
  };
  const [one, other] = [of(1), of(1, 9)];
  const size = sizeOf(x.shape) / 12;
  for (const count of [10, 11, 12]) {
    const all = of(count);
    for (const pass of [0, 1]) {
      const whole = all[pass] as TypedArray;
      expect(whole.length).toBe(count * size);
      expect(sameBits(whole.slice(0, size), one[pass] as TypedArray)).toBe(true);
      expect(sameBits(whole.slice(9 * size, 10 * size), other[pass] as TypedArray)).toBe(true);
    }
  }
});

test("parts add up to the gradient of kernels", () => {
  const { passes } = passesOf({ images: 13, channels: 16, outs: 16, input: [46, 46] });
  const [got, want] = [new WasmDevice(), new JsDevice()].map((device) => runOnce(device, [passes.dw])[0]);
  expect(rootMeanSquare(got as TypedArray, want as TypedArray)).toBeLessThan(2e-6 * Math.sqrt(13 * 46 * 46));
});

test("the error stays within four times that of the direct kernels", () => {
  for (const [channels, size] of [
    [16, 24],
    [64, 16],
    [160, 14],
  ] as const) {
    const sizes = { images: 1, channels, outs: 16, input: [size, size] as const };
    const { operands, passes } = passesOf(sizes);
    const [x, w, dy] = operands;
    const fast = [passes.y, passes.dx, passes.dw];
    // With a column of zeros, kernels are not those of tiles.
    const s = { ...settingsOf(sizes), high: [1, 2] };
    const wide = kit.pad(w, [0, 0, 0, 0], [0, 0, 0, 1]);
    const direct = [
      kit.conv(x, wide, s),
      kit.convInput(dy, wide, sizes.input, s),
      kit.range(kit.convWeight(x, dy, [3, 4], s), 3, 0, 3),
    ];
    const want = runOnce(new JsDevice(), fast);
    const [near, far] = [direct, fast].map((roots) => runOnce(new WasmDevice(), roots)) as [TypedArray[], TypedArray[]];
    const errors = want.map((y, i) => [near, far].map((got) => rootMeanSquare(got[i] as TypedArray, y)));
    for (const [ofDirect, ofTiles] of errors as [number, number][]) {
      expect(ofTiles).not.toBe(ofDirect);
      expect(ofTiles).toBeLessThan(4 * ofDirect);
    }
  }
});

test("a pixel that is not finite spoils the tiles that see it and no others", () => {
  const sizes = { images: 1, channels: 16, outs: 16, input: [16, 16] as const };
  const { operands } = passesOf(sizes);
  const spoiled = (operands[0].leaf as { data: Float32Array }).data.slice();
  spoiled[7 * 16 + 6] = Number.POSITIVE_INFINITY;
  const x = dataLeaf(operands[0].shape, "float32", spoiled);
  const [y] = runOnce(new WasmDevice(), [kit.conv(x, operands[1], settingsOf(sizes))]) as [TypedArray];
  const rows = new Set<number>();
  const columns = new Set<number>();
  y.subarray(0, 256).forEach((v: number, i: number) => {
    if (Number.isFinite(v)) return;
    rows.add(Math.floor(i / 16));
    columns.add(i % 16);
  });
  // Pixel (7, 6) is under the tiles of rows 4 to 7 and 8 to 11, of these under the first row alone; and of columns 4 to 7.
  expect([...rows].sort((a, b) => a - b)).toEqual([4, 5, 6, 7, 8]);
  expect([...columns].sort((a, b) => a - b)).toEqual([4, 5, 6, 7]);
});

test("within the steps of a loop", () => {
  const [frames, w] = [leafOf([3, 2, 16, 12, 12]), leafOf([16, 16, 3, 3])];
  const s = settingsOf({});
  const { outputs } = loop(
    { carries: [], sequences: [frames], constants: [w], steps: 3, reverse: false },
    (_, [x], [k]) => ({
      carries: [],
      outputs: [kit.conv(x as Value, k as Value, s)],
    }),
  );
  const [got] = runOnce(new WasmDevice(), outputs) as [TypedArray];
  const each = [0, 1, 2].map((i) => kit.conv(kit.reshape(kit.range(frames, 0, i, i + 1), [2, 16, 12, 12]), w, s));
  const alone = runOnce(new WasmDevice(), each);
  const size = got.length / 3;
  alone.forEach((y, i) => expect(sameBits(got.slice(i * size, (i + 1) * size), y)).toBe(true));
});

test("another number of images compiles no kernel", () => {
  const device = new WasmDevice();
  const compiled = [32, 48, 31, 7, 2].map((images) => {
    const before = device.compiled;
    const { passes } = passesOf({ images, channels: 16, outs: 32, input: [24, 24] });
    new CompiledGraph(device, Object.values(passes)).plan.dispose();
    return device.compiled - before;
  });
  expect(compiled[0]).toBeGreaterThan(0);
  expect(compiled.slice(1)).toEqual([0, 0, 0, 0]);
});

test("of no images", () => {
  const { passes } = passesOf({ images: 0, channels: 16, outs: 16, input: [16, 16] });
  const [y, dx, dw] = runOnce(new WasmDevice(), Object.values(passes)) as [TypedArray, TypedArray, TypedArray];
  expect([y.length, dx.length]).toEqual([0, 0]);
  expect(dw).toEqual(new Float32Array(16 * 16 * 9));
});

test("which convolutions are done by tiles", () => {
  const shape = { dtype: "float32", channels: [16, 32], kernel: [3, 3], results: [12, 12] } as const;
  const s = settingsOf({});
  const suits = (change: Partial<Parameters<typeof suitsWinograd>[0]>, settings: Partial<ConvSettings> = {}): boolean =>
    suitsWinograd({ ...shape, ...change }, { ...s, ...settings });
  expect(suits({})).toBe(true);
  expect(suits({ channels: [32, 32], results: [8, 8] })).toBe(true);
  expect(suits({ results: [8, 8] })).toBe(false);
  expect(suits({ channels: [15, 32] })).toBe(false);
  expect(suits({ channels: [64, 3] })).toBe(false);
  expect(suits({ channels: [64, 64], results: [4, 12] })).toBe(false);
  expect(suits({ channels: [64, 64], results: [5, 5] })).toBe(false);
  expect(suits({ dtype: "float64" })).toBe(false);
  expect(suits({ kernel: [5, 5] })).toBe(false);
  expect(suits({ kernel: [3, 3, 3], results: [12, 12, 12] })).toBe(false);
  expect(suits({}, { stride: [1, 2] })).toBe(false);
  expect(suits({}, { dilation: [2, 1] })).toBe(false);
  expect(suits({}, { groups: 2 })).toBe(false);
  expect(suits({}, { low: [3, 1] })).toBe(false);
});
