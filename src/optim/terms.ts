/** Terms that the updates of several optimisers have in common. Floor: optim. */
import type { Tensor } from "../tensor/tensor.ts";
import { has } from "./group-settings.ts";

/** The gradient with the share `weightDecay` of the parameter, where the group has such a share. */
export function decayed(group: { readonly weightDecay: number }, p: Tensor, g: Tensor, weightDecay: Tensor): Tensor {
  return has(group, "weightDecay") ? g.add(p.mul(weightDecay)) : g;
}

/** m + share · (x − m): the mean moved toward x. */
export function movedToward(m: Tensor, x: Tensor, share: Tensor): Tensor {
  return m.add(x.sub(m).mul(share));
}
