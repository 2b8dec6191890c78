/**
 * Free functions under the names of methods: `sub(1, p)` for `p.rsub(1)`, `exp(x)` for `x.exp()`. The first argument is
 * a tensor or a number; a number becomes a 0-d tensor of the dtype that promotion gives it. Floor: tensor.
 */
import { promoteWithNumber } from "../base/dtype.ts";
import { TwopassError, describe } from "../base/errors.ts";
import { kit } from "../ops/kit.ts";
import { table } from "../ops/table.ts";
import { checkCondition } from "./elementwise.ts";
import { currentEngine } from "./engines.ts";
import { TensorHandle, useAll, valueOf } from "./handle.ts";
import { Inner, inner } from "./inner.ts";
import { type Operand, numberValue, toFloating } from "./operand.ts";
import { type KeepdimOptions, checkWhole } from "./options.ts";
import type { Selection } from "./selections.ts";
import { Tensor } from "./tensor.ts";

/** Names of the methods that a free function can stand for. */
type Name = {
  [N in keyof Tensor]: Tensor[N] extends (...rest: never[]) => unknown ? N : never;
}[keyof Tensor];

type Free<N extends Name> = Tensor[N] extends (...rest: infer P) => infer R ? (x: Operand, ...rest: P) => R : never;

/** The function that calls a method of its first argument. */
function free<N extends Name>(name: N): Free<N> {
  const call = (x: Operand, ...rest: unknown[]): unknown => {
    const self = toTensor(String(name), x, rest);
    return (self[name] as (...rest: unknown[]) => unknown).apply(self, rest);
  };
  return call as Free<N>;
}

/** A number as a tensor that promotes with the tensors beside it as the number would. */
function toTensor(op: string, x: unknown, others: readonly unknown[]): Tensor {
  if (x instanceof Tensor) return x;
  if (typeof x !== "number" && typeof x !== "boolean") {
    throw new TwopassError({
      op,
      problem: "takes tensors and numbers",
      facts: `got ${describe(x)}`,
      hint: "wrap it: tensor([...])",
    });
  }
  const partner = others.find((other) => other instanceof TensorHandle);
  const plain = typeof x === "number" ? "float32" : "bool";
  const dtype = partner === undefined ? plain : promoteWithNumber(partner.dtype, x, Number.isInteger(Number(x)));
  return new Tensor(new Inner(numberValue(Number(x), dtype), partner?.[inner].engine ?? currentEngine()));
}

// Arithmetic

/** a + b. */
export const add = free("add");
/** a − b. */
export const sub = free("sub");
/** a · b. */
export const mul = free("mul");
/** a / b. */
export const div = free("div");
/** ⌊a / b⌋. */
export const floorDivide = free("floorDivide");
/** a − b ⌊a / b⌋, with the sign of b. */
export const remainder = free("remainder");
/** a − b trunc(a / b), with the sign of a. */
export const fmod = free("fmod");
/** aᵇ. */
export const pow = free("pow");
/** −x. */
export const neg = free("neg");
/** |x|. */
export const abs = free("abs");
/** −1, 0 or 1. */
export const sign = free("sign");
/** x². */
export const square = free("square");
/** Larger of two; NaN if either is. */
export const maximum = free("maximum");
/** Smaller of two; NaN if either is. */
export const minimum = free("minimum");
/** Larger of two; where one is NaN, the other. */
export const fmax = free("fmax");
/** Smaller of two; where one is NaN, the other. */
export const fmin = free("fmin");
/** x held within bounds. */
export const clamp = free("clamp");
/** a + w (b − a). */
export const lerp = free("lerp");
/** x + value · a · b. */
export const addcmul = free("addcmul");
/** x + value · a / b. */
export const addcdiv = free("addcdiv");

/**
 * Elements of `a` where `condition` (bool) holds, else of `b`. Shapes broadcast.
 *
 * @example
 * const x = tensor([-1, 2]);
 * await where(x.gt(0), x, 0).array(); // [0, 2]
 */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  checkCondition("where", condition);
  return toTensor("where", a, [b, condition]).where(condition, b);
}

// Functions of one element

/** √x. */
export const sqrt = free("sqrt");
/** 1 / √x. */
export const rsqrt = free("rsqrt");
/** 1 / x. */
export const reciprocal = free("reciprocal");
/** eˣ. */
export const exp = free("exp");
/** 2ˣ. */
export const exp2 = free("exp2");
/** eˣ − 1, precise near 0. */
export const expm1 = free("expm1");
/** Natural logarithm. */
export const log = free("log");
/** Logarithm to base 2. */
export const log2 = free("log2");
/** Logarithm to base 10. */
export const log10 = free("log10");
/** log(1 + x), precise near 0. */
export const log1p = free("log1p");
/** Sine of radians. */
export const sin = free("sin");
/** Cosine of radians. */
export const cos = free("cos");
/** Tangent of radians. */
export const tan = free("tan");
/** Inverse of the sine. */
export const asin = free("asin");
/** Inverse of the cosine. */
export const acos = free("acos");
/** Inverse of the tangent. */
export const atan = free("atan");
/** Angle of the point (x, y), given y and x. */
export const atan2 = free("atan2");
/** Hyperbolic sine. */
export const sinh = free("sinh");
/** Hyperbolic cosine. */
export const cosh = free("cosh");
/** Hyperbolic tangent. */
export const tanh = free("tanh");
/** Inverse of the hyperbolic sine. */
export const asinh = free("asinh");
/** Inverse of the hyperbolic cosine. */
export const acosh = free("acosh");
/** Inverse of the hyperbolic tangent. */
export const atanh = free("atanh");
/** √(a² + b²). */
export const hypot = free("hypot");
/** log(eᵃ + eᵇ). */
export const logaddexp = free("logaddexp");
/** log₂(2ᵃ + 2ᵇ). */
export const logaddexp2 = free("logaddexp2");
/** a · 2ᵇ. */
export const ldexp = free("ldexp");
/** a · log b, 0 where a is 0. */
export const xlogy = free("xlogy");
/** 0 below zero, 1 above, `atZero` there. */
export const heaviside = free("heaviside");
/** |a| with the sign of b. */
export const copysign = free("copysign");
/** 1 / (1 + e⁻ˣ). */
export const sigmoid = free("sigmoid");
/** log(x / (1 − x)). */
export const logit = free("logit");
/** Error function. */
export const erf = free("erf");
/** 1 − erf x. */
export const erfc = free("erfc");
/** log |Γ(x)|. */
export const lgamma = free("lgamma");
/** Derivative of log Γ(x). */
export const digamma = free("digamma");
/** Logarithm of the multivariate gamma function. */
export const mvlgamma = free("mvlgamma");
/** sin(πx) / (πx). */
export const sinc = free("sinc");
/** Degrees in radians. */
export const deg2rad = free("deg2rad");
/** Radians in degrees. */
export const rad2deg = free("rad2deg");
/** Largest whole number not above x. */
export const floor = free("floor");
/** Smallest whole number not below x. */
export const ceil = free("ceil");
/** Nearest whole number, half to even. */
export const round = free("round");
/** Whole part of x, toward zero. */
export const trunc = free("trunc");
/** x − trunc(x). */
export const frac = free("frac");
/** NaN and infinities replaced. */
export const nanToNum = free("nanToNum");
/** max(x, 0). */
export const relu = free("relu");
/** eˣ / Σ eˣ along a dim. */
export const softmax = free("softmax");
/** x − log Σ eˣ along a dim. */
export const logSoftmax = free("logSoftmax");

// Questions

/** a = b, bool. */
export const eq = free("eq");
/** a ≠ b, bool. */
export const ne = free("ne");
/** a < b, bool. */
export const lt = free("lt");
/** a ≤ b, bool. */
export const le = free("le");
/** a > b, bool. */
export const gt = free("gt");
/** a ≥ b, bool. */
export const ge = free("ge");
/** Whether both are not 0. */
export const logicalAnd = free("logicalAnd");
/** Whether one or both are not 0. */
export const logicalOr = free("logicalOr");
/** Whether exactly one is not 0. */
export const logicalXor = free("logicalXor");
/** Whether 0. */
export const logicalNot = free("logicalNot");
/** Bits that both have. */
export const bitwiseAnd = free("bitwiseAnd");
/** Bits that one or both have. */
export const bitwiseOr = free("bitwiseOr");
/** Bits that exactly one has. */
export const bitwiseXor = free("bitwiseXor");
/** Bits inverted. */
export const bitwiseNot = free("bitwiseNot");
/** Bits moved up. */
export const bitwiseLeftShift = free("bitwiseLeftShift");
/** Bits moved down. */
export const bitwiseRightShift = free("bitwiseRightShift");
/** Whether NaN. */
export const isnan = free("isnan");
/** Whether infinite. */
export const isinf = free("isinf");
/** Whether neither infinite nor NaN. */
export const isfinite = free("isfinite");
/** Whether |a − b| ≤ atol + rtol |b|. */
export const isclose = free("isclose");

// Reductions and choices

/** Sum along dims, or of all elements. */
export const sum = free("sum");
/** Mean along dims, or of all elements. */
export const mean = free("mean");
/** Product along dims, or of all elements. */
export const prod = free("prod");
/** Sum of what is not NaN. */
export const nansum = free("nansum");
/** Mean of what is not NaN. */
export const nanmean = free("nanmean");
/** Variance along dims, or of all elements. Called `variance` since `var` is a word of the language. */
export const variance = free("var");
/** Standard deviation along dims, or of all elements. */
export const std = free("std");
/** Variance and mean. */
export const varMean = free("varMean");
/** Standard deviation and mean. */
export const stdMean = free("stdMean");
/** (Σ |x|ᵖ)^(1/p). */
export const norm = free("norm");
/** ‖a − b‖ₚ. */
export const dist = free("dist");
/** log Σ eˣ. */
export const logsumexp = free("logsumexp");
/** Whether any element is not 0. */
export const any = free("any");
/** Whether all elements are not 0. */
export const all = free("all");
/** Number of elements that are not 0. */
export const countNonzero = free("countNonzero");
/** Largest element along dims, or of all. */
export const amax = free("amax");
/** Smallest element along dims, or of all. */
export const amin = free("amin");
/** Smallest and largest element. */
export const aminmax = free("aminmax");
/** Position of the largest element. */
export const argmax = free("argmax");
/** Position of the smallest element. */
export const argmin = free("argmin");
/** The k-th smallest element along a dim. */
export const kthvalue = free("kthvalue");
/** Elements in order along a dim. */
export const sort = free("sort");
/** Positions that put the elements in order. */
export const argsort = free("argsort");
/** The k largest elements along a dim. */
export const topk = free("topk");
/** Running sum along a dim. */
export const cumsum = free("cumsum");
/** Running product along a dim. */
export const cumprod = free("cumprod");
/** Running log Σ eˣ along a dim. */
export const logcumsumexp = free("logcumsumexp");
/** Largest element so far along a dim. */
export const cummax = free("cummax");
/** Smallest element so far along a dim. */
export const cummin = free("cummin");
/** Differences of neighbours along a dim. */
export const diff = free("diff");

/**
 * The n-th derivative of the digamma function, for a whole number n from 0. Integers become float32.
 *
 * @example
 * await polygamma(1, tensor([1])).item(); // 1.6449
 */
export function polygamma(n: number, x: Tensor): Tensor {
  const order = checkWhole("polygamma", "n", n, 0);
  const value = kit.map(table.polygamma, order, toFloating(valueOf(x)));
  const engine = useAll([x]);
  engine.noteFresh(value);
  return new Tensor(new Inner(value, engine));
}

/**
 * Largest element: of all, or along a dim with its position.
 *
 * @example
 * const x = tensor([[1, 5], [7, 3]]);
 * await max(x).item(); // 7
 * await max(x, 1).indices.array(); // [1, 0]
 */
export function max(x: Tensor): Tensor;
export function max(x: Tensor, dim: number, options?: KeepdimOptions): Selection;
export function max(x: Tensor, dim?: number, options?: KeepdimOptions): Tensor | Selection {
  return dim === undefined ? x.max() : x.max(dim, options);
}

/**
 * Smallest element: of all, or along a dim with its position.
 *
 * @example
 * const x = tensor([[1, 5], [7, 3]]);
 * await min(x).item(); // 1
 * await min(x, 1).indices.array(); // [0, 1]
 */
export function min(x: Tensor): Tensor;
export function min(x: Tensor, dim: number, options?: KeepdimOptions): Selection;
export function min(x: Tensor, dim?: number, options?: KeepdimOptions): Tensor | Selection {
  return dim === undefined ? x.min() : x.min(dim, options);
}

/**
 * Lower median of what is not NaN: of all elements, or along a dim with its position.
 *
 * @example
 * await nanmedian(tensor([3, NaN, 1, 2])).item(); // 2
 */
export function nanmedian(x: Tensor): Tensor;
export function nanmedian(x: Tensor, dim: number, options?: KeepdimOptions): Selection;
export function nanmedian(x: Tensor, dim?: number, options?: KeepdimOptions): Tensor | Selection {
  return dim === undefined ? x.nanmedian() : x.nanmedian(dim, options);
}

/**
 * Lower median: of all elements, or along a dim with its position.
 *
 * @example
 * await median(tensor([4, 1, 3, 2])).item(); // 2
 */
export function median(x: Tensor): Tensor;
export function median(x: Tensor, dim: number, options?: KeepdimOptions): Selection;
export function median(x: Tensor, dim?: number, options?: KeepdimOptions): Tensor | Selection {
  return dim === undefined ? x.median() : x.median(dim, options);
}
