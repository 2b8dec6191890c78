/** Elements of vertices. Floor: inspect. */
import type { TypedArray } from "../base/dtype.ts";
import type { Value } from "../ir/value.ts";
import { elementLeaf } from "../tensor/elements.ts";
import type { Engine } from "../tensor/engine.ts";

/** Elements of vertices, which must not be written to; computed in one run where they are not. */
export async function readAll(values: readonly Value[], engine: Engine): Promise<TypedArray[]> {
  const waiting = values.filter((value) => value.leaf === undefined);
  if (waiting.length > 0) engine.run(waiting);
  const data: TypedArray[] = [];
  for (const leaf of values.map((value) => elementLeaf(value, engine))) {
    data.push(leaf.kind === "data" ? leaf.data : await leaf.result.when());
  }
  return data;
}
