/**
 * What a CPU device stands on: memory, kernels made from the schedule's, and a driver that walks commands. WebAssembly
 * and machine code differ in this alone. Floor: runtime.
 */
import type { Dtype, TypedArray } from "../../base/dtype.ts";
import type { Kernel } from "../../schedule/kernel.ts";
import type { KernelPlan } from "../../schedule/plan.ts";
import type { ArgumentWriter } from "./commands.ts";

/** A piece of memory; addresses are numbers that kernels understand. */
export interface Block {
  readonly address: number;
  readonly bytes: number;
}

export interface Memory {
  /** `what` is said where there is none left. Addresses are multiples of 64. */
  allocate(bytes: number, what: string): Block;
  free(block: Block): void;
  /** Elements in place; good until the next call of `allocate`. */
  view(dtype: Dtype, address: number, size: number): TypedArray;
  /** Bytes in blocks. */
  readonly used: number;
  /** Bytes reserved from the system. */
  readonly reserved: number;
}

/** What the machine does in a nanosecond on one thread, about: only to tell work that is worth sharing. */
export interface Rates {
  /** Floating-point operations in products. */
  readonly products: number;
  /** Scalar instructions in loops. */
  readonly instructions: number;
}

export interface AcquiredKernels {
  readonly functions: readonly number[];
  readonly keys: readonly string[];
  /** Where the machine stores plans. */
  readonly names?: readonly KernelName[];
}

/** What a machine calls the code of a kernel, in this process and in others. */
export interface KernelName {
  /** Equal for kernels of equal code. */
  readonly key: string;
  /** Where the machine finds the code again. */
  readonly symbol: string;
  readonly kind: "loops" | "products";
}

/** A plan and the names of its kernels, step by step. */
export interface StoredPlan {
  readonly plan: KernelPlan;
  readonly names: readonly KernelName[];
}

/** Plans of earlier processes by the text of their programs. */
export interface PlanStore {
  find(text: string): StoredPlan | undefined;
  keep(text: string, stored: StoredPlan): void;
}

export interface Machine {
  readonly name: "wasm" | "native";
  /** Threads that share the work, the caller among them. */
  readonly threads: number;
  /** What the generated code depends on. */
  readonly features: string;
  readonly memory: Memory;
  /** Bytes of a word of a command. */
  readonly wordBytes: 4 | 8;
  readonly rates: Rates;
  /** Whether it has kernels for convolutions (schedule/conv.ts); without, they are products. */
  readonly convolutions: boolean;
  /** Whether it has kernels for attention (schedule/attention.ts); without, it is made of products and loops. */
  readonly attention: boolean;
  /** Kernels compiled so far. */
  readonly compiled: number;
  /** Where plans outlive the process. */
  readonly plans?: PlanStore;
  /**
   * Makes kernels ready: the words that stand for them in commands, and their keys. Kernels of equal key are one. Each
   * counts as used until it is released. `names` are what an earlier process called them.
   */
  acquire(kernels: readonly Kernel[], names?: readonly KernelName[]): AcquiredKernels;
  release(keys: readonly string[]): void;
  /** Writes the arguments of a kernel's command and gives its number of units. */
  writeArguments(kernel: Kernel, writer: ArgumentWriter): number;
  /** Runs the commands that lie in memory from one address to another. */
  run(begin: number, end: number): void;
  /** What runs where and how, for people: one or more lines. */
  report(): string;
}
