/** Convolutions as functions. Floor: nn. */
import { TwopassError, showShape } from "../../base/errors.ts";
import type { Value } from "../../ir/value.ts";
import { convolve, convolveTransposed, transposedExtents } from "../../ops/composite/convolution.ts";
import { type ConvSettings, convExtents } from "../../ops/conv.ts";
import { kit } from "../../ops/kit.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import {
  type Optional,
  floatingVertex,
  likeVertex,
  optionalVertex,
  perDim,
  present,
  rankError,
  resultOf,
  checkWhole,
  withDefaults,
} from "./common.ts";

/** One number for all spatial dims, or one for each. */
export type PerDim = number | readonly number[];

export interface ConvOptions {
  /** Step from window to window; default 1. */
  readonly stride?: PerDim;
  /** Zeros around the input; "same" keeps the extents (stride 1 only), "valid" is 0; default 0. */
  readonly padding?: PerDim | "same" | "valid";
  /** Step from tap to tap within a window; default 1. */
  readonly dilation?: PerDim;
  /** Groups of channels that are convolved apart; default 1. */
  readonly groups?: number;
}

export interface ConvTransposeOptions {
  /** Step between the places that the input's elements are spread to; default 1. */
  readonly stride?: PerDim;
  /** Elements cut off around the result; default 0. */
  readonly padding?: PerDim;
  /** Elements added to the end of the result; smaller than stride or dilation; default 0. */
  readonly outputPadding?: PerDim;
  /** Groups of channels that are convolved apart; default 1. */
  readonly groups?: number;
  /** Step from tap to tap within a window; default 1. */
  readonly dilation?: PerDim;
}

/** Zeros in front of and behind each dim. */
export function convPadding(
  op: string,
  padding: PerDim | "same" | "valid",
  kernel: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
): { low: readonly number[]; high: readonly number[] } {
  const n = kernel.length;
  if (padding === "valid") return { low: kernel.map(() => 0), high: kernel.map(() => 0) };
  if (padding === "same") {
    if (stride.some((s) => s !== 1)) {
      throw new TwopassError({
        op,
        problem: 'padding "same" needs stride 1',
        facts: `stride ${showShape(stride)}`,
        hint: "give the padding as a number",
      });
    }
    const total = kernel.map((size, i) => (dilation[i] as number) * (size - 1));
    const low = total.map((t) => Math.floor(t / 2));
    return { low, high: total.map((t, i) => t - (low[i] as number)) };
  }
  const list = perDim(op, "padding", padding, n, [], 0);
  return { low: list, high: list };
}

function channelError(op: string, x: Value, w: Value, channels: number, takes: number, groups: number): TwopassError {
  const isLast = x.shape[x.shape.length - 1] === takes;
  const order = [0, x.shape.length - 1, ...Array.from({ length: x.shape.length - 2 }, (_, i) => i + 1)];
  return new TwopassError({
    op,
    problem: `the input has ${channels} channels, the weight takes ${takes}`,
    facts: `input ${showShape(x.shape)}, weight ${showShape(w.shape)}, groups ${groups}`,
    ...(isLast ? { hint: `channels come first: x.permute(${order.join(", ")})` } : {}),
    shapes: [x.shape, w.shape],
  });
}

/** Checks the rank and gives the input with a batch dim. */
export function batched(op: string, x: Value, n: number): Value {
  if (x.shape.length === n + 2) return x;
  if (x.shape.length === n + 1) return kit.reshape(x, [1, ...x.shape]);
  throw rankError(op, x, n);
}

/** Takes the batch dim away again where the input had none. */
export function unbatched(y: Value, like: Value): Value {
  return y.shape.length === like.shape.length ? y : kit.reshape(y, y.shape.slice(1));
}

function checkWeight(op: string, w: Value, n: number, layout: string): void {
  if (w.shape.length === n + 2) return;
  throw new TwopassError({
    op,
    problem: `the weight must have ${n + 2} dims [${layout}, kernel...]`,
    facts: `it has shape ${showShape(w.shape)}`,
    shapes: [w.shape],
  });
}

function checkExtents(op: string, extents: readonly number[], x: Value, w: Value): void {
  if (extents.every((n) => n > 0)) return;
  throw new TwopassError({
    op,
    problem: "the kernel does not fit into the padded input",
    facts: `input ${showShape(x.shape)}, weight ${showShape(w.shape)}, the result would have ${showShape(extents)}`,
    shapes: [x.shape, w.shape],
  });
}

function convolution(
  op: string,
  n: number,
  input: Tensor,
  weight: Tensor,
  bias: Optional<Tensor>,
  given: ConvOptions | undefined,
): Tensor {
  const options = withDefaults<Required<ConvOptions>>(op, given, { stride: 1, padding: 0, dilation: 1, groups: 1 });
  const x = floatingVertex(op, input);
  const w = likeVertex(op, "the weight", weight, x);
  checkWeight(op, w, n, "O, C / groups");
  const xBatched = batched(op, x, n);
  const groups = checkWhole(op, "groups", options.groups, 1);
  const [outChannels, perGroup] = w.shape as [number, number];
  if (outChannels % groups !== 0) {
    throw new TwopassError({
      op,
      problem: "the output channels are not divisible by groups",
      facts: `weight ${showShape(w.shape)}, groups ${groups}`,
      shapes: [w.shape],
    });
  }
  const channels = xBatched.shape[1] as number;
  if (channels !== perGroup * groups) throw channelError(op, x, w, channels, perGroup * groups, groups);
  const b = optionalVertex(op, "the bias", bias, w, [outChannels]);
  const kernel = w.shape.slice(2);
  const stride = perDim(op, "stride", options.stride, n, [], 1);
  const dilation = perDim(op, "dilation", options.dilation, n, [], 1);
  const settings: ConvSettings = {
    stride,
    dilation,
    groups,
    ...convPadding(op, options.padding, kernel, stride, dilation),
  };
  checkExtents(op, convExtents(xBatched.shape.slice(2), kernel, settings), x, w);
  return resultOf(unbatched(convolve(kit, xBatched, w, b, settings), x), present(input, weight, bias));
}

/**
 * Convolution along one dim: y[n, o, i] = b[o] + Σ x[n, c, i · stride + j · dilation − padding] · w[o, c, j].
 *
 * @param input [N, C, L], or [C, L]
 * @param weight [O, C / groups, K]
 * @param bias [O]; default none.
 * @returns [N, O, L'] with L' = ⌊(L + 2 · padding − dilation · (K − 1) − 1) / stride⌋ + 1
 * @example
 * await conv1d(tensor([[1, 2, 4]]), tensor([[[-1, 1]]])).array(); // [[1, 2]]
 */
export function conv1d(input: Tensor, weight: Tensor, bias?: Optional<Tensor>, options?: ConvOptions): Tensor {
  return convolution("conv1d", 1, input, weight, bias, options);
}

/**
 * Convolution of images, by the formula of `conv1d` in both dims.
 *
 * @param input [N, C, H, W], or [C, H, W]
 * @param weight [O, C / groups, KH, KW]
 * @param bias [O]; default none.
 * @returns [N, O, H', W']
 * @throws where the channels do not match, or the kernel is larger than the padded input.
 * @example
 * conv2d(zeros(8, 1, 28, 28), zeros(6, 1, 5, 5), null, { padding: 2 }).shape; // [8, 6, 28, 28]
 */
export function conv2d(input: Tensor, weight: Tensor, bias?: Optional<Tensor>, options?: ConvOptions): Tensor {
  return convolution("conv2d", 2, input, weight, bias, options);
}

/** Convolution of volumes: input [N, C, D, H, W] or [C, D, H, W], weight [O, C / groups, KD, KH, KW], bias [O]. */
export function conv3d(input: Tensor, weight: Tensor, bias?: Optional<Tensor>, options?: ConvOptions): Tensor {
  return convolution("conv3d", 3, input, weight, bias, options);
}

function transposed(
  op: string,
  n: number,
  input: Tensor,
  weight: Tensor,
  bias: Optional<Tensor>,
  given: ConvTransposeOptions | undefined,
): Tensor {
  const standard = { stride: 1, padding: 0, outputPadding: 0, groups: 1, dilation: 1 };
  const options = withDefaults<Required<ConvTransposeOptions>>(op, given, standard);
  const x = floatingVertex(op, input);
  const w = likeVertex(op, "the weight", weight, x);
  checkWeight(op, w, n, "C, O / groups");
  const xBatched = batched(op, x, n);
  const groups = checkWhole(op, "groups", options.groups, 1);
  const [takes, perGroup] = w.shape as [number, number];
  const channels = xBatched.shape[1] as number;
  if (channels !== takes) throw channelError(op, x, w, channels, takes, groups);
  if (takes % groups !== 0) {
    throw new TwopassError({
      op,
      problem: "the channels are not divisible by groups",
      facts: `${takes} and ${groups}`,
    });
  }
  const b = optionalVertex(op, "the bias", bias, w, [perGroup * groups]);
  const settings = {
    stride: perDim(op, "stride", options.stride, n, [], 1),
    padding: perDim(op, "padding", options.padding, n, [], 0),
    outputPadding: perDim(op, "outputPadding", options.outputPadding, n, [], 0),
    dilation: perDim(op, "dilation", options.dilation, n, [], 1),
    groups,
  };
  settings.outputPadding.forEach((p, i) => {
    if (p < Math.max(settings.stride[i] as number, settings.dilation[i] as number)) return;
    throw new TwopassError({
      op,
      problem: "outputPadding must be smaller than stride or dilation",
      facts: `outputPadding ${p}, stride ${settings.stride[i]}, dilation ${settings.dilation[i]}`,
    });
  });
  checkExtents(op, transposedExtents(xBatched.shape.slice(2), w.shape.slice(2), settings), x, w);
  return resultOf(unbatched(convolveTransposed(kit, xBatched, w, b, settings), x), present(input, weight, bias));
}

/** Transposed convolution along one dim: input [N, C, L] or [C, L], weight [C, O / groups, K], bias [O]. */
export function convTranspose1d(
  input: Tensor,
  weight: Tensor,
  bias?: Optional<Tensor>,
  options?: ConvTransposeOptions,
): Tensor {
  return transposed("convTranspose1d", 1, input, weight, bias, options);
}

/**
 * Transposed convolution of images: the gradient of `conv2d` with respect to its input, as an operation.
 *
 * @param input [N, C, H, W], or [C, H, W]
 * @param weight [C, O / groups, KH, KW]
 * @param bias [O]; default none.
 * @returns [N, O, H', W'] with H' = (H − 1) · stride − 2 · padding + dilation · (KH − 1) + outputPadding + 1
 * @example
 * convTranspose2d(zeros(1, 8, 7, 7), zeros(8, 4, 4, 4), null, { stride: 2, padding: 1 }).shape; // [1, 4, 14, 14]
 */
export function convTranspose2d(
  input: Tensor,
  weight: Tensor,
  bias?: Optional<Tensor>,
  options?: ConvTransposeOptions,
): Tensor {
  return transposed("convTranspose2d", 2, input, weight, bias, options);
}

/** Transposed convolution of volumes: input [N, C, D, H, W], weight [C, O / groups, KD, KH, KW], bias [O]. */
export function convTranspose3d(
  input: Tensor,
  weight: Tensor,
  bias?: Optional<Tensor>,
  options?: ConvTransposeOptions,
): Tensor {
  return transposed("convTranspose3d", 3, input, weight, bias, options);
}
