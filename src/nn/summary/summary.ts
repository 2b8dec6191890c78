/** What a model is made of and what one forward pass costs, read off its graph. Floor: nn. */
import { type Dtype, isFloating, itemSize } from "../../base/dtype.ts";
import { TwopassError, describe, showShape } from "../../base/errors.ts";
import { restoreStreams, streamStates } from "../../base/random-stream.ts";
import { type Shape, sizeOf } from "../../base/shape.ts";
import { withMode } from "../../ir/mode.ts";
import { type Value, newestId, sortGraph } from "../../ir/value.ts";
import { dotDims } from "../../ops/contract.ts";
import { kit } from "../../ops/kit.ts";
import { makeLeaf } from "../../ops/leaf.ts";
import { loopSettings } from "../../ops/loop.ts";
import { Capture, takeBack, trace, tracing } from "../../tensor/capture.ts";
import { valueOf } from "../../tensor/handle.ts";
import { Inner, inner } from "../../tensor/inner.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { pullback } from "../../transform/grad.ts";
import { Module } from "../module/module.ts";
import { PackedSequence } from "../recurrent/packed-sequence.ts";
import { mapTensors, tensorsIn } from "../module/tensors-in.ts";
import { countText, sizeText, tableText } from "./table-text.ts";

/** One module. Numbers are its own, without those of the modules below it, so that columns add up. */
export interface SummaryRow {
  /** Property path, "" for the model itself. */
  readonly path: string;
  /** Name of the class. */
  readonly className: string;
  /** Shapes of the tensors that its last call gave; empty where it was not called. */
  readonly outputShapes: readonly Shape[];
  readonly calls: number;
  /** Elements of its parameters; shared ones count at their first path. */
  readonly parameters: number;
  readonly multiplyAdds: number;
  /** Bytes of the values made in its calls that the backward pass reads. */
  readonly activationBytes: number;
}

interface Totals {
  readonly parameters: number;
  readonly trainable: number;
  readonly buffers: number;
  readonly parameterBytes: number;
}

function isBelow(path: string, above: string): boolean {
  return above === "" || path.startsWith(`${above}.`);
}

/**
 * What `summary` gives. `toString()` is a table.
 *
 * @example
 * nn.summary(new nn.Sequential(new nn.Linear(3, 2), new nn.ReLU()), [5, 3]).trainable; // 8
 */
export class Summary {
  readonly rows: readonly SummaryRow[];
  /** Elements of all parameters, of those that require grad, and of all buffers. */
  readonly parameters: number;
  readonly trainable: number;
  readonly buffers: number;
  /** Multiplications with an addition in all products and convolutions of one forward pass. */
  readonly multiplyAdds: number;
  readonly parameterBytes: number;
  /** Bytes of the values that one forward pass keeps for the backward pass. */
  readonly activationBytes: number;

  constructor(rows: readonly SummaryRow[], totals: Totals) {
    this.rows = rows;
    this.parameters = totals.parameters;
    this.trainable = totals.trainable;
    this.buffers = totals.buffers;
    this.parameterBytes = totals.parameterBytes;
    this.multiplyAdds = rows.reduce((sum, row) => sum + row.multiplyAdds, 0);
    this.activationBytes = rows.reduce((sum, row) => sum + row.activationBytes, 0);
  }

  toString(): string {
    const above: string[] = [];
    const lines = this.rows.map((row) => {
      const { path } = row;
      // Each row follows the rows above it in the tree; a step of the path may be an array, which has no row.
      while (above.length > 0 && !isBelow(path, above.at(-1) ?? "")) above.pop();
      const from = above.at(-1) ?? "";
      const key = path.slice(from === "" ? 0 : from.length + 1);
      const name = `${"  ".repeat(above.length)}${key === "" ? "" : `${key} `}${row.className}`;
      above.push(path);
      return [
        row.calls > 1 ? `${name} (${row.calls} calls)` : name,
        row.outputShapes.map(showShape).join(" "),
        countText(row.parameters),
        countText(row.multiplyAdds),
        sizeText(row.activationBytes),
      ];
    });
    const head = ["layer", "output", "parameters", "multiply-adds", "kept for backward"];
    const last = [
      "total",
      "",
      countText(this.parameters),
      countText(this.multiplyAdds),
      sizeText(this.activationBytes),
    ];
    return [
      ...tableText(head, lines, last),
      `${countText(this.parameters)} parameters (${sizeText(this.parameterBytes)}), ${countText(this.trainable)} of them trainable`,
      `${countText(this.buffers)} elements in buffers`,
    ].join("\n");
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}

/**
 * A table of a model's layers: output shapes, parameters, multiply-adds, and bytes kept for the backward pass.
 *
 * `forward` is called once to build its graph, in the mode (training or evaluation) the model is in. Nothing is computed,
 * and nothing is changed: running statistics, random streams and pending work stay as they are. Only what `forward`
 * itself assigns to fields of its own stays assigned.
 *
 * Multiply-adds are counted where products and convolutions are, whoever calls them; elementwise work is not. What is
 * kept for the backward pass are the values of the forward pass that it reads; fused kernels may compute some of them
 * again instead.
 *
 * @param inputs the arguments of `forward`: tensors, or shapes such as `[1, 1, 28, 28]` for zeros of the parameters' dtype.
 * A list of shapes stands for all arguments: `[[1, 1, 28, 28]]`. Token inputs are tensors: `zeros(1, 16, { dtype: "int32" })`.
 * @throws what `forward` throws, and where it reads elements.
 * @example
 * nn.summary(new nn.Linear(3, 2), [5, 3]).multiplyAdds; // 30
 */
export function summary(model: Module, ...inputs: readonly unknown[]): Summary {
  if (!(model instanceof Module)) {
    throw new TwopassError({ op: "summary", problem: "takes a module", facts: `got ${describe(model)}` });
  }
  if (tracing() !== undefined) {
    throw new TwopassError({
      op: "summary",
      problem: "cannot be called in a compiled function",
      hint: "call it outside",
    });
  }
  const calls = new CallLog(model);
  const start = newestId();
  const { results, kept } = dryRun(() => {
    const placed = readInputs(inputs, model.parameters().find((x) => isFloating(x.dtype))?.dtype ?? "float32");
    const forward = Reflect.get(model, "forward") as (...args: unknown[]) => unknown;
    const output = calls.record(() => Reflect.apply(forward, model, placed) as unknown);
    const values = resultsIn(output).map((x) => x[inner].value);
    return { results: values, kept: keptValues(values, start) };
  });
  const isOld = (value: Value): boolean => value.leaf !== undefined || value.id <= start;
  for (const value of sortGraph(results, isOld).order) {
    if (!isOld(value)) calls.at(value).multiplyAdds += multiplyAddsOf(value);
  }
  for (const value of kept) calls.at(value).activationBytes += sizeOf(value.shape) * itemSize[value.dtype];
  const parameters = model.parameters();
  const count = (tensors: readonly Tensor[]): number => tensors.reduce((sum, x) => sum + x.size, 0);
  return new Summary(calls.rows(), {
    parameters: count(parameters),
    trainable: count(parameters.filter((x) => x.requiresGrad)),
    buffers: count(model.buffers()),
    parameterBytes: parameters.reduce((sum, x) => sum + x.size * itemSize[x.dtype], 0),
  });
}

/** Runs `body` so that it only builds vertices, and takes back what it did beside. */
function dryRun<T>(body: () => T): T {
  const before = streamStates();
  const capture = new Capture(true);
  try {
    return withMode({ grad: true, phase: 0 }, () => trace(capture, body));
  } catch (error) {
    if (!(error instanceof TwopassError) || error.op !== "compile") throw error;
    throw new TwopassError({
      op: "summary",
      problem: "forward needs more than its graph",
      facts: error.message,
      hint: "nothing is computed here: keep to tensor operations in forward, and read results outside",
      cause: error,
    });
  } finally {
    takeBack(capture.undos);
    const after = streamStates();
    // A stream that was not there before goes back to its start.
    for (const [name, state] of Object.entries(after)) after[name] = before[name] ?? { ...state, position: 0 };
    restoreStreams(after);
  }
}

const isShape = (x: unknown): x is readonly number[] => Array.isArray(x) && x.every((n) => typeof n === "number");

/** The arguments of `forward`; shapes become zeros of `dtype`. */
function readInputs(inputs: readonly unknown[], dtype: Dtype): unknown[] {
  const [only] = inputs;
  const isList = inputs.length === 1 && Array.isArray(only) && only.length > 0 && only.every(isShape);
  return (isList ? (only as readonly unknown[]) : inputs).map((input) => readInput(input, dtype));
}

/** Tensors stand for themselves, but that they are used here counts nowhere. */
function readInput(input: unknown, dtype: Dtype): unknown {
  if (isShape(input)) {
    const bad = input.find((n) => !Number.isInteger(n) || n < 0);
    if (bad === undefined) return new Tensor(new Inner(kit.full([...input], 0, dtype), undefined));
    throw new TwopassError({
      op: "summary",
      problem: "an input is a tensor or a shape of whole numbers",
      facts: `got ${showShape(input)}`,
    });
  }
  if (Array.isArray(input)) return input.map((item) => readInput(item, dtype));
  return input instanceof PackedSequence ? input.with(standIn(input.padded)) : mapTensors(input, standIn);
}

/** Another tensor with the same content; a stored one stands for itself. */
function standIn(x: Tensor): Tensor {
  const { cell, engine } = x[inner];
  const value = valueOf(x);
  if (cell !== undefined) return x;
  const copy = value.leaf === undefined ? kit.alias(value, x.requiresGrad) : kit.leafLike(value, x.requiresGrad);
  return new Tensor(new Inner(copy, engine, undefined, x.requiresGrad));
}

/** All tensors of a result. */
function resultsIn(output: unknown): Tensor[] {
  if (output instanceof PackedSequence) return [output.padded];
  if (Array.isArray(output)) return output.flatMap(resultsIn);
  return tensorsIn(output);
}

/** The values behind vertex `start` that a backward pass from all results to all parameters reads. */
function keptValues(results: readonly Value[], start: number): Set<Value> {
  const seeds = results
    .filter((value) => value.requiresGrad && isFloating(value.dtype))
    .map((value) => ({ value, gradient: leafLike(value.shape, value.dtype) }));
  const { reached } = withMode({ phase: 1, grad: false }, () => pullback("summary", seeds));
  const isForward = (value: Value): boolean => value.phase === 0 || value.leaf !== undefined;
  const { order } = sortGraph(
    reached.map((r) => r.gradient),
    isForward,
  );
  const kept = new Set<Value>();
  for (const value of order) {
    if (isForward(value)) continue;
    for (const input of value.inputs) {
      let base = input;
      while (base.op.kind === "view" && base.leaf === undefined) base = base.inputs[0] as Value;
      const isMade = base.leaf === undefined && base.id > start && base.phase === 0;
      if (isMade && base.op.kind !== "constant" && base.op.kind !== "iota") kept.add(base);
    }
  }
  return kept;
}

function leafLike(shape: Shape, dtype: Dtype): Value {
  return makeLeaf(shape, dtype, { kind: "input", index: 0 });
}

/** Products that are added up to compute a vertex. */
function multiplyAddsOf(value: Value): number {
  if (value.op.kind === "loop") {
    const { body, steps } = loopSettings(value.attrs);
    const { order } = sortGraph(body.outputs, () => false);
    return steps * order.reduce((sum, inside) => sum + multiplyAddsOf(inside), 0);
  }
  const [a, b] = value.inputs;
  if (a === undefined || b === undefined) return 0;
  if (value.op.kind === "contract") {
    return dotDims(value.attrs).contractA.reduce((n, dim) => n * (a.shape[dim] as number), sizeOf(value.shape));
  }
  if (value.op.kind !== "conv") return 0;
  // x, w and y: one product for each element of y, each channel of a group and each place of the kernel.
  const [w, y] = value.op.gradientOf === "kernels" ? [value, b] : [b, value.op.gradientOf === "images" ? a : value];
  const filters = w.shape[0] as number;
  return filters === 0 ? 0 : (sizeOf(y.shape) * sizeOf(w.shape)) / filters;
}

/** What is known of one module. */
interface Entry {
  readonly path: string;
  readonly module: Module;
  calls: number;
  outputShapes: readonly Shape[];
  multiplyAdds: number;
  activationBytes: number;
}

/** Which module's call made which vertex: the innermost one that was running. */
class CallLog {
  readonly #entries: readonly Entry[];
  readonly #root: Entry;
  readonly #stack: Entry[] = [];
  /** From vertex number `from` on, `entry` was running; in order. */
  readonly #turns: { readonly from: number; readonly entry: Entry }[] = [];

  constructor(model: Module) {
    this.#entries = model
      .namedModules()
      .map(([path, module]) => ({ path, module, calls: 0, outputShapes: [], multiplyAdds: 0, activationBytes: 0 }));
    this.#root = this.#entries[0] as Entry;
  }

  record<T>(body: () => T): T {
    const handles = this.#entries.flatMap((entry) => [
      entry.module.registerForwardPreHook(() => {
        this.#stack.push(entry);
        this.#turn(entry);
      }),
      entry.module.registerForwardHook((_, __, output) => {
        entry.calls++;
        entry.outputShapes = resultsIn(output).map((x) => x.shape);
        this.#stack.pop();
        this.#turn(this.#stack.at(-1) ?? this.#root);
      }),
    ]);
    try {
      return body();
    } finally {
      for (const handle of handles) handle.remove();
    }
  }

  #turn(entry: Entry): void {
    this.#turns.push({ from: newestId() + 1, entry });
  }

  /** The module whose call made a vertex. */
  at(value: Value): Entry {
    let [low, high] = [0, this.#turns.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#turns[middle] as { from: number }).from <= value.id) low = middle + 1;
      else high = middle;
    }
    return this.#turns[low - 1]?.entry ?? this.#root;
  }

  rows(): SummaryRow[] {
    const counted = new Set<Tensor>();
    return this.#entries.map(({ module, ...entry }) => {
      const below = new Set<Tensor>(module.children().flatMap((child) => child.parameters()));
      let parameters = 0;
      for (const parameter of module.parameters()) {
        if (below.has(parameter) || counted.has(parameter)) continue;
        counted.add(parameter);
        parameters += parameter.size;
      }
      return { ...entry, className: module.constructor.name, parameters };
    });
  }
}
