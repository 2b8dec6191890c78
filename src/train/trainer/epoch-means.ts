/** The loss and the metrics over batches: sums that stay on the device until somebody asks. Floor: train. */
import { TwopassError } from "../../base/errors.ts";
import { fromElements } from "../../tensor/creation.ts";
import { noGrad } from "../../tensor/scope.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { BatchResult } from "./batch-step.ts";
import type { Scalars } from "../loggers/logger.ts";
import type { Metric } from "../metrics/metric.ts";
import { copyState, isStateful, readState } from "./trainer-state.ts";

/** The states of metrics by name; null for one without. */
export type MetricStates = Readonly<Record<string, object | null>>;

export class EpochMeans {
  readonly #metrics: ReadonlyMap<string, Metric<unknown>>;
  /** Σ loss · examples, float64: float32 would lose digits over a long epoch. */
  #sum = zero();
  #before = this.#sum;
  #examples = 0;

  constructor(metrics: ReadonlyMap<string, Metric<unknown>>) {
    this.#metrics = metrics;
  }

  get sum(): Tensor {
    return this.#sum;
  }

  get examples(): number {
    return this.#examples;
  }

  reset(): void {
    this.#sum = zero();
    this.#examples = 0;
    for (const metric of this.#metrics.values()) metric.reset();
  }

  /** Counts a batch, in the graph of its step: before the update, since it uses the old parameters. */
  add({ loss, output, target, size }: BatchResult): void {
    if (this.#metrics.size > 0) {
      if (output === undefined || target === undefined) {
        throw new TwopassError({
          op: "Trainer",
          problem: "the metrics have nothing to count",
          hint: "let step return { loss, output, target }",
        });
      }
      const prediction = output.detach();
      for (const metric of this.#metrics.values()) metric.update(prediction, target);
    }
    this.#before = this.#sum;
    this.#sum = noGrad(() => this.#sum.add((loss.ndim === 0 ? loss : loss.reshape([])).double().mul(size)));
    this.#examples += size;
  }

  /** Forgets the loss of the batch that was added last: its step has failed. */
  takeBack(size: number): void {
    this.#sum = this.#before;
    this.#examples -= size;
  }

  /** Means by name, such as "train/loss" for the prefix "train". Results that are no numbers are left out. */
  async scalars(prefix: string): Promise<Scalars> {
    const full = fullName(prefix);
    const scalars: Record<string, number> = { [full("loss")]: (await this.#sum.item()) / this.#examples };
    for (const [name, metric] of this.#metrics) {
      const result = await metric.compute();
      if (typeof result === "number") scalars[full(name)] = result;
    }
    return scalars;
  }

  /** The names that `scalars` may give. */
  names(prefix: string): string[] {
    return ["loss", ...this.#metrics.keys()].map(fullName(prefix));
  }

  /** The metrics' states, live. */
  liveStates(): MetricStates {
    return Object.fromEntries(
      [...this.#metrics].map(([name, metric]) => [name, isStateful(metric) ? metric.stateDict() : null]),
    );
  }

  /**
   * Copies of the metrics' states, to give back after they were used for something else.
   *
   * @param isNeeded whether a metric without a state is an error.
   */
  async heldStates(isNeeded: boolean): Promise<MetricStates> {
    const states = this.liveStates();
    const lost = Object.keys(states).find((name) => states[name] === null);
    if (isNeeded && lost !== undefined) {
      throw new TwopassError({
        op: "evaluate",
        problem: `the metric "${lost}" is in the middle of an epoch`,
        hint: "call it in onEpochEnd, or give the metric stateDict() and loadStateDict()",
      });
    }
    return copyState(states);
  }

  /** Other sums over the same metrics. */
  sibling(): EpochMeans {
    return new EpochMeans(this.#metrics);
  }

  restoreMetrics(states: MetricStates): void {
    for (const [name, metric] of this.#metrics) {
      const state = states[name];
      if (state !== null && state !== undefined && isStateful(metric)) metric.loadStateDict(readState(state) as never);
    }
  }

  restoreLoss(sum: Tensor, examples: number): void {
    this.#sum = sum;
    this.#examples = examples;
  }
}

function fullName(prefix: string): (name: string) => string {
  return (name) => (prefix === "" ? name : `${prefix}/${name}`);
}

function zero(): Tensor {
  return fromElements(new Float64Array(1), [], "float64");
}
