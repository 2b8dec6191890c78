/** Scopes: something holds while a synchronous function runs. Floor: tensor. */
import { TwopassError } from "../base/errors.ts";
import { withMode } from "../ir/mode.ts";

/** Runs `body` between `enter` and `leave`; a promise as result is an error, since the scope would be over too early. */
export function scope<T>(op: string, body: () => T, enter: () => void, leave: () => void): T {
  if (typeof body !== "function") throw new TwopassError({ op, problem: "takes a function" });
  enter();
  let result: T;
  try {
    result = body();
  } finally {
    leave();
  }
  if (isThenable(result)) {
    // The error below is the one to report.
    result.then(undefined, () => undefined);
    throw new TwopassError({
      op,
      problem: "takes a synchronous function",
      facts: "got one that returns a Promise",
      hint: "await outside, and call it around the part that builds the graph",
    });
  }
  return result;
}

function isThenable(x: unknown): x is PromiseLike<unknown> {
  return typeof x === "object" && x !== null && "then" in x && typeof x.then === "function";
}

/**
 * Runs `body` without recording gradients: tensors made inside do not require grad.
 *
 * @throws if `body` is async.
 * @example
 * const w = tensor([1, 2], { requiresGrad: true });
 * noGrad(() => w.mul(3)).requiresGrad; // false
 */
export function noGrad<T>(body: () => T): T {
  return withMode({ grad: false }, () => scope("noGrad", body, nothing, nothing));
}

/**
 * Runs `body` recording gradients, also inside of `noGrad`.
 *
 * @example
 * const w = tensor([1, 2], { requiresGrad: true });
 * noGrad(() => enableGrad(() => w.mul(3))).requiresGrad; // true
 */
export function enableGrad<T>(body: () => T): T {
  return withMode({ grad: true }, () => scope("enableGrad", body, nothing, nothing));
}

function nothing(): void {
  // A mode is restored by withMode.
}
