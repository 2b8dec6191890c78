/**
 * Byte pair encoding of one word: the pair of neighbours that was merged first in training is joined first, of equal
 * ones the left (Sennrich, Haddow, Birch 2016). Floor: data.
 */
import { Heap } from "./heap.ts";

/** Above any number of a token, so that a pair of them is one number. */
const pairBase = 2 ** 24;

/** Two neighbours as one number. */
export function pairOf(left: number, right: number): number {
  return left * pairBase + right;
}

export function leftOf(pair: number): number {
  return Math.floor(pair / pairBase);
}

export function rightOf(pair: number): number {
  return pair % pairBase;
}

/** A merge: which one, and the token that it gives. */
export interface Merge {
  readonly rank: number;
  readonly id: number;
}

interface Candidate extends Merge {
  /** Where the left of the two is. */
  readonly at: number;
  readonly pair: number;
}

/**
 * Joins the tokens of a word, in n log n steps for n bytes: a word may be a whole book without a space.
 *
 * @param tokens the numbers of the word's bytes; they are changed.
 */
export function mergeWord(tokens: Int32Array, merges: ReadonlyMap<number, Merge>): Int32Array {
  const count = tokens.length;
  // A list with links: the token behind and before each; −1 marks one that was joined to its left.
  const next = Int32Array.from({ length: count }, (_, i) => i + 1);
  const previous = Int32Array.from({ length: count }, (_, i) => i - 1);
  const heap = new Heap<Candidate>((a, b) => a.rank < b.rank || (a.rank === b.rank && a.at < b.at));
  const propose = (at: number): void => {
    const right = next[at] as number;
    if (at < 0 || right >= count) return;
    const pair = pairOf(tokens[at] as number, tokens[right] as number);
    const merge = merges.get(pair);
    if (merge !== undefined) heap.push({ at, pair, rank: merge.rank, id: merge.id });
  };
  for (let i = 0; i + 1 < count; i++) propose(i);
  for (let found = heap.pop(); found !== undefined; found = heap.pop()) {
    const { at, pair, id } = found;
    const right = next[at] as number;
    // One of the two may have been joined since.
    if (right >= count || tokens[at] === -1 || pairOf(tokens[at] as number, tokens[right] as number) !== pair) continue;
    tokens[at] = id;
    tokens[right] = -1;
    const behind = next[right] as number;
    next[at] = behind;
    if (behind < count) previous[behind] = at;
    if (at > 0) propose(previous[at] as number);
    propose(at);
  }
  return tokens.filter((token) => token !== -1);
}
