/** Lets timers, signals and pages have their turn while a loop waits for nothing but promises. Floor: train. */
import { nextTurn } from "../../data/loader/next-turn.ts";

/** Milliseconds after which others get a turn. */
const longestTurn = 12;

export class Turns {
  #last = performance.now();

  /** Whether others have waited long enough. */
  get isDue(): boolean {
    return performance.now() - this.#last >= longestTurn;
  }

  async take(): Promise<void> {
    await nextTurn();
    this.#last = performance.now();
  }
}
