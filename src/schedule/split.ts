/**
 * How a loop kernel is cut into units that threads share. Cuts follow from shapes alone and change no bit: a unit is a
 * row, or a block of a row's lanes. Floor: schedule.
 */
import { type LoopKernel, laneLoop } from "./kernel.ts";

/** Pieces of a kernel that threads may do in any order. */
export function loopUnits(kernel: LoopKernel, laneBlock: number): number {
  const rows = product(kernel.extents.slice(0, kernel.outer));
  if (kernel.lanes === "across") return scatters(kernel) ? 1 : rows;
  const blocks = Math.ceil((kernel.extents[kernel.outer] as number) / laneBlock);
  if (!scatters(kernel)) return rows * blocks;
  return scattersAlongLanes(kernel) ? blocks : 1;
}

/** Whether a kernel adds at places that it computes: rows may then meet at one place, and keep their order. */
export function scatters(kernel: LoopKernel): boolean {
  return storesOf(kernel).some((s) => s.index !== undefined);
}

/** Of a kernel that scatters: whether different lanes reach different places. */
export function scattersAlongLanes(kernel: LoopKernel): boolean {
  if (kernel.lanes === "across") return false;
  return storesOf(kernel).every((s) => {
    const access = kernel.accesses[s.access] as LoopKernel["accesses"][number];
    return s.index === undefined || access.strides[laneLoop(kernel)] !== 0;
  });
}

function storesOf(kernel: LoopKernel) {
  return kernel.levels.flatMap((l) => [...l.row, ...l.loop]).flatMap((s) => (s.kind === "store" ? [s] : []));
}

function product(list: readonly number[]): number {
  return list.reduce((size, n) => size * n, 1);
}
