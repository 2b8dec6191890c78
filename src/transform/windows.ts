/**
 * Maxima over windows and their gradients, for devices with loop kernels, in terms that take less memory and less work.
 * Windows over an image without padding only. Floor: transform.
 */
import { isFloating } from "../base/dtype.ts";
import { sameShape, sizeOf } from "../base/shape.ts";
import { withMode } from "../ir/mode.ts";
import { type RewriteRule, Rewriter } from "../ir/rewrite.ts";
import { type Value, sortGraph } from "../ir/value.ts";
import { kit } from "../ops/kit.ts";
import { listOf, numberOf } from "../ops/record.ts";
import { table } from "../ops/table.ts";
import { simplify } from "./simplify.ts";

/** Elements of a window that are compared one by one, at most; more are left to a loop. */
const mostTaps = 9;
/** Elements of a row of a window that one kernel places, at most. */
const mostColumns = 8;

/** Of a simple graph one with the same results but for the order of sums, simple again. */
export function unrollWindows(roots: readonly Value[]): Value[] {
  const { order } = sortGraph(roots, (value) => value.leaf !== undefined);
  if (!order.some(isWindow)) return [...roots];
  const pooled = new Rewriter().run(roots, inMode(inPooledSpace));
  return simplify(new Rewriter().run(pooled, inMode(unrolled)));
}

function inMode(rule: RewriteRule): RewriteRule {
  return (value, inputs) => withMode({ phase: value.phase, path: value.path, grad: false }, () => rule(value, inputs));
}

function isWindow({ op, attrs, inputs }: Value): boolean {
  return op.kind === "window" && sameShape(listOf(attrs, "spatial"), inputs[0]?.shape.slice(2) ?? []);
}

function unshaped(value: Value): Value {
  let x = value;
  while (x.op === table.reshape) x = x.inputs[0] as Value;
  return x;
}

interface Placed {
  readonly scatter: Value;
  readonly window: Value;
  readonly numbers: Value;
}

/** Of numbers added at the positions of the largest elements, plane by plane: the window that found these. */
function placedOf(scatter: Value): Placed | undefined {
  if (scatter.op !== table.scatter || numberOf(scatter.attrs, "dim") !== 2) return undefined;
  const [index, numbers] = scatter.inputs as [Value, Value];
  const window = unshaped(index);
  if (window.op !== table.window || !isWindow(window)) return undefined;
  const [planes, size] = [window.shape.slice(0, 2), sizeOf(listOf(window.attrs, "spatial"))];
  const isOfPlanes = sameShape(index.shape, [...planes, sizeOf(window.shape.slice(2))]);
  return isOfPlanes && numberOf(scatter.attrs, "size") === size ? { scatter, window, numbers } : undefined;
}

/** The same of an image of the shape that the window went over. */
function placedInImage(image: Value): Placed | undefined {
  const placed = placedOf(unshaped(image));
  return placed !== undefined && sameShape(image.shape, placed.window.inputs[0]?.shape ?? []) ? placed : undefined;
}

/**
 * What follows a gradient that was placed at largest elements is done with the numbers before they are placed:
 * - where y > c, else 0: at these positions y is the largest of its window
 * - the sum over all positions
 */
const inPooledSpace: RewriteRule = (value, inputs) => {
  const x = inputs[value.op === table.where ? 1 : 0];
  const placed = x === undefined ? undefined : placedInImage(x);
  if (x === undefined || placed === undefined) return undefined;
  const { scatter, window, numbers } = placed;
  if (value.op === table.sum) {
    const dims = listOf(value.attrs, "dims");
    const isOverAll = x.shape.every((_, d) => d < 2 || dims.includes(d));
    return isOverAll ? kit.sum(kit.reshape(numbers, window.shape), dims) : undefined;
  }
  if (value.op !== table.where) return undefined;
  const [condition, , otherwise] = inputs as [Value, Value, Value];
  const [y, bound] = condition.inputs as [Value, Value];
  const isZero = otherwise.op.kind === "constant" && Object.is(numberOf(otherwise.attrs, "value"), 0);
  if (condition.op !== table.gt || y !== window.inputs[0] || bound.op.kind !== "constant" || !isZero) return undefined;
  const largest = withMode({ phase: window.phase, path: window.path }, () =>
    kit.apply(table.windowMax, [y], window.attrs),
  );
  const isAbove = kit.gt(largest, kit.full(largest.shape, numberOf(bound.attrs, "value"), bound.dtype));
  const kept = kit.where(isAbove, kit.reshape(numbers, window.shape), 0);
  const again = kit.apply(scatter.op, [scatter.inputs[0] as Value, kit.reshape(kept, numbers.shape)], scatter.attrs);
  return kit.reshape(again, value.shape);
};

const unrolled: RewriteRule = (value, inputs) => {
  if (isWindow(value)) return comparedTaps(value, inputs[0] as Value);
  const window = placedOf(value)?.window;
  return window !== undefined && areTiles(window) ? placedInTiles(value, window, inputs) : undefined;
};

/** The elements of a window one by one: each that is larger takes the place of the one before; NaN is the largest. */
function comparedTaps(value: Value, x: Value): Value | undefined {
  const [kernel, stride, dilation, extents, spatial] = ["kernel", "stride", "dilation", "extents", "spatial"].map(
    (key) => listOf(value.attrs, key),
  ) as [readonly number[], readonly number[], readonly number[], readonly number[], readonly number[]];
  if (sizeOf(kernel) > mostTaps) return undefined;
  const planes = x.shape.slice(0, 2);
  const at = (image: Value, tap: readonly number[]): Value => {
    const rest = image.shape.length - kernel.length;
    const start = tap.map((n, d) => n * (dilation[d] as number));
    return kit.slice(
      image,
      [...Array<number>(rest).fill(0), ...start],
      [...Array<number>(rest).fill(1), ...stride],
      [...image.shape.slice(0, rest), ...extents],
    );
  };
  let best = at(
    x,
    kernel.map(() => 0),
  );
  let distance = kit.full(value.shape, 0, "int32");
  for (const tap of tapsOf(kernel).slice(1)) {
    const next = at(x, tap);
    const isLarger = isFloating(x.dtype)
      ? kit.and(kit.negate(kit.le(next, best)), kit.eq(best, best))
      : kit.gt(next, best);
    const steps = tap.reduce((sum, n, d) => sum * (spatial[d] as number) + n * (dilation[d] as number), 0);
    distance = kit.where(isLarger, kit.full(value.shape, steps, "int32"), distance);
    best = kit.where(isLarger, next, best);
  }
  if (value.op === table.windowMax) return best;
  const first = at(
    positions(spatial),
    kernel.map(() => 0),
  );
  return kit.add(kit.expand(kit.reshape(first, [1, 1, ...extents]), [...planes, ...extents]), distance);
}

/** The places in a window, row-major. */
function tapsOf(kernel: readonly number[]): number[][] {
  return kernel.reduce<number[][]>(
    (taps, n) => taps.flatMap((tap) => Array.from({ length: n }, (_, i) => [...tap, i])),
    [[]],
  );
}

/** The positions in the flattened spatial dims, [spatial]. */
function positions(spatial: readonly number[]): Value {
  return kit.reshape(kit.iota([sizeOf(spatial)], 0), spatial);
}

/** Whether each element of the image is in one window at most. */
function areTiles({ attrs }: Value): boolean {
  const [kernel, stride, dilation] = ["kernel", "stride", "dilation"].map((key) => listOf(attrs, key)) as [
    readonly number[],
    readonly number[],
    readonly number[],
  ];
  return kernel.every((n, d) => n === stride[d] && dilation[d] === 1) && (kernel.at(-1) as number) <= mostColumns;
}

/** Each element of a window takes the window's number or 0: no place is written twice. */
function placedInTiles(scatter: Value, window: Value, [index, numbers]: readonly Value[]): Value {
  const [kernel, extents, spatial] = ["kernel", "extents", "spatial"].map((key) => listOf(window.attrs, key)) as [
    readonly number[],
    readonly number[],
    readonly number[],
  ];
  const planes = window.shape.slice(0, 2);
  const last = kernel.length - 1;
  const ofTiles = (rows: (d: number) => number): number[] => extents.flatMap((n, d) => [n, d === last ? 1 : rows(d)]);
  const full = [...planes, ...ofTiles((d) => kernel[d] as number)];
  const spread = (x: Value): Value => kit.expand(kit.reshape(x, [...planes, ...ofTiles(() => 1)]), full);
  // 0 + x is what adding to zeros gives: it is never −0.
  const [at, x] = [spread(index as Value), spread(kit.add(numbers as Value, 0))];
  const covered = extents.map((n, d) => n * (kernel[d] as number));
  const inside = kit.slice(
    positions(spatial),
    none(spatial),
    spatial.map(() => 1),
    covered,
  );
  const places = kit.reshape(
    inside,
    extents.flatMap((n, d) => [n, kernel[d] as number]),
  );
  const columns = Array.from({ length: kernel[last] as number }, (_, i) => {
    const own = kit.expand(kit.reshape(kit.range(places, 2 * last + 1, i, i + 1), [1, 1, ...full.slice(2)]), full);
    return kit.where(kit.eq(at, own), x, 0);
  });
  const image = kit.reshape(kit.concat(columns, full.length - 1), [...planes, ...covered]);
  const high = [0, 0, ...spatial.map((n, d) => n - (covered[d] as number))];
  return kit.reshape(kit.pad(image, none(high), high), scatter.shape);
}

function none(list: readonly number[]): number[] {
  return list.map(() => 0);
}
