/**
 * What the fuzz of readers knows of a reader. Each file of `targets/` exports `targets`, a list of these; the program
 * `main.ts` finds them by itself.
 */
export interface FuzzTarget {
  readonly name: string;
  /** Good files, each as small as it can be: what is mutated. The reader must accept every one of them. */
  readonly seeds: readonly Uint8Array[];
  /** Reads a file. It gets bytes of its own. To return means to accept; only a TwopassError may be thrown. */
  readonly read: (bytes: Uint8Array) => unknown;
  /** Texts that mean something in the format, to be put anywhere. */
  readonly tokens?: readonly string[];
  /** Mends check sums after a mutation, so that the parts behind them are reached. Used for every second file. */
  readonly repair?: (bytes: Uint8Array) => Uint8Array;
  /**
   * Bytes of array buffers that reading may allocate, garbage included. Default: 4 times the file and `allowance`. A
   * format that compresses has a bound of its own, which its reader must keep.
   */
  readonly mostBytes?: (bytes: Uint8Array) => number;
}

/** Bytes of array buffers that a reader may always allocate. */
export const allowance = 64 * 1024;
/**
 * Bytes of the heap that a reader may allocate, most of it garbage: what a header only claims is far more. A field of one
 * byte is a text of 24 bytes; its row is an array and an object; all of it may be made twice.
 */
export const mostHeap = (bytes: Uint8Array): number => 256 * bytes.length + 1024 * 1024;

/** The bytes of a text, for seeds. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
