/** A run without a seed says the one that repeats it, once. Nothing in this file seeds. */
import { expect, test, vi } from "vitest";
import * as nn from "../../src/nn/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { tensor } from "../../src/tensor/creation.ts";
import { manualSeed } from "../../src/tensor/random.ts";
import { Trainer } from "../../src/train/trainer/trainer.ts";

test("the seed is said once, and repeats the weights", async () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
  const model = new nn.Linear(2, 2);
  const weights = await model.weight.array();
  const trainer = new Trainer({ model, optimizer: new SGD(model.parameters(), { lr: 0.1 }), loss: new nn.MSELoss() });
  const batch = [tensor([[1, 2]]), tensor([[3, 4]])] as const;
  await trainer.fit([batch]);
  await trainer.fit([batch]);
  expect(log.mock.calls).toHaveLength(1);
  const seed = /^seed (\d+): manualSeed\(\1\) at the start repeats this run$/.exec(String(log.mock.calls[0]?.[0]))?.[1];
  manualSeed(Number(seed));
  expect(await new nn.Linear(2, 2).weight.array()).toEqual(weights);
});
