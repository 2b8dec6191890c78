/** IDX files of each element type. */
import { decodeIdx } from "../../../src/data/formats/idx.ts";
import type { FuzzTarget } from "../target.ts";

const seeds = [
  [0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9],
  [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8],
  [0, 0, 9, 1, 0, 0, 0, 2, 255, 1],
  [0, 0, 11, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4],
  [0, 0, 12, 1, 0, 0, 0, 1, 1, 2, 3, 4],
  [0, 0, 13, 1, 0, 0, 0, 1, 63, 128, 0, 0],
  [0, 0, 14, 0, 63, 240, 0, 0, 0, 0, 0, 0],
].map((bytes) => new Uint8Array(bytes));

export const targets: readonly FuzzTarget[] = [{ name: "idx", seeds, read: (bytes) => decodeIdx(bytes, "fuzz") }];
