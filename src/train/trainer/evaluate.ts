/** The loss and the metrics of a model over batches, in evaluation mode and without gradients. Floor: train. */
import { noGrad } from "../../tensor/scope.ts";
import type { BatchStep } from "./batch-step.ts";
import { type Batches, noBatches } from "./batches.ts";
import type { EpochMeans } from "./epoch-means.ts";
import type { Scalars } from "../loggers/logger.ts";
import { ModuleModes } from "./module-modes.ts";
import type { TrainerOptions } from "./trainer-options.ts";
import { Turns } from "./turns.ts";

export interface Evaluation<B> {
  readonly options: TrainerOptions<B>;
  readonly step: BatchStep<B>;
  /** Its metrics are used, its loss is left alone. */
  readonly means: EpochMeans;
  readonly prefix: string;
  /** What the loader is called in messages. */
  readonly name: string;
  readonly onBatch?: (batch: number, size: number) => Promise<void>;
}

export async function evaluateBatches<B>(loader: Batches<B>, evaluation: Evaluation<B>): Promise<Scalars> {
  const { options, step, prefix, name, onBatch } = evaluation;
  const means = evaluation.means.sibling();
  means.reset();
  const modes = new ModuleModes(options.model, false);
  const turns = new Turns();
  let batches = 0;
  try {
    for await (const batch of loader as AsyncIterable<B>) {
      const { size } = step.onDevice(() => {
        return noGrad(() => {
          const result = step.result(batch);
          means.add(result);
          return result;
        });
      });
      // A run for each batch: its outputs need no place any more when the next one comes.
      await means.sum.realize();
      batches++;
      if (onBatch !== undefined) await onBatch(batches, size);
      if (turns.isDue) await turns.take();
    }
    if (batches === 0) throw noBatches("evaluate", name);
    return await means.scalars(prefix);
  } finally {
    modes.restore();
  }
}
