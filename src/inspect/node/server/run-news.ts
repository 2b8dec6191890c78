/** Tells those who wait when the list of runs is another one. Nothing is looked up while nobody waits. Floor: inspect; Node only. */
import { EventEmitter, once } from "node:events";
import { jsonText } from "../../schema.ts";
import type { RunCatalog } from "./run-catalog.ts";

/** Milliseconds between two looks: a list is told at most so often. */
const leastPause = 500;
/** Characters of a list that are told in a millisecond at most, so that a thousand runs do not keep everybody busy. */
const charactersPerMillisecond = 2000;

export class RunNews {
  readonly #catalog: RunCatalog;
  readonly #changes = new EventEmitter().setMaxListeners(0);
  /** The newest list; undefined where nobody was waiting. */
  #text: string | undefined;
  #readers = 0;
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;

  constructor(catalog: RunCatalog) {
    this.#catalog = catalog;
  }

  /** The list is kept up from now on. @returns what ends it. */
  join(): () => void {
    this.#readers++;
    if (this.#timer === undefined && !this.#isLooking) void this.#look();
    return () => {
      this.#readers--;
      if (this.#readers > 0) return;
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#text = undefined;
    };
  }

  /** The list as JSON, as soon as it differs from one that is known; undefined where the signal is first. */
  async after(known: string | undefined, signal: AbortSignal): Promise<string | undefined> {
    while (!signal.aborted) {
      if (this.#text !== undefined && this.#text !== known) return this.#text;
      // It throws where the signal is first.
      await once(this.#changes, "change", { signal }).catch(() => undefined);
    }
    return undefined;
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    const start = performance.now();
    const text = jsonText(await this.#catalog.list());
    this.#isLooking = false;
    if (this.#readers === 0) return;
    if (text !== this.#text) {
      this.#text = text;
      this.#changes.emit("change");
    }
    const took = performance.now() - start;
    const pause = Math.max(leastPause, 5 * took, text.length / charactersPerMillisecond);
    this.#timer = setTimeout(() => void this.#look(), pause);
  }
}
