/** CSV files, whole and in chunks. */
import { parseCsv, readCsvRows } from "../../../src/data/formats/csv.ts";
import { type FuzzTarget, utf8 } from "../target.ts";

const seeds = [
  "a,b\n1,x\n2,y\n",
  'name;n\r\n"A ""b"";c";1,5\r\n"two\nlines";-2e3\r\n',
  "x\ty\ttrue\n1\t\tTRUE\nNA\t.5\tfalse\n",
  "\uFEFF\u00FC,\u{1F600}\n\u4E2D,\n",
].map(utf8);

const tokens = ["\r\n", '""', '"', ",,,,", "\n\n", "NaN", "1e400", "\uFEFF", "\r", ";", "\t"];

export const targets: readonly FuzzTarget[] = [
  { name: "csv", seeds, tokens, read: (bytes) => parseCsv(bytes) },
  {
    name: "csv-rows",
    seeds,
    tokens,

    read: async (bytes) => {
      const half = bytes.length >> 1;
      const rows = readCsvRows([bytes.subarray(0, half), bytes.subarray(half)], { inferRows: 1 });
      for await (const row of rows) void row;
    },
  },
];
