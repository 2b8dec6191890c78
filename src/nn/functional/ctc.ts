/** Connectionist temporal classification as a function. Floor: nn. */
import { TwopassError, showShape } from "../../base/errors.ts";
import { sameShape } from "../../base/shape.ts";
import { withMode } from "../../ir/mode.ts";
import type { Value } from "../../ir/value.ts";
import { ctc } from "../../ops/composite/ctc.ts";
import { reduce } from "../../ops/composite/loss.ts";
import { kit } from "../../ops/kit.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { checkReduction, checkWhole, floatingVertex, resultOf, withDefaults } from "./common.ts";
import { type LabelVertex, type Labels, checkRange, readLabels } from "./labels.ts";
import type { ReductionOptions } from "./loss.ts";

export interface CTCOptions extends ReductionOptions {
  /** The class that stands for no label; default 0. */
  readonly blank?: number;
  /** Whether losses that are infinite, and their gradients, count as 0; default false. */
  readonly zeroInfinity?: boolean;
}

/** Lengths of n rows, each at most `most`. */
function lengthsOf(op: string, name: string, given: Labels, n: number, isBatched: boolean, most: number): LabelVertex {
  const lengths = readLabels(op, name, given);
  if (!sameShape(lengths.value.shape, [n]) && (isBatched || lengths.value.shape.length > 0)) {
    throw new TwopassError({
      op,
      problem: `${name} must have one element for each row`,
      facts: `shape ${showShape(lengths.value.shape)}, rows ${n}`,
    });
  }
  lengths.data?.forEach((length, i) => {
    if (length >= 0 && length <= most) return;
    throw new TwopassError({ op, problem: `${name} must be from 0 to ${most}`, facts: `row ${i} has ${length}` });
  });
  return { ...lengths, value: kit.reshape(lengths.value, [n]) };
}

/** Labels [N, S] from rows, or from rows one behind the other. */
function rowsOf(op: string, targets: LabelVertex, lengths: LabelVertex, n: number, isBatched: boolean): Value {
  const { shape } = targets.value;
  if (shape.length === 2 && shape[0] === n) return targets.value;
  if (shape.length === 1 && !isBatched) return kit.reshape(targets.value, [1, ...shape]);
  const [total = 0] = shape;
  const known = lengths.data === undefined ? undefined : Array.from(lengths.data);
  const sum = known?.reduce((all, length) => all + length, 0);
  if (shape.length !== 1 || (sum !== undefined && sum !== total)) {
    throw new TwopassError({
      op,
      problem: "the targets must be [N, S], or all labels one behind the other",
      facts: `shape ${showShape(shape)}, rows ${n}${sum === undefined ? "" : `, labels ${sum}`}`,
      shapes: [shape],
    });
  }
  const most = known === undefined ? total : Math.max(...known, 0);
  if (most === 0) return kit.full([n, 0], 0, "int32");
  const starts = kit.sub(kit.cumulate(lengths.value), lengths.value);
  const places = kit.add(kit.reshape(starts, [n, 1]), kit.iota([n, most], 1));
  const inside = kit.reshape(kit.minimum(places, total - 1), [n * most]);
  return kit.reshape(kit.gather(targets.value, inside, 0), [n, most]);
}

/**
 * Connectionist temporal classification: −log of the probability of the labels under all their alignments to the steps,
 * where repeated labels are merged and blanks left out. Graves et al. (2006). The mean is over rows, each divided by its
 * number of labels.
 *
 * The gradient is meant for the result of a log-softmax: as in PyTorch it holds a part, exp(logProbs), that drops out there.
 * The recursion is written out step by step: a new number of steps compiles a new plan, so pad inputs to few lengths.
 *
 * @param logProbs [T, N, C] or [T, C]: log-probabilities, as `logSoftmax` gives them.
 * @param targets labels but the blank: [N, S]; or all labels of all rows one behind the other.
 * @param inputLengths steps of each row that count, [N].
 * @param targetLengths labels of each row that count, [N].
 * @returns [] or with reduction "none" [N]; Infinity where no alignment exists.
 * @example
 * const logProbs = zeros(2, 1, 3).logSoftmax(-1);
 * // Of the 9 pairs of classes, 3 mean the label 1: [1, 1], [0, 1], [1, 0].
 * await ctcLoss(logProbs, [[1]], [2], [1]).item(); // 1.0986
 */
export function ctcLoss(
  logProbs: Tensor,
  targets: Labels,
  inputLengths: Labels,
  targetLengths: Labels,
  given?: CTCOptions,
): Tensor {
  const op = "ctcLoss";
  const options = withDefaults<Required<CTCOptions>>(op, given, { blank: 0, zeroInfinity: false, reduction: "mean" });
  const how = checkReduction(op, options.reduction);
  const x = floatingVertex(op, logProbs);
  const isBatched = x.shape.length === 3;
  if ((!isBatched && x.shape.length !== 2) || x.shape[0] === 0) {
    throw new TwopassError({
      op,
      problem: "logProbs must be [T, N, C] or [T, C] with at least one step",
      facts: `shape ${showShape(x.shape)}`,
      shapes: [x.shape],
    });
  }
  const logp = isBatched ? x : kit.reshape(x, [x.shape[0] as number, 1, x.shape[1] as number]);
  const [steps, n, classes] = logp.shape as [number, number, number];
  const blank = checkWhole(op, "blank", options.blank, 0);
  if (blank >= classes) throw new TwopassError({ op, problem: "blank out of range", facts: `${blank} of ${classes}` });
  const labels = readLabels(op, "the targets", targets);
  checkRange(op, "label", labels, classes);
  const width = labels.value.shape.at(-1) ?? 0;
  const inputs = lengthsOf(op, "inputLengths", inputLengths, n, isBatched, steps);
  const counts = lengthsOf(op, "targetLengths", targetLengths, n, isBatched, width);
  const rows = rowsOf(op, labels, counts, n, isBatched);
  const losses = withMode({ call: op }, () =>
    ctc(kit, logp, { labels: rows, inputLengths: inputs.value, targetLengths: counts.value, blank }),
  );
  const counted = options.zeroInfinity ? kit.where(kit.eq(losses, Number.POSITIVE_INFINITY), 0, losses) : losses;
  const sizes = kit.cast(kit.maximum(counts.value, 1), x.dtype);
  const shared = how === "mean" ? kit.div(counted, sizes) : counted;
  const result = reduce(kit, isBatched ? shared : kit.reshape(shared, []), how);
  return resultOf(result, [logProbs, labels.tensor, inputs.tensor, counts.tensor]);
}
