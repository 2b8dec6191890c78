/** Reading and writing at positions. Along one dim: scattering.ts; by masks and values: choosing.ts. Floor: tensor. */
import { withMode } from "../ir/mode.ts";
import { castElement } from "../base/dtype.ts";
import { TwopassError, checkOptions, describe, showShape } from "../base/errors.ts";
import { type Shape, normalizeDim, sameShape, sizeOf } from "../base/shape.ts";
import type { Value } from "../ir/value.ts";
import { add } from "../ops/composite/elementwise.ts";
import { addAt, fillAt, setAt, takeAt } from "../ops/composite/indexing.ts";
import { diagonalInto } from "../ops/composite/layout.ts";
import { kit } from "../ops/kit.ts";
import { checkTensor, distinctDims } from "./arguments.ts";
import { ArrangingMethods } from "./arranging.ts";
import { TensorHandle, valueOf } from "./handle.ts";
import {
  type Index,
  type IndexItem,
  foldRegion,
  indexTensors,
  indexValue,
  readItems,
  sliceRegion,
} from "./index-items.ts";
import { checkWhole } from "./options.ts";
import { type Operand, numberValue, tensorsIn } from "./operand.ts";
import type { Tensor } from "./tensor.ts";

export abstract class IndexingMethods extends ArrangingMethods {
  /**
   * Part of the tensor, one argument a dim:
   * a number takes one position and removes the dim, a slice text `"1:3"`, `"::2"` or `"::-1"` a range, `"..."` stands for
   * all dims not named, `null` makes a dim of extent 1, an int32 tensor or `number[]` takes these positions. Several index
   * tensors broadcast together; their dims take the place of those they index where these are neighbours, else come first.
   * Negative positions count from the end.
   *
   * Differs from PyTorch: slices may have negative steps; a mask throws, since the shape would depend on values; uint8
   * is positions, never a mask.
   *
   * @throws for positions out of range, more indices than dims, and index tensors that are neither int32 nor uint8.
   * @example
   * await tensor([[1, 2, 3], [4, 5, 6]]).at(1, "::2").array(); // [4, 6]
   */
  at(...items: IndexItem[]): Tensor {
    const x = valueOf(this);
    const region = readItems("at", x.shape, items);
    const slice = sliceRegion(x, region);
    if (region.indices.length === 0) return this.result(slice);
    const { x: rows, index, shape } = foldRegion(slice, region);
    const taken = withMode({ call: "at" }, () => takeAt(kit, rows, index, 1));
    return this.result(kit.reshape(taken, shape), indexTensors(items));
  }

  /**
   * A new tensor that is this one but for the part `items`, written as in `at`, which is `value`: a number, or a tensor that
   * broadcasts to the part. Where a position comes twice the last value stays. A mask as the only item (or behind
   * `"..."`) takes a value that broadcasts to the dims that the mask leaves.
   *
   * @param options.accumulate adds the value, where a position comes twice both; default false.
   * @throws as `at` does, and if the value does not broadcast to the part.
   * @example
   * await zeros([2, 3]).set([0, "1:"], 7).array(); // [[0, 7, 7], [0, 0, 0]]
   */
  set(items: readonly IndexItem[], value: Operand, options: { readonly accumulate?: boolean } = {}): Tensor {
    checkOptions("set", options, ["accumulate"]);
    const adds = options.accumulate === true;
    if (!Array.isArray(items)) {
      throw new TwopassError({
        op: "set",
        problem: "the index is an array",
        facts: `got ${describe(items)}`,
        hint: 'write x.set([0, "1:3"], value)',
      });
    }
    const x = valueOf(this);
    const content = this.content("set", value);
    const others = [...indexTensors(items), ...tensorsIn([value])];
    if (items.some((item) => item instanceof TensorHandle && item.dtype === "bool")) {
      return this.result(setByMask(x, items, content, adds), others);
    }
    const region = readItems("set", x.shape, items);
    if (sizeOf(region.size) === 0) return this.result(x, others);
    const slice = sliceRegion(x, region);
    let part: Value;
    if (region.indices.length === 0) {
      const source = fitted("set", content, region.shape);
      part = adds ? add(kit, slice, source) : source;
    } else {
      const { x: rows, index, shape, unfold } = foldRegion(slice, region);
      const n = sizeOf(index.shape);
      const line = kit.reshape(index, [1, n, 1]);
      const extents = rows.shape.with(1, n);
      const source = kit.reshape(fitted("set", content, shape), extents);
      const isOne = sizeOf(content.shape) === 1;
      if (adds) part = addAt(kit, rows, line, source, 1);
      else if (isOne) part = fillAt(kit, rows, line, kit.reshape(content, []), 1, extents);
      else part = setAt(kit, rows, line, source, 1);
      part = unfold(part);
    }
    const sized = kit.reshape(part, region.size);
    if (sameShape(region.size, x.shape) && region.step.every((s) => s > 0)) return this.result(sized, others);
    const { start, step } = region;
    const inside = kit.unslice(kit.full(region.size, 1, "bool"), x.shape, { start, step });
    return this.result(kit.where(inside, kit.unslice(sized, x.shape, { start, step }), x), others);
  }

  /** `set` under PyTorch's name. */
  indexPut(items: readonly IndexItem[], value: Operand, options?: { readonly accumulate?: boolean }): Tensor {
    return this.set(items, value, options);
  }

  /** A value to write, in the dtype of this tensor. */
  protected content(op: string, value: Operand): Value {
    if (typeof value === "number" || typeof value === "boolean") {
      return numberValue(castElement(this.dtype, Number(value)), this.dtype);
    }
    checkTensor(op, "the value", value);
    return kit.cast(valueOf(value), this.dtype);
  }

  /** Throws unless a source has the dtype of this tensor. */
  protected checkSource(op: string, source: unknown): asserts source is TensorHandle {
    checkTensor(op, "the source", source);
    if (source.dtype === this.dtype) return;
    throw new TwopassError({
      op,
      problem: "the source must have the tensor's dtype",
      facts: `${source.dtype} into ${this.dtype}`,
      hint: `convert it with .to("${this.dtype}")`,
      dtypes: [source.dtype, this.dtype],
    });
  }

  /**
   * The elements at positions in the flattened tensor, in the shape of the index; negative positions count from the end.
   *
   * @example
   * await tensor([[1, 2], [3, 4]]).take([3, 0]).array(); // [4, 1]
   */
  take(index: Index): Tensor {
    const line = kit.reshape(valueOf(this), [this.size]);
    const places = indexValue("take", index, { size: this.size, wrap: true });
    const taken = kit.gather(line, kit.reshape(places, [sizeOf(places.shape)]), 0);
    return this.result(kit.reshape(taken, places.shape), indexTensors([index]));
  }

  /**
   * A new tensor that is this one but for the elements of `source` at positions in the flattened tensor, put there or, with
   * `accumulate`, added. `source` has as many elements as the index, and this dtype.
   *
   * @param options.accumulate default false: the last of equal positions stays.
   * @example
   * await zeros(2, 2).put([0, 3], tensor([1, 2])).array(); // [[1, 0], [0, 2]]
   */
  put(index: Index, source: Tensor, options: { readonly accumulate?: boolean } = {}): Tensor {
    checkOptions("put", options, ["accumulate"]);
    this.checkSource("put", source);
    const places = indexValue("put", index, { size: this.size, wrap: true });
    const n = sizeOf(places.shape);
    if (n !== source.size) {
      throw new TwopassError({
        op: "put",
        problem: "the source must have as many elements as the index",
        facts: `${source.size} and ${n}`,
        shapes: [source.shape, places.shape],
      });
    }
    const write = options.accumulate === true ? addAt : setAt;
    const line = kit.reshape(valueOf(this), [this.size]);
    const y = write(kit, line, kit.reshape(places, [n]), kit.reshape(valueOf(source), [n]), 0);
    return this.result(kit.reshape(y, this.shape), [...indexTensors([index]), source]);
  }

  /** A new tensor that is this one but for `source` at position `index` of `dim`, which source lacks. */
  selectScatter(source: Tensor, dim: number, index: number): Tensor {
    const at = normalizeDim("selectScatter", dim, this.ndim);
    return this.set([...new Array<":">(at).fill(":"), index], source);
  }

  /** A new tensor that is this one but for `source` at start, start + step, ... below `end` of `dim`. */
  sliceScatter(source: Tensor, dim = 0, start?: number, end?: number, step = 1): Tensor {
    const at = normalizeDim("sliceScatter", dim, this.ndim);
    checkWhole("sliceScatter", "step", step, 1);
    return this.set([...new Array<":">(at).fill(":"), `${start ?? ""}:${end ?? ""}:${step}`], source);
  }

  /** A new tensor that is this one but for `source` on a diagonal, as `diagonal` would read it. */
  diagonalScatter(source: Tensor, offset = 0, dim1 = 0, dim2 = 1): Tensor {
    this.checkSource("diagonalScatter", source);
    const [a, b] = distinctDims("diagonalScatter", [dim1, dim2], this.ndim) as [number, number];
    const rest = this.shape.map((_, i) => i).filter((i) => i !== a && i !== b);
    const order = [...rest, a, b];
    const x = kit.permute(valueOf(this), order);
    const [n, m] = x.shape.slice(-2) as [number, number];
    const length = Math.max(0, Math.min(n - Math.max(-offset, 0), m - Math.max(offset, 0)));
    const needed = [...x.shape.slice(0, -2), length];
    if (!sameShape(source.shape, needed)) {
      throw new TwopassError({
        op: "diagonalScatter",
        problem: "the source does not fit the diagonal",
        facts: `${showShape(source.shape)}, needed is ${showShape(needed)}`,
        shapes: [source.shape, needed],
      });
    }
    const inside = diagonalInto(kit, kit.full(needed, 1, "bool"), n, m, offset);
    const y = kit.where(inside, diagonalInto(kit, valueOf(source), n, m, offset), x);
    return this.result(
      kit.permute(
        y,
        order.map((_, i) => order.indexOf(i)),
      ),
      [source],
    );
  }
}

/** A value to write, repeated to the shape of the part that it is written to. */
function fitted(op: string, value: Value, shape: Shape): Value {
  const behind = shape.length - value.shape.length;
  if (behind >= 0 && value.shape.every((n, i) => n === 1 || n === shape[i + behind]))
    return kit.broadcast(value, shape);
  throw new TwopassError({
    op,
    problem: "the value does not fit the part",
    facts: `${showShape(value.shape)} into ${showShape(shape)}`,
    hint: "it must broadcast to the part's shape",
    shapes: [value.shape, shape],
  });
}

/** x with `content` where a mask over the first (or, behind "...", the last) dims holds. */
function setByMask(x: Value, items: readonly IndexItem[], content: Value, adds: boolean): Value {
  const behind = items.length === 2 && items[0] === "...";
  const item = items[behind ? 1 : 0];
  const rest = x.shape.length - (item instanceof TensorHandle ? item.ndim : 0);
  if ((items.length !== 1 && !behind) || !(item instanceof TensorHandle)) {
    throw new TwopassError({
      op: "set",
      problem: "a mask must be the only index",
      facts: `got ${items.length} indices`,
      hint: "use x.where(mask, y), or x.maskedFill(mask, value)",
    });
  }
  const shape = behind ? x.shape.slice(Math.max(rest, 0)) : x.shape.slice(0, item.ndim);
  if (!sameShape(shape, item.shape)) {
    throw new TwopassError({
      op: "set",
      problem: "the mask must have the extents of the dims that it covers",
      facts: `mask ${showShape(item.shape)}, tensor ${showShape(x.shape)}`,
      shapes: [item.shape, x.shape],
    });
  }
  const left = behind ? [] : x.shape.slice(item.ndim);
  const mask = kit.reshape(valueOf(item), [
    ...(behind ? [] : item.shape),
    ...left.map(() => 1),
    ...(behind ? item.shape : []),
  ]);
  const value = fitted("set", content, left);
  return kit.where(kit.broadcast(mask, x.shape), adds ? add(kit, x, kit.broadcast(value, x.shape)) : value, x);
}
