/** The training that is killed: dropout, shuffling, Adam, a schedule, a metric, two batches an update. */
import { type Made, training } from "../support.ts";

export const endless = 100_000;
export const batchesInEpoch = 7;

export function killed(seed = 7): Made {
  return training({ seed, accumulate: 2, totalSteps: 1_000_000, plain: true });
}
