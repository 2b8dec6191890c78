import { describe, expect, test } from "vitest";
import { convKey, convSource } from "../../../src/codegen/c/conv/conv.ts";
import type { Value } from "../../../src/ir/value.ts";
import type { ConvSettings } from "../../../src/ops/conv.ts";
import { kit } from "../../../src/ops/kit.ts";
import { makeLeaf } from "../../../src/ops/leaf.ts";
import { convDemands, isConvTaken, planConv } from "../../../src/schedule/conv.ts";
import { runnableTargets } from "./compiler.ts";
import { ConvKernels, PreparedConv } from "./conv-support.ts";

const isLeaf = (value: Value): boolean => value.op.kind === "leaf";
const sizeOf = (shape: readonly number[]): number => shape.reduce((n, extent) => n * extent, 1);

function leafOf(shape: readonly number[], dtype: "float32" | "float64" = "float32"): Value {
  return makeLeaf(shape, dtype, { kind: "input", index: 0 });
}

let state = 7;
function random(): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return (state + 0.5) / 2 ** 32;
}
function normal(): number {
  return Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
}
function dataOf(value: Value): Float32Array {
  return Float32Array.from({ length: sizeOf(value.shape) }, normal);
}

/** The result in float64, by the operation's own definition. */
function reference(value: Value, operands: readonly Float32Array[]): Float64Array {
  const data = new Float64Array(sizeOf(value.shape));
  const inputs = value.inputs.map(
    ({ shape }, i) => ({ shape, dtype: "float32", data: operands[i] as Float32Array }) as const,
  );
  value.op.evaluate({ shape: value.shape, dtype: "float64", data }, inputs, value.attrs);
  return data;
}

/** Root of the mean square and greatest error, both as parts of the root of the mean square of the result. */
function errorsOf(result: Float32Array, expected: Float64Array): { rms: number; most: number } {
  let [squares, most, norm] = [0, 0, 0];
  expected.forEach((e, i) => {
    const difference = Math.abs((result[i] as number) - e);
    squares += difference ** 2;
    // NaN is the greatest of all.
    if (!(difference <= most)) most = difference;
    norm += e * e;
  });
  const scale = Math.sqrt(norm / expected.length) || 1;
  return { rms: Math.sqrt(squares / expected.length) / scale, most: most / scale };
}

function haveEqualBits(a: Float32Array, b: Float32Array): boolean {
  const bytes = (list: Float32Array): Buffer => Buffer.from(list.buffer, list.byteOffset, list.byteLength);
  return bytes(a).equals(bytes(b));
}

interface Sizes {
  readonly images?: number;
  readonly channels: number;
  readonly outs: number;
  readonly input: readonly number[];
  readonly taps: readonly number[];
  readonly stride?: number;
  readonly pad?: number;
  /** Behind the last row and column, where it differs. */
  readonly high?: number;
  readonly dilation?: number;
  readonly groups?: number;
}

function settingsOf({ input, stride = 1, pad = 0, high = pad, dilation = 1, groups = 1 }: Sizes): ConvSettings {
  const all = (n: number): number[] => input.map(() => n);
  return { stride: all(stride), low: all(pad), high: all(high), dilation: all(dilation), groups };
}

/** The three passes of a convolution over leaves. */
function passesOf(sizes: Sizes): { forward: Value; input: Value; weight: Value } {
  const settings = settingsOf(sizes);
  const { images = 2, channels, outs, input, taps } = sizes;
  const x = leafOf([images, channels, ...input]);
  const w = leafOf([outs, channels / settings.groups, ...taps]);
  const y = kit.conv(x, w, settings);
  const dy = leafOf(y.shape);
  return {
    forward: y,
    input: kit.convInput(dy, w, x.shape.slice(2), settings),
    weight: kit.convWeight(x, dy, w.shape.slice(2), settings),
  };
}

const cases: Record<string, Sizes> = {
  "one channel": { channels: 1, outs: 5, input: [9, 11], taps: [3, 3] },
  "rows that fill vectors": { images: 1, channels: 3, outs: 8, input: [7, 32], taps: [3, 3], pad: 1 },
  "odd sizes": { images: 3, channels: 5, outs: 13, input: [13, 17], taps: [3, 3], pad: 1 },
  "5 by 5": { channels: 3, outs: 16, input: [12, 10], taps: [5, 5], pad: 2 },
  "1 by 1 with padding": { channels: 5, outs: 9, input: [6, 7], taps: [1, 1], pad: 1 },
  "even kernels": { channels: 4, outs: 4, input: [8, 9], taps: [2, 4], pad: 1, high: 0 },
  "one pixel": { channels: 3, outs: 4, input: [3, 3], taps: [3, 3] },
  "more padding than taps": { images: 1, channels: 2, outs: 3, input: [5, 6], taps: [3, 3], pad: 3 },
  "stride 2": { channels: 5, outs: 7, input: [13, 17], taps: [3, 3], stride: 2, pad: 1 },
  "stride 3 over two taps": { channels: 3, outs: 4, input: [14, 11], taps: [2, 2], stride: 3, pad: 1 },
  "1 by 1 of stride 2": { channels: 4, outs: 6, input: [8, 7], taps: [1, 1], stride: 2 },
  "dilation 2": { channels: 3, outs: 5, input: [11, 12], taps: [3, 3], dilation: 2, pad: 2 },
  groups: { channels: 6, outs: 10, input: [9, 10], taps: [3, 3], groups: 2, pad: 1 },
  depthwise: { channels: 6, outs: 6, input: [10, 19], taps: [3, 3], groups: 6, pad: 1 },
  "depthwise by two": { channels: 4, outs: 8, input: [7, 35], taps: [3, 3], stride: 2, groups: 4, pad: 1 },
  "one spatial dim": { channels: 4, outs: 6, input: [50], taps: [5], pad: 2 },
  "one spatial dim, stride 4": { images: 1, channels: 2, outs: 6, input: [70], taps: [9], stride: 4, pad: 3 },
  "a wide row": { images: 1, channels: 2, outs: 3, input: [3, 600], taps: [3, 3], pad: 1 },
  "many channels": { images: 1, channels: 150, outs: 9, input: [5, 6], taps: [3, 3], pad: 1 },
  "tiles that fill vectors": { images: 1, channels: 16, outs: 16, input: [16, 32], taps: [3, 3], pad: 1 },
  "tiles that do not": { images: 3, channels: 17, outs: 21, input: [18, 22], taps: [3, 3] },
  "tiles of odd sizes": { images: 1, channels: 20, outs: 16, input: [37, 29], taps: [3, 3], pad: 1 },
  "tiles of groups": { images: 1, channels: 36, outs: 64, input: [13, 15], taps: [3, 3], groups: 2, pad: 2 },
  "tiles of many channels": { images: 1, channels: 150, outs: 20, input: [13, 13], taps: [3, 3], pad: 1 },
  "tiles of narrow images": { images: 2, channels: 16, outs: 16, input: [70, 3], taps: [3, 3], pad: 1 },
  "tiles with other padding behind": { images: 1, channels: 16, outs: 19, input: [14, 50], taps: [3, 3], high: 2 },
};

/** Operands and results of the passes of a case, the same for all targets. */
const expected = new Map<string, { value: Value; operands: Float32Array[]; result: Float64Array }[]>();
function expectedOf(name: string, sizes: Sizes): { value: Value; operands: Float32Array[]; result: Float64Array }[] {
  let passes = expected.get(name);
  if (passes === undefined) {
    passes = Object.values(passesOf(sizes)).map((value) => {
      const operands = value.inputs.map(dataOf);
      return { value, operands, result: reference(value, operands) };
    });
    expected.set(name, passes);
  }
  return passes;
}

for (const target of runnableTargets()) {
  describe(`convolutions in C for ${target.isa}`, () => {
    const kernels = new ConvKernels(target);

    test.each(Object.entries(cases))("%s", (name, sizes) => {
      for (const { value, operands, result } of expectedOf(name, sizes)) {
        const conv = new PreparedConv(kernels, value, operands);
        const found = conv.run();
        expect(errorsOf(found, result).most).toBeLessThan(2e-5);
        expect(haveEqualBits(conv.run(1, true), found)).toBe(true);
      }
    });

    test("an image's results do not depend on the others", () => {
      for (const sizes of [
        { channels: 5, outs: 9, input: [11, 14], taps: [3, 3], pad: 1 },
        { channels: 16, outs: 24, input: [14, 18], taps: [3, 3], pad: 1 },
      ]) {
        const [many, one] = [passesOf({ ...sizes, images: 5 }), passesOf({ ...sizes, images: 1 })];
        for (const pass of ["forward", "input"] as const) {
          const [images, weights] = many[pass].inputs.map(dataOf) as [Float32Array, Float32Array];
          const all = new PreparedConv(kernels, many[pass], [images, weights]).run();
          const [from, to] = [images.length / 5, all.length / 5];
          const alone = new PreparedConv(kernels, one[pass], [images.slice(3 * from, 4 * from), weights]).run();
          expect(haveEqualBits(alone, all.slice(3 * to, 4 * to))).toBe(true);
        }
      }
    });

    test("operands are read through views", () => {
      for (const channels of [4, 16]) {
        const whole = leafOf([2, channels + 3, 20, 18]);
        const turned = leafOf([3, channels, 17, 3]);
        const x = kit.slice(whole, [0, 2, 1, 1], [1, 1, 1, 1], [2, channels, 18, 16]);
        const w = kit.flip(kit.permute(turned, [2, 1, 0, 3]), [2, 3]);
        const y = kit.conv(x, w, settingsOf({ channels, outs: 17, input: [18, 16], taps: [3, 3], pad: 1 }));
        const [a, b] = [dataOf(whole), dataOf(turned)];
        const result = new PreparedConv(kernels, y, [a, b]).run();
        const copies = [
          take(x.shape, ([n, c, i, j]) => a[((n * (channels + 3) + c + 2) * 20 + i + 1) * 18 + j + 1] as number),
          take(w.shape, ([o, c, i, j]) => b[(((2 - i) * channels + c) * 17 + o) * 3 + 2 - j] as number),
        ];
        expect(errorsOf(result, reference(y, copies)).most).toBeLessThan(1e-5);
      }
    });

    test("Winograd's error stays within four times the direct kernel's", () => {
      for (const [channels, size] of [
        [16, 24],
        [64, 16],
        [160, 14],
      ] as const) {
        const passes = passesOf({ images: 1, channels, outs: 16, input: [size, size], taps: [3, 3], pad: 1 });
        const ratios = [passes.forward, passes.weight].map((value) => {
          const operands = value.inputs.map(dataOf);
          const expected = reference(value, operands);
          const errors = [true, false].map((useWinograd) => {
            const plan = planConv(value, isLeaf, useWinograd);
            const result = new PreparedConv(kernels, value, operands, plan).run();
            const isFast = plan?.steps.some(({ kernel }) => kernel.role.startsWith("winograd"));
            return { isFast, ...errorsOf(result, expected) };
          });
          const [fast, direct] = errors as [(typeof errors)[0], (typeof errors)[0]];
          expect([fast.isFast, direct.isFast]).toEqual([true, false]);
          expect(fast.rms).toBeLessThan(4 * direct.rms);
          return fast.most / direct.most;
        });
        // The direct gradient adds short sums: its own greatest error is that of a few roundings.
        expect(ratios[0]).toBeLessThan(4);
        expect(ratios[1]).toBeLessThan(8);
      }
    });
  });
}

function take(shape: readonly number[], element: (at: [number, number, number, number]) => number): Float32Array {
  const [n, c, h, w] = shape as [number, number, number, number];
  return Float32Array.from({ length: n * c * h * w }, (_, i) => {
    const row = Math.floor(i / w);
    const channel = Math.floor(row / h);
    return element([Math.floor(channel / c), channel % c, row % h, i % w]);
  });
}

const everyKey = [
  ...["direct", "pack"].flatMap((role) => ["low", "narrow", "wide"].map((width) => `conv ${role} ${width}`)),
  ...["gradient", "gradient narrow", "sum", "transform", "winograd", "winogradGradient"].map((role) => `conv ${role}`),
].sort();

describe("which convolutions have kernels", () => {
  const taken = (sizes: Sizes): boolean[] => Object.values(passesOf(sizes)).map(isConvTaken);

  test("of one and two spatial dims", () => {
    for (const sizes of Object.values(cases)) expect(taken(sizes)).toEqual([true, true, true]);
  });

  test("products, three dims, other dtypes and empty images are left to others", () => {
    expect(taken({ channels: 4, outs: 4, input: [8, 8], taps: [1, 1] })).toEqual([false, false, false]);
    expect(taken({ channels: 4, outs: 4, input: [4, 4, 4], taps: [3, 3, 3] })).toEqual([false, false, false]);
    expect(taken({ images: 0, channels: 4, outs: 4, input: [8, 8], taps: [3, 3] })).toEqual([false, false, false]);
    const settings = settingsOf({ channels: 1, outs: 1, input: [8, 8], taps: [3, 3] });
    const [x, w] = [leafOf([1, 1, 8, 8], "float64"), leafOf([1, 1, 3, 3], "float64")];
    expect(isConvTaken(kit.conv(x, w, settings))).toBe(false);
    expect(isConvTaken(x)).toBe(false);
  });

  test("an operand that is no view of memory must be written first", () => {
    const settings = settingsOf({ channels: 2, outs: 2, input: [8, 8], taps: [3, 3] });
    const [x, w] = [leafOf([1, 2, 8, 8]), leafOf([2, 2, 3, 3])];
    const transposed = kit.permute(x, [0, 1, 3, 2]);
    const y = kit.conv(transposed, w, settings);
    expect(convDemands(y, isLeaf)).toEqual([transposed, w]);
    expect(planConv(y, isLeaf)).toBeUndefined();
    expect(planConv(y, (value) => isLeaf(value) || value === transposed)).toBeDefined();
  });

  test("code does not depend on sizes", () => {
    const [target] = runnableTargets();
    if (target === undefined) return;
    const sources = new Map<string, string>();
    for (const sizes of Object.values(cases)) {
      for (const value of Object.values(passesOf(sizes))) {
        for (const { kernel } of planConv(value, isLeaf)?.steps ?? []) {
          const [key, source] = [convKey(kernel), convSource(kernel, "k", target)];
          expect(source).toBe(sources.get(key) ?? source);
          sources.set(key, source);
        }
      }
    }
    expect([...sources.keys()].sort()).toEqual(everyKey);
  });
});
