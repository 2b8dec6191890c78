/** Gradients against central differences in float64. */
import { expect } from "vitest";
import { type TensorData, tensor } from "../../src/tensor/creation.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

/** Weights of the outputs, so that no two places count the same. */
function weights(y: Tensor): Tensor {
  const w = Float64Array.from({ length: y.size }, (_, i) => 1 + 0.37 * i - 0.11 * i * (i % 3));
  return tensor(w, { shape: y.shape });
}

/** Checks every derivative of Σ wᵢ f(x)ᵢ at the given inputs. */
export function expectGradients(f: (...x: Tensor[]) => Tensor, ...data: TensorData[]): void {
  const make = (d: TensorData): Tensor => tensor(d, { dtype: "float64", requiresGrad: true });
  const inputs = data.map(make);
  const y = f(...inputs);
  y.mul(weights(y)).sum().backward();
  const valueAt = (changed: number, place: number, by: number): number => {
    const moved = data.map((d, j) => {
      if (j !== changed) return make(d);
      const elements = make(d).dataSync();
      elements[place] = (elements[place] as number) + by;
      return tensor(elements, { shape: make(d).shape });
    });
    const out = f(...moved);
    return out.mul(weights(out)).sum().itemSync();
  };
  const h = 1e-5;
  inputs.forEach((x, j) => {
    const gradient = x.grad;
    if (gradient === null) throw new Error(`input ${j} has no gradient`);
    const got = gradient.dataSync();
    for (let i = 0; i < x.size; i++) {
      const want = (valueAt(j, i, h) - valueAt(j, i, -h)) / (2 * h);
      expect(Math.abs((got[i] as number) - want), `input ${j}, place ${i}: ${got[i]} against ${want}`).toBeLessThan(
        1e-5 * Math.max(1, Math.abs(want)),
      );
    }
  });
}

/** The gradient of the sum of f(x), as nested arrays. */
export function gradientOf(f: (x: Tensor) => Tensor, data: TensorData): unknown {
  const x = tensor(data, { requiresGrad: true });
  f(x).sum().backward();
  return x.grad?.arraySync();
}
