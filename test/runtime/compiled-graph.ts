/** Graphs of vertices on devices without tensors: compiled once, run on any data. For tests of devices and transforms. */
import { type Dtype, type TypedArray, allocate } from "../../src/base/dtype.ts";
import { sizeOf } from "../../src/base/shape.ts";
import { type Wanted, keyOf, programOf } from "../../src/ir/program.ts";
import type { Leaf, Value } from "../../src/ir/value.ts";
import { makeLeaf } from "../../src/ops/leaf.ts";
import { type Device, type Plan, opened } from "../../src/runtime/device.ts";
import { CpuDevice } from "../../src/runtime/cpu/device.ts";

/** A leaf with elements of its own. */
export function dataLeaf(shape: readonly number[], dtype: Dtype, elements: ArrayLike<number>, grad = false): Value {
  const data = allocate(dtype, sizeOf(shape));
  data.set(elements);
  return makeLeaf(shape, dtype, { kind: "data", data }, grad);
}

export class CompiledGraph {
  readonly plan: Plan;
  readonly #device: Device;
  readonly #leaves: readonly Leaf[];

  constructor(device: Device, wanted: readonly (Value | Wanted)[]) {
    const all = wanted.map((w): Wanted => ("value" in w ? w : { value: w, cell: undefined }));
    const key = keyOf(all);
    this.#device = device;
    this.#leaves = key.leaves;
    this.plan = device.compile(programOf(key, all, (like, leaf) => makeLeaf(like.shape, like.dtype, leaf)));
  }

  /** Runs on the data of the graph's leaves, or on what replaces it. */
  run(replaced: ReadonlyMap<Value, TypedArray> = new Map()): (TypedArray | undefined)[] {
    const byData = new Map<TypedArray, TypedArray>();
    for (const [{ leaf }, data] of replaced) if (leaf?.kind === "data") byData.set(leaf.data, data);
    const leaves = this.#leaves.map((leaf): Leaf => {
      const data = leaf.kind === "data" ? byData.get(leaf.data) : undefined;
      return data === undefined ? leaf : { kind: "data", data };
    });
    if (this.#device instanceof CpuDevice) spoilArena(this.#device, this.plan);
    return this.plan.run(leaves).map(opened);
  }
}

/** What a plan does not write it must not read: the arena is full of NaN. */
function spoilArena(device: CpuDevice, plan: Plan): void {
  const start = device.arena(plan.arenaBytes);
  device.machine.memory.view("uint8", start, plan.arenaBytes).fill(0xff);
}

/** Compiles, runs once and lets go. All outputs are results to keep. */
export function runOnce(device: Device, roots: readonly Value[]): TypedArray[] {
  const graph = new CompiledGraph(device, roots);
  const results = graph.run() as TypedArray[];
  graph.plan.dispose();
  return results;
}

/** Whether all elements are the same number, or both NaN; zeros of unlike sign differ. */
export function sameBits(a: TypedArray, b: TypedArray): boolean {
  return a.constructor === b.constructor && a.length === b.length && a.every((x, i) => Object.is(x, b[i]));
}
