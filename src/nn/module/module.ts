/** The base of all layers and models. Floor: nn. */
import { TwopassError, checkOptions, describe, nearest, showShape } from "../../base/errors.ts";
import { isFloating } from "../../base/dtype.ts";
import { sameShape } from "../../base/shape.ts";
import { structureChanged } from "../../tensor/capture.ts";
import { fromElements } from "../../tensor/creation.ts";
import type { DeviceName } from "../../tensor/engines.ts";
import type { StoredTensor } from "../../tensor/stored.ts";
import { Tensor } from "../../tensor/tensor.ts";
import type { HookHandle } from "../../transform/grad.ts";
import { wrapForward } from "./forward-call.ts";
import { type BackwardHook, type BackwardPreHook, type ForwardHook, type ForwardPreHook, addHook } from "./hooks.ts";
import { Parameter, StateBuffer } from "./parameter.ts";
import { type Named, type State, TreeNode, childrenOf, modulesBelow, nameMembers, statesBelow } from "./tree.ts";

/** Parameters and buffers by path. */
export type StateDict = Record<string, StoredTensor>;

export interface LoadResult {
  /** Paths that the module has and the state has not. */
  readonly missingKeys: readonly string[];
  /** Keys that the state has and the module has not. */
  readonly unexpectedKeys: readonly string[];
}

/** Modules whose `toString()` is running. */
const printing = new Set<Module>();

/**
 * The base of all layers and models: a subclass keeps parameters and other modules in its fields and computes in `forward`.
 *
 * Fields are found by walking when somebody asks, also in arrays, plain objects and Maps; the key is the property path.
 * `forward` is synchronous. Differs from PyTorch: an instance is not callable, write `model.forward(x)`.
 *
 * @example
 * class Net extends nn.Module {
 *   fc = new nn.Linear(2, 3);
 *   override forward(x: Tensor) {
 *     return this.fc.forward(x).relu();
 *   }
 * }
 * new Net().namedParameters().map(([path]) => path); // ["fc.weight", "fc.bias"]
 */
export abstract class Module extends TreeNode {
  constructor() {
    super();
    for (let p: object = Object.getPrototypeOf(this); p !== Module.prototype; p = Object.getPrototypeOf(p))
      wrapForward(p);
  }

  /** Computes the output. Subclasses choose the arguments and the result: a tensor, or tensors in arrays and objects. */
  abstract forward(...inputs: never[]): unknown;

  /** All parameters, each once, this module's own before those of modules below it. */
  parameters(): Parameter[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  /** All parameters with their paths, each once under its first path. */
  namedParameters(): [path: string, parameter: Parameter][] {
    return this.#states().flatMap(({ path, value }) => (value instanceof Parameter ? [[path, value]] : []));
  }

  /** All buffers, each once. */
  buffers(): StateBuffer[] {
    return this.namedBuffers().map(([, buffer]) => buffer);
  }

  /** All buffers with their paths, each once under its first path. */
  namedBuffers(): [path: string, buffer: StateBuffer][] {
    return this.#states().flatMap(({ path, value }) => (value instanceof StateBuffer ? [[path, value]] : []));
  }

  #states(repeat = false): Named<State>[] {
    nameMembers(this);
    for (const module of this.modules()) wrapForward(module);
    return statesBelow(this, repeat);
  }

  /** Modules directly below this one. */
  children(): Module[] {
    return this.namedChildren().map(([, module]) => module);
  }

  /** Modules directly below this one, with their paths. */
  namedChildren(): [path: string, module: Module][] {
    return childrenOf(this).map(({ path, value }) => [path, value as Module]);
  }

  /** This module and all below it, each once, each before those below it. */
  modules(): Module[] {
    return this.namedModules().map(([, module]) => module);
  }

  /** This module under "" and all below it with their paths. */
  namedModules(): [path: string, module: Module][] {
    return modulesBelow(this).map(({ path, value }) => [path, value as Module]);
  }

  /** Puts this module and all below it in training mode, or with `false` in evaluation mode. */
  train(on = true): this {
    for (const module of this.modules()) {
      if (module.training === on) continue;
      module.training = on;
      structureChanged(on ? "train() was called" : "eval() was called");
    }
    return this;
  }

  /** Puts this module and all below it in evaluation mode: dropout passes, batch normalisation uses its running statistics. */
  eval(): this {
    return this.train(false);
  }

  /** Sets for all parameters whether `backward()` leaves a gradient. `false` freezes them. */
  requiresGrad_(on = true): this {
    for (const parameter of this.parameters()) parameter.requiresGrad_(on);
    return this;
  }

  /**
   * Moves all parameters and buffers to a device, or to a floating dtype, in place. An optimiser goes on with them.
   * A dtype is for floating tensors; counts and masks keep theirs.
   *
   * @example
   * const model = new nn.Linear(2, 3).to("js").to("float64"); // slow and exact
   * model.weight.dtype; // "float64"
   */
  to(target: DeviceName | "float32" | "float64"): this {
    if (target === "float32" || target === "float64") {
      for (const { value } of this.#states()) if (isFloating(value.dtype)) value.to_({ dtype: target });
    } else {
      for (const { value } of this.#states()) value.to_({ device: target });
    }
    return this;
  }

  /** Unsets the gradients of all parameters. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) parameter.grad = null;
  }

  /** Calls `hook(module, args)` before each `forward`; an array that it returns takes the place of the arguments. */
  registerForwardPreHook(hook: ForwardPreHook<this>): HookHandle {
    return addHook(this, "forwardPre", hook as ForwardPreHook<TreeNode>);
  }

  /** Calls `hook(module, args, output)` after each `forward`; what it returns, if anything, takes the place of the output. */
  registerForwardHook(hook: ForwardHook<this>): HookHandle {
    return addHook(this, "forward", hook as ForwardHook<TreeNode>);
  }

  /** Calls `hook(module, gradOutput)` before gradients go backward through a `forward`; an array takes their place. */
  registerFullBackwardPreHook(hook: BackwardPreHook<this>): HookHandle {
    return addHook(this, "backwardPre", hook as BackwardPreHook<TreeNode>);
  }

  /**
   * Calls `hook(module, gradInput, gradOutput)` where gradients have gone backward through a `forward`: those of the
   * tensors among its arguments and in its result. An array that it returns takes the place of `gradInput`.
   * Differs from PyTorch: a result that no gradient reached counts as zeros, not as null, where there are several.
   */
  registerFullBackwardHook(hook: BackwardHook<this>): HookHandle {
    return addHook(this, "backward", hook as BackwardHook<TreeNode>);
  }

  /** Calls `change` with every module, those below before this one. */
  apply(change: (module: Module) => void): this {
    const seen = new Set<Module>();
    const visit = (module: Module): void => {
      if (seen.has(module)) return;
      seen.add(module);
      module.children().forEach(visit);
      change(module);
    };
    visit(this);
    return this;
  }

  /**
   * Parameters and persistent buffers by path, in PyTorch's order. They are live: they change as the module trains.
   * `snapshot()` copies.
   */
  stateDict(): StateDict {
    const state: StateDict = {};
    for (const { path, value } of this.#states(true)) {
      if (value instanceof Parameter || value.persistent) state[path] = value;
    }
    return state;
  }

  /** A copy of `stateDict()` as it is now. */
  async snapshot(): Promise<Record<string, Tensor>> {
    const copies: Record<string, Tensor> = {};
    for (const [path, value] of Object.entries(this.stateDict())) {
      copies[path] = fromElements(await value.data(), [...value.shape], value.dtype);
    }
    return copies;
  }

  /**
   * Copies a state into parameters and buffers, as `stateDict()` names them. Nothing is copied where it does not fit.
   *
   * @param options.strict whether missing and unexpected keys are errors; default true. Wrong shapes always are.
   * @throws with all that is wrong at once.
   */
  loadStateDict(state: Readonly<Record<string, Tensor>>, options: { readonly strict?: boolean } = {}): LoadResult {
    checkOptions("loadStateDict", options, ["strict"]);
    if (typeof state !== "object" || state === null || state instanceof Promise) {
      throw new TwopassError({
        op: "loadStateDict",
        problem: "a state is an object of tensors",
        facts: `got ${describe(state)}`,
        ...(state instanceof Promise ? { hint: "await it: loadStateDict(await loadFile(path))" } : {}),
      });
    }
    const own = this.stateDict();
    const missingKeys = Object.keys(own).filter((key) => !Object.hasOwn(state, key));
    const unexpectedKeys = Object.keys(state).filter((key) => !Object.hasOwn(own, key));
    const faults: string[] = [];
    if (options.strict ?? true) {
      if (missingKeys.length > 0) faults.push(`missing ${listKeys(missingKeys, unexpectedKeys)}`);
      if (unexpectedKeys.length > 0) faults.push(`unexpected ${listKeys(unexpectedKeys, missingKeys)}`);
    }
    for (const [key, target] of Object.entries(own)) {
      const source = state[key];
      if (source === undefined) continue;
      if (!(source instanceof Tensor)) faults.push(`${key} is ${describe(source)}, not a tensor`);
      else if (!sameShape(source.shape, target.shape)) {
        faults.push(`${key} has shape ${showShape(target.shape)}, the state ${showShape(source.shape)}`);
      }
    }
    if (faults.length > 0) {
      throw new TwopassError({
        op: "loadStateDict",
        problem: `the state does not fit ${this.constructor.name}`,
        facts: faults.join("; "),
        hint: "{ strict: false } allows missing and unexpected keys, never other shapes",
      });
    }
    for (const [key, target] of Object.entries(own)) {
      const source = state[key];
      if (source !== undefined) target.assign(source);
    }
    return { missingKeys, unexpectedKeys };
  }

  /** The tree of modules, one a line. */
  override toString(): string {
    const head = `${this.constructor.name}(${this.describeSettings()}`;
    // A module may refer to one above it.
    if (printing.has(this)) return `${head}...)`;
    printing.add(this);
    try {
      const lines = this.namedChildren().map(
        ([path, module]) => `(${path}): ${String(module).replaceAll("\n", "\n  ")}`,
      );
      return lines.length === 0 ? `${head})` : `${head}\n  ${lines.join("\n  ")}\n)`;
    } finally {
      printing.delete(this);
    }
  }

  /** Settings to show between the brackets of `toString()`. */
  protected describeSettings(): string {
    return "";
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}

/** Some keys, each with the nearest one of the others. */
function listKeys(keys: readonly string[], others: readonly string[]): string {
  const most = 12;
  const shown = keys.slice(0, most).map((key) => {
    const near = nearest(key, others);
    return near === undefined ? `"${key}"` : `"${key}" (near "${near}")`;
  });
  if (keys.length > most) shown.push(`and ${keys.length - most} more`);
  return shown.join(", ");
}
