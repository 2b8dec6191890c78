/** Transforms of the values of an image. Floor: data. */
import { TwopassError, checkOptions, showShape } from "../../base/errors.ts";
import type { RandomStream } from "../../base/random-stream.ts";
import { checkNumber, checkWhole } from "../../tensor/options.ts";
import {
  type ImageArray,
  type ImageTransform,
  checkImage,
  pixelsLike,
  toPixel,
  transformStream,
  uniform,
} from "./image.ts";

/**
 * Bytes from 0 to 255 become floats from 0 to 1; floats stay as they are. PyTorch's `ToTensor`, without the change of
 * layout.
 *
 * @example
 * new ToFloat().apply({ data: new Uint8Array([0, 51, 255]), shape: [1, 1, 3] }).data; // Float32Array(3) [0, 0.2000, 1]
 */
export class ToFloat implements ImageTransform {
  apply(image: ImageArray): ImageArray {
    checkImage("ToFloat", image);
    const { data, shape } = image;
    if (data instanceof Float32Array) return image;
    const scaled = new Float32Array(data.length);
    for (let i = 0; i < data.length; i++) scaled[i] = (data[i] as number) / 255;
    return { data: scaled, shape };
  }
}

/**
 * (x − mean) / std for each channel; a list of one is for all channels.
 *
 * @throws where a std is not above 0; for images of bytes, and where the channels do not fit.
 * @example
 * const image = { data: new Float32Array([0, 0.5, 1]), shape: [1, 1, 3] as const };
 * new Normalize([0.5], [0.5]).apply(image).data; // Float32Array(3) [-1, 0, 1]
 */
export class Normalize implements ImageTransform {
  readonly #mean: readonly number[];
  readonly #std: readonly number[];

  constructor(mean: readonly number[], std: readonly number[]) {
    const wrong = std.findIndex((x) => !(x > 0));
    if (wrong >= 0 || mean.length !== std.length || mean.length === 0) {
      const facts = `mean [${mean.join(", ")}], std [${std.join(", ")}]`;
      throw new TwopassError({ op: "Normalize", problem: "needs a mean and a std above 0 for each channel", facts });
    }
    this.#mean = [...mean];
    this.#std = [...std];
  }

  apply(image: ImageArray): ImageArray {
    checkImage("Normalize", image);
    const { data, shape } = image;
    if (data instanceof Uint8Array) {
      throw new TwopassError({
        op: "Normalize",
        problem: "takes floats",
        facts: "got bytes",
        hint: "put new ToFloat() before it",
      });
    }
    if (this.#mean.length !== 1 && this.#mean.length !== shape[0]) {
      const facts = `${this.#mean.length} means for an image ${showShape(shape)}`;
      throw new TwopassError({ op: "Normalize", problem: "the channels do not fit", facts });
    }
    const size = shape[1] * shape[2];
    const out = new Float32Array(data.length);
    for (let channel = 0; channel < shape[0]; channel++) {
      const mean = this.#mean[channel] ?? (this.#mean[0] as number);
      const std = this.#std[channel] ?? (this.#std[0] as number);
      const end = (channel + 1) * size;
      for (let i = channel * size; i < end; i++) out[i] = ((data[i] as number) - mean) / std;
    }
    return { data: out, shape };
  }
}

/**
 * Brightness of an image of three channels: 0.2989 R + 0.587 G + 0.114 B. Bytes are cut to whole numbers, as PyTorch does
 * it for tensors.
 *
 * @example
 * new Grayscale().apply({ data: new Uint8Array([100, 200, 50]), shape: [3, 1, 1] }).data; // Uint8Array(1) [152]
 */
export class Grayscale implements ImageTransform {
  readonly #channels: number;

  /** @param channels 1, or 3 equal ones; default 1. */
  constructor(channels = 1) {
    this.#channels = checkWhole("Grayscale", "channels", channels, 1, 3);
    if (channels === 2) throw new TwopassError({ op: "Grayscale", problem: "makes 1 or 3 channels", facts: "got 2" });
  }

  apply(image: ImageArray): ImageArray {
    checkImage("Grayscale", image);
    const { data, shape } = image;
    const [channels, height, width] = shape;
    const gray = channels === 1 ? data : grayOf("Grayscale", image);
    const out = pixelsLike(data, this.#channels * height * width);
    for (let channel = 0; channel < this.#channels; channel++) out.set(gray, channel * height * width);
    return { data: out, shape: [this.#channels, height, width] };
  }
}

function grayOf(op: string, { data, shape }: ImageArray): Uint8Array | Float32Array {
  if (shape[0] !== 3)
    throw new TwopassError({ op, problem: "takes images of 1 or 3 channels", facts: `got ${showShape(shape)}` });
  const size = shape[1] * shape[2];
  const gray = pixelsLike(data, size);
  for (let i = 0; i < size; i++) {
    const [red, green, blue] = [data[i] as number, data[i + size] as number, data[i + 2 * size] as number];
    gray[i] = 0.2989 * red + 0.587 * green + 0.114 * blue;
  }
  return gray;
}

export interface ColorJitterOptions {
  /** The image times a factor of [1 − b, 1 + b], at least 0; default 0: no change. */
  readonly brightness?: number;
  /** The same for the distance from the mean gray of the image. */
  readonly contrast?: number;
  /** The same for the distance of each pixel from its gray. */
  readonly saturation?: number;
}

/**
 * Random changes of brightness, contrast and saturation, in random order. Floats are kept in [0, 1], bytes in their range.
 *
 * Differs from PyTorch: there is no change of hue.
 *
 * @example
 * const image = { data: new Uint8Array([100, 200, 50]), shape: [3, 1, 1] as const };
 * new ColorJitter({ brightness: 0.2, contrast: 0.2 }).apply(image).shape; // [3, 1, 1]
 */
export class ColorJitter implements ImageTransform {
  /** How far each factor may be from 1. */
  readonly #ranges: readonly number[];

  constructor(options: ColorJitterOptions) {
    checkOptions("ColorJitter", options, ["brightness", "contrast", "saturation"]);
    const { brightness = 0, contrast = 0, saturation = 0 } = options;
    this.#ranges = Object.entries({ brightness, contrast, saturation }).map(([name, range]) => {
      if (checkNumber("ColorJitter", name, range) >= 0) return range;
      throw new TwopassError({ op: "ColorJitter", problem: `${name} must not be negative`, facts: `got ${range}` });
    });
  }

  apply(image: ImageArray, random: RandomStream = transformStream()): ImageArray {
    checkImage("ColorJitter", image);
    let changed = image;
    for (const kind of random.permutation(this.#ranges.length)) {
      const range = this.#ranges[kind] as number;
      const low = Math.max(0, 1 - range);
      const factor = low + (1 + range - low) * uniform(random);
      if (range > 0) changed = blend(changed, factor, kind);
    }
    return changed;
  }
}

/** factor · image + (1 − factor) · base, where the base is black, the mean gray, or the gray of each pixel. */
function blend(image: ImageArray, factor: number, kind: number): ImageArray {
  const { data, shape } = image;
  const size = shape[1] * shape[2];
  const gray = kind === 0 ? undefined : shape[0] === 1 ? data : grayOf("ColorJitter", image);
  let sum = 0;
  for (const x of gray ?? []) sum += x;
  const mean = sum / size;
  const most = data instanceof Uint8Array ? 255 : 1;
  const out = pixelsLike(data, data.length);
  for (let i = 0; i < data.length; i++) {
    const base = kind === 2 ? (gray?.[i % size] as number) : mean;
    const value = Math.min(most, Math.max(0, factor * (data[i] as number) + (1 - factor) * base));
    out[i] = toPixel(data, value);
  }
  return { data: out, shape };
}
