/** Scalars as lines of text. Floor: train. */
import { checkOptions } from "../../base/errors.ts";
import type { Logger, Scalars } from "./logger.ts";

export interface ConsoleLoggerOptions {
  /** Takes a line without its end; default console.log. */
  readonly write?: (line: string) => void;
}

/**
 * One line for each call: `step 120  train/loss 0.3012  lr 0.001`. Numbers are rounded to four places or five digits.
 *
 * @example
 * new ConsoleLogger().log(120, { "train/loss": 0.30118, lr: 0.001 }); // step 120  train/loss 0.3012  lr 0.001
 */
export class ConsoleLogger implements Logger {
  readonly #write: (line: string) => void;

  constructor(options: ConsoleLoggerOptions = {}) {
    checkOptions("ConsoleLogger", options, ["write"]);
    this.#write = options.write ?? ((line) => console.log(line));
  }

  log(step: number, scalars: Scalars): void {
    this.#write([`step ${step}`, ...showScalars(scalars)].join("  "));
  }
}

/** Names with rounded numbers, in their order. */
export function showScalars(scalars: Scalars): string[] {
  return Object.entries(scalars).map(([name, value]) => `${name} ${showScalar(value)}`);
}

/** Four places for numbers of the size of a loss, five digits for smaller and larger ones; whole numbers whole. */
function showScalar(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value);
  const size = Math.abs(value);
  return String(size >= 0.01 && size < 10_000 ? Number(value.toFixed(4)) : Number(value.toPrecision(5)));
}
