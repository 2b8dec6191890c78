/** Elements chosen by positions: gather and its derivative scatter; and the position primitives. Floor: ops. */
import { TwopassError, internal } from "../base/errors.ts";
import { sameShape, sizeOf, stridesOf } from "../base/shape.ts";
import type { Attrs, HostTensor } from "../ir/op.ts";
import type { Value } from "../ir/value.ts";
import { forEachIndex, listOf, numberOf, record } from "./record.ts";

/** The error of a computed index that is out of range; devices raise it before anything is written. */
export function indexFault(op: string, index: number, size: number): TwopassError {
  return new TwopassError({
    op,
    problem: "index out of range",
    facts: `${index} where ${size} ${size === 1 ? "place is" : "places are"} there`,
    hint: `use whole numbers from 0 to ${size - 1}`,
  });
}

/** y[..., i, ...] = x[..., index[..., i, ...], ...] along `dim`. Other dims of x and index are equal. */
export const gather = record({
  name: "gather",
  kind: "gather",
  doc: "elements chosen by an index along a dim",
  infer([x, index], attrs) {
    const [a, i] = [x as Value, index as Value];
    const dim = numberOf(attrs, "dim");
    if (i.dtype !== "int32" || !sameShape(a.shape.toSpliced(dim, 1), i.shape.toSpliced(dim, 1))) {
      throw internal("gather of unlike shapes");
    }
    return { shape: i.shape, dtype: a.dtype };
  },
  evaluate(out, [x, index], attrs) {
    const [a, i] = [x as HostTensor, index as HostTensor];
    const dim = numberOf(attrs, "dim");
    const size = a.shape[dim] as number;
    const strides = stridesOf(a.shape);
    const along = strides[dim] as number;
    strides[dim] = 0;
    forEachIndex(i.shape, strides, 0, (linear, place) => {
      const at = i.data[linear] as number;
      if (at < 0 || at >= size) throw indexFault("gather", at, size);
      out.data[linear] = a.data[place + at * along] as number;
    });
  },
  vjp: (k, g, [x, index], _out, attrs) => {
    const dim = numberOf(attrs, "dim");
    return [k.scatter(index as Value, g, dim, (x as Value).shape[dim] as number), undefined];
  },
});

/** y = 0, then y[..., index[..., i, ...], ...] += x[..., i, ...] along `dim`, in the order of i. */
export const scatter = record({
  name: "scatter",
  kind: "scatter",
  doc: "elements added into places chosen by an index along a dim",
  infer([index, x], attrs) {
    const [i, a] = [index as Value, x as Value];
    if (i.dtype !== "int32" || !sameShape(a.shape, i.shape)) throw internal("scatter of unlike shapes");
    return { shape: a.shape.with(numberOf(attrs, "dim"), numberOf(attrs, "size")), dtype: a.dtype };
  },
  evaluate(out, [index, x], attrs) {
    const [i, a] = [index as HostTensor, x as HostTensor];
    const dim = numberOf(attrs, "dim");
    const size = numberOf(attrs, "size");
    const strides = stridesOf(out.shape);
    const along = strides[dim] as number;
    strides[dim] = 0;
    const sum = new Float64Array(out.data.length);
    forEachIndex(i.shape, strides, 0, (linear, place) => {
      const at = i.data[linear] as number;
      if (at < 0 || at >= size) throw indexFault("scatterAdd", at, size);
      const to = place + at * along;
      sum[to] = (sum[to] as number) + (a.data[linear] as number);
    });
    out.data.set(sum);
  },
  vjp: (k, g, [index], _out, attrs) => [undefined, k.gather(g, index as Value, numberOf(attrs, "dim"))],
});

/** Calls `visit` with each window of x [N, C, ...]: its number, its plane's first element, and the best place in the plane. */
function forEachWindow(
  x: HostTensor,
  attrs: Attrs,
  count: number,
  visit: (i: number, plane: number, best: number) => void,
): void {
  const [kernel, stride, low, dilation] = ["kernel", "stride", "low", "dilation"].map((key) => listOf(attrs, key)) as [
    readonly number[],
    readonly number[],
    readonly number[],
    readonly number[],
  ];
  const spatial = x.shape.slice(2);
  const strides = stridesOf(spatial);
  const plane = sizeOf(spatial);
  const pixels = listOf(attrs, "extents");
  const perPlane = sizeOf(pixels);
  const pixelStrides = stridesOf(pixels);
  const tapStrides = stridesOf(kernel);
  for (let i = 0; i < count; i++) {
    const base = Math.floor(i / perPlane) * plane;
    let best = -1;
    for (let tap = 0; tap < sizeOf(kernel); tap++) {
      let at = 0;
      let inside = true;
      for (let d = 0; d < spatial.length && inside; d++) {
        const out = Math.floor((i % perPlane) / (pixelStrides[d] as number)) % (pixels[d] as number);
        const k = Math.floor(tap / (tapStrides[d] as number)) % (kernel[d] as number);
        const p = out * (stride[d] as number) + k * (dilation[d] as number) - (low[d] as number);
        inside = p >= 0 && p < (spatial[d] as number);
        at += p * (strides[d] as number);
      }
      if (!inside) continue;
      const candidate = x.data[base + at] as number;
      const held = best < 0 ? 0 : (x.data[base + best] as number);
      if (best < 0 || candidate > held || (candidate !== candidate && held === held)) best = at;
    }
    visit(i, base, Math.max(best, 0));
  }
}

/**
 * Position, in the flattened spatial dims of x [N, C, ...], of the largest element of each window; a NaN counts as
 * the largest. Padding never wins.
 */
export const window = record({
  name: "window",
  kind: "window",
  doc: "position of the largest in each window",
  infer([x], attrs) {
    const shape = (x as Value).shape;
    return { shape: [...shape.slice(0, 2), ...listOf(attrs, "extents")], dtype: "int32" };
  },
  evaluate(out, [x], attrs) {
    forEachWindow(x as HostTensor, attrs, out.data.length, (i, _, best) => {
      out.data[i] = best;
    });
  },
  vjp: null,
});

/**
 * The largest element of each window of x [N, C, ...]; NaN where one is in it. Its gradient goes to one place of each
 * window, which `window` gives: the composite that asks for both knows it.
 */
export const windowMax = record({
  name: "windowMax",
  kind: "window",
  fold: "max",
  doc: "the largest in each window",
  infer([x], attrs) {
    const { shape, dtype } = x as Value;
    return { shape: [...shape.slice(0, 2), ...listOf(attrs, "extents")], dtype };
  },
  evaluate(out, [x], attrs) {
    const a = x as HostTensor;
    forEachWindow(a, attrs, out.data.length, (i, plane, best) => {
      out.data[i] = a.data[plane + best] as number;
    });
  },
  vjp: null,
});

/** Positions that sort x along the last dim, equal elements in their old order; NaN counts as the largest. */
export const sort = record({
  name: "sort",
  kind: "sort",
  doc: "positions in sorted order along the last dim",
  infer: ([x]) => ({ shape: (x as Value).shape, dtype: "int32" }),
  evaluate(out, [x], attrs) {
    const a = x as HostTensor;
    const n = a.shape[a.shape.length - 1] as number;
    const sign = attrs["descending"] === true ? -1 : 1;
    for (let row = 0; row * n < out.data.length; row++) {
      const at = (i: number): number => a.data[row * n + i] as number;
      const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => {
        const [u, v] = [at(i), at(j)];
        if (u !== u || v !== v) return u !== u && v !== v ? i - j : u !== u ? sign : -sign;
        return u === v ? i - j : u < v ? -sign : sign;
      });
      out.data.set(order, row * n);
    }
  },
  vjp: null,
});

/** y[..., i] = x[..., 0] + ... + x[..., i] along the last dim. */
export const cumulate = record({
  name: "cumulate",
  kind: "cumulate",
  doc: "running sum along the last dim",
  infer: ([x]) => ({ shape: (x as Value).shape, dtype: (x as Value).dtype }),
  evaluate(out, [x]) {
    const a = x as HostTensor;
    const n = a.shape[a.shape.length - 1] as number;
    for (let start = 0; start < out.data.length; start += n) {
      let total = 0;
      for (let i = start; i < start + n; i++) {
        total += a.data[i] as number;
        out.data[i] = total;
      }
    }
  },
  vjp: (k, g) => {
    const last = g.shape.length - 1;
    return [k.flip(k.cumulate(k.flip(g, [last])), [last])];
  },
});
