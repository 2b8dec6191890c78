/** Normalisation across neighbouring channels as a layer. Floor: nn. */
import type { Tensor } from "../../tensor/tensor.ts";
import { checkWhole, withDefaults } from "../functional/common.ts";
import { type LocalResponseNormOptions, localResponseNorm } from "../functional/local-response-norm.ts";
import { Module } from "../module/module.ts";

/**
 * Divides by the mean square of `size` neighbouring channels of [N, C, ...], as `functional.localResponseNorm`.
 * Krizhevsky, Sutskever, Hinton (2012).
 *
 * @param options.alpha, options.beta, options.k default 1e-4, 0.75, 1.
 * @example
 * new nn.LocalResponseNorm(5).forward(zeros(1, 8, 6, 6)).shape; // [1, 8, 6, 6]
 */
export class LocalResponseNorm extends Module {
  readonly size: number;
  readonly options: Readonly<Required<LocalResponseNormOptions>>;

  constructor(size: number, options?: LocalResponseNormOptions) {
    super();
    this.size = checkWhole("nn.LocalResponseNorm", "size", size, 1);
    const standard: Required<LocalResponseNormOptions> = { alpha: 1e-4, beta: 0.75, k: 1 };
    this.options = withDefaults("nn.LocalResponseNorm", options, standard);
  }

  forward(input: Tensor): Tensor {
    return localResponseNorm(input, this.size, this.options);
  }

  protected override describeSettings(): string {
    return String(this.size);
  }
}
