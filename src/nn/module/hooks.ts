/**
 * Functions that are called around a module's `forward` and in the backward pass through it. Hooks see tensors that have
 * not been computed yet; they cost nothing where there are none. Floor: nn.
 */
import { TwopassError, describe, showShape } from "../../base/errors.ts";
import { sizeOf } from "../../base/shape.ts";
import { structureChanged } from "../../tensor/capture.ts";
import { cat } from "../../tensor/joining.ts";
import { Tensor } from "../../tensor/tensor.ts";
import type { HookHandle } from "../../transform/grad.ts";
import { mapTensors, tensorsIn } from "./tensors-in.ts";
import type { TreeNode } from "./tree.ts";

/** Called before `forward` with its arguments; an array takes their place. */
export type ForwardPreHook<M> = (module: M, args: readonly unknown[]) => readonly unknown[] | undefined | void;
/** Called after `forward` with its arguments and result; what it returns, if anything, takes the result's place. */
export type ForwardHook<M> = (module: M, args: readonly unknown[], output: unknown) => unknown;
/**
 * Called in the backward pass with the gradients of the tensors among the arguments (null for one that needs none) and
 * of the tensors in the result; an array takes the place of the former.
 */
export type BackwardHook<M> = (
  module: M,
  gradInput: readonly (Tensor | null)[],
  gradOutput: readonly Tensor[],
) => readonly (Tensor | null)[] | undefined | void;
/** Called before the gradients go backward through the module; an array takes their place. */
export type BackwardPreHook<M> = (module: M, gradOutput: readonly Tensor[]) => readonly Tensor[] | undefined | void;

interface Hooks {
  readonly forwardPre: Set<ForwardPreHook<TreeNode>>;
  readonly forward: Set<ForwardHook<TreeNode>>;
  readonly backwardPre: Set<BackwardPreHook<TreeNode>>;
  readonly backward: Set<BackwardHook<TreeNode>>;
}

const hooksOf = new WeakMap<TreeNode, Hooks>();

/** Puts a hook on a module. */
export function addHook<K extends keyof Hooks>(
  module: TreeNode,
  kind: K,
  hook: Hooks[K] extends Set<infer H> ? H : never,
): HookHandle {
  if (typeof hook !== "function") {
    throw new TwopassError({
      op: module.constructor.name,
      problem: "a hook is a function",
      facts: `got ${describe(hook)}`,
    });
  }
  const hooks = hooksOf.get(module) ?? {
    forwardPre: new Set(),
    forward: new Set(),
    backwardPre: new Set(),
    backward: new Set(),
  };
  hooksOf.set(module, hooks);
  const list = hooks[kind] as Set<unknown>;
  list.add(hook);
  structureChanged("a hook was registered");
  return {
    remove: () => {
      if (list.delete(hook)) structureChanged("a hook was removed");
    },
  };
}

/** `call` with the module's hooks around it. */
export function callHooked(module: TreeNode, args: readonly unknown[], call: (args: unknown[]) => unknown): unknown {
  const hooks = hooksOf.get(module);
  if (hooks === undefined) return call(args as unknown[]);
  let given: readonly unknown[] = args;
  for (const hook of hooks.forwardPre) {
    const changed = hook(module, given);
    if (changed === undefined) continue;
    if (!Array.isArray(changed))
      throw badResult(module, "a forward pre-hook", "nothing, or an array of arguments", changed);
    given = changed;
  }
  const isWatched = hooks.backward.size + hooks.backwardPre.size > 0;
  const backward = isWatched ? new BackwardWatch(module, hooks, given) : undefined;
  let output = call([...(backward?.args ?? given)]);
  for (const hook of hooks.forward) {
    const changed = hook(module, given, output);
    if (changed instanceof Promise) throw badResult(module, "a forward hook", "nothing, or another result", changed);
    if (changed !== undefined) output = changed;
  }
  return backward === undefined ? output : backward.watch(output);
}

/** The gradients at the entry and the exit of one call of a module. */
class BackwardWatch {
  /** The arguments for `forward`, tensors that need a gradient replaced by aliases: these are read by this call alone. */
  readonly args: readonly unknown[];
  readonly #module: TreeNode;
  readonly #hooks: Hooks;
  readonly #inputs: readonly Tensor[];
  #gradOutput: readonly Tensor[] = [];

  constructor(module: TreeNode, hooks: Hooks, args: readonly unknown[]) {
    this.#module = module;
    this.#hooks = hooks;
    this.#inputs = tensorsIn(args);
    this.args = watchGradients(args, (gradients) => this.#leave(gradients)) as readonly unknown[];
  }

  watch(output: unknown): unknown {
    if (!tensorsIn(output).some((x) => x.requiresGrad)) return output;
    return watchGradients(output, (gradients) => this.#enter(gradients));
  }

  #enter(gradients: readonly Tensor[]): readonly Tensor[] {
    this.#gradOutput = gradients;
    for (const hook of this.#hooks.backwardPre) {
      const changed = hook(this.#module, this.#gradOutput);
      if (changed !== undefined)
        this.#gradOutput = this.#checked("a backward pre-hook", changed, gradients) as Tensor[];
    }
    // Where no input needs a gradient, the backward pass ends inside of the module.
    if (!this.#inputs.some((x) => x.requiresGrad)) this.#leave([]);
    return this.#gradOutput;
  }

  #leave(gradients: readonly Tensor[]): readonly Tensor[] {
    let next = 0;
    let all: readonly (Tensor | null)[] = this.#inputs.map((x) =>
      x.requiresGrad ? (gradients[next++] as Tensor) : null,
    );
    for (const hook of this.#hooks.backward) {
      const changed = hook(this.#module, all, this.#gradOutput);
      if (changed !== undefined) all = this.#checked("a backward hook", changed, all);
    }
    return all.filter((g) => g !== null);
  }

  #checked(what: string, changed: unknown, gradients: readonly (Tensor | null)[]): readonly (Tensor | null)[] {
    const fits = (x: unknown, i: number): boolean => {
      const like = gradients[i];
      if (!(like instanceof Tensor)) return true;
      return x instanceof Tensor && x.dtype === like.dtype && showShape(x.shape) === showShape(like.shape);
    };
    if (Array.isArray(changed) && changed.length === gradients.length && changed.every(fits)) {
      return changed.map((x: unknown, i) => (gradients[i] === null ? null : (x as Tensor)));
    }
    throw badResult(this.#module, what, "nothing, or an array of gradients of the same shapes and dtypes", changed);
  }
}

/**
 * The structure with new vertices in place of its tensors that need a gradient. Once a backward pass has brought the
 * gradients of all of them, `hook` gets them together, and what it gives flows on. A tensor that no gradient reached
 * counts as zeros.
 */
function watchGradients(structure: unknown, hook: (gradients: readonly Tensor[]) => readonly Tensor[]): unknown {
  const watched = tensorsIn(structure).filter((x) => x.requiresGrad);
  const [first] = watched;
  if (first === undefined) return structure;
  if (watched.length === 1) {
    const alias = first.reshape([...first.shape]);
    alias.registerHook((gradient) => hook([gradient])[0]);
    return mapTensors(structure, (x) => (x === first ? alias : x));
  }
  // The gradients of several tensors are complete at one vertex where all of them come from one.
  const packed = cat(watched.map((x) => x.reshape([x.size])));
  packed.registerHook((gradient) => cat(hook(unpack(gradient, watched)).map((g) => g.reshape([g.size]))));
  const aliases = unpack(packed, watched);
  return mapTensors(structure, (x) => aliases[watched.indexOf(x)] ?? x);
}

/** Tensors shaped like those of `likes` from the vector of all their elements. */
function unpack(packed: Tensor, likes: readonly Tensor[]): Tensor[] {
  let start = 0;
  return likes.map(({ shape }) => {
    const size = sizeOf(shape);
    const piece = packed.narrow(0, start, size).reshape([...shape]);
    start += size;
    return piece;
  });
}

function badResult(module: TreeNode, what: string, expected: string, given: unknown): TwopassError {
  return new TwopassError({
    op: module.constructor.name,
    problem: `${what} returns ${expected}`,
    facts: `got ${describe(given)}`,
    hint:
      given instanceof Promise
        ? "a hook only builds the graph: read tensors after the step"
        : "return nothing to change nothing",
  });
}
