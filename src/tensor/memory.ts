/** Bytes in use, by device and kind, and limits on them. Floor: tensor. */
import { itemSize } from "../base/dtype.ts";
import { TwopassError, checkOptions, describe, showShape } from "../base/errors.ts";
import { sizeOf } from "../base/shape.ts";
import type { Value } from "../ir/value.ts";
import type { Engine } from "./engine.ts";
import { startedEngines } from "./engines.ts";
import { limits } from "./limits.ts";

export interface MemoryReport {
  /** Parameters, buffers and optimiser state. */
  readonly cells: number;
  /** Gradients in `.grad` of stored tensors. */
  readonly gradients: number;
  /** Intermediate results of plans: one arena for all, as large as the largest plan needs. */
  readonly arena: number;
  /** Copies of data on the device, which may be dropped at any time. */
  readonly cache: number;
  /** What the device has reserved from the system, used or not. */
  readonly reserved: number;
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
 * Bytes in use on each device that was started. Results that a program holds are JavaScript's and not counted.
 *
 * @example
 * const weight = new nn.Parameter(zeros([2, 3]));
 * memory()["wasm"].cells; // 24
 */
export function memory(): Readonly<Record<string, MemoryReport>> {
  return Object.fromEntries([...startedEngines()].map(([name, engine]) => [name, reportOf(engine)]));
}

function reportOf(engine: Engine): MemoryReport {
  const { arena, cache, reserved } = engine.device.memory();
  let cells = 0;
  let gradients = 0;
  for (const { cell, gradient } of engine.stored) {
    if (cell !== undefined) cells += bytesOf(cell);
    if (gradient?.leaf?.kind === "data") gradients += bytesOf(gradient);
  }
  return { cells, gradients, arena, cache, reserved };
}

function bytesOf(x: Pick<Value, "shape" | "dtype">): number {
  return sizeOf(x.shape) * itemSize[x.dtype];
}

/**
 * Limits the bytes of cells, gradients, arenas and caches together; null lifts the limits. They are looked at when a
 * stored tensor is made and when a plan runs for the first time.
 *
 * @throws at that time, above the hard limit, with the largest holders.
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
    throw new TwopassError({ op: "setMemoryLimit", problem: `${name} must be bytes above 0`, facts: `got ${describe(bytes)}` });
  }
  const { soft = Number.POSITIVE_INFINITY, hard = Number.POSITIVE_INFINITY } = limit;
  const collect = limit.collect ?? (globalThis as { readonly gc?: () => void }).gc;
  limits.check = (device, more) => {
    if (inUse() + more <= Math.min(soft, hard)) return;
    collect?.();
    const total = inUse() + more;
    if (total > hard) throw overLimit(device.name, total, more, hard);
  };
}

function inUse(): number {
  let sum = 0;
  for (const { cells, gradients, arena, cache } of Object.values(memory())) sum += cells + gradients + arena + cache;
  return sum;
}

function overLimit(device: string, total: number, more: number, hard: number): TwopassError {
  const holders: { readonly text: string; readonly bytes: number }[] = [];
  for (const engine of startedEngines().values()) {
    const { arena, cache } = engine.device.memory();
    holders.push({ text: `the arena on ${engine.device.name}`, bytes: arena });
    holders.push({ text: `copies of data on ${engine.device.name}`, bytes: cache });
    for (const { cell, gradient } of engine.stored) {
      if (cell === undefined) continue;
      holders.push({ text: `${cell.label} ${showShape(cell.shape)}`, bytes: bytesOf(cell) });
      if (gradient?.leaf?.kind === "data") holders.push({ text: `the gradient of ${cell.label}`, bytes: bytesOf(gradient) });
    }
  }
  const largest = holders.filter((h) => h.bytes > 0).sort((a, b) => b.bytes - a.bytes);
  const list = largest.slice(0, 8).map((h) => `${h.text}: ${h.bytes}`);
  return new TwopassError({
    op: "memory",
    problem: "above the hard limit",
    facts: `${total} bytes of ${hard}, with ${more} asked for on ${device}; ${list.join(", ")}`,
    hint: "use a smaller model or batch, or setMemoryLimit with more",
  });
}
