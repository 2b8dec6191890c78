/** A data set of images in folders, one folder for each class. Floor: data; Node only. */
import { type Dirent, readdirSync } from "node:fs";
import { join } from "node:path";
import { TwopassError, describe } from "../../base/errors.ts";
import type { RandomStream } from "../../base/random-stream.ts";
import type { Dataset } from "../datasets/dataset.ts";
import type { ShapedArray } from "../datasets/pack.ts";
import type { ImageArray, ImageTransform } from "../transforms/image.ts";
import { type ImageOptions, checkImageOptions, readImage } from "./images.ts";

export interface ImageFolderOptions extends Omit<ImageOptions, "name"> {
  /** What is done to each image when it is read, with the loader's random numbers for it; default: nothing. */
  readonly transform?: ImageTransform;
}

const endings = /\.(?:png|jpe?g|webp|gif|avif|tiff?)$/i;

/**
 * Images in the folders of a folder: `pets/cat/1.jpg`, `pets/dog/2.png`. The classes are the names of the folders in the
 * order of their characters. The names are listed once; an image is read when it is asked for.
 *
 * An example is [image, label] as of an ImageDataset; a batch is [N, channels, height, width] uint8 and [N] int32. Images
 * of different sizes need `size`.
 *
 * @throws where the folder cannot be read, has no folders, or one of them has no images.
 * @example
 * const pets = new ImageFolder("pets", { size: 64 });
 * const loader = new DataLoader(pets, { batchSize: 32, shuffle: true, map: ([x, y]) => [x.div(255), y] });
 * for await (const [images] of loader) images.shape; // [2, 3, 64, 64]
 */
export class ImageFolder implements Dataset<[image: ImageArray, label: ShapedArray]> {
  /** Names of the classes; a label is a place in this list. */
  readonly classes: readonly string[];
  /** Paths of the images, sorted, class by class. */
  readonly paths: readonly string[];
  /** The label of each image. */
  readonly labels: Int32Array;
  readonly #options: ImageOptions;
  readonly #transform: ImageTransform | undefined;

  constructor(folder: string, options: ImageFolderOptions = {}) {
    checkImageOptions("ImageFolder", options, ["transform"]);
    const { transform, ...imageOptions } = options;
    if (transform !== undefined && typeof transform?.apply !== "function") {
      const facts = `got ${describe(transform)}`;
      throw new TwopassError({ op: "ImageFolder", problem: "transform must be a transform", facts, hint: "{ apply }" });
    }
    this.#options = imageOptions;
    this.#transform = transform;
    this.classes = list(folder)
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
      .map(({ name }) => name)
      .sort();
    if (this.classes.length === 0) {
      throw wrong("no classes", `${JSON.stringify(folder)} has no folders`, "put the images of each class in a folder");
    }
    const files = this.classes.map((name) => imagesIn(join(folder, name)));
    const empty = files.findIndex((paths) => paths.length === 0);
    if (empty >= 0) {
      const facts = `no image in ${JSON.stringify(join(folder, this.classes[empty] as string))}`;
      throw wrong("a class without images", facts, "read are PNG, JPEG, WebP, GIF, AVIF and TIFF");
    }
    this.paths = files.flat();
    this.labels = Int32Array.from(files.flatMap((paths, label) => paths.map(() => label)));
  }

  get length(): number {
    return this.paths.length;
  }

  /** One example. @throws where there is none of this number, and where its file cannot be read. */
  async get(index: number, random?: RandomStream): Promise<[image: ImageArray, label: ShapedArray]> {
    const path = this.paths[index];
    if (path === undefined) throw wrong("no such image", `${describe(index)} of ${this.length}`, "count from 0");
    const image = await readImage(path, this.#options);
    const x = this.#transform === undefined ? image : this.#transform.apply(image, random);
    return [x, { data: this.labels.slice(index, index + 1), shape: [] }];
  }
}

/** The images of a folder and of the folders in it, sorted. */
function imagesIn(folder: string): string[] {
  const entries = list(folder).sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.name.startsWith(".")) return [];
    if (entry.isDirectory()) return imagesIn(path);
    return endings.test(entry.name) ? [path] : [];
  });
}

function list(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (cause) {
    const facts = `${JSON.stringify(folder)}, ${cause instanceof Error ? cause.message : describe(cause)}`;
    throw new TwopassError({
      op: "ImageFolder",
      problem: "cannot read the folder",
      facts,
      hint: "check the path",
      cause,
    });
  }
}

function wrong(problem: string, facts: string, hint: string): TwopassError {
  return new TwopassError({ op: "ImageFolder", problem, facts, hint });
}
