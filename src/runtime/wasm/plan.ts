/** A plan on the WebAssembly device: a command buffer, and what must be patched in it when a buffer moves. Floor: runtime. */
import { type Dtype, type TypedArray, itemSize } from "../../base/dtype.ts";
import { internal } from "../../base/errors.ts";
import { sizeOf } from "../../base/shape.ts";
import type { Phase } from "../../ir/mode.ts";
import type { Program } from "../../ir/program.ts";
import type { Leaf } from "../../ir/value.ts";
import { indexFault } from "../../ops/gather.ts";
import { contractArgs } from "../../codegen/wasm/contract.ts";
import { commandHeaderBytes } from "../../codegen/wasm/driver.ts";
import { loopArguments } from "../../codegen/wasm/loops.ts";
import type { ContractKernel, Offsets } from "../../schedule/kernel.ts";
import type { KernelPlan, PlanBuffer, Step } from "../../schedule/plan.ts";
import { debugRun } from "../debug-passes.ts";
import type { Plan } from "../device.ts";
import type { Block } from "./heap.ts";
import type { WasmDevice } from "./device.ts";

/** A word of the command buffer that holds an address inside of a buffer. */
interface Relocation {
  readonly word: number;
  readonly addend: number;
}

export class WasmPlan implements Plan {
  readonly kernels: Record<Phase, number> = { 0: 0, 1: 0, 2: 0 };
  readonly arenaBytes: number;
  readonly #device: WasmDevice;
  readonly #program: Program;
  readonly #plan: KernelPlan;
  readonly #keys: readonly string[];
  /** Commands, tables, numbers and small inputs of this plan. */
  readonly #block: Block;
  /** Address of each stage's first command, and the end of the last. */
  readonly #stages: readonly number[];
  /** For each buffer its addresses in the commands. */
  readonly #relocations: readonly (readonly Relocation[])[];
  readonly #addresses: Float64Array;
  /** For each input of the program the buffers that are it. */
  readonly #buffersOf: readonly (readonly number[])[];
  /** For each input: where its elements or its number are copied to, from the start of the block; -1 for cells. */
  readonly #staging: readonly number[];
  readonly #arenaBuffers: readonly number[];
  #arenaAddress = -1;
  #disposed = false;

  constructor(device: WasmDevice, program: Program, plan: KernelPlan) {
    this.#device = device;
    this.#program = program;
    this.#plan = plan;
    this.arenaBytes = plan.arenaBytes;
    const { indices, keys } = device.kernels.acquire(plan.steps.map((s) => s.kernel));
    this.#keys = keys;
    for (const step of plan.steps) this.kernels[Math.min(step.stage, 2) as Phase]++;
    const buffersOf = program.inputs.map((): number[] => []);
    plan.buffers.forEach(({ input }, j) => buffersOf[input]?.push(j));
    this.#buffersOf = buffersOf;
    this.#arenaBuffers = plan.buffers.flatMap((b, j) => (b.input < 0 ? [j] : []));

    const words: number[] = [];
    const relocations: Relocation[][] = plan.buffers.map(() => []);
    const tables: { word: number; table: Int32Array; unit: number }[] = [];
    const starts: number[] = [];
    plan.steps.forEach((step, i) => {
      while (starts.length <= step.stage) starts.push(words.length);
      const head = words.length;
      words.push(indices[i] as number, 0);
      this.#pushArguments(step, words, relocations, tables);
      words[head + 1] = 4 * (words.length - head);
    });
    while (starts.length <= 4) starts.push(words.length);
    const at = layout(words.length, tables, program, plan.buffers);
    this.#block = device.heap.allocate(at.bytes, "a plan");
    const base = this.#block.address;
    tables.forEach(({ word, table, unit }, i) => {
      const offset = at.tables[i] as number;
      const target = new Int32Array(device.heap.memory.buffer, base + offset, table.length);
      table.forEach((place, j) => {
        target[j] = place * unit;
      });
      words[word] = base + offset;
    });
    new Int32Array(device.heap.memory.buffer, base, words.length).set(words);
    this.#stages = starts.map((word) => base + 4 * word);
    this.#relocations = relocations;
    this.#staging = at.staging;
    this.#addresses = new Float64Array(plan.buffers.length).fill(-1);
  }

  #pushArguments(
    step: Step,
    words: number[],
    relocations: Relocation[][],
    tables: { word: number; table: Int32Array; unit: number }[],
  ): void {
    const { kernel, buffers } = step;
    const address = (buffer: number, addend: number): void => {
      (relocations[buffers[buffer] as number] as Relocation[]).push({ word: words.length, addend });
      words.push(0);
    };
    if (kernel.kind === "sort") {
      for (let i = 0; i < 3; i++) address(i, 0);
      words.push(kernel.rows, kernel.length);
      return;
    }
    if (kernel.kind === "contract") {
      this.#pushContract(kernel, words, address, tables);
      return;
    }
    const first = words.length;
    // Addresses are written when buffers are bound.
    const list = loopArguments(kernel, () => 0, this.#device.faultAddress);
    const loops = kernel.extents.length;
    list.forEach((word) => words.push(word));
    kernel.accesses.forEach((access, i) => {
      if (access.buffer < 0) return;
      const word = first + loops + i * (loops + 3);
      const buffer = relocations[buffers[access.buffer] as number] as Relocation[];
      buffer.push({ word, addend: access.offset * itemSize[access.dtype] });
    });
  }

  #pushContract(
    kernel: ContractKernel,
    words: number[],
    address: (buffer: number, addend: number) => void,
    tables: { word: number; table: Int32Array; unit: number }[],
  ): void {
    const unit = itemSize[kernel.dtype];
    const first = words.length;
    const stride = (o: Offsets): number => ("stride" in o ? o.stride * unit : 0);
    const loop = (i: number): { extent: number; a: number; b: number; c: number } =>
      kernel.batch[i] ?? { extent: 1, a: 0, b: 0, c: 0 };
    const [x, y, z] = [loop(0), loop(1), loop(2)];
    const args = contractArgs({
      a: 0,
      b: 0,
      c: 0,
      workspace: this.#device.workspaceAddress,
      m: kernel.m,
      n: kernel.n,
      k: kernel.k,
      aM: stride(kernel.aM),
      aK: stride(kernel.aK),
      bK: stride(kernel.bK),
      bN: stride(kernel.bN),
      cM: kernel.cM * unit,
      batch0: x.extent,
      batch0A: x.a * unit,
      batch0B: x.b * unit,
      batch0C: x.c * unit,
      batch1: y.extent,
      batch1A: y.a * unit,
      batch1B: y.b * unit,
      batch1C: y.c * unit,
      batch2: z.extent,
      batch2A: z.a * unit,
      batch2B: z.b * unit,
      batch2C: z.c * unit,
      reduce: kernel.fold.extent,
      reduceA: kernel.fold.a * unit,
      reduceB: kernel.fold.b * unit,
    });
    address(0, kernel.aOffset * unit);
    address(1, kernel.bOffset * unit);
    address(2, 0);
    words.push(...args.slice(3));
    [kernel.aM, kernel.aK, kernel.bK, kernel.bN].forEach((o, i) => {
      if ("table" in o) tables.push({ word: first + 7 + i, table: o.table, unit });
    });
  }

  run(leaves: readonly Leaf[]): readonly (TypedArray | undefined)[] {
    if (this.#disposed) throw internal("a disposed plan is run");
    const device = this.#device;
    const start = performance.now();
    device.beginRun();
    const arena = device.arena(this.arenaBytes);
    // The heap may grow until here; from here on addresses and memory stay.
    for (let i = 0; i < leaves.length; i++) this.#bind(i, leaves[i] as Leaf);
    if (arena !== this.#arenaAddress) {
      for (const b of this.#arenaBuffers) this.#move(b, arena + (this.#plan.buffers[b] as PlanBuffer).offset);
      this.#arenaAddress = arena;
    }
    this.#runStage(0);
    this.#runStage(1);
    this.#checkFault();
    this.#runStage(2);
    if (this.#plan.faultsInUpdate) this.#checkFault();
    this.#runStage(3);
    debugRun(this, start);
    return this.#program.outputs.map(({ value, target }, i) => {
      if (target >= 0) return undefined;
      const buffer = this.#plan.outputs[i] as number;
      return device.copyOut(value.dtype, this.#addresses[buffer] as number, sizeOf(value.shape));
    });
  }

  #runStage(stage: 0 | 1 | 2 | 3): void {
    const [begin, end] = [this.#stages[stage] as number, this.#stages[stage + 1] as number];
    if (begin === end) return;
    const start = performance.now();
    this.#device.kernels.run(begin, end);
    this.#device.phaseTimes[Math.min(stage, 2) as Phase] += performance.now() - start;
  }

  #bind(input: number, leaf: Leaf): void {
    const buffers = this.#buffersOf[input] as readonly number[];
    const value = this.#program.inputs[input] as Program["inputs"][number];
    const address = this.#addressOf(input, leaf, value.dtype);
    for (const b of buffers) this.#move(b, address);
  }

  #addressOf(input: number, leaf: Leaf, dtype: Dtype): number {
    if (leaf.kind === "cell") return this.#device.addressOf(leaf.cell);
    const staging = this.#block.address + (this.#staging[input] as number);
    if (leaf.kind === "slot") {
      this.#device.writeNumber(dtype, staging, leaf.read());
      return staging;
    }
    if (leaf.kind === "data") return this.#device.stage(leaf.data, staging);
    throw internal("a plan is run on an argument without elements");
  }

  /** Notes the address of a buffer, and writes it into the commands where it is new. */
  #move(buffer: number, address: number): void {
    if (this.#addresses[buffer] === address) return;
    this.#addresses[buffer] = address;
    const words = new Int32Array(this.#device.heap.memory.buffer, this.#block.address);
    for (const { word, addend } of this.#relocations[buffer] as readonly Relocation[]) words[word] = address + addend;
  }

  #checkFault(): void {
    const fault = this.#device.takeFault();
    if (fault === undefined) return;
    const step = this.#plan.steps.find(
      (s) => s.kernel.kind === "loop" && s.kernel.accesses.some((a) => a.indirect?.size === fault.size),
    );
    throw indexFault(step?.label ?? "gather", fault.index, fault.size);
  }

  explain(): string {
    return this.#plan.steps
      .map((s, i) => {
        const shapes = s.buffers.map(
          (b) =>
            `${(this.#plan.buffers[b] as PlanBuffer).dtype} [${(this.#plan.buffers[b] as PlanBuffer).shape.join(", ")}]`,
        );
        return `${i} ${["forward", "backward", "update", "commit"][s.stage]} ${s.kernel.kind} ${s.label}: ${shapes.join(", ")}`;
      })
      .concat(`arena ${this.arenaBytes} bytes`)
      .join("\n");
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#device.heap.free(this.#block);
    this.#device.kernels.release(this.#keys);
  }
}

/** Places in a plan's block: commands, tables, then what is copied in for each input. */
function layout(
  words: number,
  tables: readonly { table: Int32Array }[],
  program: Program,
  buffers: readonly PlanBuffer[],
): { bytes: number; tables: number[]; staging: number[] } {
  let end = 4 * words;
  const take = (bytes: number): number => {
    const at = Math.ceil(end / 16) * 16;
    end = at + bytes;
    return at;
  };
  const tablePlaces = tables.map(({ table }) => take(table.byteLength));
  const staging = program.sources.map((source, i) =>
    source === "cell" ? -1 : take(Math.max((buffers[i] as PlanBuffer).bytes, 8)),
  );
  return { bytes: end + commandHeaderBytes, tables: tablePlaces, staging };
}
