/**
 * The written specification of a plan: what holds for its kernels and buffers, whoever made them. Checked in tests, and
 * everywhere under a switch (base/debug.ts). Floor: schedule.
 */
import { itemSize } from "../base/dtype.ts";
import { type TwopassError, internal, showShape } from "../base/errors.ts";
import { sizeOf } from "../base/shape.ts";
import type { Program } from "../ir/program.ts";
import type { Scalar } from "../ir/scalar.ts";
import { attentionParts } from "../ops/attention.ts";
import type { AttentionKernel } from "./attention.ts";
import type { ConvKernel, ConvRole, ImagePlaces } from "./conv.ts";
import { type Access, type ContractKernel, type LoopKernel, type Offsets, counting, rowScratch } from "./kernel.ts";
import type { BufferType, KernelPlan, PlanBuffer, Step } from "./plan.ts";
import { rowScratchBytes } from "./row-scratch.ts";

/** The first and last element of a buffer that something touches; nothing where a loop never runs. */
type Range = readonly [first: number, last: number] | undefined;

/** What a step does with one of its buffers. */
interface Use {
  readonly buffer: number;
  readonly range: Range;
  readonly isWrite: boolean;
  /** Adds to what is there: the old content counts. */
  readonly adds: boolean;
}

export function verifyPlan(program: Program, plan: KernelPlan): void {
  const { steps, buffers, outputs } = plan;
  const wrong = (problem: string): TwopassError => internal(`plan: ${problem}`);
  buffers.forEach((buffer, i) => checkBuffer(buffer, i, program, plan.arenaBytes));
  if (outputs.length !== program.outputs.length) throw wrong(`${outputs.length} results`);

  const written = new Set<number>();
  /** Inputs that have got their new content, and by which of their buffers. */
  const overwritten = new Map<number, number>();
  steps.forEach((step, at) => {
    const fail = (problem: string): TwopassError => wrong(`kernel ${at} (${step.label}): ${problem}`);
    const before = steps[at - 1];
    if (before !== undefined && before.stage > step.stage) throw fail("a kernel of an earlier stage behind it");
    step.parts?.types.forEach((type, i) => {
      checkPart(type, step.parts?.offsets[i] ?? Number.NaN, buffers[step.buffers[i] as number], fail);
    });
    const uses = usesOf(step).map((use) => ({
      ...use,
      buffer: step.buffers[use.buffer] as number,
      part: step.parts?.types[use.buffer],
    }));
    for (const { buffer, part, range, isWrite, adds } of uses) {
      const held = buffers[buffer];
      if (held === undefined) throw fail(`buffer ${buffer} of ${buffers.length}`);
      const size = sizeOf((part ?? held).shape);
      if (range !== undefined && (range[0] < 0 || range[1] >= size)) {
        throw fail(`elements ${range[0]} to ${range[1]} of buffer ${buffer}, which has ${size}`);
      }
      if (range === undefined) continue;
      if (isWrite && !adds) continue;
      const inside = uses.some((use) => use.isWrite && use.buffer === buffer && use.range !== undefined);
      if (held.input < 0 && !written.has(buffer) && !inside) throw fail(`buffer ${buffer} is read but never written`);
      if (held.input >= 0 && overwritten.has(held.input) && !written.has(buffer)) {
        throw fail(`the old content of input ${held.input} is read when it is gone`);
      }
    }
    for (const { buffer, isWrite } of uses) {
      if (!isWrite) continue;
      written.add(buffer);
      const { input } = buffers[buffer] as PlanBuffer;
      if (input < 0) continue;
      if (program.sources[input] !== "cell") throw fail(`input ${input} is written, but it is no cell`);
      if (step.stage < 2) throw fail(`input ${input} is written before anything could be found out of range`);
      if (plan.faultsInUpdate && step.stage < 3) throw fail(`input ${input} is written before the update is checked`);
      overwritten.set(input, buffer);
    }
  });

  program.outputs.forEach(({ value, target }, i) => {
    const buffer = outputs[i] as number;
    const held = buffers[buffer];
    if (held === undefined || held.dtype !== value.dtype || sizeOf(held.shape) !== sizeOf(value.shape)) {
      throw wrong(`result ${i} is not in buffer ${buffer}`);
    }
    if (sizeOf(held.shape) > 0 && !written.has(buffer)) throw wrong(`result ${i} is never written`);
    // What goes into a cell may be kept too, and is then found there.
    if (target < 0 && held.input >= 0 && overwritten.get(held.input) !== buffer) throw wrong(`result ${i} is gone`);
    if (target >= 0 && sizeOf(held.shape) > 0 && !overwritten.has(target)) {
      throw wrong(`result ${i} does not reach its cell`);
    }
  });
  checkArena(plan);
}

function checkBuffer(buffer: PlanBuffer, number: number, program: Program, arenaBytes: number): void {
  const { dtype, shape, bytes, input, offset } = buffer;
  const wrong = (problem: string): TwopassError =>
    internal(`plan: buffer ${number}, ${dtype} ${showShape(shape)}: ${problem}`);
  if (bytes !== sizeOf(shape) * itemSize[dtype]) throw wrong(`${bytes} bytes`);
  if (input < 0) {
    if (offset < 0 || offset % itemSize[dtype] !== 0) throw wrong(`at ${offset}`);
    if (offset + bytes > arenaBytes) throw wrong(`at ${offset} of an arena of ${arenaBytes} bytes`);
    return;
  }
  const source = program.inputs[input];
  if (source === undefined) throw wrong(`it is input ${input} of ${program.inputs.length}`);
  if (source.dtype !== dtype || sizeOf(source.shape) !== sizeOf(shape)) throw wrong(`it is input ${input}, unlike`);
}

function checkPart(
  { dtype, shape, bytes }: BufferType,
  offset: number,
  held: PlanBuffer | undefined,
  fail: (problem: string) => TwopassError,
): void {
  if (bytes !== sizeOf(shape) * itemSize[dtype] || offset % itemSize[dtype] !== 0 || dtype !== held?.dtype) {
    throw fail(`a part of ${bytes} bytes of ${dtype} ${showShape(shape)} at ${offset}`);
  }
  if (offset < 0 || offset + bytes > held.bytes)
    throw fail(`a part from ${offset} to ${offset + bytes} of ${held.bytes}`);
}

/** No two buffers that live at the same time share a byte. */
function checkArena({ steps, buffers, outputs }: KernelPlan): void {
  const lives = buffers.map((buffer, i) => {
    const uses = steps.flatMap((step, at) => (step.buffers.includes(i) ? [at] : []));
    const last = outputs.includes(i) ? steps.length : (uses.at(-1) ?? -1);
    return { buffer, i, first: uses[0] ?? steps.length, last };
  });
  const own = lives.filter(({ buffer, first, last }) => buffer.input < 0 && buffer.bytes > 0 && first <= last);
  own.sort((a, b) => a.buffer.offset - b.buffer.offset);
  own.forEach((a, at) => {
    const end = a.buffer.offset + a.buffer.bytes;
    for (let next = at + 1; next < own.length; next++) {
      const b = own[next] as (typeof own)[number];
      if (b.buffer.offset >= end) return;
      if (a.first > b.last || b.first > a.last) continue;
      throw internal(`plan: buffers ${a.i} and ${b.i} live at the same time and overlap at byte ${b.buffer.offset}`);
    }
  });
}

function usesOf(step: Step): Use[] {
  const { kernel } = step;
  switch (kernel.kind) {
    case "loop":
      return usesOfLoop(kernel);
    case "contract":
      return usesOfContract(kernel);
    case "conv":
      return usesOfConv(kernel);
    case "attention":
      return usesOfAttention(kernel);
    case "sort": {
      const all: Range = kernel.rows * kernel.length === 0 ? undefined : [0, kernel.rows * kernel.length - 1];
      return [
        { buffer: 0, range: all, isWrite: false, adds: false },
        { buffer: 1, range: all, isWrite: true, adds: false },
        { buffer: 2, range: all, isWrite: true, adds: false },
      ];
    }
  }
}

/** What attention.ts says of the buffers of each role. */
function usesOfAttention(kernel: AttentionKernel): Use[] {
  const { role, batch, rows, keys, width, valueWidth, parts, places } = kernel;
  const count = sizeOf(batch);
  const { forward, gradient } = attentionParts({ ...kernel, count }, parts);
  const extents = [
    [rows, width],
    [keys, width],
    [keys, valueWidth],
    ...(role === "gradient"
      ? [
          [1, forward.end],
          [rows, valueWidth],
        ]
      : []),
    [rows, keys],
  ] as const;
  const reads = places.map(({ offset, batch: steps, row, column }, buffer): Use => {
    const [height, length] = extents[buffer] as readonly [number, number];
    const moves = batch.map((n, d) => [n, steps[d] as number] as const);
    const all = buffer === 3 && role === "gradient" ? [] : moves;
    const far = [...all, [height, row], [length, column]].map(([n, step]) => ((n as number) - 1) * (step as number));
    const last = far.reduce((sum, n) => sum + Math.max(n, 0), offset);
    return { buffer, range: [far.reduce((sum, n) => sum + Math.min(n, 0), offset), last], isWrite: false, adds: false };
  });
  const size = role === "forward" ? forward.end : gradient.end;
  return [...reads, { buffer: places.length, range: [0, size - 1], isWrite: true, adds: false }];
}

/** What conv.ts says of each role; scratch buffers are as large as it asks. */
function usesOfConv({ role, shape, x, y }: ConvKernel): Use[] {
  const { images, groups, inChannels, outChannels, input, output } = shape;
  const places = (p: ImagePlaces, channels: number, [rows, columns]: readonly [number, number]): Range => {
    const extents = [images, groups * channels, rows, columns];
    const steps = [p.image, p.channel, p.row, p.column];
    const far = extents.reduce((sum, n, d) => sum + (n - 1) * (steps[d] as number), p.offset);
    return [p.offset, far];
  };
  const image = places(x, inChannels, input);
  const result = places(y, outChannels, output);
  const some: Range = [0, 0];
  const ranges: Readonly<Record<ConvRole, readonly Range[]>> = {
    pack: [some, some],
    transform: [some, some],
    direct: [image, some, result],
    winograd: [image, some, result],
    gradient: [image, result, some],
    winogradGradient: [image, result, some],
    sum: [some, some],
  };
  return ranges[role].map((range, buffer, { length }) => ({
    buffer,
    range,
    isWrite: buffer === length - 1,
    adds: false,
  }));
}

/** The places of an access for all counters below the extents; a chosen place may be any. */
function rangeOf(access: Access, extents: readonly number[]): Range {
  // From nothing nothing can be chosen: the run ends with a fault.
  if (extents.includes(0) || access.indirect?.size === 0) return undefined;
  let [first, last] = [access.offset, access.offset];
  const moves = access.strides.map((stride, loop) => [stride, extents[loop] as number] as const);
  if (access.indirect !== undefined) moves.push([access.indirect.stride, access.indirect.size]);
  for (const [stride, extent] of moves) {
    if (stride > 0) last += stride * (extent - 1);
    else first += stride * (extent - 1);
  }
  return [first, last];
}

function usesOfLoop(kernel: LoopKernel): Use[] {
  const { accesses, extents, outer, lanes, levels } = kernel;
  const kept = outer + (lanes === "along" ? 1 : 0);
  const loops = kept + kernel.inner;
  if (extents.length !== loops) throw internal(`plan: a kernel of ${loops} loops with ${extents.length} extents`);
  for (const a of accesses) {
    if (a.strides.length !== loops)
      throw internal(`plan: an access with ${a.strides.length} strides in ${loops} loops`);
  }
  checkRowScratch(kernel);
  const uses: Use[] = [];
  /** Scratch of rows that levels before have written, and the level at hand. */
  const [filled, fresh] = [new Set<number>(), new Set<number>()];
  const note = (number: number, isWrite: boolean, adds: boolean, inRow: boolean): void => {
    const access = accesses[number];
    if (access === undefined) throw internal(`plan: access ${number} of ${accesses.length}`);
    if (access.buffer === counting) return;
    if (inRow && access.strides.slice(kept).some((stride) => stride !== 0)) {
      throw internal("plan: a statement of a row that moves with the elements of the row");
    }
    if (access.buffer === rowScratch) {
      if (isWrite) fresh.add(number);
      else if (!filled.has(number)) throw internal("plan: scratch of rows is read before it is written");
      return;
    }
    const within = inRow ? extents.slice(0, kept) : extents;
    uses.push({
      buffer: access.buffer,
      range: rangeOf({ ...access, strides: access.strides.slice(0, within.length) }, within),
      isWrite,
      adds,
    });
  };
  for (const level of levels) {
    for (const [statements, inRow] of [
      [level.row, true],
      [level.loop, false],
    ] as const) {
      const seen = new Set<Scalar>();
      const visit = (given: Scalar): void => {
        const s = level.reload.get(given) ?? given;
        if (seen.has(s)) return;
        seen.add(s);
        if (s.instruction === "load" && s.name !== "row") note(s.value, false, false, inRow);
        s.args.forEach(visit);
      };
      for (const s of statements) {
        visit(s.value);
        const second = s.kind === "store" ? s.index : s.position;
        if (second !== undefined) visit(second);
        if (s.kind === "store") note(s.access, true, s.index !== undefined, inRow);
      }
    }
    for (const number of fresh) filled.add(number);
  }
  return uses;
}

/** Scratch of rows is the same place in all rows, inside of its part of the workspace; no two share a byte. */
function checkRowScratch({ accesses, lanes, outer, extents }: LoopKernel): void {
  const places = accesses.flatMap((access) => {
    if (access.buffer !== rowScratch) return [];
    if (lanes !== "across" || access.strides.slice(0, outer).some((stride) => stride !== 0)) {
      throw internal("plan: scratch of rows that differs from row to row");
    }
    const range = rangeOf({ ...access, strides: access.strides.slice(outer) }, extents.slice(outer));
    const size = itemSize[access.dtype];
    return range === undefined ? [] : [[range[0] * size, (range[1] + 1) * size] as const];
  });
  places.sort((a, b) => a[0] - b[0]);
  let end = 0;
  for (const [from, to] of places) {
    if (from < end || to > rowScratchBytes) throw internal(`plan: scratch of rows from byte ${from} to ${to}`);
    end = to;
  }
}

function usesOfContract(kernel: ContractKernel): Use[] {
  const { m, n, k, batch, fold } = kernel;
  const empty = m * n === 0 || batch.some((l) => l.extent === 0);
  const reach = (offsets: Offsets, extent: number): readonly [number, number] => {
    if ("stride" in offsets)
      return [Math.min(0, offsets.stride * (extent - 1)), Math.max(0, offsets.stride * (extent - 1))];
    if (offsets.table.length !== extent) throw internal(`plan: a table of ${offsets.table.length} for ${extent}`);
    return [offsets.table.reduce((a, b) => Math.min(a, b), 0), offsets.table.reduce((a, b) => Math.max(a, b), 0)];
  };
  const range = (start: number, parts: readonly (readonly [number, number])[]): Range =>
    parts.reduce<[number, number]>(([a, b], [x, y]) => [a + x, b + y], [start, start]);
  const loops = (side: "a" | "b" | "c"): (readonly [number, number])[] => {
    const all = batch.map((l) => reach({ stride: l[side] }, l.extent));
    if (side !== "c") all.push(reach({ stride: fold[side] }, fold.extent));
    return all;
  };
  const reads = empty || k === 0 || fold.extent === 0;
  return [
    {
      buffer: 0,
      range: reads ? undefined : range(kernel.aOffset, [...loops("a"), reach(kernel.aM, m), reach(kernel.aK, k)]),
      isWrite: false,
      adds: false,
    },
    {
      buffer: 1,
      range: reads ? undefined : range(kernel.bOffset, [...loops("b"), reach(kernel.bK, k), reach(kernel.bN, n)]),
      isWrite: false,
      adds: false,
    },
    {
      buffer: 2,
      range: empty ? undefined : range(0, [...loops("c"), reach({ stride: kernel.cM }, m), reach({ stride: 1 }, n)]),
      isWrite: true,
      adds: false,
    },
  ];
}
