/** Elementwise circular and hyperbolic functions and their inverses. Floor: ops. */
import type { Value } from "../ir/value.ts";
import { hosted } from "./host-call.ts";
import { sineFloat32, tanFloat32, tanhFloat32 } from "./polynomial.ts";

const insideOne = { from: -0.9, to: 0.9 };

/** y = sin x, x in radians.  dx = cos(x) dy. */
export const sin = hosted("sin", {
  doc: "sine",
  float32: (s, x) => sineFloat32(s, x, 0),
  vjp: (k, g, [x]) => [k.mul(g, k.cos(x as Value))],
  cost: 100,
});

/** y = cos x, x in radians.  dx = −sin(x) dy. */
export const cos = hosted("cos", {
  doc: "cosine",
  float32: (s, x) => sineFloat32(s, x, 1),
  vjp: (k, g, [x]) => [k.neg(k.mul(g, k.sin(x as Value)))],
  cost: 100,
});

/** y = tan x, x in radians.  dx = (1 + y²) dy. */
export const tan = hosted("tan", {
  doc: "tangent",
  float32: tanFloat32,
  vjp: (k, g, _inputs, y) => [k.mul(g, k.add(k.square(y), 1))],
  cost: 120,
  sample: { from: -1.2, to: 1.2 },
});

/** y = arcsin x.  dx = dy / √((1 − x)(1 + x)). */
export const asin = hosted("asin", {
  doc: "inverse of the sine",
  vjp: (k, g, [x]) => [k.div(g, k.sqrt(k.mul(k.sub(1, x as Value), k.add(x as Value, 1))))],
  sample: insideOne,
});

/** y = arccos x.  dx = −dy / √((1 − x)(1 + x)). */
export const acos = hosted("acos", {
  doc: "inverse of the cosine",
  vjp: (k, g, [x]) => [k.neg(k.div(g, k.sqrt(k.mul(k.sub(1, x as Value), k.add(x as Value, 1)))))],
  sample: insideOne,
});

/** y = arctan x.  dx = dy / (1 + x²). */
export const atan = hosted("atan", {
  doc: "inverse of the tangent",
  vjp: (k, g, [x]) => [k.div(g, k.add(k.square(x as Value), 1))],
});

/** z = angle of the point (x, y), in (−π, π].  dy = x dz / (x² + y²), dx = −y dz / (x² + y²). */
export const atan2 = hosted("atan2", {
  doc: "angle of the point (x, y), given y and x",
  vjp: (k, g, inputs) => {
    const [y, x] = inputs as readonly [Value, Value];
    const scaled = k.div(g, k.add(k.square(x), k.square(y)));
    return [k.mul(scaled, x), k.neg(k.mul(scaled, y))];
  },
  sample: [
    { from: -2, to: 2 },
    { from: 0.3, to: 2 },
  ],
});

/** y = (eˣ − e⁻ˣ) / 2.  dx = cosh(x) dy. */
export const sinh = hosted("sinh", {
  doc: "hyperbolic sine",
  vjp: (k, g, [x]) => [k.mul(g, k.cosh(x as Value))],
});

/** y = (eˣ + e⁻ˣ) / 2.  dx = sinh(x) dy. */
export const cosh = hosted("cosh", {
  doc: "hyperbolic cosine",
  vjp: (k, g, [x]) => [k.mul(g, k.sinh(x as Value))],
});

/** y = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ).  dx = (1 − y²) dy. */
export const tanh = hosted("tanh", {
  doc: "hyperbolic tangent",
  float32: tanhFloat32,
  vjp: (k, g, _inputs, y) => [k.mul(g, k.sub(1, k.square(y)))],
  cost: 36,
});

/** y = log(x + √(x² + 1)).  dx = dy / √(x² + 1). */
export const asinh = hosted("asinh", {
  doc: "inverse of the hyperbolic sine",
  vjp: (k, g, [x]) => [k.div(g, k.sqrt(k.add(k.square(x as Value), 1)))],
});

/** y = log(x + √(x² − 1)), for x ≥ 1.  dx = dy / √((x − 1)(x + 1)). */
export const acosh = hosted("acosh", {
  doc: "inverse of the hyperbolic cosine",
  vjp: (k, g, [x]) => [k.div(g, k.sqrt(k.mul(k.sub(x as Value, 1), k.add(x as Value, 1))))],
  sample: { from: 1.2, to: 4 },
});

/** y = log((1 + x) / (1 − x)) / 2.  dx = dy / ((1 − x)(1 + x)). */
export const atanh = hosted("atanh", {
  doc: "inverse of the hyperbolic tangent",
  vjp: (k, g, [x]) => [k.div(g, k.mul(k.sub(1, x as Value), k.add(x as Value, 1)))],
  sample: insideOne,
});
