/** All that the page and its worker say to each other. The worker owns the network; the page shows what it is told. */
import type { Trace, WeightExplanation, Finding } from "twopass/inspect";
import type { NetworkConfig } from "./config.ts";
import type { DigitSet } from "./digit-data.ts";
import type { FaultCode, FaultValues } from "./faults.ts";

/** What follows from a config: told once it is built. */
export interface SessionInfo {
  /** What the inputs and the outputs are: "x₁", a column's name, "p(3)". */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly task: "classes" | "numbers" | "letters";
  /** The layers that have units, the first hidden one first, the output last; paths as in traces. */
  readonly layers: readonly {
    readonly path: string;
    readonly activationPath: string | undefined;
    readonly units: number;
    readonly activation: string;
  }[];
  readonly parameters: number;
  /** For plots of two inputs: coordinates, targets, and whether an example is of the test. */
  readonly points?: readonly {
    readonly x: number;
    readonly y: number;
    readonly target: number;
    readonly isTest: boolean;
  }[];
  readonly trainSize: number;
  readonly testSize: number;
  readonly batchesPerEpoch: number;
}

/** Where the run stands. */
export interface Metrics {
  /** Updates made. */
  readonly step: number;
  /** From 0; whole epochs that are done. */
  readonly epoch: number;
  /** In its epoch, from 0. */
  readonly batch: number;
  readonly trainLoss: number;
  readonly testLoss: number | undefined;
  /** 0 to 1; of classes and letters. */
  readonly trainAccuracy: number | undefined;
  readonly testAccuracy: number | undefined;
  /** Norm of the gradient of each layer of `SessionInfo.layers`, of the last update; empty in front of the first one. */
  readonly gradientNorms: readonly number[];
}

/**
 * What the network gives over the plane of two inputs from −1 to 1, row by row from the top (y = 1): at the middle of each
 * cell.
 */
export interface Maps {
  readonly resolution: number;
  /** The probability of the second of two classes, the number of the most likely of several, or the number predicted. */
  readonly output: Float32Array;
  /** By layer of `SessionInfo.layers`, by unit. */
  readonly units: readonly (readonly Float32Array[])[];
}

/** A change that is tried before it is made, or made. */
export interface Change {
  readonly parameter?: { readonly path: string; readonly index: readonly number[]; readonly value: number };
  readonly lr?: number;
  /** An input or target of an example of the batch. */
  readonly example?: {
    readonly at: number;
    readonly input?: readonly [at: number, value: number];
    readonly target?: number;
  };
}

/** The loss over the next steps as it is, and with a change. */
export interface Consequence {
  readonly without: readonly number[];
  readonly with: readonly number[];
}

/** Calls of the page by name: arguments and result. */
export interface SessionCalls {
  /** Builds a network; what was is gone. */
  build(config: NetworkConfig): SessionInfo;
  /** Trains at full speed until `stop`; metrics come as events. */
  run(): void;
  stop(): Metrics;
  /** Makes steps at full speed. */
  advance(steps: number): Metrics;
  /** Makes one step and tells all of it. */
  traceStep(): TracedStep;
  /**
   * Goes back to the state in front of the last step, and tells the step that led there; undefined where none did, at the
   * start of the run.
   */
  back(): TracedStep | undefined;
  /** Goes to where the run stood after a number of updates: to the nearest state that was kept, and on from there. */
  goTo(step: number): Metrics;
  metrics(): Metrics;
  maps(resolution: number): Maps | undefined;
  /** The curve so far: one entry for each point that was noted. */
  curve(): readonly Metrics[];
  explain(path: string, index: readonly number[]): WeightExplanation;
  consequence(change: Change, steps: number): Consequence;
  change(change: Change): Metrics;
  /** The next batch that a step would use: inputs and targets by example. */
  batch(): { readonly inputs: readonly (readonly number[])[]; readonly targets: readonly number[] };
  predict(input: readonly number[]): readonly number[];
  /** Letters that follow, for "text". */
  write(start: string, length: number): string;
}

export interface TracedStep {
  readonly trace: Trace;
  readonly findings: readonly Finding[];
  readonly metrics: Metrics;
}

/** What the worker says unasked. */
export type SessionEvent =
  | { readonly kind: "metrics"; readonly metrics: Metrics; readonly stepsPerSecond: number }
  /** A run has ended by itself: numbers are not finite. `finding` says where the first one came from. */
  | { readonly kind: "diverged"; readonly metrics: Metrics; readonly finding: Finding | undefined }
  /** A run has ended by an error of ours. */
  | { readonly kind: "failed"; readonly message: string };

export type CallName = keyof SessionCalls;

export type Request = {
  [N in CallName]: { readonly id: number; readonly call: N; readonly args: Parameters<SessionCalls[N]> };
}[CallName];

export type Reply =
  | { readonly id: number; readonly result: unknown }
  /** `message` is for people: what is wrong and what to do, in English. By code and values it is said in other languages. */
  | {
      readonly id: number;
      readonly error: { readonly message: string; readonly code?: FaultCode; readonly values?: FaultValues };
    }
  | { readonly event: SessionEvent };

/** The calls as page and worker make them. */
export type AsyncCalls = {
  readonly [N in CallName]: (...args: Parameters<SessionCalls[N]>) => Promise<ReturnType<SessionCalls[N]>>;
};

/** Requests, the digits that come with the page, and the question whether the worker lives. */
export type FromPage = Request | { readonly digits: DigitSet } | { readonly ping: number };
export type FromWorker = Reply | { readonly pong: number };
