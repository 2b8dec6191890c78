/** What is chosen by masks and by values, not by positions. Results whose shape depends on values are promises. Floor: tensor. */
import type { TypedArray } from "../base/dtype.ts";
import { TwopassError, checkOptions, showShape } from "../base/errors.ts";
import { type Shape, broadcastShapes, normalizeDim, sizeOf, stridesOf } from "../base/shape.ts";
import type { Leaf, Value } from "../ir/value.ts";
import { checkedIndex, foldAround, takeAt } from "../ops/composite/indexing.ts";
import { kit } from "../ops/kit.ts";
import { makeLeaf } from "../ops/leaf.ts";
import { forEachIndex } from "../ops/record.ts";
import { checkTensor } from "./arguments.ts";
import { type TensorHandle, valueOf } from "./handle.ts";
import { indexValue } from "./index-items.ts";
import { Inner } from "./inner.ts";
import { checkWhole } from "./options.ts";
import { type Operand, tensorsIn } from "./operand.ts";
import { ScatteringMethods } from "./scattering.ts";
import type { Tensor } from "./tensor.ts";

/** Distinct values: see `unique`. */
export interface Unique {
  readonly values: Tensor;
  /** For each element (or part along `dim`) its place in `values`, int32. */
  readonly inverse: Tensor;
  /** How often each value comes, int32. */
  readonly counts: Tensor;
}

export abstract class ChoosingMethods extends ScatteringMethods {
  /**
   * `value` where the mask holds, this tensor elsewhere, in its dtype. The shapes broadcast.
   *
   * @param value a number or a tensor of one element.
   * @example
   * await tensor([1, -2, 3]).maskedFill(tensor([false, true, false]), 0).array(); // [1, 0, 3]
   */
  maskedFill(mask: Tensor, value: Operand): Tensor {
    const m = maskValue("maskedFill", mask);
    const content = this.content("maskedFill", value);
    if (sizeOf(content.shape) !== 1) {
      throw new TwopassError({
        op: "maskedFill",
        problem: "the value must be one element",
        facts: `got ${showShape(content.shape)}`,
        hint: "use x.where(mask, y) for several",
      });
    }
    broadcastShapes("maskedFill", this.shape, m.shape);
    return this.result(kit.where(m, kit.reshape(content, []), valueOf(this)), [mask, ...tensorsIn([value])]);
  }

  /**
   * The elements of `source`, in row-major order, put one by one where the mask holds. The mask broadcasts to this shape.
   * `source` has this dtype and at least as many elements as the mask holds.
   *
   * @example
   * const mask = bool([true, false, true]);
   * await zeros(3).maskedScatter(mask, tensor([1, 2, 3])).array(); // [1, 0, 2]
   */
  maskedScatter(mask: Tensor, source: Tensor): Tensor {
    const m = maskValue("maskedScatter", mask);
    this.checkSource("maskedScatter", source);
    const shape = broadcastShapes("maskedScatter", this.shape, m.shape);
    if (source.size === 0 && sizeOf(shape) > 0) {
      throw new TwopassError({ op: "maskedScatter", problem: "the source is empty", facts: showShape(source.shape) });
    }
    const x = kit.broadcast(valueOf(this), shape);
    const held = kit.broadcast(m, shape);
    const line = kit.cast(kit.reshape(held, [sizeOf(shape)]), "int32");
    // The place in the source is the number of places before; where the mask does not hold it is not used.
    const place = kit.mul(kit.sub(kit.cumulate(line), 1), line);
    const taken = kit.gather(kit.reshape(valueOf(source), [source.size]), place, 0);
    return this.result(kit.where(held, kit.reshape(taken, shape), x), [mask, source]);
  }

  /**
   * The elements where the mask holds, in one dim. The shapes broadcast. Reads the mask.
   *
   * Differs from PyTorch: the result is a promise, since its shape depends on values.
   *
   * @example
   * const x = tensor([1, -2, 3]);
   * await (await x.maskedSelect(x.gt(0))).array(); // [1, 3]
   */
  async maskedSelect(mask: Tensor): Promise<Tensor> {
    const shape = broadcastShapes("maskedSelect", this.shape, maskValue("maskedSelect", mask).shape);
    const line = kit.reshape(kit.broadcast(valueOf(this), shape), [sizeOf(shape)]);
    const held = await mask.data();
    const front = new Array<number>(shape.length - mask.ndim).fill(0);
    const strides = stridesOf(mask.shape).map((s, i) => (mask.shape[i] === 1 ? 0 : s));
    const places: number[] = [];
    forEachIndex(shape, [...front, ...strides], 0, (i, at) => {
      if (held[at] !== 0) places.push(i);
    });
    return this.result(takeAt(kit, line, intLeaf([places.length], Int32Array.from(places)), 0), [mask]);
  }

  /**
   * Where elements are not 0: one row of positions for each, int32 [n, dims]. With `asTuple` one tensor [n] for each dim,
   * as `at` takes them. Reads the tensor.
   *
   * @example
   * await (await tensor([[1, 0], [0, 4]]).nonzero()).array(); // [[0, 0], [1, 1]]
   */
  async nonzero(options?: { readonly asTuple?: false }): Promise<Tensor>;
  async nonzero(options: { readonly asTuple: true }): Promise<Tensor[]>;
  async nonzero(options: { readonly asTuple?: boolean } = {}): Promise<Tensor | Tensor[]> {
    checkOptions("nonzero", options, ["asTuple"]);
    const shape = options.asTuple === true && this.ndim === 0 ? [1] : this.shape;
    const data = await this.data();
    const places: number[] = [];
    data.forEach((x, i) => {
      if (x !== 0) places.push(i);
    });
    const strides = stridesOf(shape);
    const along = (d: number): number[] =>
      places.map((i) => Math.floor(i / (strides[d] as number)) % (shape[d] as number));
    if (options.asTuple === true) return shape.map((_, d) => this.#ints([places.length], along(d)));
    const columns = shape.map((_, d) => along(d));
    return this.#ints(
      [places.length, shape.length],
      places.flatMap((_, i) => columns.map((c) => c[i] as number)),
    );
  }

  /** `nonzero` under its other name. */
  async argwhere(): Promise<Tensor> {
    return this.nonzero();
  }

  /**
   * The distinct elements in increasing order, or the distinct parts along `dim` in lexicographic order; where each came
   * from and how often it came. A NaN equals nothing. Reads the tensor; gradients flow to the first of equal elements.
   *
   * Differs from PyTorch: the result always has all three tensors, and is sorted.
   *
   * @param options.dim default: the elements of the flattened tensor.
   * @example
   * const { values, counts } = await tensor([3, 1, 3]).unique();
   * await values.array(); // [1, 3]
   */
  async unique(options: { readonly dim?: number } = {}): Promise<Unique> {
    return this.#distinct("unique", options, true);
  }

  /** `unique` that joins only neighbours that are equal, and keeps their order. */
  async uniqueConsecutive(options: { readonly dim?: number } = {}): Promise<Unique> {
    return this.#distinct("uniqueConsecutive", options, false);
  }

  async #distinct(op: string, options: { readonly dim?: number }, sorted: boolean): Promise<Unique> {
    checkOptions(op, options, ["dim"]);
    const at = options.dim === undefined ? undefined : normalizeDim(op, options.dim, this.ndim);
    const whole = at === undefined || this.ndim === 0;
    const x = whole ? kit.reshape(valueOf(this), [this.size]) : valueOf(this);
    const { first, inverse, counts } = groupParts(await this.data(), foldAround(x.shape, whole ? 0 : at), sorted);
    const index = intLeaf([first.length], Int32Array.from(first));
    return {
      values: this.result(takeAt(kit, x, index, whole ? 0 : at)),
      inverse: this.#ints(whole && at === undefined ? this.shape : [inverse.length], inverse),
      counts: this.#ints([counts.length], counts),
    };
  }

  /**
   * 1 at the class that each element names, 0 at all others, in a new last dim: int32 [..., classes].
   *
   * @param classes number of classes; default: the largest element + 1, for tensors whose elements are there.
   * @throws for elements that are no classes.
   * @example
   * await tensor([1, 0], { dtype: "int32" }).oneHot(3).array(); // [[0, 1, 0], [1, 0, 0]]
   */
  oneHot(classes = -1): Tensor {
    checkWhole("oneHot", "the number of classes", classes, -1);
    const leaf = valueOf(this).leaf;
    if (classes < 0 && leaf?.kind !== "data") {
      throw new TwopassError({
        op: "oneHot",
        problem: "the number of classes is not known before the tensor is computed",
        facts: `${this.dtype} ${showShape(this.shape)}`,
        hint: "give it: x.oneHot(10)",
      });
    }
    const size = classes < 0 ? largest(leaf) + 1 : classes;
    if (size === 0) {
      throw new TwopassError({
        op: "oneHot",
        problem: "there must be at least one class",
        facts: showShape(this.shape),
      });
    }
    const places = indexValue("oneHot", this, { size, wrap: false });
    const checked = places.leaf?.kind === "data" ? places : checkedIndex(kit, places, size);
    const shape = [...this.shape, size];
    const line = kit.reshape(checked, [...this.shape, 1]);
    return this.result(kit.cast(kit.eq(kit.expand(line, shape), kit.iota(shape, this.ndim)), "int32"));
  }

  /** A tensor of int32 elements that were computed here. */
  #ints(shape: Shape, elements: readonly number[]): Tensor {
    return this.wrap(new Inner(intLeaf(shape, Int32Array.from(elements)), undefined));
  }
}

function intLeaf(shape: Shape, data: Int32Array): Value {
  return makeLeaf(shape, "int32", { kind: "data", data });
}

function maskValue(op: string, mask: TensorHandle): Value {
  checkTensor(op, "the mask", mask);
  const value = valueOf(mask);
  if (value.dtype === "bool") return value;
  throw new TwopassError({
    op,
    problem: "a mask must be bool",
    facts: `got ${value.dtype} ${showShape(value.shape)}`,
    hint: "compare first: x.gt(0), or convert it with .bool()",
    dtypes: [value.dtype],
  });
}

/** The largest of elements that are there, or −1. */
function largest(leaf: Leaf | undefined): number {
  let most = -1;
  if (leaf?.kind === "data") for (const x of leaf.data) most = Math.max(most, x);
  return most;
}

/** Equal parts of [before, n, behind] along the middle: the first of each group, the group of each, their sizes. */
function groupParts(
  data: TypedArray,
  [before, n, behind]: readonly [number, number, number],
  sorted: boolean,
): { first: number[]; inverse: number[]; counts: number[] } {
  /** The first pair of elements that differ, undefined where the parts are equal. In order a NaN is like another one. */
  const difference = (i: number, j: number, ordered: boolean): readonly [number, number] | undefined => {
    for (let a = 0; a < before; a++) {
      for (let b = 0; b < behind; b++) {
        const x = data[(a * n + i) * behind + b] as number;
        const y = data[(a * n + j) * behind + b] as number;
        if (x !== y && !(ordered && x !== x && y !== y)) return [x, y];
      }
    }
    return undefined;
  };
  const order = Array.from({ length: n }, (_, i) => i);
  if (sorted) {
    order.sort((i, j) => {
      const [x, y] = difference(i, j, true) ?? [i, j];
      return x !== x || x > y ? 1 : -1;
    });
  }
  const first: number[] = [];
  const counts: number[] = [];
  const inverse = new Array<number>(n).fill(0);
  order.forEach((i, position) => {
    const group = first.length - 1;
    if (position > 0 && difference(order[position - 1] as number, i, false) === undefined) {
      counts[group] = (counts[group] as number) + 1;
      inverse[i] = group;
    } else {
      first.push(i);
      counts.push(1);
      inverse[i] = group + 1;
    }
  });
  return { first, inverse, counts };
}
