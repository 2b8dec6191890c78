/**
 * Activations as functions. Each takes a tensor of any shape; integers become float32. Numbers may be given in PyTorch's
 * order, the first alone, or as options. Floor: nn.
 */
import { TwopassError, describe, showShape } from "../../base/errors.ts";
import { normalizeDim, sizeOf } from "../../base/shape.ts";
import type { Value } from "../../ir/value.ts";
import * as composite from "../../ops/composite/activation.ts";
import { uniform } from "../../ops/composite/random.ts";
import { kit } from "../../ops/kit.ts";
import type { GeluOptions } from "../../tensor/activations.ts";
import { checkTensor } from "../../tensor/arguments.ts";
import type { DtypeOptions } from "../../tensor/options.ts";
import { toFloating } from "../../tensor/operand.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { floatingVertex, likeVertex, numberIn, resultOf, vertexOf, withDefaults } from "./common.ts";
import { drawKey } from "./dropout.ts";

/** Settings of an activation: all of them as options, or the first one as a number. */
export type Settings<P> = number | Partial<P>;

/** Reads settings over their defaults. */
export function readSettings<P extends Record<string, number>>(
  op: string,
  given: Settings<P> | undefined,
  defaults: P,
): P {
  if (typeof given !== "number") return withDefaults(op, given, defaults);
  const [first] = Object.keys(defaults);
  if (first === undefined) throw new TwopassError({ op, problem: "takes no number", facts: `got ${describe(given)}` });
  return { ...defaults, [first]: given };
}

/** An activation without settings. */
export type Activation = (input: Tensor) => Tensor;
/** An activation with settings. */
export type SettableActivation<P> = (input: Tensor, settings?: Settings<P>) => Tensor;

function plain(op: string, build: (x: Value) => Value): Activation {
  return (input) => resultOf(build(toFloating(vertexOf(op, "the input", input))), [input]);
}

function settable<P extends Record<string, number>>(
  op: string,
  defaults: P,
  build: (x: Value, settings: P) => Value,
): SettableActivation<P> {
  return (input, given) => {
    const settings = readSettings(op, given, defaults);
    return resultOf(build(toFloating(vertexOf(op, "the input", input)), settings), [input]);
  };
}

/** max(x, 0). Integers stay what they are. */
export function relu(input: Tensor): Tensor {
  checkTensor("relu", "the input", input);
  return input.relu();
}

/** Hyperbolic tangent. */
export function tanh(input: Tensor): Tensor {
  checkTensor("tanh", "the input", input);
  return input.tanh();
}

/** 1 / (1 + e⁻ˣ). */
export function sigmoid(input: Tensor): Tensor {
  checkTensor("sigmoid", "the input", input);
  return input.sigmoid();
}

/** x / (1 + e⁻ˣ), also called swish. */
export function silu(input: Tensor): Tensor {
  checkTensor("silu", "the input", input);
  return input.silu();
}

/** x tanh(log(1 + eˣ)). */
export const mish = plain("mish", (x) => composite.mish(kit, x));
/** min(max(x, 0), 6). */
export const relu6 = plain("relu6", (x) => composite.hardtanh(kit, x, 0, 6));
/** x above 0, else 1.7581 (eˣ − 1), times 1.0507. */
export const selu = plain("selu", (x) => composite.selu(kit, x));
/** log(1 / (1 + e⁻ˣ)). */
export const logsigmoid = plain("logsigmoid", (x) => composite.logsigmoid(kit, x));
/** x / 6 + ½ between −3 and 3, 0 below and 1 above. */
export const hardsigmoid = plain("hardsigmoid", (x) => composite.hardsigmoid(kit, x));
/** x (x + 3) / 6 between −3 and 3, 0 below and x above. */
export const hardswish = plain("hardswish", (x) => composite.hardswish(kit, x));
/** x / (1 + |x|). */
export const softsign = plain("softsign", (x) => composite.softsign(kit, x));
/** x − tanh x. */
export const tanhshrink = plain("tanhshrink", (x) => composite.tanhshrink(kit, x));

/** x above 0, else alpha (eˣ − 1); alpha default 1. */
export const elu = settable("elu", { alpha: 1 }, (x, p) => composite.elu(kit, x, p.alpha));
/** x above 0, else alpha (e^(x / alpha) − 1); alpha default 1. */
export const celu = settable("celu", { alpha: 1 }, (x, p) => {
  if (p.alpha === 0) throw new TwopassError({ op: "celu", problem: "alpha must not be 0" });
  return composite.celu(kit, x, p.alpha);
});
/** x above 0, else negativeSlope · x; default 0.01. */
export const leakyRelu = settable("leakyRelu", { negativeSlope: 0.01 }, (x, p) =>
  composite.leakyRelu(kit, x, p.negativeSlope),
);
/** log(1 + e^(beta x)) / beta, and x itself where beta x > threshold; beta default 1, threshold 20. */
export const softplus = settable("softplus", { beta: 1, threshold: 20 }, (x, p) =>
  composite.softplus(kit, x, p.beta, p.threshold),
);
/** x cut to [minVal, maxVal]; default −1 and 1. */
export const hardtanh = settable("hardtanh", { minVal: -1, maxVal: 1 }, (x, p) =>
  composite.hardtanh(kit, x, p.minVal, p.maxVal),
);
/** x where |x| > lambd, else 0; lambd default 0.5. */
export const hardshrink = settable("hardshrink", { lambd: 0.5 }, (x, p) => composite.hardshrink(kit, x, p.lambd));
/** x moved toward 0 by lambd, 0 where |x| ≤ lambd; lambd default 0.5. */
export const softshrink = settable("softshrink", { lambd: 0.5 }, (x, p) => {
  if (!(p.lambd >= 0))
    throw new TwopassError({ op: "softshrink", problem: "lambd must not be negative", facts: `got ${p.lambd}` });
  return composite.softshrink(kit, x, p.lambd);
});

/** x above the threshold, else the value. */
export function threshold(input: Tensor, limit: number, value: number): Tensor {
  return resultOf(composite.threshold(kit, toFloating(vertexOf("threshold", "the input", input)), limit, value), [
    input,
  ]);
}

/**
 * x Φ(x), Φ the normal distribution; `approximate: "tanh"` is the older, cheaper form. Hendrycks, Gimpel (2016).
 *
 * @example
 * await gelu(tensor([-1, 1])).array(); // [-0.1587, 0.8413]
 */
export function gelu(input: Tensor, options?: GeluOptions): Tensor {
  checkTensor("gelu", "the input", input);
  return input.gelu(options);
}

/** eˣ / Σ eˣ along a dim: positive numbers with sum 1. */
export function softmax(input: Tensor, dim: number, options?: DtypeOptions): Tensor {
  checkTensor("softmax", "the input", input);
  return input.softmax(dim, options);
}

/** log softmax(x) along a dim, computed stably. */
export function logSoftmax(input: Tensor, dim: number, options?: DtypeOptions): Tensor {
  checkTensor("logSoftmax", "the input", input);
  return input.logSoftmax(dim, options);
}

/** softmax(−x) along a dim. */
export function softmin(input: Tensor, dim: number, options?: DtypeOptions): Tensor {
  checkTensor("softmin", "the input", input);
  return input.neg().softmax(dim, options);
}

/**
 * a · sigmoid(b), a and b the halves of the input along a dim (default the last). Dauphin et al. (2017).
 *
 * @example
 * await glu(tensor([6, 0])).array(); // [3]
 */
export function glu(input: Tensor, dim = -1): Tensor {
  const x = toFloating(vertexOf("glu", "the input", input));
  const along = normalizeDim("glu", dim, x.shape.length);
  if (x.shape.length > 0 && (x.shape[along] as number) % 2 === 0)
    return resultOf(composite.glu(kit, x, along), [input]);
  throw new TwopassError({
    op: "glu",
    problem: "the dim must have an even extent",
    facts: `dim ${dim} of ${showShape(x.shape)}`,
    shapes: [x.shape],
  });
}

/** x above 0, else weight · x: weight [1], or [C] for an input [N, C, ...]. He et al. (2015). */
export function prelu(input: Tensor, weight: Tensor): Tensor {
  const x = toFloating(vertexOf("prelu", "the input", input));
  const w = likeVertex("prelu", "the weight", weight, x);
  const channels = x.shape.length > 1 ? (x.shape[1] as number) : 1;
  const [count = 1] = w.shape;
  if (w.shape.length > 1 || (count !== 1 && count !== channels)) {
    throw new TwopassError({
      op: "prelu",
      problem: "the weight must have 1 element, or one for each channel",
      facts: `weight ${showShape(w.shape)}, input ${showShape(x.shape)}`,
      shapes: [w.shape, x.shape],
    });
  }
  const place = x.shape.map((_, i) => (i === 1 ? count : 1));
  return resultOf(composite.prelu(kit, x, kit.reshape(w, count === 1 ? [] : place)), [input, weight]);
}

export interface RReluOptions {
  /** Smallest slope below 0; default 1/8. */
  readonly lower?: number;
  /** Largest slope below 0; default 1/3. */
  readonly upper?: number;
  /** Whether slopes are random; default false: the mean of both bounds. */
  readonly training?: boolean;
}

/** x above 0, else a · x with a random slope a for each element, uniform in [lower, upper). Xu et al. (2015). */
export function rrelu(input: Tensor, options?: RReluOptions): Tensor {
  const op = "rrelu";
  const { lower, upper, training } = withDefaults(op, options, { lower: 1 / 8, upper: 1 / 3, training: false });
  numberIn(
    op,
    "lower",
    lower,
    Number.NEGATIVE_INFINITY,
    numberIn(op, "upper", upper, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY),
  );
  const x = floatingVertex(op, input);
  if (!training) return resultOf(composite.leakyRelu(kit, x, (lower + upper) / 2), [input]);
  const draws = kit.reshape(uniform(kit, sizeOf(x.shape), drawKey(), x.dtype), x.shape);
  return resultOf(composite.prelu(kit, x, kit.add(kit.mul(draws, upper - lower), lower)), [input]);
}
