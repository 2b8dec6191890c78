/** One column of a table: what it holds, and how it grows from the texts of a file. Floor: data. */
import { TwopassError, describe, nearest } from "../../base/errors.ts";

export type ColumnKind = "number" | "text" | "boolean";

/** A column of numbers: NaN where one is missing. */
export interface NumberColumn {
  readonly kind: "number";
  readonly values: Float64Array;
}

/** A column of texts: null where one is missing. */
export interface TextColumn {
  readonly kind: "text";
  readonly values: readonly (string | null)[];
}

/** A column of truth values: null where one is missing. */
export interface BooleanColumn {
  readonly kind: "boolean";
  readonly values: readonly (boolean | null)[];
}

export type Column = NumberColumn | TextColumn | BooleanColumn;
/** What one field of a row is. A missing number is NaN, another missing field null. */
export type Cell = number | string | boolean | null;

const columnKinds: readonly ColumnKind[] = ["number", "text", "boolean"];

export function isMissing(cell: Cell): boolean {
  return cell === null || Number.isNaN(cell);
}

/** What a field of a file may look like. */
export interface CellFormat {
  /** Texts that stand for a missing field. */
  readonly missing: ReadonlySet<string>;
  /** The decimal sign. */
  readonly decimal: "." | ",";
}

const numberForm = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** The number in a text; undefined where it is none or too large for a float64. */
function parseNumber(text: string, decimal: "." | "," = "."): number | undefined {
  const plain = decimal === "," ? text.replace(",", ".") : text;
  if (!numberForm.test(plain)) return undefined;
  const number = Number(plain);
  return Number.isFinite(number) ? number : undefined;
}

function parseBoolean(text: string): boolean | undefined {
  const small = text.toLowerCase();
  if (small === "true") return true;
  return small === "false" ? false : undefined;
}

/** The kind that a field suggests. */
export function kindOf(text: string, decimal: "." | ","): ColumnKind {
  if (parseNumber(text, decimal) !== undefined) return "number";
  return parseBoolean(text) === undefined ? "text" : "boolean";
}

/** A field of a kind; undefined where the text is not of the kind. */
export function parseCell(text: string, kind: ColumnKind, format: CellFormat): Cell | undefined {
  if (format.missing.has(text)) return kind === "number" ? Number.NaN : null;
  if (kind === "number") return parseNumber(text, format.decimal);
  return kind === "boolean" ? parseBoolean(text) : text;
}

/** Few texts of a column are different as a rule; those are then kept once. */
const mostShared = 10_000;

/**
 * A column that grows. Its kind is declared, or that of the first field that is not missing; a field of another kind
 * then makes it a column of text, which is incomplete, as the texts of the fields before are gone.
 */
export class ColumnBuilder {
  kind: ColumnKind | undefined;
  isIncomplete = false;
  readonly #most: number;
  readonly #format: CellFormat;
  readonly #isDeclared: boolean;
  readonly #shared = new Map<string, string>();
  #count = 0;
  #numbers: Float64Array | undefined;
  #others: (string | boolean | null)[] = [];

  /** `most` is how many fields will come at most. */
  constructor(kind: ColumnKind | undefined, most: number, format: CellFormat) {
    this.kind = kind;
    this.#isDeclared = kind !== undefined;
    this.#most = most;
    this.#format = format;
  }

  /** False for a field that is not of the declared kind. */
  add(text: string): boolean {
    const at = this.#count++;
    if (this.isIncomplete) return true;
    if (this.kind === undefined) {
      if (this.#format.missing.has(text)) return true;
      this.kind = kindOf(text, this.#format.decimal);
    }
    const cell = parseCell(text, this.kind, this.#format);
    if (cell === undefined) {
      if (this.#isDeclared) return false;
      this.kind = "text";
      this.isIncomplete = true;
      this.#numbers = undefined;
      this.#others = [];
    } else if (typeof cell === "number") {
      this.#numbers ??= new Float64Array(this.#most).fill(Number.NaN, 0, at);
      this.#numbers[at] = cell;
    } else {
      while (this.#others.length < at) this.#others.push(null);
      this.#others.push(typeof cell === "string" ? this.#share(cell) : cell);
    }
    return true;
  }

  /** The column; one of nothing but missing fields is one of numbers. */
  finish(): Column {
    const { kind } = this;
    if (kind === "number" || kind === undefined) {
      return {
        kind: "number",
        values: (this.#numbers ?? new Float64Array(this.#count).fill(Number.NaN)).subarray(0, this.#count),
      };
    }
    return { kind, values: this.#others } as Column;
  }

  #share(text: string): string {
    const known = this.#shared.get(text);
    if (known !== undefined) return known;
    if (this.#shared.size < mostShared) this.#shared.set(text, text);
    return text;
  }
}

/** Throws for a kind that does not exist. */
export function checkKind(op: string, name: string, kind: unknown): void {
  if (columnKinds.includes(kind as ColumnKind)) return;
  throw new TwopassError({
    op,
    problem: `column ${JSON.stringify(name)} is declared as something unknown`,
    facts: `got ${describe(kind)}`,
    hint: `known: ${columnKinds.join(", ")}`,
  });
}

/** The error for a column that is not there, with the nearest one that is. */
export function unknownColumn(op: string, name: string, names: readonly string[], file?: string): TwopassError {
  const near = nearest(name, names);
  const shown = names.slice(0, 20).map((one) => JSON.stringify(one));
  return new TwopassError({
    op,
    problem: `no column ${describe(name)}`,
    ...(file === undefined ? {} : { facts: JSON.stringify(file) }),
    hint: near === undefined ? `there are ${shown.join(", ")}` : `did you mean ${JSON.stringify(near)}?`,
  });
}
