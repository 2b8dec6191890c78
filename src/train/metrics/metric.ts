/** What a metric is: a number, or more, about predictions and targets, gathered batch by batch. Floor: train. */
import type { Tensor } from "../../tensor/tensor.ts";

/**
 * A measure of a model over many batches. `update` only builds the graph: nothing is read before `compute`, so a metric
 * does not make a device wait at each step.
 */
export interface Metric<R = number> {
  /** The name under which its result is logged, such as "accuracy". */
  readonly name: string;
  /** Whether a larger result is better; false for errors and perplexity. */
  readonly higherIsBetter: boolean;
  /** Counts one batch: the model's output and the target, as the loss gets them. */
  update(output: Tensor, target: Tensor): void;
  /** The result over all batches since the last `reset`. @throws where no batch was counted. */
  compute(): Promise<R>;
  /** Forgets all batches. */
  reset(): void;
}
