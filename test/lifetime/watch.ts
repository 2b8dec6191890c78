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
import { type Leaf, Value, sortGraph } from "../../src/ir/value.ts";
import type { Elements, Plan } from "../../src/runtime/device.ts";
import { WasmDevice } from "../../src/runtime/wasm/device.ts";
import type { Engine } from "../../src/tensor/engine.ts";
import { addEngine, removeEngine, setDefaultDevice } from "../../src/tensor/engines.ts";
import { TensorHandle } from "../../src/tensor/handle.ts";
import { inner } from "../../src/tensor/inner.ts";
import { memory } from "../../src/tensor/memory.ts";
import { manualSeed } from "../../src/tensor/random.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

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

  override compile(program: Program): Plan {
    const plan = super.compile(program);
    const count = products(program.outputs.map(({ value }) => value)).length;
    return {
      kernels: plan.kernels,
      arenaBytes: plan.arenaBytes,
      run: (leaves: readonly Leaf[]): readonly (Elements | undefined)[] => {
        this.ran += count;
        return plan.run(leaves);
      },
      explain: () => plan.explain(),
      dispose: () => plan.dispose(),
    };
  }
}

/** The program between two steps. */
interface Moment {
  readonly plans: number;
  readonly compiled: object;
  readonly runs: number;
  /** Products of forward passes that the program wrote, and that ran. */
  readonly written: number;
  readonly ran: number;
  /** Bytes on the device by kind, and the objects that a full collection leaves. */
  readonly alive: object;
  readonly time: number;
}

/** What a program may cost. */
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

  /** Holds the program to the contract after its last step. */
  check({ plans, runs, forwards = 1 }: Cost): void {
    const [first, last] = this.#moments as [Moment, Moment];
    if (process.env["WATCH"]) console.log(`@@ ${expect.getState().currentTestName} runs/10 ${(last.runs-first.runs)/9} fw ${(last.ran-first.ran)/(last.written-first.written)} written/step ${(last.written-first.written)/90} ms ${((last.time-first.time)/90).toFixed(2)} plans ${first.plans} ${last.plans} ${JSON.stringify(last.compiled)} ${JSON.stringify(first.alive)} ${JSON.stringify(last.alive)==JSON.stringify(first.alive)?"":JSON.stringify(last.alive)}`);
    expect(last.plans, "plans").toBe(plans);
    expect(last.compiled, "plans and kernels after the first steps").toEqual(first.compiled);
    expect((last.runs - first.runs) / ((late - early) / 10), "runs in ten steps").toBe(runs);
    expect(last.written).toBeGreaterThan(first.written);
    expect((last.ran - first.ran) / (last.written - first.written), "runs of a forward pass").toBe(forwards);
    expect(last.alive, "what stays alive").toEqual(first.alive);
  }

  #look(): Moment {
    const time = performance.now();
    const { plans, kernels, runs } = this.#engine.stats;
    const count = (kind: object): number => v8.queryObjects(kind as () => void, { format: "count" });
    return {
      compiled: { plans, kernels },
      plans,
      runs,
      written: this.#written,
      ran: this.#device.ran,
      alive: { ...memory()["wasm"], vertices: count(Value), tensors: count(TensorHandle), stored: count(Cell) },
      time,
    };
  }
}
