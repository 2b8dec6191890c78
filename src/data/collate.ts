/** Examples joined to a batch. Floor: data. */
import { type Dtype, type TypedArray, allocate } from "../base/dtype.ts";
import { TwopassError, showShape } from "../base/errors.ts";
import { sameShape, sizeOf } from "../base/shape.ts";
import { type NestedData, fromElements, tensor } from "../tensor/creation.ts";
import { Tensor } from "../tensor/tensor.ts";

/** What becomes one tensor: numbers, booleans, typed arrays, tensors, nested arrays of numbers. */
type Numeric = number | boolean | TypedArray | Tensor;

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
 * array of numbers alone is one field. A field is a number, a boolean, a typed array, a tensor, nested arrays of numbers,
 * or an object of fields. Texts and other things stay in an array.
 *
 * Plain numbers become float32: labels are best of an integer type, or turned into one by `map: ([x, y]) => [x, y.int()]`.
 *
 * @throws where shapes differ: texts of different lengths must be padded first, or joined by a function of one's own.
 */
export function collate(examples: readonly unknown[]): unknown {
  const [first] = examples;
  if (!Array.isArray(first) || isVector(first)) return collateField(examples);
  const lists = examples as readonly (readonly unknown[])[];
  const other = lists.findIndex((fields) => fields.length !== first.length);
  if (other >= 0) throw differ(`example 0 has ${first.length} fields, example ${other} ${lists[other]?.length}`);
  return first.map((_, i) => collateField(lists.map((fields) => fields[i])));
}

function isVector(x: readonly unknown[]): boolean {
  return x.every((y) => typeof y === "number" || typeof y === "boolean");
}

function collateField(fields: readonly unknown[]): unknown {
  const [first] = fields;
  if (typeof first === "number" || typeof first === "boolean" || Array.isArray(first))
    return stack(fields.map(fieldTensor));
  if (typeof first !== "object" || first === null) return [...fields];
  if (ArrayBuffer.isView(first) || first instanceof Tensor) return stack(fields.map(fieldTensor));
  if (Object.getPrototypeOf(first) !== Object.prototype) return [...fields];
  const records = fields as readonly Record<string, unknown>[];
  return Object.fromEntries(Object.keys(first).map((key) => [key, collateField(records.map((record) => record[key]))]));
}

function fieldTensor(x: unknown): Tensor {
  return x instanceof Tensor ? x : tensor(x as NestedData);
}

/** Tensors of one shape and dtype along a new first dim, in memory of their own. */
function stack(fields: readonly Tensor[]): Tensor {
  const [first] = fields as [Tensor];
  const wrong = fields.findIndex((x) => !sameShape(x.shape, first.shape) || x.dtype !== first.dtype);
  if (wrong >= 0) {
    const other = fields[wrong] as Tensor;
    throw differ(
      `example 0 is ${first.dtype} ${showShape(first.shape)}, example ${wrong} ${other.dtype} ${showShape(other.shape)}`,
    );
  }
  const dtype: Dtype = first.dtype;
  const size = sizeOf(first.shape);
  const data = allocate(dtype, size * fields.length);
  fields.forEach((x, i) => data.set(x.dataSync(), i * size));
  return fromElements(data, [fields.length, ...first.shape], dtype);
}

function differ(facts: string): TwopassError {
  return new TwopassError({
    op: "DataLoader",
    problem: "examples of a batch must be alike",
    facts,
    hint: "give { collate } to join them, for instance with padding",
  });
}
