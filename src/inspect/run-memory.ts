/** A run that is kept in memory, for pages and tests. Floor: inspect. */
import type { Scalars } from "../train/loggers/logger.ts";
import { TwopassError } from "../base/errors.ts";
import type { Run, RunInfo, RunRecord, RunSink } from "./run-format.ts";
import { type Curves, addRecord, addScalars, continued, cut } from "./run-reading.ts";
import type { Trace } from "./trace-format.ts";

/**
 * Keeps all that is recorded.
 *
 * @example
 * const memory = new MemoryRun();
 * const trainer = new Trainer({ model, optimizer, loss: new nn.CrossEntropyLoss() });
 * watch(trainer, { sink: memory, traceEvery: 2 });
 * await trainer.fit(loader);
 * memory.run.records.map(({ step }) => step); // [1]
 * memory.run.traces; // [1, 2]
 * memory.trace(2)?.step; // 2
 */
export class MemoryRun implements RunSink {
  #info: RunInfo | undefined;
  readonly #scalars: Curves = {};
  readonly #records: RunRecord[] = [];
  readonly #traces = new Map<number, Trace>();

  begin(info: RunInfo, step: number): void {
    this.#info = continued(info, this.#info, step);
    for (const curve of Object.values(this.#scalars)) cut(curve, step, ([at]) => at);
    cut(this.#records, step, (record) => record.step);
    for (const at of this.#traces.keys()) if (at > step) this.#traces.delete(at);
  }

  writeScalars(step: number, scalars: Scalars): void {
    addScalars(this.#scalars, step, scalars);
  }

  writeRecord(record: RunRecord): void {
    addRecord(this.#records, record);
  }

  writeTrace(step: number, trace: Trace): void {
    this.#traces.set(step, trace);
  }

  end(): void {
    // What is kept stays.
  }

  /** What there is now; it does not grow. @throws before a `fit` has begun. */
  get run(): Run {
    if (this.#info === undefined) {
      throw new TwopassError({
        op: "MemoryRun",
        problem: "nothing was recorded yet",
        hint: "watch(trainer, memory), then fit",
      });
    }
    return {
      info: this.#info,
      scalars: Object.fromEntries(Object.entries(this.#scalars).map(([name, curve]) => [name, [...curve]])),
      records: [...this.#records],
      traces: [...this.#traces.keys()].sort((a, b) => a - b),
      problems: [],
    };
  }

  /** The trace of a step that `run.traces` lists; else undefined. */
  trace(step: number): Trace | undefined {
    return this.#traces.get(step);
  }
}
