/** Pooling over windows of x [N, C, ...]: largest, mean and norm, with fixed and with adaptive windows. Floor: ops. */
import { allocate } from "../../base/dtype.ts";
import { sizeOf, stridesOf } from "../../base/shape.ts";
import { withMode } from "../../ir/mode.ts";
import type { Value } from "../../ir/value.ts";
import { derivative } from "../derived.ts";
import type { Kit } from "../kit.ts";
import { makeLeaf } from "../leaf.ts";
import { powNumber } from "./elementwise.ts";
import { setAt, takeAt } from "./indexing.ts";
import { extremePosition, pick } from "./reduction.ts";

export interface Windows {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  /** Windows along each dim. */
  readonly extents: readonly number[];
}

/**
 * Windows along one dim: (n + 2 · padding − dilation · (kernel − 1) − 1) / stride, rounded, + 1. Rounded up, a window
 * that would start behind the input and its low padding is left out.
 */
export function windowCount(
  n: number,
  kernel: number,
  stride: number,
  padding: number,
  dilation: number,
  ceilMode: boolean,
): number {
  const steps = (n + 2 * padding - dilation * (kernel - 1) - 1) / stride;
  if (!ceilMode) return Math.floor(steps) + 1;
  const count = Math.ceil(steps) + 1;
  return (count - 1) * stride >= n + padding ? count - 1 : count;
}

/** The largest of each window, and where it is in the flattened spatial dims, int32. The gradient goes to that place. */
export function maxPool(k: Kit, x: Value, w: Windows): { values: Value; indices: Value } {
  const { kernel, stride, padding, dilation, extents } = w;
  const windows = { kernel, stride, low: padding, dilation, extents };
  const indices = k.window(x, windows);
  // Both are folds over the same windows, so one kernel gives them.
  return { values: k.derived(k.windowMax(x, windows), [x, indices], maxPoolRule), indices };
}

/** dx = dy at the places of the largest, added where windows overlap. */
const maxPoolRule = derivative("maxPool", (k, g, [, x, indices]) => {
  const image = x as Value;
  const planes = image.shape.slice(0, 2);
  const flat = (v: Value): Value => k.reshape(v, [...planes, sizeOf(g.shape.slice(2))]);
  const dx = k.scatter(flat(indices as Value), flat(g), 2, sizeOf(image.shape.slice(2)));
  return [undefined, k.reshape(dx, image.shape), undefined];
});

/** x [N, C, ...] read at positions [N, C, ...] in its flattened spatial dims. */
function pickPositions(k: Kit, x: Value, positions: Value): Value {
  const planes = x.shape.slice(0, 2);
  const flat = k.reshape(x, [...planes, sizeOf(x.shape.slice(2))]);
  const index = k.reshape(positions, [...planes, sizeOf(positions.shape.slice(2))]);
  return k.reshape(k.gather(flat, index, 2), positions.shape);
}

/** What the sum of a window is divided by: its size with or without the padding in it, or a number. */
export type Divisor = "withPadding" | "withoutPadding" | number;

/** The mean of each window. */
export function avgPool(k: Kit, x: Value, w: Windows, divisor: Divisor): Value {
  const { kernel, stride, padding, extents } = w;
  const spatial = x.shape.slice(2);
  const tiled = kernel.every(
    (n, i) => n === stride[i] && padding[i] === 0 && (extents[i] as number) * n <= (spatial[i] as number),
  );
  const sums = tiled ? tileSums(k, x, kernel, extents) : windowSums(k, x, w);
  const counts = windowSizes(spatial, w, divisor);
  const first = counts[0] ?? 1;
  if (counts.every((n) => n === first)) return k.div(sums, first);
  const data = allocate(x.dtype, counts.length);
  data.set(counts);
  return k.div(sums, makeLeaf([1, 1, ...extents], x.dtype, { kind: "data", data }));
}

/** Windows that lie side by side are dims of their own: one reduction, whose derivative repeats. */
function tileSums(k: Kit, x: Value, kernel: readonly number[], extents: readonly number[]): Value {
  const [n, c] = x.shape as [number, number];
  const used = k.slice(
    x,
    x.shape.map(() => 0),
    x.shape.map(() => 1),
    [n, c, ...extents.map((e, i) => e * (kernel[i] as number))],
  );
  const split = extents.flatMap((e, i) => [e, kernel[i] as number]);
  return k.sum(
    k.reshape(used, [n, c, ...split]),
    kernel.map((_, i) => 3 + 2 * i),
  );
}

/** Any other windows: a convolution with ones, each plane by itself. */
function windowSums(k: Kit, x: Value, w: Windows): Value {
  const [n, c] = x.shape as [number, number];
  const spatial = x.shape.slice(2);
  const high = w.extents.map((e, i) => {
    const end = (e - 1) * (w.stride[i] as number) + (w.kernel[i] as number);
    return Math.max(w.padding[i] as number, end - (spatial[i] as number) - (w.padding[i] as number));
  });
  const ones = k.full([1, 1, ...w.kernel], 1, x.dtype);
  const settings = { stride: w.stride, low: w.padding, high, dilation: w.kernel.map(() => 1), groups: 1 };
  const sums = k.conv(k.reshape(x, [n * c, 1, ...spatial]), ones, settings);
  return k.reshape(sums, [n, c, ...w.extents]);
}

/** The divisor of each window, row-major: the product of its sizes along the dims. */
function windowSizes(spatial: readonly number[], w: Windows, divisor: Divisor): number[] {
  const places = stridesOf(w.extents);
  return Array.from({ length: sizeOf(w.extents) }, (_, place) => {
    if (typeof divisor === "number") return divisor;
    let size = 1;
    spatial.forEach((n, i) => {
      const [kernel, padding] = [w.kernel[i] as number, w.padding[i] as number];
      const at = Math.floor(place / (places[i] as number)) % (w.extents[i] as number);
      const start = at * (w.stride[i] as number) - padding;
      const end = Math.min(start + kernel, n + padding);
      size *= divisor === "withPadding" ? end - start : Math.min(end, n) - Math.max(start, 0);
    });
    return size;
  });
}

/** The part of n elements that the i-th of `count` adaptive windows covers. */
function adaptiveWindow(n: number, count: number, i: number): { start: number; end: number } {
  return { start: Math.floor((i * n) / count), end: Math.ceil(((i + 1) * n) / count) };
}

/** The mean of adaptive windows: `count[i]` of them along spatial dim i, overlapping where they do not divide it. */
export function adaptiveAvgPool(k: Kit, x: Value, count: readonly number[]): Value {
  // The mean over a box is the mean along its dims in turn.
  return count.reduce((y, n, i) => meanAlong(k, y, i + 2, n), x);
}

function meanAlong(k: Kit, x: Value, dim: number, count: number): Value {
  const n = x.shape[dim] as number;
  if (count === n) return x;
  if (n % count === 0) {
    const split = x.shape.flatMap((extent, i) => (i === dim ? [count, n / count] : [extent]));
    return k.div(k.sum(k.reshape(x, split), [dim + 1]), n / count);
  }
  const parts = Array.from({ length: count }, (_, i) => {
    const { start, end } = adaptiveWindow(n, count, i);
    const mean = k.div(k.sum(k.range(x, dim, start, end), [dim]), end - start);
    return k.reshape(
      mean,
      x.shape.map((extent, d) => (d === dim ? 1 : extent)),
    );
  });
  return k.concat(parts, dim);
}

/** (Σ xᵖ)^(1/p) of each window, as PyTorch computes it: a window that sticks out is scaled up to its full size. */
export function lpPool(k: Kit, x: Value, w: Windows, p: number): Value {
  const mean = avgPool(k, powNumber(k, x, p), w, "withPadding");
  const sums = k.mul(mean, sizeOf(w.kernel));
  if (p === 1) return sums;
  // The root has no slope at 0; its gradient is 0 there.
  const none = k.eq(sums, 0);
  return k.where(none, 0, powNumber(k, k.where(none, 1, sums), 1 / p));
}

/** The largest of adaptive windows, and where it is in the flattened spatial dims, int32: the first of equal ones. */
export function adaptiveMaxPool(k: Kit, x: Value, count: readonly number[]): { values: Value; indices: Value } {
  const spatial = x.shape.slice(2);
  if (spatial.every((n, i) => n % (count[i] as number) === 0)) {
    const kernel = spatial.map((n, i) => n / (count[i] as number));
    const ones = kernel.map(() => 1);
    return maxPool(k, x, { kernel, stride: kernel, padding: kernel.map(() => 0), dilation: ones, extents: count });
  }
  // The largest of a box is the largest along its dims in turn; from the last dim to the first keeps row-major order.
  const indices = withMode({ grad: false }, () => {
    let largest = x;
    let places: Value | undefined;
    for (let i = spatial.length - 1; i >= 0; i--) {
      const dim = i + 2;
      const windows = windowPlaces(spatial[i] as number, count[i] as number);
      const spread = (y: Value): Value => {
        const taken = takeAt(k, y, windows.line, dim);
        return k.reshape(taken, y.shape.toSpliced(dim, 1, count[i] as number, windows.width));
      };
      const candidates = spread(largest);
      const best = extremePosition(k, candidates, dim + 1, true);
      const own = k.expand(placeAlong(k, windows.line, windows.width, candidates.shape, dim), candidates.shape);
      const behind = sizeOf(spatial.slice(i + 1));
      const at = k.mul(pick(k, own, best, dim + 1), behind);
      places = places === undefined ? at : k.add(at, pick(k, spread(places), best, dim + 1));
      largest = pick(k, candidates, best, dim + 1);
    }
    return places as Value;
  });
  return { values: pickPositions(k, x, indices), indices };
}

/** The places of adaptive windows, one behind the other; shorter windows repeat their last place, which changes no maximum. */
function windowPlaces(n: number, count: number): { line: Value; width: number } {
  const windows = Array.from({ length: count }, (_, i) => adaptiveWindow(n, count, i));
  const width = Math.max(...windows.map(({ start, end }) => end - start));
  const data = Int32Array.from(
    windows.flatMap(({ start, end }) => Array.from({ length: width }, (_, j) => Math.min(start + j, end - 1))),
  );
  return { line: makeLeaf([count * width], "int32", { kind: "data", data }), width };
}

/** Places [count · width] laid along `dim` and the dim behind it of a shape. */
function placeAlong(k: Kit, line: Value, width: number, shape: readonly number[], dim: number): Value {
  const at = (i: number): number => (i === dim ? (shape[dim] as number) : i === dim + 1 ? width : 1);
  return k.reshape(
    line,
    shape.map((_, i) => at(i)),
  );
}

/** Zeros of the given spatial extents with x [N, C, ...] put to its indices in them, flattened; of several the last wins. */
export function maxUnpool(k: Kit, x: Value, indices: Value, extents: readonly number[]): Value {
  const planes = x.shape.slice(0, 2);
  const flat = [...planes, sizeOf(x.shape.slice(2))];
  const zeros = k.full([...planes, sizeOf(extents)], 0, x.dtype);
  const placed = setAt(k, zeros, k.reshape(indices, flat), k.reshape(x, flat), 2);
  return k.reshape(placed, [...planes, ...extents]);
}
