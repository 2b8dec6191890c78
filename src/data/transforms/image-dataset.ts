/** Images of one size and their labels, as examples that can be transformed. Floor: data. */
import type { TypedArray } from "../../base/dtype.ts";
import { TwopassError, checkOptions, describe, showShape } from "../../base/errors.ts";
import type { RandomStream } from "../../base/random-stream.ts";
import type { Dataset } from "../datasets/dataset.ts";
import type { ShapedArray } from "../datasets/pack.ts";
import type { ImageArray, ImageTransform, Pixels } from "./image.ts";

export interface ImageDatasetOptions {
  /** What is done to each image when it is read; default: nothing. */
  readonly transform?: ImageTransform;
}

/**
 * Images that lie one behind the other, [count, C, H, W], and a label for each. For images that are not transformed a
 * TensorDataset is faster.
 *
 * @throws where the images or the labels do not fit.
 * @example
 * const { images, labels } = await mnist({ train: false });
 * const set = new ImageDataset(images, [1, 28, 28], labels, { transform: new RandomCrop(28, { padding: 2 }) });
 * set.length; // 10000
 */
export class ImageDataset implements Dataset<[ImageArray, ShapedArray]> {
  readonly length: number;
  readonly #images: Pixels;
  readonly #shape: readonly [number, number, number];
  readonly #labels: TypedArray;
  readonly #transform: ImageTransform | undefined;

  constructor(
    images: Pixels,
    shape: readonly [channels: number, height: number, width: number],
    labels: TypedArray,
    options: ImageDatasetOptions = {},
  ) {
    checkOptions("ImageDataset", options, ["transform"]);
    const size = shape[0] * shape[1] * shape[2];
    if (!(size > 0) || images.length !== size * labels.length) {
      const facts = `${images.length} elements, ${labels.length} labels, shape ${showShape(shape)}`;
      throw new TwopassError({ op: "ImageDataset", problem: "images and labels do not fit", facts });
    }
    this.length = labels.length;
    this.#images = images;
    this.#shape = [...shape];
    this.#labels = labels;
    this.#transform = options.transform;
  }

  /** The image [C, H, W] and its label, a number of the labels' type. */
  get(index: number, random?: RandomStream): [ImageArray, ShapedArray] {
    if (!(Number.isInteger(index) && index >= 0 && index < this.length)) {
      const facts = `${describe(index)} of ${this.length}`;
      throw new TwopassError({ op: "ImageDataset", problem: "no such image", facts });
    }
    const size = this.#images.length / this.length;
    const image = { data: this.#images.subarray(index * size, (index + 1) * size), shape: this.#shape };
    const label = { data: this.#labels.subarray(index, index + 1), shape: [] };
    return [this.#transform === undefined ? image : this.#transform.apply(image, random), label];
  }
}
