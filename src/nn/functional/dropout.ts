/** Dropout as functions. Floor: nn. */
import { stream } from "../../base/random-stream.ts";
import type { Shape } from "../../base/shape.ts";
import { TwopassError, showShape } from "../../base/errors.ts";
import type { Value } from "../../ir/value.ts";
import { dropoutSteps, dropout as dropoutOf } from "../../ops/composite/dropout.ts";
import { kit } from "../../ops/kit.ts";
import { hostEffect, hostNumber } from "../../tensor/capture.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { floatingVertex, numberIn, resultOf, withDefaults } from "./common.ts";

export interface DropoutOptions {
  /** Whether to drop anything; default true. */
  readonly training?: boolean;
}

/** Drops with the probability that `readP` gives, which a compiled function asks again at each call. */
export function dropWith(op: string, input: Tensor, readP: () => number, training: boolean, mask: MaskShape): Tensor {
  const x = floatingVertex(op, input);
  const shape = mask(x);
  if (!training || readP() === 0) return input;
  // The key is drawn where the call is written, so that computing the result again repeats it.
  let key: [number, number] = [0, 0];
  hostEffect(() => {
    key = stream("dropout").key();
  });
  const random = {
    key0: hostNumber(() => key[0], "int32"),
    key1: hostNumber(() => key[1], "int32"),
    threshold: hostNumber(() => Math.round(readP() * dropoutSteps), "int32"),
    // Where all is dropped the scale does not matter, but ∞ would make NaN of the gradient.
    scale: hostNumber(() => (readP() < 1 ? 1 / (1 - readP()) : 0), x.dtype),
  };
  return resultOf(dropoutOf(kit, x, shape, random), [input]);
}

function drop(op: string, input: Tensor, p: number, options: DropoutOptions | undefined, mask: MaskShape): Tensor {
  const { training } = withDefaults<Required<DropoutOptions>>(op, options, { training: true });
  numberIn(op, "p", p, 0, 1);
  return dropWith(op, input, () => p, training, mask);
}

/** Which elements share their fate: the shape of the mask, which broadcasts to the input. */
export type MaskShape = (x: Value) => Shape;

/** A fate for each element. */
export const elementMask: MaskShape = (x) => x.shape;

/** A fate for each channel; an input without a batch has n spatial dims and channels only. */
export function channelMask(op: string, n: number): MaskShape {
  return (x) => {
    const rank = x.shape.length;
    if (rank !== n + 1 && rank !== n + 2) {
      throw new TwopassError({
        op,
        problem: `the input must have ${n + 2} dims, or ${n + 1} without a batch`,
        facts: `shape ${showShape(x.shape)}`,
        shapes: [x.shape],
      });
    }
    return x.shape.map((extent, i) => (i < rank - n ? extent : 1));
  };
}

/**
 * Sets elements to 0 with probability p and scales the others by 1 / (1 − p), so that the mean stays.
 * Srivastava et al. (2014).
 *
 * @param p probability of 0; default 0.5. Changing it compiles nothing.
 * @param options.training `false` gives the input itself; default true.
 */
export function dropout(input: Tensor, p = 0.5, options?: DropoutOptions): Tensor {
  return drop("dropout", input, p, options, elementMask);
}

/** Dropout of whole channels of [N, C, L] or [C, L]. */
export function dropout1d(input: Tensor, p = 0.5, options?: DropoutOptions): Tensor {
  return drop("dropout1d", input, p, options, channelMask("dropout1d", 1));
}

/** Dropout of whole channels of [N, C, H, W] or [C, H, W]. */
export function dropout2d(input: Tensor, p = 0.5, options?: DropoutOptions): Tensor {
  return drop("dropout2d", input, p, options, channelMask("dropout2d", 2));
}

/** Dropout of whole channels of [N, C, D, H, W] or [C, D, H, W]. */
export function dropout3d(input: Tensor, p = 0.5, options?: DropoutOptions): Tensor {
  return drop("dropout3d", input, p, options, channelMask("dropout3d", 3));
}
