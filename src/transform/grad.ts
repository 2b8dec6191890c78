/**
 * Reverse-mode differentiation: the backward pass as a graph of the same primitives, so that it runs on every device
 * and can be differentiated again. Nothing is computed here. Floor: transform.
 */
import { TwopassError, internal, showShape } from "../base/errors.ts";
import { sameShape } from "../base/shape.ts";
import { mode, withMode } from "../ir/mode.ts";
import type { Value } from "../ir/value.ts";
import { sortGraph } from "../ir/value.ts";
import { type Kit, kit } from "../ops/kit.ts";
import { listOf, numberOf } from "../ops/record.ts";
import type { Rule } from "../ops/record.ts";
import { loopRule } from "./loop/rule.ts";

/** An output of the function to differentiate and the gradient that comes into it. */
export interface Seed {
  readonly value: Value;
  readonly gradient: Value;
}

export interface Reached {
  readonly value: Value;
  readonly gradient: Value;
}

export interface Pullback {
  /** The vertices that were asked for and that the gradient reached, with what they got, outputs first. */
  readonly reached: readonly Reached[];
  /** Vertices that the gradient flowed through to their inputs, outputs first. */
  readonly visited: readonly Value[];
}

/** Sees the gradient of a vertex where it is complete, before it flows on; what it gives flows on instead. */
export type GradientHook = (gradient: Value) => Value;

/** Something that can be taken off again. */
export interface HookHandle {
  remove(): void;
}

/** By vertex, or by the owner of the vertices that stand for one variable over time. */
const hooks = new WeakMap<object, Set<GradientHook>>();
let hooksMade = 0;

/** Puts a hook on the gradient of a vertex, or of all vertices of an owner. */
export function hookGradient(target: object, hook: GradientHook): HookHandle {
  const known = hooks.get(target) ?? new Set();
  hooks.set(target, known.add(hook));
  hooksMade++;
  return {
    remove: () => {
      known.delete(hook);
    },
  };
}

/** Whether there ever was a hook. */
export function hasHooks(): boolean {
  return hooksMade > 0;
}

function applyHooks(value: Value, gradient: Value): Value {
  let current = gradient;
  for (const target of [value, value.owner]) {
    if (target === undefined) continue;
    for (const hook of hooks.get(target) ?? []) current = hook(current);
  }
  checkGradient(value, current);
  return current;
}

/** Sees each vertex that the gradient flows through: what comes in, and what goes out to each input. */
export type FlowObserver = (value: Value, gradient: Value, results: readonly (Value | undefined)[]) => void;

/**
 * The gradients of Σ seedᵢ · outputᵢ with respect to the vertices of `wanted`, or where that is not given, to all
 * vertices that have an owner. Vertices are taken in reverse topological order; the contributions of all users are
 * added in that order.
 */
export function pullback(
  op: string,
  seeds: readonly Seed[],
  wanted?: ReadonlySet<Value>,
  observe?: FlowObserver,
): Pullback {
  // Restores the module path, which follows the vertices.
  return withMode({}, () => flow(op, seeds, wanted, observe));
}

function flow(
  op: string,
  seeds: readonly Seed[],
  wanted: ReadonlySet<Value> | undefined,
  observe: FlowObserver | undefined,
): Pullback {
  const roots = seeds.map((seed) => seed.value).filter((value) => value.requiresGrad);
  const { order, walk } = sortGraph(roots, isVariable);
  const useful = wanted === undefined ? undefined : leadingTo(order, wanted);
  const parts = new Array<Value[] | undefined>(order.length);
  const collect = (value: Value, gradient: Value): void => {
    if (!value.requiresGrad || value.mark !== walk) return;
    if (useful !== undefined && useful[value.position] !== true) return;
    checkGradient(value, gradient);
    const list = parts[value.position];
    if (list === undefined) parts[value.position] = [gradient];
    else list.push(gradient);
  };
  for (const { value, gradient } of seeds) collect(value, gradient);
  const reached: Reached[] = [];
  const visited: Value[] = [];
  for (let i = order.length - 1; i >= 0; i--) {
    const value = order[i] as Value;
    const contributions = parts[i];
    if (contributions === undefined) continue;
    // What is made for a vertex belongs to the same layer.
    mode.path = value.path;
    const sum = addAll(kit, contributions);
    const gradient = hooksMade === 0 ? sum : applyHooks(value, sum);
    if (wanted === undefined ? value.owner !== undefined : wanted.has(value)) reached.push({ value, gradient });
    if (isVariable(value)) {
      if (value.released) throw usedTwice(op, value);
      continue;
    }
    if (useful !== undefined && !value.inputs.some((input) => input.mark === walk && useful[input.position] === true))
      continue;
    if (value.released) throw usedTwice(op, value);
    visited.push(value);
    const { inputs } = value;
    const results = gradientsOf(op, value, gradient);
    observe?.(value, gradient, results);
    for (let j = 0; j < inputs.length; j++) {
      const input = inputs[j] as Value;
      if (!input.requiresGrad) continue;
      const result = results[j];
      if (result !== undefined) collect(input, result);
      else if (value.op.isPartial !== true) throw noDerivative(op, value);
    }
  }
  return { reached, visited };
}

/** What flows on to the inputs of a vertex. */
function gradientsOf(op: string, value: Value, gradient: Value): readonly (Value | undefined)[] {
  if (value.op.kind === "loop") return loopRule(gradient, value.inputs, value, value.attrs, pullback);
  const rule = value.op.vjp as Rule | null;
  if (rule === null) throw noDerivative(op, value);
  return rule(kit, gradient, value.inputs, value, value.attrs);
}

/** Whether a gradient ends here. A vertex that was used up has no inputs either, but is marked as released. */
export function isVariable(value: Value): boolean {
  const { inputs } = value;
  for (let i = 0; i < inputs.length; i++) if ((inputs[i] as Value).requiresGrad) return false;
  return true;
}

/** By position: whether the vertex is one of `wanted` or needs one. */
function leadingTo(order: readonly Value[], wanted: ReadonlySet<Value>): readonly boolean[] {
  const useful = new Array<boolean>(order.length);
  order.forEach((value, i) => {
    useful[i] =
      wanted.has(value) ||
      (!isVariable(value) && value.inputs.some((x) => x.requiresGrad && useful[x.position] === true));
  });
  return useful;
}

function checkGradient(value: Value, gradient: Value): void {
  if (sameShape(value.shape, gradient.shape) && value.dtype === gradient.dtype) return;
  throw internal(
    `gradient of ${value.op.name} is ${gradient.dtype} ${showShape(gradient.shape)}, not ${value.dtype} ${showShape(value.shape)}`,
  );
}

/** The sum of all contributions; slices of one vertex that cover it without overlap are joined instead. */
function addAll(k: Kit, parts: readonly Value[]): Value {
  const joined = joinSlices(k, parts);
  if (joined !== undefined) return joined;
  return parts.reduce((sum, part) => k.add(sum, part));
}

function joinSlices(k: Kit, parts: readonly Value[]): Value | undefined {
  if (parts.length < 2) return undefined;
  const shape = (parts[0] as Value).shape;
  let dim = -1;
  const pieces: { start: number; piece: Value }[] = [];
  for (const part of parts) {
    if (part.op.kind !== "pad" || numberOf(part.attrs, "value") !== 0) return undefined;
    const piece = part.inputs[0];
    if (piece === undefined || listOf(part.attrs, "inner").some((n) => n !== 0)) return undefined;
    const padded = shape.map((_, i) => i).filter((i) => piece.shape[i] !== shape[i]);
    if (padded.length !== 1 || (dim >= 0 && padded[0] !== dim)) return undefined;
    dim = padded[0] as number;
    pieces.push({ start: listOf(part.attrs, "low")[dim] as number, piece });
  }
  pieces.sort((a, b) => a.start - b.start);
  let end = 0;
  for (const { start, piece } of pieces) {
    if (start !== end) return undefined;
    end += piece.shape[dim] as number;
  }
  return end === shape[dim]
    ? k.concat(
        pieces.map((p) => p.piece),
        dim,
      )
    : undefined;
}

function usedTwice(op: string, value: Value): TwopassError {
  return new TwopassError({
    op,
    problem: "the graph was used by an earlier backward() and is gone",
    facts: `at ${value.op.name} ${showShape(value.shape)}`,
    hint: "detach() what is carried from one step to the next; to go through one loss twice, call the first backward({ retainGraph: true })",
  });
}

function noDerivative(op: string, value: Value): TwopassError {
  return new TwopassError({
    op,
    problem: "an operation has no derivative",
    facts: `${value.op.name} of ${value.inputs.map((x) => `${x.dtype} ${showShape(x.shape)}`).join(" and ")}`,
    hint: "use detach() where no gradient shall flow",
  });
}
