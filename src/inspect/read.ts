/** Elements of vertices. Floor: inspect. */
import type { TypedArray } from "../base/dtype.ts";
import type { Value } from "../ir/value.ts";
import type { Engine } from "../tensor/engine.ts";
import { Inner } from "../tensor/inner.ts";
import { Tensor } from "../tensor/tensor.ts";

/** Computes vertices in one run. */
export function computeAll(values: readonly Value[], engine: Engine): void {
  const waiting = values.filter((value) => value.leaf === undefined);
  if (waiting.length > 0) engine.run(waiting);
}

/** Copies, computed in one run where they are not. */
export async function readAll(values: readonly Value[], engine: Engine): Promise<TypedArray[]> {
  computeAll(values, engine);
  return Promise.all(values.map((value) => new Tensor(new Inner(value, engine)).data()));
}
