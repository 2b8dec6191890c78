/** Byte-level byte pair encoding, as GPT-2 and its followers have it. Floor: data. */
import { TwopassError, checkOptions, describe } from "../../base/errors.ts";
import { checkWhole } from "../../tensor/options.ts";
import { type Merge, mergeWord, pairOf } from "./bpe-merges.ts";
import { trainMerges } from "./bpe-train.ts";
import { bytesByLetter, bytesOf, letterOfByte } from "./byte-letters.ts";
import { compilePattern, gpt2Pattern, piecesOf } from "./pieces.ts";
import { type BPEParts, type BPETokenizerJson, readTokenizerJson, writeTokenizerJson } from "./tokenizer-json.ts";

export interface BPETrainOptions {
  /** Tokens in all: special ones, 256 bytes, and merges for the rest. */
  readonly vocabSize: number;
  /** How often a pair must occur to become a token; default 2. */
  readonly minFrequency?: number;
  /** Tokens that stand for themselves, such as "<|endoftext|>"; they get the first numbers. */
  readonly specialTokens?: readonly string[];
  /** How text is cut into words, in the syntax of JavaScript; default: the pattern of GPT-2. */
  readonly pattern?: string | RegExp;
}

export interface DecodeOptions {
  /** Whether special tokens are left out; default false. */
  readonly skipSpecialTokens?: boolean;
}

/** Words whose tokens are kept. A word is seldom longer than 20 letters, so this is a few megabytes. */
const mostCached = 50_000;
/** Longer words are rare, and many of them would fill the memory. */
const longestCached = 64;

/**
 * A tokenizer that reads any text, since all bytes are tokens. `decode(encode(text))` is the text, unless that has half
 * of a surrogate pair, which no UTF-8 can hold.
 *
 * `toJSON` gives the tokenizer.json of Hugging Face's tokenizers, and `fromJSON` reads that of byte-level models.
 *
 * @example
 * const tokenizer = BPETokenizer.train("low lower lowest", { vocabSize: 260 });
 * tokenizer.decode(tokenizer.encode("slow")); // "slow"
 */
export class BPETokenizer {
  /** The numbers of the special tokens. */
  readonly specialTokens: ReadonlyMap<string, number>;
  /** One more than the largest number of a token. */
  readonly size: number;
  readonly #parts: BPEParts;
  readonly #merges = new Map<number, Merge>();
  /** The bytes of each token. */
  readonly #bytes: (Uint8Array | undefined)[] = [];
  readonly #idOfByte = new Int32Array(256);
  readonly #pattern: RegExp | undefined;
  readonly #special: RegExp | undefined;
  readonly #cache = new Map<string, Int32Array>();

  private constructor(op: string, parts: BPEParts) {
    const { vocabulary, merges, specialTokens, pattern } = parts;
    this.#parts = parts;
    this.specialTokens = specialTokens;
    const encoder = new TextEncoder();
    // Tokens that were added to the vocabulary by hand may hold letters that stand for no byte: they are texts.
    for (const [letters, id] of vocabulary) this.#bytes[id] = bytesOf(letters) ?? encoder.encode(letters);
    for (const [text, id] of specialTokens) this.#bytes[id] = encoder.encode(text);
    this.size = this.#bytes.length;
    letterOfByte.forEach((letter, byte) => {
      const id = vocabulary.get(letter);
      if (id === undefined)
        throw new TwopassError({ op, problem: "the vocabulary lacks a byte", facts: `byte ${byte}` });
      this.#idOfByte[byte] = id;
    });
    merges.forEach(([left, right], rank) => {
      const [a, b, id] = [vocabulary.get(left), vocabulary.get(right), vocabulary.get(left + right)];
      if (a === undefined || b === undefined || id === undefined) {
        const facts = `merge ${rank}, ${describe(left)} and ${describe(right)}`;
        throw new TwopassError({ op, problem: "a merge has a token that is not in the vocabulary", facts });
      }
      this.#merges.set(pairOf(a, b), { rank, id });
    });
    this.#pattern = pattern === "" ? undefined : compilePattern(op, pattern);
    // Longer ones first: one may begin with another.
    const specials = [...specialTokens.keys()].sort((a, b) => b.length - a.length);
    if (specials.length > 0) this.#special = new RegExp(specials.map(escapeForPattern).join("|"), "gu");
  }

  /**
   * Learns merges from texts: the most frequent pair of neighbours becomes a token, until there are `vocabSize` tokens or
   * no pair is frequent enough. Of equally frequent pairs the one with the smaller numbers comes first, so that the
   * result depends on the texts alone.
   *
   * @throws where `vocabSize` has no room for the bytes and the special tokens.
   */
  static train(texts: string | Iterable<string>, options: BPETrainOptions): BPETokenizer {
    const op = "BPETokenizer.train";
    checkOptions(op, options, ["vocabSize", "minFrequency", "specialTokens", "pattern"]);
    const { minFrequency = 2, specialTokens = [], pattern = gpt2Pattern } = options;
    const special = new Map(specialTokens.map((token, id) => [token, id]));
    if (special.size !== specialTokens.length || special.has("")) {
      const facts = `[${specialTokens.join(", ")}]`;
      throw new TwopassError({ op, problem: "special tokens must differ and not be empty", facts });
    }
    const vocabSize = checkWhole(op, "vocabSize", options.vocabSize, 256 + special.size, 2 ** 24);
    checkWhole(op, "minFrequency", minFrequency, 1);

    const vocabulary = new Map(special);
    const letters = [...special.keys()];
    const add = (token: string): number => {
      const known = vocabulary.get(token);
      if (known !== undefined) return known;
      vocabulary.set(token, letters.length);
      return letters.push(token) - 1;
    };
    for (const byte of bytesByLetter) add(letterOfByte[byte] as string);
    const source = typeof pattern === "string" ? pattern : pattern.source;
    const parts = { vocabulary, merges: [], specialTokens: special, pattern: source };
    const untrained = new BPETokenizer(op, parts);
    const merges = trainMerges(
      [...untrained.#countWords(typeof texts === "string" ? [texts] : texts)].map(([word, count]) => ({
        tokens: [...untrained.#tokensOfBytes(word)],
        count,
      })),
      {
        get size() {
          return letters.length;
        },
        join: (left, right) => add((letters[left] as string) + (letters[right] as string)),
      },
      vocabSize,
      minFrequency,
    ).map(({ left, right }) => [letters[left] as string, letters[right] as string] as const);
    return new BPETokenizer(op, { ...parts, merges });
  }

  /**
   * The tokenizer of a tokenizer.json: its content, or the text of the file.
   *
   * @throws where it is damaged, or not byte-level BPE.
   */
  static fromJSON(json: unknown): BPETokenizer {
    const op = "BPETokenizer.fromJSON";
    return new BPETokenizer(op, readTokenizerJson(typeof json === "string" ? parseJson(op, json) : json));
  }

  /** The numbers of a text's tokens. Special tokens in it become their numbers; none is added around it. */
  encode(text: string): Int32Array {
    const parts: Int32Array[] = [];
    let length = 0;
    for (const piece of this.#split(text)) {
      const special = piece.isSpecial ? this.specialTokens.get(piece.text) : undefined;
      const ids = special === undefined ? this.#encodeWord(piece.text) : Int32Array.of(special);
      parts.push(ids);
      length += ids.length;
    }
    const ids = new Int32Array(length);
    let at = 0;
    for (const part of parts) {
      ids.set(part, at);
      at += part.length;
    }
    return ids;
  }

  /**
   * The text of tokens. Bytes that are no UTF-8, as half of a character may leave them, become U+FFFD.
   *
   * @throws where a number is no token's.
   */
  decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    checkOptions("BPETokenizer.decode", options, ["skipSpecialTokens"]);
    const skipped = new Set(options.skipSpecialTokens === true ? this.specialTokens.values() : []);
    const parts: Uint8Array[] = [];
    let length = 0;
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] as number;
      const bytes = this.#bytes[id];
      if (bytes === undefined) {
        const facts = `${describe(id)} of ${this.size}`;
        throw new TwopassError({ op: "BPETokenizer.decode", problem: "no such token", facts });
      }
      if (skipped.has(id)) continue;
      parts.push(bytes);
      length += bytes.length;
    }
    const all = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(all);
  }

  /** The form of tokenizer.json: `JSON.stringify(tokenizer)` is such a file. */
  toJSON(): BPETokenizerJson {
    return writeTokenizerJson(this.#parts);
  }

  #countWords(texts: Iterable<string>): Map<string, number> {
    const counts = new Map<string, number>();
    for (const text of texts) {
      for (const piece of this.#split(text)) {
        if (!piece.isSpecial) counts.set(piece.text, (counts.get(piece.text) ?? 0) + 1);
      }
    }
    return counts;
  }

  /** The words of a text, and the special tokens in it. */
  *#split(text: string): Generator<{ readonly text: string; readonly isSpecial: boolean }, void, undefined> {
    let end = 0;
    for (const match of this.#special === undefined ? [] : text.matchAll(this.#special)) {
      yield* this.#words(text.slice(end, match.index));
      yield { text: match[0], isSpecial: true };
      end = match.index + match[0].length;
    }
    yield* this.#words(text.slice(end));
  }

  *#words(text: string): Generator<{ readonly text: string; readonly isSpecial: boolean }, void, undefined> {
    if (this.#pattern === undefined) {
      if (text !== "") yield { text, isSpecial: false };
    } else for (const word of piecesOf(text, this.#pattern)) yield { text: word, isSpecial: false };
  }

  #encodeWord(word: string): Int32Array {
    const known = this.#cache.get(word);
    if (known !== undefined) return known;
    const ids = mergeWord(this.#tokensOfBytes(word), this.#merges);
    if (word.length <= longestCached) {
      if (this.#cache.size >= mostCached) this.#cache.clear();
      this.#cache.set(word, ids);
    }
    return ids;
  }

  #tokensOfBytes(word: string): Int32Array {
    return Int32Array.from(new TextEncoder().encode(word), (byte) => this.#idOfByte[byte] as number);
  }
}

function escapeForPattern(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, (letter) => `\\${letter}`);
}

function parseJson(op: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const facts = error instanceof Error ? error.message : describe(error);
    throw new TwopassError({ op, problem: "not JSON", facts, cause: error });
  }
}
