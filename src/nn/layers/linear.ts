/** Fully connected layers, and layers that only pass on. Floor: nn. */
import { checkTensor } from "../../tensor/arguments.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { checkWhole, withDefaults } from "../functional/common.ts";
import { bilinear, linear } from "../functional/linear.ts";
import { uniformContent } from "../module/initial-content.ts";
import { Module } from "../module/module.ts";
import { Parameter } from "../module/parameter.ts";

/**
 * Fully connected layer: y = x Wᵀ + b. Input [..., inFeatures], output [..., outFeatures].
 *
 * `weight` [outFeatures, inFeatures] and `bias` [outFeatures] start uniform in ±1/√inFeatures.
 *
 * @param options.bias whether there is one; default true.
 * @example
 * new nn.Linear(2, 3).forward(zeros(5, 2)).shape; // [5, 3]
 */
export class Linear extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;
  weight: Parameter;
  bias: Parameter | null;

  constructor(inFeatures: number, outFeatures: number, options?: { readonly bias?: boolean }) {
    super();
    const { bias } = withDefaults("nn.Linear", options, { bias: true });
    this.inFeatures = checkWhole("nn.Linear", "inFeatures", inFeatures, 0);
    this.outFeatures = checkWhole("nn.Linear", "outFeatures", outFeatures, 0);
    const bound = 1 / Math.sqrt(Math.max(inFeatures, 1));
    this.weight = new Parameter(uniformContent([outFeatures, inFeatures], bound));
    this.bias = bias ? new Parameter(uniformContent([outFeatures], bound)) : null;
  }

  forward(input: Tensor): Tensor {
    return linear(input, this.weight, this.bias);
  }

  protected override describeSettings(): string {
    return `${this.inFeatures}, ${this.outFeatures}${this.bias === null ? ", bias: false" : ""}`;
  }
}

/**
 * Bilinear layer: y = x1ᵀ A x2 + b for each output. Inputs [..., in1Features] and [..., in2Features], output
 * [..., outFeatures].
 *
 * `weight` [outFeatures, in1Features, in2Features] and `bias` [outFeatures] start uniform in ±1/√in1Features.
 *
 * @param options.bias whether there is one; default true.
 * @example
 * new nn.Bilinear(2, 3, 4).forward(zeros(5, 2), zeros(5, 3)).shape; // [5, 4]
 */
export class Bilinear extends Module {
  readonly in1Features: number;
  readonly in2Features: number;
  readonly outFeatures: number;
  weight: Parameter;
  bias: Parameter | null;

  constructor(in1Features: number, in2Features: number, outFeatures: number, options?: { readonly bias?: boolean }) {
    super();
    const { bias } = withDefaults("nn.Bilinear", options, { bias: true });
    this.in1Features = checkWhole("nn.Bilinear", "in1Features", in1Features, 1);
    this.in2Features = checkWhole("nn.Bilinear", "in2Features", in2Features, 0);
    this.outFeatures = checkWhole("nn.Bilinear", "outFeatures", outFeatures, 0);
    const bound = 1 / Math.sqrt(in1Features);
    this.weight = new Parameter(uniformContent([outFeatures, in1Features, in2Features], bound));
    this.bias = bias ? new Parameter(uniformContent([outFeatures], bound)) : null;
  }

  forward(input1: Tensor, input2: Tensor): Tensor {
    return bilinear(input1, input2, this.weight, this.bias);
  }

  protected override describeSettings(): string {
    return `${this.in1Features}, ${this.in2Features}, ${this.outFeatures}`;
  }
}

/** Gives its input back. */
export class Identity extends Module {
  forward(input: Tensor): Tensor {
    return input;
  }
}

/**
 * Joins the dims from startDim to endDim; default all but the first.
 *
 * @example
 * new nn.Flatten().forward(zeros(5, 2, 3)).shape; // [5, 6]
 */
export class Flatten extends Module {
  readonly startDim: number;
  readonly endDim: number;

  constructor(startDim = 1, endDim = -1) {
    super();
    this.startDim = startDim;
    this.endDim = endDim;
  }

  forward(input: Tensor): Tensor {
    checkTensor("nn.Flatten", "the input", input);
    return input.flatten(this.startDim, this.endDim);
  }
}

/** Splits a dim into several: `new nn.Unflatten(1, [2, 3])` makes [5, 6] to [5, 2, 3]. One size may be −1. */
export class Unflatten extends Module {
  readonly dim: number;
  readonly sizes: readonly number[];

  constructor(dim: number, sizes: readonly number[]) {
    super();
    this.dim = dim;
    this.sizes = [...sizes];
  }

  forward(input: Tensor): Tensor {
    checkTensor("nn.Unflatten", "the input", input);
    return input.unflatten(this.dim, this.sizes);
  }
}
