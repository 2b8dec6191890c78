/**
 * The header of an `.npy` file: a Python dict of three keys as text. This reads exactly that dict, and names what of
 * NumPy's types no tensor can hold. Floor: io.
 */
import { TwopassError, describe } from "../base/errors.ts";
import type { ElementType } from "./elements.ts";
import { mostDims } from "./safetensors-header.ts";

export interface NpyHeader {
  /** NumPy's word for the type, such as "<f4". */
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
}

/** Types by NumPy's letter and number of bytes. */
const elementTypes: Readonly<Record<string, ElementType>> = {
  b1: "BOOL",
  i1: "I8",
  i2: "I16",
  i4: "I32",
  i8: "I64",
  u1: "U8",
  u2: "U16",
  u4: "U32",
  u8: "U64",
  f2: "F16",
  f4: "F32",
  f8: "F64",
};

const refusals: Readonly<Record<string, string>> = {
  O: "an array of Python objects is a pickle, which could run code",
  c: "there are no complex tensors: save the real and the imaginary part",
  f: "the width of longdouble depends on the machine: save float64",
  S: "there are no tensors of texts",
  U: "there are no tensors of texts",
  V: "there are no tensors of raw records",
  M: "there are no tensors of dates: save them as numbers",
  m: "there are no tensors of time differences: save them as numbers",
};

/** @throws for types that no tensor can hold, by name. */
export function npyType(descr: string): { type: ElementType; littleEndian: boolean } {
  const [, order, kind, size] = /^([<>|=]?)([a-zA-Z])(\d{0,9})/.exec(descr) ?? [];
  const type = elementTypes[descr.slice(order?.length ?? 0)];
  // One byte has no order, so NumPy writes "|"; more bytes need one, and "=" means that of a machine we do not know.
  if (type !== undefined && (order === "<" || order === ">" || (order === "|" && size === "1"))) {
    return { type, littleEndian: order === "<" };
  }
  throw npyError(
    `no tensor has the NumPy type ${describe(descr)}`,
    `known: bool, int8 to int64, uint8 to uint64, float16 to float64`,
    refusals[kind ?? ""] ?? "convert it in NumPy with astype",
  );
}

export function parseNpyHeader(text: string): NpyHeader {
  const reader = new LiteralReader(text);
  let descr: string | undefined;
  let fortranOrder: boolean | undefined;
  let shape: number[] | undefined;
  reader.expect("{");
  while (!reader.accept("}")) {
    const key = reader.string();
    reader.expect(":");
    if (key === "descr" && descr === undefined) descr = reader.descr();
    else if (key === "fortran_order" && fortranOrder === undefined) fortranOrder = reader.boolean();
    else if (key === "shape" && shape === undefined) shape = reader.tuple();
    else throw reader.error(`the key ${describe(key)} is unknown or appears twice`);
    if (reader.accept(",")) continue;
    reader.expect("}");
    break;
  }
  reader.end();
  if (descr === undefined || fortranOrder === undefined || shape === undefined) {
    throw reader.error("descr, fortran_order and shape must be there");
  }
  return { descr, fortranOrder, shape };
}

/** A position in the text, and the few Python literals that a header has. */
class LiteralReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  error(problem: string): TwopassError {
    return npyError("malformed header", `${problem}, before character ${this.#at}`, "the file is damaged");
  }

  accept(char: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  expect(char: string): void {
    if (this.accept(char)) return;
    const found = this.#text[this.#at];
    throw this.error(`expected ${describe(char)}, found ${found === undefined ? "the end" : describe(found)}`);
  }

  /** A text in quotes of either kind. NumPy's keys and types need no escapes. */
  string(): string {
    const [, , value] = this.#match(/(['"])([^'"\\\n]*)\1/y, "a text");
    return value as string;
  }

  /** A text; the list of fields of a structured type is refused. */
  descr(): string {
    this.#skipSpace();
    if (this.#text[this.#at] !== "[") return this.string();
    throw npyError("no tensor has a structured NumPy type", "descr is a list of fields", "save each field by itself");
  }

  boolean(): boolean {
    return this.#match(/True|False/y, "True or False")[0] === "True";
  }

  /** `(1, 2)`, `(1,)` or `()`; Python 2 wrote `(1L,)`. */
  tuple(): number[] {
    const list: number[] = [];
    this.expect("(");
    while (!this.accept(")")) {
      if (list.length === mostDims) throw this.error(`more than ${mostDims} dims`);
      const [, digits] = this.#match(/(\d{1,16})L?(?=[\s,)])/y, "a whole number");
      const extent = Number(digits);
      if (!Number.isSafeInteger(extent)) throw this.error(`${digits} is too large`);
      list.push(extent);
      if (this.accept(",")) continue;
      this.expect(")");
      break;
    }
    return list;
  }

  /** Nothing but space may follow. */
  end(): void {
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.error("text behind the header");
  }

  #match(pattern: RegExp, what: string): RegExpExecArray {
    this.#skipSpace();
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) throw this.error(`expected ${what}`);
    this.#at += found[0].length;
    return found;
  }

  #skipSpace(): void {
    while (" \n\t\r".includes(this.#text[this.#at] ?? "x")) this.#at++;
  }
}

export function npyError(problem: string, facts: string, hint: string, cause?: unknown): TwopassError {
  return new TwopassError({ op: "loadNpy", problem, facts, hint, cause });
}
