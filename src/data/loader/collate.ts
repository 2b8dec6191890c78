/** Examples joined to a batch of tensors. Floor: data. */
import type { TypedArray } from "../../base/dtype.ts";
import { type NestedData, fromElements } from "../../tensor/creation.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type Packed, type ShapedArray, pack } from "../datasets/pack.ts";

/** What becomes one tensor: numbers, booleans, typed arrays, tensors, nested arrays of numbers. */
type Numeric = number | boolean | TypedArray | Tensor | ShapedArray;

/** The type of a batch of examples of type T: an array of fields keeps its form, all else is one field. */
export type Batch<T> = T extends readonly (number | boolean)[]
  ? Tensor
  : T extends readonly unknown[]
    ? { -readonly [K in keyof T]: BatchField<T[K]> }
    : BatchField<T>;

/** The type of a field of a batch: numbers become tensors, objects keep their form. */
type BatchField<T> = T extends Numeric | NestedData
  ? Tensor
  : T extends string
    ? T[]
    : T extends object
      ? { -readonly [K in keyof T]: BatchField<T[K]> }
      : T[];

/**
 * Joins examples along a new first dim. An example is an array of fields, input and label for instance, or one field; an
 * array of numbers alone is one field. A field is a number, a boolean, a typed array, a tensor, a typed array with its
 * shape `{ data, shape }`, nested arrays of numbers, or an object of fields. Texts and other things stay in an array.
 *
 * Plain numbers become float32: labels are best of an integer type, or turned into one by `map: ([x, y]) => [x, y.int()]`.
 *
 * @throws where shapes differ: texts of different lengths must be padded first, or joined by a function of one's own.
 * @example
 * const [inputs, labels] = collate([[[1, 2], "a"], [[3, 4], "b"]]) as [Tensor, string[]];
 * inputs.shape; // [2, 2]
 * labels; // ["a", "b"]
 */
export function collate(examples: readonly unknown[]): unknown {
  return unpack(pack(examples));
}

/** Tensors over the arrays of a packed batch, which nobody else changes any more. */
export function unpack(packed: Packed): unknown {
  switch (packed.kind) {
    case "array":
      return fromElements(packed.data, packed.shape, packed.dtype);
    case "list":
      return packed.items;
    case "tuple":
      return packed.fields.map(unpack);
    case "record":
      return Object.fromEntries(packed.names.map((name, i) => [name, unpack(packed.fields[i] as Packed)]));
  }
}
