/** Scalars kept in memory, for tests and plots. Floor: train. */
import type { Logger, Scalars } from "./logger.ts";

/** What one call of `log` got. */
export interface LogEntry {
  readonly step: number;
  readonly scalars: Scalars;
}

/**
 * Keeps all that is logged.
 *
 * @example
 * const logger = new MemoryLogger();
 * logger.log(10, { loss: 0.5 });
 * logger.values("loss"); // [[10, 0.5]]
 */
export class MemoryLogger implements Logger {
  readonly #entries: LogEntry[] = [];

  log(step: number, scalars: Scalars): void {
    this.#entries.push({ step, scalars: { ...scalars } });
  }

  /** All calls, in their order. */
  get entries(): readonly LogEntry[] {
    return this.#entries;
  }

  /** The names that were logged, in the order in which they first came. */
  get names(): readonly string[] {
    return [...new Set(this.#entries.flatMap(({ scalars }) => Object.keys(scalars)))];
  }

  /** The curve of one scalar: pairs of step and number. */
  values(name: string): [step: number, value: number][] {
    return this.#entries.flatMap(({ step, scalars }): [number, number][] => {
      const value = scalars[name];
      return value === undefined ? [] : [[step, value]];
    });
  }
}
