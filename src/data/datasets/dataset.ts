/** Sets of examples that can be counted and picked: what one is, and the one of tensors. Floor: data. */
import { type Dtype, type TypedArray, allocate } from "../../base/dtype.ts";
import { TwopassError, describe, showShape } from "../../base/errors.ts";
import type { RandomStream } from "../../base/random-stream.ts";
import { type Shape, sizeOf } from "../../base/shape.ts";
import { type NestedData, type TensorData, fromElements, tensor } from "../../tensor/creation.ts";
import { inner } from "../../tensor/inner.ts";
import { Tensor } from "../../tensor/tensor.ts";

/**
 * Examples by number. `get` may return a promise. A loader gives it a stream of random numbers for this example: the
 * same ones for the same seed, epoch and example, whatever else is loaded and wherever.
 */
export interface Dataset<T> {
  readonly length: number;
  get(index: number, random?: RandomStream): T | Promise<T>;
}

/** A data set, or an array of examples. */
export type Indexed<T> = ArrayLike<T> | Dataset<T>;

/** Key of the method that gives several examples already joined, much faster than one by one. */
export const joinedRows = Symbol("joinedRows");

/** A data set that can join its examples itself. */
export interface JoinedRows {
  [joinedRows](indices: ArrayLike<number>): unknown;
}

export function hasJoinedRows(set: object): set is JoinedRows {
  return joinedRows in set;
}

/** The example of this number. */
export function exampleAt<T>(set: Indexed<T>, index: number, random?: RandomStream): T | Promise<T> {
  return "get" in set && typeof set.get === "function" ? set.get(index, random) : ((set as ArrayLike<T>)[index] as T);
}

/** What a TensorDataset is made of: rows are the elements along the first dim. A typed array has one number a row. */
export type Rows = Tensor | TypedArray | readonly NestedData[];

/** Elements with rows along the first dim. */
export interface Source {
  readonly data: TypedArray;
  readonly shape: Shape;
  readonly dtype: Dtype;
  readonly rowSize: number;
}

/** As many tensors as there are sources, in a tuple. */
export type TensorsOf<R extends readonly Rows[]> = { -readonly [K in keyof R]: Tensor };

/**
 * Tensors with one row for each example: inputs and labels, for instance. Batches are cut out by rows, which is much
 * faster than collecting examples one by one.
 *
 * @param sources tensors, typed arrays or nested arrays with equally many rows. Tensors are read once, when the set is made.
 * @throws where the numbers of rows differ.
 * @example
 * const set = new TensorDataset(tensor([[1, 2], [3, 4]]), int32([0, 1]));
 * set.length; // 2
 */
export class TensorDataset<const R extends readonly Rows[]> implements Dataset<TensorsOf<R>>, JoinedRows {
  readonly length: number;
  readonly #sources: readonly Source[];

  constructor(...sources: R) {
    this.#sources = sources.map((rows, position) => sourceOf("TensorDataset", rows, position));
    const [first] = this.#sources;
    if (first === undefined) throw new TwopassError({ op: "TensorDataset", problem: "got no tensors" });
    this.length = first.shape[0] as number;
    const other = this.#sources.findIndex((source) => source.shape[0] !== this.length);
    if (other < 0) return;
    throw new TwopassError({
      op: "TensorDataset",
      problem: "the numbers of rows differ",
      facts: `tensor 0 is ${showShape(first.shape)}, tensor ${other} is ${showShape(this.#sources[other]?.shape ?? [])}`,
      hint: "give typed arrays a shape: tensor(pixels, { shape: [count, 28, 28], copy: false })",
      shapes: this.#sources.map((source) => source.shape),
    });
  }

  /** One example: the row of each tensor, without its first dim. */
  get(index: number): TensorsOf<R> {
    return this.#tensors([index], (shape) => shape.slice(1));
  }

  /** Several examples at once: the rows of each tensor, one behind the other, in memory of their own. */
  rows(indices: ArrayLike<number>): TensorsOf<R> {
    return this.#tensors(indices, (shape) => [indices.length, ...shape.slice(1)]);
  }

  [joinedRows](indices: ArrayLike<number>): TensorsOf<R> {
    return this.rows(indices);
  }

  #tensors(indices: ArrayLike<number>, shapeOf: (shape: Shape) => Shape): TensorsOf<R> {
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i] as number;
      if (Number.isInteger(index) && index >= 0 && index < this.length) continue;
      throw new TwopassError({
        op: "TensorDataset",
        problem: "no such row",
        facts: `${describe(index)} of ${this.length}`,
      });
    }
    const tensors = this.#sources.map(({ data, shape, dtype, rowSize }) => {
      const out = allocate(dtype, indices.length * rowSize);
      for (let i = 0; i < indices.length; i++) {
        const at = (indices[i] as number) * rowSize;
        if (rowSize === 1) out[i] = data[at] as number;
        else out.set(data.subarray(at, at + rowSize), i * rowSize);
      }
      return fromElements(out, shapeOf(shape), dtype);
    });
    return tensors as unknown as TensorsOf<R>;
  }
}

/** @throws where there are no rows; `position` is that among the arguments. */
export function sourceOf(op: string, rows: Rows, position: number): Source {
  // Typed arrays are not copied here: every batch is a copy.
  const x = rows instanceof Tensor ? rows : tensor(rows as TensorData, { copy: false });
  const { shape, dtype } = x;
  if (shape.length === 0) {
    throw new TwopassError({
      op,
      problem: "needs tensors with rows",
      facts: `tensor ${position} has shape []`,
    });
  }
  const { leaf } = x[inner].value;
  const data = leaf?.kind === "data" ? leaf.data : x.dataSync();
  return { data, shape, dtype, rowSize: sizeOf(shape.slice(1)) };
}
