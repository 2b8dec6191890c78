/** How findings are marked in graphs and lists. */
import type { Finding, FindingKind } from "twopass/inspect";
import { type GraphModel, groupId } from "./graph-model.ts";
import { operationId } from "./visible-graph.ts";

/** Letters and signs, so that no mark is only a colour. */
export const findingLetters: Readonly<Record<FindingKind, string>> = {
  nonFinite: "∞",
  noGradient: "∅",
  vanishing: "↓",
  exploding: "↑",
  dead: "D",
  saturated: "S",
};

/** By id of an operation or group the letter of the worst finding in it. Findings come worst first. */
export function badgesOf(model: GraphModel, findings: readonly Finding[]): Map<string, string> {
  const badges = new Map<string, string>();
  const mark = (id: string, letter: string): void => {
    if (!badges.has(id)) badges.set(id, letter);
  };
  for (const { kind, operation, path } of findings) {
    const letter = findingLetters[kind];
    if (operation !== undefined) mark(operationId(operation), letter);
    let group = operation === undefined ? ownerOf(model, path) : model.groupOf[operation];
    for (; group?.parent !== undefined; group = group.parent) mark(group.id, letter);
  }
  return badges;
}

/** The module with a parameter. */
function ownerOf(model: GraphModel, path: string): ReturnType<GraphModel["groups"]["get"]> {
  for (let end = path.lastIndexOf("."); end >= 0; end = path.lastIndexOf(".", end - 1)) {
    const group = model.groups.get(groupId(path.slice(0, end)));
    if (group !== undefined) return group;
  }
  return undefined;
}
