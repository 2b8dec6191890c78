/** Plain files below a folder, and nothing that a link leads to elsewhere. Floor: inspect; Node only. */
import { type Stats, constants } from "node:fs";
import { type FileHandle, lstat, open, realpath } from "node:fs/promises";
import { join } from "node:path";
import { codeOf } from "../../../train/node/durable.ts";

/** What the system says where a file is not there, or is a link. */
const absent: readonly string[] = ["ENOENT", "ENOTDIR", "ELOOP"];

export interface OpenFile {
  readonly file: FileHandle;
  readonly stats: Stats;
}

/**
 * Opens a plain file below a folder to read it; undefined where there is none, and where a link leads to it.
 *
 * @param root may itself be behind a link.
 */
export async function openInside(root: string, path: string): Promise<OpenFile | undefined> {
  let file: FileHandle | undefined;
  try {
    const whole = join(await realpath(root), path);
    // A pipe would wait for its writer.
    if ((await realpath(whole)) !== whole || !(await lstat(whole)).isFile()) return undefined;
    file = await open(whole, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
    const stats = await file.stat();
    if (stats.isFile()) return { file, stats };
  } catch (error) {
    if (!absent.includes(codeOf(error))) throw error;
  }
  await file?.close();
  return undefined;
}

/** What there is of a file or folder, undefined where it is not there or cannot be looked at. A link is told as one. */
export function statsOf(path: string): Promise<Stats | undefined> {
  return lstat(path).catch(() => undefined);
}
