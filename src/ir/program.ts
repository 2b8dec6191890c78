/**
 * A program: a graph cut at its leaves, ready to be planned. Also the structural key by which plans are found again.
 * Floor: ir.
 */
import { dtypeCode } from "../base/dtype.ts";
import type { Cell } from "./cell.ts";
import { Copier } from "./copier.ts";
import { type CellLeaf, type Leaf, type Value, sortGraph } from "./value.ts";
import { Words } from "./words.ts";

/** What a run shall produce: a result to keep, or the new content of a cell. */
export interface Wanted {
  readonly value: Value;
  readonly cell: Cell | undefined;
}

/** A graph in words: equal words mean equal plans. */
export interface Key {
  readonly hash: number;
  /** The words; they are overwritten when the next key is made. */
  readonly words: Words;
  /** The leaves in the order of their numbers. */
  readonly leaves: readonly Leaf[];
  /** All vertices, inputs before users. */
  readonly order: readonly Value[];
  /** Whether some vertex stands for content that is gone; two versions of a cell are one leaf, so the leaves do not say. */
  readonly isStale: boolean;
}

export interface Program {
  /** The leaves as vertices with `leaf.kind` "input", numbered as in the key; `sources` says what each stands for. */
  readonly inputs: readonly Value[];
  readonly sources: readonly Exclude<Leaf["kind"], "input" | "remote">[];
  /** Results: `target` is the number of the leaf (a cell) that it overwrites, or -1 for one to keep. */
  readonly outputs: readonly { readonly value: Value; readonly target: number }[];
  /** Whether the last result says by 0 that some number is not finite and nothing was written. */
  readonly isGuarded?: boolean;
}

/** What a leaf is to a plan: arguments of compiled functions and results of other threads are data like any other. */
function sourceOf(leaf: Leaf): Program["sources"][number] {
  return leaf.kind === "input" || leaf.kind === "remote" ? "data" : leaf.kind;
}

const sourceCodes: Readonly<Record<Program["sources"][number], number>> = { data: 0, cell: 1, slot: 2 };

/** What makes two leaves the same: the bytes, the cell, the number. */
function identity(leaf: Leaf): object {
  switch (leaf.kind) {
    case "data":
      return leaf.data;
    case "remote":
      return leaf.result;
    case "cell":
      return leaf.cell;
    default:
      return leaf;
  }
}

const hasLeaf = (value: Value): boolean => value.leaf !== undefined;

/** Whether a leaf stands for content that is gone. */
export function isStale(leaf: Leaf): boolean {
  return leaf.kind === "cell" && (leaf.version !== leaf.cell.version || leaf.cell.disposed);
}

// One key is made at a time, so all keys share their words.
const words = new Words();

/** Numbers of leaves, in the order in which they come. */
class Numbering {
  readonly leaves: Leaf[] = [];
  readonly #walk: number;
  /** All but cells, which know their own. */
  readonly #numbers = new Map<object, number>();

  constructor(walk: number) {
    this.#walk = walk;
  }

  numberOf(leaf: Leaf): number {
    if (leaf.kind === "cell") return this.numberOfCell(leaf.cell, leaf);
    const id = identity(leaf);
    let number = this.#numbers.get(id);
    if (number === undefined) {
      number = this.leaves.push(leaf) - 1;
      this.#numbers.set(id, number);
    }
    return number;
  }

  numberOfCell(cell: Cell, leaf?: CellLeaf): number {
    if (cell.mark !== this.#walk) {
      cell.mark = this.#walk;
      cell.number = this.leaves.push(leaf ?? { kind: "cell", cell, version: cell.version }) - 1;
    }
    return cell.number;
  }
}

/**
 * The key of the graph below `wanted`. A cell that is written but not read is a leaf too, behind all others. `checked`,
 * where given, are the numbers of the results that must be finite for the writes to happen.
 */
export function keyOf(wanted: readonly Wanted[], checked?: readonly number[]): Key {
  const roots = new Array<Value>(wanted.length);
  for (let i = 0; i < wanted.length; i++) roots[i] = (wanted[i] as Wanted).value;
  const { order, walk } = sortGraph(roots, hasLeaf);
  const numbering = new Numbering(walk);
  let stale = false;
  words.length = 0;
  for (let i = 0; i < order.length; i++) {
    const value = order[i] as Value;
    const { leaf } = value;
    if (leaf === undefined) {
      words.vertex(value);
      continue;
    }
    if (isStale(leaf)) stale = true;
    words.push(-1 - (8 * sourceCodes[sourceOf(leaf)] + dtypeCode[value.dtype]));
    words.push(numbering.numberOf(leaf));
    words.numbers(value.shape);
  }
  words.push(wanted.length);
  for (let i = 0; i < wanted.length; i++) {
    const { value, cell } = wanted[i] as Wanted;
    words.push(value.position);
    words.push(cell === undefined ? -1 : numbering.numberOfCell(cell));
  }
  if (checked !== undefined) words.numbers(checked);
  return { hash: words.hash(), words, leaves: numbering.leaves, order, isStale: stale };
}

/**
 * The graph of a key with its leaves replaced by numbered inputs, and with the bodies of calls in their place: it holds
 * nothing of the run that it came from.
 */
export function programOf(
  key: Key,
  wanted: readonly Wanted[],
  leafVertex: (like: Value, leaf: Leaf) => Value,
): Program {
  const indices = new Map<object, number>(key.leaves.map((leaf, i) => [identity(leaf), i]));
  const inputs = new Array<Value | undefined>(key.leaves.length);
  const copier = new Copier();
  for (const value of key.order) {
    const leaf = value.leaf;
    if (leaf !== undefined) {
      const index = indices.get(identity(leaf)) as number;
      // One buffer may stand behind vertices of several shapes: each is a vertex, all have the same number.
      const vertex = leafVertex(value, { kind: "input", index });
      inputs[index] ??= vertex;
      copier.set(value, vertex);
    } else copier.copy(value);
  }
  for (const { value, cell } of wanted) {
    if (cell === undefined) continue;
    const index = indices.get(cell) as number;
    inputs[index] ??= leafVertex(value, { kind: "input", index });
  }
  return {
    inputs: inputs as Value[],
    sources: key.leaves.map(sourceOf),
    outputs: wanted.map(({ value, cell }) => ({
      value: copier.get(value),
      target: cell === undefined ? -1 : (indices.get(cell) as number),
    })),
  };
}
