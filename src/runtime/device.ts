/**
 * What a device is: it keeps cells, compiles programs to plans and runs them. It knows nothing of tensors.
 * Floor: runtime.
 */
import type { TypedArray } from "../base/dtype.ts";
import type { Cell } from "../ir/cell.ts";
import type { Phase } from "../ir/mode.ts";
import type { Program } from "../ir/program.ts";
import type { Leaf } from "../ir/value.ts";

/** What a plan did in one run. */
export interface RunReport {
  /** Milliseconds in forward, backward and update. */
  readonly phases: readonly [number, number, number];
}

export interface Plan {
  /** Kernels the plan calls in one run, by phase. */
  readonly kernels: Readonly<Record<Phase, number>>;
  /** Bytes of the arena: the most that intermediate results need at one time. */
  readonly arenaBytes: number;
  /**
   * Runs on the leaves (in the program's order). Gives the results to keep, in the order of the program's outputs
   * (undefined for those that went into a cell). Throws before any cell is written if an index was out of range.
   */
  run(leaves: readonly Leaf[]): readonly (TypedArray | undefined)[];
  /** Text for people: the kernels and buffers. */
  explain(): string;
  /** Lets go of what the plan holds on the device. */
  dispose(): void;
}

export interface DeviceMemory {
  /** Bytes of parameters, buffers and optimiser state. */
  readonly cells: number;
  /** Bytes of the arena shared by all plans. */
  readonly arena: number;
  /** Bytes of copies of user data, which may be dropped at any time. */
  readonly cache: number;
  /** Bytes reserved from the system. */
  readonly reserved: number;
}

export interface Device {
  readonly name: string;
  /** What the generated code depends on; part of the plan key. */
  readonly features: string;
  /** How many kernels were compiled so far (not found in the cache). */
  readonly compiled: number;
  compile(program: Program): Plan;
  /** The elements of a cell, copied. */
  read(cell: Cell): TypedArray;
  /** Replaces the elements of a cell. */
  write(cell: Cell, data: TypedArray): void;
  /** Lets go of a cell's elements. */
  release(cell: Cell): void;
  memory(): DeviceMemory;
  /** The cells whose elements the device holds in memory of its own. */
  holds(): Iterable<Cell>;
  /** Time spent in each phase since the device was started, in milliseconds. */
  readonly phaseTimes: [number, number, number];
}
