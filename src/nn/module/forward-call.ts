/**
 * What happens around each call of `forward`: the module's path holds while it runs, the results of the outermost call
 * are kept by the next run, and errors say in which module they arose. Floor: nn.
 */
import { TwopassError, showShape } from "../../base/errors.ts";
import { mode } from "../../ir/mode.ts";
import { newestId, sortGraph } from "../../ir/value.ts";
import type { Value } from "../../ir/value.ts";
import type { Engine } from "../../tensor/engine.ts";
import { currentEngine } from "../../tensor/engines.ts";
import { Inner, inner } from "../../tensor/inner.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { callHooked } from "./hooks.ts";
import { tensorsIn } from "./tensors-in.ts";
import { type TreeNode, isExempt, nameMembers, pathOf, statesBelow } from "./tree.ts";

type Forward = (this: TreeNode, ...args: unknown[]) => unknown;

/** Set while somebody watches the calls of `forward`: told of each when it ends, with its arguments and its result. */
export const watchedCalls: {
  ended: ((module: TreeNode, args: readonly unknown[], result: unknown) => void) | undefined;
} = { ended: undefined };

const wrapped = new WeakSet<object>();
/** Calls of `forward` that are running. */
let depth = 0;
const named = new WeakSet<TreeNode>();
const searched = new WeakSet<TreeNode>();
const explained = new WeakSet<object>();

/** Replaces the own `forward` of a class's prototype, or of an instance, by one that does what this file says. Once. */
export function wrapForward(holder: object): void {
  const forward: unknown = Object.getOwnPropertyDescriptor(holder, "forward")?.value;
  if (typeof forward !== "function" || wrapped.has(forward)) return;
  const call = function (this: TreeNode, ...args: unknown[]): unknown {
    return runForward(this, forward as Forward, args);
  };
  wrapped.add(call);
  Object.defineProperty(holder, "forward", { value: call, writable: true, configurable: true, enumerable: false });
}

function runForward(module: TreeNode, forward: Forward, args: unknown[]): unknown {
  const isOutermost = depth === 0;
  if (isOutermost && !named.has(module)) {
    named.add(module);
    nameMembers(module);
  }
  const start = newestId();
  const before = mode.path;
  mode.path = pathOf(module) ?? before;
  depth++;
  let result: unknown;
  try {
    result = callHooked(module, args, (given) => forward.apply(module, given));
  } catch (error) {
    throw explain(error, module);
  } finally {
    depth--;
    mode.path = before;
  }
  if (result instanceof Promise) throw asyncForward(module, result);
  watchedCalls.ended?.(module, args, result);
  if (!isOutermost) return result;
  const results = tensorsIn(result);
  if (mode.grad && !searched.has(module)) {
    searched.add(module);
    checkReachable(module, args, results, start);
  }
  noteResults(results);
  return result;
}

function noteResults(results: readonly Tensor[]): void {
  const byEngine = new Map<Engine, Value[]>();
  for (const x of results) {
    const { engine = currentEngine(), value } = x[inner];
    const values = byEngine.get(engine);
    if (values === undefined) byEngine.set(engine, [value]);
    else values.push(value);
  }
  for (const [engine, values] of byEngine) engine.noteCall(values);
}

/** Throws where the results depend on a parameter that a walk from `module` does not find, so that nobody would train it. */
function checkReachable(module: TreeNode, args: readonly unknown[], results: readonly Tensor[], start: number): void {
  const known = new Set(statesBelow(module, false).map((state) => state.value[inner]));
  for (const x of tensorsIn(args)) known.add(x[inner]);
  const isStrange = (value: Value): boolean => {
    const owner = value.owner;
    return (
      value.requiresGrad && owner instanceof Inner && owner.cell !== undefined && !known.has(owner) && !isExempt(owner)
    );
  };
  const isOld = (value: Value): boolean => value.id <= start || value.leaf !== undefined;
  const { order } = sortGraph(
    results.map((x) => x[inner].value),
    isOld,
  );
  for (const user of order) {
    if (isOld(user)) continue;
    const value = user.inputs.find(isStrange);
    if (value === undefined) continue;
    const label = (value.owner as Inner).cell?.label ?? "";
    throw new TwopassError({
      op: module.constructor.name,
      problem: "forward uses a parameter that parameters() does not find",
      facts: `${label} ${showShape(value.shape)}, used by ${user.op.name}${user.path === "" ? "" : ` in ${user.path}`}`,
      hint: "keep it in a public field, not in a #private field or a closure; nn.untracked(module) for one that trains elsewhere",
      shapes: [value.shape],
    });
  }
}

/** Adds to an error what the innermost module knows about it. */
function explain(error: unknown, module: TreeNode): unknown {
  if (error instanceof TypeError) {
    const missing = Object.keys(module).filter(
      (key) => Object.getOwnPropertyDescriptor(module, key)?.value === undefined && !hasGetter(module, key),
    );
    if (missing.length === 0) return error;
    return new TwopassError({
      op: module.constructor.name,
      problem: "forward failed, and a field is undefined",
      facts: `${missing.join(", ")}; ${error.message}`,
      hint: "a field of the base class that is declared again without `declare` is reset to undefined",
      cause: error,
    });
  }
  const path = pathOf(module);
  if (!(error instanceof TwopassError) || path === undefined || path === "" || explained.has(error)) return error;
  explained.add(error);
  const text = `${error.message}, in ${path}`;
  if (error.stack !== undefined) error.stack = error.stack.replace(error.message, () => text);
  error.message = text;
  return error;
}

function hasGetter(module: object, key: string): boolean {
  return Object.getOwnPropertyDescriptor(module, key)?.get !== undefined;
}

function asyncForward(module: TreeNode, result: Promise<unknown>): TwopassError {
  result.catch(() => undefined);
  return new TwopassError({
    op: module.constructor.name,
    problem: "forward returned a Promise",
    hint: "forward only builds the graph: do what must be awaited before or after it",
  });
}
