/**
 * One traced step as a list of moments, in the order in which a learner follows them: forward layer by layer, the loss,
 * backward from the output to the input, and the update of one parameter after the other. A place in it is the number of
 * moments that are done, so the end of a step is where the next one begins.
 */
import type { Trace, TraceOperation } from "twopass/inspect";
import type { SessionInfo } from "../session/protocol.ts";
import { type Phase, type StepSize, phases } from "../view/phase.ts";

export type Direction = "forward" | "backward";

export interface Moment {
  readonly phase: Phase;
  /** In `SessionInfo.layers`; behind the last one for the loss. */
  readonly layer: number;
  /** The operations that are done with it, what only arranges numbers included. None in the update. */
  readonly operations: readonly number[];
  /** The one that computes. */
  readonly operation: number | undefined;
  /** Of the update: which of `Trace.parameters`. */
  readonly parameter: number | undefined;
}

export interface Timeline {
  readonly moments: readonly Moment[];
  /** By operation: the place from which on its result is known; 0 for what was there before. */
  readonly knownFrom: readonly number[];
  /** By parameter: the place from which on it has its new value. */
  readonly updatedFrom: readonly number[];
}

type LayerPaths = Pick<SessionInfo["layers"][number], "path" | "activationPath">;

/** What only arranges numbers, or was there before: no moment of its own. */
const quiet: ReadonlySet<string> = new Set(["leaf", "constant", "iota", "reshape", "expand", "permute"]);

export function timelineOf(trace: Trace, layers: readonly LayerPaths[]): Timeline {
  const { forward, backward } = operationsByLayer(trace, layers);
  const moments: Moment[] = [];
  const add = (phase: Phase, layer: number, operations: readonly number[] | undefined): void => {
    if (operations !== undefined) moments.push(...momentsOf(trace, phase, layer, operations));
  };
  const loss = layers.length;
  for (let layer = 0; layer < loss; layer++) add("forward", layer, forward.get(layer));
  add("loss", loss, forward.get(loss));
  for (let layer = loss; layer >= 0; layer--) add("backward", layer, backward.get(layer));
  trace.parameters.forEach(({ path, after }, parameter) => {
    if (after === undefined) return;
    const layer = Math.max(0, layerOfPath(layers, path) ?? 0);
    moments.push({ phase: "update", layer, operations: [], operation: undefined, parameter });
  });
  return { moments, ...knownFrom(trace, moments) };
}

/** How many operations the two passes are: the last of them is one of their ends, and the update stands behind. */
function passesEnd({ loss, modules, parameters }: Trace): number {
  const results = modules.flatMap(({ calls }) => calls.flatMap(({ outputs }) => outputs));
  const gradients = parameters.flatMap(({ gradient }) => (gradient === undefined ? [] : [gradient]));
  return 1 + Math.max(loss, ...results, ...gradients);
}

/** Operations of the two passes by layer; those of no layer belong to the one that takes them. */
function operationsByLayer(
  trace: Trace,
  layers: readonly LayerPaths[],
): { forward: Map<number, number[]>; backward: Map<number, number[]> } {
  const operations = trace.operations.slice(0, passesEnd(trace));
  const loss = layers.length;
  const layerOf = new Map<number, number>();
  let next = loss - 1;
  for (let at = operations.length - 1; at >= 0; at--) {
    const { phase, module, op } = operations[at] as TraceOperation;
    if (phase !== "forward" || op === "leaf") continue;
    const own = module === "loss" ? loss : layerOfPath(layers, module);
    if (own !== undefined && own < loss) next = own;
    layerOf.set(at, own ?? next);
  }
  const forward = new Map<number, number[]>();
  const backward = new Map<number, number[]>();
  let last = loss;
  operations.forEach(({ phase, module, derivativeOf }, at) => {
    if (phase === "forward") {
      const layer = layerOf.get(at);
      if (layer !== undefined) put(forward, layer, at);
    }
    if (phase !== "backward") return;
    const of = derivativeOf === undefined ? undefined : layerOf.get(derivativeOf);
    last = of ?? layerOfPath(layers, module) ?? last;
    put(backward, last, at);
  });
  return { forward, backward };
}

function put(map: Map<number, number[]>, layer: number, operation: number): void {
  const list = map.get(layer);
  if (list === undefined) map.set(layer, [operation]);
  else list.push(operation);
}

/** The layer that a module or a parameter belongs to. */
function layerOfPath(layers: readonly LayerPaths[], path: string): number | undefined {
  const isIn = (of: string | undefined): boolean => of !== undefined && (path === of || path.startsWith(`${of}.`));
  const at = layers.findIndex((layer) => isIn(layer.path) || isIn(layer.activationPath));
  return at < 0 ? undefined : at;
}

/** One moment for each operation that computes. What arranges goes with what it arranges, or with what takes it. */
function momentsOf(trace: Trace, phase: Phase, layer: number, operations: readonly number[]): Moment[] {
  const parts: { readonly operations: number[]; readonly operation: number | undefined }[] = [];
  let waiting: number[] = [];
  for (const operation of operations) {
    const { op, inputs } = trace.operations[operation] as TraceOperation;
    const last = parts.at(-1)?.operations;
    if (!quiet.has(op)) {
      parts.push({ operations: [...waiting, operation], operation });
      waiting = [];
    } else if (last !== undefined && inputs.some((input) => last.includes(input))) last.push(operation);
    else waiting.push(operation);
  }
  const last = parts.at(-1);
  if (last !== undefined) last.operations.push(...waiting);
  else if (waiting.length > 0) parts.push({ operations: waiting, operation: waiting.at(-1) });
  return parts.map((part) => ({ phase, layer, ...part, parameter: undefined }));
}

function knownFrom(trace: Trace, moments: readonly Moment[]): Pick<Timeline, "knownFrom" | "updatedFrom"> {
  const known = trace.operations.map(({ phase, op }) => (phase === "forward" && op === "leaf" ? 0 : Infinity));
  const updated = trace.parameters.map(() => Infinity);
  moments.forEach(({ operations, parameter }, i) => {
    for (const operation of operations) known[operation] = i + 1;
    if (parameter !== undefined) updated[parameter] = i + 1;
  });
  return { knownFrom: known, updatedFrom: updated };
}

/** Whether the result of an operation is there. One that is undefined never will be. */
export function isKnown(timeline: Timeline, at: number, operation: number | undefined): boolean {
  return operation !== undefined && (timeline.knownFrom[operation] ?? Infinity) <= at;
}

export function isUpdated(timeline: Timeline, at: number, parameter: number): boolean {
  return (timeline.updatedFrom[parameter] ?? Infinity) <= at;
}

/** "none": no gradient flows there at all. "notYet" is not a gradient of 0 either. */
export function gradientState(
  timeline: Timeline,
  at: number,
  gradient: number | undefined,
): "none" | "notYet" | "known" {
  if (gradient === undefined) return "none";
  return isKnown(timeline, at, gradient) ? "known" : "notYet";
}

/**
 * The place behind a move. "step" where it leaves this step: over its end, or back over its beginning. The same move is
 * then made from the beginning of the next step, or from the end of the one before.
 */
export function moved(timeline: Timeline, at: number, size: StepSize, direction: Direction): number | "step" {
  const { moments } = timeline;
  const by = direction === "forward" ? 1 : -1;
  const passing = moments[direction === "forward" ? at : at - 1];
  if (passing === undefined) return "step";
  if (size === "operation") return at + by;
  const isSame = (moment: Moment | undefined): boolean =>
    moment !== undefined && moment.phase === passing.phase && (size === "phase" || moment.layer === passing.layer);
  let to = at + by;
  while (isSame(moments[direction === "forward" ? to : to - 1])) to += by;
  return to;
}

/** The place at the end of a phase. */
export function endOfPhase({ moments }: Timeline, phase: Phase): number {
  const last = moments.findLastIndex((moment) => phases.indexOf(moment.phase) <= phases.indexOf(phase));
  return last + 1;
}

export interface Place {
  readonly phase: Phase;
  /** How much of the phase is done, 0 to 1. */
  readonly share: number;
  /** The moment that was done last. */
  readonly moment: Moment | undefined;
  /** Layers that the phase has gone through. */
  readonly layers: readonly number[];
}

/** Where one is. */
export function placeAt({ moments }: Timeline, at: number): Place {
  const moment = moments[at - 1];
  const phase = moment?.phase ?? "forward";
  const own = moments.flatMap((one, i) => (one.phase === phase ? [i] : []));
  const done = own.filter((i) => i < at);
  const layers = [...new Set(done.map((i) => (moments[i] as Moment).layer))];
  return { phase, share: own.length === 0 ? 0 : done.length / own.length, moment, layers };
}
