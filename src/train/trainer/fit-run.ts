/** One call of `fit`: epochs, batches, and what happens between them. Floor: train. */
import { TwopassError, checkOptions, describe } from "../../base/errors.ts";
import { CyclicLR, OneCycleLR } from "../../optim/cyclic-schedule.ts";
import { ReduceLROnPlateau } from "../../optim/plateau-schedule.ts";
import { hostEffect } from "../../tensor/capture.ts";
import type { BatchResult } from "./batch-step.ts";
import { type Batches, checkBatches, countBatches, goTo, noBatches, placeOf } from "./batches.ts";
import type { Callback, FitOutcome, StepWriter, Training } from "../callbacks/callback.ts";
import { type CheckpointOptions, type CheckpointStore, checkCheckpoint } from "./checkpoint.ts";
import { evaluateBatches } from "./evaluate.ts";
import type { EpochRecord, History } from "./history.ts";
import type { Scalars } from "../loggers/logger.ts";
import { ModuleModes } from "./module-modes.ts";
import { checkMonitor, monitored } from "../callbacks/monitor.ts";
import type { TrainerInside } from "./trainer.ts";
import type { TrainerState } from "./trainer-state.ts";
import { Turns } from "./turns.ts";

export interface FitOptions<B> {
  /** Epochs to train; of a run that is resumed with those before. Default 1. */
  readonly epochs?: number;
  /** Evaluated after each epoch: "val/loss" and the metrics. */
  readonly validation?: Batches<B>;
  /** Where and how often the state is saved. */
  readonly checkpoint?: CheckpointOptions;
  /** Goes on from the newest state that it has; where it has none, from the start. */
  readonly resume?: CheckpointStore;
}

export function checkFit<B>(loader: Batches<B>, options: FitOptions<B>): void {
  checkOptions("fit", options, ["epochs", "validation", "checkpoint", "resume"]);
  checkBatches("fit", "the loader", loader);
  if (options.validation !== undefined) checkBatches("fit", "validation", options.validation);
  const { epochs = 1, checkpoint, resume } = options;
  if (!Number.isInteger(epochs) || epochs < 0) {
    throw new TwopassError({
      op: "fit",
      problem: "epochs must be a whole number from 0",
      facts: `got ${describe(epochs)}`,
    });
  }
  if (checkpoint !== undefined) checkCheckpoint(checkpoint);
  if (resume !== undefined && typeof resume?.load !== "function") {
    throw new TwopassError({
      op: "fit",
      problem: "resume takes a store with load",
      facts: `got ${describe(resume)}`,
      hint: "the Trainer of twopass/train/node takes a folder; for a state call restore(state) before fit",
    });
  }
}

/** What a run needs of its trainer. */
interface Owner extends Training {
  state(): Promise<TrainerState>;
}

export class FitRun<B> {
  epoch: number;
  epochs = 0;
  readonly batches: number | undefined;
  /** Whether batches of an epoch were counted that is not over. */
  isInEpoch = false;
  /** Whether its loop has been left: loaders do not say any more where it stood. */
  isOver = false;
  /** Whether callbacks or loggers are being called, which may use the trainer. */
  isCalling = false;
  readonly #owner: Owner;
  readonly #inside: TrainerInside<B>;
  readonly #loader: Batches<B>;
  readonly #o: FitOptions<B>;
  #ending: { readonly interrupted?: boolean; readonly stopped?: string } | undefined;
  /** Whether loader and epoch do not belong together: the loader is at its end, the epoch is not. */
  #isBetween = false;
  #savedStep = 0;

  constructor(owner: Owner, inside: TrainerInside<B>, loader: Batches<B>, options: FitOptions<B>) {
    this.#owner = owner;
    this.#inside = inside;
    this.#loader = loader;
    this.#o = options;
    this.epoch = inside.progress.epoch;
    this.batches = countBatches(loader);
  }

  end(ending: { readonly interrupted?: boolean; readonly stopped?: string }): void {
    this.#ending ??= ending;
  }

  /** Where loader and validation loader stand; undefined where there is no place to go on from. */
  place(): TrainerInside<B>["left"] {
    if (this.isOver) return this.#inside.left;
    if (!this.#isBetween) return { loader: placeOf(this.#loader), validation: placeOf(this.#o.validation) };
    throw new TwopassError({
      op: "Trainer.state",
      problem: "there is no state between the last batch of an epoch and its end",
      hint: "call it in onEpochEnd",
    });
  }

  async train(): Promise<History> {
    const { progress, records } = this.#inside;
    const isResumed = this.#begin();
    this.epochs = progress.start + (this.#o.epochs ?? 1);
    const first = isResumed ? 0 : records.length;
    const { model } = this.#inside.options;
    const modes = new ModuleModes(model, model.training);
    if (!model.training) model.train();
    let isRest = isResumed && progress.batch > 0;
    try {
      try {
        this.#checkNames();
        await this.#call("onFitStart", { trainer: this.#owner, isResumed });
        while (progress.epoch < this.epochs && this.#ending === undefined) {
          await this.#epoch(isRest);
          isRest = false;
        }
      } finally {
        this.isOver = true;
        this.isInEpoch = false;
        modes.restore();
      }
    } catch (error) {
      // The gradients of some batches, or the sums of an epoch, are gone.
      if (this.#isBetween || progress.waiting > 0) this.#inside.left = undefined;
      await alsoFailing(() => this.#call("onException", { trainer: this.#owner, error }));
      await alsoFailing(() => this.#finish("failed"));
      throw error;
    }
    await this.#finish(this.#outcome());
    const { interrupted = false, stopped } = this.#ending ?? {};
    return { epochs: records.slice(first), steps: progress.step, interrupted, stopped };
  }

  async #finish(outcome: FitOutcome): Promise<void> {
    await this.#call("onFitEnd", { trainer: this.#owner, outcome });
    for (const logger of this.#inside.options.loggers ?? []) await logger.flush?.();
  }

  #outcome(): FitOutcome {
    if (this.#ending === undefined) return "finished";
    return this.#ending.interrupted === true ? "interrupted" : "stopped";
  }

  /** Goes to where a state stood, or begins anew behind the last epoch. Says whether it was a state. */
  #begin(): boolean {
    const { progress, left, isRestored, step } = this.#inside;
    this.#savedStep = progress.step;
    if (isRestored) {
      this.#checkLoader();
      this.#inside.isRestored = false;
      progress.batches = this.batches ?? 0;
      this.#isPlaced = goTo(this.#loader, left?.loader ?? null);
      goTo(this.#o.validation, left?.validation ?? null);
      return true;
    }
    step.forget();
    const batches = this.batches ?? 0;
    Object.assign(progress, { batch: 0, batches, examples: 0, waiting: 0, start: progress.epoch });
    this.#inside.left = this.place();
    return false;
  }

  /** In the middle of an epoch another loader would give other batches than those that are left. */
  #checkLoader(): void {
    const { batch, batches } = this.#inside.progress;
    if (batch === 0 || !(batches > 0) || this.batches === undefined || this.batches === batches) return;
    throw new TwopassError({
      op: "fit",
      problem: "the loader is not the one of the state",
      facts: `${this.batches} batches in an epoch, the state stands at batch ${batch} of ${batches}`,
      hint: "give the same data in batches of the same size",
    });
  }

  /** Whether the loader itself leaves out what was used of the epoch. */
  #isPlaced = false;

  #checkNames(): void {
    const { schedule, monitor } = this.#inside.options;
    const known = this.#names();
    for (const callback of this.#inside.callbacks) {
      for (const name of callback.monitors ?? []) checkMonitor(callback.constructor.name, name, known);
    }
    if (monitor !== undefined || schedule instanceof ReduceLROnPlateau) checkMonitor("fit", this.#monitor, known);
  }

  #names(): string[] {
    const { means } = this.#inside;
    const validation = this.#o.validation === undefined ? [] : means.names("val");
    return [...means.names("train"), ...validation, "lr", "seconds", "epoch"];
  }

  get #monitor(): string {
    return this.#inside.options.monitor ?? (this.#o.validation === undefined ? "train/loss" : "val/loss");
  }

  /** An epoch, or the rest of one. */
  async #epoch(isRest: boolean): Promise<void> {
    const { means, progress } = this.#inside;
    const turns = new Turns();
    const start = performance.now();
    this.epoch = progress.epoch + 1;
    if (!isRest) {
      means.reset();
      Object.assign(progress, { batch: 0, examples: 0, waiting: 0 });
    }
    this.isInEpoch = true;
    let skip = isRest && !this.#isPlaced ? progress.batch : 0;
    await this.#call("onEpochStart", { trainer: this.#owner });
    for await (const batch of this.#loader as AsyncIterable<B>) {
      if (skip > 0) {
        skip--;
        continue;
      }
      const writer = this.#calls("onBatchStart") ? await this.#startBatch(batch) : undefined;
      const place = { epoch: this.epoch, batch: progress.batch + 1, step: progress.step };
      const result = this.#train(batch, place, writer);
      // At once: a loop that fails has left its place when the failure is seen.
      this.#inside.left = this.place();
      if (this.#calls("onBatchEnd")) await this.#endBatch(result);
      if (progress.waiting === 0) await this.#afterUpdate(result);
      if (this.#ending !== undefined && progress.waiting === 0) {
        if (this.#ending.interrupted === true) await this.#save();
        return;
      }
      if (turns.isDue) await turns.take();
    }
    if (progress.batch === 0) throw noBatches("fit", "loader");
    this.#isBetween = true;
    if (progress.waiting > 0) this.#update({ epoch: this.epoch, batch: progress.batch, step: progress.step });
    await this.#endEpoch(await means.scalars("train"), progress.rate, start);
  }

  /** Gives what writes the step, where a callback wants to. */
  async #startBatch(data: B): Promise<StepWriter | undefined> {
    let writer: StepWriter | undefined;
    const writeWith = (given: StepWriter): void => {
      if (writer !== undefined) throw new TwopassError({ op: "Trainer", problem: "two callbacks write the same step" });
      writer = given;
    };
    await this.#call("onBatchStart", { trainer: this.#owner, data, isLast: this.#isLast, writeWith });
    return writer;
  }

  /** Whether the next batch is the last one for its update. */
  get #isLast(): boolean {
    const { options, progress } = this.#inside;
    return progress.waiting + 1 >= (options.accumulate ?? 1);
  }

  #train(batch: B, place: { epoch: number; batch: number; step: number }, writer: StepWriter | undefined): BatchResult {
    const { step, means, progress } = this.#inside;
    let counted = 0;
    const count = (result: BatchResult): void => {
      means.add(result);
      counted = result.size;
    };
    const end = (): void => {
      if (this.#isLast) this.#update(place);
      else progress.waiting++;
    };
    try {
      let result: BatchResult;
      if (writer === undefined) {
        result = step.accumulate(batch, place, count);
        end();
      } else result = step.write(batch, place, count, writer, end);
      progress.batch++;
      return result;
    } catch (error) {
      if (counted > 0) means.takeBack(counted);
      throw error;
    }
  }

  #update(place: { epoch: number; batch: number; step: number }): void {
    const { step, progress } = this.#inside;
    // Taken back where the update fails, on a device in another thread also later.
    hostEffect(() => {
      progress.step++;
      return () => {
        progress.step--;
      };
    }, true);
    step.update(place);
    progress.rate = this.#rate;
    progress.waiting = 0;
    if (this.#scheduleEvery === "step") this.#stepSchedule({});
  }

  get #scheduleEvery(): "step" | "epoch" {
    const { schedule, scheduleEvery } = this.#inside.options;
    const isCycle = schedule instanceof OneCycleLR || schedule instanceof CyclicLR;
    return scheduleEvery ?? (isCycle ? "step" : "epoch");
  }

  #stepSchedule(scalars: Scalars): void {
    const { schedule } = this.#inside.options;
    if (schedule instanceof ReduceLROnPlateau) schedule.step(monitored("fit", this.#monitor, scalars));
    else schedule?.step();
  }

  async #endBatch({ loss, size }: BatchResult): Promise<void> {
    const { means, progress } = this.#inside;
    const scalars = async (): Promise<Scalars> => ({ ...(await means.scalars("train")), lr: this.#rate });
    const event = {
      trainer: this.#owner,
      epoch: this.epoch,
      batch: progress.batch,
      size,
      loss: loss.detach(),
      scalars,
    };
    await this.#call("onBatchEnd", event);
  }

  async #afterUpdate({ loss }: BatchResult): Promise<void> {
    const { step } = this.#inside.progress;
    const { logEvery = 0, loggers = [] } = this.#inside.options;
    const isHeard = loggers.length > 0 || this.#calls("onLog");
    if (logEvery > 0 && step % logEvery === 0 && isHeard) {
      await this.#log({ "batch/loss": await loss.item(), lr: this.#rate });
    }
    const every = this.#o.checkpoint?.everySteps;
    if (every !== undefined && step - this.#savedStep >= every) await this.#save();
  }

  get #rate(): number {
    return this.#inside.options.optimizer.paramGroups[0]?.lr ?? 0;
  }

  async #endEpoch(train: Scalars, lr: number, start: number): Promise<void> {
    const { options, step, means, progress, records } = this.#inside;
    const { validation } = this.#o;
    this.isInEpoch = false;
    const { epoch } = this;
    const trainer = this.#owner;
    let scalars: EpochRecord = { epoch, ...train, lr };
    if (validation !== undefined) {
      await this.#call("onValidationStart", { trainer });
      const batches = countBatches(validation);
      const onBatch = (batch: number, size: number): Promise<void> =>
        this.#call("onValidationBatchEnd", { trainer, batch, size, batches });
      const found = { options, step, means, prefix: "val", name: "validation loader", onBatch };
      scalars = { ...scalars, ...(await evaluateBatches(validation, found)) };
      await this.#call("onValidationEnd", { trainer, epoch, scalars });
    }
    scalars = { ...scalars, seconds: (performance.now() - start) / 1000 };
    if (this.#scheduleEvery === "epoch") this.#stepSchedule(scalars);
    records.push(scalars);
    Object.assign(progress, { epoch, batch: 0, examples: 0, waiting: 0 });
    this.#isBetween = false;
    this.#inside.left = this.place();
    await this.#call("onEpochEnd", { trainer, epoch, scalars });
    await this.#log(scalars);
    this.#inside.left = this.place();
    if (this.#isSaveDue(epoch)) await this.#save();
  }

  #isSaveDue(epoch: number): boolean {
    const { checkpoint } = this.#o;
    if (checkpoint === undefined) return false;
    const { everySteps, everyEpochs = everySteps === undefined ? 1 : undefined } = checkpoint;
    const { step } = this.#inside.progress;
    if (epoch === this.epochs || this.#ending !== undefined) return true;
    if (everySteps !== undefined && step - this.#savedStep >= everySteps) return true;
    return everyEpochs !== undefined && epoch % everyEpochs === 0;
  }

  async #save(): Promise<void> {
    const store = this.#o.checkpoint?.store;
    if (store === undefined) return;
    this.#inside.left = this.place();
    await store.save(await this.#owner.state());
    this.#savedStep = this.#inside.progress.step;
  }

  async #log(scalars: Scalars): Promise<void> {
    const { step } = this.#inside.progress;
    for (const logger of this.#inside.options.loggers ?? []) await logger.log(step, scalars);
    await this.#call("onLog", { trainer: this.#owner, step, scalars });
  }

  #calls(moment: Moment): boolean {
    return this.#inside.callbacks.some((callback) => callback[moment] !== undefined);
  }

  /** Calls a function of all callbacks that have it, one after the other. */
  async #call<M extends Moment>(moment: M, event: EventOf<M>): Promise<void> {
    this.isCalling = true;
    try {
      for (const callback of this.#inside.callbacks) {
        const found = callback[moment] as ((event: EventOf<M>) => void | Promise<void>) | undefined;
        if (found !== undefined) await found.call(callback, event);
      }
    } finally {
      this.isCalling = false;
    }
  }
}

/** What goes wrong while `fit` fails is told, and does not hide why it fails. */
async function alsoFailing(body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    console.warn("twopass: while fit was failing, this failed too:", error);
  }
}

type Moment = Extract<keyof Callback, `on${string}`>;
type EventOf<M extends Moment> = Parameters<NonNullable<Callback[M]>>[0];
