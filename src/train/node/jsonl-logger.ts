/** Scalars as lines of JSON. Floor: train; Node only. */
import { TwopassError } from "../../base/errors.ts";
import type { Logger, Scalars } from "../loggers/logger.ts";
import { LogFile } from "./log-file.ts";

/**
 * One object a line: `{"step":120,"train/loss":0.3,"lr":0.001}`. JSON has no NaN and no infinities: they are the texts "NaN",
 * "Infinity" and "-Infinity", which `Number(...)` reads.
 *
 * An old file is appended to; a last line without its end, as a killed process leaves it, is cut off first.
 *
 * @param path its folder is made where it is missing.
 * @throws where the file cannot be opened, and for a scalar named "step".
 * @example
 * const logger = new JsonlLogger("run.jsonl");
 * logger.log(120, { "train/loss": 0.3 });
 * logger.close();
 * await readTextFile("run.jsonl"); // "{"step":120,"train/loss":0.3}\n"
 */
export class JsonlLogger implements Logger {
  readonly #file: LogFile;

  constructor(path: string) {
    this.#file = new LogFile("JsonlLogger", path);
    this.#file.cutTornLine();
  }

  log(step: number, scalars: Scalars): void {
    if (Object.hasOwn(scalars, "step")) {
      throw new TwopassError({
        op: "JsonlLogger",
        problem: 'a scalar cannot be named "step"',
        hint: "each line has the step under that name",
      });
    }
    const entries = Object.entries(scalars).map(([name, value]) => [name, jsonNumber(value)] as const);
    this.#file.append(`${JSON.stringify({ step, ...Object.fromEntries(entries) })}\n`);
  }

  flush(): void {
    this.#file.flush();
  }

  close(): void {
    this.#file.close();
  }
}

function jsonNumber(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}
