/** Folds along dims, and positions of extremes. `dims` are removed from the shape; keeping them is a reshape. Floor: ops. */
import { allocate, isFloating } from "../base/dtype.ts";
import { internal } from "../base/errors.ts";
import { sizeOf, stridesOf } from "../base/shape.ts";
import type { HostTensor, OpDef } from "../ir/op.ts";
import type { Value } from "../ir/value.ts";
import type { Kit } from "./kit.ts";
import { type Rule, forEachIndex, listOf, record } from "./record.ts";

type Fold = "sum" | "prod" | "max" | "min";

/** Where each fold starts. Maximum and minimum of nothing are checked by the methods users call. */
export const foldStart: Readonly<Record<Fold, number>> = { sum: 0, prod: 1, max: -Infinity, min: Infinity };

const folds: Readonly<Record<Fold, (a: number, b: number) => number>> = {
  sum: (a, b) => a + b,
  prod: (a, b) => a * b,
  max: (a, b) => (a !== a || b !== b ? Number.NaN : Math.max(a, b)),
  min: (a, b) => (a !== a || b !== b ? Number.NaN : Math.min(a, b)),
};

function reduction(fold: Fold, doc: string, vjp: Rule): OpDef {
  return record({
    name: fold,
    kind: "reduce",
    doc,
    fold,
    infer(inputs, attrs) {
      const x = inputs[0] as Value;
      const dims = listOf(attrs, "dims");
      return { shape: x.shape.filter((_, i) => !dims.includes(i)), dtype: x.dtype };
    },
    evaluate(out, inputs, attrs) {
      const x = inputs[0] as HostTensor;
      const dims = listOf(attrs, "dims");
      const kept = x.shape.map((_, i) => i).filter((i) => !dims.includes(i));
      const outStrides = stridesOf(out.shape);
      const strides = new Array<number>(x.shape.length).fill(0);
      kept.forEach((dim, i) => {
        strides[dim] = outStrides[i] as number;
      });
      const sums = allocate(isFloating(out.dtype) ? "float64" : out.dtype, sizeOf(out.shape)).fill(
        out.dtype === "int32" && fold === "max"
          ? -2147483648
          : out.dtype === "int32" && fold === "min"
            ? 2147483647
            : fold === "min" && !isFloating(out.dtype)
              ? 255
              : foldStart[fold],
      );
      const f = out.dtype === "int32" && fold === "prod" ? Math.imul : folds[fold];
      forEachIndex(x.shape, strides, 0, (linear, place) => {
        sums[place] = f(sums[place] as number, x.data[linear] as number);
      });
      out.data.set(sums);
    },
    vjp,
  });
}

/** The gradient of a maximum goes to the places that hold it, in equal shares, as PyTorch's `amax` does. */
const extremeRule: Rule = (k, g, [x], y, attrs) => {
  const dims = listOf(attrs, "dims");
  const held = k.eq(x as Value, k.spread(y, (x as Value).shape, dims));
  const ones = k.cast(held, (x as Value).dtype);
  const count = k.spread(k.sum(ones, dims), (x as Value).shape, dims);
  return [k.mul(k.div(ones, count), k.spread(g, (x as Value).shape, dims))];
};

/** y = Σ x along dims.  dx = dy, spread along dims. */
export const sum = reduction("sum", "sum along dims", (k, g, [x], _, attrs) => [
  k.spread(g, (x as Value).shape, listOf(attrs, "dims")),
]);

/**
 * y = Π x along dims.  dx is the product of the others, dy spread: no division by an x that is 0.
 * It is a product of running products from both sides, along each dim in turn.
 */
export const prod = reduction("prod", "product along dims", (k, g, [x], _, attrs) => [
  k.mul(k.spread(g, (x as Value).shape, listOf(attrs, "dims")), productOfOthers(k, x as Value, listOf(attrs, "dims"))),
]);

/** For each element the product of all others along `dims`, by running products from both sides. */
function productOfOthers(k: Kit, x: Value, dims: readonly number[]): Value {
  const kept = x.shape.map((_, i) => i).filter((i) => !dims.includes(i));
  const order = [...kept, ...dims];
  const moved = k.permute(x, order);
  const n = sizeOf(dims.map((d) => x.shape[d] as number));
  const line = k.reshape(moved, [...kept.map((d) => x.shape[d] as number), n]);
  const last = kept.length;
  const before = runningProduct(k, line, last);
  const after = k.flip(runningProduct(k, k.flip(line, [last]), last), [last]);
  const others = k.reshape(k.mul(before, after), moved.shape);
  return k.permute(
    others,
    order.map((_, i) => order.indexOf(i)),
  );
}

/** Product of all elements in front along a dim: log₂ n rounds of x[i] · x[i − 2ʳ]. */
function runningProduct(k: Kit, x: Value, dim: number): Value {
  const n = x.shape[dim] as number;
  const shifted = (y: Value, by: number): Value =>
    k.pad(
      k.range(y, dim, 0, n - by),
      y.shape.map((_, i) => (i === dim ? by : 0)),
      y.shape.map(() => 0),
      1,
    );
  let product = n === 0 ? x : shifted(x, 1);
  for (let by = 1; by < n; by *= 2) product = k.mul(product, shifted(product, by));
  return product;
}

export const max = reduction("max", "largest along dims", extremeRule);
export const min = reduction("min", "smallest along dims", extremeRule);

function extremePosition(name: "argmax" | "argmin", doc: string, better: (a: number, b: number) => boolean): OpDef {
  return record({
    name,
    kind: "arg",
    doc,
    fold: name,
    infer(inputs) {
      const x = inputs[0] as Value;
      if (x.shape.length === 0) throw internal(`${name} of a 0-d tensor`);
      return { shape: x.shape.slice(0, -1), dtype: "int32" };
    },
    evaluate(out, inputs) {
      const x = inputs[0] as HostTensor;
      const n = x.shape[x.shape.length - 1] as number;
      for (let row = 0; row < out.data.length; row++) {
        let best = 0;
        for (let i = 1; i < n; i++) {
          const a = x.data[row * n + i] as number;
          const b = x.data[row * n + best] as number;
          // The first NaN wins over everything, as in PyTorch.
          if (b === b && (a !== a || better(a, b))) best = i;
        }
        out.data[row] = best;
      }
    },
    vjp: null,
  });
}

/** Position of the first largest element along the last dim; a NaN counts as the largest. */
export const argmax = extremePosition("argmax", "position of the largest along the last dim", (a, b) => a > b);
/** Position of the first smallest element along the last dim; a NaN counts as the smallest. */
export const argmin = extremePosition("argmin", "position of the smallest along the last dim", (a, b) => a < b);
