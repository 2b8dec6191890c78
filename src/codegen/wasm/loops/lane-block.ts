/** How many lanes of a loop kernel are one unit of work in WebAssembly. Floor: codegen. */
import { type LoopKernel, laneLoop } from "../../../schedule/kernel.ts";
import { scatters, scattersAlongLanes } from "../../../schedule/split.ts";

/** Units that a kernel should have at least, so that some sixteen threads have something to do. */
const enoughUnits = 64;
/** Elements that a unit should hold at least, and a block of lanes in any case. */
const unitElements = 2048;
const leastLanes = 64;

/**
 * Elements of the lane loop in one unit: a multiple of 64, or the whole loop. Lanes across are never cut, nor those that
 * add at places where others do.
 */
export function laneBlockOf(kernel: LoopKernel): number {
  const lanes = kernel.extents[laneLoop(kernel)] as number;
  if (kernel.lanes === "across") return lanes;
  if (scatters(kernel) && !scattersAlongLanes(kernel)) return Math.max(lanes, 1);
  const rows = scatters(kernel) ? 1 : extentOf(kernel.extents.slice(0, kernel.outer));
  if (rows >= enoughUnits || lanes === 0) return Math.max(lanes, 1);
  const inner = extentOf(kernel.extents.slice(kernel.outer + 1));
  const wanted = Math.max(lanes / Math.ceil(enoughUnits / Math.max(rows, 1)), unitElements / Math.max(inner, 1));
  const block = Math.ceil(wanted / leastLanes) * leastLanes;
  return block >= lanes ? lanes : block;
}

function extentOf(list: readonly number[]): number {
  return list.reduce((size, n) => size * n, 1);
}
