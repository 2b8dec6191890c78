/** Commands as the driver of the native runtime reads them. */
import type { NativeLibrary } from "../../../src/runtime/native/node/library.ts";

export interface Command {
  /** Address of the function. */
  readonly call: number;
  readonly units: number;
  readonly chunk: number;
  readonly args: readonly number[];
}

/** Waves of commands as the driver reads them. Of a wave that is `alone` the caller does all. */
export function commandWords(waves: readonly { alone: boolean; commands: readonly Command[] }[]): BigInt64Array {
  const words: number[] = [];
  for (const { alone, commands } of waves) {
    const first = words.length;
    let chunks = 0;
    for (const { call, units, chunk, args } of commands) {
      words.push(call, 8 * (8 + args.length), 0, 0, units, chunk, 0, 0, ...args);
      chunks += Math.ceil(units / chunk);
    }
    words[first + 2] = alone ? 1 : chunks;
    words[first + 3] = 8 * (words.length - first);
  }
  return BigInt64Array.from(words, BigInt);
}

export function runWords(library: NativeLibrary, words: BigInt64Array): void {
  const begin = library.addressOf(words);
  library.run(begin, begin + words.byteLength);
}
