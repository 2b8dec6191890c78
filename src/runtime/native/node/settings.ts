/**
 * What the environment says about the native device. Wrong values are told in `notes`, and the default holds. Floor:
 * runtime; Node only.
 *
 * | variable | meaning | default |
 * | --- | --- | --- |
 * | `CC` | the C compiler: a program, perhaps with arguments | the first of `cc`, `gcc`, `clang` on `PATH` |
 * | `TWOPASS_ISA` | `avx512`, `avx2`, `neon` or `plain`: no more than this of the CPU's instruction sets | the CPU's best |
 * | `TWOPASS_THREADS` | threads that share the work | one for each core |
 * | `TWOPASS_CACHE` | folder of compiled kernels; yours alone, or it is not used | `$XDG_CACHE_HOME/twopass`, else `~/.cache/twopass` (macOS: `~/Library/Caches/twopass`) |
 * | `TWOPASS_CACHE_LIMIT` | MiB that the folder may hold; what was used longest ago goes first | 256 |
 * | `TWOPASS_COMPILE_TIMEOUT` | seconds until a compiler is given up | 60; 20 for the first try |
 * | `TWOPASS_QUIET` | `1`: no line on the terminal while it compiles, nor about a setting that cannot be followed | |
 */
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import process from "node:process";
import { readThreads } from "../../cpu/threads-setting.ts";

export interface Settings {
  readonly compiler: string | undefined;
  readonly isa: string | undefined;
  /** Undefined: one for each core. */
  readonly threads: number | undefined;
  /** Undefined where there is no home. */
  readonly cacheFolder: string | undefined;
  /** Whether it was named, and is not the usual one. */
  readonly isCacheNamed: boolean;
  readonly cacheBytes: number;
  readonly compileSeconds: number;
  /** For the first program that is compiled, the proof that compiling works. */
  readonly probeSeconds: number;
  readonly notes: readonly string[];
}

const mebibyte = 2 ** 20;

export function readSettings(): Settings {
  const notes: string[] = [];
  const text = (name: string): string | undefined => process.env[name]?.trim() || undefined;
  const positive = (name: string, usual: number): number => {
    const value = Number(text(name) ?? usual);
    if (value > 0 && Number.isFinite(value)) return value;
    notes.push(`${name}=${text(name)} is not a positive number; ${usual} holds`);
    return usual;
  };
  const compileSeconds = positive("TWOPASS_COMPILE_TIMEOUT", 60);
  const { threads, note } = readThreads(text("TWOPASS_THREADS"));
  if (note !== undefined) notes.push(note);
  return {
    compiler: text("CC"),
    threads,
    isa: text("TWOPASS_ISA")?.toLowerCase(),
    cacheFolder: cacheFolder(text),
    isCacheNamed: text("TWOPASS_CACHE") !== undefined,
    cacheBytes: positive("TWOPASS_CACHE_LIMIT", 256) * mebibyte,
    compileSeconds,
    probeSeconds: Math.min(20, compileSeconds),
    notes,
  };
}

function cacheFolder(text: (name: string) => string | undefined): string | undefined {
  const own = text("TWOPASS_CACHE");
  if (own !== undefined) return resolve(own);
  const shared = text("XDG_CACHE_HOME");
  if (shared !== undefined && isAbsolute(shared)) return join(shared, "twopass");
  try {
    return join(homedir(), process.platform === "darwin" ? "Library/Caches" : ".cache", "twopass");
  } catch {
    return undefined;
  }
}
