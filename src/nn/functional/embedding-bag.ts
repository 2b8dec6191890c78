/** Rows of a table looked up and joined at once, as a function. Floor: nn. */
import { TwopassError, describe, nearest, showShape } from "../../base/errors.ts";
import { sameShape, sizeOf } from "../../base/shape.ts";
import { withMode } from "../../ir/mode.ts";
import type { Value } from "../../ir/value.ts";
import { type BagMode, bagModes, bagsOf, embeddingRows, joinBags } from "../../ops/composite/embedding.ts";
import { kit } from "../../ops/kit.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type Optional, floatingVertex, likeVertex, present, resultOf, withDefaults } from "./common.ts";
import { type EmbeddingOptions, lookup } from "./embedding.ts";
import { type LabelVertex, type Labels, readLabels } from "./labels.ts";

export interface EmbeddingBagOptions extends EmbeddingOptions {
  /** Where each bag starts in an input of one dim, [B], the first at 0. */
  readonly offsets?: Labels | null;
  /** How the rows of a bag are joined: "mean" (default), "sum" or "max". */
  readonly mode?: BagMode;
  /** One factor for each row, of the input's shape; with mode "sum" only. */
  readonly perSampleWeights?: Optional<Tensor>;
  /** Whether the last offset is the end of the last bag and not another bag; default false. */
  readonly includeLastOffset?: boolean;
}

export function checkBagMode(op: string, mode: unknown): BagMode {
  if (bagModes.includes(mode as BagMode)) return mode as BagMode;
  const near = typeof mode === "string" ? nearest(mode, bagModes) : undefined;
  throw new TwopassError({
    op,
    problem: `unknown mode ${describe(mode)}`,
    hint: near === undefined ? `known: ${bagModes.join(", ")}` : `did you mean "${near}"?`,
  });
}

/** The bag of each place of the input, and how many there are. */
function bagging(
  op: string,
  index: LabelVertex,
  given: Labels | null,
  includeLast: boolean,
): { bags: Value; count: number; from: Tensor[] } {
  const { shape } = index.value;
  const [n = 0, width = 0] = shape;
  if (shape.length === 2 && given === null) {
    return { bags: kit.reshape(kit.iota([n, width], 0), [n * width]), count: n, from: [] };
  }
  if (shape.length !== 1 || given === null) {
    throw new TwopassError({
      op,
      problem: "an input [B, L] takes no offsets, and an input of one dim takes offsets [B]",
      facts: `input ${showShape(shape)}, ${given === null ? "no offsets" : "with offsets"}`,
      shapes: [shape],
    });
  }
  const offsets = readLabels(op, "the offsets", given);
  const bags = offsets.value.shape.length === 1 ? sizeOf(offsets.value.shape) - (includeLast ? 1 : 0) : -1;
  if (bags < 0) {
    throw new TwopassError({
      op,
      problem: "the offsets must have one dim, and with includeLastOffset at least one element",
      facts: `shape ${showShape(offsets.value.shape)}`,
    });
  }
  const starts = offsets.data;
  starts?.forEach((start, i) => {
    if (i === 0 ? start === 0 : start >= (starts[i - 1] as number) && start <= n) return;
    throw new TwopassError({
      op,
      problem: "offsets start at 0, do not decrease and end within the input",
      facts: `offset ${i} is ${start}, the input has ${n} elements`,
    });
  });
  return { bags: bagsOf(kit, offsets.value, n), count: bags, from: [offsets.tensor] };
}

/** The factors of the rows, of the input's shape. */
function factorsOf(
  op: string,
  given: Optional<Tensor>,
  index: LabelVertex,
  weight: Value,
  mode: BagMode,
): Value | undefined {
  if (given === null || given === undefined) return undefined;
  const factors = likeVertex(op, "perSampleWeights", given, weight);
  if (mode === "sum" && sameShape(factors.shape, index.value.shape)) return factors;
  throw new TwopassError({
    op,
    problem: 'perSampleWeights must have the shape of the input, and go with mode "sum" only',
    facts: `mode "${mode}", weights ${showShape(factors.shape)}, input ${showShape(index.value.shape)}`,
    shapes: [factors.shape, index.value.shape],
  });
}

/**
 * Sums, means or maxima of rows of a table, without the rows themselves as a result. An empty bag gives 0.
 *
 * @param input whole numbers [B, L], each row a bag; or [n] with `offsets`.
 * @param weight [V, D]
 * @param options.mode "mean" (default), "sum" or "max".
 * @param options.paddingIdx a row that is left out.
 * @returns [B, D]
 * @example
 * await embeddingBag([[0, 1]], tensor([[1, 2], [3, 4]])).array(); // [[2, 3]]
 */
export function embeddingBag(input: Labels, weight: Tensor, given?: EmbeddingBagOptions): Tensor {
  const op = "embeddingBag";
  const options = withDefaults<Required<EmbeddingBagOptions>>(op, given, {
    offsets: null,
    mode: "mean",
    perSampleWeights: null,
    includeLastOffset: false,
    paddingIdx: null,
    maxNorm: null,
    normType: 2,
  });
  const { paddingIdx, maxNorm, normType, perSampleWeights } = options;
  const mode = checkBagMode(op, options.mode);
  const index = readLabels(op, "the input", input);
  const { bags, count, from } = bagging(op, index, options.offsets, options.includeLastOffset);
  const factors = factorsOf(op, perSampleWeights, index, floatingVertex(op, weight), mode);
  // A lookup may write to the weight, so it comes when all else is checked.
  const { w, padding } = lookup(op, index.tensor, weight, { paddingIdx, maxNorm, normType });
  const size = sizeOf(index.value.shape);
  const line = kit.reshape(index.value, [size]);
  const plain = withMode({ call: op }, () => embeddingRows(kit, w, line, undefined));
  const rows = factors === undefined ? plain : kit.mul(plain, kit.reshape(factors, [size, 1]));
  const kept = padding === undefined ? bags : kit.where(kit.eq(line, padding), count, bags);
  return resultOf(joinBags(kit, rows, kept, count, mode), present(index.tensor, weight, perSampleWeights, ...from));
}
