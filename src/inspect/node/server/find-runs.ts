/** Which folders below one hold a run. Links are not followed, so nothing outside of it is found. Floor: inspect; Node only. */
import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { runFiles } from "../../run-reading.ts";

/** How far is looked: somebody may serve a home folder. */
export interface Limits {
  readonly levels: number;
  readonly folders: number;
  readonly runs: number;
}

export const usualLimits: Limits = { levels: 8, folders: 10_000, runs: 1000 };

export interface FoundRuns {
  /** Folders below the root, with slashes; "." for itself. */
  readonly paths: readonly string[];
  /** Whether there were more folders, runs or levels than are looked at. */
  readonly isCut: boolean;
}

/** Nearer folders come first. One that cannot be read, or is not there, holds nothing. */
export async function findRuns(root: string, limits: Limits): Promise<FoundRuns> {
  const paths: string[] = [];
  let looked = 0;
  let level = ["."];
  for (let depth = 0; depth <= limits.levels && level.length > 0; depth++) {
    const below: string[] = [];
    for (const path of level) {
      if (looked === limits.folders || paths.length === limits.runs) return { paths, isCut: true };
      looked++;
      for (const entry of await entriesOf(join(root, path))) {
        if (entry.isFile() && entry.name === runFiles.info) paths.push(path);
        if (entry.isDirectory() && isSearched(entry.name)) {
          below.push(path === "." ? entry.name : `${path}/${entry.name}`);
        }
      }
    }
    level = below;
  }
  return { paths, isCut: level.length > 0 };
}

function isSearched(name: string): boolean {
  return !name.startsWith(".") && name !== "node_modules" && name !== "traces";
}

function entriesOf(path: string): Promise<Dirent[]> {
  return readdir(path, { withFileTypes: true }).catch(() => []);
}
