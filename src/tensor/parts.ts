/** Parts of a tensor along one dim. Indexing along several is in indexing.ts. Floor: tensor. */
import { TwopassError, showShape } from "../base/errors.ts";
import { normalizeDim } from "../base/shape.ts";
import { blockAlong, reshaped } from "../ops/composite/indexing.ts";
import { slidingWindows } from "../ops/composite/layout.ts";
import { kit } from "../ops/kit.ts";
import { checkAnyWhole, sizesOf } from "./arguments.ts";
import { valueOf } from "./handle.ts";
import { checkWhole } from "./options.ts";
import type { Tensor } from "./tensor.ts";
import { ViewMethods, checkNotScalar, tooFewDims } from "./views.ts";

export abstract class PartMethods extends ViewMethods {
  /**
   * `length` elements of `dim` from `start`, which counts from the end if negative.
   *
   * @example
   * await tensor([1, 2, 3, 4]).narrow(0, 1, 2).array(); // [2, 3]
   */
  narrow(dim: number, start: number, length: number): Tensor {
    checkNotScalar("narrow", this.shape);
    const at = normalizeDim("narrow", dim, this.ndim);
    checkAnyWhole("narrow", "start", start);
    checkWhole("narrow", "length", length, 0);
    const n = this.shape[at] as number;
    const from = start < 0 ? start + n : start;
    if (from < 0 || from + length > n) {
      throw new TwopassError({
        op: "narrow",
        problem: "the part reaches out of the dim",
        facts: `${length} from ${start} of dim ${at} with ${n} elements, shape ${showShape(this.shape)}`,
        shapes: [this.shape],
      });
    }
    return this.result(blockAlong(kit, valueOf(this), at, from, from + length));
  }

  /** Part `index` of `dim`, which is removed; a negative index counts from the end. */
  select(dim: number, index: number): Tensor {
    checkNotScalar("select", this.shape);
    const at = normalizeDim("select", dim, this.ndim);
    checkAnyWhole("select", "index", index);
    const n = this.shape[at] as number;
    if (index < -n || index >= n) {
      throw new TwopassError({
        op: "select",
        problem: "index out of range",
        facts: `${index} of dim ${at} with ${n} elements, shape ${showShape(this.shape)}`,
        shapes: [this.shape],
      });
    }
    const from = index < 0 ? index + n : index;
    const part = blockAlong(kit, valueOf(this), at, from, from + 1);
    return this.result(reshaped(kit, part, this.shape.toSpliced(at, 1)));
  }

  /**
   * Parts one behind the other along `dim`: of `size` elements each (the last may be smaller), or of the given sizes,
   * which must add up to the extent.
   *
   * @example
   * zeros([5, 2]).split(2).map((part) => part.shape[0]); // [2, 2, 1]
   */
  split(size: number | readonly number[], dim = 0): Tensor[] {
    const n = this.#extent("split", dim);
    if (typeof size !== "number") {
      const sizes = sizesOf("split", [size]);
      const total = sizes.reduce((sum, s) => sum + s, 0);
      if (total !== n || sizes.some((s) => s < 0)) {
        throw new TwopassError({
          op: "split",
          problem: "the sizes must add up to the extent",
          facts: `${showShape(sizes)} add up to ${total}, dim ${dim} of ${showShape(this.shape)} has ${n}`,
          shapes: [this.shape],
        });
      }
      let end = 0;
      return this.#parts(
        dim,
        sizes.map((s) => [end, (end += s)]),
      );
    }
    checkWhole("split", "size", size, n === 0 ? 0 : 1);
    const count = n === 0 ? 1 : Math.ceil(n / size);
    return this.#parts(
      dim,
      Array.from({ length: count }, (_, i) => [i * size, Math.min((i + 1) * size, n)]),
    );
  }

  /** At most `count` parts of equal size along `dim`; the last may be smaller. */
  chunk(count: number, dim = 0): Tensor[] {
    checkWhole("chunk", "count", count, 1);
    const n = this.#extent("chunk", dim);
    if (n === 0)
      return this.#parts(
        dim,
        Array.from({ length: count }, () => [0, 0]),
      );
    return this.split(Math.ceil(n / count), dim);
  }

  /**
   * Exactly `count` parts along `dim`, the first ones larger by one where it does not divide evenly; or the parts between
   * the given positions.
   *
   * @example
   * zeros([7]).tensorSplit(3).map((part) => part.size); // [3, 2, 2]
   */
  tensorSplit(count: number | readonly number[], dim = 0): Tensor[] {
    const n = this.#extent("tensorSplit", dim);
    let ends: number[];
    if (typeof count === "number") {
      checkWhole("tensorSplit", "count", count, 1);
      const small = Math.floor(n / count);
      ends = Array.from({ length: count }, (_, i) => (i + 1) * small + Math.min(i + 1, n % count));
    } else {
      const wrapped = sizesOf("tensorSplit", [count]).map((i) => (i < 0 ? i + n : i));
      ends = [...wrapped.map((i) => Math.max(0, Math.min(i, n))), n];
    }
    let start = 0;
    return this.#parts(
      dim,
      ends.map((end) => {
        const part: [number, number] = [Math.min(start, end), end];
        start = end;
        return part;
      }),
    );
  }

  /** `tensorSplit` along dim 1, or dim 0 of a tensor of one dim. A count must divide the extent. */
  hsplit(count: number | readonly number[]): Tensor[] {
    return this.#evenly("hsplit", count, this.ndim === 1 ? 0 : 1, 1);
  }

  /** `tensorSplit` along dim 0 of a tensor of two or more dims. A count must divide the extent. */
  vsplit(count: number | readonly number[]): Tensor[] {
    return this.#evenly("vsplit", count, 0, 2);
  }

  /** `tensorSplit` along dim 2. A count must divide the extent. */
  dsplit(count: number | readonly number[]): Tensor[] {
    return this.#evenly("dsplit", count, 2, 3);
  }

  #evenly(op: string, count: number | readonly number[], dim: number, least: number): Tensor[] {
    if (this.ndim < least) throw tooFewDims(op, this.shape, least);
    const n = this.shape[dim] as number;
    if (typeof count === "number" && !(count > 0 && n % count === 0)) {
      throw new TwopassError({
        op,
        problem: "the count must divide the extent",
        facts: `${count} parts of dim ${dim} with ${n} elements`,
        hint: "tensorSplit takes any count",
      });
    }
    return this.tensorSplit(count, dim);
  }

  /** All parts along `dim`, which is removed. */
  unbind(dim = 0): Tensor[] {
    const n = this.#extent("unbind", dim);
    return Array.from({ length: n }, (_, i) => this.select(dim, i));
  }

  /**
   * Windows of `size` elements along `dim`, one every `step`: the dim counts windows, a new last dim their elements.
   *
   * @example
   * await tensor([1, 2, 3, 4]).unfold(0, 2, 1).array(); // [[1, 2], [2, 3], [3, 4]]
   */
  unfold(dim: number, size: number, step: number): Tensor {
    const at = normalizeDim("unfold", dim, this.ndim);
    checkWhole("unfold", "size", size, 0);
    checkWhole("unfold", "step", step, 1);
    const x = this.ndim === 0 ? kit.reshape(valueOf(this), [1]) : valueOf(this);
    const n = x.shape[at] as number;
    if (size > n) {
      throw new TwopassError({
        op: "unfold",
        problem: "the window is larger than the dim",
        facts: `size ${size}, dim ${at} of ${showShape(this.shape)} has ${n}`,
        shapes: [this.shape],
      });
    }
    const windows = slidingWindows(kit, x, at, size, step);
    return this.result(this.ndim === 0 ? kit.reshape(windows, [size]) : windows);
  }

  /** The extent of a dim that there must be. */
  #extent(op: string, dim: number): number {
    checkNotScalar(op, this.shape);
    return this.shape[normalizeDim(op, dim, this.ndim)] as number;
  }

  /** The parts from start to end along `dim`. */
  #parts(dim: number, places: readonly (readonly [number, number])[]): Tensor[] {
    const at = normalizeDim("split", dim, this.ndim);
    return places.map(([start, end]) => this.result(blockAlong(kit, valueOf(this), at, start, end)));
  }
}
