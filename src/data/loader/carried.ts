/** Examples on their way from one thread to another: tensors become plain data there and tensors again here. Floor: data. */
import type { Dtype, TypedArray } from "../../base/dtype.ts";
import type { Shape } from "../../base/shape.ts";
import { fromElements } from "../../tensor/creation.ts";
import { Tensor } from "../../tensor/tensor.ts";

/** What stands for a value. */
export type Carried =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "tensor"; readonly data: TypedArray; readonly shape: Shape; readonly dtype: Dtype }
  | { readonly kind: "list"; readonly items: readonly Carried[] }
  | { readonly kind: "record"; readonly names: readonly string[]; readonly items: readonly Carried[] };

/** Puts a value in a form that can be posted. A view is copied: it would take all of its buffer along. */
export function carry(x: unknown): Carried {
  if (typeof x !== "object" || x === null) return { kind: "value", value: x };
  if (x instanceof Tensor) return { kind: "tensor", data: x.dataSync(), shape: x.shape, dtype: x.dtype };
  if (ArrayBuffer.isView(x) && x.byteLength < x.buffer.byteLength && !(x instanceof DataView)) {
    return { kind: "value", value: (x as TypedArray).slice() };
  }
  if (Array.isArray(x)) {
    const isPlain = x.every((item) => typeof item !== "object" || item === null);
    return isPlain ? { kind: "value", value: x } : { kind: "list", items: x.map(carry) };
  }
  if (Object.getPrototypeOf(x) !== Object.prototype) return { kind: "value", value: x };
  const names = Object.keys(x);
  return { kind: "record", names, items: Object.values(x).map(carry) };
}

/** The value again. */
export function uncarry(carried: Carried): unknown {
  switch (carried.kind) {
    case "value":
      return carried.value;
    case "tensor":
      return fromElements(carried.data, carried.shape, carried.dtype);
    case "list":
      return carried.items.map(uncarry);
    case "record":
      return Object.fromEntries(carried.names.map((name, i) => [name, uncarry(carried.items[i] as Carried)]));
  }
}
