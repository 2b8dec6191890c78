/**
 * What belongs to a module: its own data properties, looked up when somebody asks. Fields are set after the base
 * constructor has run, so nothing is registered; getters are never called. Floor: nn.
 */
import type { Inner } from "../../tensor/inner.ts";
import { inner } from "../../tensor/inner.ts";
import { Parameter, StateBuffer, unnamed } from "./parameter.ts";

/** The class that a walk enters; Module is the only one that extends it. */
export abstract class TreeNode {
  /** Whether layers that differ in training (dropout, batch normalisation) behave as in training. */
  training = true;
}

export type State = Parameter | StateBuffer;

/** What a walk has found, under its property path such as "layers.0.weight". */
export interface Named<T> {
  readonly path: string;
  readonly value: T;
}

const hidden = new WeakSet<object>();
/** The insides of parameters that belong to no tree on purpose. */
const exempt = new WeakSet<Inner>();

/**
 * Keeps a module (or a container of some) out of the walks of the modules that hold it: its parameters are not theirs.
 * Walks that start at the module itself work as before.
 *
 * @example
 * class Student extends nn.Module {
 *   net = new nn.Linear(2, 2);
 *   teacher = nn.untracked(new nn.Linear(2, 2));
 *   override forward(x: Tensor) {
 *     return this.net.forward(x);
 *   }
 * }
 * new Student().namedParameters().map(([path]) => path); // ["net.weight", "net.bias"]
 */
export function untracked<T extends object>(module: T): T {
  hidden.add(module);
  const nodes = module instanceof TreeNode ? [{ path: "", value: module }] : membersOf(module);
  for (const { value } of nodes) {
    const states = value instanceof TreeNode ? statesBelow(value, false).map((s) => s.value) : [value];
    for (const state of states) exempt.add(state[inner]);
  }
  return module;
}

export function isExempt(part: Inner): boolean {
  return exempt.has(part);
}

/** Own states and modules of a module, also those in its arrays, plain objects and Maps, in the order of the properties. */
function membersOf(owner: object): Named<State | TreeNode>[] {
  const found: Named<State | TreeNode>[] = [];
  const open = new Set<object>();
  const visit = (value: unknown, path: string): void => {
    if (typeof value !== "object" || value === null || hidden.has(value)) return;
    if (value instanceof Parameter || value instanceof StateBuffer || value instanceof TreeNode) {
      found.push({ path, value });
    } else if (isContainer(value)) enter(value, `${path}.`);
  };
  const enter = (container: object, prefix: string): void => {
    if (open.has(container)) return;
    open.add(container);
    if (container instanceof Map) {
      for (const [key, value] of container) {
        if (typeof key === "string" || typeof key === "number") visit(value, `${prefix}${key}`);
      }
    } else if (Array.isArray(container)) {
      container.forEach((value, i) => visit(value, `${prefix}${i}`));
    } else {
      for (const key of Object.keys(container)) {
        visit(Object.getOwnPropertyDescriptor(container, key)?.value, `${prefix}${key}`);
      }
    }
    open.delete(container);
  };
  enter(owner, "");
  return found;
}

function isContainer(value: object): boolean {
  if (Array.isArray(value) || value instanceof Map) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Modules directly below `owner`, each once. */
export function childrenOf(owner: TreeNode): Named<TreeNode>[] {
  const seen = new Set<TreeNode>();
  const children: Named<TreeNode>[] = [];
  for (const { path, value } of membersOf(owner)) {
    if (!(value instanceof TreeNode) || seen.has(value)) continue;
    seen.add(value);
    children.push({ path, value });
  }
  return children;
}

/** Parameters of `owner` itself, each once. */
export function parametersOf(owner: TreeNode): Named<Parameter>[] {
  const seen = new Set<Parameter>();
  const parameters: Named<Parameter>[] = [];
  for (const { path, value } of membersOf(owner)) {
    if (!(value instanceof Parameter) || seen.has(value)) continue;
    seen.add(value);
    parameters.push({ path, value });
  }
  return parameters;
}

/** `root` under "" and all modules below it, each before those below it, each once. */
export function modulesBelow(root: TreeNode): Named<TreeNode>[] {
  const modules: Named<TreeNode>[] = [];
  eachModule(root, false, (path, value) => modules.push({ path, value }));
  return modules;
}

/**
 * Parameters and buffers of all modules below `root`, module by module, parameters before buffers, as PyTorch lists
 * them. Shared ones come once, or with `repeat` under each of their paths.
 */
export function statesBelow(root: TreeNode, repeat: boolean): Named<State>[] {
  const states: Named<State>[] = [];
  const seen = new Set<State>();
  eachModule(root, repeat, (prefix, node, members) => {
    for (const kind of [Parameter, StateBuffer]) {
      for (const { path, value } of members) {
        if (!(value instanceof kind) || (!repeat && seen.has(value))) continue;
        seen.add(value);
        states.push({ path: join(prefix, path), value });
      }
    }
    return node;
  });
  return states;
}

function eachModule(
  root: TreeNode,
  repeat: boolean,
  visit: (path: string, node: TreeNode, members: readonly Named<State | TreeNode>[]) => void,
): void {
  const seen = new Set<TreeNode>();
  const walk = (node: TreeNode, path: string): void => {
    // With `repeat`, `seen` holds the modules above only: a module may come twice, but never inside of itself.
    if (seen.has(node)) return;
    seen.add(node);
    const members = membersOf(node);
    visit(path, node, members);
    for (const member of members) if (member.value instanceof TreeNode) walk(member.value, join(path, member.path));
    if (repeat) seen.delete(node);
  };
  walk(root, "");
}

function join(prefix: string, path: string): string {
  return prefix === "" ? path : `${prefix}.${path}`;
}

const paths = new WeakMap<object, string>();

/** The path of a module or state in the largest tree it was seen in; undefined before the first walk. */
export function pathOf(member: object): string | undefined {
  return paths.get(member);
}

/** Gives modules and states below `root` their paths, for messages. A path from a larger tree is kept. */
export function nameMembers(root: TreeNode): void {
  const rename = (member: object, path: string): boolean => {
    const known = paths.get(member);
    if (known !== undefined && known.length >= path.length) return false;
    paths.set(member, path);
    return true;
  };
  for (const { path, value } of modulesBelow(root)) rename(value, path);
  for (const { path, value } of statesBelow(root, false)) {
    const isOurs = value.label === unnamed || value.label === paths.get(value);
    if (rename(value, path) && isOurs) value.label = path;
  }
}
