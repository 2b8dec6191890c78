/**
 * From C to shared libraries: what the cache does not have is compiled at once, one queue of compilers for each core.
 * What the C means is not known here. Floor: runtime; Node only.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { TwopassError } from "../../../base/errors.ts";
import type { CompileCache } from "./compile-cache.ts";
import { coreCount } from "./cores.ts";
import { type ProgramResult, runProgram } from "./run-program.ts";
import { abiVersion } from "./runtime-source.ts";
import type { Compiler } from "./toolchain.ts";

/**
 * Loops are written so that little is left to optimise, and each operation rounds. Products gain from a better order of
 * instructions, and multiply and add in one.
 */
export type UnitKind = "loops" | "products";

export interface CompileUnit {
  readonly source: string;
  readonly kind: UnitKind;
  /** Names of its functions. */
  readonly symbols: readonly string[];
  /** Of the target: instruction set, language, arithmetic. */
  readonly flags: readonly string[];
}

export interface CompileOptions {
  readonly seconds: number;
  /** A terminal's file number, for one line where compiling takes long. */
  readonly terminal?: number;
}

/** Behind those of the target, whose contraction is off. */
const kindFlags: Readonly<Record<UnitKind, readonly string[]>> = {
  loops: ["-Og"],
  products: ["-O2", "-ffp-contract=fast"],
};

const sharedFlags = ["-shared", "-fPIC", "-fno-strict-aliasing", "-w"];

/** Until a line is written. */
const patienceSeconds = "0.3";

/** The words of a compiler for a unit. */
function wordsOf({ kind, flags }: Pick<CompileUnit, "kind" | "flags">): readonly string[] {
  return [...sharedFlags, ...flags, ...kindFlags[kind]];
}

/** Whether nothing of these units needs the compiler. */
export function areCompiled(units: readonly CompileUnit[], compiler: Compiler, cache: CompileCache): boolean {
  return units.every((unit) => cache.find(keyOf(unit.source, compiler, wordsOf(unit)), ".so") !== undefined);
}

/**
 * The library that holds a function of this name, compiled in whatever unit before; undefined where there is none. Names
 * must follow from the functions' text.
 */
export function recall(
  symbol: string,
  unit: Pick<CompileUnit, "kind" | "flags">,
  compiler: Compiler,
  cache: CompileCache,
): string | undefined {
  const found = cache.find(keyOf(symbol, compiler, wordsOf(unit)), ".in");
  return found === undefined ? undefined : cache.find(found.content.toString(), ".so")?.path;
}

/** Paths of the libraries, in the order of the units. Waits for the compilers. */
export function compileAll(
  units: readonly CompileUnit[],
  compiler: Compiler,
  cache: CompileCache,
  options: CompileOptions,
): readonly string[] {
  const keys = units.map((unit) => keyOf(unit.source, compiler, wordsOf(unit)));
  const paths = new Map<string, string>();
  const missing = new Map<string, CompileUnit>();
  keys.forEach((key, i) => {
    if (paths.has(key) || missing.has(key)) return;
    const found = cache.find(key, ".so");
    if (found === undefined) missing.set(key, units[i] as CompileUnit);
    else paths.set(key, found.path);
  });
  if (missing.size > 0) {
    const jobs = [...missing].map(([key, unit]) => ({ key, unit, words: wordsOf(unit) }));
    const libraries = cache.tryShared(() =>
      cache.withWorkFolder((folder) => compileIn(folder, jobs, compiler, options)),
    );
    jobs.forEach(({ key, unit, words }, i) => {
      paths.set(key, cache.store(key, ".so", libraries[i] as Buffer));
      for (const symbol of unit.symbols) cache.store(keyOf(symbol, compiler, words), ".in", Buffer.from(key));
    });
  }
  return keys.map((key) => paths.get(key) as string);
}

interface Job {
  readonly unit: CompileUnit;
  readonly words: readonly string[];
}

function keyOf(source: string, compiler: Compiler, words: readonly string[]): string {
  const facts = [abiVersion, process.platform, process.arch, compiler, words, source];
  return createHash("sha256").update(JSON.stringify(facts)).digest("hex");
}

/** Contents of the libraries. Sources and results have names without the folder's, which is another one each time. */
function compileIn(folder: string, jobs: readonly Job[], compiler: Compiler, options: CompileOptions): Buffer[] {
  jobs.forEach(({ unit }, i) => writeFileSync(join(folder, `${i}.c`), unit.source));
  const commands = jobs.map(({ words }, i) => [
    compiler.path,
    ...compiler.words,
    ...words,
    "-o",
    `${i}.so`,
    `${i}.c`,
    "-lm",
  ]);
  const { terminal, seconds } = options;
  const { script, words } = shellScript(
    queues(jobs),
    commands,
    terminal === undefined ? undefined : progress(jobs, compiler),
  );
  const result = runProgram("/bin/sh", ["-c", script, "twopass", ...words], {
    seconds,
    cwd: folder,
    // Messages that can be understood here; temporary files that go with the folder.
    environment: { ...process.env, LC_ALL: "C", TMPDIR: folder },
    ...(terminal === undefined ? {} : { third: terminal }),
  });
  const ended = new Set(result.output.split("\n"));
  const isMade = jobs.every((_, i) => ended.has(`${i} 0`) && existsSync(join(folder, `${i}.so`)));
  if (result.problem !== undefined || !isMade) throw new CompileError(compiler, result);
  return jobs.map((_, i) => readFileSync(join(folder, `${i}.so`)));
}

/** Numbers of jobs, about as much work in each queue. */
function queues(jobs: readonly Job[]): readonly (readonly number[])[] {
  const count = Math.min(coreCount(), jobs.length);
  const lists = Array.from({ length: count }, () => ({ work: 0, numbers: [] as number[] }));
  const workOf = ({ unit }: Job): number => unit.source.length * (unit.kind === "products" ? 2 : 1);
  const byWork = jobs.map((job, number) => ({ number, work: workOf(job) })).sort((a, b) => b.work - a.work);
  for (const { number, work } of byWork) {
    const list = lists.reduce((least, other) => (other.work < least.work ? other : least));
    list.numbers.push(number);
    list.work += work;
  }
  return lists.map(({ numbers }) => numbers);
}

/**
 * A script that runs each queue in the background and prints the number and exit code of each command. It refers to
 * the words of the commands by position, so that none is read as a script.
 */
function shellScript(
  lists: readonly (readonly number[])[],
  commands: readonly (readonly string[])[],
  line: string | undefined,
): { readonly script: string; readonly words: readonly string[] } {
  const words: string[] = [];
  const place = (word: string): string => `"\${${words.push(word)}}"`;
  const started = lists.map((numbers, queue) => {
    const steps = numbers.map((i) => `${(commands[i] as string[]).map(place).join(" ")} >&2; echo "${i} $?"`);
    return `{ ${steps.join("; ")}; } & p${queue}=$!`;
  });
  const ends = lists.map((_, queue) => `wait $p${queue}`);
  // The one that waits has none of the pipes, or the caller would wait for it.
  const before =
    line === undefined ? [] : [`{ sleep ${patienceSeconds} && echo ${place(line)}; } >&3 2>/dev/null & line=$!`];
  const after = line === undefined ? [] : ["kill $line 2>/dev/null"];
  return { script: [...before, ...started, ...ends, ...after, "exit 0"].join("\n"), words };
}

function progress(jobs: readonly Job[], compiler: Compiler): string {
  const kernels = jobs.reduce((sum, { unit }) => sum + unit.symbols.length, 0);
  return `twopass: compiling ${kernels} kernels with ${basename(compiler.path)} (once; they are cached) ...`;
}

/** The compiler failed, or did not end. */
export class CompileError extends TwopassError {
  static override readonly label: string = "CompileError";
  override readonly name: string = "CompileError";
  readonly isTimeout: boolean;

  constructor(compiler: Compiler, { problem, isTimeout, errors }: ProgramResult) {
    const said = errors.length > 2000 ? `${errors.slice(0, 2000)} ...` : errors;
    const facts = [problem, said].filter((text) => text !== undefined && text !== "").join(": ");
    super({
      op: "native",
      problem: `${basename(compiler.path)} failed`,
      facts: facts === "" ? "it said nothing" : facts,
      hint: "another compiler can be named in CC",
    });
    this.isTimeout = isTimeout;
  }
}
