/** Steps of random graphs that move and choose elements. */
import { isFloating } from "../../../src/base/dtype.ts";
import { sizeOf } from "../../../src/base/shape.ts";
import type { Value } from "../../../src/ir/value.ts";
import { kit } from "../../../src/ops/kit.ts";
import { dataLeaf } from "../compiled-graph.ts";
import type { Node, Pool } from "./pool.ts";

export function view(p: Pool): void {
  const x = p.any();
  if (x === undefined) return;
  p.add(viewOf(p, x.value), x.exact, x.bound);
}

function viewOf(p: Pool, x: Value): Value {
  const rank = x.shape.length;
  const kind = p.below(6);
  if (rank === 0) return kit.expand(kit.reshape(x, [1]), [p.pick([1, 3, 8])]);
  if (kind === 0) {
    const order = [...x.shape.keys()];
    for (let i = rank - 1; i > 0; i--) {
      const j = p.below(i + 1);
      [order[i], order[j]] = [order[j] as number, order[i] as number];
    }
    return kit.permute(x, order);
  }
  if (kind === 1) return kit.reshape(x, p.otherShape(x.shape));
  if (kind === 2) {
    const at = p.below(rank + 1);
    const more = x.shape.toSpliced(at, 0, 1);
    return kit.expand(kit.reshape(x, more), more.with(at, p.pick([1, 2, 3, 8])));
  }
  if (kind === 3 && !x.shape.includes(0)) return kit.flip(x, [p.below(rank)]);
  if (kind === 4) {
    return kit.expand(
      x,
      x.shape.map((n) => (n === 1 && p.chance(0.7) ? p.pick([2, 5, 8]) : n)),
    );
  }
  const size = x.shape.map((n) => (n > 1 && p.chance(0.6) ? 1 + p.below(n) : n));
  const step = x.shape.map((n, d) => {
    const most = (size[d] as number) > 1 ? Math.floor((n - 1) / ((size[d] as number) - 1)) : 2;
    return Math.max(1, Math.min(most, 1 + p.below(3))) * (p.chance(0.3) ? -1 : 1);
  });
  const start = x.shape.map((n, d) => {
    const reach = Math.max((size[d] as number) - 1, 0) * Math.abs(step[d] as number);
    const first = p.below(Math.max(n - reach, 1));
    return (step[d] as number) > 0 ? first : first + reach;
  });
  return kit.slice(x, start, step, size);
}

export function padStep(p: Pool): void {
  const x = p.any();
  if (x === undefined || x.value.shape.length === 0) return;
  const amounts = (): number[] => x.value.shape.map(() => (p.chance(0.5) ? p.below(3) : 0));
  const inner = x.value.shape.map(() => (p.chance(0.2) ? 1 : 0));
  p.add(kit.pad(x.value, amounts(), amounts(), p.pick([0, 0, 1]), inner), x.exact, Math.max(x.bound, 1));
}

export function concatStep(p: Pool): void {
  const x = p.any();
  if (x === undefined || x.value.shape.length === 0) return;
  const dim = p.below(x.value.shape.length);
  const fits = (node: Node): boolean =>
    node.value.dtype === x.value.dtype &&
    node.value.shape.length === x.value.shape.length &&
    node.value.shape.every((n, d) => d === dim || n === x.value.shape[d]);
  const parts = [x, p.any(fits) as Node];
  if (p.chance(0.3)) parts.push(p.any(fits) as Node);
  p.add(
    kit.concat(
      parts.map((part) => part.value),
      dim,
    ),
    parts.every((part) => part.exact),
    Math.max(...parts.map((part) => part.bound)),
  );
}

/** An index tensor of a shape with elements below n, from data or computed (where numbers keep to their bounds). */
function indexBelow(p: Pool, shape: readonly number[], n: number): Value {
  const known = p.any(
    ({ value, bound }) => value.dtype === "int32" && bound < n && sizeOf(value.shape) === sizeOf(shape),
  );
  if (known !== undefined && !p.wild && p.chance(0.7)) {
    return kit.maximum(kit.reshape(known.value, shape), 0);
  }
  return dataLeaf(
    shape,
    "int32",
    Array.from({ length: sizeOf(shape) }, () => p.below(n)),
  );
}

export function gatherStep(p: Pool): void {
  const x = p.any();
  if (x === undefined || x.value.shape.length === 0) return;
  const { shape } = x.value;
  const dim = p.below(shape.length);
  const n = shape[dim] as number;
  if (n === 0) return;
  const count = p.pick([1, 2, 5, n]);
  if (p.chance(0.5)) {
    // Whole rows: the index is the same for all other dims.
    const line = indexBelow(p, [count], n);
    const wide = kit.reshape(
      line,
      shape.map((_, d) => (d === dim ? count : 1)),
    );
    p.add(kit.gather(x.value, kit.expand(wide, shape.with(dim, count)), dim), x.exact, x.bound);
  } else p.add(kit.gather(x.value, indexBelow(p, shape.with(dim, count), n), dim), x.exact, x.bound);
}

export function scatterStep(p: Pool): void {
  const x = p.number();
  if (x === undefined || x.value.shape.length === 0) return;
  const { shape } = x.value;
  const dim = p.below(shape.length);
  const size = p.pick([1, 3, 6]);
  const index = indexBelow(p, shape, size);
  p.add(kit.scatter(index, x.value, dim, size), x.exact, x.bound * Math.max(shape[dim] as number, 1));
}

/** A position along the last dim, as an index. */
export function position(p: Pool): void {
  const x = p.exactNumber();
  const n = x?.value.shape.at(-1);
  if (x === undefined || n === undefined || n === 0) return;
  const kind = p.below(4);
  const result = kind === 0 ? kit.argmax(x.value) : kind === 1 ? kit.argmin(x.value) : kit.sort(x.value, p.chance(0.5));
  p.add(result, true, n - 1);
}

/** Max pooling: positions, then the elements there. */
export function windowStep(p: Pool): void {
  const x = p.any(
    ({ value, exact }) => exact && isFloating(value.dtype) && value.shape.length >= 3 && !value.shape.includes(0),
  );
  if (x === undefined) return;
  const [images, channels, ...spatial] = x.value.shape as [number, number, ...number[]];
  const kernel = spatial.map((n) => Math.min(n, 2));
  const low = spatial.map((_, d) => (kernel[d] === 2 ? p.below(2) : 0));
  const stride = spatial.map(() => 1 + p.below(2));
  const extents = spatial.map(
    (n, d) => Math.floor((n + 2 * (low[d] as number) - (kernel[d] as number)) / (stride[d] as number)) + 1,
  );
  const dilation = spatial.map(() => 1);
  const index = kit.window(x.value, { kernel, stride, low, dilation, extents });
  const flat = kit.reshape(x.value, [images, channels, sizeOf(spatial)]);
  const chosen = kit.gather(flat, kit.reshape(index, [images, channels, sizeOf(extents)]), 2);
  p.add(kit.reshape(chosen, [images, channels, ...extents]), true, x.bound);
}
