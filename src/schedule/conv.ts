/**
 * Convolutions of float32 images over one or two spatial dims as kernels of their own, each pass as steps with scratch
 * memory between them. What is decided here follows from shapes alone; of the number of images only the parts of a
 * weight gradient. Everything else (three spatial dims, other dtypes, plain products) is left to the general contraction.
 * Floor: schedule.
 */
import type { Value } from "../ir/value.ts";
import { operandOf } from "./contract.ts";
import { type ConvShape, type Pair, type PhaseShape, passOf, roundUp } from "./conv-shape.ts";

/** Where an element [image, channel, row, column] lies in its buffer, in elements; channels count over all groups. */
export interface ImagePlaces {
  readonly offset: number;
  readonly image: number;
  readonly channel: number;
  readonly row: number;
  readonly column: number;
  /** Elements of the buffer. */
  readonly size: number;
}

/** Where an element [out, in, row, column] of a group's weights lies. */
export interface WeightPlaces {
  readonly offset: number;
  readonly group: number;
  readonly out: number;
  readonly in: number;
  readonly row: number;
  readonly column: number;
}

/**
 * What a step computes, with its buffers in order.
 * - pack: [w, packed] weights in the order in which "direct" reads them
 * - direct: [x, packed, y]
 * - transform: [w, packed] weights for "winograd"
 * - winograd: [x, packed, y] by tiles of 4×4 results, with 4 times fewer multiplications
 * - gradient: [x, dy, parts] the kernels' gradient of each part of the images
 * - winogradGradient: the same by tiles of 4×4 elements of dy
 * - sum: [parts, dw] adds the parts in order
 */
export type ConvRole = "pack" | "direct" | "transform" | "winograd" | "gradient" | "winogradGradient" | "sum";

export interface ConvKernel {
  readonly kind: "conv";
  readonly role: ConvRole;
  readonly shape: ConvShape;
  readonly x: ImagePlaces;
  readonly w: WeightPlaces;
  /** Of the result, or of its gradient. */
  readonly y: ImagePlaces;
  /** Of a weight gradient: runs of images that are summed by themselves. */
  readonly parts: number;
}

/** A buffer of a step: a value, the result, or the number of a scratch buffer. */
export type ConvBuffer = Value | "result" | number;

export interface ConvStep {
  readonly kernel: ConvKernel;
  readonly buffers: readonly ConvBuffer[];
}

export interface ConvPlan {
  readonly steps: readonly ConvStep[];
  /** Bytes of each scratch buffer. */
  readonly scratch: readonly number[];
}

/** Output channels of packed weights are filled up to a multiple of this; heights of tiles divide it. */
export const packedChannels = 24;
/** The same for the parts of a weight gradient: a multiple of two vectors on every target. */
export const partChannels = 32;
/** Products of a Winograd tile, and elements between the weights of one and of the next. */
export const winogradPoints = 36;
export const winogradGap = 16;

/** Whether kernels of this file compute the convolution: then it need not be decomposed. */
export function isConvTaken(value: Value): boolean {
  return value.op.kind === "conv" && passOf(value) !== undefined;
}

/** What a convolution that is taken needs in memory: the buffers below its operands' views, or the operands. */
export function convDemands(value: Value, isBuffer: (value: Value) => boolean): Value[] {
  return value.inputs.map((x, i) => {
    const readable = isWeightOperand(value, i) ? weightPlaces(x, 1, isBuffer) : imagePlaces(x, isBuffer);
    return readable?.base ?? x;
  });
}

/** The steps of a convolution that is taken; undefined where an operand must be in memory first. */
export function planConv(value: Value, isBuffer: (value: Value) => boolean, useWinograd = true): ConvPlan | undefined {
  const pass = passOf(value);
  if (pass === undefined) return undefined;
  const [a, b] = value.inputs as [Value, Value];
  const x = imagePlaces(a, isBuffer);
  const other = isWeightOperand(value, 1)
    ? weightPlaces(b, pass.shapes[0]?.shape.groups ?? 1, isBuffer)
    : imagePlaces(b, isBuffer);
  if (x === undefined || other === undefined) return undefined;
  const result = densePlaces(value);
  if (pass.isWeight) {
    const { shape } = pass.shapes[0] as PhaseShape;
    return planGradient(shape, x, other as Readable<ImagePlaces>, value, useWinograd);
  }
  const weights = other as Readable<WeightPlaces>;
  const steps: ConvStep[] = [];
  const scratch: number[] = [];
  for (const { shape, phase, step, firstTap } of pass.shapes) {
    const isFast = useWinograd && suitsWinograd(shape);
    const w = pass.isTransposed ? turned(weights.places, shape, step, firstTap) : weights.places;
    const y: ImagePlaces = {
      ...result,
      offset: phase[0] * result.row + phase[1] * result.column,
      row: step[0] * result.row,
      column: step[1] * result.column,
    };
    const numbers = { kind: "conv", shape, x: x.places, w, y, parts: 1 } as const;
    const packed = scratch.push(packedBytes(shape, isFast)) - 1;
    steps.push(
      { kernel: { ...numbers, role: isFast ? "transform" : "pack" }, buffers: [weights.base, packed] },
      { kernel: { ...numbers, role: isFast ? "winograd" : "direct" }, buffers: [x.base, packed, "result"] },
    );
  }
  // Weights first: they do not depend on each other.
  steps.sort((s, t) => Number(s.buffers.length > 2) - Number(t.buffers.length > 2));
  return { steps, scratch };
}

/** Multiplications and additions of a step, about, as they are done: to tell how long it takes. */
export function convOperations(kernel: ConvKernel): number {
  const { images, groups, inChannels, outChannels, output, taps } = kernel.shape;
  const weights = groups * inChannels * outChannels * taps[0] * taps[1];
  switch (kernel.role) {
    case "pack":
      return 20 * weights;
    case "transform":
      return 200 * groups * inChannels * outChannels;
    case "sum":
      return 10 * weights * kernel.parts;
    case "direct":
    case "gradient":
      return 2 * weights * images * output[0] * output[1];
    case "winograd":
    case "winogradGradient":
      return 0.8 * weights * images * output[0] * output[1];
  }
}

/** Weights as the input's gradient reads them: channels exchanged, every step-th tap from the last one back. */
function turned(w: WeightPlaces, shape: ConvShape, step: Pair, firstTap: Pair): WeightPlaces {
  const last = (d: 0 | 1): number => firstTap[d] + step[d] * (shape.taps[d] - 1);
  return {
    offset: w.offset + last(0) * w.row + last(1) * w.column,
    group: w.group,
    out: w.in,
    in: w.out,
    row: -step[0] * w.row,
    column: -step[1] * w.column,
  };
}

function planGradient(
  shape: ConvShape,
  x: Readable<ImagePlaces>,
  y: Readable<ImagePlaces>,
  value: Value,
  useWinograd: boolean,
): ConvPlan {
  const isFast = useWinograd && suitsWinograd(shape);
  const w = densePlaces(value);
  const numbers = {
    kind: "conv",
    shape,
    x: x.places,
    y: y.places,
    w: { offset: 0, group: shape.outChannels * w.image, out: w.image, in: w.channel, row: w.row, column: w.column },
    parts: partsOf(shape, isFast),
  } as const;
  return {
    steps: [
      { kernel: { ...numbers, role: isFast ? "winogradGradient" : "gradient" }, buffers: [x.base, y.base, 0] },
      { kernel: { ...numbers, role: "sum" }, buffers: [0, "result"] },
    ],
    scratch: [4 * numbers.parts * partSize(shape)],
  };
}

/** Elements of one part of a weight gradient: [group, in, tap, out]. */
export function partSize({ groups, inChannels, outChannels, taps }: ConvShape): number {
  return groups * inChannels * taps[0] * taps[1] * roundUp(outChannels, partChannels);
}

function packedBytes({ groups, inChannels, outChannels, taps }: ConvShape, isFast: boolean): number {
  const rows = inChannels * roundUp(outChannels, packedChannels);
  if (isFast) return 4 * groups * winogradPoints * (rows + winogradGap);
  return 4 * groups * rows * Math.max(taps[0] * taps[1], 1);
}

/** Into how many parts the images go: some, where there are too few channels to keep threads busy. */
function partsOf(shape: ConvShape, isFast: boolean): number {
  const { images, groups, inChannels, outChannels, output, taps } = shape;
  const blocks = groups * Math.ceil(inChannels / (isFast ? 64 : 32)) * Math.ceil(outChannels / (isFast ? 64 : 32));
  const operations = (groups * inChannels * outChannels * taps[0] * taps[1] * output[0] * output[1] * images) / blocks;
  const wanted = Math.min(16 / blocks, operations / 2 ** 20, 2 ** 21 / partSize(shape));
  const least = Math.ceil(images / Math.max(Math.floor(wanted), 1));
  return Math.ceil(images / least);
}

/**
 * Tiles of 4×4 results pay where both channel counts are large enough for the products to outweigh the transforms, and
 * where an image has so many tiles that weights need not be read too often. Against float64 on normal data the error
 * (root of the mean square) is 2.2 times the direct kernel's for 16 channels, 1.8 for 64, 1.0 for 256 and 0.7 for 512; of
 * the weight gradient 2.9 times. For fewer channels the ratio grows: 3.0 for three.
 */
function suitsWinograd({ inChannels, outChannels, output, taps, stride, dilation }: ConvShape): boolean {
  const tiles = Math.ceil(output[0] / 4) * Math.ceil(output[1] / 4);
  const isThree = taps[0] === 3 && taps[1] === 3;
  const isPlain = [...stride, ...dilation].every((n) => n === 1);
  // Of rows of tiles, taken in pairs, what is no result.
  const fill = (output[0] * output[1]) / (roundUp(output[0], 4) * roundUp(output[1], 8));
  return isThree && isPlain && inChannels >= 16 && outChannels >= 16 && tiles >= 16 && fill >= 0.4;
}

function isWeightOperand(value: Value, operand: number): boolean {
  return operand === 1 && value.op.gradientOf !== "kernels";
}

interface Readable<T> {
  readonly base: Value;
  readonly places: T;
}

/** One step for each dim of a view, by which its elements are found in the buffer below. */
function stepsOf(
  value: Value,
  isBuffer: (value: Value) => boolean,
): (Readable<number[]> & { offset: number }) | undefined {
  const operand = operandOf(value, isBuffer);
  if (operand === undefined || operand.loopsOf.some((l) => l.length !== 1)) return undefined;
  const places = operand.loopsOf.map((l) => operand.at.coefficients[l[0] as number] as number);
  return { base: operand.base, places, offset: operand.at.offset };
}

/** Images are read in runs of columns. */
function imagePlaces(value: Value, isBuffer: (value: Value) => boolean): Readable<ImagePlaces> | undefined {
  const steps = stepsOf(value, isBuffer);
  if (steps === undefined) return undefined;
  const { base, offset, places } = steps;
  const [image, channel] = places as [number, number];
  const column = value.shape.at(-1) === 1 ? 1 : (places.at(-1) as number);
  if (column !== 1) return undefined;
  const row = places.length === 4 ? (places[2] as number) : 0;
  const size = base.shape.reduce((n, extent) => n * extent, 1);
  return { base, places: { offset, image, channel, row, column, size } };
}

function weightPlaces(
  value: Value,
  groups: number,
  isBuffer: (value: Value) => boolean,
): Readable<WeightPlaces> | undefined {
  const steps = stepsOf(value, isBuffer);
  if (steps === undefined) return undefined;
  const { base, offset, places } = steps;
  const [out, channel] = places as [number, number];
  const group = ((value.shape[0] as number) / groups) * out;
  const row = places.length === 4 ? (places[2] as number) : 0;
  return { base, places: { offset, group, out, in: channel, row, column: places.at(-1) as number } };
}

/** Places in a buffer of the value's own. */
function densePlaces({ shape }: Value): ImagePlaces {
  const column = 1;
  const row = shape.at(-1) as number;
  const channel = shape.slice(2).reduce((n, extent) => n * extent, 1);
  const image = channel * (shape[1] as number);
  return { offset: 0, image, channel, row, column, size: image * (shape[0] as number) };
}
