/**
 * Convolutions of 3×3 kernels with stride 1 as Winograd's F(4×4, 3×3) in a graph: tiles of images and kernels are
 * transformed, multiplied as 36 matrices and transformed back, with 4 times fewer multiplications. For devices that have
 * loop kernels and contractions alone. Where an image holds infinities, all results of a tile may be NaN. Floor: transform.
 *
 * A transform goes along columns of a tile, then along rows: each time one kernel reads the elements of a line from slices
 * and writes its results beside each other. Images are transformed with channels last, where slices are runs of memory.
 */
import type { Dtype } from "../base/dtype.ts";
import { sameShape, sizeOf } from "../base/shape.ts";
import type { Value } from "../ir/value.ts";
import type { ConvSettings } from "../ops/conv.ts";
import { kit } from "../ops/kit.ts";
import { loop } from "./loop/build.ts";
import {
  type Arithmetic,
  type Line,
  gradientResult,
  imageTransform,
  pieceTransform,
  resultTransform,
  weightTransform,
} from "./winograd-forms.ts";

/** Rows and columns of results of a tile; taps of a kernel; points, which are as many as rows of an image under a tile. */
const tile = 4;
const taps = 3;
const points = 6;

/** Bytes of transformed images and products that are made before they are used: more would leave the caches. */
const partBytes = 4 * 2 ** 20;
/** The same in units of the transformed kernels, which are read or written once for each part. */
const partKernels = 2;
/** Products that are summed up one by one, at most. */
const blockSize = 64;

export interface WinogradShape {
  readonly dtype: Dtype;
  /** Of the images that are transformed, and of the others. */
  readonly channels: readonly [number, number];
  readonly kernel: readonly number[];
  /** Spatial extents of the results, or of what is the gradient of results. */
  readonly results: readonly number[];
}

/**
 * Tiles pay where there are enough channels for the products to outweigh the transforms of images, enough tiles to outweigh
 * those of kernels, and where results fill tiles by half. The number of images does not count: an image's results must not
 * depend on what comes with it.
 */
export function suitsWinograd({ dtype, channels, kernel, results }: WinogradShape, settings: ConvSettings): boolean {
  const { stride, dilation, low, high, groups } = settings;
  const isPlain = groups === 1 && [...stride, ...dilation].every((n) => n === 1);
  const isPadded = [...low, ...high].every((n) => n >= 0 && n < taps);
  if (dtype !== "float32" || !sameShape(kernel, [taps, taps]) || !isPlain || !isPadded) return false;
  const least = Math.min(...channels);
  const tiles = sizeOf(tilesOver(results));
  return least >= 16 && tiles >= 4 && least * tiles >= 128 && 2 * sizeOf(results) >= tiles * tile ** 2;
}

/** y = x ⋆ w with these extents: `low` zeros in front of x, and behind it as many as it takes. */
export function winogradConv(x: Value, w: Value, low: readonly number[], extents: readonly number[]): Value {
  const [images, channels] = x.shape as [number, number];
  const outs = w.shape[0] as number;
  const tiles = tilesOver(extents);
  const [height, width] = extents as [number, number];
  const block = evenPart(channels, blockSize) ?? channels;
  /** [36, ..., C] as [blocks, 36 · ..., block]. */
  const inBlocks = (z: Value): Value =>
    kit.permute(kit.reshape(z, [sizeOf(z.shape) / channels, channels / block, block]), [1, 0, 2]);
  const parts = inParts([x], [kernelPoints(w)], { tiles, channels: [channels, outs] }, ([part], [u]) => {
    const v = imagePoints(part as Value, low, tiles, 0);
    const products = sumsOfProducts(inBlocks(u as Value), inBlocks(v));
    const byPoint = kit.reshape(products, [points, points, outs, (part as Value).shape[0] as number, ...tiles]);
    const rows = transformed(resultTransform, points, (j) => index(byPoint, 0, j, 5), 5);
    const joined = kit.reshape(rows, [...rows.shape.slice(0, 4), tile * tiles[1]]);
    const byRow = kit.permute(kit.range(joined, 4, 0, width), [0, 2, 1, 3, 4]);
    return transformed(resultTransform, points, (i) => index(byRow, 0, i, 3), 3);
  });
  const whole = kit.reshape(parts, [sizeOf(parts.shape.slice(0, 2)), outs, tile * tiles[0], width]);
  return kit.slice(whole, [0, 0, 0, 0], [1, 1, 1, 1], [images, outs, height, width]);
}

/** The gradient of w in y = x ⋆ w from x and dy, with `low` zeros in front of x. */
export function winogradWeight(x: Value, dy: Value, low: readonly number[]): Value {
  const [outs, channels] = [dy.shape[1] as number, x.shape[1] as number];
  const tiles = tilesOver(dy.shape.slice(2));
  const parts = inParts([x, dy], [], { tiles, channels: [channels, outs] }, ([images, gradients]) => {
    const extents = tiles.map((n) => n * tile);
    const u = atPoints(channelsLast(gradients as Value, [0, 0], extents), tiles, tile, pieceTransform, 3);
    const v = imagePoints(images as Value, low, tiles, 3);
    const count = sizeOf(u.shape.slice(0, 3));
    const block = evenPart(count, blockSize) ?? count;
    /** [..., 6, 6, C] as [blocks, 36 · C, block]. */
    const inBlocks = (z: Value): Value =>
      kit.permute(kit.reshape(z, [count / block, block, sizeOf(z.shape.slice(3))]), [0, 2, 1]);
    return sumsOfProducts(inBlocks(u), inBlocks(v));
  });
  const sum = parts.shape[0] === 1 ? parts : kit.sum(parts, [0]);
  const byPoint = kit.reshape(sum, [points, points, outs, channels]);
  const columns = transformed(gradientResult, points, (j) => index(byPoint, 0, j, 0), 0);
  const rows = transformed(gradientResult, points, (i) => index(columns, 1, i, 0), 0);
  return kit.permute(rows, [2, 3, 0, 1]);
}

/**
 * For each point Σ over k of u [blocks, 36 · M, k] · v [blocks, 36 · N, k], as [36 · M, N, 1]. Each block is summed up from
 * zero, and then the blocks: short sums have small errors. It is what the gradient of kernels of one tap does, with points
 * as groups and blocks as images.
 */
function sumsOfProducts(u: Value, v: Value): Value {
  return kit.convWeight(v, u, [1], { stride: [1], low: [0], high: [0], dilation: [1], groups: points * points });
}

type Transform = (k: Arithmetic<Value>, line: Line<Value>) => Value[];

const graph: Arithmetic<Value> = {
  add: (x, y) => kit.add(x, y),
  sub: (x, y) => kit.sub(x, y),
  scale: (x, by) => kit.mul(x, by),
  keep: (x) => x,
};

/** Lines of `count` elements, which `read` gives as tensors with a dim `to` of extent 1, in whose place results come. */
function transformed(transform: Transform, count: number, read: (i: number) => Value, to: number): Value {
  return kit.concat(
    transform(
      graph,
      Array.from({ length: count }, (_, i) => read(i)),
    ),
    to,
  );
}

/** Number `at` of a dim, which goes away, with a new dim of extent 1. */
function index(x: Value, dim: number, at: number, newDim: number): Value {
  const shape = x.shape.filter((_, d) => d !== dim);
  return kit.reshape(kit.range(x, dim, at, at + 1), [...shape.slice(0, newDim), 1, ...shape.slice(newDim)]);
}

/** Every fourth element of a dim, as many as there are tiles, with a new dim of extent 1. */
function ofTiles(x: Value, dim: number, from: number, tiles: number, newDim: number): Value {
  const slice = kit.slice(
    x,
    x.shape.map((_, d) => (d === dim ? from : 0)),
    x.shape.map((_, d) => (d === dim ? tile : 1)),
    x.shape.map((n, d) => (d === dim ? tiles : n)),
  );
  return kit.reshape(slice, [...slice.shape.slice(0, newDim), 1, ...slice.shape.slice(newDim)]);
}

/** Rows and columns of tiles. */
function tilesOver(extents: readonly number[]): [number, number] {
  return extents.map((n) => Math.ceil(n / tile)) as [number, number];
}

/** The kernels w [O, C, 3, 3] at the points, [6, 6, O, C]. */
function kernelPoints(w: Value): Value {
  const byTap = kit.permute(w, [2, 3, 0, 1]);
  const columns = transformed(weightTransform, taps, (i) => index(byTap, 0, i, 0), 0);
  return transformed(weightTransform, taps, (j) => index(columns, 1, j, 0), 0);
}

/** The tiles of x [N, C, H, W], with `low` zeros in front of it, at the points. */
function imagePoints(x: Value, low: readonly number[], tiles: readonly [number, number], at: 0 | 3): Value {
  const extents = tiles.map((n) => n * tile + points - tile);
  return atPoints(channelsLast(x, low, extents), tiles, points, imageTransform, at);
}

/**
 * x [N, C, H, W] amid zeros up to the extents, seen with channels last. Read so, all channels of a pixel should have cache
 * lines of their own: planes of 4r + 2 by 4c + 2 numbers are never a large power of two apart.
 */
function channelsLast(x: Value, low: readonly number[], extents: readonly number[]): Value {
  const high = extents.map((n, d) => n - (low[d] as number) - (x.shape[d + 2] as number));
  return kit.permute(kit.pad(x, [0, 0, ...low], [0, 0, ...high]), [0, 2, 3, 1]);
}

/**
 * Squares of `count` elements, four apart, of x [N, ..., ..., C] at the points: [6, 6, N, rows, columns, C], or with the
 * points in front of the channels.
 */
function atPoints(
  x: Value,
  [down, across]: readonly [number, number],
  count: number,
  transform: Transform,
  at: 0 | 3,
): Value {
  const columns = transformed(transform, count, (i) => ofTiles(x, 1, i, down, at), at);
  return transformed(transform, count, (j) => ofTiles(columns, at === 0 ? 3 : 2, j, across, at), at);
}

/**
 * A step over some of the images at a time, so that what is in between stays in the caches and takes little memory.
 * Images of zeros make the parts alike where they must. Gives the results of all parts, [parts, ...].
 */
function inParts(
  images: readonly Value[],
  constants: readonly Value[],
  { tiles, channels }: { readonly tiles: readonly number[]; readonly channels: readonly [number, number] },
  step: (images: readonly Value[], constants: readonly Value[]) => Value,
): Value {
  const count = (images[0] as Value).shape[0] as number;
  const ofPoints = (numbers: number): number => 4 * points * points * numbers;
  const bytes = Math.max(partBytes, partKernels * ofPoints(channels[0] * channels[1]));
  const size = partSize(Math.max(count, 1), bytes / ofPoints(sizeOf(tiles) * (channels[0] + channels[1])));
  const steps = Math.ceil(count / size);
  if (steps === 1) {
    const result = step(images, constants);
    return kit.reshape(result, [1, ...result.shape]);
  }
  const sequences = images.map((x) => {
    const filled = kit.pad(x, [0, 0, 0, 0], [steps * size - count, 0, 0, 0]);
    return kit.reshape(filled, [steps, size, ...x.shape.slice(1)]);
  });
  const { outputs } = loop({ carries: [], sequences, constants, steps, reverse: false }, (_, slices, same) => ({
    carries: [],
    outputs: [step(slices, same)],
  }));
  return outputs[0] as Value;
}

/** Images of a part: about equal parts where not all can be alike. */
function partSize(count: number, wanted: number): number {
  const most = Math.max(Math.min(Math.floor(wanted), count), 1);
  return evenPart(count, most) ?? Math.ceil(count / Math.ceil(count / most));
}

/** The largest divisor up to `most`, unless it is below half of that or of the number. */
function evenPart(count: number, most: number): number | undefined {
  let divisor = Math.min(count, most);
  while (count % divisor > 0) divisor--;
  return 2 * divisor > Math.min(count, most) ? divisor : undefined;
}
