/**
 * What is decided about a convolution kernel before its C code runs: tiles, the pieces of work that are its units, and the
 * places in the workspace. No sum of the forward kernels depends on it; those of a weight gradient follow the order of
 * images, rows and columns in pieces that shapes alone decide. Floor: codegen.
 */
import { type ConvShape, leastColumns, mostSlab, roundUp, slabSize } from "../../../schedule/conv-shape.ts";
import type { CTarget } from "../target.ts";

/** The sums that the innermost loops keep in registers: `height` rows of `vectors` vectors. */
export interface ConvTile {
  readonly lanes: number;
  readonly height: number;
  readonly vectors: number;
}

/** Of 32 registers 16 hold sums, of 16 12 where a product and its addition are one instruction, else 8. */
export function convTile(target: CTarget): ConvTile {
  const lanes = target.vectorBytes / 4;
  const height = target.isa === "avx2" ? 6 : target.isa === "plain" ? 4 : 8;
  return { lanes, height, vectors: 2 };
}

/** How many output channels a group has, as far as the code depends on it. */
export type ConvWidth = "narrow" | "low" | "wide";

export function widthOf({ outChannels }: ConvShape): ConvWidth {
  return outChannels <= 2 ? "narrow" : outChannels <= 4 ? "low" : "wide";
}

/** For few output channels as many more pixels. */
export function directTile(width: ConvWidth, target: CTarget): ConvTile {
  const tile = convTile(target);
  if (width === "wide") return tile;
  const sums = tile.height * tile.vectors;
  return width === "low" ? { ...tile, height: 4, vectors: sums >> 2 } : { ...tile, height: 1, vectors: 8 };
}

/** Elements of a padded piece that a thread's cache holds well. */
const goodSlab = 64 * 1024;
/** Elements of one output channel that are computed before they go to the result. */
export const mostTile = 2048;
export const mostColumns = 256;
/** From so many units on no more are made. */
const enoughUnits = 16;
/** Multiply-adds of a unit that is worth it. */
const leastWork = 2 ** 19;

export interface DirectBlocks {
  readonly rows: number;
  readonly columns: number;
  /** Output channels. */
  readonly outs: number;
  readonly rowBlocks: number;
  readonly columnBlocks: number;
  readonly outBlocks: number;
  readonly units: number;
}

function pitchOf({ taps, stride, dilation }: ConvShape, columns: number): number {
  const reach = (columns - 1) * stride[1] + (taps[1] - 1) * dilation[1] + 1;
  return roundUp(Math.ceil(Math.max(reach, 1) / stride[1]), 16);
}

export function directBlocks(shape: ConvShape, tile: ConvTile): DirectBlocks {
  const { images, groups, inChannels, outChannels, output, taps } = shape;
  const limit = (rows: number, columns: number, elements: number): boolean =>
    inChannels * slabSize(shape, rows, columns) <= elements && rows * pitchOf(shape, columns) <= mostTile;
  let columns = Math.min(output[1], mostColumns);
  while (columns > leastColumns && !limit(1, columns, mostSlab))
    columns = Math.max(columns - leastColumns, leastColumns);
  const columnBlocks = Math.ceil(output[1] / columns);
  columns = Math.min(roundUp(Math.ceil(output[1] / columnBlocks), tile.lanes), columns);
  let rows = 1;
  while (rows < output[0] && limit(rows + 1, columns, goodSlab)) rows++;
  let rowBlocks = Math.ceil(output[0] / rows);
  const pieces = images * groups * Math.ceil(output[1] / columns);
  const work = inChannels * outChannels * taps[0] * taps[1] * output[1] * output[0] * groups * images;
  // As many units as keep threads busy: first shorter pieces, then fewer output channels.
  const wanted = Math.min(enoughUnits, Math.floor(work / leastWork));
  rowBlocks = Math.min(Math.max(rowBlocks, Math.ceil(wanted / pieces)), Math.ceil(output[0] / Math.min(2, rows)));
  rows = Math.ceil(output[0] / rowBlocks);
  rowBlocks = Math.ceil(output[0] / rows);
  const ranges = Math.min(Math.ceil(wanted / (pieces * rowBlocks)), Math.ceil(outChannels / 64));
  const outs = roundUp(Math.ceil(outChannels / Math.max(ranges, 1)), tile.height);
  const outBlocks = Math.ceil(outChannels / outs);
  const blocks = { rowBlocks, columnBlocks: Math.ceil(output[1] / columns), outBlocks };
  return { rows, columns, outs, ...blocks, units: pieces * rowBlocks * outBlocks };
}

export interface GradientBlocks {
  /** Input channels of a unit. */
  readonly channels: number;
  readonly channelBlocks: number;
  readonly outBlocks: number;
  /** Of a padded piece of an image. */
  readonly rows: number;
  readonly columns: number;
  /** Rows whose products are summed at a time. */
  readonly sumRows: number;
  readonly imagesOfPart: number;
  readonly units: number;
}

/** Rows of sums of a unit of a weight gradient at most, and pixels whose products are summed at a time. */
export const mostGradientRows = 1024;
export const mostPixels = 128;

export function gradientBlocks(shape: ConvShape, parts: number, tile: ConvTile): GradientBlocks {
  const { images, groups, inChannels, outChannels, output, taps } = shape;
  const most = Math.min(inChannels, 32, Math.max(Math.floor(mostGradientRows / (taps[0] * taps[1])), 1));
  const channelBlocks = Math.ceil(inChannels / most);
  const channels = Math.ceil(inChannels / channelBlocks);
  let columns = Math.min(output[1], 2 * leastColumns);
  if (channels * slabSize(shape, 1, columns) > mostSlab) columns = leastColumns;
  // Steps of equal length, as far as they fit.
  const sumRows = evenStep(output[0], Math.max(Math.floor(mostPixels / columns), 1));
  let rows = sumRows;
  while (rows < output[0] && channels * slabSize(shape, rows + sumRows, columns) <= goodSlab) rows += sumRows;
  const outBlocks = widthOf(shape) === "narrow" ? 1 : Math.ceil(outChannels / (tile.vectors * tile.lanes));
  const units = parts * groups * channelBlocks * outBlocks;
  const imagesOfPart = Math.ceil(images / parts);
  return { channels, channelBlocks, outBlocks, rows, columns, sumRows, imagesOfPart, units };
}

/** The longest step up to `most` that cuts `count` into as few pieces of about equal length. */
export function evenStep(count: number, most: number): number {
  return Math.ceil(count / Math.ceil(count / Math.min(most, count)));
}
