/**
 * The two graphs of a trace as a reader thinks of them: operations in groups (model, layer, loss, update), what folds into
 * an edge, and what belongs to what across the passes. Knows nothing of what is opened or where it is drawn.
 */
import type { Trace, TraceModule, TraceOperation } from "twopass/inspect";

/** Which of the two graphs: the update stands in the graph of the gradients that it takes. */
export type Pass = "forward" | "backward";

export const passes: readonly Pass[] = ["forward", "backward"];

/** A module, a list of modules, the loss, or the update. */
export interface Group {
  readonly id: string;
  readonly kind: "module" | "loss" | "update";
  /** Path of the module; "" for the model itself, the loss and the update; in the update the path of a parameter. */
  readonly path: string;
  /** The last part of a module's path, the path of a parameter. */
  readonly name: string;
  /** Name of the class, "" for what is no module. */
  readonly type: string;
  readonly settings: string;
  readonly depth: number;
  readonly parent: Group | undefined;
  /** In the order of their first operations. */
  readonly groups: readonly Group[];
  /** Operations that are directly in it, by their numbers. */
  readonly own: Readonly<Record<Pass, readonly number[]>>;
}

/** Why an operation is not drawn unless asked for. */
export type Fold = "none" | "constant" | "view";

export interface GraphModel {
  readonly operations: readonly TraceOperation[];
  /** The model; it has the loss and the update too. */
  readonly root: Group;
  readonly groups: ReadonlyMap<string, Group>;
  /** By operation. */
  readonly groupOf: readonly Group[];
  readonly foldOf: readonly Fold[];
  /** By operation: those of both passes that take its result. */
  readonly usersOf: readonly (readonly number[])[];
  /** By operation of the forward pass: the operations of its derivative. */
  readonly derivativesOf: readonly (readonly number[])[];
}

/** What the model is made from; a trace has it. */
export type GraphSource = Pick<Trace, "operations" | "modules" | "loss"> & {
  readonly parameters: readonly { readonly path: string; readonly operation?: number; readonly gradient?: number }[];
};

/** How operations of one pass belong to those of the other. */
export interface Links {
  /** Of a forward operation its derivative; of a backward one the operation whose derivative it is. */
  readonly derivatives: readonly number[];
  /** Of a forward operation the one that gives the gradient of its result, and the other way round. */
  readonly gradients: readonly number[];
}

export const lossGroup = "loss";
export const updateGroup = "update";

export function groupId(path: string): string {
  return `m:${path}`;
}

export function passOf(operation: TraceOperation): Pass {
  return operation.phase === "forward" ? "forward" : "backward";
}

interface MutableGroup extends Group {
  readonly groups: MutableGroup[];
  readonly own: Record<Pass, number[]>;
}

class Groups {
  readonly all = new Map<string, MutableGroup>();
  readonly #modules: ReadonlyMap<string, TraceModule>;
  readonly root: MutableGroup;

  constructor(modules: readonly TraceModule[]) {
    this.#modules = new Map(modules.map((module) => [module.path, module]));
    this.root = this.#add(groupId(""), "module", "", undefined);
  }

  /** The group of a module path, with those above it. */
  ofPath(path: string): MutableGroup {
    const known = this.all.get(groupId(path));
    if (known !== undefined) return known;
    const dot = path.lastIndexOf(".");
    return this.#add(groupId(path), "module", path, this.ofPath(dot < 0 ? "" : path.slice(0, dot)));
  }

  special(kind: "loss" | "update"): MutableGroup {
    return this.all.get(kind) ?? this.#add(kind, kind, "", this.root);
  }

  /** That of a parameter in the update. */
  updateOf(parameter: string): MutableGroup {
    const id = `${updateGroup}:${parameter}`;
    return this.all.get(id) ?? this.#add(id, "update", parameter, this.special("update"));
  }

  hasModule(path: string): boolean {
    return this.#modules.has(path);
  }

  #add(id: string, kind: Group["kind"], path: string, parent: MutableGroup | undefined): MutableGroup {
    const module = kind === "module" ? this.#modules.get(path) : undefined;
    const group: MutableGroup = {
      id,
      kind,
      path,
      name: kind === "module" ? path.slice(path.lastIndexOf(".") + 1) : path,
      type: module?.type ?? "",
      settings: module?.settings ?? "",
      depth: parent === undefined ? 0 : parent.depth + 1,
      parent,
      groups: [],
      own: { forward: [], backward: [] },
    };
    parent?.groups.push(group);
    this.all.set(id, group);
    return group;
  }
}

/** @returns the graphs of a trace; linear in its operations. */
export function graphModel(source: GraphSource): GraphModel {
  const { operations, modules } = source;
  const groups = new Groups(modules);
  const usersOf: number[][] = operations.map(() => []);
  const derivativesOf: number[][] = operations.map(() => []);
  operations.forEach(({ inputs, derivativeOf }, i) => {
    for (const input of inputs) usersOf[input]?.push(i);
    if (derivativeOf !== undefined) derivativesOf[derivativeOf]?.push(i);
  });
  const groupOf = groupsOf(source, groups, usersOf);
  operations.forEach((operation, i) => groupOf[i]?.own[passOf(operation)].push(i));
  return {
    operations,
    root: groups.root,
    groups: groups.all,
    groupOf,
    foldOf: foldsOf(source, groupOf),
    usersOf,
    derivativesOf,
  };
}

function groupsOf(
  { operations, modules, parameters }: GraphSource,
  groups: Groups,
  usersOf: readonly (readonly number[])[],
): MutableGroup[] {
  const owners = new Map(modules.flatMap(({ path, parameters: own }) => own.map((name) => [name, path] as const)));
  const ownerOf = new Map(parameters.map(({ path, operation }) => [operation, owners.get(path)]));
  const updated = updatedParameters({ operations, parameters }, usersOf);
  const found: MutableGroup[] = operations.map((operation, i) => {
    const { phase, module, derivativeOf } = operation;
    const parameter = updated[i];
    if (phase === "update") return parameter === undefined ? groups.special("update") : groups.updateOf(parameter);
    if (derivativeOf !== undefined) return groups.root;
    if (module === "loss" && !groups.hasModule("loss")) return groups.special("loss");
    return groups.ofPath(ownerOf.get(i) ?? bufferOwner(operation, groups) ?? module);
  });
  // What was there before the step and has no owner belongs to what takes it first.
  operations.forEach(({ op, label, phase }, i) => {
    const isOfBatch = label === "target" || /^input( \d+)?$/.test(label);
    if (op !== "leaf" || phase === "update" || isOfBatch || found[i] !== groups.root || ownerOf.has(i)) return;
    const user = usersOf[i]?.find((at) => passOf(operations[at] as TraceOperation) === "forward");
    if (user !== undefined) found[i] = found[user] as MutableGroup;
  });
  operations.forEach(({ derivativeOf }, i) => {
    if (derivativeOf !== undefined) found[i] = found[derivativeOf] as MutableGroup;
  });
  return found;
}

/** By operation of the update the parameter that it is for; undefined where it is for several, or none. */
function updatedParameters(
  { operations, parameters }: Pick<GraphSource, "operations" | "parameters">,
  usersOf: readonly (readonly number[])[],
): (string | undefined)[] {
  const several = "";
  const found: (string | undefined)[] = [];
  for (const { path, operation, gradient } of parameters) {
    for (const at of [operation, gradient]) if (at !== undefined) found[at] = path;
  }
  operations.forEach(({ phase, inputs }, i) => {
    if (phase !== "update" || inputs.length === 0) return;
    const paths = new Set(inputs.flatMap((input) => found[input] ?? []));
    const [path] = paths;
    found[i] = paths.size > 1 ? several : path;
  });
  // State is for the parameter that takes it first.
  operations.forEach(({ phase, inputs }, i) => {
    if (phase === "update" && inputs.length === 0)
      found[i] = usersOf[i]?.map((user) => found[user]).find((path) => path);
  });
  return operations.map(({ phase }, i) => (phase === "update" && found[i] !== several ? found[i] : undefined));
}

/** Buffers are named by their paths. */
function bufferOwner({ op, label }: TraceOperation, groups: Groups): string | undefined {
  const dot = label.lastIndexOf(".");
  if (op !== "leaf" || dot < 0) return undefined;
  const path = label.slice(0, dot);
  return groups.hasModule(path) ? path : undefined;
}

const views = new Set(["reshape", "expand", "permute", "derived", "either"]);
const constants = new Set(["constant", "iota"]);

function foldsOf({ operations, parameters, loss }: GraphSource, groupOf: readonly Group[]): Fold[] {
  const isParameter = new Set(parameters.map(({ operation }) => operation));
  const isFirstGradient = (at: number): boolean => operations[at]?.gradientOf === loss;
  const folds: Fold[] = [];
  operations.forEach(({ op, label, inputs, shape }, i) => {
    const isNumber = op === "leaf" && !isParameter.has(i) && label !== "" && !Number.isNaN(Number(label));
    const isConstant =
      inputs.length === 0
        ? constants.has(op) || (isNumber && shape.every((size) => size === 1))
        : inputs.every((input) => folds[input] === "constant");
    folds.push(isFirstGradient(i) ? "none" : isConstant ? "constant" : views.has(op) ? "view" : "none");
  });
  // A layer that is nothing but a view, such as Flatten, is still a layer.
  const isDrawn = new Set<Group>();
  folds.forEach((fold, i) => {
    if (fold !== "none") return;
    for (let group = groupOf[i]; group !== undefined; group = group.parent) isDrawn.add(group);
  });
  return folds.map((fold, i) => (fold === "view" && !isDrawn.has(groupOf[i] as Group) ? "none" : fold));
}

/** What an operation belongs to in the other graph. */
export function linksOf({ operations, derivativesOf }: GraphModel, at: number): Links {
  const operation = operations[at];
  if (operation === undefined) return { derivatives: [], gradients: [] };
  const { derivativeOf, gradient, gradientOf } = operation;
  const known = (number: number | undefined): number[] => (number === undefined ? [] : [number]);
  return operation.phase === "forward"
    ? { derivatives: derivativesOf[at] ?? [], gradients: known(gradient) }
    : { derivatives: known(derivativeOf), gradients: known(gradientOf) };
}

/** All operations in a group and below it, of one pass. */
export function operationsIn(group: Group, pass: Pass): number[] {
  const found: number[] = [];
  const visit = (one: Group): void => {
    for (const at of one.own[pass]) found.push(at);
    for (const below of one.groups) visit(below);
  };
  visit(group);
  return found;
}

/** What people call an operation: the path of a leaf, else the function, with the operation where that says more. */
export function operationName({ op, call, label }: TraceOperation): string {
  if (op === "leaf" || op === "constant") return label === "" ? op : label;
  return call === "" || call === op ? op : `${call} · ${op}`;
}
