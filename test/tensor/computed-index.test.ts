/** Choosing by positions that are made of a long computation: random numbers are some hundred operations that share parts. */
import { expect, test } from "vitest";
import * as F from "../../src/nn/functional.ts";
import { manualSeed, randint, randn } from "../../src/tensor/random.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { onEachDevice } from "../devices.ts";

onEachDevice(() => {
  const cases: Readonly<Record<string, (table: Tensor, places: Tensor) => Tensor>> = {
    "all of it is added": (table, places) => F.embedding(places, table).sum(),
    "rows are added": (table, places) => F.embedding(places, table).square().sum(-1),
    "rows are normalised": (table, places) =>
      F.layerNorm(F.embedding(places, table), [table.shape[1] as number]).square(),
    "places are classes": (table, places) => F.crossEntropy(table.narrow(0, 0, places.size), places.flatten()),
  };
  for (const [name, make] of Object.entries(cases)) {
    test(`random places, where ${name}`, async () => {
      const results: Float32Array[] = [];
      for (const isComputed of [true, false]) {
        manualSeed(4);
        const table = randn(30, 40).detach().requiresGrad_();
        const places = randint(0, 30, [4, 6]);
        if (isComputed) await places.data();
        const y = make(table, places);
        y.sum().backward();
        results.push((await y.data()) as Float32Array, (await (table.grad as Tensor).data()) as Float32Array);
      }
      expect(results.slice(2)).toEqual(results.slice(0, 2));
    });
  }
});
