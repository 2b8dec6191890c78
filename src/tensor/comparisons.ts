/** Questions about elements, which give bool; logic and bits. None has a gradient. Floor: tensor. */
import { TwopassError, checkOptions } from "../base/errors.ts";
import type { Value } from "../ir/value.ts";
import * as composite from "../ops/composite/elementwise.ts";
import { kit } from "../ops/kit.ts";
import { checkNumber } from "./options.ts";
import { MathMethods } from "./mathematics.ts";
import type { Operand } from "./operand.ts";
import type { Tensor } from "./tensor.ts";

export interface CloseOptions {
  /** Part of |b| by which a may differ; default 1e-5. */
  readonly rtol?: number;
  /** What a may differ in any case; default 1e-8. */
  readonly atol?: number;
  /** Whether NaN is close to NaN; default false. */
  readonly equalNan?: boolean;
}

export abstract class ComparisonMethods extends MathMethods {
  /**
   * Whether equal, element by element: bool. NaN equals nothing. Shapes broadcast.
   *
   * @example
   * await tensor([1, 2]).eq(2).array(); // [0, 1]
   */
  eq(other: Operand): Tensor {
    return this.binary("eq", other);
  }

  /** Whether not equal, element by element: bool. Shapes broadcast. */
  ne(other: Operand): Tensor {
    return this.binary("ne", other);
  }

  /** Whether less, element by element: bool. Shapes broadcast. */
  lt(other: Operand): Tensor {
    return this.binary("lt", other);
  }

  /** Whether less or equal, element by element: bool. Shapes broadcast. */
  le(other: Operand): Tensor {
    return this.binary("le", other);
  }

  /** Whether greater, element by element: bool. Shapes broadcast. */
  gt(other: Operand): Tensor {
    return this.binary("gt", other);
  }

  /** Whether greater or equal, element by element: bool. Shapes broadcast. */
  ge(other: Operand): Tensor {
    return this.binary("ge", other);
  }

  /** Whether both are not 0: bool. Shapes broadcast. */
  logicalAnd(other: Operand): Tensor {
    return this.binary("logicalAnd", other);
  }

  /** Whether one or both are not 0: bool. Shapes broadcast. */
  logicalOr(other: Operand): Tensor {
    return this.binary("logicalOr", other);
  }

  /** Whether exactly one is not 0: bool. Shapes broadcast. */
  logicalXor(other: Operand): Tensor {
    return this.binary("logicalXor", other);
  }

  /** Whether 0: bool. */
  logicalNot(): Tensor {
    return this.unary("logicalNot");
  }

  /** Bits that both have; for bool the logical and. Shapes broadcast. @throws for floats. */
  bitwiseAnd(other: Operand): Tensor {
    return this.binary("bitwiseAnd", other);
  }

  /** Bits that one or both have; for bool the logical or. Shapes broadcast. @throws for floats. */
  bitwiseOr(other: Operand): Tensor {
    return this.binary("bitwiseOr", other);
  }

  /** Bits that exactly one has; for bool the logical exclusive or. Shapes broadcast. @throws for floats. */
  bitwiseXor(other: Operand): Tensor {
    return this.binary("bitwiseXor", other);
  }

  /** Bits inverted; for bool the logical not. @throws for floats. */
  bitwiseNot(): Tensor {
    return this.unary("bitwiseNot");
  }

  /** Bits moved up by 0 to 31 places: y = a · 2ᵇ. Shapes broadcast. @throws for floats and bool. */
  bitwiseLeftShift(other: Operand): Tensor {
    return this.binary("bitwiseLeftShift", other);
  }

  /** Bits moved down by 0 to 31 places, sign kept: y = ⌊a / 2ᵇ⌋. Shapes broadcast. @throws for floats and bool. */
  bitwiseRightShift(other: Operand): Tensor {
    return this.binary("bitwiseRightShift", other);
  }

  /** Whether NaN: bool. */
  isnan(): Tensor {
    return this.unary("isnan");
  }

  /** Whether Infinity or −Infinity: bool. */
  isinf(): Tensor {
    return this.unary("isinf");
  }

  /** Whether Infinity: bool. */
  isposinf(): Tensor {
    return this.unary("isposinf");
  }

  /** Whether −Infinity: bool. */
  isneginf(): Tensor {
    return this.unary("isneginf");
  }

  /** Whether neither infinite nor NaN: bool. */
  isfinite(): Tensor {
    return this.unary("isfinite");
  }

  /** Whether the sign is minus, also that of −0: bool. */
  signbit(): Tensor {
    return this.unary("signbit");
  }

  /**
   * Whether |a − b| ≤ atol + rtol |b|, element by element: bool. Infinities are close where equal. Shapes broadcast.
   *
   * @throws for negative tolerances.
   * @example
   * await tensor([1, 2]).isclose(tensor([1.000001, 3])).array(); // [1, 0]
   */
  isclose(other: Operand, options: CloseOptions = {}): Tensor {
    checkOptions("isclose", options, ["rtol", "atol", "equalNan"]);
    const { rtol = 1e-5, atol = 1e-8, equalNan = false } = options;
    for (const [name, x] of [
      ["rtol", rtol],
      ["atol", atol],
    ] as const) {
      if (checkNumber("isclose", name, x) >= 0) continue;
      throw new TwopassError({ op: "isclose", problem: `${name} must not be negative`, facts: `got ${x}` });
    }
    return this.combine("isclose", [other], (values) => {
      // float64 holds every int32.
      const [a, b] = values.map((x) => (x.dtype.startsWith("float") ? x : kit.cast(x, "float64"))) as [Value, Value];
      return composite.isclose(kit, a, b, rtol, atol, equalNan);
    });
  }
}
