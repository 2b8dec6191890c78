/** What the inspector shows, and what changes it. The traces themselves are in the worker. */
import { type ReadonlySignal, batch, computed, effect, signal } from "@preact/signals";
import type { Finding, TraceOperation } from "twopass/inspect";
import { CallClient } from "../worker/calls.ts";
import type { InspectorCalls, LaidGraph, OpenedTrace } from "./calls.ts";
import type { Mark } from "./drawing.ts";
import { badgesOf } from "./findings.ts";
import { type GraphModel, type Pass, graphModel, linksOf, passOf, passes } from "./graph-model.ts";
import type { Outline } from "./outline.ts";
import { Scene } from "./scene.ts";
import { type GraphView, firstOpen, operationId, operationOf, revealing } from "./visible-graph.ts";

export interface LoadedTrace {
  /** By which the worker knows it. */
  readonly number: number;
  readonly fileName: string;
  /** What it was opened from, where that is a step of a run. */
  readonly source: string | undefined;
  readonly outline: Outline;
  readonly findings: readonly Finding[];
  readonly model: GraphModel;
}

export type RoomView = "graph" | "health" | "memory" | "time" | "compare";

/** A file that could not be opened; `message` says why, as the library words it. */
export interface Problem {
  readonly fileName: string;
  readonly message: string;
}

export const loaded = signal<readonly LoadedTrace[]>([]);
export const current = signal<LoadedTrace | undefined>(undefined);
export const problems = signal<readonly Problem[]>([]);
/** How many files are being read. */
export const reading = signal(0);
export const roomView = signal<RoomView>("graph");
/** The traces that are chosen to be compared, by their numbers. */
export const compared = signal<{ readonly a: number | undefined; readonly b: number | undefined }>({
  a: undefined,
  b: undefined,
});
/** How many workers were lost, with all that they held. */
export const lostWorkers = signal(0);
export const graphView = signal<GraphView>({ open: new Set(), hasFolded: false });
/** Id of a group or operation. */
export const selected = signal<string | undefined>(undefined);
/** A parameter that the step does not use has no operation: it is selected by path. */
export const selectedParameter = signal<string | undefined>(undefined);
const laid = {
  forward: signal<LaidGraph | undefined>(undefined),
  backward: signal<LaidGraph | undefined>(undefined),
};
const sceneOf = (pass: Pass): Scene | undefined => {
  const graph = laid[pass].value;
  return graph === undefined ? undefined : new Scene(graph);
};
/** The two graphs as they are laid out. */
export const scenes = {
  forward: computed(() => sceneOf("forward")),
  backward: computed(() => sceneOf("backward")),
};
/** Letters of findings by id of an operation or group. */
export const badges = computed<ReadonlyMap<string, string>>(() =>
  current.value === undefined ? new Map() : badgesOf(current.value.model, current.value.findings),
);

/** Milliseconds in which a worker dies of what it was begun with. */
const soon = 5000;

let started: CallClient<InspectorCalls> | undefined;

/** The worker, which starts with the first file. */
export function client(): CallClient<InspectorCalls> {
  const begun = performance.now();
  started ??= new CallClient<InspectorCalls>("inspector", (message) => {
    started = undefined;
    batch(() => {
      // What was open is opened again, but not where that may be what it died of.
      if (performance.now() - begun > soon) lostWorkers.value++;
      loaded.value = [];
      current.value = undefined;
      problems.value = [{ fileName: "", message }];
    });
  });
  return started;
}

export async function openFiles(files: Iterable<File>): Promise<void> {
  for (const file of files) {
    reading.value++;
    try {
      show(await openTrace(file.name, client().call("open", file)));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      problems.value = [...problems.value, { fileName: file.name, message }];
    } finally {
      reading.value--;
    }
  }
}

/** Takes a trace that the worker has opened. */
export async function openTrace(fileName: string, opened: Promise<OpenedTrace>, source?: string): Promise<LoadedTrace> {
  const { trace, outline, findings } = await opened;
  // In parts, between which the page can react.
  await pause();
  const one = { number: trace, fileName, source, outline, findings, model: graphModel(outline) };
  await pause();
  loaded.value = [...loaded.value, one];
  return one;
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Shows a trace that is open. */
export function show(trace: LoadedTrace | undefined): void {
  batch(() => {
    current.value = trace;
    selected.value = undefined;
    selectedParameter.value = undefined;
    if (trace !== undefined) graphView.value = { ...graphView.value, open: firstOpen(trace.model) };
  });
}

export function closeTrace(trace: LoadedTrace): void {
  loaded.value = loaded.value.filter((one) => one !== trace);
  if (current.value === trace) show(loaded.value.at(-1));
  void client().call("close", trace.number);
}

/** Selects an operation or group, and opens the groups that hide it. */
export function select(id: string | undefined): void {
  batch(() => {
    selected.value = id;
    selectedParameter.value = undefined;
    const model = current.value?.model;
    if (id === undefined || model === undefined) return;
    setOpen(revealing(model, graphView.value.open, id));
    const operation = operationOf(id);
    const isFolded = operation !== undefined && model.foldOf[operation] !== "none";
    if (isFolded && !graphView.value.hasFolded) graphView.value = { ...graphView.value, hasFolded: true };
  });
}

/** A parameter by its path. */
export function selectParameter(path: string): void {
  const operation = current.value?.outline.parameters.find((one) => one.path === path)?.operation;
  if (operation !== undefined) select(operationId(operation));
  else {
    batch(() => {
      selected.value = undefined;
      selectedParameter.value = path;
    });
  }
}

export function setOpen(open: ReadonlySet<string>): void {
  if (open !== graphView.value.open) graphView.value = { ...graphView.value, open };
}

/** Opens a group, or closes it. */
export function toggle(id: string): void {
  const open = new Set(graphView.value.open);
  if (!open.delete(id)) open.add(id);
  setOpen(open);
}

/** Something that is marked, in one of the graphs or, without a pass, in both. */
export interface Marked {
  readonly mark: Mark;
  readonly pass?: Pass;
}

/** What is marked because of the selection, by id: itself, and what belongs to it in the other graph. */
export const marks = computed<ReadonlyMap<string, Marked>>(() => {
  const found = new Map<string, Marked>();
  const model = current.value?.model;
  const id = selected.value;
  if (model === undefined || id === undefined) return found;
  const operation = operationOf(id);
  if (operation !== undefined) {
    const { derivatives, gradients } = linksOf(model, operation);
    const pass = (model.operations[operation] as TraceOperation).phase === "forward" ? "backward" : "forward";
    for (const at of gradients) found.set(shownAs(at), { mark: "gradient", pass });
    for (const at of derivatives) found.set(shownAs(at), { mark: "derivative", pass });
  }
  found.set(id, { mark: "selected" });
  return found;
});

/** Those of one graph. */
export const marksOf: Readonly<Record<Pass, ReadonlySignal<ReadonlyMap<string, Mark>>>> = {
  forward: computed(() => marksIn("forward")),
  backward: computed(() => marksIn("backward")),
};

function marksIn(pass: Pass): ReadonlyMap<string, Mark> {
  const own = [...marks.value].filter(([, marked]) => marked.pass === undefined || marked.pass === pass);
  return new Map(own.map(([id, { mark }]) => [id, mark]));
}

/** The id of what stands for an operation: itself, or what it is folded or closed into. */
function shownAs(operation: number): string {
  const one = current.value?.model.operations[operation];
  if (one === undefined) return operationId(operation);
  const graph = laid[passOf(one)].value?.graph;
  return graph?.nodes[graph.nodeOf[operation] ?? -1]?.id ?? operationId(operation);
}

/** Lays out both graphs whenever something opens. An answer that is late is thrown away. */
effect(() => {
  const trace = current.value;
  const view = graphView.value;
  if (trace === undefined) {
    for (const pass of passes) laid[pass].value = undefined;
    return undefined;
  }
  let isWanted = true;
  for (const pass of passes) {
    void client()
      .call("graph", trace.number, pass, view)
      .then((graph) => {
        if (isWanted) laid[pass].value = graph;
      });
  }
  return () => {
    isWanted = false;
  };
});
