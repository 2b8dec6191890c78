/** Compiled kernels by their code's key, in one function table; the driver that walks commands. Floor: runtime. */
import { debug, debugPrint } from "../../base/debug.ts";
import { hostFunctionTable } from "../../base/host-functions.ts";
import { internal } from "../../base/errors.ts";
import type { Kernel } from "../../schedule/kernel.ts";
import { kernelKey } from "../../schedule/kernel.ts";
import { contractKernel } from "../../codegen/wasm/contract.ts";
import type { Tile } from "../../codegen/wasm/contract.ts";
import { driverModule } from "../../codegen/wasm/driver.ts";
import type { Fn, HostFunction } from "../../codegen/wasm/function.ts";
import { loopKernel } from "../../codegen/wasm/loops.ts";
import { assembleModule } from "../../codegen/wasm/module.ts";
import { showModule } from "../../codegen/wasm/show.ts";
import { sortKernel } from "../../codegen/wasm/sort.ts";

export interface Tiles {
  readonly float32: Tile;
  readonly float64: Tile;
  readonly int32: Tile;
}

/** Kernels that no plan uses any more are kept up to this number. */
const mostIdle = 2048;

interface Entry {
  readonly index: number;
  users: number;
}

export class Kernels {
  readonly #memory: WebAssembly.Memory;
  readonly #tiles: Tiles;
  readonly #table = new WebAssembly.Table({ element: "anyfunc", initial: 64 });
  readonly #entries = new Map<string, Entry>();
  readonly #freeIndices: number[] = [];
  #nextIndex = 0;
  /** Kernels compiled so far. */
  compiled = 0;
  /** Runs the commands from one address to another. */
  readonly run: (begin: number, end: number) => void;

  constructor(memory: WebAssembly.Memory, tiles: Tiles) {
    this.#memory = memory;
    this.#tiles = tiles;
    const driver = new WebAssembly.Instance(new WebAssembly.Module(driverModule()), {
      env: { memory, table: this.#table },
    });
    this.run = driver.exports["run"] as (begin: number, end: number) => undefined;
  }

  /** Table indices of kernels; all that are new are compiled as one module. Each counts as used until released. */
  acquire(kernels: readonly Kernel[]): { indices: number[]; keys: string[] } {
    const keys = kernels.map(kernelKey);
    const functions: Record<string, Fn> = {};
    const added = new Map<string, string>();
    const hosts = new Map<string, HostFunction>();
    keys.forEach((key, i) => {
      if (this.#entries.has(key) || added.has(key)) return;
      const name = `k${added.size}`;
      added.set(key, name);
      functions[name] = this.#build(kernels[i] as Kernel, hosts);
    });
    if (added.size > 0) {
      const env: Record<string, unknown> = { memory: this.#memory };
      for (const name of hosts.keys()) env[name] = hostFunctionTable[name as keyof typeof hostFunctionTable];
      const bytes = assembleModule(functions);
      if (debug.level >= 5) debugPrint("generated code", showModule(bytes));
      const module = new WebAssembly.Module(bytes);
      const { exports } = new WebAssembly.Instance(module, { env });
      for (const [key, name] of added) this.#entries.set(key, { index: this.#install(exports[name]), users: 0 });
      this.compiled += added.size;
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
      this.#table.set(entry.index, null);
      this.#freeIndices.push(entry.index);
      this.#entries.delete(key);
    }
  }

  #install(kernel: unknown): number {
    const index = this.#freeIndices.pop() ?? this.#nextIndex++;
    if (index >= this.#table.length) this.#table.grow(this.#table.length);
    this.#table.set(index, kernel);
    return index;
  }

  #build(kernel: Kernel, hosts: Map<string, HostFunction>): Fn {
    switch (kernel.kind) {
      case "loop":
        return loopKernel(kernel, hosts);
      case "conv":
        throw internal("a convolution that is no product");
      case "sort":
        return sortKernel(kernel.dtype, kernel.descending);
      case "contract": {
        const mode = (offsets: object): "table" | "linear" => ("table" in offsets ? "table" : "linear");
        if (kernel.dtype !== "float32" && kernel.dtype !== "float64" && kernel.dtype !== "int32") {
          throw internal(`a contraction of ${kernel.dtype}`);
        }
        return contractKernel({
          dtype: kernel.dtype,
          tile: this.#tiles[kernel.dtype],
          aM: mode(kernel.aM),
          aK: mode(kernel.aK),
          bK: mode(kernel.bK),
          bN: mode(kernel.bN),
        });
      }
    }
  }
}
