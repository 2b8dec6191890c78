/**
 * Waves: runs of steps that do not depend on each other, so that threads may do them in any order. Steps keep their
 * order; a step starts a new wave where it reads what the wave writes, or writes what it reads or writes. Steps that only
 * look at others have waves of their own, so that others can be timed without them. Floor: runtime.
 */
import type { BufferType, KernelPlan, PlanBuffer, Step } from "../../schedule/plan.ts";
import { isAside, writtenNumbers } from "../../schedule/step.ts";

/** Steps of one wave at most: threads look for their chunk step by step. */
const mostSteps = 64;

/** For each step whether it starts a wave. */
export function startsOfWaves({ steps, buffers }: KernelPlan): boolean[] {
  let wave = new Wave(buffers);
  let stage = -1;
  let aside = false;
  return steps.map((step) => {
    if (step.stage === stage && isAside(step) === aside && wave.admits(step)) {
      wave.add(step);
      return false;
    }
    stage = step.stage;
    aside = isAside(step);
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
    const written = writtenNumbers(step);
    return this.#placesOf(step).every(
      (place, i) => !this.#writes.meets(place) && !(written.has(i) && this.#reads.meets(place)),
    );
  }

  add(step: Step): void {
    this.#steps++;
    const written = writtenNumbers(step);
    this.#placesOf(step).forEach((place, i) => (written.has(i) ? this.#writes : this.#reads).add(place));
  }

  #placesOf({ buffers, parts }: Step): Place[] {
    return buffers.map((b, i) => {
      const { input, offset, bytes } = this.#buffers[b] as PlanBuffer;
      return parts === undefined
        ? { input, offset, bytes }
        : { input, offset: offset + (parts.offsets[i] as number), bytes: (parts.types[i] as BufferType).bytes };
    });
  }
}

type Place = Pick<PlanBuffer, "input" | "offset" | "bytes">;

/** Parts of memory: inputs by number, the rest by its place in the arena. */
class Places {
  readonly #inputs = new Set<number>();
  readonly #ranges: { readonly from: number; readonly to: number }[] = [];

  add({ input, offset, bytes }: Place): void {
    if (input >= 0) this.#inputs.add(input);
    else this.#ranges.push({ from: offset, to: offset + bytes });
  }

  meets({ input, offset, bytes }: Place): boolean {
    if (input >= 0) return this.#inputs.has(input);
    return this.#ranges.some((r) => r.from < offset + bytes && offset < r.to);
  }
}
