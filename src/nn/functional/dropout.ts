/** Dropout as functions. Floor: nn. */
import { stream } from "../../base/random-stream.ts";
import type { Shape } from "../../base/shape.ts";
import { TwopassError, showShape } from "../../base/errors.ts";
import type { Value } from "../../ir/value.ts";
import {
  type Fate,
  alphaDropout as alphaDropoutOf,
  dropoutSteps,
  dropout as dropoutOf,
} from "../../ops/composite/dropout.ts";
import type { Key } from "../../ops/composite/random.ts";
import { kit } from "../../ops/kit.ts";
import { hostEffect, hostNumber } from "../../tensor/capture.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { floatingVertex, numberIn, resultOf, withDefaults } from "./common.ts";

export interface DropoutOptions {
  /** Whether to drop anything; default true. */
  readonly training?: boolean;
}

/** A key for the random numbers of a call, drawn where the call is written: computing the result again repeats it. */
export function drawKey(): Key {
  let key: [number, number] = [0, 0];
  hostEffect(() => {
    key = stream("dropout").key();
  });
  return [hostNumber(() => key[0], "int32"), hostNumber(() => key[1], "int32")];
}

function fateOf(readP: () => number): Fate {
  const [key0, key1] = drawKey();
  return { key0, key1, threshold: hostNumber(() => Math.round(readP() * dropoutSteps), "int32") };
}

/** Drops with the probability that `readP` gives, which a compiled function asks again at each call. */
export function dropValue(x: Value, readP: () => number, shape: Shape): Value {
  // Where all is dropped the scale does not matter, but ∞ would make NaN of the gradient.
  const scale = hostNumber(() => (readP() < 1 ? 1 / (1 - readP()) : 0), x.dtype);
  return dropoutOf(kit, x, shape, { ...fateOf(readP), scale });
}

/** Builds the graph that drops elements of x; `shape` is that of the mask. */
export type Dropping = typeof dropValue;

/** The result of dropping, or in evaluation the input itself. */
export function dropWith(
  op: string,
  input: Tensor,
  readP: () => number,
  training: boolean,
  mask: MaskShape,
  build: Dropping = dropValue,
): Tensor {
  const x = floatingVertex(op, input);
  const shape = mask(x);
  if (!training || readP() === 0) return input;
  return resultOf(build(x, readP, shape), [input]);
}

/** What the SELU of a number far below 0 is, with the sign turned: where dropped elements go. */
const alpha = 1.7580993408473766;

/**
 * Drops to −alpha instead of 0, then restores mean 0 and variance 1: y = a x + b with
 * a = ((1 − p)(1 + p alpha²))^(−½) and b = a p alpha. Where all is dropped, all is 0.
 */
export const dropToAlpha: Dropping = (x, readP, shape) => {
  const scale = (): number => (readP() < 1 ? 1 / Math.sqrt((1 - readP()) * (1 + readP() * alpha ** 2)) : 0);
  return alphaDropoutOf(kit, x, shape, {
    ...fateOf(readP),
    scale: hostNumber(scale, x.dtype),
    shift: hostNumber(() => scale() * readP() * alpha, x.dtype),
    dropped: hostNumber(() => scale() * (readP() - 1) * alpha, x.dtype),
  });
};

function drop(
  op: string,
  input: Tensor,
  p: number,
  options: DropoutOptions | undefined,
  mask: MaskShape,
  build?: Dropping,
): Tensor {
  const { training } = withDefaults<Required<DropoutOptions>>(op, options, { training: true });
  numberIn(op, "p", p, 0, 1);
  return dropWith(op, input, () => p, training, mask, build);
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

/** A fate for each channel of each example, whatever the number of spatial dims: [N, C, 1, ...]. */
export const featureMask: MaskShape = (x) => x.shape.map((extent, i) => (i < 2 ? extent : 1));

/**
 * Sets elements to 0 with probability p and scales the others by 1 / (1 − p), so that the mean stays.
 * Srivastava et al. (2014).
 *
 * @param p probability of 0; default 0.5. Changing it compiles nothing.
 * @param options.training `false` gives the input itself; default true.
 * @example
 * await dropout(tensor([1, 2]), 1).array(); // [0, 0]
 * await dropout(tensor([1, 2]), 0.5, { training: false }).array(); // [1, 2]
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

/**
 * Dropout for networks of SELU: dropped elements go to −1.7581 and all are then scaled and shifted, so that mean 0 and
 * variance 1 stay. Klambauer et al., "Self-Normalizing Neural Networks" (2017).
 *
 * @param p probability of being dropped; default 0.5.
 * @param options.training `false` gives the input itself; default true.
 * @example
 * const deviation = await alphaDropout(randn(10000), 0.25).std().item();
 * Math.round(deviation * 10) / 10; // 1
 */
export function alphaDropout(input: Tensor, p = 0.5, options?: DropoutOptions): Tensor {
  return drop("alphaDropout", input, p, options, elementMask, dropToAlpha);
}

/** `alphaDropout` of whole channels of [N, C, ...]. */
export function featureAlphaDropout(input: Tensor, p = 0.5, options?: DropoutOptions): Tensor {
  return drop("featureAlphaDropout", input, p, options, featureMask, dropToAlpha);
}
