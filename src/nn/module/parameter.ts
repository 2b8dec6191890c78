/** What a module stores: parameters, which train, and buffers, which do not. Floor: nn. */
import type { Dtype, TypedArray } from "../../base/dtype.ts";
import { checkOptions } from "../../base/errors.ts";
import { StoredTensor } from "../../tensor/stored.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/** Elements for a stored tensor: a tensor, which is copied, or elements that are handed over. */
export type Content = Tensor | { readonly data: TypedArray; readonly shape: readonly number[]; readonly dtype: Dtype };

/** The label of a stored tensor that no module has named yet. */
export const unnamed = "a parameter without a name";

/**
 * A tensor that an optimiser may change. As a property of a module, or in an array, plain object or Map of one, it is
 * among its `parameters()`.
 *
 * @param from elements, copied.
 * @param options.requiresGrad whether `backward()` leaves a gradient in `.grad`; default true.
 * @throws if the dtype is not floating while `requiresGrad` holds.
 * @example
 * new nn.Parameter(zeros([2, 3])).requiresGrad; // true
 */
export class Parameter extends StoredTensor {
  constructor(from: Content, options: { readonly requiresGrad?: boolean } = {}) {
    checkOptions("nn.Parameter", options, ["requiresGrad"]);
    super(from, { requiresGrad: options.requiresGrad ?? true, label: unnamed });
  }
}

/**
 * A stored tensor of a module that is no parameter: running statistics, a mask, a position table. Exported as `nn.Buffer`.
 *
 * @param from elements, copied.
 * @param options.persistent whether it is part of `stateDict()`; default true.
 * @example
 * class Shift extends nn.Module {
 *   mean = new nn.Buffer(tensor([1, 2]));
 *   override forward(x: Tensor) {
 *     return x.sub(this.mean);
 *   }
 * }
 * new Shift().parameters().length; // 0
 * Object.keys(new Shift().stateDict()); // ["mean"]
 */
export class StateBuffer extends StoredTensor {
  readonly persistent: boolean;

  constructor(from: Content, options: { readonly persistent?: boolean } = {}) {
    checkOptions("nn.Buffer", options, ["persistent"]);
    super(from, { label: unnamed });
    this.persistent = options.persistent ?? true;
  }
}
