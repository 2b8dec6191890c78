/** Windows of a series, with what comes next: tokens of a text, measurements over time. Floor: data. */
import { type TypedArray, allocate } from "../../base/dtype.ts";
import { TwopassError, checkOptions, describe } from "../../base/errors.ts";
import { checkWhole } from "../../tensor/options.ts";
import { fromElements } from "../../tensor/creation.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type Dataset, type JoinedRows, type Rows, type Source, joinedRows, sourceOf } from "./dataset.ts";

export interface WindowOptions {
  /** Steps of an input. */
  readonly length: number;
  /**
   * Steps of a target, which begins behind the input. Default: the target is as long as the input and begins one step
   * after it, so that each step has the next one as its target.
   */
  readonly horizon?: number;
  /** Steps from the start of one window to that of the next; default 1. `length` gives windows that do not overlap. */
  readonly stride?: number;
}

/**
 * All windows of a series that have a target: [input, target], with the steps along the first dim.
 *
 * @param series tokens or numbers in a typed array, or rows [steps, ...], a tensor for instance.
 * @throws where the series is shorter than one window with its target.
 * @example
 * const tokens = new WindowDataset(int32([1, 2, 3, 4, 5]), { length: 3 });
 * const [input, next] = tokens.get(0);
 * await input.array(); // [1, 2, 3]
 * await next.array(); // [2, 3, 4]
 * const days = new WindowDataset(zeros(365), { length: 30, horizon: 7 });
 * days.get(0)[1].shape; // [7]
 */
export class WindowDataset implements Dataset<[Tensor, Tensor]>, JoinedRows {
  readonly length: number;
  readonly #source: Source;
  readonly #window: number;
  readonly #stride: number;
  /** Where the target begins, counted from the input's start, and its steps. */
  readonly #target: { readonly start: number; readonly length: number };

  constructor(series: Rows, options: WindowOptions) {
    const op = "WindowDataset";
    checkOptions(op, options, ["length", "horizon", "stride"]);
    this.#window = checkWhole(op, "length", options.length, 1);
    this.#stride = checkWhole(op, "stride", options.stride ?? 1, 1);
    this.#target =
      options.horizon === undefined
        ? { start: 1, length: this.#window }
        : { start: this.#window, length: checkWhole(op, "horizon", options.horizon, 1) };
    this.#source = sourceOf(op, series, 0);
    const steps = this.#source.shape[0] as number;
    const needed = this.#target.start + this.#target.length;
    this.length = Math.floor((steps - needed) / this.#stride) + 1;
    if (this.length >= 1) return;
    const facts = `${steps} steps, one window with its target has ${needed}`;
    throw new TwopassError({ op, problem: "the series is too short", facts });
  }

  /** One window: its steps, and those of its target. */
  get(index: number): [Tensor, Tensor] {
    return this.#cut([index], false);
  }

  /** Several windows at once: [N, steps, ...] and [N, target steps, ...]. */
  rows(indices: ArrayLike<number>): [Tensor, Tensor] {
    return this.#cut(indices, true);
  }

  [joinedRows](indices: ArrayLike<number>): [Tensor, Tensor] {
    return this.rows(indices);
  }

  #cut(indices: ArrayLike<number>, isBatch: boolean): [Tensor, Tensor] {
    const { data, shape, dtype, rowSize } = this.#source;
    const cut = (offset: number, steps: number): Tensor => {
      const size = steps * rowSize;
      const out: TypedArray = allocate(dtype, indices.length * size);
      for (let i = 0; i < indices.length; i++) {
        const at = (this.#checked(indices[i] as number) * this.#stride + offset) * rowSize;
        out.set(data.subarray(at, at + size), i * size);
      }
      return fromElements(out, [...(isBatch ? [indices.length] : []), steps, ...shape.slice(1)], dtype);
    };
    return [cut(0, this.#window), cut(this.#target.start, this.#target.length)];
  }

  #checked(index: number): number {
    if (Number.isInteger(index) && index >= 0 && index < this.length) return index;
    const facts = `${describe(index)} of ${this.length}`;
    throw new TwopassError({ op: "WindowDataset", problem: "no such window", facts });
  }
}
