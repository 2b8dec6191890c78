/**
 * How parameters start: `twopass/nn` exports this as `init`. Numbers are drawn on the host from one seeded stream, so they
 * are equal on all devices. Each function fills a stored tensor at once and gives it back. Floor: nn.
 */
import { allocate } from "../base/dtype.ts";
import { TwopassError, describe, nearest, showShape } from "../base/errors.ts";
import { stream } from "../base/random-stream.ts";
import { type Shape, sizeOf } from "../base/shape.ts";
import type { StoredTensor } from "../tensor/stored.ts";
import { numberIn, withDefaults } from "./functional/common.ts";

type Fill = (out: Float64Array) => void;

/** Fills a tensor through float32 or float64 elements of its size. */
function fill<T extends StoredTensor>(tensor: T, draw: (out: Float32Array | Float64Array) => void): T {
  const out = tensor.dtype === "float64" ? new Float64Array(tensor.size) : new Float32Array(tensor.size);
  draw(out);
  const data = allocate(tensor.dtype, out.length);
  data.set(out);
  tensor.load(data);
  return tensor;
}

/** Fills through float64, rounded when stored. */
function fillExactly<T extends StoredTensor>(tensor: T, draw: Fill): T {
  return fill(tensor, (out) => {
    const wide = new Float64Array(out.length);
    draw(wide);
    out.set(wide);
  });
}

/** Connections into and out of one unit of a weight [out, in, kernel...]. */
function fans(op: string, shape: Shape): { fanIn: number; fanOut: number } {
  if (shape.length < 2) {
    throw new TwopassError({
      op,
      problem: "only a weight with 2 or more dims has fan in and fan out",
      facts: `shape ${showShape(shape)}`,
      hint: "use uniform_, normal_ or zeros_ for a bias",
      shapes: [shape],
    });
  }
  const [out, into, ...kernel] = shape as readonly [number, number, ...number[]];
  return { fanIn: into * sizeOf(kernel), fanOut: out * sizeOf(kernel) };
}

/** Uniform in [from, to), default [0, 1). */
export function uniform_<T extends StoredTensor>(tensor: T, from = 0, to = 1): T {
  return fill(tensor, (out) => stream("init").fillUniform(out, from, to));
}

/** Normal distribution, default mean 0 and standard deviation 1. */
export function normal_<T extends StoredTensor>(tensor: T, mean = 0, std = 1): T {
  return fill(tensor, (out) => stream("init").fillNormal(out, mean, std));
}

/**
 * Normal distribution cut to [a, b].
 *
 * @param options.mean, options.std default 0 and 1.
 * @param options.a, options.b the bounds, default −2 and 2, not scaled by `std`.
 * @example
 * const layer = new nn.Linear(8, 8);
 * await nn.init.truncNormal_(layer.weight, { a: -1, b: 1 }).abs().le(1).all().item(); // 1
 */
export function truncNormal_<T extends StoredTensor>(
  tensor: T,
  options?: { readonly mean?: number; readonly std?: number; readonly a?: number; readonly b?: number },
): T {
  const { mean, std, a, b } = withDefaults("truncNormal_", options, { mean: 0, std: 1, a: -2, b: 2 });
  // Farther out than 8 deviations there is nothing to draw.
  const [low, high] = [Math.max((a - mean) / std, -8), Math.min((b - mean) / std, 8)];
  if (!(std > 0 && low < high)) {
    throw new TwopassError({
      op: "truncNormal_",
      problem: "nothing to draw from",
      facts: `mean ${mean}, std ${std}, [${a}, ${b}]`,
    });
  }
  const nearestToMean = Math.max(0, low, -high);
  const pair = new Float64Array(2);
  return fillExactly(tensor, (out) => {
    for (let i = 0; i < out.length; i++) {
      let z: number;
      // Uniform numbers, each taken with the probability of its density over the largest one.
      do {
        stream("init").fillUniform(pair, 0, 1);
        z = low + (high - low) * (pair[0] as number);
      } while ((pair[1] as number) >= Math.exp((nearestToMean * nearestToMean - z * z) / 2));
      out[i] = mean + std * z;
    }
  });
}

/** `value` everywhere. */
export function constant_<T extends StoredTensor>(tensor: T, value: number): T {
  return fill(tensor, (out) => out.fill(value));
}

/** 1 everywhere. */
export function ones_<T extends StoredTensor>(tensor: T): T {
  return constant_(tensor, 1);
}

/** 0 everywhere. */
export function zeros_<T extends StoredTensor>(tensor: T): T {
  return constant_(tensor, 0);
}

/** A matrix with 1 on the diagonal and 0 elsewhere. */
export function eye_<T extends StoredTensor>(tensor: T): T {
  const [rows, columns] = matrixShape("eye_", tensor.shape);
  return fill(tensor, (out) => {
    for (let i = 0; i < Math.min(rows, columns); i++) out[i * columns + i] = 1;
  });
}

/**
 * A convolution weight [out, in / groups, kernel...] that hands its input channels on: 1 in the middle of the kernel.
 *
 * @param options.groups default 1.
 * @example
 * const conv = new nn.Conv1d(1, 1, 3, { padding: 1, bias: false });
 * nn.init.dirac_(conv.weight);
 * await conv.forward(tensor([[[1, 2, 3]]])).array(); // [[[1, 2, 3]]]
 */
export function dirac_<T extends StoredTensor>(tensor: T, options?: { readonly groups?: number }): T {
  const { groups } = withDefaults("dirac_", options, { groups: 1 });
  const [out = 0, into = 0, ...kernel] = tensor.shape;
  if (kernel.length < 1 || kernel.length > 3 || out % groups !== 0) {
    throw new TwopassError({
      op: "dirac_",
      problem: "takes the weight of a convolution whose output channels are divisible by groups",
      facts: `shape ${showShape(tensor.shape)}, groups ${groups}`,
    });
  }
  const taps = sizeOf(kernel);
  const middle = kernel.reduce((place, n) => place * n + Math.floor(n / 2), 0);
  const perGroup = out / groups;
  return fill(tensor, (elements) => {
    for (let g = 0; g < groups; g++) {
      for (let c = 0; c < Math.min(perGroup, into); c++) {
        elements[((g * perGroup + c) * into + c) * taps + middle] = 1;
      }
    }
  });
}

const gains: Readonly<Record<string, number | ((slope: number) => number)>> = {
  linear: 1,
  conv1d: 1,
  conv2d: 1,
  conv3d: 1,
  convTranspose1d: 1,
  convTranspose2d: 1,
  convTranspose3d: 1,
  sigmoid: 1,
  tanh: 5 / 3,
  relu: Math.SQRT2,
  leakyRelu: (slope) => Math.sqrt(2 / (1 + slope * slope)),
  selu: 0.75,
};

/**
 * The factor that keeps the variance of a layer with this activation behind it.
 *
 * @param slope negative slope of leakyRelu; default 0.01.
 * @example
 * nn.init.calculateGain("tanh"); // 1.6667
 */
export function calculateGain(nonlinearity: string, slope = 0.01): number {
  const gain = Object.hasOwn(gains, nonlinearity) ? gains[nonlinearity] : undefined;
  if (gain === undefined) {
    const near = nearest(String(nonlinearity), Object.keys(gains));
    throw new TwopassError({
      op: "calculateGain",
      problem: `unknown nonlinearity ${describe(nonlinearity)}`,
      hint: near === undefined ? `known: ${Object.keys(gains).join(", ")}` : `did you mean "${near}"?`,
    });
  }
  return typeof gain === "number" ? gain : gain(slope);
}

/** Uniform in ±gain · √(6 / (fan in + fan out)); gain default 1. Glorot and Bengio (2010). */
export function xavierUniform_<T extends StoredTensor>(tensor: T, options?: { readonly gain?: number }): T {
  const { gain } = withDefaults("xavierUniform_", options, { gain: 1 });
  const { fanIn, fanOut } = fans("xavierUniform_", tensor.shape);
  const bound = gain * Math.sqrt(6 / Math.max(fanIn + fanOut, 1));
  return uniform_(tensor, -bound, bound);
}

/** Normal with deviation gain · √(2 / (fan in + fan out)); gain default 1. Glorot and Bengio (2010). */
export function xavierNormal_<T extends StoredTensor>(tensor: T, options?: { readonly gain?: number }): T {
  const { gain } = withDefaults("xavierNormal_", options, { gain: 1 });
  const { fanIn, fanOut } = fans("xavierNormal_", tensor.shape);
  return normal_(tensor, 0, gain * Math.sqrt(2 / Math.max(fanIn + fanOut, 1)));
}

export interface KaimingOptions {
  /** Negative slope of leakyRelu; default 0. */
  readonly a?: number;
  /** Whether the variance is kept forward ("fanIn", default) or backward ("fanOut"). */
  readonly mode?: "fanIn" | "fanOut";
  /** The activation behind the layer; default "leakyRelu". */
  readonly nonlinearity?: string;
}

/** gain / √fan. */
function kaimingDeviation(op: string, shape: Shape, given: KaimingOptions | undefined): number {
  const options = withDefaults<Required<KaimingOptions>>(op, given, { a: 0, mode: "fanIn", nonlinearity: "leakyRelu" });
  if (options.mode !== "fanIn" && options.mode !== "fanOut") {
    throw new TwopassError({ op, problem: `unknown mode ${describe(options.mode)}`, hint: "known: fanIn, fanOut" });
  }
  const fan = fans(op, shape)[options.mode];
  return calculateGain(options.nonlinearity, options.a) / Math.sqrt(Math.max(fan, 1));
}

/** Uniform in ±gain · √(3 / fan). He et al. (2015). */
export function kaimingUniform_<T extends StoredTensor>(tensor: T, options?: KaimingOptions): T {
  const bound = Math.sqrt(3) * kaimingDeviation("kaimingUniform_", tensor.shape, options);
  return uniform_(tensor, -bound, bound);
}

/** Normal with deviation gain / √fan. He et al. (2015). */
export function kaimingNormal_<T extends StoredTensor>(tensor: T, options?: KaimingOptions): T {
  return normal_(tensor, 0, kaimingDeviation("kaimingNormal_", tensor.shape, options));
}

/** Rows (or columns, where there are fewer) of length 1 at right angles, times gain; default 1. Saxe et al. (2013). */
export function orthogonal_<T extends StoredTensor>(tensor: T, options?: { readonly gain?: number }): T {
  const { gain } = withDefaults("orthogonal_", options, { gain: 1 });
  const { shape } = tensor;
  const [rows, columns] = matrixShape(
    "orthogonal_",
    shape.length < 2 ? shape : [shape[0] as number, sizeOf(shape.slice(1))],
  );
  const [count, length] = [Math.min(rows, columns), Math.max(rows, columns)];
  return fillExactly(tensor, (out) => {
    const vectors = new Float64Array(out.length);
    stream("init").fillNormal(vectors, 0, 1);
    orthonormalize(vectors, count, length);
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < length; j++) {
        out[rows <= columns ? i * length + j : j * count + i] = gain * (vectors[i * length + j] as number);
      }
    }
  });
}

/** Gram-Schmidt over the rows, each cleared twice of those before it, which is enough in floating point. */
function orthonormalize(vectors: Float64Array, count: number, length: number): void {
  for (let i = 0; i < count; i++) {
    const row = vectors.subarray(i * length, (i + 1) * length);
    for (let round = 0; round < 2; round++) {
      for (let before = 0; before < i; before++) {
        const other = vectors.subarray(before * length, (before + 1) * length);
        const share = dot(row, other);
        for (let j = 0; j < length; j++) row[j] = (row[j] as number) - share * (other[j] as number);
      }
    }
    const size = Math.sqrt(dot(row, row));
    for (let j = 0; j < length; j++) row[j] = (row[j] as number) / size;
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

/**
 * A matrix whose columns have the share `sparsity` of zeros at random places, the others normal. Martens (2010).
 *
 * @param options.std deviation of the others; default 0.01.
 * @example
 * const layer = new nn.Linear(4, 8);
 * await nn.init.sparse_(layer.weight, 0.25).eq(0).sum(0).array(); // [2, 2, 2, 2]
 */
export function sparse_<T extends StoredTensor>(tensor: T, sparsity: number, options?: { readonly std?: number }): T {
  const { std } = withDefaults("sparse_", options, { std: 0.01 });
  numberIn("sparse_", "sparsity", sparsity, 0, 1);
  const [rows, columns] = matrixShape("sparse_", tensor.shape);
  const zeros = Math.ceil(sparsity * rows);
  return fill(tensor, (out) => {
    stream("init").fillNormal(out, 0, std);
    for (let column = 0; column < columns; column++) {
      for (const row of stream("init").permutation(rows).subarray(0, zeros)) out[row * columns + column] = 0;
    }
  });
}

function matrixShape(op: string, shape: Shape): [number, number] {
  if (shape.length === 2) return [shape[0] as number, shape[1] as number];
  throw new TwopassError({ op, problem: "takes a matrix", facts: `shape ${showShape(shape)}`, shapes: [shape] });
}
