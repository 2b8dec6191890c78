/** The machine of the WebAssembly device: one memory for everything, kernels as functions in one table. Floor: runtime. */
import { itemSize } from "../../base/dtype.ts";
import { internal } from "../../base/errors.ts";
import { contractArgs, contractWorkspaceBytes } from "../../codegen/wasm/contract.ts";
import { writeLoopArguments } from "../../codegen/wasm/loops.ts";
import type { ContractKernel, Kernel, Offsets } from "../../schedule/kernel.ts";
import type { ArgumentWriter } from "../cpu/commands.ts";
import type { Machine } from "../cpu/machine.ts";
import { chooseTiles, engineFeatures, engineReport } from "./features.ts";
import { Heap } from "./heap.ts";
import { Kernels } from "./kernels.ts";

export class WasmMachine implements Machine {
  readonly name = "wasm";
  readonly features: string;
  readonly wordBytes = 4;
  readonly convolutions = false;
  readonly rates = { products: 50, instructions: 6 };
  readonly memory = new Heap();
  readonly #kernels: Kernels;
  readonly #workspaceAddress: number;

  constructor() {
    const features = engineFeatures();
    const tiles = chooseTiles(features);
    this.features = `wasm ${features.fma ? "fma" : "mul+add"}`;
    this.#kernels = new Kernels(this.memory.memory, tiles);
    const workspace = Math.max(
      contractWorkspaceBytes("float32", tiles.float32),
      contractWorkspaceBytes("float64", tiles.float64),
      contractWorkspaceBytes("int32", tiles.int32),
    );
    this.#workspaceAddress = this.memory.allocate(workspace, "the workspace").address;
  }

  get compiled(): number {
    return this.#kernels.compiled;
  }

  acquire(kernels: readonly Kernel[]): { functions: readonly number[]; keys: readonly string[] } {
    const { indices, keys } = this.#kernels.acquire(kernels);
    return { functions: indices, keys };
  }

  release(keys: readonly string[]): void {
    this.#kernels.release(keys);
  }

  run(begin: number, end: number): void {
    this.#kernels.run(begin, end);
  }

  report(): string {
    return engineReport();
  }

  writeArguments(kernel: Kernel, writer: ArgumentWriter): number {
    switch (kernel.kind) {
      case "loop":
        writeLoopArguments(kernel, writer);
        return 1;
      case "sort":
        for (let i = 0; i < 3; i++) writer.address(i, 0);
        writer.word(kernel.rows);
        writer.word(kernel.length);
        return 1;
      case "contract":
        this.#writeContract(kernel, writer);
        return 1;
      case "conv":
        throw internal("a convolution that is no product");
    }
  }

  #writeContract(kernel: ContractKernel, writer: ArgumentWriter): void {
    if (kernel.batch.length > 3) throw internal("a contraction with more than three batch loops");
    const unit = itemSize[kernel.dtype];
    const stride = (o: Offsets): number => ("stride" in o ? o.stride * unit : 0);
    const loop = (i: number): { extent: number; a: number; b: number; c: number } =>
      kernel.batch[i] ?? { extent: 1, a: 0, b: 0, c: 0 };
    const [x, y, z] = [loop(0), loop(1), loop(2)];
    const args = contractArgs({
      a: 0,
      b: 0,
      c: 0,
      workspace: this.#workspaceAddress,
      m: kernel.m,
      n: kernel.n,
      k: kernel.k,
      aM: stride(kernel.aM),
      aK: stride(kernel.aK),
      bK: stride(kernel.bK),
      bN: stride(kernel.bN),
      cM: kernel.cM * unit,
      batch0: x.extent,
      batch0A: x.a * unit,
      batch0B: x.b * unit,
      batch0C: x.c * unit,
      batch1: y.extent,
      batch1A: y.a * unit,
      batch1B: y.b * unit,
      batch1C: y.c * unit,
      batch2: z.extent,
      batch2A: z.a * unit,
      batch2B: z.b * unit,
      batch2C: z.c * unit,
      reduce: kernel.fold.extent,
      reduceA: kernel.fold.a * unit,
      reduceB: kernel.fold.b * unit,
    });
    writer.address(0, kernel.aOffset * unit);
    writer.address(1, kernel.bOffset * unit);
    writer.address(2, 0);
    const offsets = [kernel.aM, kernel.aK, kernel.bK, kernel.bN];
    args.slice(3).forEach((word, i) => {
      const o = offsets[i - 4];
      if (o !== undefined && "table" in o) writer.table(o.table, unit);
      else writer.word(word);
    });
  }
}
