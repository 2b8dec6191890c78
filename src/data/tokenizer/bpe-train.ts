/**
 * Training of byte pair encoding: the most frequent pair of neighbours becomes a token, again and again. Counts are kept
 * up to date: a merge touches only the words that hold its pair. Floor: data.
 */
import { leftOf, pairOf, rightOf } from "./bpe-merges.ts";
import { Heap } from "./heap.ts";

/** A word as tokens, and how often the texts have it. */
interface Word {
  tokens: number[];
  readonly count: number;
}

interface Pair {
  readonly pair: number;
  readonly count: number;
}

export interface TrainedMerge {
  readonly left: number;
  readonly right: number;
  /** The token that it gives, perhaps one that another pair gave before. */
  readonly id: number;
}

/** What training needs to know of the tokens: two pairs may give the same text, which is one token. */
export interface Vocabulary {
  readonly size: number;
  /** The number of the token that joins two, which is made where it is new. */
  join(left: number, right: number): number;
}

/**
 * Merges until the vocabulary has its size, or no pair occurs `minFrequency` times. Of pairs that are equally frequent
 * the one with the smaller numbers is taken: first the left, then the right.
 */
export function trainMerges(
  words: readonly Word[],
  vocabulary: Vocabulary,
  vocabSize: number,
  minFrequency: number,
): TrainedMerge[] {
  const counts = new Map<number, number>();
  /** The words that hold a pair, or held it. */
  const places = new Map<number, number[]>();
  const heap = new Heap<Pair>((a, b) => a.count > b.count || (a.count === b.count && a.pair < b.pair));
  const changed = new Set<number>();
  let word = 0;
  const change = (left: number, right: number, by: number): void => {
    const pair = pairOf(left, right);
    counts.set(pair, (counts.get(pair) ?? 0) + by);
    if (by < 0) return;
    changed.add(pair);
    const found = places.get(pair);
    if (found === undefined) places.set(pair, [word]);
    else if (found[found.length - 1] !== word) found.push(word);
  };
  const propose = (): void => {
    for (const pair of changed) heap.push({ pair, count: counts.get(pair) as number });
    changed.clear();
  };

  for (; word < words.length; word++) {
    const { tokens, count } = words[word] as Word;
    for (let i = 0; i + 1 < tokens.length; i++) change(tokens[i] as number, tokens[i + 1] as number, count);
  }
  propose();

  const merges: TrainedMerge[] = [];
  const merged = new Set<number>();
  while (vocabulary.size < vocabSize) {
    const best = heap.pop();
    if (best === undefined || best.count < minFrequency) break;
    const { pair, count } = best;
    const current = counts.get(pair) as number;
    if (current !== count) {
      // It was counted before other merges took some of it. One that grew was proposed again then.
      if (current > 0 && current < count) heap.push({ pair, count: current });
      continue;
    }
    const [left, right] = [leftOf(pair), rightOf(pair)];
    const id = vocabulary.join(left, right);
    // A pair can come again where a token is made in two ways; its first merge counts.
    if (!merged.has(pair)) merges.push({ left, right, id });
    merged.add(pair);
    const holders = places.get(pair) ?? [];
    places.delete(pair);
    for (word of holders) mergeIn(words[word] as Word, left, right, id, change);
    counts.delete(pair);
    propose();
  }
  return merges;
}

/** Joins a pair in a word, from the left, and counts what comes and goes. */
function mergeIn(
  word: Word,
  left: number,
  right: number,
  id: number,
  change: (left: number, right: number, by: number) => void,
): void {
  const { tokens, count } = word;
  const joined: number[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] as number;
    if (token !== left || tokens[i + 1] !== right) {
      joined.push(token);
      continue;
    }
    const before = joined.at(-1);
    const behind = tokens[i + 2];
    change(left, right, -count);
    if (before !== undefined) {
      change(before, left, -count);
      change(before, id, count);
    }
    if (behind !== undefined) {
      change(right, behind, -count);
      change(id, behind, count);
    }
    joined.push(id);
    i++;
  }
  word.tokens = joined;
}
