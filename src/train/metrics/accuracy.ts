/** Shares of right decisions: accuracy, and that of the k highest scores. Floor: train. */
import { TwopassError, checkOptions, describe } from "../../base/errors.ts";
import type { Labels } from "../../nn/functional/labels.ts";
import { arange } from "../../tensor/creation.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type DecisionOptions, type LabelOptions, checkLabels, readClasses, readDecisions } from "./decisions.ts";
import { GatheringMetric } from "./gathering-metric.ts";

/**
 * The share of labels that the model got right.
 *
 * Class scores [N, C] or [N, C, ...] with int labels [N] or [N, ...]: the first class of the highest score counts. Binary
 * outputs [N] or [N, 1] with targets 0 and 1: yes above the threshold. Outputs and targets of one shape [N, L] are N · L
 * yes-or-no labels; then the threshold must be given.
 *
 * @param options.threshold for binary outputs; default 0 (scores), 0.5 is for probabilities.
 * @param options.ignoreIndex a label that counts nothing; default: none.
 * @example
 * const accuracy = new Accuracy();
 * accuracy.update(tensor([[0.1, 0.9], [0.8, 0.2]]), int32([1, 1]));
 * await accuracy.compute(); // 0.5
 */
export class Accuracy extends GatheringMetric<"correct" | "counted" | "invalid", number> {
  override readonly name = "accuracy";
  override readonly higherIsBetter = true;
  readonly #options: DecisionOptions;
  #classes = 0;

  constructor(options: DecisionOptions = {}) {
    super();
    checkOptions("Accuracy", options, ["threshold", "ignoreIndex"]);
    this.#options = options;
  }

  protected override measure(output: Tensor, target: Labels): Record<"correct" | "counted" | "invalid", Tensor> {
    const { predicted, labels, counts, invalid, classes } = readDecisions("Accuracy", output, target, this.#options);
    this.#classes = classes;
    return { correct: predicted.eq(labels).logicalAnd(counts).sum(), counted: counts.sum(), invalid };
  }

  protected override conclude(sums: Readonly<Record<"correct" | "counted" | "invalid", Float64Array>>): number {
    return share("Accuracy", sums, this.#classes);
  }
}

/**
 * The share of labels that are among the k highest scores, [N, C] or [N, C, ...]. Of equal scores the lower class counts as
 * higher, so that k = 1 is `Accuracy`; a NaN counts as the highest.
 *
 * @param k from 1 to the number of classes.
 * @param options.ignoreIndex a label that counts nothing; default: none.
 * @example
 * const metric = new TopKAccuracy(2);
 * metric.update(tensor([[0.1, 0.7, 0.2], [0.8, 0.1, 0.3]]), int32([2, 1]));
 * await metric.compute(); // 0.5
 */
export class TopKAccuracy extends GatheringMetric<"correct" | "counted" | "invalid", number> {
  override readonly name: string;
  override readonly higherIsBetter = true;
  readonly k: number;
  readonly #options: LabelOptions;
  #classes = 0;

  constructor(k: number, options: LabelOptions = {}) {
    super();
    if (!Number.isInteger(k) || k < 1) {
      throw new TwopassError({
        op: "TopKAccuracy",
        problem: "k must be a whole number from 1",
        facts: `got ${describe(k)}`,
      });
    }
    checkOptions("TopKAccuracy", options, ["ignoreIndex"]);
    this.k = k;
    this.name = `top${k}Accuracy`;
    this.#options = options;
  }

  protected override measure(x: Tensor, target: Labels): Record<"correct" | "counted" | "invalid", Tensor> {
    const { safe, counts, invalid, classes } = readClasses("TopKAccuracy", x, target, this.#options);
    if (this.k > classes) {
      throw new TwopassError({
        op: "TopKAccuracy",
        problem: "k is more than there are classes",
        facts: `k ${this.k}, output of ${classes} classes`,
      });
    }
    this.#classes = classes;
    const at = safe.unsqueeze(1);
    const own = x.gather(1, at);
    const position = arange(classes, { dtype: "int32" }).reshape(x.shape.map((n, i) => (i === 1 ? n : 1)));
    // Written as what does not come behind, so that NaN does not pass for a low score.
    const behind = x.lt(own).logicalOr(x.eq(own).logicalAnd(position.ge(at)));
    const rank = behind.logicalNot().sum(1);
    return { correct: rank.lt(this.k).logicalAnd(counts).sum(), counted: counts.sum(), invalid };
  }

  protected override conclude(sums: Readonly<Record<"correct" | "counted" | "invalid", Float64Array>>): number {
    return share("TopKAccuracy", sums, this.#classes);
  }
}

function share(
  op: string,
  { correct, counted, invalid }: Readonly<Record<"correct" | "counted" | "invalid", Float64Array>>,
  classes: number,
): number {
  checkLabels(op, invalid[0] as number, counted[0] as number, classes);
  return (correct[0] as number) / (counted[0] as number);
}
