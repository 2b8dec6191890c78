/** Patches of images as columns and back, and channels exchanged with pixels, as layers. Floor: nn. */
import type { Tensor } from "../../tensor/tensor.ts";
import { checkWhole, withDefaults } from "../functional/common.ts";
import type { PerDim } from "../functional/convolution.ts";
import {
  type PatchOptions,
  channelShuffle,
  fold,
  pixelShuffle,
  pixelUnshuffle,
  unfold,
} from "../functional/patches.ts";
import { Module } from "../module/module.ts";

const standard: Required<PatchOptions> = { dilation: 1, padding: 0, stride: 1 };

/**
 * Patches of images as columns: input [N, C, H, W] or [C, H, W], output [N, C · KH · KW, patches], as `functional.unfold`.
 *
 * @param options.dilation, options.padding, options.stride default 1, 0, 1.
 * @example
 * new nn.Unfold(2).forward(zeros(1, 3, 4, 4)).shape; // [1, 12, 9]
 */
export class Unfold extends Module {
  readonly kernelSize: PerDim;
  readonly options: Readonly<Required<PatchOptions>>;

  constructor(kernelSize: PerDim, options?: PatchOptions) {
    super();
    this.kernelSize = kernelSize;
    this.options = withDefaults("nn.Unfold", options, standard);
  }

  forward(input: Tensor): Tensor {
    return unfold(input, this.kernelSize, this.options);
  }

  protected override describeSettings(): string {
    return String(this.kernelSize);
  }
}

/** Columns added back to images: input [N, C · KH · KW, patches], output [N, C, ...outputSize], as `functional.fold`. */
export class Fold extends Module {
  readonly outputSize: PerDim;
  readonly kernelSize: PerDim;
  readonly options: Readonly<Required<PatchOptions>>;

  constructor(outputSize: PerDim, kernelSize: PerDim, options?: PatchOptions) {
    super();
    this.outputSize = outputSize;
    this.kernelSize = kernelSize;
    this.options = withDefaults("nn.Fold", options, standard);
  }

  forward(input: Tensor): Tensor {
    return fold(input, this.outputSize, this.kernelSize, this.options);
  }

  protected override describeSettings(): string {
    return `${String(this.outputSize)}, ${String(this.kernelSize)}`;
  }
}

/** A layer with one whole number as setting. */
abstract class Shuffle extends Module {
  readonly factor: number;
  readonly #shuffle: (input: Tensor, factor: number) => Tensor;

  constructor(shuffle: (input: Tensor, factor: number) => Tensor, name: string, factor: number) {
    super();
    this.factor = checkWhole(`nn.${this.constructor.name}`, name, factor, 1);
    this.#shuffle = shuffle;
  }

  forward(input: Tensor): Tensor {
    return this.#shuffle(input, this.factor);
  }

  protected override describeSettings(): string {
    return String(this.factor);
  }
}

/** Channels to pixels: [..., C · r², H, W] to [..., C, H · r, W · r]. Shi et al. (2016). */
export class PixelShuffle extends Shuffle {
  constructor(upscaleFactor: number) {
    super(pixelShuffle, "upscaleFactor", upscaleFactor);
  }
}

/** Pixels to channels: [..., C, H · r, W · r] to [..., C · r², H, W]. */
export class PixelUnshuffle extends Shuffle {
  constructor(downscaleFactor: number) {
    super(pixelUnshuffle, "downscaleFactor", downscaleFactor);
  }
}

/** Mixes groups of channels of [N, C, ...], as `functional.channelShuffle`. Zhang et al. (2018). */
export class ChannelShuffle extends Shuffle {
  constructor(groups: number) {
    super(channelShuffle, "groups", groups);
  }
}
