/** Sets of examples that can be counted and picked. Floor: data. */
import { type Dtype, type TypedArray, allocate } from "../base/dtype.ts";
import { TwopassError, describe, showShape } from "../base/errors.ts";
import { type Shape, sizeOf } from "../base/shape.ts";
import { type NestedData, type TensorData, fromElements, tensor } from "../tensor/creation.ts";
import { inner } from "../tensor/inner.ts";
import { Tensor } from "../tensor/tensor.ts";

/** Examples by number: an array, or an object of one's own. `get` may return a promise. */
export interface Dataset<T> {
  readonly length: number;
  get(index: number): T | Promise<T>;
}

/** What a TensorDataset is made of: rows are the elements along the first dim. A typed array has one number a row. */
export type Rows = Tensor | TypedArray | readonly NestedData[];

interface Source {
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
export class TensorDataset<const R extends readonly Rows[]> implements Dataset<TensorsOf<R>> {
  readonly length: number;
  readonly #sources: readonly Source[];

  constructor(...sources: R) {
    this.#sources = sources.map(sourceOf);
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

function sourceOf(rows: Rows, position: number): Source {
  // Typed arrays are not copied here: every batch is a copy.
  const x = rows instanceof Tensor ? rows : tensor(rows as TensorData, { copy: false });
  const { shape, dtype } = x;
  if (shape.length === 0) {
    throw new TwopassError({
      op: "TensorDataset",
      problem: "needs tensors with rows",
      facts: `tensor ${position} has shape []`,
    });
  }
  const { leaf } = x[inner].value;
  const data = leaf?.kind === "data" ? leaf.data : x.dataSync();
  return { data, shape, dtype, rowSize: sizeOf(shape.slice(1)) };
}
