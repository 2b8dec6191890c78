/**
 * How far one is in the two passes over a graph. Place 0: only the leaves are there. Then each operation forward, then
 * ∂L/∂L = 1, then each operation backward, the last one first.
 */
import type { Graph, Operation } from "./graphs.ts";

export type Direction = "forward" | "backward";

export interface Moment {
  readonly direction: Direction;
  /** Undefined: ∂L/∂L is set. */
  readonly operation: Operation | undefined;
}

/** A share of a node's gradient: what comes back from an operation that takes the node. */
export interface Arrival {
  readonly operation: Operation;
  /** Which of its inputs the node is. */
  readonly input: number;
  readonly isThere: boolean;
}

export function endOf({ operations }: Graph): number {
  return 2 * operations.length + 1;
}

/** What happened last; undefined at place 0. */
export function momentAt({ operations }: Graph, place: number): Moment | undefined {
  const count = operations.length;
  if (place === 0) return undefined;
  if (place <= count) return { direction: "forward", operation: operations[place - 1] };
  return { direction: "backward", operation: operations[2 * count + 1 - place] };
}

export function hasValue({ operations }: Graph, place: number, name: string): boolean {
  return operations.findIndex((operation) => operation.name === name) < place;
}

export function arrivals({ operations }: Graph, place: number, name: string): Arrival[] {
  return operations.flatMap((operation, i) =>
    operation.inputs.flatMap((input, at) =>
      input === name ? { operation, input: at, isThere: place >= 2 * operations.length + 1 - i } : [],
    ),
  );
}

/** Whether all shares of a gradient have come, or only some. */
export function gradientState(graph: Graph, place: number, name: string): "none" | "part" | "whole" {
  const found = arrivals(graph, place, name);
  // Nothing takes L: its gradient is set.
  if (found.length === 0) return place > graph.operations.length ? "whole" : "none";
  const there = found.filter(({ isThere }) => isThere).length;
  return there === 0 ? "none" : there < found.length ? "part" : "whole";
}
