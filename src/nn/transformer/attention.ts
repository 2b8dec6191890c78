/** Attention with several heads as a layer. Floor: nn. */
import { TwopassError, showShape } from "../../base/errors.ts";
import { sameShape } from "../../base/shape.ts";
import type { Value } from "../../ir/value.ts";
import { type Masking, attention, attentionWeights } from "../../ops/composite/attention.ts";
import { linear } from "../../ops/composite/matmul.ts";
import { mean } from "../../ops/composite/reduction.ts";
import { kit } from "../../ops/kit.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { addedMask } from "../functional/attention.ts";
import {
  type Optional,
  checkWhole,
  floatingVertex,
  likeVertex,
  numberIn,
  present,
  resultOf,
  vertexOf,
  withDefaults,
} from "../functional/common.ts";
import { dropValue } from "../functional/dropout.ts";
import { constantContent, normalContent, uniformContent } from "../module/initial-content.ts";
import { Linear } from "../layers/linear.ts";
import { Module } from "../module/module.ts";
import { Parameter } from "../module/parameter.ts";

export interface MultiheadAttentionOptions {
  /** Probability that a weight is dropped in training; default 0. */
  readonly dropout?: number;
  /** Whether the projections have a bias; default true. */
  readonly bias?: boolean;
  /** Whether one place that trains is added to keys and values; default false. */
  readonly addBiasKv?: boolean;
  /** Whether one place of zeros is added to keys and values; default false. */
  readonly addZeroAttn?: boolean;
  /** Features of the keys; default embedDim. */
  readonly kdim?: number | null;
  /** Features of the values; default embedDim. */
  readonly vdim?: number | null;
  /** Whether inputs and outputs are [N, L, E] instead of [L, N, E]; default false. */
  readonly batchFirst?: boolean;
}

export interface AttentionCallOptions {
  /** [N, S], or [S] without a batch: bool, true where a key is left out; or floating, added to the scores. */
  readonly keyPaddingMask?: Optional<Tensor>;
  /**
   * [L, S] or [N · numHeads, L, S]: bool, true where attention is not allowed (the opposite of
   * `scaledDotProductAttention`, as in PyTorch); or floating, added to the scores.
   */
  readonly attnMask?: Optional<Tensor>;
  /** Whether to give the weights as well; default false. */
  readonly needWeights?: boolean;
  /** Whether the weights are the mean over the heads; default true. */
  readonly averageAttnWeights?: boolean;
  /** Whether place i sees places 0 to i only; default false. */
  readonly isCausal?: boolean;
}

type Triple = [query: Value, key: Value, value: Value];

const op = "nn.MultiheadAttention";

/**
 * Attention with several heads: softmax(Q Kᵀ / √D) V for each head of D = embedDim / numHeads features, where Q, K and V
 * are projections of the inputs, and a projection of all heads side by side. Vaswani et al. (2017), section 3.2.2.
 *
 * `forward(query, key, value)` takes [L, N, embedDim], [S, N, kdim], [S, N, vdim] (with `batchFirst` N first, or no N) and
 * gives [output, weights]: output as the query; weights [N, L, S], or [N, numHeads, L, S] unless they are averaged.
 * Without key and value the query attends to itself. A place that may see no other gives the output bias.
 *
 * Differs from PyTorch: `needWeights` is false unless given, and then weights is null; `isCausal` needs no mask.
 *
 * @param embedDim features; divisible by numHeads.
 * @throws where shapes do not fit.
 * @example
 * const attention = new nn.MultiheadAttention(8, 2, { batchFirst: true });
 * const [y] = attention.forward(zeros(3, 5, 8));
 * y.shape; // [3, 5, 8]
 */
export class MultiheadAttention extends Module {
  readonly embedDim: number;
  readonly numHeads: number;
  readonly dropout: number;
  readonly addZeroAttn: boolean;
  readonly batchFirst: boolean;
  /** The projections of query, key and value, one below the other; null where kdim or vdim differ. */
  in_proj_weight: Parameter | null;
  q_proj_weight: Parameter | null;
  k_proj_weight: Parameter | null;
  v_proj_weight: Parameter | null;
  in_proj_bias: Parameter | null;
  bias_k: Parameter | null;
  bias_v: Parameter | null;
  out_proj: Linear;

  constructor(embedDim: number, numHeads: number, given?: MultiheadAttentionOptions) {
    super();
    const options = withDefaults<Required<MultiheadAttentionOptions>>(op, given, {
      dropout: 0,
      bias: true,
      addBiasKv: false,
      addZeroAttn: false,
      kdim: null,
      vdim: null,
      batchFirst: false,
    });
    this.embedDim = checkWhole(op, "embedDim", embedDim, 1);
    this.numHeads = checkWhole(op, "numHeads", numHeads, 1);
    if (embedDim % numHeads !== 0) {
      throw new TwopassError({
        op,
        problem: "embedDim must be divisible by numHeads",
        facts: `embedDim ${embedDim}, numHeads ${numHeads}`,
      });
    }
    this.dropout = numberIn(op, "dropout", options.dropout, 0, 1);
    this.addZeroAttn = options.addZeroAttn;
    this.batchFirst = options.batchFirst;
    const kdim = checkWhole(op, "kdim", options.kdim ?? embedDim, 1);
    const vdim = checkWhole(op, "vdim", options.vdim ?? embedDim, 1);
    const isJoined = kdim === embedDim && vdim === embedDim;
    const xavier = (out: number, into: number): Parameter =>
      new Parameter(uniformContent([out, into], Math.sqrt(6 / (out + into))));
    this.in_proj_weight = isJoined ? xavier(3 * embedDim, embedDim) : null;
    this.q_proj_weight = isJoined ? null : xavier(embedDim, embedDim);
    this.k_proj_weight = isJoined ? null : xavier(embedDim, kdim);
    this.v_proj_weight = isJoined ? null : xavier(embedDim, vdim);
    this.in_proj_bias = options.bias ? new Parameter(constantContent([3 * embedDim], 0)) : null;
    this.out_proj = new Linear(embedDim, embedDim, { bias: options.bias });
    if (options.bias) this.out_proj.bias = new Parameter(constantContent([embedDim], 0));
    const place = (): Parameter => new Parameter(normalContent([1, 1, embedDim], 0, Math.sqrt(1 / embedDim)));
    this.bias_k = options.addBiasKv ? place() : null;
    this.bias_v = options.addBiasKv ? place() : null;
  }

  forward(
    query: Tensor,
    key: Tensor = query,
    value: Tensor = key,
    given?: AttentionCallOptions,
  ): [output: Tensor, weights: Tensor | null] {
    const options = withDefaults<Required<AttentionCallOptions>>(op, given, {
      keyPaddingMask: null,
      attnMask: null,
      needWeights: false,
      averageAttnWeights: true,
      isCausal: false,
    });
    const isSelf = query === key && key === value;
    const q = floatingVertex(op, query);
    const inputs = [q, likeVertex(op, "the key", key, q), likeVertex(op, "the value", value, q)] as const;
    const sizes = this.#check(...inputs);
    const own = [this.in_proj_weight, this.q_proj_weight, this.k_proj_weight, this.v_proj_weight];
    const used = present(query, key, value, ...own, this.in_proj_bias, this.bias_k, this.bias_v);
    const masks = present(options.keyPaddingMask, options.attnMask);
    const scaled = 1 / Math.sqrt(this.embedDim / this.numHeads);
    const [a, ...others] = this.#project(inputs, isSelf).map((x) => this.#heads(x, sizes.isBatched)) as Triple;
    const [b, c] = others.map((x, i) => this.#extend(x, i === 0 ? this.bias_k : this.bias_v)) as [Value, Value];
    const mask = this.#masking(options, a, sizes);
    const outputOf = (heads: Value): Tensor =>
      this.out_proj.forward(resultOf(this.#join(heads, sizes.isBatched), [...used, ...masks]));
    const isDropping = this.training && this.dropout > 0;
    if (!options.needWeights && !isDropping) return [outputOf(attention(kit, a, b, c, mask, scaled)), null];
    let weights = attentionWeights(kit, kit.mul(a, scaled), b, mask);
    if (isDropping) weights = dropValue(weights, () => this.dropout, weights.shape);
    const output = outputOf(kit.matmul(weights, c));
    if (!options.needWeights) return [output, null];
    const shown = options.averageAttnWeights ? mean(kit, weights, [1]) : weights;
    const seen = sizes.isBatched ? shown : kit.reshape(shown, shown.shape.slice(1));
    return [output, resultOf(seen, [...used, ...masks])];
  }

  /** Extents of the inputs, checked. */
  #check(q: Value, key: Value, value: Value): Sizes {
    const rank = q.shape.length;
    const isBatched = rank === 3;
    const { embedDim, batchFirst, k_proj_weight, v_proj_weight } = this;
    const [n, along] = batchFirst ? [0, 1] : [1, 0];
    const [length, places] = isBatched ? [q.shape[along], key.shape[along]] : [q.shape[0], key.shape[0]];
    const batch = isBatched ? q.shape[n] : 1;
    const widths = [embedDim, k_proj_weight?.shape[1] ?? embedDim, v_proj_weight?.shape[1] ?? embedDim];
    const fits =
      (isBatched || rank === 2) &&
      [q, key, value].every((x, i) => x.shape.length === rank && x.shape[rank - 1] === widths[i]) &&
      sameShape(key.shape.slice(0, -1), value.shape.slice(0, -1)) &&
      (!isBatched || key.shape[n] === batch);
    if (fits) return { batch: batch as number, length: length as number, places: places as number, isBatched };
    const layout = (l: string, width: number | undefined): string =>
      batchFirst ? `[N, ${l}, ${width}]` : `[${l}, N, ${width}]`;
    throw new TwopassError({
      op,
      problem: `query, key and value must be ${layout("L", widths[0])}, ${layout("S", widths[1])} and ${layout("S", widths[2])}`,
      facts: `query ${showShape(q.shape)}, key ${showShape(key.shape)}, value ${showShape(value.shape)}`,
      hint: batchFirst
        ? "without a batch, leave out N"
        : "{ batchFirst: true } takes N first; without a batch, leave out N",
      shapes: [q.shape, key.shape, value.shape],
    });
  }

  /** Query, key and value after their projections. One input for all three takes one product. */
  #project(inputs: readonly [Value, Value, Value], isSelf: boolean): Value[] {
    const e = this.embedDim;
    const [q] = inputs;
    const part = (x: Value, i: number): Value => kit.range(x, 0, i * e, (i + 1) * e);
    const bias = this.in_proj_bias === null ? undefined : likeVertex(op, "in_proj_bias", this.in_proj_bias, q);
    const joined = this.in_proj_weight === null ? undefined : likeVertex(op, "in_proj_weight", this.in_proj_weight, q);
    if (isSelf && joined !== undefined) {
      const all = linear(kit, q, joined, bias);
      const last = all.shape.length - 1;
      return [0, 1, 2].map((i) => kit.range(all, last, i * e, (i + 1) * e));
    }
    const apart = [this.q_proj_weight, this.k_proj_weight, this.v_proj_weight];
    return inputs.map((x, i) => {
      const weight = joined === undefined ? likeVertex(op, "a projection", apart[i], q) : part(joined, i);
      return linear(kit, x, weight, bias === undefined ? undefined : part(bias, i));
    });
  }

  /** [L, N, E] or [N, L, E] to [N, heads, L, D]. */
  #heads(x: Value, isBatched: boolean): Value {
    const [outer, inner] = isBatched ? (x.shape as [number, number]) : [x.shape[0] as number, 1];
    const isFirst = isBatched && this.batchFirst;
    const split = kit.reshape(x, [outer, inner, this.numHeads, this.embedDim / this.numHeads]);
    return kit.permute(split, isFirst ? [0, 2, 1, 3] : [1, 2, 0, 3]);
  }

  /** [N, heads, L, D] to the layout of the query. */
  #join(x: Value, isBatched: boolean): Value {
    const moved = kit.permute(x, isBatched && this.batchFirst ? [0, 2, 1, 3] : [2, 0, 1, 3]);
    const [outer, inner] = moved.shape as [number, number];
    return kit.reshape(moved, isBatched ? [outer, inner, this.embedDim] : [outer, this.embedDim]);
  }

  /** Keys or values with the places that the layer adds. */
  #extend(x: Value, bias: Parameter | null): Value {
    const [batch, heads, , width] = x.shape as [number, number, number, number];
    const place = [batch, heads, 1, width];
    const parts = [x];
    if (bias !== null) {
      const own = kit.reshape(likeVertex(op, "bias_k and bias_v", bias, x), [1, heads, 1, width]);
      parts.push(kit.expand(own, place));
    }
    if (this.addZeroAttn) parts.push(kit.full(place, 0, x.dtype));
    return kit.concat(parts, 2);
  }

  /** Both masks as what the scores [N, heads, L, S + added] need. Added places are never hidden. */
  #masking(options: Required<AttentionCallOptions>, like: Value, sizes: Sizes): Masking {
    const { batch, length, places, isBatched } = sizes;
    const added = (this.bias_k === null ? 0 : 1) + (this.addZeroAttn ? 1 : 0);
    const heads = this.numHeads;
    let allowed: Value | undefined;
    let bias: Value | undefined;
    const take = (
      name: string,
      given: Optional<Tensor>,
      shapes: readonly (readonly number[])[],
      to: number[][],
    ): void => {
      if (given === null || given === undefined) return;
      const mask = vertexOf(op, name, given);
      const at = shapes.findIndex((shape) => sameShape(shape, mask.shape));
      if (at < 0) throw maskError(name, mask, shapes);
      const isBool = mask.dtype === "bool";
      const laid = kit.reshape(isBool ? kit.negate(mask) : addedMask(op, name, mask, like), to[at] as number[]);
      const none = laid.shape.map(() => 0);
      const whole = kit.pad(laid, none, none.with(3, added), isBool ? 1 : 0);
      if (isBool) allowed = allowed === undefined ? whole : kit.and(allowed, whole);
      else bias = bias === undefined ? whole : kit.add(bias, whole);
    };
    const square = [length, places];
    const forHeads = [...(isBatched ? [batch] : []), heads].reduce((a, n) => a * n, 1);
    take(
      "attnMask",
      options.attnMask,
      [square, [forHeads, ...square]],
      [
        [1, 1, ...square],
        [batch, heads, ...square],
      ],
    );
    take("keyPaddingMask", options.keyPaddingMask, [isBatched ? [batch, places] : [places]], [[batch, 1, 1, places]]);
    if (options.isCausal && added > 0) {
      const seen = kit.ge(kit.iota(square, 0), kit.iota(square, 1));
      const causal = kit.reshape(kit.pad(seen, [0, 0], [0, added], 1), [1, 1, length, places + added]);
      return { causal: false, allowed: allowed === undefined ? causal : kit.and(allowed, causal), bias };
    }
    return { causal: options.isCausal, allowed, bias };
  }

  protected override describeSettings(): string {
    return `${this.embedDim}, ${this.numHeads}`;
  }
}

/** Extents of a call: N, L, S. */
interface Sizes {
  readonly batch: number;
  readonly length: number;
  readonly places: number;
  readonly isBatched: boolean;
}

function maskError(name: string, mask: Value, shapes: readonly (readonly number[])[]): TwopassError {
  return new TwopassError({
    op,
    problem: `${name} must have shape ${shapes.map(showShape).join(" or ")}`,
    facts: `it has ${showShape(mask.shape)}`,
    shapes: [mask.shape],
  });
}
