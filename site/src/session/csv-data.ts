/** The learner's own table: numbers are brought to −1 … 1, texts become one number for each, categories become classes. */
import { TwopassError } from "twopass";
import { type Column, type Table, TableEncoder, parseCsv } from "twopass/data";
import type { DataConfig, LossName } from "./config.ts";
import type { DataSet } from "./data-set.ts";
import { fault } from "./faults.ts";

const mostRows = 10_000;
const mostTexts = 20;
const mostClasses = 20;
const fewestRows = 4;

/** With cross-entropy numbers are classes too. */
export function csvSet({ csv, target }: DataConfig, loss: LossName): DataSet {
  const table = readTable(csv ?? "");
  const names = table.names;
  const predicted = target ?? (names.at(-1) as string);
  if (!names.includes(predicted)) throw fault("csvNoColumn", { name: predicted, names: names.join(", ") });
  if (names.length < 2) throw fault("csvOneColumn", { name: predicted });
  if (table.length < fewestRows) throw fault("tooFewExamples", { count: table.length, least: fewestRows });
  if (table.length > mostRows) throw fault("csvManyRows", { count: table.length, most: mostRows });
  for (const name of names) checkColumn(name, table.column(name), name !== predicted);
  const isClasses = loss === "crossEntropy" || table.column(predicted).kind !== "number";
  if (isClasses) checkClassCount(predicted, table.column(predicted));

  const encoder = TableEncoder.fit(table, {
    target: predicted,
    task: isClasses ? "classification" : "regression",
    standardize: false,
    categorical: names,
  });
  const inputNames = encoder.featureNames;
  const width = inputNames.length;
  const inputs = encoder.inputs(table).dataSync() as Float32Array;
  const targets = Float32Array.from(encoder.target(table).dataSync());
  inputNames.forEach((name, at) => {
    if (names.includes(name) && table.column(name).kind === "number") scaleColumn(inputs, at, width);
  });
  if (!isClasses) scaleColumn(targets, 0, 1);
  return {
    count: table.length,
    width,
    inputs,
    targets,
    classes: isClasses ? encoder.classes.map(String) : undefined,
    inputNames,
    targetName: predicted,
    isPlane: width === 2,
  };
}

function readTable(csv: string): Table {
  if (csv.trim() === "") throw fault("csvNone");
  try {
    return parseCsv(csv);
  } catch (error) {
    if (!(error instanceof TwopassError)) throw error;
    // What is wrong and where, without what a program could do about it.
    const detail = error.message.replace(/^parseCsv: /, "").replace(/ \([^()]*\)$/, "");
    throw fault("csvUnreadable", { detail });
  }
}

/** Rows are counted from 1, below the names. */
function checkColumn(name: string, { kind, values }: Column, isInput: boolean): void {
  const cells = Array.from(values as ArrayLike<number | string | boolean | null>);
  const holes = cells.flatMap((cell, row) => (cell === null || Number.isNaN(cell) ? [row] : []));
  const [first] = holes;
  if (first !== undefined) {
    if (holes.length === cells.length) throw fault("csvEmptyColumn", { name });
    throw fault("csvHole", { row: first + 1, name, count: holes.length });
  }
  if (kind !== "text") return;
  const others = cells.flatMap((cell, row) => (Number.isFinite(Number(cell)) ? [] : [row]));
  const [broken] = others;
  if (broken !== undefined && others.length < cells.length / 2) {
    throw fault("csvBrokenNumber", { row: broken + 1, name, text: JSON.stringify(cells[broken]) });
  }
  const different = new Set(cells).size;
  if (isInput && different > mostTexts) throw fault("csvManyTexts", { name, count: different, most: mostTexts });
}

function checkClassCount(name: string, { values }: Column): void {
  const different = new Set<unknown>(values);
  if (different.size > mostClasses) {
    throw fault("csvManyClasses", { name, count: different.size, most: mostClasses });
  }
  if (different.size < 2) throw fault("oneClass", { name: String([...different][0]) });
}

/** The smallest number becomes −1, the largest 1; a column of one number becomes 0. */
function scaleColumn(data: Float32Array, at: number, width: number): void {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = at; i < data.length; i += width) {
    low = Math.min(low, data[i] as number);
    high = Math.max(high, data[i] as number);
  }
  const middle = (low + high) / 2;
  const half = high > low ? (high - low) / 2 : 1;
  for (let i = at; i < data.length; i += width) data[i] = ((data[i] as number) - middle) / half;
}
