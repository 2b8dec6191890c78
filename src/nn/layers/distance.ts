/** Distances and similarities as layers. Floor: nn. */
import type { Tensor } from "../../tensor/tensor.ts";
import { withDefaults } from "../functional/common.ts";
import { cosineSimilarity, pairwiseDistance } from "../functional/distance.ts";
import { Module } from "../module/module.ts";

/**
 * Cosine of the angle between vectors along a dim: x1 · x2 / (max(‖x1‖, eps) · max(‖x2‖, eps)).
 *
 * @param options.dim default 1.
 * @param options.eps the least that each length counts as; default 1e-8.
 * @example
 * await new nn.CosineSimilarity().forward(tensor([[3, 4]]), tensor([[4, 3]])).array(); // [0.9600]
 */
export class CosineSimilarity extends Module {
  readonly dim: number;
  readonly eps: number;

  constructor(options?: { readonly dim?: number; readonly eps?: number }) {
    super();
    const { dim, eps } = withDefaults("nn.CosineSimilarity", options, { dim: 1, eps: 1e-8 });
    this.dim = dim;
    this.eps = eps;
  }

  forward(x1: Tensor, x2: Tensor): Tensor {
    return cosineSimilarity(x1, x2, this.dim, { eps: this.eps });
  }
}

/**
 * Distance of vectors along the last dim: ‖x1 − x2 + eps‖ₚ.
 *
 * @param options.p the norm; default 2.
 * @param options.eps added to each difference; default 1e-6.
 * @param options.keepdim whether the last dim stays, with extent 1; default false.
 * @example
 * await new nn.PairwiseDistance().forward(tensor([[0, 0]]), tensor([[3, 4]])).array(); // [5.0000]
 */
export class PairwiseDistance extends Module {
  readonly p: number;
  readonly eps: number;
  readonly keepdim: boolean;

  constructor(options?: { readonly p?: number; readonly eps?: number; readonly keepdim?: boolean }) {
    super();
    const { p, eps, keepdim } = withDefaults("nn.PairwiseDistance", options, { p: 2, eps: 1e-6, keepdim: false });
    this.p = p;
    this.eps = eps;
    this.keepdim = keepdim;
  }

  forward(x1: Tensor, x2: Tensor): Tensor {
    return pairwiseDistance(x1, x2, { p: this.p, eps: this.eps, keepdim: this.keepdim });
  }
}
