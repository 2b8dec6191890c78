/** Elementwise special functions: the error function, the gamma function and their kin. Floor: ops. */
import type { OpDef } from "../ir/op.ts";
import type { Value } from "../ir/value.ts";
import { hosted } from "./host-call.ts";
import { erfFloat32 } from "./polynomial.ts";
import type { Rule } from "./record.ts";

const erfSlope = 2 / Math.sqrt(Math.PI);

/** d/dx erf x = 2/√π exp(−x²). */
const erfRule =
  (slope: number): Rule =>
  (k, g, [x]) => [k.mul(g, k.mul(k.exp(k.neg(k.square(x as Value))), slope))];

/** y = 2/√π ∫₀ˣ exp(−t²) dt.  dx = 2/√π exp(−x²) dy. */
export const erf = hosted("erf", {
  doc: "error function",
  float32: erfFloat32,
  vjp: erfRule(erfSlope),
  cost: 50,
});

/** y = 1 − erf x, precise where erf x is close to 1.  dx = −2/√π exp(−x²) dy. */
export const erfc = hosted("erfc", {
  doc: "one minus the error function",
  vjp: erfRule(-erfSlope),
  cost: 100,
});

/** y = log |Γ(x)|.  dx = digamma(x) dy. */
export const lgamma = hosted("lgamma", {
  doc: "logarithm of the absolute value of the gamma function",
  vjp: (k, g, [x]) => [k.mul(g, k.map(digamma, x as Value))],
  cost: 100,
  sample: { from: 0.3, to: 5 },
});

/** y = d/dx log Γ(x).  dx = polygamma(1, x) dy. */
export const digamma = hosted("digamma", {
  doc: "derivative of the logarithm of the gamma function",
  vjp: (k, g, [x]) => [k.mul(g, k.map(polygamma, 1, x as Value))],
  cost: 100,
  sample: { from: 0.5, to: 5 },
});

/** y = the nth derivative of the digamma function; n is rounded to a whole number.  dn = 0, dx = polygamma(n + 1, x) dy. */
export const polygamma: OpDef = hosted("polygamma", {
  doc: "derivative of order n of the digamma function",
  vjp: (k, g, inputs) => {
    const [n, x] = inputs as readonly [Value, Value];
    return [k.full(g.shape, 0, g.dtype), k.mul(g, k.map(polygamma, k.add(n, 1), x))];
  },
  cost: 1000,
  sample: [
    { from: 1, to: 3.4 },
    { from: 0.5, to: 5 },
  ],
});
