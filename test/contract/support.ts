/** What the programs of this folder share: counting runs and plans, and the smallest optimiser. */
import { mode } from "../../src/ir/mode.ts";
import { tensor } from "../../src/tensor/creation.ts";
import { currentEngine } from "../../src/tensor/engines.ts";
import { noGrad } from "../../src/tensor/scope.ts";
import { StoredTensor } from "../../src/tensor/stored.ts";

/** Counts runs and plans from here on. */
export function counter(): { readonly runs: number; readonly plans: number } {
  const engine = currentEngine();
  const { runs, plans } = engine.stats;
  return {
    get runs() {
      return engine.stats.runs - runs;
    },
    get plans() {
      return engine.stats.plans - plans;
    },
  };
}

/** A parameter. */
export function parameter(values: number[] | number[][], label = "w"): StoredTensor {
  return new StoredTensor(tensor(values), { requiresGrad: true, label });
}

/** p ← p − lr · ∂loss/∂p for those that have a gradient, in one run with all that is pending. */
export class Descent {
  readonly parameters: readonly StoredTensor[];
  lr: number;

  constructor(parameters: readonly StoredTensor[], lr: number) {
    this.parameters = parameters;
    this.lr = lr;
  }

  zeroGrad(): void {
    for (const p of this.parameters) p.grad = null;
  }

  step(): void {
    const before = mode.phase;
    mode.phase = 2;
    noGrad(() => {
      for (const p of this.parameters) if (p.grad !== null) p.assign(p.sub(p.grad.mul(this.lr)));
    });
    mode.phase = before;
    currentEngine().run([]);
  }
}

/** How many kernels the plan that ran last has. */
export function kernelsOfLatest(): number {
  const { kernels } = currentEngine().plans.latest ?? { kernels: { 0: 0, 1: 0, 2: 0 } };
  return kernels[0] + kernels[1] + kernels[2];
}
