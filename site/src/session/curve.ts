/** Points of a run that were noted, by step. Where they become too many, every second one goes. */
import type { Metrics } from "./protocol.ts";

const mostPoints = 2000;

export class Curve {
  #points: Metrics[] = [];

  get points(): readonly Metrics[] {
    return this.#points;
  }

  /** A place that the run has been at is known. */
  note(metrics: Metrics): void {
    if ((this.#points.at(-1)?.step ?? -1) >= metrics.step) return;
    this.#points.push(metrics);
    if (this.#points.length <= mostPoints) return;
    const last = this.#points.length - 1;
    this.#points = this.#points.filter((_, i) => i % 2 === 0 || i === last);
  }

  /** Forgets what follows a step. */
  cut(step: number): void {
    while ((this.#points.at(-1)?.step ?? -1) > step) this.#points.pop();
  }
}
