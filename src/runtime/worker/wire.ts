/**
 * What a page and the thread of its device say to each other, and how programs cross: as a list of vertices, each an
 * operation's name, its settings and the numbers of its inputs. Floor: runtime.
 */
import type { Dtype, TypedArray } from "../../base/dtype.ts";
import { internal } from "../../base/errors.ts";
import type { Shape } from "../../base/shape.ts";
import { type Body, makeBody } from "../../ir/body.ts";
import { type Phase, withMode } from "../../ir/mode.ts";
import type { AttrValue, Attrs, OpDef } from "../../ir/op.ts";
import type { Program } from "../../ir/program.ts";
import { Value, sortGraph } from "../../ir/value.ts";
import { makeLeaf } from "../../ops/leaf.ts";
import { table } from "../../ops/table.ts";
import type { DeviceMemory, RunFailure } from "../device.ts";
import { isChoice } from "../find-fault.ts";

interface WireInput {
  readonly input: number;
  readonly shape: Shape;
  readonly dtype: Dtype;
}

interface WireOperation {
  readonly op: string;
  readonly phase: Phase;
  readonly path: string;
  readonly attrs: Readonly<Record<string, Exclude<AttrValue, Body> | WireBody>>;
  readonly inputs: readonly number[];
}

/** Inputs before users. */
type WireGraph = readonly (WireInput | WireOperation)[];

/** The body of a loop. */
interface WireBody {
  readonly carries: number;
  readonly sequences: number;
  readonly inputs: readonly WireInput[];
  readonly vertices: WireGraph;
  readonly outputs: readonly number[];
}

export interface WireProgram {
  readonly vertices: WireGraph;
  /** Cells that are written and not read: no vertex stands for them. */
  readonly unread: readonly WireInput[];
  readonly sources: Program["sources"];
  readonly outputs: readonly { readonly vertex: number; readonly target: number }[];
  /** The choices by computed positions, as they were written. */
  readonly choices: readonly number[];
  readonly isGuarded: boolean;
}

export function writeProgram({ inputs, sources, outputs, isGuarded }: Program): WireProgram {
  const { order } = sortGraph(
    outputs.map(({ value }) => value),
    () => false,
  );
  const vertices = writeGraph(order);
  const read = new Set(vertices.map((vertex) => ("input" in vertex ? vertex.input : -1)));
  const unread = inputs
    .map(({ shape, dtype }, input) => ({ input, shape, dtype }))
    .filter(({ input }) => !read.has(input));
  const choices = order
    .filter(isChoice)
    .sort((a, b) => a.id - b.id)
    .map((value) => value.position);
  return {
    vertices,
    unread,
    sources,
    outputs: outputs.map(({ value, target }) => ({ vertex: value.position, target })),
    choices,
    isGuarded: isGuarded ?? false,
  };
}

function writeGraph(order: readonly Value[]): WireGraph {
  return order.map((value) => {
    const { leaf, op, phase, path, attrs } = value;
    const inputs = value.inputs.map((x) => x.position);
    if (leaf === undefined) return { op: op.name, phase, path, attrs: writeAttrs(attrs), inputs };
    if (leaf.kind !== "input") throw internal(`a program holds a ${leaf.kind} itself`);
    return { input: leaf.index, shape: value.shape, dtype: value.dtype };
  });
}

function writeAttrs(attrs: Attrs): WireOperation["attrs"] {
  return Object.fromEntries(
    Object.entries(attrs).map(([key, attr]) => {
      return [key, typeof attr === "object" && "words" in attr ? writeBody(attr) : attr];
    }),
  );
}

function writeBody({ carries, sequences, inputs, outputs }: Body): WireBody {
  const { order } = sortGraph(outputs, () => false);
  const leaves = inputs.map(({ shape, dtype }, input) => ({ input, shape, dtype }));
  const places = outputs.map((value) => value.position);
  return { carries, sequences, inputs: leaves, vertices: writeGraph(order), outputs: places };
}

const records = new Map<string, OpDef>();
for (const entry of Object.values(table)) {
  // The casts to each dtype are one entry.
  for (const op of isRecord(entry) ? [entry] : Object.values(entry)) records.set(op.name, op);
}

function isRecord(entry: OpDef | Readonly<Record<string, OpDef>>): entry is OpDef {
  return typeof entry.name === "string";
}

/** The program of a list, and its choices. */
export function readProgram(wire: WireProgram): { readonly program: Program; readonly choices: readonly Value[] } {
  return withMode({ phase: 0, grad: false, path: "", call: "", lines: false }, () => {
    const inputs = new Array<Value>(wire.sources.length);
    const inputOf = ({ input, shape, dtype }: WireInput): Value => {
      const vertex = makeLeaf(shape, dtype, { kind: "input", index: input });
      inputs[input] ??= vertex;
      return vertex;
    };
    const made = readGraph(wire.vertices, inputOf);
    wire.unread.forEach(inputOf);
    const outputs = wire.outputs.map(({ vertex, target }) => ({ value: made[vertex] as Value, target }));
    const program = { inputs, sources: wire.sources, outputs, isGuarded: wire.isGuarded };
    return { program, choices: wire.choices.map((i) => made[i] as Value) };
  });
}

function readGraph(vertices: WireGraph, inputOf: (vertex: WireInput) => Value): Value[] {
  const made: Value[] = [];
  for (const vertex of vertices) {
    if ("input" in vertex) {
      made.push(inputOf(vertex));
      continue;
    }
    const op = records.get(vertex.op);
    if (op === undefined) throw internal(`an unknown operation ${vertex.op} in a program`);
    const operands = vertex.inputs.map((i) => made[i] as Value);
    made.push(new Value(op, operands, readAttrs(vertex.attrs), undefined, false, vertex));
  }
  return made;
}

function readAttrs(attrs: WireOperation["attrs"]): Attrs {
  return Object.fromEntries(
    Object.entries(attrs).map(([key, attr]) => {
      return [key, typeof attr === "object" && "vertices" in attr ? readBody(attr) : attr];
    }),
  );
}

function readBody({ carries, sequences, inputs, vertices, outputs }: WireBody): Body {
  const leaves = inputs.map(({ input, shape, dtype }) => makeLeaf(shape, dtype, { kind: "input", index: input }));
  const made = readGraph(vertices, ({ input }) => leaves[input] as Value);
  return makeBody(
    carries,
    sequences,
    leaves,
    outputs.map((i) => made[i] as Value),
  );
}

/** Elements given to a run: under a number, by which it and later runs name them. */
export interface Given {
  readonly id: number;
  readonly data: TypedArray;
  /** Whether they stay for later runs. */
  readonly stays: boolean;
}

export interface RunRequest {
  readonly kind: "run";
  readonly plan: number;
  /** What stands for the program's inputs: the number of a cell or of elements, or the content of a slot. */
  readonly leaves: readonly number[];
  readonly given: readonly Given[];
  /** Given elements that are not needed any more. */
  readonly forget: readonly number[];
  /** Results below this number have arrived. */
  readonly arrived: number;
  /** The number of the first result; the others follow. */
  readonly firstResult: number;
}

/** To the thread. Cells, plans and elements have numbers; those of given elements are negative, those of results not. */
export type Request =
  | RunRequest
  | { readonly kind: "plan"; readonly plan: number; readonly program: WireProgram }
  | { readonly kind: "drop"; readonly plan: number }
  | {
      readonly kind: "cell";
      readonly cell: number;
      readonly shape: Shape;
      readonly dtype: Dtype;
      readonly label: string;
      readonly data: TypedArray;
    }
  | {
      readonly kind: "adopt";
      readonly cell: number;
      readonly shape: Shape;
      readonly dtype: Dtype;
      readonly label: string;
      readonly result: number;
    }
  | { readonly kind: "write"; readonly cell: number; readonly data: TypedArray }
  | { readonly kind: "release"; readonly cell: number }
  | { readonly kind: "read"; readonly request: number; readonly cell: number }
  // The failure of a run is known and its traces are gone: what follows is meant to run again.
  | { readonly kind: "resume" };

/** What a device tells about itself with each answer. */
export interface DeviceState {
  readonly memory: DeviceMemory;
  readonly compiled: number;
  readonly phaseTimes: readonly [number, number, number];
  readonly report: string;
}

/** What a plan tells about itself at its first run. */
export interface PlanState {
  readonly kernels: Readonly<Record<Phase, number>>;
  readonly arenaBytes: number;
  readonly text: string;
}

/** From the thread. Runs are answered in their order; those behind a failed one are not answered. */
export type Answer =
  | { readonly kind: "ready"; readonly features: string; readonly threads: number; readonly report: string }
  | {
      readonly kind: "done";
      readonly results: readonly TypedArray[];
      readonly state: DeviceState;
      readonly plan: PlanState | undefined;
    }
  | { readonly kind: "failed"; readonly failure: RunFailure }
  | { readonly kind: "read"; readonly request: number; readonly data: TypedArray | undefined };
