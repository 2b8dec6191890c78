/**
 * From a program to a list of kernels with their buffers, and the place of each buffer in one arena. Floor: schedule.
 */
import { type Dtype, itemSize } from "../base/dtype.ts";
import { internal } from "../base/errors.ts";
import { type Shape, sizeOf, stridesOf } from "../base/shape.ts";
import type { Body } from "../ir/body.ts";
import { asidePath, withMode } from "../ir/mode.ts";
import type { Program } from "../ir/program.ts";
import type { Value } from "../ir/value.ts";
import { kit } from "../ops/kit.ts";
import { type LoopSettings, loopSettings } from "../ops/loop.ts";
import { padPlaces } from "../ops/view.ts";
import { numberOf } from "../ops/record.ts";
import { planAttention } from "./attention.ts";
import { placeBuffers } from "./arena.ts";
import { lowerConv, lowerDot, rowsOf } from "./contract.ts";
import { isConvTaken, planConv } from "./conv.ts";
import { type FuseOptions, fuse } from "./fuse.ts";
import type { Unit } from "./unit.ts";
import type { Kernel } from "./kernel.ts";
import { bodyProgram, loopSteps } from "./loop-steps.ts";
import { type Target, lower } from "./lower.ts";
import { writtenBy } from "./step.ts";

/** Forward, backward, update; then the copies into cells that could not be written in place. */
export type Stage = 0 | 1 | 2 | 3;

export interface BufferType {
  readonly dtype: Dtype;
  readonly shape: Shape;
  readonly bytes: number;
}

/** The parts of buffers that a kernel sees as buffers of its own: slices of sequences. */
export interface BufferParts {
  /** Bytes from the start of each buffer. */
  readonly offsets: readonly number[];
  /** The same for all steps of a loop. */
  readonly types: readonly BufferType[];
}

export interface Step {
  readonly kernel: Kernel;
  /** The buffers of the kernel, in the kernel's numbering. */
  readonly buffers: readonly number[];
  /** The parts of them, where they are not whole. */
  readonly parts?: BufferParts;
  readonly stage: Stage;
  /** Module path and operations, for people. */
  readonly label: string;
}

export interface PlanBuffer extends BufferType {
  /** Number of the program's input that it is, or -1 for a place in the arena. */
  input: number;
  /** Place in the arena in bytes. */
  offset: number;
}

/** A run of steps in which some kernels come again and again, in the last round perhaps fewer of them. */
export interface Rounds {
  /** The first step of the first round. */
  readonly from: number;
  /** Kernels of a round, rounds, and steps in all. */
  readonly kernels: number;
  readonly rounds: number;
  readonly count: number;
}

export interface KernelPlan {
  readonly steps: readonly Step[];
  /** The loops among the steps, for people. */
  readonly loops: readonly Rounds[];
  readonly buffers: readonly PlanBuffer[];
  readonly arenaBytes: number;
  /** For each output of the program the buffer that holds it at the end. */
  readonly outputs: readonly number[];
  /** Whether a step of the update may find an index out of range. */
  readonly faultsInUpdate: boolean;
}

export function planKernels(program: Program, options: FuseOptions): KernelPlan {
  return new Planner(program, options).run();
}

class Planner {
  readonly #program: Program;
  readonly #options: FuseOptions;
  readonly #buffers: PlanBuffer[] = [];
  readonly #bufferOf = new Map<Value, number>();
  readonly #steps: Step[] = [];
  readonly #loops: Rounds[] = [];
  /** By buffer; known once all kernels of the program are there. */
  readonly #writers = new Map<number, Step[]>();
  #kept: ReadonlySet<Value> = new Set();

  constructor(program: Program, options: FuseOptions) {
    this.#program = program;
    this.#options = options;
  }

  run(): KernelPlan {
    this.#program.inputs.forEach((value, index) => this.#bufferOf.set(value, this.#newBuffer(value, index)));
    // A result that is a leaf, or a view of one, gets elements of its own.
    const outputs = this.#program.outputs.map(({ value }) => (value.op.kind === "leaf" ? kit.copy(value) : value));
    const { units, kept } = fuse(outputs, this.#options);
    this.#kept = kept;
    for (const unit of units) this.#addUnit(unit);
    const places = outputs.map((value) => this.#bufferNumber(value));
    const faultsInUpdate = this.#steps.some((s) => s.stage === 2 && mayFault(s.kernel));
    this.#writeCells(places, faultsInUpdate);
    const arenaBytes = placeBuffers(this.#buffers, this.#steps, places);
    const [steps, loops, buffers] = [this.#steps, this.#loops, this.#buffers];
    return { steps, loops, buffers, arenaBytes, outputs: places, faultsInUpdate };
  }

  #newBuffer(like: { shape: Shape; dtype: Dtype }, input = -1): number {
    const bytes = sizeOf(like.shape) * itemSize[like.dtype];
    this.#buffers.push({ dtype: like.dtype, shape: like.shape, bytes, input, offset: 0 });
    return this.#buffers.length - 1;
  }

  #bufferNumber(value: Value): number {
    let number = this.#bufferOf.get(value);
    if (number === undefined) {
      const leaf = value.leaf;
      number =
        leaf?.kind === "input"
          ? (this.#bufferOf.get(this.#program.inputs[leaf.index] as Value) as number)
          : this.#newBuffer(value);
      this.#bufferOf.set(value, number);
    }
    return number;
  }

  readonly #isBuffer = (value: Value): boolean => value.op.kind === "leaf" || this.#kept.has(value);

  #addUnit(unit: Unit): void {
    const stage = unit.phase as Stage;
    const value = unit.group.members[0] as Value;
    if (unit.kind === "single") {
      this.#addSingle(value, stage);
      return;
    }
    if (value.op.kind === "scatter") this.#fill(value, 0, stage);
    const inside = new Set(unit.group.members);
    const stored = (member: Value): boolean => this.#kept.has(member);
    if (!unit.group.members.some(stored)) return;
    const lowered = lower(unit.group, { isBuffer: (v) => this.#isBuffer(v) && !inside.has(v), stored });
    const scratch = lowered.scratch.map((v) => this.#newBuffer(v));
    const buffers = [...lowered.reads, ...lowered.writes].map((v) => this.#bufferNumber(v)).concat(scratch);
    this.#steps.push({ kernel: lowered.kernel, buffers, stage, label: labelOf(unit.group.members) });
  }

  #addSingle(value: Value, stage: Stage): void {
    const out = this.#bufferNumber(value);
    const [x, y] = value.inputs;
    const label = labelOf([value]);
    switch (value.op.kind) {
      case "contract":
      case "conv": {
        if (this.#options.convolutions === true && isConvTaken(value)) {
          this.#addConv(value, stage, label);
          return;
        }
        const c = value.op.kind === "contract" ? lowerDot(value, this.#isBuffer) : lowerConv(value, this.#isBuffer);
        if (c === undefined) throw internal(`no contraction for ${value.op.name}`);
        if (c.kernel.fold.extent === 0) {
          // Nothing would be written.
          this.#fill(value, 0, stage);
          return;
        }
        this.#steps.push({
          kernel: c.kernel,
          buffers: [this.#bufferNumber(c.a), this.#bufferNumber(c.b), out],
          stage,
          label,
        });
        return;
      }
      case "sort": {
        const length = value.shape.at(-1) ?? 1;
        const kernel: Kernel = {
          kind: "sort",
          dtype: (x as Value).dtype,
          rows: sizeOf(value.shape.slice(0, -1)),
          length,
          descending: value.attrs["descending"] === true,
        };
        const scratch = this.#newBuffer({ shape: value.shape, dtype: "int32" });
        this.#steps.push({ kernel, buffers: [this.#bufferNumber(x as Value), out, scratch], stage, label });
        return;
      }
      case "attention": {
        const { kernel, reads } = planAttention(value, this.#isBuffer);
        this.#steps.push({ kernel, buffers: [...reads.map((v) => this.#bufferNumber(v)), out], stage, label });
        return;
      }
      case "loop":
        this.#addLoop(value, stage);
        return;
      case "pad":
        this.#fill(value, numberOf(value.attrs, "value"), stage);
        this.#placeIn(value, x as Value, padPlaces(value.shape, value.attrs), stage);
        return;
      case "concat": {
        const dim = numberOf(value.attrs, "dim");
        const strides = stridesOf(value.shape);
        let at = 0;
        for (const part of value.inputs) {
          this.#placeIn(value, part, { strides, offset: at * (strides[dim] as number) }, stage);
          at += part.shape[dim] as number;
        }
        return;
      }
      default:
        throw internal(`no kernel for ${value.op.name} of ${y?.op.name ?? "nothing"}`);
    }
  }

  #addConv(value: Value, stage: Stage, label: string): void {
    const plan = planConv(value, this.#isBuffer);
    if (plan === undefined) throw internal(`no convolution for ${value.op.name}`);
    const scratch = plan.scratch.map((bytes) => this.#newBuffer({ shape: [bytes / 4], dtype: "float32" }));
    for (const { kernel, buffers } of plan.steps) {
      const numbers = buffers.map((buffer) => {
        if (typeof buffer === "number") return scratch[buffer] as number;
        return this.#bufferNumber(buffer === "result" ? value : buffer);
      });
      this.#steps.push({ kernel, buffers: numbers, stage, label });
    }
  }

  #addLoop(value: Value, stage: Stage): void {
    const settings = loopSettings(value.attrs);
    const { body, steps } = settings;
    const inner = planBody(settings, this.#options);
    const inputs = value.inputs.map((x, i) => {
      const isSequence = i >= body.carries && i < body.carries + body.sequences;
      const place = rowsOf(x, isSequence, this.#isBuffer);
      if (place === undefined) throw internal("an input of a loop is not in memory");
      const unit = itemSize[x.dtype];
      const buffer = this.#bufferNumber(place.base);
      return { buffer, offset: place.offset * unit, stride: place.stride * unit };
    });
    const site = {
      settings,
      inputs,
      out: this.#bufferNumber(value),
      stage,
      path: value.path,
      newBuffer: (like: { readonly shape: Shape; readonly dtype: Dtype }) => this.#newBuffer(like),
      copyKernel,
    };
    const { before, rounds, behind } = loopSteps(site, inner);
    this.#loops.push({
      from: this.#steps.length + before.length,
      kernels: inner.steps.length,
      rounds: steps,
      count: rounds.length,
    });
    for (const step of [...before, ...rounds, ...behind]) this.#steps.push(step);
  }

  /** Writes a number everywhere. */
  #fill(value: Value, number: number, stage: Stage): void {
    const all = kit.full(value.shape, number, value.dtype);
    const { kernel } = lower(
      { space: value.shape, reduced: [], members: [all] },
      { isBuffer: this.#isBuffer, stored: () => true },
    );
    this.#steps.push({ kernel, buffers: [this.#bufferNumber(value)], stage, label: `fill ${value.op.name}` });
  }

  /** Writes `part` into places of the buffer of `whole`. */
  #placeIn(whole: Value, part: Value, places: { strides: readonly number[]; offset: number }, stage: Stage): void {
    if (sizeOf(part.shape) === 0) return;
    const copy = kit.copy(part);
    const target: Target = { value: copy, ...places };
    const lowered = lower(
      { space: part.shape, reduced: [], members: [copy] },
      { isBuffer: this.#isBuffer, stored: () => true, target },
    );
    const buffers = [...lowered.reads.map((v) => this.#bufferNumber(v)), this.#bufferNumber(whole)];
    this.#steps.push({ kernel: lowered.kernel, buffers, stage, label: labelOf([whole]) });
  }

  /**
   * Results that go into cells: written there directly by their kernel where nothing later needs the old content and
   * the update cannot fault any more; else copied at the end.
   */
  #writeCells(places: number[], faultsInUpdate: boolean): void {
    const taken = new Set<number>();
    this.#program.outputs.forEach(({ target }, i) => {
      if (target < 0) return;
      const place = places[i] as number;
      const cell = this.#bufferOf.get(this.#program.inputs[target] as Value) as number;
      const buffer = this.#buffers[place] as PlanBuffer;
      if (!faultsInUpdate && buffer.input < 0 && !taken.has(place) && this.#canWriteInPlace(place, cell)) {
        taken.add(place);
        buffer.input = target;
        return;
      }
      this.#copyInto(cell, place);
    });
  }

  /** The steps that write a buffer. */
  #writersOf(buffer: number): readonly Step[] {
    if (this.#writers.size === 0) {
      for (const step of this.#steps) {
        for (const b of new Set(writtenBy(step))) {
          const list = this.#writers.get(b);
          if (list === undefined) this.#writers.set(b, [step]);
          else list.push(step);
        }
      }
    }
    return this.#writers.get(buffer) ?? [];
  }

  #canWriteInPlace(place: number, cell: number): boolean {
    const writers = this.#writersOf(place);
    const writer = writers[0];
    if (writer === undefined || writers.length !== 1 || writer.stage !== 2 || writer.kernel.kind !== "loop")
      return false;
    const at = this.#steps.indexOf(writer);
    if (this.#steps.slice(at + 1).some((s) => s.buffers.includes(cell))) return false;
    const kernel = writer.kernel;
    if (!writer.buffers.includes(cell)) return true;
    if (kernel.levels.length !== 1) return false;
    const placesOf = (buffer: number): string[] =>
      kernel.accesses
        .filter((a) => a.buffer >= 0 && writer.buffers[a.buffer] === buffer)
        .map((a) => (a.indirect === undefined ? `${a.offset} ${a.strides.join(",")}` : "chosen"));
    const own = placesOf(place);
    return own.length === 1 && own[0] !== "chosen" && placesOf(cell).every((p) => p === own[0]);
  }

  #copyInto(cell: number, from: number): void {
    const { shape, dtype } = this.#buffers[from] as PlanBuffer;
    const kernel = copyKernel(shape, dtype);
    this.#steps.push({ kernel, buffers: [from, cell], stage: 3, label: "copy into a stored tensor" });
  }
}

/** Copies the elements of one buffer to another. */
function copyKernel(shape: Shape, dtype: Dtype): Kernel {
  const source = kit.full(shape, 0, dtype);
  const copy = kit.copy(source);
  const group = { space: shape, reduced: [], members: [copy] };
  return lower(group, { isBuffer: (v) => v === source, stored: () => true }).kernel;
}

const bodyPlans = new WeakMap<Body, Map<string, KernelPlan>>();

/** The plan of a body, which is the same whatever the number of steps. */
function planBody({ body, histories }: LoopSettings, options: FuseOptions): KernelPlan {
  const known = bodyPlans.get(body) ?? new Map<string, KernelPlan>();
  bodyPlans.set(body, known);
  const key = `${histories.join()} ${JSON.stringify(options)}`;
  const make = (): KernelPlan => planKernels(bodyProgram(body, histories), options);
  const plan = known.get(key) ?? withMode({ phase: 0, path: "", grad: false }, make);
  known.set(key, plan);
  return plan;
}

function mayFault(kernel: Kernel): boolean {
  return kernel.kind === "loop" && kernel.accesses.some((a) => a.indirect !== undefined);
}

function labelOf(members: readonly Value[]): string {
  const own = members.filter((m) => m.path !== asidePath);
  const told = own.length === 0 ? members : own;
  const last = told[told.length - 1] as Value;
  const names = [...new Set(told.map((m) => m.op.name))].join(" ");
  return last.path === "" ? names : `${last.path}: ${names}`;
}
