/** The worker's side of runs: pieces, cuts, restarts, thinned curves, comparison; which files are a run; links to lines. */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type ListedRun,
  type Run,
  type RunCurve,
  compareRuns,
  parseRun,
  runAt,
  traceText,
  watch,
} from "../../src/inspect/index.ts";
import { RunFolder, readRun, readRunTrace } from "../../src/inspect/node/index.ts";
import { outlineOf } from "../../site/src/inspector/outline.ts";
import { groupsOf } from "../../site/src/inspector/runs/curve-groups.ts";
import { sortFiles } from "../../site/src/inspector/runs/dropped-runs.ts";
import type { InspectorCalls } from "../../site/src/inspector/calls.ts";
import type { RunOutline } from "../../site/src/inspector/runs/run-calls.ts";
import { DroppedFiles, type GrowingFile, type Opened, type RunFiles } from "../../site/src/inspector/runs/run-files.ts";
import { distribution, layerMap, lossName, momentOf } from "../../site/src/inspector/runs/run-look.ts";
import { RunReader } from "../../site/src/inspector/runs/run-reader.ts";
import { aligned, drawnCurves, smoothed, some, thinned } from "../../site/src/inspector/runs/thin.ts";
import { editorAddress, editors, sourcePlace } from "../../site/src/inspector/source-place.ts";
import { traceRoom } from "../../site/src/inspector/trace-room.ts";
import { training } from "../train/support.ts";

let base = "";
beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), "twopass-page-runs-"));
  for (const [name, seed] of [
    ["first", 7],
    ["second", 8],
  ] as const) {
    const { trainer, loader } = training({ plain: true, seed });
    watch(trainer, { sink: new RunFolder(join(base, name)), every: 1, traceEvery: 5, activations: "*" });
    await trainer.fit(loader, { epochs: 3 });
  }
});
afterAll(() => rmSync(base, { recursive: true }));

const names = ["run.json", "records.jsonl", "scalars.csv"] as const;
type Texts = Record<(typeof names)[number], string>;

function textsOf(name: string): Texts {
  const textOf = (file: string): string => readFileSync(join(base, name, file), "utf8");
  return {
    "run.json": textOf("run.json"),
    "records.jsonl": textOf("records.jsonl"),
    "scalars.csv": textOf("scalars.csv"),
  };
}

/** The files of a folder, as they are dropped. */
function filesOf(name: string): (readonly [string, Blob])[] {
  const traces = readdirSync(join(base, name, "traces")).map((file) => `traces/${file}`);
  return [...names, ...traces].map((file) => [file, new Blob([readFileSync(join(base, name, file))])]);
}

async function read(files: RunFiles, piece: number, kept = 1e9): Promise<RunReader> {
  const reader = new RunReader(files, { piece, kept });
  reader.wantsRecords = true;
  await reader.update();
  return reader;
}

/** Files that grow, are cut and replaced, and count the bytes that are asked of them. */
class Growing implements RunFiles {
  isRunning = true;
  traces: readonly number[] = [];
  texts: Record<GrowingFile, string> = { "records.jsonl": "", "scalars.csv": "" };
  revision = "1";
  asked = 0;
  isBroken = false;
  /** Bytes that are told, where that is not what there is. */
  told: number | undefined;
  readonly #info: string;

  constructor(info: string) {
    this.#info = info;
  }

  async info(): Promise<string> {
    return this.#info;
  }

  stateOf(name: GrowingFile): { bytes: number; revision: string } {
    return { bytes: this.told ?? Buffer.byteLength(this.texts[name]), revision: this.revision };
  }

  async open(name: GrowingFile, from: number): Promise<Opened | undefined> {
    if (this.isBroken) throw new Error("the server is gone");
    const bytes = Buffer.from(this.texts[name]).subarray(from);
    if (from > Buffer.byteLength(this.texts[name])) return undefined;
    this.asked += bytes.length;
    let at = 0;
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (at >= bytes.length) controller.close();
        else controller.enqueue(bytes.subarray(at, (at += 1500)));
      },
    });
    return { stream, revision: this.revision };
  }

  async trace(): Promise<Blob> {
    throw new Error("none");
  }
}

/** Without what a reader does not read by itself. */
const numbersOf = ({ scalars, records, problems }: Run): unknown => ({ scalars, records, problems });

test("a run that is read in pieces of any size is the run", async () => {
  const whole = await readRun(join(base, "first"));
  expect(whole.records.length).toBe(21);
  for (const piece of [1, 100, 5000, 1e6]) {
    const { run, readShare, failure } = await read(new DroppedFiles(filesOf("first")), piece);
    expect(run).toEqual(whole);
    expect([readShare, failure]).toEqual([undefined, undefined]);
  }
});

test("of a run that grows only new bytes are read, and a line that is not whole counts later", async () => {
  const texts = textsOf("first");
  const files = new Growing(texts["run.json"]);
  const reader = await read(files, 1000);
  const total = texts["records.jsonl"].length + texts["scalars.csv"].length;
  let last = 0;
  for (const share of [0.13, 0.4, 0.41, 0.77, 1]) {
    const cutAt = (text: string): string => text.slice(0, Math.floor(share * text.length));
    files.texts = { "records.jsonl": cutAt(texts["records.jsonl"]), "scalars.csv": cutAt(texts["scalars.csv"]) };
    await reader.update();
    const now = { "run.json": texts["run.json"], ...files.texts };
    expect(numbersOf(reader.run)).toEqual(numbersOf(parseRun(now)));
    expect(reader.run.records.length).toBeGreaterThanOrEqual(last);
    last = reader.run.records.length;
  }
  expect(last).toBe(21);
  // Beside the new ones the beginnings of lines that were not whole.
  const longest = Math.max(...texts["records.jsonl"].split("\n").map((line) => line.length));
  expect(files.asked).toBeLessThan(total + 5 * (longest + 200));
  // What is told may be older than what was read: nothing is read again.
  const { asked } = files;
  files.told = 10;
  await reader.update();
  expect([files.asked, reader.run.records.length]).toEqual([asked, 21]);
});

test("what was cut or replaced is read anew, and a resumed run drops its past", async () => {
  const [one, other] = [textsOf("first"), textsOf("second")];
  const files = new Growing(one["run.json"]);
  files.texts = { "records.jsonl": one["records.jsonl"], "scalars.csv": one["scalars.csv"] };
  const reader = await read(files, 4000);
  // Shorter, as a resumed training cuts it; then another of the same length, of which only the revision tells.
  const lines = one["records.jsonl"].split(/(?<=\n)/);
  const rows = one["scalars.csv"].split(/(?<=\n)/);
  files.texts = { "records.jsonl": lines.slice(0, 5).join(""), "scalars.csv": rows.slice(0, 6).join("") };
  files.revision = "2";
  await reader.update();
  expect(numbersOf(reader.run)).toEqual(numbersOf(parseRun({ "run.json": one["run.json"], ...files.texts })));
  files.texts = { "records.jsonl": other["records.jsonl"], "scalars.csv": other["scalars.csv"] };
  files.revision = "3";
  await reader.update();
  expect(numbersOf(reader.run)).toEqual(numbersOf(parseRun({ "run.json": one["run.json"], ...files.texts })));
  // Lines of steps that were there before, behind them: the older ones are given up.
  files.texts["records.jsonl"] += lines.slice(3).join("");
  files.texts["scalars.csv"] += rows.slice(4).join("");
  await reader.update();
  expect(numbersOf(reader.run)).toEqual(numbersOf(parseRun({ "run.json": one["run.json"], ...files.texts })));
  expect(reader.run.records.map(({ step }) => step)).toEqual(lines.slice(0, 21).map((_, i) => i + 1));
});

test("damaged lines are told by their numbers in the file, and the rest is read", async () => {
  const texts = textsOf("first");
  const damage = (text: string, ...at: readonly number[]): string =>
    text
      .split("\n")
      .map((line, i) => (at.includes(i + 1) ? `${line.slice(0, 7)}?` : line))
      .join("\n");
  const files = new Growing(texts["run.json"]);
  files.texts = {
    "records.jsonl": damage(texts["records.jsonl"], 2, 17),
    "scalars.csv": damage(texts["scalars.csv"], 4, 20),
  };
  const { run, problemCount } = await read(files, 500);
  const whole = parseRun({ "run.json": texts["run.json"], ...files.texts });
  expect(whole.problems).toHaveLength(4);
  expect([...run.problems].sort()).toEqual([...whole.problems].sort());
  expect(problemCount).toBe(4);
  expect([run.records, run.scalars]).toEqual([whole.records, whole.scalars]);
});

test("a server that is gone is told, what was read stays, and reading goes on", async () => {
  const texts = textsOf("first");
  const files = new Growing(texts["run.json"]);
  files.texts = { "records.jsonl": texts["records.jsonl"].slice(0, 20_000), "scalars.csv": "" };
  const reader = await read(files, 5000);
  const before = reader.run.records.length;
  expect(before).toBeGreaterThan(0);
  files.isBroken = true;
  files.texts = { "records.jsonl": texts["records.jsonl"], "scalars.csv": texts["scalars.csv"] };
  await reader.update();
  expect([reader.failure, reader.run.records.length]).toEqual(["the server is gone", before]);
  files.isBroken = false;
  while (reader.failure !== undefined) await reader.ticker.after(reader.ticker.version);
  expect(reader.run.records).toHaveLength(21);
});

test("a change is told, and an update that finds none is not", async () => {
  const texts = textsOf("first");
  const files = new Growing(texts["run.json"]);
  files.texts = { "records.jsonl": texts["records.jsonl"], "scalars.csv": texts["scalars.csv"] };
  const reader = await read(files, 1e6);
  const isTold = async (): Promise<boolean> => {
    const { version } = reader.ticker;
    await reader.update();
    return reader.ticker.version > version;
  };
  expect(await isTold()).toBe(false);
  files.traces = [5];
  expect([await isTold(), await isTold()]).toEqual([true, false]);
  files.isRunning = false;
  expect([await isTold(), await isTold()]).toEqual([true, false]);
  files.texts["scalars.csv"] += texts["scalars.csv"].split("\n").slice(-2).join("\n").replace(/^\d+/, "99");
  expect([await isTold(), await isTold()]).toEqual([true, false]);
});

test("a file that is forgotten while it is being opened is closed", async () => {
  const texts = textsOf("first");
  let cancelled = 0;
  class Slow extends Growing {
    override async open(name: GrowingFile, from: number): Promise<Opened | undefined> {
      if (name === "scalars.csv") return super.open(name, from);
      reader.dropRecords();
      return { stream: new ReadableStream({ cancel: () => void cancelled++ }), revision: this.revision };
    }
  }
  const files = new Slow(texts["run.json"]);
  files.texts["records.jsonl"] = texts["records.jsonl"];
  const reader = new RunReader(files);
  reader.wantsRecords = true;
  await reader.update();
  expect([cancelled, reader.failure]).toEqual([1, undefined]);
});

test("records that are given back are gone, also in the midst of reading, and can be read again", async () => {
  const texts = textsOf("first");
  const files = new Growing(texts["run.json"]);
  files.texts = { "records.jsonl": texts["records.jsonl"], "scalars.csv": texts["scalars.csv"] };
  const reader = new RunReader(files, { piece: 3000, kept: 1e9 });
  reader.wantsRecords = true;
  const reading = reader.update();
  while (reader.run.records.length < 5) await new Promise((resolve) => setTimeout(resolve));
  expect(reader.run.records.length).toBeLessThan(21);
  reader.dropRecords();
  await reading;
  expect([reader.run.records, reader.failure]).toEqual([[], undefined]);
  reader.wantsRecords = true;
  await reader.update();
  expect(numbersOf(reader.run)).toEqual(numbersOf(parseRun(texts)));
});

test("of more records than are kept some are dropped, evenly, and it is told", async () => {
  const texts = textsOf("first");
  const { run, keptEvery } = await read(new DroppedFiles(filesOf("first")), 5000, texts["records.jsonl"].length / 3);
  expect(keptEvery).toBe(4);
  expect(run.records.map(({ step }) => step)).toEqual([1, 4, 8, 12, 16, 20]);
  expect(run.scalars).toEqual((await readRun(join(base, "first"))).scalars);
});

const wave = (length: number): RunCurve =>
  Array.from({ length }, (_, i) => [3 * i + 1, i % 1009 === 500 ? NaN : Math.sin(i / 50) + (i === 7777 ? 1000 : 0)]);

test("a thinned curve has points of the curve alone, its ends, its extremes, and its breaks", () => {
  for (const length of [0, 1, 1999, 2000, 2001, 100_000]) {
    const curve = wave(length);
    const few = thinned(curve);
    expect(few.length).toBeLessThanOrEqual(2000);
    const known = new Map(curve);
    expect(few.every(([step, value]) => Object.is(known.get(step), value))).toBe(true);
    expect(few.every(([step], i) => i === 0 || step > (few[i - 1]?.[0] ?? Infinity))).toBe(true);
    expect([few[0], few.at(-1)]).toEqual([curve[0], curve.at(-1)]);
    const extremes = (points: RunCurve): number[] => {
      const numbers = points.map(([, value]) => value).filter(Number.isFinite);
      return [Math.min(...numbers), Math.max(...numbers)];
    };
    expect(extremes(few)).toEqual(extremes(curve));
    expect(few.some(([, value]) => Number.isNaN(value))).toBe(curve.some(([, value]) => Number.isNaN(value)));
  }
  expect(thinned(wave(100_000)).length).toBeGreaterThan(1000);
  // A step that is looked at has its own number, between steps that of the newest before.
  const long = wave(100_000);
  for (const place of [0, 1, 12_345, 54_321, 99_998, 99_999]) {
    const [step, value] = long[place] as RunCurve[number];
    for (const at of [step, step + 2]) {
      const few = thinned(long, 2000, at);
      expect(few.length).toBeLessThanOrEqual(2000);
      expect(few.findLast(([one]) => one <= at)).toEqual([step, value]);
    }
  }
  expect(thinned(long, 2000, 0)).toEqual(thinned(long));
  const { x, series } = drawnCurves([long, long.slice(0, 5000)], 0, 20_000);
  expect(series[0]?.values[x.indexOf(19_999)]).toBe(long[6666]?.[1]);
  expect(series[1]?.values[x.indexOf(14_998)]).toBe(long[4999]?.[1]);
});

test("curves share their steps, and smoothing is a mean that forgets", () => {
  const a: RunCurve = [
    [1, 10],
    [2, 20],
    [4, NaN],
    [5, 40],
  ];
  const b: RunCurve = [[2, 7]];
  expect(aligned([a, b])).toEqual({
    x: [1, 2, 4, 5],
    values: [
      [10, 20, NaN, 40],
      [undefined, 7, undefined, undefined],
    ],
  });
  // (0.5·10 + 20) / 1.5, and (0.25·10 + 0.5·20 + 40) / 1.75.
  expect(smoothed(a, 0.5)).toEqual([
    [1, 10],
    [2, 50 / 3],
    [4, NaN],
    [5, 30],
  ]);
  expect(drawnCurves([a, b], 0.5).series[1]?.smooth).toEqual([undefined, 7, undefined, undefined]);
  expect(drawnCurves([a, b], 0).series[0]).toEqual({ values: [10, 20, NaN, 40] });
  // Smoothed with all points, not with those that are left.
  const long = wave(5000).map(([step, value]) => [step, Number.isNaN(value) ? 0 : value] as const);
  const means = new Map(smoothed(long, 0.9));
  const { x, series } = drawnCurves([long], 0.9);
  expect(x.length).toBeLessThanOrEqual(2000);
  expect(series[0]?.smooth).toEqual(x.map((step) => means.get(step)));
  expect(some([1, 2, 3, 4, 5, 6, 7], 3)).toEqual([1, 4, 7]);
});

test("scalars stand in groups, and one of them is the loss", () => {
  const all = ["lr", "gradient/norm", "val/accuracy", "batch/loss", "train/loss", "epoch", "val/loss"];
  expect([...groupsOf(all)]).toEqual([
    ["loss", ["batch/loss", "train/loss", "val/loss"]],
    ["accuracy", ["val/accuracy"]],
    ["lr", ["lr"]],
    ["gradient/norm", ["gradient/norm"]],
    ["epoch", ["epoch"]],
  ]);
  expect([lossName(all), lossName(["x", "my-loss"]), lossName(["x"])]).toEqual(["batch/loss", "my-loss", ""]);
});

async function opened(room: InspectorCalls, name: string): Promise<[run: number, outline: RunOutline]> {
  const run = await room.openRun({ name, files: filesOf(name) });
  for (let version = 0; ; ) {
    const outline = (await room.growth(run, version)) as RunOutline;
    if (outline.readShare === undefined && outline.records > 0) return [run, outline];
    version = outline.version;
  }
}

test("the room gives outlines, curves, moments, distributions and traces of a run, with the run's numbers", async () => {
  const room = traceRoom();
  const whole = await readRun(join(base, "first"));
  const [run, outline] = await opened(room, "first");
  expect(outline).toMatchObject({
    model: "Sequential",
    isRunning: undefined,
    records: 21,
    keptEvery: 1,
    traces: [1, 5, 10, 15, 20],
    problems: [],
    failure: undefined,
  });
  expect(outline.steps).toEqual(whole.records.map(({ step }) => step));
  expect([...outline.scalars].sort()).toEqual(Object.keys(whole.scalars).sort());
  expect(outline.parameters).toEqual(whole.info.parameters.map(({ path }) => path));
  expect(outline.activations).toEqual(Object.keys(whole.records[0]?.activations ?? {}));

  const { x, series } = room.curves(
    run,
    [
      { kind: "scalar", name: "batch/loss" },
      { kind: "layer", name: "0" },
      { kind: "ratio", name: "4.bias" },
    ],
    0,
  );
  expect(x).toEqual(outline.steps);
  expect(series.map(({ values }) => values)).toEqual([
    whole.scalars["batch/loss"]?.map(([, value]) => value),
    whole.records.map(({ layers }) => layers["0"]),
    whole.records.map(({ parameters }) => parameters["4.bias"]?.ratio),
  ]);

  for (const step of [1, 9, undefined]) {
    const { record, scalars } = runAt(whole, step ?? Infinity);
    const moment = room.moment(run, step);
    expect(moment.scalars).toEqual(scalars);
    expect(moment.record).toEqual({
      step: record?.step,
      epoch: record?.epoch,
      batch: record?.batch,
      loss: record?.loss,
      lr: record?.lr,
      gradient: record?.gradient,
    });
    expect(moment.layers.map(({ path, norm }) => [path, norm])).toEqual(Object.entries(record?.layers ?? {}));
    // 4 · 12 weights and 12 biases.
    expect(moment.layers[0]?.rms).toBe((record?.layers["0"] ?? 0) / Math.sqrt(60));
    expect(moment.parameters).toEqual(
      Object.entries(record?.parameters ?? {}).map(([path, { weight, gradient, change, ratio }]) => ({
        path,
        weight: weight.norm,
        gradient: gradient?.norm,
        change: change?.norm,
        ratio,
      })),
    );
    for (const kind of ["weight", "gradient", "change"] as const) {
      const found = room.distribution(run, kind, "0.weight", step);
      expect(found.statistics).toEqual(record?.parameters["0.weight"]?.[kind]);
      expect([found.step, found.shape]).toEqual([record?.step, [12, 4]]);
    }
    expect(room.distribution(run, "activation", "2", step).statistics).toEqual(record?.activations["2"]);
  }
  const map = room.layerMap(run);
  expect(map.layers).toEqual(["0", "4"]);
  expect(map.values[21 + 3]).toBe(Math.fround(Math.log10(whole.records[3]?.layers["4"] as number)));

  const step = await readRunTrace(join(base, "first"), 10);
  expect((await room.openRunTrace(run, 10)).outline).toEqual(outlineOf(step));
  await expect(room.openRunTrace(run, 11)).rejects.toThrow(/traces\/step-000011/);
  room.closeRun(run);
  expect(() => room.moment(run, 1)).toThrow(/not open/);
});

test("histograms over the steps are in the same bins, and nothing is lost", async () => {
  const { map } = distribution(await readRun(join(base, "first")), "gradient", "0.weight");
  expect(map.steps).toHaveLength(21);
  for (let column = 0; column < 21; column++) {
    let sum = 0;
    for (let row = 0; row < map.bins; row++) sum += map.values[row * 21 + column] as number;
    expect(sum).toBeCloseTo(1, 5);
  }
  const histogram = (from: number, to: number, counts: readonly number[]): object => ({
    gradient: { histogram: { from, to, counts, sampled: counts.reduce((sum, count) => sum + count, 0) } },
  });
  const run = {
    info: { parameters: [] },
    records: [
      { step: 1, parameters: { w: histogram(0, 32, [1, 3]) } },
      { step: 2, parameters: { w: histogram(16, 16, [5, 0]) } },
      { step: 3, parameters: {} },
      { step: 4, parameters: { w: histogram(0, 0, [0, 0]) } },
    ],
  } as unknown as Run;
  const { steps, values, from, to } = distribution(run, "gradient", "w").map;
  expect([steps, from, to]).toEqual([[1, 2, 4], 0, 32]);
  const column = (at: number): number[] => Array.from(values).filter((_, i) => i % 3 === at);
  expect(column(0)).toEqual([...new Array<number>(16).fill(3 / 64), ...new Array<number>(16).fill(1 / 64)]);
  expect(column(1).map((share, row) => share * row)).toEqual(new Array(32).fill(0).with(15, 15));
  expect(column(2).every(Number.isNaN)).toBe(true);
});

test("layers whose gradients vanish or explode are named", () => {
  const run = (first: number, second: number, nonFinite = 0): Run =>
    ({
      info: {
        parameters: [
          { path: "a.w", shape: [100] },
          { path: "b.w", shape: [4] },
        ],
      },
      scalars: {},
      traces: [],
      records: [
        {
          step: 1,
          gradient: Math.hypot(first, second),
          layers: { a: first, b: second },
          parameters: {
            "a.w": { weight: { norm: 1 }, gradient: { norm: first, nonFinite } },
            "b.w": { weight: { norm: 1 }, gradient: { norm: second, nonFinite: 0 } },
          },
        },
      ],
    }) as unknown as Run;
  const marks = (first: number, second: number, nonFinite = 0): string[] =>
    momentOf(run(first, second, nonFinite)).layers.map(({ mark }) => mark);
  expect(marks(1, 1)).toEqual(["well", "well"]);
  // Per element 9·10⁻⁵ beside 1, and 1.1·10⁻⁴.
  expect(marks(9e-4, 2)).toEqual(["vanishing", "well"]);
  expect(marks(1.1e-3, 2)).toEqual(["well", "well"]);
  expect(marks(900, 90)).toEqual(["well", "well"]);
  expect(marks(5000, 90)).toEqual(["exploding", "well"]);
  // What has elements that are not finite is not what the others are compared with, whatever its norm is.
  expect(marks(0, 2, 1)).toEqual(["notFinite", "well"]);
  expect(marks(1e9, 1, 1)).toEqual(["notFinite", "well"]);
  expect(marks(Infinity, 1)).toEqual(["notFinite", "well"]);
  expect(marks(NaN, 5000)).toEqual(["notFinite", "exploding"]);
  expect(layerMap(run(0, 10)).values).toEqual(Float32Array.of(-Infinity, 1));
});

test("two runs are compared as compareRuns does", async () => {
  const room = traceRoom();
  const [a, b] = [await readRun(join(base, "first")), await readRun(join(base, "second"))];
  const [[one], [other]] = [await opened(room, "first"), await opened(room, "second")];
  const { first, gradients, scalars } = compareRuns(a, b);
  const found = room.compareRuns(one, other);
  expect(first?.step).toBe(1);
  expect([found.first, found.gradients]).toEqual([first, gradients]);
  const told = found.scalars.map((name) => {
    const { x, series } = room.pairCurves(one, other, name);
    return [name, x.map((step, i) => [step, series[0]?.values[i], series[1]?.values[i]])];
  });
  expect(Object.fromEntries(told)).toEqual(scalars);
  expect(found).toMatchObject({ isShared: true, isReading: false, isPartial: false });
  expect(room.compareRuns(one, one).first).toBeUndefined();
});

test("what is compared of two runs is told: whether all is read, whether something is left out, and whether they meet", async () => {
  const room = traceRoom();
  const texts = textsOf("first");
  const open = (records: string): Promise<number> =>
    room.openRun({
      name: "x",
      files: [
        ["run.json", new Blob([texts["run.json"]])],
        ["records.jsonl", new Blob([records])],
      ],
    });
  const lines = texts["records.jsonl"].split(/(?<=\n)/);
  const whole = async (run: number): Promise<number> => {
    for (let version = 0; ; ) {
      const outline = (await room.growth(run, version)) as RunOutline;
      if (outline.readShare === undefined) return run;
      ({ version } = outline);
    }
  };
  const early = await open(lines.slice(0, 5).join(""));
  expect(room.compareRuns(early, early)).toMatchObject({ isReading: true, isShared: false });
  await whole(early);
  const late = await whole(await open(lines.slice(5).join("")));
  expect(room.compareRuns(early, late)).toMatchObject({ isReading: false, isShared: false, isPartial: false });
  const damaged = await whole(await open(`${lines.slice(0, 3).join("")}{\n`));
  const found = room.compareRuns(early, damaged);
  expect(found).toMatchObject({ isReading: false, isShared: true, isPartial: true });
  expect(found.first).toBeUndefined();
});

test("runs of a server: the list, the growth, a lost connection", async () => {
  const texts = textsOf("first");
  const steps = [2, 9, 21];
  const textAt = (name: GrowingFile, lines: number): string =>
    texts[name]
      .split(/(?<=\n)/)
      .slice(0, lines)
      .join("");
  let lines = steps[0] as number;
  let revision = "1";
  const listed = (): ListedRun => ({
    path: "a&b/#1",
    info: JSON.parse(texts["run.json"]),
    isRunning: true,
    changed: 0,
    files: {
      "run.json": { bytes: texts["run.json"].length, revision },
      "scalars.csv": { bytes: textAt("scalars.csv", lines).length, revision: "x" },
      "records.jsonl": { bytes: textAt("records.jsonl", lines).length, revision: "x" },
    },
    traces: [],
  });
  const asked: string[] = [];
  const { fetch } = globalThis;
  globalThis.fetch = async (address) => {
    const { pathname, searchParams } = new URL(address as string);
    asked.push(`${pathname} ${searchParams.get("run")} ${searchParams.get("name")} ${searchParams.get("from")}`);
    const text = textAt(searchParams.get("name") as GrowingFile, lines).slice(Number(searchParams.get("from")));
    return new Response(text, { headers: { "X-Revision": "x" } });
  };
  const events = new EventTarget();
  const send = (runs: readonly ListedRun[] = [listed()]): boolean =>
    events.dispatchEvent(new MessageEvent("runs", { data: JSON.stringify({ folder: "runs", runs, unreadable: [] }) }));
  const connected: string[] = [];
  try {
    const room = traceRoom({
      connect: (address) => {
        connected.push(address);
        return Object.assign(events, { readyState: 1 });
      },
    });
    const api = "http://127.0.0.1:1/token/api/";
    expect(await room.listRuns(api, 0)).toMatchObject({ isConnected: false, runs: [] });
    expect(connected).toEqual([`${api}events`]);
    send();
    const lossNow = (): RunCurve =>
      parseRun({ ...texts, "scalars.csv": textAt("scalars.csv", lines) }).scalars["batch/loss"] ?? [];
    const newest = async (step: number) => {
      for (let version = 0; ; ) {
        const told = await room.listRuns(api, version);
        if (told.runs[0]?.step === step) return told;
        ({ version } = told);
      }
    };
    // The head of the table is a line.
    expect((await newest(1)).runs[0]).toMatchObject({
      path: "a&b/#1",
      isRunning: true,
      loss: lossNow()[0]?.[1],
      curve: lossNow(),
    });
    const run = await room.openRun({ api, path: "a&b/#1" });
    for (const now of steps.slice(1)) {
      lines = now;
      send();
      const [step, loss] = lossNow().at(-1) ?? [];
      expect((await newest(step as number)).runs[0]?.loss).toBe(loss);
      let outline = (await room.growth(run, 0)) as RunOutline;
      while (outline.records < now) outline = (await room.growth(run, outline.version)) as RunOutline;
      expect(room.moment(run, undefined).record?.step).toBe(now);
    }
    const tableBytes = asked.filter((one) => one.includes("scalars.csv")).map((one) => Number(one.split(" ").at(-1)));
    expect(tableBytes).toEqual([0, ...steps.slice(0, -1).map((count) => textAt("scalars.csv", count).length)]);
    expect(asked.every((one) => one.startsWith("/token/api/file a&b/#1 "))).toBe(true);
    const step = lossNow().at(-1)?.[0] as number;
    const { version } = await newest(step);
    events.dispatchEvent(new Event("error"));
    expect(await room.listRuns(api, version)).toMatchObject({ isConnected: false, runs: [{ step }] });
    events.dispatchEvent(new Event("open"));
    expect(await room.listRuns(api, version + 1)).toMatchObject({ isConnected: true });
    await expect(room.openRun({ api, path: "../elsewhere" })).rejects.toThrow("there is no run ../elsewhere");
    // Resumed, it makes traces again; gone from the list, it is no longer running.
    let outline = (await room.growth(run, 0)) as RunOutline;
    expect(outline).toMatchObject({ isRunning: true, revision: "1" });
    revision = "2";
    send();
    outline = (await room.growth(run, outline.version)) as RunOutline;
    expect(outline).toMatchObject({ isRunning: true, revision: "2" });
    send([]);
    expect(await room.growth(run, outline.version)).toMatchObject({ isRunning: false, records: 21 });
    const growth = room.growth(run, 1e9);
    room.closeRun(run);
    void growth;
  } finally {
    globalThis.fetch = fetch;
  }
});

test("a folder with a run.json is a run, single files may be traces", () => {
  const at = (path: string): readonly [string, File] => [path, new File([], path)];
  const paths = [
    "a/run.json",
    "a/records.jsonl",
    "a/traces/step-000001.json",
    "a/events.out",
    "b/c/run.json",
    "b/c/scalars.csv",
    "d/notes.txt",
    "step.json",
  ];
  const { runs, others, empty } = sortFiles(paths.map(at));
  expect(runs.map(({ name, files }) => [name, files.map(([path]) => path)])).toEqual([
    ["a", ["run.json", "records.jsonl", "traces/step-000001.json"]],
    ["b/c", ["run.json", "scalars.csv"]],
  ]);
  expect(others.map(({ name }) => name)).toEqual(["step.json"]);
  expect(empty).toEqual(["d"]);
  const loose = sortFiles(["run.json", "records.jsonl", "step.json"].map(at));
  expect(loose.runs.map(({ files }) => files.map(([path]) => path))).toEqual([["run.json", "records.jsonl"]]);
  expect(loose.others.map(({ name }) => name)).toEqual(["step.json"]);
});

test("a file that describes no run says what parseRun says", async () => {
  const room = traceRoom();
  const open = (text: string): Promise<number> => room.openRun({ name: "x", files: [["run.json", new Blob([text])]] });
  await expect(open("{}")).rejects.toThrow(/no run/);
  await expect(open(textsOf("first")["run.json"].replace('"version":1', '"version":2'))).rejects.toThrow(/version/);
  const [run] = [await open(textsOf("first")["run.json"])];
  expect(await room.growth(run, 0)).toMatchObject({ records: 0, steps: [], scalars: [] });
  expect(room.moment(run, undefined)).toEqual({ scalars: {}, layers: [], parameters: [] });
  expect(room.distribution(run, "weight", "0.weight", undefined).map.steps).toEqual([]);
});

test("lines of files lead to editors, and nothing else does", () => {
  const addresses = (line: string, folder?: string): (string | undefined)[] => {
    const place = sourcePlace(line, folder);
    return place === undefined ? [] : editors.map((editor) => editorAddress(editor, place));
  };
  expect(addresses("/home/me/a b/model#1.ts:12:5")).toEqual([
    undefined,
    "vscode://file/home/me/a%20b/model%231.ts:12:5",
    "cursor://file/home/me/a%20b/model%231.ts:12:5",
    "zed://file/home/me/a%20b/model%231.ts:12:5",
    "idea://open?file=%2Fhome%2Fme%2Fa%20b%2Fmodel%231.ts&line=12&column=5",
  ]);
  expect(addresses("file:///home/me/%E6%A8%A1.ts:1:2")[1]).toBe("vscode://file/home/me/%E6%A8%A1.ts:1:2");
  expect(addresses("file:///C:/me/x.ts:1:2")[1]).toBe("vscode://file/C:/me/x.ts:1:2");
  expect(addresses("C:\\me\\x.ts:1:2")[1]).toBe("vscode://file/C:/me/x.ts:1:2");
  expect(addresses("src/model.ts:1:2", "/home/me/")[1]).toBe("vscode://file/home/me/src/model.ts:1:2");
  expect(addresses("src/model.ts:1:2", "C:\\me")[1]).toBe("vscode://file/C:/me/src/model.ts:1:2");
  for (const line of [
    "",
    "src/model.ts:1:2",
    "/home/me/model.ts",
    "http://example.org/model.ts:1:2",
    "https://example.org/model.ts:1:2",
    "javascript:alert(1)//x:1:2",
    "JavaScript:alert(1):1:2",
    "data:text/html,x:1:2",
    "node:internal/x:1:2",
    "webpack://app/model.ts:1:2",
    "//server/share/x.ts:1:2",
    "\\\\server\\share\\x.ts:1:2",
    "file:////server/share/x.ts:1:2",
    "file://server/x.ts:1:2",
    "file:///%2Fserver/x.ts:1:2",
    "file:///%zz/x.ts:1:2",
    "/home/\u0000x.ts:1:2",
    "/home/\nx.ts:1:2",
    "/home/\ud800.ts:1:2",
  ])
    expect([line, addresses(line)]).toEqual([line, []]);
  for (const folder of ["", "src", "//server", "http://example.org", "javascript:x"]) {
    expect([folder, addresses("a/model.ts:1:2", folder)]).toEqual([folder, []]);
  }
  // Whatever is in a name, the address is that of an editor and has no place of its own.
  for (const name of ["?x=1", "#frag", "%00", 'a"><script>', "&line=9", "a:b", "${x}", "'"]) {
    for (const address of addresses(`/w/${name}/m.ts:3:4`)) {
      if (address === undefined) continue;
      const { protocol, hash, search, searchParams } = new URL(address);
      const isIdea = protocol === "idea:";
      expect(hash).toBe("");
      expect(["vscode:", "cursor:", "zed:", "idea:"]).toContain(protocol);
      expect(isIdea ? searchParams.get("line") : search).toBe(isIdea ? "3" : "");
      const path = isIdea ? searchParams.get("file") : decodeURIComponent(address.slice(address.indexOf("/w/")));
      expect(path).toBe(`/w/${name}/m.ts${isIdea ? "" : ":3:4"}`);
      expect(address).not.toMatch(/[\s"<>]/);
    }
  }
});

test("a trace's text that a run's folder has is opened as one", async () => {
  const step = await readRunTrace(join(base, "first"), 5);
  const room = traceRoom();
  const { outline } = await room.open(new Blob([traceText(step)]));
  expect(outline.step).toBe(5);
});
