/**
 * Which operation of a failed run it was: a device reports that some computed position was out of range, this file finds
 * the choice that was made with it, the module and the line that wrote it. Floor: tensor.
 */
import { type TypedArray, allocate } from "../base/dtype.ts";
import { TwopassError, lineOf } from "../base/errors.ts";
import { sizeOf } from "../base/shape.ts";
import type { HostTensor } from "../ir/op.ts";
import { type Leaf, type Value, sortGraph } from "../ir/value.ts";

/** The elements of a leaf in a run; one number stands for all. */
export type ReadLeaf = (leaf: Leaf) => TypedArray | number;

/** The device's error, with the name and place of the operation where they can be found. */
export function explainFault(error: TwopassError, order: readonly Value[], read: ReadLeaf): TwopassError {
  let found: { value: Value; outside: Outside } | undefined;
  for (const value of order) {
    const outside = value.leaf === undefined ? positionsOutside(value, read) : undefined;
    if (outside === undefined) continue;
    found = { value, outside };
    break;
  }
  if (found === undefined) return error;
  const guilty = found.value;
  const { at, size } = found.outside;
  const line = guilty.origin === undefined ? "" : lineOf(guilty.origin);
  const module = guilty.path === "" ? "" : `, in ${guilty.path}`;
  return new TwopassError({
    op: guilty.call === "" ? guilty.op.name : guilty.call,
    problem: "index out of range",
    facts: `${at} where ${size} ${size === 1 ? "place is" : "places are"} there${module}${line === "" ? "" : `, at ${line}`}`,
    hint: `use whole numbers from 0 to ${size - 1}`,
    shapes: guilty.inputs.map((x) => x.shape),
    cause: error,
  });
}

interface Outside {
  readonly at: number;
  readonly size: number;
}

/** The first position of a choice that is out of range. */
function positionsOutside(value: Value, read: ReadLeaf): Outside | undefined {
  const { kind } = value.op;
  if (kind !== "gather" && kind !== "scatter") return undefined;
  const dim = value.attrs["dim"] as number;
  const index = (kind === "gather" ? value.inputs[1] : value.inputs[0]) as Value;
  const size = (kind === "gather" ? (value.inputs[0] as Value) : value).shape[dim] as number;
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

/** The elements of a vertex by the reference, whatever the device. Only for messages: it is slow. */
function elementsOf(root: Value, read: ReadLeaf): TypedArray {
  const { order } = sortGraph([root], (value) => value.leaf !== undefined);
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
  return (tensors[root.position] as HostTensor).data;
}
