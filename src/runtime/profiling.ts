/** The clock of kernels: who hears how long each of them took. Nobody does, and nothing costs time, until one asks. Floor: runtime. */
import type { Phase } from "../ir/mode.ts";
import type { Kernel } from "../schedule/kernel.ts";

/** One kernel of one run. */
export interface KernelRun {
  readonly device: string;
  /** Module path and operations. */
  readonly label: string;
  /** What the kernel is; on the reference device an operation. */
  readonly kind: Kernel["kind"] | "operation";
  readonly phase: Phase;
  /** Floating-point operations of products, 0 for other kernels. */
  readonly operations: number;
  /** Bytes of the buffers that it reads and writes, each once. */
  readonly bytes: number;
  /** Milliseconds since the program started. */
  readonly start: number;
  readonly milliseconds: number;
}

/** Set while somebody profiles: kernels then run one by one, but with `ofStep` those that only look at the step. */
export const profiling: { listener: ((run: KernelRun) => void) | undefined; ofStep: boolean } = {
  listener: undefined,
  ofStep: false,
};
