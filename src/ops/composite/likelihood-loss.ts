/** Losses that are likelihoods of counts and of Gaussians. Floor: ops. */
import { withMode } from "../../ir/mode.ts";
import type { Value } from "../../ir/value.ts";
import type { Kit } from "../kit.ts";

/** eˣ − t x, or without `logInput` x − t log(x + eps); with `full` plus t log t − t + log(2πt) / 2 where t > 1. */
export function poissonError(
  k: Kit,
  x: Value,
  target: Value,
  s: { readonly logInput: boolean; readonly full: boolean; readonly eps: number },
): Value {
  const loss = s.logInput ? k.sub(k.exp(x), k.mul(target, x)) : k.sub(x, k.mul(target, k.log(k.add(x, s.eps))));
  if (!s.full) return loss;
  const isLarge = k.gt(target, 1);
  const t = k.where(isLarge, target, 1);
  const log = k.log(t);
  const stirling = k.add(k.sub(k.mul(t, log), t), k.mul(k.add(log, Math.log(2 * Math.PI)), 0.5));
  return k.add(loss, k.where(isLarge, stirling, 0));
}

/** (log v + (x − t)² / v) / 2 with v = max(variance, eps); with `full` plus log(2π) / 2. The cut passes the gradient on. */
export function gaussianError(
  k: Kit,
  x: Value,
  target: Value,
  variance: Value,
  s: { readonly full: boolean; readonly eps: number },
): Value {
  const missing = withMode({ grad: false }, () => k.relu(k.sub(s.eps, variance)));
  const v = k.add(variance, missing);
  const loss = k.mul(k.add(k.log(v), k.div(k.square(k.sub(x, target)), v)), 0.5);
  return s.full ? k.add(loss, 0.5 * Math.log(2 * Math.PI)) : loss;
}
