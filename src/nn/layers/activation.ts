/** Activations as layers: one table of the functions of the same names. Floor: nn. */
import type { Tensor } from "../../tensor/tensor.ts";
import * as F from "../functional/activation.ts";
import { rankError, vertexOf, withDefaults } from "../functional/common.ts";
import { constantContent } from "../module/initial-content.ts";
import { Module } from "../module/module.ts";
import { Parameter } from "../module/parameter.ts";

/** A layer without settings that applies a function to each element. */
abstract class PlainActivation extends Module {
  abstract override forward(input: Tensor): Tensor;
}

interface PlainConstructor {
  new (): PlainActivation;
}

/** A layer class that applies `f`. */
function plain(name: string, f: F.Activation): PlainConstructor {
  return named(
    name,
    class extends PlainActivation {
      forward(input: Tensor): Tensor {
        return f(input);
      }
    },
  );
}

/** A layer with settings, which are also its fields. */
abstract class SetActivation<P> extends Module {
  abstract readonly settings: Readonly<P>;
  abstract override forward(input: Tensor): Tensor;
}

interface SetConstructor<P> {
  /** Settings as options, or the first one as a number. */
  new (settings?: F.Settings<P>): SetActivation<P>;
}

/** A layer class that applies `f` with settings; `defaults` lists them in PyTorch's order. */
function settable<P extends Record<string, number>>(
  name: string,
  f: F.SettableActivation<P>,
  defaults: P,
): SetConstructor<P> {
  return named(
    name,
    class extends SetActivation<P> {
      readonly settings: Readonly<P>;

      constructor(given?: F.Settings<P>) {
        super();
        this.settings = F.readSettings(`nn.${name}`, given, defaults);
      }

      forward(input: Tensor): Tensor {
        return f(input, this.settings);
      }

      protected override describeSettings(): string {
        return Object.entries(this.settings)
          .map(([key, value]) => `${key}: ${value}`)
          .join(", ");
      }
    },
  );
}

/** A layer class that applies `f` along a dim. */
function alongDim(name: string, f: (input: Tensor, dim: number) => Tensor): DimConstructor {
  return named(
    name,
    class extends DimActivation {
      forward(input: Tensor): Tensor {
        return f(input, this.dim);
      }
    },
  );
}

abstract class DimActivation extends Module {
  readonly dim: number;

  constructor(dim: number) {
    super();
    this.dim = dim;
  }

  abstract override forward(input: Tensor): Tensor;

  protected override describeSettings(): string {
    return String(this.dim);
  }
}

interface DimConstructor {
  new (dim: number): DimActivation;
}

function named<C>(name: string, made: C): C {
  Object.defineProperty(made, "name", { value: name });
  return made;
}

/**
 * max(x, 0).
 *
 * @example
 * await new nn.ReLU().forward(tensor([-1, 2])).array(); // [0, 2]
 */
export const ReLU = plain("ReLU", F.relu);
/** min(max(x, 0), 6). */
export const ReLU6 = plain("ReLU6", F.relu6);
/** Hyperbolic tangent. */
export const Tanh = plain("Tanh", F.tanh);
/** 1 / (1 + e⁻ˣ). */
export const Sigmoid = plain("Sigmoid", F.sigmoid);
/** x / (1 + e⁻ˣ). */
export const SiLU = plain("SiLU", F.silu);
/** x tanh(log(1 + eˣ)). */
export const Mish = plain("Mish", F.mish);
/** x above 0, else 1.7581 (eˣ − 1), times 1.0507. */
export const SELU = plain("SELU", F.selu);
/** log(1 / (1 + e⁻ˣ)). */
export const LogSigmoid = plain("LogSigmoid", F.logsigmoid);
/** x / 6 + ½ between −3 and 3, 0 below and 1 above. */
export const Hardsigmoid = plain("Hardsigmoid", F.hardsigmoid);
/** x (x + 3) / 6 between −3 and 3, 0 below and x above. */
export const Hardswish = plain("Hardswish", F.hardswish);
/** x / (1 + |x|). */
export const Softsign = plain("Softsign", F.softsign);
/** x − tanh x. */
export const Tanhshrink = plain("Tanhshrink", F.tanhshrink);

/** x above 0, else alpha (eˣ − 1); alpha default 1. */
export const ELU = settable("ELU", F.elu, { alpha: 1 });
/** x above 0, else alpha (e^(x / alpha) − 1); alpha default 1. */
export const CELU = settable("CELU", F.celu, { alpha: 1 });
/**
 * x above 0, else negativeSlope · x; default 0.01.
 *
 * @example
 * await new nn.LeakyReLU({ negativeSlope: 0.5 }).forward(tensor([-1, 2])).array(); // [-0.5, 2]
 */
export const LeakyReLU = settable("LeakyReLU", F.leakyRelu, { negativeSlope: 0.01 });
/** log(1 + e^(beta x)) / beta, and x itself where beta x > threshold; default 1 and 20. */
export const Softplus = settable("Softplus", F.softplus, { beta: 1, threshold: 20 });
/** x cut to [minVal, maxVal]; default −1 and 1. */
export const Hardtanh = settable("Hardtanh", F.hardtanh, { minVal: -1, maxVal: 1 });
/** x where |x| > lambd, else 0; lambd default 0.5. */
export const Hardshrink = settable("Hardshrink", F.hardshrink, { lambd: 0.5 });
/** x moved toward 0 by lambd, 0 where |x| ≤ lambd; lambd default 0.5. */
export const Softshrink = settable("Softshrink", F.softshrink, { lambd: 0.5 });

/**
 * eˣ / Σ eˣ along a dim. Differs from PyTorch: the dim must be given.
 *
 * @example
 * await new nn.Softmax(-1).forward(tensor([[0, 0]])).array(); // [[0.5, 0.5]]
 */
export const Softmax = alongDim("Softmax", F.softmax);
/** log softmax(x) along a dim. */
export const LogSoftmax = alongDim("LogSoftmax", F.logSoftmax);
/** softmax(−x) along a dim. */
export const Softmin = alongDim("Softmin", F.softmin);

export type ReLU = InstanceType<typeof ReLU>;
export type ReLU6 = InstanceType<typeof ReLU6>;
export type Tanh = InstanceType<typeof Tanh>;
export type Sigmoid = InstanceType<typeof Sigmoid>;
export type SiLU = InstanceType<typeof SiLU>;
export type Mish = InstanceType<typeof Mish>;
export type SELU = InstanceType<typeof SELU>;
export type LogSigmoid = InstanceType<typeof LogSigmoid>;
export type Hardsigmoid = InstanceType<typeof Hardsigmoid>;
export type Hardswish = InstanceType<typeof Hardswish>;
export type Softsign = InstanceType<typeof Softsign>;
export type Tanhshrink = InstanceType<typeof Tanhshrink>;
export type ELU = InstanceType<typeof ELU>;
export type CELU = InstanceType<typeof CELU>;
export type LeakyReLU = InstanceType<typeof LeakyReLU>;
export type Softplus = InstanceType<typeof Softplus>;
export type Hardtanh = InstanceType<typeof Hardtanh>;
export type Hardshrink = InstanceType<typeof Hardshrink>;
export type Softshrink = InstanceType<typeof Softshrink>;
export type Softmax = InstanceType<typeof Softmax>;
export type LogSoftmax = InstanceType<typeof LogSoftmax>;
export type Softmin = InstanceType<typeof Softmin>;

/** x Φ(x); `approximate: "tanh"` is the older, cheaper form. */
export class GELU extends Module {
  readonly approximate: "none" | "tanh";

  constructor(options?: { readonly approximate?: "none" | "tanh" }) {
    super();
    const standard: { approximate: "none" | "tanh" } = { approximate: "none" };
    this.approximate = withDefaults("nn.GELU", options, standard).approximate;
  }

  forward(input: Tensor): Tensor {
    return F.gelu(input, { approximate: this.approximate });
  }
}

/** a · sigmoid(b), a and b the halves of the input along a dim; default the last. */
export class GLU extends Module {
  readonly dim: number;

  constructor(dim = -1) {
    super();
    this.dim = dim;
  }

  forward(input: Tensor): Tensor {
    return F.glu(input, this.dim);
  }
}

/** x above the threshold, else the value. */
export class Threshold extends Module {
  readonly threshold: number;
  readonly value: number;

  constructor(threshold: number, value: number) {
    super();
    this.threshold = threshold;
    this.value = value;
  }

  forward(input: Tensor): Tensor {
    return F.threshold(input, this.threshold, this.value);
  }
}

/**
 * x above 0, else weight · x, and the weight trains.
 *
 * @param options.numParameters 1, or the number of channels; default 1.
 * @param options.init where the weight starts; default 0.25.
 * @example
 * const layer = new nn.PReLU();
 * await layer.forward(tensor([-1, 2])).array(); // [-0.25, 2]
 * layer.weight.shape; // [1]
 */
export class PReLU extends Module {
  weight: Parameter;

  constructor(options?: { readonly numParameters?: number; readonly init?: number }) {
    super();
    const { numParameters, init } = withDefaults("nn.PReLU", options, { numParameters: 1, init: 0.25 });
    this.weight = new Parameter(constantContent([numParameters], init));
  }

  forward(input: Tensor): Tensor {
    return F.prelu(input, this.weight);
  }
}

/**
 * x above 0, else a · x: in training with a random slope a for each element, uniform in [lower, upper), in evaluation with
 * their mean. Xu et al. (2015).
 *
 * @param options.lower, options.upper default 1/8 and 1/3.
 * @example
 * const layer = new nn.RReLU({ lower: 0.25, upper: 0.75 }).eval();
 * await layer.forward(tensor([-1, 2])).array(); // [-0.5, 2]
 */
export class RReLU extends Module {
  readonly lower: number;
  readonly upper: number;

  constructor(options?: { readonly lower?: number; readonly upper?: number }) {
    super();
    const { lower, upper } = withDefaults("nn.RReLU", options, { lower: 1 / 8, upper: 1 / 3 });
    this.lower = lower;
    this.upper = upper;
  }

  forward(input: Tensor): Tensor {
    return F.rrelu(input, { lower: this.lower, upper: this.upper, training: this.training });
  }

  protected override describeSettings(): string {
    return `lower: ${this.lower}, upper: ${this.upper}`;
  }
}

/** eˣ / Σ eˣ over the channels of [N, C, H, W] or [C, H, W]. */
export class Softmax2d extends Module {
  forward(input: Tensor): Tensor {
    const x = vertexOf("nn.Softmax2d", "the input", input);
    if (x.shape.length !== 3 && x.shape.length !== 4) throw rankError("nn.Softmax2d", x, 2);
    return F.softmax(input, -3);
  }
}
