/** What a node computes, its local derivatives and its gradient, as formulas with the numbers put in. */
import type { FormulaPart } from "../../view/formula-parts.ts";
import { formatNumber } from "../../view/number.ts";
import { factor, joined, slope } from "../kit/pieces.ts";
import { type Graph, type Op, type Operation, nudge } from "./graphs.ts";
import type { GraphReading, NodeReading } from "./lab.ts";
import { arrivals, gradientState } from "./progress.ts";

type Line = readonly FormulaPart[];

const name = (text: string): FormulaPart => ({ name: text });

/** The operation as signs between its inputs, whatever these are. */
const written: Readonly<Record<Op, <T>(inputs: readonly T[]) => (T | string)[]>> = {
  mul: ([a = "", b = ""]) => [a, " · ", b],
  add: ([a = "", b = ""]) => [a, " + ", b],
  sub: ([a = "", b = ""]) => [a, " − ", b],
  square: ([a = ""]) => [a, "²"],
  tanh: ([a = ""]) => ["tanh(", a, ")"],
};

/** As plain text: "w · x". */
export function textOf({ op, inputs }: Operation): string {
  return written[op](inputs).join("");
}

export function valueLine({ name: own, op, inputs }: Operation, reading: GraphReading, isThere: boolean): Line {
  const { nodes } = reading;
  const values = inputs.map((input, i) => {
    const number = nodes[input]?.value;
    // What stands first needs no brackets, but where it is squared.
    return (i === 0 && op !== "square") || op === "tanh" ? { number } : factor(number);
  });
  const start = [name(own), " = ", ...written[op](inputs.map(name)), " = "];
  if (!isThere) return [...start, { number: undefined }];
  return [...start, ...written[op](values), " = ", { number: nodes[own]?.value }];
}

/** ∂node/∂input for each input. */
export function localLines(operation: Operation, { nodes }: GraphReading): Line[] {
  const { name: own, op, inputs } = operation;
  const valueOf = (node: string): number | undefined => nodes[node]?.value;
  return inputs.map((input, i) => {
    const local = { number: nodes[own]?.locals[i] };
    const start = [slope(own, input), " = "];
    const other = inputs[1 - i] ?? "";
    switch (op) {
      case "mul":
        return [...start, name(other), " = ", local];
      case "square":
        return [...start, "2 · ", name(input), " = 2 · ", factor(valueOf(input)), " = ", local];
      case "tanh":
        return [...start, "1 − ", { name: own, sup: "2" }, " = 1 − ", factor(valueOf(own)), "² = ", local];
      default:
        return [...start, local];
    }
  });
}

/** ∂L/∂node: the sum over the paths that lead from it to L. */
export function gradientLines(graph: Graph, own: string, { nodes }: GraphReading, place: number): Line[] {
  const state = gradientState(graph, place, own);
  const result = { number: state === "whole" ? nodes[own]?.gradient : undefined };
  const found = arrivals(graph, place, own);
  if (found.length === 0) return [[slope("L", own), " = ", result]];
  const symbols = found.map(({ operation }) => [slope("L", operation.name), " · ", slope(operation.name, own)]);
  const numbers = found.map(({ operation, input, isThere }, i): FormulaPart[] => {
    const { gradient, locals } = nodes[operation.name] as NodeReading;
    if (!isThere) return [{ number: undefined }];
    return [i === 0 ? { number: gradient } : factor(gradient), " · ", factor(locals[input])];
  });
  const start: Line = [slope("L", own), " = ", ...joined(symbols)];
  if (state === "none") return [[...start, " = ", result]];
  if (found.length === 1) return [[...start, " = ", ...joined(numbers), " = ", result]];
  const shares = found.map(({ operation, input, isThere }, i): FormulaPart[] => {
    const number = isThere ? nodes[operation.name]?.shares[input] : undefined;
    return [i === 0 ? { number } : factor(number)];
  });
  return [start, [" = ", ...joined(numbers)], [" = ", ...joined(shares), " = ", result]];
}

/** The gradient of a leaf, found by moving it. */
export function nudgeLines(leaf: string, { nodes, nudges }: GraphReading): Line[] {
  const { loss, slope: found } = nudges[leaf] ?? {};
  return [
    [`(L(${leaf} + ${nudge}) − L(${leaf})) / ${nudge}`],
    [` = (${formatNumber(loss, 7)} − ${formatNumber(nodes["L"]?.value, 7)}) / ${nudge} = `, { number: found }],
  ];
}
