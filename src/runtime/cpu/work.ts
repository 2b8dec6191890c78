/** How long a kernel takes, about: only to tell what is worth sharing among threads, and in how many pieces. Floor: runtime. */
import type { Scalar } from "../../ir/scalar.ts";
import { attentionOperations } from "../../schedule/attention.ts";
import { convOperations } from "../../schedule/conv.ts";
import type { Kernel, LoopKernel } from "../../schedule/kernel.ts";
import type { Rates } from "./machine.ts";

/** A wave shorter than this is done by one thread, and a piece is no shorter than the other. Nanoseconds. */
const worthSharing = 6000;
const leastPiece = 2000;
/** Pieces of a kernel at most. */
const mostPieces = 64;

/** The time of a kernel on one thread in nanoseconds, about. */
export function timeOf(kernel: Kernel, rates: Rates): number {
  switch (kernel.kind) {
    case "contract":
    case "conv":
    case "attention":
      return operationsOf(kernel) / rates.products;
    case "sort":
      return (kernel.rows * kernel.length * 20) / rates.instructions;
    case "loop": {
      const elements = kernel.extents.reduce((n, extent) => n * extent, 1);
      return (elements * instructionsOf(kernel)) / rates.instructions;
    }
  }
}

/** Floating-point operations of a product or a convolution; 0 for other kernels. */
export function operationsOf(kernel: Kernel): number {
  if (kernel.kind === "conv") return convOperations(kernel);
  if (kernel.kind === "attention") return attentionOperations(kernel);
  if (kernel.kind !== "contract") return 0;
  const batch = kernel.batch.reduce((n, { extent }) => n * extent, kernel.fold.extent);
  return 2 * kernel.m * kernel.n * kernel.k * batch;
}

/** Units of a chunk, so that a kernel of that time makes some pieces that are worth a thread's while. */
export function chunkOf(units: number, time: number): number {
  const pieces = Math.max(Math.min(units, mostPieces, Math.floor(time / leastPiece)), 1);
  return Math.max(Math.ceil(units / pieces), 1);
}

/** Whether a wave of kernels that take so long together is worth sharing. */
export function isWorthSharing(time: number): boolean {
  return time >= worthSharing;
}

function instructionsOf(kernel: LoopKernel): number {
  const seen = new Set<Scalar>();
  let count = 0;
  const visit = (s: Scalar): void => {
    if (seen.has(s)) return;
    seen.add(s);
    // A call of a host function goes lane by lane; memory counts more than arithmetic.
    if (s.instruction === "call") count += 100;
    else if (s.instruction === "load") count += 4;
    else if (s.instruction !== "const") count += 1;
    s.args.forEach(visit);
  };
  for (const level of kernel.levels) {
    for (const s of [...level.row, ...level.loop]) {
      count += 4;
      visit(s.value);
    }
  }
  return count;
}
