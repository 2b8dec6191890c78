/** Ends a training that does not get better any more. Floor: train. */
import { TwopassError, checkOptions, describe } from "../../base/errors.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Callback, EpochEvent, FitEndEvent, FitStartEvent } from "./callback.ts";
import { type MonitorMode, monitored } from "./monitor.ts";

export interface EarlyStoppingOptions {
  /** The number that is watched; default "val/loss". */
  readonly monitor?: string;
  /** Epochs without improvement that are let pass; default 5. */
  readonly patience?: number;
  /** How much better counts as better; default 0. */
  readonly minDelta?: number;
  /** Whether less is better ("min", default) or more ("max"). */
  readonly mode?: MonitorMode;
  /** Whether the model gets the weights of the best epoch back when `fit` ends; default false. The optimiser does not. */
  readonly restoreBest?: boolean;
}

export interface EarlyStoppingState {
  /** null before the first epoch. */
  readonly best: number | null;
  readonly bestEpoch: number;
  readonly badEpochs: number;
  readonly isOver: boolean;
  /** Weights of the best epoch, where they shall be restored. */
  readonly weights: Readonly<Record<string, Tensor>> | null;
}

/**
 * Ends `fit` when a number has not got better for `patience` epochs. NaN is never better.
 *
 * @throws in `fit` where no epoch has a number of this name.
 * @example
 * const stopping = new EarlyStopping({ monitor: "val/loss", patience: 3, restoreBest: true });
 * const trainer = new Trainer({ model, optimizer, loss: new nn.CrossEntropyLoss(), callbacks: [stopping] });
 * await trainer.fit(loader, { epochs: 2, validation: loader });
 * typeof stopping.best; // "number"
 */
export class EarlyStopping implements Callback {
  readonly monitors: readonly string[];
  readonly #o: Required<EarlyStoppingOptions>;
  #best: number | null = null;
  #bestEpoch = 0;
  #badEpochs = 0;
  #isOver = false;
  #weights: Readonly<Record<string, Tensor>> | null = null;

  constructor(options: EarlyStoppingOptions = {}) {
    const op = "EarlyStopping";
    checkOptions(op, options, ["monitor", "patience", "minDelta", "mode", "restoreBest"]);
    const { monitor = "val/loss", patience = 5, minDelta = 0, mode = "min", restoreBest = false } = options;
    this.#o = { monitor, patience, minDelta, mode, restoreBest };
    this.monitors = [monitor];
    if (mode !== "min" && mode !== "max") {
      throw new TwopassError({ op, problem: 'mode must be "min" or "max"', facts: `got ${describe(mode)}` });
    }
    if (!(Number.isInteger(patience) && patience >= 0)) {
      throw new TwopassError({
        op,
        problem: "patience must be a whole number from 0",
        facts: `got ${describe(patience)}`,
      });
    }
    if (!(minDelta >= 0)) {
      throw new TwopassError({ op, problem: "minDelta must be a number from 0", facts: `got ${describe(minDelta)}` });
    }
  }

  /** The best number so far; null before the first epoch. */
  get best(): number | null {
    return this.#best;
  }

  /** The epoch that had it, from 1. */
  get bestEpoch(): number {
    return this.#bestEpoch;
  }

  onFitStart({ trainer, isResumed }: FitStartEvent): void {
    if (!isResumed) this.#reset();
    else if (this.#isOver) trainer.stop(this.#reason());
  }

  async onEpochEnd({ trainer, epoch, scalars }: EpochEvent): Promise<void> {
    const value = monitored("EarlyStopping", this.#o.monitor, scalars);
    if (this.#isBetter(value)) {
      this.#best = value;
      this.#bestEpoch = epoch;
      this.#badEpochs = 0;
      if (this.#o.restoreBest) this.#weights = await trainer.model.snapshot();
      return;
    }
    this.#badEpochs++;
    if (this.#badEpochs <= this.#o.patience) return;
    this.#isOver = true;
    trainer.stop(this.#reason());
  }

  onFitEnd({ trainer, outcome }: FitEndEvent): void {
    const isDone = outcome === "finished" || outcome === "stopped";
    if (isDone && this.#weights !== null) trainer.model.loadStateDict(this.#weights);
  }

  stateDict(): EarlyStoppingState {
    return {
      best: this.#best,
      bestEpoch: this.#bestEpoch,
      badEpochs: this.#badEpochs,
      isOver: this.#isOver,
      weights: this.#weights,
    };
  }

  loadStateDict(state: EarlyStoppingState): void {
    this.#best = state.best;
    this.#bestEpoch = state.bestEpoch;
    this.#badEpochs = state.badEpochs;
    this.#isOver = state.isOver;
    this.#weights = state.weights;
  }

  #reset(): void {
    this.loadStateDict({ best: null, bestEpoch: 0, badEpochs: 0, isOver: false, weights: null });
  }

  #isBetter(value: number): boolean {
    const { mode, minDelta } = this.#o;
    if (this.#best === null) return !Number.isNaN(value);
    return mode === "min" ? value < this.#best - minDelta : value > this.#best + minDelta;
  }

  #reason(): string {
    return `${this.#o.monitor} was best in epoch ${this.#bestEpoch}: ${this.#best}`;
  }
}
