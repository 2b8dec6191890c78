/** Lookup tables as layers. Floor: nn. */
import { checkOptions } from "../../base/errors.ts";
import { stream } from "../../base/random-stream.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { checkWhole, withDefaults } from "../functional/common.ts";
import { type EmbeddingOptions, embedding, paddingRow } from "../functional/embedding.ts";
import { type EmbeddingBagOptions, checkBagMode, embeddingBag } from "../functional/embedding-bag.ts";
import type { Labels } from "../functional/labels.ts";
import { Module } from "../module/module.ts";
import { Parameter } from "../module/parameter.ts";

type BagLayerOptions = Omit<EmbeddingBagOptions, "offsets" | "perSampleWeights">;

/** Normal rows for a table, that of `paddingIdx` zero. */
function rowsFor(op: string, count: number, width: number, paddingIdx: number | null): Parameter {
  const row = paddingRow(op, paddingIdx, count);
  const data = new Float32Array(count * width);
  stream("init").fillNormal(data, 0, 1);
  if (row !== undefined) data.fill(0, row * width, (row + 1) * width);
  return new Parameter({ data, shape: [count, width], dtype: "float32" });
}

/**
 * A table of vectors: input whole numbers [...], output [..., embeddingDim].
 *
 * `weight` [numEmbeddings, embeddingDim] starts normal, the row of `paddingIdx` zero.
 *
 * @param options.paddingIdx the row that starts zero and gets no gradient; default none.
 * @param options.maxNorm, options.normType rows that are looked up are first scaled down to this norm; default none, 2.
 * @example
 * new nn.Embedding(10, 3).forward([[1, 2], [4, 5]]).shape; // [2, 2, 3]
 */
export class Embedding extends Module {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly paddingIdx: number | null;
  readonly maxNorm: number | null;
  readonly normType: number;
  weight: Parameter;

  constructor(numEmbeddings: number, embeddingDim: number, given?: EmbeddingOptions) {
    super();
    const op = "nn.Embedding";
    const options = withDefaults<Required<EmbeddingOptions>>(op, given, {
      paddingIdx: null,
      maxNorm: null,
      normType: 2,
    });
    this.numEmbeddings = checkWhole(op, "numEmbeddings", numEmbeddings, 1);
    this.embeddingDim = checkWhole(op, "embeddingDim", embeddingDim, 1);
    this.paddingIdx = paddingRow(op, options.paddingIdx, numEmbeddings) ?? null;
    this.maxNorm = options.maxNorm;
    this.normType = options.normType;
    this.weight = rowsFor(op, numEmbeddings, embeddingDim, options.paddingIdx);
  }

  forward(input: Labels): Tensor {
    const { paddingIdx, maxNorm, normType } = this;
    return embedding(input, this.weight, { paddingIdx, maxNorm, normType });
  }

  protected override describeSettings(): string {
    return `${this.numEmbeddings}, ${this.embeddingDim}`;
  }
}

/**
 * Sums, means or maxima of rows of a table, as `functional.embeddingBag`: `forward(input, { offsets, perSampleWeights })`
 * takes whole numbers [B, L], or [n] with offsets, and gives [B, embeddingDim].
 *
 * `weight` [numEmbeddings, embeddingDim] starts normal, the row of `paddingIdx` zero.
 *
 * @param options.mode "mean" (default), "sum" or "max".
 * @param options.paddingIdx a row that is left out; default none.
 * @param options.includeLastOffset whether the last offset is the end of the last bag; default false.
 * @example
 * new nn.EmbeddingBag(10, 3).forward([[1, 2], [4, 5]]).shape; // [2, 3]
 */
export class EmbeddingBag extends Module {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly options: Readonly<Required<BagLayerOptions>>;
  weight: Parameter;

  constructor(numEmbeddings: number, embeddingDim: number, given?: BagLayerOptions) {
    super();
    const op = "nn.EmbeddingBag";
    this.options = withDefaults<Required<BagLayerOptions>>(op, given, {
      mode: "mean",
      includeLastOffset: false,
      paddingIdx: null,
      maxNorm: null,
      normType: 2,
    });
    checkBagMode(op, this.options.mode);
    this.numEmbeddings = checkWhole(op, "numEmbeddings", numEmbeddings, 1);
    this.embeddingDim = checkWhole(op, "embeddingDim", embeddingDim, 1);
    this.weight = rowsFor(op, numEmbeddings, embeddingDim, this.options.paddingIdx);
  }

  forward(input: Labels, options?: Pick<EmbeddingBagOptions, "offsets" | "perSampleWeights">): Tensor {
    checkOptions("nn.EmbeddingBag", options, ["offsets", "perSampleWeights"]);
    return embeddingBag(input, this.weight, { ...this.options, ...options });
  }

  protected override describeSettings(): string {
    return `${this.numEmbeddings}, ${this.embeddingDim}, mode: ${this.options.mode}`;
  }
}
