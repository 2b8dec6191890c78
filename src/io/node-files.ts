/**
 * Files as bytes in Node: read whole, and written so that a crash leaves the old file or the new one, never half of one.
 * No format here. Floor: io; Node only.
 */
import { randomBytes } from "node:crypto";
import type { Stats } from "node:fs";
import { type FileHandle, open, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { TwopassError } from "../base/errors.ts";

/** Linux reads at most 2^31 - 4096 bytes at a time. */
const mostBytesAtOnce = 2 ** 30;

/**
 * The bytes of a file, whatever its size.
 *
 * @throws TwopassError, naming the path and the system's error, where it cannot be read as a whole.
 * @example
 * await writeFileSafely("note.txt", new Uint8Array([104, 105]));
 * await readFileBytes("note.txt"); // Uint8Array(2) [104, 105]
 */
export async function readFileBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  return readWhole("readFileBytes", path);
}

/** As `readFileBytes`, for the function `op`. */
export async function readWhole(op: string, path: string): Promise<Uint8Array<ArrayBuffer>> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, "r");
    const stats = await file.stat();
    if (!stats.isFile()) throw fileError(op, "not a file", path);
    return await readRange(file, 0, stats.size, (problem) => fileError(op, problem, path));
  } catch (cause) {
    throw cause instanceof TwopassError ? cause : fileError(op, "cannot read the file", path, cause);
  } finally {
    await file?.close();
  }
}

/** Exactly the bytes [begin, end) of an open file. */
export async function readRange(
  file: FileHandle,
  begin: number,
  end: number,
  errorOf: (problem: string) => TwopassError,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(end - begin);
  let at = 0;
  while (at < bytes.length) {
    const { bytesRead } = await file.read(bytes, at, Math.min(bytes.length - at, mostBytesAtOnce), begin + at);
    if (bytesRead === 0) throw errorOf("the file became shorter while it was read");
    at += bytesRead;
  }
  return bytes;
}

/**
 * Writes a file whole or not at all: into a temporary file beside it, which is flushed to the disk and then takes its
 * name. An old file keeps its permissions; a symbolic link stays one, and what it points to is replaced.
 *
 * @throws TwopassError, naming the path and the system's error, where the disk is full or writing is not allowed. The old
 * file is then unchanged and the temporary one is gone. The one error after that point says that the file is written.
 * @example
 * await writeFileSafely("model.safetensors", await save(model.stateDict()));
 * Object.keys(load(await readFileBytes("model.safetensors"))); // ["weight", "bias"]
 */
export async function writeFileSafely(path: string, bytes: Uint8Array): Promise<void> {
  const target = await replaceFile(path, bytes);
  try {
    await flushFolder(dirname(target));
  } catch (cause) {
    throw fileError("writeFileSafely", "the file is written but may not outlast a power failure", path, cause);
  }
}

/** Returns the path that was replaced: that of the caller, with symbolic links followed. */
async function replaceFile(path: string, bytes: Uint8Array): Promise<string> {
  let temporary: string | undefined;
  try {
    const target = await realpath(path).catch(ignoring(["ENOENT"], resolve(path)));
    const old: Stats | undefined = await stat(target).catch(ignoring(["ENOENT"], undefined));
    // The same folder, as a rename works within one file system only. A short name: long ones may be at the limit.
    temporary = join(dirname(target), `.twopass-${process.pid}-${randomBytes(6).toString("hex")}.tmp`);
    await writeNew(temporary, bytes, old);
    await rename(temporary, target);
    return target;
  } catch (cause) {
    if (temporary !== undefined) await rm(temporary, { force: true }).catch(() => undefined);
    throw fileError("writeFileSafely", "cannot write the file", path, cause);
  }
}

async function writeNew(path: string, bytes: Uint8Array, old: Stats | undefined): Promise<void> {
  const file = await open(path, "wx");
  try {
    await file.writeFile(bytes);
    if (old !== undefined) await file.chmod(old.mode & 0o7777);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the rename itself last through a power failure. Not every system can flush a folder; then nothing is lost. */
async function flushFolder(path: string): Promise<void> {
  const unsupported = ["EACCES", "EBADF", "EINVAL", "EISDIR", "ENOTSUP", "EPERM"];
  const folder = await open(path, "r").catch(ignoring(unsupported, undefined));
  if (folder === undefined) return;
  try {
    await folder.sync().catch(ignoring(unsupported, undefined));
  } finally {
    await folder.close();
  }
}

/** A handler that turns the named system errors into a value and throws the others on. */
function ignoring<T>(codes: readonly string[], value: T): (error: unknown) => T {
  return (error) => {
    if (codes.includes(codeOf(error))) return value;
    throw error;
  };
}

const hints: Readonly<Record<string, string>> = {
  EACCES: "check the permissions of the file and its folder",
  EDQUOT: "the disk quota is used up",
  EISDIR: "this is a folder: give the name of a file",
  ENOENT: "check the path; its folder must exist",
  ENOSPC: "the disk is full",
  ENOTDIR: "a part of the path is a file and not a folder",
  EPERM: "check the permissions of the file and its folder",
  EROFS: "the file system is read-only",
};

/** An error that names the path and the system's error. */
export function fileError(op: string, problem: string, path: string, cause?: unknown): TwopassError {
  const why = cause instanceof Error ? `, ${cause.message}` : "";
  // An array that is too long, or more memory than there is.
  const tooLarge = cause instanceof RangeError ? "openSafetensors reads a file tensor by tensor" : undefined;
  const hint = tooLarge ?? hints[codeOf(cause)] ?? "check the path";
  return new TwopassError({ op, problem, facts: `${JSON.stringify(path)}${why}`, hint, cause });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
