/**
 * A device on a CPU: cells, copies of data and one arena in the memory of a machine, one call of its driver for each
 * phase of a plan. Floor: runtime.
 */
import { type Dtype, type TypedArray, allocate, itemSize } from "../../base/dtype.ts";
import { internal } from "../../base/errors.ts";
import { sizeOf } from "../../base/shape.ts";
import type { Cell, DeviceBuffer } from "../../ir/cell.ts";
import { Held } from "../../ir/held.ts";
import type { Program } from "../../ir/program.ts";
import { Rewriter } from "../../ir/rewrite.ts";
import { isAttentionTaken } from "../../schedule/attention.ts";
import { isConvTaken } from "../../schedule/conv.ts";
import { planKernels } from "../../schedule/plan.ts";
import { decompose } from "../../transform/decompose.ts";
import { simplify } from "../../transform/simplify.ts";
import { unrollWindows } from "../../transform/windows.ts";
import { debug } from "../../base/debug.ts";
import { showProgram } from "../../ir/show.ts";
import { debugCompiled, debugGraph, debugPlan } from "../debug-passes.ts";
import type { Device, DeviceMemory } from "../device.ts";
import type { Block, Machine, Memory } from "./machine.ts";
import { CpuPlan } from "./plan.ts";

/** User data that was used twice stays on the device, up to this many bytes. */
const cacheBytes = 64 * 2 ** 20;
/** A cell that no run used for so long moves out to JavaScript's memory, where the collector sees it. */
const idleRuns = 512;
/** A copy of data that no run used for so long is dropped. */
const idleCopyRuns = 32;

interface CellBlock extends DeviceBuffer {
  readonly block: Block;
  lastRun: number;
}

export interface CpuDeviceOptions {
  /** Off: one kernel for each operation, for finding faults. The numbers are the same. Default on. */
  readonly fuse?: boolean;
  /**
   * What computes instead where the first plan of all cannot be made ready, or undefined for an error that is not the
   * machine's. Once something has run a device keeps its machine: bits must not change in the middle.
   */
  readonly instead?: (error: unknown) => Machine | undefined;
}

export class CpuDevice implements Device {
  readonly name: string;
  readonly phaseTimes: [number, number, number] = [0, 0, 0];
  readonly #fuse: boolean;
  #instead: CpuDeviceOptions["instead"];
  #machine: Machine;
  #memory: Memory;
  #faultAddress: number;
  /** Why another machine computes. */
  #note = "";
  #arena: Block | undefined;
  #runs = 0;
  readonly #cells = new Map<Cell, CellBlock>();
  /** Data seen once, so that the second use makes a copy; and the copies, in order of last use. */
  readonly #seen = new WeakSet<TypedArray>();
  readonly #copies = new Map<TypedArray, { readonly block: Block; lastRun: number }>();
  #copiedBytes = 0;
  /** Results of the last run that are in the arena. */
  readonly #held: Held[] = [];

  constructor(machine: Machine, options: CpuDeviceOptions = {}) {
    this.name = machine.name;
    this.#fuse = options.fuse ?? true;
    this.#instead = options.instead;
    this.#machine = machine;
    this.#memory = machine.memory;
    this.#faultAddress = this.#makeFaultWords();
  }

  get machine(): Machine {
    return this.#machine;
  }

  get features(): string {
    return `${this.#machine.features} ${this.#fuse ? "" : "unfused"}`;
  }

  get threads(): number {
    return this.#machine.threads;
  }

  get compiled(): number {
    return this.#machine.compiled;
  }

  /** Words that a kernel writes when an index is out of range: 1, the index, the extent. */
  get faultAddress(): number {
    return this.#faultAddress;
  }

  #makeFaultWords(): number {
    const { address } = this.#memory.allocate(16, "the fault words");
    this.#memory.view("int32", address, 4).fill(0);
    return address;
  }

  compile(program: Program): CpuPlan {
    try {
      const plan = this.#plan(program);
      this.#instead = undefined;
      return plan;
    } catch (error) {
      const machine = this.#instead?.(error);
      if (machine === undefined) throw error;
      this.#instead = undefined;
      this.#note = `${this.name} is off: ${error instanceof Error ? error.message : String(error)}`;
      console.warn(`twopass: ${this.#note}\ntwopass: ${machine.name} computes instead`);
      this.#machine = machine;
      this.#memory = machine.memory;
      this.#faultAddress = this.#makeFaultWords();
      return this.#plan(program);
    }
  }

  #plan(program: Program): CpuPlan {
    const store = debug.level > 0 || debug.verify ? undefined : this.#machine.plans;
    if (store === undefined) return this.#makePlan(program);
    const text = `${this.features}\n${showProgram(program)}`;
    const stored = store.find(text);
    if (stored !== undefined) return new CpuPlan(this, program, stored.plan, stored.names);
    const made = this.#makePlan(program);
    if (made.names !== undefined) store.keep(text, { plan: made.plan, names: made.names });
    return made;
  }

  #makePlan(program: Program): CpuPlan {
    const [start, before] = [performance.now(), this.compiled];
    const written = program.outputs.map((o) => o.value);
    debugGraph("as written", written);
    const { convolutions, attention } = this.#machine;
    const roots = new Rewriter().run(written, (value, inputs) => {
      if (convolutions && isConvTaken(value)) return undefined;
      // Of two ways the second, else the vertex as it is.
      if (attention && isAttentionTaken(value)) return value.op.kind === "either" ? inputs[1] : undefined;
      return decompose(value, inputs);
    });
    debugGraph("decomposed", roots);
    const simple = unrollWindows(simplify(roots));
    debugGraph("simplified", simple);
    const outputs = program.outputs.map((o, i) => ({ ...o, value: simple[i] as (typeof simple)[number] }));
    const lowered = { ...program, outputs };
    const kernels = planKernels(lowered, { fuse: this.#fuse, convolutions });
    debugPlan(lowered, kernels);
    const plan = new CpuPlan(this, lowered, kernels);
    debugCompiled(plan, this.compiled - before, start);
    return plan;
  }

  // What plans ask for.

  beginRun(): void {
    this.#runs++;
    for (const held of this.#held.splice(0)) held.leave();
    if (this.#runs % idleRuns === 0) this.#moveIdleCellsOut();
  }

  /** A result that stays in the arena until the next run. */
  hold(dtype: Dtype, address: number, size: number): Held {
    const held = new Held(size * itemSize[dtype], () => this.copyOut(dtype, address, size));
    this.#held.push(held);
    return held;
  }

  /** Address of the one arena, which is as large as the largest plan needs. */
  arena(bytes: number): number {
    if (this.#arena === undefined || this.#arena.bytes < bytes) {
      if (this.#arena !== undefined) this.#memory.free(this.#arena);
      this.#arena = undefined;
      this.#arena = this.#memory.allocate(bytes, "the arena of a plan");
    }
    return this.#arena.address;
  }

  /** Where a cell's elements are; brings them in from JavaScript's memory. */
  addressOf(cell: Cell): number {
    let known = cell.buffer as CellBlock | undefined;
    if (known === undefined) {
      if (cell.host === undefined) throw internal(`${cell.label} has no elements`);
      const block = this.#memory.allocate(cell.host.byteLength, cell.label);
      known = { bytes: cell.host.byteLength, block, lastRun: this.#runs };
      this.#view(cell.dtype, block.address, cell.host.length).set(cell.host);
      cell.buffer = known;
      cell.host = undefined;
      this.#cells.set(cell, known);
    }
    known.lastRun = this.#runs;
    return known.block.address;
  }

  /** Copies user data in: to `staging`, or to a place of its own from the second time on. */
  stage(data: TypedArray, staging: number): number {
    const copy = this.#copies.get(data);
    if (copy !== undefined) {
      copy.lastRun = this.#runs;
      this.#copies.delete(data);
      this.#copies.set(data, copy);
      return copy.block.address;
    }
    if (data.byteLength > cacheBytes / 4 || !this.#seen.has(data)) {
      this.#seen.add(data);
      this.#copyIn(data, staging);
      return staging;
    }
    const block = this.#memory.allocate(data.byteLength, "a copy of data");
    this.#copyIn(data, block.address);
    this.#copies.set(data, { block, lastRun: this.#runs });
    this.#copiedBytes += block.bytes;
    for (const [oldest, old] of this.#copies) {
      // What this run uses stays, whatever the limit.
      const isIdle = this.#runs - old.lastRun > idleCopyRuns;
      if ((this.#copiedBytes <= cacheBytes && !isIdle) || old.lastRun === this.#runs) break;
      this.#copies.delete(oldest);
      this.#copiedBytes -= old.block.bytes;
      this.#memory.free(old.block);
    }
    return block.address;
  }

  writeNumber(dtype: Dtype, address: number, value: number): void {
    this.#view(dtype, address, 1)[0] = dtype === "bool" ? Number(value !== 0) : value;
  }

  /** The fault that a kernel has noted since the last call. */
  takeFault(): { index: number; size: number } | undefined {
    const words = this.#memory.view("int32", this.faultAddress, 3);
    if (words[0] === 0) return undefined;
    words[0] = 0;
    return { index: words[1] as number, size: words[2] as number };
  }

  copyOut(dtype: Dtype, address: number, size: number): TypedArray {
    return this.#view(dtype, address, size).slice();
  }

  #copyIn(data: TypedArray, address: number): void {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    (this.#view("uint8", address, bytes.length) as Uint8Array).set(bytes);
  }

  #view(dtype: Dtype, address: number, size: number): TypedArray {
    return this.#memory.view(dtype, address, size);
  }

  // Cells.

  read(cell: Cell): TypedArray {
    if (cell.host !== undefined) return cell.host.slice();
    return this.copyOut(cell.dtype, this.#blockOf(cell).address, sizeOf(cell.shape));
  }

  write(cell: Cell, data: TypedArray): void {
    if (cell.host !== undefined) cell.host.set(data);
    else this.#view(cell.dtype, this.#blockOf(cell).address, data.length).set(data);
  }

  release(cell: Cell): void {
    const known = this.#cells.get(cell);
    if (known !== undefined) {
      this.#memory.free(known.block);
      this.#cells.delete(cell);
    }
    cell.buffer = undefined;
    cell.host = allocate(cell.dtype, 0);
  }

  #blockOf(cell: Cell): Block {
    const known = this.#cells.get(cell);
    if (known === undefined) throw internal(`${cell.label} is on another device`);
    return known.block;
  }

  #moveIdleCellsOut(): void {
    for (const [cell, known] of this.#cells) {
      if (this.#runs - known.lastRun < idleRuns) continue;
      cell.host = this.copyOut(cell.dtype, known.block.address, sizeOf(cell.shape));
      cell.buffer = undefined;
      this.#memory.free(known.block);
      this.#cells.delete(cell);
    }
  }

  holds(): Iterable<Cell> {
    return this.#cells.keys();
  }

  report(): string {
    const report = this.#machine.report();
    return this.#note === "" ? report : `${this.#note}\n${this.#machine.name} computes instead\n${report}`;
  }

  memory(): DeviceMemory {
    let cells = 0;
    for (const [cell] of this.#cells) cells += sizeOf(cell.shape) * itemSize[cell.dtype];
    return { cells, arena: this.#arena?.bytes ?? 0, cache: this.#copiedBytes, reserved: this.#memory.reserved };
  }
}
