/** Perplexity of a language model. Floor: train. */
import { checkOptions } from "../../base/errors.ts";
import type { Labels } from "../../nn/functional/labels.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type LabelOptions, checkLabels, readClasses } from "./decisions.ts";
import { GatheringMetric } from "./gathering-metric.ts";

type Key = "loss" | "counted" | "invalid";

/**
 * exp of the mean cross-entropy over all labels that count: 1 is perfect, C is guessing among C classes.
 *
 * Scores (not probabilities) [N, C] or [N, C, ...] with int labels [N] or [N, ...].
 *
 * @param options.ignoreIndex a label that counts nothing; default −100, as of `crossEntropy`.
 * @example
 * const perplexity = new Perplexity();
 * perplexity.update(tensor([[0, 0, 0, 0]]), int32([2]));
 * await perplexity.compute(); // 4.0000
 */
export class Perplexity extends GatheringMetric<Key, number> {
  override readonly name = "perplexity";
  override readonly higherIsBetter = false;
  readonly #options: LabelOptions;
  #classes = 0;

  constructor(options: LabelOptions = {}) {
    super();
    checkOptions("Perplexity", options, ["ignoreIndex"]);
    this.#options = { ignoreIndex: -100, ...options };
  }

  protected override measure(output: Tensor, target: Labels): Record<Key, Tensor> {
    const { safe, counts, invalid, classes } = readClasses("Perplexity", output, target, this.#options);
    this.#classes = classes;
    const own = output.logSoftmax(1).gather(1, safe.unsqueeze(1)).squeeze(1).double();
    return { loss: own.neg().where(counts, 0).sum(), counted: counts.sum(), invalid };
  }

  protected override conclude({ loss, counted, invalid }: Readonly<Record<Key, Float64Array>>): number {
    checkLabels("Perplexity", invalid[0] as number, counted[0] as number, this.#classes);
    return Math.exp((loss[0] as number) / (counted[0] as number));
  }
}
