import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import sharp from "sharp";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DataLoader, ToFloat } from "../../../src/data/index.ts";
import { ImageFolder, readImage } from "../../../src/data/node/index.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twopass-images-"));
});
afterEach(() => rm(folder, { recursive: true }));

type Channels = 1 | 2 | 3 | 4;
const image = (data: readonly number[], width: number, height: number, channels: Channels): ReturnType<typeof sharp> =>
  sharp(Uint8Array.from(data), { raw: { width, height, channels } });
const plain = (width: number, height: number, colour: number): ReturnType<typeof sharp> =>
  image(new Array(width * height * 3).fill(colour), width, height, 3);

/** Two pixels side by side: red with half its alpha, blue. */
const twoPixels = [255, 0, 0, 128, 0, 0, 255, 255];

test("channels are planes: colours, grey, alpha", async () => {
  const png = await image(twoPixels, 2, 1, 4).png().toBuffer();
  expect(await readImage(png)).toEqual({ data: Uint8Array.of(255, 0, 0, 0, 0, 255), shape: [3, 1, 2] });
  const rgba = await readImage(png, { channels: 4 });
  expect(rgba).toEqual({ data: Uint8Array.of(255, 0, 0, 0, 0, 255, 128, 255), shape: [4, 1, 2] });
  const grey = await image([0, 200], 2, 1, 1).toColourspace("b-w").png().toBuffer();
  expect(await readImage(grey, { channels: 1 })).toEqual({ data: Uint8Array.of(0, 200), shape: [1, 1, 2] });
  expect(await readImage(grey)).toEqual({ data: Uint8Array.of(0, 200, 0, 200, 0, 200), shape: [3, 1, 2] });
  expect((await readImage(grey, { channels: 4 })).data).toEqual(Uint8Array.of(0, 200, 0, 200, 0, 200, 255, 255));
  const colours = await image([255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255], 4, 1, 3).png().toBuffer();
  // What Pillow's convert("L") gives.
  expect((await readImage(colours, { channels: 1 })).data).toEqual(Uint8Array.of(76, 150, 29, 255));
});

test("16 bits become 8; other formats are read; a photograph is turned upright", async () => {
  const deep = await plain(3, 2, 77).toColourspace("rgb16").png().toBuffer();
  expect(await readImage(deep)).toEqual({ data: new Uint8Array(18).fill(77), shape: [3, 2, 3] });
  for (const encode of [
    plain(4, 3, 90).jpeg(),
    plain(4, 3, 90).webp(),
    plain(4, 3, 90).gif(),
    plain(4, 3, 90).tiff(),
  ]) {
    const { data, shape } = await readImage(await encode.toBuffer());
    expect(shape).toEqual([3, 3, 4]);
    expect(data.every((x) => Math.abs(x - 90) <= 2)).toBe(true);
  }
  const turned = await plain(4, 3, 90).withMetadata({ orientation: 6 }).jpeg().toBuffer();
  expect((await readImage(turned)).shape).toEqual([3, 4, 3]);
});

test("a size stretches or crops", async () => {
  // The left third is black, the rest white.
  const row = Array.from({ length: 30 }, (_, x) => (x < 10 ? 0 : 255));
  const png = await image(Array.from({ length: 10 }, () => row).flat(), 30, 10, 1)
    .png()
    .toBuffer();
  const stretched = await readImage(png, { channels: 1, size: [5, 6] });
  expect([stretched.shape, stretched.data[0], stretched.data[5]]).toEqual([[1, 5, 6], 0, 255]);
  const cropped = await readImage(png, { channels: 1, size: 10, crop: true });
  expect([cropped.shape, cropped.data.every((x) => x > 250)]).toEqual([[1, 10, 10], true]);
});

/** A PNG that says it has this size; its data are those of a small one. */
async function bomb(width: number, height: number): Promise<Uint8Array> {
  const png = new Uint8Array(await plain(2, 2, 0).png().toBuffer());
  const view = new DataView(png.buffer);
  view.setUint32(16, width);
  view.setUint32(20, height);
  view.setUint32(29, crc32(png.subarray(12, 29)));
  return png;
}

test("what is damaged, too large or no image is refused, naming the file", async () => {
  const jpeg = new Uint8Array(
    await sharp({ create: { width: 64, height: 64, channels: 3, background: "red" } })
      .jpeg()
      .toBuffer(),
  );
  const refused = async (name: string, bytes: Uint8Array, message: string): Promise<void> => {
    const path = join(folder, name);
    await writeFile(path, bytes);
    await expect(readImage(path)).rejects.toMatchObject({
      name: "TwopassError",
      message: expect.stringContaining(message),
    });
  };
  await refused("cut.jpg", jpeg.subarray(0, jpeg.length >> 1), "cannot decode the image: ");
  await refused("empty.png", new Uint8Array(0), 'not an image: "');
  await refused("text.png", new TextEncoder().encode("hello"), "it begins with 68 65 6c 6c");
  await refused("drawing.svg", new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg"/>'), "not an image");
  await refused("bomb.png", await bomb(100_000, 100_000), "the image is too large: ");
  await refused("bomb2.png", await bomb(0x7fffffff, 0x7fffffff), "image");
  await refused("lies.png", await bomb(4000, 4000), "cannot decode the image: ");
  await expect(readImage(join(folder, "none.png"))).rejects.toThrow("none.png");
  await expect(readImage(jpeg, { maxPixels: 64 * 64 - 1, name: "red" })).rejects.toThrow(
    'too large: "red", more than 4095',
  );
  expect((await readImage(jpeg, { maxPixels: 64 * 64 })).shape).toEqual([3, 64, 64]);
  await expect(readImage(jpeg, { channels: 2 as 3 })).rejects.toThrow("channels must be 1, 3 or 4: got 2");
  await expect(readImage(jpeg, { size: [0, 1] })).rejects.toThrow("size must be one or two whole numbers from 1");
  await expect(readImage(jpeg, { width: 3 } as object)).rejects.toThrow('unknown option "width"');
});

async function put(name: string, colour: number, size = 4): Promise<void> {
  const path = join(folder, name);
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, await plain(size, size, colour).png().toBuffer());
}

test("folders are classes, and batches are images and labels", async () => {
  await put("dog/2.png", 20);
  await put("dog/1.png", 10);
  await put("cat/deep/x.PNG", 30, 8);
  await put("cat/.hidden.png", 1);
  await writeFile(join(folder, "cat", "notes.txt"), "no image");
  await writeFile(join(folder, "list.txt"), "no class");
  const set = new ImageFolder(folder, { size: 2, channels: 1 });
  expect([set.classes, set.length, [...set.labels]]).toEqual([["cat", "dog"], 3, [0, 1, 1]]);
  expect(set.paths.map((path) => path.slice(folder.length + 1))).toEqual([
    join("cat", "deep", "x.PNG"),
    join("dog", "1.png"),
    join("dog", "2.png"),
  ]);
  for await (const [x, y] of new DataLoader(set, { batchSize: 3 })) {
    expect([x.dtype, x.shape, await x.select(3, 0).select(2, 0).reshape(-1).array()]).toEqual([
      "uint8",
      [3, 1, 2, 2],
      [30, 10, 20],
    ]);
    expect([y.dtype, await y.array()]).toEqual(["int32", [0, 1, 1]]);
  }
  const scaled = new ImageFolder(folder, { size: 1, transform: new ToFloat() });
  expect((await scaled.get(1))[0].data).toEqual(new Float32Array(3).fill(10 / 255));
  await expect(set.get(3)).rejects.toThrow("no such image: 3 of 3");
  await writeFile(join(folder, "dog", "1.png"), "broken");
  await expect(set.get(1)).rejects.toThrow(join("dog", "1.png").replaceAll("\\", "\\\\"));
});

test("a folder without classes, or a class without images, is named", async () => {
  expect(() => new ImageFolder(join(folder, "none"))).toThrow("ImageFolder: cannot read the folder: ");
  expect(() => new ImageFolder(folder)).toThrow("no classes: ");
  await mkdir(join(folder, "cat"));
  expect(() => new ImageFolder(folder)).toThrow(/a class without images: no image in ".*cat"/);
  expect(() => new ImageFolder(folder, { sizes: 3 } as object)).toThrow('did you mean "size"?');
  expect(() => new ImageFolder(folder, { transform: 3 } as object)).toThrow("transform must be a transform: got 3");
});
