/** What a trainer is made of, and the checks of it. Floor: train. */
import { TwopassError, checkOptions, describe } from "../../base/errors.ts";
import { Module } from "../../nn/module/module.ts";
import type { RatedGroup } from "../../optim/schedule.ts";
import type { DeviceName } from "../../tensor/engines.ts";
import type { StoredTensor } from "../../tensor/stored.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type Callback, moments } from "../callbacks/callback.ts";
import type { Logger } from "../loggers/logger.ts";
import type { Metric } from "../metrics/metric.ts";
import { type Stateful, isStateful } from "./trainer-state.ts";

/** A batch unless `forward` or `step` says otherwise: inputs and targets. */
export type PairBatch = readonly [Tensor, Tensor];

/** What a trainer needs of an optimiser. */
export interface TrainerOptimizer extends Stateful {
  readonly paramGroups: readonly (RatedGroup & { readonly params: readonly StoredTensor[] })[];
  zeroGrad(): void;
  step(): void;
}

/** What a trainer needs of a schedule; `ReduceLROnPlateau` takes the monitored number. */
export interface TrainerSchedule extends Stateful {
  step(metric?: number): void;
  getLastLr(): number[];
}

/** A loss as a layer, or as a function. */
export type TrainerLoss =
  | ((output: Tensor, target: Tensor) => Tensor)
  | { forward(output: Tensor, target: Tensor): Tensor };

/** What `step` may return instead of the loss alone. */
export interface StepResult {
  /** 0-d. */
  readonly loss: Tensor;
  /** What metrics get; without them they count nothing. */
  readonly output?: Tensor;
  readonly target?: Tensor;
  /** Examples in the batch; default: the first extent of the output, or of the first tensor of the batch. */
  readonly size?: number;
}

export interface TrainerOptions<B = PairBatch> {
  readonly model: Module;
  readonly optimizer: TrainerOptimizer;
  /** Takes output and target; not needed where `step` computes it. */
  readonly loss?: TrainerLoss;
  /** Counted over each epoch; in a record under names of one's own. */
  readonly metrics?: readonly Metric<unknown>[] | Readonly<Record<string, Metric<unknown>>>;
  /** The output for a batch, for models of several inputs: `forward: ([a, b]) => model.forward(a, b)`. The target is the last of the batch. */
  readonly forward?: (batch: B) => Tensor;
  /** The loss of a batch, for everything else. Used by `evaluate` too: `model.training` says which it is. */
  readonly step?: (batch: B) => Tensor | StepResult;
  /** Stepped by the trainer, see `scheduleEvery`. */
  readonly schedule?: TrainerSchedule;
  /** When the schedule is stepped; default "step" for OneCycleLR and CyclicLR, else "epoch". */
  readonly scheduleEvery?: "step" | "epoch";
  /** What ReduceLROnPlateau gets; default "val/loss" where there is a validation, else "train/loss". */
  readonly monitor?: string;
  /** Called in this order, see `Callback`. */
  readonly callbacks?: readonly Callback[];
  readonly loggers?: readonly Logger[];
  /** Steps between two entries "batch/loss" and "lr" of the loggers; default 0: epochs only. Each reads the loss. */
  readonly logEvery?: number;
  /** Most norm of all gradients together, see `clipGradNorm`. */
  readonly clipGradNorm?: number;
  /** Most magnitude of an element of a gradient, see `clipGradValue`. */
  readonly clipGradValue?: number;
  /** Batches for one update, whose losses are divided by their number; default 1. The last ones of an epoch make one too. */
  readonly accumulate?: number;
  /** A mean of the weights that is updated after each step, such as an `ExponentialMovingAverage`. */
  readonly average?: Partial<Stateful> & { update(): void };
  /** Where the model is moved to and the work is done; default: where it is. */
  readonly device?: DeviceName;
  /** Whether a step with NaN or an infinity stops the training before anything is written; default true. */
  readonly checkFinite?: boolean;
}

const keys: readonly (keyof TrainerOptions)[] = [
  "model",
  "optimizer",
  "loss",
  "metrics",
  "forward",
  "step",
  "schedule",
  "scheduleEvery",
  "monitor",
  "callbacks",
  "loggers",
  "logEvery",
  "clipGradNorm",
  "clipGradValue",
  "accumulate",
  "average",
  "device",
  "checkFinite",
];

const op = "Trainer";

/** Throws for options that cannot be meant. */
export function checkTrainer<B>(options: TrainerOptions<B>): void {
  checkOptions(op, options, keys);
  const { model, optimizer, loss, step } = options;
  if (!(model instanceof Module)) throw wrong("model", "a module", model);
  if (!isStateful(optimizer) || typeof optimizer.step !== "function" || !Array.isArray(optimizer.paramGroups)) {
    throw wrong("optimizer", "an optimiser", optimizer);
  }
  if (optimizer.step.length > 0) {
    throw new TwopassError({
      op,
      problem: "this optimiser takes a closure at each step",
      facts: describe(optimizer),
      hint: "write the loop by hand: await optimizer.step(() => { ... })",
    });
  }
  const trained = model.parameters().filter((parameter) => parameter.requiresGrad);
  const updated = new Set(optimizer.paramGroups.flatMap((group) => group.params));
  if (trained.length > 0 && !trained.some((parameter) => updated.has(parameter))) {
    throw new TwopassError({
      op,
      problem: "the optimizer has no parameter of the model",
      hint: "make it from the same model: new Adam(model.parameters())",
    });
  }
  if (loss === undefined ? step === undefined : typeof loss !== "function" && typeof loss?.forward !== "function") {
    throw wrong("loss", "a loss such as new nn.CrossEntropyLoss(), or a function (output, target) => loss", loss);
  }
  for (const key of ["forward", "step"] as const) {
    if (options[key] !== undefined && typeof options[key] !== "function") throw wrong(key, "a function", options[key]);
  }
  if (options.schedule !== undefined && !isStateful(options.schedule)) {
    throw wrong("schedule", "a learning rate schedule", options.schedule);
  }
  if (options.average !== undefined && typeof options.average?.update !== "function") {
    throw wrong("average", "an object with update()", options.average);
  }
  checkNumbers(options);
  options.callbacks?.forEach(checkCallback);
  for (const logger of options.loggers ?? []) {
    if (typeof logger?.log !== "function") throw wrong("loggers", "objects with log(step, scalars)", logger);
  }
}

function checkNumbers<B>(options: TrainerOptions<B>): void {
  const { scheduleEvery, accumulate = 1, logEvery = 0, clipGradNorm, clipGradValue } = options;
  if (scheduleEvery !== undefined && scheduleEvery !== "step" && scheduleEvery !== "epoch") {
    throw wrong("scheduleEvery", '"step" or "epoch"', scheduleEvery);
  }
  if (!Number.isInteger(accumulate) || accumulate < 1) throw wrong("accumulate", "a whole number from 1", accumulate);
  if (!Number.isInteger(logEvery) || logEvery < 0) throw wrong("logEvery", "a whole number from 0", logEvery);
  if (clipGradNorm !== undefined && !(clipGradNorm > 0)) throw wrong("clipGradNorm", "a number above 0", clipGradNorm);
  if (clipGradValue !== undefined && !(clipGradValue > 0)) {
    throw wrong("clipGradValue", "a number above 0", clipGradValue);
  }
}

/** A misspelt function of a plain object would never be called. */
export function checkCallback(callback: Callback): void {
  if (typeof callback !== "object" || callback === null) throw wrong("callbacks", "objects of functions", callback);
  if (Object.getPrototypeOf(callback) === Object.prototype) {
    checkOptions("callback", callback, [...moments, "monitors", "stateDict", "loadStateDict"]);
  }
}

function wrong(name: string, wanted: string, got: unknown): TwopassError {
  return new TwopassError({ op, problem: `${name} must be ${wanted}`, facts: `got ${describe(got)}` });
}

/** The metrics by the name under which they are logged. */
export function metricsByName(given: TrainerOptions["metrics"]): ReadonlyMap<string, Metric<unknown>> {
  const named = new Map<string, Metric<unknown>>();
  const list = Array.isArray(given)
    ? (given as readonly Metric<unknown>[]).map((metric) => [metric?.name, metric] as const)
    : Object.entries((given ?? {}) as Readonly<Record<string, Metric<unknown>>>);
  for (const [name, metric] of list) {
    if (typeof metric?.update !== "function" || typeof metric.compute !== "function") {
      throw new TwopassError({
        op,
        problem: "metrics must be metrics",
        facts: `got ${describe(metric)}`,
        hint: "new Accuracy(), or metricByName(name)",
      });
    }
    if (name === "loss" || named.has(name)) {
      throw new TwopassError({
        op,
        problem: `two metrics are named "${name}"`,
        hint: `give them names: { metrics: { ${name}1: ..., ${name}2: ... } }`,
      });
    }
    named.set(name, metric);
  }
  return named;
}
