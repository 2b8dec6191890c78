/** Limits on gradients, between `backward()` and `step()`. Floor: nn. */
import { promote } from "../base/dtype.ts";
import { TwopassError, describe } from "../base/errors.ts";
import { withMode } from "../ir/mode.ts";
import type { Value } from "../ir/value.ts";
import { norm } from "../ops/composite/reduction.ts";
import { kit } from "../ops/kit.ts";
import { tracing } from "../tensor/capture.ts";
import { full } from "../tensor/creation.ts";
import { currentEngine } from "../tensor/engines.ts";
import { TensorHandle } from "../tensor/handle.ts";
import { type Inner, inner } from "../tensor/inner.ts";
import { numberValue } from "../tensor/operand.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { resultOf, withDefaults } from "./functional/common.ts";

/** The tensors that have a gradient. */
function withGradients(op: string, parameters: Tensor | Iterable<Tensor>): { part: Inner; gradient: Value }[] {
  const list = parameters instanceof TensorHandle ? [parameters] : [...parameters];
  return list.flatMap((x) => {
    if (!(x instanceof TensorHandle)) {
      throw new TwopassError({
        op,
        problem: "takes parameters",
        facts: `got ${describe(x)}`,
        hint: "model.parameters()",
      });
    }
    const part = x[inner];
    tracing()?.noteGradient(part, true);
    return part.gradient === undefined ? [] : [{ part, gradient: part.gradient }];
  });
}

function setGradient(part: Inner, gradient: Value): void {
  (part.engine ?? currentEngine()).setGradient(part, gradient);
}

/**
 * Scales all gradients together so that their norm, taken as one long vector, is at most maxNorm:
 * g ← g · min(1, maxNorm / (‖g‖ + 1e-6)). Pascanu, Mikolov, Bengio (2013). Nothing runs yet.
 *
 * @param parameters those without a gradient are passed over.
 * @param options.normType the p of the norm; default 2, Infinity is the largest element.
 * @returns the norm before clipping, 0-d.
 * @example
 * const w = new nn.Parameter(tensor([0, 0]));
 * w.mul(tensor([3, 4])).sum().backward();
 * const norm = nn.clipGradNorm([w], 1);
 * await norm.item(); // 5
 * await w.grad?.norm().item(); // 1.0000
 */
export function clipGradNorm(
  parameters: Tensor | Iterable<Tensor>,
  maxNorm: number,
  options?: { readonly normType?: number },
): Tensor {
  const { normType } = withDefaults("clipGradNorm", options, { normType: 2 });
  if (!(maxNorm >= 0))
    throw new TwopassError({
      op: "clipGradNorm",
      problem: "maxNorm must be a number from 0",
      facts: `got ${describe(maxNorm)}`,
    });
  const found = withGradients("clipGradNorm", parameters);
  const [first] = found;
  if (first === undefined) return full([], 0);
  return withMode({ phase: 1, grad: false }, () => {
    const dtype = found.map(({ gradient }) => gradient.dtype).reduce(promote);
    const norms = found.map(({ gradient: g }) => {
      const all = g.shape.map((_, i) => i);
      return kit.reshape(kit.cast(norm(kit, g, normType, all), dtype), [1]);
    });
    const total = kit.reshape(norm(kit, kit.concat(norms, 0), normType, [0]), []);
    const scale = kit.minimum(kit.div(numberValue(maxNorm, total.dtype), kit.add(total, 1e-6)), 1);
    for (const { part, gradient } of found) setGradient(part, kit.mul(gradient, kit.cast(scale, gradient.dtype)));
    const result = resultOf(total, []);
    result[inner].engine = first.part.engine;
    return result;
  });
}

/** Cuts each element of each gradient to [−clipValue, clipValue]. Nothing runs yet. */
export function clipGradValue(parameters: Tensor | Iterable<Tensor>, clipValue: number): void {
  if (!(clipValue >= 0))
    throw new TwopassError({
      op: "clipGradValue",
      problem: "clipValue must be a number from 0",
      facts: `got ${describe(clipValue)}`,
    });
  withMode({ phase: 1, grad: false }, () => {
    for (const { part, gradient } of withGradients("clipGradValue", parameters)) {
      const limit = numberValue(clipValue, gradient.dtype);
      setGradient(part, kit.maximum(kit.minimum(gradient, limit), kit.neg(limit)));
    }
  });
}
