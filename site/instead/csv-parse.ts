/**
 * In place of csv-parse, which is 13 kB of the page: records of fields by the rules that the library sets for CSV, and the
 * same facts in errors. test/page/instead.test.ts compares both.
 */
import type { Options } from "../../src/csv-parse.d.ts";

interface Facts {
  /** How far the fields before reached. */
  readonly bytes: number;
  readonly record?: readonly string[];
}

export class CsvError extends Error {
  readonly code: string;
  readonly bytes: number;
  readonly record: readonly string[] | undefined;

  constructor(code: string, { bytes, record }: Facts) {
    super(code);
    this.code = code;
    this.bytes = bytes;
    this.record = record;
  }
}

interface Described {
  readonly record: string[];
  /** How far it reaches, with its line break. */
  readonly info: { readonly bytes_records: number };
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Lines end with "\r\n", "\n" or "\r", empty ones are left out, and fields have no white space around them.
 *
 * @throws CsvError
 */
export function parse(bytes: Uint8Array, { delimiter = ",", to = Infinity, info = false }: Options): string[][] {
  const text = utf8.decode(bytes);
  const records: (string[] | Described)[] = [];
  let record: string[] = [];
  let field = "";
  let wasQuoted = false;
  let width: number | undefined;
  let reached = 0;
  const bytesTo = byteCounter(text);
  const wrong = (code: string, of?: readonly string[]): CsvError =>
    new CsvError(code, { bytes: bytesTo(reached), ...(of === undefined ? {} : { record: of }) });
  const isPlain = (char: string | undefined): boolean =>
    char !== undefined && char !== delimiter && char !== "\n" && char !== "\r";

  const endField = (at: number): void => {
    reached = at;
    record.push(wasQuoted ? field : field.trimEnd());
    field = "";
    wasQuoted = false;
  };
  const endRecord = (at: number): void => {
    reached = at;
    width ??= record.length;
    if (record.length !== width) throw wrong("CSV_RECORD_INCONSISTENT_FIELDS_LENGTH", record);
    records.push(info ? { record, info: { bytes_records: bytesTo(at) } } : record);
    record = [];
  };

  for (let at = 0; at < text.length && records.length < to; ) {
    const char = text[at] as string;
    if (char === '"') {
      if (field !== "") throw wrong("INVALID_OPENING_QUOTE");
      if (wasQuoted) throw wrong("CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE");
      wasQuoted = true;
      for (let isOpen = true; isOpen; ) {
        const end = text.indexOf('"', at + 1);
        if (end < 0) throw wrong("CSV_QUOTE_NOT_CLOSED");
        isOpen = text[end + 1] === '"';
        field += text.slice(at + 1, isOpen ? end + 1 : end);
        at = isOpen ? end + 1 : end;
      }
      at++;
      if (isPlain(text[at]) && !isSpace(text[at])) throw wrong("CSV_INVALID_CLOSING_QUOTE");
    } else if (char === delimiter) {
      endField(at);
      at++;
    } else if (!isPlain(char)) {
      const behind = at + (char === "\r" && text[at + 1] === "\n" ? 2 : 1);
      if (wasQuoted || field !== "" || record.length > 0) {
        endField(at);
        endRecord(behind);
      }
      at = behind;
    } else if (isSpace(char) && (wasQuoted || field === "")) at++;
    else if (wasQuoted) throw wrong("CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE");
    else {
      const start = at;
      while (isPlain(text[at]) && text[at] !== '"') at++;
      field = text.slice(start, at);
    }
  }
  if (records.length < to && (wasQuoted || field !== "" || record.length > 0)) {
    endField(text.length);
    endRecord(text.length);
  }
  // As the declaration of csv-parse that the library uses says; with `info` the caller knows better.
  return records as string[][];
}

function isSpace(char: string | undefined): boolean {
  return char?.trim() === "";
}

/** The length in bytes of what is before a place; places must not go back. */
function byteCounter(text: string): (at: number) => number {
  let [bytes, counted] = [0, 0];
  return (at) => {
    bytes += new TextEncoder().encode(text.slice(counted, at)).length;
    counted = at;
    return bytes;
  };
}
