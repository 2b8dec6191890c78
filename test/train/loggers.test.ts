/** Loggers: what a reader of their own finds in the files, also after a crash and after a resume. */
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { tensor } from "../../src/tensor/creation.ts";
import { ConsoleLogger, MemoryLogger } from "../../src/train/index.ts";
import { crc32c } from "../../src/train/node/crc32c.ts";
import { CsvLogger, JsonlLogger, TensorBoardLogger } from "../../src/train/node/index.ts";
import { type Message, doubles, inside, readEvents, text } from "./tensorboard-reader.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "twopass-loggers-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("lines for people", () => {
  const lines: string[] = [];
  const logger = new ConsoleLogger({ write: (line) => lines.push(line) });
  logger.log(1, { "train/loss": 0.301_18, lr: 0.000_123_456, n: 60_000, huge: 123_456.789, none: Number.NaN });
  logger.log(2, { up: Number.POSITIVE_INFINITY, low: -0.5, zero: 0 });
  expect(lines).toEqual([
    "step 1  train/loss 0.3012  lr 0.00012346  n 60000  huge 123460  none NaN",
    "step 2  up Infinity  low -0.5  zero 0",
  ]);
  expect(() => new ConsoleLogger({ writer: 1 } as object)).toThrow('did you mean "write"?');
});

test("curves in memory", () => {
  const logger = new MemoryLogger();
  const scalars = { a: 1 };
  logger.log(1, scalars);
  scalars.a = 9;
  logger.log(3, { b: 2, a: 4 });
  expect(logger.values("a")).toEqual([
    [1, 1],
    [3, 4],
  ]);
  expect(logger.values("c")).toEqual([]);
  expect(logger.names).toEqual(["a", "b"]);
  expect(logger.entries[1]).toEqual({ step: 3, scalars: { b: 2, a: 4 } });
});

test("lines of JSON, with numbers that JSON has not", () => {
  const path = join(folder, "runs/1/log.jsonl");
  const logger = new JsonlLogger(path);
  const values = [0.1, -0, 1e300, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  values.forEach((value, i) => logger.log(i, { 'odd "name", é': value }));
  // Each line is in the file at once.
  const rows = readFileSync(path, "utf8").trim().split("\n");
  const read = rows.map((row) => JSON.parse(row) as Record<string, unknown>);
  expect(read.map((row) => row["step"])).toEqual([0, 1, 2, 3, 4, 5]);
  expect(read.map((row) => Number(row['odd "name", é']))).toEqual([0.1, 0, 1e300, Number.NaN, Infinity, -Infinity]);
  expect(() => logger.log(7, { step: 1 })).toThrow('JsonlLogger: a scalar cannot be named "step"');
  logger.flush();
  logger.close();
  logger.close();
  expect(() => logger.log(7, {})).toThrow("the logger is closed");
  expect(() => new JsonlLogger(folder)).toThrow(/^JsonlLogger: cannot open the file: .*give the name of a file/);
});

test("a line that a killed process left in the middle is cut off", () => {
  const path = join(folder, "log.jsonl");
  const first = new JsonlLogger(path);
  first.log(1, { x: 1 });
  first.close();
  // Longer than the block in which the end is looked for.
  appendFileSync(path, `{"step":2,"x":${"1".repeat(200_000)}`);
  const second = new JsonlLogger(path);
  second.log(2, { x: 3 });
  second.close();
  expect(readFileSync(path, "utf8")).toBe('{"step":1,"x":1}\n{"step":2,"x":3}\n');
  writeFileSync(path, '{"step"');
  new JsonlLogger(path).close();
  expect(statSync(path).size).toBe(0);
});

/** RFC 4180, read letter by letter. */
function readCsv(text: string): string[][] {
  const rows: string[][] = [[""]];
  let isQuoted = false;
  const add = (letter: string): void => {
    const row = rows.at(-1) as string[];
    row.push((row.pop() as string) + letter);
  };
  for (let i = 0; i < text.length; i++) {
    const letter = text[i] as string;
    if (isQuoted) {
      if (letter !== '"') add(letter);
      else if (text[i + 1] === '"') add(text[++i] as string);
      else isQuoted = false;
    } else if (letter === '"') isQuoted = true;
    else if (letter === ",") rows.at(-1)?.push("");
    else if (letter === "\r" && text[i + 1] === "\n") {
      rows.push([""]);
      i++;
    } else add(letter);
  }
  expect(rows.pop()).toEqual([""]);
  return rows;
}

test("a table whose columns grow, over a resume and a torn row", () => {
  const path = join(folder, "log.csv");
  const first = new CsvLogger(path);
  first.log(1, { loss: 0.5, 'a, "b"': Number.NaN });
  first.log(2, { 'a, "b"': Number.NEGATIVE_INFINITY });
  first.log(3, { loss: 0.25, new: 1e-7, é: 2 });
  first.close();
  appendFileSync(path, "4,0.12");
  const second = new CsvLogger(path);
  second.log(4, { loss: 0.125 });
  second.log(5, { last: 7, loss: 0 });
  second.flush();
  expect(readCsv(readFileSync(path, "utf8"))).toEqual([
    ["step", "loss", 'a, "b"', "new", "é", "last"],
    ["1", "0.5", "NaN", "", "", ""],
    ["2", "", "-Infinity", "", "", ""],
    ["3", "0.25", "", "1e-7", "2", ""],
    ["4", "0.125", "", "", "", ""],
    ["5", "0", "", "", "", "7"],
  ]);
  expect(readdirSync(folder)).toEqual(["log.csv"]);
  expect(() => second.log(6, { step: 1 })).toThrow('a scalar cannot be named "step"');
  expect(() => second.log(6, { "two\nlines": 1 })).toThrow('a scalar cannot be named "two\\nlines"');
  second.close();
  expect(() => second.log(6, {})).toThrow("CsvLogger: the logger is closed");
});

test("a table through a link, with line ends of another program; and what is no log", () => {
  const [path, link] = [join(folder, "real.csv"), join(folder, "link.csv")];
  writeFileSync(path, "step,loss\n1,0.5\n");
  symlinkSync(path, link);
  const logger = new CsvLogger(link);
  logger.log(2, { accuracy: 1 });
  logger.close();
  expect(readCsv(readFileSync(path, "utf8"))).toEqual([
    ["step", "loss", "accuracy"],
    ["1", "0.5", ""],
    ["2", "", "1"],
  ]);
  expect(statSync(link).ino).toBe(statSync(path).ino);
  for (const text of ["name,loss\n1,2\n", 'step,"loss\n', 'step\n"1"\n', "step\u0000\n", '"\n', "\n"]) {
    writeFileSync(path, text);
    expect(() => new CsvLogger(path)).toThrow("CsvLogger: the file is another table");
    expect(readFileSync(path, "utf8")).toBe(text);
  }
});

test("events for TensorBoard: scalars, histograms, text", async () => {
  const logger = new TensorBoardLogger(join(folder, "runs/first"));
  logger.log(1, { "train/loss": 0.3, größe: Number.NaN });
  logger.log(2 ** 40, { up: Number.NEGATIVE_INFINITY });
  await logger.logHistogram(3, "weights", tensor([-1, 0, 0.1, 3, Number.NaN, 3]), { bins: 4 });
  await logger.logHistogram(4, "same", [2, 2]);
  await logger.logHistogram(4, "nothing", [Number.NaN]);
  logger.logHyperparameters({ lr: 0.01, betas: [0.9, 0.999], name: "a|b\nc", none: undefined });
  logger.flush();
  expect(logger.path).toMatch(/\/events\.out\.tfevents\.\d{10}\.[\w.-]+\.\d+\.\d+$/);
  const { version, events } = readEvents(logger.path);
  expect(version).toBe("brain.Event:2");
  expect(events.map((event) => event.step)).toEqual([1, 2 ** 40, 3, 4, 0]);
  const scalars = events.slice(0, 2).flatMap((event) => event.values.map((v) => [text(v.get(1)?.[0]), v.get(2)?.[0]]));
  expect(scalars).toEqual([
    ["train/loss", Math.fround(0.3)],
    ["größe", Number.NaN],
    ["up", -Infinity],
  ]);

  const weights = events[2]?.values[0] as Message;
  expect(text(weights.get(1)?.[0])).toBe("weights");
  const histogram = inside(weights, 5);
  const tenth = Math.fround(0.1);
  expect([1, 2, 3].map((field) => histogram.get(field)?.[0])).toEqual([-1, 3, 5]);
  expect(histogram.get(4)?.[0]).toBeCloseTo(5 + tenth, 12);
  expect(histogram.get(5)?.[0]).toBeCloseTo(19 + tenth * tenth, 12);
  expect([6, 7].map((field) => doubles(histogram.get(field)?.[0]))).toEqual([
    [0, 1, 2, 3],
    [1, 2, 0, 2],
  ]);
  const same = inside(events[3]?.values[0] as Message, 5);
  expect([6, 7].map((field) => doubles(same.get(field)?.[0]))).toEqual([[2], [2]]);

  const settings = events[4]?.values[0] as Message;
  expect(text(settings.get(1)?.[0])).toBe("hyperparameters");
  expect(text(inside(inside(settings, 9), 1).get(1)?.[0])).toBe("text");
  const content = inside(settings, 8);
  expect(content.get(1)).toEqual([7n]);
  expect(inside(inside(content, 2), 2).get(1)).toEqual([1n]);
  expect(text(content.get(8)?.[0]).split("\n")).toEqual([
    "| name | value |",
    "| --- | --- |",
    "| lr | 0.01 |",
    "| betas | [0.9,0.999] |",
    "| name | a\\|b c |",
    "| none | undefined |",
  ]);
  logger.close();
});

test("two event files of one second have two names, and mistakes are named", async () => {
  const [one, two] = [new TensorBoardLogger(folder), new TensorBoardLogger(folder)];
  expect(one.path).not.toBe(two.path);
  expect(() => one.log(-1, {})).toThrow("TensorBoardLogger: the step must be a whole number from 0: got -1");
  expect(() => one.log(0.5, {})).toThrow("got 0.5");
  await expect(one.logHistogram(1, "x", [1], { bins: 0 })).rejects.toThrow("bins must be a whole number from 1: got 0");
  expect(() => new TensorBoardLogger("")).toThrow("takes a folder");
  expect(() => new TensorBoardLogger(folder, { purgeStep: -1 })).toThrow(
    "the step must be a whole number from 0: got -1",
  );
  one.close();
  two.close();
  expect(readEvents(one.path).events).toEqual([]);
});

test("the checksum of Castagnoli has its known value", () => {
  expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe3069283);
});
