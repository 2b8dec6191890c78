/** A new batch size or length makes a new plan out of kernels that exist: nothing is compiled. */
import { expect, test } from "vitest";
import { GPT } from "../../bench/workloads/gpt.ts";
import * as nn from "../../src/nn/index.ts";
import { AdamW } from "../../src/optim/index.ts";
import { engineOf, setDefaultDevice } from "../../src/tensor/engines.ts";
import { randint, randn } from "../../src/tensor/random.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { machineName } from "../cpu-machine.ts";

interface Case {
  readonly name: string;
  readonly model: () => nn.Module & { forward(x: Tensor): Tensor };
  readonly batch: (size: number) => readonly [Tensor, Tensor];
  readonly sizes: readonly number[];
}

const sizes = { vocabulary: 11, length: 8, width: 12, heads: 2, layers: 2 };

const cases: readonly Case[] = [
  {
    name: "mlp",
    model: () => new nn.Sequential(new nn.Linear(6, 9), new nn.ReLU(), new nn.Linear(9, 4)),
    batch: (n) => [randn(n, 6), randint(0, 4, [n])],
    sizes: [16, 12, 7, 33],
  },
  {
    name: "cnn",
    model: () =>
      new nn.Sequential(
        new nn.Conv2d(1, 3, 3, { padding: 1 }),
        new nn.BatchNorm2d(3),
        new nn.ReLU(),
        new nn.MaxPool2d(2),
        new nn.Flatten(),
        new nn.Linear(48, 4),
      ),
    batch: (n) => [randn(n, 1, 8, 8), randint(0, 4, [n])],
    sizes: [6, 5, 13],
  },
  {
    name: "gpt",
    model: () => new GPT(sizes),
    batch: (n) => [randint(0, 11, [n, sizes.length]), randint(0, 11, [n * sizes.length])],
    sizes: [4, 3, 9],
  },
];

test.each(cases)("$name: other batch sizes compile no kernel", async ({ model: make, batch, sizes: list }) => {
  setDefaultDevice(machineName);
  const model = make();
  const optimizer = new AdamW(model.parameters(), { lr: 1e-3 });
  const lossOf = new nn.CrossEntropyLoss();
  const engine = engineOf(machineName);
  const compiled: number[] = [];
  for (const size of list) {
    const [x, y] = batch(size);
    await x.realize();
    await y.realize();
    for (let step = 0; step < 2; step++) {
      const loss = lossOf.forward(model.forward(x), y);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      expect(Number.isFinite(await loss.item())).toBe(true);
    }
    compiled.push(engine.stats.kernels);
  }
  expect(compiled.slice(1)).toEqual(compiled.slice(0, -1).fill(compiled[0] as number));
});
