/** PNG and JPEG files, which sharp decodes. */
import { crc32 } from "node:zlib";
import sharp from "sharp";
import { readImage } from "../../../src/data/node/images.ts";
import { type FuzzTarget, allowance } from "../target.ts";

// One image at a time is decoded, so threads would only cost.
sharp.concurrency(1);
sharp.cache(false);

const maxPixels = 4096;

/** A small picture of `channels` channels in which every byte differs from its neighbours. */
function picture(channels: 1 | 2 | 3 | 4, width: number, height: number): ReturnType<typeof sharp> {
  const data = Uint8Array.from({ length: width * height * channels }, (_, i) => (i * 37) % 256);
  return sharp(data, { raw: { width, height, channels } });
}

const bytesOf = async (image: ReturnType<typeof sharp>): Promise<Uint8Array> => new Uint8Array(await image.toBuffer());

const png = await Promise.all(
  [
    picture(1, 3, 2).toColourspace("b-w").png(),
    picture(2, 2, 2).png(),
    picture(3, 4, 4).png(),
    picture(4, 5, 3).png({ progressive: true }),
    picture(3, 4, 4).png({ palette: true }),
    picture(3, 3, 3).toColourspace("rgb16").png(),
  ].map(bytesOf),
);

const jpeg = await Promise.all(
  [
    picture(1, 8, 8).toColourspace("b-w").jpeg({ quality: 10 }),
    picture(3, 9, 5).jpeg({ quality: 10 }),
    picture(3, 16, 16).jpeg({ quality: 10, progressive: true }),
    picture(3, 8, 8).withMetadata({ orientation: 6 }).jpeg({ quality: 10 }),
  ].map(bytesOf),
);

/** The check sum of each chunk that is whole: without them nearly every damaged file is refused at the first. */
function repairPng(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 8; at + 12 <= bytes.length; ) {
    const size = view.getUint32(at);
    const end = at + 8 + size;
    if (end + 4 > bytes.length) break;
    view.setUint32(end, crc32(bytes.subarray(at + 4, end)));
    at = end + 4;
  }
  return bytes;
}

/** As large as `maxPixels` in three colours, four times; what the format says of a size is not believed. */
const mostBytes = (): number => 4 * 3 * maxPixels + allowance;

export const targets: readonly FuzzTarget[] = [
  {
    name: "png",
    seeds: png,
    tokens: ["IHDR", "PLTE", "IDAT", "IEND", "tRNS", "acTL", "iCCP", "eXIf"],
    repair: repairPng,
    mostBytes,
    read: (bytes) => readImage(bytes, { maxPixels }),
  },
  {
    name: "jpeg",
    seeds: jpeg,
    tokens: ["Exif", "JFIF", "Adobe"],
    mostBytes,
    read: (bytes) => readImage(bytes, { maxPixels }),
  },
];
