/** The numbers of a test of a model, for people and as JSON. Floor: cli; Node only. */
import { SGD } from "../optim/index.ts";
import { type Batches, type Metric, type PairBatch, type Scalars, Trainer } from "../train/index.ts";
import { type Context, number } from "./context.ts";
import type { Recipe } from "./kinds/kind.ts";
import type { MetricName } from "./texts.ts";

/** Loss and metrics over batches. `others` are metrics whose results are no numbers. */
export async function testModel(
  recipe: Recipe,
  batches: Batches<PairBatch>,
  others: Readonly<Record<string, Metric<unknown>>> = {},
): Promise<Scalars> {
  const { model } = recipe;
  // A trainer evaluates; this one's optimiser never makes a step.
  const optimizer = new SGD(model.parameters(), { lr: 1 });
  const metrics = { ...recipe.measures(), ...others };
  return new Trainer({ model, optimizer, step: (batch) => recipe.step(batch), metrics }).evaluate(batches);
}

/** test_loss, test_accuracy and so on; the loss last. */
export function testFields({ loss, ...metrics }: Scalars): Record<string, number> {
  const named = Object.entries(metrics).map(([name, value]) => [`test_${name}`, value] as const);
  return { ...Object.fromEntries(named), test_loss: loss as number };
}

/** "test accuracy 99.05%, loss 0.0301". */
export function testLine({ texts }: Context, { loss, ...metrics }: Scalars): string {
  const all = { ...metrics, loss } as Readonly<Record<MetricName, number>>;
  const parts = (Object.keys(all) as MetricName[]).map((name) => {
    const value = all[name];
    return `${texts.metrics[name]} ${name === "accuracy" ? `${(100 * value).toFixed(2)}%` : number(value)}`;
  });
  return `${texts.test} ${parts.join(", ")}`;
}
