/** Event files for TensorBoard. Floor: train; Node only. */
import { hostname } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { TwopassError, checkOptions, describe } from "../../base/errors.ts";
import { Tensor } from "../../tensor/tensor.ts";
import type { Logger, Scalars } from "../loggers/logger.ts";
import { LogFile } from "./log-file.ts";
import {
  type Histogram,
  type SummaryValue,
  frame,
  histogramOf,
  restartEvent,
  summaryEvent,
  versionEvent,
} from "./tensorboard-events.ts";

export interface TensorBoardOptions {
  /** The first step that this file tells, where a training goes back: what earlier files have from there on is not shown. */
  readonly purgeStep?: number;
}

/** Files made by this process, so that two of one second have two names. */
let files = 0;

/**
 * Writes an event file into a folder: `tensorboard --logdir FOLDER` shows it. Each logger begins a file of its own,
 * events.out.tfevents.TIME.HOST.PROCESS.NUMBER; TensorBoard reads all files of a folder as one run, so that a resumed training
 * continues its curves. Scalars are float32 there.
 *
 * @param dir made where it is missing.
 * @throws where the file cannot be made.
 * @example
 * const logger = new TensorBoardLogger("runs/first");
 * logger.logHyperparameters({ lr: 0.001, batchSize: 32 });
 * logger.log(1, { "train/loss": 0.3 });
 * logger.close();
 * logger.path.startsWith("runs/first/events.out.tfevents"); // true
 */
export class TensorBoardLogger implements Logger {
  /** The path of the event file. */
  readonly path: string;
  readonly #file: LogFile;

  constructor(dir: string, options: TensorBoardOptions = {}) {
    checkOptions("TensorBoardLogger", options, ["purgeStep"]);
    const { purgeStep } = options;
    if (purgeStep !== undefined) checkStep(purgeStep);
    if (typeof dir !== "string" || dir === "") {
      throw new TwopassError({ op: "TensorBoardLogger", problem: "takes a folder", facts: `got ${describe(dir)}` });
    }
    const seconds = Math.floor(Date.now() / 1000);
    // A host's name may have anything in it.
    const host = hostname().replaceAll(/[^\w.-]/g, "_");
    this.path = join(dir, `events.out.tfevents.${String(seconds).padStart(10, "0")}.${host}.${process.pid}.${files++}`);
    this.#file = new LogFile("TensorBoardLogger", this.path);
    this.#file.append(frame(versionEvent(now())));
    if (purgeStep !== undefined) this.#file.append(frame(restartEvent(now(), purgeStep)));
  }

  log(step: number, scalars: Scalars): void {
    this.#write(
      step,
      Object.entries(scalars).map(([tag, scalar]) => ({ tag, scalar })),
    );
  }

  /**
   * Writes how numbers are distributed, such as the weights of a layer. NaN and infinities are left out; where there is
   * nothing else nothing is written.
   *
   * @param values a tensor, which is read, an array, or a histogram that was counted elsewhere.
   * @param options.bins default 64.
   */
  async logHistogram(
    step: number,
    tag: string,
    values: Tensor | ArrayLike<number> | Histogram,
    options: { readonly bins?: number } = {},
  ): Promise<void> {
    checkOptions("logHistogram", options, ["bins"]);
    const bins = options.bins ?? 64;
    if (!Number.isInteger(bins) || bins < 1) {
      throw new TwopassError({
        op: "logHistogram",
        problem: "bins must be a whole number from 1",
        facts: `got ${describe(bins)}`,
      });
    }
    const histogram =
      "limits" in values ? values : histogramOf(values instanceof Tensor ? await values.data() : values, bins);
    if (histogram !== undefined) this.#write(step, [{ tag, histogram }]);
  }

  /** Writes text, which TensorBoard shows as Markdown. */
  logText(step: number, tag: string, text: string): void {
    this.#write(step, [{ tag, text }]);
  }

  /** Writes settings as a table under the tag "hyperparameters". */
  logHyperparameters(settings: Readonly<Record<string, unknown>>): void {
    const cell = (x: unknown): string =>
      (typeof x === "string" ? x : (JSON.stringify(x) ?? String(x))).replaceAll("|", "\\|").replaceAll(/\r?\n/g, " ");
    const rows = Object.entries(settings).map(([name, value]) => `| ${cell(name)} | ${cell(value)} |`);
    this.logText(0, "hyperparameters", ["| name | value |", "| --- | --- |", ...rows].join("\n"));
  }

  #write(step: number, values: readonly SummaryValue[]): void {
    checkStep(step);
    this.#file.append(frame(summaryEvent(now(), step, values)));
  }

  flush(): void {
    this.#file.flush();
  }

  close(): void {
    this.#file.close();
  }
}

function checkStep(step: number): void {
  if (Number.isSafeInteger(step) && step >= 0) return;
  throw new TwopassError({
    op: "TensorBoardLogger",
    problem: "the step must be a whole number from 0",
    facts: `got ${describe(step)}`,
  });
}

/** Seconds since 1970. */
function now(): number {
  return Date.now() / 1000;
}
