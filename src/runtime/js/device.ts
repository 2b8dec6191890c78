/**
 * The reference device: evaluates each operation as its record says, one by one, in float64 arithmetic rounded when
 * stored. Slow and plain: it is the oracle of every test. Floor: runtime.
 */
import { type TypedArray, allocate, itemSize } from "../../base/dtype.ts";
import { internal } from "../../base/errors.ts";
import { sizeOf } from "../../base/shape.ts";
import type { Cell } from "../../ir/cell.ts";
import { asidePath } from "../../ir/mode.ts";
import type { HostTensor } from "../../ir/op.ts";
import type { Program } from "../../ir/program.ts";
import { type Leaf, type Value, sortGraph } from "../../ir/value.ts";
import { firstWays } from "../../transform/first-ways.ts";
import type { Device, DeviceMemory, Plan } from "../device.ts";
import { type KernelRun, profiling } from "../profiling.ts";

export class JsDevice implements Device {
  readonly name = "js";
  readonly threads = 1;
  readonly features = "js";
  readonly compiled = 0;
  readonly phaseTimes: [number, number, number] = [0, 0, 0];

  compile(program: Program): Plan {
    const values = firstWays(program.outputs.map((o) => o.value));
    const outputs = program.outputs.map((o, i) => ({ ...o, value: values[i] as Value }));
    return new JsPlan({ ...program, outputs }, this.phaseTimes, (cell) => this.#elements(cell));
  }

  #elements(cell: Cell): TypedArray {
    if (cell.host === undefined) throw internal(`cell ${cell.label} is on another device`);
    return cell.host;
  }

  read(cell: Cell): TypedArray {
    return this.#elements(cell).slice();
  }

  write(cell: Cell, data: TypedArray): void {
    this.#elements(cell).set(data);
  }

  release(cell: Cell): void {
    cell.host = undefined;
  }

  /** Everything is in JavaScript's own memory, where the collector sees it. */
  memory(): DeviceMemory {
    return { cells: 0, arena: 0, cache: 0, reserved: 0 };
  }

  holds(): Iterable<Cell> {
    return [];
  }

  report(): string {
    return "the reference: JavaScript, one operation after the other, in float64; slow";
  }
}

class JsPlan implements Plan {
  readonly arenaBytes = 0;
  readonly kernels: Record<0 | 1 | 2, number> = { 0: 0, 1: 0, 2: 0 };
  readonly #program: Program;
  readonly #order: readonly Value[];
  readonly #lastUse: readonly number[];
  readonly #times: [number, number, number];
  readonly #elements: (cell: Cell) => TypedArray;

  constructor(program: Program, times: [number, number, number], elements: (cell: Cell) => TypedArray) {
    this.#program = program;
    this.#times = times;
    this.#elements = elements;
    this.#order = sortGraph(
      program.outputs.map((o) => o.value),
      () => false,
    ).order;
    const lastUse = this.#order.map((_, i) => i);
    this.#order.forEach((value, i) => {
      if (value.leaf === undefined) this.kernels[value.phase]++;
      for (const input of value.inputs) lastUse[input.position] = i;
    });
    for (const { value } of program.outputs) lastUse[value.position] = Number.POSITIVE_INFINITY;
    this.#lastUse = lastUse;
  }

  run(leaves: readonly Leaf[]): readonly (TypedArray | undefined)[] {
    const results: (HostTensor | undefined)[] = [];
    const positions = new Map(this.#order.map((value, i) => [value, i]));
    this.#order.forEach((value, i) => {
      const start = performance.now();
      results.push(value.leaf === undefined ? this.#evaluate(value, results, positions) : this.#load(value, leaves));
      for (const input of value.inputs) {
        const at = positions.get(input) as number;
        if (this.#lastUse[at] === i) results[at] = undefined;
      }
      const milliseconds = performance.now() - start;
      this.#times[value.phase] += milliseconds;
      const isTold = value.leaf === undefined && !(profiling.ofStep && value.path === asidePath);
      if (isTold) profiling.listener?.(runOf(value, start, milliseconds));
    });
    const outputs = this.#program.outputs.map((o) => results[positions.get(o.value) as number]?.data.slice());
    // All results are there and none is shared: now the cells may change.
    return this.#program.outputs.map(({ target }, i) => {
      if (target < 0) return outputs[i];
      const leaf = leaves[target];
      if (leaf?.kind !== "cell") throw internal("a result goes into something that is no cell");
      this.#elements(leaf.cell).set(outputs[i] as TypedArray);
      return undefined;
    });
  }

  #load(value: Value, leaves: readonly Leaf[]): HostTensor {
    const leaf = value.leaf?.kind === "input" ? leaves[value.leaf.index] : undefined;
    if (leaf === undefined || leaf.kind === "input" || leaf.kind === "remote")
      throw internal("a leaf without elements");
    const { shape, dtype } = value;
    if (leaf.kind === "data") return { shape, dtype, data: leaf.data };
    if (leaf.kind === "cell") return { shape, dtype, data: this.#elements(leaf.cell) };
    const data = allocate(dtype, sizeOf(shape));
    data.fill(leaf.read());
    return { shape, dtype, data };
  }

  #evaluate(
    value: Value,
    results: readonly (HostTensor | undefined)[],
    positions: ReadonlyMap<Value, number>,
  ): HostTensor {
    const out = { shape: value.shape, dtype: value.dtype, data: allocate(value.dtype, sizeOf(value.shape)) };
    const inputs = value.inputs.map((input) => results[positions.get(input) as number] as HostTensor);
    value.op.evaluate(out, inputs, value.attrs);
    return out;
  }

  explain(): string {
    return this.#order.map((value, i) => `${i} ${value.op.name} ${value.dtype} [${value.shape.join(", ")}]`).join("\n");
  }

  dispose(): void {
    // Nothing is held between runs.
  }
}

function runOf(value: Value, start: number, milliseconds: number): KernelRun {
  const { op, path, phase } = value;
  const label = path === "" ? op.name : `${path}: ${op.name}`;
  const bytes = [value, ...value.inputs].reduce((sum, x) => sum + sizeOf(x.shape) * itemSize[x.dtype], 0);
  return { device: "js", label, kind: "operation", phase, operations: 0, bytes, start, milliseconds };
}
