/**
 * How far a training is, on a terminal: one line an epoch, which changes while the epoch runs; elsewhere one line when it
 * is over. Floor: train; Node only.
 */
import process from "node:process";
import type { Writable } from "node:stream";
import cliProgress from "cli-progress";
import { TwopassError, checkOptions, describe } from "../../base/errors.ts";
import type { BatchEvent, Callback, EpochEvent, StartEvent, ValidationBatchEvent } from "../callbacks/callback.ts";
import type { Scalars } from "../loggers/logger.ts";
import { showScalars } from "../loggers/console-logger.ts";

export interface ProgressOptions {
  /** Where lines go; default process.stdout. It is a terminal where `isTTY` is true. */
  readonly stream?: Writable & { readonly isTTY?: boolean };
  /** Milliseconds between two changes of the line; default 500. Each reads the loss and the metrics of the epoch so far. */
  readonly interval?: number;
  /** Without a terminal: seconds between two lines of an epoch that runs; default: none until it is over. */
  readonly every?: number;
}

/** What the line shows beside the bar. */
interface Shown {
  head: string;
  batch: number;
  batches: number | undefined;
  scalars: Scalars;
  tail: string;
}

const barSize = 20;

/**
 * A callback that shows epoch, batches, loss, metrics and the time left, and keeps a line for each epoch:
 *
 *     epoch 2/5 ███████████░░░░░░░░░ 254/469  loss 0.3012  accuracy 0.9123  lr 0.001  0:12 left
 *     epoch 2/5  469 batches  loss 0.2911  accuracy 0.9203  lr 0.001  val/loss 0.2511  0:27
 *
 * @example
 * const loss = new nn.CrossEntropyLoss();
 * const trainer = new Trainer({ model, optimizer, loss, callbacks: [progressBar()] });
 */
export function progressBar(options: ProgressOptions = {}): Callback {
  return new ProgressBar(options);
}

class ProgressBar implements Callback {
  readonly #stream: Writable & { readonly isTTY?: boolean };
  readonly #interval: number;
  readonly #isTerminal: boolean;
  #bar: cliProgress.SingleBar | undefined;
  #shown: Shown = { head: "", batch: 0, batches: undefined, scalars: {}, tail: "" };
  /** Times in milliseconds: of the epoch's first batch, of the last change. */
  #start = 0;
  #drawn = 0;
  /** Batches that were over when this run of the epoch began: after a resume in its middle. */
  #before: number | undefined;
  #seconds = 0;

  constructor(options: ProgressOptions) {
    checkOptions("progressBar", options, ["stream", "interval", "every"]);
    const { stream = process.stdout, interval = 500, every } = options;
    for (const [name, value] of Object.entries({ interval, every: every ?? 1 })) {
      if (typeof value === "number" && value > 0) continue;
      throw new TwopassError({
        op: "progressBar",
        problem: `${name} must be a number above 0`,
        facts: `got ${describe(value)}`,
      });
    }
    this.#stream = stream;
    this.#isTerminal = stream.isTTY === true;
    this.#interval = this.#isTerminal ? interval : (every ?? Number.POSITIVE_INFINITY) * 1000;
  }

  onFitStart(): void {
    // A training that failed before may have left one.
    this.#stop();
  }

  onEpochStart({ trainer }: StartEvent): void {
    this.#start = this.#drawn = performance.now();
    this.#before = undefined;
    const head = `epoch ${trainer.epoch}/${trainer.epochs}`;
    this.#shown = { head, batch: 0, batches: trainer.batches, scalars: {}, tail: "" };
    if (!this.#isTerminal) return;
    // Its own signal handlers would compete with the trainer's.
    const settings = { stream: this.#stream, format: () => this.#line(), barsize: barSize, gracefulExit: false };
    this.#bar = new cliProgress.SingleBar(settings, cliProgress.Presets.shades_classic);
    this.#bar.start(trainer.batches ?? 0, 0);
  }

  async onBatchEnd(event: BatchEvent): Promise<void> {
    const now = performance.now();
    this.#before ??= event.batch - 1;
    this.#seconds = (now - this.#start) / 1000;
    this.#shown.batch = event.batch;
    if (now - this.#drawn < this.#interval) return;
    this.#drawn = now;
    this.#shown.scalars = await event.scalars();
    this.#shown.tail = this.#timeLeft();
    this.#draw();
  }

  onValidationBatchEnd({ batch, batches }: ValidationBatchEvent): void {
    const now = performance.now();
    if (!this.#isTerminal || now - this.#drawn < this.#interval) return;
    this.#drawn = now;
    this.#shown.tail = `validation ${batch}${batches === undefined ? "" : `/${batches}`}`;
    this.#draw();
  }

  onEpochEnd({ scalars }: EpochEvent): void {
    const seconds = scalars["seconds"] ?? (performance.now() - this.#start) / 1000;
    this.#shown = { ...this.#shown, batches: undefined, scalars, tail: showTime(seconds) };
    if (this.#bar === undefined) this.#stream.write(`${this.#line()}\n`);
    this.#stop();
  }

  onFitEnd(): void {
    this.#stop();
  }

  onException(): void {
    this.#stop();
  }

  #draw(): void {
    if (this.#bar === undefined) this.#stream.write(`${this.#line()}\n`);
    else this.#bar.update(this.#shown.batch);
  }

  /** Leaves the line as it is now and goes to the next. */
  #stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #line(): string {
    const { head, batch, batches, scalars, tail } = this.#shown;
    const named = Object.entries(scalars).filter(([name]) => name !== "epoch" && name !== "seconds");
    const parts = showScalars(Object.fromEntries(named.map(([name, value]) => [name.replace(/^train\//, ""), value])));
    return [`${head}${countOf(batch, batches, this.#isTerminal)}`, ...parts, tail]
      .filter((part) => part !== "")
      .join("  ");
  }

  #timeLeft(): string {
    const { batch, batches } = this.#shown;
    const done = batch - (this.#before ?? 0);
    if (batches === undefined || done <= 0) return "";
    return `${showTime((this.#seconds / done) * (batches - batch))} left`;
  }
}

function countOf(batch: number, batches: number | undefined, isTerminal: boolean): string {
  if (batches === undefined) return `  ${batch} ${batch === 1 ? "batch" : "batches"}`;
  const full = Math.min(barSize, Math.round((barSize * batch) / Math.max(1, batches)));
  return `${isTerminal ? ` ${"█".repeat(full)}${"░".repeat(barSize - full)}` : " "} ${batch}/${batches}`;
}

/** 0:07, 12:30, 1:02:03. */
function showTime(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const pad = (n: number): string => String(n).padStart(2, "0");
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}
