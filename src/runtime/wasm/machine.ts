/**
 * The machine of the WebAssembly device: one memory for everything, kernels as functions in one table, and threads that
 * help where memory can be shared. Floor: runtime.
 */
import { internal } from "../../base/errors.ts";
import { type Tile, contractWorkspaceBytes } from "../../codegen/wasm/contract/contract.ts";
import { contractOptionsOf, writeContractArguments } from "../../codegen/wasm/contract/arguments.ts";
import { driverModule } from "../../codegen/wasm/driver.ts";
import { writeLoopArguments } from "../../codegen/loop-arguments.ts";
import { laneBlockOf } from "../../codegen/wasm/loops/lane-block.ts";
import { loopUnits } from "../../schedule/split.ts";
import type { Kernel } from "../../schedule/kernel.ts";
import { rowScratchBytes } from "../../schedule/row-scratch.ts";
import type { ArgumentWriter } from "../cpu/commands.ts";
import type { Machine, Rates } from "../cpu/machine.ts";
import { operationsOf, timeOf } from "../cpu/work.ts";
import { areTilesKnown, chooseTiles, engineFeatures, engineReport } from "./features.ts";
import { Heap } from "./heap.ts";
import { Kernels, type Tiles } from "./kernels.ts";
import { Pool } from "./pool.ts";
import { fastestTile, tilesToChooseFrom } from "./tile-probe.ts";
import { type ThreadChoice, type ThreadOptions, chooseThreads } from "./threads.ts";

type Run = (begin: number, end: number, workspace: number, pool: number) => void;

/** Threads are started for a plan with a kernel that takes so long, in nanoseconds. */
const worthThreads = 100_000;
/** On engines that were not measured before, tiles are for a product of so many operations. */
const worthMeasuring = 2e7;
/** What was measured in this process. */
let measuredTile: Tile | undefined;

export interface WasmMachineOptions extends ThreadOptions {
  /** Milliseconds after which a thread that does not come back is taken for dead. Default 30,000. */
  readonly patience?: number;
  /** How fast a thread is thought to be; tests let small work seem large with it. */
  readonly rates?: Rates;
}

/** Loops: from 18 (exponentials) to 120 (what lies in the cache). */
const usualRates: Rates = { products: 55, instructions: 35 };

export class WasmMachine implements Machine {
  readonly name = "wasm";
  readonly features: string;
  readonly wordBytes = 4;
  readonly convolutions = false;
  readonly attention = false;
  readonly rates: Rates;
  readonly memory: Heap;
  /** Threads that work share, the one that runs plans among them. */
  readonly threads: number;
  readonly #choice: ThreadChoice;
  #tiles: Tiles;
  #areTilesChosen: boolean;
  readonly #kernels: Kernels;
  readonly #pool: Pool | undefined;
  readonly #workspaceBytes: number;
  readonly #workspace: number;
  readonly #run: Run;

  constructor(options: WasmMachineOptions = {}) {
    this.rates = options.rates ?? usualRates;
    const features = engineFeatures();
    this.#tiles = chooseTiles(features);
    this.#areTilesChosen = areTilesKnown();
    this.features = `wasm ${features.fma ? "fma" : "mul+add"}`;
    this.#choice = chooseThreads(options);
    this.threads = this.#choice.threads;
    const shared = this.threads > 1;
    this.memory = new Heap(64, shared);
    const { memory } = this.memory;
    this.#workspaceBytes = Math.max(
      rowScratchBytes,
      ...(["float32", "float64", "int32"] as const).map((dtype) => contractWorkspaceBytes(dtype, this.#tiles[dtype])),
      ...tilesToChooseFrom(features.fma).map((tile) => contractWorkspaceBytes("float32", tile)),
    );
    this.#workspace = this.memory.allocate(this.#workspaceBytes, "the workspace").address;
    this.#kernels = new Kernels(memory, shared, (module) => {
      if (this.#pool?.isStarted === true) this.#pool.publish(module);
    });
    const driver = driverModule({ shared });
    if (shared) {
      const { patience } = options;
      const pool = { heap: this.memory, helpers: this.threads - 1, driver, workspaceBytes: this.#workspaceBytes };
      this.#pool = new Pool({ ...pool, ...(patience === undefined ? {} : { patience }) });
    }
    const stalled = (helper: number): void => this.#pool?.stalled(helper);
    const env = { memory, table: this.#kernels.table, stalled };
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(driver), { env });
    this.#run = exports["run"] as unknown as Run;
  }

  /** Threads that take part by now. */
  get working(): number {
    return 1 + (this.#pool?.helping ?? 0);
  }

  get compiled(): number {
    return this.#kernels.compiled;
  }

  acquire(kernels: readonly Kernel[]): { functions: readonly number[]; keys: readonly string[] } {
    const pool = this.#pool;
    if (pool?.isStarted === false && kernels.some((kernel) => timeOf(kernel, this.rates) >= worthThreads)) {
      pool.start(this.#kernels.modules);
    }
    if (!this.#areTilesChosen && kernels.some((kernel) => isLargeProduct(kernel))) this.#measureTile();
    const { indices, keys } = this.#kernels.acquire(kernels, this.#tiles);
    return { functions: indices, keys };
  }

  /** Plans that were made before keep the kernels that they have. */
  #measureTile(): void {
    this.#areTilesChosen = true;
    measuredTile ??= fastestTile(this.#tiles.float32);
    this.#tiles = { ...this.#tiles, float32: measuredTile };
  }

  release(keys: readonly string[]): void {
    this.#kernels.release(keys);
  }

  run(begin: number, end: number): void {
    const pool = this.#pool;
    if (pool === undefined || !pool.isStarted) {
      this.#run(begin, end, this.#workspace, 0);
      return;
    }
    this.#run(begin, end, this.#workspace, pool.address);
    pool.check();
  }

  /** Ends the threads. */
  close(): void {
    this.#pool?.close();
  }

  report(): string {
    const { threads, reason } = this.#choice;
    const count = threads === 1 ? "one thread" : `${threads} threads`;
    const state = this.#pool?.report();
    const remarks = [reason, state].filter((text) => text !== undefined);
    const { mr, nr } = this.#tiles.float32;
    const measured = measuredTile === this.#tiles.float32 ? ", the fastest here" : "";
    return `${engineReport()}\nproducts in tiles of ${mr} × ${nr}${measured}\n${[count, ...remarks].join(": ")}`;
  }

  writeArguments(kernel: Kernel, writer: ArgumentWriter): number {
    switch (kernel.kind) {
      case "loop": {
        const laneBlock = laneBlockOf(kernel);
        writeLoopArguments(kernel, laneBlock, writer);
        return loopUnits(kernel, laneBlock);
      }
      case "sort": {
        const isLong = 4 * kernel.length > this.#workspaceBytes;
        for (let i = 0; i < 3; i++) writer.address(i, 0);
        for (const word of [kernel.rows, kernel.length, Number(isLong)]) writer.word(word);
        return isLong ? 1 : kernel.rows;
      }
      case "contract":
        return writeContractArguments(kernel, contractOptionsOf(kernel, this.#tiles), this.threads, writer);
      case "conv":
      case "attention":
        throw internal(`a kernel of kind ${kernel.kind}`);
    }
  }
}

function isLargeProduct(kernel: Kernel): boolean {
  return kernel.kind === "contract" && kernel.dtype === "float32" && operationsOf(kernel) >= worthMeasuring;
}
