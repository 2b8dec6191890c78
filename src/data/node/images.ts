/**
 * Images from files in Node, decoded by sharp where it is installed. The format is decided by the first bytes and the
 * size by the header, before anything is decoded. Floor: data; Node only.
 */
import { TwopassError, checkOptions, describe } from "../../base/errors.ts";
import { readFileBytes } from "../../io/node.ts";

export interface ImageOptions {
  /** 1 grey (of colours 0.299 R + 0.587 G + 0.114 B, rounded, as Pillow does), 3 red, green and blue (default), 4 with alpha. */
  readonly channels?: 1 | 3 | 4;
  /** Height and width, or one number for both; default: those of the image. It is stretched unless `crop` is true. */
  readonly size?: number | readonly [number, number];
  /** Whether `size` keeps the proportions and cuts off what is too much on both sides; default false. */
  readonly crop?: boolean;
  /** Images with more pixels are refused before they are decoded; default 50 million. */
  readonly maxPixels?: number;
  /** Name in errors where bytes are given; default "image". */
  readonly name?: string;
}

export interface Image {
  /** [channels, height, width], row-major, 0 to 255. */
  readonly data: Uint8Array;
  readonly shape: readonly [number, number, number];
}

type Sharp = typeof import("sharp").default;

const optionNames = ["channels", "size", "crop", "maxPixels", "name"];
const usualMaxPixels = 50_000_000;

/** First bytes of the formats that are read. Others that sharp knows, as SVG, are programs more than images. */
const signatures: readonly { readonly format: string; readonly at: number; readonly bytes: readonly number[] }[] = [
  { format: "png", at: 0, bytes: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] },
  { format: "jpeg", at: 0, bytes: [0xff, 0xd8, 0xff] },
  { format: "gif", at: 0, bytes: [0x47, 0x49, 0x46, 0x38] },
  { format: "webp", at: 8, bytes: [0x57, 0x45, 0x42, 0x50] },
  { format: "avif", at: 4, bytes: [0x66, 0x74, 0x79, 0x70, 0x61, 0x76, 0x69, 0x66] },
  { format: "tiff", at: 0, bytes: [0x49, 0x49, 0x2a, 0x00] },
  { format: "tiff", at: 0, bytes: [0x4d, 0x4d, 0x00, 0x2a] },
];

/** Whether bytes begin as a file of a format that is read. */
export function isImageFile(bytes: Uint8Array): boolean {
  return signatures.some((one) => one.bytes.every((byte, i) => bytes[one.at + i] === byte));
}

/**
 * An image as [channels, height, width] bytes: PNG, JPEG, WebP, GIF (its first frame), AVIF, TIFF. Turned upright as its
 * camera noted it. Needs the npm package sharp.
 *
 * @param source a path, or the bytes of a file.
 * @throws naming the file where it cannot be read, is no image, is damaged, or has more than `maxPixels`.
 * @example
 * const { data, shape } = await readImage("pets/cat/1.png", { size: 64 });
 * tensor(data, { shape }).div(255).shape; // [3, 64, 64]
 */
export async function readImage(source: string | Uint8Array, options: ImageOptions = {}): Promise<Image> {
  checkImageOptions("readImage", options);
  const { channels = 3, crop = false, maxPixels = usualMaxPixels } = options;
  const name = typeof source === "string" ? source : (options.name ?? "image");
  const bytes = typeof source === "string" ? await readFileBytes(source) : source;
  if (!(bytes instanceof Uint8Array)) {
    const problem = "takes a path or a Uint8Array";
    throw new TwopassError({ op: "readImage", problem, facts: `got ${describe(bytes)}` });
  }
  if (!isImageFile(bytes)) {
    const first = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    throw wrong(
      name,
      "not an image",
      bytes.length === 0 ? "the file is empty" : `it begins with ${first}`,
      knownFormats,
    );
  }
  const sharp = await importSharp();
  try {
    let image = sharp(bytes, { limitInputPixels: maxPixels, failOn: "error" }).autoOrient();
    if (options.size !== undefined) {
      const [height, width] = typeof options.size === "number" ? [options.size, options.size] : options.size;
      image = image.resize({ width, height, fit: crop ? "cover" : "fill" });
    }
    image = image.toColourspace("srgb");
    image = channels === 4 ? image.ensureAlpha() : image.removeAlpha();
    const { data, info } = await image.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
    return { data: toPlanes(data, info.channels, channels), shape: [channels, info.height, info.width] };
  } catch (cause) {
    const why = cause instanceof Error ? (cause.message.split("\n")[0] as string) : describe(cause);
    if (/pixel limit/i.test(why)) {
      throw wrong(name, "the image is too large", `more than ${maxPixels} pixels`, "raise maxPixels", cause);
    }
    throw wrong(name, "cannot decode the image", why, "the file is damaged or cut off", cause);
  }
}

const knownFormats = "read are PNG, JPEG, WebP, GIF, AVIF and TIFF";

/** Throws for options that `readImage` does not take. */
export function checkImageOptions(op: string, options: ImageOptions, others: readonly string[] = []): void {
  checkOptions(op, options, [...optionNames, ...others]);
  const { channels, maxPixels, size } = options;
  const isCount = (x: unknown): boolean => Number.isSafeInteger(x) && (x as number) >= 1;
  if (channels !== undefined && ![1, 3, 4].includes(channels)) {
    throw new TwopassError({ op, problem: "channels must be 1, 3 or 4", facts: `got ${describe(channels)}` });
  }
  if (maxPixels !== undefined && !isCount(maxPixels)) {
    throw new TwopassError({
      op,
      problem: "maxPixels must be a whole number from 1",
      facts: `got ${describe(maxPixels)}`,
    });
  }
  const sizes: readonly unknown[] = Array.isArray(size) ? size : [size, size];
  if (size !== undefined && (sizes.length !== 2 || !sizes.every(isCount))) {
    const problem = "size must be one or two whole numbers from 1";
    throw new TwopassError({ op, problem, facts: `got ${describe(size)}`, hint: "[height, width]" });
  }
}

/** Pixels of `from` channels to `to` planes; a grey image fills all three colours. */
function toPlanes(pixels: Uint8Array, from: number, to: number): Uint8Array {
  const count = pixels.length / from;
  if (to === 1 && from >= 3) return greyOf(pixels, from);
  // Without the methods of Node's buffers.
  if (from === to && to === 1) return new Uint8Array(pixels.buffer, pixels.byteOffset, count);
  const planes = new Uint8Array(count * to);
  for (let channel = 0; channel < to; channel++) {
    const first = from >= to ? channel : channel === 3 ? from - 1 : 0;
    for (let i = 0; i < count; i++) planes[channel * count + i] = pixels[i * from + first] as number;
  }
  return planes;
}

/** One plane of brightness. The factors are of 2^16 and add up to it, so that grey stays what it is. */
function greyOf(pixels: Uint8Array, from: number): Uint8Array {
  const at = (i: number): number => pixels[i] as number;
  return Uint8Array.from({ length: pixels.length / from }, (_, pixel) => {
    const i = pixel * from;
    return (19595 * at(i) + 38470 * at(i + 1) + 7471 * at(i + 2) + 2 ** 15) >> 16;
  });
}

let loaded: Promise<Sharp> | undefined;

/** sharp is an optional package: whoever reads no images needs none. */
async function importSharp(): Promise<Sharp> {
  loaded ??= import("sharp").then((module) => module.default);
  try {
    return await loaded;
  } catch (cause) {
    loaded = undefined;
    throw new TwopassError({
      op: "readImage",
      problem: "the npm package sharp is not installed",
      facts: cause instanceof Error ? (cause.message.split("\n")[0] as string) : describe(cause),
      hint: "npm install sharp",
      cause,
    });
  }
}

function wrong(name: string, problem: string, facts: string, hint: string, cause?: unknown): TwopassError {
  return new TwopassError({ op: "readImage", problem, facts: `${JSON.stringify(name)}, ${facts}`, hint, cause });
}
