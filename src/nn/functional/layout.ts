/** Arrangements of elements as functions: the methods of the same names. Floor: nn. */
import type { PadOptions } from "../../tensor/arranging.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/**
 * `input.pad(sizes, options)`: elements around the last dims, low and high of the last dim first.
 *
 * @example
 * await pad(tensor([1, 2]), [1, 2]).array(); // [0, 1, 2, 0, 0]
 */
export function pad(input: Tensor, sizes: readonly number[], options?: PadOptions): Tensor {
  return input.pad(sizes, options);
}

/** `input.oneHot(numClasses)`: 1 at the place of each whole number along a new last dim, else 0. */
export function oneHot(input: Tensor, numClasses?: number): Tensor {
  return input.oneHot(numClasses);
}
