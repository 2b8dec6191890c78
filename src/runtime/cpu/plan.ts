/** A plan on a CPU device: a command buffer, and what must be patched in it when a buffer moves. Floor: runtime. */
import type { Dtype, TypedArray } from "../../base/dtype.ts";
import { internal } from "../../base/errors.ts";
import { sizeOf } from "../../base/shape.ts";
import type { Held } from "../../ir/held.ts";
import type { Phase } from "../../ir/mode.ts";
import type { Program } from "../../ir/program.ts";
import type { Leaf } from "../../ir/value.ts";
import { indexFault } from "../../ops/gather.ts";
import type { Kernel } from "../../schedule/kernel.ts";
import type { KernelPlan, PlanBuffer, Step } from "../../schedule/plan.ts";
import { inRounds, isAside } from "../../schedule/step.ts";
import { debugRun } from "../debug-passes.ts";
import type { Plan } from "../device.ts";
import { type KernelRun, profiling } from "../profiling.ts";
import { CommandWriter, type Relocation, writeWord } from "./commands.ts";
import type { CpuDevice } from "./device.ts";
import type { Block, KernelName } from "./machine.ts";
import { startsOfWaves } from "./waves.ts";
import { chunkOf, isWorthSharing, operationsOf, timeOf } from "./work.ts";

/** The command of a step, as if it were a wave of its own. */
interface Command {
  /** Its first word. */
  readonly head: number;
  readonly words: number;
  readonly chunks: number;
}

export class CpuPlan implements Plan {
  readonly kernels: Record<Phase, number> = { 0: 0, 1: 0, 2: 0 };
  readonly arenaBytes: number;
  readonly #device: CpuDevice;
  readonly #program: Program;
  readonly plan: KernelPlan;
  readonly #keys: readonly string[];
  /** Commands, tables, numbers and small inputs of this plan. */
  readonly #block: Block;
  /** By step. */
  readonly #commands: readonly Command[];
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
  readonly #isWide: boolean;
  readonly #commandBytes: number;
  #arenaAddress = -1;
  #disposed = false;

  /** What the machine calls the kernels, where it stores plans. */
  readonly names: readonly KernelName[] | undefined;

  constructor(device: CpuDevice, program: Program, plan: KernelPlan, known?: readonly KernelName[]) {
    this.#device = device;
    this.#program = program;
    this.plan = plan;
    this.arenaBytes = plan.arenaBytes;
    const machine = device.machine;
    const { functions, keys, names } = machine.acquire(
      plan.steps.map((s) => s.kernel),
      known,
    );
    this.#keys = keys;
    this.names = names;
    for (const step of plan.steps) this.kernels[Math.min(step.stage, 2) as Phase]++;
    const buffersOf = program.inputs.map((): number[] => []);
    plan.buffers.forEach(({ input }, j) => buffersOf[input]?.push(j));
    this.#buffersOf = buffersOf;
    this.#arenaBuffers = plan.buffers.flatMap((b, j) => (b.input < 0 ? [j] : []));

    const commands = new CommandWriter(machine.wordBytes, plan.buffers.length, device.faultAddress);
    const { starts, written } = this.#writeCommands(commands, functions);
    this.#commands = written;
    this.#commandBytes = commands.bytes;
    const at = layout(commands.bytes, commands.tables, program, plan.buffers);
    this.#block = device.machine.memory.allocate(at.bytes, "a plan");
    const base = this.#block.address;
    commands.tables.forEach(({ word, places, unit }, i) => {
      const address = base + (at.tables[i] as number);
      const target = machine.memory.view("int32", address, places.length);
      places.forEach((place, j) => {
        target[j] = place * unit;
      });
      commands.set(word, address);
    });
    this.#isWide = machine.wordBytes === 8;
    commands.copyTo(this.#halves());
    this.#stages = starts.map((word) => base + machine.wordBytes * word);
    this.#relocations = commands.relocations;
    this.#staging = at.staging;
    this.#addresses = new Float64Array(plan.buffers.length).fill(-1);
  }

  /** Writes the commands wave by wave. Gives the word at which each stage starts, and the end. */
  #writeCommands(
    commands: CommandWriter,
    functions: readonly number[],
  ): { readonly starts: number[]; readonly written: Command[] } {
    const { steps } = this.plan;
    const machine = this.#device.machine;
    const isStart = startsOfWaves(this.plan);
    const starts: number[] = [];
    const written: Command[] = [];
    const times = new Map<Kernel, number>();
    let wave = { head: 0, time: 0, pieces: 0 };
    const endWave = (): void => {
      if (commands.length === wave.head) return;
      commands.set(wave.head + 2, isWorthSharing(wave.time) ? wave.pieces : 1);
      commands.set(wave.head + 3, (commands.length - wave.head) * machine.wordBytes);
      commands.set(wave.head + 7, Math.round(wave.time / 1000));
    };
    steps.forEach((step, i) => {
      if (isStart[i] === true) {
        endWave();
        wave = { head: commands.length, time: 0, pieces: 0 };
      }
      while (starts.length <= step.stage) starts.push(commands.length);
      const offsets = step.parts?.offsets;
      const { head, units } = commands.command(functions[i] as number, step.buffers, offsets, () =>
        machine.writeArguments(step.kernel, commands),
      );
      // The kernels of a loop come again and again.
      const time = times.get(step.kernel) ?? timeOf(step.kernel, machine.rates);
      times.set(step.kernel, time);
      const chunk = chunkOf(units, time);
      commands.set(head + 5, chunk);
      commands.set(head + 7, Math.round(time / 1000));
      const chunks = Math.ceil(units / chunk);
      wave.time += time;
      wave.pieces += chunks;
      written.push({ head, words: commands.length - head, chunks: isWorthSharing(time) ? chunks : 1 });
    });
    endWave();
    while (starts.length <= 4) starts.push(commands.length);
    return { starts, written };
  }

  run(leaves: readonly Leaf[]): readonly (TypedArray | Held | undefined)[] {
    if (this.#disposed) throw internal("a disposed plan is run");
    const device = this.#device;
    const start = performance.now();
    device.beginRun();
    const arena = device.arena(this.arenaBytes);
    // The heap may grow until here; from here on addresses and memory stay.
    for (let i = 0; i < leaves.length; i++) this.#bind(i, leaves[i] as Leaf);
    if (arena !== this.#arenaAddress) {
      for (const b of this.#arenaBuffers) this.#move(b, arena + (this.plan.buffers[b] as PlanBuffer).offset);
      this.#arenaAddress = arena;
    }
    this.#runStage(0);
    this.#runStage(1);
    this.#checkFault();
    this.#runStage(2);
    if (this.plan.faultsInUpdate) this.#checkFault();
    this.#runStage(3);
    debugRun(this, start);
    return this.#program.outputs.map(({ value, target }, i) => {
      if (target >= 0) return undefined;
      const number = this.plan.outputs[i] as number;
      const { input } = this.plan.buffers[number] as PlanBuffer;
      const address = this.#addresses[number] as number;
      // What lies in the arena stays there until the next run; what lies in a cell changes with it.
      return input < 0
        ? device.hold(value.dtype, address, sizeOf(value.shape))
        : device.copyOut(value.dtype, address, sizeOf(value.shape));
    });
  }

  #runStage(stage: 0 | 1 | 2 | 3): void {
    const [begin, end] = [this.#stages[stage] as number, this.#stages[stage + 1] as number];
    if (begin === end) return;
    const start = performance.now();
    if (profiling.listener === undefined) this.#device.machine.run(begin, end);
    else this.#runSingly(stage, profiling.listener);
    this.#device.phaseTimes[Math.min(stage, 2) as Phase] += performance.now() - start;
  }

  /** Runs the kernels of a stage each as a wave of its own, with the clock beside them. */
  #runSingly(stage: number, tell: (run: KernelRun) => void): void {
    const { machine, name } = this.#device;
    const base = this.#block.address;
    // Commands that are not told, from the first word to behind the last one.
    let [from, to] = [0, 0];
    const runUntold = (): void => {
      if (to > from) machine.run(base + from * machine.wordBytes, base + to * machine.wordBytes);
      [from, to] = [0, 0];
    };
    this.plan.steps.forEach((step, i) => {
      if (step.stage !== stage) return;
      const { head, words, chunks } = this.#commands[i] as Command;
      if (profiling.ofStep && isAside(step)) {
        if (to === 0) from = head;
        to = head + words;
        return;
      }
      runUntold();
      const halves = this.#halves();
      const wave = (machine.wordBytes / 4) * (head + 2);
      const saved = halves.slice(wave, wave + machine.wordBytes / 2);
      writeWord(halves, head + 2, chunks, this.#isWide);
      writeWord(halves, head + 3, words * machine.wordBytes, this.#isWide);
      const start = performance.now();
      machine.run(base + head * machine.wordBytes, base + (head + words) * machine.wordBytes);
      const milliseconds = performance.now() - start;
      halves.set(saved, wave);
      const { kind } = step.kernel;
      const phase = Math.min(stage, 2) as Phase;
      const operations = operationsOf(step.kernel);
      tell({
        device: name,
        label: step.label,
        kind,
        phase,
        operations,
        bytes: this.#bytesOf(step),
        start,
        milliseconds,
      });
    });
    runUntold();
  }

  #bytesOf(step: Step): number {
    if (step.parts !== undefined) return step.parts.types.reduce((sum, { bytes }) => sum + bytes, 0);
    const own = new Set(step.buffers);
    return [...own].reduce((sum, b) => sum + (this.plan.buffers[b] as PlanBuffer).bytes, 0);
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
    const halves = this.#halves();
    for (const { word, addend } of this.#relocations[buffer] as readonly Relocation[]) {
      writeWord(halves, word, address + addend, this.#isWide);
    }
  }

  #checkFault(): void {
    const fault = this.#device.takeFault();
    if (fault === undefined) return;
    const step = this.plan.steps.find(
      (s) => s.kernel.kind === "loop" && s.kernel.accesses.some((a) => a.indirect?.size === fault.size),
    );
    throw indexFault(step?.label ?? "gather", fault.index, fault.size);
  }

  explain(): string {
    const { steps, buffers, arenaBytes } = this.plan;
    const lines = inRounds(this.plan).map(({ step: i, note }) => {
      if (i < 0) return note;
      const s = steps[i] as Step;
      const shapes = (s.parts?.types ?? s.buffers.map((b) => buffers[b] as PlanBuffer)).map(
        ({ dtype, shape }) => `${dtype} [${shape.join(", ")}]`,
      );
      return `${i} ${["forward", "backward", "update", "commit"][s.stage]} ${s.kernel.kind} ${s.label}: ${shapes.join(", ")}`;
    });
    return [...lines, `arena ${arenaBytes} bytes`].join("\n");
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#device.machine.memory.free(this.#block);
    this.#device.machine.release(this.#keys);
  }

  /** The commands, in halves of words. */
  #halves(): Int32Array {
    return this.#device.machine.memory.view("int32", this.#block.address, this.#commandBytes / 4) as Int32Array;
  }
}

/** Places in a plan's block: commands, tables, then what is copied in for each input. */
function layout(
  commandBytes: number,
  tables: readonly { places: Int32Array }[],
  program: Program,
  buffers: readonly PlanBuffer[],
): { bytes: number; tables: number[]; staging: number[] } {
  let end = commandBytes;
  const take = (bytes: number): number => {
    const at = Math.ceil(end / 64) * 64;
    end = at + bytes;
    return at;
  };
  const tablePlaces = tables.map(({ places }) => take(places.byteLength));
  const staging = program.sources.map((source, i) =>
    source === "cell" ? -1 : take(Math.max((buffers[i] as PlanBuffer).bytes, 8)),
  );
  return { bytes: end, tables: tablePlaces, staging };
}
