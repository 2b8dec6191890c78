/** States of a run that are kept, so that any earlier step can be computed again from one before it. */
import { type State, bytesOf } from "./state.ts";

/** Bytes of all states together, of which each kind has a half. */
const mostBytes = 64 * 2 ** 20;
const mostRegular = 128;
const mostRecent = 32;

/**
 * Two lists by step. Regular ones stand at equal distances: where they become too many, every second one goes and the
 * distance doubles. Recent ones are those in front of traced steps and behind changes; the oldest go.
 */
export class History {
  #regular: State[] = [];
  #recent: State[] = [];
  #every = 8;
  readonly #share: number;

  constructor(first: State) {
    this.#share = mostBytes / 2 / Math.max(1, bytesOf(first));
    this.#regular.push(first);
  }

  /** Whether a regular state is wanted at a step. */
  wants(step: number): boolean {
    return step % this.#every === 0 && step > (this.#regular.at(-1) as State).step;
  }

  keepRegular(state: State): void {
    this.#regular.push(state);
    if (this.#regular.length <= this.#most(mostRegular)) return;
    this.#every *= 2;
    this.#regular = this.#regular.filter(({ step }) => step % this.#every === 0);
  }

  keepRecent(state: State): void {
    this.#recent = this.#recent.filter(({ step }) => step !== state.step);
    this.#recent.push(state);
    this.#recent.sort((a, b) => a.step - b.step);
    if (this.#recent.length > this.#most(mostRecent)) this.#recent.shift();
  }

  /** The last state at a step or before it. The first one of the run is always there. */
  nearest(step: number): State {
    const before = (states: readonly State[]): State | undefined => states.findLast((state) => state.step <= step);
    const regular = before(this.#regular) as State;
    const recent = before(this.#recent);
    return recent !== undefined && recent.step >= regular.step ? recent : regular;
  }

  /** Forgets what follows a step. */
  dropAfter(step: number): void {
    this.#regular = this.#regular.filter((state) => state.step <= step);
    this.#recent = this.#recent.filter((state) => state.step <= step);
  }

  /** Puts a state in the place of those at its step: it has been changed. */
  replace(state: State): void {
    const isRegular = this.#regular.at(-1)?.step === state.step;
    this.dropAfter(state.step - 1);
    if (isRegular || this.#regular.length === 0) this.#regular.push(state);
    this.keepRecent(state);
  }

  #most(count: number): number {
    return Math.max(4, Math.min(count, Math.floor(this.#share)));
  }
}
