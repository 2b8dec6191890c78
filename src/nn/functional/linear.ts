/** Fully connected layers as functions. Floor: nn. */
import { TwopassError, showShape } from "../../base/errors.ts";
import { kit } from "../../ops/kit.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type Optional, floatingVertex, likeVertex, optionalVertex, present, resultOf } from "./common.ts";

/**
 * Fully connected layer: y = x Wᵀ + b.
 *
 * @param input [..., in]
 * @param weight [out, in]
 * @param bias [out]; default none.
 * @returns [..., out]
 * @throws where the last dim of the input is not `in`.
 * @example
 * await linear(tensor([[1, 2]]), tensor([[3, 4]]), tensor([5])).array(); // [[16]]
 */
export function linear(input: Tensor, weight: Tensor, bias?: Optional<Tensor>): Tensor {
  const x = floatingVertex("linear", input);
  const w = likeVertex("linear", "the weight", weight, x);
  const last = x.shape.length - 1;
  if (w.shape.length !== 2 || last < 0 || x.shape[last] !== w.shape[1]) {
    const facts = `input ${showShape(x.shape)}, weight ${showShape(w.shape)}`;
    const isTransposed = w.shape.length === 2 && x.shape[last] === w.shape[0];
    throw new TwopassError({
      op: "linear",
      problem:
        w.shape.length === 2
          ? `the input has ${x.shape[last] ?? 0} features, the weight takes ${w.shape[1]}`
          : "the weight must have 2 dims [out, in]",
      facts,
      hint: isTransposed
        ? "the weight is [out, in]: transpose it"
        : "the last dim of the input must be the weight's last dim; flatten(1) joins the others",
      shapes: [x.shape, w.shape],
    });
  }
  const y = kit.dot(x, w, { batchA: [], batchB: [], contractA: [last], contractB: [1] });
  const b = optionalVertex("linear", "the bias", bias, w, [w.shape[0] as number]);
  return resultOf(b === undefined ? y : kit.add(y, b), present(input, weight, bias));
}
