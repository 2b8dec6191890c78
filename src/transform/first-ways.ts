/** Graphs without choices that are left to the device, for devices that take no second way. Floor: transform. */
import { Rewriter } from "../ir/rewrite.ts";
import { type Value, sortGraph } from "../ir/value.ts";

/** The graphs below `roots` with the first of both ways at each choice; the same vertices where there is none. */
export function firstWays(roots: readonly Value[]): readonly Value[] {
  const { order } = sortGraph(roots, (value) => value.leaf !== undefined);
  if (!order.some((value) => value.op.kind === "either")) return roots;
  return new Rewriter().run(roots, (value, inputs) => (value.op.kind === "either" ? inputs[0] : undefined));
}
