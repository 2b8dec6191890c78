/**
 * Tables to tensors: numbers standardised, texts one-hot, a target of numbers or classes. What was learned from the
 * training table is plain JSON, so that a prediction later uses the same. Floor: data.
 */
import { TwopassError, checkOptions, describe } from "../../base/errors.ts";
import { fromElements } from "../../tensor/creation.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type Cell, type Column, isMissing } from "./column.ts";
import { type Label, LabelEncoder, Standardizer } from "./encoders.ts";
import type { Table } from "./table.ts";

export interface EncoderOptions {
  /** Columns that are the inputs, in this order; default: all but the target. */
  readonly inputs?: readonly string[];
  /** Column that is predicted; default none. */
  readonly target?: string;
  /** What the target is; default: "regression" for numbers, "classification" for texts and truth values. */
  readonly task?: "classification" | "regression";
  /** Whether numbers become (x − mean) / std of the training table; default true. */
  readonly standardize?: boolean;
  /** Whether a target of numbers does too; default false. `decodeTarget` turns predictions back. */
  readonly standardizeTarget?: boolean;
  /** A missing input: "error" (default), or "fill" with the mean of a number and zeros for a text. */
  readonly missing?: "error" | "fill";
  /** A text that the training table did not have: "error" (default), or "zeros". */
  readonly unknown?: "error" | "zeros";
  /** Columns of texts that may look like numbers with a mistake among them, such as house numbers; default none. */
  readonly categorical?: readonly string[];
  /** Most different texts of an input column; default 100. */
  readonly maxCategories?: number;
}

/** How one column becomes numbers: (x − mean) / std, where x is `fill` if it is missing and may be. */
export type ColumnEncoding =
  | {
      readonly name: string;
      readonly kind: "number";
      readonly mean: number;
      readonly std: number;
      readonly fill: number;
    }
  | { readonly name: string; readonly kind: "boolean" }
  | { readonly name: string; readonly kind: "text"; readonly categories: readonly string[] };

/** How the target becomes numbers. */
export type TargetEncoding =
  | { readonly name: string; readonly kind: "number"; readonly mean: number; readonly std: number }
  | { readonly name: string; readonly kind: "class"; readonly classes: readonly Label[] };

/** What a `TableEncoder` has learned, as plain JSON. */
export interface TableEncoding {
  readonly inputs: readonly ColumnEncoding[];
  readonly target: TargetEncoding | null;
  readonly missing: "error" | "fill";
  readonly unknown: "error" | "zeros";
}

export interface TableTensors {
  /** [rows, features], float32. */
  readonly inputs: Tensor;
  /** [rows] int32, the numbers of classes; [rows, 1] float32 for numbers. */
  readonly target: Tensor;
  readonly encoder: TableEncoder;
}

const optionNames = [
  "inputs",
  "target",
  "task",
  "standardize",
  "standardizeTarget",
  "missing",
  "unknown",
  "categorical",
  "maxCategories",
];

/**
 * Turns rows of a table into tensors in the way that fits a training table.
 *
 * @example
 * const train = parseCsv("size,kind,price\n1,flat,10\n3,house,30\n");
 * const test = parseCsv("size,kind\n2,house\n");
 * const encoder = TableEncoder.fit(train, { target: "price" });
 * await encoder.inputs(test).array(); // [[0, 0, 1]]
 * const later = TableEncoder.fromJSON(JSON.parse(JSON.stringify(encoder)));
 * await later.inputs(test).array(); // [[0, 0, 1]]
 */
export class TableEncoder {
  readonly #encoding: TableEncoding;

  private constructor(encoding: TableEncoding) {
    this.#encoding = encoding;
  }

  /**
   * Learns means, texts and classes from a table.
   *
   * @throws for a column that is not there, too many different texts, a missing target, a target of a single class.
   */
  static fit(table: Table, options: EncoderOptions = {}): TableEncoder {
    checkOptions("TableEncoder", options, optionNames);
    const { missing = "error", target, unknown = "error" } = options;
    checkChoice("missing", missing, ["error", "fill"]);
    checkChoice("unknown", unknown, ["error", "zeros"]);
    const names = options.inputs ?? table.names.filter((name) => name !== target);
    if (names.length === 0) throw wrong("no inputs", "give the columns: { inputs: [...] }");
    if (target !== undefined && names.includes(target)) {
      throw wrong(`the target ${describe(target)} is one of the inputs`, "leave it out of one of the two");
    }
    const fitted = target === undefined ? null : fitTarget(target, table.column(target), options);
    const inputs = names.map((name) => fitColumn(name, table.column(name), options));
    return new TableEncoder({ inputs, target: fitted, missing, unknown });
  }

  /** An encoder from what `toJSON` gave. @throws for anything else. */
  static fromJSON(encoding: TableEncoding): TableEncoder {
    const { inputs, target, missing, unknown } = encoding ?? {};
    const isGood =
      Array.isArray(inputs) && inputs.every(isColumnEncoding) && (target === null || isTargetEncoding(target));
    if (!isGood) throw wrong("not the JSON of a TableEncoder", "pass what toJSON() gave");
    checkChoice("missing", missing, ["error", "fill"]);
    checkChoice("unknown", unknown, ["error", "zeros"]);
    return new TableEncoder({ inputs, target, missing, unknown });
  }

  toJSON(): TableEncoding {
    return this.#encoding;
  }

  /** What each feature is: the name of its column, for a text with the text behind it: `island=Dream`. */
  get featureNames(): string[] {
    return this.#encoding.inputs.flatMap((one) =>
      one.kind === "text" ? one.categories.map((text) => `${one.name}=${text}`) : [one.name],
    );
  }

  /** The classes of the target, in the order of their numbers. @throws where it is no target of classes. */
  get classes(): readonly Label[] {
    const { target } = this.#encoding;
    if (target?.kind === "class") return target.classes;
    throw wrong("the target has no classes", "it is a column of numbers, or there is none");
  }

  /**
   * [rows, features] float32: the inputs of a table. The target need not be in it.
   *
   * @throws naming column and row where a field is missing or a text is new, unless the options fill them.
   */
  inputs(table: Table): Tensor {
    const width = this.featureNames.length;
    const out = new Float32Array(table.length * width);
    let at = 0;
    for (const encoding of this.#encoding.inputs) {
      this.#fill(out, at, width, encoding, table.column(encoding.name));
      at += encoding.kind === "text" ? encoding.categories.length : 1;
    }
    return fromElements(out, [table.length, width], "float32");
  }

  #fill(out: Float32Array, first: number, width: number, encoding: ColumnEncoding, column: Column): void {
    const { name, kind } = encoding;
    const { missing, unknown } = this.#encoding;
    if (column.kind !== kind) {
      throw wrong(`column ${describe(name)} changed its kind`, `it is ${column.kind}, was ${kind}`);
    }
    const places = kind === "text" ? placesOf(encoding.categories) : undefined;
    for (let row = 0; row < column.values.length; row++) {
      const cell = column.values[row] as Cell;
      const at = row * width + first;
      if (isMissing(cell)) {
        if (missing === "error") throw missingAt(name, row, column, '{ missing: "fill" }, or table.dropMissing()');
        if (kind === "number") out[at] = (encoding.fill - encoding.mean) / encoding.std;
        continue;
      }
      if (kind === "number") out[at] = ((cell as number) - encoding.mean) / encoding.std;
      else if (places === undefined) out[at] = Number(cell);
      else {
        const place = places.get(cell as string);
        if (place !== undefined) out[at + place] = 1;
        else if (unknown === "error") {
          const problem = `column ${describe(name)} has a text that the training table did not have`;
          throw wrong(problem, '{ unknown: "zeros" } takes it as none of them', `row ${row}, ${describe(cell)}`);
        }
      }
    }
  }

  /**
   * The target of a table: [rows] int32, the numbers of the classes; for numbers [rows, 1] float32.
   *
   * @throws where a field is missing or of no known class.
   */
  target(table: Table): Tensor {
    const { target } = this.#encoding;
    if (target === null) throw wrong("there is no target", "give its column: { target: name }");
    const column = table.column(target.name);
    checkTarget(target.name, column);
    if (target.kind === "number") {
      if (column.kind !== "number") throw wrong(`the target ${describe(target.name)} is no column of numbers`, "");
      const data = Float32Array.from(column.values, (x) => (x - target.mean) / target.std);
      return fromElements(data, [table.length, 1], "float32");
    }
    const places = placesOf(target.classes);
    const data = Int32Array.from(column.values as ArrayLike<Cell>, (cell, row) => {
      const place = places.get(cell as string);
      if (place !== undefined) return place;
      throw wrong(`the target has a class that the training table did not have`, "", `row ${row}, ${describe(cell)}`);
    });
    return fromElements(data, [table.length], "int32");
  }

  /** Predictions of a target of numbers in its own unit: x · std + mean. */
  decodeTarget(predictions: ArrayLike<number>): number[] {
    const { target } = this.#encoding;
    if (target?.kind !== "number") throw wrong("the target is no column of numbers", "use classes");
    return Array.from(predictions, (x) => x * target.std + target.mean);
  }
}

function fitColumn(name: string, column: Column, options: EncoderOptions): ColumnEncoding {
  checkNotBrokenNumbers(name, column, options);
  const { kind, values } = column;
  if (kind === "boolean") return { name, kind };
  if (kind === "number") {
    const moments = momentsOf(name, values);
    return { name, kind, ...(options.standardize === false ? { mean: 0, std: 1 } : moments), fill: moments.mean };
  }
  const { maxCategories = 100 } = options;
  const categories = differentOf(values) as readonly string[];
  if (categories.length === 0) throw wrong(`column ${describe(name)} is empty`, "leave it out of the inputs");
  if (categories.length > maxCategories) {
    const facts = `${categories.length}, at most ${maxCategories}`;
    throw wrong(`column ${describe(name)} has too many different texts`, "leave it out of the inputs", facts);
  }
  return { name, kind, categories };
}

function fitTarget(name: string, column: Column, options: EncoderOptions): TargetEncoding {
  checkNotBrokenNumbers(name, column, options);
  const { task = column.kind === "number" ? "regression" : "classification" } = options;
  checkChoice("task", task, ["classification", "regression"]);
  checkTarget(name, column);
  if (task === "regression") {
    if (column.kind !== "number") {
      throw wrong(`the target ${describe(name)} of a regression must be a column of numbers`, `it is ${column.kind}`);
    }
    return {
      name,
      kind: "number",
      ...(options.standardizeTarget === true ? momentsOf(name, column.values) : { mean: 0, std: 1 }),
    };
  }
  const classes = differentOf(column.values);
  if (classes.length > 1) return { name, kind: "class", classes };
  throw wrong(
    `the target ${describe(name)} has one class only`,
    "there is nothing to tell apart",
    describe(classes[0]),
  );
}

/** Share of numbers above which a column of texts is taken for one of numbers with a mistake in it. */
const mostlyNumbers = 0.9;

/** Throws for a column of texts that would be one of numbers but for a few fields. */
function checkNotBrokenNumbers(name: string, column: Column, { categorical = [] }: EncoderOptions): void {
  if (column.kind !== "text" || categorical.includes(name)) return;
  const isNumber = (text: string): boolean => text.trim() !== "" && Number.isFinite(Number(text));
  const rows = [...column.values.keys()].filter((row) => column.values[row] !== null);
  const others = rows.filter((row) => !isNumber(column.values[row] as string));
  const [first] = others;
  if (first === undefined || others.length > (1 - mostlyNumbers) * rows.length) return;
  throw wrong(
    `column ${describe(name)} has numbers and ${others.length} other ${others.length === 1 ? "field" : "fields"}`,
    `correct it, or add its text to \`missing\` of parseCsv; { categorical: [${describe(name)}] } takes all fields as texts`,
    `row ${first} is ${describe(column.values[first])}`,
  );
}

/** Mean and std as `Standardizer` has them: the std is that of the whole (÷ n), 1 for a constant column. */
function momentsOf(name: string, values: Float64Array): { mean: number; std: number } {
  const present = values.filter((x) => !Number.isNaN(x));
  if (present.length === 0) throw wrong(`column ${describe(name)} is empty`, "leave it out of the inputs");
  const { mean, std } = Standardizer.fit(fromElements(present, [present.length, 1], "float64"));
  return { mean: mean[0] as number, std: std[0] as number };
}

/** The different fields in the order of `LabelEncoder`. */
function differentOf(values: ArrayLike<Cell>): readonly Label[] {
  const present = Array.from(values).filter((cell): cell is Label => !isMissing(cell));
  return present.length === 0 ? [] : LabelEncoder.fit(present).classes;
}

function placesOf<T>(values: readonly T[]): Map<T, number> {
  return new Map(values.map((value, i) => [value, i]));
}

function checkTarget(name: string, column: Column): void {
  const row = Array.from(column.values as ArrayLike<Cell>).findIndex(isMissing);
  if (row >= 0) throw missingAt(name, row, column, `table.dropMissing([${describe(name)}])`);
}

function missingAt(name: string, row: number, { values }: Column, hint: string): TwopassError {
  const count = Array.from(values as ArrayLike<Cell>).filter(isMissing).length;
  const rows = count === 1 ? "1 row" : `${count} rows`;
  return wrong(`column ${describe(name)} has missing fields`, hint, `${rows}, the first is row ${row} of this table`);
}

function isColumnEncoding(x: unknown): x is ColumnEncoding {
  const { name, kind, fill, categories } = (x ?? {}) as Record<string, unknown>;
  if (typeof name !== "string") return false;
  if (kind === "number") return areMoments(x) && Number.isFinite(fill);
  return kind === "boolean" || (kind === "text" && Array.isArray(categories) && categories.length > 0);
}

function isTargetEncoding(x: unknown): x is TargetEncoding {
  const { name, kind, classes } = (x ?? {}) as Record<string, unknown>;
  if (typeof name !== "string") return false;
  return kind === "class" ? Array.isArray(classes) && classes.length > 1 : kind === "number" && areMoments(x);
}

function areMoments(x: unknown): boolean {
  const { mean, std } = x as Record<string, unknown>;
  return Number.isFinite(mean) && Number.isFinite(std) && std !== 0;
}

function checkChoice(name: string, x: unknown, known: readonly string[]): void {
  if (known.includes(x as string)) return;
  throw wrong(`${name} must be ${known.map((one) => `"${one}"`).join(" or ")}`, "", `got ${describe(x)}`);
}

function wrong(problem: string, hint: string, facts?: string): TwopassError {
  return new TwopassError({
    op: "TableEncoder",
    problem,
    ...(facts === undefined ? {} : { facts }),
    ...(hint === "" ? {} : { hint }),
  });
}
