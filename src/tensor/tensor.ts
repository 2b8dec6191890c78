/**
 * Tensor: all methods together. The families are in files of their own, each extending the one before:
 * handle, elementwise, reductions, views, indexing, linear. Floor: tensor.
 */
import type { Inner } from "./inner.ts";
import { LinearMethods } from "./linear.ts";

/**
 * An n-dimensional array of elements of one dtype, on which operations build a graph that runs when something is read.
 * Make one with `tensor`, `zeros`, `randn` and the like.
 *
 * @example
 * const x = tensor([[1, 2], [3, 4]]);
 * [x.shape, x.dtype, x.device]; // [[2, 2], "float32", "wasm"]
 * await x.add(1).mul(x).array(); // [[2, 6], [12, 20]]
 */
export class Tensor extends LinearMethods {
  protected override wrap(part: Inner): Tensor {
    return new Tensor(part);
  }

  /**
   * Sends this tensor through modules and functions in turn, so that they read in the order in which they work.
   *
   * @example
   * await tensor([-1, 2]).pipe((x) => x.relu(), (x) => x.mul(3)).array(); // [0, 6]
   */
  pipe(...steps: readonly PipeStep[]): Tensor {
    return steps.reduce<Tensor>((x, step) => (typeof step === "function" ? step(x) : step.forward(x)), this);
  }
}

/** A step of `pipe`: a function of a tensor, or a module whose `forward` is one. */
export type PipeStep = ((x: Tensor) => Tensor) | { forward(x: Tensor): Tensor };
