/** Operations that only move elements: views, padding, joining. Floor: ops. */
import { sizeOf, stridesOf } from "../base/shape.ts";
import { internal, showShape } from "../base/errors.ts";
import { toElement } from "../base/dtype.ts";
import type { Attrs, HostTensor } from "../ir/op.ts";
import type { Value } from "../ir/value.ts";
import { forEachIndex, listOf, numberOf, record } from "./record.ts";

/** y = x with another shape of the same size, row-major order kept. */
export const reshape = record({
  name: "reshape",
  kind: "view",
  doc: "another shape of the same size",
  infer(inputs, attrs) {
    const x = inputs[0] as Value;
    const shape = listOf(attrs, "shape");
    if (sizeOf(shape) !== sizeOf(x.shape)) throw internal(`reshape of ${showShape(x.shape)} to ${showShape(shape)}`);
    return { shape, dtype: x.dtype };
  },
  evaluate: (out, inputs) => out.data.set((inputs[0] as HostTensor).data),
  vjp: (k, g, [x]) => [k.reshape(g, (x as Value).shape)],
});

/** y[i_order[0], i_order[1], ...] = x[i_0, i_1, ...]: dim j of y is dim order[j] of x. */
export const permute = record({
  name: "permute",
  kind: "view",
  doc: "dims in another order",
  infer(inputs, attrs) {
    const x = inputs[0] as Value;
    return { shape: listOf(attrs, "order").map((d) => x.shape[d] as number), dtype: x.dtype };
  },
  evaluate(out, inputs, attrs) {
    const x = inputs[0] as HostTensor;
    const strides = stridesOf(x.shape);
    const order = listOf(attrs, "order").map((d) => strides[d] as number);
    forEachIndex(out.shape, order, 0, (linear, place) => {
      out.data[linear] = x.data[place] as number;
    });
  },
  vjp: (k, g, _inputs, _out, attrs) => {
    const order = listOf(attrs, "order");
    return [
      k.permute(
        g,
        order.map((_, i) => order.indexOf(i)),
      ),
    ];
  },
});

/** Repeats dims of extent 1 to the extents of `shape`; the rank stays. */
export const expand = record({
  name: "expand",
  kind: "view",
  doc: "dims of extent 1 repeated",
  infer(inputs, attrs) {
    const x = inputs[0] as Value;
    const shape = listOf(attrs, "shape");
    if (shape.length !== x.shape.length || x.shape.some((n, i) => n !== 1 && n !== shape[i])) {
      throw internal(`expand of ${showShape(x.shape)} to ${showShape(shape)}`);
    }
    return { shape, dtype: x.dtype };
  },
  evaluate(out, inputs) {
    const x = inputs[0] as HostTensor;
    const strides = stridesOf(x.shape).map((s, i) => (x.shape[i] === 1 ? 0 : s));
    forEachIndex(out.shape, strides, 0, (linear, place) => {
      out.data[linear] = x.data[place] as number;
    });
  },
  vjp: (k, g, [x], out) => {
    const shape = (x as Value).shape;
    const dims = shape.map((_, i) => i).filter((i) => shape[i] === 1 && out.shape[i] !== 1);
    return [k.reshape(k.sum(g, dims), shape)];
  },
});

/** y[i] = x[start + i · step] along each dim; a negative step walks backwards. */
export const slice = record({
  name: "slice",
  kind: "view",
  doc: "every step-th element from a start along each dim",
  infer(inputs, attrs) {
    const x = inputs[0] as Value;
    const start = listOf(attrs, "start");
    const step = listOf(attrs, "step");
    const shape = listOf(attrs, "size");
    for (let i = 0; i < shape.length; i++) {
      const first = start[i] as number;
      const last = first + ((shape[i] as number) - 1) * (step[i] as number);
      const n = x.shape[i] as number;
      if ((shape[i] as number) > 0 && (Math.min(first, last) < 0 || Math.max(first, last) >= n)) {
        throw internal(`slice of ${showShape(x.shape)} from ${showShape(start)} by ${showShape(step)}`);
      }
    }
    return { shape, dtype: x.dtype };
  },
  evaluate(out, inputs, attrs) {
    const x = inputs[0] as HostTensor;
    const { strides, offset } = slicePlaces(x.shape, attrs);
    forEachIndex(out.shape, strides, offset, (linear, place) => {
      out.data[linear] = x.data[place] as number;
    });
  },
  vjp: (k, g, [x], _out, attrs) => [k.unslice(g, (x as Value).shape, attrs)],
});

/** Strides and offset of a slice in the elements of its input. */
function slicePlaces(shape: readonly number[], attrs: Attrs): { strides: number[]; offset: number } {
  const whole = stridesOf(shape);
  const start = listOf(attrs, "start");
  const step = listOf(attrs, "step");
  return {
    strides: whole.map((s, i) => s * (step[i] as number)),
    offset: whole.reduce((sum, s, i) => sum + s * (start[i] as number), 0),
  };
}

/**
 * Places x in a tensor filled with `value`: y[low + i · (1 + inner)] = x[i] along each dim, with `high` more elements
 * behind. low, inner and high are not negative.
 */
export const pad = record({
  name: "pad",
  kind: "pad",
  doc: "a larger tensor with the elements placed at equal distances and the rest filled",
  infer(inputs, attrs) {
    const x = inputs[0] as Value;
    const [low, high, inner] = [listOf(attrs, "low"), listOf(attrs, "high"), listOf(attrs, "inner")];
    const shape = x.shape.map(
      (n, i) => (low[i] as number) + n + Math.max(n - 1, 0) * (inner[i] as number) + (high[i] as number),
    );
    return { shape, dtype: x.dtype };
  },
  evaluate(out, inputs, attrs) {
    const x = inputs[0] as HostTensor;
    out.data.fill(toElement(out.dtype, numberOf(attrs, "value")));
    const { strides, offset } = padPlaces(out.shape, attrs);
    forEachIndex(x.shape, strides, offset, (linear, place) => {
      out.data[place] = x.data[linear] as number;
    });
  },
  vjp: (k, g, [x], _out, attrs) => [
    k.slice(
      g,
      listOf(attrs, "low"),
      listOf(attrs, "inner").map((n) => n + 1),
      (x as Value).shape,
    ),
  ],
});

/** Strides and offset, in the elements of the result, of the places that a pad fills from its input. */
export function padPlaces(outShape: readonly number[], attrs: Attrs): { strides: number[]; offset: number } {
  const whole = stridesOf(outShape);
  const low = listOf(attrs, "low");
  const inner = listOf(attrs, "inner");
  return {
    strides: whole.map((s, i) => s * ((inner[i] as number) + 1)),
    offset: whole.reduce((sum, s, i) => sum + s * (low[i] as number), 0),
  };
}

/** Inputs one behind the other along `dim`. */
export const concat = record({
  name: "concat",
  kind: "concat",
  doc: "tensors one behind the other along a dim",
  infer(inputs, attrs) {
    const dim = numberOf(attrs, "dim");
    const first = inputs[0] as Value;
    if (inputs.some((x) => x.dtype !== first.dtype))
      throw internal(`concat of ${inputs.map((x) => x.dtype).join(" and ")}`);
    const total = inputs.reduce((sum, x) => sum + (x.shape[dim] as number), 0);
    return { shape: first.shape.map((n, i) => (i === dim ? total : n)), dtype: first.dtype };
  },
  evaluate(out, inputs, attrs) {
    const dim = numberOf(attrs, "dim");
    const strides = stridesOf(out.shape);
    let at = 0;
    for (const x of inputs) {
      forEachIndex(x.shape, strides, at * (strides[dim] as number), (linear, place) => {
        out.data[place] = x.data[linear] as number;
      });
      at += x.shape[dim] as number;
    }
  },
  vjp: (k, g, inputs, _out, attrs) => {
    const dim = numberOf(attrs, "dim");
    let at = 0;
    return inputs.map((x) => {
      const start = x.shape.map((_, i) => (i === dim ? at : 0));
      at += x.shape[dim] as number;
      return k.slice(
        g,
        start,
        x.shape.map(() => 1),
        x.shape,
      );
    });
  },
});
