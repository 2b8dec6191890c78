/** Lookup tables as functions. Floor: nn. */
import { TwopassError, showShape } from "../../base/errors.ts";
import { withMode } from "../../ir/mode.ts";
import type { Value } from "../../ir/value.ts";
import { embeddingRows, limitRows } from "../../ops/composite/embedding.ts";
import { kit } from "../../ops/kit.ts";
import { currentEngine } from "../../tensor/engines.ts";
import { inner } from "../../tensor/inner.ts";
import { StoredTensor } from "../../tensor/stored.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { floatingVertex, resultOf, checkWhole, withDefaults } from "./common.ts";
import { type LabelVertex, type Labels, checkRange, readLabels } from "./labels.ts";

export interface EmbeddingOptions {
  /** The row that gets no gradient; negative counts from the end; default none. */
  readonly paddingIdx?: number | null;
  /** Rows that are looked up are first scaled down to this norm, in the weight itself; default none. */
  readonly maxNorm?: number | null;
  /** The p of that norm; default 2. */
  readonly normType?: number;
}

/** A row number counted from the front; null stays. */
export function paddingRow(op: string, paddingIdx: number | null, rows: number): number | undefined {
  if (paddingIdx === null) return undefined;
  const row = paddingIdx < 0 ? paddingIdx + rows : paddingIdx;
  if (Number.isInteger(row) && row >= 0 && row < rows) return row;
  throw new TwopassError({ op, problem: "paddingIdx out of range", facts: `${paddingIdx} of ${rows} rows` });
}

export interface Lookup {
  /** The table, limited to `maxNorm`. */
  readonly w: Value;
  readonly index: LabelVertex;
  readonly padding: number | undefined;
}

/** Checks the arguments of a lookup, and scales rows down where `maxNorm` is given. */
export function lookup(op: string, input: Labels, weight: Tensor, options: Required<EmbeddingOptions>): Lookup {
  let w = floatingVertex(op, weight);
  if (w.shape.length !== 2) {
    throw new TwopassError({ op, problem: "the weight must have 2 dims [V, D]", facts: `shape ${showShape(w.shape)}` });
  }
  const rows = checkWhole(op, "the number of rows", w.shape[0], 1);
  const index = readLabels(op, "the input", input);
  checkRange(op, "row", index, rows);
  const padding = paddingRow(op, options.paddingIdx, rows);
  if (options.maxNorm !== null) {
    if (!(weight instanceof StoredTensor)) {
      throw new TwopassError({ op, problem: "maxNorm changes the weight, so it must be a parameter or buffer" });
    }
    const { maxNorm, normType } = options;
    const part = weight[inner];
    const limited = withMode({ grad: false }, () => limitRows(kit, w, index.value, maxNorm, normType));
    (part.engine ?? currentEngine()).noteWrite(part, limited);
    w = part.value;
  }
  return { w, index, padding };
}

/**
 * Rows of a table: y[..., :] = weight[input[...], :].
 *
 * @param input whole numbers of any shape: int32 or uint8 tensor, or (nested) arrays.
 * @param weight [V, D]
 * @returns [...input, D]
 * @throws for numbers outside of 0 to V − 1: at the call where they are known, else when it runs.
 * @example
 * await embedding([1, 0], tensor([[1, 2], [3, 4]])).array(); // [[3, 4], [1, 2]]
 */
export function embedding(input: Labels, weight: Tensor, given?: EmbeddingOptions): Tensor {
  const op = "embedding";
  const options = withDefaults<Required<EmbeddingOptions>>(op, given, { paddingIdx: null, maxNorm: null, normType: 2 });
  const { w, index, padding } = lookup(op, input, weight, options);
  const result = withMode({ call: op }, () => embeddingRows(kit, w, index.value, padding));
  return resultOf(result, [index.tensor, weight]);
}
