/** The machine of the native device: kernels in C, made by the host's compiler. Floor: runtime; Node only. */
import { attentionWorkspaceBytes, writeAttentionArguments } from "../../../codegen/c/attention/attention.ts";
import { contractWorkspaceBytes, writeContractArguments } from "../../../codegen/c/contract/contract.ts";
import { convWorkspaceBytes, writeConvArguments } from "../../../codegen/c/conv/conv.ts";
import { laneBlockOf } from "../../../codegen/c/loops/arguments.ts";
import { loopWorkspaceBytes } from "../../../codegen/c/loops/folds.ts";
import { sortUnits, writeSortArguments } from "../../../codegen/c/sort.ts";
import type { CTarget } from "../../../codegen/c/target.ts";
import { writeLoopArguments } from "../../../codegen/loop-arguments.ts";
import type { Kernel } from "../../../schedule/kernel.ts";
import { loopUnits } from "../../../schedule/split.ts";
import type { ArgumentWriter } from "../../cpu/commands.ts";
import { CpuDevice, type CpuDeviceOptions } from "../../cpu/device.ts";
import type { AcquiredKernels, KernelName, Machine, PlanStore } from "../../cpu/machine.ts";
import { WasmMachine } from "../../wasm/machine.ts";
import { CompileError } from "./compile.ts";
import { NativeKernels } from "./kernels.ts";
import { type NativeLibrary, type NativeOptions, startNative } from "./library.ts";
import { NativeMemory } from "./memory.ts";
import { NativePlanStore } from "./plan-store.ts";

export class NativeMachine implements Machine {
  readonly name = "native";
  readonly features: string;
  readonly wordBytes = 8;
  readonly convolutions = true;
  readonly attention = true;
  readonly rates = { products: 150, instructions: 40 };
  readonly memory: NativeMemory;
  readonly plans: PlanStore;
  readonly #library: NativeLibrary;
  readonly #target: CTarget;
  readonly #kernels: NativeKernels;

  constructor(library: NativeLibrary) {
    this.#library = library;
    this.#target = library.toolchain.target;
    this.features = `native ${this.#target.isa}`;
    this.memory = new NativeMemory(library);
    this.#kernels = new NativeKernels(library);
    this.plans = new NativePlanStore(library.cache, JSON.stringify(library.toolchain));
    library.workspaceBytes = Math.max(
      contractWorkspaceBytes(this.#target),
      convWorkspaceBytes(this.#target),
      attentionWorkspaceBytes(this.#target),
      loopWorkspaceBytes,
    );
  }

  get threads(): number {
    return this.#library.threads;
  }

  get compiled(): number {
    return this.#kernels.compiled;
  }

  acquire(kernels: readonly Kernel[], names?: readonly KernelName[]): AcquiredKernels {
    return this.#kernels.acquire(kernels, names);
  }

  release(keys: readonly string[]): void {
    this.#kernels.release(keys);
  }

  writeArguments(kernel: Kernel, writer: ArgumentWriter): number {
    switch (kernel.kind) {
      case "loop": {
        const laneBlock = laneBlockOf(kernel);
        writeLoopArguments(kernel, laneBlock, writer);
        return loopUnits(kernel, laneBlock);
      }
      case "sort":
        writeSortArguments(kernel, writer);
        return sortUnits(kernel);
      case "contract":
        return writeContractArguments(kernel, this.#target, writer);
      case "conv":
        return writeConvArguments(kernel, this.#target, writer);
      case "attention":
        return writeAttentionArguments(kernel, writer);
    }
  }

  run(begin: number, end: number): void {
    this.#library.run(begin, end);
  }

  report(): string {
    return this.#library.report();
  }
}

/** The native device, or why this host has none, in one line. */
export function startNativeDevice(options: NativeOptions & CpuDeviceOptions = {}): CpuDevice | string {
  const started = startNative(options);
  if ("reason" in started) return started.reason;
  const instead = (error: unknown) => (error instanceof CompileError ? new WasmMachine() : undefined);
  return new CpuDevice(new NativeMachine(started.library), { instead, ...options });
}
