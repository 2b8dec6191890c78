/**
 * Watches a training program on a fresh device: what is compiled, how often its forward passes run, what stays alive.
 *
 * The work of a forward pass is counted in products: contractions and convolutions as the program wrote them. They are
 * what takes time, no fusion doubles them, and they are counted alike in a graph and in a plan.
 */
import v8 from "node:v8";
import { expect } from "vitest";
import { Cell } from "../../src/ir/cell.ts";
import type { Program } from "../../src/ir/program.ts";
import { Value, sortGraph } from "../../src/ir/value.ts";
import { WasmDevice } from "../../src/runtime/wasm/device.ts";
import type { Engine, EngineStats } from "../../src/tensor/engine.ts";
import { addEngine, removeEngine, setDefaultDevice } from "../../src/tensor/engines.ts";
import { TensorHandle } from "../../src/tensor/handle.ts";
import { inner } from "../../src/tensor/inner.ts";
import { type MemoryReport, memory } from "../../src/tensor/memory.ts";
import { manualSeed } from "../../src/tensor/random.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

// Optimised code lets go sooner of what a loop has done with, and nobody knows when it comes.
v8.setFlagsFromString("--no-opt");
v8.setFlagsFromString("--no-maglev");

/** Steps after which the program must have all that it will ever need, and steps in all. */
const [early, late] = [10, 100];

/** The products of forward passes that roots need and that have not run. */
function products(roots: readonly Value[]): Value[] {
  const { order } = sortGraph(roots, (value) => value.leaf !== undefined);
  return order.filter(
    ({ op, phase, leaf }) => leaf === undefined && phase === 0 && (op.kind === "contract" || op.kind === "conv"),
  );
}

class CountingDevice extends WasmDevice {
  /** Products of forward passes that ran. */
  ran = 0;

  override compile(program: Program): ReturnType<WasmDevice["compile"]> {
    const plan = super.compile(program);
    const count = products(program.outputs.map(({ value }) => value)).length;
    const run = plan.run.bind(plan);
    plan.run = (leaves) => {
      this.ran += count;
      if (process.env["WATCH"] === "2") console.log("RUN", count, plan.explain().replace(/ /g, "_"));
      return run(leaves);
    };
    return plan;
  }
}

/** Bytes on the device by kind, and objects that a full collection leaves. */
interface Alive extends MemoryReport {
  readonly vertices: number;
  readonly tensors: number;
  readonly stored: number;
}

/** The program between two steps. */
interface Moment extends EngineStats {
  /** Products of forward passes that the program wrote, and that ran. */
  readonly written: number;
  readonly ran: number;
  readonly alive: Alive;
  readonly time: number;
}

/** What a program costs. */
interface Cost {
  /** Plans made in all steps together. */
  readonly plans: number;
  /** Runs in ten steps: of their updates, and of what else the program does meanwhile. */
  readonly runs: number;
  /** How often each forward pass that was written runs; default 1. */
  readonly forwards?: number;
}

export class Watch {
  readonly #device = new CountingDevice();
  readonly #engine: Engine;
  readonly #moments: Moment[] = [];
  readonly #counted = new WeakSet<Value>();
  #written = 0;
  #steps = 0;

  constructor() {
    removeEngine("wasm");
    this.#engine = addEngine("wasm", this.#device);
    setDefaultDevice("wasm");
    manualSeed(1);
  }

  /** Counts the forward pass that a result was written by; call it before something of it runs. */
  forward(result: Tensor): Tensor {
    for (const product of products([result[inner].value])) {
      if (this.#counted.has(product)) continue;
      this.#counted.add(product);
      this.#written++;
    }
    return result;
  }

  /** Counts a step that is over. Says whether there is another one to make. */
  step(): boolean {
    this.#steps++;
    if (this.#steps === early || this.#steps === late) this.#moments.push(this.#look());
    return this.#steps < late;
  }

  /** Holds a program to the contract after its last step: what it costs, and that nothing new comes after its first steps. */
  check({ plans, runs, forwards = 1 }: Cost): void {
    const [first, last] = this.#moments as [Moment, Moment];
    if (process.env["WATCH"])
      console.log(
        `@@ ${expect.getState().currentTestName} runs/10 ${(last.runs - first.runs) / 9} fw ${(last.ran - first.ran) / (last.written - first.written)} written/step ${(last.written - first.written) / 90} ms ${((last.time - first.time) / 90).toFixed(2)} plans ${first.plans} ${last.plans} ${last.kernels} ${JSON.stringify(first.alive)} ${JSON.stringify(last.alive) == JSON.stringify(first.alive) ? "" : JSON.stringify(last.alive)}`,
      );
    expect(last.plans, "plans").toBe(plans);
    expect(first.plans, "plans in the first steps").toBe(plans);
    expect((last.runs - first.runs) / ((late - early) / 10), "runs in ten steps").toBe(runs);
    this.#checkForwards(first, last, forwards);
    expect(last.alive, "what stays alive").toEqual(first.alive);
  }

  /** The same for a program whose batches have sizes of their own: each size has a plan, made of kernels that exist. */
  checkSizes(sizes: number): void {
    const [first, last] = this.#moments as [Moment, Moment];
    if (process.env["WATCH"])
      console.log(
        `@@ ${expect.getState().currentTestName} runs/10 ${(last.runs - first.runs) / 9} fw ${(last.ran - first.ran) / (last.written - first.written)} written/step ${(last.written - first.written) / 90} ms ${((last.time - first.time) / 90).toFixed(2)} plans ${first.plans} ${last.plans} ${last.kernels} ${JSON.stringify(first.alive)} ${JSON.stringify(last.alive) == JSON.stringify(first.alive) ? "" : JSON.stringify(last.alive)}`,
      );
    expect(last.plans, "plans").toBe(sizes);
    this.#checkForwards(first, last, 1);
    const { cells, cache, tensors, stored } = first.alive;
    expect(last.alive, "what stays alive").toMatchObject({ cells, cache, tensors, stored });
  }

  #checkForwards(first: Moment, last: Moment, forwards: number): void {
    expect(last.kernels, "kernels after the first steps").toBe(first.kernels);
    expect(last.written).toBeGreaterThan(first.written);
    expect((last.ran - first.ran) / (last.written - first.written), "runs of a forward pass").toBe(forwards);
  }

  #look(): Moment {
    const time = performance.now();
    const count = (kind: object): number => v8.queryObjects(kind as () => void, { format: "count" });
    return {
      ...this.#engine.stats,
      written: this.#written,
      ran: this.#device.ran,
      alive: {
        ...(memory()["wasm"] as MemoryReport),
        vertices: count(Value),
        tensors: count(TensorHandle),
        stored: count(Cell),
      },
      time,
    };
  }
}
