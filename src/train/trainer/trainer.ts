/** `Trainer`: the loop around forward pass, backward pass and update, with what a run over days needs. Floor: train. */
import { TwopassError } from "../../base/errors.ts";
import { currentSeed, isSeeded, restoreStreams, seedAll, streamStates } from "../../base/random-stream.ts";
import type { Module } from "../../nn/module/module.ts";
import { cat } from "../../tensor/joining.ts";
import { noGrad } from "../../tensor/scope.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { BatchStep } from "./batch-step.ts";
import { type Batches, checkBatches, noBatches } from "./batches.ts";
import type { Callback, Training } from "../callbacks/callback.ts";
import { EpochMeans } from "./epoch-means.ts";
import { evaluateBatches } from "./evaluate.ts";
import { type FitOptions, FitRun, checkFit } from "./fit-run.ts";
import type { EpochRecord, History } from "./history.ts";
import type { Scalars } from "../loggers/logger.ts";
import { ModuleModes } from "./module-modes.ts";
import { restoreAll } from "./restoring.ts";
import {
  type PairBatch,
  type TrainerOptimizer,
  type TrainerOptions,
  checkCallback,
  checkTrainer,
  metricsByName,
} from "./trainer-options.ts";
import { type TrainerProgress, type TrainerState, checkState, copyState, isStateful } from "./trainer-state.ts";
import { Turns } from "./turns.ts";

/** What a run and its trainer share. */
export interface TrainerInside<B> {
  readonly options: TrainerOptions<B>;
  /** Those of the options, and those that were added. */
  callbacks: readonly Callback[];
  readonly step: BatchStep<B>;
  readonly means: EpochMeans;
  readonly progress: { -readonly [K in keyof TrainerProgress]: TrainerProgress[K] };
  readonly records: EpochRecord[];
  /**
   * Where loader and validation loader stood when they were left, for the next `fit` or `state`; undefined where a failed
   * `fit` left no place to go on from.
   */
  left: { loader: object | null; validation: object | null } | undefined;
  /** Whether the next `fit` goes on where a state stood. */
  isRestored: boolean;
}

/** Whether the seed of an unseeded process was said. */
let saidSeed = false;

/**
 * Trains a model: `await new Trainer({ model, optimizer, loss }).fit(loader, { epochs: 3 })`.
 *
 * Batches are `[input, target]`; `forward` and `step` take others. A step whose loss, gradients or new weights are not
 * finite writes nothing and throws a NonFiniteError that names the operation.
 *
 * @throws for options that are unknown or of the wrong kind.
 * @example
 * const trainer = new Trainer({ model, optimizer, loss: new nn.CrossEntropyLoss(), metrics: [new Accuracy()] });
 * const history = await trainer.fit(loader, { epochs: 3, validation: loader });
 * const last = history.epochs.at(-1) ?? {};
 * Object.keys(last).slice(0, 3); // ["epoch", "train/loss", "train/accuracy"]
 * last["val/accuracy"] > 0.3; // true
 */
export class Trainer<B = PairBatch> implements Training {
  readonly #inside: TrainerInside<B>;
  #run: FitRun<B> | undefined;

  constructor(options: TrainerOptions<B>) {
    checkTrainer(options);
    if (options.device !== undefined) options.model.to(options.device);
    this.#inside = {
      options,
      callbacks: options.callbacks ?? [],
      step: new BatchStep(options),
      means: new EpochMeans(metricsByName(options.metrics as TrainerOptions["metrics"])),
      progress: { epoch: 0, batch: 0, batches: 0, examples: 0, waiting: 0, step: 0, rate: 0, start: 0 },
      records: [],
      left: { loader: null, validation: null },
      isRestored: false,
    };
  }

  get model(): Module {
    return this.#inside.options.model;
  }

  get optimizer(): TrainerOptimizer {
    return this.#inside.options.optimizer;
  }

  /**
   * Adds a callback behind those that there are, also while `fit` runs: it is called from the next moment on.
   *
   * @returns what takes it away again.
   * @throws for what is no callback.
   * @example
   * const trainer = new Trainer({ model, optimizer, loss: new nn.CrossEntropyLoss() });
   * let batches = 0;
   * const remove = trainer.add({ onBatchEnd: () => void batches++ });
   * await trainer.fit(loader);
   * remove();
   * await trainer.fit(loader);
   * batches; // 3
   */
  add(callback: Callback): () => void {
    checkCallback(callback);
    const inside = this.#inside;
    inside.callbacks = [...inside.callbacks, callback];
    return () => {
      inside.callbacks = inside.callbacks.filter((one) => one !== callback);
    };
  }

  /** The epoch that runs, or ran last, from 1; 0 before the first. */
  get epoch(): number {
    return this.#run?.epoch ?? this.#inside.progress.epoch;
  }

  /** The epoch that the running `fit` ends with. */
  get epochs(): number {
    return this.#run?.epochs ?? this.#inside.progress.epoch;
  }

  /** Updates made so far. */
  get step(): number {
    return this.#inside.progress.step;
  }

  /** Batches in an epoch of the running `fit`, where the loader knows. */
  get batches(): number | undefined {
    return this.#run?.batches;
  }

  /**
   * Trains for some epochs, and returns their numbers. The model is in training mode meanwhile, unless it is so already:
   * then modules that are in evaluation mode stay in it.
   *
   * @param loader gives the batches, again for each epoch.
   * @throws NonFiniteError for a step that is not finite; TwopassError for batches, names and options that are wrong.
   */
  async fit(loader: Batches<B>, options: FitOptions<B> = {}): Promise<History> {
    checkFit(loader, options);
    this.#refuse("fit");
    const run = new FitRun(this, this.#inside, loader, options);
    this.#run = run;
    try {
      const state = await options.resume?.load();
      if (state !== undefined) await this.#restore(state);
      this.#saySeed();
      return await run.train();
    } finally {
      this.#run = undefined;
    }
  }

  /**
   * The loss and the metrics over all batches, in evaluation mode and without gradients. Results that are no numbers stay
   * in the metrics: `await confusion.compute()`.
   *
   * @example
   * const trainer = new Trainer({ model, optimizer, loss: new nn.CrossEntropyLoss(), metrics: [new Accuracy()] });
   * Object.keys(await trainer.evaluate(loader)); // ["loss", "accuracy"]
   */
  async evaluate(loader: Batches<B>): Promise<Scalars> {
    checkBatches("evaluate", "the loader", loader);
    this.#refuseBeside("evaluate");
    const { options, step, means, progress } = this.#inside;
    // In the middle of an epoch the metrics hold its batches, also where `fit` has been left or is still to go on.
    const isNeeded = this.#run?.isInEpoch === true;
    const isLeft = progress.batch > 0 && this.#run?.isOver !== false;
    const held = isNeeded || isLeft ? await means.heldStates(isNeeded) : undefined;
    try {
      return await evaluateBatches(loader, { options, step, means, prefix: "", name: "loader" });
    } finally {
      if (held !== undefined) means.restoreMetrics(held);
    }
  }

  /** The model's output for inputs, or for all batches of a loader, one behind the other; evaluation mode, no gradients. */
  async predict(inputs: Tensor | Batches<B | Tensor>): Promise<Tensor> {
    this.#refuseBeside("predict");
    const { step } = this.#inside;
    const modes = new ModuleModes(this.model, false);
    const output = (batch: B | Tensor): Promise<Tensor> =>
      step.onDevice(() => noGrad(() => step.predict(batch))).realize();
    try {
      if (inputs instanceof Tensor) return await output(inputs);
      checkBatches("predict", "the input", inputs);
      const turns = new Turns();
      const outputs: Tensor[] = [];
      for await (const batch of inputs as AsyncIterable<B | Tensor>) {
        outputs.push(await output(batch));
        if (turns.isDue) await turns.take();
      }
      if (outputs.length === 0) throw noBatches("predict", "loader");
      return outputs.length === 1 ? (outputs[0] as Tensor) : cat(outputs);
    } finally {
      modes.restore();
    }
  }

  /** Ends `fit` after the update that is being made. What is said is in the history as `stopped`. */
  stop(reason = "stop() was called"): void {
    this.#run?.end({ stopped: reason });
  }

  /** Ends `fit` after the update that is being made, saves a checkpoint where there is a store, and says `interrupted`. */
  interrupt(): void {
    this.#run?.end({ interrupted: true });
  }

  /**
   * All that decides how the training goes on, as it is now: `save(await trainer.state())` gives bytes. Where `fit` runs,
   * also in the middle of an epoch.
   *
   * @throws between the last batch of an epoch and its end, where there is no place to go back to; also behind a `fit` that
   * failed there, or in the middle of an accumulation.
   */
  async state(): Promise<TrainerState> {
    const { options, callbacks, means, progress, records } = this.#inside;
    const { model, optimizer, schedule, average } = options;
    const left = this.#run === undefined ? this.#inside.left : this.#run.place();
    if (left === undefined) {
      throw new TwopassError({
        op: "Trainer.state",
        problem: "fit has failed between two places that can be gone back to",
        hint: "restore the last checkpoint",
      });
    }
    const persistent = model.stateDict();
    const buffers = model.namedBuffers().filter(([path]) => !Object.hasOwn(persistent, path));
    const gradients = model
      .namedParameters()
      .flatMap(([path, { grad }]) => (progress.waiting > 0 && grad !== null ? [[path, grad] as const] : []));
    const isIn = progress.batch > 0;
    // Everything is read before the first wait.
    return copyState<TrainerState>({
      version: 1,
      progress: { ...progress, examples: means.examples },
      model: persistent,
      buffers: Object.fromEntries(buffers),
      gradients: Object.fromEntries(gradients),
      optimizer: optimizer.stateDict(),
      schedule: schedule?.stateDict() ?? null,
      average: isStateful(average) ? average.stateDict() : null,
      metrics: isIn ? means.liveStates() : {},
      callbacks: callbacks.map((callback) => (isStateful(callback) ? callback.stateDict() : null)),
      ...left,
      lossSum: means.sum,
      seed: currentSeed(),
      streams: streamStates(),
      epochs: records,
    });
  }

  /**
   * Goes to a state that `state()` gave, of this trainer or of one that was made in the same way. The next `fit` goes on
   * from there, to the bit: give it the same loader and options.
   *
   * @throws where the state is of another model or optimiser; nothing is changed then.
   */
  async restore(state: TrainerState): Promise<void> {
    this.#refuse("restore");
    await this.#restore(state);
  }

  async #restore(state: TrainerState): Promise<void> {
    checkState(state);
    await restoreAll(this.#inside, state);
    seedAll(state.seed);
    restoreStreams(state.streams);
    this.#inside.isRestored = true;
  }

  /** Beside a running `fit` a model would be in the wrong mode; its callbacks come between two steps. */
  #refuseBeside(op: string): void {
    if (this.#run?.isCalling !== true) this.#refuse(op);
  }

  #refuse(op: string): void {
    if (this.#run === undefined || this.#run.isOver) return;
    throw new TwopassError({ op, problem: "this trainer is training", hint: "await fit first, or call stop()" });
  }

  /** An unseeded run can be repeated by the seed that it says. */
  #saySeed(): void {
    if (isSeeded() || saidSeed) return;
    saidSeed = true;
    console.log(`seed ${currentSeed()}: manualSeed(${currentSeed()}) at the start repeats this run`);
  }
}
