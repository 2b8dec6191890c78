/** A run from the texts of its files, wherever they are from, and what it was at a step. Floor: inspect. */
import * as v from "valibot";
import { TwopassError, describe } from "../base/errors.ts";
import type { Scalars } from "../train/loggers/logger.ts";
import { type Run, type RunCurve, type RunInfo, type RunRecord, runFormat, runVersion } from "./run-format.ts";
import { present } from "./present.ts";
import { count, dtype, number, settings, statistics } from "./schema.ts";

/** The files of a run, in its folder. */
export const runFiles = { info: "run.json", records: "records.jsonl", scalars: "scalars.csv" } as const;

/**
 * The file of a trace in the folder of a run; `readTrace` reads its text.
 *
 * @example
 * runTraceFile(500); // "traces/step-000500.json"
 */
export function runTraceFile(step: number): string {
  return `traces/step-${String(step).padStart(6, "0")}.json`;
}

const infoSchema = v.object({
  format: v.literal(runFormat),
  version: v.literal(runVersion),
  date: v.string(),
  device: v.string(),
  model: v.string(),
  optimizer: v.string(),
  modules: v.array(
    v.object({ path: v.string(), type: v.string(), settings: v.string(), parameters: v.array(v.string()) }),
  ),
  parameters: v.array(v.object({ path: v.string(), shape: v.array(count), dtype })),
  settings: v.object({
    seed: v.number(),
    every: count,
    traceEvery: count,
    activations: v.array(v.string()),
    groups: v.array(settings),
  }),
});

const runStatistics = v.object({ ...statistics.entries, rms: number });
const recordSchema = v.object({
  step: count,
  epoch: count,
  batch: count,
  loss: number,
  lr: number,
  gradient: number,
  layers: v.record(v.string(), number),
  parameters: v.record(
    v.string(),
    v.object({
      weight: runStatistics,
      gradient: v.exactOptional(runStatistics),
      change: v.exactOptional(runStatistics),
      ratio: v.exactOptional(number),
    }),
  ),
  activations: v.record(v.string(), runStatistics),
});

/**
 * A run from the texts of its files by their names in the folder: "run.json", "records.jsonl", "scalars.csv", and traces
 * such as "traces/step-000500.json", which are only listed. Files that are missing hold nothing, except "run.json". A line
 * that is not whole yet is left out; one that is damaged is told in `problems`.
 *
 * @throws where "run.json" is missing, damaged or of another version.
 * @example
 * const memory = new MemoryRun();
 * const trainer = new Trainer({ model, optimizer, loss: new nn.CrossEntropyLoss() });
 * watch(trainer, memory);
 * await trainer.fit(loader);
 * const run = parseRun({ "run.json": JSON.stringify(memory.run.info), "scalars.csv": "step,lr\r\n1,0.1\r\n2,0.0" });
 * run.scalars; // { lr: [[1, 0.1]] }
 */
export function parseRun(files: Readonly<Record<string, string>>): Run {
  const problems: string[] = [];
  const info = parseRunInfo(files[runFiles.info]);
  const records: RunRecord[] = [];
  for (const [line, text] of linesOf(files[runFiles.records])) {
    const record = recordFrom(text);
    if (record === undefined) problems.push(`${runFiles.records}, line ${line}, is damaged`);
    else addRecord(records, record);
  }
  const curves: Curves = {};
  const [head, ...rows] = linesOf(files[runFiles.scalars]);
  const columns = head === undefined ? undefined : columnsIn(head[1]);
  if (head !== undefined && columns === undefined) problems.push(`${runFiles.scalars} is damaged`);
  for (const [line, text] of rows) {
    if (columns === undefined) break;
    const row = rowFrom(text, columns);
    if (row === undefined) problems.push(`${runFiles.scalars}, line ${line}, is damaged`);
    else addScalars(curves, row.step, row.scalars);
  }
  const traces = Object.keys(files).flatMap((name) => {
    const digits = /^traces\/step-(\d+)\.json$/.exec(name)?.[1];
    return digits === undefined ? [] : [Number(digits)];
  });
  return { info, scalars: curves, records, traces: traces.sort((a, b) => a - b), problems };
}

/** What describes a run, from its text. */
export function parseRunInfo(text: string | undefined): RunInfo {
  const damaged = (facts: string): TwopassError =>
    new TwopassError({ op: "parseRun", problem: "this is no run", facts, hint: "give what watch() has written" });
  if (text === undefined) throw damaged(`there is no ${runFiles.info}`);
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    throw damaged(`${runFiles.info} is no JSON`);
  }
  const { format, version } = (data ?? {}) as { format?: unknown; version?: unknown };
  if (format !== runFormat) throw damaged(`the format in ${runFiles.info} is ${describe(format)}`);
  if (version !== runVersion) {
    throw new TwopassError({
      op: "parseRun",
      problem: "the run is of another version",
      facts: `version ${describe(version)}, and this reads ${runVersion}`,
      hint: "read it with the twopass that wrote it",
    });
  }
  const result = v.safeParse(infoSchema, data);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw damaged(`${v.getDotPath(issue) ?? "it"} in ${runFiles.info}: ${issue.message}`);
}

/** What describes a run that goes on behind `step` updates: it began when and as it did. */
export function continued(info: RunInfo, old: RunInfo | undefined, step: number): RunInfo {
  if (old === undefined || step === 0) return info;
  return { ...info, date: old.date, settings: { ...info.settings, groups: old.settings.groups } };
}

/** Lines with their numbers, without one that has no end yet. */
function linesOf(text = ""): [line: number, text: string][] {
  return text
    .split("\n")
    .slice(0, -1)
    .map((line, i) => [i + 1, line.replace(/\r$/, "")]);
}

function recordFrom(text: string): RunRecord | undefined {
  try {
    return v.parse(recordSchema, JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** The names behind "step" in the head of a table, where one with `""` or a comma is in quotes; undefined for another. */
function columnsIn(head: string): readonly string[] | undefined {
  const fields = head.match(/"(?:[^"]|"")*"|[^",]+/g) ?? [];
  if (fields.join(",") !== head || fields[0] !== "step") return undefined;
  return fields.slice(1).map((field) => field.replace(/^"(.*)"$/s, "$1").replaceAll('""', '"'));
}

function rowFrom(
  text: string,
  columns: readonly string[],
): { readonly step: number; readonly scalars: Scalars } | undefined {
  const [step = "", ...fields] = text.split(",");
  const isNumber = (field: string): boolean => field === "" || field === "NaN" || !Number.isNaN(Number(field));
  if (!/^\d+$/.test(step) || fields.length !== columns.length || !fields.every(isNumber)) return undefined;
  const scalars = columns.flatMap((name, i) => (fields[i] === "" ? [] : [[name, Number(fields[i])] as const]));
  return { step: Number(step), scalars: Object.fromEntries(scalars) };
}

/** Curves that grow. */
export type Curves = Record<string, (readonly [step: number, value: number])[]>;

/** Adds numbers to their curves; what is behind their step is of a past that was given up. */
export function addScalars(curves: Curves, step: number, scalars: Scalars): void {
  for (const [name, value] of Object.entries(scalars)) {
    const curve = (curves[name] ??= []);
    cut(curve, step - 1, ([at]) => at);
    curve.push([step, value]);
  }
}

export function addRecord(records: RunRecord[], record: RunRecord): void {
  cut(records, record.step - 1, ({ step }) => step);
  records.push(record);
}

/** Drops what is behind a step. */
export function cut<T>(list: T[], step: number, stepOf: (item: T) => number): void {
  while (list.length > 0 && stepOf(list.at(-1) as T) > step) list.pop();
}

/** What a run was at a step: the newest that had been recorded then. */
export interface RunState {
  readonly scalars: Scalars;
  readonly record?: RunRecord;
  /** The step of the newest trace. */
  readonly trace?: number;
}

/**
 * What a run was at a step: of each scalar the newest number up to there, the newest record, and the newest trace.
 *
 * @example
 * const memory = new MemoryRun();
 * const trainer = new Trainer({ model, optimizer, loss: new nn.CrossEntropyLoss() });
 * watch(trainer, { sink: memory, every: 2 });
 * await trainer.fit(loader, { epochs: 2 });
 * const { record, scalars } = runAt(memory.run, 5);
 * [record?.step, scalars["epoch"]]; // [4, 1]
 */
export function runAt({ scalars, records, traces }: Run, step: number): RunState {
  const record = records.findLast((one) => one.step <= step);
  const trace = traces.findLast((one) => one <= step);
  const newest = (curve: RunCurve): number | undefined => curve.findLast(([at]) => at <= step)?.[1];
  const known = Object.entries(scalars).flatMap(([name, curve]) => {
    const value = newest(curve);
    return value === undefined ? [] : [[name, value] as const];
  });
  return { scalars: Object.fromEntries(known), ...present("record", record), ...present("trace", trace) };
}
