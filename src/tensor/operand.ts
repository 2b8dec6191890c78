/**
 * Numbers and tensors as operands: promotion, and numbers as slots. Floor: tensor.
 */
import type { Dtype } from "../base/dtype.ts";
import { promote, promoteWithNumber } from "../base/dtype.ts";
import { TwopassError, describe } from "../base/errors.ts";
import { type Shape, broadcastShapes } from "../base/shape.ts";
import type { Value } from "../ir/value.ts";
import { kit } from "../ops/kit.ts";
import { makeLeaf } from "../ops/leaf.ts";
import { TensorHandle, valueOf } from "./handle.ts";
import { inner } from "./inner.ts";

/** What an elementwise method takes beside its tensor. */
export type Operand = TensorHandle | number | boolean;

/** Numbers that are part of the structure: their plans are worth having. All others are read at each run. */
const structural = new Set([0, 1, -1, 2, -2, 0.5, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);

/** A 0-d vertex for a number the user gave. */
export function numberValue(x: number, dtype: Dtype): Value {
  if (structural.has(x) || Number.isNaN(x)) return kit.full([], x, dtype);
  return makeLeaf([], dtype, { kind: "slot", read: () => x, written: x });
}

export function isOperand(x: unknown): x is Operand {
  return typeof x === "number" || typeof x === "boolean" || x instanceof TensorHandle;
}

function checkOperand(op: string, x: unknown): asserts x is Operand {
  if (isOperand(x)) return;
  throw new TwopassError({
    op,
    problem: "takes tensors and numbers",
    facts: `got ${describe(x)}`,
    hint: Array.isArray(x) || ArrayBuffer.isView(x) ? "wrap it: tensor([...])" : "see the method's types",
  });
}

export function tensorsIn(operands: readonly Operand[]): TensorHandle[] {
  return operands.filter((x) => x instanceof TensorHandle);
}

/**
 * Operands as vertices of one dtype: tensors are promoted among each other (float64 with float32 is an error), a number
 * lifts only across the categories bool < integer < float. Shapes are left to the kit, which broadcasts, after a check.
 */
export function promoteOperands(op: string, operands: readonly Operand[]): Value[] {
  let dtype: Dtype | undefined;
  for (const x of operands) {
    checkOperand(op, x);
    if (!isArray(x)) continue;
    if (dtype !== undefined && dtype !== x.dtype && [dtype, x.dtype].every((d) => d.startsWith("float"))) {
      throw new TwopassError({
        op,
        problem: "float32 and float64 do not mix by themselves",
        facts: `${dtype} and ${x.dtype}`,
        hint: 'convert one with .to("float32") or .to("float64")',
        dtypes: [dtype, x.dtype],
      });
    }
    dtype = dtype === undefined ? x.dtype : promote(dtype, x.dtype);
  }
  if (dtype === undefined) dtype = "float32";
  for (const x of operands) {
    if (typeof x === "number") dtype = promoteWithNumber(dtype, x, Number.isInteger(x));
    else if (typeof x === "boolean") dtype = promoteWithNumber(dtype, x, true);
    else if (!isArray(x)) dtype = promoteWithNumber(dtype, 0.5, false);
  }
  const values: Value[] = [];
  let shape: Shape = [];
  for (const x of operands) {
    const value = operandValue(x, dtype);
    values.push(value);
    shape = broadcastShapes(op, shape, value.shape);
  }
  return values;
}

/** Whether an operand has a dtype of its own: a number argument of a compiled function is as good as a number. */
function isArray(x: Operand): x is TensorHandle {
  return x instanceof TensorHandle && !x[inner].isNumber;
}

function operandValue(x: Operand, dtype: Dtype): Value {
  if (!(x instanceof TensorHandle)) return numberValue(Number(x), dtype);
  const value = valueOf(x);
  return isArray(x) || value.leaf === undefined ? kit.cast(value, dtype) : makeLeaf([], dtype, value.leaf);
}

/** The operand in the default floating dtype unless it is floating already. */
export function toFloating(x: Value): Value {
  return x.dtype === "float32" || x.dtype === "float64" ? x : kit.cast(x, "float32");
}
