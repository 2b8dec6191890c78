/**
 * compile(): a synchronous function is traced once for each kind of arguments; later calls run the plan of the trace and
 * build no graph. Floor: tensor.
 */
import type { Dtype } from "../base/dtype.ts";
import { TwopassError, describe } from "../base/errors.ts";
import type { Shape } from "../base/shape.ts";
import type { Cell } from "../ir/cell.ts";
import { mode, withMode } from "../ir/mode.ts";
import type { Key, Wanted } from "../ir/program.ts";
import { type Leaf, type Value, newestId, sortGraph } from "../ir/value.ts";
import { kit } from "../ops/kit.ts";
import { makeLeaf } from "../ops/leaf.ts";
import type { Elements } from "../runtime/device.ts";
import {
  Capture,
  type Effect,
  applyEffect,
  latestChange,
  structureChanges,
  takeBack,
  trace,
  tracing,
} from "./capture.ts";
import { type ArgumentNode, type Place, bindArgument, firstChange, placeArgument } from "./compile-arguments.ts";
import { type Engine, leafOf } from "./engine.ts";
import { currentEngine, startedEngines } from "./engines.ts";
import { TensorHandle, valueOf } from "./handle.ts";
import { Inner, inner } from "./inner.ts";
import type { Operand } from "./operand.ts";
import type { CachedPlan } from "./plan-cache.ts";
import { hint, switches } from "./switches.ts";
import { Tensor } from "./tensor.ts";

/** What a compiled function takes: tensors and numbers, and fixed texts, booleans and null; nested as one likes. */
export type CompileArgument =
  | Operand
  | string
  | null
  | undefined
  | readonly CompileArgument[]
  | { readonly [key: string]: CompileArgument };

/** What a compiled function returns: tensors, nested as one likes, or nothing. */
export type CompileResult =
  | Tensor
  | null
  | undefined
  | void
  | readonly CompileResult[]
  | { readonly [key: string]: CompileResult };

/** A parameter that is a tensor inside takes a number too. */
export type CallArguments<A extends readonly unknown[]> = {
  [K in keyof A]: A[K] extends TensorHandle ? A[K] | number : A[K];
};

export interface Compiled<A extends readonly CompileArgument[], R extends CompileResult> {
  (...args: CallArguments<A>): R;
  /** Says for each trace at which call it was made and why, one a line. */
  explain(): string;
}

/** How a result is put together: kept elements, a stored tensor, or nested ones. */
type ResultNode =
  | {
      readonly kind: "kept";
      readonly index: number;
      readonly shape: Shape;
      readonly dtype: Dtype;
      /** Whether it required grad in the function. */
      readonly hadGradient: boolean;
    }
  | { readonly kind: "same"; readonly result: unknown }
  | { readonly kind: "list"; readonly items: readonly ResultNode[] }
  | { readonly kind: "record"; readonly keys: readonly string[]; readonly items: readonly ResultNode[] };

/** One traced graph, ready to run again. */
interface Traced {
  readonly nodes: readonly ArgumentNode[];
  readonly engine: Engine;
  /** The device that was current, the gradient mode and the count of structure changes when it was traced. */
  readonly current: Engine;
  readonly grad: boolean;
  readonly changes: number;
  readonly cached: CachedPlan;
  readonly key: Pick<Key, "leaves" | "order">;
  /** The leaves of the key with those of the latest call in the places of the arguments. */
  readonly leaves: Leaf[];
  /** For each leaf that is an argument its number among the leaves, and where its elements are. */
  readonly places: readonly { readonly at: number; readonly place: Place }[];
  readonly effects: readonly Effect[];
  readonly cells: readonly Cell[];
  readonly variables: readonly Inner[];
  readonly result: ResultNode;
  /** Calls of this kind so far, and the next one that traces again to see whether the function is what it was. */
  calls: number;
  nextCheck: number;
}

type Results = readonly (Elements | undefined)[];

/** Kinds of arguments whose traces are held. */
const mostTraces = 32;

/**
 * Compiles a synchronous function, such as a training step: calls with arguments of known shapes and dtypes run a plan
 * and build no graph.
 *
 * It may use stored tensors (parameters, buffers, the optimiser's state), call `backward()` and `step()`, and write.
 * For a training step it takes the whole of it: `zeroGrad()`, forward pass, loss, `backward()` and `step()`. Only what it
 * returns is kept, without gradients; `.grad` of what it differentiates is unset afterwards. A number
 * argument arrives as a 0-d tensor, so that other numbers compile nothing. Numbers and tensors from outside must stay
 * what they are: some calls (the 2nd, 4th, 8th, ...) trace again, and throw where that is not so.
 *
 * @throws where the function is async, reads elements, or makes a tensor from data.
 * @example
 * const scale = compile((x: Tensor, by: Tensor) => x.mul(by));
 * await scale(tensor([1, 2]), 3).array(); // [3, 6]
 */
export function compile<A extends readonly CompileArgument[], R extends CompileResult>(
  fn: (...args: A) => R,
): Compiled<A, R> {
  if (typeof fn !== "function") {
    throw new TwopassError({ op: "compile", problem: "takes a function", facts: `got ${describe(fn)}` });
  }
  const compiler = new Compiler(fn as (...args: readonly unknown[]) => unknown);
  const call = (...args: CallArguments<A>): R => compiler.call(args) as R;
  return Object.assign(call, { explain: () => compiler.explain() });
}

class Compiler {
  readonly #fn: (...args: readonly unknown[]) => unknown;
  readonly #traced: Traced[] = [];
  readonly #log: string[] = [];
  #calls = 0;

  constructor(fn: (...args: readonly unknown[]) => unknown) {
    this.#fn = fn;
  }

  explain(): string {
    return this.#log.join("\n");
  }

  call(args: readonly unknown[]): unknown {
    // Inside of another trace, or where each operation shall run as it is written, the function is just called.
    if (tracing() !== undefined || switches.eager || switches.finite) return this.#fn(...args);
    this.#calls++;
    const known = this.#find(args);
    if (known === undefined) return this.#trace(args, undefined);
    const isFresh = known.changes === structureChanges() && known.cached.alive;
    return isFresh && known.calls + 1 < known.nextCheck ? replay(known) : this.#trace(args, known);
  }

  /** The trace for such arguments, with the arguments bound to it. The last one used is the first one tried. */
  #find(args: readonly unknown[]): Traced | undefined {
    const all = this.#traced;
    for (let i = all.length - 1; i >= 0; i--) {
      const traced = all[i] as Traced;
      if (!fits(traced, args)) continue;
      if (i < all.length - 1) {
        all.splice(i, 1);
        all.push(traced);
      }
      return traced;
    }
    return undefined;
  }

  #trace(args: readonly unknown[], known: Traced | undefined): unknown {
    for (const engine of startedEngines().values()) if (!engine.idle) engine.run([]);
    const places: Place[] = [];
    const placed = args.map((arg) => placeArgument(arg, places));
    const start = newestId();
    const capture = new Capture();
    const kept: Value[] = [];
    let traced: Traced;
    let results: Results;
    try {
      let left: readonly LeftGradient[] = [];
      const result = trace(capture, () => {
        const described = describeResult(this.#fn(...placed.map((p) => p.inside)), kept);
        left = leftGradients(capture);
        return described;
      });
      hintUnused(left, [...kept, ...[...capture.writes.values()].map(({ content }) => content)]);
      const engine = capture.engine ?? currentEngine();
      traced = prepare(
        engine,
        placed.map((p) => p.node),
        places,
        capture,
        kept,
        result,
        start,
      );
      if (known !== undefined) this.#compare(known, traced, args);
      else this.#log.push(`call ${this.#calls}: traced: ${this.#reason(args)}`);
      results = engine.start(traced.cached.plan, traced.leaves, traced.key);
    } catch (error) {
      takeBack(capture.undos);
      throw error;
    }
    this.#hold(traced, known);
    return finish(traced, results, capture.undos);
  }

  #hold(traced: Traced, known: Traced | undefined): void {
    if (known !== undefined) this.#traced.splice(this.#traced.indexOf(known), 1);
    this.#traced.push(traced);
    if (this.#traced.length > mostTraces) this.#traced.shift();
  }

  /** Why there is no trace for these arguments. */
  #reason(args: readonly unknown[]): string {
    const last = this.#traced[this.#traced.length - 1];
    if (last === undefined) return "the first call";
    if (last.nodes.length !== args.length) return `${args.length} arguments instead of ${last.nodes.length}`;
    const change = firstChange(last.nodes, args, (i) => `argument ${i + 1}`);
    if (change !== undefined) return change;
    if (last.grad !== mode.grad) return mode.grad ? "gradients are recorded now" : "gradients are not recorded now";
    return "the device changed";
  }

  /** Looks whether the function did what it did before; carries over how often it was called. */
  #compare(known: Traced, traced: Traced, args: readonly unknown[]): void {
    traced.calls = known.calls;
    traced.nextCheck = known.calls + 1 < known.nextCheck ? known.nextCheck : 2 * known.nextCheck;
    if (known.changes !== traced.changes) {
      this.#log.push(`call ${this.#calls}: traced again: ${latestChange()}`);
      if (!sameGraph(known, traced)) traced.nextCheck = traced.calls + 2;
      return;
    }
    if (!known.cached.alive) {
      this.#log.push(`call ${this.#calls}: traced again: its plan was dropped from the cache`);
      return;
    }
    if (sameGraph(known, traced)) {
      const change = outsideChange(known, traced);
      if (change === undefined) return;
      throw new TwopassError({
        op: "compile",
        problem: "something from outside of the function changed",
        facts: change,
        hint: "give it as an argument, or keep it in a StoredTensor",
      });
    }
    if (known.calls > 1) {
      throw new TwopassError({
        op: "compile",
        problem: "the function built another graph for the same kind of arguments",
        facts: `at call ${this.#calls}, with ${args.length} ${args.length === 1 ? "argument" : "arguments"}`,
        hint: "what it depends on must be an argument; compile a function for each case",
      });
    }
    // Optimisers make their state at the first step, so the second trace may be the one that lasts.
    traced.nextCheck = 3;
    this.#log.push(`call ${this.#calls}: traced again: the function built another graph at its second call`);
  }
}

/** A gradient that a variable has at the end of a function. */
interface LeftGradient {
  readonly label: string;
  readonly value: Value;
}

function leftGradients({ gradients }: Capture): LeftGradient[] {
  return [...gradients.keys()].flatMap(({ gradient, cell }) =>
    gradient === undefined ? [] : [{ label: cell?.label ?? "a tensor", value: gradient }],
  );
}

/** Gradients are gone after a call: where nothing that is kept is made of one, the program may have meant otherwise. */
function hintUnused(left: readonly LeftGradient[], kept: readonly Value[]): void {
  const [first] = left;
  if (first === undefined) return;
  const { walk } = sortGraph(kept, (value) => value.leaf !== undefined);
  if (left.some(({ value }) => value.mark === walk)) return;
  const others = left.length === 1 ? "" : ` and ${left.length - 1} more`;
  hint(
    `compile: the gradients of ${first.label}${others} do not leave the function, and nothing in it uses them; ` +
      "call step() inside, or return them",
  );
}

function fits(traced: Traced, args: readonly unknown[]): boolean {
  const nodes = traced.nodes;
  if (nodes.length !== args.length || traced.grad !== mode.grad || traced.current !== currentEngine()) return false;
  for (let i = 0; i < nodes.length; i++) if (!bindArgument(nodes[i] as ArgumentNode, args[i])) return false;
  return true;
}

/** Makes the plan of a trace. */
function prepare(
  engine: Engine,
  nodes: readonly ArgumentNode[],
  places: readonly Place[],
  capture: Capture,
  kept: readonly Value[],
  result: ResultNode,
  start: number,
): Traced {
  const wanted: Wanted[] = kept.map((value) => ({ value, cell: undefined }));
  const seen = new Set(kept);
  for (const [cell, { content }] of capture.writes) {
    const value = seen.has(content) ? kit.alias(content, false) : content;
    seen.add(value);
    wanted.push({ value, cell });
  }
  realizeOutside(engine, wanted, start);
  const { key, cached } = engine.prepare(wanted);
  const mayFail = key.order.some(({ op }) => op.kind === "gather" || op.kind === "scatter");
  return {
    nodes,
    engine,
    current: currentEngine(),
    grad: mode.grad,
    changes: structureChanges(),
    cached,
    // Vertices are needed only to say which one failed.
    key: { leaves: key.leaves, order: mayFail ? key.order : [] },
    leaves: key.leaves.map((leaf) => (leaf.kind === "input" ? (places[leaf.index] as Place).leaf : leaf)),
    places: key.leaves.flatMap((leaf, at) =>
      leaf.kind === "input" ? [{ at, place: places[leaf.index] as Place }] : [],
    ),
    effects: capture.effects,
    cells: [...capture.writes.keys()],
    variables: [...capture.gradients.keys()],
    result,
    calls: 0,
    nextCheck: 2,
  };
}

/** Pending tensors from outside are run once, not at each call. */
function realizeOutside(engine: Engine, wanted: readonly Wanted[], start: number): void {
  const isOutside = (value: Value): boolean => value.leaf !== undefined || value.id <= start;
  const { order } = sortGraph(
    wanted.map((w) => w.value),
    isOutside,
  );
  const pending = order.filter((value) => value.leaf === undefined && value.id <= start);
  if (pending.length > 0) engine.run(pending);
}

function replay(traced: Traced): unknown {
  const { engine, effects } = traced;
  if (!engine.idle) engine.run([]);
  const undos: (() => void)[] = [];
  for (const { at, place } of traced.places) traced.leaves[at] = place.leaf;
  let results: Results;
  try {
    for (let i = 0; i < effects.length; i++) {
      const undo = applyEffect(effects[i] as Effect);
      if (undo !== undefined) undos.push(undo);
    }
    results = engine.start(traced.cached.plan, traced.leaves, traced.key);
  } catch (error) {
    takeBack(undos);
    throw error;
  }
  engine.plans.touch(traced.cached);
  return finish(traced, results, undos);
}

/** After a run: cells have new versions, gradients are unset, results are put together. */
function finish(traced: Traced, results: Results, undos: readonly (() => void)[]): unknown {
  const { cells, variables } = traced;
  traced.engine.noteUndo(cells, undos);
  traced.calls++;
  for (let i = 0; i < cells.length; i++) (cells[i] as Cell).change();
  for (let i = 0; i < variables.length; i++) (variables[i] as Inner).gradient = undefined;
  return buildResult(traced.result, results, traced.engine);
}

/** The tree of a result; `kept` gets the vertices to keep, each once. */
function describeResult(x: unknown, kept: Value[]): ResultNode {
  if (x instanceof TensorHandle) {
    if (x[inner].cell !== undefined) return { kind: "same", result: x };
    let value = valueOf(x);
    if (value.leaf !== undefined) value = withMode({ phase: 0 }, () => kit.alias(value, false));
    let index = kept.indexOf(value);
    if (index < 0) index = kept.push(value) - 1;
    return { kind: "kept", index, shape: value.shape, dtype: value.dtype, hadGradient: valueOf(x).requiresGrad };
  }
  if (x === undefined || x === null) return { kind: "same", result: x };
  if (Array.isArray(x)) return { kind: "list", items: x.map((item) => describeResult(item, kept)) };
  if (typeof x === "object" && Object.getPrototypeOf(x) === Object.prototype) {
    const keys = Object.keys(x);
    return { kind: "record", keys, items: Object.values(x).map((item) => describeResult(item, kept)) };
  }
  if (x instanceof Promise) {
    x.catch(() => undefined);
    throw new TwopassError({
      op: "compile",
      problem: "takes a synchronous function",
      facts: "got one that returns a Promise",
      hint: "await outside: load data before the call, read results after it",
    });
  }
  throw new TwopassError({
    op: "compile",
    problem: "a compiled function returns tensors",
    facts: `got ${describe(x)}`,
    hint: "anything else would be that of the first call; return the tensor and read it outside",
  });
}

function buildResult(node: ResultNode, results: Results, engine: Engine): unknown {
  switch (node.kind) {
    case "kept": {
      const leaf = leafOf(results[node.index] as Elements);
      const value = makeLeaf(node.shape, node.dtype, leaf);
      // Nothing of its graph is left: a backward() outside can say why there is no gradient.
      value.released = node.hadGradient;
      return new Tensor(new Inner(value, engine));
    }
    case "same":
      return node.result;
    case "list":
      return node.items.map((item) => buildResult(item, results, engine));
    case "record":
      return Object.fromEntries(
        node.keys.map((key, i) => [key, buildResult(node.items[i] as ResultNode, results, engine)]),
      );
  }
}

/** Whether two traces are one graph over the same cells. */
function sameGraph(a: Traced, b: Traced): boolean {
  return (
    a.cached === b.cached &&
    a.cells.length === b.cells.length &&
    a.key.leaves.every((leaf, i) => {
      const other = b.key.leaves[i];
      return leaf.kind !== "cell" || (other?.kind === "cell" && other.cell === leaf.cell);
    })
  );
}

/** In words: a number or a tensor that is no argument and differs between two traces of one graph. */
function outsideChange(a: Traced, b: Traced): string | undefined {
  for (let i = 0; i < a.key.leaves.length; i++) {
    const [was, is] = [a.key.leaves[i] as Leaf, b.key.leaves[i] as Leaf];
    if (was.kind !== is.kind) return "a tensor from outside became an argument, or the other way round";
    if (was.kind === "slot" && is.kind === "slot" && !Object.is(was.written, is.written)) {
      return `the number ${was.written ?? "read from the host"} is ${is.written ?? "read from the host"} now`;
    }
    if (was.kind === "remote" && is.kind === "remote" && was.result !== is.result) {
      return "a result from outside is another one now";
    }
    if (was.kind === "data" && is.kind === "data" && was.data !== is.data) {
      return `a tensor of ${was.data.length} elements is another one now`;
    }
    if (was.kind === "input" && is.kind === "input" && was.index !== is.index)
      return "arguments are used in another order";
  }
  return undefined;
}
