/**
 * Kernels as data: what a target's code generator spells. A loop kernel is a nest of loops around scalar statements;
 * extents and strides are numbers of the call, not of the code, so that new sizes need no new code. Floor: schedule.
 */
import type { Dtype } from "../base/dtype.ts";
import { internal } from "../base/errors.ts";
import type { Scalar } from "../ir/scalar.ts";
import type { AttentionKernel } from "./attention.ts";
import type { ConvKernel } from "./conv.ts";

/** How an access moves from one lane to the next. */
export type LaneStep = "same" | "next" | "other";

/**
 * One way of reading or writing a buffer, or of counting. Loops are numbered: outer loops first, then the lane
 * loop of an "along" kernel, then the inner loops; of an "across" kernel the last inner loop is the lane loop.
 */
export interface Access {
  /** Number of the buffer among the kernel's buffers, or one of the two below. */
  readonly buffer: number;
  readonly dtype: Dtype;
  /** In elements, from the start of the buffer or of the workspace. */
  readonly offset: number;
  /** In elements, for each loop. */
  readonly strides: readonly number[];
  /** For places that a computed index chooses: extent and stride of the dim. */
  readonly indirect?: { readonly size: number; readonly stride: number };
}

/** Instead of a buffer: counting, an index without memory. */
export const counting = -1;
/** Instead of a buffer: the workspace of the thread, which keeps elements of one row; see row-scratch.ts. */
export const rowScratch = -2;

export type Fold = "sum" | "prod" | "max" | "min" | "argmax" | "argmin";

export type Statement =
  | {
      readonly kind: "store";
      readonly access: number;
      readonly value: Scalar;
      /** Of a chosen place: add instead of replace. */
      readonly index?: Scalar;
    }
  | {
      readonly kind: "fold";
      readonly fold: Fold;
      /** Number of the accumulator; its result is read by a `load` named "row". */
      readonly accumulator: number;
      readonly dtype: Dtype;
      readonly value: Scalar;
      /** Of argmax and argmin: the position. */
      readonly position?: Scalar;
      /** The accumulator is read while it runs (a scan): elements go one by one, in order. */
      readonly running?: boolean;
    };

/**
 * For each index of the outer loops: level by level, first the row statements of the level (once for a row), then
 * its loop statements (for each index of the inner loops). Accumulators of a level are ready at the next one.
 */
export interface Level {
  readonly row: readonly Statement[];
  readonly loop: readonly Statement[];
  /** In this level these computations are read from memory instead: they were stored at a level before. */
  readonly reload: ReadonlyMap<Scalar, Scalar>;
}

export interface LoopKernel {
  readonly kind: "loop";
  /** Where the lanes of a vector lie: along the last kept dim, or across the elements that are folded. */
  readonly lanes: "along" | "across";
  /** Number of outer loops, without the lane loop of an "along" kernel. */
  readonly outer: number;
  /** Number of inner loops, with the lane loop of an "across" kernel. */
  readonly inner: number;
  readonly extents: readonly number[];
  readonly accesses: readonly Access[];
  /** Numbers of the call: a batch size by which a mean divides is no part of the code. */
  readonly numbers: readonly { readonly dtype: Dtype; readonly value: number }[];
  readonly levels: readonly Level[];
}

/** An offset of an operand of a contraction: a stride, or a table of places for an index over several dims. */
export type Offsets = { readonly stride: number } | { readonly table: Int32Array };

/** C[batch, m, n] = Σ A[batch, m, k] · B[batch, k, n]; strides in elements. */
export interface ContractKernel {
  readonly kind: "contract";
  readonly dtype: Dtype;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly aOffset: number;
  readonly bOffset: number;
  readonly aM: Offsets;
  readonly aK: Offsets;
  readonly bK: Offsets;
  readonly bN: Offsets;
  readonly cM: number;
  /** Up to three loops: extent and the strides of A, B and C. */
  readonly batch: readonly { readonly extent: number; readonly a: number; readonly b: number; readonly c: number }[];
  /** A loop outside of k that adds to the same C. */
  readonly fold: { readonly extent: number; readonly a: number; readonly b: number };
}

/**
 * A and B exchanged. A single column of C that is contiguous in memory is computed as a row: a column would fill one lane
 * of each vector, a row fills all. The products and their order are the same.
 */
export function exchanged(kernel: ContractKernel): ContractKernel {
  const { m, n, aM, aK, bK, bN, aOffset, bOffset, batch, fold } = kernel;
  return {
    ...kernel,
    m: n,
    n: m,
    cM: m,
    aM: bN,
    aK: bK,
    bK: aK,
    bN: aM,
    aOffset: bOffset,
    bOffset: aOffset,
    batch: batch.map((loop) => ({ ...loop, a: loop.b, b: loop.a })),
    fold: { ...fold, a: fold.b, b: fold.a },
  };
}

/** Positions that sort each row. */
export interface SortKernel {
  readonly kind: "sort";
  readonly dtype: Dtype;
  readonly rows: number;
  readonly length: number;
  readonly descending: boolean;
}

export type Kernel = LoopKernel | ContractKernel | SortKernel | ConvKernel | AttentionKernel;

export function laneStep(kernel: LoopKernel, access: Access): LaneStep {
  const step = access.strides[laneLoop(kernel)] ?? 0;
  return step === 0 ? "same" : step === 1 ? "next" : "other";
}

/** The number of the loop that lanes walk. */
export function laneLoop(kernel: LoopKernel): number {
  return kernel.lanes === "along" ? kernel.outer : kernel.extents.length - 1;
}

const keys = new WeakMap<Kernel, string>();

/** The computations that a statement starts from. */
export function scalarsOf(s: Statement): Scalar[] {
  const second = s.kind === "store" ? s.index : s.position;
  return second === undefined ? [s.value] : [s.value, second];
}

/** Accesses that statements read, or count with; `reload` says what is read back instead of being computed again. */
export function loadsOf(statements: readonly Statement[], reload: Level["reload"]): number[] {
  const found = new Set<number>();
  const seen = new Set<Scalar>();
  const visit = (given: Scalar): void => {
    const s = reload.get(given) ?? given;
    if (seen.has(s)) return;
    seen.add(s);
    if ((s.instruction === "load" && s.name !== "row") || s.instruction === "index") found.add(s.value);
    s.args.forEach(visit);
  };
  statements.flatMap(scalarsOf).forEach(visit);
  return [...found];
}

/** Accesses that statements use. */
export function accessesOf(statements: readonly Statement[], reload: Level["reload"]): number[] {
  const stores = statements.flatMap((s) => (s.kind === "store" ? [s.access] : []));
  return [...new Set([...loadsOf(statements, reload), ...stores])];
}

/**
 * The largest computations of statements that are the same in all lanes, in the order in which they come. `isFixed` says
 * it of an instruction, its operands left out.
 */
export function fixedScalars(
  statements: readonly Statement[],
  reload: Level["reload"],
  isFixed: (s: Scalar) => boolean,
): Scalar[] {
  const known = new Map<Scalar, boolean>();
  const isAllFixed = (given: Scalar): boolean => {
    const s = reload.get(given) ?? given;
    let answer = known.get(s);
    if (answer === undefined) {
      answer = isFixed(s) && s.args.every(isAllFixed);
      known.set(s, answer);
    }
    return answer;
  };
  const found: Scalar[] = [];
  const seen = new Set<Scalar>();
  const visit = (given: Scalar): void => {
    const s = reload.get(given) ?? given;
    if (seen.has(s)) return;
    seen.add(s);
    if (!isAllFixed(s)) s.args.forEach(visit);
    else if (s.instruction !== "const" && s.name !== "row") found.push(s);
  };
  statements.flatMap(scalarsOf).forEach(visit);
  return found;
}

/** Whether something holds of a computation and of all that it is made of; `known` remembers, as parts are shared. */
export function holdsThroughout(s: Scalar, holds: (s: Scalar) => boolean, known: Map<Scalar, boolean>): boolean {
  let answer = known.get(s);
  if (answer === undefined) {
    answer = holds(s) && s.args.every((arg) => holdsThroughout(arg, holds, known));
    known.set(s, answer);
  }
  return answer;
}

/** Whether a kernel holds float64 anywhere: a vector then has half as many lanes. */
export function holdsFloat64(kernel: LoopKernel): boolean {
  const seen = new Set<Scalar>();
  const isWide = (s: Scalar): boolean => {
    if (seen.has(s)) return false;
    seen.add(s);
    return s.dtype === "float64" || s.args.some(isWide);
  };
  return (
    kernel.accesses.some((a) => a.dtype === "float64") ||
    kernel.levels.some((l) => [...l.row, ...l.loop].some((s) => scalarsOf(s).some(isWide)))
  );
}

/** Text that is equal for kernels with equal code: everything but extents, offsets and strides. */
export function kernelKey(kernel: Kernel): string {
  // The kernels of a loop come again and again.
  const key = keys.get(kernel) ?? makeKey(kernel);
  keys.set(kernel, key);
  return key;
}

function makeKey(kernel: Kernel): string {
  if (kernel.kind === "conv" || kernel.kind === "attention") {
    throw internal(`code of kind ${kernel.kind} has keys of its own`);
  }
  if (kernel.kind === "sort") return `sort ${kernel.dtype} ${kernel.descending}`;
  if (kernel.kind === "contract") {
    const modes = [kernel.aM, kernel.aK, kernel.bK, kernel.bN].map((o) => ("table" in o ? "t" : "s"));
    return `contract ${kernel.dtype} ${modes.join("")}`;
  }
  const known = new Map<Scalar, number>();
  const lines: string[] = [];
  const text = (s: Scalar): number => {
    const seen = known.get(s);
    if (seen !== undefined) return seen;
    const args = s.args.map(text);
    const number = known.size;
    known.set(s, number);
    lines.push(`${s.instruction} ${s.dtype} ${args.join(",")} ${Object.is(s.value, -0) ? "-0" : s.value} ${s.name}`);
    return number;
  };
  const statement = (s: Statement): string =>
    s.kind === "store"
      ? `store ${s.access} ${text(s.value)} ${s.index === undefined ? "" : text(s.index)}`
      : `${s.fold} ${s.accumulator} ${s.dtype} ${text(s.value)} ${s.position === undefined ? "" : text(s.position)} ${s.running ?? false}`;
  const levels = kernel.levels.map((level) => {
    const reload = [...level.reload].map(([from, to]) => `${text(from)}=${text(to)}`).join(" ");
    return `row ${level.row.map(statement).join(";")} loop ${level.loop.map(statement).join(";")} reload ${reload}`;
  });
  const accesses = kernel.accesses.map(
    (a) => `${a.buffer} ${a.dtype} ${laneStep(kernel, a)} ${a.indirect === undefined ? "" : "chosen"}`,
  );
  return [`loop ${kernel.lanes} ${kernel.outer} ${kernel.inner}`, ...accesses, ...lines, ...levels].join("\n");
}
