/** Where the engines ask before they use more memory. memory.ts sets the check; it is absent without limits. Floor: tensor. */
import type { Device, Plan } from "../runtime/device.ts";

export const limits: { check: ((device: Device, bytes: number) => void) | undefined } = { check: undefined };

/** Plans that were let through: their arena is part of what the device holds. */
const known = new WeakSet<Plan>();

/** Throws where a plan that has not run yet needs more than the limits allow. */
export function guardMemory(device: Device, plan: Plan): void {
  if (limits.check === undefined || known.has(plan)) return;
  const more = Math.max(0, plan.arenaBytes - device.memory().arena);
  limits.check(device, more);
  known.add(plan);
}
