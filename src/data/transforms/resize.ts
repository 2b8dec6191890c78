/** Images of another size. Floor: data. */
import { TwopassError, checkOptions, describe } from "../../base/errors.ts";
import { checkWhole } from "../../tensor/options.ts";
import {
  type ImageArray,
  type ImageTransform,
  type Size,
  checkImage,
  checkSize,
  pixelsLike,
  toPixel,
} from "./image.ts";

export interface ResizeOptions {
  /** "bilinear" (default): between the four nearest pixels; "nearest". */
  readonly mode?: "bilinear" | "nearest";
}

/** Where each new pixel takes its value: between two places of the old extent. */
interface Places {
  readonly low: Int32Array;
  readonly high: Int32Array;
  /** Share of `high`. */
  readonly weight: Float64Array;
}

/**
 * Makes an image smaller or larger. One number is the size of the shorter side, and the form stays. The middles of pixels
 * are at halves, and a smaller image is not smoothed first: PyTorch's `interpolate` without `antialias`. Shrink
 * photographs in steps of at most two, or with a tool for images.
 *
 * Differs from PyTorch: `Resize` of torchvision smooths unless `antialias=False`.
 *
 * @example
 * const image = { data: new Uint8Array([0, 100]), shape: [1, 1, 2] as const };
 * new Resize([1, 4]).apply(image).data; // Uint8Array(4) [0, 25, 75, 100]
 */
export class Resize implements ImageTransform {
  readonly #size: Size;
  readonly #mode: "bilinear" | "nearest";

  constructor(size: Size, options: ResizeOptions = {}) {
    checkOptions("Resize", options, ["mode"]);
    checkSize("Resize", size);
    this.#size = size;
    this.#mode = options.mode ?? "bilinear";
    if (this.#mode === "bilinear" || this.#mode === "nearest") return;
    const hint = "use bilinear or nearest";
    throw new TwopassError({ op: "Resize", problem: `unknown mode ${describe(this.#mode)}`, hint });
  }

  apply(image: ImageArray): ImageArray {
    checkImage("Resize", image);
    const { data, shape } = image;
    const [channels, fromHeight, fromWidth] = shape;
    const [height, width] = sizeFor(this.#size, fromHeight, fromWidth);
    if (height === fromHeight && width === fromWidth) return image;
    const rows = places(fromHeight, height, this.#mode);
    const columns = places(fromWidth, width, this.#mode);
    const out = pixelsLike(data, channels * height * width);
    const isFloat = data instanceof Float32Array;
    let at = 0;
    for (let channel = 0; channel < channels; channel++) {
      const plane = channel * fromHeight * fromWidth;
      for (let y = 0; y < height; y++) {
        const top = plane + (rows.low[y] as number) * fromWidth;
        const bottom = plane + (rows.high[y] as number) * fromWidth;
        const down = rows.weight[y] as number;
        for (let x = 0; x < width; x++) {
          const low = columns.low[x] as number;
          const high = columns.high[x] as number;
          const right = columns.weight[x] as number;
          const above = mix(data[top + low] as number, data[top + high] as number, right);
          const below = mix(data[bottom + low] as number, data[bottom + high] as number, right);
          const value = mix(above, below, down);
          out[at++] = isFloat ? value : toPixel(data, value);
        }
      }
    }
    return { data: out, shape: [channels, height, width] };
  }
}

function mix(a: number, b: number, weight: number): number {
  return a * (1 - weight) + b * weight;
}

function sizeFor(size: Size, height: number, width: number): readonly [number, number] {
  if (typeof size !== "number") return size;
  const longer = Math.floor((size * Math.max(height, width)) / Math.min(height, width));
  return height <= width ? [size, longer] : [longer, size];
}

/** The places of each new pixel: (i + 1/2) · from / to − 1/2 between two, or ⌊i · from / to⌋ alone. */
function places(from: number, to: number, mode: "bilinear" | "nearest"): Places {
  const low = new Int32Array(checkWhole("Resize", "the size", to, 1));
  const weight = new Float64Array(to);
  for (let i = 0; i < to; i++) {
    const at = mode === "nearest" ? Math.floor((i * from) / to) : Math.max(0, ((i + 0.5) * from) / to - 0.5);
    low[i] = Math.min(Math.floor(at), from - 1);
    weight[i] = at - (low[i] as number);
  }
  return { low, high: low.map((at) => Math.min(at + 1, from - 1)), weight };
}
