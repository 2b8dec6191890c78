/**
 * Functions of one element: roots, exponentials, circular and special functions, rounding. All but the rounding ones
 * give float32 for integers and bool. Floor: tensor.
 */
import { checkOptions } from "../base/errors.ts";
import { isFloating } from "../base/dtype.ts";
import * as composite from "../ops/composite/elementwise.ts";
import { kit } from "../ops/kit.ts";
import { checkNumber, checkWhole, dtypeError } from "./options.ts";
import { ElementwiseMethods } from "./elementwise.ts";
import { valueOf } from "./handle.ts";
import { type Operand, toFloating } from "./operand.ts";
import type { Tensor } from "./tensor.ts";

export interface RoundOptions {
  /** Decimals to keep; negative ones round to tens, hundreds and so on; default 0. */
  readonly decimals?: number;
}

export interface NanToNumOptions {
  /** For NaN; default 0. */
  readonly nan?: number;
  /** For Infinity; default the largest number of the dtype. */
  readonly posinf?: number;
  /** For −Infinity; default the smallest number of the dtype. */
  readonly neginf?: number;
}

const largest = { float32: 3.4028234663852886e38, float64: Number.MAX_VALUE } as const;

export abstract class MathMethods extends ElementwiseMethods {
  /** Square root: y = √x; NaN below 0. */
  sqrt(): Tensor {
    return this.unary("sqrt");
  }

  /** One over the square root: y = 1 / √x. */
  rsqrt(): Tensor {
    return this.unary("rsqrt");
  }

  /** One over x: y = 1 / x. */
  reciprocal(): Tensor {
    return this.unary("reciprocal");
  }

  /**
   * Exponential function: y = eˣ.
   *
   * @example
   * await tensor([0, -Infinity]).exp().array(); // [1, 0]
   */
  exp(): Tensor {
    return this.unary("exp");
  }

  /** Power of two: y = 2ˣ. */
  exp2(): Tensor {
    return this.unary("exp2");
  }

  /** y = eˣ − 1, precise near 0. */
  expm1(): Tensor {
    return this.unary("expm1");
  }

  /** Natural logarithm: y = log x; −Infinity at 0, NaN below. */
  log(): Tensor {
    return this.unary("log");
  }

  /** Logarithm to base 2. */
  log2(): Tensor {
    return this.unary("log2");
  }

  /** Logarithm to base 10. */
  log10(): Tensor {
    return this.unary("log10");
  }

  /** y = log(1 + x), precise near 0. */
  log1p(): Tensor {
    return this.unary("log1p");
  }

  /** Sine of x in radians. */
  sin(): Tensor {
    return this.unary("sin");
  }

  /** Cosine of x in radians. */
  cos(): Tensor {
    return this.unary("cos");
  }

  /** Tangent of x in radians. */
  tan(): Tensor {
    return this.unary("tan");
  }

  /** Inverse of the sine, in [−π/2, π/2]. */
  asin(): Tensor {
    return this.unary("asin");
  }

  /** Inverse of the cosine, in [0, π]. */
  acos(): Tensor {
    return this.unary("acos");
  }

  /** Inverse of the tangent, in (−π/2, π/2). */
  atan(): Tensor {
    return this.unary("atan");
  }

  /** Hyperbolic sine: y = (eˣ − e⁻ˣ) / 2. */
  sinh(): Tensor {
    return this.unary("sinh");
  }

  /** Hyperbolic cosine: y = (eˣ + e⁻ˣ) / 2. */
  cosh(): Tensor {
    return this.unary("cosh");
  }

  /** Hyperbolic tangent: y = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ). */
  tanh(): Tensor {
    return this.unary("tanh");
  }

  /** Inverse of the hyperbolic sine: y = log(x + √(x² + 1)). */
  asinh(): Tensor {
    return this.unary("asinh");
  }

  /** Inverse of the hyperbolic cosine: y = log(x + √(x² − 1)), for x ≥ 1. */
  acosh(): Tensor {
    return this.unary("acosh");
  }

  /** Inverse of the hyperbolic tangent: y = log((1 + x) / (1 − x)) / 2, for |x| ≤ 1. */
  atanh(): Tensor {
    return this.unary("atanh");
  }

  /** Angle of the point (other, this), in [−π, π]. Shapes broadcast. */
  atan2(other: Operand): Tensor {
    return this.binary("atan2", other);
  }

  /** Length of the hypotenuse: y = √(a² + b²), without overflow in between. Shapes broadcast. */
  hypot(other: Operand): Tensor {
    return this.binary("hypot", other);
  }

  /** y = log(eᵃ + eᵇ), stable. Shapes broadcast. */
  logaddexp(other: Operand): Tensor {
    return this.binary("logaddexp", other);
  }

  /** y = log₂(2ᵃ + 2ᵇ), stable. Shapes broadcast. */
  logaddexp2(other: Operand): Tensor {
    return this.binary("logaddexp2", other);
  }

  /** y = a · 2ᵇ. Shapes broadcast. */
  ldexp(other: Operand): Tensor {
    return this.binary("ldexp", other);
  }

  /** Power in float64: y = aᵇ. Shapes broadcast. */
  floatPower(exponent: Operand): Tensor {
    return this.binary("floatPower", exponent);
  }

  /** y = a · log b; 0 where a is 0 and b is not NaN. Shapes broadcast. */
  xlogy(other: Operand): Tensor {
    return this.binary("xlogy", other);
  }

  /** 0 below zero, 1 above, `atZero` there. Shapes broadcast; the gradient goes to `atZero`. */
  heaviside(atZero: Operand): Tensor {
    return this.binary("heaviside", atZero);
  }

  /** |a| with the sign of b, also that of −0. Shapes broadcast. */
  copysign(sign: Operand): Tensor {
    return this.binary("copysign", sign);
  }

  /** Logistic function: y = 1 / (1 + e⁻ˣ). */
  sigmoid(): Tensor {
    return this.unary("sigmoid");
  }

  /**
   * Inverse of the sigmoid: y = log(x / (1 − x)).
   *
   * @param options.eps holds x within [eps, 1 − eps] first; default: not.
   * @example
   * await tensor([0, 0.5]).logit({ eps: 0.25 }).array(); // [-1.0986, 0]
   */
  logit(options: { readonly eps?: number } = {}): Tensor {
    checkOptions("logit", options, ["eps"]);
    const eps = options.eps === undefined ? undefined : checkNumber("logit", "eps", options.eps);
    return this.result(composite.logit(kit, toFloating(valueOf(this)), eps));
  }

  /** Error function: y = 2/√π ∫₀ˣ exp(−t²) dt. */
  erf(): Tensor {
    return this.unary("erf");
  }

  /** y = 1 − erf x, precise where erf x is close to 1. */
  erfc(): Tensor {
    return this.unary("erfc");
  }

  /** Logarithm of the gamma function: y = log |Γ(x)|. */
  lgamma(): Tensor {
    return this.unary("lgamma");
  }

  /** Derivative of the logarithm of the gamma function. */
  digamma(): Tensor {
    return this.unary("digamma");
  }

  /** Logarithm of the multivariate gamma function of dimension p, for x > (p − 1) / 2. */
  mvlgamma(p: number): Tensor {
    const dimension = checkWhole("mvlgamma", "p", p, 1, 1000);
    return this.result(composite.mvlgamma(kit, toFloating(valueOf(this)), dimension));
  }

  /** y = sin(πx) / (πx), 1 at 0. */
  sinc(): Tensor {
    return this.unary("sinc");
  }

  /** Degrees in radians: y = x π / 180. */
  deg2rad(): Tensor {
    return this.unary("deg2rad");
  }

  /** Radians in degrees: y = x 180 / π. */
  rad2deg(): Tensor {
    return this.unary("rad2deg");
  }

  /** Largest whole number not above x. Integers stay as they are; the gradient is 0. */
  floor(): Tensor {
    return this.unary("floor");
  }

  /** Smallest whole number not below x. Integers stay as they are; the gradient is 0. */
  ceil(): Tensor {
    return this.unary("ceil");
  }

  /** Whole part of x, toward zero. Integers stay as they are; the gradient is 0. */
  trunc(): Tensor {
    return this.unary("trunc");
  }

  /** What is behind the point: y = x − trunc(x). */
  frac(): Tensor {
    return this.unary("frac");
  }

  /**
   * Nearest whole number, half to even; or nearest number with some decimals. The gradient is 0.
   *
   * @throws for integers with decimals.
   * @example
   * await tensor([0.5, 1.5, 2.26]).round().array(); // [0, 2, 2]
   */
  round(options: RoundOptions = {}): Tensor {
    checkOptions("round", options, ["decimals"]);
    const decimals = checkWhole("round", "decimals", options.decimals ?? 0, -300, 300);
    const x = valueOf(this);
    if (isFloating(x.dtype)) return this.result(composite.round(kit, x, decimals));
    if (x.dtype === "bool" || decimals !== 0) throw dtypeError("round", x.dtype, "cast with float() first");
    return this.result(kit.alias(x));
  }

  /** NaN and infinities replaced by numbers; they get no gradient. Integers stay as they are. */
  nanToNum(options: NanToNumOptions = {}): Tensor {
    checkOptions("nanToNum", options, ["nan", "posinf", "neginf"]);
    const x = valueOf(this);
    if (x.dtype !== "float32" && x.dtype !== "float64") return this.result(kit.alias(x));
    const { nan = 0, posinf = largest[x.dtype], neginf = -largest[x.dtype] } = options;
    return this.result(composite.nanToNum(kit, x, nan, posinf, neginf));
  }
}
