/** Pooling layers with a fixed number of windows. Floor: nn. */
import type { Tensor } from "../../tensor/tensor.ts";
import {
  type AdaptiveMaxPoolOptions,
  type OutputSize,
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  adaptiveMaxPool3d,
} from "../functional/adaptive-pooling.ts";
import { withDefaults } from "../functional/common.ts";
import { Module } from "../module/module.ts";
import type { MaxPooled } from "./pooling.ts";

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

/**
 * The mean of `outputSize` windows in both dims: input [N, C, H, W], as `adaptiveAvgPool2d`.
 *
 * @example
 * new nn.AdaptiveAvgPool2d(1).forward(zeros(2, 8, 7, 5)).shape; // [2, 8, 1, 1]
 */
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

abstract class AdaptiveMaxPooling<I extends boolean> extends Module {
  readonly outputSize: OutputSize;
  readonly returnIndices: boolean;

  constructor(outputSize: OutputSize, given: AdaptiveMaxPoolOptions<I> | undefined) {
    super();
    this.outputSize = outputSize;
    const standard: Required<AdaptiveMaxPoolOptions> = { returnIndices: false };
    this.returnIndices = withDefaults<Required<AdaptiveMaxPoolOptions>>(
      `nn.${this.constructor.name}`,
      given,
      standard,
    ).returnIndices;
  }

  protected abstract pool(input: Tensor, options: AdaptiveMaxPoolOptions): Tensor | [Tensor, Tensor];

  forward(input: Tensor): MaxPooled<I> {
    return this.pool(input, { returnIndices: this.returnIndices }) as MaxPooled<I>;
  }

  protected override describeSettings(): string {
    return String(this.outputSize);
  }
}

/** The largest of `outputSize` windows: input [N, C, L], as `adaptiveMaxPool1d`; with `returnIndices` [values, indices]. */
export class AdaptiveMaxPool1d<I extends boolean = false> extends AdaptiveMaxPooling<I> {
  constructor(outputSize: OutputSize, options?: AdaptiveMaxPoolOptions<I>) {
    super(outputSize, options);
  }

  protected override pool(input: Tensor, options: AdaptiveMaxPoolOptions): Tensor | [Tensor, Tensor] {
    return adaptiveMaxPool1d(input, this.outputSize, options);
  }
}

/** The largest of `outputSize` windows: input [N, C, H, W], as `adaptiveMaxPool2d`; with `returnIndices` [values, indices]. */
export class AdaptiveMaxPool2d<I extends boolean = false> extends AdaptiveMaxPooling<I> {
  constructor(outputSize: OutputSize, options?: AdaptiveMaxPoolOptions<I>) {
    super(outputSize, options);
  }

  protected override pool(input: Tensor, options: AdaptiveMaxPoolOptions): Tensor | [Tensor, Tensor] {
    return adaptiveMaxPool2d(input, this.outputSize, options);
  }
}

/** The largest of `outputSize` windows: input [N, C, D, H, W], as `adaptiveMaxPool3d`; with `returnIndices` [values, indices]. */
export class AdaptiveMaxPool3d<I extends boolean = false> extends AdaptiveMaxPooling<I> {
  constructor(outputSize: OutputSize, options?: AdaptiveMaxPoolOptions<I>) {
    super(outputSize, options);
  }

  protected override pool(input: Tensor, options: AdaptiveMaxPoolOptions): Tensor | [Tensor, Tensor] {
    return adaptiveMaxPool3d(input, this.outputSize, options);
  }
}
