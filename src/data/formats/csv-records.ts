/**
 * CSV bytes to records of texts with line numbers, a piece at a time, so that a file may be larger than memory. The
 * fields and quotes are csv-parse's work; what a field means is not known here. Floor: data.
 */
import { CsvError, parse } from "#csv-parse";
import { TwopassError, describe } from "../../base/errors.ts";
import { checkUtf8 } from "./text.ts";

export interface CsvRecord {
  readonly cells: readonly string[];
  /** The piece of the file that it was in, and its place there: `lineOf` makes a line number of them. */
  readonly piece: CsvPiece;
  readonly place: number;
}

/** Whole records in their bytes. */
export interface CsvPiece {
  readonly bytes: Uint8Array;
  /** Line of the file where it begins, from 1. */
  readonly line: number;
  readonly delimiter: string;
}

/** A record, and so the memory for one, is no larger: where one seems to be, a quote was never closed. */
const mostRecordBytes = 2 ** 24;
/** Bytes that are split into records at a time. */
const pieceBytes = 2 ** 16;

const [newline, carriageReturn, quote] = [0x0a, 0x0d, 0x22];
const delimiters = [",", ";", "\t", "|"];

export class CsvRecordReader {
  readonly #op: string;
  readonly #name: string;
  #delimiter: string | undefined;
  /** Bytes behind the last whole record. */
  #rest: Uint8Array = new Uint8Array(0);
  /** How far `#rest` has been searched for its end, and whether a quote is open there. */
  #searched = 0;
  #isQuoted = false;
  /** Fields of the first record. */
  #width: number | undefined;
  /** Line and byte of the file where `#rest` begins. */
  #line = 1;
  #offset = 0;

  /** `op` and `name`, the file's, are for errors. Without a delimiter the first line decides. */
  constructor(op: string, name: string, delimiter?: string) {
    this.#op = op;
    this.#name = name;
    this.#delimiter = delimiter;
  }

  /** The records that are whole now; with `isLast` all that are left. Empty lines are left out. */
  *read(bytes: Uint8Array, isLast: boolean): Generator<CsvRecord, void, undefined> {
    if (this.#rest.length === 0) this.#rest = bytes;
    else {
      const joined = new Uint8Array(this.#rest.length + bytes.length);
      joined.set(this.#rest);
      joined.set(bytes, this.#rest.length);
      this.#rest = joined;
    }
    for (let end = this.#endOfRecords(isLast); end > 0; end = this.#endOfRecords(isLast)) {
      const piece = this.#rest.subarray(0, end);
      this.#rest = this.#rest.subarray(end);
      this.#searched = 0;
      this.#isQuoted = false;
      yield* this.#split(piece);
    }
    // A small rest of large bytes must not keep them alive.
    this.#rest = this.#rest.slice();
    if (this.#rest.length <= mostRecordBytes) return;
    throw this.#wrong("a record is too long", `line ${this.#line}, over ${mostRecordBytes} bytes`, unclosed);
  }

  /** Where the last record ends that lies within about a piece; 0 where none ends. */
  #endOfRecords(isLast: boolean): number {
    const bytes = this.#rest;
    let end = 0;
    let at = this.#searched;
    for (; at < bytes.length && (end === 0 || at < pieceBytes); at++) {
      const byte = bytes[at] as number;
      if (byte === quote) this.#isQuoted = !this.#isQuoted;
      else if (this.#isQuoted) continue;
      else if (byte === newline) end = at + 1;
      else if (byte === carriageReturn && at + 1 < bytes.length && bytes[at + 1] !== newline) end = at + 1;
    }
    this.#searched = at;
    if (at === bytes.length && isLast) return bytes.length;
    return end;
  }

  *#split(piece: Uint8Array): Generator<CsvRecord, void, undefined> {
    checkUtf8(this.#op, piece, this.#name, this.#offset);
    const isFirst = this.#offset === 0;
    this.#offset += piece.length;
    const text = isFirst && piece[0] === 0xef ? piece.subarray(3) : piece;
    this.#delimiter ??= likelyDelimiter(text);
    const part: CsvPiece = { bytes: text, line: this.#line, delimiter: this.#delimiter };
    let records: string[][];
    try {
      records = parse(text, optionsOf(part));
    } catch (cause) {
      throw cause instanceof CsvError ? this.#csvError(cause, part) : cause;
    }
    this.#line += lineBreaks(piece, piece.length);
    this.#width ??= records[0]?.length;
    for (let place = 0; place < records.length; place++)
      yield { cells: records[place] as string[], piece: part, place };
  }

  #csvError(cause: CsvError, piece: CsvPiece): TwopassError {
    const { bytes, line } = piece;
    const { bytes: end, code, record = [] } = cause as unknown as CsvErrorFacts;
    if (code === "CSV_RECORD_INCONSISTENT_FIELDS_LENGTH") {
      // It ends behind its line break, if it has one.
      const last = line + lineBreaks(bytes, end) - (isBreak(bytes[end - 1]) ? 1 : 0);
      const expected = this.#width ?? parse(bytes, { ...optionsOf(piece), to: 1 })[0]?.length;
      const facts = raggedFacts(last - sum(record, linesWithin), record.length, expected);
      return this.#wrong("a row of another length", facts, raggedHint, cause);
    }
    let at = end;
    while (isBreak(bytes[at])) at++;
    const where = `line ${line + lineBreaks(bytes, at)}`;
    if (code === "CSV_QUOTE_NOT_CLOSED") return this.#wrong("a quote never ends", where, unclosed, cause);
    const isBehind = code === "CSV_INVALID_CLOSING_QUOTE" || code === "CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE";
    const problem = isBehind ? "text behind a closing quote" : "a quote in the middle of a field";
    return this.#wrong(problem, where, 'a field with quotes in it is written "like ""this"""', cause);
  }

  #wrong(problem: string, facts: string, hint: string, cause?: unknown): TwopassError {
    return new TwopassError({ op: this.#op, problem, facts: `${JSON.stringify(this.#name)}, ${facts}`, hint, cause });
  }
}

function optionsOf({ delimiter }: CsvPiece): Parameters<typeof parse>[1] {
  return { delimiter, record_delimiter: ["\r\n", "\n", "\r"], skip_empty_lines: true, trim: true };
}

/** What csv-parse notes in its errors, of what is used here. */
interface CsvErrorFacts {
  readonly code: string;
  /** How far the fields before reached. */
  readonly bytes: number;
  readonly record?: readonly string[];
}

/** The line of the file where a record begins. Costs as much as to split its piece: for errors. */
export function lineOf({ cells, piece, place }: CsvRecord): number {
  const { bytes, line } = piece;
  const found = parse(bytes, { ...optionsOf(piece), info: true })[place] as unknown as {
    info: { bytes_records: number };
  };
  const end = found.info.bytes_records;
  return line + lineBreaks(bytes, end) - (isBreak(bytes[end - 1]) ? 1 : 0) - sum(cells, linesWithin);
}

const unclosed = "look for a single quotation mark";
export const raggedHint = "a field with the delimiter in it needs quotes";

/** What is wrong with a row of another length. */
export function raggedFacts(line: number, count: number, expected: number | undefined): string {
  return `line ${line} has ${count} ${count === 1 ? "field" : "fields"}, expected ${expected}`;
}

/** Throws unless it is one character that can divide fields. */
export function checkDelimiter(op: string, delimiter: string | undefined): void {
  if (delimiter === undefined) return;
  if (typeof delimiter === "string" && delimiter.length === 1 && !'"\r\n'.includes(delimiter)) return;
  throw new TwopassError({
    op,
    problem: "delimiter must be one character, no quote and no line break",
    facts: `got ${describe(delimiter)}`,
  });
}

/** At least as many as there are records in the bytes: their line breaks. */
export function mostRecords(bytes: Uint8Array): number {
  let count = 1;
  for (let i = 0; i < bytes.length; i++) if (bytes[i] === newline || bytes[i] === carriageReturn) count++;
  return count;
}

/** The one that the first line has most of, outside of quotes. */
function likelyDelimiter(bytes: Uint8Array): string {
  const counts = delimiters.map(() => 0);
  let isQuoted = false;
  for (const byte of bytes) {
    if (byte === quote) isQuoted = !isQuoted;
    else if (isQuoted) continue;
    else if (byte === newline || byte === carriageReturn) break;
    const which = delimiters.indexOf(String.fromCharCode(byte));
    if (which >= 0) counts[which] = (counts[which] as number) + 1;
  }
  return delimiters[counts.indexOf(Math.max(...counts))] as string;
}

function isBreak(byte: number | undefined): boolean {
  return byte === newline || byte === carriageReturn;
}

/** Line breaks before a place; "\r\n" is one. */
function lineBreaks(bytes: Uint8Array, end: number): number {
  let count = 0;
  for (let i = 0; i < end; i++) {
    if (bytes[i] === newline || (bytes[i] === carriageReturn && bytes[i + 1] !== newline)) count++;
  }
  return count;
}

function linesWithin(cell: string): number {
  return cell.match(/\r\n|\n|\r/g)?.length ?? 0;
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
