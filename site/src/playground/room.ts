/**
 * What can be done in the playground. One task after the other talks to the worker. The worker may stand in front of the step
 * that is shown or behind it: it is brought to the place that a task needs.
 */
import { type Signal, batch, effect, untracked } from "@preact/signals";
import type { Finding } from "twopass/inspect";
import type { ClientEvent } from "../session/client.ts";
import type { NetworkConfig } from "../session/config.ts";
import type { AsyncCalls, Change, Maps, Metrics } from "../session/protocol.ts";
import type { Phase, StepSize } from "../view/phase.ts";
import { type ElementPlace, elementOf } from "./formulas.ts";
import { RoomState, type Selection, type ShownStep } from "./state.ts";
import { readStep } from "./step-reading.ts";
import { Tasks } from "./tasks.ts";
import { endOfPhase, moved, timelineOf } from "./timeline.ts";

/** Numbers of a batch from which on its trace holds only their statistics. */
const mostKept = 4096;
/** Cells of a side of the pictures of the plane. */
const resolution = 40;
/** Of the pictures while the network trains at full speed. */
const mapsEvery = 300;
const newsEvery = 150;
const buildAfter = 250;
/** Steps of the curves with and without a change. */
export const consequenceSteps = 60;
export class Room extends RoomState {
  readonly #session: AsyncCalls;
  readonly #tasks = new Tasks(() => this.pause());
  readonly problem = this.#tasks.problem;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #builds = 0;
  #isAdvancing = false;
  readonly #news: Extract<ClientEvent, { kind: "metrics" }>[] = [];
  /** Where the worker stands. */
  #workerStep = 0;
  /** The choices that the network was built from. */
  #built: NetworkConfig | undefined;

  /** @param config the choices; the network follows them. */
  constructor(config: Signal<NetworkConfig>, connect: (listener: (event: ClientEvent) => void) => AsyncCalls) {
    super(config);
    this.#session = connect((event) => this.#hear(event));
    effect(() => {
      const next = config.value;
      untracked(() => this.#follow(next));
    });
  }

  /** A rate is changed in the network that there is, all else needs a new one. */
  #follow(next: NetworkConfig): void {
    const built = this.#built;
    clearTimeout(this.#timer);
    if (built !== undefined && isSame(built, next)) return;
    if (built === undefined) void this.build();
    else if (isSame(withRate(built, next.optimizer.lr), next) && this.info.peek() !== undefined) {
      this.#built = next;
      void this.change({ lr: next.optimizer.lr });
    } else this.#timer = setTimeout(() => void this.build(), buildAfter);
  }

  /** A new network by the choices. */
  build(): Promise<void> {
    clearTimeout(this.#timer);
    const build = ++this.#builds;
    this.#built = this.config.peek();
    this.pause();
    return this.#tasks.do(async () => {
      // Another one is asked for already.
      if (build !== this.#builds) return;
      const config = this.config.value;
      this.#built = config;
      await this.#halt();
      batch(() => {
        this.#forget();
        this.info.value = undefined;
        this.leftMetrics.value = undefined;
        this.leftMaps.value = undefined;
        this.curve.value = [];
        this.farthest.value = 0;
        this.selection.value = undefined;
        this.diverged.value = undefined;
        this.died.value = undefined;
      });
      const info = await this.#session.build(config);
      this.#workerStep = 0;
      this.info.value = info;
      await this.#look();
    });
  }

  /** Trains at full speed until `stop`, from the place that is shown. */
  run(): Promise<void> {
    this.pause();
    return this.#tasks.do(async () => {
      if (this.isRunning.value) return;
      await this.#leave();
      await this.#start();
    });
  }

  stop(): Promise<void> {
    // The task that makes the steps goes on from there.
    if (this.#isAdvancing) return this.#session.stop().then(() => undefined);
    return this.#tasks.do(async () => {
      if (!this.isRunning.value) return;
      await this.#halt();
      await this.#look();
    });
  }

  /** Makes steps at full speed. */
  advance(steps: number): Promise<void> {
    this.pause();
    return this.#tasks.do(async () => {
      await this.#halt();
      await this.#leave();
      this.#isAdvancing = true;
      this.isRunning.value = true;
      void this.#watchMaps();
      const { step } = await this.#session.advance(steps).finally(() => {
        this.#isAdvancing = false;
        this.isRunning.value = false;
      });
      // Where it diverged, the failed step is looked at by itself.
      if (this.diverged.value !== undefined) return;
      this.#workerStep = step;
      await this.#look();
    });
  }

  /** Goes to where the run stood after a number of updates. */
  goTo(step: number): Promise<void> {
    this.pause();
    return this.#tasks.do(async () => {
      await this.#halt();
      this.#forget();
      this.diverged.value = undefined;
      await this.#goTo(step);
      await this.#look();
    });
  }

  /** Goes on by a moment, a layer or a phase; over the end of the step to the next one. */
  forward(size: StepSize): Promise<void> {
    this.playSize.value = size;
    if (this.#tasks.isFull) return Promise.resolve();
    return this.#tasks.do(async () => {
      await this.#halt();
      const now = this.step.value;
      if (now === undefined) return this.#look();
      const to = moved(now.timeline, this.at.value, size, "forward");
      if (to !== "step") {
        this.at.value = to;
        return undefined;
      }
      await this.#trace(now.traced.metrics, now.mapsAfter);
      const next = this.step.value as ShownStep | undefined;
      const first = next === undefined ? 0 : moved(next.timeline, 0, size, "forward");
      this.at.value = first === "step" ? 0 : first;
      return undefined;
    });
  }

  /** Goes back; over the beginning of the step to the one before. */
  back(size: StepSize): Promise<void> {
    if (this.#tasks.isFull) return Promise.resolve();
    return this.#tasks.do(async () => {
      await this.#halt();
      const now = this.step.value;
      if (now === undefined) return;
      const to = moved(now.timeline, this.at.value, size, "backward");
      if (to !== "step") {
        this.at.value = to;
        return;
      }
      const before = now.before.step;
      if (before === 0) return;
      await this.#goTo(before - 1);
      await this.#look();
      const last = this.step.value as ShownStep | undefined;
      if (last === undefined) return;
      const end = last.timeline.moments.length;
      const place = moved(last.timeline, end, size, "backward");
      this.at.value = place === "step" ? end : place;
    });
  }

  /** Goes to the end of a phase of the shown step. */
  goToPhase(phase: Phase): void {
    const step = this.step.value;
    if (step !== undefined) this.at.value = endOfPhase(step.timeline, phase);
  }

  async play(): Promise<void> {
    if (this.isPlaying.value) return;
    this.isPlaying.value = true;
    while (this.isPlaying.value) {
      await this.forward(this.playSize.value);
      await new Promise((resolve) => setTimeout(resolve, 1000 / this.speed.value));
    }
  }

  pause(): void {
    this.isPlaying.value = false;
  }

  select(selection: Selection | undefined): void {
    batch(() => {
      this.selection.value = selection;
      this.explanation.value = undefined;
      this.tried.value = undefined;
    });
  }

  /** Asks why an element has its gradient, in the step that is shown. */
  explain(place: ElementPlace): Promise<void> {
    return this.#tasks.do(async () => {
      const element = this.#element(place);
      if (element !== undefined) this.explanation.value = await this.#session.explain(element.path, element.index);
    });
  }

  /** What a change would do, tried at the place that is shown. */
  tryChange(change: Change): Promise<void> {
    return this.#tasks.do(async () => {
      await this.#toPlace(change);
      this.tried.value = { change, consequence: await this.#session.consequence(change, consequenceSteps) };
    });
  }

  /** Makes a change there, and shows the step that follows from it. */
  change(change: Change): Promise<void> {
    return this.#tasks.do(async () => {
      const wasRunning = this.isRunning.value;
      await this.#halt();
      const place = this.isAtEnd.value ? 0 : this.at.value;
      await this.#toPlace(change);
      const { step } = await this.#session.change(change);
      if (change.lr !== undefined && this.#built !== undefined) {
        this.#built = withRate(this.#built, change.lr);
        this.config.value = withRate(this.config.value, change.lr);
      }
      this.farthest.value = step;
      this.#workerStep = step;
      if (wasRunning) return this.#start();
      await this.#look();
      this.at.value = Math.min(place, this.step.value?.timeline.moments.length ?? 0);
      return undefined;
    });
  }

  /** What an element of the shown step is called, and where it is in its parameter. */
  #element(place: ElementPlace): { path: string; index: readonly number[] } | undefined {
    const reading = this.step.value?.reading;
    const element = reading === undefined ? undefined : elementOf(reading, place);
    const path = element === undefined ? undefined : reading?.trace.parameters[element.parameter]?.path;
    if (path === undefined) return undefined;
    return { path, index: place.input === undefined ? [place.unit] : [place.unit, place.input] };
  }

  predict(input: readonly number[]): Promise<readonly number[] | undefined> {
    return this.#ask(() => this.#session.predict(input));
  }

  write(start: string, length: number): Promise<string | undefined> {
    return this.#ask(() => this.#session.write(start, length));
  }

  /** An answer, or undefined where there is a problem. */
  async #ask<T>(question: () => Promise<T>): Promise<T | undefined> {
    let answer: T | undefined;
    await this.#tasks.do(async () => {
      answer = await question();
    });
    return answer;
  }

  #hear(event: ClientEvent): void {
    switch (event.kind) {
      case "metrics":
        if (this.#news.push(event) === 1) setTimeout(() => this.#showNews(), newsEvery);
        return;
      case "diverged":
        this.#fail(event.metrics, event.finding);
        return;
      case "failed":
        this.isRunning.value = false;
        this.problem.value = new Error(event.message);
        return;
      case "died":
        batch(() => {
          this.isRunning.value = false;
          this.isPlaying.value = false;
          this.died.value = event.isOver ? "over" : "again";
        });
        return;
      case "restarted":
        void this.#tasks.do(async () => {
          this.#forget();
          this.info.value = event.info;
          this.farthest.value = 0;
          this.#workerStep = 0;
          await this.#look();
        });
    }
  }

  /** What the run has told since the last time, at once: each time all curves are drawn again. */
  #showNews(): void {
    const news = this.#news.splice(0);
    const last = news.at(-1);
    if (last === undefined || this.step.value !== undefined) return;
    batch(() => {
      this.stepsPerSecond.value = last.stepsPerSecond;
      this.leftMetrics.value = last.metrics;
      for (const { metrics } of news) this.#note(metrics);
    });
  }

  /** The run has come to numbers that are not finite. The step that made the first one is shown. */
  #fail(metrics: Metrics, finding: Finding | undefined): void {
    const failed = metrics.step;
    batch(() => {
      this.isRunning.value = false;
      this.#news.length = 0;
      this.#workerStep = failed;
      this.leftMetrics.value = metrics;
      this.diverged.value = { finding, step: failed };
      this.#note(metrics);
    });
    void this.#tasks.do(async () => {
      const shows = (): boolean => this.step.value?.traced.findings.some(({ kind }) => kind === "nonFinite") === true;
      for (let step = failed - 1; step >= Math.max(0, failed - 2) && !shows(); step--) {
        await this.#goTo(step);
        this.farthest.value = step;
        await this.#look();
      }
    });
  }

  /** Adds a place to the curve. */
  #note(metrics: Metrics): void {
    const { curve, farthest } = this;
    const last = curve.value.at(-1);
    if (last === undefined || metrics.step > last.step) curve.value = [...curve.value, metrics];
    farthest.value = Math.max(farthest.value, metrics.step);
  }

  #forget(): void {
    this.#news.length = 0;
    batch(() => {
      this.step.value = undefined;
      this.at.value = 0;
      this.explanation.value = undefined;
      this.tried.value = undefined;
      this.stepsPerSecond.value = undefined;
    });
  }

  /**
   * Makes the place that is shown the end of the run. No step is shown from here on; what was known of the network stays
   * until there is news.
   */
  async #leave(): Promise<void> {
    const metrics = this.metrics.value;
    if (this.step.value !== undefined && metrics !== undefined) await this.#goTo(metrics.step);
    batch(() => {
      this.leftMetrics.value = metrics;
      this.leftMaps.value = this.maps.value;
      this.diverged.value = undefined;
      this.farthest.value = this.#workerStep;
      this.curve.value = this.curve.value.filter(({ step }) => step <= this.#workerStep);
      this.#forget();
    });
  }

  async #start(): Promise<void> {
    await this.#session.run();
    this.isRunning.value = true;
    void this.#watchMaps();
  }

  async #halt(): Promise<void> {
    if (!this.isRunning.value) return;
    this.isRunning.value = false;
    this.#workerStep = (await this.#session.stop()).step;
  }

  async #goTo(step: number): Promise<void> {
    if (step !== this.#workerStep) this.#workerStep = (await this.#session.goTo(step)).step;
  }

  /** Brings the worker to the place that is shown: in front of the step or behind it. Examples are those of the step. */
  async #toPlace(change: Change): Promise<void> {
    const step = this.step.value;
    if (step === undefined) return;
    const isBehind = this.isAtEnd.value && change.example === undefined;
    await this.#goTo(isBehind ? step.traced.metrics.step : step.before.step);
  }

  /** Shows where the worker stands, in front of the next step. */
  async #look(): Promise<void> {
    const metrics = await this.#session.metrics();
    const curve = await this.#session.curve();
    const maps = await this.#session.maps(resolution);
    batch(() => {
      this.farthest.value = Math.max(this.farthest.value, metrics.step);
      // The step behind was only looked at.
      this.curve.value = curve.filter(({ step }) => step <= this.farthest.value);
      this.leftMetrics.value = metrics;
      this.leftMaps.value = maps;
    });
    await this.#trace(metrics, maps);
  }

  /**
   * Makes the step from a place and shows it from its beginning. One that was made before is made again by going back, as a
   * new one would end the run there.
   */
  async #trace(before: Metrics, mapsBefore: Maps | undefined): Promise<void> {
    const info = this.info.value;
    if (info === undefined) return;
    const isOld = before.step < this.farthest.value;
    await this.#goTo(before.step);
    const { loss, optimizer } = this.#built ?? this.config.value;
    const training = { loss, optimizer: optimizer.name };
    const examples = Math.min(this.config.value.batchSize || info.trainSize, info.trainSize);
    const isLarge = info.inputs.length * examples > mostKept;
    const inputs = isLarge ? (await this.#session.batch()).inputs : undefined;
    if (isOld) await this.#goTo(before.step + 2);
    const traced = isOld ? await this.#session.back() : await this.#session.traceStep();
    if (traced === undefined) return;
    this.#workerStep = traced.metrics.step;
    const mapsAfter = await this.#session.maps(resolution);
    batch(() => {
      this.step.value = {
        traced,
        reading: readStep(traced.trace, info, training, inputs),
        timeline: timelineOf(traced.trace, info.layers),
        before,
        mapsBefore,
        mapsAfter,
      };
      this.at.value = 0;
      this.explanation.value = undefined;
      this.tried.value = undefined;
      this.#note(before);
    });
  }

  /** Pictures while the network trains. */
  async #watchMaps(): Promise<void> {
    while (this.isRunning.value) {
      const maps = await this.#session.maps(resolution).catch(() => undefined);
      if (!this.isRunning.value) return;
      this.leftMaps.value = maps;
      await new Promise((resolve) => setTimeout(resolve, mapsEvery));
    }
  }
}

function isSame(a: NetworkConfig, b: NetworkConfig): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function withRate(config: NetworkConfig, lr: number): NetworkConfig {
  return { ...config, optimizer: { ...config.optimizer, lr } };
}
