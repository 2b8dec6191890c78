/** Text for graphs, for people and snapshots. It is never read back. Floor: ir. */
import { showShape } from "../base/errors.ts";
import type { Body } from "./body.ts";
import { phases } from "./mode.ts";
import type { AttrValue } from "./op.ts";
import type { Program } from "./program.ts";
import { type Value, sortGraph } from "./value.ts";

/**
 * The graph below `roots`, a line for each vertex, inputs before users: number, dtype, shape, operation with its inputs
 * and attributes, then phase and module where they are not forward and ""; then the bodies of loops.
 */
export function showGraph(roots: readonly Value[]): string {
  const { order } = sortGraph(roots, (value) => value.leaf !== undefined);
  const bodies: Body[] = [];
  const lines = order.map((value, i) => {
    const type = `${value.dtype} ${showShape(value.shape)}`;
    const notes = [value.phase === 0 ? "" : phases[value.phase], value.path].filter((note) => note !== "");
    const note = notes.length === 0 ? "" : `  # ${notes.join(" ")}`;
    return `%${i}: ${type} = ${showVertex(value, bodies)}${note}`;
  });
  bodies.forEach(({ carries, sequences, outputs }, i) => {
    lines.push(`body ${i}, ${carries} carries, ${sequences} sequences:`, showGraph(outputs).replace(/^/gm, "  "));
  });
  return [...lines, `return ${roots.map((root) => `%${root.position}`).join(", ")}`].join("\n");
}

/** A program: its inputs, its graph, and where each result goes. All that a plan follows from is in it. */
export function showProgram({ inputs, sources, outputs, isGuarded }: Program): string {
  const lines = inputs.map(({ dtype, shape }, i) => `input ${i}: ${sources[i]}, ${dtype} ${showShape(shape)}`);
  const graph = showGraph(outputs.map(({ value }) => value));
  const targets = outputs.map(({ target }) => target).join(", ");
  return [...lines, graph, `into ${targets}${isGuarded === true ? ", guarded" : ""}`].join("\n");
}

/** An operation with its inputs and those attributes that are not plain from the result's type. */
function showVertex(value: Value, bodies: Body[]): string {
  const { leaf } = value;
  if (leaf !== undefined) return leaf.kind === "input" ? `input ${leaf.index}` : leaf.kind;
  const inputs = value.inputs.map((input) => ` %${input.position}`).join("");
  const attrs = Object.entries(value.attrs).filter(([key]) => key !== "shape" && key !== "dtype");
  return `${value.op.name}${inputs}${attrs.map(([key, attr]) => ` ${key}=${showAttr(attr, bodies)}`).join("")}`;
}

/** Bodies are numbered as they come. */
function showAttr(attr: AttrValue, bodies: Body[]): string {
  if (typeof attr === "object") {
    if (!("words" in attr)) return showShape(attr);
    const known = bodies.indexOf(attr);
    return `body ${known < 0 ? bodies.push(attr) - 1 : known}`;
  }
  return Object.is(attr, -0) ? "-0" : String(attr);
}
