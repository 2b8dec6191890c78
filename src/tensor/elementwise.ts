/**
 * Elementwise arithmetic, choice and casts. Functions of one element are in mathematics.ts, questions in comparisons.ts.
 * Floor: tensor.
 */
import type { Dtype } from "../base/dtype.ts";
import { isFloating, promoteWithNumber } from "../base/dtype.ts";
import { TwopassError, checkOptions, describe } from "../base/errors.ts";
import { broadcastShapes } from "../base/shape.ts";
import type { Value } from "../ir/value.ts";
import * as composite from "../ops/composite/elementwise.ts";
import { kit } from "../ops/kit.ts";
import { checkDtype, checkNumber, dtypeError, isOptions } from "./options.ts";
import { type BinaryName, type UnaryName, binaryRules, unaryRules } from "./elementwise-rules.ts";
import { currentEngine } from "./engines.ts";
import { TensorHandle, valueOf } from "./handle.ts";
import { inner } from "./inner.ts";
import { type Operand, promoteOperands, tensorsIn, toFloating } from "./operand.ts";
import type { Tensor } from "./tensor.ts";

export interface AlphaOptions {
  /** Factor of the second operand; default 1. */
  readonly alpha?: number;
}

export interface DivOptions {
  /** Rounds the quotient: "trunc" toward zero, "floor" downward; default: not rounded. */
  readonly rounding?: "trunc" | "floor";
}

export interface ClampOptions {
  /** Lower bound; default: none. */
  readonly min?: Operand;
  /** Upper bound; default: none. */
  readonly max?: Operand;
}

export interface AddcOptions {
  /** Factor of the added term; default 1. */
  readonly value?: number;
}

export abstract class ElementwiseMethods extends TensorHandle {
  /** Applies the rule of one operand. */
  protected unary(name: UnaryName): Tensor {
    return this.result(unaryRules[name](valueOf(this)));
  }

  /** Applies the rule of two operands after promotion. */
  protected binary(name: BinaryName, other: Operand): Tensor {
    return this.combine(name, [other], ([a, b]) => binaryRules[name](a as Value, b as Value));
  }

  /** Applies `f` to this tensor and `others` after promotion. */
  protected combine(op: string, others: readonly Operand[], f: (values: readonly Value[]) => Value): Tensor {
    return this.result(f(promoteOperands(op, [this, ...others])), tensorsIn(others));
  }

  /**
   * Sum, element by element: y = a + alpha · b. Shapes broadcast; for two bool tensors the logical or.
   *
   * @throws for shapes that do not broadcast, and for float32 with float64.
   * @example
   * await tensor([1, 2]).add(tensor([10, 20])).array(); // [11, 22]
   */
  add(other: Operand, options: AlphaOptions = {}): Tensor {
    return this.#addScaled("add", other, options);
  }

  /**
   * Difference, element by element: y = a − alpha · b. Shapes broadcast.
   *
   * @throws for two bool tensors.
   * @example
   * await tensor([10, 20]).sub(1).array(); // [9, 19]
   */
  sub(other: Operand, options: AlphaOptions = {}): Tensor {
    return this.#addScaled("sub", other, options);
  }

  /** Difference the other way round: y = b − alpha · a. Shapes broadcast. */
  rsub(other: Operand, options: AlphaOptions = {}): Tensor {
    checkOptions("rsub", options, ["alpha"]);
    const alpha = options.alpha ?? 1;
    if (alpha === 1) return this.binary("rsub", other);
    return this.combine("rsub", [other, checkNumber("rsub", "alpha", alpha)], ([a, b, c]) =>
      binaryRules.rsub(binaryRules.mul(a as Value, c as Value), b as Value),
    );
  }

  #addScaled(op: "add" | "sub", other: Operand, options: AlphaOptions): Tensor {
    checkOptions(op, options, ["alpha"]);
    const alpha = options.alpha ?? 1;
    if (alpha === 1) return this.binary(op, other);
    return this.combine(op, [other, checkNumber(op, "alpha", alpha)], ([a, b, c]) =>
      binaryRules[op](a as Value, binaryRules.mul(b as Value, c as Value)),
    );
  }

  /**
   * Product, element by element: y = a · b. Shapes broadcast; for two bool tensors the logical and.
   *
   * @example
   * await tensor([[1, 2], [3, 4]]).mul(tensor([10, 100])).array(); // [[10, 200], [30, 400]]
   */
  mul(other: Operand): Tensor {
    return this.binary("mul", other);
  }

  /**
   * Quotient, element by element: y = a / b. Integers become float32 unless `rounding` is given. Shapes broadcast.
   *
   * Differs from PyTorch: a whole quotient by 0 of integers is 0, PyTorch throws.
   *
   * @example
   * await tensor([7, -7]).div(2, { rounding: "floor" }).array(); // [3, -4]
   */
  div(other: Operand, options: DivOptions = {}): Tensor {
    checkOptions("div", options, ["rounding"]);
    const { rounding } = options;
    if (rounding === undefined) return this.binary("div", other);
    if (rounding !== "trunc" && rounding !== "floor") {
      throw new TwopassError({
        op: "div",
        problem: `unknown rounding ${describe(rounding)}`,
        hint: 'use "trunc", "floor", or leave it out',
      });
    }
    const divide = rounding === "trunc" ? composite.divTrunc : composite.divFloor;
    return this.combine("div", [other], ([a, b]) => {
      if ((a as Value).dtype === "bool") throw dtypeError("div", "bool", "cast with int() or float()");
      return divide(kit, a as Value, b as Value);
    });
  }

  /** The same as `div` without rounding. */
  trueDivide(other: Operand): Tensor {
    return this.binary("div", other);
  }

  /** Quotient rounded downward: y = ⌊a / b⌋; integers stay integers, and give 0 by 0. Shapes broadcast. */
  floorDivide(other: Operand): Tensor {
    return this.binary("floorDivide", other);
  }

  /**
   * Remainder with the sign of the divisor, as in Python: y = a − b ⌊a / b⌋. Shapes broadcast.
   *
   * @example
   * await tensor([-3, 3]).remainder(2).array(); // [1, 1]
   */
  remainder(other: Operand): Tensor {
    return this.binary("remainder", other);
  }

  /** Remainder with the sign of the dividend: y = a − b trunc(a / b). Shapes broadcast. */
  fmod(other: Operand): Tensor {
    return this.binary("fmod", other);
  }

  /** Negative: y = −x. */
  neg(): Tensor {
    return this.unary("neg");
  }

  /** Absolute value: y = |x|. The gradient at 0 is 0. */
  abs(): Tensor {
    return this.unary("abs");
  }

  /** Sign: −1, 0 or 1. Its gradient is 0. */
  sign(): Tensor {
    return this.unary("sign");
  }

  /** The same as `sign`, PyTorch's name for complex numbers too. */
  sgn(): Tensor {
    return this.unary("sign");
  }

  /**
   * Power: y = aᵇ. A number as exponent is part of the structure: products and roots for 0, 1, 2, 3, −1 and ±½.
   * Integers with a fractional exponent become float32. Shapes broadcast.
   *
   * @throws for integers to a negative whole number.
   * @example
   * await tensor([1, 2, 3]).pow(2).array(); // [1, 4, 9]
   */
  pow(exponent: Operand): Tensor {
    if (typeof exponent !== "number") return this.binary("pow", exponent);
    const dtype = promoteWithNumber(this.dtype, exponent, Number.isInteger(exponent));
    if (!isFloating(dtype) && exponent < 0) {
      throw new TwopassError({
        op: "pow",
        problem: "an integer to a negative power is no integer",
        facts: `${this.dtype} to the power ${exponent}`,
        hint: "cast with float() first",
        dtypes: [this.dtype],
      });
    }
    return this.result(composite.powNumber(kit, kit.cast(valueOf(this), dtype), exponent));
  }

  /** Square: y = x². */
  square(): Tensor {
    return this.unary("square");
  }

  /** Larger of two, NaN if either is. Equal ones share the gradient. Shapes broadcast. */
  maximum(other: Operand): Tensor {
    return this.binary("maximum", other);
  }

  /** Smaller of two, NaN if either is. Equal ones share the gradient. Shapes broadcast. */
  minimum(other: Operand): Tensor {
    return this.binary("minimum", other);
  }

  /** Larger of two; where one is NaN, the other. Shapes broadcast. */
  fmax(other: Operand): Tensor {
    return this.binary("fmax", other);
  }

  /** Smaller of two; where one is NaN, the other. Shapes broadcast. */
  fmin(other: Operand): Tensor {
    return this.binary("fmin", other);
  }

  /**
   * Held within bounds: y = min(max(x, min), max). Bounds are numbers or tensors, one may be missing; NaN stays.
   * x has the gradient where it is within the bounds or on them.
   *
   * @throws without any bound.
   * @example
   * await tensor([-1, 0.5, 9]).clamp(0, 1).array(); // [0, 0.5, 1]
   */
  clamp(min?: Operand | ClampOptions | null, max?: Operand | null): Tensor {
    let low = min as Operand | null | undefined;
    let high = max;
    if (isOptions(min) && !(min instanceof TensorHandle)) {
      checkOptions("clamp", min, ["min", "max"]);
      ({ min: low, max: high } = min as ClampOptions);
    }
    const bounds = [low, high].filter((x): x is Operand => x !== undefined && x !== null);
    if (bounds.length === 0) {
      throw new TwopassError({ op: "clamp", problem: "needs a bound", hint: "clamp(min, max) or clamp({ max })" });
    }
    const noLow = low === undefined || low === null;
    return this.combine("clamp", bounds, ([x, a, b]) => {
      if ((x as Value).dtype === "bool") throw dtypeError("clamp", "bool", "cast with int() or float()");
      return composite.clamp(kit, x as Value, noLow ? undefined : a, noLow ? a : b);
    });
  }

  /** Held above a bound: y = max(x, min). */
  clampMin(min: Operand): Tensor {
    return this.clamp(min);
  }

  /** Held below a bound: y = min(x, max). */
  clampMax(max: Operand): Tensor {
    return this.clamp(null, max);
  }

  /**
   * Elements of this tensor where `condition` holds, else those of `other`. Shapes broadcast.
   *
   * @param condition bool, broadcast with both.
   * @throws for a condition that is not bool.
   * @example
   * const x = tensor([-1, 2]);
   * await x.where(x.gt(0), 0).array(); // [0, 2]
   */
  where(condition: TensorHandle, other: Operand): Tensor {
    const c = checkCondition("where", condition);
    const [a, b] = promoteOperands("where", [this, other]) as [Value, Value];
    broadcastShapes("where", c.shape, broadcastShapes("where", a.shape, b.shape));
    return this.result(kit.where(c, a, b), [condition, ...tensorsIn([other])]);
  }

  /**
   * Between this tensor and `end`: y = a + w (b − a). Integers become float32. Shapes broadcast.
   *
   * @example
   * await tensor([0, 10]).lerp(tensor([10, 20]), 0.25).array(); // [2.5, 12.5]
   */
  lerp(end: Operand, weight: Operand): Tensor {
    return this.combine("lerp", [end, weight], (values) => {
      const [a, b, w] = values.map(toFloating) as [Value, Value, Value];
      return composite.lerp(kit, a, b, w);
    });
  }

  /** y = x + value · a · b. Shapes broadcast. */
  addcmul(a: Operand, b: Operand, options: AddcOptions = {}): Tensor {
    checkOptions("addcmul", options, ["value"]);
    return this.combine("addcmul", [a, b, options.value ?? 1], ([x, y, z, value]) =>
      kit.add(x as Value, kit.mul(kit.mul(y as Value, z as Value), value as Value)),
    );
  }

  /** y = x + value · a / b. Integers become float32. Shapes broadcast. */
  addcdiv(a: Operand, b: Operand, options: AddcOptions = {}): Tensor {
    checkOptions("addcdiv", options, ["value"]);
    return this.combine("addcdiv", [a, b, options.value ?? 1], (values) => {
      const [x, y, z, value] = values.map(toFloating) as [Value, Value, Value, Value];
      return kit.add(x, kit.mul(kit.div(y, z), value));
    });
  }

  /**
   * The same elements as `dtype`: float to integer truncates toward zero, anything to bool is "not 0". The gradient is
   * cast back.
   *
   * Differs from PyTorch: floats out of the range of int32 give its ends, and NaN gives 0.
   *
   * @example
   * await tensor([1.7, -1.7]).to("int32").array(); // [1, -1]
   */
  to(dtype: Dtype): Tensor {
    const x = valueOf(this);
    return this.result(checkDtype("to", dtype) === x.dtype ? kit.alias(x) : kit.cast(x, dtype));
  }

  /** The same elements as float32. */
  float(): Tensor {
    return this.to("float32");
  }

  /** The same elements as float64. */
  double(): Tensor {
    return this.to("float64");
  }

  /** The same elements as int32, truncated toward zero. */
  int(): Tensor {
    return this.to("int32");
  }

  /** The same elements as uint8: truncated toward zero, then the lowest eight bits. */
  byte(): Tensor {
    return this.to("uint8");
  }

  /** The same as `byte`. */
  uint8(): Tensor {
    return this.to("uint8");
  }

  /** Whether each element is not 0, as bool. */
  bool(): Tensor {
    return this.to("bool");
  }

  /** Whether the elements are floating. */
  isFloatingPoint(): boolean {
    return isFloating(this.dtype);
  }

  /**
   * A copy with new elements of its own, through which gradients flow. A copy of a parameter or buffer keeps what that
   * holds now, whatever is written to it later.
   *
   * @example
   * const x = tensor([1, 2]);
   * await x.clone().array(); // [1, 2]
   */
  clone(): Tensor {
    const copy = kit.copy(valueOf(this));
    // Nobody else can use the copy itself, so the next run keeps it, and with it what is built on the result.
    (this[inner].engine ?? currentEngine()).noteFresh(copy);
    return this.result(kit.alias(copy));
  }
}

/** The vertex of a condition. */
export function checkCondition(op: string, condition: unknown): Value {
  if (!(condition instanceof TensorHandle) || condition.dtype !== "bool") {
    throw new TwopassError({
      op,
      problem: "the condition must be a bool tensor",
      facts: `got ${condition instanceof TensorHandle ? condition.dtype : describe(condition)}`,
      hint: "compare first: x.gt(0)",
      dtypes: condition instanceof TensorHandle ? [condition.dtype] : [],
    });
  }
  return valueOf(condition);
}
