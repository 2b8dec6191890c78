/**
 * The steps of a loop: its body is planned once, and its kernels are put down again for each step with other places.
 * Slices and stacks are parts of larger buffers; a carry is written where the next step reads it. Floor: schedule.
 */
import { type Dtype, itemSize } from "../base/dtype.ts";
import { type Shape, sizeOf } from "../base/shape.ts";
import type { Body } from "../ir/body.ts";
import { withMode } from "../ir/mode.ts";
import type { Program } from "../ir/program.ts";
import type { Value } from "../ir/value.ts";
import { kit } from "../ops/kit.ts";
import { type LoopPart, type LoopSettings, firstSlot, partsOf, slotBehind } from "../ops/loop.ts";
import type { Kernel } from "./kernel.ts";
import type { BufferType, KernelPlan, Stage, Step } from "./plan.ts";
import { writtenBy } from "./step.ts";

/** Where something lies: a buffer, and bytes from its start. */
interface Place {
  readonly buffer: number;
  readonly offset: number;
}

/** Where an input of a loop lies. */
export interface OperandPlace extends Place {
  /** Bytes from a slice to the next; 0 for what is no sequence. */
  readonly stride: number;
}

/** What the steps of a loop need of the plan that they become a part of. */
export interface LoopSite {
  readonly settings: LoopSettings;
  readonly inputs: readonly OperandPlace[];
  /** The buffer of the result. */
  readonly out: number;
  readonly stage: Stage;
  /** What goes in front of the labels of the body's kernels. */
  readonly path: string;
  readonly newBuffer: (like: { readonly shape: Shape; readonly dtype: Dtype }) => number;
  readonly copyKernel: (shape: Shape, dtype: Dtype) => Kernel;
}

/** A body as a program of its own. No two outputs that are kept for all steps are one vertex. */
export function bodyProgram(body: Body, histories: readonly number[]): Program {
  const seen = new Set<Value>();
  const outputs = withMode({ phase: 0, path: "", grad: false }, () =>
    body.outputs.map((value, i) => {
      if (i < body.carries && !histories.includes(i)) return value;
      if (seen.has(value)) return kit.copy(value);
      seen.add(value);
      return value;
    }),
  );
  return {
    inputs: body.inputs,
    sources: body.inputs.map(() => "data" as const),
    outputs: outputs.map((value) => ({ value, target: -1 })),
  };
}

/** The kernels of a loop: copies in front of the steps, the steps, copies behind them. */
export interface LoopKernels {
  readonly before: readonly Step[];
  readonly rounds: readonly Step[];
  readonly behind: readonly Step[];
}

/** `inner` is the plan of the body. */
export function loopSteps(site: LoopSite, inner: KernelPlan): LoopKernels {
  return new LoopSteps(site, inner).run();
}

class LoopSteps {
  readonly #site: LoopSite;
  readonly #inner: KernelPlan;
  readonly #parts: readonly LoopPart[];
  readonly #unit: number;
  /** By buffer of the body: the part of the result that keeps it for all steps. */
  readonly #stored = new Map<number, LoopPart>();
  /** By buffer of the body: what is used again in each step, and what takes turns. */
  readonly #own = new Map<number, number>();
  readonly #turns = new Map<number, readonly [number, number]>();
  /** By kernel of the body: what it takes for its buffers. */
  readonly #types = new Map<Step, readonly BufferType[]>();
  /** Where the carries are now. */
  #carries: readonly Place[];

  constructor(site: LoopSite, inner: KernelPlan) {
    this.#site = site;
    this.#inner = inner;
    const { body } = site.settings;
    this.#parts = partsOf(site.settings);
    this.#unit = itemSize[(body.outputs[0] as Value).dtype];
    for (const part of this.#parts) {
      if (part.kind !== "final") this.#stored.set(inner.outputs[part.output] as number, part);
    }
    for (const step of inner.steps) {
      this.#types.set(step, step.parts?.types ?? step.buffers.map((b) => inner.buffers[b] as BufferType));
    }
    this.#carries = site.inputs.slice(0, body.carries);
  }

  run(): LoopKernels {
    const { settings } = this.#site;
    const { body, steps, reverse } = settings;
    const [before, rounds, behind]: [Step[], Step[], Step[]] = [[], [], []];
    for (const part of this.#parts) {
      if (part.kind !== "history") continue;
      before.push(this.#copy(part, this.#carries[part.output] as Place, this.#slot(part, firstSlot(settings))));
    }
    const lastKernels = this.#neededLast();
    const labels = this.#inner.steps.map(({ label }) =>
      this.#site.path === "" ? label : `${this.#site.path}: ${label}`,
    );
    for (let i = 0; i < steps; i++) {
      const t = reverse ? steps - 1 - i : i;
      const isLast = i === steps - 1;
      const places = this.#inner.buffers.map((_, b) => this.#place(b, t, i, isLast));
      this.#inner.steps.forEach((step, k) => {
        if (isLast && !lastKernels.has(step)) return;
        rounds.push(this.#stepAt(step, places, labels[k] as string));
      });
      this.#carries = this.#inner.outputs.slice(0, body.carries).map((b) => places[b] as Place);
    }
    for (const part of this.#parts) {
      const from = this.#carries[part.output];
      if (part.kind !== "final" || from === undefined) continue;
      const to = this.#slot(part, 0);
      if (from.buffer !== to.buffer || from.offset !== to.offset) behind.push(this.#copy(part, from, to));
    }
    return { before, rounds, behind };
  }

  /** Where a buffer of the body is in step `i`, which has slice `t`. */
  #place(b: number, t: number, i: number, isLast: boolean): Place {
    const { settings, inputs, newBuffer } = this.#site;
    const { body, finals } = settings;
    const held = this.#inner.buffers[b] as KernelPlan["buffers"][number];
    if (held.input >= 0) {
      if (held.input < body.carries) return this.#carries[held.input] as Place;
      const { buffer, offset, stride } = inputs[held.input] as OperandPlace;
      return { buffer, offset: offset + t * stride };
    }
    const part = this.#stored.get(b);
    if (part !== undefined) return this.#slot(part, slotBehind(part, settings, t));
    const carry = this.#inner.outputs.indexOf(b);
    if (carry >= 0) {
      const final = isLast ? finals.find((c) => this.#inner.outputs[c] === b) : undefined;
      if (final !== undefined) {
        return this.#slot(this.#parts.find((p) => p.kind === "final" && p.output === final) as LoopPart, 0);
      }
      const turns = this.#turns.get(b) ?? [newBuffer(held), newBuffer(held)];
      this.#turns.set(b, turns);
      return { buffer: turns[(i % 2) as 0 | 1], offset: 0 };
    }
    const own = this.#own.get(b) ?? newBuffer(held);
    this.#own.set(b, own);
    return { buffer: own, offset: 0 };
  }

  #slot({ start, size }: LoopPart, slot: number): Place {
    return { buffer: this.#site.out, offset: (start + slot * size) * this.#unit };
  }

  #stepAt(step: Step, places: readonly Place[], label: string): Step {
    const types = this.#types.get(step) as readonly BufferType[];
    const within = step.parts?.offsets;
    const offsets = step.buffers.map((b, k) => (places[b] as Place).offset + (within?.[k] ?? 0));
    const buffers = step.buffers.map((b) => (places[b] as Place).buffer);
    return { kernel: step.kernel, buffers, parts: { offsets, types }, stage: this.#site.stage, label };
  }

  #copy({ output }: LoopPart, from: Place, to: Place): Step {
    const { shape, dtype } = this.#site.settings.body.outputs[output] as Value;
    const type = { dtype, shape, bytes: sizeOf(shape) * itemSize[dtype] };
    return {
      kernel: this.#site.copyKernel(shape, dtype),
      buffers: [from.buffer, to.buffer],
      parts: { offsets: [from.offset, to.offset], types: [type, type] },
      stage: this.#site.stage,
      label: this.#site.path === "" ? "loop" : `${this.#site.path}: loop`,
    };
  }

  /** The kernels of the body that the last step needs: nobody reads what the others carry on. */
  #neededLast(): ReadonlySet<Step> {
    const needed = new Set(this.#stored.keys());
    for (const carry of this.#site.settings.finals) needed.add(this.#inner.outputs[carry] as number);
    const kernels = new Set<Step>();
    for (const step of [...this.#inner.steps].reverse()) {
      if (!writtenBy(step).some((b) => needed.has(b))) continue;
      kernels.add(step);
      for (const b of step.buffers) needed.add(b);
    }
    return kernels;
  }
}
