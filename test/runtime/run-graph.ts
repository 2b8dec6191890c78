/** Runs a graph of vertices on a device without tensors, for tests of devices and transforms. */
import type { TypedArray } from "../../src/base/dtype.ts";
import { type Wanted, keyOf, programOf } from "../../src/ir/program.ts";
import type { Value } from "../../src/ir/value.ts";
import { makeLeaf } from "../../src/ops/leaf.ts";
import { type Device, opened } from "../../src/runtime/device.ts";

export function runGraph(device: Device, roots: readonly Value[]): TypedArray[] {
  const wanted: Wanted[] = roots.map((value) => ({ value, cell: undefined }));
  const key = keyOf(wanted);
  const program = programOf(key, wanted, (like, leaf) => makeLeaf(like.shape, like.dtype, leaf));
  const plan = device.compile(program);
  const results = plan.run(key.leaves).map(opened);
  plan.dispose();
  return results as TypedArray[];
}
