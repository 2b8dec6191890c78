/**
 * A device whose work is done in another thread: this is the page's end. It sends programs once, then runs by number,
 * and hears the results later. All messages stay in their order, so a run may name what an earlier one computes.
 *
 * The thread keeps a result until the page has it, and a cell until nobody used it for long: no lifetime depends on the
 * collector. Floor: runtime.
 */
import { type TypedArray, itemSize } from "../../base/dtype.ts";
import { TwopassError, internal } from "../../base/errors.ts";
import { sizeOf } from "../../base/shape.ts";
import type { Thread, ThreadEvents } from "../../base/thread.ts";
import { Arriving } from "../../ir/arriving.ts";
import type { Cell, DeviceBuffer } from "../../ir/cell.ts";
import type { Program } from "../../ir/program.ts";
import type { Leaf } from "../../ir/value.ts";
import type { Device, DeviceMemory, Elements, Plan, Remote, RunListener } from "../device.ts";
import { GivenElements } from "./given.ts";
import { RemotePlan } from "./remote-plan.ts";
import type { Answer, DeviceState, PlanState, Request } from "./wire.ts";

/** A cell that no run used for so long comes back to the page's memory, where the collector sees it. */
const idleRuns = 512;
/** Runs under way and their bytes: a loop that never awaits must not fill the memory. */
const mostRuns = 10_000;
const mostBytes = 2 ** 30;

/** A cell in the thread. */
interface RemoteCell extends DeviceBuffer {
  readonly id: number;
  /** The result that is its content, while that may still fail. */
  source: Arriving | undefined;
  lastUse: number;
}

/** A run without an answer yet. */
interface Posted {
  readonly plan: RemotePlan;
  readonly results: readonly Arriving[];
  readonly bytes: number;
}

/** Somebody who waits. */
interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

const nothingYet: DeviceState = {
  memory: { cells: 0, arena: 0, cache: 0, reserved: 0 },
  compiled: 0,
  phaseTimes: [0, 0, 0],
  report: "starting",
};

export class RemoteDevice implements Device, Remote {
  readonly name: string;
  /** Resolves when the thread is ready. @throws where it cannot be started. */
  readonly started: Promise<void>;
  listener: RunListener | undefined = undefined;
  readonly #thread: Thread;
  readonly #given = new GivenElements();
  readonly #cells = new Map<Cell, RemoteCell>();
  readonly #posted: Posted[] = [];
  readonly #readings = new Map<number, Waiting<TypedArray> & { readonly isIdle: boolean }>();
  #queued: (Waiting<void> & { readonly most: number })[] = [];
  #starting: Waiting<void> | undefined;
  #features = "";
  #threads = 1;
  #state = nothingYet;
  #holds = 0;
  #postedBytes = 0;
  #uses = 0;
  #plans = 0;
  #cellCount = 0;
  #requests = 0;
  /** Results named so far, and how many of them, from the first on, the thread may forget. */
  #results = 0;
  #arrived = 0;
  /** The error of a failed run that the program has not heard of. */
  #failure: (() => Error) | undefined;
  /** Why the thread is no more. */
  #end: (() => Error) | undefined;

  /** `start` makes the thread, and gives it what hears of its messages and of its end. */
  constructor(name: string, start: (events: ThreadEvents) => Thread) {
    this.name = name;
    this.started = new Promise((resolve, reject) => {
      this.#starting = { resolve, reject };
    });
    this.#thread = start({ message: (message) => this.#take(message as Answer), died: (reason) => this.#die(reason) });
    this.hold(true);
  }

  get remote(): Remote {
    return this;
  }

  get isClosed(): boolean {
    return this.#end !== undefined;
  }

  /** Of the device in the worker, once that has started. */
  get threads(): number {
    return this.#threads;
  }

  get features(): string {
    return this.#features;
  }

  get compiled(): number {
    return this.#state.compiled;
  }

  get phaseTimes(): [number, number, number] {
    return [...this.#state.phaseTimes];
  }

  report(): string {
    if (this.#end !== undefined) return this.#end().message;
    return `${this.#state.report}\nin a worker: this thread only builds graphs`;
  }

  /** Cells as of now, the rest as of the last run that was answered. */
  memory(): DeviceMemory {
    let cells = 0;
    for (const { bytes } of this.#cells.values()) cells += bytes;
    const { memory } = this.#state;
    return { ...memory, cells, cache: memory.cache + this.#given.bytes };
  }

  holds(): Iterable<Cell> {
    return this.#cells.keys();
  }

  /** Counts those that wait for an answer: while there are any, the program stays alive. */
  hold(waits: boolean): void {
    this.#holds += waits ? 1 : -1;
    if (this.#holds === (waits ? 1 : 0)) this.#thread.hold(waits);
  }

  post(request: Request, transfer: readonly ArrayBufferLike[] = []): void {
    if (this.#end !== undefined) throw this.#end();
    this.#thread.post(request, transfer);
  }

  // Runs.

  compile(program: Program): Plan {
    return new RemotePlan(this, program, this.#plans++);
  }

  start(plan: RemotePlan, leaves: readonly Leaf[]): readonly (Elements | undefined)[] {
    const failure = this.takeFailure();
    if (failure !== undefined) throw failure;
    if (this.#postedBytes > mostBytes || this.#posted.length > mostRuns) throw tooMuch(this.#posted.length);
    this.#uses++;
    if (this.#uses % idleRuns === 0) this.#fetchIdleCells();
    const contents = leaves.map((leaf) => this.#contentOf(leaf));
    const { given, forget, transfer } = this.#given.take();
    const [firstResult, arrived] = [this.#results, this.#arrived];
    this.post({ kind: "run", plan: plan.number, leaves: contents, given, forget, arrived, firstResult }, transfer);
    const results: Arriving[] = [];
    const outputs = plan.resultBytes.map((bytes) => {
      if (bytes < 0) return undefined;
      const result = new Arriving(this.#results++, bytes, (waits) => this.hold(waits));
      results.push(result);
      return result;
    });
    let bytes = 0;
    for (const result of results) bytes += result.bytes;
    for (const { data } of given) bytes += data.byteLength;
    this.#postedBytes += bytes;
    this.#posted.push({ plan, results, bytes });
    return outputs;
  }

  #contentOf(leaf: Leaf): number {
    switch (leaf.kind) {
      case "slot":
        return leaf.read();
      case "cell":
        return this.#cellOf(leaf.cell).id;
      case "data":
        return this.#given.give(leaf.data);
      case "remote": {
        const { failure, elements, id } = leaf.result;
        if (failure !== undefined) throw failure;
        return elements === undefined ? id : this.#given.give(elements);
      }
      case "input":
        throw internal("a plan is run on an argument without elements");
    }
  }

  // Cells.

  /** A cell in the thread; its elements go there at its first use. */
  #cellOf(cell: Cell): RemoteCell {
    if (this.#end !== undefined) throw this.#end();
    let known = this.#cells.get(cell);
    if (known === undefined) {
      if (cell.host === undefined) throw internal(`${cell.label} has no elements`);
      const { shape, dtype, label } = cell;
      const data = cell.host.slice();
      known = this.#addCell(cell, undefined);
      this.post({ kind: "cell", cell: known.id, shape, dtype, label, data }, [data.buffer]);
    }
    const { source } = known;
    if (source !== undefined) {
      if (source.failure !== undefined) throw source.failure;
      if (source.elements !== undefined) known.source = undefined;
    }
    known.lastUse = this.#uses;
    return known;
  }

  #addCell(cell: Cell, source: Arriving | undefined): RemoteCell {
    const bytes = sizeOf(cell.shape) * itemSize[cell.dtype];
    const added = { id: this.#cellCount++, bytes, source, lastUse: this.#uses };
    cell.host = undefined;
    cell.buffer = added;
    this.#cells.set(cell, added);
    return added;
  }

  adopt(cell: Cell, result: Arriving): void {
    const { failure, elements, id } = result;
    if (failure !== undefined) throw failure;
    if (elements !== undefined) {
      cell.host = elements.slice();
      return;
    }
    const { shape, dtype, label } = cell;
    this.post({ kind: "adopt", cell: this.#addCell(cell, result).id, shape, dtype, label, result: id });
  }

  read(cell: Cell): TypedArray {
    throw internal(`${cell.label} is read at once, and it is in another thread`);
  }

  readLater(cell: Cell): Promise<TypedArray> {
    return this.#ask(cell, false);
  }

  async #ask(cell: Cell, isIdle: boolean): Promise<TypedArray> {
    const failure = isIdle ? undefined : this.takeFailure();
    if (failure !== undefined) throw failure;
    const id = isIdle ? (this.#cells.get(cell) as RemoteCell).id : this.#cellOf(cell).id;
    const request = this.#requests++;
    this.post({ kind: "read", request, cell: id });
    this.hold(true);
    return new Promise((resolve, reject) => {
      this.#readings.set(request, { resolve, reject, isIdle });
    });
  }

  write(cell: Cell, data: TypedArray): void {
    const copy = data.slice();
    this.post({ kind: "write", cell: this.#cellOf(cell).id, data: copy }, [copy.buffer]);
  }

  release(cell: Cell): void {
    const known = this.#cells.get(cell);
    cell.host = undefined;
    cell.buffer = undefined;
    if (known === undefined) return;
    this.#cells.delete(cell);
    if (this.#end === undefined) this.post({ kind: "release", cell: known.id });
  }

  #fetchIdleCells(): void {
    for (const [cell, known] of this.#cells) {
      const { lastUse } = known;
      if (this.#uses - lastUse < idleRuns) continue;
      this.#ask(cell, true).then(
        (data) => {
          if (known.lastUse !== lastUse || this.#cells.get(cell) !== known) return;
          this.release(cell);
          cell.host = data;
        },
        // The next time it is tried again.
        () => undefined,
      );
    }
  }

  // Waiting.

  queue(most: number): Promise<void> {
    const failure = this.takeFailure();
    if (failure !== undefined) return Promise.reject(failure);
    if (this.#posted.length <= most) return Promise.resolve();
    this.hold(true);
    return new Promise((resolve, reject) => {
      this.#queued.push({ most, resolve, reject });
    });
  }

  takeFailure(): Error | undefined {
    const failure = this.#failure;
    this.#failure = undefined;
    return this.#end?.() ?? failure?.();
  }

  close(): void {
    if (this.#end !== undefined) return;
    this.#stop({
      op: "device",
      problem: `the device ${this.name} was closed`,
      hint: "start it again, and make new tensors",
    });
    this.#thread.close();
  }

  // Answers.

  #take(answer: Answer): void {
    if (this.#end !== undefined) return;
    switch (answer.kind) {
      case "ready":
        this.#features = answer.features;
        this.#threads = answer.threads;
        this.#state = { ...this.#state, report: answer.report };
        this.#starting?.resolve();
        this.#starting = undefined;
        this.hold(false);
        return;
      case "done":
        this.#finish(answer.results, answer.state, answer.plan);
        return;
      case "failed": {
        const { failure } = answer;
        const make = this.listener?.failed(failure) ?? ((): Error => internal(failure.problem));
        this.#failure = this.#giveUp(make) ? undefined : make;
        this.post({ kind: "resume" });
        return;
      }
      case "read": {
        const reading = this.#readings.get(answer.request);
        // One that was refused has been rejected with the failure of its run.
        if (reading === undefined || answer.data === undefined) return;
        this.#readings.delete(answer.request);
        this.hold(false);
        reading.resolve(answer.data);
      }
    }
  }

  #finish(results: readonly TypedArray[], state: DeviceState, plan: PlanState | undefined): void {
    const posted = this.#posted.shift();
    if (posted === undefined) throw internal("an answer to no run");
    this.#postedBytes -= posted.bytes;
    this.#state = state;
    if (plan !== undefined) posted.plan.state = plan;
    this.#arrived += posted.results.length;
    posted.results.forEach((result, i) => result.arrive(results[i] as TypedArray));
    this.listener?.done();
    this.#queued = this.#queued.filter((waiting) => {
      if (this.#posted.length > waiting.most) return true;
      this.hold(false);
      waiting.resolve();
      return false;
    });
  }

  /** Nothing that was asked for will come. Gives whether somebody was waiting for it. */
  #giveUp(make: () => Error): boolean {
    let isHeard = false;
    for (const { results } of this.#posted) {
      for (const result of results) {
        isHeard ||= result.isAwaited;
        result.fail(make);
      }
    }
    this.#posted.length = 0;
    this.#postedBytes = 0;
    this.#arrived = this.#results;
    const readings = [...this.#readings.values()];
    const queued = this.#queued;
    this.#readings.clear();
    this.#queued = [];
    for (const { reject, isIdle } of readings) {
      isHeard ||= !isIdle;
      this.hold(false);
      reject(make());
    }
    for (const { reject } of queued) {
      isHeard = true;
      this.hold(false);
      reject(make());
    }
    return isHeard;
  }

  #die(reason: string): void {
    if (this.#end !== undefined) return;
    const hint = "what was in it is lost; save() states as the training goes, and start the program again";
    this.#stop({ op: "device", problem: `the worker of device ${this.name} has ended`, facts: reason, hint });
  }

  #stop(parts: ConstructorParameters<typeof TwopassError>[0]): void {
    const make = (): Error => new TwopassError(parts);
    this.#end = make;
    this.#giveUp(make);
    this.#cells.clear();
    if (this.#starting === undefined) return;
    this.#starting.reject(make());
    this.#starting = undefined;
    this.hold(false);
  }
}

function tooMuch(runs: number): TwopassError {
  return new TwopassError({
    op: "device",
    problem: "too much work waits for the worker",
    facts: `${runs} runs`,
    hint: "await something in the loop: loss.item() every few steps, or the batches of a DataLoader",
  });
}
