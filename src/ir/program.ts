/**
 * A program: a graph cut at its leaves, ready to be planned. Also the structural key by which plans are found again.
 * Floor: ir.
 */
import { dtypeCode } from "../base/dtype.ts";
import { internal } from "../base/errors.ts";
import { intern } from "../base/intern.ts";
import type { AttrValue } from "./op.ts";
import { type Leaf, Value, sortGraph } from "./value.ts";
import type { Cell } from "./cell.ts";

/** What a run shall produce: a result to keep, or the new content of a cell. */
export interface Wanted {
  readonly value: Value;
  readonly cell: Cell | undefined;
}

/** A graph in words: equal words mean equal plans. */
export interface Key {
  readonly hash: number;
  /** The words; they are overwritten when the next key is made. */
  readonly words: Int32Array;
  /** How many of the words count. */
  readonly length: number;
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

// One key is made at a time, so all keys share their scratch: words, and the numbers of the leaves.
let words = new Int32Array(4096);
const numbers = new Map<object, number>();
const whole = new Float64Array(1);
const halves = new Int32Array(whole.buffer);

/** Makes room for `more` words behind `end`. */
function reserve(end: number, more: number): void {
  if (end + more <= words.length) return;
  const larger = new Int32Array(2 * (end + more));
  larger.set(words);
  words = larger;
}

/** Without loss: one even word for small whole numbers, else an odd one and both halves. Gives the new end. */
function writeNumber(end: number, value: number): number {
  const small = (value << 2) >> 2;
  if (small === value && (value !== 0 || !Object.is(value, -0))) {
    words[end] = 2 * value;
    return end + 1;
  }
  whole[0] = value;
  words[end] = 1;
  words[end + 1] = halves[0] as number;
  words[end + 2] = halves[1] as number;
  return end + 3;
}

function writeList(end: number, list: readonly number[]): number {
  reserve(end, 3 * list.length + 16);
  words[end++] = list.length;
  for (let i = 0; i < list.length; i++) end = writeNumber(end, list[i] as number);
  return end;
}

function writeWords(end: number, list: Int32Array): number {
  reserve(end, list.length + 16);
  words[end] = list.length;
  words.set(list, end + 1);
  return end + 1 + list.length;
}

function writeAttr(end: number, attr: AttrValue): number {
  if (typeof attr === "object") return "words" in attr ? writeWords(end, attr.words) : writeList(end, attr);
  reserve(end, 16);
  if (typeof attr === "number") return writeNumber(end, attr);
  words[end] = typeof attr === "string" ? intern(attr) : attr ? 1 : 0;
  return end + 1;
}

/** An operation, its settings and its inputs. Shape and dtype follow from them. */
function writeVertex(end: number, { op, phase, attrs, inputs }: Value): number {
  reserve(end, inputs.length + 16);
  words[end] = 4 * op.code + phase;
  let count = 0;
  const head = end + 1;
  end += 2;
  for (let i = 0; i < inputs.length; i++) words[end++] = (inputs[i] as Value).position;
  for (const key in attrs) {
    end = writeAttr(end, attrs[key] as AttrValue);
    count++;
  }
  words[head] = 64 * inputs.length + count;
  return end;
}

/** The number of a leaf, a new one where the leaf is new. */
function numberOf(leaf: Leaf, leaves: Leaf[]): number {
  const id = identity(leaf);
  let number = numbers.get(id);
  if (number === undefined) {
    number = leaves.length;
    leaves.push(leaf);
    numbers.set(id, number);
  }
  return number;
}

/**
 * The key of the graph below `wanted`. A cell that is written but not read is a leaf too, behind all others. `checked`,
 * where given, are the numbers of the results that must be finite for the writes to happen.
 */
export function keyOf(wanted: readonly Wanted[], checked?: readonly number[]): Key {
  const roots = new Array<Value>(wanted.length);
  for (let i = 0; i < wanted.length; i++) roots[i] = (wanted[i] as Wanted).value;
  const { order } = sortGraph(roots, hasLeaf);
  const leaves: Leaf[] = [];
  let end = 0;
  let stale = false;
  for (let i = 0; i < order.length; i++) {
    const value = order[i] as Value;
    const { leaf } = value;
    if (leaf === undefined) {
      end = writeVertex(end, value);
      continue;
    }
    if (isStale(leaf)) stale = true;
    reserve(end, 16);
    words[end++] = -1 - (8 * sourceCodes[sourceOf(leaf)] + dtypeCode[value.dtype]);
    words[end++] = numberOf(leaf, leaves);
    end = writeList(end, value.shape);
  }
  reserve(end, 2 * wanted.length + 1);
  words[end++] = wanted.length;
  for (let i = 0; i < wanted.length; i++) {
    const { value, cell } = wanted[i] as Wanted;
    words[end++] = value.position;
    words[end++] = cell === undefined ? -1 : numberOf({ kind: "cell", cell, version: cell.version }, leaves);
  }
  if (checked !== undefined) end = writeList(end, checked);
  numbers.clear();
  return { hash: hashOf(words, end), words, length: end, leaves, order, isStale: stale };
}

/** The words of a graph over numbered inputs, for those who keep it as a part of other graphs: equal words, equal graphs. */
export function graphWords(head: readonly number[], inputs: readonly Value[], outputs: readonly Value[]): Int32Array {
  const { order } = sortGraph(outputs, hasLeaf);
  let end = writeList(0, [...head, inputs.length]);
  for (const { shape, dtype } of inputs) end = writeList(end, [dtypeCode[dtype], ...shape]);
  for (const value of order) {
    if (value.leaf === undefined) end = writeVertex(end, value);
    else {
      if (value.leaf.kind !== "input") throw internal(`a graph over numbered inputs holds a ${value.leaf.kind} itself`);
      reserve(end, 16);
      words[end++] = -1 - value.leaf.index;
    }
  }
  end = writeList(
    end,
    outputs.map((value) => value.position),
  );
  return words.slice(0, end);
}

/** A hash that only finds the bucket: keys are always compared. The factor is 2³² divided by the golden ratio. */
function hashOf(list: Int32Array, length: number): number {
  let hash = length;
  for (let i = 0; i < length; i++) hash = Math.imul(((hash << 5) | (hash >>> 27)) ^ (list[i] as number), 0x9e3779b1);
  return hash;
}

/** Whether a key has these words. */
export function matches(key: Key, known: Int32Array): boolean {
  if (known.length !== key.length) return false;
  const mine = key.words;
  for (let i = 0; i < known.length; i++) if (known[i] !== mine[i]) return false;
  return true;
}

/** The words of a key, for as long as they are needed. */
export function wordsOf(key: Key): Int32Array {
  return key.words.slice(0, key.length);
}

/** The graph of a key with its leaves replaced by numbered inputs: it holds nothing of the run that it came from. */
export function programOf(
  key: Key,
  wanted: readonly Wanted[],
  leafVertex: (like: Value, leaf: Leaf) => Value,
): Program {
  const indices = new Map<object, number>(key.leaves.map((leaf, i) => [identity(leaf), i]));
  const inputs = new Array<Value | undefined>(key.leaves.length);
  const made = new Map<Value, Value>();
  for (const value of key.order) {
    const leaf = value.leaf;
    if (leaf !== undefined) {
      const index = indices.get(identity(leaf)) as number;
      // One buffer may stand behind vertices of several shapes: each is a vertex, all have the same number.
      const vertex = leafVertex(value, { kind: "input", index });
      inputs[index] ??= vertex;
      made.set(value, vertex);
    } else {
      const copied = value.inputs.map((input) => made.get(input) as Value);
      made.set(value, new Value(value.op, copied, value.attrs, undefined, false, value));
    }
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
      value: made.get(value) as Value,
      target: cell === undefined ? -1 : (indices.get(cell) as number),
    })),
  };
}
