/** Sums, means, norms and the like, along dims or of all elements. Floor: tensor. */
import { isFloating } from "../base/dtype.ts";
import { TwopassError, checkOptions } from "../base/errors.ts";
import { sameShape } from "../base/shape.ts";
import type { Value } from "../ir/value.ts";
import * as composite from "../ops/composite/reduction.ts";
import { kit } from "../ops/kit.ts";
import { type Dims, type DtypeOptions, type KeepdimOptions, checkNumber, checkDtype } from "./options.ts";
import type { CloseOptions } from "./comparisons.ts";
import { type Operand, toFloating } from "./operand.ts";
import { SelectionMethods, widened } from "./selections.ts";
import type { Tensor } from "./tensor.ts";

export interface SumOptions extends KeepdimOptions, DtypeOptions {}

export interface VarianceOptions extends KeepdimOptions {
  /** What is taken off the number of elements; default 1 (Bessel's correction), 0 for the variance of all there is. */
  readonly correction?: number;
}

const sumOptions = ["keepdim", "dtype"];
const keepdimOnly = ["keepdim"];

export abstract class ReductionMethods extends SelectionMethods {
  /**
   * Sum along dims, or of all elements. Integers and bool give int32.
   *
   * @param dims one dim or several; default all.
   * @param options.keepdim whether reduced dims stay with extent 1; default false.
   * @param options.dtype type to cast to first.
   * @throws for a dim that is not there or given twice.
   * @example
   * await tensor([[1, 2], [3, 4]]).sum(0).array(); // [4, 6]
   */
  sum(dims?: Dims | SumOptions, options?: SumOptions): Tensor {
    return this.reduce("sum", dims, options, sumOptions, (x, list, o) => kit.sum(widened("sum", x, o), list));
  }

  /**
   * Mean along dims, or of all elements.
   *
   * @throws for integers and bool, unless `dtype` is given.
   * @example
   * await tensor([[1, 2], [3, 4]]).mean(1, { keepdim: true }).array(); // [[1.5], [3.5]]
   */
  mean(dims?: Dims | SumOptions, options?: SumOptions): Tensor {
    return this.reduce("mean", dims, options, sumOptions, (x, list, o) =>
      composite.mean(kit, needFloats("mean", cast("mean", x, o)), list),
    );
  }

  /** Product along dims, or of all elements. Integers and bool give int32. The gradient is right also at zeros. */
  prod(dims?: Dims | SumOptions, options?: SumOptions): Tensor {
    return this.reduce("prod", dims, options, sumOptions, (x, list, o) => {
      const wide = widened("prod", x, o);
      return wide.dtype === "bool" ? every(wide, list) : kit.prod(wide, list);
    });
  }

  /** Sum of the elements that are not NaN, along dims or of all. */
  nansum(dims?: Dims | SumOptions, options?: SumOptions): Tensor {
    return this.reduce("nansum", dims, options, sumOptions, (x, list, o) => {
      const wide = widened("nansum", x, o);
      return kit.sum(isFloating(wide.dtype) ? composite.withoutNaN(kit, wide) : wide, list);
    });
  }

  /** Mean of the elements that are not NaN, along dims or of all. @throws for integers. */
  nanmean(dims?: Dims | SumOptions, options?: SumOptions): Tensor {
    return this.reduce("nanmean", dims, options, sumOptions, (x, list, o) =>
      composite.nanmean(kit, needFloats("nanmean", cast("nanmean", x, o)), list),
    );
  }

  /**
   * Variance along dims, or of all elements: Σ (x − mean)² / (n − correction).
   *
   * @throws for integers.
   * @example
   * await tensor([1, 2, 3, 4]).var({ correction: 0 }).item(); // 1.25
   */
  var(dims?: Dims | VarianceOptions, options?: VarianceOptions): Tensor {
    return this.#spreadOf("var", dims, options, variance);
  }

  /** Standard deviation along dims, or of all elements: the root of `var`. The gradient at 0 is 0. */
  std(dims?: Dims | VarianceOptions, options?: VarianceOptions): Tensor {
    return this.#spreadOf("std", dims, options, deviation);
  }

  /** Variance and mean along dims, or of all elements. */
  varMean(dims?: Dims | VarianceOptions, options?: VarianceOptions): [Tensor, Tensor] {
    return [this.#spreadOf("varMean", dims, options, variance), this.#spreadOf("varMean", dims, options, meanOf)];
  }

  /** Standard deviation and mean along dims, or of all elements. */
  stdMean(dims?: Dims | VarianceOptions, options?: VarianceOptions): [Tensor, Tensor] {
    return [this.#spreadOf("stdMean", dims, options, deviation), this.#spreadOf("stdMean", dims, options, meanOf)];
  }

  #spreadOf(
    op: string,
    dims: Dims | VarianceOptions | undefined,
    options: VarianceOptions | undefined,
    f: (x: Value, dims: readonly number[], correction: number) => Value,
  ): Tensor {
    return this.reduce(op, dims, options, ["keepdim", "correction"], (x, list, o) =>
      f(needFloats(op, x), list, checkNumber(op, "correction", o.correction ?? 1)),
    );
  }

  /**
   * Length of the vector along dims, or of all elements: (Σ |x|ᵖ)^(1/p). Infinity takes the largest |x|, −Infinity the
   * smallest, 0 counts what is not 0. Integers become float32. The gradient at 0 is 0.
   *
   * Differs from PyTorch: the nuclear norm is not here.
   *
   * @param p the power; default 2, also called "fro".
   * @example
   * await tensor([3, 4]).norm().item(); // 5
   */
  norm(p: number | "fro" = 2, dims?: Dims | SumOptions, options?: SumOptions): Tensor {
    const power = p === "fro" ? 2 : checkNumber("norm", "p", p);
    return this.reduce("norm", dims, options, sumOptions, (x, list, o) =>
      composite.norm(kit, toFloating(cast("norm", x, o)), power, list),
    );
  }

  /** Distance to another tensor: the norm of the difference, ‖a − b‖ₚ. Shapes broadcast; p is 2 unless given. */
  dist(other: Operand, options: { readonly p?: number } = {}): Tensor {
    checkOptions("dist", options, ["p"]);
    const p = checkNumber("dist", "p", options.p ?? 2);
    return this.combine("dist", [other], ([a, b]) => {
      const difference = kit.sub(toFloating(a as Value), toFloating(b as Value));
      return composite.norm(
        kit,
        difference,
        p,
        difference.shape.map((_, i) => i),
      );
    });
  }

  /** log Σ eˣ along dims, or of all elements, stable for large x. Integers become float32. */
  logsumexp(dims?: Dims | KeepdimOptions, options?: KeepdimOptions): Tensor {
    return this.reduce("logsumexp", dims, options, keepdimOnly, (x, list) =>
      composite.logsumexp(kit, toFloating(x), list),
    );
  }

  /** Whether any element along dims is not 0: bool. False where there is none. */
  any(dims?: Dims | KeepdimOptions, options?: KeepdimOptions): Tensor {
    return this.reduce("any", dims, options, keepdimOnly, (x, list) => kit.gt(composite.countNonzero(kit, x, list), 0));
  }

  /** Whether all elements along dims are not 0: bool. True where there is none. */
  all(dims?: Dims | KeepdimOptions, options?: KeepdimOptions): Tensor {
    return this.reduce("all", dims, options, keepdimOnly, every);
  }

  /** Number of elements along dims that are not 0: int32. */
  countNonzero(dims?: Dims | KeepdimOptions, options?: KeepdimOptions): Tensor {
    return this.reduce("countNonzero", dims, options, keepdimOnly, (x, list) => composite.countNonzero(kit, x, list));
  }

  /** Whether both have the same shape and equal elements. Runs what is pending. */
  async equal(other: Tensor): Promise<boolean> {
    if (!sameShape(this.shape, other.shape)) return false;
    return (await this.eq(other).all().item()) === 1;
  }

  /** Whether all elements are close, as `isclose` has it. Runs what is pending. */
  async allclose(other: Operand, options: CloseOptions = {}): Promise<boolean> {
    return (await this.isclose(other, options).all().item()) === 1;
  }
}

function cast(op: string, x: Value, options: DtypeOptions): Value {
  return options.dtype === undefined ? x : kit.cast(x, checkDtype(op, options.dtype));
}

function every(x: Value, dims: readonly number[]): Value {
  return kit.eq(composite.countNonzero(kit, x, dims), composite.countAlong(x, dims));
}

function variance(x: Value, dims: readonly number[], correction: number): Value {
  return composite.variance(kit, x, dims, correction);
}

function deviation(x: Value, dims: readonly number[], correction: number): Value {
  return composite.sqrtFlatAtZero(kit, variance(x, dims, correction));
}

function meanOf(x: Value, dims: readonly number[]): Value {
  return composite.mean(kit, x, dims);
}

function needFloats(op: string, x: Value): Value {
  if (isFloating(x.dtype)) return x;
  throw new TwopassError({
    op,
    problem: "takes floating tensors",
    facts: `dtype ${x.dtype}`,
    hint: "cast with float() first",
    dtypes: [x.dtype],
  });
}
