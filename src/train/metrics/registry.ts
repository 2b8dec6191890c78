/** Metrics by the names under which they are logged, for a command line and for settings in a file. Floor: train. */
import { TwopassError, describe, nearest } from "../../base/errors.ts";
import type { Metric } from "./metric.ts";
import { Accuracy, TopKAccuracy } from "./accuracy.ts";
import { Perplexity } from "./perplexity.ts";
import { MeanAbsoluteError, R2Score, RootMeanSquaredError } from "./regression.ts";
import { F1, Precision, Recall } from "./scores.ts";

const makers: Readonly<Record<string, () => Metric>> = {
  accuracy: () => new Accuracy(),
  top5Accuracy: () => new TopKAccuracy(5),
  precision: () => new Precision(),
  recall: () => new Recall(),
  f1: () => new F1(),
  mae: () => new MeanAbsoluteError(),
  rmse: () => new RootMeanSquaredError(),
  r2: () => new R2Score(),
  perplexity: () => new Perplexity(),
};

/** The names that `metricByName` knows; the 5 of "top5Accuracy" may be another number. */
export const metricNames: readonly string[] = Object.keys(makers);

/**
 * A new metric with its defaults: "accuracy", "top5Accuracy" (or another number), "precision", "recall", "f1", "mae", "rmse",
 * "r2", "perplexity".
 *
 * @throws for another name, with the nearest one.
 * @example
 * metricByName("top3Accuracy").name; // "top3Accuracy"
 */
export function metricByName(name: string): Metric {
  const k = /^top([1-9]\d*)Accuracy$/.exec(String(name))?.[1];
  if (k !== undefined) return new TopKAccuracy(Number(k));
  if (Object.hasOwn(makers, name)) return (makers[name] as () => Metric)();
  const near = nearest(String(name), metricNames);
  throw new TwopassError({
    op: "metricByName",
    problem: `unknown metric ${describe(name)}`,
    hint: near === undefined ? `known: ${metricNames.join(", ")}` : `did you mean "${near}"?`,
  });
}
