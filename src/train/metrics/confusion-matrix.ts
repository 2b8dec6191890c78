/** Which class was taken for which. Floor: train. */
import { TwopassError, checkOptions, describe } from "../../base/errors.ts";
import type { Labels } from "../../nn/functional/labels.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type DecisionOptions, checkLabels, histogramOf, readDecisions } from "./decisions.ts";
import { GatheringMetric } from "./gathering-metric.ts";

export interface ConfusionOptions extends DecisionOptions {
  /** Names of the classes, for the table; default their numbers. */
  readonly labels?: readonly string[];
}

/**
 * Counts by label and decision: row i, column j says how often label i was taken for j. Outputs and targets as for
 * `Accuracy`; binary outputs have two classes. `String(matrix)` is the table of the last `compute`.
 *
 * @param numClasses as many as the output has.
 * @example
 * const matrix = new ConfusionMatrix(2);
 * matrix.update(tensor([[0.1, 0.9], [0.2, 0.8]]), int32([1, 0]));
 * await matrix.compute(); // [[0, 1], [0, 1]]
 */
export class ConfusionMatrix extends GatheringMetric<"counts" | "invalid", number[][]> {
  override readonly name = "confusionMatrix";
  override readonly higherIsBetter = true;
  readonly numClasses: number;
  readonly #options: ConfusionOptions;
  #last: number[][] | undefined;

  constructor(numClasses: number, options: ConfusionOptions = {}) {
    super();
    const op = "ConfusionMatrix";
    if (!Number.isInteger(numClasses) || numClasses < 1) {
      throw new TwopassError({
        op,
        problem: "takes the number of classes",
        facts: `got ${describe(numClasses)}`,
      });
    }
    checkOptions(op, options, ["labels", "threshold", "ignoreIndex"]);
    if (options.labels !== undefined && options.labels.length !== numClasses) {
      throw new TwopassError({
        op,
        problem: "needs one name for each class",
        facts: `${options.labels.length} labels, ${numClasses} classes`,
      });
    }
    this.numClasses = numClasses;
    this.#options = options;
  }

  protected override measure(output: Tensor, target: Labels): Record<"counts" | "invalid", Tensor> {
    const { predicted, safe, counts, invalid, classes } = readDecisions(
      "ConfusionMatrix",
      output,
      target,
      this.#options,
    );
    if (classes !== this.numClasses) {
      throw new TwopassError({
        op: "ConfusionMatrix",
        problem: "the output has another number of classes",
        facts: `${classes}, the matrix ${this.numClasses}`,
      });
    }
    const size = classes * classes;
    const index = safe.mul(classes).add(predicted).where(counts, size);
    return { counts: histogramOf(index, size + 1), invalid };
  }

  protected override conclude({ counts, invalid }: Readonly<Record<"counts" | "invalid", Float64Array>>): number[][] {
    const n = this.numClasses;
    const counted = counts.subarray(0, n * n).reduce((sum, count) => sum + count, 0);
    checkLabels("ConfusionMatrix", invalid[0] as number, counted, n);
    this.#last = Array.from({ length: n }, (_, row) => [...counts.subarray(row * n, (row + 1) * n)]);
    return this.#last.map((row) => [...row]);
  }

  /** The last computed matrix as a table; labels are rows, decisions columns. */
  override toString(): string {
    const last = this.#last;
    if (last === undefined) return `ConfusionMatrix(${this.numClasses}, not computed yet)`;
    const names = this.#options.labels ?? last.map((_, i) => String(i));
    const lines = [["label \\ decision", ...names], ...last.map((row, i) => [names[i] ?? "", ...row.map(String)])];
    const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
    return lines.map((line) => line.map((cell, i) => cell.padStart(widths[i] ?? 0)).join("  ")).join("\n");
  }
}
