/** A plan whose kernels are in another thread. It knows their number after its first run. Floor: runtime. */
import { itemSize } from "../../base/dtype.ts";
import { sizeOf } from "../../base/shape.ts";
import type { Phase } from "../../ir/mode.ts";
import type { Program } from "../../ir/program.ts";
import type { Leaf } from "../../ir/value.ts";
import type { Elements, Plan } from "../device.ts";
import type { RemoteDevice } from "./remote-device.ts";
import { type PlanState, writeProgram } from "./wire.ts";

export class RemotePlan implements Plan {
  readonly number: number;
  /** Bytes of each result; -1 for one that goes into a cell. */
  readonly resultBytes: readonly number[];
  state: PlanState | undefined = undefined;
  readonly #device: RemoteDevice;

  constructor(device: RemoteDevice, program: Program, number: number) {
    this.#device = device;
    this.number = number;
    this.resultBytes = program.outputs.map(({ value, target }) =>
      target < 0 ? sizeOf(value.shape) * itemSize[value.dtype] : -1,
    );
    device.post({ kind: "plan", plan: number, program: writeProgram(program) });
  }

  get kernels(): Readonly<Record<Phase, number>> {
    return this.state?.kernels ?? { 0: 0, 1: 0, 2: 0 };
  }

  get arenaBytes(): number {
    return this.state?.arenaBytes ?? 0;
  }

  run(leaves: readonly Leaf[]): readonly (Elements | undefined)[] {
    return this.#device.start(this, leaves);
  }

  explain(): string {
    return this.state?.text ?? "the plan is in the worker, and its first run has not been answered yet";
  }

  dispose(): void {
    if (!this.#device.isClosed) this.#device.post({ kind: "drop", plan: this.number });
  }
}
