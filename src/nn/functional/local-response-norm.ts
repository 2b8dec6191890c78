/** Normalisation across neighbouring channels as a function. Floor: nn. */
import { TwopassError, showShape } from "../../base/errors.ts";
import type { Value } from "../../ir/value.ts";
import { powNumber } from "../../ops/composite/elementwise.ts";
import { kit } from "../../ops/kit.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { checkWhole, floatingVertex, resultOf, withDefaults } from "./common.ts";

export interface LocalResponseNormOptions {
  /** Factor of the mean square; default 1e-4. */
  readonly alpha?: number;
  /** Exponent; default 0.75. */
  readonly beta?: number;
  /** Added to it; default 1. */
  readonly k?: number;
}

/**
 * y[n, c] = x[n, c] / (k + alpha · s)^beta, s the mean of x² over `size` channels around c, with zeros beyond the ends.
 * Krizhevsky, Sutskever, Hinton (2012).
 *
 * @param input [N, C, ...]
 * @param size number of channels; that of c is at place ⌊size / 2⌋ of them.
 * @example
 * await localResponseNorm(tensor([[[3], [3]]]), 2, { alpha: 1, beta: 1 }).array(); // [[[0.5455], [0.3000]]]
 */
export function localResponseNorm(input: Tensor, size: number, options?: LocalResponseNormOptions): Tensor {
  const op = "localResponseNorm";
  const { alpha, beta, k } = withDefaults(op, options, { alpha: 1e-4, beta: 0.75, k: 1 });
  checkWhole(op, "size", size, 1);
  const x = floatingVertex(op, input);
  if (x.shape.length < 3) {
    throw new TwopassError({
      op,
      problem: "the input must be [N, C, ...] with at least 3 dims",
      facts: `shape ${showShape(x.shape)}`,
      shapes: [x.shape],
    });
  }
  const channels = x.shape[1] as number;
  const none = x.shape.map(() => 0);
  const before = Math.floor(size / 2);
  const padded = kit.pad(kit.square(x), none.with(1, before), none.with(1, size - 1 - before));
  const neighbours = Array.from({ length: size }, (_, i) => kit.range(padded, 1, i, i + channels));
  const sum = neighbours.reduce((total: Value, next) => kit.add(total, next));
  const divisor = powNumber(kit, kit.add(kit.mul(sum, alpha / size), k), beta);
  return resultOf(kit.div(x, divisor), [input]);
}
