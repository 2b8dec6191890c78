/** Transforms of the places of an image's pixels. Floor: data. */
import { TwopassError, checkOptions, describe, showShape } from "../../base/errors.ts";
import type { RandomStream } from "../../base/random-stream.ts";
import { checkNumber, checkWhole } from "../../tensor/options.ts";
import {
  type ImageArray,
  type ImageTransform,
  type Size,
  checkImage,
  checkProbability,
  checkSize,
  pixelsLike,
  transformStream,
  uniform,
} from "./image.ts";

/** How far an image is made larger: on all sides, [left and right, top and bottom], or [left, top, right, bottom]. */
export type Padding = number | readonly [number, number] | readonly [number, number, number, number];

export interface PadOptions {
  /** The value of new pixels, in the units of the image; default 0. */
  readonly fill?: number;
  /** "constant" (default), "edge": the nearest pixel, "reflect": mirrored, without the edge twice. */
  readonly mode?: "constant" | "edge" | "reflect";
}

export interface RandomCropOptions extends PadOptions {
  /** How far the image is made larger first; default 0. */
  readonly padding?: Padding;
}

/**
 * Makes an image larger on its sides.
 *
 * @example
 * new Pad([1, 0]).apply({ data: new Uint8Array([7]), shape: [1, 1, 1] }).data; // Uint8Array(3) [0, 7, 0]
 */
export class Pad implements ImageTransform {
  readonly #sides: readonly [number, number, number, number];
  readonly #options: PadOptions;

  constructor(padding: Padding, options: PadOptions = {}) {
    checkPadOptions("Pad", options, ["fill", "mode"]);
    this.#sides = sidesOf("Pad", padding);
    this.#options = options;
  }

  apply(image: ImageArray): ImageArray {
    checkImage("Pad", image);
    const [left, top, right, bottom] = this.#sides;
    const [, height, width] = image.shape;
    return window("Pad", image, -top, -left, height + top + bottom, width + left + right, this.#options);
  }
}

/**
 * The middle of an image; a smaller one gets zeros around it.
 *
 * @example
 * new CenterCrop([1, 2]).apply({ data: new Uint8Array([1, 2, 3, 4]), shape: [1, 1, 4] }).data; // Uint8Array(2) [2, 3]
 */
export class CenterCrop implements ImageTransform {
  readonly #size: readonly [number, number];

  constructor(size: Size) {
    this.#size = checkSize("CenterCrop", size);
  }

  apply(image: ImageArray): ImageArray {
    checkImage("CenterCrop", image);
    const [height, width] = this.#size;
    return window(
      "CenterCrop",
      image,
      middle(image.shape[1], height),
      middle(image.shape[2], width),
      height,
      width,
      {},
    );
  }
}

/**
 * The start of a crop, as torchvision has it: the larger border is at the end where something is added; where something
 * is cut away, halves are rounded to even.
 */
function middle(extent: number, size: number): number {
  if (size > extent) return -Math.floor((size - extent) / 2);
  const half = (extent - size) / 2;
  return Math.floor(half) + (half % 2 === 1.5 ? 1 : 0);
}

/**
 * A part of the given size at a random place, each equally likely.
 *
 * @throws for an image that is smaller, padding included.
 * @example
 * const image = { data: new Uint8Array(784), shape: [1, 28, 28] as const };
 * new RandomCrop(24, { padding: 2 }).apply(image).shape; // [1, 24, 24]
 */
export class RandomCrop implements ImageTransform {
  readonly #size: readonly [number, number];
  readonly #sides: readonly [number, number, number, number];
  readonly #options: PadOptions;

  constructor(size: Size, options: RandomCropOptions = {}) {
    checkPadOptions("RandomCrop", options, ["padding", "fill", "mode"]);
    this.#size = checkSize("RandomCrop", size);
    this.#sides = sidesOf("RandomCrop", options.padding ?? 0);
    this.#options = options;
  }

  apply(image: ImageArray, random: RandomStream = transformStream()): ImageArray {
    checkImage("RandomCrop", image);
    const [left, top, right, bottom] = this.#sides;
    const [height, width] = this.#size;
    const freeY = image.shape[1] + top + bottom - height;
    const freeX = image.shape[2] + left + right - width;
    if (freeY < 0 || freeX < 0) {
      throw new TwopassError({
        op: "RandomCrop",
        problem: "the image is too small",
        facts: `${showShape(image.shape)} with padding [${this.#sides.join(", ")}] for ${showShape(this.#size)}`,
      });
    }
    const y = random.int(freeY + 1) - top;
    return window("RandomCrop", image, y, random.int(freeX + 1) - left, height, width, this.#options);
  }
}

/**
 * Mirrors left and right with the probability p, default 0.5.
 *
 * @example
 * new RandomHorizontalFlip(1).apply({ data: new Uint8Array([1, 2]), shape: [1, 1, 2] }).data; // Uint8Array(2) [2, 1]
 */
export class RandomHorizontalFlip implements ImageTransform {
  readonly #p: number;

  constructor(p = 0.5) {
    this.#p = checkProbability("RandomHorizontalFlip", p);
  }

  apply(image: ImageArray, random: RandomStream = transformStream()): ImageArray {
    checkImage("RandomHorizontalFlip", image);
    if (uniform(random) >= this.#p) return image;
    const { data, shape } = image;
    const width = shape[2];
    const out = pixelsLike(data, data.length);
    for (let row = 0; row < out.length; row += width) {
      for (let x = 0; x < width; x++) out[row + x] = data[row + width - 1 - x] as number;
    }
    return { data: out, shape };
  }
}

/**
 * Mirrors top and bottom with the probability p, default 0.5.
 *
 * @example
 * new RandomVerticalFlip(1).apply({ data: new Uint8Array([1, 2]), shape: [1, 2, 1] }).data; // Uint8Array(2) [2, 1]
 */
export class RandomVerticalFlip implements ImageTransform {
  readonly #p: number;

  constructor(p = 0.5) {
    this.#p = checkProbability("RandomVerticalFlip", p);
  }

  apply(image: ImageArray, random: RandomStream = transformStream()): ImageArray {
    checkImage("RandomVerticalFlip", image);
    if (uniform(random) >= this.#p) return image;
    const { data, shape } = image;
    const [channels, height, width] = shape;
    const out = pixelsLike(data, data.length);
    for (let row = 0; row < channels * height; row++) {
      const mirrored = row - (row % height) + (height - 1 - (row % height));
      out.set(data.subarray(row * width, (row + 1) * width), mirrored * width);
    }
    return { data: out, shape };
  }
}

export interface RandomRotationOptions {
  /** The value of pixels from outside of the image; default 0. */
  readonly fill?: number;
}

/**
 * Turns an image around its middle by an angle of [−degrees, degrees], counted against the clock. A pixel gets the value
 * of the nearest one.
 *
 * @example
 * const image = { data: new Uint8Array(784), shape: [1, 28, 28] as const };
 * new RandomRotation(15).apply(image).shape; // [1, 28, 28]
 */
export class RandomRotation implements ImageTransform {
  readonly #degrees: number;
  readonly #fill: number;

  constructor(degrees: number, options: RandomRotationOptions = {}) {
    checkOptions("RandomRotation", options, ["fill"]);
    this.#degrees = checkNumber("RandomRotation", "degrees", degrees);
    this.#fill = checkNumber("RandomRotation", "fill", options.fill ?? 0);
    if (degrees >= 0 && degrees < Number.POSITIVE_INFINITY) return;
    throw new TwopassError({ op: "RandomRotation", problem: "degrees must not be negative", facts: `got ${degrees}` });
  }

  apply(image: ImageArray, random: RandomStream = transformStream()): ImageArray {
    checkImage("RandomRotation", image);
    const angle = ((2 * uniform(random) - 1) * this.#degrees * Math.PI) / 180;
    const { data, shape } = image;
    const [channels, height, width] = shape;
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    const [middleY, middleX] = [(height - 1) / 2, (width - 1) / 2];
    const out = pixelsLike(data, data.length).fill(this.#fill);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        // Rows count downward, so this turns the place with the clock, and the image against it.
        const fromX = Math.round(middleX + cos * (x - middleX) - sin * (y - middleY));
        const fromY = Math.round(middleY + sin * (x - middleX) + cos * (y - middleY));
        if (fromX < 0 || fromX >= width || fromY < 0 || fromY >= height) continue;
        for (let channel = 0; channel < channels; channel++) {
          const plane = channel * height * width;
          out[plane + y * width + x] = data[plane + fromY * width + fromX] as number;
        }
      }
    }
    return { data: out, shape };
  }
}

/** A window [top, left, height, width] of an image, which may go beyond its sides. */
function window(
  op: string,
  { data, shape }: ImageArray,
  top: number,
  left: number,
  height: number,
  width: number,
  { fill = 0, mode = "constant" }: PadOptions,
): ImageArray {
  const [channels, fromHeight, fromWidth] = shape;
  const rows = placesOf(op, top, height, fromHeight, mode);
  const columns = placesOf(op, left, width, fromWidth, mode);
  const out = pixelsLike(data, channels * height * width);
  if (fill !== 0) out.fill(fill);
  for (let channel = 0; channel < channels; channel++) {
    for (let y = 0; y < height; y++) {
      const row = rows[y] as number;
      if (row < 0) continue;
      const from = (channel * fromHeight + row) * fromWidth;
      const to = (channel * height + y) * width;
      for (let x = 0; x < width; x++) {
        const column = columns[x] as number;
        if (column >= 0) out[to + x] = data[from + column] as number;
      }
    }
  }
  return { data: out, shape: [channels, height, width] };
}

/** Where each place of a window is in the image; −1 for the fill. */
function placesOf(op: string, start: number, size: number, extent: number, mode: PadOptions["mode"]): Int32Array {
  const over = Math.max(-start, start + size - extent);
  if (mode === "reflect" && over >= extent) {
    const facts = `${over} beyond ${extent} pixels`;
    throw new TwopassError({ op, problem: "the padding is too large to reflect", facts });
  }
  return Int32Array.from({ length: size }, (_, i) => {
    const at = start + i;
    if (at >= 0 && at < extent) return at;
    if (mode === "edge") return at < 0 ? 0 : extent - 1;
    if (mode === "reflect") return at < 0 ? -at : 2 * (extent - 1) - at;
    return -1;
  });
}

function sidesOf(op: string, padding: Padding): readonly [number, number, number, number] {
  const sides = typeof padding === "number" ? [padding, padding] : padding;
  if (sides.length !== 2 && sides.length !== 4) {
    const facts = `got ${describe(padding)}`;
    throw new TwopassError({ op, problem: "padding must be a number, or a list of 2 or 4", facts });
  }
  for (const side of sides) checkWhole(op, "padding", side, 0);
  const [left, top, right = left, bottom = top] = sides as readonly [number, number, number?, number?];
  return [left, top, right, bottom];
}

function checkPadOptions(op: string, options: RandomCropOptions, known: readonly string[]): void {
  checkOptions(op, options, known);
  checkNumber(op, "fill", options.fill ?? 0);
  const { mode = "constant" } = options;
  if (["constant", "edge", "reflect"].includes(mode)) return;
  const hint = "use constant, edge or reflect";
  throw new TwopassError({ op, problem: `unknown mode ${describe(mode)}`, hint });
}
