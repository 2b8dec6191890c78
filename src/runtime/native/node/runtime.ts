/** The functions of the runtime library, as JavaScript calls them. What they do is told in its C. Floor: runtime; Node only. */
import process from "node:process";
import { TwopassError, internal } from "../../../base/errors.ts";
import { cTargets } from "../../../codegen/c/target.ts";
import type { CompileUnit } from "./compile.ts";
import type { Koffi } from "./koffi.ts";
import { runtimeSource } from "./runtime-source.ts";

/** Addresses and handles are numbers: a process sees fewer than 2^53 bytes. */
export interface Runtime {
  readonly run: (begin: number, end: number) => number;
  readonly setThreads: (threads: number) => void;
  /** Threads that there are now. */
  readonly threads: () => number;
  readonly setWorkspace: (bytes: number) => void;
  readonly advise: (address: number, bytes: number) => number;
  readonly load: (path: string) => number;
  readonly symbol: (library: number, name: string) => number;
  readonly close: (library: number) => number;
  readonly error: () => string;
}

const functions: Readonly<
  Record<keyof Runtime, readonly [name: string, result: string, parameters: readonly string[]]>
> = {
  run: ["tp_run", "int", ["uintptr_t", "uintptr_t"]],
  setThreads: ["tp_set_threads", "void", ["int"]],
  threads: ["tp_threads", "int", []],
  setWorkspace: ["tp_set_workspace", "void", ["int64_t"]],
  advise: ["tp_advise", "int", ["uintptr_t", "uintptr_t"]],
  load: ["tp_load", "uintptr_t", ["str"]],
  symbol: ["tp_symbol", "uintptr_t", ["uintptr_t", "str"]],
  close: ["tp_close", "int", ["uintptr_t"]],
  error: ["tp_error", "str", []],
};

export const runtimeUnit: CompileUnit = {
  source: runtimeSource,
  kind: "products",
  symbols: Object.values(functions).map(([name]) => name),
  // Threads outlive the end of the program's environment, which unloads libraries; their code must stay.
  flags: [...cTargets.plain.flags, "-pthread", ...(process.platform === "linux" ? ["-Wl,-z,nodelete", "-ldl"] : [])],
};

export function bindRuntime(koffi: Koffi, path: string): Runtime {
  let library: ReturnType<Koffi["load"]>;
  try {
    library = koffi.load(path);
  } catch (error) {
    throw loadError(error instanceof Error ? error.message : String(error));
  }
  const bound = Object.entries(functions).map(([name, declaration]) => [name, library.func(...declaration)] as const);
  return Object.fromEntries(bound) as unknown as Runtime;
}

/** Loads a library of kernels; gives its handle and where its functions are. */
export function loadKernels(
  runtime: Runtime,
  path: string,
  symbols: readonly string[],
): { readonly handle: number; readonly addresses: readonly number[] } {
  const handle = Number(runtime.load(path));
  if (handle === 0) throw loadError(runtime.error());
  const addresses = symbols.map((name) => {
    const address = Number(runtime.symbol(handle, name));
    if (address === 0) throw internal(`a library has no function ${name}: ${runtime.error()}`);
    return address;
  });
  return { handle, addresses };
}

function loadError(facts: string): TwopassError {
  return new TwopassError({
    op: "native",
    problem: "compiled code cannot be loaded",
    facts,
    hint: "TWOPASS_CACHE must name a folder that programs may be loaded from",
  });
}
