/** Safetensors files in Node, read tensor by tensor. Floor: io; Node only. */
import { type FileHandle, open } from "node:fs/promises";
import { TwopassError } from "../base/errors.ts";
import { fileError, readRange } from "./node-files.ts";
import { type ByteSource, type SafetensorsReader, readerOf } from "./safetensors-reader.ts";

/**
 * Opens a safetensors file of any size to read it tensor by tensor: the header is read and checked now, a tensor's bytes
 * when it is asked for. The file must not change while it is open.
 *
 * @throws where the file cannot be opened, and for a header that is not exactly the format or does not fit the size of
 * the file, naming the path.
 * @example
 * await saveFile(model.stateDict(), "model.safetensors");
 * const file = await openSafetensors("model.safetensors"); // or: await using file = ...
 * file.keys(); // ["weight", "bias"]
 * file.info("weight"); // { dtype: "F32", shape: [3, 4], bytes: 48 }
 * (await file.get("bias")).shape; // [3]
 * await file.close();
 */
export async function openSafetensors(path: string): Promise<SafetensorsReader> {
  const op = "openSafetensors";
  try {
    return await openReader(op, path);
  } catch (cause) {
    if (!(cause instanceof TwopassError) || cause.op === op) throw cause;
    const facts = `${JSON.stringify(path)}, ${cause.message}`;
    throw new TwopassError({ op, problem: "cannot open the file", facts, cause });
  }
}

/** As `openSafetensors`, for the function `op`; errors in the header do not name the path. */
export async function openReader(op: string, path: string): Promise<SafetensorsReader> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, "r");
    const stats = await file.stat();
    if (!stats.isFile()) throw fileError(op, "not a file", path);
    return await readerOf(sourceOf(op, file, stats.size, path));
  } catch (cause) {
    await file?.close();
    throw cause instanceof TwopassError ? cause : fileError(op, "cannot read the file", path, cause);
  }
}

function sourceOf(op: string, file: FileHandle, size: number, path: string): ByteSource {
  const errorOf = (problem: string, cause?: unknown): TwopassError => fileError(op, problem, path, cause);
  return {
    size,
    read: async (begin, end) => {
      try {
        return await readRange(file, begin, end, errorOf);
      } catch (cause) {
        throw cause instanceof TwopassError ? cause : errorOf("cannot read the file", cause);
      }
    },
    close: () => file.close(),
  };
}
