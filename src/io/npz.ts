/** NumPy's `.npz` format: a zip archive of `.npy` files, one an array. Floor: io. */
import { type Zippable, zipSync } from "fflate";
import { TwopassError, checkOptions, describe } from "../base/errors.ts";
import { Tensor } from "../tensor/tensor.ts";
import { Budget, type MemoryOptions } from "./budget.ts";
import { npyTensor, saveNpy } from "./npy.ts";
import { readZip, unzip, zipError } from "./zip.ts";

/**
 * The tensors in the bytes of an `.npz` file by name, as `numpy.savez` and `numpy.savez_compressed` write it. Types become
 * dtypes as `loadNpy` says. Names are only keys: no file is written or looked for.
 *
 * @param options.maxBytes the most bytes that the arrays may take, compressed ones and their contents included. Default:
 * 4 times the file, so that a small file cannot take all memory; arrays of many equal numbers need more.
 * @throws where `loadNpy` does, for damaged archives, and where more memory is needed than allowed.
 * @example
 * const bytes = await saveNpz({ x: tensor([1, 2]), y: tensor(3) });
 * Object.keys(loadNpz(bytes)); // ["x", "y"]
 */
export function loadNpz(bytes: Uint8Array, options: MemoryOptions = {}): Record<string, Tensor> {
  const op = "loadNpz";
  checkOptions(op, options, ["maxBytes"]);
  if (!(bytes instanceof Uint8Array)) {
    throw zipError(op, "expected a Uint8Array", `got ${describe(bytes)}`, "use new Uint8Array(buffer)");
  }
  const budget = new Budget(op, bytes.length, options);
  const tensors = new Map<string, Tensor>();
  for (const [file, entry] of readZip(op, bytes)) {
    if (!file.endsWith(".npy")) {
      throw zipError(op, "not an array", `the entry ${describe(file)}`, "an .npz file holds .npy files alone");
    }
    const name = file.slice(0, -4);
    const content = unzip(op, entry, budget);
    try {
      tensors.set(name, npyTensor(content, describe(name), { isOwn: !entry.isStored, budget }));
    } catch (cause) {
      if (!(cause instanceof TwopassError)) throw cause;
      throw new TwopassError({ op, problem: `cannot load ${describe(name)}`, facts: cause.message, cause });
    }
  }
  return Object.fromEntries(tensors);
}

export interface SaveNpzOptions {
  /**
   * Whether arrays are deflated, as `numpy.savez_compressed` does. Default false. Arrays that shrink to less than a
   * quarter need `maxBytes` to be loaded by `loadNpz`.
   */
  readonly compress?: boolean;
}

/**
 * The bytes of an `.npz` file that holds tensors as they are now: what `numpy.load` reads. Equal tensors give equal bytes.
 *
 * @throws for anything but an object of tensors, and for more than 4 GiB.
 * @example
 * const labels = await saveNpz({ labels: zeros(60_000, { dtype: "uint8" }) }, { compress: true });
 * labels.length < 300; // true
 * loadNpz(labels, { maxBytes: 100_000 }).labels.shape; // [60000]
 */
export async function saveNpz(
  tensors: Readonly<Record<string, Tensor>>,
  options: SaveNpzOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  checkOptions("saveNpz", options, ["compress"]);
  if (typeof tensors !== "object" || tensors === null || tensors instanceof Tensor || Array.isArray(tensors)) {
    throw notTensors(describe(tensors));
  }
  // All reads begin here: what the program writes from now on does not reach the file.
  const files = Object.entries(tensors).map(async ([name, x]): Promise<[string, Uint8Array<ArrayBuffer>]> => {
    if (!(x instanceof Tensor)) throw notTensors(`${describe(x)} at ${describe(name)}`);
    return [`${name}.npy`, await saveNpy(x)];
  });
  const contents = await Promise.all(files);
  const total = contents.reduce((sum, [name, content]) => sum + content.length + 200 + 6 * name.length, 0);
  if (total >= 2 ** 32) {
    throw zipError("saveNpz", "the archive would be too large", `about ${total} bytes`, "save in several files");
  }
  // A fixed date, as the format has no way to leave it out.
  const settings = { level: options.compress === true ? 6 : 0, mtime: new Date(1980, 0, 1) } as const;
  const archive: Zippable = Object.fromEntries(contents.map(([name, content]) => [name, [content, settings]]));
  return zipSync(archive) as Uint8Array<ArrayBuffer>;
}

function notTensors(facts: string): TwopassError {
  return zipError("saveNpz", "expected an object of tensors", `got ${facts}`, "write { x: tensor }");
}
