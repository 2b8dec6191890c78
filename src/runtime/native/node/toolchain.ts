/**
 * The C compiler of the machine and the instruction set of its CPU. Nothing is compiled here. Floor: runtime; Node only.
 */
import { createHash } from "node:crypto";
import { accessSync, constants, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, delimiter, resolve } from "node:path";
import process from "node:process";
import { cTargets } from "../../../codegen/c/target.ts";
import type { CompileCache } from "./compile-cache.ts";
import { runProgram } from "./run-program.ts";
import type { Settings } from "./settings.ts";

export type Isa = "avx512" | "avx2" | "neon" | "plain";

export interface Compiler {
  /** Absolute path. */
  readonly path: string;
  /** Arguments that come before all others. */
  readonly words: readonly string[];
  /** First line of what it says of itself. */
  readonly version: string;
}

/** A compiler, or one line that says why there is none. */
export type FoundCompiler = { readonly compiler: Compiler } | { readonly reason: string };

/** Version lines by identity of the compiler, for all that ask in this thread. */
const versions = new Map<string, string>();

/** `CC`, else the first of cc, gcc and clang on PATH. A `CC` that is not there is not replaced by another. */
export function findCompiler(settings: Settings, cache: CompileCache): FoundCompiler {
  if (process.platform === "win32") return { reason: "compiling is not supported on Windows" };
  if (settings.compiler !== undefined) {
    const whole = findProgram(settings.compiler);
    const [name = "", ...words] = whole === undefined ? settings.compiler.split(/\s+/) : [settings.compiler];
    const path = whole ?? findProgram(name);
    if (path === undefined)
      return { reason: `no C compiler: CC=${settings.compiler}, but there is no program ${name}` };
    return withVersion(path, words, settings, cache);
  }
  for (const name of ["cc", "gcc", "clang"]) {
    const path = findProgram(name);
    if (path !== undefined) return withVersion(path, [], settings, cache);
  }
  return { reason: "no C compiler: install gcc or clang, or set CC" };
}

/** As a shell finds it: a name with a slash is a path. */
function findProgram(name: string): string | undefined {
  if (name.includes("/")) return isProgram(resolve(name)) ? resolve(name) : undefined;
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => resolve(folder, name)).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function withVersion(path: string, words: readonly string[], settings: Settings, cache: CompileCache): FoundCompiler {
  const file = realpathSync(path);
  const { mtimeMs, size } = statSync(file);
  const identity = JSON.stringify(["version", path, file, mtimeMs, size, words]);
  // With arguments it may start another program, whose file is not looked at: then it is asked each time.
  const key = words.length === 0 ? createHash("sha256").update(identity).digest("hex") : undefined;
  let version = versions.get(identity) ?? (key && cache.find(key, ".txt")?.content.toString());
  if (version === undefined || version === "") {
    const said = runProgram(path, [...words, "--version"], { seconds: settings.probeSeconds });
    if (said.problem !== undefined) {
      const why = said.errors === "" ? said.problem : `${said.problem}: ${said.errors}`;
      return { reason: `${basename(path)} --version failed: ${why}` };
    }
    version = said.output.trim().split("\n", 1)[0] ?? "";
    if (key !== undefined && version !== "") cache.store(key, ".txt", Buffer.from(version));
  }
  versions.set(identity, version);
  return { compiler: { path, words, version } };
}

/** Best first, as far as the CPU and its system go. */
export function cpuIsas(): readonly Isa[] {
  if (process.arch === "arm64") return ["neon", "plain"];
  if (process.arch !== "x64") return ["plain"];
  const has = cpuFeatures();
  const all = (...names: string[]): boolean => names.every((name) => has.has(name));
  const isAvx2 = all("avx2", "fma");
  const isAvx512 = isAvx2 && all("avx512f", "avx512dq", "avx512bw", "avx512vl");
  return [...(isAvx512 ? (["avx512"] as const) : []), ...(isAvx2 ? (["avx2"] as const) : []), "plain"];
}

function cpuFeatures(): ReadonlySet<string> {
  if (process.platform === "darwin") {
    const names = ["machdep.cpu.features", "machdep.cpu.leaf7_features"];
    const { output } = runProgram("/usr/sbin/sysctl", ["-n", ...names], { seconds: 5 });
    return new Set(output.toLowerCase().split(/\s+/));
  }
  try {
    const flags = /^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "latin1"))?.[1] ?? "";
    return new Set(flags.trim().split(/\s+/));
  } catch {
    return new Set();
  }
}

/** The sets that may be used, best first, and a line where not what was asked for. */
export function chooseIsas(asked: string | undefined): { readonly isas: readonly Isa[]; readonly note?: string } {
  const isas = cpuIsas();
  if (asked === undefined) return { isas };
  const at = isas.indexOf(asked as Isa);
  if (at >= 0) return { isas: isas.slice(at) };
  const known = asked in cTargets ? "" : " (there is none of that name)";
  return { isas, note: `${asked} was asked for${known}; this CPU has ${isas.join(", ")}, and ${isas[0]} is used` };
}
