/**
 * Waves: runs of steps that do not depend on each other, so that threads may do them in any order. Steps keep their
 * order; a step starts a new wave where it reads what the wave writes, or writes what it reads or writes. Floor: runtime.
 */
import { type KernelPlan, type PlanBuffer, type Step, writtenBy } from "../../schedule/plan.ts";

/** Steps of one wave at most: threads look for their chunk step by step. */
const mostSteps = 64;

/** For each step whether it starts a wave. */
export function startsOfWaves({ steps, buffers }: KernelPlan): boolean[] {
  let wave = new Wave(buffers);
  let stage = -1;
  return steps.map((step) => {
    if (step.stage === stage && wave.admits(step)) {
      wave.add(step);
      return false;
    }
    stage = step.stage;
    wave = new Wave(buffers);
    wave.add(step);
    return true;
  });
}

class Wave {
  readonly #buffers: readonly PlanBuffer[];
  #steps = 0;
  readonly #reads = new Places();
  readonly #writes = new Places();

  constructor(buffers: readonly PlanBuffer[]) {
    this.#buffers = buffers;
  }

  admits(step: Step): boolean {
    if (this.#steps >= mostSteps) return false;
    const written = new Set(writtenBy(step));
    return step.buffers.every((b) => {
      const buffer = this.#buffers[b] as PlanBuffer;
      return !this.#writes.meets(buffer) && !(written.has(b) && this.#reads.meets(buffer));
    });
  }

  add(step: Step): void {
    this.#steps++;
    const written = new Set(writtenBy(step));
    for (const b of step.buffers) (written.has(b) ? this.#writes : this.#reads).add(this.#buffers[b] as PlanBuffer);
  }
}

/** Parts of memory: inputs by number, the rest by its place in the arena. */
class Places {
  readonly #inputs = new Set<number>();
  readonly #ranges: { readonly from: number; readonly to: number }[] = [];

  add({ input, offset, bytes }: PlanBuffer): void {
    if (input >= 0) this.#inputs.add(input);
    else this.#ranges.push({ from: offset, to: offset + bytes });
  }

  meets({ input, offset, bytes }: PlanBuffer): boolean {
    if (input >= 0) return this.#inputs.has(input);
    return this.#ranges.some((r) => r.from < offset + bytes && offset < r.to);
  }
}
