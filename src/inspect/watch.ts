/** A training run, recorded while it goes on. Floor: inspect. */
import { TwopassError, checkOptions, describe } from "../base/errors.ts";
import { currentSeed } from "../base/random-stream.ts";
import type { Module } from "../nn/module/module.ts";
import { type TreeNode, modulesBelow } from "../nn/module/tree.ts";
import { currentEngine } from "../tensor/engines.ts";
import { inner } from "../tensor/inner.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { BatchEvent, BatchStartEvent, Callback, LogEvent } from "../train/callbacks/callback.ts";
import type { Scalars } from "../train/loggers/logger.ts";
import type { Trainer } from "../train/trainer/trainer.ts";
import { checkPatterns, matches, patternsOf } from "./capture.ts";
import { type RunInfo, type RunSink, runFormat, runVersion } from "./run-format.ts";
import { describeModule } from "./trace.ts";
import type { Trace } from "./trace-format.ts";
import { plainSettings } from "./update-record.ts";
import { StepCapture } from "./watch-step.ts";
import { traceOfStep } from "./watch-trace.ts";

export interface WatchOptions {
  /** Takes what is recorded. */
  readonly sink: RunSink;
  /** Updates between two records, default 50. The first update of a training is recorded too. */
  readonly every?: number;
  /** Updates between two traces, of the first update too; default 0: none. */
  readonly traceEvery?: number;
  /** Paths of modules, or patterns such as `encoder.*.attn`, of whose results statistics are recorded; default none. */
  readonly activations?: string | readonly string[];
}

const op = "watch";

/** Those that are watched: a step has one writer. */
const watchedTrainers = new WeakSet<object>();

/**
 * Records the runs of a trainer: the scalars that loggers get, and every 50 updates how weights, gradients, changes and the
 * results of chosen modules are distributed; whole traces where `traceEvery` says so. With the same seed the training has
 * the same bits as without. Steps that are not recorded cost nothing.
 *
 * What a step computes is reduced to statistics in its own run. A recorded step holds all weights twice.
 *
 * @param to where the records go, such as a `MemoryRun`, or options.
 * @returns what ends it; it is awaited where a `fit` is going on.
 * @throws for options that are wrong, for patterns that no module has, and for a trainer that is watched already.
 * @example
 * const trainer = new Trainer({ model, optimizer, loss: new nn.CrossEntropyLoss() });
 * const memory = new MemoryRun();
 * watch(trainer, { sink: memory, every: 3 });
 * await trainer.fit(loader, { epochs: 2 });
 * const { records, scalars } = memory.run;
 * records.map(({ step }) => step); // [1, 3, 6]
 * Object.keys(records[0].parameters); // ["weight", "bias"]
 * Object.keys(scalars); // ["batch/loss", "lr", "gradient/norm", "epoch", "train/loss", "seconds"]
 */
export function watch<B>(trainer: Trainer<B>, to: RunSink | WatchOptions): () => Promise<void> {
  if (typeof trainer?.add !== "function") throw wrong("takes a trainer", trainer);
  const settings = settingsFrom(to);
  checkPatterns(op, settings.activations, [...pathsOf(trainer.model, ["**"]).values()], isMeant);
  if (watchedTrainers.has(trainer)) {
    throw new TwopassError({
      op,
      problem: "this trainer is watched already",
      hint: "call what watch() returned first",
    });
  }
  const run = new RunWatch(trainer, settings);
  const remove = trainer.add(run);
  watchedTrainers.add(trainer);
  return async () => {
    remove();
    watchedTrainers.delete(trainer);
    await run.onFitEnd();
  };
}

interface Settings {
  readonly sink: RunSink;
  readonly every: number;
  readonly traceEvery: number;
  readonly activations: readonly string[];
}

function settingsFrom(to: RunSink | WatchOptions): Settings {
  if (typeof to !== "object" || to === null) throw wrong("takes a sink, such as new MemoryRun(), or options", to);
  const options = "writeRecord" in to ? { sink: to } : to;
  checkOptions(op, options, ["sink", "every", "traceEvery", "activations"]);
  const { sink, every = 50, traceEvery = 0, activations = [] } = options;
  if (typeof sink?.writeRecord !== "function" || typeof sink.begin !== "function") {
    throw wrong("the sink must be one, such as new MemoryRun()", sink);
  }
  if (!Number.isInteger(every) || every < 1) throw wrong("every must be a whole number from 1", every);
  if (!Number.isInteger(traceEvery) || traceEvery < 0) {
    throw wrong("traceEvery must be a whole number from 0", traceEvery);
  }
  return { sink, every, traceEvery, activations: patternsOf(op, "activations", activations) };
}

/** What there is of the step that is being made. */
interface Watched {
  readonly step: number;
  readonly capture: StepCapture | undefined;
  lr: number;
  trace: Promise<Trace> | undefined;
}

class RunWatch<B> implements Callback {
  /** There while a step is being recorded, so that others pay nothing for it. */
  onBatchEnd?: (event: BatchEvent) => Promise<void>;
  readonly #trainer: Trainer<B>;
  readonly #o: Settings;
  #isOpen = false;
  #paths: ReadonlyMap<TreeNode, string> = new Map();
  /** The steps that were recorded and traced last, or behind which the `fit` began. */
  #recorded = 0;
  #traced = 0;
  /** The scalars of the record. */
  #told: Scalars = {};

  constructor(trainer: Trainer<B>, settings: Settings) {
    this.#trainer = trainer;
    this.#o = settings;
  }

  async onFitStart(): Promise<void> {
    const { model, step } = this.#trainer;
    this.#recorded = this.#traced = step;
    this.#told = {};
    this.#paths = pathsOf(model, this.#o.activations);
    this.#isOpen = true;
    await this.#o.sink.begin(infoOf(this.#trainer, this.#o), step);
  }

  onBatchStart(event: BatchStartEvent): void | Promise<void> {
    // It was added in the middle of a `fit`.
    if (!this.#isOpen) return this.onFitStart().then(() => this.onBatchStart(event));
    if (!event.isLast) return;
    const { every, traceEvery } = this.#o;
    const step = this.#trainer.step + 1;
    const isTraced = traceEvery > 0 && isDue(traceEvery, this.#traced, step);
    const isRecorded = isDue(every, this.#recorded, step);
    if (!isTraced && !isRecorded) return;
    const capture = isRecorded ? new StepCapture(this.#trainer.model, this.#paths) : undefined;
    const watched: Watched = { step, capture, lr: 0, trace: undefined };
    event.writeWith((parts) => {
      const forward = (): Tensor =>
        capture === undefined ? parts.forward() : capture.watchCalls(() => parts.forward());
      const update = (): void => {
        capture?.note();
        watched.lr = this.#trainer.optimizer.paramGroups[0]?.lr ?? 0;
        parts.update();
      };
      if (isTraced) watched.trace = traceOfStep(this.#trainer, event.data, { forward, update });
      else {
        forward().backward();
        update();
      }
    });
    this.onBatchEnd = (end) => this.#endStep(watched, end);
  }

  async #endStep({ step, capture, lr, trace }: Watched, { epoch, batch, loss }: BatchEvent): Promise<void> {
    delete this.onBatchEnd;
    const { sink } = this.#o;
    if (capture !== undefined) {
      const record = { step, epoch, batch, loss: await loss.item(), lr, ...(await capture.read()) };
      this.#recorded = step;
      this.#told = { "batch/loss": record.loss, lr, "gradient/norm": record.gradient };
      await sink.writeScalars(step, this.#told);
      await sink.writeRecord(record);
    }
    if (trace !== undefined) {
      this.#traced = step;
      await sink.writeTrace(step, await trace);
    }
  }

  onLog({ step, scalars }: LogEvent): void | Promise<void> {
    if (!this.#isOpen) return;
    // What the record of the same step has told is not said twice.
    const told = step === this.#recorded ? this.#told : {};
    const rest = Object.entries(scalars).filter(([name]) => !Object.hasOwn(told, name));
    if (rest.length > 0) return this.#o.sink.writeScalars(step, Object.fromEntries(rest));
  }

  async onFitEnd(): Promise<void> {
    delete this.onBatchEnd;
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#o.sink.end();
  }
}

/** Whether a multiple of `every` lies between two steps. The first step of a training is always due. */
function isDue(every: number, last: number, step: number): boolean {
  return step === 1 || Math.floor(step / every) > Math.floor(last / every);
}

/** The modules that patterns mean, not those below them. */
function pathsOf(model: Module, patterns: readonly string[]): Map<TreeNode, string> {
  const found = new Map<TreeNode, string>();
  for (const { path, value } of modulesBelow(model)) {
    if (patterns.some((pattern) => isMeant(pattern, path))) found.set(value, path);
  }
  return found;
}

/** A name behind the last one keeps a pattern from meaning what is below. */
function isMeant(pattern: string, path: string): boolean {
  const ended = (text: string): string => (text === "" ? "$" : `${text}.$`);
  return matches(ended(pattern), ended(path));
}

function infoOf<B>({ model, optimizer }: Trainer<B>, { every, traceEvery, activations }: Settings): RunInfo {
  const parameters = model.namedParameters();
  return {
    format: runFormat,
    version: runVersion,
    date: new Date().toISOString(),
    device: (parameters[0]?.[1][inner].engine ?? currentEngine()).device.name,
    model: model.constructor.name,
    optimizer: optimizer.constructor.name,
    modules: modulesBelow(model).map(({ path, value }) => describeModule(path, value as Module)),
    parameters: parameters.map(([path, { shape, dtype }]) => ({ path, shape: [...shape], dtype })),
    settings: {
      seed: currentSeed(),
      every,
      traceEvery,
      activations,
      groups: optimizer.paramGroups.map(plainSettings),
    },
  };
}

function wrong(problem: string, got: unknown): TwopassError {
  return new TwopassError({ op, problem, facts: `got ${describe(got)}` });
}
