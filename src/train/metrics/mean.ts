/** The mean of anything over batches of different sizes, such as a loss. Floor: train. */
import { TwopassError, checkOptions, describe } from "../../base/errors.ts";
import { full } from "../../tensor/creation.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { GatheringMetric } from "./gathering-metric.ts";

export interface MeanOptions {
  /** The name under which it is logged; default "mean". */
  readonly name?: string;
  /** Whether more is better; default false. */
  readonly higherIsBetter?: boolean;
}

/**
 * A mean over an epoch, with each batch by its size: that of `measure(output, target)`, or of what is given to `add`. A
 * measure that gives one number is taken as the mean of its batch; one that gives more as its elements.
 *
 * @param measure default: none, and `add` is used.
 * @example
 * const loss = new Mean();
 * loss.add(tensor(0.5), 32);
 * loss.add(tensor(2), 16);
 * await loss.compute(); // 1
 */
export class Mean extends GatheringMetric<"sum" | "count", number> {
  override readonly name: string;
  override readonly higherIsBetter: boolean;
  readonly #measure: ((output: Tensor, target: Tensor) => Tensor) | undefined;

  constructor(measure?: (output: Tensor, target: Tensor) => Tensor, options: MeanOptions = {}) {
    super();
    if (measure !== undefined && typeof measure !== "function") {
      throw new TwopassError({
        op: "Mean",
        problem: "takes a function of output and target",
        facts: `got ${describe(measure)}`,
      });
    }
    checkOptions("Mean", options, ["name", "higherIsBetter"]);
    this.name = options.name ?? "mean";
    this.higherIsBetter = options.higherIsBetter ?? false;
    this.#measure = measure;
  }

  /** Counts a mean of `count` samples, or all elements of a tensor of more than one. No gradient flows through. */
  add(value: Tensor, count = value.size): void {
    this.gather(value.device, () => this.#parts(value, count));
  }

  protected override measure(output: Tensor, target: unknown): Record<"sum" | "count", Tensor> {
    if (this.#measure === undefined || !(target instanceof Tensor)) {
      throw new TwopassError({
        op: "Mean.update",
        problem:
          this.#measure === undefined ? "there is no measure of output and target" : "the target must be a tensor",
        facts: this.#measure === undefined ? "it was made without one" : `got ${describe(target)}`,
        hint: "new Mean((output, target) => ...), or add(loss, count)",
      });
    }
    const value = this.#measure(output, target);
    return this.#parts(value, value.size === 1 ? (output.shape[0] ?? 1) : value.size);
  }

  #parts(value: Tensor, count: number): Record<"sum" | "count", Tensor> {
    const n = full([], count, { dtype: "float64" });
    // The mean of an empty batch is NaN, and counts nothing.
    const sum = count === 0 ? n : value.size === 1 ? value.double().reshape([]).mul(n) : value.double().sum();
    return { sum, count: n };
  }

  protected override conclude({ sum, count }: Readonly<Record<"sum" | "count", Float64Array>>): number {
    if (count[0] === 0)
      throw new TwopassError({ op: "Mean.compute", problem: "nothing was counted: all batches were empty" });
    return (sum[0] as number) / (count[0] as number);
  }
}
