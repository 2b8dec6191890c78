/**
 * Examples joined to typed arrays along a new first dim. The result is plain data, so that it can cross to another
 * thread; collate.ts makes tensors of it. Floor: data.
 */
import { type Dtype, type TypedArray, allocate } from "../../base/dtype.ts";
import { TwopassError, describe, showShape } from "../../base/errors.ts";
import { type Shape, sameShape, sizeOf } from "../../base/shape.ts";
import { type Elements, type TensorData, readData } from "../../tensor/data.ts";
import { Tensor } from "../../tensor/tensor.ts";

/** Elements with a shape, without a tensor around them: an image [C, H, W] for instance. */
export interface ShapedArray {
  readonly data: TypedArray;
  readonly shape: Shape;
}

/** A batch as plain data. */
export type Packed =
  | { readonly kind: "array"; readonly data: TypedArray; readonly shape: Shape; readonly dtype: Dtype }
  | { readonly kind: "list"; readonly items: readonly unknown[] }
  | { readonly kind: "tuple"; readonly fields: readonly Packed[] }
  | { readonly kind: "record"; readonly names: readonly string[]; readonly fields: readonly Packed[] };

/** Numbers of the examples, for messages: their places where none are given. */
type Numbers = ArrayLike<number> | undefined;

/** Whether x has the form of a `ShapedArray`. */
export function isShapedArray(x: unknown): x is ShapedArray {
  if (typeof x !== "object" || x === null) return false;
  const { data, shape } = x as Partial<ShapedArray>;
  return ArrayBuffer.isView(data) && Array.isArray(shape) && sizeOf(shape) === data.length;
}

/** Joins examples as `collate` says it. @throws where they are not alike. */
export function pack(examples: readonly unknown[], numbers?: ArrayLike<number>): Packed {
  const [first] = examples;
  if (!Array.isArray(first) || isVector(first)) return packField(examples, "", numbers);
  const lists = examples as readonly (readonly unknown[])[];
  const other = lists.findIndex((fields) => !Array.isArray(fields) || fields.length !== first.length);
  if (other >= 0) {
    const found = Array.isArray(lists[other]) ? `${lists[other].length} fields` : describe(lists[other]);
    throw differ(
      `example ${numberOf(0, numbers)} has ${first.length} fields, example ${numberOf(other, numbers)} ${found}`,
    );
  }
  const fields = first.map((_, i) => {
    const column = lists.map((list) => list[i]);
    return packField(column, `field ${i} of `, numbers);
  });
  return { kind: "tuple", fields };
}

function isVector(x: readonly unknown[]): boolean {
  return x.every((y) => typeof y === "number" || typeof y === "boolean");
}

function packField(fields: readonly unknown[], where: string, numbers: Numbers): Packed {
  const [first] = fields;
  if (fields.every((x) => typeof x === "number")) {
    return { kind: "array", data: Float32Array.from(fields), shape: [fields.length], dtype: "float32" };
  }
  if (isNumeric(first)) return packArrays(fields, where, numbers);
  if (typeof first !== "object" || first === null || Object.getPrototypeOf(first) !== Object.prototype) {
    return { kind: "list", items: [...fields] };
  }
  const records = fields as readonly (Record<string, unknown> | null | undefined)[];
  const names = Object.keys(first);
  const columns = names.map((name) => {
    const column = records.map((record) => record?.[name]);
    return packField(column, `field ${JSON.stringify(name)} of `, numbers);
  });
  return { kind: "record", names, fields: columns };
}

function isNumeric(x: unknown): boolean {
  if (typeof x === "number" || typeof x === "boolean" || Array.isArray(x) || ArrayBuffer.isView(x)) return true;
  return x instanceof Tensor || isShapedArray(x);
}

/** Arrays of one shape and dtype, one behind the other in memory of their own. */
function packArrays(fields: readonly unknown[], where: string, numbers: Numbers): Packed {
  const head = elementsOf(fields[0], where, numberOf(0, numbers));
  const size = head.elements.length;
  const data = allocate(head.dtype, size * fields.length);
  for (let i = 0; i < fields.length; i++) {
    const x = i === 0 ? head : elementsOf(fields[i], where, numberOf(i, numbers));
    if (x.dtype !== head.dtype || !sameShape(x.shape, head.shape)) {
      const [a, b] = [numberOf(0, numbers), numberOf(i, numbers)];
      throw differ(
        `${where}example ${a} is ${head.dtype} ${showShape(head.shape)}, example ${b} ${x.dtype} ${showShape(x.shape)}`,
      );
    }
    data.set(x.elements, i * size);
  }
  return { kind: "array", data, shape: [fields.length, ...head.shape], dtype: head.dtype };
}

function elementsOf(x: unknown, where: string, number: number): Elements {
  if (x instanceof Tensor) return { elements: x.dataSync(), shape: x.shape, dtype: x.dtype };
  const op = `DataLoader: ${where}example ${number}`;
  if (!isNumeric(x)) throw new TwopassError({ op, problem: "is no array of numbers", facts: `got ${describe(x)}` });
  if (!isShapedArray(x)) return readData(op, x as TensorData, undefined, false);
  return { ...readData(op, x.data, undefined, false), shape: x.shape };
}

function numberOf(place: number, numbers: Numbers): number {
  return numbers?.[place] ?? place;
}

function differ(facts: string): TwopassError {
  return new TwopassError({
    op: "DataLoader",
    problem: "examples of a batch must be alike",
    facts,
    hint: "give { collate } to join them, for instance with padding",
  });
}
