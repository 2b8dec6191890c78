/** What a step does with its buffers. Floor: schedule. */
import { asidePath } from "../ir/mode.ts";
import type { Access, LoopKernel } from "./kernel.ts";
import type { KernelPlan, Step } from "./plan.ts";

const stores = new WeakMap<LoopKernel, ReadonlySet<number>>();

/** Which of its buffers a step writes, by their numbers in the kernel. */
export function writtenNumbers({ kernel, buffers }: Step): ReadonlySet<number> {
  if (kernel.kind === "sort") return new Set([1, 2]);
  if (kernel.kind !== "loop") return new Set([buffers.length - 1]);
  const known = stores.get(kernel);
  if (known !== undefined) return known;
  const written = new Set<number>();
  stores.set(kernel, written);
  for (const level of kernel.levels) {
    for (const s of [...level.row, ...level.loop]) {
      if (s.kind !== "store") continue;
      const { buffer } = kernel.accesses[s.access] as Access;
      if (buffer >= 0) written.add(buffer);
    }
  }
  return written;
}

/** Whether a step computes only what looks at the others. */
export function isAside({ label }: Step): boolean {
  return label.startsWith(asidePath);
}

/** The buffers that a step writes. */
export function writtenBy(step: Step): number[] {
  return [...writtenNumbers(step)].map((i) => step.buffers[i] as number);
}

/** A line of a plan's text: a step by its number, or (number -1) a note on those that follow. */
interface PlanLine {
  readonly step: number;
  readonly note: string;
}

/** The steps of a plan for people to read: of a loop the kernels of its first step, once. */
export function inRounds({ steps, loops }: KernelPlan): PlanLine[] {
  const lines: PlanLine[] = [];
  const starts = new Map(loops.map((loop) => [loop.from, loop]));
  for (let i = 0; i < steps.length; i++) {
    const loop = starts.get(i);
    if (loop === undefined || loop.rounds < 3) {
      lines.push({ step: i, note: "" });
      continue;
    }
    const { kernels, rounds, count } = loop;
    const what = kernels === 1 ? "this kernel comes" : `these ${kernels} kernels come`;
    lines.push({ step: -1, note: `${what} ${rounds} times, ${count} kernels in all:` });
    for (let k = 0; k < kernels; k++) lines.push({ step: i + k, note: "" });
    i += count - 1;
  }
  return lines;
}
