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

/** What a layer of max pooling gives: with indices two tensors. */
type MaxPooled<I extends boolean> = I extends true ? [values: Tensor, indices: Tensor] : Tensor;

const largest: Required<MaxPoolOptions> = {
  stride: null,
  padding: 0,
  dilation: 1,
  ceilMode: false,
  returnIndices: false,
};

abstract class MaxPooling<I extends boolean> extends Module {
  readonly kernelSize: PerDim;
  readonly options: Readonly<Required<MaxPoolOptions>>;

  constructor(kernelSize: PerDim, given: MaxPoolOptions<I> | undefined) {
    super();
    this.kernelSize = kernelSize;
    this.options = withDefaults<Required<MaxPoolOptions>>(`nn.${this.constructor.name}`, given, largest);
  }

  protected abstract pool(input: Tensor, kernelSize: PerDim, options: MaxPoolOptions): Tensor | [Tensor, Tensor];

  forward(input: Tensor): MaxPooled<I> {
    return this.pool(input, this.kernelSize, this.options) as MaxPooled<I>;
  }

  protected override describeSettings(): string {
    return String(this.kernelSize);
  }
}

/** The largest of each window: input [N, C, L] or [C, L], as `maxPool1d`. */
export class MaxPool1d<I extends boolean = false> extends MaxPooling<I> {
  constructor(kernelSize: PerDim, options?: MaxPoolOptions<I>) {
    super(kernelSize, options);
  }

  protected override pool(input: Tensor, kernelSize: PerDim, options: MaxPoolOptions): Tensor | [Tensor, Tensor] {
    return maxPool1d(input, kernelSize, options);
  }
}

/**
 * The largest of each window of an image: input [N, C, H, W] or [C, H, W], as `maxPool2d`.
 *
 * @param options.stride default the kernel size.
 * @param options.padding, options.dilation, options.ceilMode default 0, 1, false.
 * @param options.returnIndices whether `forward` gives [values, indices]; default false.
 * @example
 * new nn.MaxPool2d(2).forward(zeros(1, 3, 28, 28)).shape; // [1, 3, 14, 14]
 */
export class MaxPool2d<I extends boolean = false> extends MaxPooling<I> {
  constructor(kernelSize: PerDim, options?: MaxPoolOptions<I>) {
    super(kernelSize, options);
  }

  protected override pool(input: Tensor, kernelSize: PerDim, options: MaxPoolOptions): Tensor | [Tensor, Tensor] {
    return maxPool2d(input, kernelSize, options);
  }
}

/** The largest of each window of a volume: input [N, C, D, H, W] or [C, D, H, W], as `maxPool3d`. */
export class MaxPool3d<I extends boolean = false> extends MaxPooling<I> {
  constructor(kernelSize: PerDim, options?: MaxPoolOptions<I>) {
    super(kernelSize, options);
  }

  protected override pool(input: Tensor, kernelSize: PerDim, options: MaxPoolOptions): Tensor | [Tensor, Tensor] {
    return maxPool3d(input, kernelSize, options);
  }
}

const average: Required<AvgPoolOptions> = {
  stride: null,
  padding: 0,
  ceilMode: false,
  countIncludePad: true,
  divisorOverride: null,
};

abstract class AvgPooling extends Module {
  readonly kernelSize: PerDim;
  readonly options: Readonly<Required<AvgPoolOptions>>;
  readonly #pool: typeof avgPool1d;

  constructor(pool: typeof avgPool1d, kernelSize: PerDim, given: AvgPoolOptions | undefined) {
    super();
    this.#pool = pool;
    this.kernelSize = kernelSize;
    this.options = withDefaults(`nn.${this.constructor.name}`, given, average);
  }

  forward(input: Tensor): Tensor {
    return this.#pool(input, this.kernelSize, this.options);
  }

  protected override describeSettings(): string {
    return String(this.kernelSize);
  }
}

/** The mean of each window: input [N, C, L], as `avgPool1d`. */
export class AvgPool1d extends AvgPooling {
  constructor(kernelSize: PerDim, options?: AvgPoolOptions) {
    super(avgPool1d, kernelSize, options);
  }
}

/** The mean of each window of an image: input [N, C, H, W], as `avgPool2d`. */
export class AvgPool2d extends AvgPooling {
  constructor(kernelSize: PerDim, options?: AvgPoolOptions) {
    super(avgPool2d, kernelSize, options);
  }
}

/** The mean of each window of a volume: input [N, C, D, H, W], as `avgPool3d`. */
export class AvgPool3d extends AvgPooling {
  constructor(kernelSize: PerDim, options?: AvgPoolOptions) {
    super(avgPool3d, kernelSize, options);
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
