/** Files that are on the disk when a promise says so. Floor: train; Node only. */
import { open } from "node:fs/promises";

/** Writes a new file and waits until the disk has it. */
export async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "wx");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Errors of systems that cannot flush a folder; renames last there without it, or nothing can be done. */
const unsupported: readonly string[] = ["EACCES", "EBADF", "EINVAL", "EISDIR", "ENOTSUP", "EPERM"];

/** Makes what was made and renamed in a folder last through a power failure. */
export async function flushFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    if (!unsupported.includes(codeOf(error))) throw error;
  }
}

/** The system's name of an error, such as "ENOENT"; "" where it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
