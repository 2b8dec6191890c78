/** Graphs in words: what is written down of a vertex, so that equal words mean equal graphs. Floor: ir. */
import { intern } from "../base/intern.ts";
import type { AttrValue, Attrs } from "./op.ts";
import type { Value } from "./value.ts";

const whole = new Float64Array(1);
const halves = new Int32Array(whole.buffer);

/** A list of words that is written again and again. */
export class Words {
  /** The words; only the first `length` count. */
  list = new Int32Array(4096);
  length = 0;

  push(word: number): void {
    if (this.length === this.list.length) this.#grow();
    this.list[this.length++] = word;
  }

  /** Without loss: one even word for small whole numbers, else an odd one and both halves. */
  number(value: number): void {
    const small = (value << 2) >> 2;
    if (small === value && (value !== 0 || !Object.is(value, -0))) {
      this.push(2 * value);
      return;
    }
    whole[0] = value;
    this.push(1);
    this.push(halves[0] as number);
    this.push(halves[1] as number);
  }

  numbers(list: readonly number[]): void {
    this.push(list.length);
    for (let i = 0; i < list.length; i++) this.number(list[i] as number);
  }

  /** The settings of a vertex, behind their count. */
  attrs(attrs: Attrs): void {
    const at = this.length;
    let count = 0;
    this.push(0);
    for (const key in attrs) {
      this.#attr(attrs[key] as AttrValue);
      count++;
    }
    this.list[at] = count;
  }

  #attr(attr: AttrValue): void {
    if (typeof attr === "number") this.number(attr);
    else if (typeof attr !== "object") this.push(typeof attr === "string" ? intern(attr) : attr ? 1 : 0);
    else if ("words" in attr) this.push(attr.number);
    else this.numbers(attr);
  }

  /** An operation, its inputs by their positions, and its settings. Shape and dtype follow from them. */
  vertex({ op, phase, attrs, inputs }: Value): void {
    this.push(4 * op.code + phase);
    this.push(inputs.length);
    for (let i = 0; i < inputs.length; i++) this.push((inputs[i] as Value).position);
    this.attrs(attrs);
  }

  /** A hash that only finds the bucket: words are always compared. The factor is 2³² divided by the golden ratio. */
  hash(): number {
    const { list, length } = this;
    let hash = length;
    for (let i = 0; i < length; i++) hash = Math.imul(((hash << 5) | (hash >>> 27)) ^ (list[i] as number), 0x9e3779b1);
    return hash;
  }

  equals(known: Int32Array): boolean {
    const { list, length } = this;
    if (known.length !== length) return false;
    for (let i = 0; i < length; i++) if (known[i] !== list[i]) return false;
    return true;
  }

  /** The words, for as long as they are needed. */
  copy(): Int32Array {
    return this.list.slice(0, this.length);
  }

  #grow(): void {
    const larger = new Int32Array(2 * this.length);
    larger.set(this.list);
    this.list = larger;
  }
}

/** Something that follows from words. */
export interface Worded {
  readonly hash: number;
  readonly words: Int32Array;
}

/** What was made for words, so that it is made once: the latest first, and not more than `most`. */
export class Recent<T extends Worded> {
  readonly #list: T[] = [];
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  /** What was made for these words. */
  find(words: Words, hash: number): T | undefined {
    const list = this.#list;
    for (let i = 0; i < list.length; i++) {
      const entry = list[i] as T;
      if (entry.hash !== hash || !words.equals(entry.words)) continue;
      if (i > 0) {
        list.splice(i, 1);
        list.unshift(entry);
      }
      return entry;
    }
    return undefined;
  }

  add(entry: T): T {
    if (this.#list.unshift(entry) > this.#most) this.#list.pop();
    return entry;
  }
}
