/**
 * The playground's network as the page calls it. Calls are done one after the other; a run at full speed goes on between
 * them, in slices. No DOM: it runs in a worker, and in Node for tests.
 */
import { type DeviceName, setDefaultDevice } from "twopass";
import type { WeightExplanation } from "twopass/inspect";
import { placeOf } from "./change.ts";
import type { NetworkConfig } from "./config.ts";
import { Curve } from "./curve.ts";
import { makeDataSet } from "./data.ts";
import type { DigitSet } from "./digit-data.ts";
import { checkWhole, fault } from "./faults.ts";
import { checkConfig } from "./network.ts";
import { pause } from "./pause.ts";
import type {
  AsyncCalls,
  Change,
  Consequence,
  Maps,
  Metrics,
  SessionEvent,
  SessionInfo,
  TracedStep,
} from "./protocol.ts";
import { Run } from "./run.ts";

export interface SessionOptions {
  /** Default: that of the process. */
  readonly device?: DeviceName;
  readonly onEvent?: (event: SessionEvent) => void;
}

/** Milliseconds for which steps are made before messages get through. */
const slice = 12;
/** Milliseconds between two events with metrics, at least; more where metrics take long. */
const betweenEvents = 50;
/** Share of the time that metrics may take: one in so many. */
const shareOfMetrics = 8;
const mostSteps = 1_000_000;

export class Session implements AsyncCalls {
  /** Digits that come with the page. */
  digits: DigitSet | undefined;
  readonly #device: DeviceName | undefined;
  readonly #tell: (event: SessionEvent) => void;
  #run: Run | undefined;
  #curve = new Curve();
  /** Ends when all calls so far are done. */
  #last: Promise<unknown> = Promise.resolve();
  /** Counts what ends steps that are under way. */
  #stops = 0;
  /** Runs that were begun, and whether the last one goes on. */
  #runs = 0;
  #isRunning = false;
  #told = { time: 0, step: 0, pause: betweenEvents };

  constructor({ device, onEvent = () => undefined }: SessionOptions = {}) {
    this.#device = device;
    this.#tell = onEvent;
  }

  build(config: NetworkConfig): Promise<SessionInfo> {
    this.#halt();
    return this.#alone(() => {
      checkConfig(config);
      const set = makeDataSet(config.data, config.loss, config.seed, this.digits);
      if (this.#device !== undefined) setDefaultDevice(this.#device);
      const run = new Run(config, set);
      this.#curve = new Curve();
      this.#curve.note(run.metrics());
      this.#run = run;
      return describeRun(run);
    });
  }

  /** Resolves as soon as the run has begun. */
  async run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    const number = ++this.#runs;
    try {
      await this.#alone(() => this.#beginNew());
    } catch (error) {
      if (number === this.#runs) this.#isRunning = false;
      throw error;
    }
    void this.#goOn(number);
  }

  stop(): Promise<Metrics> {
    this.#halt();
    return this.#alone(() => this.#noted());
  }

  advance(steps: number): Promise<Metrics> {
    this.#isRunning = false;
    const stops = this.#stops;
    return this.#alone(async () => {
      checkWhole("steps", steps, 0, mostSteps);
      const run = this.#beginNew();
      const end = run.step + steps;
      while (run.step < end && run.isFinite && stops === this.#stops) {
        this.#makeSteps(run, end);
        await pause();
      }
      await this.#tellIfDiverged(run);
      return this.#noted();
    });
  }

  traceStep(): Promise<TracedStep> {
    this.#isRunning = false;
    return this.#alone(async () => {
      const run = this.#built();
      this.#branch(run);
      const traced = await run.traced();
      return { ...traced, metrics: this.#noted() };
    });
  }

  back(): Promise<TracedStep | undefined> {
    this.#isRunning = false;
    return this.#alone(async () => {
      const run = this.#built();
      const to = run.step - 1;
      if (to < 1) {
        run.goTo(0);
        return undefined;
      }
      run.goTo(to - 1);
      const traced = await run.traced();
      return { ...traced, metrics: run.metrics() };
    });
  }

  goTo(step: number): Promise<Metrics> {
    this.#isRunning = false;
    const stops = this.#stops;
    return this.#alone(async () => {
      checkWhole("step", step, 0, mostSteps);
      const run = this.#built();
      run.rewind(step);
      while (run.step < step && run.isFinite && stops === this.#stops) {
        this.#makeSteps(run, step, false);
        await pause();
      }
      return run.metrics();
    });
  }

  metrics(): Promise<Metrics> {
    return this.#alone(() => this.#built().metrics());
  }

  maps(resolution: number): Promise<Maps | undefined> {
    return this.#alone(() => {
      checkWhole("resolution", resolution, 1, 256);
      const run = this.#built();
      return run.set.isPlane ? run.evaluation.maps(resolution) : undefined;
    });
  }

  curve(): Promise<readonly Metrics[]> {
    return this.#alone(() => [...this.#curve.points]);
  }

  explain(path: string, index: readonly number[]): Promise<WeightExplanation> {
    return this.#alone(() => {
      const run = this.#built();
      placeOf(path, index, run.network.model);
      return run.explain(path, index);
    });
  }

  consequence(change: Change, steps: number): Promise<Consequence> {
    return this.#alone(() => {
      checkWhole("steps", steps, 1, 200);
      return this.#built().consequence(change, steps);
    });
  }

  change(change: Change): Promise<Metrics> {
    return this.#alone(() => {
      const run = this.#built();
      run.change(change);
      this.#curve.cut(run.step - 1);
      return this.#noted();
    });
  }

  batch(): ReturnType<AsyncCalls["batch"]> {
    return this.#alone(() => this.#built().nextBatch());
  }

  predict(input: readonly number[]): Promise<readonly number[]> {
    return this.#alone(() => {
      const { set, head, evaluation } = this.#built();
      if (input.length !== set.width) throw fault("wrongInputCount", { count: input.length, wanted: set.width });
      if (!input.every(Number.isFinite)) throw fault("notANumber", { name: "x" });
      return head.read(evaluation.outputs(Float32Array.from(input)));
    });
  }

  write(start: string, length: number): Promise<string> {
    return this.#alone(() => {
      checkWhole("length", length, 0, 1000);
      const { set, head, evaluation } = this.#built();
      const { letters } = set;
      if (letters === undefined) throw fault("noLetters");
      const line = Array.from(start);
      for (const letter of line) letters.numberOf(letter);
      const first = line.length;
      while (line.length < first + length) {
        const outputs = evaluation.outputs(letters.inputAt(line, line.length));
        line.push(letters.letters[head.classOf(outputs)] as string);
      }
      return line.slice(first).join("");
    });
  }

  /** Waits for the calls before. What one throws is its own affair. */
  #alone<T>(body: () => T | Promise<T>): Promise<T> {
    const result = this.#last.then(body);
    this.#last = result.catch(() => undefined);
    return result;
  }

  #built(): Run {
    if (this.#run === undefined) throw fault("notBuilt");
    return this.#run;
  }

  /** Ends what is under way. */
  #halt(): void {
    this.#stops++;
    this.#isRunning = false;
  }

  #goesOn(number: number): boolean {
    return this.#isRunning && number === this.#runs;
  }

  /** Steps from here on are new ones: what followed this place before is forgotten. */
  #beginNew(): Run {
    const run = this.#built();
    if (!run.isFinite) throw fault("notFinite");
    this.#branch(run);
    this.#told = { ...this.#told, time: performance.now(), step: run.step };
    return run;
  }

  #branch(run: Run): void {
    run.branch();
    this.#curve.cut(run.step);
  }

  #noted(): Metrics {
    const metrics = this.#built().metrics();
    this.#curve.note(metrics);
    return metrics;
  }

  async #goOn(number: number): Promise<void> {
    try {
      while (this.#goesOn(number)) {
        await this.#alone(async () => {
          if (!this.#goesOn(number)) return;
          const run = this.#built();
          this.#makeSteps(run);
          if (run.isFinite) return;
          this.#isRunning = false;
          await this.#tellIfDiverged(run);
        });
        await pause();
      }
    } catch (error) {
      if (number === this.#runs) this.#isRunning = false;
      this.#tell({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
    }
  }

  /** Steps for one slice of time. */
  #makeSteps(run: Run, end = Number.POSITIVE_INFINITY, isTold = true): void {
    const until = performance.now() + slice;
    while (run.step < end && run.isFinite && performance.now() < until) run.advance();
    if (isTold && run.isFinite) this.#tellMetrics(run);
  }

  #tellMetrics(run: Run): void {
    const start = performance.now();
    const passed = start - this.#told.time;
    if (passed < this.#told.pause) return;
    const stepsPerSecond = (1000 * (run.step - this.#told.step)) / passed;
    const metrics = this.#noted();
    this.#tell({ kind: "metrics", metrics, stepsPerSecond });
    const now = performance.now();
    this.#told = { time: now, step: run.step, pause: Math.max(betweenEvents, shareOfMetrics * (now - start)) };
  }

  async #tellIfDiverged(run: Run): Promise<void> {
    if (run.isFinite) return;
    const finding = await run.diagnose();
    this.#tell({ kind: "diverged", metrics: this.#noted(), finding });
  }
}

function describeRun({ set, head, split, network, batches }: Run): SessionInfo {
  const info: SessionInfo = {
    inputs: set.inputNames,
    outputs: head.names,
    task: set.letters === undefined ? (head.isOfClasses ? "classes" : "numbers") : "letters",
    layers: network.info,
    parameters: network.model.parameters().reduce((sum, { size }) => sum + size, 0),
    trainSize: split.train.length,
    testSize: split.test.length,
    batchesPerEpoch: batches.perEpoch,
  };
  if (!set.isPlane) return info;
  const tests = new Set(split.test);
  const points = Array.from(set.targets, (target, i) => ({
    x: set.inputs[2 * i] as number,
    y: set.inputs[2 * i + 1] as number,
    target,
    isTest: tests.has(i),
  }));
  return { ...info, points };
}
