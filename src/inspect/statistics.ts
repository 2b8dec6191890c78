/**
 * How the elements of a tensor are distributed, as a graph: the device reduces, and only some numbers come back. The
 * histogram counts elements at equal distances. Floor: inspect.
 */
import { type TypedArray, isFloating } from "../base/dtype.ts";
import { sizeOf } from "../base/shape.ts";
import { type Body, makeBody } from "../ir/body.ts";
import { withMode } from "../ir/mode.ts";
import type { Value } from "../ir/value.ts";
import { callBody, resultOf } from "../ops/call.ts";
import { kit } from "../ops/kit.ts";
import { makeLeaf } from "../ops/leaf.ts";
import type { Engine } from "../tensor/engine.ts";
import type { TraceElements, TraceHistogram, TraceStatistics, TraceValue } from "./trace-format.ts";

/** Elements that a histogram counts at most. */
const mostSampled = 2048;
const bins = 32;

/** Vertices to compute for a value, and what is made of their elements. */
export interface Captured {
  readonly values: readonly Value[];
  readonly finish: (data: readonly TypedArray[]) => TraceValue;
}

/** All elements where there are at most `whole`, else statistics. */
export function capturing(value: Value, whole: number, engine: Engine): Captured {
  const size = sizeOf(value.shape);
  if (size <= whole) return { values: [value], finish: ([data]) => elementsOf(data as TypedArray) };
  return {
    values: reducedBy(value, engine),
    finish: ([n, s]) => statisticsFrom(size, n as TypedArray, s as TypedArray),
  };
}

/** The graphs of `reduced` by the type of what they take. */
const bodies = new Map<string, Body>();
const mostBodies = 256;

/** Written once for each type, where the device takes calls. */
function reducedBy(value: Value, engine: Engine): readonly Value[] {
  const { shape, dtype } = value;
  if (!engine.takesCalls) return withMode({ grad: false }, () => reduced(value));
  const key = `${dtype} ${shape.join(" ")}`;
  let body = bodies.get(key);
  if (body === undefined) {
    const input = makeLeaf(shape, dtype, { kind: "input", index: 0 });
    body = makeBody(
      0,
      0,
      [input],
      withMode({ grad: false, path: "", phase: 0 }, () => reduced(input)),
    );
    if (bodies.size >= mostBodies) bodies.clear();
    bodies.set(key, body);
  }
  const call = callBody(body, [value]);
  return [resultOf(call, 0), resultOf(call, 1)];
}

export function elementsOf(data: ArrayLike<number>): TraceElements {
  return { kind: "elements", data: Array.from(data) };
}

/**
 * Of the finite elements minimum, maximum, Σ (x − x₀), Σ (x − x₀)², Σ x², and x₀, the first element or 0; zeros and finite
 * elements, NaN: float32 [9] in one pass over memory. Then some of the elements.
 */
function reduced(value: Value): readonly [Value, Value] {
  const size = sizeOf(value.shape);
  const flat = kit.reshape(isFloating(value.dtype) ? value : kit.cast(value, "float32"), [size]);
  const isFinite = kit.eq(kit.sub(flat, flat), 0);
  const finite = kit.where(isFinite, flat, 0);
  const first = kit.range(finite, 0, 0, 1);
  const away = kit.where(isFinite, kit.sub(flat, kit.broadcast(first, [size])), 0);
  const counted = (condition: Value): Value => kit.sum(kit.cast(condition, flat.dtype), [0]);
  const numbers = [
    kit.min(kit.where(isFinite, flat, Infinity), [0]),
    kit.max(kit.where(isFinite, flat, -Infinity), [0]),
    kit.sum(away, [0]),
    kit.sum(kit.square(away), [0]),
    kit.sum(kit.square(finite), [0]),
    first,
    counted(kit.eq(flat, 0)),
    counted(isFinite),
    counted(kit.ne(flat, flat)),
  ].map((x) => kit.cast(kit.reshape(x, [1]), "float32"));
  const step = Math.ceil(size / mostSampled);
  return [inOneVector(numbers), kit.slice(flat, [0], [step], [Math.ceil(size / step)])];
}

/** The slope of a function that flattens, from what it gave; for relu something that is 0 where the slope is. */
const slopes: Readonly<Record<string, (y: Value) => Value>> = {
  relu: (y) => y,
  tanh: (y) => kit.sub(1, kit.square(y)),
  sigmoid: (y) => kit.mul(y, kit.sub(1, y)),
};
const flatUpTo: Readonly<Record<string, number>> = { relu: 0, tanh: 0.01, sigmoid: 0.01 };

/**
 * The share of units, places behind the first dim, where the function is flat in every sample; undefined for functions
 * that do not flatten.
 */
export function flatShare(y: Value): Value | undefined {
  const slope = slopes[y.op.name];
  const [samples = 0, ...unit] = y.shape;
  const units = sizeOf(unit);
  if (slope === undefined || samples === 0 || unit.length === 0 || units === 0) return undefined;
  return withMode({ grad: false }, () => {
    const steepest = kit.reshape(kit.max(slope(y), [0]), [units]);
    return kit.div(kit.sum(kit.cast(kit.le(steepest, flatUpTo[y.op.name] as number), "float32"), [0]), units);
  });
}

/** One kernel, where a concat has one for each part. */
function inOneVector(numbers: readonly Value[]): Value {
  const shape = [numbers.length];
  const place = kit.iota(shape, 0);
  const [first, ...rest] = numbers.map((x) => kit.broadcast(x, shape)) as [Value, ...Value[]];
  return rest.reduce((vector, x, i) => kit.where(kit.eq(place, i + 1), x, vector), first);
}

function statisticsFrom(size: number, numbers: TypedArray, sample: TypedArray): TraceStatistics {
  const [min, max, away, squaresAway, squares, first, zeros, finite, nan] = Array.from(numbers) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const isEmpty = finite === 0;
  return {
    kind: "statistics",
    size,
    min: isEmpty ? NaN : min,
    max: isEmpty ? NaN : max,
    mean: first + away / finite,
    // Rounding must not make it negative.
    std: Math.sqrt(Math.max(0, squaresAway / finite - (away / finite) ** 2)),
    norm: Math.sqrt(squares),
    zeros,
    nonFinite: size - finite,
    nan,
    histogram: histogramOf(sample, isEmpty ? 0 : min, isEmpty ? 0 : max),
  };
}

/** Statistics of elements that are here. */
export function statisticsOf(data: ArrayLike<number>): TraceStatistics {
  let [min, max, sum, squares, zeros, finite, nan] = [Infinity, -Infinity, 0, 0, 0, 0, 0];
  for (let i = 0; i < data.length; i++) {
    const x = data[i] as number;
    if (x - x !== 0) {
      if (x !== x) nan++;
      continue;
    }
    finite++;
    if (x < min) min = x;
    if (x > max) max = x;
    sum += x;
    squares += x * x;
    if (x === 0) zeros++;
  }
  const mean = sum / finite;
  let away = 0;
  for (let i = 0; i < data.length; i++) {
    const x = data[i] as number;
    if (x - x === 0) away += (x - mean) ** 2;
  }
  const isEmpty = finite === 0;
  return {
    kind: "statistics",
    size: data.length,
    min: isEmpty ? NaN : min,
    max: isEmpty ? NaN : max,
    mean,
    std: Math.sqrt(away / finite),
    norm: Math.sqrt(squares),
    zeros,
    nonFinite: data.length - finite,
    nan,
    histogram: histogramOf(data, isEmpty ? 0 : min, isEmpty ? 0 : max),
  };
}

/**
 * The statistics of a captured value, whether its elements were kept or their statistics.
 *
 * @example
 * summaryOf({ kind: "elements", data: [1, 2, NaN] }).mean; // 1.5
 */
export function summaryOf(value: TraceValue): TraceStatistics {
  return value.kind === "statistics" ? value : statisticsOf(value.data);
}

/** The largest element belongs to the last bin. */
export function histogramOf(data: ArrayLike<number>, from: number, to: number): TraceHistogram {
  const counts = new Array<number>(bins).fill(0);
  const scale = to > from ? bins / (to - from) : 0;
  let sampled = 0;
  for (let i = 0; i < data.length; i++) {
    const x = data[i] as number;
    if (x - x !== 0) continue;
    sampled++;
    const bin = Math.min(bins - 1, Math.max(0, Math.floor((x - from) * scale)));
    counts[bin] = (counts[bin] as number) + 1;
  }
  return { from, to, counts, sampled };
}
