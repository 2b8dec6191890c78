/**
 * Extremes, order and running folds along a dim. Positions are int32 without gradient; values are gathered by them, so
 * gradients flow to where they came from. Floor: tensor.
 */
import { isFloating } from "../base/dtype.ts";
import { TwopassError, checkOptions, showShape } from "../base/errors.ts";
import { normalizeDim, normalizeDims, sameShape, sizeOf } from "../base/shape.ts";
import type { Value } from "../ir/value.ts";
import * as composite from "../ops/composite/reduction.ts";
import { kit } from "../ops/kit.ts";
import * as scan from "../ops/composite/scan.ts";
import { ActivationMethods } from "./activations.ts";
import { promoteTensors } from "./arguments.ts";
import { type Dims, type DtypeOptions, type KeepdimOptions, checkDtype, checkWhole, splitOptions } from "./options.ts";
import type { TensorHandle } from "./handle.ts";
import { valueOf } from "./handle.ts";
import { toFloating } from "./operand.ts";
import type { Tensor } from "./tensor.ts";

/** Elements that were chosen along a dim, and where they were. */
export interface Selection {
  readonly values: Tensor;
  /** Positions along the dim, int32. */
  readonly indices: Tensor;
}

export interface Extremes {
  readonly min: Tensor;
  readonly max: Tensor;
}

export interface SortOptions {
  /** Whether the largest comes first; default false. */
  readonly descending?: boolean;
  /** Whether equal elements keep their order; they always do. */
  readonly stable?: boolean;
}

export interface TopkOptions {
  /** Whether the largest are taken, else the smallest; default true. */
  readonly largest?: boolean;
  /** Whether they come in order; they always do. */
  readonly sorted?: boolean;
}

export interface DiffOptions {
  /** How often differences are taken; default 1. */
  readonly n?: number;
  /** Elements in front along the dim. */
  readonly prepend?: TensorHandle;
  /** Elements behind along the dim. */
  readonly append?: TensorHandle;
}

const keepdimOnly = ["keepdim"];

export abstract class SelectionMethods extends ActivationMethods {
  /** A fold along dims: `f` removes them, `keepdim` puts them back with extent 1. */
  protected reduce<O extends KeepdimOptions>(
    op: string,
    dims: Dims | O | undefined,
    options: O | undefined,
    known: readonly string[],
    f: (x: Value, dims: readonly number[], options: Partial<O>) => Value,
  ): Tensor {
    const given = splitOptions<Dims, O>(op, dims, options, known);
    const { first } = given;
    const all = first === undefined || first === null || (typeof first !== "number" && first.length === 0);
    const list = normalizeDims(op, all ? undefined : first, this.ndim);
    const x = valueOf(this);
    const y = f(x, list, given.options);
    return this.result(given.options.keepdim === true ? kit.reshape(y, keptShape(x, list)) : y);
  }

  /** Reads a dim, counted from the end unless given, and options behind it. */
  #readDim<O extends object>(
    op: string,
    dim: number | O | undefined,
    options: O | undefined,
    known: readonly string[],
  ) {
    const given = splitOptions<number, O>(op, dim, options, known);
    return { at: normalizeDim(op, given.first ?? -1, this.ndim), options: given.options };
  }

  /** This tensor as a vertex with at least one dim. */
  #rows(): Value {
    const x = valueOf(this);
    return x.shape.length === 0 ? kit.reshape(x, [1]) : x;
  }

  /** The result of a computation along a dim that keeps the shape. */
  #alike(y: Value): Tensor {
    return this.result(kit.reshape(y, this.shape));
  }

  /** Values and positions along `at`, from positions that lack the dim. */
  #select(x: Value, at: number, position: Value, keepdim: boolean): Selection {
    const values = composite.pick(kit, x, position, at);
    const shape = this.ndim === 0 ? [] : keepdim ? x.shape.with(at, 1) : position.shape;
    return { values: this.result(kit.reshape(values, shape)), indices: this.result(kit.reshape(position, shape)) };
  }

  /**
   * Largest element: of all, or along a dim with its position. NaN counts as the largest. Without a dim equal elements
   * share the gradient; with one the first gets it.
   *
   * Differs from PyTorch: of two tensors, use `maximum`.
   *
   * @throws where there is no element.
   * @example
   * const { values, indices } = tensor([[1, 5], [7, 3]]).max(1);
   * await values.array(); // [5, 7]
   * await indices.array(); // [1, 0]
   */
  max(): Tensor;
  max(dim: number, options?: KeepdimOptions): Selection;
  max(dim?: number, options?: KeepdimOptions): Tensor | Selection {
    if (dim !== undefined) return this.#extreme("max", dim, options, true);
    return this.reduce("max", undefined, options, keepdimOnly, (x, list) => extreme("max", x, list, true));
  }

  /** Smallest element: of all, or along a dim with its position, as `max` does. NaN counts as the smallest. */
  min(): Tensor;
  min(dim: number, options?: KeepdimOptions): Selection;
  min(dim?: number, options?: KeepdimOptions): Tensor | Selection {
    if (dim !== undefined) return this.#extreme("min", dim, options, false);
    return this.reduce("min", undefined, options, keepdimOnly, (x, list) => extreme("min", x, list, false));
  }

  #extreme(op: string, dim: number, options: KeepdimOptions | undefined, largest: boolean): Selection {
    checkOptions(op, options, keepdimOnly);
    const at = normalizeDim(op, dim, this.ndim);
    const x = this.#rows();
    checkNotEmpty(op, x, [at]);
    return this.#select(x, at, composite.extremePosition(kit, x, at, largest), options?.keepdim === true);
  }

  /** Largest element along dims, or of all. NaN if there is one. Equal elements share the gradient. */
  amax(dims?: Dims | KeepdimOptions, options?: KeepdimOptions): Tensor {
    return this.reduce("amax", dims, options, keepdimOnly, (x, list) => extreme("amax", x, list, true));
  }

  /** Smallest element along dims, or of all. NaN if there is one. Equal elements share the gradient. */
  amin(dims?: Dims | KeepdimOptions, options?: KeepdimOptions): Tensor {
    return this.reduce("amin", dims, options, keepdimOnly, (x, list) => extreme("amin", x, list, false));
  }

  /** Smallest and largest element, along a dim or of all. */
  aminmax(dim?: number | KeepdimOptions, options?: KeepdimOptions): Extremes {
    const both = (largest: boolean): Tensor =>
      this.reduce("aminmax", dim, options, keepdimOnly, (x, list) => extreme("aminmax", x, list, largest));
    return { min: both(false), max: both(true) };
  }

  /**
   * Position of the largest element, int32: along a dim, or in the flattened tensor. The first of equal ones.
   *
   * @example
   * await tensor([[1, 5], [7, 3]]).argmax(1).array(); // [1, 0]
   */
  argmax(dim?: number | KeepdimOptions, options?: KeepdimOptions): Tensor {
    return this.#position("argmax", dim, options, true);
  }

  /** Position of the smallest element, int32: along a dim, or in the flattened tensor. The first of equal ones. */
  argmin(dim?: number | KeepdimOptions, options?: KeepdimOptions): Tensor {
    return this.#position("argmin", dim, options, false);
  }

  #position(
    op: string,
    dim: number | KeepdimOptions | undefined,
    options: KeepdimOptions | undefined,
    largest: boolean,
  ): Tensor {
    return this.reduce(op, dim, options, keepdimOnly, (x, dims) => {
      const one = dims.length === 1 && x.shape.length > 1;
      const rows = one ? x : kit.reshape(x, [sizeOf(x.shape)]);
      const at = one ? (dims[0] as number) : 0;
      checkNotEmpty(op, rows, [at]);
      return composite.extremePosition(kit, rows, at, largest);
    });
  }

  /**
   * Lower median: of all elements, or along a dim with its position. NaN if there is one.
   *
   * @example
   * await tensor([4, 1, 3, 2]).median().item(); // 2
   */
  median(): Tensor;
  median(dim: number, options?: KeepdimOptions): Selection;
  median(dim?: number, options?: KeepdimOptions): Tensor | Selection {
    return this.#middle("median", dim, options, composite.medianPosition);
  }

  /** Lower median of the elements that are not NaN: of all, or along a dim with its position. */
  nanmedian(): Tensor;
  nanmedian(dim: number, options?: KeepdimOptions): Selection;
  nanmedian(dim?: number, options?: KeepdimOptions): Tensor | Selection {
    return this.#middle("nanmedian", dim, options, composite.nanmedianPosition);
  }

  #middle(
    op: string,
    dim: number | undefined,
    options: KeepdimOptions | undefined,
    position: typeof composite.medianPosition,
  ): Tensor | Selection {
    checkOptions(op, options, keepdimOnly);
    const x = dim === undefined ? kit.reshape(valueOf(this), [this.size]) : this.#rows();
    const at = dim === undefined ? 0 : normalizeDim(op, dim, this.ndim);
    checkNotEmpty(op, x, [at]);
    if (dim === undefined) return this.result(composite.pickShared(kit, x, (line) => position(kit, line, 0)));
    return this.#select(x, at, position(kit, x, at), options?.keepdim === true);
  }

  /**
   * The k-th smallest element along a dim (the last unless given), counted from 1, and its position.
   *
   * @throws for a k that is not from 1 to the extent of the dim.
   * @example
   * await tensor([4, 1, 3]).kthvalue(2).values.item(); // 3
   */
  kthvalue(k: number, dim?: number | KeepdimOptions, options?: KeepdimOptions): Selection {
    const { at, options: found } = this.#readDim("kthvalue", dim, options, keepdimOnly);
    const x = this.#rows();
    checkWhole("kthvalue", "k", k, 1, x.shape[at] as number);
    return this.#select(x, at, composite.rankPosition(kit, x, at, k - 1), found.keepdim === true);
  }

  /**
   * Elements in order along a dim (the last unless given), and where they were. Equal elements keep their order; NaN
   * counts as the largest.
   *
   * @example
   * await tensor([3, 1, 2]).sort({ descending: true }).indices.array(); // [0, 2, 1]
   */
  sort(dim?: number | SortOptions, options?: SortOptions): Selection {
    const { x, at, order } = this.#order("sort", dim, options);
    return { values: this.#alike(kit.gather(x, order, at)), indices: this.#alike(order) };
  }

  /** Positions that put the elements in order along a dim (the last unless given), int32. */
  argsort(dim?: number | SortOptions, options?: SortOptions): Tensor {
    return this.#alike(this.#order("argsort", dim, options).order);
  }

  #order(op: string, dim: number | SortOptions | undefined, options: SortOptions | undefined) {
    const { at, options: found } = this.#readDim(op, dim, options, ["descending", "stable"]);
    const x = this.#rows();
    return { x, at, order: composite.sortOrder(kit, x, at, found.descending === true) };
  }

  /**
   * The k largest elements along a dim (the last unless given) in order, and where they were.
   *
   * @throws for a k above the extent of the dim.
   * @example
   * await tensor([1, 4, 2, 3]).topk(2).values.array(); // [4, 3]
   */
  topk(k: number, dim?: number | TopkOptions, options?: TopkOptions): Selection {
    const { at, options: found } = this.#readDim("topk", dim, options, ["largest", "sorted"]);
    const x = this.#rows();
    checkWhole("topk", "k", k, 0, x.shape[at] as number);
    const order = kit.range(composite.sortOrder(kit, x, at, found.largest !== false), at, 0, k);
    const shape = this.ndim === 0 && k === 1 ? [] : order.shape;
    const values = kit.gather(x, order, at);
    return { values: this.result(kit.reshape(values, shape)), indices: this.result(kit.reshape(order, shape)) };
  }

  /**
   * Running sum along a dim: y[i] = x[0] + ... + x[i]. Integers and bool give int32.
   *
   * @param options.dtype type to cast to first.
   * @example
   * await tensor([1, 2, 3]).cumsum(0).array(); // [1, 3, 6]
   */
  cumsum(dim: number, options: DtypeOptions = {}): Tensor {
    return this.#running("cumsum", dim, options, scan.cumsum);
  }

  /** Running product along a dim: y[i] = x[0] · ... · x[i]. Integers and bool give int32. */
  cumprod(dim: number, options: DtypeOptions = {}): Tensor {
    return this.#running("cumprod", dim, options, scan.cumprod);
  }

  #running(op: string, dim: number, options: DtypeOptions, f: typeof scan.cumsum): Tensor {
    checkOptions(op, options, ["dtype"]);
    const at = normalizeDim(op, dim, this.ndim);
    return this.#alike(f(kit, widened(op, this.#rows(), options), at));
  }

  /** Running log Σ eˣ along a dim, stable. Integers become float32. */
  logcumsumexp(dim: number): Tensor {
    const at = normalizeDim("logcumsumexp", dim, this.ndim);
    return this.#alike(scan.logcumsumexp(kit, toFloating(this.#rows()), at));
  }

  /** Largest element so far along a dim, and where it was: the last of equal ones. NaN counts as the largest. */
  cummax(dim: number): Selection {
    return this.#runningExtreme("cummax", dim, true);
  }

  /** Smallest element so far along a dim, and where it was: the last of equal ones. NaN counts as the smallest. */
  cummin(dim: number): Selection {
    return this.#runningExtreme("cummin", dim, false);
  }

  #runningExtreme(op: string, dim: number, largest: boolean): Selection {
    const at = normalizeDim(op, dim, this.ndim);
    const x = this.#rows();
    const position = scan.runningPosition(kit, x, at, largest);
    return { values: this.#alike(kit.gather(x, position, at)), indices: this.#alike(position) };
  }

  /**
   * Differences of neighbours along a dim (the last unless given): y[i] = x[i + 1] − x[i]. For bool whether they differ.
   *
   * @example
   * await tensor([1, 4, 9]).diff().array(); // [3, 5]
   */
  diff(dim?: number | DiffOptions, options?: DiffOptions): Tensor {
    const { at, options: found } = this.#readDim("diff", dim, options, ["n", "prepend", "append"]);
    const times = checkWhole("diff", "n", found.n ?? 1, 0);
    if (this.ndim === 0) throw new TwopassError({ op: "diff", problem: "a 0-d tensor has no neighbours" });
    const ends = [found.prepend, found.append].filter((x) => x !== undefined);
    const parts = [found.prepend, this, found.append].filter((x) => x !== undefined);
    for (const end of ends) checkEnd(this.shape, end.shape, at);
    let x = kit.concat(promoteTensors("diff", parts), at);
    for (let i = 0; i < times; i++) x = composite.diff(kit, x, at);
    return this.result(times === 0 && ends.length === 0 ? kit.alias(x) : x, ends);
  }
}

function checkEnd(shape: readonly number[], end: readonly number[], at: number): void {
  if (end.length === shape.length && sameShape(end.with(at, 0), shape.with(at, 0))) return;
  throw new TwopassError({
    op: "diff",
    problem: "what is put in front or behind must fit",
    facts: `shape ${showShape(end)} along dim ${at} of ${showShape(shape)}`,
    shapes: [end, shape],
  });
}

/** Sums and products of integers are int32, unless a dtype is asked for. */
export function widened(op: string, x: Value, options: DtypeOptions): Value {
  if (options.dtype !== undefined) return kit.cast(x, checkDtype(op, options.dtype));
  return isFloating(x.dtype) ? x : kit.cast(x, "int32");
}

function keptShape(x: Value, dims: readonly number[]): number[] {
  return x.shape.map((n, i) => (dims.includes(i) ? 1 : n));
}

function extreme(op: string, x: Value, dims: readonly number[], largest: boolean): Value {
  checkNotEmpty(op, x, dims);
  const from = composite.orderedType(kit, x);
  return kit.cast(largest ? kit.max(from, dims) : kit.min(from, dims), x.dtype);
}

/** Extremes of nothing do not exist. */
function checkNotEmpty(op: string, x: Value, dims: readonly number[]): void {
  const empty = dims.find((d) => x.shape[d] === 0);
  if (empty === undefined) return;
  throw new TwopassError({
    op,
    problem: "there is no element to choose",
    facts: `dim ${empty} of ${showShape(x.shape)} is empty`,
    hint: "choose along a dim that has elements",
    shapes: [x.shape],
  });
}
