/** The entry `twopass/debug`: what the engines did, and switches that make faults easier to find. */
import { type DeviceName, currentEngine, engineOf } from "./tensor/engines.ts";
import type { EngineStats } from "./tensor/engine.ts";

export type { EngineStats } from "./tensor/engine.ts";
export { debugLevels, setDebug } from "./base/debug.ts";
export { setCheckFinite, setEager, setHints } from "./tensor/switches.ts";

export interface Stats extends EngineStats {
  /** Milliseconds spent in each phase. */
  readonly milliseconds: { readonly forward: number; readonly backward: number; readonly update: number };
}

/**
 * What a device has done so far: programs run, plans made, kernels compiled, and the time spent in each phase.
 *
 * @param device default: the current one.
 * @example
 * const before = stats().runs;
 * await tensor([1, 2]).add(1).array();
 * stats().runs - before; // 1
 */
export function stats(device?: DeviceName): Stats {
  const engine = device === undefined ? currentEngine() : engineOf(device);
  const [forward, backward, update] = engine.device.phaseTimes;
  return { ...engine.stats, milliseconds: { forward, backward, update } };
}

/**
 * The plan that ran last, as text: its kernels and buffers, one a line.
 *
 * @param device default: the current one.
 * @example
 * await tensor([1, 2]).add(1).array();
 * explain().split("\n").length > 1; // true
 */
export function explain(device?: DeviceName): string {
  const engine = device === undefined ? currentEngine() : engineOf(device);
  return engine.plans.latest?.explain() ?? "nothing has run yet";
}
