/** What images and their transforms are. They work on typed arrays: 60,000 graphs would take longer than the training. Floor: data. */
import { TwopassError, describe, showShape } from "../../base/errors.ts";
import { type RandomStream, stream } from "../../base/random-stream.ts";
import { checkNumber, checkWhole } from "../../tensor/options.ts";
import type { ShapedArray } from "../datasets/pack.ts";

/** Bytes from 0 to 255, or floats. */
export type Pixels = Uint8Array | Float32Array;

/** An image: channels, rows, columns. A loader makes a tensor [N, C, H, W] of those of a batch. */
export interface ImageArray extends ShapedArray {
  readonly data: Pixels;
  readonly shape: readonly [channels: number, height: number, width: number];
}

/** Something that is done to an image. It never changes the one that it gets. */
export interface ImageTransform {
  /** @param random where random ones take their numbers; default: a stream of the process. */
  apply(image: ImageArray, random?: RandomStream): ImageArray;
}

/** Height and width, or one number for both. */
export type Size = number | readonly [height: number, width: number];

/**
 * Several transforms, one after the other.
 *
 * @example
 * const augment = new Compose([new RandomCrop(28, { padding: 2 }), new ToFloat(), new Normalize([0.13], [0.31])]);
 * augment.apply({ data: new Uint8Array(784), shape: [1, 28, 28] }).data.constructor.name; // "Float32Array"
 */
export class Compose implements ImageTransform {
  readonly #transforms: readonly ImageTransform[];

  constructor(transforms: readonly ImageTransform[]) {
    const wrong = transforms.findIndex((transform) => typeof transform?.apply !== "function");
    if (wrong >= 0) {
      const facts = `number ${wrong} is ${describe(transforms[wrong])}`;
      throw new TwopassError({ op: "Compose", problem: "takes transforms", facts });
    }
    this.#transforms = transforms;
  }

  apply(image: ImageArray, random: RandomStream = transformStream()): ImageArray {
    return this.#transforms.reduce((changed, transform) => transform.apply(changed, random), image);
  }
}

/** The stream of transforms that get none. */
export function transformStream(): RandomStream {
  return stream("transforms");
}

/** In [0, 1), a multiple of 2^−24. */
export function uniform(random: RandomStream): number {
  return random.int(2 ** 24) * 2 ** -24;
}

export function checkImage(op: string, image: ImageArray): void {
  const { data, shape } = image;
  const isPixels = data instanceof Uint8Array || data instanceof Float32Array;
  if (isPixels && shape.length === 3 && shape[0] * shape[1] * shape[2] === data.length && data.length > 0) return;
  throw new TwopassError({
    op,
    problem: "takes an image { data, shape: [channels, height, width] } of uint8 or float32",
    facts: `got ${describe(data)} with ${data?.length} elements, shape ${showShape(shape ?? [])}`,
  });
}

export function checkSize(op: string, size: Size): readonly [number, number] {
  const [height, width] = typeof size === "number" ? [size, size] : size;
  return [checkWhole(op, "the height", height, 1), checkWhole(op, "the width", width, 1)];
}

export function checkProbability(op: string, p: number): number {
  if (checkNumber(op, "p", p) >= 0 && p <= 1) return p;
  throw new TwopassError({ op, problem: "p must be from 0 to 1", facts: `got ${p}` });
}

/** Pixels of the same type. */
export function pixelsLike(data: Pixels, size: number): Pixels {
  return data instanceof Uint8Array ? new Uint8Array(size) : new Float32Array(size);
}

/** A value as a pixel of this type: bytes are rounded, halves to even as PyTorch does it, and kept in their range. */
export function toPixel(data: Pixels, value: number): number {
  if (data instanceof Float32Array) return value;
  const floor = Math.floor(value);
  const isUp = value - floor > 0.5 || (value - floor === 0.5 && floor % 2 !== 0);
  return Math.min(255, Math.max(0, isUp ? floor + 1 : floor));
}
