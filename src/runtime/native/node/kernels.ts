/** Compiled kernels of the native device by their code's key. Floor: runtime; Node only. */
import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { debug, debugPrint } from "../../../base/debug.ts";
import { internal } from "../../../base/errors.ts";
import { attentionKey, attentionSource } from "../../../codegen/c/attention/attention.ts";
import { contractKey, contractModes, contractSource } from "../../../codegen/c/contract/contract.ts";
import { convKey, convSource } from "../../../codegen/c/conv/conv.ts";
import { hostSource } from "../../../codegen/c/functions.ts";
import { loopSource } from "../../../codegen/c/loops/loops.ts";
import { prelude } from "../../../codegen/c/prelude.ts";
import { sortSource } from "../../../codegen/c/sort.ts";
import type { CTarget } from "../../../codegen/c/target.ts";
import { type Kernel, kernelKey } from "../../../schedule/kernel.ts";
import type { AcquiredKernels, KernelName } from "../../cpu/machine.ts";
import type { LoadedKernels, NativeLibrary, NativeUnit } from "./library.ts";

/** Kernels of loops in one file at most: a compiler's time grows with them. */
const mostInFile = 40;

/** Stands for the name of a function in its text. */
const anyName = "kernel_of_any_name";

interface Entry {
  readonly name: KernelName;
  readonly address: number;
  readonly file: File;
  users: number;
}

/** A library that was loaded, closed with its last kernel. */
interface File {
  readonly loaded: LoadedKernels;
  kernels: number;
}

/** One function. Kernels that differ in what their code leaves out, as in a buffer that nothing reads, share it. */
interface Compiled extends Pick<KernelName, "symbol" | "kind"> {
  readonly keys: readonly string[];
}

interface Source extends Compiled {
  readonly keys: string[];
  readonly text: string;
}

export class NativeKernels {
  readonly #library: NativeLibrary;
  readonly #target: CTarget;
  readonly #prelude: string;
  readonly #mostIdle: number;
  readonly #entries = new Map<string, Entry>();
  /** Kernels compiled so far. */
  compiled = 0;

  /** Kernels that no plan uses any more are kept up to `mostIdle`. */
  constructor(library: NativeLibrary, mostIdle = 2048) {
    this.#library = library;
    this.#mostIdle = mostIdle;
    this.#target = library.toolchain.target;
    this.#prelude = prelude(this.#target);
  }

  /** Addresses of kernels; all that are new are compiled at once. Each counts as used until released. */
  acquire(kernels: readonly Kernel[], names?: readonly KernelName[]): AcquiredKernels {
    const keysOf = new Map<Kernel, string>();
    const keys = kernels.map((kernel, i) => {
      const key = names?.[i]?.key ?? keysOf.get(kernel) ?? keyOf(kernel);
      keysOf.set(kernel, key);
      return key;
    });
    const seen = new Set<string>();
    const sources = new Map<string, Source>();
    keys.forEach((key, i) => {
      if (this.#entries.has(key) || seen.has(key)) return;
      const name = names?.[i];
      if (name !== undefined && this.#recall({ ...name, keys: [key] })) return;
      seen.add(key);
      const source = this.#source(key, kernels[i] as Kernel);
      const same = sources.get(source.symbol);
      if (same === undefined) sources.set(source.symbol, source);
      else same.keys.push(key);
    });
    this.#compile([...sources.values()]);
    const entries = keys.map((key) => {
      const entry = this.#entries.get(key) as Entry;
      entry.users++;
      return entry;
    });
    return { functions: entries.map((e) => e.address), keys, names: entries.map((e) => e.name) };
  }

  release(keys: readonly string[]): void {
    for (const key of keys) {
      const entry = this.#entries.get(key);
      if (entry === undefined) throw internal("an unknown kernel is released");
      entry.users--;
    }
    if (this.#entries.size <= this.#mostIdle) return;
    for (const [key, { users, file }] of this.#entries) {
      if (this.#entries.size <= this.#mostIdle) break;
      if (users > 0) continue;
      this.#entries.delete(key);
      file.kernels--;
      if (file.kernels === 0) file.loaded.close();
    }
  }

  /** The name follows from the text, so that other programs find the same function by it. */
  #source(key: string, kernel: Kernel): Source {
    const text = this.#text(kernel);
    const all = [this.#prelude, hostSource(text), text].join("\n");
    const symbol = `k${createHash("sha256").update(all).digest("hex").slice(0, 32)}`;
    const kind = isProduct(kernel) ? "products" : "loops";
    return { keys: [key], symbol, kind, text: text.replaceAll(anyName, symbol) };
  }

  #text(kernel: Kernel): string {
    switch (kernel.kind) {
      case "loop":
        return loopSource(kernel, anyName, this.#target);
      case "sort":
        return sortSource(kernel, anyName);
      case "conv":
        return convSource(kernel, anyName, this.#target);
      case "attention":
        return attentionSource(kernel, anyName, this.#target);
      case "contract":
        return contractSource(contractModes(kernel), anyName, this.#target);
    }
  }

  /** Products have a file each, which other programs find again; loops share files. */
  #compile(all: readonly Source[]): void {
    if (all.length === 0) return;
    const loops = all.filter(({ kind }) => kind === "loops");
    const products = all.filter(({ kind }) => kind === "products");
    const singles = products.map((source) => this.#unit([source], "products"));
    let groups = divided(loops);
    let units = groups.map((sources) => this.#unit(sources, "loops"));
    if (!this.#library.areCompiled(units)) {
      groups = divided(loops.filter((source) => !this.#recall(source)));
      units = groups.map((sources) => this.#unit(sources, "loops"));
    }
    const files = [...units, ...singles];
    if (debug.level >= 5) debugPrint("generated code", files.map((unit) => unit.source).join("\n"));
    const sources = [...groups, ...products.map((source) => [source])];
    this.#library.compile(files).forEach((loaded, i) => this.#add(sources[i] as readonly Source[], loaded));
    this.compiled += all.length;
  }

  #unit(sources: readonly Source[], kind: NativeUnit["kind"]): NativeUnit {
    const text = sources.map((s) => s.text).join("\n");
    return { source: `${this.#prelude}${hostSource(text)}${text}`, kind, symbols: sources.map((s) => s.symbol) };
  }

  /** Takes over what was compiled before, with other kernels or in another process. */
  #recall(compiled: Compiled): boolean {
    const loaded = this.#library.recall(compiled.symbol, compiled.kind);
    if (loaded !== undefined) this.#add([compiled], loaded);
    return loaded !== undefined;
  }

  #add(functions: readonly Compiled[], loaded: LoadedKernels): void {
    const file = { loaded, kernels: functions.flatMap(({ keys }) => keys).length };
    functions.forEach(({ keys, symbol, kind }, i) => {
      const address = loaded.addresses[i] as number;
      for (const key of keys) this.#entries.set(key, { name: { key, symbol, kind }, address, file, users: 0 });
    });
  }
}

function keyOf(kernel: Kernel): string {
  if (kernel.kind === "conv") return convKey(kernel);
  if (kernel.kind === "attention") return attentionKey(kernel);
  return kernel.kind === "contract" ? contractKey(kernel) : kernelKey(kernel);
}

function isProduct({ kind }: Kernel): boolean {
  return kind === "contract" || kind === "conv" || kind === "attention";
}

/** Sources in files of about equal length, at least one for each core. */
function divided(sources: readonly Source[]): Source[][] {
  const count = Math.min(Math.max(availableParallelism(), Math.ceil(sources.length / mostInFile)), sources.length);
  const files = Array.from({ length: count }, () => ({ sources: [] as Source[], length: 0 }));
  const longestFirst = [...sources].sort((a, b) => b.text.length - a.text.length || (a.symbol < b.symbol ? -1 : 1));
  for (const source of longestFirst) {
    const shortest = files.reduce((least, file) => (file.length < least.length ? file : least));
    shortest.sources.push(source);
    shortest.length += source.text.length;
  }
  return files.map((file) => file.sources);
}
