/** What to do about a tensor that has no gradient. Floor: tensor. */
import { type Value, sortGraph } from "../ir/value.ts";

/** The hint for a vertex that does not require grad where one is asked for. */
export function noGradientHint(value: Value): string {
  const isCompiled = sortGraph([value], () => false).order.some((x) => x.released && !x.requiresGrad);
  if (!isCompiled) return "make parameters with requiresGrad, and compute the loss outside of noGrad";
  return (
    "it is made from a result of a compiled function, which has no gradients; " +
    "compile the whole step: zeroGrad(), forward pass, loss, backward() and step() in one function"
  );
}
