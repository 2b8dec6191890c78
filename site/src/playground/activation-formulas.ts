/** Activation functions and their slopes as formulas. Where a function has pieces, the piece that holds is written. */
import type { Activation } from "../session/config.ts";
import { type Expression, call, evaluate, known, minus, power, product, sum } from "./expression.ts";

/** Of leaky ReLU below 0. */
const leak = 0.01;
/** Behind it softplus is its argument. */
const softplusLinear = 20;

const one = known(1);

/** a = f(z). */
export function activated(activation: Activation, z: Expression): Expression {
  switch (activation) {
    case "none":
      return z;
    case "relu":
      return call("relu", z);
    case "leakyRelu":
      return evaluate(z) > 0 ? z : product(known(leak), z);
    case "tanh":
      return call("tanh", z);
    case "sigmoid":
      return call("sigmoid", z);
    case "gelu":
      return product(z, call("normalCdf", z));
    case "silu":
      return product(z, call("sigmoid", z));
    case "softplus":
      return evaluate(z) > softplusLinear ? z : call("log", sum(one, call("exp", z)));
  }
}

/** ∂a/∂z, by the result a where that is shorter. */
export function slope(activation: Activation, z: Expression, a: Expression): Expression {
  switch (activation) {
    case "none":
      return one;
    case "relu":
      return known(evaluate(z) > 0 ? 1 : 0);
    case "leakyRelu":
      return known(evaluate(z) > 0 ? 1 : leak);
    case "tanh":
      return minus(one, power(a, 2));
    case "sigmoid":
      return product(a, minus(one, a));
    case "gelu":
      return sum(call("normalCdf", z), product(z, call("normalPdf", z)));
    case "silu": {
      const s = call("sigmoid", z);
      return sum(s, product(z, s, minus(one, s)));
    }
    case "softplus":
      return evaluate(z) > softplusLinear ? one : call("sigmoid", z);
  }
}
