/**
 * The native device's machine: compiles C, loads it, and runs commands on it with the threads of the runtime library.
 * Commands, memory and kernels are the device's; what the environment may say stands in settings.ts. Floor: runtime;
 * Node only.
 */
import process from "node:process";
import { TwopassError, internal } from "../../../base/errors.ts";
import { isQuiet, notice } from "../../../base/notice.ts";
import { type CTarget, cTargets } from "../../../codegen/c/target.ts";
import { CompileError, type CompileUnit, areCompiled, compileAll, recall } from "./compile.ts";
import { CompileCache } from "./compile-cache.ts";
import { coreCount } from "./cores.ts";
import { type Koffi, loadKoffi } from "./koffi.ts";
import { probe, probeUnit } from "./probe.ts";
import { type Runtime, bindRuntime, loadKernels, runtimeUnit } from "./runtime.ts";
import { mostThreads } from "./runtime-source.ts";
import { type Settings, readSettings } from "./settings.ts";
import { type Compiler, chooseIsas, findCompiler } from "./toolchain.ts";

export interface NativeOptions {
  /** Default: one for each core. */
  readonly threads?: number;
  /** Not more than this instruction set: "avx512", "avx2", "neon" or "plain". */
  readonly isa?: string;
}

export interface Toolchain {
  readonly compiler: string;
  readonly version: string;
  readonly target: CTarget;
}

export type NativeUnit = Omit<CompileUnit, "flags">;

/** A compiled unit: where its functions are, in the order of its symbols. */
export interface LoadedKernels {
  readonly addresses: readonly number[];
  /** Nothing may run in it any more. */
  close(): void;
}

interface Parts {
  readonly koffi: Koffi;
  readonly compiler: Compiler;
  readonly cache: CompileCache;
  readonly target: CTarget;
  readonly settings: Settings;
  readonly notes: readonly string[];
}

type Start = { readonly library: NativeLibrary } | { readonly reason: string };

/**
 * Starts the machine, which is proved by running a small kernel. What the computer lacks is no error: then there is a
 * reason, one plain line. Settings of the environment that cannot be followed are told on stderr.
 */
export function startNative(options: NativeOptions = {}): Start {
  const found = loadKoffi();
  if ("reason" in found) return found;
  const settings = readSettings();
  const started = startWith(found.koffi, settings, options);
  // Where nobody named a compiler, or none can be named, another device computes without a word.
  const isNamed = settings.compiler !== undefined && process.platform !== "win32";
  if ("reason" in started && isNamed) notice(`native is off: ${started.reason}`);
  return started;
}

function startWith(koffi: Koffi, settings: Settings, options: NativeOptions): Start {
  try {
    const cache = new CompileCache({ folder: settings.cacheFolder, mostBytes: settings.cacheBytes });
    const tools = findCompiler(settings, cache);
    if ("reason" in tools) return { reason: oneLine(tools.reason) };
    const { isas, note } = chooseIsas(options.isa ?? settings.isa);
    const notes = [...settings.notes];
    const unfollowed = [...settings.notes, ...(settings.isCacheNamed ? cache.notes : [])];
    const noteIsa = (text: string, isAsked: boolean): void => {
      notes.push(text);
      if (isAsked && options.isa === undefined) unfollowed.push(`TWOPASS_ISA: ${text}`);
    };
    if (note !== undefined) noteIsa(note, true);
    const shared = { koffi, compiler: tools.compiler, cache, settings };
    for (const [i, isa] of isas.entries()) {
      try {
        const library = proved({ ...shared, target: cTargets[isa], notes }, options.threads);
        unfollowed.forEach(notice);
        return { library };
      } catch (error) {
        // A compiler may be older than the newest instructions.
        const isLast = i === isas.length - 1;
        if (isLast || !(error instanceof CompileError) || error.isTimeout) throw error;
        noteIsa(`${isa} is off: ${oneLine(error)}`, isa === settings.isa);
      }
    }
    throw internal("no instruction set to try");
  } catch (error) {
    return { reason: oneLine(error) };
  }
}

/** Characters of a reason: compilers may say much. */
const longestLine = 240;

function oneLine(error: unknown): string {
  const text = (error instanceof Error ? error.message : String(error))
    .replace(/^native: /, "")
    .replaceAll(/\s*\n\s*/g, " / ");
  return text.length > longestLine ? `${text.slice(0, longestLine)} ...` : text;
}

/** @throws where the runtime library or a kernel cannot be compiled, loaded or run. */
function proved(parts: Parts, threads: number | undefined): NativeLibrary {
  const { koffi, compiler, cache, target, settings } = parts;
  const seconds = settings.probeSeconds;
  const units = [runtimeUnit, probeUnit(target.flags)];
  const [runtimePath, probePath] = compileAll(units, compiler, cache, { seconds }) as [string, string];
  const runtime = bindRuntime(koffi, runtimePath);
  const library = new NativeLibrary(parts, runtime);
  library.threads = threads ?? settings.threads ?? coreCount();
  probe(koffi, runtime, probePath);
  return library;
}

export class NativeLibrary {
  readonly toolchain: Toolchain;
  readonly #parts: Parts;
  readonly #runtime: Runtime;
  #threads = 1;
  #threadNote: string | undefined;
  #workspaceBytes = 0;

  constructor(parts: Parts, runtime: Runtime) {
    const { compiler, target } = parts;
    this.toolchain = { compiler: [compiler.path, ...compiler.words].join(" "), version: compiler.version, target };
    this.#parts = parts;
    this.#runtime = runtime;
  }

  /** Where compiled kernels are kept. */
  get cache(): CompileCache {
    return this.#parts.cache;
  }

  /** Threads that compute, the caller among them; no more than cores. All that use the machine in this process share them. */
  get threads(): number {
    return this.#threads;
  }

  set threads(asked: number) {
    const cores = coreCount();
    this.#threads = Math.min(Math.max(Math.floor(asked), 1), cores, mostThreads);
    this.#threadNote = asked > cores ? `${asked} threads were asked for, there are ${cores} cores` : undefined;
    this.#runtime.setThreads(this.#threads);
  }

  /** Scratch memory of each thread, in bytes. It grows only. */
  get workspaceBytes(): number {
    return this.#workspaceBytes;
  }

  set workspaceBytes(bytes: number) {
    this.#workspaceBytes = Math.max(bytes, this.#workspaceBytes);
    this.#runtime.setWorkspace(this.#workspaceBytes);
  }

  /**
   * Runs the commands from one address to another. Their memory and that of their arguments is the caller's to keep.
   *
   * @throws TwopassError where there is no memory for the workspace.
   */
  run(begin: number, end: number): void {
    const code = this.#runtime.run(begin, end);
    if (code !== 0) throw runError(code, this.#workspaceBytes);
  }

  /** Whether nothing of these units needs the compiler. */
  areCompiled(units: readonly NativeUnit[]): boolean {
    const { compiler, cache, target } = this.#parts;
    return areCompiled(
      units.map((unit) => ({ ...unit, flags: target.flags })),
      compiler,
      cache,
    );
  }

  /**
   * A function that was compiled before, with others or in another process; undefined where it was not. The name must
   * follow from the function's text.
   */
  recall(symbol: string, kind: NativeUnit["kind"]): LoadedKernels | undefined {
    const { compiler, cache, target } = this.#parts;
    const path = recall(symbol, { kind, flags: target.flags }, compiler, cache);
    return path === undefined ? undefined : this.#load(path, [symbol]);
  }

  /**
   * Functions of compiled units, in their order. Waits for the compiler; what was compiled before comes from the cache.
   *
   * @throws TwopassError where the compiler fails or does not end in time.
   */
  compile(units: readonly NativeUnit[]): readonly LoadedKernels[] {
    const { compiler, cache, settings, target } = this.#parts;
    const isSeen = process.stderr.isTTY && !isQuiet();
    const all = units.map(({ source, kind, symbols }) => ({ source, kind, symbols, flags: target.flags }));
    const options = { seconds: settings.compileSeconds, ...(isSeen ? { terminal: 2 } : {}) };
    const paths = compileAll(all, compiler, cache, options);
    return units.map(({ symbols }, i) => this.#load(paths[i] as string, symbols));
  }

  #load(path: string, symbols: readonly string[]): LoadedKernels {
    const { handle, addresses } = loadKernels(this.#runtime, path, symbols);
    return { addresses, close: () => void this.#runtime.close(handle) };
  }

  /** Where memory begins. It holds as long as the memory is referred to. */
  addressOf(memory: ArrayBufferLike | ArrayBufferView): number {
    const isView = ArrayBuffer.isView(memory) || memory instanceof ArrayBuffer;
    return Number(this.#parts.koffi.address(isView ? memory : new Uint8Array(memory)));
  }

  /** Asks the system for huge pages where whole ones lie inside. */
  advise(address: number, bytes: number): void {
    this.#runtime.advise(address, bytes);
  }

  /** What is used, what is off, and why: lines for people. */
  report(): string {
    const { cache, notes } = this.#parts;
    const { compiler, version, target } = this.toolchain;
    return [
      `compiler: ${compiler} (${version})`,
      `instructions: ${target.isa}`,
      `threads: ${this.#threads} of ${coreCount()} cores`,
      `compiled kernels: ${cache.isPrivate ? "not kept" : cache.folder}`,
      ...(this.#threadNote === undefined ? [] : [this.#threadNote]),
      ...cache.notes,
      ...notes,
    ].join("\n");
  }
}

function runError(code: number, bytes: number): TwopassError {
  if (code !== 1) return internal("the driver was given what are no commands");
  return new TwopassError({
    op: "native",
    problem: "out of memory",
    facts: `a thread needs ${bytes} bytes of scratch memory`,
  });
}
