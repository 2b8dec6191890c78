/**
 * How the elements of a tensor are distributed, as a graph: the device reduces, and only some numbers come back. The
 * histogram counts elements at equal distances. Floor: inspect.
 */
import { type TypedArray, isFloating } from "../base/dtype.ts";
import { sizeOf } from "../base/shape.ts";
import { type Body, makeBody } from "../ir/body.ts";
import { asidePath, withMode } from "../ir/mode.ts";
import type { Value } from "../ir/value.ts";
import { callBody, resultOf } from "../ops/call.ts";
import { kit } from "../ops/kit.ts";
import { makeLeaf } from "../ops/leaf.ts";
import type { Engine } from "../tensor/engine.ts";
import type { TraceHistogram, TraceStatistics, TraceValue } from "./trace-format.ts";

/** Elements that a histogram counts at most. */
const mostSampled = 2048;
const bins = 32;
/** Rows that a tensor is reduced in: threads share them, and sums of fewer elements are more exact. */
const mostRows = 8;
const leastInRow = 2048;
/** Numbers of a row, see `reduced`. */
const fields = 9;

/** The graphs of `reduced` by the type of what they take. */
const bodies = new Map<string, Body>();
const mostBodies = 256;

/** What the statistics of a value are made of: two float32 lists. Written once for each type, where the device takes calls. */
export function partsOf(value: Value, engine: Engine): readonly [numbers: Value, sample: Value] {
  const { shape, dtype } = value;
  if (!engine.takesCalls) return withMode({ grad: false, path: asidePath }, () => reduced(value));
  const key = `${dtype} ${shape.join(" ")}`;
  let body = bodies.get(key);
  if (body === undefined) {
    const input = makeLeaf(shape, dtype, { kind: "input", index: 0 });
    body = makeBody(
      0,
      0,
      [input],
      withMode({ grad: false, path: asidePath, phase: 0 }, () => reduced(input)),
    );
    if (bodies.size >= mostBodies) bodies.clear();
    bodies.set(key, body);
  }
  const call = callBody(body, [value]);
  return [resultOf(call, 0), resultOf(call, 1)];
}

function rowsOf(size: number): number {
  for (let rows = mostRows; rows > 1; rows--) if (size % rows === 0 && size / rows >= leastInRow) return rows;
  return 1;
}

/**
 * Of the finite elements of each row minimum, maximum, Σ (x − x₀), Σ (x − x₀)², Σ x², and x₀, the first element or 0; zeros,
 * finite elements and NaN: all minima, then all maxima, and so on, in one pass over memory. Then some of the elements.
 */
function reduced(value: Value): readonly [Value, Value] {
  const size = sizeOf(value.shape);
  const rows = rowsOf(size);
  const shape = [rows, size / rows];
  const x = kit.reshape(isFloating(value.dtype) ? value : kit.cast(value, "float32"), shape);
  const isFinite = kit.eq(kit.sub(x, x), 0);
  const finite = kit.where(isFinite, x, 0);
  const first = kit.range(finite, 1, 0, 1);
  const around = kit.broadcast(first, shape);
  const all = kit.where(isFinite, x, around);
  const counted = (condition: Value): Value => kit.sum(kit.cast(condition, x.dtype), [1]);
  const numbers = [
    kit.min(kit.where(isFinite, x, Infinity), [1]),
    kit.max(kit.where(isFinite, x, -Infinity), [1]),
    kit.sum(kit.sub(all, around), [1]),
    // The other way round: what two folds read would be written to memory for them.
    kit.sum(kit.square(kit.sub(around, all)), [1]),
    kit.sum(kit.square(finite), [1]),
    first,
    counted(kit.eq(x, 0)),
    counted(isFinite),
    counted(kit.ne(x, x)),
  ].map((part) => kit.cast(kit.reshape(part, [1, rows]), "float32"));
  const step = Math.ceil(size / mostSampled);
  const flat = kit.reshape(x, [size]);
  const sample = kit.slice(flat, [0], [step], [Math.ceil(size / step)]);
  return [kit.reshape(inOneTable(numbers, rows), [fields * rows]), kit.cast(sample, "float32")];
}

/** One kernel, where a concat has one for each part. */
function inOneTable(numbers: readonly Value[], rows: number): Value {
  const shape = [numbers.length, rows];
  const place = kit.iota(shape, 0);
  const [first, ...rest] = numbers.map((x) => kit.broadcast(x, shape)) as [Value, ...Value[]];
  return rest.reduce((table, x, i) => kit.where(kit.eq(place, i + 1), x, table), first);
}

/** Statistics from the lists of `partsOf`, of a tensor of so many elements. */
export function statisticsFrom(size: number, numbers: TypedArray, sample: TypedArray): TraceStatistics {
  const rows = numbers.length / fields;
  let [min, max, finite, zeros, nan, squares, sum] = [Infinity, -Infinity, 0, 0, 0, 0, 0];
  for (let row = 0; row < rows; row++) {
    min = Math.min(min, numbers[row] as number);
    max = Math.max(max, numbers[rows + row] as number);
    sum +=
      (numbers[2 * rows + row] as number) + (numbers[5 * rows + row] as number) * (numbers[7 * rows + row] as number);
    squares += numbers[4 * rows + row] as number;
    zeros += numbers[6 * rows + row] as number;
    finite += numbers[7 * rows + row] as number;
    nan += numbers[8 * rows + row] as number;
  }
  const mean = sum / finite;
  // Σ (x − mean)² = Σ (x − x₀)² − (Σ (x − x₀))² / n + n (mean of the row − mean)², row by row.
  let away = 0;
  for (let row = 0; row < rows; row++) {
    const n = numbers[7 * rows + row] as number;
    if (n === 0) continue;
    const fromFirst = numbers[2 * rows + row] as number;
    const first = numbers[5 * rows + row] as number;
    away += (numbers[3 * rows + row] as number) - fromFirst ** 2 / n + n * (first + fromFirst / n - mean) ** 2;
  }
  const isEmpty = finite === 0;
  return {
    kind: "statistics",
    size,
    min: isEmpty ? NaN : min,
    max: isEmpty ? NaN : max,
    mean,
    // Rounding must not make it negative.
    std: Math.sqrt(Math.max(0, away) / finite),
    norm: Math.sqrt(squares),
    zeros,
    nonFinite: size - finite,
    nan,
    histogram: histogramOf(sample, isEmpty ? 0 : min, isEmpty ? 0 : max),
  };
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
  return withMode({ grad: false, path: asidePath }, () => {
    const steepest = kit.reshape(kit.max(slope(y), [0]), [units]);
    return kit.div(kit.sum(kit.cast(kit.le(steepest, flatUpTo[y.op.name] as number), "float32"), [0]), units);
  });
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

/** Counts of bins, and of what lies at their end. */
const scratch = new Int32Array(bins + 1);

/** The largest element belongs to the last bin. `from` and `to` are the ends of all finite elements. */
export function histogramOf(data: ArrayLike<number>, from: number, to: number): TraceHistogram {
  scratch.fill(0);
  const scale = to > from ? bins / (to - from) : 0;
  let sampled = 0;
  for (let i = 0; i < data.length; i++) {
    const x = data[i] as number;
    if (x - x !== 0) continue;
    sampled++;
    // Neither below 0 nor above the number of bins.
    const bin = ((x - from) * scale) | 0;
    scratch[bin] = (scratch[bin] as number) + 1;
  }
  const counts = Array.from(scratch.subarray(0, bins));
  counts[bins - 1] = (counts[bins - 1] as number) + (scratch[bins] as number);
  return { from, to, counts, sampled };
}
