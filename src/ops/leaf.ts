/** Vertices without inputs: elements that are somewhere, constants, counting. Floor: ops. */
import type { Dtype } from "../base/dtype.ts";
import { toElement } from "../base/dtype.ts";
import { internal } from "../base/errors.ts";
import type { Shape } from "../base/shape.ts";
import type { Attrs } from "../ir/op.ts";
import { type Leaf, Value } from "../ir/value.ts";
import { listOf, numberOf, record } from "./record.ts";

/** Elements that exist already: user data, a stored tensor, a number, an input of a plan. */
export const leaf = record({
  name: "leaf",
  kind: "leaf",
  doc: "elements that exist already",
  infer: (_, attrs) => ({ shape: listOf(attrs, "shape"), dtype: attrs["dtype"] as Dtype }),
  evaluate: () => {
    throw internal("a leaf is not evaluated");
  },
  vjp: null,
});

/** One number everywhere, part of the structure. */
export const constant = record({
  name: "constant",
  kind: "constant",
  doc: "one number everywhere",
  infer: (_, attrs) => ({ shape: listOf(attrs, "shape"), dtype: attrs["dtype"] as Dtype }),
  evaluate(out, _, attrs) {
    out.data.fill(toElement(out.dtype, numberOf(attrs, "value")));
  },
  vjp: null,
});

/** y[i] = i, int32 [size]. */
export const iota = record({
  name: "iota",
  kind: "iota",
  doc: "0, 1, 2, ...",
  infer: (_, attrs) => ({ shape: [numberOf(attrs, "size")], dtype: "int32" }),
  evaluate(out) {
    for (let i = 0; i < out.data.length; i++) out.data[i] = i;
  },
  vjp: null,
});

export function leafAttrs(shape: Shape, dtype: Dtype): Attrs {
  return { shape, dtype };
}

/** A vertex whose elements are at `where`. */
export function makeLeaf(shape: Shape, dtype: Dtype, where: Leaf, requiresGrad = false): Value {
  return new Value(leaf, [], leafAttrs(shape, dtype), where, requiresGrad);
}
