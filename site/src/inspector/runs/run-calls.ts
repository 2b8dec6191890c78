/** What the page asks the worker about runs. The worker reads and holds them; the page gets what it draws. */
import type { RunDifference, RunGradientDifference, RunStatistics, UnreadableRun } from "twopass/inspect";
import type { OpenedTrace } from "../calls.ts";

/** Where a run is: on the server that gave the page, or in files that were dropped. */
export type RunSource =
  | { readonly api: string; readonly path: string }
  | { readonly name: string; readonly files: readonly (readonly [name: string, file: Blob])[] };

/** A run in the list of a server. */
export interface RunRow {
  readonly path: string;
  readonly model: string;
  readonly optimizer: string;
  readonly device: string;
  readonly isRunning: boolean;
  /** Of the newest scalar. */
  readonly step: number | undefined;
  /** How many are done. */
  readonly epoch: number | undefined;
  /** The scalar that stands for the loss. */
  readonly lossName: string;
  readonly loss: number | undefined;
  /** Some points of it. */
  readonly curve: readonly (readonly [step: number, value: number])[];
}

export interface RunRows {
  /** Raised by each change. */
  readonly version: number;
  readonly isConnected: boolean;
  readonly folder: string;
  readonly runs: readonly RunRow[];
  readonly unreadable: readonly UnreadableRun[];
}

/** A run without its numbers. */
export interface RunOutline {
  /** Raised by each change; and by those of scalars and of records alone. */
  readonly version: number;
  readonly scalarVersion: number;
  readonly recordVersion: number;
  readonly model: string;
  readonly optimizer: string;
  readonly device: string;
  readonly date: string;
  /** Another one where traces of the same steps may have been made again. */
  readonly revision: string;
  /** Undefined for files, which do not tell. */
  readonly isRunning: boolean | undefined;
  /** Steps of which something is known, in their order; of very many some, with the first and the last. */
  readonly steps: readonly number[];
  readonly records: number;
  /** One of so many records is kept, where they are too many. */
  readonly keptEvery: number;
  readonly scalars: readonly string[];
  readonly parameters: readonly string[];
  readonly activations: readonly string[];
  readonly traces: readonly number[];
  /** What could not be read: some of it, and how many there are. */
  readonly problems: readonly string[];
  readonly problemCount: number;
  /** 0 to 1; undefined where all is read. */
  readonly readShare: number | undefined;
  /** Why reading has stopped for now. */
  readonly failure: string | undefined;
}

/** A scalar, the norm of a layer's gradient, or |change| / |weight| of a parameter. */
export interface CurveName {
  readonly kind: "scalar" | "layer" | "ratio";
  readonly name: string;
}

/** Numbers of a run at steps of the run; undefined where a curve has none. */
export interface DrawnCurves {
  readonly x: readonly number[];
  readonly series: readonly {
    readonly values: readonly (number | undefined)[];
    /** Where smoothing is asked for. */
    readonly smooth?: readonly (number | undefined)[];
  }[];
}

export interface RunMoment {
  /** The newest record up to the step. */
  readonly record?: {
    readonly step: number;
    readonly epoch: number;
    readonly batch: number;
    readonly loss: number;
    readonly lr: number;
    readonly gradient: number;
  };
  readonly scalars: Readonly<Record<string, number>>;
  readonly layers: readonly LayerRow[];
  readonly parameters: readonly ParameterRow[];
}

export type GradientMark = "notFinite" | "vanishing" | "exploding" | "well";

export interface LayerRow {
  readonly path: string;
  readonly norm: number;
  /** Norm / √(elements). */
  readonly rms: number;
  readonly mark: GradientMark;
}

export interface ParameterRow {
  readonly path: string;
  /** Norms; undefined where there is none. */
  readonly weight: number;
  readonly gradient: number | undefined;
  readonly change: number | undefined;
  readonly ratio: number | undefined;
}

/** A number for each layer and step, row by row. */
export interface LayerMap {
  readonly layers: readonly string[];
  readonly steps: readonly number[];
  /** log₁₀ of the norm; NaN where a layer has no gradient. */
  readonly values: Float32Array;
}

export type Distributed = "weight" | "gradient" | "change" | "activation";

export interface Distribution {
  readonly step?: number;
  readonly statistics?: RunStatistics;
  readonly shape?: readonly number[];
  /** Shares of the elements, from the largest numbers down: bins × steps. */
  readonly map: {
    readonly steps: readonly number[];
    readonly from: number;
    readonly to: number;
    readonly bins: number;
    readonly values: Float32Array;
  };
}

export interface ComparedRuns {
  readonly first?: RunDifference;
  /** Whether there is a step at which both have a number that is compared. */
  readonly isShared: boolean;
  /** Whether one of them is not read to its end, so that all of this may change. */
  readonly isReading: boolean;
  /** Whether records or lines of one of them are left out. */
  readonly isPartial: boolean;
  readonly gradients: readonly RunGradientDifference[];
  /** Names of those that one of them has. */
  readonly scalars: readonly string[];
}

export interface RunCalls {
  /** The runs of a server, once they are newer than `since`. */
  listRuns(api: string, since: number): Promise<RunRows>;
  /** @throws what `parseRun` says of a file that describes no run. */
  openRun(source: RunSource): Promise<number>;
  closeRun(run: number): void;
  /** A run, once there is more of it than at `since`; undefined where it has been closed. */
  growth(run: number, since: number): Promise<RunOutline | undefined>;
  /**
   * @param smoothing 0 to 1: how much of the mean before counts.
   * @param at the step that is looked at: its point is among those that are left of a long curve.
   */
  curves(run: number, names: readonly CurveName[], smoothing: number, at?: number): DrawnCurves;
  /** @param step undefined: the newest. */
  moment(run: number, step: number | undefined): RunMoment;
  layerMap(run: number): LayerMap;
  distribution(run: number, kind: Distributed, path: string, step: number | undefined): Distribution;
  compareRuns(a: number, b: number): ComparedRuns;
  /** A scalar of two runs; `at` as in `curves`. */
  pairCurves(a: number, b: number, scalar: string, at?: number): DrawnCurves;
  openRunTrace(run: number, step: number): Promise<OpenedTrace>;
}
