/** Content that was overwritten: which vertices need it, and the error that says so. Floor: tensor. */
import { StaleError, showShape } from "../base/errors.ts";
import type { Cell } from "../ir/cell.ts";
import type { Leaf, Value } from "../ir/value.ts";

/** Whether a leaf stands for content that is gone. */
export function isStale(leaf: Leaf): boolean {
  return leaf.kind === "cell" && (leaf.version !== leaf.cell.version || leaf.cell.disposed);
}

/** For each vertex that needs lost content: the cell that held it. */
export function staleCauses(order: readonly Value[]): ReadonlyMap<Value, Cell> {
  const causes = new Map<Value, Cell>();
  for (const value of order) {
    const leaf = value.leaf;
    if (leaf !== undefined) {
      if (leaf.kind === "cell" && isStale(leaf)) causes.set(value, leaf.cell);
      continue;
    }
    const cause = value.inputs.map((input) => causes.get(input)).find((cell) => cell !== undefined);
    if (cause !== undefined) causes.set(value, cause);
  }
  return causes;
}

/** The error of a run that needs a disposed tensor. */
export function disposedCell(cell: Cell): StaleError {
  return new StaleError({
    op: "run",
    problem: "it needs a tensor that was disposed",
    facts: cell.label,
    hint: "do not dispose what is still in use",
  });
}

const staleHints = {
  read: "read it before step() or assign(), or keep a copy with clone() where it is written",
  backward: "call backward() before step() or assign(), or compute the loss again",
  assign: "assign before the content changes, or keep a copy with clone() where it is written",
} as const;

/** The error of a tensor whose elements cannot be had any more. `causes` are those of its graph. */
export function staleError(
  op: keyof typeof staleHints,
  value: Value,
  cell: Cell,
  causes: ReadonlyMap<Value, Cell> = new Map(),
): StaleError {
  const lost = lostPart(value, cell, causes);
  const what = lost.op.kind === "leaf" ? "" : `; the ${lost.op.name} of shape ${showShape(lost.shape)}${placeOf(lost)}`;
  const isPart = lost !== value;
  return new StaleError({
    op,
    problem: cell.disposed ? "it needs a tensor that was disposed" : "it needs content that was overwritten",
    facts: cell.disposed
      ? cell.label
      : `${cell.label} has changed since${what === "" ? "" : `${what} was written before`}`,
    hint: isPart ? "detach() or clone() that one before step() or assign(): the copy is kept" : staleHints[op],
    shapes: [lost.shape],
  });
}

function placeOf(value: Value): string {
  return value.path === "" ? "" : ` in ${value.path}`;
}

/** What was written before the change and used after it: the tensor that the program carried over. */
function lostPart(value: Value, cell: Cell, causes: ReadonlyMap<Value, Cell>): Value {
  let at = value;
  while (at.id > cell.changedAt) {
    const next = at.inputs.find((input) => input.leaf === undefined && causes.get(input) === cell);
    if (next === undefined) break;
    at = next;
  }
  return at;
}
