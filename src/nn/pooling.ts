/** Pooling layers. Floor: nn. */
import type { Tensor } from "../tensor/tensor.ts";
import { withDefaults } from "./functional/common.ts";
import type { PerDim } from "./functional/convolution.ts";
import {
  type AvgPoolOptions,
  type MaxPoolOptions,
  type OutputSize,
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  avgPool1d,
  avgPool2d,
  avgPool3d,
  maxPool1d,
  maxPool2d,
  maxPool3d,
} from "./functional/pooling.ts";
import { Module } from "./module.ts";

type Pool<O> = (input: Tensor, kernelSize: PerDim, options?: O) => Tensor;

/** A layer over windows; `returnIndices` is for the functions. */
abstract class Pooling<O extends object> extends Module {
  readonly kernelSize: PerDim;
  readonly options: O;
  readonly #pool: Pool<O>;

  constructor(pool: Pool<O>, kernelSize: PerDim, given: Partial<O> | undefined, defaults: O) {
    super();
    this.#pool = pool;
    this.kernelSize = kernelSize;
    this.options = withDefaults(`nn.${this.constructor.name}`, given, defaults);
  }

  forward(input: Tensor): Tensor {
    return this.#pool(input, this.kernelSize, this.options);
  }

  protected override describeSettings(): string {
    return String(this.kernelSize);
  }
}

const largest: Required<Omit<MaxPoolOptions<false>, "returnIndices">> = {
  stride: null,
  padding: 0,
  dilation: 1,
  ceilMode: false,
};
const average: Required<AvgPoolOptions> = {
  stride: null,
  padding: 0,
  ceilMode: false,
  countIncludePad: true,
  divisorOverride: null,
};

export type MaxPoolLayerOptions = Omit<MaxPoolOptions<false>, "returnIndices">;

/** The largest of each window: input [N, C, L], as `maxPool1d`, which also gives indices. */
export class MaxPool1d extends Pooling<MaxPoolLayerOptions> {
  constructor(kernelSize: PerDim, options?: MaxPoolLayerOptions) {
    super(maxPool1d, kernelSize, options, largest);
  }
}

/**
 * The largest of each window of an image: input [N, C, H, W], as `maxPool2d`, which also gives indices.
 *
 * @param options.stride default the kernel size.
 * @param options.padding, options.dilation, options.ceilMode default 0, 1, false.
 * @example
 * new nn.MaxPool2d(2).forward(zeros(1, 3, 28, 28)).shape; // [1, 3, 14, 14]
 */
export class MaxPool2d extends Pooling<MaxPoolLayerOptions> {
  constructor(kernelSize: PerDim, options?: MaxPoolLayerOptions) {
    super(maxPool2d, kernelSize, options, largest);
  }
}

/** The largest of each window of a volume: input [N, C, D, H, W], as `maxPool3d`. */
export class MaxPool3d extends Pooling<MaxPoolLayerOptions> {
  constructor(kernelSize: PerDim, options?: MaxPoolLayerOptions) {
    super(maxPool3d, kernelSize, options, largest);
  }
}

/** The mean of each window: input [N, C, L], as `avgPool1d`. */
export class AvgPool1d extends Pooling<AvgPoolOptions> {
  constructor(kernelSize: PerDim, options?: AvgPoolOptions) {
    super(avgPool1d, kernelSize, options, average);
  }
}

/** The mean of each window of an image: input [N, C, H, W], as `avgPool2d`. */
export class AvgPool2d extends Pooling<AvgPoolOptions> {
  constructor(kernelSize: PerDim, options?: AvgPoolOptions) {
    super(avgPool2d, kernelSize, options, average);
  }
}

/** The mean of each window of a volume: input [N, C, D, H, W], as `avgPool3d`. */
export class AvgPool3d extends Pooling<AvgPoolOptions> {
  constructor(kernelSize: PerDim, options?: AvgPoolOptions) {
    super(avgPool3d, kernelSize, options, average);
  }
}

abstract class AdaptivePooling extends Module {
  readonly outputSize: OutputSize;
  readonly #pool: (input: Tensor, outputSize: OutputSize) => Tensor;

  constructor(pool: (input: Tensor, outputSize: OutputSize) => Tensor, outputSize: OutputSize) {
    super();
    this.#pool = pool;
    this.outputSize = outputSize;
  }

  forward(input: Tensor): Tensor {
    return this.#pool(input, this.outputSize);
  }

  protected override describeSettings(): string {
    return String(this.outputSize);
  }
}

/** The mean of `outputSize` windows: input [N, C, L], as `adaptiveAvgPool1d`. */
export class AdaptiveAvgPool1d extends AdaptivePooling {
  constructor(outputSize: OutputSize) {
    super(adaptiveAvgPool1d, outputSize);
  }
}

/** The mean of `outputSize` windows in both dims: input [N, C, H, W], as `adaptiveAvgPool2d`. */
export class AdaptiveAvgPool2d extends AdaptivePooling {
  constructor(outputSize: OutputSize) {
    super(adaptiveAvgPool2d, outputSize);
  }
}

/** The mean of `outputSize` windows of a volume: input [N, C, D, H, W], as `adaptiveAvgPool3d`. */
export class AdaptiveAvgPool3d extends AdaptivePooling {
  constructor(outputSize: OutputSize) {
    super(adaptiveAvgPool3d, outputSize);
  }
}
