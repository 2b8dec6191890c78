/** Activation functions that are methods; the others are in nn/functional. Floor: tensor. */
import { TwopassError, checkOptions, describe } from "../base/errors.ts";
import { normalizeDim } from "../base/shape.ts";
import type { Value } from "../ir/value.ts";
import * as activation from "../ops/composite/activation.ts";
import { kit } from "../ops/kit.ts";
import { type DtypeOptions, checkDtype, dtypeError } from "./options.ts";
import { ComparisonMethods } from "./comparisons.ts";
import { valueOf } from "./handle.ts";
import { toFloating } from "./operand.ts";
import type { Tensor } from "./tensor.ts";

export interface GeluOptions {
  /** "tanh" computes PyTorch's approximation by tanh; default "none". */
  readonly approximate?: "none" | "tanh";
}

export abstract class ActivationMethods extends ComparisonMethods {
  /**
   * y = max(x, 0). The gradient at 0 is 0.
   *
   * @example
   * await tensor([-1, 2]).relu().array(); // [0, 2]
   */
  relu(): Tensor {
    const x = valueOf(this);
    if (x.dtype === "bool") throw dtypeError("relu", x.dtype, "cast with float()");
    return this.result(kit.relu(x));
  }

  /**
   * Shares along a dim: y = eˣ / Σ eˣ, stable for large x. Integers become float32.
   *
   * @param dim the dim along which the shares add up to 1.
   * @param options.dtype type to cast to first.
   * @example
   * await tensor([[0, 0], [1, 1]]).softmax(1).array(); // [[0.5, 0.5], [0.5, 0.5]]
   */
  softmax(dim: number, options: DtypeOptions = {}): Tensor {
    return this.#shares("softmax", dim, options, activation.softmax);
  }

  /** Logarithm of softmax: y = x − log Σ eˣ along a dim, stable. Integers become float32. */
  logSoftmax(dim: number, options: DtypeOptions = {}): Tensor {
    return this.#shares("logSoftmax", dim, options, activation.logSoftmax);
  }

  #shares(op: string, dim: number, options: DtypeOptions, f: typeof activation.softmax): Tensor {
    checkOptions(op, options, ["dtype"]);
    const at = normalizeDim(op, dim, this.ndim);
    const x = valueOf(this);
    const from = options.dtype === undefined ? toFloating(x) : kit.cast(x, checkDtype(op, options.dtype));
    const floats = toFloating(from);
    const rows: Value = x.shape.length === 0 ? kit.reshape(floats, [1]) : floats;
    return this.result(kit.reshape(f(kit, rows, at), x.shape));
  }

  /** Gaussian error linear unit: y = x Φ(x), with the normal distribution function Φ. */
  gelu(options: GeluOptions = {}): Tensor {
    checkOptions("gelu", options, ["approximate"]);
    const { approximate = "none" } = options;
    if (approximate !== "none" && approximate !== "tanh") {
      throw new TwopassError({
        op: "gelu",
        problem: `unknown approximation ${describe(approximate)}`,
        hint: 'use "none" or "tanh"',
      });
    }
    const f = approximate === "tanh" ? activation.geluTanh : activation.gelu;
    return this.result(f(kit, toFloating(valueOf(this))));
  }

  /** y = x · sigmoid(x), also called swish. */
  silu(): Tensor {
    return this.result(activation.silu(kit, toFloating(valueOf(this))));
  }
}
