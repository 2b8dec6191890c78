/** Lets timers, signals and pages have their turn while a loop waits for nothing but promises. Floor: train. */
import { nextTurn } from "../data/next-turn.ts";

/** Milliseconds after which others get a turn. */
const longestTurn = 12;

export class Turns {
  #last = performance.now();

  async take(): Promise<void> {
    if (performance.now() - this.#last < longestTurn) return;
    await nextTurn();
    this.#last = performance.now();
  }
}
