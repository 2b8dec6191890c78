/** Lookup tables as layers. Floor: nn. */
import type { TypedArray } from "../base/dtype.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkWhole, withDefaults } from "./functional/common.ts";
import { type EmbeddingOptions, embedding, paddingRow } from "./functional/embedding.ts";
import type { Labels } from "./functional/labels.ts";
import { normalContent } from "./init.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";

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
    const row = paddingRow(op, options.paddingIdx, numEmbeddings);
    this.paddingIdx = row ?? null;
    this.maxNorm = options.maxNorm;
    this.normType = options.normType;
    const content = normalContent([numEmbeddings, embeddingDim], 0, 1) as {
      data: TypedArray;
      shape: number[];
      dtype: "float32";
    };
    if (row !== undefined) content.data.fill(0, row * embeddingDim, (row + 1) * embeddingDim);
    this.weight = new Parameter(content);
  }

  forward(input: Labels): Tensor {
    const { paddingIdx, maxNorm, normType } = this;
    return embedding(input, this.weight, { paddingIdx, maxNorm, normType });
  }

  protected override describeSettings(): string {
    return `${this.numEmbeddings}, ${this.embeddingDim}`;
  }
}
