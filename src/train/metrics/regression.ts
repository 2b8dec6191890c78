/** Errors of predicted numbers, and the share of the targets' variance that is explained. Floor: train. */
import { TwopassError, showShape } from "../../base/errors.ts";
import { sameShape, sizeOf } from "../../base/shape.ts";
import { checkGiven, type Labels } from "../../nn/functional/labels.ts";
import { full, tensor } from "../../tensor/creation.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { GatheringMetric } from "./gathering-metric.ts";

/** Output and target of one shape in float64. Broadcasting would count pairs that do not belong together. */
function readPair(op: string, output: Tensor, target: Labels): [Tensor, Tensor] {
  checkGiven(op, "the target", target);
  const y = target instanceof Tensor ? target : tensor(target, { dtype: "float64" });
  if (sameShape(output.shape, y.shape)) return [output.double(), y.double()];
  throw new TwopassError({
    op,
    problem: "output and target must have the same shape",
    facts: `output ${showShape(output.shape)}, target ${showShape(y.shape)}`,
    hint:
      output.size === y.size
        ? `target.reshape(${output.shape.join(", ")})`
        : "broadcasting would count pairs that do not belong together",
    shapes: [output.shape, y.shape],
  });
}

/** A count as a tensor; it is read when it runs, so that a smaller batch has the same graph. */
function countOf(n: number): Tensor {
  return full([], n, { dtype: "float64" });
}

function meanOf(op: string, { sum, count }: Readonly<Record<"sum" | "count", Float64Array>>): number {
  if (count[0] === 0)
    throw new TwopassError({ op: `${op}.compute`, problem: "nothing was counted: all batches were empty" });
  return (sum[0] as number) / (count[0] as number);
}

/**
 * Mean absolute error: the mean of |output − target| over all elements, which have one shape.
 *
 * @example
 * const metric = new MeanAbsoluteError();
 * metric.update(tensor([1, 2]), tensor([1, 5]));
 * await metric.compute(); // 1.5
 */
export class MeanAbsoluteError extends GatheringMetric<"sum" | "count", number> {
  override readonly name = "mae";
  override readonly higherIsBetter = false;

  protected override measure(output: Tensor, target: Labels): Record<"sum" | "count", Tensor> {
    const [x, y] = readPair("MeanAbsoluteError", output, target);
    return { sum: x.sub(y).abs().sum(), count: countOf(x.size) };
  }

  protected override conclude(sums: Readonly<Record<"sum" | "count", Float64Array>>): number {
    return meanOf("MeanAbsoluteError", sums);
  }
}

/**
 * Root mean squared error: the root of the mean of (output − target)² over all elements, which have one shape. Several
 * outputs are taken together; scikit-learn takes the root for each and then their mean.
 *
 * @example
 * const metric = new RootMeanSquaredError();
 * metric.update(tensor([1, 2]), tensor([2, 9]));
 * await metric.compute(); // 5
 */
export class RootMeanSquaredError extends GatheringMetric<"sum" | "count", number> {
  override readonly name = "rmse";
  override readonly higherIsBetter = false;

  protected override measure(output: Tensor, target: Labels): Record<"sum" | "count", Tensor> {
    const [x, y] = readPair("RootMeanSquaredError", output, target);
    return { sum: x.sub(y).square().sum(), count: countOf(x.size) };
  }

  protected override conclude(sums: Readonly<Record<"sum" | "count", Float64Array>>): number {
    return Math.sqrt(meanOf("RootMeanSquaredError", sums));
  }
}

type Moments = "count" | "mean" | "spread" | "rest";

/**
 * R² = 1 − Σ(target − output)² / Σ(target − mean)²: 1 is perfect, 0 as good as the mean, and it can be negative. Shapes [N]
 * or [N, ...]; of several outputs it is the mean of their R². Where a target never changes it is 1 if all is right, else 0;
 * NaN for a single sample.
 *
 * The spread about the mean is merged batch by batch (Chan, Golub, LeVeque 1983), so that a large mean costs no digits.
 *
 * @example
 * const metric = new R2Score();
 * metric.update(tensor([1, 2, 4]), tensor([1, 2, 3]));
 * await metric.compute(); // 0.5
 */
export class R2Score extends GatheringMetric<Moments, number> {
  override readonly name = "r2";
  override readonly higherIsBetter = true;

  protected override measure(output: Tensor, target: Labels): Record<Moments, Tensor> {
    const [x, y] = readPair("R2Score", output, target);
    if (x.ndim === 0) {
      throw new TwopassError({
        op: "R2Score",
        problem: "takes a batch of outputs [N] or [N, ...]",
        facts: "got shape []",
      });
    }
    const samples = x.shape[0] as number;
    const rows = [samples, sizeOf(x.shape.slice(1))];
    const targets = y.reshape(rows);
    // The mean of no samples would be NaN and stay.
    const mean = samples === 0 ? targets.sum(0) : targets.mean(0);
    return {
      count: countOf(samples),
      mean,
      spread: targets.sub(mean).square().sum(0),
      rest: targets.sub(x.reshape(rows)).square().sum(0),
    };
  }

  protected override merged(
    sums: Readonly<Record<Moments, Tensor>>,
    batch: Readonly<Record<Moments, Tensor>>,
  ): Record<Moments, Tensor> {
    const count = sums.count.add(batch.count);
    const share = batch.count.div(count.maximum(1));
    const step = batch.mean.sub(sums.mean);
    return {
      count,
      mean: sums.mean.add(step.mul(share)),
      spread: sums.spread.add(batch.spread).add(step.square().mul(sums.count.mul(share))),
      rest: sums.rest.add(batch.rest),
    };
  }

  protected override conclude({ count, spread, rest }: Readonly<Record<Moments, Float64Array>>): number {
    if ((count[0] as number) < 2) return Number.NaN;
    let sum = 0;
    for (let i = 0; i < spread.length; i++) {
      const [all, left] = [spread[i] as number, rest[i] as number];
      sum += all === 0 ? (left === 0 ? 1 : 0) : 1 - left / all;
    }
    return sum / spread.length;
  }
}
