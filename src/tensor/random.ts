/**
 * Random tensors. Each draws a key where it is written, and a device makes its elements from the key: the same tensor
 * has the same elements however often it is read, and a new key compiles nothing. Floor: tensor.
 */
import { type Dtype, isFloating } from "../base/dtype.ts";
import { TwopassError, checkOptions } from "../base/errors.ts";
import { seedAll, stream } from "../base/random-stream.ts";
import { type Shape, sizeOf } from "../base/shape.ts";
import type { Value } from "../ir/value.ts";
import * as random from "../ops/composite/random.ts";
import { kit } from "../ops/kit.ts";
import { hostEffect, hostNumber } from "./capture.ts";
import { type TensorOptions, fromNothing, tensorOptions } from "./creation.ts";
import type { Engine } from "./engine.ts";
import { useAll, valueOf } from "./handle.ts";
import { inner } from "./inner.ts";
import { numberValue } from "./operand.ts";
import { type Sizes, checkDtype, checkNumber, checkWhole, dtypeError, readSizes } from "./options.ts";
import { Tensor } from "./tensor.ts";

/**
 * Seeds the process: initial parameters, dropout, random tensors and loaders made afterwards repeat themselves.
 *
 * @throws for a seed that is not a safe integer.
 * @example
 * manualSeed(1);
 * const a = rand(3);
 * manualSeed(1);
 * await a.eq(rand(3)).all().item(); // 1
 */
export function manualSeed(seed: number): void {
  seedAll(seed);
}

/** A key of its own, as numbers that each run reads; a compiled function draws another one at each call. */
function drawKey(): random.Key {
  let key: readonly [number, number] = [0, 0];
  hostEffect(() => {
    key = stream("tensor").key();
  });
  return [hostNumber(() => key[0], "int32"), hostNumber(() => key[1], "int32")];
}

type Distribution = typeof random.uniform;

function draw(
  op: string,
  distribution: Distribution,
  shape: Shape,
  dtype: Dtype,
  options: TensorOptions,
  engine?: Engine,
): Tensor {
  if (!isFloating(checkDtype(op, dtype))) throw dtypeError(op, dtype, "use float32 or float64, or randint");
  const line = distribution(kit, sizeOf(shape), drawKey(), dtype);
  return fromNothing(kit.reshape(line, shape), options, engine);
}

/**
 * Random numbers, uniform in [0, 1), of the given sizes: one by one or as a list, options behind them.
 * float32 unless `dtype` is given.
 *
 * @example
 * rand(2, 3).shape; // [2, 3]
 */
export function rand(...sizes: Sizes<TensorOptions>): Tensor {
  const { shape, options } = readSizes("rand", sizes, tensorOptions);
  return draw("rand", random.uniform, shape, options.dtype ?? "float32", options);
}

/**
 * Random numbers of the normal distribution with mean 0 and variance 1, of the given sizes as `rand` takes them.
 *
 * @example
 * randn(2, 3, { dtype: "float64" }).dtype; // "float64"
 */
export function randn(...sizes: Sizes<TensorOptions>): Tensor {
  const { shape, options } = readSizes("randn", sizes, tensorOptions);
  return draw("randn", random.normal, shape, options.dtype ?? "float32", options);
}

/**
 * Random numbers, uniform in [0, 1), with the shape, dtype (unless given) and device of `like`.
 *
 * @example
 * randLike(zeros(2, 3)).shape; // [2, 3]
 */
export function randLike(like: Tensor, options: TensorOptions = {}): Tensor {
  checkOptions("randLike", options, tensorOptions);
  return draw("randLike", random.uniform, like.shape, options.dtype ?? like.dtype, options, like[inner].engine);
}

/**
 * Random numbers of the normal distribution, with the shape, dtype (unless given) and device of `like`.
 *
 * @example
 * randnLike(zeros(2, 3)).shape; // [2, 3]
 */
export function randnLike(like: Tensor, options: TensorOptions = {}): Tensor {
  checkOptions("randnLike", options, tensorOptions);
  return draw("randnLike", random.normal, like.shape, options.dtype ?? like.dtype, options, like[inner].engine);
}

/**
 * Random whole numbers in [low, high), of the given sizes. int32 unless `dtype` is given.
 *
 * @param low the smallest; 0 where only `high` is given.
 * @throws for an empty range.
 * @example
 * randint(0, 10, [2, 3]).dtype; // "int32"
 */
export function randint(high: number, sizes: Shape, options?: TensorOptions): Tensor;
export function randint(low: number, high: number, sizes: Shape, options?: TensorOptions): Tensor;
export function randint(...given: (number | Shape | TensorOptions | undefined)[]): Tensor {
  const at = given.findIndex((x) => Array.isArray(x));
  if (at < 1) {
    throw new TwopassError({ op: "randint", problem: "needs sizes as a list", hint: "randint(0, 10, [2, 3])" });
  }
  const options = (given[at + 1] ?? {}) as TensorOptions;
  checkOptions("randint", options, tensorOptions);
  const [low, high] = at === 1 ? [0, given[0]] : [given[0], given[1]];
  const from = checkWhole("randint", "low", low, -(2 ** 31), 2 ** 31 - 1);
  const to = checkWhole("randint", "high", high, from + 1, Math.min(from + 2 ** 31 - 1, 2 ** 31));
  const { shape } = readSizes("randint", [given[at] as Shape], []);
  const line = random.integers(kit, sizeOf(shape), drawKey(), numberValue(to - from, "int32"));
  const shifted = kit.add(line, numberValue(from, "int32"));
  return fromNothing(kit.cast(kit.reshape(shifted, shape), checkDtype("randint", options.dtype ?? "int32")), options);
}

/**
 * The numbers 0 to n − 1 in random order, int32 [n] unless `dtype` is given.
 *
 * @example
 * await randperm(4).sort().values.array(); // [0, 1, 2, 3]
 */
export function randperm(n: number, options: TensorOptions = {}): Tensor {
  checkOptions("randperm", options, tensorOptions);
  const size = checkWhole("randperm", "n", n, 0, 2 ** 31 - 1);
  const order = random.permutation(kit, size, drawKey());
  return fromNothing(kit.cast(order, checkDtype("randperm", options.dtype ?? "int32")), options);
}

/**
 * Ones with probability p, zeros else: for each element of a tensor of probabilities, or for sizes and one number.
 * No gradient flows to the probabilities.
 *
 * @throws for a number outside [0, 1], and for a tensor that is not floating.
 * @example
 * await bernoulli(1, [2]).array(); // [1, 1]
 */
export function bernoulli(p: Tensor): Tensor;
export function bernoulli(p: number, sizes: Shape, options?: TensorOptions): Tensor;
export function bernoulli(p: Tensor | number, sizes?: Shape, options: TensorOptions = {}): Tensor {
  if (p instanceof Tensor) {
    const odds = valueOf(p);
    if (!isFloating(odds.dtype)) throw dtypeError("bernoulli", odds.dtype, "give probabilities as floats");
    return fromNothing(flips(odds, odds.shape, odds.dtype), {}, useAll([p]));
  }
  checkOptions("bernoulli", options, tensorOptions);
  if (!(checkNumber("bernoulli", "p", p) >= 0 && p <= 1)) {
    throw new TwopassError({ op: "bernoulli", problem: "a probability is from 0 to 1", facts: `got ${p}` });
  }
  const { shape } = readSizes("bernoulli", [sizes ?? []], []);
  return fromNothing(
    flips(numberValue(p, "float32"), shape, checkDtype("bernoulli", options.dtype ?? "float32")),
    options,
  );
}

function flips(odds: Value, shape: Shape, dtype: Dtype): Value {
  const line = random.uniform(kit, sizeOf(shape), drawKey(), odds.dtype);
  return kit.cast(kit.lt(kit.reshape(line, shape), odds), dtype);
}
