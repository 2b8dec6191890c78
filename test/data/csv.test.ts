import fc from "fast-check";
import { expect, test } from "vitest";
import { type CsvOptions, DataLoader, type Row, parseCsv, readCsvRows } from "../../src/data/index.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

const values = (table: ReturnType<typeof parseCsv>): Record<string, unknown[]> =>
  Object.fromEntries(table.names.map((name) => [name, Array.from(table.column(name).values as ArrayLike<unknown>)]));

test("columns are numbers, truth values or texts by what they hold", () => {
  const table = parseCsv('n,b,t,"q, r"\n1, TRUE ,x,"a ""b"""\n-2.5e1,false,NA,\n,,7,"two\nlines"\n');
  expect(table.names.map((name) => table.column(name).kind)).toEqual(["number", "boolean", "text", "text"]);
  expect(values(table)).toEqual({
    n: [1, -25, Number.NaN],
    b: [true, false, null],
    t: ["x", null, "7"],
    "q, r": ['a "b"', null, "two\nlines"],
  });
  expect(table.length).toBe(3);
});

test("a text late in a column of numbers makes all of it texts as they are written", () => {
  const rows = Array.from({ length: 500 }, (_, i) => `${i}.50,${i}`);
  const table = parseCsv(`a,b\n${rows.join("\n")}\nlate,1\n`);
  expect(table.texts("a").slice(-2)).toEqual(["499.50", "late"]);
  expect(table.numbers("b")[499]).toBe(499);
});

test("declared kinds, names, other delimiters and decimal signs, byte order mark, other line ends", () => {
  const zip: CsvOptions = { columns: { zip: "text" } };
  expect(values(parseCsv("zip;x\r\n01234;1,5\r\n\r\n00001;-,5\r\n", { ...zip, decimal: "," }))).toEqual({
    zip: ["01234", "00001"],
    x: [1.5, -0.5],
  });
  expect(values(parseCsv("\uFEFFä\tb\r1\t\r2\t3"))).toEqual({ ä: [1, 2], b: [Number.NaN, 3] });
  expect(values(parseCsv("1|2\n3|4", { header: false }))).toEqual({ 0: [1, 3], 1: [2, 4] });
  expect(values(parseCsv("1,-\n3,4", { header: ["a", "b"], missing: ["-"] }))).toEqual({ a: [1, 3], b: [NaN, 4] });
  expect(values(parseCsv('a;b,"c;d;e"\n1,2\n'))).toEqual({ "a;b": [1], "c;d;e": [2] });
  expect(values(parseCsv("x\n1\n\n2\n"))).toEqual({ x: [1, 2] });
  expect(parseCsv(new TextEncoder().encode("x\nö\n")).texts("x")).toEqual(["ö"]);
  expect(values(parseCsv("x,y\n,1e999\n,\n"))).toEqual({ x: [NaN, NaN], y: ["1e999", null] });
});

const long = `a,b\n${"1,2\n".repeat(40_000)}`;
test.each<[string, string | Uint8Array, string, CsvOptions?]>([
  ["an empty file", "", 'the file is empty: "f"'],
  ["empty lines", "\n \r\n", 'the file is empty: "f"'],
  ["a header alone", "a,b\n", "no rows"],
  ["a ragged row", "a,b\n1,2\n\n\n1\n", '"f", line 5 has 1 field, expected 2'],
  ["a ragged row behind quoted line breaks", 'a,b\n"x\r\ny",1\n1,2,3\n', "line 4 has 3 fields, expected 2"],
  ["a ragged row far behind", `${long}1,2,3\n`, "line 40002 has 3 fields, expected 2"],
  ["all rows ragged", "1,2\n", "line 1 has 2 fields, expected 3 (header has one", { header: ["a", "b", "c"] }],
  [
    "a declared number",
    "a,b\n1,2\n\n1,x\n",
    'number expected: "f", line 4, column "b" has "x"',
    { columns: { b: "number" } },
  ],
  ["one far behind", `${long}1,x\n`, 'line 40002, column "b" has "x"', { columns: { b: "number" } }],
  ["a declared boolean", "a\n1\n", 'boolean expected: "f", line 2, column "a" has "1"', { columns: { a: "boolean" } }],
  ["a number too large", "a\n1e400\n", 'has "1e400"', { columns: { a: "number" } }],
  ["two names", "a,b,a\n", '"a" is column 1 and column 3'],
  ["no name", "a,,b\n1,2,3\n", 'a column without a name: "f", column 2'],
  ["a quote that never ends", 'a,b\n1,2\n1,"2\n', '"f", line 3 (look for a single quotation mark)'],
  ["text behind a quote", 'a\n"1"2\n', 'text behind a closing quote: "f", line 2'],
  ["a quote within", 'a\n1\n1"2\n', 'a quote in the middle of a field: "f", line 3'],
  ["Latin-1", new Uint8Array([97, 10, 49, 10, 0xe9, 10]), 'not UTF-8: "f", byte 4 is 0xe9'],
  ["UTF-16", new Uint8Array([0xff, 0xfe, 97, 0]), "it is UTF-16: save it as UTF-8"],
  ["an unknown column", "price\n1\n", 'no column "prize": "f" (did you mean "price"?)', { columns: { prize: "text" } }],
  ["an unknown kind", "a\n1\n", 'column "a" is declared as something unknown', { columns: { a: "int" as "text" } }],
  ["an unknown option", "a\n1\n", 'did you mean "delimiter"?', { delimeter: ";" } as CsvOptions],
  ["a long delimiter", "a\n1\n", "delimiter must be one character", { delimiter: "::" }],
])("%s is an error", (_, source, message, options = {}) => {
  expect(() => parseCsv(source, { ...options, name: "f" })).toThrow(
    expect.objectContaining({ name: "TwopassError", message: expect.stringContaining(message) }),
  );
});

const cell = fc.oneof(fc.string({ maxLength: 6 }), fc.constantFrom('"', ",", "\n", "\r\n", " x ", "ü", "1"));

test("what is written with quotes is read as it was, whole and in chunks of any size", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
      async (rows, sizes) => {
        const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
        const text = `a,b\n${rows.map((row) => row.map(quoted).join(",")).join("\n")}\n`;
        const options: CsvOptions = { columns: { a: "text", b: "text" }, missing: [] };
        expect([...parseCsv(text, options).rows()]).toEqual(rows.map(([a, b]) => ({ a, b })));
        const bytes = new TextEncoder().encode(text);
        const chunks: Uint8Array[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = sizes[i % sizes.length] as number;
          chunks.push(bytes.slice(at, at + size));
          at += size;
        }
        const read: Row[] = [];
        for await (const row of readCsvRows(chunks, options)) read.push(row);
        expect(read).toEqual(rows.map(([a, b]) => ({ a, b })));
      },
    ),
    { numRuns: 200, seed: 1 },
  );
});

test("rows are a source for a loader, once for each epoch", async () => {
  let opened = 0;
  async function* open(): AsyncGenerator<string> {
    opened++;
    yield "x,y,kind\n";
    for (let i = 0; i < 10; i++) yield `${i},${i * 2},k${i % 2}\n`;
  }
  const loader = new DataLoader(readCsvRows(open, { inferRows: 3 }), { batchSize: 4 });
  for (let epoch = 0; epoch < 2; epoch++) {
    const seen: unknown[] = [];
    for await (const batch of loader) seen.push([await (batch["x"] as Tensor).array(), batch["kind"]]);
    expect(seen).toEqual([
      [
        [0, 1, 2, 3],
        ["k0", "k1", "k0", "k1"],
      ],
      [
        [4, 5, 6, 7],
        ["k0", "k1", "k0", "k1"],
      ],
      [
        [8, 9],
        ["k0", "k1"],
      ],
    ]);
  }
  expect(opened).toBe(2);
});

async function drain(rows: AsyncIterable<Row>): Promise<number> {
  let count = 0;
  for await (const row of rows) count += Object.keys(row).length > 0 ? 1 : 0;
  return count;
}

test("errors of rows: unlike the first rows, nothing, a field without an end", async () => {
  const late = readCsvRows(["a\n1\n2\n", "x\n"], { inferRows: 2, name: "f" });
  await expect(drain(late)).rejects.toThrow('readCsvRows: number expected: "f", line 4, column "a" has "x"');
  await expect(drain(readCsvRows([]))).rejects.toThrow("readCsvRows: the file is empty");
  await expect(drain(readCsvRows(["a,b\n"]))).rejects.toThrow("no rows");
  const endless = function* (): Generator<Uint8Array> {
    yield new TextEncoder().encode('a\n"');
    for (let i = 0; i < 40; i++) yield new Uint8Array(1 << 20).fill(97);
  };
  await expect(drain(readCsvRows(endless))).rejects.toThrow("a record is too long");
  expect(() => readCsvRows([], { inferRows: 0 })).toThrow("inferRows must be a whole number from 1");
  expect(() => readCsvRows([], { columns: { a: "int" as "text" } })).toThrow("declared as something unknown");
});

test("declared kinds are errors among the first rows too", async () => {
  const rows = readCsvRows(["a\nx\n1\n"], { columns: { a: "number" } });
  await expect(drain(rows)).rejects.toThrow('line 2, column "a" has "x"');
});
