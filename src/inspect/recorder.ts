/**
 * What a step is made of: the vertices of its three phases in the order in which they were made, the calls of modules, and
 * what belongs to what. Floor: inspect.
 */
import { itemSize } from "../base/dtype.ts";
import { sizeOf } from "../base/shape.ts";
import { phases } from "../ir/mode.ts";
import { type Value, watching } from "../ir/value.ts";
import { watchedCalls } from "../nn/module/forward-call.ts";
import { tensorsIn } from "../nn/module/tensors-in.ts";
import type { TreeNode } from "../nn/module/tree.ts";
import { inner } from "../tensor/inner.ts";
import type { Reached } from "../transform/grad.ts";
import { type CallSite, callSiteHere } from "./call-site.ts";
import type { TraceCall, TraceOperation } from "./trace-format.ts";

const noSite: CallSite = { line: "", call: "" };

interface Made {
  readonly site: CallSite;
  /** A run drops them from the vertex. */
  readonly inputs: readonly Value[];
  readonly isOfLoss: boolean;
}

/** An operation while it is being put together. */
export type DescribedOperation = { -readonly [K in keyof TraceOperation]: TraceOperation[K] };

export class Recorder {
  readonly #made = new Map<Value, Made>();
  readonly #withLines: boolean;
  readonly #calls = new Map<TreeNode, { inputs: Value[]; outputs: Value[] }[]>();
  readonly #gradients = new Map<Value, Value>();
  readonly #derivativeOf = new Map<Value, Value>();
  readonly #labels = new Map<Value, string>();
  /** Vertices of the backward pass that are not known to belong to an operation yet. */
  #loose: Value[] = [];
  #isOfLoss = false;
  /** Of the call that is making vertices: it ends by giving its result. */
  #site: CallSite | undefined;

  constructor(withLines: boolean) {
    this.#withLines = withLines;
  }

  /** Watches while a body makes vertices. */
  watch<T>(body: () => T): T {
    const before = { made: watching.made, given: watching.given, ended: watchedCalls.ended };
    this.#site = undefined;
    watching.made = (value) => this.#note(value);
    watching.given = () => {
      this.#site = undefined;
    };
    watchedCalls.ended = (module, args, result) => this.#noteCall(module, args, result);
    try {
      return body();
    } finally {
      watching.made = before.made;
      watching.given = before.given;
      watchedCalls.ended = before.ended;
    }
  }

  /** `watch` for the part behind the model. */
  watchLoss<T>(body: () => T): T {
    this.#isOfLoss = true;
    try {
      return this.watch(body);
    } finally {
      this.#isOfLoss = false;
    }
  }

  #note(value: Value): void {
    const isPlaced = value.phase === 0 && this.#withLines;
    if (isPlaced) this.#site ??= callSiteHere();
    this.#made.set(value, {
      site: (isPlaced ? this.#site : undefined) ?? noSite,
      inputs: inputsOf(value),
      isOfLoss: this.#isOfLoss,
    });
    if (value.phase === 1) this.#loose.push(value);
  }

  #noteCall(module: TreeNode, args: readonly unknown[], result: unknown): void {
    const valuesIn = (structure: unknown): Value[] => tensorsIn(structure).map((x) => x[inner].value);
    const calls = this.#calls.get(module) ?? [];
    calls.push({ inputs: valuesIn(args), outputs: valuesIn(result) });
    this.#calls.set(module, calls);
  }

  /** Gives a vertex that the step begins with a name. */
  label(value: Value, label: string): void {
    if (!this.#labels.has(value)) this.#labels.set(value, label);
  }

  /** The gradient of a vertex is complete and has flowed on: what was made for that belongs to it. */
  noteFlow(value: Value, gradient: Value): void {
    this.#gradients.set(value, gradient);
    for (const made of this.#loose) this.#derivativeOf.set(made, value);
    this.#loose = [];
  }

  /** The ends of the backward pass. */
  noteReached(reached: readonly Reached[]): void {
    for (const { value, gradient } of reached) {
      this.#gradients.set(value, gradient);
      if (this.#loose.includes(gradient)) this.#derivativeOf.set(gradient, value);
    }
    this.#loose = [];
  }

  gradientOf(value: Value): Value | undefined {
    return this.#gradients.get(value);
  }

  /**
   * The graph of what `ends` need, without what only shortcuts of the library read. Numbers are places in the list.
   */
  graph(ends: readonly Value[]): RecordedGraph {
    const numbers = new Map<Value, number>();
    const order: Value[] = [];
    // By phase, so that what is only read by a later one does not stand in its midst.
    for (const root of [...ends].sort((a, b) => a.phase - b.phase)) this.#visit(root, numbers, order);
    const graph = new RecordedGraph(order, numbers);
    this.#describeGradients(graph);
    return graph;
  }

  /** Adds all that the update made, once it is written. */
  addUpdate({ order, numbers }: RecordedGraph): void {
    for (const value of this.#made.keys()) if (value.phase === 2) this.#visit(value, numbers, order);
  }

  #describeGradients(graph: RecordedGraph): void {
    const { order } = graph;
    for (let i = 0; i < order.length; i++) {
      const value = order[i] as Value;
      const gradient = this.#gradients.get(value);
      // One that stands for several values is that of the last.
      if (gradient !== undefined) graph.gradients.set(gradient, i);
      if (value.phase !== 1) continue;
      for (const input of this.#inputsOf(value)) {
        // The vertex of a parameter is of the update before.
        if (input.phase === 0 || !this.#made.has(input)) graph.readBack.add(input);
      }
    }
  }

  #visit(root: Value, numbers: Map<Value, number>, order: Value[]): void {
    const path: { readonly value: Value; next: number }[] = [];
    const enter = (value: Value): void => {
      if (numbers.has(value)) return;
      numbers.set(value, -1);
      path.push({ value, next: 0 });
    };
    enter(root);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const input = this.#inputsOf(top.value)[top.next++];
      if (input !== undefined) {
        enter(input);
        continue;
      }
      numbers.set(top.value, order.length);
      order.push(top.value);
      path.pop();
    }
  }

  /** What was there before the step has none. */
  #inputsOf(value: Value): readonly Value[] {
    return this.#made.get(value)?.inputs ?? none;
  }

  /** Everything of an operation but its value. There are thousands of them, so no object is made on the way. */
  describe(value: Value, graph: RecordedGraph): DescribedOperation {
    const made = this.#made.get(value);
    const phase = made === undefined ? (graph.number(value) < graph.updatesFrom ? 0 : 2) : value.phase;
    const operation: DescribedOperation = {
      phase: phases[phase],
      op: opOf(value, made),
      call: made?.site.call ?? "",
      module: moduleOf(value, made),
      line: made?.site.line ?? "",
      label: this.#labelOf(value),
      inputs: (made?.inputs ?? none).map((input) => graph.number(input)),
      shape: [...value.shape],
      dtype: value.dtype,
      settings: settingsOf(value),
      keptBytes: graph.readBack.has(value) ? sizeOf(value.shape) * itemSize[value.dtype] : 0,
    };
    const derivativeOf = graph.numberOf(this.#derivativeOf.get(value));
    if (derivativeOf !== undefined) operation.derivativeOf = derivativeOf;
    const gradient = graph.numberOf(this.#gradients.get(value));
    if (gradient !== undefined) operation.gradient = gradient;
    const gradientOf = phase === 1 ? graph.gradients.get(value) : undefined;
    if (gradientOf !== undefined) operation.gradientOf = gradientOf;
    return operation;
  }

  /** What made a vertex, and where. */
  placeOf(value: Value): Pick<TraceOperation, "op" | "call" | "module" | "line"> {
    const made = this.#made.get(value);
    return {
      op: opOf(value, made),
      call: made?.site.call ?? "",
      module: moduleOf(value, made),
      line: made?.site.line ?? "",
    };
  }

  #labelOf(value: Value): string {
    const known = this.#labels.get(value);
    if (known !== undefined) return known;
    const { leaf } = value;
    if (leaf?.kind === "cell") return leaf.cell.label;
    if (leaf?.kind === "slot") return String(leaf.read());
    if (value.op.kind === "constant") return String(value.attrs["value"]);
    // A tensor that was written before the step and had not been computed.
    return leaf === undefined && !this.#made.has(value) ? value.op.name : "";
  }

  /** Calls by numbers; a tensor that leads nowhere is left out. */
  callNumbers(module: TreeNode, graph: RecordedGraph): TraceCall[] {
    const numbersOf = (values: readonly Value[]): number[] =>
      values.filter((value) => graph.has(value)).map((value) => graph.number(value));
    return (this.#calls.get(module) ?? []).map(({ inputs, outputs }) => ({
      inputs: numbersOf(inputs),
      outputs: numbersOf(outputs),
    }));
  }

  /** The results of all calls of modules. */
  results(): Value[] {
    return [...this.#calls.values()].flatMap((calls) => calls.flatMap(({ outputs }) => outputs));
  }
}

const none: readonly Value[] = [];

function opOf({ attrs, op }: Value, made: Made | undefined): string {
  const rule = attrs["rule"];
  return made === undefined ? "leaf" : typeof rule === "string" ? rule : op.name;
}

function moduleOf({ path }: Value, made: Made | undefined): string {
  return made === undefined ? "" : made.isOfLoss && path === "" ? "loss" : path;
}

/** A graph with its vertices numbered. */
export class RecordedGraph {
  readonly order: Value[];
  readonly numbers: Map<Value, number>;
  /** The first number of what only the update needs. */
  readonly updatesFrom: number;
  /** By a gradient's vertex: the number of what it is the gradient of. */
  readonly gradients = new Map<Value, number>();
  /** Vertices of the forward pass that the backward pass reads. */
  readonly readBack = new Set<Value>();

  constructor(order: Value[], numbers: Map<Value, number>) {
    this.order = order;
    this.numbers = numbers;
    this.updatesFrom = order.length;
  }

  has(value: Value): boolean {
    return this.numbers.has(value);
  }

  number(value: Value): number {
    return this.numbers.get(value) as number;
  }

  /** Undefined for a vertex that is not in the graph. */
  numberOf(value: Value | undefined): number | undefined {
    return value === undefined ? undefined : this.numbers.get(value);
  }
}

/**
 * What a result is made of, as a reader thinks of it: a value with a derivative of its own is made of what that derivative
 * is for, and of two ways to the same the one of primitives counts.
 */
function inputsOf(value: Value): readonly Value[] {
  const { inputs } = value;
  if (typeof value.attrs["rule"] === "string") return inputs.slice(1);
  return value.op.kind === "either" ? inputs.slice(0, 1) : inputs;
}

/** Attributes that are not plain from the result's type; of a loop its body is left out. */
function settingsOf({ op, attrs }: Value): TraceOperation["settings"] {
  const settings: Record<string, number | boolean | string | readonly number[]> = {};
  for (const [name, attr] of Object.entries(attrs)) {
    if (name === "shape" || name === "dtype" || name === "rule" || op.kind === "leaf") continue;
    if (typeof attr !== "object") settings[name] = attr;
    else if (!("words" in attr)) settings[name] = [...attr];
  }
  return settings;
}
