/** Class labels and row numbers as users give them: int32 or uint8 tensors, or arrays of whole numbers. Floor: nn. */
import type { TypedArray } from "../../base/dtype.ts";
import { TwopassError, describe, showShape } from "../../base/errors.ts";
import type { Value } from "../../ir/value.ts";
import { kit } from "../../ops/kit.ts";
import { type NestedData, tensor } from "../../tensor/creation.ts";
import { TensorHandle, valueOf } from "../../tensor/handle.ts";
import { inner } from "../../tensor/inner.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/** Whole numbers: a tensor (int32 or uint8), or a number or nested arrays. */
export type Labels = Tensor | NestedData;

export interface LabelVertex {
  /** int32. */
  readonly value: Value;
  /** The elements, where they are in JavaScript's memory. */
  readonly data: TypedArray | undefined;
  readonly tensor: Tensor;
}

/** Reads labels. Floating tensors and fractions are errors: a label that is no whole number is a mistake. */
export function readLabels(op: string, name: string, given: Labels): LabelVertex {
  const x = given instanceof TensorHandle ? given : wholeTensor(op, name, given);
  const value = valueOf(x);
  if (value.dtype !== "int32" && value.dtype !== "uint8") {
    throw new TwopassError({
      op,
      problem: `${name} must be whole numbers`,
      facts: `got ${value.dtype} ${showShape(value.shape)}`,
      hint: value.dtype === "bool" ? 'convert with .to("int32")' : "convert with .int()",
      dtypes: [value.dtype],
    });
  }
  const { leaf } = x[inner].value;
  return { value: kit.cast(value, "int32"), data: leaf?.kind === "data" ? leaf.data : undefined, tensor: x };
}

/** Throws where an argument that may be a tensor, a number or an array is none of them. */
export function checkGiven(op: string, name: string, given: unknown): void {
  if (typeof given === "number" || typeof given === "boolean" || (typeof given === "object" && given !== null)) return;
  throw new TwopassError({ op, problem: `${name} must be a tensor or an array`, facts: `got ${describe(given)}` });
}

function wholeTensor(op: string, name: string, given: NestedData): Tensor {
  checkGiven(op, name, given);
  const x = tensor(given, { dtype: "float64" });
  const { leaf } = x[inner].value;
  const data = leaf?.kind === "data" ? leaf.data : [];
  data.forEach((label, i) => {
    if (Number.isInteger(label)) return;
    throw new TwopassError({ op, problem: `${name} must be whole numbers`, facts: `element ${i} is ${label}` });
  });
  return tensor(given, { dtype: "int32" });
}

/**
 * Checks that labels are from 0 to count − 1 or `ignore`, where their elements are known. Gives whether they are known,
 * and whether one is `ignore`.
 */
export function checkRange(
  op: string,
  name: string,
  labels: LabelVertex,
  count: number,
  ignore?: number,
): { checked: boolean; ignores: boolean } {
  const { data } = labels;
  if (data === undefined) return { checked: false, ignores: true };
  let ignores = false;
  for (let i = 0; i < data.length; i++) {
    const label = data[i] as number;
    if (label === ignore) ignores = true;
    else if (label < 0 || label >= count) {
      throw new TwopassError({
        op,
        problem: `${name} out of range`,
        facts: `element ${i} is ${label}, and there are ${count}`,
        hint: `use whole numbers from 0 to ${count - 1}`,
      });
    }
  }
  return { checked: true, ignores };
}
