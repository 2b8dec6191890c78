/**
 * A stored tensor: the one place where a parameter, a buffer or an optimiser's state keeps its elements. Writes are
 * in place and counted by `version`; a vertex remembers which version it means. Floor: ir.
 */
import type { Dtype, TypedArray } from "../base/dtype.ts";
import type { Shape } from "../base/shape.ts";
import { newestId } from "./value.ts";

/** Elements on a device; only that device knows what the fields mean. */
export interface DeviceBuffer {
  readonly bytes: number;
}

export class Cell {
  readonly shape: Shape;
  readonly dtype: Dtype;
  /** For messages: what the cell is, such as "fc1.weight". */
  label: string;
  /** How often the content has changed. */
  version = 0;
  /** The newest vertex when it changed last: what is older and needs the content cannot have it. */
  changedAt = -1;
  /** The elements, while they are in JavaScript's memory; exactly one of `host` and `buffer` is current. */
  host: TypedArray | undefined;
  buffer: DeviceBuffer | undefined = undefined;
  /** Run in which the cell was last used; devices move cells out that nobody uses. */
  lastRun = 0;
  disposed = false;

  /** Scratch of keys: the walk of the latest key that the cell is a leaf of, and its number there. */
  mark = 0;
  number = 0;

  /** Without `data` a device gives it its first content. */
  constructor(shape: Shape, dtype: Dtype, data: TypedArray | undefined, label: string) {
    this.shape = shape;
    this.dtype = dtype;
    this.host = data;
    this.label = label;
  }

  /** Notes that the content was replaced. */
  change(): void {
    this.version++;
    this.changedAt = newestId();
  }
}
