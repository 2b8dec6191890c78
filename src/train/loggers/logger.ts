/** What a logger is: a place for the numbers of a training run. Floor: train. */

/** Named numbers of one moment, such as `{ "train/loss": 0.3, lr: 0.01 }`. NaN and infinities are numbers too. */
export type Scalars = Readonly<Record<string, number>>;

/** Takes scalars in the order of their steps. The trainer awaits each call, so a failure is that of `fit`. */
export interface Logger {
  /** @param step how many updates were made so far. */
  log(step: number, scalars: Scalars): void | Promise<void>;
  /** Makes what was logged last, through a crash of the process too. */
  flush?(): void | Promise<void>;
  /** After the last scalars; nothing is logged behind it. */
  close?(): void | Promise<void>;
}
