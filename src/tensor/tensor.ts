/**
 * Tensor: all methods together. The families are in files of their own, each extending the one before:
 * handle, elementwise, reductions, views, indexing, linear. Floor: tensor.
 */
import type { Inner } from "./inner.ts";
import { LinearMethods } from "./linear.ts";

/**
 * An n-dimensional array of elements of one dtype, on which operations build a graph that runs when something is read.
 * Make one with `tensor`, `zeros`, `randn` and the like.
 */
export class Tensor extends LinearMethods {
  protected override wrap(part: Inner): Tensor {
    return new Tensor(part);
  }
}
