/** Content that was overwritten: which vertices need it, and the error that says so. Floor: tensor. */
import { StaleError, showShape } from "../base/errors.ts";
import type { Cell } from "../ir/cell.ts";
import { isStale } from "../ir/program.ts";
import type { Value } from "../ir/value.ts";

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
  const { lost, user } = lostPart(value, cell, causes);
  const place = lost.path === "" ? "" : ` in ${lost.path}`;
  const what =
    lost.op.kind === "leaf" ? "" : `; the ${lost.op.name} of shape ${showShape(lost.shape)}${place} was written before`;
  const carriedOver = "detach() or clone() that one before step() or assign(): the copy is kept";
  return new StaleError({
    op,
    problem: cell.disposed ? "it needs a tensor that was disposed" : "it needs content that was overwritten",
    facts: cell.disposed ? cell.label : `${cell.label} has changed since${what}`,
    hint: user === undefined ? staleHints[op] : user.phase === 1 ? staleHints.backward : carriedOver,
    shapes: [lost.shape],
  });
}

/** What was written before the change, and what used it after: the tensor that the program carried over. */
function lostPart(
  value: Value,
  cell: Cell,
  causes: ReadonlyMap<Value, Cell>,
): { lost: Value; user: Value | undefined } {
  let [lost, user]: [Value, Value | undefined] = [value, undefined];
  while (lost.id > cell.changedAt) {
    const next = lost.inputs.find((input) => input.leaf === undefined && causes.get(input) === cell);
    if (next === undefined) break;
    [lost, user] = [next, lost];
  }
  return { lost, user };
}
