/** The machine's limits, measured by a small C library that is compiled here: undefined where there is no compiler. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface NativeLimits {
  /** Operations a second of fused multiply-adds in registers. */
  multiplyAdd(threads: number): number;
  /** Bytes read and written a second while so many bytes are copied. */
  copy(threads: number, bytes: number): number;
  /** Bytes read a second. */
  read(threads: number, bytes: number): number;
}

const turns = 500_000;

/** The first C compiler that answers, with the first line of what it says of itself. */
export function findCompiler(): { readonly command: string; readonly version: string } | undefined {
  for (const command of [process.env["CC"], "cc", "gcc", "clang"]) {
    if (command === undefined || command === "") continue;
    const { status, stdout } = spawnSync(command, ["--version"], { encoding: "utf8" });
    if (status === 0) return { command, version: stdout.split("\n")[0] ?? command };
  }
  return undefined;
}

/** @param source path of limits.c */
export async function nativeLimits(source: string): Promise<NativeLimits | undefined> {
  const compiler = findCompiler();
  if (compiler === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "twopass-limits-"));
  try {
    const library = join(folder, "limits.so");
    const flags = ["-O2", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC", "-pthread"];
    const { status } = spawnSync(compiler.command, [...flags, source, "-o", library]);
    if (status !== 0) return undefined;
    const { default: koffi } = await import("koffi");
    const loaded = koffi.load(library);
    const multiplyAdd = loaded.func("double multiply_add_rate(int, int64_t)");
    const copy = loaded.func("double copy_rate(int, int64_t)");
    const read = loaded.func("double read_rate(int, int64_t)");
    return {
      multiplyAdd: (threads) => multiplyAdd(threads, turns) as number,
      copy: (threads, bytes) => copy(threads, bytes) as number,
      read: (threads, bytes) => read(threads, bytes) as number,
    };
  } catch {
    // No koffi, or not for this system.
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
