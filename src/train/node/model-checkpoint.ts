/** Keeps the weights of the best epoch in a file. Floor: train; Node only. */
import { TwopassError, checkOptions, describe } from "../../base/errors.ts";
import { saveFile } from "../../io/node.ts";
import type { Callback, EpochEvent, FitStartEvent } from "../callbacks/callback.ts";
import { type MonitorMode, monitored } from "../callbacks/monitor.ts";

export interface ModelCheckpointOptions {
  /** The number that is watched; default "val/loss". */
  readonly monitor?: string;
  /** Whether less is better ("min", default) or more ("max"). */
  readonly mode?: MonitorMode;
}

/**
 * Writes `model.stateDict()` to a safetensors file after each epoch that is better than all before.
 *
 * @example
 * const best = new ModelCheckpoint("best.safetensors", { monitor: "train/loss" });
 * const trainer = new Trainer({ model, optimizer, loss: new nn.CrossEntropyLoss(), callbacks: [best] });
 * await trainer.fit(loader, { epochs: 2 });
 * Object.keys(await loadFile("best.safetensors")); // ["weight", "bias"]
 */
export class ModelCheckpoint implements Callback {
  readonly path: string;
  readonly monitors: readonly string[];
  readonly #mode: MonitorMode;
  #best: number | null = null;

  constructor(path: string, options: ModelCheckpointOptions = {}) {
    const op = "ModelCheckpoint";
    checkOptions(op, options, ["monitor", "mode"]);
    const { monitor = "val/loss", mode = "min" } = options;
    if (typeof path !== "string" || path === "") {
      throw new TwopassError({ op, problem: "takes the name of a file", facts: `got ${describe(path)}` });
    }
    if (mode !== "min" && mode !== "max") {
      throw new TwopassError({ op, problem: 'mode must be "min" or "max"', facts: `got ${describe(mode)}` });
    }
    this.path = path;
    this.monitors = [monitor];
    this.#mode = mode;
  }

  /** The best number so far; null before the first epoch. */
  get best(): number | null {
    return this.#best;
  }

  onFitStart({ isResumed }: FitStartEvent): void {
    if (!isResumed) this.#best = null;
  }

  async onEpochEnd({ trainer, scalars }: EpochEvent): Promise<void> {
    const value = monitored("ModelCheckpoint", this.monitors[0] as string, scalars);
    const isBetter =
      this.#best === null ? !Number.isNaN(value) : this.#mode === "min" ? value < this.#best : value > this.#best;
    if (!isBetter) return;
    await saveFile(trainer.model.stateDict(), this.path);
    this.#best = value;
  }

  stateDict(): { best: number | null } {
    return { best: this.#best };
  }

  loadStateDict(state: { best: number | null }): void {
    this.#best = state.best;
  }
}
