/** Tensors from data and from nothing. Random ones are in random.ts. Floor: tensor. */
import { type Dtype, type TypedArray, allocate, castElement, isFloating } from "../base/dtype.ts";
import { TwopassError, checkOptions, showShape } from "../base/errors.ts";
import { type Shape, checkShape, sizeOf } from "../base/shape.ts";
import type { Value } from "../ir/value.ts";
import { kit } from "../ops/kit.ts";
import { makeLeaf } from "../ops/leaf.ts";
import { type TensorData, checkRange, readData } from "./data.ts";
import { elementLeaf } from "./elements.ts";
import type { Engine } from "./engine.ts";
import { refuseData, tracing } from "./capture.ts";
import { currentEngine } from "./engines.ts";
import { Inner, inner } from "./inner.ts";
import { numberValue } from "./operand.ts";
import { type Sizes, checkDtype, checkNumber, checkWhole, isOptions, readSizes } from "./options.ts";
import { Tensor } from "./tensor.ts";

export type { NestedData, TensorData } from "./data.ts";

export interface TensorOptions {
  /** Type of the elements; default: what the data says, float32 where there is none. */
  readonly dtype?: Dtype;
  /** Whether `backward()` shall leave a gradient in `.grad`; default false. */
  readonly requiresGrad?: boolean;
}

export interface DataOptions extends TensorOptions {
  /** Shape for a typed array; default: one dim. */
  readonly shape?: Shape;
  /** Whether a typed array is copied; default true. With false it must not be changed any more. */
  readonly copy?: boolean;
}

export interface LogspaceOptions extends TensorOptions {
  /** What is taken to the powers; default 10. */
  readonly base?: number;
}

export const tensorOptions = ["dtype", "requiresGrad"];

/** A tensor over elements that nobody else changes any more. */
export function fromElements(data: TypedArray, shape: Shape, dtype: Dtype, requiresGrad = false): Tensor {
  if (requiresGrad && !isFloating(dtype)) {
    throw new TwopassError({
      op: "tensor",
      problem: "only floating tensors can require grad",
      facts: `dtype ${dtype}`,
      hint: "use float32 or float64",
      dtypes: [dtype],
    });
  }
  const value = makeLeaf(shape, dtype, { kind: "data", data }, requiresGrad);
  return new Tensor(new Inner(value, undefined, undefined, requiresGrad));
}

/** A tensor that a device computes from nothing. One that requires grad is computed at once: it is no result. */
export function fromNothing(value: Value, options: TensorOptions, engine: Engine = currentEngine()): Tensor {
  engine.noteFresh(value);
  const made = new Tensor(new Inner(value, engine));
  if (options.requiresGrad !== true) return made;
  const leaf = elementLeaf(value, engine);
  if (leaf.kind === "data") return fromElements(leaf.data, value.shape, value.dtype, true);
  return new Tensor(new Inner(makeLeaf(value.shape, value.dtype, leaf, true), engine, undefined, true));
}

/**
 * A tensor with the given elements: nested arrays, a typed array, a number or a boolean.
 *
 * Numbers become float32, booleans bool; typed arrays keep their type (Int8, Int16, Uint16 and BigInt64 become int32,
 * with a check of the range). The data is copied unless `copy: false` hands a typed array over.
 *
 * Differs from PyTorch: whole numbers are float32 too; use `int32([...])` for integers.
 *
 * @throws for ragged arrays, anything that is no number, a size that does not fit `shape`, and a number out of the range
 * of `dtype`: integers outside of theirs, NaN for integers and bool.
 * @example
 * tensor([[1, 2, 3], [4, 5, 6]]).shape; // [2, 3]
 */
export function tensor(data: TensorData, options: DataOptions = {}): Tensor {
  return read("tensor", data, options, options.dtype);
}

/**
 * A float32 tensor with the given elements, as `tensor` makes it.
 *
 * @example
 * float32(new Uint8Array([1, 2])).dtype; // "float32"
 */
export function float32(data: TensorData, options: Omit<DataOptions, "dtype"> = {}): Tensor {
  return read("float32", data, options, "float32");
}

/**
 * A float64 tensor with the given elements, as `tensor` makes it.
 *
 * @example
 * await float64([0.1]).array(); // [0.1]
 */
export function float64(data: TensorData, options: Omit<DataOptions, "dtype"> = {}): Tensor {
  return read("float64", data, options, "float64");
}

/**
 * An int32 tensor with the given elements, as `tensor` makes it. Fractions are cut off.
 *
 * @throws for NaN and for numbers below −2147483648 or above 2147483647.
 * @example
 * int32([1, 2]).dtype; // "int32"
 */
export function int32(data: TensorData, options: Omit<DataOptions, "dtype"> = {}): Tensor {
  return read("int32", data, options, "int32");
}

/**
 * A uint8 tensor with the given elements, as `tensor` makes it. Fractions are cut off.
 *
 * @throws for NaN and for numbers below 0 or above 255.
 * @example
 * await uint8([1.9, 255]).array(); // [1, 255]
 */
export function uint8(data: TensorData, options: Omit<DataOptions, "dtype"> = {}): Tensor {
  return read("uint8", data, options, "uint8");
}

/**
 * A bool tensor: whether each element is not 0.
 *
 * Differs from PyTorch: NaN throws.
 *
 * @example
 * await bool([0, 2, 0.5]).array(); // [0, 1, 1]
 */
export function bool(data: TensorData, options: Omit<DataOptions, "dtype"> = {}): Tensor {
  return read("bool", data, options, "bool");
}

function read(op: string, data: TensorData, options: DataOptions, wanted: Dtype | undefined): Tensor {
  if (tracing()?.isDry !== true) refuseData(op);
  checkOptions(op, options, op === "tensor" ? [...tensorOptions, "shape", "copy"] : ["requiresGrad", "shape", "copy"]);
  const to = wanted === undefined ? undefined : checkDtype(op, wanted);
  const wantedShape = options.shape === undefined ? undefined : checkShape(op, options.shape);
  const { elements, shape, dtype } = readData(op, data, to, options.copy !== false, wantedShape);
  const given = wantedShape ?? shape;
  if (sizeOf(given) !== elements.length) {
    throw new TwopassError({
      op,
      problem: "the data does not fit the shape",
      facts: `${elements.length} elements for ${showShape(given)}, which has ${sizeOf(given)}`,
      shapes: [given],
    });
  }
  return fromElements(elements, [...given], dtype, options.requiresGrad ?? false);
}

/**
 * One number everywhere.
 *
 * @param shape the sizes, as a list.
 * @param value a number (float32 unless `dtype` is given) or a boolean (bool).
 * @throws for a number out of the range of `dtype`.
 * @example
 * await full([2, 2], 7).array(); // [[7, 7], [7, 7]]
 */
export function full(shape: Shape, value: number | boolean, options: TensorOptions = {}): Tensor {
  checkOptions("full", options, tensorOptions);
  const dtype = checkDtype("full", options.dtype ?? (typeof value === "boolean" ? "bool" : "float32"));
  return filled(
    "full",
    readSizes("full", [shape], []).shape,
    typeof value === "boolean" ? Number(value) : value,
    dtype,
    options,
  );
}

function filled(
  op: string,
  shape: Shape,
  value: number,
  dtype: Dtype,
  options: TensorOptions,
  engine?: Engine,
): Tensor {
  checkRange(op, dtype, [checkNumber(op, "the value", value)], []);
  const element = castElement(dtype, value);
  if (options.requiresGrad === true) {
    return fromElements(allocate(dtype, sizeOf(shape)).fill(element), shape, dtype, true);
  }
  return fromNothing(kit.broadcast(numberValue(element, dtype), shape), {}, engine);
}

/**
 * Zeros of the given sizes: one by one or as a list, options behind them. float32 unless `dtype` is given.
 *
 * @example
 * zeros(2, 3, { dtype: "int32" }).shape; // [2, 3]
 */
export function zeros(...sizes: Sizes<TensorOptions>): Tensor {
  const { shape, options } = readSizes("zeros", sizes, tensorOptions);
  return filled("zeros", shape, 0, checkDtype("zeros", options.dtype ?? "float32"), options);
}

/**
 * Ones of the given sizes: one by one or as a list, options behind them. float32 unless `dtype` is given.
 *
 * @example
 * await ones(2, 3).array(); // [[1, 1, 1], [1, 1, 1]]
 */
export function ones(...sizes: Sizes<TensorOptions>): Tensor {
  const { shape, options } = readSizes("ones", sizes, tensorOptions);
  return filled("ones", shape, 1, checkDtype("ones", options.dtype ?? "float32"), options);
}

/**
 * One number everywhere, with the shape, dtype (unless given) and device of `like`.
 *
 * @example
 * await fullLike(int32([1, 2]), 7).array(); // [7, 7]
 */
export function fullLike(like: Tensor, value: number | boolean, options: TensorOptions = {}): Tensor {
  return filledLike("fullLike", like, typeof value === "boolean" ? Number(value) : value, options);
}

/**
 * Zeros with the shape, dtype (unless given) and device of `like`.
 *
 * @example
 * zerosLike(int32([1, 2])).dtype; // "int32"
 */
export function zerosLike(like: Tensor, options: TensorOptions = {}): Tensor {
  return filledLike("zerosLike", like, 0, options);
}

/**
 * Ones with the shape, dtype (unless given) and device of `like`.
 *
 * @example
 * await onesLike(tensor([1, 2])).array(); // [1, 1]
 */
export function onesLike(like: Tensor, options: TensorOptions = {}): Tensor {
  return filledLike("onesLike", like, 1, options);
}

function filledLike(op: string, like: Tensor, value: number, options: TensorOptions): Tensor {
  checkOptions(op, options, tensorOptions);
  return filled(op, like.shape, value, checkDtype(op, options.dtype ?? like.dtype), options, like[inner].engine);
}

/**
 * Ones on the diagonal, zeros elsewhere, [n, m]. float32 unless `dtype` is given.
 *
 * @param m columns; default n.
 * @example
 * await eye(2).array(); // [[1, 0], [0, 1]]
 */
export function eye(n: number, m?: number | TensorOptions, options?: TensorOptions): Tensor {
  const given = isOptions(m) ? (m as TensorOptions) : (options ?? {});
  checkOptions("eye", given, tensorOptions);
  const rows = checkWhole("eye", "n", n, 0);
  const columns = isOptions(m) || m === undefined ? rows : checkWhole("eye", "m", m, 0);
  const shape = [rows, columns];
  const dtype = checkDtype("eye", given.dtype ?? "float32");
  return fromNothing(kit.cast(kit.eq(kit.iota(shape, 0), kit.iota(shape, 1)), dtype), given);
}

/**
 * Numbers from `start` (0 unless given) up to but without `end`, by `step` (1 unless given): x[i] = start + i · step.
 * int32 where all three are whole, else float32, unless `dtype` is given.
 *
 * @throws for a step of 0 or one that leads away from `end`, for infinite bounds, and for numbers out of the range of `dtype`.
 * @example
 * await arange(1, 10, 3).array(); // [1, 4, 7]
 */
export function arange(end: number, options?: TensorOptions): Tensor;
export function arange(start: number, end: number, options?: TensorOptions): Tensor;
export function arange(start: number, end: number, step: number, options?: TensorOptions): Tensor;
export function arange(...given: (number | TensorOptions | undefined)[]): Tensor {
  const options = (given.find(isOptions) ?? {}) as TensorOptions;
  checkOptions("arange", options, tensorOptions);
  const numbers = given.filter((x) => x !== undefined && !isOptions(x)).map((x) => checkNumber("arange", "a bound", x));
  const [first = 0, second, step = 1] = numbers;
  const [start, end] = second === undefined ? [0, first] : [first, second];
  const size = Math.max(Math.ceil((end - start) / step), 0);
  if (!Number.isFinite(size) || (end - start) * step < 0) {
    throw new TwopassError({
      op: "arange",
      problem: "the steps do not lead to the end",
      facts: `from ${start} to ${end} by ${step}`,
      hint: "use finite bounds, and a negative step downward",
    });
  }
  const whole = [start, end, step].every(Number.isInteger);
  const dtype = checkDtype("arange", options.dtype ?? (whole ? "int32" : "float32"));
  const last = start + (size - 1) * step;
  if (size > 0) checkRange("arange", dtype, [start, last], []);
  const isCounted = whole && Math.max(Math.abs(start), Math.abs(last), Math.abs(step)) < 2 ** 31;
  if (!isCounted) return spaced(checkShape("arange", [size]), dtype, (i) => start + i * step, options);
  const counted = kit.mul(kit.iota([size], 0), numberValue(step, "int32"));
  return fromNothing(kit.cast(kit.add(counted, numberValue(start, "int32")), dtype), options);
}

/** Elements that the host computes in float64. */
function spaced(shape: Shape, dtype: Dtype, at: (i: number) => number, options: TensorOptions): Tensor {
  const elements = allocate(dtype, sizeOf(shape));
  for (let i = 0; i < elements.length; i++) elements[i] = castElement(dtype, at(i));
  return fromElements(elements, shape, dtype, options.requiresGrad ?? false);
}

/**
 * x[i] = start + i (end − start) / (steps − 1), counted from the nearer end so that both ends are exact. As in PyTorch
 * the ends of whole numbers are cut to whole numbers first.
 */
function linear(from: number, to: number, steps: number, dtype: Dtype): (i: number) => number {
  const [start, end] = isFloating(dtype) ? [from, to] : [Math.trunc(from), Math.trunc(to)];
  const step = steps > 1 ? (end - start) / (steps - 1) : 0;
  return (i) => (i < steps / 2 ? start + i * step : end - (steps - 1 - i) * step);
}

/**
 * `steps` numbers at equal distances from `start` to `end`, both included. float32 unless `dtype` is given.
 *
 * @example
 * await linspace(0, 1, 5).array(); // [0, 0.25, 0.5, 0.75, 1]
 */
export function linspace(start: number, end: number, steps: number, options: TensorOptions = {}): Tensor {
  checkOptions("linspace", options, tensorOptions);
  const shape = [checkWhole("linspace", "steps", steps, 0)];
  const dtype = checkDtype("linspace", options.dtype ?? "float32");
  return spaced(shape, dtype, linear(start, end, steps, dtype), options);
}

/**
 * `steps` powers of `base`, from base^start to base^end, the exponents at equal distances.
 *
 * @example
 * await logspace(0, 3, 4).array(); // [1, 10, 100, 1000]
 */
export function logspace(start: number, end: number, steps: number, options: LogspaceOptions = {}): Tensor {
  checkOptions("logspace", options, [...tensorOptions, "base"]);
  const shape = [checkWhole("logspace", "steps", steps, 0)];
  const base = checkNumber("logspace", "base", options.base ?? 10);
  const dtype = checkDtype("logspace", options.dtype ?? "float32");
  const exponent = linear(start, end, steps, dtype);
  return spaced(shape, dtype, (i) => base ** exponent(i), options);
}
