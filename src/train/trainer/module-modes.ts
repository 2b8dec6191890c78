/** Training or evaluation mode for a while. Floor: train. */
import type { Module } from "../../nn/module/module.ts";

/** Puts a model in a mode, and each of its modules back in its own. */
export class ModuleModes {
  readonly #before: readonly (readonly [module: Module, training: boolean])[];

  constructor(model: Module, training: boolean) {
    this.#before = model.modules().map((module) => [module, module.training]);
    model.train(training);
  }

  restore(): void {
    // A module comes before those below it, which train() changes too.
    for (const [module, training] of this.#before) module.train(training);
  }
}
