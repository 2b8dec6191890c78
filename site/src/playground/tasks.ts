/** Tasks one after the other. One that fails leaves a problem that is told, until another one succeeds. */
import { signal } from "@preact/signals";

/** A key that is held down does not heap up more tasks than these. */
const mostWaiting = 3;

export class Tasks {
  readonly problem = signal<unknown>(undefined);
  readonly #failed: () => void;
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();

  /** @param failed is called behind a task that has failed. */
  constructor(failed: () => void) {
    this.#failed = failed;
  }

  get isFull(): boolean {
    return this.#waiting >= mostWaiting;
  }

  /** Never fails itself. */
  do(task: () => Promise<void>): Promise<void> {
    this.#waiting++;
    this.#last = this.#last.then(async () => {
      try {
        await task();
        this.problem.value = undefined;
      } catch (error) {
        this.problem.value = error;
        this.#failed();
      }
      this.#waiting--;
    });
    return this.#last;
  }
}
