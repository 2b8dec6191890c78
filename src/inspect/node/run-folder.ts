/**
 * A run in a folder: run.json describes it, records.jsonl has a line for each record, scalars.csv a row for each step that
 * tells some, traces/ a file for each trace, and an event file shows all of it in TensorBoard. Floor: inspect; Node only.
 *
 * Each piece is written at once, so a process that is killed loses none; a line that it left in the middle is cut off by
 * the next one. One process at a time holds the folder, by the file "lock".
 */
import { mkdir, readFile, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { TwopassError, describe, internal } from "../../base/errors.ts";
import { fileError, writeFileSafely } from "../../io/node-files.ts";
import type { Scalars } from "../../train/loggers/logger.ts";
import { CsvLogger } from "../../train/node/csv-logger.ts";
import { codeOf } from "../../train/node/durable.ts";
import { LogFile } from "../../train/node/log-file.ts";
import type { Histogram } from "../../train/node/tensorboard-events.ts";
import { TensorBoardLogger } from "../../train/node/tensorboard-logger.ts";
import type { RunInfo, RunRecord, RunSink, RunStatistics } from "../run-format.ts";
import { continued, parseRunInfo, runFiles, runTraceFile } from "../run-reading.ts";
import type { Trace } from "../trace-format.ts";
import { jsonText } from "../schema.ts";
import { traceText } from "../trace-text.ts";
import { lockFolder } from "./folder-lock.ts";

const op = "RunFolder";

interface Files {
  records: LogFile;
  scalars: CsvLogger;
  board: TensorBoardLogger;
}

/**
 * Writes a run into a folder, for `watch`: `readRun` reads it, `tensorboard --logdir FOLDER` shows it.
 *
 * A training that is resumed goes on in its folder: what the folder has of later steps is cut off, since they are made
 * again. A training that begins anew takes the place of what was there.
 *
 * @param path made where it is missing.
 * @throws in `fit`, where another process writes into the folder, where it has the run of another model, and where it cannot be
 * written.
 * @example
 * const trainer = new Trainer({ model, optimizer, loss: new nn.CrossEntropyLoss() });
 * watch(trainer, new RunFolder("runs/first"));
 * await trainer.fit(loader);
 * (await readRun("runs/first")).records.map(({ step }) => step); // [1]
 */
export class RunFolder implements RunSink {
  readonly path: string;
  #release: (() => Promise<void>) | undefined;
  /** Those that are open. */
  #files: Partial<Files> = {};

  constructor(path: string) {
    if (typeof path !== "string" || path === "") {
      throw new TwopassError({ op, problem: "takes the path of a folder", facts: `got ${describe(path)}` });
    }
    this.path = path;
  }

  async begin(info: RunInfo, step: number): Promise<void> {
    this.#release = await lockFolder(op, this.path);
    const old = await this.#oldInfo();
    if (old !== undefined && step > 0) checkSame(this.path, old, info);
    // A step of a table or a list of records.
    this.#cutLines(runFiles.records, step, /^\{"step":(\d+),/);
    this.#cutLines(runFiles.scalars, step, /^(\d+),/);
    await this.#cutTraces(step);
    await writeFileSafely(this.#in(runFiles.info), encode(`${jsonText(continued(info, old, step))}\n`));
    this.#files.records = new LogFile(op, this.#in(runFiles.records));
    this.#files.scalars = new CsvLogger(this.#in(runFiles.scalars));
    this.#files.board = new TensorBoardLogger(this.path, old === undefined ? {} : { purgeStep: step + 1 });
  }

  writeScalars(step: number, scalars: Scalars): void {
    this.#open("scalars").log(step, scalars);
    this.#open("board").log(step, scalars);
  }

  async writeRecord(record: RunRecord): Promise<void> {
    this.#open("records").append(`${jsonText(record)}\n`);
    const { step, layers, parameters, activations } = record;
    const board = this.#open("board");
    const named = [
      ...Object.entries(layers).map(([path, norm]) => [`gradient-norm/${path === "" ? "model" : path}`, norm] as const),
      ...Object.entries(parameters).flatMap(([path, { ratio }]) =>
        ratio === undefined ? [] : [[`update-ratio/${path}`, ratio] as const],
      ),
    ];
    board.log(step, Object.fromEntries(named));
    const write = async (tag: string, statistics: RunStatistics | undefined): Promise<void> => {
      if (statistics === undefined || statistics.histogram.sampled === 0) return;
      await board.logHistogram(step, tag, histogramFrom(statistics));
    };
    for (const [path, { weight, gradient, change }] of Object.entries(parameters)) {
      await write(`weight/${path}`, weight);
      await write(`gradient/${path}`, gradient);
      await write(`change/${path}`, change);
    }
    for (const [path, statistics] of Object.entries(activations)) await write(`activation/${path}`, statistics);
  }

  async writeTrace(step: number, trace: Trace): Promise<void> {
    const path = this.#in(runTraceFile(step));
    await this.#doing("cannot write the trace", () => mkdir(dirname(path), { recursive: true }));
    await writeFileSafely(path, encode(traceText(trace)));
  }

  async end(): Promise<void> {
    const [files, release] = [Object.values(this.#files), this.#release];
    this.#files = {};
    this.#release = undefined;
    try {
      // All are closed, whichever of them fails.
      const results = await Promise.allSettled(files.map(async (file) => file.close()));
      for (const result of results) if (result.status === "rejected") throw result.reason;
    } finally {
      await release?.();
    }
  }

  #in(name: string): string {
    return join(this.path, name);
  }

  #open<K extends keyof Files>(name: K): Files[K] {
    const file = this.#files[name];
    if (file === undefined) throw internal("a run folder was not begun");
    return file as Files[K];
  }

  async #oldInfo(): Promise<RunInfo | undefined> {
    const text = await this.#doing("cannot read the run", () =>
      readFile(this.#in(runFiles.info), "utf8").catch((error: unknown) => {
        if (codeOf(error) === "ENOENT") return undefined;
        throw error;
      }),
    );
    try {
      return text === undefined ? undefined : parseRunInfo(text);
    } catch (cause) {
      const facts = `${JSON.stringify(this.path)}, ${cause instanceof Error ? cause.message : String(cause)}`;
      throw new TwopassError({
        op,
        problem: "the folder has something else",
        facts,
        hint: "give another folder",
        cause,
      });
    }
  }

  /** Leaves out the lines of steps behind `step`; of a new run all. */
  #cutLines(name: string, step: number, pattern: RegExp): void {
    const file = new LogFile(op, this.#in(name));
    try {
      file.cutTornLine();
      if (file.size === 0) return;
      const lines = file.read().split(/(?<=\n)/);
      const kept = lines.filter((line) => step > 0 && !(Number(pattern.exec(line)?.[1]) > step));
      if (kept.length < lines.length) file.replace(kept.join(""));
    } finally {
      file.close();
    }
  }

  async #cutTraces(step: number): Promise<void> {
    await this.#doing("cannot remove old traces", async () => {
      const folder = this.#in(dirname(runTraceFile(0)));
      await mkdir(folder, { recursive: true });
      for (const name of await readdir(folder)) {
        if (Number(/^step-(\d+)\.json$/.exec(name)?.[1]) > step) await rm(join(folder, name));
      }
    });
  }

  async #doing<T>(problem: string, body: () => Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (cause) {
      throw fileError(op, problem, this.path, cause);
    }
  }
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function checkSame(path: string, old: RunInfo, { parameters }: RunInfo): void {
  const listOf = (list: RunInfo["parameters"]): string[] => list.map((one) => `${one.path} [${one.shape.join(", ")}]`);
  const [before, now] = [listOf(old.parameters), listOf(parameters)];
  const at = before.findIndex((one, i) => one !== now[i]);
  if (at < 0 && before.length === now.length) return;
  const [was, is] = at < 0 ? [undefined, now[before.length]] : [before[at], now[at]];
  throw new TwopassError({
    op,
    problem: "the folder has the run of another model",
    facts: `${JSON.stringify(path)}, ${was ?? "no more parameters"} there, ${is ?? "no more parameters"} here`,
    hint: "give another folder",
  });
}

/** As TensorBoard takes it: counts of a sample stand for all elements. */
function histogramFrom({ size, nonFinite, mean, norm, histogram }: RunStatistics): Histogram {
  const { from, to, sampled } = histogram;
  const counts = from === to ? [sampled] : histogram.counts;
  const num = size - nonFinite;
  const width = (to - from) / counts.length;
  return {
    min: from,
    max: to,
    num,
    sum: mean * num,
    sumSquares: norm ** 2,
    limits: counts.map((_, i) => (i === counts.length - 1 ? to : from + width * (i + 1))),
    counts: counts.map((count) => (count * num) / sampled),
  };
}
