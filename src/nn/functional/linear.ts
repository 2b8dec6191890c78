/** Fully connected layers as functions. Floor: nn. */
import { TwopassError, showShape } from "../../base/errors.ts";
import { sameShape, sizeOf } from "../../base/shape.ts";
import * as composite from "../../ops/composite/matmul.ts";
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
        ? "a weight is [out, in]; new Linear(in, out) takes the number of features first"
        : "the last dim of the input must be the weight's last dim; flatten(1) joins the others",
      shapes: [x.shape, w.shape],
    });
  }
  const b = optionalVertex("linear", "the bias", bias, w, [w.shape[0] as number]);
  return resultOf(composite.linear(kit, x, w, b), present(input, weight, bias));
}

/**
 * Bilinear layer: y[o] = Σ x1[i] · weight[o, i, j] · x2[j] + bias[o].
 *
 * @param input1 [..., in1]
 * @param input2 [..., in2], with equal dims in front.
 * @param weight [out, in1, in2]
 * @param bias [out]; default none.
 * @returns [..., out]
 * @example
 * await bilinear(tensor([[1, 2]]), tensor([[3, 4]]), tensor([[[1, 0], [0, 1]]])).array(); // [[11]]
 */
export function bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias?: Optional<Tensor>): Tensor {
  const op = "bilinear";
  const a = floatingVertex(op, input1);
  const b = likeVertex(op, "the second input", input2, a);
  const w = likeVertex(op, "the weight", weight, a);
  const outer = a.shape.slice(0, -1);
  const [width1, width2] = [a.shape.at(-1), b.shape.at(-1)];
  const fits = w.shape.length === 3 && width1 === w.shape[1] && width2 === w.shape[2];
  if (!fits || width1 === undefined || width2 === undefined || !sameShape(outer, b.shape.slice(0, -1))) {
    throw new TwopassError({
      op,
      problem: "inputs [..., in1] and [..., in2] of equal dims in front take a weight [out, in1, in2]",
      facts: `inputs ${showShape(a.shape)} and ${showShape(b.shape)}, weight ${showShape(w.shape)}`,
      shapes: [a.shape, b.shape, w.shape],
    });
  }
  const rows = sizeOf(outer);
  const out = w.shape[0] as number;
  const half = kit.dot(kit.reshape(a, [rows, width1]), w, { batchA: [], batchB: [], contractA: [1], contractB: [1] });
  const right = kit.reshape(b, [rows, width2]);
  const y = kit.dot(half, right, { batchA: [0], batchB: [0], contractA: [2], contractB: [1] });
  const added = optionalVertex(op, "the bias", bias, w, [out]);
  const whole = kit.reshape(added === undefined ? y : kit.add(y, added), [...outer, out]);
  return resultOf(whole, present(input1, input2, weight, bias));
}
