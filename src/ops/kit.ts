/**
 * The kit: builder of graphs over the table. Derivative rules and composites take it as `k` and import no operation.
 * It accepts numbers (constants of the structure) and broadcasts shapes, so that both are written once. Floor: ops.
 */
import type { Dtype } from "../base/dtype.ts";
import { internal } from "../base/errors.ts";
import { type Shape, broadcastShapes, sameShape, sizeOf } from "../base/shape.ts";
import type { Attrs, OpDef } from "../ir/op.ts";
import { Value } from "../ir/value.ts";
import type { ConvSettings } from "./conv.ts";
import type { DotDims } from "./contract.ts";
import { listOf, numberOf } from "./record.ts";
import { type Table, table } from "./table.ts";

export type Operand = Value | number;

const empty: Attrs = {};

export class Kit {
  readonly #table: Table;

  constructor(records: Table) {
    this.#table = records;
  }

  /** Any record by name, applied to values of equal shapes. */
  apply(op: OpDef, inputs: readonly Value[], attrs: Attrs = empty): Value {
    return new Value(op, inputs, attrs);
  }

  // Leaves

  /** `value` everywhere. */
  full(shape: Shape, value: number, dtype: Dtype): Value {
    return this.apply(this.#table.constant, [], { shape, dtype, value });
  }

  /** 0, 1, 2 ... along `dim` of `shape`, int32. */
  iota(shape: Shape, dim: number): Value {
    const size = shape[dim] as number;
    const line = this.apply(this.#table.iota, [], { size });
    return this.expand(
      this.reshape(
        line,
        shape.map((_, i) => (i === dim ? size : 1)),
      ),
      shape,
    );
  }

  /** The same elements as a vertex of its own; `requiresGrad` is that of x unless given, and then no gradient flows to x. */
  alias(x: Value, requiresGrad?: boolean): Value {
    return new Value(this.#table.reshape, [x], { shape: x.shape }, undefined, requiresGrad);
  }

  /**
   * `value`, which was made from `inputs`, with the derivative of that name (ops/derived.ts). Attributes are the rule's.
   */
  derived(value: Value, inputs: readonly Value[], rule: string, attrs: Attrs = {}): Value {
    const still = this.alias(value, false);
    return new Value(this.#table.derived, [still, ...inputs], { shape: value.shape, rule, ...attrs });
  }

  /** A leaf with the elements of another leaf, and its own say about gradients. */
  leafLike(x: Value, requiresGrad: boolean): Value {
    return new Value(this.#table.leaf, [], { shape: x.shape, dtype: x.dtype }, x.leaf, requiresGrad);
  }

  // Elementwise

  /** Applies an elementwise record: numbers become constants of the others' dtype, shapes broadcast. */
  map(op: OpDef, ...operands: readonly Operand[]): Value {
    let shape: Shape | undefined;
    let dtype: Dtype | undefined;
    for (const x of operands) {
      if (typeof x === "number") continue;
      shape = shape === undefined ? x.shape : broadcastShapes(op.name, shape, x.shape);
      dtype = x.dtype;
    }
    if (shape === undefined || dtype === undefined) throw internal(`${op.name} of numbers alone`);
    const values = new Array<Value>(operands.length);
    for (let i = 0; i < operands.length; i++) {
      const x = operands[i] as Operand;
      values[i] = typeof x === "number" ? this.full(shape, x, dtype) : this.broadcast(x, shape);
    }
    return this.apply(op, values);
  }

  add(a: Operand, b: Operand): Value {
    return this.map(this.#table.add, a, b);
  }

  sub(a: Operand, b: Operand): Value {
    return this.map(this.#table.sub, a, b);
  }

  mul(a: Operand, b: Operand): Value {
    return this.map(this.#table.mul, a, b);
  }

  div(a: Operand, b: Operand): Value {
    return this.map(this.#table.div, a, b);
  }

  neg(x: Value): Value {
    return this.map(this.#table.neg, x);
  }

  abs(x: Value): Value {
    return this.map(this.#table.abs, x);
  }

  /** −1, 0 or 1; NaN for NaN. Its derivative is 0. */
  sign(x: Value): Value {
    return this.map(this.#table.sign, x);
  }

  maximum(a: Operand, b: Operand): Value {
    return this.map(this.#table.maximum, a, b);
  }

  minimum(a: Operand, b: Operand): Value {
    return this.map(this.#table.minimum, a, b);
  }

  relu(x: Value): Value {
    return this.map(this.#table.relu, x);
  }

  sqrt(x: Value): Value {
    return this.map(this.#table.sqrt, x);
  }

  square(x: Value): Value {
    return this.mul(x, x);
  }

  exp(x: Value): Value {
    return this.map(this.#table.exp, x);
  }

  log(x: Value): Value {
    return this.map(this.#table.log, x);
  }

  log1p(x: Value): Value {
    return this.map(this.#table.log1p, x);
  }

  expm1(x: Value): Value {
    return this.map(this.#table.expm1, x);
  }

  sin(x: Value): Value {
    return this.map(this.#table.sin, x);
  }

  cos(x: Value): Value {
    return this.map(this.#table.cos, x);
  }

  tanh(x: Value): Value {
    return this.map(this.#table.tanh, x);
  }

  sinh(x: Value): Value {
    return this.map(this.#table.sinh, x);
  }

  cosh(x: Value): Value {
    return this.map(this.#table.cosh, x);
  }

  sigmoid(x: Value): Value {
    return this.map(this.#table.sigmoid, x);
  }

  erf(x: Value): Value {
    return this.map(this.#table.erf, x);
  }

  pow(a: Operand, b: Operand): Value {
    return this.map(this.#table.pow, a, b);
  }

  eq(a: Operand, b: Operand): Value {
    return this.map(this.#table.eq, a, b);
  }

  ne(a: Operand, b: Operand): Value {
    return this.map(this.#table.ne, a, b);
  }

  lt(a: Operand, b: Operand): Value {
    return this.map(this.#table.lt, a, b);
  }

  le(a: Operand, b: Operand): Value {
    return this.map(this.#table.le, a, b);
  }

  gt(a: Operand, b: Operand): Value {
    return this.map(this.#table.gt, a, b);
  }

  ge(a: Operand, b: Operand): Value {
    return this.map(this.#table.ge, a, b);
  }

  and(a: Value, b: Value): Value {
    return this.map(this.#table.and, a, b);
  }

  or(a: Value, b: Value): Value {
    return this.map(this.#table.or, a, b);
  }

  /** Logical not of bool. */
  negate(x: Value): Value {
    return this.map(this.#table.xor, x, 1);
  }

  /** a where the condition holds, else b; at most one of a and b is a number. */
  where(condition: Value, a: Operand, b: Operand): Value {
    const like = typeof a === "number" ? b : a;
    if (typeof like === "number") throw internal("where of two numbers");
    const side = (x: Operand): Operand => (typeof x === "number" ? this.full([], x, like.dtype) : x);
    return this.map(this.#table.where, condition, side(a), side(b));
  }

  cast(x: Value, to: Dtype): Value {
    return x.dtype === to ? x : this.map(this.#table.cast[to], x);
  }

  copy(x: Value): Value {
    return this.map(this.#table.copy, x);
  }

  /** Random bits, int32 [size]: word i is the first of Threefry-2x32-20 of the counter (i, 0) under the key. */
  randomBits(size: number, key0: Value, key1: Value): Value {
    const counter = this.apply(this.#table.iota, [], { size });
    return this.map(this.#table.threefry, counter, key0, key1);
  }

  // Views

  reshape(x: Value, shape: Shape): Value {
    return sameShape(x.shape, shape) ? x : this.apply(this.#table.reshape, [x], { shape });
  }

  permute(x: Value, order: readonly number[]): Value {
    return order.every((d, i) => d === i) ? x : this.apply(this.#table.permute, [x], { order });
  }

  transpose(x: Value, a: number, b: number): Value {
    const order = x.shape.map((_, i) => (i === a ? b : i === b ? a : i));
    return this.permute(x, order);
  }

  /** Repeats dims of extent 1; the rank stays. */
  expand(x: Value, shape: Shape): Value {
    return sameShape(x.shape, shape) ? x : this.apply(this.#table.expand, [x], { shape });
  }

  /** New dims of extent 1 in front as needed, then repeated. */
  broadcast(x: Value, shape: Shape): Value {
    if (sameShape(x.shape, shape)) return x;
    if (x.op.kind === "constant" && x.leaf === undefined) return this.full(shape, numberOf(x.attrs, "value"), x.dtype);
    const from = [...x.shape];
    while (from.length < shape.length) from.unshift(1);
    return this.expand(this.reshape(x, from), shape);
  }

  /** A reduced tensor put back along the dims that were removed, and repeated to `shape`. */
  spread(x: Value, shape: Shape, dims: readonly number[]): Value {
    return this.expand(
      this.reshape(
        x,
        shape.map((n, i) => (dims.includes(i) ? 1 : n)),
      ),
      shape,
    );
  }

  slice(x: Value, start: readonly number[], step: readonly number[], size: readonly number[]): Value {
    const all = start.every((s, i) => s === 0 && step[i] === 1 && size[i] === x.shape[i]);
    return all ? x : this.apply(this.#table.slice, [x], { start, step, size });
  }

  /** Elements from `start` to `end` (not included) along one dim. */
  range(x: Value, dim: number, start: number, end: number): Value {
    const at = x.shape.map((_, i) => (i === dim ? start : 0));
    return this.slice(
      x,
      at,
      x.shape.map(() => 1),
      x.shape.map((n, i) => (i === dim ? end - start : n)),
    );
  }

  flip(x: Value, dims: readonly number[]): Value {
    const start = x.shape.map((n, i) => (dims.includes(i) ? n - 1 : 0));
    return this.slice(
      x,
      start,
      x.shape.map((_, i) => (dims.includes(i) ? -1 : 1)),
      x.shape,
    );
  }

  pad(x: Value, low: readonly number[], high: readonly number[], value = 0, inner = low.map(() => 0)): Value {
    const none = [...low, ...high, ...inner].every((n) => n === 0);
    return none ? x : this.apply(this.#table.pad, [x], { low, high, inner, value });
  }

  concat(parts: readonly Value[], dim: number): Value {
    return parts.length === 1 ? (parts[0] as Value) : this.apply(this.#table.concat, parts, { dim });
  }

  /** The derivative of a slice: g at the places it came from, 0 elsewhere. */
  unslice(g: Value, shape: Shape, attrs: Attrs): Value {
    const [start, step] = [listOf(attrs, "start"), listOf(attrs, "step")];
    const back = step.map((s, i) => (s < 0 ? i : -1)).filter((i) => i >= 0);
    const low = start.map((s, i) =>
      (step[i] as number) < 0 ? s + ((g.shape[i] as number) - 1) * (step[i] as number) : s,
    );
    const inner = step.map((s) => Math.abs(s) - 1);
    if (sizeOf(g.shape) === 0) return this.full(shape, 0, g.dtype);
    const high = shape.map((n, i) => {
      const length = (g.shape[i] as number) + ((g.shape[i] as number) - 1) * (inner[i] as number);
      return n - length - (low[i] as number);
    });
    return this.pad(back.length > 0 ? this.flip(g, back) : g, low, high, 0, inner);
  }

  // Reductions

  sum(x: Value, dims: readonly number[]): Value {
    return this.#reduce(this.#table.sum, x, dims);
  }

  prod(x: Value, dims: readonly number[]): Value {
    return this.#reduce(this.#table.prod, x, dims);
  }

  max(x: Value, dims: readonly number[]): Value {
    return this.#reduce(this.#table.max, x, dims);
  }

  min(x: Value, dims: readonly number[]): Value {
    return this.#reduce(this.#table.min, x, dims);
  }

  #reduce(op: OpDef, x: Value, dims: readonly number[]): Value {
    return dims.length === 0 ? x : this.apply(op, [x], { dims });
  }

  argmax(x: Value): Value {
    return this.apply(this.#table.argmax, [x]);
  }

  argmin(x: Value): Value {
    return this.apply(this.#table.argmin, [x]);
  }

  cumulate(x: Value): Value {
    return this.apply(this.#table.cumulate, [x]);
  }

  sort(x: Value, descending: boolean): Value {
    return this.apply(this.#table.sort, [x], { descending });
  }

  // Contractions

  dot(a: Value, b: Value, dims: DotDims): Value {
    const { batchA, batchB, contractA, contractB } = dims;
    return this.apply(this.#table.dot, [a, b], { batchA, batchB, contractA, contractB });
  }

  /** [..., M, K] · [..., K, N] with equal batch dims. */
  matmul(a: Value, b: Value): Value {
    const rank = a.shape.length;
    const batch = Array.from({ length: rank - 2 }, (_, i) => i);
    return this.dot(a, b, { batchA: batch, batchB: batch, contractA: [rank - 1], contractB: [rank - 2] });
  }

  conv(x: Value, w: Value, s: ConvSettings): Value {
    return this.apply(this.#table.conv, [x, w], inOrder(s));
  }

  convInput(y: Value, w: Value, extents: readonly number[], s: ConvSettings): Value {
    return this.apply(this.#table.convInput, [y, w], { ...inOrder(s), extents });
  }

  convWeight(x: Value, y: Value, extents: readonly number[], s: ConvSettings): Value {
    return this.apply(this.#table.convWeight, [x, y], { ...inOrder(s), extents });
  }

  // Choices

  /** x[..., index, ...] along `dim`; other dims of x and index are equal. */
  gather(x: Value, index: Value, dim: number): Value {
    return this.apply(this.#table.gather, [x, index], { dim });
  }

  /** Zeros of extent `size` along `dim`, with x added at index. */
  scatter(index: Value, x: Value, dim: number, size: number): Value {
    return this.apply(this.#table.scatter, [index, x], { dim, size });
  }

  /** Positions of the largest in each window of x [N, C, ...], in the flattened spatial dims. */
  window(x: Value, windows: WindowSettings): Value {
    return this.apply(this.#table.window, [x], windowAttrs(windows));
  }

  /** The largest in each window; without a derivative. */
  windowMax(x: Value, windows: WindowSettings): Value {
    return this.apply(this.#table.windowMax, [x], windowAttrs(windows));
  }
}

/** Windows over spatial dims, one number for each of them. */
export interface WindowSettings {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly low: readonly number[];
  readonly dilation: readonly number[];
  readonly extents: readonly number[];
}

/** In this order, which is part of the structural key. */
function windowAttrs({ kernel, stride, low, dilation, extents }: WindowSettings): Attrs {
  return { kernel, stride, low, dilation, extents };
}

/** The settings as attributes: their order is part of the structural key. */
function inOrder({ stride, low, high, dilation, groups }: ConvSettings): Attrs {
  return { stride, low, high, dilation, groups };
}

/** The kit over the whole table. */
export const kit = new Kit(table);
