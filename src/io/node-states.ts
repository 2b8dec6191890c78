/** States in files, in the format that the name of a file ends with. Floor: io; Node only. */
import { extname } from "node:path";
import { TwopassError, checkOptions, describe } from "../base/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { MemoryOptions } from "./budget.ts";
import { readWhole, writeFileSafely } from "./node-files.ts";
import { openReader } from "./node-safetensors.ts";
import { loadNpy, saveNpy } from "./npy.ts";
import { type SaveNpzOptions, loadNpz, saveNpz } from "./npz.ts";
import type { SafetensorsReader } from "./safetensors-reader.ts";
import { type SaveOptions, save, stateFrom } from "./state.ts";
import { loadTorch } from "./torch.ts";

/** Options of the format: of `save`, or of `saveNpz`. */
export type SaveFileOptions = SaveOptions & SaveNpzOptions;

const torchEndings = [".pt", ".pth", ".bin"];

/** What the name of a file ends with. */
function endingOf(op: string, path: unknown): string {
  if (typeof path === "string") return extname(path).toLowerCase();
  throw new TwopassError({ op, problem: "the path must be a text", facts: `got ${describe(path)}` });
}

/**
 * Writes a state, such as `model.stateDict()`, to a file: whole or not at all. A name that ends in `.npz` takes an object
 * of tensors as `saveNpz`, one in `.npy` a single tensor as `saveNpy`; all others take a state as `save`, and give a
 * safetensors file.
 *
 * @throws where those functions do, for names of PyTorch's files, and where the file cannot be written.
 * @example
 * await saveFile(model.stateDict(), "model.safetensors");
 * model.loadStateDict(await loadFile("model.safetensors")).missingKeys; // []
 */
export async function saveFile(state: object, path: string, options?: SaveFileOptions): Promise<void> {
  await writeFileSafely(path, await bytesFor(state, path, options));
}

async function bytesFor(state: object, path: string, options: SaveFileOptions | undefined): Promise<Uint8Array> {
  const ending = endingOf("saveFile", path);
  if (ending === ".npz") return saveNpz(state as Record<string, Tensor>, options);
  if (ending === ".npy") {
    checkOptions("saveFile", options, []);
    return saveNpy(state as Tensor);
  }
  if (torchEndings.includes(ending)) {
    throw new TwopassError({
      op: "saveFile",
      problem: "PyTorch's files are only read",
      facts: describe(path),
      hint: "write .safetensors, which load_file of safetensors.torch reads",
    });
  }
  return save(state, options);
}

/**
 * The state in a file. By the ending of its name: `.npz` as `loadNpz` gives it, `.pt`, `.pth` and `.bin` as `loadTorch`,
 * `.npy` the one tensor as `loadNpy`; all others are safetensors files and give what `load` does, one tensor read after
 * the other.
 *
 * @param options.maxBytes as for `loadNpz` and `loadTorch`.
 * @throws where the file cannot be read, and where those functions do, naming the path.
 * @example
 * await saveFile({ images: zeros(10, 28, 28), labels: zeros(10) }, "digits.npz");
 * const { images, labels } = await loadFile("digits.npz");
 * images.shape; // [10, 28, 28]
 */
export async function loadFile<S extends object = Record<string, Tensor>>(
  path: string,
  options: MemoryOptions = {},
): Promise<S> {
  const ending = endingOf("loadFile", path);
  if (torchEndings.includes(ending)) return named(path, loadTorch<S>, await readWhole("loadFile", path), options);
  if (ending === ".npz") return named(path, loadNpz, await readWhole("loadFile", path), options) as S;
  if (ending === ".npy") return named(path, loadNpy, await readWhole("loadFile", path), undefined) as object as S;
  return loadSafetensors<S>(path);
}

async function loadSafetensors<S extends object>(path: string): Promise<S> {
  let file: SafetensorsReader | undefined;
  try {
    file = await openReader("loadFile", path);
    const tensors = new Map<string, Tensor>();
    for (const name of file.keys()) tensors.set(name, await file.get(name));
    return stateFrom<S>(tensors, file.metadata);
  } catch (cause) {
    throw namedError(path, cause);
  } finally {
    await file?.close();
  }
}

/** The result of a reader, whose errors get the path. */
function named<T, O>(path: string, read: (bytes: Uint8Array, options: O) => T, bytes: Uint8Array, options: O): T {
  try {
    return read(bytes, options);
  } catch (cause) {
    throw namedError(path, cause);
  }
}

function namedError(path: string, cause: unknown): unknown {
  if (!(cause instanceof TwopassError) || cause.op === "loadFile") return cause;
  const facts = `${JSON.stringify(path)}, ${cause.message}`;
  return new TwopassError({ op: "loadFile", problem: "cannot load the file", facts, cause });
}
