/** A folder that one process at a time writes to. Floor: inspect; Node only. */
import { lstat, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { TwopassError } from "../../base/errors.ts";
import { fileError } from "../../io/node-files.ts";
import { isInUse } from "../../train/node/checkpoint-folder.ts";
import { codeOf } from "../../train/node/durable.ts";

/**
 * Makes a folder where it is missing, and takes it for this process. What a killed process has left is taken over.
 *
 * @returns what gives it back.
 * @throws where another process has it, or another writer of this one.
 */
export async function lockFolder(op: string, folder: string): Promise<() => Promise<void>> {
  const path = join(folder, "lock");
  try {
    await mkdir(folder, { recursive: true });
    // Whose it is may have been cleared up by somebody else in the meantime.
    if (!(await take(path)) && !((await isLeft(path)) && (await take(path)))) {
      throw new TwopassError({
        op,
        problem: "another process writes into the folder",
        facts: `${JSON.stringify(folder)}, ${await ownerOf(path)}`,
        hint: `give each run a folder of its own; where that process is over, remove ${JSON.stringify(path)}`,
      });
    }
  } catch (cause) {
    throw cause instanceof TwopassError ? cause : fileError(op, "cannot open the folder", folder, cause);
  }
  return () => rm(path, { force: true });
}

async function take(path: string): Promise<boolean> {
  try {
    await writeFile(path, `process ${process.pid} on ${hostname()}`, { flag: "wx" });
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Whether a process has a folder. Whether one of another computer is over cannot be known: it has it. */
export async function isLocked(folder: string): Promise<boolean> {
  const path = join(folder, "lock");
  try {
    // What is no file was not written by `lockFolder`, and a pipe would be waited for.
    return (await lstat(path)).isFile() && (await isHeld(path));
  } catch {
    return false;
  }
}

/** Removes the lock of a process of this computer that is over. Says whether it has. */
async function isLeft(path: string): Promise<boolean> {
  if (await isHeld(path)) return false;
  await rm(path, { force: true });
  return true;
}

async function isHeld(path: string): Promise<boolean> {
  const [, pid, host] = /^process (\d+) on (.*)$/.exec(await ownerOf(path)) ?? [];
  // Without a name it was killed before it could write one.
  return pid !== undefined && (host !== hostname() || isInUse(path, Number(pid)));
}

async function ownerOf(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}
