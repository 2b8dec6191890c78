/**
 * A program: a graph cut at its leaves, ready to be planned. Also the structural key by which plans are found again.
 * Floor: ir.
 */
import { dtypeCode } from "../base/dtype.ts";
import { intern, mix } from "../base/hash.ts";
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
}

export interface Program {
  /** The leaves as vertices with `leaf.kind` "input", numbered as in the key; `sources` says what each stands for. */
  readonly inputs: readonly Value[];
  readonly sources: readonly Exclude<Leaf["kind"], "input">[];
  /** Results: `target` is the number of the leaf (a cell) that it overwrites, or -1 for one to keep. */
  readonly outputs: readonly { readonly value: Value; readonly target: number }[];
}

/** What a leaf is to a plan: the argument of a compiled function is data like any other. */
function sourceOf(leaf: Leaf): Program["sources"][number] {
  return leaf.kind === "input" ? "data" : leaf.kind;
}

const sourceCodes: Readonly<Record<Program["sources"][number], number>> = { data: -1, cell: -2, slot: -3 };

/** What makes two leaves the same: the bytes, the cell, the number. */
function identity(leaf: Leaf): object {
  return leaf.kind === "data" ? leaf.data : leaf.kind === "cell" ? leaf.cell : leaf;
}

const hasLeaf = (value: Value): boolean => value.leaf !== undefined;

// One key is made at a time, so all keys share their scratch: words, and the numbers of the leaves.
let words = new Int32Array(1024);
let length = 0;
const numbers = new Map<object, number>();
const whole = new Float64Array(1);
const halves = new Int32Array(whole.buffer);

function push(word: number): void {
  if (length === words.length) {
    const larger = new Int32Array(2 * length);
    larger.set(words);
    words = larger;
  }
  words[length++] = word;
}

/** Without loss: one word and a mark for what fits int32, else both halves and another mark. */
function pushNumber(value: number): void {
  if ((value | 0) === value && !Object.is(value, -0)) {
    push(1);
    push(value);
  } else {
    whole[0] = value;
    push(2);
    push(halves[0] as number);
    push(halves[1] as number);
  }
}

function pushAttr(attr: AttrValue): void {
  if (typeof attr === "number") pushNumber(attr);
  else if (typeof attr === "boolean") push(attr ? 1 : 0);
  else if (typeof attr === "string") push(intern(attr));
  else {
    push(attr.length);
    for (let i = 0; i < attr.length; i++) pushNumber(attr[i] as number);
  }
}

function pushShape(shape: readonly number[]): void {
  push(shape.length);
  for (let i = 0; i < shape.length; i++) push(shape[i] as number);
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

/** The key of the graph below `wanted`. A cell that is written but not read is a leaf too, behind all others. */
export function keyOf(wanted: readonly Wanted[]): Key {
  const roots = new Array<Value>(wanted.length);
  for (let i = 0; i < wanted.length; i++) roots[i] = (wanted[i] as Wanted).value;
  const { order } = sortGraph(roots, hasLeaf);
  const leaves: Leaf[] = [];
  length = 0;
  for (let i = 0; i < order.length; i++) {
    const value = order[i] as Value;
    const leaf = value.leaf;
    if (leaf !== undefined) {
      push(sourceCodes[sourceOf(leaf)]);
      push(numberOf(leaf, leaves));
      push(dtypeCode[value.dtype]);
      pushShape(value.shape);
      continue;
    }
    push(value.op.code);
    push((value.phase << 8) | dtypeCode[value.dtype]);
    pushShape(value.shape);
    const attrs = value.attrs;
    for (const key in attrs) pushAttr(attrs[key] as AttrValue);
    const inputs = value.inputs;
    push(inputs.length);
    for (let j = 0; j < inputs.length; j++) push((inputs[j] as Value).position);
  }
  push(wanted.length);
  for (let i = 0; i < wanted.length; i++) {
    const { value, cell } = wanted[i] as Wanted;
    push(value.position);
    push(cell === undefined ? -1 : numberOf({ kind: "cell", cell, version: cell.version }, leaves));
  }
  numbers.clear();
  let hash = length;
  for (let i = 0; i < length; i++) hash = mix(hash, words[i] as number);
  return { hash, words, length, leaves, order };
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
