/**
 * What a device is: it keeps cells, compiles programs to plans and runs them. It knows nothing of tensors.
 * Floor: runtime.
 */
import type { TypedArray } from "../base/dtype.ts";
import { internal } from "../base/errors.ts";
import { Arriving } from "../ir/arriving.ts";
import type { Cell } from "../ir/cell.ts";
import { Held } from "../ir/held.ts";
import type { Phase } from "../ir/mode.ts";
import type { Program } from "../ir/program.ts";
import type { Leaf } from "../ir/value.ts";

/** The elements of a result: where they are, or what will arrive from a device in another thread. */
export type Elements = TypedArray | Held | Arriving;

/** The elements of a device that answers at once. */
export function opened(elements: Elements | undefined): TypedArray | undefined {
  if (elements instanceof Arriving) throw internal("elements that have not arrived are looked at");
  return elements instanceof Held ? elements.elements : elements;
}

export interface Plan {
  /** Kernels the plan calls in one run, by phase. */
  readonly kernels: Readonly<Record<Phase, number>>;
  /** Bytes of the arena: the most that intermediate results need at one time. */
  readonly arenaBytes: number;
  /**
   * Runs on the leaves (in the program's order). Gives the results to keep, in the order of the program's outputs
   * (undefined for those that went into a cell). Throws before any cell is written if an index was out of range; a
   * device in another thread tells it later.
   */
  run(leaves: readonly Leaf[]): readonly (Elements | undefined)[];
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
  /** Threads that share its work. */
  readonly threads: number;
  /** What the generated code depends on; part of the plan key. */
  readonly features: string;
  /** How many kernels were compiled so far (not found in the cache). */
  readonly compiled: number;
  compile(program: Program): Plan;
  /** The elements of a cell, copied. A device in another thread has `remote.readLater` instead. */
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
  /** What runs where and how, for people: one or more lines. */
  report(): string;
  /** What else there is of a device in another thread; absent where all answers come at once. */
  readonly remote?: Remote;
}

/** What a run was that failed in another thread. Nothing of it was written, nor of the runs behind it. */
export interface RunFailure {
  readonly op: string;
  readonly problem: string;
  readonly hint: string | undefined;
  /** Which choice by computed positions it was, counted in the order in which the program's were written. */
  readonly choice?: OutOfRange & { readonly number: number };
}

/** A position that is out of range. */
export interface OutOfRange {
  readonly at: number;
  readonly size: number;
}

/** Hears what has become of the runs that were started, in their order. */
export interface RunListener {
  /** The oldest run has been done. */
  done(): void;
  /** The oldest run has failed, and all behind it were given up. Gives what makes its error. */
  failed(failure: RunFailure): () => Error;
}

/** The part of a device in another thread that answers later. Requests are answered in their order. */
export interface Remote {
  listener: RunListener | undefined;
  /** The elements of a cell as they are after all runs that were started. */
  readLater(cell: Cell): Promise<TypedArray>;
  /** Makes a copy of a result the content of a cell that has none. */
  adopt(cell: Cell, result: Arriving): void;
  /** Resolves as soon as at most `most` runs are under way. @throws the error of a run that failed. */
  queue(most: number): Promise<void>;
  /** The error of a run that failed and that nobody has heard of, once; that of the thread's end at each call. */
  takeFailure(): Error | undefined;
  /** Ends the thread; what is asked for afterwards is an error. */
  close(): void;
}
