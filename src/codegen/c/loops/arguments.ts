/**
 * How many lanes of a loop kernel are one unit of work in C, and where the words of its arguments stand
 * (codegen/loop-arguments.ts), 64 bits each. Floor: codegen.
 */
import { type LoopKernel, laneLoop, laneStep } from "../../../schedule/kernel.ts";
import { scatters } from "../../../schedule/split.ts";

/** Lanes of a block where each lane is one piece of work, and where lanes are far apart in memory. */
const flatBlock = 4096;
const tileBlock = 32;
/** Lanes of a block of columns: at least, so that rows are read in pieces that pay; and at most. */
const narrowColumns = 256;
const wideColumns = 1024;
/** Blocks of columns that threads may share, if the columns are enough. */
const columnBlocks = 4;

/** The lane block that suits a kernel. */
export function laneBlockOf(kernel: LoopKernel): number {
  if (kernel.inner === 0) return isTiled(kernel) ? tileBlock : flatBlock;
  // What several levels read should still be in the cache.
  if (kernel.levels.some((level, i) => i > 0 && level.loop.length > 0)) return narrowColumns;
  const lanes = kernel.extents[laneLoop(kernel)] as number;
  const outer = outerExtent(kernel);
  const share = (lanes * Math.min(outer, columnBlocks)) / columnBlocks;
  return Math.min(Math.max(Math.ceil(share / 64) * 64, narrowColumns), wideColumns);
}

function outerExtent(kernel: LoopKernel): number {
  return kernel.extents.slice(0, kernel.outer).reduce((n, extent) => n * extent, 1);
}

/**
 * Whether units walk rows within a lane block rather than blocks within a row: where lanes are far apart in memory, the
 * next row is what lies beside them.
 */
export function isTiled(kernel: LoopKernel): boolean {
  if (kernel.lanes === "across" || kernel.inner > 0 || kernel.outer === 0 || scatters(kernel)) return false;
  return kernel.accesses.some((a) => a.buffer >= 0 && laneStep(kernel, a) === "other");
}

/** Where the words of a kernel stand among its arguments. */
export class LoopWords {
  readonly #loops: number;
  readonly #first: number;
  readonly #accesses: number;

  constructor(kernel: LoopKernel) {
    this.#loops = kernel.extents.length;
    this.#first = this.#loops + (kernel.lanes === "along" ? 1 : 0);
    this.#accesses = kernel.accesses.length;
  }

  extent(loop: number): number {
    return loop;
  }

  get laneBlock(): number {
    return this.#loops;
  }

  start(access: number): number {
    return this.#first + access * (this.#loops + 3);
  }

  step(access: number, loop: number): number {
    return this.start(access) + 1 + loop;
  }

  /** Extent and step of the chosen dim. */
  dim(access: number): number {
    return this.start(access) + 1 + this.#loops;
  }

  get fault(): number {
    return this.start(this.#accesses);
  }

  number(place: number): number {
    return this.fault + 1 + place;
  }
}
