/** A handful of graphs whose kernels and code are kept as snapshots. */
import type { Wanted } from "../../src/ir/program.ts";
import type { Value } from "../../src/ir/value.ts";
import { softmax } from "../../src/ops/composite/activation.ts";
import { embeddingRows } from "../../src/ops/composite/embedding.ts";
import { layerNorm } from "../../src/ops/composite/normalization.ts";
import { maxPool } from "../../src/ops/composite/pooling.ts";
import { kit } from "../../src/ops/kit.ts";
import { adam, cellOf, crossEntropy, gradientsOf, inputOf, labelsOf } from "./models.ts";

export const cases: Readonly<Record<string, () => readonly (Value | Wanted)[]>> = {
  "relu and bias": () => [kit.relu(kit.add(inputOf([6, 10]), cellOf("bias", [10])))],
  softmax: () => [softmax(kit, inputOf([6, 10]), 1)],
  "layer norm": () => [layerNorm(kit, inputOf([6, 10]), 1, cellOf("weight", [10]), cellOf("bias", [10]), 1e-5)],
  "cross-entropy": () => [crossEntropy(inputOf([6, 10]), labelsOf([6], 10))],
  "bias gradient": () => [kit.sum(kit.where(kit.gt(inputOf([6, 10]), 0), inputOf([6, 10], Math.cos), 0), [0])],
  "Adam update": () => adam([cellOf("weight", [30])], [inputOf([30])]),
  "max pool": () => {
    const windows = { kernel: [2, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 1], extents: [3, 3] };
    return [maxPool(kit, inputOf([2, 3, 6, 6]), windows).values];
  },
  "embedding gradient": () => {
    const table = cellOf("table", [9, 4]);
    const rows = embeddingRows(kit, table, labelsOf([5], 9), undefined);
    return gradientsOf(kit.sum(kit.mul(rows, inputOf([5, 4])), [0, 1]), [table]);
  },
  matmul: () => [kit.matmul(inputOf([5, 7]), kit.transpose(cellOf("weight", [9, 7]), 0, 1))],
};
