/**
 * The base of Tensor: what every tensor has, whatever operations there are. Floor: tensor.
 */
import type { Dtype, TypedArray } from "../base/dtype.ts";
import { isFloating } from "../base/dtype.ts";
import { TwopassError, checkOptions, describe, showShape } from "../base/errors.ts";
import { printElements } from "../base/print.ts";
import { type Shape, sameShape, sizeOf } from "../base/shape.ts";
import type { Value } from "../ir/value.ts";
import { kit } from "../ops/kit.ts";
import { type HookHandle, hookGradient } from "../transform/grad.ts";
import { numberInTrace, refuseRead, structureChanged, tracing } from "./capture.ts";
import { Disposing } from "./disposing.ts";
import { areHere, copyElements } from "./elements.ts";
import type { Engine } from "./engine.ts";
import { currentEngine } from "./engines.ts";
import { Inner, inner } from "./inner.ts";
import { noGradientHint } from "./no-gradient.ts";
import type { Tensor } from "./tensor.ts";

/** Nested arrays of numbers, of depth N. */
export type Nested<N extends number = number> = N extends 0
  ? number
  : N extends 1
    ? number[]
    : N extends 2
      ? number[][]
      : N extends 3
        ? number[][][]
        : N extends 4
          ? number[][][][]
          : NestedAny;
export type NestedAny = number | NestedAny[];

export abstract class TensorHandle extends Disposing {
  readonly [inner]: Inner;

  constructor(part: Inner) {
    super();
    this[inner] = part;
  }

  /** The tensor of another vertex; implemented where the class is whole. */
  protected abstract wrap(part: Inner): Tensor;

  /** The tensor of a result made from this tensor and `others`, which count as used. */
  protected result(value: Value, others: readonly TensorHandle[] = []): Tensor {
    const engine = useAll([this, ...others]);
    // A result that is the vertex of an argument gets one of its own: what a user holds is kept where nobody used it.
    const own = value.consumed ? kit.alias(value) : value;
    engine.noteFresh(own);
    return this.wrap(new Inner(own, engine));
  }

  /** Extent of each dim. */
  get shape(): Shape {
    return this[inner].value.shape;
  }

  /** Type of the elements. */
  get dtype(): Dtype {
    return this[inner].value.dtype;
  }

  /** Number of dims. */
  get ndim(): number {
    return this.shape.length;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Name of the device the tensor is on: where it was made or will be run. */
  get device(): string {
    return (this[inner].engine ?? currentEngine()).device.name;
  }

  /** Whether gradients flow through this tensor. */
  get requiresGrad(): boolean {
    return this[inner].value.requiresGrad;
  }

  /**
   * The gradient that `backward()` left here, of the same shape and dtype; null where there is none.
   * Assign null, or a tensor of the same shape, to replace it.
   *
   * @example
   * const x = tensor([1, 2], { requiresGrad: true });
   * x.grad; // null
   * x.mul(3).sum().backward();
   * await x.grad?.array(); // [3, 3]
   */
  get grad(): Tensor | null {
    const part = this[inner];
    const gradient = part.gradient;
    if (gradient === undefined) return null;
    tracing()?.noteGradient(part, true);
    const engine = part.engine ?? currentEngine();
    if (gradient.leaf === undefined) engine.noteFresh(gradient);
    return this.wrap(new Inner(gradient, engine));
  }

  set grad(to: Tensor | null) {
    if (to !== null && (!sameShape(to.shape, this.shape) || to.dtype !== this.dtype)) {
      throw new TwopassError({
        op: "grad",
        problem: "a gradient has the shape and dtype of its tensor",
        facts: `${to.dtype} ${showShape(to.shape)} for ${this.dtype} ${showShape(this.shape)}`,
        shapes: [to.shape, this.shape],
      });
    }
    const part = this[inner];
    (part.engine ?? currentEngine()).setGradient(part, to === null ? undefined : valueOf(to));
  }

  /**
   * Runs the backward pass from this tensor: leaves ∂this/∂p in `.grad` of every variable p that it depends on, added to
   * what is there. A graph is used once unless `retainGraph`; with `createGraph` the gradients can be differentiated.
   *
   * @param options.gradient ∂L/∂this, needed unless this tensor has one element; default 1.
   * @throws if this tensor does not require grad, has more than one element and no `gradient` is given, or its graph is gone.
   * @example
   * const x = tensor([1, 2, 3], { requiresGrad: true });
   * x.mul(x).sum().backward();
   * await x.grad?.array(); // [2, 4, 6]
   */
  backward(options: { gradient?: Tensor; retainGraph?: boolean; createGraph?: boolean } = {}): void {
    checkOptions("backward", options, ["gradient", "retainGraph", "createGraph"]);
    const value = valueOf(this);
    if (!value.requiresGrad) {
      throw new TwopassError({
        op: "backward",
        problem: "the tensor does not depend on anything that requires grad",
        facts: `${this.dtype} ${showShape(this.shape)}`,
        hint: noGradientHint(value),
      });
    }
    let gradient: Value;
    if (options.gradient !== undefined) {
      gradient = valueOf(options.gradient);
      if (!sameShape(gradient.shape, value.shape) || gradient.dtype !== value.dtype) {
        throw new TwopassError({
          op: "backward",
          problem: "the gradient must have the shape and dtype of the tensor",
          facts: `${gradient.dtype} ${showShape(gradient.shape)} for ${value.dtype} ${showShape(value.shape)}`,
          shapes: [gradient.shape, value.shape],
        });
      }
    } else {
      if (sizeOf(value.shape) !== 1) {
        throw new TwopassError({
          op: "backward",
          problem: "only a tensor with one element has a gradient of its own",
          facts: `shape ${showShape(value.shape)}`,
          hint: "reduce the loss with mean() or sum(), or give { gradient }",
          shapes: [value.shape],
        });
      }
      gradient = kit.full(value.shape, 1, value.dtype);
    }
    const engine = this[inner].engine ?? currentEngine();
    engine.backward(value, gradient, options.retainGraph ?? false, options.createGraph ?? false);
  }

  /** Sets whether `backward()` leaves a gradient here; only for tensors that are not results of others. */
  requiresGrad_(on = true): this {
    const part = this[inner];
    if (on && !isFloating(this.dtype)) throw notDifferentiable(this.dtype);
    if (part.collects === on && part.value.requiresGrad === on) return this;
    if (part.value.requiresGrad && part.value.owner !== part) {
      throw new TwopassError({
        op: "requiresGrad_",
        problem: "a result of tensors that require grad cannot be changed",
        hint: "use detach() first",
      });
    }
    structureChanged("requiresGrad_() changed a tensor");
    replaceLeaf(part, on);
    return this;
  }

  /** Keeps the gradient of an intermediate result: after `backward()` it is in `.grad`. */
  retainGrad(): this {
    const part = this[inner];
    if (!part.value.requiresGrad)
      throw new TwopassError({ op: "retainGrad", problem: "the tensor does not require grad" });
    part.collects = true;
    part.value.owner ??= part;
    return this;
  }

  /**
   * Calls `hook` with ∂L/∂this in each backward pass that reaches this tensor, before the gradient flows on. What the
   * hook returns, if anything, takes its place. The gradient is a tensor like any other: it has not been computed yet.
   *
   * @returns what takes the hook off again: `handle.remove()`.
   * @throws if this tensor does not require grad; in the backward pass, if the hook returns another shape or dtype.
   * @example
   * const x = tensor([1, 2], { requiresGrad: true });
   * x.registerHook((g) => g.clamp({ max: 3 }));
   * x.mul(x).sum().backward();
   * await x.grad?.array(); // [2, 3]
   */
  registerHook(hook: (gradient: Tensor) => Tensor | undefined | void): HookHandle {
    const part = this[inner];
    if (!part.value.requiresGrad)
      throw new TwopassError({ op: "registerHook", problem: "the tensor does not require grad" });
    structureChanged("a hook was registered");
    return hookGradient(part.value.owner ?? part.value, (gradient) => {
      const engine = part.engine ?? currentEngine();
      engine.noteFresh(gradient);
      const changed = hook(this.wrap(new Inner(gradient, engine)));
      return changed === undefined ? gradient : checkedGradient(changed, gradient);
    });
  }

  /** The same elements, cut off from the graph: no gradient flows back through the result. */
  detach(): Tensor {
    const value = valueOf(this);
    return this.result(withoutGradient(value));
  }

  /** Elements in row-major order, in a typed array of their own. */
  async data(): Promise<TypedArray> {
    return this.#elements();
  }

  /** `data()` where the device answers at once. @throws where it works in another thread, and this is a result of it. */
  dataSync(): TypedArray {
    return this.#elementsNow("data");
  }

  /** The only element as a number (0 or 1 for bool). Runs what is pending. */
  async item(): Promise<number> {
    this.#checkItem();
    return (await this.#elements())[0] as number;
  }

  /** `item()` where the device answers at once; see `dataSync`. */
  itemSync(): number {
    this.#checkItem();
    return this.#elementsNow("item")[0] as number;
  }

  /**
   * Elements as nested arrays. `rank`, where given, is checked and types the result.
   *
   * @example
   * await tensor([[1, 2], [3, 4]]).array(2); // [[1, 2], [3, 4]]
   */
  async array<N extends number = number>(rank?: N): Promise<Nested<N>> {
    this.#checkRank(rank);
    return nest(await this.#elements(), this.shape) as Nested<N>;
  }

  /** `array()` where the device answers at once; see `dataSync`. */
  arraySync<N extends number = number>(rank?: N): Nested<N> {
    this.#checkRank(rank);
    return nest(this.#elementsNow("array"), this.shape) as Nested<N>;
  }

  /** What is read; runs what is pending for it. */
  #elements(): TypedArray | Promise<TypedArray> {
    const part = this[inner];
    if (part.disposed) throw disposedError("data");
    refuseRead();
    return copyElements(part.value, part.engine ?? currentEngine());
  }

  #elementsNow(asked: "data" | "item" | "array"): TypedArray {
    const part = this[inner];
    const engine = part.engine ?? currentEngine();
    if (!part.disposed && !areHere(part.value, engine)) {
      throw new TwopassError({
        op: `${asked}Sync`,
        problem: "the device works in another thread and answers later",
        facts: `device ${engine.device.name}`,
        hint: `await x.${asked}()`,
      });
    }
    return this.#elements() as TypedArray;
  }

  #checkItem(): void {
    if (this.size === 1) return;
    throw new TwopassError({
      op: "item",
      problem: "only a tensor with one element has an item",
      facts: `shape ${showShape(this.shape)}`,
      hint: "use array(), or reduce with sum() or mean()",
      shapes: [this.shape],
    });
  }

  #checkRank(rank: number | undefined): void {
    if (rank === undefined || rank === this.ndim) return;
    throw new TwopassError({
      op: "array",
      problem: `the tensor has ${this.ndim} dims, not ${rank}`,
      facts: `shape ${showShape(this.shape)}`,
      shapes: [this.shape],
    });
  }

  /** Runs what is pending for this tensor and keeps its elements. */
  async realize(): Promise<this> {
    const { value, engine = currentEngine() } = this[inner];
    if (value.leaf === undefined) engine.run([value]);
    if (value.leaf?.kind === "remote") await value.leaf.result.when();
    return this;
  }

  /** Prints shape, dtype and elements with console.log. */
  async print(): Promise<void> {
    const data = await this.#elements();
    console.log(`${this.dtype} ${showShape(this.shape)}\n${printElements(data, this.shape, this.dtype)}`);
  }

  /** Shape, dtype, device, and the elements if they are there. Never runs anything. */
  override toString(): string {
    const leaf = this[inner].value.leaf;
    const head = `Tensor(${this.dtype} ${showShape(this.shape)} on ${this.device}`;
    const grad = this.requiresGrad ? ", requires grad" : "";
    const data = leaf?.kind === "data" ? leaf.data : leaf?.kind === "remote" ? leaf.result.elements : undefined;
    if (data !== undefined) return `${head}${grad})\n${printElements(data, this.shape, this.dtype)}`;
    return `${head}${grad}${leaf === undefined ? ", not run yet" : ""})`;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }

  /** `x > y` on tensors would compare nothing useful, so it throws. */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === "string") return this.toString();
    if (this[inner].isNumber) throw numberInTrace();
    throw new TwopassError({
      op: "Tensor",
      problem: "operators do not work on tensors",
      hint: "write x.mul(y), x.gt(y); to read a number, await x.item()",
    });
  }

  toJSON(): never {
    throw new TwopassError({
      op: "Tensor",
      problem: "a tensor is no JSON",
      hint: "use await x.array(), or save() for files",
    });
  }

  /** A hint that the elements are not needed any more; using the tensor afterwards throws. */
  dispose(): void {
    const part = this[inner];
    if (part.disposed) return;
    part.disposed = true;
    // A result that nobody waits for need not be computed.
    part.value.consumed = true;
    if (part.cell !== undefined) {
      part.cell.disposed = true;
      (part.engine ?? currentEngine()).device.release(part.cell);
    }
  }
}

/** Reads the vertex of a tensor that is about to be used. */
export function valueOf(x: TensorHandle): Value {
  const part = x[inner];
  if (part.disposed) throw disposedError("Tensor");
  return part.value;
}

/** Marks tensors as used and gives the one engine they are on. */
export function useAll(tensors: readonly TensorHandle[]): Engine {
  let engine: Engine | undefined;
  for (const x of tensors) {
    const part = x[inner];
    if (part.disposed) throw disposedError("Tensor");
    part.value.consumed = true;
    if (part.engine === undefined) continue;
    if (engine !== undefined && engine !== part.engine) {
      throw new TwopassError({
        op: "Tensor",
        problem: "tensors of two devices in one operation",
        facts: `${engine.device.name} and ${part.engine.device.name}`,
        hint: "model.to(name) moves a model; setDefaultDevice(name) and withDevice(name, ...) hold for what is made after",
      });
    }
    engine = part.engine;
  }
  return engine ?? currentEngine();
}

/** What a hook gave in place of a gradient. */
function checkedGradient(given: unknown, gradient: Value): Value {
  const isFit =
    given instanceof TensorHandle && sameShape(given.shape, gradient.shape) && given.dtype === gradient.dtype;
  if (isFit) return valueOf(given);
  throw new TwopassError({
    op: "registerHook",
    problem: "a hook returns nothing, or a gradient of the same shape and dtype",
    facts: `${given instanceof TensorHandle ? `${given.dtype} ${showShape(given.shape)}` : describe(given)} for ${gradient.dtype} ${showShape(gradient.shape)}`,
    shapes: [gradient.shape],
  });
}

/** A new vertex with the same elements through which no gradient flows. */
export function withoutGradient(value: Value): Value {
  return kit.alias(value, false);
}

/** A vertex with the same elements and its own say about gradients. Graphs made before keep the old one. */
function replaceLeaf(part: Inner, on: boolean): void {
  // A write that is pending gives its leaf to the vertex made then: it runs first.
  if (part.cell !== undefined && part.value.leaf === undefined) (part.engine ?? currentEngine()).run([]);
  const old = part.value;
  const value = old.leaf === undefined ? kit.alias(old, on) : kit.leafLike(old, on);
  part.value = value;
  part.collects = on;
  value.owner = on ? part : undefined;
}

function notDifferentiable(dtype: Dtype): TwopassError {
  return new TwopassError({
    op: "requiresGrad",
    problem: "only floating tensors have gradients",
    facts: `dtype ${dtype}`,
    hint: "use float32 or float64",
    dtypes: [dtype],
  });
}

function disposedError(op: string): TwopassError {
  return new TwopassError({ op, problem: "the tensor was disposed", hint: "do not use it after dispose()" });
}

function nest(data: TypedArray, shape: Shape): NestedAny {
  if (shape.length === 0) return data[0] as number;
  let level: NestedAny[] = Array.from(data);
  for (let d = shape.length - 1; d > 0; d--) {
    const extent = shape[d] as number;
    const count = sizeOf(shape.slice(0, d));
    const next: NestedAny[] = [];
    for (let i = 0; i < count; i++) next.push(level.slice(i * extent, (i + 1) * extent));
    level = next;
  }
  return level;
}
