/** What `fit` returns. Floor: train. */
import type { Scalars } from "../loggers/logger.ts";

/** The numbers of one epoch: "epoch", "train/loss", the metrics, "lr", "seconds", and with a validation "val/loss" and so on. */
export type EpochRecord = Scalars;

export interface History {
  /** One record an epoch that was finished; of a run that was resumed also those before. */
  readonly epochs: readonly EpochRecord[];
  /** Updates made so far by this trainer. */
  readonly steps: number;
  /** Whether it was ended from outside, as by Ctrl-C. */
  readonly interrupted: boolean;
  /** Why `stop` was called; undefined where it was not. */
  readonly stopped: string | undefined;
}
