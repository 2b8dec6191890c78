/** Kernels to be: the groups that fusion makes, what may be one of them, and what depends on what. Floor: schedule. */
import { sameShape } from "../base/shape.ts";
import type { Value } from "../ir/value.ts";
import { listOf } from "../ops/record.ts";
import type { Group } from "./lower.ts";

/** A kernel to be: a group of values with one space, or one value with a kernel of its own. */
export interface Unit {
  readonly kind: "group" | "single";
  group: Group;
  readonly phase: number;
  readonly sources: Set<Unit>;
  /** Whether nothing may join. */
  readonly closed: boolean;
}

/** Parts that one kernel joins at most. */
export const mostParts = 8;

/** The unit of a value alone. */
export function unitOf(value: Value, sources: Set<Unit>): Unit {
  const { kind } = value.op;
  const x = value.inputs[0];
  const phase = value.phase;
  const group = (space: readonly number[], reduced: readonly number[], closed: boolean): Unit => ({
    kind: "group",
    group: { space, reduced, members: [value] },
    phase,
    sources,
    closed,
  });
  switch (kind) {
    case "elementwise":
    case "view":
    case "gather":
    case "constant":
    case "iota":
      return group(value.shape, [], false);
    case "reduce":
      return group((x as Value).shape, listOf(value.attrs, "dims"), false);
    case "arg":
    case "cumulate":
      return group((x as Value).shape, [(x as Value).shape.length - 1], true);
    case "window": {
      const taps = listOf(value.attrs, "kernel");
      const space = [...value.shape.slice(0, 2), ...taps, ...value.shape.slice(2)];
      return group(
        space,
        taps.map((_, d) => d + 2),
        false,
      );
    }
    case "scatter":
      return group((value.inputs[1] as Value).shape, [], true);
    case "concat": {
      const { shape } = x as Value;
      const alike = value.inputs.length <= mostParts && value.inputs.every((part) => sameShape(part.shape, shape));
      return alike ? group(shape, [], false) : singleUnit(value, sources);
    }
    default:
      return singleUnit(value, sources);
  }
}

export function singleUnit(value: Value, sources: Set<Unit>): Unit {
  const group = { space: value.shape, reduced: [], members: [value] };
  return { kind: "single", group, phase: value.phase, sources, closed: true };
}

/** Both groups as one, if their spaces allow it; the members of `b` come behind. */
export function combine(a: Group, b: Group): Group | undefined {
  const members = [...a.members, ...b.members];
  const sameReduced = sameShape(a.reduced, b.reduced);
  // The parts of a concat are the elements of its space, not of a row.
  const joins = members.some((member) => member.op.kind === "concat");
  if (joins && a.reduced.length + b.reduced.length > 0) return undefined;
  if (sameShape(a.space, b.space) && (sameReduced || a.reduced.length === 0 || b.reduced.length === 0)) {
    return { space: a.space, reduced: a.reduced.length > 0 ? a.reduced : b.reduced, members };
  }
  if (b.reduced.length === 0 && a.reduced.length > 0 && isRowShape(b.space, a)) return { ...a, members };
  if (a.reduced.length === 0 && b.reduced.length > 0 && isRowShape(a.space, b)) return { ...b, members };
  return undefined;
}

function isRowShape(shape: readonly number[], group: Group): boolean {
  const kept = group.space.filter((_, d) => !group.reduced.includes(d));
  const ones = group.space.map((n, d) => (group.reduced.includes(d) ? 1 : n));
  return sameShape(shape, kept) || sameShape(shape, ones);
}

/** Whether `unit` needs `other`, over any number of steps. Members come in topological order, the units too. */
export function dependsOn(unit: Unit, other: Unit): boolean {
  if (unit === other) return true;
  const first = (other.group.members[0] as Value).position;
  const seen = new Set<Unit>([unit]);
  for (const at of seen) {
    for (const source of at.sources) {
      if (source === other) return true;
      // What was complete before the other one began cannot need it.
      if ((source.group.members.at(-1) as Value).position > first) seen.add(source);
    }
  }
  return false;
}
