/** All that the inspector's page and its worker say to each other. The worker holds the traces and runs. */
import type { Finding, TraceParameter, TraceValue } from "twopass/inspect";
import type { Comparison } from "./compare.ts";
import type { Pass } from "./graph-model.ts";
import type { Layout } from "./layout.ts";
import type { Outline } from "./outline.ts";
import type { RunCalls } from "./runs/run-calls.ts";
import type { GraphView, VisibleGraph } from "./visible-graph.ts";

export interface OpenedTrace {
  /** By which other calls name it. */
  readonly trace: number;
  readonly outline: Outline;
  readonly findings: readonly Finding[];
}

export interface LaidGraph {
  readonly graph: VisibleGraph;
  readonly layout: Layout;
}

/** The numbers of one operation; what was not captured is not there. */
export interface OperationValues {
  readonly value?: TraceValue;
  readonly gradient?: TraceValue;
  /** Where the operation is a parameter. */
  readonly parameter?: TraceParameter;
}

export interface InspectorCalls extends RunCalls {
  /** @throws what `readTrace` says of a file that is no trace. */
  open(file: Blob): Promise<OpenedTrace>;
  close(trace: number): void;
  graph(trace: number, pass: Pass, view: GraphView): LaidGraph;
  values(trace: number, operation: number): OperationValues;
  parameter(trace: number, path: string): OperationValues;
  /** Values of small results, to be shown in the graph. */
  small(trace: number, operations: readonly number[], mostElements: number): (TraceValue | undefined)[];
  compare(a: number, b: number): Comparison;
}
