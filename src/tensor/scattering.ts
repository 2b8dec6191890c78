/** Reading and writing along one dim at positions given by a tensor: gather, scatter, and whole parts. Floor: tensor. */
import { withMode } from "../ir/mode.ts";
import { isFloating } from "../base/dtype.ts";
import { TwopassError, checkOptions, describe, showShape } from "../base/errors.ts";
import { type Shape, normalizeDim, sameShape, sizeOf } from "../base/shape.ts";
import type { Value } from "../ir/value.ts";
import { addAt, fillAt, foldAround, setAt, takeAt } from "../ops/composite/indexing.ts";
import { type ScatterFold, reduceAt, scatterFolds } from "../ops/composite/scatter-reduce.ts";
import { kit } from "../ops/kit.ts";
import { checkAnyWhole, checkTensor } from "./arguments.ts";
import { TensorHandle, valueOf } from "./handle.ts";
import { type Index, indexTensors, indexValue } from "./index-items.ts";
import { IndexingMethods } from "./indexing.ts";
import { type Operand, numberValue, tensorsIn } from "./operand.ts";
import type { Tensor } from "./tensor.ts";

export interface ScatterReduceOptions {
  /** Whether the elements of the tensor itself take part; default true. */
  readonly includeSelf?: boolean;
}

export abstract class ScatteringMethods extends IndexingMethods {
  /**
   * y[i, j, ...] = x[index[i, j, ...], j, ...] for dim 0, and so on: one position along `dim` for each element of `index`,
   * whose other extents are at most those of this tensor.
   *
   * @throws for positions out of range; negative ones are.
   * @example
   * await tensor([[1, 2], [3, 4]]).gather(1, tensor([[0, 0], [1, 0]], { dtype: "int32" })).array(); // [[1, 1], [4, 3]]
   */
  gather(dim: number, index: Index): Tensor {
    const { x, at, places } = this.#alongside("gather", dim, index);
    const part = kit.slice(
      x,
      x.shape.map(() => 0),
      x.shape.map(() => 1),
      places.shape.with(at, x.shape[at] as number),
    );
    return this.result(kit.reshape(kit.gather(part, places, at), shapeOf(index)), indexTensors([index]));
  }

  /**
   * A new tensor that is this one but for y[index[i, j, ...], j, ...] = source[i, j, ...] for dim 0, and so on. `source` is a
   * number, or a tensor of this dtype whose extents are at least those of `index`. Where a position comes twice the last
   * one stays, and only it gets a gradient.
   *
   * @param options.reduce "add" or "multiply" to fold with what is there; default: it is replaced.
   * @throws for positions out of range and shapes that do not fit.
   * @example
   * await zeros([2, 3]).scatter(1, tensor([[2], [0]], { dtype: "int32" }), 1).array(); // [[0, 0, 1], [1, 0, 0]]
   */
  scatter(dim: number, index: Index, source: Operand, options: { readonly reduce?: "add" | "multiply" } = {}): Tensor {
    checkOptions("scatter", options, ["reduce"]);
    const { reduce } = options;
    if (reduce !== undefined && reduce !== "add" && reduce !== "multiply") {
      throw new TwopassError({
        op: "scatter",
        problem: `unknown reduce ${describe(reduce)}`,
        hint: '"add" or "multiply"; scatterReduce has more',
      });
    }
    const { x, at, places } = this.#alongside("scatter", dim, index);
    const others = [...indexTensors([index]), ...tensorsIn([source])];
    const done = (y: Value): Tensor => this.result(kit.reshape(y, this.shape), others);
    const one = source instanceof TensorHandle ? undefined : this.content("scatter", source);
    if (reduce === undefined && one !== undefined) return done(fillAt(kit, x, places, one, at));
    const part = one === undefined ? this.#sourceFor("scatter", places, source) : kit.broadcast(one, places.shape);
    if (reduce === undefined) return done(setAt(kit, x, places, part, at));
    if (reduce === "add") return done(addAt(kit, x, places, part, at));
    return done(reduceAt(kit, { x, index: places, source: part, dim: at }, "prod", true));
  }

  /**
   * A new tensor: this one with source[i, j, ...] added at [index[i, j, ...], j, ...] for dim 0, and so on. Shapes as for
   * `scatter`; positions may come several times.
   *
   * @example
   * await zeros(2).scatterAdd(0, int32([0, 0, 1]), tensor([1, 2, 3])).array(); // [3, 3]
   */
  scatterAdd(dim: number, index: Index, source: Tensor): Tensor {
    const { x, at, places } = this.#alongside("scatterAdd", dim, index);
    const part = this.#sourceFor("scatterAdd", places, source);
    return this.result(kit.reshape(addAt(kit, x, places, part, at), this.shape), [...indexTensors([index]), source]);
  }

  /**
   * A new tensor: at each place the fold of what is there and of all of `source` that `index` sends there. Shapes as for
   * `scatter`. The gradient of "amax" and "amin" goes to all that are equal to the result, in equal shares.
   *
   * @param reduce "sum", "prod", "mean", "amax" or "amin".
   * @param options.includeSelf whether what is there takes part; default true.
   * @example
   * const index = tensor([0, 0, 1], { dtype: "int32" });
   * await zeros([2]).scatterReduce(0, index, tensor([3, 5, 4]), "amax").array(); // [5, 4]
   */
  scatterReduce(
    dim: number,
    index: Index,
    source: Tensor,
    reduce: ScatterFold,
    options: ScatterReduceOptions = {},
  ): Tensor {
    checkOptions("scatterReduce", options, ["includeSelf"]);
    checkFold("scatterReduce", reduce);
    const { x, at, places } = this.#alongside("scatterReduce", dim, index);
    const part = this.#sourceFor("scatterReduce", places, source);
    const y = reduceAt(kit, { x, index: places, source: part, dim: at }, reduce, options.includeSelf ?? true);
    return this.result(kit.reshape(y, this.shape), [...indexTensors([index]), source]);
  }

  /** This tensor and an index of as many dims, both with at least one dim, after the checks that they fit. */
  #alongside(op: string, dim: number, index: Index): { x: Value; at: number; places: Value } {
    const at = normalizeDim(op, dim, this.ndim);
    const x = withDim(valueOf(this));
    const places = withDim(indexValue(op, index, { size: x.shape[at] as number, wrap: false }));
    const tooLarge = places.shape.findIndex((n, i) => i !== at && n > (x.shape[i] ?? 0));
    if (places.shape.length !== x.shape.length || tooLarge >= 0) {
      throw new TwopassError({
        op,
        problem: tooLarge >= 0 ? "the index is larger than the tensor" : "index and tensor must have as many dims",
        facts: `index ${showShape(places.shape)}, tensor ${showShape(x.shape)}${tooLarge >= 0 ? `, dim ${tooLarge}` : ""}`,
        hint: "indexSelect takes whole rows",
        shapes: [places.shape, x.shape],
      });
    }
    return { x, at, places };
  }

  /** The part of a source that an index needs. */
  #sourceFor(op: string, places: Value, source: unknown): Value {
    this.checkSource(op, source);
    const from = withDim(valueOf(source));
    if (from.shape.length !== places.shape.length || places.shape.some((n, i) => n > (from.shape[i] as number))) {
      throw new TwopassError({
        op,
        problem: "the source is smaller than the index",
        facts: `source ${showShape(source.shape)}, index ${showShape(places.shape)}`,
        shapes: [source.shape, places.shape],
      });
    }
    return kit.slice(
      from,
      from.shape.map(() => 0),
      from.shape.map(() => 1),
      places.shape,
    );
  }

  /**
   * The parts at the given positions along `dim`, in their order: index [n] or `number[]`.
   *
   * @throws for positions out of range; negative ones are.
   * @example
   * await tensor([[1, 2], [3, 4], [5, 6]]).indexSelect(0, [2, 0]).array(); // [[5, 6], [1, 2]]
   */
  indexSelect(dim: number, index: Index): Tensor {
    const { x, at, places } = this.#rows("indexSelect", dim, index);
    const shape = this.ndim === 0 ? [] : x.shape.with(at, sizeOf(places.shape));
    const taken = withMode({ call: "indexSelect" }, () => takeAt(kit, x, places, at));
    return this.result(kit.reshape(taken, shape), indexTensors([index]));
  }

  /**
   * A new tensor: this one with `alpha` times the parts of `source` added at the given positions along `dim`.
   *
   * @param options.alpha default 1.
   * @example
   * await zeros(2).indexAdd(0, [0, 0, 1], tensor([1, 2, 3])).array(); // [3, 3]
   */
  indexAdd(dim: number, index: Index, source: Tensor, options: { readonly alpha?: number } = {}): Tensor {
    checkOptions("indexAdd", options, ["alpha"]);
    const alpha = options.alpha ?? 1;
    const { x, at, places } = this.#rows("indexAdd", dim, index);
    const rows = this.#rowsOf("indexAdd", x, at, places, source);
    const wide = isFloating(this.dtype) || alpha === 1 ? rows : kit.cast(rows, "int32");
    if (!isFloating(this.dtype)) checkAnyWhole("indexAdd", "alpha for integers", alpha);
    const scaled = alpha === 1 ? rows : kit.cast(kit.mul(wide, numberValue(alpha, wide.dtype)), this.dtype);
    return this.#written(x, at, places, [index], source, (lines, line) => addAt(kit, lines, line, scaled, 1));
  }

  /** A new tensor that is this one but for the parts of `source` at the given positions along `dim`; the last of equals stays. */
  indexCopy(dim: number, index: Index, source: Tensor): Tensor {
    const { x, at, places } = this.#rows("indexCopy", dim, index);
    const rows = this.#rowsOf("indexCopy", x, at, places, source);
    return this.#written(x, at, places, [index], source, (lines, line) => setAt(kit, lines, line, rows, 1));
  }

  /**
   * A new tensor: at each position along `dim` the fold of what is there and of all parts of `source` that go there.
   *
   * @param reduce "prod", "mean", "amax" or "amin", or "sum".
   * @param options.includeSelf whether what is there takes part; default true.
   * @example
   * await zeros(2).indexReduce(0, [0, 0, 1], tensor([1, 2, 3]), "amax").array(); // [2, 3]
   */
  indexReduce(
    dim: number,
    index: Index,
    source: Tensor,
    reduce: ScatterFold,
    options: ScatterReduceOptions = {},
  ): Tensor {
    checkOptions("indexReduce", options, ["includeSelf"]);
    checkFold("indexReduce", reduce);
    const { x, at, places } = this.#rows("indexReduce", dim, index);
    const rows = this.#rowsOf("indexReduce", x, at, places, source);
    const withSelf = options.includeSelf ?? true;
    return this.#written(x, at, places, [index], source, (lines, line) =>
      reduceAt(kit, { x: lines, index: line, source: rows, dim: 1 }, reduce, withSelf),
    );
  }

  /** A new tensor that is this one but for `value` (a number, or a tensor of one element) at the positions along `dim`. */
  indexFill(dim: number, index: Index, value: Operand): Tensor {
    const { x, at, places } = this.#rows("indexFill", dim, index);
    const content = this.content("indexFill", value);
    if (sizeOf(content.shape) !== 1) {
      throw new TwopassError({
        op: "indexFill",
        problem: "the value must be one element",
        facts: `got ${showShape(content.shape)}`,
        hint: "use indexCopy for several",
      });
    }
    const one = kit.reshape(content, []);
    return this.#written(x, at, places, [index, value], undefined, (lines, line) => {
      return fillAt(kit, lines, line, one, 1, lines.shape.with(1, sizeOf(line.shape)));
    });
  }

  /** This tensor with at least one dim, and positions [n] along a dim of it. */
  #rows(op: string, dim: number, index: Index): { x: Value; at: number; places: Value } {
    const at = normalizeDim(op, dim, this.ndim);
    const x = withDim(valueOf(this));
    const places = withDim(indexValue(op, index, { size: x.shape[at] as number, wrap: false }));
    if (places.shape.length !== 1) {
      throw new TwopassError({
        op,
        problem: "the index must have one dim",
        facts: `got ${showShape(places.shape)}`,
        hint: "gather and at take more",
        shapes: [places.shape],
      });
    }
    return { x, at, places };
  }

  /** The source of whole parts along a dim as [before, n, behind]. */
  #rowsOf(op: string, x: Value, at: number, places: Value, source: unknown): Value {
    this.checkSource(op, source);
    const [before, , behind] = foldAround(x.shape, at);
    const n = sizeOf(places.shape);
    const from = withDim(valueOf(source));
    if (!sameShape(from.shape, x.shape.with(at, n))) {
      throw new TwopassError({
        op,
        problem: "the source does not fit",
        facts: `${showShape(source.shape)}, needed is ${showShape(x.shape.with(at, n))}`,
        shapes: [source.shape, x.shape],
      });
    }
    return kit.reshape(from, [before, n, behind]);
  }

  /** A result of `write` on x as [before, size, behind] with positions [1, n, 1]. */
  #written(
    x: Value,
    at: number,
    places: Value,
    used: readonly unknown[],
    source: Tensor | undefined,
    write: (lines: Value, line: Value) => Value,
  ): Tensor {
    const y = write(kit.reshape(x, foldAround(x.shape, at)), kit.reshape(places, [1, sizeOf(places.shape), 1]));
    return this.result(kit.reshape(y, this.shape), indexTensors([...used, source]));
  }

  /**
   * `gather` whose index broadcasts in all dims but `dim`: for the results of argmax and argsort. Without `dim` both are
   * flattened.
   *
   * @example
   * const x = tensor([[3, 1, 2]]);
   * await x.takeAlongDim(x.argsort(1), 1).array(); // [[1, 2, 3]]
   */
  takeAlongDim(index: Tensor, dim?: number): Tensor {
    checkTensor("takeAlongDim", "the index", index);
    if (dim === undefined) {
      const places = indexValue("takeAlongDim", index, { size: this.size, wrap: false });
      const line = kit.reshape(valueOf(this), [this.size]);
      return this.result(kit.gather(line, kit.reshape(places, [index.size]), 0), [index]);
    }
    const at = normalizeDim("takeAlongDim", dim, this.ndim);
    const places = indexValue("takeAlongDim", index, { size: this.shape[at] as number, wrap: false });
    const x = valueOf(this);
    const fits = x.shape.every((n, i) => i === at || n === 1 || places.shape[i] === 1 || n === places.shape[i]);
    if (places.shape.length !== x.shape.length || !fits) {
      throw new TwopassError({
        op: "takeAlongDim",
        problem: "index and tensor must broadcast in all dims but one",
        facts: `index ${showShape(places.shape)}, tensor ${showShape(x.shape)}, dim ${at}`,
        shapes: [places.shape, x.shape],
      });
    }
    const common = x.shape.map((n, i) => (n === 1 ? (places.shape[i] as number) : n));
    const wide = kit.expand(x, common.with(at, x.shape[at] as number));
    return this.result(kit.gather(wide, kit.expand(places, common.with(at, places.shape[at] as number)), at), [index]);
  }
}

function checkFold(op: string, reduce: unknown): void {
  if (scatterFolds.includes(reduce as ScatterFold)) return;
  throw new TwopassError({
    op,
    problem: `unknown reduce ${describe(reduce)}`,
    hint: `known: ${scatterFolds.join(", ")}`,
  });
}

/** A 0-d tensor as one of a single element, for operations along a dim. */
function withDim(x: Value): Value {
  return x.shape.length === 0 ? kit.reshape(x, [1]) : x;
}

function shapeOf(index: Index): Shape {
  return index instanceof TensorHandle ? index.shape : [index.length];
}
