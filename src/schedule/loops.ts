/**
 * The order of loops: which are outer, which carry the lanes, which are folded; neighbours that walk memory as one
 * loop are made one. The order of every sum is decided here, by shapes alone. Floor: schedule.
 */
import type { Scalar } from "../ir/scalar.ts";
import { type Affine, CannotFuse } from "./affine.ts";
import type { Access, Level, LoopKernel, Statement } from "./kernel.ts";

export interface Unarranged {
  /** Loops in the order of the space. */
  readonly extents: readonly number[];
  /** Loops that are folded. */
  readonly reduced: readonly number[];
  /** Loops of each dim of the space. */
  readonly dims: readonly (readonly number[])[];
  readonly reducedDims: readonly number[];
  readonly statements: readonly { readonly level: number; readonly row: boolean; readonly statement: Statement }[];
  readonly reloads: readonly { readonly from: Scalar; readonly to: Scalar; readonly level: number }[];
  readonly numbers: LoopKernel["numbers"];
  readonly accesses: readonly (Omit<Access, "offset" | "strides"> & { readonly at: Affine })[];
}

export function arrange(from: Unarranged): LoopKernel {
  const isReduced = from.extents.map((_, loop) => from.reduced.includes(loop));
  const last = from.extents.length - 1;
  const lanes = last >= 0 && isReduced[last] === true ? "across" : "along";
  const kept = from.extents.map((_, loop) => loop).filter((loop) => isReduced[loop] !== true);
  const folded = from.extents.map((_, loop) => loop).filter((loop) => isReduced[loop] === true);
  // A kernel needs a lane loop even for a single element.
  const keptRuns = merge(kept, from);
  const foldedRuns = merge(folded, from);
  // Positions are found one by one, in any number of loops.
  const adds = from.statements.some(({ statement: s }) => s.kind === "fold" && s.position === undefined);
  if (lanes === "across" && adds) checkOrder(from, foldedRuns);
  checkWidth(from);
  if (lanes === "along" && keptRuns.length === 0) keptRuns.push([]);
  const outer = lanes === "along" ? keptRuns.length - 1 : keptRuns.length;
  const runs = [...keptRuns, ...foldedRuns];
  const count = Math.max(0, ...from.statements.map((s) => s.level + 1));
  const levels = Array.from({ length: count }, (_, level): Level => {
    const of = (row: boolean): Statement[] =>
      from.statements.filter((s) => s.level === level && s.row === row).map((s) => s.statement);
    return {
      row: of(true),
      loop: of(false),
      reload: new Map(from.reloads.filter((r) => r.level < level).map((r) => [r.from, r.to])),
    };
  });
  return {
    kind: "loop",
    lanes,
    outer,
    inner: foldedRuns.length,
    extents: runs.map((run) => run.reduce((size, loop) => size * (from.extents[loop] as number), 1)),
    accesses: from.accesses.map(({ at, ...access }) => ({
      ...access,
      offset: at.offset,
      strides: runs.map((run) => (run.length === 0 ? 0 : (at.coefficients[run[run.length - 1] as number] as number))),
    })),
    numbers: from.numbers,
    levels,
  };
}

/** Joins loops that follow each other in the space where all accesses walk both as one. */
function merge(loops: readonly number[], from: Unarranged): number[][] {
  const runs: number[][] = [];
  for (const loop of loops) {
    const run = runs.at(-1);
    const before = run?.at(-1);
    const joined =
      run !== undefined &&
      before === loop - 1 &&
      from.accesses.every(
        ({ at }) => at.coefficients[before] === (at.coefficients[loop] as number) * (from.extents[loop] as number),
      );
    if (joined) run.push(loop);
    else runs.push([loop]);
  }
  return runs;
}

/** Lanes lie across the last folded dims that follow each other: these must be one loop, whatever is fused. */
function checkOrder(from: Unarranged, runs: readonly (readonly number[])[]): void {
  let dim = from.dims.length - 1;
  const block: number[] = [];
  for (; dim >= 0; dim--) {
    const loops = from.dims[dim] as readonly number[];
    if (loops.length === 0) continue;
    if (!from.reducedDims.includes(dim)) break;
    block.push(...loops);
  }
  if (runs.at(-1)?.length !== block.length)
    throw new CannotFuse("a fold across elements that do not follow each other");
}

/** A kernel with float64 has two lanes; float32 is folded by four. */
function checkWidth(from: Unarranged): void {
  const folds = from.statements.filter((s) => s.statement.kind === "fold");
  if (folds.every((s) => s.statement.kind === "fold" && s.statement.dtype === "float64")) return;
  const seen = new Set<Scalar>();
  const wide = (s: Scalar): boolean => {
    if (seen.has(s)) return false;
    seen.add(s);
    return s.dtype === "float64" || s.args.some(wide);
  };
  if (from.accesses.some((a) => a.dtype === "float64") || from.statements.some((s) => wide(s.statement.value))) {
    throw new CannotFuse("a fold of float32 beside float64");
  }
}
