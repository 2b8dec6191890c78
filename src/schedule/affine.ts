/**
 * Places of elements as affine forms of loop counters, and how views change them. Floor: schedule.
 */
import { internal } from "../base/errors.ts";
import { type Shape, sizeOf } from "../base/shape.ts";
import type { Value } from "../ir/value.ts";
import { listOf } from "../ops/record.ts";

/** offset + Σ coefficient[l] · counter[l] over the loops of a kernel. */
export interface Affine {
  readonly offset: number;
  readonly coefficients: readonly number[];
}

/** Thrown where a place becomes affine once loop `loop` is split, the inner part having `inner` steps. */
export class SplitLoop extends Error {
  readonly loop: number;
  readonly inner: number;
  constructor(loop: number, inner: number) {
    super("a loop must be split");
    this.loop = loop;
    this.inner = inner;
  }
}

/** Thrown where values cannot be one kernel; `value` helps if it is stored by a kernel of its own. */
export class CannotFuse extends Error {
  readonly value: Value | undefined;
  constructor(reason: string, value?: Value) {
    super(reason);
    this.value = value;
  }
}

/** Thrown where a place is not affine in the loops, whatever the split. */
export class NotAffine extends Error {}

export function affine(loops: number, offset = 0): Affine {
  return { offset, coefficients: new Array<number>(loops).fill(0) };
}

/** The counter of one loop. */
export function counter(loops: number, loop: number, coefficient = 1): Affine {
  const coefficients = new Array<number>(loops).fill(0);
  coefficients[loop] = coefficient;
  return { offset: 0, coefficients };
}

export function plus(a: Affine, b: Affine, factor = 1): Affine {
  return {
    offset: a.offset + b.offset * factor,
    coefficients: a.coefficients.map((c, i) => c + (b.coefficients[i] as number) * factor),
  };
}

export function affineKey(a: Affine): string {
  return `${a.offset}:${a.coefficients.join(",")}`;
}

/** Σ index[d] · stride[d]. */
export function place(index: readonly Affine[], strides: readonly number[], loops: number): Affine {
  return index.reduce((sum, a, d) => plus(sum, a, strides[d] as number), affine(loops));
}

/** Quotient and remainder by n, both affine, for all counters below the extents. */
function divide(a: Affine, n: number, extents: readonly number[]): { quotient: Affine; remainder: Affine } {
  const q = affine(extents.length, Math.floor(a.offset / n)) as { offset: number; coefficients: number[] };
  const r = affine(extents.length, a.offset - q.offset * n) as { offset: number; coefficients: number[] };
  let most = r.offset;
  a.coefficients.forEach((c, loop) => {
    if (c === 0 || extents[loop] === 1) return;
    if (c % n === 0) {
      q.coefficients[loop] = c / n;
      return;
    }
    if (c < 0) throw new NotAffine("walks backwards through a reshape");
    r.coefficients[loop] = c;
    most += c * ((extents[loop] as number) - 1);
  });
  if (most < n) return { quotient: q, remainder: r };
  for (let loop = 0; loop < extents.length; loop++) {
    const c = r.coefficients[loop] as number;
    const inner = n / c;
    const extent = extents[loop] as number;
    if (c > 0 && Number.isInteger(inner) && inner > 1 && extent > inner && extent % inner === 0) {
      throw new SplitLoop(loop, inner);
    }
  }
  throw new NotAffine("a reshape across uneven dims");
}

/** The places in the input of a reshape, from places in its result: dims are matched in blocks of equal size. */
function throughReshape(index: readonly Affine[], from: Shape, to: Shape, extents: readonly number[]): Affine[] {
  // Of no elements there are no places, and sizes tell nothing about which dims belong together.
  if (from.includes(0)) return from.map(() => affine(extents.length));
  // Nothing is read from a tensor without elements, so any place will do.
  if (sizeOf(from) === 0) return from.map(() => affine(extents.length));
  const out = new Array<Affine>(from.length);
  let i = from.length - 1;
  let j = to.length - 1;
  while (i >= 0 || j >= 0) {
    let inputSize = i >= 0 ? (from[i] as number) : 1;
    let resultSize = j >= 0 ? (to[j] as number) : 1;
    const lastInput = i;
    const lastResult = j;
    while (inputSize !== resultSize) {
      if (inputSize < resultSize) inputSize *= from[--i] as number;
      else resultSize *= to[--j] as number;
    }
    let linear = affine(extents.length);
    let stride = 1;
    for (let d = lastResult; d >= Math.max(j, 0) && d >= 0; d--) {
      linear = plus(linear, index[d] as Affine, stride);
      stride *= to[d] as number;
    }
    for (let d = lastInput; d >= Math.max(i, 0) && d >= 0; d--) {
      const n = from[d] as number;
      if (d === Math.max(i, 0) || n === 1) {
        out[d] = n === 1 ? affine(extents.length) : linear;
      } else {
        const { quotient, remainder } = divide(linear, n, extents);
        out[d] = remainder;
        linear = quotient;
      }
    }
    i--;
    j--;
  }
  return out;
}

/** The places in the input of a view, from places in its result. */
export function throughView(view: Value, index: readonly Affine[], extents: readonly number[]): readonly Affine[] {
  const input = view.inputs[0] as Value;
  const { attrs } = view;
  // The four views are told apart by the attributes that each of them has.
  if (attrs["order"] !== undefined) {
    const order = listOf(attrs, "order");
    return input.shape.map((_, d) => index[order.indexOf(d)] as Affine);
  }
  if (attrs["step"] !== undefined) {
    const [start, step] = [listOf(attrs, "start"), listOf(attrs, "step")];
    return index.map((a, d) => plus(affine(extents.length, start[d] as number), a, step[d] as number));
  }
  if (attrs["shape"] === undefined) throw internal(`unknown view ${view.op.name}`);
  const to = view.shape;
  if (input.shape.length === to.length && input.shape.every((n, d) => n === to[d] || n === 1)) {
    return index.map((a, d) => (input.shape[d] === 1 ? affine(extents.length) : a));
  }
  return throughReshape(index, input.shape, to, extents);
}

/** What lies below reshapes, as far as the next value in memory. */
export function belowReshapes(value: Value, isBuffer: (value: Value) => boolean): Value {
  let x = value;
  while (!isBuffer(x) && x.op.kind === "view" && isReshape(x)) x = x.inputs[0] as Value;
  return x;
}

function isReshape(view: Value): boolean {
  const { attrs } = view;
  return attrs["shape"] !== undefined && sizeOf(view.shape) === sizeOf((view.inputs[0] as Value).shape);
}
