/**
 * A choice that is left to the device: the same values by primitives and by operations that some devices have kernels for.
 * Floor: ops.
 */
import type { Value } from "../ir/value.ts";
import { record } from "./record.ts";

/**
 * y = the first input, which is made of primitives. A device takes the second one instead where it has kernels for it; it
 * is the same but for rounding. Derivatives of any order follow the first: the second need not have any.
 */
export const either = record({
  name: "either",
  kind: "either",
  doc: "the first input, or the second where the device has kernels for it",
  isPartial: true,
  infer: ([x]) => ({ shape: (x as Value).shape, dtype: (x as Value).dtype }),
  evaluate: (out, [x]) => {
    if (x !== undefined) out.data.set(x.data);
  },
  vjp: (_k, g) => [g, undefined],
});
