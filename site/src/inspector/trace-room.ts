/** The worker's side of the inspector: the open traces and runs, and what is asked of them. Knows nothing of messages. */
import { type Trace, type TraceOperation, type TraceParameter, health, readTrace } from "twopass/inspect";
import type { InspectorCalls, OpenedTrace, OperationValues } from "./calls.ts";
import { compareTraces } from "./compare.ts";
import { type GraphModel, graphModel } from "./graph-model.ts";
import { layoutGraph } from "./layout.ts";
import { outlineOf, valueOf } from "./outline.ts";
import { type RunRoomOptions, runRoom } from "./runs/run-room.ts";
import { visibleGraph } from "./visible-graph.ts";

interface Opened {
  readonly trace: Trace;
  readonly model: GraphModel;
}

export function traceRoom(options: Omit<RunRoomOptions, "openTrace"> = {}): InspectorCalls {
  const traces = new Map<number, Opened>();
  let count = 0;
  const find = (number: number): Opened => {
    const opened = traces.get(number);
    if (opened === undefined) throw new Error(`internal: trace ${number} is not open`);
    return opened;
  };
  const open = async (file: Blob): Promise<OpenedTrace> => {
    const trace = readTrace(await file.text());
    const number = count++;
    traces.set(number, { trace, model: graphModel(trace) });
    return { trace: number, outline: outlineOf(trace), findings: health(trace) };
  };
  return {
    ...runRoom({ ...options, openTrace: open }),
    open,
    close(number) {
      traces.delete(number);
    },
    graph(number, pass, view) {
      const graph = visibleGraph(find(number).model, pass, view);
      return { graph, layout: layoutGraph(graph) };
    },
    values(number, at) {
      const { trace } = find(number);
      const operation = trace.operations[at] as TraceOperation;
      return valuesOf(
        trace,
        operation,
        trace.parameters.find((parameter) => parameter.operation === at),
      );
    },
    parameter(number, path) {
      const { trace } = find(number);
      const parameter = trace.parameters.find((one) => one.path === path);
      const operation = parameter?.operation === undefined ? undefined : trace.operations[parameter.operation];
      return valuesOf(trace, operation, parameter);
    },
    small(number, operations, mostElements) {
      const { trace } = find(number);
      return operations.map((at) => {
        const value = valueOf(trace.operations[at] as TraceOperation) ?? parameterAt(trace, at)?.before;
        return value?.kind === "elements" && value.data.length <= mostElements ? value : undefined;
      });
    },
    compare: (a, b) => compareTraces(find(a).trace, find(b).trace),
  };
}

function parameterAt({ parameters }: Trace, at: number): TraceParameter | undefined {
  return parameters.find(({ operation }) => operation === at);
}

function valuesOf(
  { operations }: Trace,
  operation: TraceOperation | undefined,
  parameter: TraceParameter | undefined,
): OperationValues {
  const value = (operation === undefined ? undefined : valueOf(operation)) ?? parameter?.before;
  const at = operation?.gradient ?? parameter?.gradient;
  const gradient = at === undefined ? undefined : valueOf(operations[at] as TraceOperation);
  return {
    ...(value === undefined ? {} : { value }),
    ...(gradient === undefined ? {} : { gradient }),
    ...(parameter === undefined ? {} : { parameter }),
  };
}
