/** The progress of a training as a terminal and as a file get it. */
import { Writable } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Module } from "../../src/nn/module/module.ts";
import { tensor } from "../../src/tensor/creation.ts";
import type { Callback, Training } from "../../src/train/callbacks/callback.ts";
import type { Scalars } from "../../src/train/index.ts";
import { progressBar } from "../../src/train/node/index.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

class Sink extends Writable {
  readonly isTTY: boolean;
  readonly columns = 200;
  text = "";

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }

  /** What was drawn, line over line, without what steers the cursor. */
  get drawn(): string[] {
    const codes = new RegExp(String.raw`${String.fromCharCode(27)}(?:\[\??[\d;]*[A-Za-z]|[78])`, "g");
    return this.text
      .replaceAll(codes, "\r")
      .split(/[\r\n]+/)
      .filter((line) => line !== "");
  }
}

interface Run {
  readonly batches?: number | undefined;
  /** Milliseconds of a batch. */
  readonly pace: number;
  readonly first?: number;
  readonly validation?: number;
  readonly failsAt?: number;
}

/** Calls a callback as the trainer does for epoch 2 of 3; gives how often the numbers were read. */
async function play(callback: Callback, { batches, pace, first = 1, validation, failsAt }: Run): Promise<number> {
  const trainer: Training = {
    model: {} as Module,
    epoch: 2,
    epochs: 3,
    step: 0,
    batches,
    stop: () => undefined,
  };
  let reads = 0;
  const scalarsAt = (batch: number): Scalars => ({ "train/loss": 1 / batch, "train/accuracy": 0.5, lr: 0.001 });
  await callback.onFitStart?.({ trainer, isResumed: first > 1 });
  await callback.onEpochStart?.({ trainer });
  for (let batch = first; batch <= (batches ?? 8); batch++) {
    await vi.advanceTimersByTimeAsync(pace);
    if (batch === failsAt) {
      await callback.onException?.({ trainer, error: new Error("no") });
      await callback.onFitEnd?.({ trainer, outcome: "failed" });
      return reads;
    }
    const scalars = async (): Promise<Scalars> => {
      reads++;
      return scalarsAt(batch);
    };
    await callback.onBatchEnd?.({ trainer, epoch: 2, batch, size: 4, loss: tensor(1), scalars });
  }
  for (let batch = 1; batch <= (validation ?? 0); batch++) {
    await vi.advanceTimersByTimeAsync(pace);
    await callback.onValidationBatchEnd?.({ trainer, batch, size: 4, batches: validation });
  }
  const scalars = { ...scalarsAt(4), epoch: 2, seconds: 83, ...(validation === undefined ? {} : { "val/loss": 0.2 }) };
  if (validation !== undefined) await callback.onValidationEnd?.({ trainer, epoch: 2, scalars });
  await callback.onEpochEnd?.({ trainer, epoch: 2, scalars });
  await callback.onFitEnd?.({ trainer, outcome: "finished" });
  return reads;
}

test("without a terminal one line when the epoch is over, and nothing is read before", async () => {
  const sink = new Sink(false);
  expect(await play(progressBar({ stream: sink }), { batches: 8, pace: 5000, validation: 3 })).toBe(0);
  expect(sink.text).toBe("epoch 2/3  8 batches  loss 0.25  accuracy 0.5  lr 0.001  val/loss 0.2  1:23\n");
});

test("without a terminal lines in between where they are wanted", async () => {
  const sink = new Sink(false);
  expect(await play(progressBar({ stream: sink, every: 12 }), { batches: 8, pace: 5000 })).toBe(2);
  expect(sink.text.split("\n")).toEqual([
    "epoch 2/3  3/8  loss 0.3333  accuracy 0.5  lr 0.001  0:25 left",
    "epoch 2/3  6/8  loss 0.1667  accuracy 0.5  lr 0.001  0:10 left",
    "epoch 2/3  8 batches  loss 0.25  accuracy 0.5  lr 0.001  1:23",
    "",
  ]);
});

test("on a terminal a line that changes and stays, read no more often than it is drawn", async () => {
  const sink = new Sink(true);
  const reads = await play(progressBar({ stream: sink }), { batches: 8, pace: 300, validation: 4 });
  expect(reads).toBe(4);
  const { drawn } = sink;
  expect(drawn).toContain("epoch 2/3 ██████████░░░░░░░░░░ 4/8  loss 0.25  accuracy 0.5  lr 0.001  0:01 left");
  expect(drawn.some((line) => line.includes("validation 2/4"))).toBe(true);
  expect(drawn.at(-1)).toBe("epoch 2/3  8 batches  loss 0.25  accuracy 0.5  lr 0.001  val/loss 0.2  1:23");
  expect(sink.text.endsWith("\n")).toBe(true);
  // No timer is left that would keep the program alive.
  expect(vi.getTimerCount()).toBe(0);
});

test("after a resume in the middle, and with a loader of unknown length", async () => {
  const sink = new Sink(false);
  await play(progressBar({ stream: sink, every: 1 }), { batches: 8, pace: 4_000_000, first: 6 });
  expect(sink.text.split("\n")[0]).toBe("epoch 2/3  6/8  loss 0.1667  accuracy 0.5  lr 0.001  2:13:20 left");
  const other = new Sink(false);
  await play(progressBar({ stream: other, every: 1 }), { pace: 2000 });
  expect(other.text.split("\n")[0]).toBe("epoch 2/3  1 batch  loss 1  accuracy 0.5  lr 0.001");
  const terminal = new Sink(true);
  await play(progressBar({ stream: terminal }), { pace: 600 });
  expect(terminal.drawn).toContain("epoch 2/3  2 batches  loss 0.5  accuracy 0.5  lr 0.001");
});

test("a training that fails leaves its line and no timer", async () => {
  const sink = new Sink(true);
  await play(progressBar({ stream: sink }), { batches: 8, pace: 600, failsAt: 5 });
  expect(sink.drawn.at(-1)).toMatch(/ 4\/8 {2}loss 0\.25/);
  expect(sink.text.endsWith("\n")).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});

test("mistakes are named", () => {
  expect(() => progressBar({ interval: 0 })).toThrow("progressBar: interval must be a number above 0: got 0");
  expect(() => progressBar({ evry: 1 } as object)).toThrow('did you mean "every"?');
});
