/**
 * What the core uses of csv-parse, in its build for browsers. The types that the package brings ask for those of Node,
 * which the zone "core" must not see: `imports` in package.json gives this file in their place.
 */
export interface Options {
  readonly delimiter?: string;
  readonly info?: boolean;
  readonly record_delimiter?: string[];
  readonly skip_empty_lines?: boolean;
  /** The last record that is wanted. */
  readonly to?: number;
  readonly trim?: boolean;
}

export declare class CsvError extends Error {
  readonly code: string;
  /** How far it came. */
  readonly [fact: string]: unknown;
}

/** @throws CsvError */
export declare function parse(input: Uint8Array, options: Options): string[][];
