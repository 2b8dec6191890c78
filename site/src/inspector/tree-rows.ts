/** The graph as a list of rows: groups, and in open ones what they hold. The same that the two graphs show. */
import type { TracePhase } from "twopass/inspect";
import { type Group, type GraphModel, operationsIn, passes } from "./graph-model.ts";
import { type GraphView, operationId } from "./visible-graph.ts";

export interface TreeRow {
  readonly id: string;
  /** From 1. */
  readonly level: number;
  /** Place among those beside it, from 1, and their number. */
  readonly place: number;
  readonly among: number;
  /** Undefined for what cannot be opened. */
  readonly isOpen: boolean | undefined;
  readonly group: Group;
  readonly operation: number | undefined;
  readonly phase: TracePhase | undefined;
  /** Operations in a group, in both passes. */
  readonly count: number;
}

export function treeRows(model: GraphModel, { open, hasFolded }: GraphView): TreeRow[] {
  const rows: TreeRow[] = [];
  const isDrawn = (at: number): boolean => hasFolded || model.foldOf[at] === "none";
  const countOf = (group: Group): number =>
    passes.reduce((sum, pass) => sum + operationsIn(group, pass).filter(isDrawn).length, 0);
  const visit = (group: Group, level: number, place: number, among: number): void => {
    const isOpen = group === model.root || open.has(group.id);
    const count = countOf(group);
    rows.push({ id: group.id, level, place, among, isOpen, group, operation: undefined, phase: undefined, count });
    if (!isOpen) return;
    const groups = group.groups.filter((below) => countOf(below) > 0);
    const own = passes.flatMap((pass) => group.own[pass].filter(isDrawn));
    const inside = groups.length + own.length;
    groups.forEach((below, i) => visit(below, level + 1, i + 1, inside));
    own.forEach((at, i) => {
      rows.push({
        id: operationId(at),
        level: level + 1,
        place: groups.length + i + 1,
        among: inside,
        isOpen: undefined,
        group,
        operation: at,
        phase: model.operations[at]?.phase,
        count: 1,
      });
    });
  };
  visit(model.root, 1, 1, 1);
  return rows;
}
