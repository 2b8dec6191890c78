/**
 * Scratch of loop kernels: what one level stores and a later one reads back. Where lanes lie across, a unit is a row, and
 * nobody else needs its scratch: it lies in the workspace of the thread, from where it need not go to memory. Floor: schedule.
 */
import { itemSize } from "../base/dtype.ts";
import { sizeOf, stridesOf } from "../base/shape.ts";
import { type Access, type LoopKernel, rowScratch } from "./kernel.ts";

/** Bytes of the workspace that scratch may take: a cache next to a core holds them. */
export const rowScratchBytes = 256 * 1024;
/** Scratch starts at multiples of so many bytes, and reads may go so far behind its end. */
const alignment = 64;

/** The accesses of a kernel with its scratch in the workspace, or undefined where it does not fit. */
export function scratchInRows(kernel: LoopKernel, isScratch: readonly boolean[]): readonly Access[] | undefined {
  const { lanes, outer, extents } = kernel;
  if (lanes !== "across") return undefined;
  const row = extents.slice(outer);
  const strides = extents.map((_, loop) => (loop < outer ? 0 : (stridesOf(row)[loop - outer] as number)));
  let bytes = 0;
  const accesses = kernel.accesses.map((access, i) => {
    if (isScratch[i] !== true) return access;
    const size = itemSize[access.dtype];
    const offset = bytes / size;
    bytes += Math.ceil((sizeOf(row) * size) / alignment) * alignment;
    return { ...access, buffer: rowScratch, offset, strides };
  });
  return bytes + alignment <= rowScratchBytes ? accesses : undefined;
}
