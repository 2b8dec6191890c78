/** Patches of images as columns and back, and channels exchanged with pixels, as functions. Floor: nn. */
import { TwopassError, showShape } from "../../base/errors.ts";
import { checkShape, sizeOf } from "../../base/shape.ts";
import type { Value } from "../../ir/value.ts";
import * as composite from "../../ops/composite/patches.ts";
import { windowCount } from "../../ops/composite/pooling.ts";
import { kit } from "../../ops/kit.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { checkWhole, floatingVertex, perDim, resultOf, vertexOf, withDefaults } from "./common.ts";
import { type PerDim, batched } from "./convolution.ts";

export interface PatchOptions {
  /** Step from element to element within a patch; default 1. */
  readonly dilation?: PerDim;
  /** Zeros around the image; default 0. */
  readonly padding?: PerDim;
  /** Step from patch to patch; default 1. */
  readonly stride?: PerDim;
}

/** The patches over an image of the given extents. */
function patchesOf(
  op: string,
  spatial: readonly number[],
  kernelSize: PerDim,
  given: PatchOptions | undefined,
): composite.Patches {
  const options = withDefaults<Required<PatchOptions>>(op, given, { dilation: 1, padding: 0, stride: 1 });
  const kernel = perDim(op, "kernelSize", kernelSize, 2, [], 1);
  const stride = perDim(op, "stride", options.stride, 2, [], 1);
  const padding = perDim(op, "padding", options.padding, 2, [], 0);
  const dilation = perDim(op, "dilation", options.dilation, 2, [], 1);
  const extents = spatial.map((size, i) =>
    windowCount(size, kernel[i] as number, stride[i] as number, padding[i] as number, dilation[i] as number, false),
  );
  if (extents.every((extent) => extent > 0)) return { kernel, stride, padding, dilation, extents };
  throw new TwopassError({
    op,
    problem: "no patch fits into the padded image",
    facts: `image ${showShape(spatial)}, kernelSize ${showShape(kernel)}, there would be ${showShape(extents)}`,
  });
}

/**
 * Patches of an image as columns: y[n, c · KH · KW + place, patch] = x[n, c, patch · stride + place · dilation − padding].
 *
 * @param input [N, C, H, W], or [C, H, W]
 * @returns [N, C · KH · KW, patches], patches row by row.
 * @example
 * unfold(zeros(1, 3, 4, 4), 2).shape; // [1, 12, 9]
 */
export function unfold(input: Tensor, kernelSize: PerDim, options?: PatchOptions): Tensor {
  const op = "unfold";
  const x = vertexOf(op, "the input", input);
  const images = batched(op, x, 2);
  const columns = composite.unfold(kit, images, patchesOf(op, images.shape.slice(2), kernelSize, options));
  return resultOf(x.shape.length === 4 ? columns : kit.reshape(columns, columns.shape.slice(1)), [input]);
}

/**
 * Columns added back to images, where patches overlap their sum: the derivative of `unfold` as an operation.
 *
 * @param input [N, C · KH · KW, patches], or without N
 * @param outputSize extents of the images, [H, W] or one number for both.
 * @returns [N, C, H, W]
 * @example
 * const columns = unfold(ones(1, 1, 3, 3), 2);
 * await fold(columns, 3, 2).array(); // [[[[1, 2, 1], [2, 4, 2], [1, 2, 1]]]]
 */
export function fold(input: Tensor, outputSize: PerDim, kernelSize: PerDim, options?: PatchOptions): Tensor {
  const op = "fold";
  const x = floatingVertex(op, input);
  const spatial = perDim(op, "outputSize", outputSize, 2, [], 1);
  const patches = patchesOf(op, spatial, kernelSize, options);
  const rank = x.shape.length;
  const places = sizeOf(patches.kernel);
  const count = sizeOf(patches.extents);
  if ((rank !== 2 && rank !== 3) || (x.shape[rank - 2] as number) % places !== 0 || x.shape[rank - 1] !== count) {
    throw new TwopassError({
      op,
      problem: `the input must be [N, C · ${places}, ${count}], or without N`,
      facts: `shape ${showShape(x.shape)}, outputSize ${showShape(spatial)}, kernelSize ${showShape(patches.kernel)}`,
      shapes: [x.shape],
    });
  }
  checkShape(op, [...x.shape.slice(0, -1), ...spatial]);
  const images = composite.fold(kit, rank === 3 ? x : kit.reshape(x, [1, ...x.shape]), patches, spatial);
  return resultOf(rank === 3 ? images : kit.reshape(images, images.shape.slice(1)), [input]);
}

/** Checks an image [..., C, H, W] whose extents from the end must be divisible. */
function checkImage(op: string, x: Value, divisors: readonly [channels: number, rows: number, columns: number]): void {
  const last = x.shape.slice(-3);
  if (x.shape.length >= 3 && last.every((n, i) => n % (divisors[i] as number) === 0)) return;
  throw new TwopassError({
    op,
    problem: "the extents are not divisible",
    facts: `shape ${showShape(x.shape)}, channels, rows and columns must be multiples of ${divisors.join(", ")}`,
    shapes: [x.shape],
  });
}

/** Channels to pixels: [..., C · r², H, W] to [..., C, H · r, W · r]. Shi et al. (2016). */
export function pixelShuffle(input: Tensor, upscaleFactor: number): Tensor {
  const op = "pixelShuffle";
  const x = vertexOf(op, "the input", input);
  const r = checkWhole(op, "upscaleFactor", upscaleFactor, 1);
  checkImage(op, x, [r * r, 1, 1]);
  return resultOf(composite.pixelShuffle(kit, x, r), [input]);
}

/** Pixels to channels, the opposite of `pixelShuffle`: [..., C, H · r, W · r] to [..., C · r², H, W]. */
export function pixelUnshuffle(input: Tensor, downscaleFactor: number): Tensor {
  const op = "pixelUnshuffle";
  const x = vertexOf(op, "the input", input);
  const r = checkWhole(op, "downscaleFactor", downscaleFactor, 1);
  checkImage(op, x, [1, r, r]);
  return resultOf(composite.pixelUnshuffle(kit, x, r), [input]);
}

/** Mixes groups of channels of [N, C, ...]: channel g · C / groups + i goes to i · groups + g. Zhang et al. (2018). */
export function channelShuffle(input: Tensor, groups: number): Tensor {
  const op = "channelShuffle";
  const x = vertexOf(op, "the input", input);
  const count = checkWhole(op, "groups", groups, 1);
  if (x.shape.length < 3 || (x.shape[1] as number) % count !== 0) {
    throw new TwopassError({
      op,
      problem: "the input must be [N, C, ...] with C divisible by groups",
      facts: `shape ${showShape(x.shape)}, groups ${count}`,
      shapes: [x.shape],
    });
  }
  return resultOf(composite.channelShuffle(kit, x, count), [input]);
}
