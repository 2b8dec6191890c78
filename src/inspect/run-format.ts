/** What a run is: a training over many steps as plain data, and who takes it while it grows. Floor: inspect. */
import type { Dtype } from "../base/dtype.ts";
import type { Scalars } from "../train/loggers/logger.ts";
import type { Trace, TraceModule, TraceOperation, TraceStatistics } from "./trace-format.ts";

/** What the file that describes a run begins with. */
export const runFormat = "twopass-run";
/** Raised where a reader of the one before would understand something wrong. */
export const runVersion = 1;

/** What holds for a whole run. */
export interface RunInfo {
  readonly format: typeof runFormat;
  readonly version: typeof runVersion;
  /** When it began, ISO 8601. */
  readonly date: string;
  readonly device: string;
  /** Class of the model. */
  readonly model: string;
  /** Class of the optimiser. */
  readonly optimizer: string;
  /** The model itself under "", then all below it. */
  readonly modules: readonly Omit<TraceModule, "calls">[];
  readonly parameters: readonly {
    readonly path: string;
    readonly shape: readonly number[];
    readonly dtype: Dtype;
  }[];
  readonly settings: RunSettings;
}

export interface RunSettings {
  /** That of the program's random numbers. */
  readonly seed: number;
  /** As `watch` was told. */
  readonly every: number;
  readonly traceEvery: number;
  readonly activations: readonly string[];
  /** Of each parameter group when the run began. */
  readonly groups: readonly TraceOperation["settings"][];
}

/** How the elements of a tensor are distributed. */
export interface RunStatistics extends TraceStatistics {
  /** √(Σ x² / n), of the finite elements. */
  readonly rms: number;
}

/** One parameter at one step. */
export interface RunParameter {
  /** Behind the update. */
  readonly weight: RunStatistics;
  /** As the backward pass left it, before it was limited; absent where it has none, which is not a gradient of 0. */
  readonly gradient?: RunStatistics;
  /** What the update added. */
  readonly change?: RunStatistics;
  /** |change| / |weight|. */
  readonly ratio?: number;
}

/** One recorded step. */
export interface RunRecord {
  /** The number of the update that it made, from 1. */
  readonly step: number;
  readonly epoch: number;
  /** The number of its batch in the epoch, from 1; with `accumulate` the last of its batches. */
  readonly batch: number;
  /** The loss of that batch. */
  readonly loss: number;
  /** The rate of the update, of the first group. */
  readonly lr: number;
  /** Norm of all gradients together. */
  readonly gradient: number;
  /** Norm of the gradients of the own parameters of each layer, by its path. */
  readonly layers: Readonly<Record<string, number>>;
  /** By path. */
  readonly parameters: Readonly<Record<string, RunParameter>>;
  /** Of the results of chosen modules, by path; further results and calls are "path (2)", "path (3)". */
  readonly activations: Readonly<Record<string, RunStatistics>>;
}

/** Pairs of step and number, in the order of the steps. */
export type RunCurve = readonly (readonly [step: number, value: number])[];

/** A run that was recorded. */
export interface Run {
  readonly info: RunInfo;
  /** By name: what loggers get, and of each recorded step "batch/loss", "lr" and "gradient/norm". */
  readonly scalars: Readonly<Record<string, RunCurve>>;
  /** In the order of their steps. */
  readonly records: readonly RunRecord[];
  /** The steps of which there is a trace. */
  readonly traces: readonly number[];
  /** What could not be read, and was left out. */
  readonly problems: readonly string[];
}

/** Takes a run while it grows. The trainer awaits each call, so a failure is that of `fit`. */
export interface RunSink {
  /** A `fit` begins behind `step` updates. What the sink has of later ones belongs to a past that is given up: it is dropped. */
  begin(info: RunInfo, step: number): void | Promise<void>;
  writeScalars(step: number, scalars: Scalars): void | Promise<void>;
  writeRecord(record: RunRecord): void | Promise<void>;
  writeTrace(step: number, trace: Trace): void | Promise<void>;
  /** The `fit` is over, or has failed. */
  end(): void | Promise<void>;
}
