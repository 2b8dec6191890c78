import fc from "fast-check";
import { expect, test } from "vitest";
import { RandomStream } from "../../../src/base/random-stream.ts";
import {
  CenterCrop,
  ColorJitter,
  Compose,
  DataLoader,
  Grayscale,
  type ImageArray,
  ImageDataset,
  type ImageTransform,
  Normalize,
  Pad,
  RandomCrop,
  RandomHorizontalFlip,
  RandomRotation,
  RandomVerticalFlip,
  Resize,
  ToFloat,
} from "../../../src/data/index.ts";

/** Counts from `first` in one channel. */
const counting = (height: number, width: number, first = 0): ImageArray => ({
  data: Float32Array.from({ length: height * width }, (_, i) => first + i),
  shape: [1, height, width],
});
const two: ImageArray = {
  data: Float32Array.from({ length: 40 }, (_, k) => {
    const [c, i, j] = [Math.floor(k / 20), Math.floor(k / 5) % 4, k % 5];
    return (7 * i + 13 * j + 5 * c * i * j) % 256;
  }),
  shape: [2, 4, 5],
};
/** A stream whose next numbers are this part of their range. */
const fixed = (part: number): RandomStream => ({ int: (n: number) => Math.floor(part * n) }) as unknown as RandomStream;
const bytes = (image: ImageArray): ImageArray => ({ ...image, data: Uint8Array.from(image.data) });

test("resize gives the values of PyTorch's interpolate, floats and bytes", () => {
  const small = [7.8333, 29.5, 51.1667, 21.8333, 43.5, 65.1667, 8.6667, 34.5, 60.3333, 26.0, 68.5, 111.0];
  const resized = new Resize([2, 3]).apply(two);
  expect(resized.shape).toEqual([2, 2, 3]);
  for (const [i, x] of small.entries()) expect(resized.data[i]).toBeCloseTo(x, 4);
  expect([...new Resize([2, 3], { mode: "nearest" }).apply(two).data]).toEqual([
    0, 13, 39, 14, 27, 53, 0, 13, 39, 14, 37, 83,
  ]);
  expect([...new Resize([5, 6], { mode: "nearest" }).apply(two).data.subarray(0, 18)]).toEqual([
    0, 0, 13, 26, 39, 52, 0, 0, 13, 26, 39, 52, 7, 7, 20, 33, 46, 59,
  ]);
  expect([...new Resize([5, 6]).apply(bytes(two)).data]).toEqual([
    0, 10, 21, 31, 42, 52, 5, 15, 25, 36, 47, 57, 10, 20, 31, 42, 53, 62, 16, 26, 37, 48, 58, 68, 21, 31, 42, 52, 63,
    73, 0, 10, 21, 31, 42, 52, 5, 17, 31, 45, 59, 71, 10, 26, 43, 60, 77, 92, 16, 34, 55, 75, 96, 114, 21, 42, 65, 89,
    112, 133,
  ]);
  expect(new Resize(2).apply(two).shape).toEqual([2, 2, 2]);
  expect(new Resize(8).apply(counting(10, 4)).shape).toEqual([1, 20, 8]);
});

test("rotation gives the values of PyTorch's grid_sample with the nearest pixel", () => {
  const turned = (part: number): number[] => [...new RandomRotation(150).apply(counting(5, 5, 1), fixed(part)).data];
  // 30 degrees, then −75.
  expect(turned(0.6)).toEqual([
    0, 3, 4, 10, 0, 2, 8, 8, 14, 15, 6, 12, 13, 14, 20, 11, 12, 18, 18, 24, 0, 16, 22, 23, 0,
  ]);
  expect(turned(0.25)).toEqual([
    16, 11, 6, 6, 2, 22, 17, 12, 7, 3, 22, 18, 13, 8, 4, 23, 19, 14, 9, 4, 24, 20, 20, 15, 10,
  ]);
});

test("padding: constant, mirrored and repeated, by sides", () => {
  const image = counting(2, 3);
  expect([...new Pad(1, { fill: 9 }).apply(image).data]).toEqual([
    9, 9, 9, 9, 9, 9, 0, 1, 2, 9, 9, 3, 4, 5, 9, 9, 9, 9, 9, 9,
  ]);
  expect([...new Pad([2, 1, 1, 1], { mode: "reflect" }).apply(image).data]).toEqual([
    5, 4, 3, 4, 5, 4, 2, 1, 0, 1, 2, 1, 5, 4, 3, 4, 5, 4, 2, 1, 0, 1, 2, 1,
  ]);
  expect([...new Pad([2, 1, 1, 2], { mode: "edge" }).apply(image).data]).toEqual([
    0, 0, 0, 1, 2, 2, 0, 0, 0, 1, 2, 2, 3, 3, 3, 4, 5, 5, 3, 3, 3, 4, 5, 5, 3, 3, 3, 4, 5, 5,
  ]);
  expect(new Pad([2, 0]).apply(image).shape).toEqual([1, 2, 7]);
});

test("the middle of an image, also of one that is smaller", () => {
  expect([...new CenterCrop(2).apply(counting(4, 4)).data]).toEqual([5, 6, 9, 10]);
  // 3 of 8 begin at round(2.5) = 2, 2 of 5 at round(1.5) = 2.
  expect([...new CenterCrop([1, 3]).apply(counting(1, 8)).data]).toEqual([2, 3, 4]);
  expect([...new CenterCrop([1, 2]).apply(counting(1, 5)).data]).toEqual([2, 3]);
  expect([...new CenterCrop([1, 5]).apply(counting(1, 2, 1)).data]).toEqual([0, 1, 2, 0, 0]);
});

test("a random crop is a part of the padded image, and every place comes", () => {
  const crop = new RandomCrop(2, { padding: 1 });
  const random = new RandomStream(1, "test");
  const seen = new Set<string>();
  for (let i = 0; i < 500; i++) seen.add(crop.apply(counting(3, 3, 1), random).data.join());
  const padded = new Pad(1).apply(counting(3, 3, 1));
  const all = new Set<string>();
  for (let y = 0; y < 4; y++) {
    for (let x = 0; x < 4; x++) {
      all.add([0, 1, 5, 6].map((offset) => padded.data[y * 5 + x + offset]).join());
    }
  }
  expect(seen).toEqual(all);
});

test("flips", () => {
  const image = counting(2, 3);
  expect([...new RandomHorizontalFlip(1).apply(image).data]).toEqual([2, 1, 0, 5, 4, 3]);
  expect([...new RandomVerticalFlip(1).apply(image).data]).toEqual([3, 4, 5, 0, 1, 2]);
  expect(new RandomHorizontalFlip(0).apply(image)).toBe(image);
  const random = new RandomStream(1, "test");
  const flip = new RandomVerticalFlip();
  const flipped = Array.from({ length: 1000 }, () => flip.apply(image, random) !== image).filter(Boolean).length;
  expect(Math.abs(flipped - 500)).toBeLessThan(80);
});

test("values: floats, normalised channels, gray, jitter", () => {
  const rgb: ImageArray = { data: Uint8Array.of(255, 0, 0, 255, 51, 102), shape: [3, 1, 2] };
  const floats = new ToFloat().apply(rgb);
  expect([...floats.data]).toEqual([1, 0, 0, 1, 0.2, 0.4].map(Math.fround));
  const normal = new Normalize([0.5, 0, 0.2], [0.5, 1, 0.1]).apply(floats);
  for (const [i, x] of [1, -1, 0, 1, 0, 2].entries()) expect(normal.data[i]).toBeCloseTo(x, 6);
  expect(new Normalize([0.5], [0.5]).apply(floats).data[5]).toBeCloseTo(-0.2, 6);
  // 0.2989 · 255 + 0.114 · 51 = 82.03; 0.587 · 255 + 0.114 · 102 = 161.3
  expect([...new Grayscale().apply(rgb).data]).toEqual([82, 161]);
  expect(new Grayscale(3).apply(rgb)).toEqual({ data: Uint8Array.of(82, 161, 82, 161, 82, 161), shape: [3, 1, 2] });
  const order = { int: (n: number) => Math.floor(0.75 * n), permutation: () => Int32Array.of(0, 1, 2) };
  const jitter = (options: object): number[] => [
    ...new ColorJitter(options).apply(floats, order as unknown as RandomStream).data,
  ];
  // The factor is 1 − 0.4 + 0.75 · 0.8 = 1.2.
  const near = (values: number[]): unknown[] => values.map((x) => expect.closeTo(x, 5) as unknown);
  expect(jitter({ brightness: 0.4 })).toEqual(near([1, 0, 0, 1, 0.24, 0.48]));
  const [g0, g1] = [0.2989 + 0.114 * 0.2, 0.587 + 0.114 * 0.4] as const;
  const mean = (g0 + g1) / 2;
  expect(jitter({ contrast: 0.4 })).toEqual(near([1, 0, 0, 1, 0.24 - 0.2 * mean, 0.48 - 0.2 * mean]));
  expect(jitter({ saturation: 0.4 })).toEqual(near([1, 0, 0, 1, 0.24 - 0.2 * g0, 0.48 - 0.2 * g1]));
  expect(jitter({})).toEqual([...floats.data]);
});

test("no transform changes the image that it gets, and a stream decides all", () => {
  const transforms: ImageTransform[] = [
    new Resize(3),
    new CenterCrop(3),
    new RandomCrop(3, { padding: 1, mode: "edge" }),
    new RandomHorizontalFlip(),
    new RandomVerticalFlip(),
    new Pad(1),
    new ToFloat(),
    new Grayscale(),
    new RandomRotation(45),
    new ColorJitter({ brightness: 0.5, contrast: 0.5, saturation: 0.5 }),
  ];
  const image = fc.record({
    height: fc.integer({ min: 2, max: 7 }),
    width: fc.integer({ min: 2, max: 7 }),
    seed: fc.nat(),
  });
  fc.assert(
    fc.property(image, fc.shuffledSubarray(transforms), ({ height, width, seed }, chosen) => {
      const data = new Uint8Array(3 * height * width).map((_, i) => (i * 37 + seed) % 256);
      const copy = data.slice();
      const all = new Compose(chosen);
      const expected = all.apply({ data, shape: [3, height, width] }, new RandomStream(seed, "test"));
      expect(all.apply({ data, shape: [3, height, width] }, new RandomStream(seed, "test"))).toEqual(expected);
      expect(data).toEqual(copy);
      expect(expected.data.length).toBe(expected.shape[0] * expected.shape[1] * expected.shape[2]);
    }),
  );
});

test("an image data set gives images and labels of their types, changed anew in each epoch", async () => {
  const images = new Uint8Array(4 * 9).map((_, i) => i);
  const transform = new Compose([new RandomCrop(3, { padding: 1 }), new ToFloat(), new Normalize([0.5], [0.5])]);
  const set = new ImageDataset(images, [1, 3, 3], Uint8Array.of(3, 1, 4, 1), { transform });
  const loader = new DataLoader(set, { batchSize: 4, seed: 1 });
  const epochs: unknown[] = [];
  for (let epoch = 0; epoch < 2; epoch++) {
    for await (const [x, y] of loader) {
      expect([x.shape, x.dtype, y.dtype, await y.array()]).toEqual([[4, 1, 3, 3], "float32", "uint8", [3, 1, 4, 1]]);
      epochs.push(await x.array());
    }
  }
  expect(epochs[0]).not.toEqual(epochs[1]);
  expect(() => set.get(4)).toThrow("ImageDataset: no such image: 4 of 4");
});

test("what cannot be is said", () => {
  const image = bytes(counting(2, 2));
  expect(() => new Normalize([0.5], [0.5]).apply(image)).toThrow(
    "Normalize: takes floats: got bytes (put new ToFloat()",
  );
  expect(() => new Normalize([0.5], [0])).toThrow("needs a mean and a std above 0");
  expect(() => new Normalize([0, 0], [1, 1]).apply(counting(2, 2))).toThrow("2 means for an image [1, 2, 2]");
  expect(() => new RandomCrop(3).apply(image)).toThrow("the image is too small: [1, 2, 2]");
  expect(() => new Pad(2, { mode: "reflect" }).apply(image)).toThrow("too large to reflect: 2 beyond 2 pixels");
  expect(() => new Pad(1, { mode: "mirror" as "edge" })).toThrow('unknown mode "mirror"');
  expect(() => new Pad([1, 2, 3] as never)).toThrow("a list of 2 or 4");
  expect(() => new Grayscale().apply({ data: new Uint8Array(8), shape: [2, 2, 2] })).toThrow(
    "images of 1 or 3 channels",
  );
  expect(() => new RandomHorizontalFlip(2)).toThrow("p must be from 0 to 1: got 2");
  expect(() => new Resize(0)).toThrow("Resize: the height must be a whole number from 1: got 0");
  expect(() => new Resize(2).apply({ data: new Uint8Array(5), shape: [1, 2, 2] })).toThrow(
    "5 elements, shape [1, 2, 2]",
  );
  expect(() => new Compose([new ToFloat(), 3 as never])).toThrow("takes transforms: number 1 is 3");
  expect(() => new ImageDataset(new Uint8Array(9), [1, 2, 2], Uint8Array.of(1))).toThrow(
    "images and labels do not fit",
  );
});
