/** Views: other shapes of the same elements. Parts are in parts.ts, what rearranges or repeats in arranging.ts. Floor: tensor. */
import { TwopassError, showShape } from "../base/errors.ts";
import { type Shape, checkShape, normalizeDim, normalizeDims } from "../base/shape.ts";
import { reshaped } from "../ops/composite/indexing.ts";
import { kit } from "../ops/kit.ts";
import { type SizeList, checkRank, distinctDims, inferShape, sizesOf } from "./arguments.ts";
import { valueOf } from "./handle.ts";
import { ReductionMethods } from "./reductions.ts";
import type { Tensor } from "./tensor.ts";

export abstract class ViewMethods extends ReductionMethods {
  /** A reshape after its check. */
  #reshaped(shape: Shape): Tensor {
    return this.result(reshaped(kit, valueOf(this), shape));
  }

  /**
   * The same elements in row-major order in another shape; one extent may be −1 and is what is left over.
   *
   * @throws if the number of elements differs.
   * @example
   * tensor([1, 2, 3, 4, 5, 6]).reshape(2, -1).shape; // [2, 3]
   */
  reshape(...shape: SizeList): Tensor {
    return this.#reshaped(inferShape("reshape", this.shape, sizesOf("reshape", shape)));
  }

  /** `reshape` under its other name. Differs from PyTorch: every tensor can be viewed in every shape of its size. */
  view(...shape: SizeList): Tensor {
    return this.#reshaped(inferShape("view", this.shape, sizesOf("view", shape)));
  }

  /** The same elements in the shape of `other`, which must have as many. */
  reshapeAs(other: Tensor): Tensor {
    return this.#reshaped(inferShape("reshapeAs", this.shape, other.shape));
  }

  /** `reshapeAs` under its other name. */
  viewAs(other: Tensor): Tensor {
    return this.#reshaped(inferShape("viewAs", this.shape, other.shape));
  }

  /**
   * Dims `start` to `end` (included) joined into one; default: all of them.
   *
   * @example
   * zeros([2, 3, 4]).flatten(1).shape; // [2, 12]
   */
  flatten(start = 0, end = -1): Tensor {
    const rank = this.ndim;
    const from = normalizeDim("flatten", start, rank);
    const to = normalizeDim("flatten", end, rank);
    if (from > to) {
      throw new TwopassError({
        op: "flatten",
        problem: "start lies behind end",
        facts: `dims ${start} and ${end} of ${rank}`,
      });
    }
    const joined = this.shape.slice(from, to + 1).reduce((size, n) => size * n, 1);
    return this.#reshaped(this.shape.toSpliced(from, to + 1 - from, joined));
  }

  /**
   * One dim split into several; one of `sizes` may be −1.
   *
   * @example
   * zeros([2, 12]).unflatten(1, [3, 4]).shape; // [2, 3, 4]
   */
  unflatten(dim: number, sizes: readonly number[]): Tensor {
    const at = normalizeDim("unflatten", dim, this.ndim);
    checkNotScalar("unflatten", this.shape);
    const split = inferShape("unflatten", [this.shape[at] as number], sizesOf("unflatten", [sizes]));
    return this.#reshaped(this.shape.toSpliced(at, 1, ...split));
  }

  /** All elements in one dim. */
  ravel(): Tensor {
    return this.#reshaped([this.size]);
  }

  /**
   * The dims in another order: dim i of the result is dim `dims[i]` of this tensor.
   *
   * @throws unless each dim is named once.
   * @example
   * zeros([2, 3, 4]).permute(2, 0, 1).shape; // [4, 2, 3]
   */
  permute(...dims: SizeList): Tensor {
    const given = sizesOf("permute", dims);
    const order = distinctDims("permute", given, this.ndim);
    if (order.length !== this.ndim) {
      throw new TwopassError({
        op: "permute",
        problem: "each dim must be named once",
        facts: `dims ${showShape(given)} for shape ${showShape(this.shape)}`,
      });
    }
    return this.result(kit.permute(valueOf(this), order));
  }

  /** Two dims exchanged. */
  transpose(a: number, b: number): Tensor {
    return this.#exchanged("transpose", a, b);
  }

  /** `transpose` under its other name. */
  swapaxes(a: number, b: number): Tensor {
    return this.#exchanged("swapaxes", a, b);
  }

  #exchanged(op: string, a: number, b: number): Tensor {
    const rank = this.ndim;
    return this.result(kit.transpose(valueOf(this), normalizeDim(op, a, rank), normalizeDim(op, b, rank)));
  }

  /** The transpose of a matrix; a tensor of fewer dims as it is. */
  t(): Tensor {
    if (this.ndim < 2) return this.#reshaped(this.shape);
    checkRank("t", "the tensor", this, 2);
    return this.#exchanged("t", 0, 1);
  }

  /** All dims in reverse order. */
  get T(): Tensor {
    return this.result(
      kit.permute(
        valueOf(this),
        this.shape.map((_, i) => this.ndim - 1 - i),
      ),
    );
  }

  /** Each matrix of a batch transposed: the last two dims exchanged. A tensor without dims as it is. */
  get mT(): Tensor {
    if (this.ndim === 0) return this.#reshaped([]);
    if (this.ndim === 1) throw tooFewDims("mT", this.shape, 2);
    return this.#exchanged("mT", -2, -1);
  }

  /**
   * Dims moved to other places; the others keep their order.
   *
   * @example
   * zeros([2, 3, 4]).movedim(0, -1).shape; // [3, 4, 2]
   */
  movedim(source: number | readonly number[], destination: number | readonly number[]): Tensor {
    const rank = this.ndim;
    const from = distinctDims("movedim", typeof source === "number" ? [source] : source, rank);
    const to = distinctDims("movedim", typeof destination === "number" ? [destination] : destination, rank);
    if (from.length !== to.length) {
      throw new TwopassError({
        op: "movedim",
        problem: "source and destination differ in length",
        facts: `${showShape(from)} and ${showShape(to)}`,
      });
    }
    const rest = this.shape.map((_, i) => i).filter((i) => !from.includes(i));
    const order = this.shape.map((_, i) =>
      to.includes(i) ? (from[to.indexOf(i)] as number) : (rest.shift() as number),
    );
    return this.result(kit.permute(valueOf(this), order));
  }

  /**
   * Dims of extent 1 repeated, new dims in front; −1 keeps an extent. Nothing is copied.
   *
   * @example
   * zeros([3, 1]).expand(2, -1, 4).shape; // [2, 3, 4]
   */
  expand(...sizes: SizeList): Tensor {
    const to = sizesOf("expand", sizes);
    const behind = to.length - this.ndim;
    return this.#expanded(
      "expand",
      to.map((n, i) => (n === -1 && i >= behind ? (this.shape[i - behind] as number) : n)),
    );
  }

  /** Expanded to the shape of `other`. */
  expandAs(other: Tensor): Tensor {
    return this.#expanded("expandAs", other.shape);
  }

  /** Expanded to a shape, as an operation with a tensor of that shape would do. */
  broadcastTo(...shape: SizeList): Tensor {
    return this.#expanded("broadcastTo", sizesOf("broadcastTo", shape));
  }

  #expanded(op: string, shape: readonly number[]): Tensor {
    const from = this.shape;
    const behind = shape.length - from.length;
    const bad = from.findIndex((n, i) => n !== 1 && n !== shape[i + behind]);
    if (behind < 0 || bad >= 0) {
      throw new TwopassError({
        op,
        problem: "only dims of extent 1 can be repeated",
        facts: `${showShape(from)} to ${showShape(shape)}${behind < 0 ? ", which has fewer dims" : ` differs in dim ${bad}`}`,
        hint: "dims are matched from the last",
        shapes: [from, shape],
      });
    }
    return this.result(kit.broadcast(valueOf(this), checkShape(op, shape)));
  }

  /**
   * Without dims of extent 1: all of them, or those among `dim`.
   *
   * @example
   * zeros([1, 3, 1]).squeeze(0).shape; // [3, 1]
   */
  squeeze(dim?: number | readonly number[]): Tensor {
    const dims = normalizeDims("squeeze", dim, this.ndim);
    return this.#reshaped(this.shape.filter((n, i) => n !== 1 || !dims.includes(i)));
  }

  /** A new dim of extent 1 at `dim`, which counts the new one: −1 is behind all others. */
  unsqueeze(dim: number): Tensor {
    return this.#reshaped(this.shape.toSpliced(normalizeDim("unsqueeze", dim, this.ndim + 1), 0, 1));
  }

  /** With at least one dim. */
  atleast1d(): Tensor {
    return this.#reshaped(this.ndim === 0 ? [1] : this.shape);
  }

  /** With at least two dims: [n] becomes [1, n]. */
  atleast2d(): Tensor {
    return this.#reshaped(this.ndim >= 2 ? this.shape : [1, this.shape[0] ?? 1]);
  }

  /** With at least three dims: [n] becomes [1, n, 1] and [m, n] becomes [m, n, 1]. */
  atleast3d(): Tensor {
    if (this.ndim >= 3) return this.#reshaped(this.shape);
    return this.#reshaped(this.ndim === 2 ? [...this.shape, 1] : [1, this.shape[0] ?? 1, 1]);
  }

  /** The tensor as it is: there are no strides to tidy up. Here so that code written for PyTorch runs. */
  contiguous(): Tensor {
    return this.#reshaped(this.shape);
  }

  /**
   * The sum along the dims that an expand to this shape would have repeated: the opposite of `expand`.
   *
   * @throws if `sizes` cannot be expanded to this shape.
   * @example
   * await tensor([[1, 2], [3, 4]]).sumToSize(1, 2).array(); // [[4, 6]]
   */
  sumToSize(...sizes: SizeList): Tensor {
    const to = sizesOf("sumToSize", sizes);
    const added = this.ndim - to.length;
    if (added < 0 || to.some((n, i) => n !== 1 && n !== this.shape[i + added])) {
      throw new TwopassError({
        op: "sumToSize",
        problem: "the sizes must be those of a tensor that can be expanded to this one",
        facts: `${showShape(to)} and ${showShape(this.shape)}`,
        shapes: [to, this.shape],
      });
    }
    const dims = this.shape.map((_, i) => i).filter((i) => i < added || to[i - added] !== this.shape[i]);
    return this.result(kit.reshape(kit.sum(valueOf(this), dims), to));
  }
}

/** Throws unless there is a dim. */
export function checkNotScalar(op: string, shape: Shape): void {
  if (shape.length === 0) throw tooFewDims(op, shape, 1);
}

/** The error of an operation that needs more dims. */
export function tooFewDims(op: string, shape: Shape, least: number): TwopassError {
  return new TwopassError({
    op,
    problem: `the tensor must have at least ${least} ${least === 1 ? "dim" : "dims"}`,
    facts: `got ${showShape(shape)}`,
    shapes: [shape],
  });
}
