/** Convolution layers: one implementation for any number of spatial dims. Floor: nn. */
import { TwopassError, describe, nearest } from "../../base/errors.ts";
import { sizeOf } from "../../base/shape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { perDim, checkWhole, withDefaults } from "../functional/common.ts";
import {
  type ConvOptions,
  type ConvTransposeOptions,
  type PerDim,
  conv1d,
  conv2d,
  conv3d,
  convPadding,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
} from "../functional/convolution.ts";
import { uniformContent } from "../module/initial-content.ts";
import { Module } from "../module/module.ts";
import { Parameter } from "../module/parameter.ts";

const paddingModes = ["zeros", "reflect", "replicate", "circular"] as const;
/** What stands around the input: zeros, its mirror image, its edge, or its other end. */
export type PaddingMode = (typeof paddingModes)[number];

export interface ConvLayerOptions extends ConvOptions {
  /** Whether there is a bias; default true. */
  readonly bias?: boolean;
  /** What stands around the input; default "zeros". */
  readonly paddingMode?: PaddingMode;
}

export interface ConvTransposeLayerOptions extends ConvTransposeOptions {
  /** Whether there is a bias; default true. */
  readonly bias?: boolean;
}

/** Checks channels and groups. */
function checkChannels(op: string, inChannels: number, outChannels: number, groups: number): void {
  checkWhole(op, "inChannels", inChannels, 1);
  checkWhole(op, "outChannels", outChannels, 1);
  checkWhole(op, "groups", groups, 1);
  if (inChannels % groups === 0 && outChannels % groups === 0) return;
  throw new TwopassError({
    op,
    problem: "inChannels and outChannels must be divisible by groups",
    facts: `inChannels ${inChannels}, outChannels ${outChannels}, groups ${groups}`,
  });
}

const convolutions = [conv1d, conv2d, conv3d] as const;
const transposedConvolutions = [convTranspose1d, convTranspose2d, convTranspose3d] as const;

abstract class Convolution extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: PerDim | "same" | "valid";
  readonly dilation: readonly number[];
  readonly groups: number;
  readonly paddingMode: PaddingMode;
  weight: Parameter;
  bias: Parameter | null;

  constructor(n: number, inChannels: number, outChannels: number, kernelSize: PerDim, given?: ConvLayerOptions) {
    super();
    const op = `nn.${this.constructor.name}`;
    const options = withDefaults<Required<ConvLayerOptions>>(op, given, {
      stride: 1,
      padding: 0,
      dilation: 1,
      groups: 1,
      bias: true,
      paddingMode: "zeros",
    });
    checkChannels(op, inChannels, outChannels, options.groups);
    if (!paddingModes.includes(options.paddingMode)) {
      const near = nearest(String(options.paddingMode), paddingModes);
      throw new TwopassError({
        op,
        problem: `unknown paddingMode ${describe(options.paddingMode)}`,
        hint: near === undefined ? `known: ${paddingModes.join(", ")}` : `did you mean "${near}"?`,
      });
    }
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = perDim(op, "kernelSize", kernelSize, n, [], 1);
    this.stride = perDim(op, "stride", options.stride, n, [], 1);
    this.dilation = perDim(op, "dilation", options.dilation, n, [], 1);
    this.padding = options.padding;
    this.groups = options.groups;
    this.paddingMode = options.paddingMode;
    convPadding(op, this.padding, this.kernelSize, this.stride, this.dilation);
    const perGroup = inChannels / options.groups;
    const bound = 1 / Math.sqrt(perGroup * sizeOf(this.kernelSize));
    this.weight = new Parameter(uniformContent([outChannels, perGroup, ...this.kernelSize], bound));
    this.bias = options.bias ? new Parameter(uniformContent([outChannels], bound)) : null;
  }

  forward(input: Tensor): Tensor {
    const { stride, dilation, groups, kernelSize } = this;
    const n = kernelSize.length;
    const convolve = convolutions[n - 1] as typeof conv1d;
    if (this.paddingMode === "zeros") {
      return convolve(input, this.weight, this.bias, { stride, dilation, groups, padding: this.padding });
    }
    const { low, high } = convPadding(`nn.${this.constructor.name}`, this.padding, kernelSize, stride, dilation);
    const sides = kernelSize.flatMap((_, i) => [low[n - 1 - i] as number, high[n - 1 - i] as number]);
    const padded = input.pad(sides, { mode: this.paddingMode });
    return convolve(padded, this.weight, this.bias, { stride, dilation, groups });
  }

  protected override describeSettings(): string {
    return `${this.inChannels}, ${this.outChannels}, [${this.kernelSize.join(", ")}]`;
  }
}

/**
 * Convolution along one dim: input [N, inChannels, L], output [N, outChannels, L'], as `conv1d`.
 *
 * `weight` [outChannels, inChannels / groups, kernelSize] and `bias` [outChannels] start uniform in ±1/√(fan in).
 *
 * @example
 * new nn.Conv1d(2, 4, 3, { padding: 1 }).forward(zeros(8, 2, 10)).shape; // [8, 4, 10]
 */
export class Conv1d extends Convolution {
  constructor(inChannels: number, outChannels: number, kernelSize: PerDim, options?: ConvLayerOptions) {
    super(1, inChannels, outChannels, kernelSize, options);
  }
}

/**
 * Convolution of images: input [N, inChannels, H, W], output [N, outChannels, H', W'], as `conv2d`.
 *
 * `weight` [outChannels, inChannels / groups, ...kernelSize] and `bias` [outChannels] start uniform in ±1/√(fan in).
 *
 * @param options.stride, options.padding, options.dilation, options.groups default 1, 0, 1, 1.
 * @param options.bias whether there is one; default true.
 * @param options.paddingMode default "zeros".
 * @example
 * new nn.Conv2d(1, 6, 5, { padding: 2 }).forward(zeros(8, 1, 28, 28)).shape; // [8, 6, 28, 28]
 */
export class Conv2d extends Convolution {
  constructor(inChannels: number, outChannels: number, kernelSize: PerDim, options?: ConvLayerOptions) {
    super(2, inChannels, outChannels, kernelSize, options);
  }
}

/** Convolution of volumes: input [N, inChannels, D, H, W], output [N, outChannels, D', H', W'], as `conv3d`. */
export class Conv3d extends Convolution {
  constructor(inChannels: number, outChannels: number, kernelSize: PerDim, options?: ConvLayerOptions) {
    super(3, inChannels, outChannels, kernelSize, options);
  }
}

abstract class TransposedConvolution extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly outputPadding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
  weight: Parameter;
  bias: Parameter | null;

  constructor(
    n: number,
    inChannels: number,
    outChannels: number,
    kernelSize: PerDim,
    given?: ConvTransposeLayerOptions,
  ) {
    super();
    const op = `nn.${this.constructor.name}`;
    const options = withDefaults<Required<ConvTransposeLayerOptions>>(op, given, {
      stride: 1,
      padding: 0,
      outputPadding: 0,
      groups: 1,
      bias: true,
      dilation: 1,
    });
    checkChannels(op, inChannels, outChannels, options.groups);
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = perDim(op, "kernelSize", kernelSize, n, [], 1);
    this.stride = perDim(op, "stride", options.stride, n, [], 1);
    this.padding = perDim(op, "padding", options.padding, n, [], 0);
    this.outputPadding = perDim(op, "outputPadding", options.outputPadding, n, [], 0);
    this.dilation = perDim(op, "dilation", options.dilation, n, [], 1);
    this.groups = options.groups;
    const perGroup = outChannels / options.groups;
    // PyTorch counts the second dim of the weight as its inputs, here the outputs of a group.
    const bound = 1 / Math.sqrt(perGroup * sizeOf(this.kernelSize));
    this.weight = new Parameter(uniformContent([inChannels, perGroup, ...this.kernelSize], bound));
    this.bias = options.bias ? new Parameter(uniformContent([outChannels], bound)) : null;
  }

  forward(input: Tensor): Tensor {
    const { stride, padding, outputPadding, dilation, groups } = this;
    const convolve = transposedConvolutions[this.kernelSize.length - 1] as typeof convTranspose1d;
    return convolve(input, this.weight, this.bias, { stride, padding, outputPadding, dilation, groups });
  }

  protected override describeSettings(): string {
    return `${this.inChannels}, ${this.outChannels}, [${this.kernelSize.join(", ")}]`;
  }
}

/** Transposed convolution along one dim: input [N, inChannels, L], as `convTranspose1d`. */
export class ConvTranspose1d extends TransposedConvolution {
  constructor(inChannels: number, outChannels: number, kernelSize: PerDim, options?: ConvTransposeLayerOptions) {
    super(1, inChannels, outChannels, kernelSize, options);
  }
}

/**
 * Transposed convolution of images: input [N, inChannels, H, W], as `convTranspose2d`.
 *
 * @example
 * new nn.ConvTranspose2d(8, 4, 4, { stride: 2, padding: 1 }).forward(zeros(1, 8, 7, 7)).shape; // [1, 4, 14, 14]
 */
export class ConvTranspose2d extends TransposedConvolution {
  constructor(inChannels: number, outChannels: number, kernelSize: PerDim, options?: ConvTransposeLayerOptions) {
    super(2, inChannels, outChannels, kernelSize, options);
  }
}

/** Transposed convolution of volumes: input [N, inChannels, D, H, W], as `convTranspose3d`. */
export class ConvTranspose3d extends TransposedConvolution {
  constructor(inChannels: number, outChannels: number, kernelSize: PerDim, options?: ConvTransposeLayerOptions) {
    super(3, inChannels, outChannels, kernelSize, options);
  }
}
