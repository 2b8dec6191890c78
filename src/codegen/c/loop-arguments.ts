/**
 * The arguments of a loop kernel in C, 64 bits each: the extent of each loop; the elements of a lane block (lanes along
 * only); then for each access its start (an address, a count, or bytes from the start of the workspace) and one step for
 * each loop (bytes for memory, counts for an index), and the extent and step of a chosen dim; then the address of the fault words [1 if there is one, index, extent]; last the
 * numbers of the call.
 *
 * And its units, which threads share: with lanes across, an index of the outer loops; with lanes along, an index of the
 * outer loops and a lane block. A kernel that adds at chosen places keeps its rows together. Floor: codegen.
 */
import { type Dtype, itemSize } from "../../base/dtype.ts";
import { type Access, type LoopKernel, counting, laneLoop, laneStep } from "../../schedule/kernel.ts";

/** Takes the arguments of one kernel, in their order. */
export interface LoopArgumentWriter {
  word(value: number): void;
  /** The address of a buffer of the kernel, plus some bytes. */
  address(buffer: number, addend: number): void;
  /** A number of the call, its bits in front. */
  number(dtype: Dtype, value: number): void;
  /** The address of the fault words. */
  fault(): void;
}

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

export function writeLoopArguments(kernel: LoopKernel, laneBlock: number, writer: LoopArgumentWriter): void {
  for (const extent of kernel.extents) writer.word(extent);
  if (kernel.lanes === "along") writer.word(laneBlock);
  for (const access of kernel.accesses) {
    const unit = access.buffer === counting ? 1 : itemSize[access.dtype];
    if (access.buffer < 0) writer.word(access.offset * unit);
    else writer.address(access.buffer, access.offset * unit);
    for (const stride of access.strides) writer.word(stride * unit);
    writer.word(access.indirect?.size ?? 0);
    writer.word((access.indirect?.stride ?? 0) * unit);
  }
  writer.fault();
  for (const { dtype, value } of kernel.numbers) writer.number(dtype, value);
}

export function loopUnits(kernel: LoopKernel, laneBlock: number): number {
  const outer = outerExtent(kernel);
  if (kernel.lanes === "across") return outer;
  const blocks = Math.ceil((kernel.extents[laneLoop(kernel)] as number) / laneBlock);
  if (!addsAtChosen(kernel)) return outer * blocks;
  return lanesAreApart(kernel) ? blocks : 1;
}

/** Whether a kernel adds at places that an index chooses. */
export function addsAtChosen(kernel: LoopKernel): boolean {
  return kernel.levels.some((level) =>
    [...level.row, ...level.loop].some((s) => s.kind === "store" && s.index !== undefined),
  );
}

/** Of a kernel that adds at chosen places: whether different lanes reach different elements. */
export function lanesAreApart(kernel: LoopKernel): boolean {
  return kernel.levels.every((level) =>
    [...level.row, ...level.loop].every(
      (s) =>
        s.kind !== "store" || s.index === undefined || laneStep(kernel, kernel.accesses[s.access] as Access) !== "same",
    ),
  );
}

/**
 * Whether units walk rows within a lane block rather than blocks within a row: where lanes are far apart in memory, the
 * next row is what lies beside them.
 */
export function isTiled(kernel: LoopKernel): boolean {
  if (kernel.lanes === "across" || kernel.inner > 0 || kernel.outer === 0 || addsAtChosen(kernel)) return false;
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
