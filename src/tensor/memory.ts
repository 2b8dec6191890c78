/** Bytes in use, by device and kind, and limits on them. Floor: tensor. */
import { itemSize } from "../base/dtype.ts";
import { TwopassError, checkOptions, describe, showShape } from "../base/errors.ts";
import { sizeOf } from "../base/shape.ts";
import type { DeviceMemory } from "../runtime/device.ts";
import { startedEngines } from "./engines.ts";
import { limits } from "./limits.ts";

export interface MemoryReport extends DeviceMemory {
  /** Results that the last run kept, such as losses, gradients and logits. They are JavaScript's, which collects them. */
  readonly kept: number;
}

export interface MemoryLimit {
  /** Bytes above which a collection is asked for. */
  readonly soft?: number;
  /** Bytes above which an error is thrown. */
  readonly hard?: number;
  /** What asks for a collection; default `globalThis.gc`, where the program was started with it. */
  readonly collect?: () => void;
}

/**
 * Bytes in use on each device that was started: `cells` (parameters, buffers, optimiser state that it holds), `arena`
 * (intermediate results of all plans), `cache` (copies of data, which may be dropped), `reserved` (from the system, used
 * or not) and `kept`. The reference device holds nothing of its own.
 *
 * @example
 * const weight = new nn.Parameter(zeros(1000));
 * await weight.sum().item();
 * memory()["wasm"].cells >= 4000; // true
 */
export function memory(): Readonly<Record<string, MemoryReport>> {
  const entries = [...startedEngines()].map(([name, engine]): [string, MemoryReport] => [
    name,
    { ...engine.device.memory(), kept: engine.keptBytes },
  ]);
  return Object.fromEntries(entries);
}

/**
 * Limits the bytes of cells, arenas and caches of all devices together; null lifts the limits. They are looked at
 * before each run.
 *
 * @throws at that time, above the hard limit, with the largest holders.
 * @example
 * setMemoryLimit({ hard: 2 ** 31 });
 * setMemoryLimit(null);
 */
export function setMemoryLimit(limit: MemoryLimit | null): void {
  if (limit === null) {
    limits.check = undefined;
    return;
  }
  checkOptions("setMemoryLimit", limit, ["soft", "hard", "collect"]);
  for (const name of ["soft", "hard"] as const) {
    const bytes = limit[name];
    if (bytes === undefined || bytes > 0) continue;
    throw new TwopassError({
      op: "setMemoryLimit",
      problem: `${name} must be bytes above 0`,
      facts: `got ${describe(bytes)}`,
    });
  }
  const { soft = Number.POSITIVE_INFINITY, hard = Number.POSITIVE_INFINITY } = limit;
  const collect = limit.collect ?? (globalThis as { readonly gc?: () => void }).gc;
  limits.check = (device, more) => {
    const total = inUse() + more;
    if (total > soft) collect?.();
    if (total > hard) throw overLimit(device.name, total, more, hard);
  };
}

/** A collection frees nothing of it: cells that nobody uses go after some hundred runs, arenas and caches stay. */
function inUse(): number {
  let sum = 0;
  for (const { cells, arena, cache } of Object.values(memory())) sum += cells + arena + cache;
  return sum;
}

function overLimit(device: string, total: number, more: number, hard: number): TwopassError {
  const holders: { readonly text: string; readonly bytes: number }[] = [];
  for (const { device: holder } of startedEngines().values()) {
    const { arena, cache } = holder.memory();
    holders.push({ text: `the arena on ${holder.name}`, bytes: arena });
    holders.push({ text: `copies of data on ${holder.name}`, bytes: cache });
    for (const cell of holder.holds()) {
      holders.push({
        text: `${cell.label} ${showShape(cell.shape)}`,
        bytes: sizeOf(cell.shape) * itemSize[cell.dtype],
      });
    }
  }
  const largest = holders.filter((h) => h.bytes > 0).sort((a, b) => b.bytes - a.bytes);
  const list = largest.slice(0, 8).map((h) => `${h.text}: ${h.bytes}`);
  return new TwopassError({
    op: "memory",
    problem: "above the hard limit",
    facts: `${total} bytes of ${hard}, with ${more} asked for on ${device}; ${list.join(", ") || "nothing is held yet"}`,
    hint: "use a smaller model or batch, or setMemoryLimit with more",
  });
}
