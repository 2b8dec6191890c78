/** Where the engines ask before they use more memory. memory.ts sets the check; it is absent without limits. Floor: tensor. */
import { itemSize } from "../base/dtype.ts";
import { sizeOf } from "../base/shape.ts";
import type { Leaf } from "../ir/value.ts";
import type { Device, Plan } from "../runtime/device.ts";

export const limits: { check: ((device: Device, more: number) => void) | undefined } = { check: undefined };

/** Throws where a run would need more than the limits allow: a larger arena, and cells that come to the device. */
export function guardMemory(device: Device, plan: Plan, leaves: readonly Leaf[]): void {
  if (limits.check === undefined) return;
  let more = Math.max(0, plan.arenaBytes - device.memory().arena);
  const held = new Set(device.holds());
  for (const leaf of leaves) {
    if (leaf.kind === "cell" && !held.has(leaf.cell)) more += sizeOf(leaf.cell.shape) * itemSize[leaf.cell.dtype];
  }
  limits.check(device, more);
}
