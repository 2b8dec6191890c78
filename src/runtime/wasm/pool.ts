/**
 * The threads that help with waves, seen from the thread that runs plans. It starts them when there is work worth
 * sharing, hands them the code of kernels through shared memory (a thread that sleeps there hears no message), and gives
 * up those that end. How they take chunks stands in codegen/wasm/share.ts. Floor: runtime.
 */
import { TwopassError, internal } from "../../base/errors.ts";
import { type Thread, type ThreadEvents, type WebWorkerClass, startThread } from "../../base/thread.ts";
import {
  helperBytes,
  helperFields,
  moduleFields,
  mostHelpers,
  poolBytes,
  poolFields,
} from "../../codegen/wasm/pool-fields.ts";
import type { Block } from "../cpu/machine.ts";
import type { Heap } from "./heap.ts";
import type { HelperStart } from "./helper.ts";

// The global itself: bundlers look for its name.
declare const Worker: WebWorkerClass;

/** A chunk that takes longer is not waited for: its thread is taken for dead. Milliseconds. */
const usualPatience = 30_000;
/** Of a longer pause between two looks only so much counts: the whole program may have been stopped. */
const longestPause = 50;

/** The code of a module of kernels, and the places of its functions in the table. */
export interface KernelModule {
  readonly bytes: Uint8Array;
  readonly places: readonly number[];
}

interface Helper {
  readonly thread: Thread;
  isAlive: boolean;
}

export interface PoolOptions {
  readonly heap: Heap;
  readonly helpers: number;
  /** The driver's code. */
  readonly driver: Uint8Array;
  readonly workspaceBytes: number;
  /** Milliseconds after which a thread that holds a chunk is taken for dead. Default 30,000. */
  readonly patience?: number;
}

export class Pool {
  /** Of the words that threads exchange. */
  readonly address: number;
  readonly #heap: Heap;
  readonly #options: PoolOptions;
  readonly #helpers: Helper[] = [];
  /** Entries of the list of modules that a thread may still read; the first was number `#dropped`. */
  #entries: Block[] = [];
  #dropped = 0;
  #isStarted = false;
  /** Why the last helper that is gone has ended. */
  #loss: string | undefined;
  #view: Int32Array;
  #wait = { helper: -1, wave: 0, spent: 0, last: 0 };
  #canSleep = true;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#heap = options.heap;
    this.address = this.#heap.allocate(poolBytes, "what threads share").address;
    this.#view = new Int32Array(this.#heap.memory.buffer);
    this.#view.fill(0, this.address / 4, (this.address + poolBytes) / 4);
  }

  get isStarted(): boolean {
    return this.#isStarted;
  }

  /** Helpers that take part by now. */
  get helping(): number {
    return Atomics.load(this.#words(), (this.address + poolFields.ready) / 4);
  }

  /** Helpers that were not lost. */
  get alive(): number {
    return this.#helpers.filter((helper) => helper.isAlive).length;
  }

  /** Starts the threads, which take part as soon as they can. They begin with `modules`. */
  start(modules: Iterable<KernelModule>): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#entries.push(this.#entryOf({ bytes: new Uint8Array(0), places: [] }));
    const first = this.#entries[0] as Block;
    try {
      for (let i = 0; i < Math.min(this.#options.helpers, mostHelpers); i++) this.#startHelper(i, first.address);
    } catch (error) {
      this.#loss = error instanceof Error ? error.message : String(error);
    }
    for (const module of modules) this.publish(module);
  }

  #startHelper(number: number, entry: number): void {
    const { driver, workspaceBytes } = this.#options;
    const workspace = this.#heap.allocate(workspaceBytes, "the workspace of a thread").address;
    const line = this.address + poolFields.helpers + helperBytes * number;
    const thread = startPoolThread({
      message: () => undefined,
      died: (reason) => this.#lose(number, reason),
    });
    this.#helpers.push({ thread, isAlive: true });
    const { memory } = this.#heap;
    const start: HelperStart = { memory, driver, pool: this.address, line, workspace, entry };
    thread.post(start);
  }

  /** Gives the helpers a module of kernels. */
  publish(module: KernelModule): void {
    if (this.alive === 0) return;
    const entry = this.#entryOf(module);
    const before = this.#entries.at(-1) as Block;
    this.#entries.push(entry);
    const words = this.#words();
    words[(before.address + moduleFields.next) / 4] = entry.address;
    Atomics.add(words, (this.address + poolFields.modules) / 4, 1);
    // Those that sleep compile it now, while this thread is busy with its own.
    const wave = (this.address + poolFields.wave) / 4;
    Atomics.add(words, wave, 1);
    const woken = Atomics.notify(words, wave);
    Atomics.sub(words, (this.address + poolFields.sleepers) / 4, woken);
    this.#dropEntries();
  }

  #entryOf({ bytes, places }: KernelModule): Block {
    const code = moduleFields.places + 4 * places.length;
    const entry = this.#heap.allocate(code + bytes.length, "the code of kernels");
    const words = this.#words();
    words[(entry.address + moduleFields.next) / 4] = 0;
    words[(entry.address + moduleFields.bytes) / 4] = bytes.length;
    words[(entry.address + moduleFields.functions) / 4] = places.length;
    words.set(places, (entry.address + moduleFields.places) / 4);
    (this.#heap.view("uint8", entry.address + code, bytes.length) as Uint8Array).set(bytes);
    return entry;
  }

  /** Frees entries that every helper has left behind; each still reads on from the last that it has compiled. */
  #dropEntries(): void {
    const words = this.#words();
    let least = this.#dropped + this.#entries.length - 1;
    this.#helpers.forEach(({ isAlive }, i) => {
      if (isAlive) least = Math.min(least, Atomics.load(words, this.#field(i, "modules")));
    });
    while (this.#dropped < least) {
      this.#heap.free(this.#entries.shift() as Block);
      this.#dropped++;
    }
  }

  /** Called by the driver while it waits for a helper. @throws where that does not come back. */
  stalled(helper: number): void {
    const words = this.#words();
    const wave = Atomics.load(words, (this.address + poolFields.wave) / 4);
    const now = performance.now();
    const wait = this.#wait;
    if (wait.helper !== helper || wait.wave !== wave) this.#wait = { helper, wave, spent: 0, last: now };
    else {
      wait.spent += Math.min(now - wait.last, longestPause);
      wait.last = now;
      if (wait.spent > (this.#options.patience ?? usualPatience)) {
        this.#helpers[helper]?.thread.close();
        this.#lose(helper, "it did not answer");
        throw new TwopassError({
          op: "wasm",
          problem: "a thread does not come back with its part of a kernel",
          facts: `it was waited for ${(wait.spent / 1000).toFixed(1)} s`,
          hint: "what was being computed and written is incomplete: load the last saved state, and start again",
        });
      }
    }
    this.#sleep(words, this.#field(helper, "busy"));
  }

  /** Leaves the core to others for a moment, where this thread may: that of a page may not. */
  #sleep(words: Int32Array, busy: number): void {
    if (!this.#canSleep) return;
    try {
      Atomics.wait(words, busy, 1, 0.1);
    } catch {
      this.#canSleep = false;
    }
  }

  /** @throws where a kernel has failed in a helper since the last call. */
  check(): void {
    if (Atomics.exchange(this.#words(), (this.address + poolFields.failures) / 4, 0) === 0) return;
    throw internal("a kernel has failed in a thread that helps");
  }

  #lose(number: number, reason: string): void {
    const helper = this.#helpers[number];
    if (helper === undefined || !helper.isAlive) return;
    helper.isAlive = false;
    this.#loss = reason;
    const words = this.#words();
    Atomics.store(words, this.#field(number, "busy"), 0);
    if (Atomics.exchange(words, this.#field(number, "isReady"), 0) === 1) {
      Atomics.sub(words, (this.address + poolFields.ready) / 4, 1);
    }
  }

  /** Ends the threads. */
  close(): void {
    this.#helpers.forEach(({ thread }, i) => {
      thread.close();
      this.#lose(i, "the device was closed");
    });
  }

  /** What is worth telling about it, for people. */
  report(): string | undefined {
    if (!this.#isStarted) return "they start when there is work worth sharing";
    if (this.#loss === undefined) {
      const starting = this.alive - this.helping;
      return starting === 0 ? undefined : `${starting} ${starting === 1 ? "is" : "are"} starting`;
    }
    return `${this.alive === 0 ? "one is" : `${this.alive + 1} are`} left, a thread has ended: ${this.#loss}`;
  }

  /** Number of a helper's word in memory. */
  #field(helper: number, name: keyof typeof helperFields): number {
    return (this.address + poolFields.helpers + helperBytes * helper + helperFields[name]) / 4;
  }

  /** The memory as words; another array once it has grown. */
  #words(): Int32Array {
    const { buffer } = this.#heap.memory;
    if (this.#view.buffer !== buffer) this.#view = new Int32Array(buffer);
    return this.#view;
  }
}

function startPoolThread(events: ThreadEvents): Thread {
  const makeWeb = (): InstanceType<WebWorkerClass> =>
    new Worker(new URL("./pool-entry.js", import.meta.url), { type: "module" });
  // As sources, files have another ending than as built.
  const file = import.meta.url.endsWith(".ts") ? "./pool-entry.ts" : "./pool-entry.js";
  return startThread(new URL(file, import.meta.url), makeWeb, events);
}
