/** What the page's build takes in place of library parts does the same. */
import * as csvParse from "csv-parse/browser/esm/sync";
import fc from "fast-check";
import { expect, test } from "vitest";
import * as own from "../../site/instead/csv-parse.ts";

const pieces = ["a", "1", ",", ",", ";", '"', '"', '""', "\n", "\r\n", "\r", " ", "\t", "é", "𝄞", "x,y", "\n"];
const breaks = ["\r\n", "\n", "\r"];

/** Records, or what an error says of them. */
function outcome({ parse }: typeof own | typeof csvParse, text: string, delimiter: string, more: object): unknown {
  const options = { delimiter, record_delimiter: breaks, skip_empty_lines: true, trim: true, ...more };
  try {
    return (parse(new TextEncoder().encode(text), options) as unknown[]).map((item) =>
      Array.isArray(item) ? item : [(item as Described).record, (item as Described).info.bytes_records],
    );
  } catch (error) {
    const { code, bytes, record } = error as own.CsvError;
    return { code, bytes, record: code.includes("LENGTH") ? record : undefined };
  }
}

interface Described {
  readonly record: readonly string[];
  readonly info: { readonly bytes_records: number };
}

test.each([{}, { info: true }, { to: 1 }])("CSV is read as csv-parse reads it, with %o", (more) => {
  // Where csv-parse is odd, apart: behind `""` it takes a second pair of quotes if nothing is in it, and white space of
  // several bytes is none for it behind a quote.
  const text = fc
    .array(fc.constantFrom(...pieces), { maxLength: 24 })
    .map((parts) => parts.join(""))
    .filter((csv) => !/""\s+"\s*("|$)/.test(csv));
  fc.assert(
    fc.property(text, fc.constantFrom(",", ";", "\t"), (csv, delimiter) => {
      expect(outcome(own, csv, delimiter, more)).toEqual(outcome(csvParse, csv, delimiter, more));
    }),
    { numRuns: 5000 },
  );
});
