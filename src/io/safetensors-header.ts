/**
 * Reads the JSON header of a safetensors file into entries in file order. It accepts exactly the grammar of the format:
 * JSON.parse would drop the first of two equal names without a word, and could be made to build far more than the
 * header's own size. It checks no number against the file; safetensors.ts does. Floor: io.
 */
import { TwopassError, describe } from "../base/errors.ts";

/** One tensor as the header describes it. `begin` and `end` count bytes from the first byte of data. */
export interface HeaderEntry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: number[];
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly entries: HeaderEntry[];
  readonly metadata: Record<string, string>;
}

/** The name that holds the metadata and so can be no tensor's. */
export const metadataName = "__metadata__";

/** More dims than any tensor library takes. Without a bound, a small header could ask for a large array of dims. */
export const mostDims = 64;

/** @throws TwopassError with the place of the first character that does not belong. */
export function parseHeader(text: string): Header {
  const reader = new HeaderReader(text);
  const entries: HeaderEntry[] = [];
  const metadata: [string, string][] = [];
  reader.object("a tensor name", (name) => {
    if (name !== metadataName) entries.push(readEntry(reader, name));
    else reader.object("a metadata name", (key) => metadata.push([key, reader.string("a metadata text")]));
  });
  reader.finish();
  return { entries, metadata: Object.fromEntries(metadata) };
}

function readEntry(reader: HeaderReader, name: string): HeaderEntry {
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  reader.object("dtype, shape or data_offsets", (field) => {
    if (field === "dtype") dtype = reader.string("a dtype");
    else if (field === "shape") shape = reader.wholeNumbers(mostDims);
    else if (field === "data_offsets") offsets = reader.wholeNumbers(2);
    else throw reader.error(`unknown field ${describe(field)} of tensor ${describe(name)}`);
  });
  const [begin, end] = offsets ?? [];
  if (dtype === undefined || shape === undefined || begin === undefined || end === undefined) {
    throw reader.error(`tensor ${describe(name)} needs a dtype, a shape and two data_offsets`);
  }
  return { name, dtype, shape, begin, end };
}

/** A position in the text, and the few JSON forms that a header has. */
class HeaderReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  error(problem: string, cause?: unknown): TwopassError {
    return new TwopassError({
      op: "decodeSafetensors",
      problem: "malformed header",
      facts: `${problem}, before character ${this.#at}`,
      hint: "the file is damaged or is no safetensors file",
      cause,
    });
  }

  /** `{ "key": value, ... }`; `readValue` is called behind each colon. */
  object(what: string, readValue: (key: string) => void): void {
    const seen = new Set<string>();
    this.#expect("{");
    if (this.#accept("}")) return;
    do {
      const key = this.string(what);
      if (seen.has(key)) throw this.error(`${describe(key)} appears twice`);
      seen.add(key);
      this.#expect(":");
      readValue(key);
    } while (this.#accept(","));
    this.#expect("}");
  }

  /** `[1, 2, ...]` of at most `most` whole numbers. */
  wholeNumbers(most: number): number[] {
    const list: number[] = [];
    this.#expect("[");
    if (this.#accept("]")) return list;
    do {
      if (list.length === most) throw this.error(`more than ${most} numbers in a list`);
      list.push(this.#wholeNumber());
    } while (this.#accept(","));
    this.#expect("]");
    return list;
  }

  string(what: string): string {
    this.#skipSpace();
    const start = this.#at;
    if (this.#text[start] !== '"') throw this.#unexpected(what);
    let end = start + 1;
    while (end < this.#text.length && this.#text[end] !== '"') end += this.#text[end] === "\\" ? 2 : 1;
    this.#at = end + 1;
    let value: unknown;
    try {
      value = JSON.parse(this.#text.slice(start, end + 1)); // knows the escapes, and refuses bare control characters
    } catch (cause) {
      throw this.error("a text that is not valid JSON", cause);
    }
    if (typeof value !== "string" || !isWellFormed(value)) throw this.error("a text that is not valid Unicode");
    return value;
  }

  /** Nothing but space may follow. */
  finish(): void {
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#unexpected("the end of the header");
  }

  #wholeNumber(): number {
    this.#skipSpace();
    const start = this.#at;
    while (isDigit(this.#text.charCodeAt(this.#at))) this.#at++;
    const digits = this.#text.slice(start, this.#at);
    // A fraction, an exponent or a sign is then found where "," or "]" should be.
    if (digits === "") throw this.#unexpected("a whole number");
    const value = Number(digits);
    if (!Number.isSafeInteger(value) || String(value) !== digits) {
      throw this.error(`${digits.slice(0, 24)} is too large or not written as a whole number`);
    }
    return value;
  }

  #skipSpace(): void {
    while (isSpace(this.#text.charCodeAt(this.#at))) this.#at++;
  }

  #accept(char: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #expect(char: string): void {
    if (!this.#accept(char)) throw this.#unexpected(`"${char}"`);
  }

  #unexpected(wanted: string): TwopassError {
    const found = this.#text[this.#at];
    return this.error(`expected ${wanted}, found ${found === undefined ? "the end" : describe(found)}`);
  }
}

/** False for a text with half of a surrogate pair, which no UTF-8 can hold. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function isSpace(code: number): boolean {
  return code === 32 || code === 10 || code === 13 || code === 9;
}
