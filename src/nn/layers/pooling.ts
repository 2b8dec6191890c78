/** Pooling layers with windows of a fixed size. Floor: nn. */
import { checkOptions } from "../../base/errors.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { withDefaults } from "../functional/common.ts";
import type { PerDim } from "../functional/convolution.ts";
import {
  type AvgPoolOptions,
  type LPPoolOptions,
  type MaxPoolOptions,
  type MaxUnpoolOptions,
  avgPool1d,
  avgPool2d,
  avgPool3d,
  lpPool1d,
  lpPool2d,
  lpPool3d,
  maxPool1d,
  maxPool2d,
  maxPool3d,
  maxUnpool1d,
  maxUnpool2d,
  maxUnpool3d,
} from "../functional/pooling.ts";
import { Module } from "../module/module.ts";

/** What a layer of max pooling gives: with indices two tensors. */
export type MaxPooled<I extends boolean> = I extends true ? [values: Tensor, indices: Tensor] : Tensor;

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

abstract class LPPooling extends Module {
  readonly normType: number;
  readonly kernelSize: PerDim;
  readonly options: Readonly<Required<LPPoolOptions>>;
  readonly #pool: typeof lpPool1d;

  constructor(pool: typeof lpPool1d, normType: number, kernelSize: PerDim, given: LPPoolOptions | undefined) {
    super();
    this.#pool = pool;
    this.normType = normType;
    this.kernelSize = kernelSize;
    const standard: Required<LPPoolOptions> = { stride: null, ceilMode: false };
    this.options = withDefaults(`nn.${this.constructor.name}`, given, standard);
  }

  forward(input: Tensor): Tensor {
    return this.#pool(input, this.normType, this.kernelSize, this.options);
  }

  protected override describeSettings(): string {
    return `${this.normType}, ${String(this.kernelSize)}`;
  }
}

/** (Σ xᵖ)^(1/p) of each window: input [N, C, L], as `lpPool1d`. */
export class LPPool1d extends LPPooling {
  constructor(normType: number, kernelSize: PerDim, options?: LPPoolOptions) {
    super(lpPool1d, normType, kernelSize, options);
  }
}

/** (Σ xᵖ)^(1/p) of each window of an image: input [N, C, H, W], as `lpPool2d`. */
export class LPPool2d extends LPPooling {
  constructor(normType: number, kernelSize: PerDim, options?: LPPoolOptions) {
    super(lpPool2d, normType, kernelSize, options);
  }
}

/** (Σ xᵖ)^(1/p) of each window of a volume: input [N, C, D, H, W], as `lpPool3d`. */
export class LPPool3d extends LPPooling {
  constructor(normType: number, kernelSize: PerDim, options?: LPPoolOptions) {
    super(lpPool3d, normType, kernelSize, options);
  }
}

type UnpoolLayerOptions = Pick<MaxUnpoolOptions, "stride" | "padding">;

abstract class MaxUnpooling extends Module {
  readonly kernelSize: PerDim;
  readonly options: Readonly<Required<UnpoolLayerOptions>>;
  readonly #unpool: typeof maxUnpool1d;

  constructor(unpool: typeof maxUnpool1d, kernelSize: PerDim, given: UnpoolLayerOptions | undefined) {
    super();
    this.#unpool = unpool;
    this.kernelSize = kernelSize;
    const standard: Required<UnpoolLayerOptions> = { stride: null, padding: 0 };
    this.options = withDefaults(`nn.${this.constructor.name}`, given, standard);
  }

  forward(input: Tensor, indices: Tensor, options?: Pick<MaxUnpoolOptions, "outputSize">): Tensor {
    checkOptions(`nn.${this.constructor.name}`, options, ["outputSize"]);
    return this.#unpool(input, indices, this.kernelSize, { ...this.options, ...options });
  }

  protected override describeSettings(): string {
    return String(this.kernelSize);
  }
}

/** The opposite of `MaxPool1d`: `forward(values, indices, { outputSize })`, as `maxUnpool1d`. */
export class MaxUnpool1d extends MaxUnpooling {
  constructor(kernelSize: PerDim, options?: UnpoolLayerOptions) {
    super(maxUnpool1d, kernelSize, options);
  }
}

/** The opposite of `MaxPool2d`: `forward(values, indices, { outputSize })`, as `maxUnpool2d`. */
export class MaxUnpool2d extends MaxUnpooling {
  constructor(kernelSize: PerDim, options?: UnpoolLayerOptions) {
    super(maxUnpool2d, kernelSize, options);
  }
}

/** The opposite of `MaxPool3d`: `forward(values, indices, { outputSize })`, as `maxUnpool3d`. */
export class MaxUnpool3d extends MaxUnpooling {
  constructor(kernelSize: PerDim, options?: UnpoolLayerOptions) {
    super(maxUnpool3d, kernelSize, options);
  }
}
