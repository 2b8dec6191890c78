/** What a trace is: one training step as plain data, which can be written down, sent and read again. Floor: inspect. */
import type { Dtype } from "../base/dtype.ts";

/** What a file of a trace begins with. */
export const traceFormat = "twopass-trace";
/** Raised where a reader of the one before would understand something wrong. */
export const traceVersion = 1;

export type TracePhase = "forward" | "backward" | "update";

/** How the elements of a large tensor are distributed. */
export interface TraceStatistics {
  readonly kind: "statistics";
  /** Number of elements. */
  readonly size: number;
  /** Of the finite elements; NaN where there are none. */
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** √(Σ (x − mean)² / n), of the finite elements. */
  readonly std: number;
  /** √(Σ x²), of the finite elements. */
  readonly norm: number;
  readonly zeros: number;
  /** NaN and infinities, and NaN alone. */
  readonly nonFinite: number;
  readonly nan: number;
  readonly histogram: TraceHistogram;
}

/** Counts of finite elements in bins of equal width. */
export interface TraceHistogram {
  readonly from: number;
  readonly to: number;
  readonly counts: readonly number[];
  /** How many elements were counted: of a large tensor some at equal distances. */
  readonly sampled: number;
}

/** Elements in row-major order; 0 and 1 for bool. */
export interface TraceElements {
  readonly kind: "elements";
  readonly data: readonly number[];
}

export type TraceValue = TraceElements | TraceStatistics;

/** One operation of the step, and the tensor that it gave. Its number is its place in `Trace.operations`. */
export interface TraceOperation {
  readonly phase: TracePhase;
  /** The operation, such as "dot"; "leaf" for what was there before the step. */
  readonly op: string;
  /** The function or method that made it, such as "softmax"; "" where that is not known. */
  readonly call: string;
  /** Path of the module whose `forward` made it, "" for the model itself and "loss" for the loss. */
  readonly module: string;
  /** The line of the program that made it, such as "model.ts:12:5"; "" where that is not known. */
  readonly line: string;
  /** Of a leaf: the path of a parameter or buffer, "input", "target", or the number that it is; else "". */
  readonly label: string;
  /** Numbers of the operations whose results it takes. */
  readonly inputs: readonly number[];
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  /** Settings of the operation, such as the dims of a sum. */
  readonly settings: Readonly<Record<string, number | boolean | string | readonly number[]>>;
  /** In the backward pass: the operation of the forward pass whose derivative it belongs to. */
  readonly derivativeOf?: number;
  /** In the forward pass: the operation that gives the gradient of the loss with respect to this result. */
  readonly gradient?: number;
  /** In the backward pass: the operation of the forward pass that this is the gradient of. */
  readonly gradientOf?: number;
  /** In the forward pass: bytes of the result if the backward pass reads it, else 0. */
  readonly keptBytes: number;
  /**
   * Of relu, tanh and sigmoid, where captured: the share of units, places behind the first dim, whose slope is 0 (relu) or
   * at most 0.01 in every sample.
   */
  readonly flat?: number;
  /** What it gave, where it was captured. */
  readonly value?: TraceValue;
}

/** One call of a module's `forward`: numbers of operations. */
export interface TraceCall {
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

export interface TraceModule {
  /** "" for the model itself. */
  readonly path: string;
  /** Name of the class. */
  readonly type: string;
  /** Its settings, as `toString()` shows them. */
  readonly settings: string;
  /** Paths of its own parameters. */
  readonly parameters: readonly string[];
  readonly calls: readonly TraceCall[];
}

/** A parameter before and behind the update. */
export interface TraceParameter {
  readonly path: string;
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  /** The leaf of the forward pass; undefined where the step does not use it. */
  readonly operation?: number;
  /** The operation that gives its gradient; undefined where it has none, which is not a gradient of 0. */
  readonly gradient?: number;
  readonly before: TraceValue;
  /** Behind the update, and the difference; absent where nothing was updated. */
  readonly after?: TraceValue;
  readonly change?: TraceValue;
  /** The optimiser's state by name, before and behind the update. */
  readonly state: Readonly<Record<string, { readonly before?: TraceValue; readonly after: TraceValue }>>;
  /** Settings of its group, such as lr. */
  readonly settings: Readonly<Record<string, number | boolean | string | readonly number[]>>;
}

/** One kernel that ran. */
export interface TraceKernel {
  /** Module path and operations. */
  readonly label: string;
  readonly kind: string;
  readonly phase: TracePhase;
  readonly milliseconds: number;
  /** Floating-point operations of products, 0 for other kernels. */
  readonly operations: number;
  /** Bytes that it reads and writes, each once. */
  readonly bytes: number;
}

/** One training step. */
export interface Trace {
  readonly format: typeof traceFormat;
  readonly version: typeof traceVersion;
  /** When it was made, ISO 8601. */
  readonly date: string;
  readonly device: string;
  /** Class of the model. */
  readonly model: string;
  /** Class of the optimiser; "" without one. */
  readonly optimizer: string;
  /** The number of the update that this step makes, from 1, where the optimiser counts. */
  readonly step?: number;
  /** The number of the operation that gives the loss. */
  readonly loss: number;
  /** The loss. */
  readonly lossValue: number;
  readonly modules: readonly TraceModule[];
  /** Forward, backward, update; each behind those that it takes. */
  readonly operations: readonly TraceOperation[];
  readonly parameters: readonly TraceParameter[];
  /** In the order in which they ran; empty where the device has no clock. */
  readonly kernels: readonly TraceKernel[];
}
