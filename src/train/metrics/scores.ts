/** Precision, recall and F1, for each class or averaged. Floor: train. */
import { TwopassError, checkOptions, describe, nearest } from "../../base/errors.ts";
import type { Labels } from "../../nn/functional/labels.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type DecisionOptions, checkLabels, histogramOf, readDecisions } from "./decisions.ts";
import { GatheringMetric } from "./gathering-metric.ts";

const averages = ["macro", "micro", "weighted", "none"] as const;

/**
 * How the scores of classes become one: "macro" is the mean over the classes that occur among labels or decisions,
 * "weighted" that by the number of labels, "micro" the score of all counts together, "none" gives all, one for each class.
 */
export type Average = (typeof averages)[number];

export interface ScoreOptions<A extends Average = Average> extends DecisionOptions {
  /** Default "macro"; for binary outputs by default the score of yes alone. */
  readonly average?: A;
}

/** A list for "none", else a number. */
export type Score<A extends Average> = A extends "none" ? number[] : number;

/** Counts of one class: right decisions, all decisions for it, all labels of it. */
interface Counts {
  readonly hits: number;
  readonly decided: number;
  readonly actual: number;
}

type Key = "hits" | "decided" | "actual" | "invalid";

/** a / b, and 0 for 0 / 0. */
function ratio(a: number, b: number): number {
  return b === 0 ? 0 : a / b;
}

abstract class ClassScore<A extends Average> extends GatheringMetric<Key, Score<A>> {
  override readonly higherIsBetter = true;
  readonly #options: ScoreOptions<A>;

  constructor(options: ScoreOptions<A> = {}) {
    super();
    const op = new.target.name;
    checkOptions(op, options, ["average", "threshold", "ignoreIndex"]);
    if (options.average !== undefined && !averages.includes(options.average)) {
      const near = nearest(String(options.average), averages);
      throw new TwopassError({
        op,
        problem: `unknown average ${describe(options.average)}`,
        hint: near === undefined ? `known: ${averages.join(", ")}` : `did you mean "${near}"?`,
      });
    }
    this.#options = options;
  }

  /** The score of one class, or of the counts of several together. */
  protected abstract scoreOf(counts: Counts): number;

  protected override measure(output: Tensor, target: Labels): Record<Key, Tensor> {
    const { predicted, labels, counts, invalid, classes, isBinary } = readDecisions(
      this.constructor.name,
      output,
      target,
      this.#options,
    );
    // What does not count goes to one place more. Yes alone has two places in all, which no list of classes has.
    const yesOnly = isBinary && this.#options.average === undefined;
    const rest = yesOnly ? 1 : classes;
    const count = (values: Tensor, chosen: Tensor): Tensor => {
      const kept = yesOnly ? chosen.logicalAnd(values.eq(1)) : chosen;
      return histogramOf((yesOnly ? values.mul(0) : values).where(kept, rest), rest + 1);
    };
    return {
      hits: count(labels, counts.logicalAnd(predicted.eq(labels))),
      decided: count(predicted, counts),
      actual: count(labels, counts),
      invalid,
    };
  }

  protected override conclude({ hits, decided, actual, invalid }: Readonly<Record<Key, Float64Array>>): Score<A> {
    const classes = hits.length - 1;
    const total = actual.reduce((sum, n) => sum + n, 0) - (invalid[0] as number);
    checkLabels(this.constructor.name, invalid[0] as number, total, Math.max(2, classes));
    const counts = Array.from({ length: classes }, (_, i) => ({
      hits: hits[i] as number,
      decided: decided[i] as number,
      actual: actual[i] as number,
    }));
    return this.#averaged(counts) as Score<A>;
  }

  #averaged(counts: readonly Counts[]): number | number[] {
    const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
    switch (this.#options.average ?? "macro") {
      case "none":
        return counts.map((one) => this.scoreOf(one));
      case "micro":
        return this.scoreOf({
          hits: sum(counts.map((one) => one.hits)),
          decided: sum(counts.map((one) => one.decided)),
          actual: sum(counts.map((one) => one.actual)),
        });
      case "weighted":
        return ratio(sum(counts.map((one) => this.scoreOf(one) * one.actual)), sum(counts.map((one) => one.actual)));
      case "macro": {
        const present = counts.filter((one) => one.decided + one.actual > 0);
        return ratio(sum(present.map((one) => this.scoreOf(one))), present.length);
      }
    }
  }
}

/**
 * Of what the model decided for a class, the share that is right: hits / decided. 0 where nothing was decided.
 *
 * Outputs and targets as for `Accuracy`. Binary outputs give the score of yes; with an `average` they are two classes.
 *
 * @param options.average "macro" (default), "micro", "weighted", or "none" for a list; see `Average`.
 * @example
 * const precision = new Precision({ average: "none" });
 * precision.update(tensor([[0.1, 0.9], [0.2, 0.8]]), int32([1, 0]));
 * await precision.compute(); // [0, 0.5]
 */
export class Precision<A extends Average = "macro"> extends ClassScore<A> {
  override readonly name = "precision";

  protected override scoreOf({ hits, decided }: Counts): number {
    return ratio(hits, decided);
  }
}

/**
 * Of the labels of a class, the share that the model found: hits / actual. 0 where there is none. Options of
 * `Precision`.
 *
 * @example
 * const metric = new Recall({ average: "none" });
 * metric.update(tensor([[0.1, 0.9], [0.2, 0.8], [0.7, 0.3]]), int32([1, 0, 0]));
 * await metric.compute(); // [0.5, 1]
 */
export class Recall<A extends Average = "macro"> extends ClassScore<A> {
  override readonly name = "recall";

  protected override scoreOf({ hits, actual }: Counts): number {
    return ratio(hits, actual);
  }
}

/**
 * The harmonic mean of precision and recall: 2 · hits / (decided + actual). 0 where both are. "macro" is the mean of the
 * classes' F1, not the F1 of mean precision and recall. Options of `Precision`.
 *
 * @example
 * const metric = new F1({ average: "none" });
 * metric.update(tensor([[0.1, 0.9], [0.2, 0.8], [0.7, 0.3]]), int32([1, 0, 0]));
 * await metric.compute(); // [0.6667, 0.6667]
 */
export class F1<A extends Average = "macro"> extends ClassScore<A> {
  override readonly name = "f1";

  protected override scoreOf({ hits, decided, actual }: Counts): number {
    return ratio(2 * hits, decided + actual);
  }
}
