/** Steps of random graphs that add up: folds, patterns of them, contractions. */
import { isFloating } from "../../../src/base/dtype.ts";
import { sizeOf } from "../../../src/base/shape.ts";
import type { Value } from "../../../src/ir/value.ts";
import { kit } from "../../../src/ops/kit.ts";
import { dataLeaf } from "../compiled-graph.ts";
import { type Pool, mostElements } from "./pool.ts";

export function reduce(p: Pool): void {
  const x = p.number();
  if (x === undefined || x.value.shape.length === 0) return;
  const { value, exact, bound } = x;
  const dims = p.dims(value.shape);
  const n = sizeOf(dims.map((d) => value.shape[d] as number));
  const kind = p.below(4);
  let result: Value;
  let exactly = exact;
  if (kind === 0 && exact && n > 0) result = p.chance(0.5) ? kit.max(value, dims) : kit.min(value, dims);
  else if (kind === 1) {
    result = kit.mul(kit.sum(value, dims), 1 / Math.max(n, 1));
    exactly = false;
  } else if (kind === 2 && n <= 4 && bound <= 4) result = kit.prod(value, dims);
  else result = kit.sum(value, dims);
  const most = kind === 1 ? bound : kind === 2 && n <= 4 && bound <= 4 ? bound ** n : bound * Math.max(n, 1);
  if (p.chance(0.5)) result = kit.spread(result, value.shape, dims);
  p.add(result, exactly, most);
}

/** The patterns of softmax, layer norm and log-softmax. */
export function normalise(p: Pool): void {
  const x = p.exactNumber() ?? p.number();
  if (x === undefined || x.value.shape.length === 0 || x.value.shape.includes(0)) return;
  const { value } = x;
  const dims = p.dims(value.shape);
  const n = sizeOf(dims.map((d) => value.shape[d] as number));
  const spread = (y: Value): Value => kit.spread(y, value.shape, dims);
  const kind = p.below(3);
  if (kind === 2) {
    const mean = kit.mul(kit.sum(value, dims), 1 / n);
    const centred = kit.sub(value, spread(mean));
    const variance = kit.mul(kit.sum(kit.square(centred), dims), 1 / n);
    p.add(kit.div(centred, spread(kit.sqrt(kit.add(variance, 0.5)))), false, 2 * n);
    return;
  }
  if (!x.exact) return;
  const shifted = kit.sub(value, spread(kit.max(value, dims)));
  const e = kit.exp(kit.maximum(shifted, -20));
  const total = kit.sum(e, dims);
  if (kind === 0) p.add(kit.div(e, spread(total)), false, 1);
  else p.add(kit.sub(kit.maximum(shifted, -20), spread(kit.log(total))), false, 40);
}

export function cumulate(p: Pool): void {
  const x = p.number();
  if (x === undefined || x.value.shape.length === 0) return;
  p.add(kit.cumulate(x.value), x.exact, x.bound * Math.max(x.value.shape.at(-1) as number, 1));
}

export function dotStep(p: Pool): void {
  const x = p.number();
  if (x === undefined || x.value.shape.length === 0) return;
  const a = x.value;
  const dim = p.below(a.shape.length);
  const n = a.shape[dim] as number;
  const y = p.any(({ value }) => value.dtype === a.dtype && value.shape.includes(n));
  if (y === undefined || n === 0) return;
  const b = y.value;
  const partner = b.shape.indexOf(n);
  let attrs = { batchA: [] as number[], batchB: [] as number[], contractA: [dim], contractB: [partner] };
  const i = a.shape.findIndex((m, d) => d !== dim && b.shape.some((o, e) => e !== partner && o === m));
  if (i >= 0 && p.chance(0.6)) {
    const j = b.shape.findIndex((o, e) => e !== partner && o === a.shape[i]);
    attrs = { ...attrs, batchA: [i], batchB: [j] };
  }
  const size = (sizeOf(a.shape) / n) * (sizeOf(b.shape) / n);
  if (size > mostElements) return;
  p.add(kit.dot(a, b, attrs), x.exact && y.exact, x.bound * y.bound * n);
}

/** A product with a square matrix along the last dim, which keeps the shape: what is around it may not be joined. */
export function layer(p: Pool): void {
  const x = p.number();
  const n = x?.value.shape.at(-1);
  if (x === undefined || n === undefined || n > 23) return;
  const rank = x.value.shape.length;
  const w = dataLeaf([n, n], p.float, p.elements(n * n), true);
  if (x.value.dtype !== w.dtype) return;
  p.variables.push(w);
  const attrs = { batchA: [], batchB: [], contractA: [rank - 1], contractB: [p.below(2)] };
  p.add(kit.dot(x.value, w, attrs), x.exact, x.bound * 4 * n);
}

export function convStep(p: Pool): void {
  const x = p.any(({ value }) => isFloating(value.dtype) && value.shape.length >= 3 && !value.shape.includes(0));
  if (x === undefined) return;
  const [, channels, ...spatial] = x.value.shape as [number, number, ...number[]];
  if (sizeOf(spatial) > 200 || channels > 9) return;
  const groups = channels % 2 === 0 && p.chance(0.4) ? 2 : 1;
  const kernel = spatial.map((n) => 1 + p.below(Math.min(n, 3)));
  const inGroup = channels / groups;
  const shape = [2 * groups, inGroup, ...kernel];
  const w = dataLeaf(shape, x.value.dtype, p.elements(sizeOf(shape)), true);
  p.variables.push(w);
  const pad = spatial.map(() => p.below(2));
  const settings = {
    stride: spatial.map(() => 1 + p.below(2)),
    low: pad,
    high: pad,
    dilation: spatial.map(() => 1),
    groups,
  };
  const y = kit.conv(x.value, w, settings);
  p.add(y, x.exact, x.bound * 4 * inGroup * sizeOf(kernel));
  if (p.chance(0.3)) {
    p.add(kit.convInput(y, w, spatial, settings), x.exact, x.bound * 32 * (inGroup * sizeOf(kernel)) ** 2);
  }
}
