/**
 * Watches a training program on a fresh device: what is compiled, how often its forward passes run, what stays alive.
 *
 * The work of a forward pass is counted in products: contractions and convolutions as the program wrote them. They are
 * what takes time, no fusion doubles them, and they are counted alike in a graph and in a plan.
 */
import v8 from "node:v8";
import { vi } from "vitest";
import type { Program } from "../../src/ir/program.ts";
import { Value, sortGraph } from "../../src/ir/value.ts";
import { CpuDevice } from "../../src/runtime/cpu/device.ts";
import type { Engine } from "../../src/tensor/engine.ts";
import { addEngine, removeEngine, setDefaultDevice } from "../../src/tensor/engines.ts";
import { TensorHandle } from "../../src/tensor/handle.ts";
import { inner } from "../../src/tensor/inner.ts";
import { memory } from "../../src/tensor/memory.ts";
import { manualSeed } from "../../src/tensor/random.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { machineName, makeMachine } from "../cpu-machine.ts";

// Optimised code lets go sooner of what a loop has done with, and nobody knows when it comes.
v8.setFlagsFromString("--no-opt");
v8.setFlagsFromString("--no-maglev");
vi.setConfig({ testTimeout: 60_000 });

/** Steps after which the program must have all that it will ever need, and steps in all. */
const [early, late] = [10, 100];

/** The products of forward passes that roots need and that have not run. */
function products(roots: readonly Value[]): Value[] {
  const { order } = sortGraph(roots, (value) => value.leaf !== undefined);
  return order.filter(
    ({ op, phase, leaf }) => leaf === undefined && phase === 0 && (op.kind === "contract" || op.kind === "conv"),
  );
}

class CountingDevice extends CpuDevice {
  /** Products of forward passes that ran. */
  ran = 0;

  override compile(program: Program): ReturnType<CpuDevice["compile"]> {
    const plan = super.compile(program);
    const count = products(program.outputs.map(({ value }) => value)).length;
    const run = plan.run.bind(plan);
    plan.run = (leaves) => {
      this.ran += count;
      return run(leaves);
    };
    return plan;
  }
}

/** The program between two steps, in numbers. */
interface Moment {
  readonly runs: number;
  /** Products of forward passes that the program wrote, and that ran. */
  readonly written: number;
  readonly ran: number;
  /** What must be there after the first steps: plans, kernels, bytes on the device by kind. */
  readonly needed: Readonly<Record<string, number>>;
  /** Objects that a full collection leaves. */
  readonly objects: Readonly<Record<string, number>>;
}

/** What a program costs. */
interface Report {
  /** Plans made in all steps together. */
  readonly plans: number;
  /** Runs in ten steps: of their updates, and of what else the program does meanwhile. */
  readonly runs: number;
  /** How often each forward pass that was written ran. */
  readonly forwards: number;
  /** What the later steps changed, by how much: nothing, unless something leaks or is compiled again. */
  readonly changed: Readonly<Record<string, number>>;
}

export class Watch {
  readonly #device = new CountingDevice(makeMachine());
  readonly #engine: Engine;
  readonly #moments: Moment[] = [];
  readonly #counted = new WeakSet<Value>();
  #written = 0;
  #steps = 0;

  constructor() {
    removeEngine(machineName);
    this.#engine = addEngine(machineName, this.#device);
    setDefaultDevice(machineName);
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

  /** What the program cost, after its last step. */
  report(): Report {
    const [first, last] = this.#moments as [Moment, Moment];
    const changed: Record<string, number> = {};
    for (const [name, amount] of Object.entries(last.needed)) {
      if (amount !== first.needed[name]) changed[name] = amount - (first.needed[name] as number);
    }
    for (const [name, count] of Object.entries(last.objects)) {
      // What the test runner still held of another test may have gone.
      if (count > (first.objects[name] as number)) changed[name] = count - (first.objects[name] as number);
    }
    return {
      plans: last.needed["plans"] as number,
      runs: (last.runs - first.runs) / ((late - early) / 10),
      forwards: (last.ran - first.ran) / (last.written - first.written),
      changed,
    };
  }

  #look(): Moment {
    const { runs, plans, kernels } = this.#engine.stats;
    const count = (kind: object): number => v8.queryObjects(kind as () => void, { format: "count" });
    return {
      runs,
      written: this.#written,
      ran: this.#device.ran,
      needed: { plans, kernels, ...memory()[machineName] },
      objects: { vertices: count(Value), tensors: count(TensorHandle) },
    };
  }
}
