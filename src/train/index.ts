/** `twopass/train`: the Trainer, its callbacks, metrics, loggers. Checkpoints in folders are in `twopass/train/node`. Floor: train. */
export type { Logger, Scalars } from "./loggers/logger.ts";
export { ConsoleLogger, type ConsoleLoggerOptions } from "./loggers/console-logger.ts";
export { type LogEntry, MemoryLogger } from "./loggers/memory-logger.ts";
export type { Metric } from "./metrics/metric.ts";
export { Accuracy, TopKAccuracy } from "./metrics/accuracy.ts";
export { ConfusionMatrix, type ConfusionOptions } from "./metrics/confusion-matrix.ts";
export type { DecisionOptions, LabelOptions } from "./metrics/decisions.ts";
export type { MetricState } from "./metrics/gathering-metric.ts";
export { Mean, type MeanOptions } from "./metrics/mean.ts";
export { Perplexity } from "./metrics/perplexity.ts";
export { metricByName, metricNames } from "./metrics/registry.ts";
export { MeanAbsoluteError, R2Score, RootMeanSquaredError } from "./metrics/regression.ts";
export { type Average, F1, Precision, Recall, type Score, type ScoreOptions } from "./metrics/scores.ts";
export { type NonFinitePlace, NonFiniteError } from "../tensor/finite.ts";
export type { NonFiniteOrigin } from "../tensor/non-finite.ts";
export type { Batches } from "./trainer/batches.ts";
export type {
  BatchEvent,
  BatchStartEvent,
  Callback,
  EpochEvent,
  ExceptionEvent,
  FitEndEvent,
  FitOutcome,
  FitStartEvent,
  LogEvent,
  StartEvent,
  StepParts,
  StepWriter,
  Training,
  ValidationBatchEvent,
} from "./callbacks/callback.ts";
export type { CheckpointOptions, CheckpointStore } from "./trainer/checkpoint.ts";
export { EarlyStopping, type EarlyStoppingOptions, type EarlyStoppingState } from "./callbacks/early-stopping.ts";
export type { FitOptions } from "./trainer/fit-run.ts";
export type { EpochRecord, History } from "./trainer/history.ts";
export type { MonitorMode } from "./callbacks/monitor.ts";
export { Trainer } from "./trainer/trainer.ts";
export type {
  PairBatch,
  StepResult,
  TrainerLoss,
  TrainerOptimizer,
  TrainerOptions,
  TrainerSchedule,
} from "./trainer/trainer-options.ts";
export type { TrainerProgress, TrainerState } from "./trainer/trainer-state.ts";
