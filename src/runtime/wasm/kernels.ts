/** Compiled kernels by their code's key, in one function table. Floor: runtime. */
import { debug, debugPrint } from "../../base/debug.ts";
import { hostFunctionTable } from "../../base/host-functions.ts";
import { internal } from "../../base/errors.ts";
import type { Kernel } from "../../schedule/kernel.ts";
import { kernelKey } from "../../schedule/kernel.ts";
import { type ContractDtype, type Tile, contractKernel } from "../../codegen/wasm/contract/contract.ts";
import { contractOptionsOf } from "../../codegen/wasm/contract/arguments.ts";
import type { Fn, HostFunction } from "../../codegen/wasm/function.ts";
import { loopKernel } from "../../codegen/wasm/loops/loops.ts";
import { assembleModule } from "../../codegen/wasm/module.ts";
import { showModule } from "../../codegen/wasm/show.ts";
import { sortKernel } from "../../codegen/wasm/sort.ts";
import type { KernelModule } from "./pool.ts";

export type Tiles = Readonly<Record<ContractDtype, Tile>>;

/** Kernels that no plan uses any more are kept up to this number. */
const mostIdle = 2048;

interface Entry {
  readonly index: number;
  /** The module that it is in, and how many of its kernels are still in the table. */
  readonly module: { readonly code: KernelModule; kernels: number };
  users: number;
}

export class Kernels {
  readonly table = new WebAssembly.Table({ element: "anyfunc", initial: 64 });
  readonly #memory: WebAssembly.Memory;
  readonly #isShared: boolean;
  readonly #added: (module: KernelModule) => void;
  readonly #entries = new Map<string, Entry>();
  readonly #freeIndices: number[] = [];
  #nextIndex = 0;
  /** Kernels compiled so far. */
  compiled = 0;

  /** `added` hears of each new module. */
  constructor(memory: WebAssembly.Memory, isShared: boolean, added: (module: KernelModule) => void) {
    this.#memory = memory;
    this.#isShared = isShared;
    this.#added = added;
  }

  /** The modules of the kernels that are in the table, in the order in which they came. */
  get modules(): Iterable<KernelModule> {
    return new Set([...this.#entries.values()].map(({ module }) => module.code));
  }

  /** Table indices of kernels; all that are new are compiled as one module. Each counts as used until released. */
  acquire(kernels: readonly Kernel[], tiles: Tiles): { indices: number[]; keys: string[] } {
    const keys = kernels.map((kernel) => keyWith(kernel, tiles));
    const functions: Record<string, Fn> = {};
    const added = new Map<string, string>();
    const hosts = new Map<string, HostFunction>();
    keys.forEach((key, i) => {
      if (this.#entries.has(key) || added.has(key)) return;
      const name = `k${added.size}`;
      added.set(key, name);
      functions[name] = this.#build(kernels[i] as Kernel, tiles, hosts);
    });
    if (added.size > 0) {
      type HostName = keyof typeof hostFunctionTable;
      const env: Record<string, WebAssembly.Memory | (typeof hostFunctionTable)[HostName]> = { memory: this.#memory };
      for (const name of hosts.keys()) env[name] = hostFunctionTable[name as HostName];
      const bytes = assembleModule(functions, { shared: this.#isShared });
      if (debug.level >= 5) debugPrint("generated code", showModule(bytes));
      const module = new WebAssembly.Module(bytes);
      const { exports } = new WebAssembly.Instance(module, { env });
      const places = [...added.values()].map((name) => this.#install(exports[name]));
      const entries = { code: { bytes, places }, kernels: added.size };
      [...added.keys()].forEach((key, i) => {
        this.#entries.set(key, { index: places[i] as number, module: entries, users: 0 });
      });
      this.compiled += added.size;
      this.#added(entries.code);
    }
    const indices = keys.map((key) => {
      const entry = this.#entries.get(key) as Entry;
      entry.users++;
      return entry.index;
    });
    return { indices, keys };
  }

  release(keys: readonly string[]): void {
    for (const key of keys) {
      const entry = this.#entries.get(key);
      if (entry === undefined) throw internal("an unknown kernel is released");
      entry.users--;
    }
    if (this.#entries.size <= mostIdle) return;
    for (const [key, entry] of this.#entries) {
      if (this.#entries.size <= mostIdle) break;
      if (entry.users > 0) continue;
      this.table.set(entry.index, null);
      this.#freeIndices.push(entry.index);
      this.#entries.delete(key);
    }
  }

  #install(kernel: unknown): number {
    const index = this.#freeIndices.pop() ?? this.#nextIndex++;
    if (index >= this.table.length) this.table.grow(this.table.length);
    this.table.set(index, kernel);
    return index;
  }

  #build(kernel: Kernel, tiles: Tiles, hosts: Map<string, HostFunction>): Fn {
    switch (kernel.kind) {
      case "loop":
        return loopKernel(kernel, hosts);
      case "sort":
        return sortKernel(kernel.dtype, kernel.descending);
      case "conv":
      case "attention":
        throw internal(`a kernel of kind ${kernel.kind}`);
      case "contract":
        return contractKernel(contractOptionsOf(kernel, tiles));
    }
  }
}

/** Text that is equal for kernels with equal code. */
function keyWith(kernel: Kernel, tiles: Tiles): string {
  if (kernel.kind !== "contract") return kernelKey(kernel);
  const { mr, nr } = contractOptionsOf(kernel, tiles).tile;
  return `${kernelKey(kernel)} ${mr}x${nr}`;
}
