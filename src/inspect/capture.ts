/** Which values of a step are captured. Floor: inspect. */
import { TwopassError, describe, nearest } from "../base/errors.ts";
import { sizeOf } from "../base/shape.ts";
import type { Value } from "../ir/value.ts";
import type { RecordedGraph } from "./recorder.ts";

/** Elements of all results together up to which all are captured unless told otherwise. */
const mostUnasked = 2 ** 20;

/** The patterns that an option gives. */
export function patternsOf(op: string, option: string, given: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (list.every((pattern): pattern is string => typeof pattern === "string")) return list;
  throw new TwopassError({
    op,
    problem: `${option} must be a module path, a pattern such as encoder.*.attn, or a list of them`,
    facts: `got ${describe(given)}`,
  });
}

/** Whether a path, or one above it, is meant by a pattern: `*` is any part of a name, `**` any number of names. */
export function matches(pattern: string, path: string): boolean {
  const text = pattern
    .split(".")
    .map((part) => (part === "**" ? "**" : part.replaceAll(/[^\w*]/g, "\\$&").replaceAll("*", "[^.]*")))
    .join("\\.")
    .replaceAll("**\\.", "(?:[^.]+\\.)*")
    .replaceAll("\\.**", "(?:\\.[^.]+)*")
    .replaceAll("**", ".*");
  return new RegExp(`^${text}(?:\\.|$)`).test(path);
}

/** Throws for a pattern by which no module is meant. */
export function checkPatterns(
  op: string,
  patterns: readonly string[],
  paths: readonly string[],
  isMeant: (pattern: string, path: string) => boolean,
): void {
  const known = paths.filter((path) => path !== "");
  for (const pattern of patterns) {
    if (paths.some((path) => isMeant(pattern, path))) continue;
    const near = nearest(pattern, known);
    throw new TwopassError({
      op,
      problem: `no module has the path ${JSON.stringify(pattern)}`,
      hint:
        near === undefined
          ? `known: ${known.slice(0, 8).join(", ")}${known.length > 8 ? ", ..." : ""}`
          : `did you mean "${near}"?`,
    });
  }
}

/** A number that is everywhere is told by its label, and parameters by the record of the update. */
function isTold({ op, leaf, requiresGrad }: Value): boolean {
  return (
    op.kind === "constant" || op.kind === "iota" || leaf?.kind === "slot" || (leaf?.kind === "cell" && requiresGrad)
  );
}

/**
 * The vertices whose values are captured: those of `always`, of modules that a pattern means, and, where nothing was asked
 * for, all of a small step. Large views repeat what they show.
 */
export function selected(
  graph: RecordedGraph,
  always: ReadonlySet<Value>,
  patterns: readonly string[] | undefined,
  whole: number,
): Value[] {
  const candidates = graph.order.slice(0, graph.updatesFrom).filter((value) => !isTold(value));
  const isLargeView = (value: Value): boolean =>
    value.op.kind === "view" && value.attrs["rule"] === undefined && sizeOf(value.shape) > whole;
  const elements = candidates.reduce((sum, value) => sum + sizeOf(value.shape), 0);
  const isAsked = (value: Value): boolean =>
    patterns === undefined ? elements <= mostUnasked : patterns.some((pattern) => matches(pattern, value.path));
  return candidates.filter((value) => always.has(value) || (isAsked(value) && !isLargeView(value)));
}
