/** What is seen of one graph: nodes for operations and closed groups, frames for open ones, and the edges between. */
import {
  type Fold,
  type Group,
  type GraphModel,
  type Pass,
  operationName,
  operationsIn,
  passOf,
  passes,
} from "./graph-model.ts";

export interface GraphView {
  /** Ids of the groups that are open; the model itself always is. */
  readonly open: ReadonlySet<string>;
  /** Whether constants, numbers and views are drawn as operations. */
  readonly hasFolded: boolean;
}

export interface VisibleNode {
  /** That of the group, or of the operation: `o:12`. */
  readonly id: string;
  /** The closed group, or the one that the operation is in. */
  readonly group: string;
  readonly operation?: number;
  readonly label: string;
  /** A second line: class, or shape. */
  readonly detail: string;
  readonly kind: "group" | "operation" | "leaf";
  readonly phase: Pass | "update";
  /** Operations in it; 1 for an operation. */
  readonly count: number;
  /** In the backward pass: how many results of the forward pass it reads. */
  readonly reads: number;
}

/** Numbers are places in the list of nodes. */
export interface VisibleEdge {
  readonly from: number;
  readonly to: number;
  /** Of the first tensor on it. */
  readonly shape: readonly number[];
  /** Tensors that go along it. */
  readonly count: number;
}

export interface VisibleFrame {
  readonly id: string;
  readonly label: string;
  /** What stands in it: places in the list of nodes. */
  readonly nodes: readonly number[];
  readonly frames: readonly VisibleFrame[];
}

export interface VisibleGraph {
  readonly pass: Pass;
  readonly nodes: readonly VisibleNode[];
  readonly edges: readonly VisibleEdge[];
  readonly root: VisibleFrame;
  /** By operation of this pass the node that stands for it, −1 where there is none. */
  readonly nodeOf: Int32Array;
}

export function operationId(operation: number): string {
  return `o:${operation}`;
}

/** The number of an operation from its id; undefined for that of a group. */
export function operationOf(id: string): number | undefined {
  return id.startsWith("o:") ? Number(id.slice(2)) : undefined;
}

export function shapeText(shape: readonly number[]): string {
  return shape.length === 0 ? "1" : shape.join("×");
}

/** @returns what is seen; linear in the operations. */
export function visibleGraph(model: GraphModel, pass: Pass, view: GraphView): VisibleGraph {
  const { operations } = model;
  const nodes: VisibleNode[] = [];
  const reads: number[] = [];
  const nodeOf = new Int32Array(operations.length).fill(-1);
  const foldOf = (at: number): Fold => (view.hasFolded ? "none" : (model.foldOf[at] ?? "none"));

  const add = (node: Omit<VisibleNode, "reads">): number => {
    reads.push(0);
    return nodes.push({ ...node, reads: 0 }) - 1;
  };
  const addGroup = (group: Group): number | undefined => {
    const inside = operationsIn(group, pass);
    const count = inside.reduce((sum, at) => sum + (foldOf(at) === "none" ? 1 : 0), 0);
    if (count === 0) return undefined;
    const phase = group.kind === "update" ? "update" : pass;
    const node = add({
      id: group.id,
      group: group.id,
      label: groupLabel(group),
      detail: group.type,
      kind: "group",
      phase,
      count,
    });
    for (const at of inside) nodeOf[at] = node;
    return node;
  };
  const addOperation = (at: number): number => {
    const operation = operations[at] as (typeof operations)[number];
    const node = add({
      id: operationId(at),
      group: (model.groupOf[at] as Group).id,
      operation: at,
      label: operationName(operation),
      detail: shapeText(operation.shape),
      kind: operation.inputs.length === 0 ? "leaf" : "operation",
      phase: operation.phase,
      count: 1,
    });
    nodeOf[at] = node;
    return node;
  };
  const addFrame = (group: Group): VisibleFrame => {
    const inside: number[] = [];
    for (const at of group.own[pass]) if (foldOf(at) === "none") inside.push(addOperation(at));
    const frames: VisibleFrame[] = [];
    for (const below of group.groups) {
      if (view.open.has(below.id)) {
        const frame = addFrame(below);
        if (frame.nodes.length + frame.frames.length > 0) frames.push(frame);
        continue;
      }
      const node = addGroup(below);
      if (node !== undefined) inside.push(node);
    }
    return { id: group.id, label: frameLabel(group), nodes: inside, frames };
  };
  const root = addFrame(model.root);

  /** Where a tensor comes from: views lead on to what they show. */
  const sourceOf = (at: number): number => {
    let source = at;
    while (foldOf(source) === "view") source = operations[source]?.inputs[0] ?? source;
    return source;
  };
  const edges = new Map<number, { from: number; to: number; shape: readonly number[]; count: number }>();
  operations.forEach((operation, at) => {
    if (passOf(operation) !== pass) return;
    // What is folded in an open group shows where it comes from.
    if (foldOf(at) === "view" && nodeOf[at] === -1) nodeOf[at] = nodeOf[sourceOf(at)] as number;
    const to = nodeOf[at] as number;
    if (to < 0 || foldOf(at) !== "none") return;
    for (const input of operation.inputs) {
      const source = sourceOf(input);
      if (foldOf(source) === "constant") continue;
      if (passOf(operations[source] as (typeof operations)[number]) !== pass) {
        reads[to] = (reads[to] as number) + 1;
        continue;
      }
      const from = nodeOf[source] as number;
      if (from < 0 || from === to) continue;
      const key = from * operations.length + to;
      const edge = edges.get(key);
      if (edge !== undefined) edge.count++;
      else edges.set(key, { from, to, shape: operations[input]?.shape ?? [], count: 1 });
    }
  });
  return {
    pass,
    nodes: nodes.map((node, i) => ({ ...node, reads: reads[i] as number })),
    edges: [...edges.values()],
    root,
    nodeOf,
  };
}

function groupLabel({ kind, name }: Group): string {
  return name === "" ? kind : name;
}

function frameLabel(group: Group): string {
  const { path, type } = group;
  return [path === "" ? group.kind : path, type].filter((part) => part !== "").join(" · ");
}

/** How far everything is open: whole modules, layers, or single operations. */
export type Level = "modules" | "layers" | "operations";

/** The groups that are open at a level. */
export function openAt(model: GraphModel, level: Level): Set<string> {
  const groups = [...model.groups.values()];
  if (level === "modules") return new Set();
  const isOpen = ({ kind, groups: below }: Group): boolean =>
    level === "operations" || (kind === "module" && below.length > 0);
  return new Set(groups.filter(isOpen).map(({ id }) => id));
}

/** How a graph is seen first: groups of groups are opened level by level, then all, as long as few nodes are seen. */
export function firstOpen(model: GraphModel, mostNodes = 32): Set<string> {
  const layers = [...model.groups.values()].filter(({ groups, kind }) => groups.length > 0 && kind === "module");
  const deepest = layers.reduce((most, { depth }) => Math.max(most, depth), 0);
  const steps = Array.from({ length: deepest + 1 }, (_, depth) => layers.filter((group) => group.depth <= depth));
  steps.push([...model.groups.values()].filter(({ kind }) => kind !== "update"));
  let open = new Set<string>();
  for (const step of steps) {
    const next = new Set(step.map(({ id }) => id));
    const isSmall = passes.every(
      (pass) => visibleGraph(model, pass, { open: next, hasFolded: false }).nodes.length <= mostNodes,
    );
    if (!isSmall) return open;
    open = next;
  }
  return open;
}

/** The same with all groups open that hide an operation or a group. */
export function revealing(model: GraphModel, open: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const operation = operationOf(id);
  const inside = operation === undefined ? model.groups.get(id)?.parent : model.groupOf[operation];
  const hidden: string[] = [];
  for (let group = inside; group?.parent !== undefined; group = group.parent) {
    if (!open.has(group.id)) hidden.push(group.id);
  }
  return hidden.length === 0 ? open : new Set([...open, ...hidden]);
}
