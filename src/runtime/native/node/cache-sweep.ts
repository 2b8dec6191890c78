/**
 * Keeps a cache folder within its limits: what was used longest ago goes first, but nothing of the last minutes, which
 * another process may be about to load; and what a killed process left half written. Names that are not the cache's are
 * left alone. Floor: runtime; Node only.
 */
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

export interface Limits {
  readonly bytes: number;
  readonly files: number;
}

const youngMs = 10 * 60_000;
/** No compiler runs this long. */
const abandonedMs = 24 * 3_600_000;

const entryName = /^[0-9a-f]{64}\.\w+$/;
const unfinishedName = /^(new|work)-/;

interface Entry {
  readonly path: string;
  readonly bytes: number;
  readonly usedMs: number;
}

export function sweep(folder: string, limits: Limits): void {
  const now = Date.now();
  const entries: Entry[] = [];
  for (const name of namesIn(folder)) {
    const isEntry = entryName.test(name);
    if (!isEntry && !unfinishedName.test(name)) continue;
    const path = join(folder, name);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) continue;
    if (isEntry) entries.push({ path, bytes: stats.size, usedMs: stats.mtimeMs });
    else if (now - stats.mtimeMs > abandonedMs) remove(path);
  }
  entries.sort((a, b) => a.usedMs - b.usedMs);
  let bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  let files = entries.length;
  for (const entry of entries) {
    if ((bytes <= limits.bytes && files <= limits.files) || now - entry.usedMs < youngMs) return;
    remove(entry.path);
    bytes -= entry.bytes;
    files--;
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function remove(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // Somebody else's, or on a disk that became read-only: it stays.
  }
}
