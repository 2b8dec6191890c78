/** Methods as free functions of a tensor: what view-functions.ts and linear-functions.ts are made with. Floor: tensor. */
import { checkTensor } from "./arguments.ts";
import type { Tensor } from "./tensor.ts";

/** Names of methods. */
type Name = {
  [N in keyof Tensor]: Tensor[N] extends (...rest: never[]) => unknown ? N : never;
}[keyof Tensor];

type Free<N extends Name> = Tensor[N] extends (...rest: infer P) => infer R ? (x: Tensor, ...rest: P) => R : never;

/** The function that calls a method of its first argument, which is a tensor. */
export function free<N extends Name>(name: N): Free<N> {
  const call = (x: Tensor, ...rest: unknown[]): unknown => {
    checkTensor(String(name), "the first argument", x);
    return (x[name] as (...rest: unknown[]) => unknown).apply(x, rest);
  };
  return call as Free<N>;
}
