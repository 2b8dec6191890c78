/**
 * How a contraction is cut into units and whether its operands are packed: numbers of the call, chosen from its shape and
 * the number of threads. None of them changes a bit of the result. Floor: codegen.
 */
import type { ContractOptions, ContractRecord, ContractSizes } from "./contract.ts";
import { laneSpellings } from "./lanes.ts";
import { blockRowsOf } from "./product.ts";

/** From so many columns of C packing A pays, and from so many rows packing B. */
const packAColumns = 96;
const packBRows = 64;

/**
 * The same when rows of k are a multiple of 4096 bytes apart: then all of them compete for the same few lines of the
 * cache.
 */
const resonanceBytes = 4096;
const packAColumnsResonant = 24;
const packBRowsResonant = 12;

/** Nanoseconds, about: of a multiplication with its addition, and of packing an element in order or by a table. */
const multiplyTime = 0.036;
const packTime = { linear: 0.4, table: 0.8 } as const;
/** A unit is no shorter than this. */
const leastTime = 15_000;
/** Units for each thread, where there is enough work. */
const unitsOfThread = 4;

/** Units of a call. */
export function contractUnits(record: ContractRecord): number {
  const { batch0 = 1, batch1 = 1, batch2 = 1, batchBlock, mBlocks, nBlocks } = record;
  return Math.ceil((batch0 * batch1 * batch2) / batchBlock) * mBlocks * nBlocks;
}

/** Chooses what a caller of the kernel may choose. */
export function withBlocks(options: ContractOptions, sizes: ContractSizes, threads = 1): ContractRecord {
  const { packsA, packsB } = packing(options, sizes);
  const { batchBlock, mBlock, nBlock } = blocks(options, sizes, threads, packsA, packsB);
  return {
    ...sizes,
    batchBlock,
    mBlock,
    nBlock,
    mBlocks: Math.ceil(sizes.m / mBlock),
    nBlocks: Math.ceil(sizes.n / nBlock),
    packsA: Number(packsA),
    packsB: Number(packsB),
  };
}

function packing(
  { dtype, tile, aM, aK, bK, bN }: ContractOptions,
  sizes: ContractSizes,
): { packsA: boolean; packsB: boolean } {
  const isResonant = (stride: number): boolean => stride % resonanceBytes === 0;
  const packsA =
    aM === "table" ||
    aK === "table" ||
    (sizes.m >= 2 * tile.mr && sizes.n >= (isResonant(sizes.aK) ? packAColumnsResonant : packAColumns));
  const packsB =
    // There is no tile for packed A and B in place.
    packsA ||
    bK === "table" ||
    bN === "table" ||
    sizes.bN !== laneSpellings[dtype].bytes ||
    sizes.m >= (isResonant(sizes.bK) ? packBRowsResonant : packBRows);
  return { packsA, packsB };
}

/** Rows and columns of a unit: those with which threads that share the units are done first. */
function blocks(
  { dtype, tile, aM, aK, bK, bN }: ContractOptions,
  { m, n, k, batch0 = 1, batch1 = 1, batch2 = 1, reduce = 1 }: ContractSizes,
  threads: number,
  packsA: boolean,
  packsB: boolean,
): { batchBlock: number; mBlock: number; nBlock: number } {
  const blockRows = blockRowsOf(dtype, tile);
  const matrices = batch0 * batch1 * batch2;
  const work = reduce * k;
  const packA = packsA ? packTime[aM === "table" || aK === "table" ? "table" : "linear"] : 0;
  const packB = packsB ? packTime[bK === "table" || bN === "table" ? "table" : "linear"] : 0;
  const total = multiplyTime * m * n * work * matrices;
  const wanted = threads === 1 ? 1 : Math.max(Math.floor(Math.min(unitsOfThread * threads, total / leastTime)), 1);
  const batchBlock = evenBlock(matrices, Math.max(Math.floor(matrices / wanted), 1), threads);
  const groups = Math.ceil(matrices / batchBlock);
  const most = Math.ceil(wanted / Math.max(groups, 1));
  let best = { batchBlock, mBlock: Math.min(blockRows, Math.max(m, 1)), nBlock: Math.max(n, 1), time: Infinity };
  for (let down = 1; down <= most; down++) {
    for (let across = 1; across * down <= most; across++) {
      const mBlock = Math.min(roundUp(m / down, tile.mr), blockRows);
      const nBlock = roundUp(n / across, tile.nr);
      const units = groups * Math.ceil(m / mBlock) * Math.ceil(n / nBlock);
      const unit = batchBlock * work * (multiplyTime * mBlock * nBlock + packA * mBlock + packB * nBlock);
      // A thread may come late, or be held up: then the others do more, in steps of a unit.
      const time = unit * (Math.ceil(units / threads) + 0.1);
      if (time < best.time) best = { batchBlock, mBlock, nBlock, time };
    }
  }
  return best;
}

/** A block of matrices, somewhat smaller than `most` where all threads then have as much to do. */
function evenBlock(matrices: number, most: number, threads: number): number {
  const longest = (block: number): number => block * Math.ceil(Math.ceil(matrices / block) / threads);
  let best = most;
  for (let block = most - 1; 2 * block > most; block--) if (longest(block) < longest(best)) best = block;
  return best;
}

function roundUp(value: number, unit: number): number {
  return Math.max(Math.ceil(value / unit), 1) * unit;
}
