/**
 * CSV to tables, and to rows one by one for what is larger than memory. Works on bytes and texts; files are read in
 * `twopass/data/node`. Floor: data.
 */
import { TwopassError, checkOptions, describe } from "../../base/errors.ts";
import {
  type Cell,
  type CellFormat,
  ColumnBuilder,
  type ColumnKind,
  checkKind,
  parseCell,
  unknownColumn,
} from "../table/column.ts";
import {
  type CsvRecord,
  CsvRecordReader,
  checkDelimiter,
  lineOf,
  mostRecords,
  raggedFacts,
  raggedHint,
} from "./csv-records.ts";
import { type Row, Table } from "../table/table.ts";

export interface CsvOptions {
  /** Whether the first line has the names of the columns; default true. A list gives the names of a file without them. */
  readonly header?: boolean | readonly string[];
  /** Character between fields; default: the one of `,` `;` tab and `|` that the first line has most of. */
  readonly delimiter?: string;
  /** What columns hold, by name: "number", "text" or "boolean"; default: what all of their fields look like. */
  readonly columns?: Readonly<Record<string, ColumnKind>>;
  /** Texts that stand for a missing field; default: nothing, NA, N/A, NaN, nan, null and NULL. */
  readonly missing?: readonly string[];
  /** Decimal sign; default ".". */
  readonly decimal?: "." | ",";
  /** Name of the file, for errors; default "csv". */
  readonly name?: string;
}

export interface CsvRowsOptions extends CsvOptions {
  /** How many rows decide what a column holds that is not declared; default 1000. */
  readonly inferRows?: number;
}

/** Chunks of a file: bytes or texts. */
export type CsvChunks = AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>;

const optionNames = ["header", "delimiter", "columns", "missing", "decimal", "name"];
const usualMissing = ["", "NA", "N/A", "NaN", "nan", "null", "NULL"];

/**
 * The table in a CSV file: UTF-8 bytes, or a text. Spaces around a field are dropped, empty lines too.
 *
 * A column holds numbers where all of its fields are numbers (or missing), truth values where all are true or false,
 * else texts.
 *
 * @throws naming line and column: for a row of another length, a field that is not of the declared kind, a quote that
 * never ends, a name that is empty or there twice, bytes that are not UTF-8, no rows.
 * @example
 * parseCsv("x,kind\n1.5,a\n2,b\n").column("x").values; // Float64Array(2) [1.5, 2]
 */
export function parseCsv(source: string | Uint8Array, options: CsvOptions = {}): Table {
  const op = "parseCsv";
  checkOptions(op, options, optionNames);
  const bytes = typeof source === "string" ? new TextEncoder().encode(source) : source;
  if (!(bytes instanceof Uint8Array)) {
    throw new TwopassError({ op, problem: "takes a text or a Uint8Array", facts: `got ${describe(source)}` });
  }
  const first = new CsvLayout(op, options);
  const most = mostRecords(bytes);
  const columns = fill(first, options, bytes, most, (name) => options.columns?.[name]);
  if (![...columns.values()].some(({ isIncomplete }) => isIncomplete)) return tableOf(columns);
  // A field late in the file made a column one of text. Now all kinds are known.
  return tableOf(fill(new CsvLayout(op, options), options, bytes, most, (name) => columns.get(name)?.kind));
}

function fill(
  layout: CsvLayout,
  options: CsvOptions,
  bytes: Uint8Array,
  most: number,
  kindOf: (name: string) => ColumnKind | undefined,
): Map<string, ColumnBuilder> {
  let builders: ColumnBuilder[] | undefined;
  for (const record of layout.rows(new CsvRecordReader("parseCsv", layout.name, options.delimiter).read(bytes, true))) {
    builders ??= layout.names.map((name) => new ColumnBuilder(kindOf(name), most, layout.format));
    for (let i = 0; i < builders.length; i++) {
      const builder = builders[i] as ColumnBuilder;
      const text = record.cells[i] as string;
      if (!builder.add(text)) throw layout.unlike(record, i, text, builder.kind as ColumnKind);
    }
  }
  if (builders === undefined) throw layout.noRows();
  return new Map(builders.map((builder, i) => [layout.names[i] as string, builder]));
}

function tableOf(builders: ReadonlyMap<string, ColumnBuilder>): Table {
  return new Table(new Map([...builders].map(([name, builder]) => [name, builder.finish()])));
}

/**
 * The rows of a CSV file that comes in chunks, one by one: for a file larger than memory, as the source of a DataLoader.
 * Each row is an object of numbers, texts and booleans by the names of the columns.
 *
 * @param source chunks of the file, or a function that opens it: that one can be read again, in each epoch.
 * @throws while it reads, as `parseCsv`; also where a field does not fit what the first rows made of its column.
 * @example
 * const rows = readCsvRows(["x,label\n1.5,", "0\n2,1\n"]);
 * const loader = new DataLoader(rows, { batchSize: 2, map: ({ x, label }) => [x, label] as Tensor[] });
 * for await (const [x] of loader) await x.array(); // [1.5, 2]
 */
export function readCsvRows(source: CsvChunks | (() => CsvChunks), options: CsvRowsOptions = {}): AsyncIterable<Row> {
  const op = "readCsvRows";
  checkOptions(op, options, [...optionNames, "inferRows"]);
  const inferRows = options.inferRows ?? 1000;
  if (!(Number.isInteger(inferRows) && inferRows >= 1)) {
    const problem = "inferRows must be a whole number from 1";
    throw new TwopassError({ op, problem, facts: `got ${describe(inferRows)}` });
  }
  // Wrong options are found here and not when the first row is wanted.
  const check = new CsvLayout(op, options);
  const open = typeof source === "function" ? source : (): CsvChunks => source;
  return {
    async *[Symbol.asyncIterator](): AsyncGenerator<Row, void, undefined> {
      const layout = new CsvLayout(op, options);
      const reader = new CsvRecordReader(op, check.name, options.delimiter);
      let held: CsvRecord[] = [];
      let kinds: ColumnKind[] | undefined;
      const start = function* (): Generator<Row, void, undefined> {
        const found = layout.kindsOf(held);
        kinds = found;
        for (const record of held) yield layout.row(record, found);
        held = [];
      };
      const take = function* (records: Iterable<CsvRecord>): Generator<Row, void, undefined> {
        for (const record of layout.rows(records)) {
          if (kinds !== undefined) yield layout.row(record, kinds);
          else if (held.push(record) === inferRows) yield* start();
        }
      };
      for await (const chunk of open()) {
        const bytes = typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk;
        yield* take(reader.read(bytes, false));
      }
      yield* take(reader.read(new Uint8Array(0), true));
      if (kinds === undefined && held.length === 0) throw layout.noRows();
      if (kinds === undefined) yield* start();
    },
  };
}

/** Names and formats of the columns; records checked against them. */
class CsvLayout {
  readonly name: string;
  readonly format: CellFormat;
  names: readonly string[] = [];
  readonly #op: string;
  readonly #options: CsvOptions;
  #isEmpty = true;

  constructor(op: string, options: CsvOptions) {
    const { columns, decimal, delimiter, header, missing, name } = options;
    this.#op = op;
    this.#options = options;
    this.name = name ?? "csv";
    checkDelimiter(op, delimiter);
    for (const [column, kind] of Object.entries(columns ?? {})) checkKind(op, column, kind);
    if (decimal !== undefined && decimal !== "." && decimal !== ",") {
      throw new TwopassError({ op, problem: 'decimal must be "." or ","', facts: `got ${describe(decimal)}` });
    }
    if (header !== undefined && typeof header !== "boolean" && !isTexts(header)) {
      throw new TwopassError({
        op,
        problem: "header must be true, false or a list of names",
        facts: `got ${describe(header)}`,
      });
    }
    if (missing !== undefined && !isTexts(missing)) {
      throw new TwopassError({ op, problem: "missing must be a list of texts", facts: `got ${describe(missing)}` });
    }
    this.format = { missing: new Set(missing ?? usualMissing), decimal: decimal ?? "." };
  }

  /** The records without the header, each as long as it. */
  *rows(records: Iterable<CsvRecord>): Generator<CsvRecord, void, undefined> {
    for (const record of records) {
      if (this.#isEmpty) {
        this.#isEmpty = false;
        const { header = true } = this.#options;
        this.#setNames(typeof header === "boolean" ? namesOf(record.cells, header) : header);
        if (header === true) continue;
      }
      if (record.cells.length !== this.names.length) throw this.#ragged(record);
      yield record;
    }
  }

  /** What the columns hold by these records. */
  kindsOf(records: readonly CsvRecord[]): ColumnKind[] {
    return this.names.map((name, i) => {
      const declared = this.#options.columns?.[name];
      const builder = new ColumnBuilder(declared, records.length, this.format);
      if (declared === undefined) for (const { cells } of records) builder.add(cells[i] as string);
      return builder.kind ?? "number";
    });
  }

  row(record: CsvRecord, kinds: readonly ColumnKind[]): Row {
    return Object.fromEntries(
      this.names.map((name, i): [string, Cell] => {
        const [text, kind] = [record.cells[i] as string, kinds[i] as ColumnKind];
        const cell = parseCell(text, kind, this.format);
        if (cell === undefined) throw this.unlike(record, i, text, kind);
        return [name, cell];
      }),
    );
  }

  unlike(record: CsvRecord, column: number, text: string, kind: ColumnKind): TwopassError {
    const facts = `line ${lineOf(record)}, column ${JSON.stringify(this.names[column])} has ${describe(text)}`;
    const hint = `declare the column as text, or add ${describe(text)} to missing`;
    return this.#wrong(`${kind} expected`, facts, hint);
  }

  noRows(): TwopassError {
    if (this.#isEmpty) return this.#wrong("the file is empty", "no line", "is it the right file?");
    return this.#wrong("no rows", "the file has a header alone", "header: false reads the first line as data");
  }

  #setNames(names: readonly string[]): void {
    this.names = names;
    const empty = names.indexOf("");
    if (empty >= 0) throw this.#wrong("a column without a name", `column ${empty + 1}, line 1`, namesHint);
    const seen = new Map<string, number>();
    for (const [i, name] of names.entries()) {
      const before = seen.get(name);
      seen.set(name, i);
      if (before === undefined) continue;
      const facts = `${JSON.stringify(name)} is column ${before + 1} and column ${i + 1}`;
      throw this.#wrong("two columns have the same name", facts, namesHint);
    }
    for (const name of Object.keys(this.#options.columns ?? {})) {
      if (!names.includes(name)) throw unknownColumn(this.#op, name, names, this.name);
    }
  }

  #ragged(record: CsvRecord): TwopassError {
    const facts = raggedFacts(lineOf(record), record.cells.length, this.names.length);
    const isNamed = Array.isArray(this.#options.header) && record.piece.line === 1 && record.place === 0;
    return this.#wrong("a row of another length", facts, isNamed ? "header has one name for each column" : raggedHint);
  }

  #wrong(problem: string, facts: string, hint: string): TwopassError {
    return new TwopassError({ op: this.#op, problem, facts: `${JSON.stringify(this.name)}, ${facts}`, hint });
  }
}

const namesHint = "give the names: { header: [...] } for a file without a header";

function namesOf(cells: readonly string[], isHeader: boolean): readonly string[] {
  return isHeader ? cells : cells.map((_, i) => String(i));
}

function isTexts(x: unknown): x is readonly string[] {
  return Array.isArray(x) && x.every((text) => typeof text === "string");
}
