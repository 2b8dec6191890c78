/** Errors of activations made of several operations, and of their gradients, on each device. */
import { expect, test } from "vitest";
import { erfc } from "../../src/base/special-functions.ts";
import { tensor } from "../../src/tensor/creation.ts";
import { logsigmoid, mish, softplus } from "../../src/nn/functional.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { onEachDevice } from "../devices.ts";

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const curve = (x: number): number => 2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
/** tanh(log(1 + eˣ)), and its distance from 1. */
function mishParts(x: number): { gate: number; rest: number } {
  const e = Math.exp(-Math.abs(x));
  const gate = x < 0 ? (e * (e + 2)) / (e * (e + 2) + 2) : (1 + 2 * e) / (1 + 2 * e + 2 * e * e);
  return { gate, rest: 1 - gate };
}

interface Activation {
  readonly name: string;
  readonly apply: (x: Tensor) => Tensor;
  readonly value: (x: number) => number;
  readonly slope: (x: number) => number;
  /** Largest error of the value, in units of 2⁻²⁴ times |value|, or |x| where that is said. */
  readonly bound: number;
  readonly ofInput?: true;
  /** Largest error of the slope, in units of 2⁻²⁴. Errors of 1 − y for y near 1 come in times du/dx. */
  readonly slopeBound: number;
}

const activations: readonly Activation[] = [
  {
    name: "gelu",
    apply: (x) => x.gelu(),
    value: (x) => (x / 2) * erfc(-x * Math.SQRT1_2),
    slope: (x) => erfc(-x * Math.SQRT1_2) / 2 + (x * Math.exp(-x * x * 0.5)) / Math.sqrt(2 * Math.PI),
    ofInput: true,
    bound: 1.8,
    slopeBound: 2.4,
  },
  {
    name: "gelu by tanh",
    apply: (x) => x.gelu({ approximate: "tanh" }),
    value: (x) => x * sigmoid(curve(x)),
    ofInput: true,
    slope: (x) => {
      const s = sigmoid(curve(x));
      return s + x * s * sigmoid(-curve(x)) * 2 * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x);
    },
    bound: 2.3,
    slopeBound: 50,
  },
  {
    name: "silu",
    apply: (x) => x.silu(),
    value: (x) => x * sigmoid(x),
    slope: (x) => sigmoid(x) * (1 + x * sigmoid(-x)),
    bound: 3.3,
    slopeBound: 24,
  },
  {
    name: "mish",
    apply: (x) => mish(x),
    value: (x) => x * mishParts(x).gate,
    slope: (x) => {
      const { gate, rest } = mishParts(x);
      return gate + x * rest * (1 + gate) * sigmoid(x);
    },
    bound: 4.6,
    slopeBound: 30,
  },
  {
    name: "softplus",
    apply: (x) => softplus(x),
    value: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    slope: sigmoid,
    bound: 2.2,
    slopeBound: 2,
  },
  {
    name: "logsigmoid",
    apply: (x) => logsigmoid(x),
    value: (x) => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x))),
    slope: (x) => sigmoid(-x),
    bound: 2.2,
    slopeBound: 1.6,
  },
];

/** All exponents up to 2¹⁰⁰, then close steps where the functions bend. */
const sample = ((): Float32Array => {
  const bits = Array.from({ length: 20000 }, (_, i) => (i * 85331) % 0x71800000);
  const wide = [...new Float32Array(Int32Array.from(bits).buffer)];
  const close = Array.from({ length: 200000 }, (_, i) => 2 ** -10 + i * 0.000537);
  return Float32Array.from([...wide, ...close].flatMap((x) => [x, -x]));
})();

onEachDevice(() => {
  test.each(activations)("$name and its gradient", async ({ apply, value, slope, bound, ofInput, slopeBound }) => {
    const x = tensor(sample, { requiresGrad: true });
    const y = apply(x);
    y.sum().backward();
    const [got, gradient] = [await y.data(), await (x.grad as Tensor).data()];
    let [worst, worstSlope, at, atSlope] = [0, 0, 0, 0];
    sample.forEach((x, i) => {
      const exact = value(x);
      const scale = Math.max(ofInput === true ? Math.abs(x) : Math.abs(exact), 2 ** -100);
      const error = Math.abs((got[i] as number) - exact) / scale / 2 ** -24;
      if (!(error <= worst)) [worst, at] = [error, x];
      const slopeError = Math.abs((gradient[i] as number) - slope(x)) / 2 ** -24;
      if (!(slopeError <= worstSlope)) [worstSlope, atSlope] = [slopeError, x];
    });
    expect(worst, `at ${at}`).toBeLessThanOrEqual(bound);
    expect(worstSlope, `at ${atSlope}`).toBeLessThanOrEqual(slopeBound);
  });
});
