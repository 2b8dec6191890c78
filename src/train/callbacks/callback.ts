/**
 * What a callback is: functions that a trainer calls at certain moments, and what they get to see. Floor: train.
 * The trainer calls them in the order in which they were given and awaits each one.
 */
import type { Module } from "../../nn/module/module.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Scalars } from "../loggers/logger.ts";

/** What callbacks see of the trainer that calls them. */
export interface Training {
  readonly model: Module;
  /** The epoch that runs, from 1; 0 before the first. */
  readonly epoch: number;
  /** The epochs that this `fit` goes up to. */
  readonly epochs: number;
  /** Updates made so far, over all calls of `fit`. */
  readonly step: number;
  /** Batches in an epoch; undefined where the loader does not know. */
  readonly batches: number | undefined;
  /** Ends `fit` after the step that is being made. */
  stop(reason?: string): void;
}

/** A batch of the training data has been used. */
export interface BatchEvent {
  readonly trainer: Training;
  readonly epoch: number;
  /** Its number in the epoch, from 1. */
  readonly batch: number;
  /** Its examples. */
  readonly size: number;
  /** The loss of this batch, 0-d and without a gradient. Reading it at each step makes a device wait. */
  readonly loss: Tensor;
  /** Means of the epoch so far: "train/loss" and the metrics, and "lr". This reads. */
  scalars(): Promise<Scalars>;
}

/** A batch of the validation data has been used. */
export interface ValidationBatchEvent {
  readonly trainer: Training;
  readonly batch: number;
  readonly size: number;
  /** Batches of the validation loader; undefined where it does not know. */
  readonly batches: number | undefined;
}

/** An epoch, or its validation, is over. */
export interface EpochEvent {
  readonly trainer: Training;
  readonly epoch: number;
  /** Of the epoch: "epoch", "train/loss", "lr", "seconds", the metrics, and with a validation "val/loss" and so on. */
  readonly scalars: Scalars;
}

/** Something begins. */
export interface StartEvent {
  readonly trainer: Training;
}

/** The two parts of the step of a batch. Both only write the graph, but an update runs it. */
export interface StepParts {
  /** Writes the forward pass. Gives the loss to differentiate: with `accumulate` its share of the update. */
  readonly forward: () => Tensor;
  /** Limits the gradients and makes the update, where this batch is the last one for it. */
  readonly update: () => void;
}

/**
 * Writes the step of a batch in place of the trainer, to look into it: `forward()`, then gradients as `backward()` of the
 * loss leaves them, then `update()`. Synchronous.
 */
export type StepWriter = (parts: StepParts) => void;

/** A batch of the training data is about to be used. */
export interface BatchStartEvent extends StartEvent {
  /** The batch, as the loader gave it. */
  readonly data: unknown;
  /** Whether an update follows at once; with `accumulate` it does behind the last of some batches. */
  readonly isLast: boolean;
  /** Lets `writer` write the step of this batch. @throws where another callback does. */
  readonly writeWith: (writer: StepWriter) => void;
}

/** Numbers go to the loggers. */
export interface LogEvent {
  readonly trainer: Training;
  readonly step: number;
  readonly scalars: Scalars;
}

/** `fit` begins. */
export interface FitStartEvent extends StartEvent {
  /** Whether it goes on where a state stood. */
  readonly isResumed: boolean;
}

/** How `fit` ended. */
export type FitOutcome = "finished" | "stopped" | "interrupted" | "failed";

export interface FitEndEvent {
  readonly trainer: Training;
  readonly outcome: FitOutcome;
}

/** `fit` fails. */
export interface ExceptionEvent {
  readonly trainer: Training;
  readonly error: unknown;
}

/** Functions for some moments of a training; each may be async. A plain object will do. */
export interface Callback {
  onFitStart?(event: FitStartEvent): void | Promise<void>;
  /** Also where `fit` fails. */
  onFitEnd?(event: FitEndEvent): void | Promise<void>;
  onEpochStart?(event: StartEvent): void | Promise<void>;
  onEpochEnd?(event: EpochEvent): void | Promise<void>;
  onBatchStart?(event: BatchStartEvent): void | Promise<void>;
  onBatchEnd?(event: BatchEvent): void | Promise<void>;
  onValidationStart?(event: StartEvent): void | Promise<void>;
  onValidationBatchEnd?(event: ValidationBatchEvent): void | Promise<void>;
  /** Before `onEpochEnd`, where there is a validation. */
  onValidationEnd?(event: EpochEvent): void | Promise<void>;
  /** Behind the loggers, also where there are none. */
  onLog?(event: LogEvent): void | Promise<void>;
  onException?(event: ExceptionEvent): void | Promise<void>;
  /** The names in `EpochEvent.scalars` that it reads: checked before the training begins. */
  readonly monitors?: readonly string[];
  /** What a checkpoint keeps of it. */
  stateDict?(): object;
  loadStateDict?(state: never): void;
}

/** The moments at which a callback may be called. */
export const moments = [
  "onFitStart",
  "onFitEnd",
  "onEpochStart",
  "onEpochEnd",
  "onBatchStart",
  "onBatchEnd",
  "onValidationStart",
  "onValidationBatchEnd",
  "onValidationEnd",
  "onLog",
  "onException",
] as const satisfies readonly (keyof Callback)[];
