/** Probabilities of classes as a prediction. Floor: cli; Node only. */
import type { Texts } from "../texts.ts";
import type { Prediction } from "./kind.ts";
import { table } from "../table-text.ts";

/** Classes that are shown beside the first. */
const mostOthers = 2;

/** `actual` are the true classes, where they are known. */
export function classPrediction(
  rows: readonly (readonly number[])[],
  classes: readonly string[],
  actual: readonly string[] | undefined,
  texts: Texts,
): Prediction {
  const predictions = rows.map((probabilities, i) => {
    const order = probabilities
      .map((_, k) => k)
      .sort((a, b) => (probabilities[b] as number) - (probabilities[a] as number));
    const ranked = order.map((k) => ({ class: classes[k] as string, probability: probabilities[k] as number }));
    const known = actual === undefined ? {} : { actual: actual[i] as string };
    return { ...(ranked[0] as (typeof ranked)[number]), ...known, ranked };
  });
  const percent = (x: number): string => `${(100 * x).toFixed(1)}%`;
  const { row, predicted, probability, actual: truth, others } = texts.predict.columns;
  const lines = table(
    [row, predicted, probability, ...(actual === undefined ? [] : [truth]), others],
    predictions.map(({ class: name, probability: p, ranked, ...known }, i) => [
      String(i + 1),
      name,
      percent(p),
      ...("actual" in known ? [known.actual as string] : []),
      ranked
        .slice(1, 1 + mostOthers)
        .map((one) => `${one.class} ${percent(one.probability)}`)
        .join(", "),
    ]),
  );
  const json = predictions.map(({ ranked, ...prediction }) => ({
    ...prediction,
    probabilities: Object.fromEntries(
      classes.map((name) => [name, ranked.find((one) => one.class === name)?.probability]),
    ),
  }));
  return { json: { predictions: json }, lines };
}
