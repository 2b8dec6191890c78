/** Finds parameters that get gradients but are in no optimiser. Floor: optim. */
import type { Engine } from "../tensor/engine.ts";
import type { Inner } from "../tensor/inner.ts";
import { hint } from "../tensor/switches.ts";

/** What any optimiser updates. */
const optimized = new WeakSet<Inner>();
/** Steps of an optimiser that look for parameters which nobody updates. */
export const mostSearches = 3;
/** Names in a hint. */
const mostNames = 3;

export function noteOptimized(part: Inner): void {
  optimized.add(part);
}

/** Says which stored tensors get gradients that no optimiser uses. */
export function hintForgotten(engine: Engine): void {
  const labels: string[] = [];
  for (const part of engine.newGradients()) {
    if (part.cell !== undefined && part.collects && !optimized.has(part)) labels.push(part.cell.label);
  }
  if (labels.length === 0) return;
  // The backward pass has come from the end of the model.
  labels.reverse();
  const names = [...new Set(labels)].slice(0, mostNames);
  const more = labels.length - names.length;
  const named = names.join(", ") + (more > 0 ? ` and ${more} more` : "");
  const [get, give] = labels.length === 1 ? ["gets a gradient but is", "it"] : ["get gradients but are", "them"];
  hint(`${named} ${get} in no optimiser; give ${give} to one, or freeze ${give} with requiresGrad_(false)`);
}
