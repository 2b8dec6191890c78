/** Where the elements of a tensor are, in a form that no later write changes. Floor: tensor. */
import { type TypedArray, allocate } from "../base/dtype.ts";
import { internal } from "../base/errors.ts";
import { sizeOf } from "../base/shape.ts";
import type { DataLeaf, RemoteLeaf, Value } from "../ir/value.ts";
import { kit } from "../ops/kit.ts";
import type { Engine } from "./engine.ts";
import { staleError } from "./stale.ts";

/** The elements of a vertex, as a leaf; what is pending for them is run. They must not be written to. */
export function elementLeaf(value: Value, engine: Engine): DataLeaf | RemoteLeaf {
  if (value.leaf === undefined) engine.run([value]);
  const { leaf } = value;
  switch (leaf?.kind) {
    case "data":
    case "remote":
      return leaf;
    case "slot":
      return { kind: "data", data: allocate(value.dtype, sizeOf(value.shape)).fill(leaf.read()) };
    case "cell": {
      if (leaf.version !== leaf.cell.version || leaf.cell.disposed) throw staleError("read", value, leaf.cell);
      if (engine.device.remote === undefined) return { kind: "data", data: engine.device.read(leaf.cell) };
      return elementLeaf(kit.alias(value, false), engine);
    }
    default:
      throw internal("a tensor without elements after its run");
  }
}

/** Whether elements are here, or may be had at once. Runs nothing. */
export function areHere(value: Value, engine: Engine): boolean {
  return engine.device.remote === undefined || value.leaf?.kind === "data" || value.leaf?.kind === "slot";
}

/** The elements of a vertex in an array of the caller's own, at once or later; what is pending for them is run. */
export function copyElements(value: Value, engine: Engine): TypedArray | Promise<TypedArray> {
  if (value.leaf?.kind === "cell") {
    const { cell, version } = value.leaf;
    if (version !== cell.version || cell.disposed) throw staleError("read", value, cell);
    return engine.device.remote?.readLater(cell) ?? engine.device.read(cell);
  }
  const leaf = elementLeaf(value, engine);
  return leaf.kind === "data" ? leaf.data.slice() : leaf.result.when().then((elements) => elements.slice());
}
