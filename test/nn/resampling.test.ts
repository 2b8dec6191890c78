/** Resampling, padding, patches and pooling: derivatives, relations between layers, and what they refuse. */
import { describe, expect, test } from "vitest";
import * as nn from "../../src/nn/index.ts";
import { arange, int32, ones, tensor, zeros } from "../../src/tensor/creation.ts";
import { manualSeed, randint, randn } from "../../src/tensor/random.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { onEachDevice } from "../devices.ts";
import { expectGradients } from "../tensor/gradient.ts";
import { distance, numbers } from "./numbers.ts";

const F = nn.functional;

onEachDevice(() => {
  describe("derivatives are those of finite differences", () => {
    test("interpolation", () => {
      const line = (x: Tensor): Tensor => x.reshape(1, 2, 5);
      const image = (x: Tensor): Tensor => x.reshape(1, 2, 3, 4);
      expectGradients((x) => F.interpolate(line(x), { size: 8 }), numbers(10));
      expectGradients((x) => F.interpolate(line(x), { scaleFactor: 2, mode: "nearest-exact" }), numbers(10));
      for (const alignCorners of [false, true]) {
        expectGradients((x) => F.interpolate(line(x), { size: 7, mode: "linear", alignCorners }), numbers(10));
        expectGradients((x) => F.interpolate(image(x), { size: [5, 3], mode: "bilinear", alignCorners }), numbers(24));
        expectGradients((x) => F.interpolate(image(x), { size: [2, 7], mode: "bicubic", alignCorners }), numbers(24));
      }
      expectGradients(
        (x) => F.interpolate(x.reshape(1, 1, 2, 3, 2), { scaleFactor: 1.6, mode: "trilinear" }),
        numbers(12),
      );
      expectGradients((x) => F.interpolate(image(x), { size: [2, 3], mode: "area" }), numbers(24));
    });

    test("grids", () => {
      const grid = numbers(12, 3).map((x) => 1.3 * x);
      for (const mode of ["bilinear", "bicubic"] as const) {
        for (const paddingMode of ["zeros", "border", "reflection"] as const) {
          expectGradients(
            (x, g) => F.gridSample(x.reshape(1, 2, 3, 4), g.reshape(1, 3, 2, 2), { mode, paddingMode }),
            numbers(24),
            grid,
          );
        }
      }
      expectGradients((t) => F.affineGrid(t.reshape(1, 2, 3), [1, 1, 2, 3]), numbers(6));
    });

    test("patches", () => {
      const options = { dilation: [1, 2], padding: 1, stride: [2, 1] };
      expectGradients((x) => F.unfold(x.reshape(1, 2, 4, 5), [2, 3], options), numbers(40));
      expectGradients((x) => F.fold(x.reshape(1, 12, 9), [4, 5], [2, 3], options), numbers(108));
      expectGradients((x) => F.pixelShuffle(x.reshape(8, 1, 2), 2), numbers(16));
      expectGradients((x) => F.pixelUnshuffle(x.reshape(1, 4, 4), 2), numbers(16));
      expectGradients((x) => F.channelShuffle(x.reshape(1, 6, 2), 3), numbers(12));
    });

    test("pooling", () => {
      expectGradients((x) => F.adaptiveMaxPool1d(x.reshape(1, 2, 7), 3), numbers(14));
      expectGradients((x) => F.adaptiveMaxPool2d(x.reshape(2, 5, 4), [3, 2]), numbers(40));
      expectGradients((x) => F.adaptiveMaxPool3d(x.reshape(1, 3, 2, 4), [2, 1, 3]), numbers(24));
      for (const p of [1, 2, 3]) {
        expectGradients((x) => F.lpPool1d(x.abs().reshape(1, 2, 7), p, 3, { stride: 2, ceilMode: true }), numbers(14));
      }
      expectGradients(
        (x) =>
          F.maxUnpool1d(
            x.reshape(1, 2, 3),
            tensor([
              [
                [1, 2, 5],
                [0, 3, 4],
              ],
            ]).int(),
            2,
          ),
        numbers(6),
      );
    });
  });

  test("fold is the derivative of unfold", () => {
    const x = randn(2, 3, 6, 5).requiresGrad_();
    const options = { padding: 1, stride: 2, dilation: [2, 1] };
    const columns = F.unfold(x, [2, 3], options);
    const weights = randn(...columns.shape);
    columns.mul(weights).sum().backward();
    expect(distance(F.fold(weights, [6, 5], [2, 3], options), x.grad as Tensor)).toBeLessThan(1e-5);
    expect(distance(F.fold(F.unfold(x, 1), [6, 5], 1), x)).toBe(0);
  });

  test("a convolution is a product with patches", () => {
    const [x, w] = [randn(2, 3, 6, 5), randn(4, 3, 2, 3)];
    const options = { padding: 1, stride: [1, 2] };
    const columns = new nn.Unfold([2, 3], options).forward(x);
    const product = w.reshape(4, 18).matmul(columns);
    expect(distance(product.reshape(2, 4, 7, 3), F.conv2d(x, w, null, options))).toBeLessThan(1e-4);
  });

  test("shuffles are undone by their opposites", () => {
    const x = randn(2, 8, 3, 4);
    expect(distance(new nn.PixelUnshuffle(2).forward(new nn.PixelShuffle(2).forward(x)), x)).toBe(0);
    expect(distance(new nn.ChannelShuffle(4).forward(new nn.ChannelShuffle(2).forward(x)), x)).toBe(0);
  });

  test("adaptive maxima are those of the boxes, and the first of equal ones", () => {
    manualSeed(2);
    const x = randint(0, 4, [2, 3, 7, 5]).float();
    const data = x.arraySync() as number[][][][];
    const [values, places] = new nn.AdaptiveMaxPool2d([3, 2], { returnIndices: true }).forward(x);
    const [v, p] = [values.arraySync() as number[][][][], places.arraySync() as number[][][][]];
    const box = (i: number, n: number, count: number): number[] => {
      const start = Math.floor((i * n) / count);
      return Array.from({ length: Math.ceil(((i + 1) * n) / count) - start }, (_, j) => start + j);
    };
    for (let n = 0; n < 2; n++) {
      for (let c = 0; c < 3; c++) {
        for (let i = 0; i < 3; i++) {
          for (let j = 0; j < 2; j++) {
            const plane = data[n]?.[c] as number[][];
            const cells = box(i, 7, 3).flatMap((row) => box(j, 5, 2).map((column) => ({ row, column })));
            const most = Math.max(...cells.map(({ row, column }) => plane[row]?.[column] as number));
            const first = cells.find(({ row, column }) => plane[row]?.[column] === most);
            expect(v[n]?.[c]?.[i]?.[j]).toBe(most);
            expect(p[n]?.[c]?.[i]?.[j]).toBe((first?.row ?? 0) * 5 + (first?.column ?? 0));
          }
        }
      }
    }
  });

  test("unpooling puts maxima back to where they were", () => {
    const x = randn(2, 3, 5, 6);
    const [values, places] = new nn.MaxPool2d(2, { returnIndices: true }).forward(x);
    const back = new nn.MaxUnpool2d(2).forward(values, places, { outputSize: [5, 6] });
    const [again] = F.maxPool2d(back.add(back.eq(0).mul(-100)), 2, { returnIndices: true });
    expect(distance(again, values)).toBe(0);
    expect(back.ne(0).sum().itemSync()).toBe(2 * 3 * 2 * 3);
    const overlapping = F.maxUnpool1d(tensor([[7, 7]]), tensor([[2, 2]]).int(), 3, { stride: 1, outputSize: [4] });
    expect(overlapping.arraySync()).toEqual([[0, 0, 7, 0]]);
  });

  test("paddings by layers are those of the tensor's method", () => {
    const x = arange(6).reshape(1, 2, 3).float();
    expect(new nn.ReflectionPad1d([2, 1]).forward(x).at(0, 0).arraySync()).toEqual([2, 1, 0, 1, 2, 1]);
    expect(new nn.ReplicationPad1d(1).forward(x).at(0, 0).arraySync()).toEqual([0, 0, 1, 2, 2]);
    expect(new nn.CircularPad1d([1, 0]).forward(x).at(0, 0).arraySync()).toEqual([2, 0, 1, 2]);
    expect(new nn.ConstantPad1d([1, -1], 9).forward(x).at(0, 0).arraySync()).toEqual([9, 0, 1]);
    expect(new nn.ZeroPad2d([1, 0, 0, 2]).forward(x).shape).toEqual([1, 4, 4]);
    expect(new nn.CircularPad3d(1).forward(zeros(1, 1, 2, 2, 2)).shape).toEqual([1, 1, 4, 4, 4]);
  });

  test("nearest interpolation keeps any dtype, and the identity map reads the image itself", () => {
    const x = randint(0, 9, [1, 1, 2, 2]);
    expect(F.interpolate(x, { scaleFactor: 2 }).dtype).toBe("int32");
    expect(new nn.Upsample({ scaleFactor: 2 }).forward(tensor([[[1, 2]]])).arraySync()).toEqual([[[1, 1, 2, 2]]]);
    const image = randn(1, 2, 3, 4);
    for (const alignCorners of [false, true]) {
      const identity = F.affineGrid(
        tensor([
          [
            [1, 0, 0],
            [0, 1, 0],
          ],
        ]),
        [1, 2, 3, 4],
        { alignCorners },
      );
      expect(distance(F.gridSample(image, identity, { alignCorners }), image)).toBeLessThan(1e-5);
    }
  });
});

test("mistakes are named where the layer is called", () => {
  const x = ones(1, 2, 4, 4);
  expect(() => F.interpolate(x, {})).toThrow("either size or scaleFactor must be given: got none");
  expect(() => F.interpolate(x, { size: 3, scaleFactor: 2 })).toThrow("got both");
  expect(() => F.interpolate(x, { size: 3, mode: "bilinaer" as "bilinear" })).toThrow('did you mean "bilinear"?');
  expect(() => F.interpolate(x, { size: 3, mode: "linear" })).toThrow('mode "linear" takes an input with');
  expect(() => F.interpolate(x, { size: 3, alignCorners: true })).toThrow('mode "nearest" has no alignCorners');
  expect(() => F.interpolate(x, { scaleFactor: 0.1 })).toThrow("the result would have [0, 0]");
  expect(() => F.unfold(x, 5)).toThrow("no patch fits into the padded image");
  expect(() => F.fold(ones(1, 9, 4), 4, 3)).not.toThrow();
  expect(() => F.fold(ones(1, 9, 5), 4, 3)).toThrow("the input must be [N, C · 9, 4]");
  expect(() => F.pixelShuffle(x, 2)).toThrow("multiples of 4, 1, 1");
  expect(() => F.channelShuffle(x, 3)).toThrow("C divisible by groups");
  expect(() => new nn.ReflectionPad2d([1, 2])).toThrow("padding must be a whole number, or 4 of them");
  expect(() => new nn.ReflectionPad1d(2).forward(x)).toThrow("nn.ReflectionPad1d: the input must have 3 dims");
  expect(() => F.maxUnpool2d(x, zeros(1, 2, 4, 4).int(), 2, { outputSize: [20, 8] })).toThrow("outputSize must be");
  expect(() => F.maxUnpool1d(ones(1, 2), int32([[0, 9]]), 2)).toThrow("index out of range");
  expect(() => F.gridSample(x, zeros(2, 3, 3, 2))).toThrow("takes a grid [N, H', W', 2]");
  expect(() => F.lpPool2d(x, 0, 2)).toThrow("normType must be a number but 0");
});
