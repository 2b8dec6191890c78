/** How many threads a device works with: what was asked for, else one for each core. */
import { availableParallelism } from "node:os";
import type { DeviceName } from "../../src/tensor/engines.ts";

export function threadsOf(device: DeviceName, asked: number | undefined): number {
  return device === "js" ? 1 : Math.min(asked ?? availableParallelism(), availableParallelism());
}
