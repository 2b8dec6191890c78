/** Columns with names, as a CSV file or a list of records has them. Floor: data. */
import { TwopassError, checkOptions, describe } from "../../base/errors.ts";
import { RandomStream, stream } from "../../base/random-stream.ts";
import {
  type BooleanColumn,
  type Cell,
  type Column,
  type ColumnKind,
  type NumberColumn,
  type TextColumn,
  isMissing,
  unknownColumn,
} from "./column.ts";
import { type EncoderOptions, TableEncoder, type TableTensors } from "./table-encoder.ts";

/** One example of a table, by the names of its columns. A missing number is NaN, another missing field null. */
export type Row = Readonly<Record<string, Cell>>;

/** What `describe()` says of a column. Fields that have no meaning for its kind are undefined. */
export interface ColumnSummary {
  readonly name: string;
  readonly kind: ColumnKind;
  /** Fields that are there. */
  readonly count: number;
  readonly missing: number;
  /** Different values, without the missing ones. */
  readonly unique: number;
  readonly mean: number | undefined;
  /** With n − 1, as in pandas; NaN for fewer than two numbers. */
  readonly std: number | undefined;
  readonly min: number | undefined;
  readonly median: number | undefined;
  readonly max: number | undefined;
  /** The most frequent value of a text or boolean column; of several the first. */
  readonly top: string | boolean | undefined;
}

/**
 * A table: columns of numbers, texts or truth values, equally long. It is a data set of its rows, so a DataLoader takes
 * it. Nothing changes a table; each method makes a new one.
 *
 * @example
 * const table = parseCsv("x,kind\n1,a\n2,b\n3,a\n");
 * table.filter((row) => row.kind === "a").length; // 2
 */
export class Table {
  readonly length: number;
  readonly #columns: ReadonlyMap<string, Column>;

  /** @throws where columns are not equally long, or there is none. */
  constructor(columns: ReadonlyMap<string, Column>) {
    if (!(columns instanceof Map)) {
      throw new TwopassError({
        op: "Table",
        problem: "takes a Map of columns by name",
        facts: `got ${describe(columns)}`,
        hint: "Table.fromRecords takes records, parseCsv a text",
      });
    }
    this.#columns = columns;
    const [first] = columns;
    if (first === undefined) throw new TwopassError({ op: "Table", problem: "needs at least one column" });
    this.length = first[1].values.length;
    for (const [name, { values }] of columns) {
      if (values.length === this.length) continue;
      throw new TwopassError({
        op: "Table",
        problem: "columns must be equally long",
        facts: `${describe(first[0])} has ${this.length} fields, ${describe(name)} has ${values.length}`,
      });
    }
  }

  /**
   * A table of records that all have the same keys; undefined and null are missing. A column holds what its fields are:
   * numbers, booleans or texts.
   *
   * @throws for a field of another kind, and a column whose fields differ in kind.
   * @example
   * Table.fromRecords([{ x: 1, kind: "a" }, { x: null, kind: "b" }]).length; // 2
   */
  static fromRecords(records: readonly Readonly<Record<string, unknown>>[]): Table {
    checkRecords(records);
    const names = new Set(records.flatMap((record) => Object.keys(record)));
    return new Table(new Map([...names].map((name) => [name, columnOf(name, records)])));
  }

  /** The names of the columns, in order. */
  get names(): string[] {
    return [...this.#columns.keys()];
  }

  /** @throws where there is no such column. */
  column(name: string): Column {
    const column = this.#columns.get(name);
    if (column === undefined) throw unknownColumn("Table", name, this.names);
    return column;
  }

  /** The numbers of a column; NaN where one is missing. @throws for a column of another kind. */
  numbers(name: string): Float64Array {
    return (this.#ofKind(name, "number") as NumberColumn).values;
  }

  /** The texts of a column; null where one is missing. @throws for a column of another kind. */
  texts(name: string): readonly (string | null)[] {
    return (this.#ofKind(name, "text") as TextColumn).values;
  }

  /** The truth values of a column; null where one is missing. @throws for a column of another kind. */
  booleans(name: string): readonly (boolean | null)[] {
    return (this.#ofKind(name, "boolean") as BooleanColumn).values;
  }

  #ofKind(name: string, kind: ColumnKind): Column {
    const column = this.column(name);
    if (column.kind === kind) return column;
    throw new TwopassError({
      op: "Table",
      problem: `column ${describe(name)} holds no ${kind}s`,
      facts: `it is a column of kind ${column.kind}`,
    });
  }

  /** One row. @throws where there is no such row. */
  get(index: number): Row {
    this.#checkIndex(index);
    return Object.fromEntries([...this.#columns].map(([name, { values }]) => [name, values[index] as Cell]));
  }

  /** All rows, one by one. */
  *rows(): Generator<Row, void, undefined> {
    for (let i = 0; i < this.length; i++) yield this.get(i);
  }

  /** Some of the columns, in the order given. @throws for a name that is not there or given twice. */
  select(names: readonly string[]): Table {
    const twice = names.find((name, i) => names.indexOf(name) < i);
    if (twice !== undefined) {
      throw new TwopassError({ op: "Table.select", problem: `column ${describe(twice)} is given twice` });
    }
    return new Table(new Map(names.map((name) => [name, this.column(name)])));
  }

  /** Some of the rows by number, in the order given. */
  take(indices: ArrayLike<number>): Table {
    for (let i = 0; i < indices.length; i++) this.#checkIndex(indices[i] as number);
    return new Table(new Map([...this.#columns].map(([name, column]) => [name, takeFrom(column, indices)])));
  }

  /** The rows from `start` (0) to `end` (all), without it; negative ones count from the end. */
  slice(start = 0, end = this.length): Table {
    const bound = (at: number): number => Math.min(Math.max(at < 0 ? this.length + at : at, 0), this.length);
    const [from, to] = [bound(start), bound(end)];
    return this.take(Int32Array.from({ length: Math.max(to - from, 0) }, (_, i) => from + i));
  }

  /** The rows for which a function of one's own says true. */
  filter(keep: (row: Row, index: number) => boolean): Table {
    const kept: number[] = [];
    for (let i = 0; i < this.length; i++) if (keep(this.get(i), i)) kept.push(i);
    return this.take(kept);
  }

  /** The rows without a missing field, in these columns or in all of them. */
  dropMissing(names: readonly string[] = this.names): Table {
    const columns = names.map((name) => this.column(name).values);
    const kept: number[] = [];
    for (let i = 0; i < this.length; i++) {
      if (!columns.some((values) => isMissing(values[i] as Cell))) kept.push(i);
    }
    return this.take(kept);
  }

  /** The rows in a random order. `seed`: default drawn from the process's seed, see `manualSeed`. */
  shuffle(seed?: number): Table {
    return this.take(new RandomStream(seed ?? stream("table").int(2 ** 32), "table").permutation(this.length));
  }

  /**
   * Two tables: `fraction` of the rows, for training for instance, and the others. Shuffled first, unless `shuffle` is
   * false.
   *
   * @throws for a fraction that is not between 0 and 1, or leaves one of the two without rows.
   * @example
   * const table = parseCsv("x\n1\n2\n3\n4\n5\n");
   * const [train, test] = table.split(0.8, { seed: 1 });
   * [train.length, test.length]; // [4, 1]
   */
  split(fraction: number, options: { readonly shuffle?: boolean; readonly seed?: number } = {}): [Table, Table] {
    checkOptions("Table.split", options, ["shuffle", "seed"]);
    const count = Math.round(this.length * fraction);
    if (!(count >= 1 && count < this.length)) {
      throw new TwopassError({
        op: "Table.split",
        problem: "the fraction must leave rows for both tables",
        facts: `${describe(fraction)} of ${this.length} rows`,
        hint: "give one between 0 and 1, as 0.8",
      });
    }
    const all = options.shuffle === false ? this : this.shuffle(options.seed);
    return [all.slice(0, count), all.slice(count)];
  }

  /**
   * Inputs and target as tensors: numbers standardised, texts one-hot, the target as numbers of classes or as it is. The
   * encoder turns other tables into tensors in the same way, and survives JSON.
   *
   * @throws for a missing field, a column that is not there, a target of a single class.
   * @example
   * const train = parseCsv("size,kind\n1,a\n3,b\n");
   * const { inputs, target } = train.toTensors({ target: "kind" });
   * await inputs.array(); // [[-1], [1]]
   * await target.array(); // [0, 1]
   */
  toTensors(options: EncoderOptions & { readonly target: string }): TableTensors;
  toTensors(options?: EncoderOptions): Omit<TableTensors, "target">;
  toTensors(options: EncoderOptions = {}): Omit<TableTensors, "target"> & Partial<TableTensors> {
    const encoder = TableEncoder.fit(this, options);
    const inputs = encoder.inputs(this);
    return options.target === undefined ? { inputs, encoder } : { inputs, encoder, target: encoder.target(this) };
  }

  /** Counts, means and extremes of each column: `console.table(table.describe())`. */
  describe(): ColumnSummary[] {
    return [...this.#columns].map(([name, column]) => summarize(name, column));
  }

  #checkIndex(index: number): void {
    if (Number.isInteger(index) && index >= 0 && index < this.length) return;
    throw new TwopassError({ op: "Table", problem: "no such row", facts: `${describe(index)} of ${this.length}` });
  }
}

function checkRecords(records: unknown): void {
  const isList = Array.isArray(records) && records.length > 0;
  const wrong = isList ? records.findIndex((x) => typeof x !== "object" || x === null || Array.isArray(x)) : 0;
  if (wrong < 0) return;
  throw new TwopassError({
    op: "Table.fromRecords",
    problem: "takes a list of records, at least one",
    facts: isList ? `record ${wrong} is ${describe(records[wrong])}` : `got ${describe(records)}`,
    hint: 'such as [{ x: 1, kind: "a" }]',
  });
}

function columnOf(name: string, records: readonly Readonly<Record<string, unknown>>[]): Column {
  const fields = records.map((record) => record[name] ?? null);
  const first = fields.find((field) => field !== null);
  const kind: ColumnKind = typeof first === "string" ? "text" : typeof first === "boolean" ? "boolean" : "number";
  const wrong = fields.findIndex(
    (field) => field !== null && (typeof field !== typeof first || typeof field === "object"),
  );
  if (wrong >= 0) {
    throw new TwopassError({
      op: "Table.fromRecords",
      problem: `${kind} expected`,
      facts: `record ${wrong}, column ${describe(name)} has ${describe(fields[wrong])}`,
      hint: "make the fields of a column alike",
    });
  }
  if (kind === "number") return { kind, values: Float64Array.from(fields, (field) => (field as number | null) ?? NaN) };
  return { kind, values: fields } as Column;
}

function takeFrom(column: Column, indices: ArrayLike<number>): Column {
  const { kind, values } = column;
  if (kind === "number") return { kind, values: Float64Array.from(indices, (index) => values[index] as number) };
  return { kind, values: Array.from(indices, (index) => values[index] as Cell) } as Column;
}

function summarize(name: string, { kind, values }: Column): ColumnSummary {
  const present = Array.from(values as ArrayLike<Cell>).filter((cell) => !isMissing(cell));
  const counts = new Map<Cell, number>();
  for (const cell of present) counts.set(cell, (counts.get(cell) ?? 0) + 1);
  const count = present.length;
  const common = { name, kind, count, missing: values.length - count, unique: counts.size };
  if (kind !== "number") {
    let [top, most] = [undefined as string | boolean | undefined, 0];
    for (const [cell, times] of counts) if (times > most) [top, most] = [cell as string | boolean, times];
    return { ...common, mean: undefined, std: undefined, min: undefined, median: undefined, max: undefined, top };
  }
  const numbers = Float64Array.from(present as number[]).sort();
  const mean = numbers.reduce((sum, x) => sum + x, 0) / count;
  const variance = numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (count - 1);
  const at = (i: number): number => numbers[i] ?? Number.NaN;
  return {
    ...common,
    mean,
    std: count < 2 ? Number.NaN : Math.sqrt(variance),
    min: at(0),
    median: (at(Math.floor((count - 1) / 2)) + at(Math.floor(count / 2))) / 2,
    max: at(count - 1),
    top: undefined,
  };
}
