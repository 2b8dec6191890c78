/**
 * What is decided about a contraction before its C code runs: how its axes are read, which operand is packed, and the
 * blocks that are its units of work. All of it follows from shapes and places alone. Floor: codegen.
 */
import { internal } from "../../base/errors.ts";
import type { ContractKernel, Offsets } from "../../schedule/kernel.ts";
import { lineGap, type OffsetMode, type PanelPack, panelPacks } from "./contract-pack.ts";
import { type ContractDtype, type RowForm, type TileShape, tileShape } from "./contract-tile.ts";
import type { CTarget } from "./target.ts";

/** What the code of a contraction depends on, beside the target. */
export interface ContractModes {
  readonly dtype: ContractDtype;
  readonly aM: OffsetMode;
  readonly aK: OffsetMode;
  readonly bK: OffsetMode;
  readonly bN: OffsetMode;
}

/** Longest run of k that is summed before it is added to C. A change of it changes the bits of results. */
const longestSum = 256;
/** Blocks of k are multiples of this: whole vectors on every target. */
const sumStep = 16;

/** Most rows of a packed block of A. */
const mostPackedRows = 520;

/** A kernel as the code runs it: a column of C is computed as a row, and axes of one element have a stride that suits. */
export interface NormalContract extends ContractKernel {
  readonly modes: ContractModes;
  /** Numbers of the buffers of A and B. */
  readonly aBuffer: 0 | 1;
  readonly bBuffer: 0 | 1;
}

export function normalContract(kernel: ContractKernel): NormalContract {
  const { dtype } = kernel;
  if (dtype !== "float32" && dtype !== "float64" && dtype !== "int32") throw internal(`a contraction of ${dtype}`);
  if (kernel.batch.length > 3) throw internal("a contraction with more than three batch loops");
  const isSwapped = kernel.n === 1 && kernel.cM === 1 && kernel.m > 1;
  const k: ContractKernel = isSwapped ? swapped(kernel) : kernel;
  // Of an axis of one element any stride will do: one that lets the other be read in vectors.
  let aM = k.m === 1 ? { stride: k.k } : k.aM;
  let aK = k.k === 1 && !isUnit(aM) ? { stride: 1 } : k.aK;
  if (k.k === 1 && k.m === 1) [aM, aK] = [{ stride: 0 }, { stride: 1 }];
  const bN = k.n === 1 && !isUnit(k.bK) ? { stride: 1 } : k.bN;
  const bK = k.k === 1 && !isUnit(bN) ? { stride: 1 } : k.bK;
  return {
    ...k,
    aM,
    aK,
    bK,
    bN,
    modes: { dtype, aM: modeOf(aM), aK: modeOf(aK), bK: modeOf(bK), bN: modeOf(bN) },
    aBuffer: isSwapped ? 1 : 0,
    bBuffer: isSwapped ? 0 : 1,
  };
}

function swapped(kernel: ContractKernel): ContractKernel {
  const { aOffset, bOffset, aM, aK, bK, bN, m, n, batch, fold } = kernel;
  return {
    ...kernel,
    m: n,
    n: m,
    aOffset: bOffset,
    bOffset: aOffset,
    aM: bN,
    aK: bK,
    bK: aK,
    bN: aM,
    cM: m,
    batch: batch.map(({ extent, a, b, c }) => ({ extent, a: b, b: a, c })),
    fold: { extent: fold.extent, a: fold.b, b: fold.a },
  };
}

function isUnit(offsets: Offsets): boolean {
  return "stride" in offsets && offsets.stride === 1;
}

function modeOf(offsets: Offsets): OffsetMode {
  return "table" in offsets ? "table" : offsets.stride === 1 ? "unit" : "linear";
}

/** Rows of A that lie side by side are read as columns unless they are lines too. */
export function rowForm({ aM, aK }: ContractModes): RowForm {
  return aM === "unit" && aK !== "unit" ? "columns" : "lines";
}

/** Whether the tiles can read A where it lies. */
export function readsRowsInPlace(modes: ContractModes): boolean {
  return rowForm(modes) === "columns" ? modes.aK === "linear" : modes.aK === "unit" && modes.aM !== "table";
}

export function readsPanelsInPlace({ bK, bN }: ContractModes): boolean {
  return bN === "unit" && bK !== "table";
}

export interface ContractPlan {
  /** Units of the kernel's range. */
  readonly units: number;
  /** Length of a block of k, of m and of n. */
  readonly kStep: number;
  readonly mStep: number;
  readonly nStep: number;
  readonly packsRows: boolean;
  /** How B is packed, or null where it is read in place. */
  readonly panelPack: PanelPack | null;
}

export function planContract(kernel: NormalContract, target: CTarget): ContractPlan {
  const { m, n, k, modes } = kernel;
  const shape = tileShape(target, modes.dtype);
  const kBlocks = Math.max(Math.ceil(k / longestSum), 1);
  const kStep = Math.max(roundUp(Math.ceil(k / kBlocks), sumStep), sumStep);
  const batches = kernel.batch.reduce((count, { extent }) => count * extent, 1);
  const packsRows = !readsRowsInPlace(modes) || (m >= 256 && n >= 256 && m * k * shape.bytes > 2 ** 20);
  const mBlocks = Math.max(Math.ceil(m / 256), 1);
  const mStep = Math.max(roundUp(Math.ceil(m / mBlocks), shape.rows), shape.rows);
  const panels = Math.max(Math.ceil(n / shape.columns), 1);
  const wanted = Math.ceil(16 / Math.max(batches * mBlocks, 1));
  const nStep = Math.min(Math.max(Math.floor(panels / wanted), 1), packsRows ? 16 : 8) * shape.columns;
  const panelPack = readsPanelsInPlace(modes) && mStep < 96 ? null : choosePanelPack(kernel, shape);
  const units = batches * Math.ceil(m / mStep) * Math.ceil(n / nStep);
  return { units, kStep, mStep, nStep, packsRows, panelPack };
}

function choosePanelPack({ modes, bK, bN }: NormalContract, shape: TileShape): PanelPack {
  const packs = panelPacks(modes.bK, modes.bN);
  if (packs.length === 1) return packs[0] as PanelPack;
  const along = { copy: runLength(bN), transpose: runLength(bK), gather: 0 };
  const { lanes } = shape;
  // Cycles for an element, about.
  const cost = (pack: PanelPack): number =>
    pack === "gather" ? 1 : pack === "copy" ? 1.5 / Math.min(along.copy, lanes) : 3 / Math.min(along.transpose, lanes);
  return packs.reduce((best, pack) => (cost(pack) < cost(best) ? pack : best));
}

/** How many elements follow each other in memory, on average. */
function runLength(offsets: Offsets): number {
  if ("stride" in offsets) return offsets.stride === 1 ? Number.POSITIVE_INFINITY : 1;
  let runs = 1;
  const { table } = offsets;
  for (let i = 1; i < table.length; i++) if (table[i] !== (table[i - 1] as number) + 1) runs++;
  return table.length / runs;
}

export function roundUp(count: number, step: number): number {
  return Math.ceil(count / step) * step;
}

/** Where the parts of the workspace start, and its size, in bytes. */
export function workspaceLayout(shape: TileShape): { panel: number; scratch: number; bytes: number } {
  const { bytes, lanes, vectorBytes, rows, columns } = shape;
  const panel = roundUp(mostPackedRows * (longestSum * bytes + lineGap) + vectorBytes, 64);
  // Transposing writes whole squares, and copying whole vectors.
  const scratch = panel + (longestSum + lanes) * columns * bytes + vectorBytes;
  return { panel, scratch, bytes: roundUp(scratch + Math.max(rows, 4) * columns * bytes, 64) };
}
