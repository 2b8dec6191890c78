/** Text as numbers of its characters. Floor: data. */
import { TwopassError, checkOptions, describe } from "../../base/errors.ts";

export interface CharTokenizerOptions {
  /** What stands for characters that were not in the text, with the number 0; default: they are an error. */
  readonly unknown?: string;
}

/** A tokenizer as JSON. */
export interface CharTokenizerJson {
  readonly type: "char";
  readonly characters: readonly string[];
  readonly unknown?: string;
}

/**
 * One number for each character, that is, each code point. The characters are sorted, so that the same ones get the same
 * numbers.
 *
 * @example
 * const tokenizer = CharTokenizer.fit("hello");
 * tokenizer.encode("hole"); // Int32Array(4) [1, 3, 2, 0]
 */
export class CharTokenizer {
  /** The text of each number. */
  readonly tokens: readonly string[];
  readonly #characters: readonly string[];
  readonly #unknown: string | undefined;
  readonly #ids = new Map<string, number>();

  private constructor(characters: readonly string[], unknown: string | undefined) {
    this.#characters = characters;
    this.#unknown = unknown;
    this.tokens = unknown === undefined ? characters : [unknown, ...characters];
    const first = this.tokens.length - characters.length;
    characters.forEach((character, i) => this.#ids.set(character, first + i));
  }

  /** The characters of a text, or of several. @throws where there is none. */
  static fit(texts: string | Iterable<string>, options: CharTokenizerOptions = {}): CharTokenizer {
    checkOptions("CharTokenizer.fit", options, ["unknown"]);
    const found = new Set<string>();
    for (const text of typeof texts === "string" ? [texts] : texts) for (const character of text) found.add(character);
    if (found.size === 0) throw new TwopassError({ op: "CharTokenizer.fit", problem: "the text is empty" });
    const characters = [...found].sort((a, b) => (a.codePointAt(0) as number) - (b.codePointAt(0) as number));
    return new CharTokenizer(characters, options.unknown);
  }

  /** What `toJSON` gave, as a tokenizer again. @throws where it is something else. */
  static fromJSON(json: CharTokenizerJson): CharTokenizer {
    const { type, characters, unknown } = json ?? {};
    const isList =
      Array.isArray(characters) && characters.every((x) => typeof x === "string" && Array.from(x).length === 1);
    const isValid = type === "char" && isList && new Set(characters).size === characters.length;
    if (isValid && (unknown === undefined || typeof unknown === "string"))
      return new CharTokenizer(characters, unknown);
    throw new TwopassError({
      op: "CharTokenizer.fromJSON",
      problem: "not a tokenizer of characters",
      facts: `got ${describe(json)}`,
      hint: "pass what toJSON() returned",
    });
  }

  /** How many numbers there are. */
  get size(): number {
    return this.tokens.length;
  }

  /** @throws TwopassError that names the first character without a number, unless there is an `unknown` token. */
  encode(text: string): Int32Array {
    const ids = new Int32Array(text.length);
    let count = 0;
    for (const character of text) {
      const id = this.#ids.get(character) ?? (this.#unknown === undefined ? undefined : 0);
      if (id === undefined) throw this.#unknownCharacter(character, count);
      ids[count++] = id;
    }
    return ids.slice(0, count);
  }

  /** @throws where a number is no token's. */
  decode(ids: ArrayLike<number>): string {
    let text = "";
    for (let i = 0; i < ids.length; i++) {
      const token = this.tokens[ids[i] as number];
      if (token === undefined) {
        const facts = `${describe(ids[i])} of ${this.size}`;
        throw new TwopassError({ op: "CharTokenizer.decode", problem: "no such token", facts });
      }
      text += token;
    }
    return text;
  }

  toJSON(): CharTokenizerJson {
    const known = { type: "char" as const, characters: this.#characters };
    return this.#unknown === undefined ? known : { ...known, unknown: this.#unknown };
  }

  #unknownCharacter(character: string, place: number): TwopassError {
    const code = (character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, "0");
    return new TwopassError({
      op: "CharTokenizer.encode",
      problem: "an unknown character",
      facts: `${JSON.stringify(character)} (U+${code}), character ${place} of the text`,
      hint: 'fit it on all texts, or with { unknown: "?" }',
    });
  }
}
