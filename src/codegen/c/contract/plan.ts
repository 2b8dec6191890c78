/**
 * What is decided about a contraction before its C code runs: how its axes are read, which operand is packed, and the
 * blocks that are its units of work. All of it follows from shapes and places alone. Floor: codegen.
 */
import { internal } from "../../../base/errors.ts";
import { type ContractKernel, type Offsets, exchanged } from "../../../schedule/kernel.ts";
import { lineGap, type OffsetMode, type PanelPack, panelPacks } from "./pack.ts";
import { type ContractDtype, type RowForm, type TileShape, tileShape } from "./tile.ts";
import type { CTarget } from "../target.ts";

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

/** Most rows of a packed block of A, and what rounding to whole tiles adds. */
const mostPackedRows = 256 + 8;

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
  const k: ContractKernel = isSwapped ? exchanged(kernel) : kernel;
  // Of an axis of one element any stride will do: one of which there is code already.
  const aK = k.k === 1 ? { stride: 1 } : k.aK;
  const aM = k.m === 1 ? { stride: isUnit(aK) ? 0 : 1 } : k.aM;
  const bN = k.n === 1 ? { stride: 1 } : k.bN;
  const bK = k.k === 1 ? { stride: isUnit(bN) ? 0 : 1 } : k.bK;
  // Lines of A, and rows of B, that lie side by side are as good as any others.
  const modes = {
    dtype,
    aM: modeOf(aM, !isUnit(aK)),
    aK: modeOf(aK),
    bK: modeOf(bK, !isUnit(bN)),
    bN: modeOf(bN),
  };
  return { ...k, aM, aK, bK, bN, modes, aBuffer: isSwapped ? 1 : 0, bBuffer: isSwapped ? 0 : 1 };
}

function isUnit(offsets: Offsets): boolean {
  return "stride" in offsets && offsets.stride === 1;
}

function modeOf(offsets: Offsets, minds = true): OffsetMode {
  return "table" in offsets ? "table" : minds && offsets.stride === 1 ? "unit" : "linear";
}

/** Rows of A that lie side by side are read as columns; of lines only one of the two axes is "unit". */
export function rowForm({ aM }: ContractModes): RowForm {
  return aM === "unit" ? "columns" : "lines";
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

/** Rows of the operands that are so far apart, in bytes, lie on pages of their own, and often compete for cache lines. */
const farApart = 4096;
/** From so many rows of a block packing of B pays, and from so many columns packing of A. */
const packPanelRows = 64;
const packRowsColumns = 128;

/** Units that a kernel should have where it has work for them: enough for some threads to share evenly. */
const wantedUnits = 16;
/** The same of blocks of rows that each turn B over again. */
const wantedTurningUnits = 8;
/** Products and sums that are worth a unit. */
const leastWork = 2 ** 17;
/** Rows of a block where packing B costs nothing, and where it does. */
const leastRows = { inPlace: 32, packed: 64 };

export function planContract(kernel: NormalContract, target: CTarget): ContractPlan {
  const { m, n, k, modes } = kernel;
  const shape = tileShape(target, modes.dtype);
  const kBlocks = Math.max(Math.ceil(k / longestSum), 1);
  const kStep = Math.max(roundUp(Math.ceil(k / kBlocks), sumStep), sumStep);
  const isFar = (offsets: Offsets): boolean => "stride" in offsets && offsets.stride * shape.bytes >= farApart;
  const isLines = rowForm(modes) === "lines";
  const packsRows = !readsRowsInPlace(modes) || (!isLines && isFar(kernel.aK) && n >= packRowsColumns);
  const mustPack = !readsPanelsInPlace(modes);
  const packsPanels = mustPack || ((!isLines || isFar(kernel.bK)) && m >= packPanelRows);

  const batches = kernel.batch.reduce((count, { extent }) => count * extent, 1);
  const mBlocks = Math.max(Math.ceil(m / (packsRows || !packsPanels ? 256 : 512)), 1);
  let mStep = Math.max(roundUp(Math.ceil(m / mBlocks), shape.rows), shape.rows);
  const panels = Math.max(Math.ceil(n / shape.columns), 1);
  const most = Math.ceil((packsRows ? 1024 : 256) / shape.columns);
  let nStep = Math.ceil(panels / Math.ceil(panels / most)) * shape.columns;
  const units = (): number => batches * Math.ceil(m / mStep) * Math.ceil(n / nStep);
  // The rows of a tile take about as long as one row.
  const work = (): number => Math.max(Math.min(m, mStep), shape.rows) * Math.min(n, nStep) * k * kernel.fold.extent;
  const isWorthMore = (wanted: number): boolean => units() < wanted && work() >= 2 * leastWork;
  const leastColumns = packsRows ? packRowsColumns : shape.columns;
  while (nStep > leastColumns && isWorthMore(wantedUnits)) nStep = roundUp(nStep / 2, shape.columns);
  const wanted = mustPack ? wantedTurningUnits : wantedUnits;
  const least = packsPanels ? leastRows.packed : leastRows.inPlace;
  while (mStep > least && isWorthMore(wanted)) {
    const enough = (m * batches * Math.ceil(n / nStep)) / wanted;
    const next = roundUp(Math.max(mStep / 2, enough), shape.rows);
    if (next === mStep) break;
    mStep = next;
  }
  // Few rows are no longer worth packing a B that is near.
  const inPlace = !packsPanels || (!mustPack && !isFar(kernel.bK) && mStep < packPanelRows);
  return {
    units: units(),
    kStep,
    mStep,
    nStep,
    packsRows,
    panelPack: inPlace ? null : choosePanelPack(kernel, shape),
  };
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

/** How many elements follow each other in memory, on average; half as many where they are two apart. */
function runLength(offsets: Offsets): number {
  if ("stride" in offsets) return offsets.stride === 1 ? Number.POSITIVE_INFINITY : 1;
  const { table } = offsets;
  let runs = 1;
  let step = 0;
  let isSecond = 0;
  for (let i = 1; i < table.length; i++) {
    const distance = (table[i] as number) - (table[i - 1] as number);
    if (distance === step) continue;
    // The first distance of a run is its step.
    if (step === 0 && (distance === 1 || distance === 2)) {
      step = distance;
      if (distance === 2) isSecond++;
    } else {
      runs++;
      step = 0;
    }
  }
  return table.length / (runs + isSecond);
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
