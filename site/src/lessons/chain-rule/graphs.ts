/** The computation graphs of the lesson on the chain rule: what is computed from what, and where it stands. No numbers. */
export const graphIds = ["neuron", "shared", "tanh"] as const;
export type GraphId = (typeof graphIds)[number];

/** How far a leaf is moved to see what becomes of L. */
export const nudge = 0.001;

export type Op = "mul" | "add" | "sub" | "square" | "tanh";

export interface Leaf {
  readonly name: string;
  /** Column and row, from 0. */
  readonly at: readonly [number, number];
  /** With which number it begins. */
  readonly start: number;
}

export interface Operation {
  readonly name: string;
  readonly at: readonly [number, number];
  readonly op: Op;
  /** Names of leaves and of operations before it. No two of one operation depend on each other. */
  readonly inputs: readonly string[];
}

export interface Graph {
  readonly leaves: readonly Leaf[];
  /** In the order of the forward pass; the last one is L. */
  readonly operations: readonly Operation[];
}

const leaf = (name: string, column: number, row: number, start: number): Leaf => ({ name, at: [column, row], start });
const operation = (name: string, column: number, row: number, op: Op, ...inputs: readonly string[]): Operation => ({
  name,
  at: [column, row],
  op,
  inputs,
});

export const graphs: Readonly<Record<GraphId, Graph>> = {
  /** L = (w·x + b − y)² */
  neuron: {
    leaves: [leaf("w", 0, 0, 2), leaf("x", 0, 1, 3), leaf("b", 1, 1, -1), leaf("y", 2, 1, 3)],
    operations: [
      operation("p", 1, 0, "mul", "w", "x"),
      operation("s", 2, 0, "add", "p", "b"),
      operation("e", 3, 0, "sub", "s", "y"),
      operation("L", 4, 0, "square", "e"),
    ],
  },
  /** L = (w·x₁ + w·x₂ − y)² */
  shared: {
    leaves: [leaf("x₁", 0, 0, 2), leaf("w", 0, 1, 1.5), leaf("x₂", 0, 2, 1), leaf("y", 2, 2, 2)],
    operations: [
      operation("p₁", 1, 0, "mul", "w", "x₁"),
      operation("p₂", 1, 2, "mul", "w", "x₂"),
      operation("s", 2, 1, "add", "p₁", "p₂"),
      operation("e", 3, 1, "sub", "s", "y"),
      operation("L", 4, 1, "square", "e"),
    ],
  },
  /** L = (tanh(w·x + b) − y)² */
  tanh: {
    leaves: [leaf("w", 0, 0, 1), leaf("x", 0, 1, 1), leaf("b", 1, 1, -0.5), leaf("y", 3, 1, -0.5)],
    operations: [
      operation("p", 1, 0, "mul", "w", "x"),
      operation("z", 2, 0, "add", "p", "b"),
      operation("h", 3, 0, "tanh", "z"),
      operation("e", 4, 0, "sub", "h", "y"),
      operation("L", 4, 1, "square", "e"),
    ],
  },
};
