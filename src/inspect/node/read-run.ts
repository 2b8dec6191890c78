/** A run from its folder. Floor: inspect; Node only. */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { TwopassError } from "../../base/errors.ts";
import { fileError } from "../../io/node-files.ts";
import { codeOf } from "../../train/node/durable.ts";
import type { Run } from "../run-format.ts";
import { parseRun, runFiles, runTraceFile } from "../run-reading.ts";
import type { Trace } from "../trace-format.ts";
import { readTrace } from "../trace-text.ts";

const op = "readRun";

/**
 * The run of a folder that `watch` writes, also while it is written.
 *
 * @throws where there is none, and where it is of another version or damaged; damaged lines are listed in `problems`.
 * @example
 * const trainer = new Trainer({ model, optimizer, loss: new nn.CrossEntropyLoss() });
 * watch(trainer, { sink: new RunFolder("runs/read"), traceEvery: 3 });
 * await trainer.fit(loader);
 * const { records, traces } = await readRun("runs/read");
 * [records.length, traces]; // [1, [1, 3]]
 */
export async function readRun(folder: string): Promise<Run> {
  const files: Record<string, string> = {};
  for (const name of Object.values(runFiles)) {
    const text = await ifThere(folder, name, (path) => readFile(path, "utf8"));
    if (text !== undefined) files[name] = text;
  }
  if (files[runFiles.info] === undefined) {
    throw new TwopassError({
      op,
      problem: "there is no run",
      facts: `no ${runFiles.info} in ${JSON.stringify(folder)}`,
      hint: "give the folder that was given to RunFolder",
    });
  }
  for (const name of (await ifThere(folder, "traces", (path) => readdir(path))) ?? []) files[`traces/${name}`] = "";
  try {
    return parseRun(files);
  } catch (cause) {
    if (!(cause instanceof TwopassError)) throw cause;
    throw new TwopassError({
      op,
      problem: "cannot read the run",
      facts: `${JSON.stringify(folder)}, ${cause.message}`,
      cause,
    });
  }
}

/**
 * One of the traces that `run.traces` lists.
 *
 * @throws where there is none of that step, and for one that is damaged.
 * @example
 * const trainer = new Trainer({ model, optimizer, loss: new nn.CrossEntropyLoss() });
 * watch(trainer, { sink: new RunFolder("runs/traced"), traceEvery: 100 });
 * await trainer.fit(loader);
 * (await readRunTrace("runs/traced", 1)).step; // 1
 */
export async function readRunTrace(folder: string, step: number): Promise<Trace> {
  const path = join(folder, runTraceFile(step));
  try {
    return readTrace(await readFile(path, "utf8"));
  } catch (cause) {
    if (cause instanceof TwopassError) throw cause;
    throw fileError("readRunTrace", `there is no trace of step ${step}`, path, cause);
  }
}

/** Undefined for what is not there. */
async function ifThere<T>(folder: string, name: string, read: (path: string) => Promise<T>): Promise<T | undefined> {
  const path = join(folder, name);
  try {
    return await read(path);
  } catch (cause) {
    if (codeOf(cause) === "ENOENT" || codeOf(cause) === "ENOTDIR") return undefined;
    throw fileError(op, "cannot read the run", path, cause);
  }
}
