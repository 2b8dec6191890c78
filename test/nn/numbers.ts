/** Elements for tests of layers, and how far two tensors are apart. */
import { expect } from "vitest";
import type { Tensor } from "../../src/tensor/tensor.ts";

export function numbers(count: number, seed = 1): number[] {
  return Array.from({ length: count }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * seed));
}

export function distance(a: Tensor, b: Tensor): number {
  expect(a.shape).toEqual(b.shape);
  return a.sub(b).abs().max().itemSync();
}
