/**
 * Which choice of a failed run was out of range: a device reports that some computed position was, the reference finds
 * out which. Slow, only for messages. Floor: runtime.
 */
import { type TypedArray, allocate } from "../base/dtype.ts";
import { sizeOf } from "../base/shape.ts";
import type { HostTensor } from "../ir/op.ts";
import { withoutCalls } from "../ir/copier.ts";
import { type Leaf, type Value, sortGraph } from "../ir/value.ts";
import type { OutOfRange } from "./device.ts";

/** The elements of a leaf in a run; one number stands for all. */
export type ReadLeaf = (leaf: Leaf) => TypedArray | number;

/** Whether a vertex chooses by computed positions: only such ones fail when they run. */
export function isChoice(value: Value): boolean {
  const { kind } = value.op;
  return value.leaf === undefined && (kind === "gather" || kind === "scatter");
}

/** The first of the choices with a position out of range: its number in the list, and the position. */
export function findOutOfRange(
  choices: readonly Value[],
  read: ReadLeaf,
): (OutOfRange & { readonly number: number }) | undefined {
  for (let number = 0; number < choices.length; number++) {
    const outside = positionOutside(choices[number] as Value, read);
    if (outside !== undefined) return { number, ...outside };
  }
  return undefined;
}

function positionOutside(choice: Value, read: ReadLeaf): OutOfRange | undefined {
  const dim = choice.attrs["dim"] as number;
  const isGather = choice.op.kind === "gather";
  const index = (isGather ? choice.inputs[1] : choice.inputs[0]) as Value;
  const size = (isGather ? (choice.inputs[0] as Value) : choice).shape[dim] as number;
  let positions: TypedArray;
  try {
    positions = elementsOf(index, read);
  } catch {
    // The positions themselves depend on an earlier choice that fails: that one is reported.
    return undefined;
  }
  const at = positions.find((i) => i < 0 || i >= size);
  return at === undefined ? undefined : { at, size };
}

/** The elements of a vertex by the reference, whatever the device. */
function elementsOf(root: Value, read: ReadLeaf): TypedArray {
  const whole = withoutCalls(root);
  const { order } = sortGraph([whole], (value) => value.leaf !== undefined);
  const tensors: HostTensor[] = [];
  for (const value of order) {
    const { shape, dtype, leaf } = value;
    const data = allocate(dtype, sizeOf(shape));
    if (leaf === undefined) {
      const inputs = value.inputs.map((input) => tensors[input.position] as HostTensor);
      value.op.evaluate({ shape, dtype, data }, inputs, value.attrs);
    } else {
      const elements = read(leaf);
      if (typeof elements === "number") data.fill(elements);
      else data.set(elements);
    }
    tensors.push({ shape, dtype, data });
  }
  return (tensors[whole.position] as HostTensor).data;
}
