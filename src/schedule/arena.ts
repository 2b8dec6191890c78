/** The places of intermediate results in one arena. Floor: schedule. */
import type { PlanBuffer, Step } from "./plan.ts";

/** Buffers start at multiples of this. */
const alignment = 64;

/** A buffer in the arena, with the first and the last step that need it. */
interface Placed {
  readonly from: number;
  readonly to: number;
  readonly offset: number;
  readonly end: number;
}

/** Gives each buffer a place in the arena, so that no two overlap in time and place. The bytes needed in all. */
export function placeBuffers(
  buffers: readonly PlanBuffer[],
  steps: readonly Step[],
  outputs: readonly number[],
): number {
  const first = new Map<number, number>();
  const last = new Map<number, number>();
  steps.forEach((step, at) => {
    for (const b of step.buffers) {
      if (!first.has(b)) first.set(b, at);
      last.set(b, at);
    }
  });
  for (const b of outputs) last.set(b, steps.length);
  const own = [...first.keys()].filter((b) => (buffers[b] as PlanBuffer).input < 0);
  // Large ones first: each goes to the lowest gap among those that live at the same time.
  own.sort((a, b) => (buffers[b] as PlanBuffer).bytes - (buffers[a] as PlanBuffer).bytes);
  /** In the order of their offsets. */
  const placed: Placed[] = [];
  let total = 0;
  for (const b of own) {
    const buffer = buffers[b] as PlanBuffer;
    const [from, to] = [first.get(b) as number, last.get(b) as number];
    let offset = 0;
    let at = 0;
    for (; at < placed.length; at++) {
      const other = placed[at] as Placed;
      if (offset + buffer.bytes <= other.offset) break;
      if (other.from > to || from > other.to) continue;
      offset = Math.max(offset, Math.ceil(other.end / alignment) * alignment);
    }
    buffer.offset = offset;
    const end = offset + buffer.bytes;
    total = Math.max(total, end);
    while (at > 0 && (placed[at - 1] as Placed).offset > offset) at--;
    placed.splice(at, 0, { from, to, offset, end });
  }
  return total;
}
