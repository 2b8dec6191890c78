/** The error of a device that has no memory left. Floor: runtime. */
import { TwopassError } from "../../base/errors.ts";

export interface MemoryNeed {
  readonly op: string;
  /** What the memory is for. */
  readonly what: string;
  readonly bytes: number;
  readonly used: number;
  /** How much there can be, in words. */
  readonly limit: string;
}

export function outOfMemory({ op, what, bytes, used, limit }: MemoryNeed): TwopassError {
  return new TwopassError({
    op,
    problem: "out of memory",
    facts: `${what} needs ${megabytes(bytes)}, ${megabytes(used)} are in use, ${limit}`,
    hint: "use smaller batches or a smaller model",
  });
}

export function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
