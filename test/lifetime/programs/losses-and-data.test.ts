/** Programs with a loss of their own, and with data that comes later. */
import { expect, test } from "vitest";
import { DataLoader } from "../../../src/data/index.ts";
import * as nn from "../../../src/nn/index.ts";
import { Adam } from "../../../src/optim/index.ts";
import { tensor } from "../../../src/tensor/creation.ts";
import { randn } from "../../../src/tensor/random.ts";
import { noGrad } from "../../../src/tensor/scope.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import { randomFrom } from "../digits.ts";
import { Watch } from "../watch.ts";

test("a loss of one's own, with data that is drawn on the device", async () => {
  /** The quantile q of the answers is where the mean of max(q · e, (q − 1) · e) is least, e = y − ŷ. */
  class PinballLoss extends nn.Module {
    readonly quantiles: Tensor;
    constructor(quantiles: number[]) {
      super();
      this.quantiles = tensor(quantiles);
    }

    forward(predicted: Tensor, y: Tensor): Tensor {
      const error = y.sub(predicted);
      return this.quantiles.mul(error).maximum(this.quantiles.sub(1).mul(error)).mean();
    }
  }

  const watch = new Watch();
  const sample = (n: number): [Tensor, Tensor] => {
    const x = randn(n, 1);
    return [x, x.mul(2).add(randn(n, 1))];
  };
  const model = new nn.Sequential(new nn.Linear(1, 16), new nn.SiLU(), new nn.Linear(16, 3));
  const optimizer = new Adam(model.parameters(), { lr: 0.05 });
  const lossOf = new PinballLoss([0.1, 0.5, 0.9]);
  do {
    const [x, y] = sample(64);
    const loss = watch.forward(lossOf.forward(model.forward(x), y));
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
  } while (watch.step());
  expect(watch.report()).toEqual({ plans: 1, runs: 10, forwards: 1, changed: {} });
  const [x, y] = sample(2000);
  const [low, , high] = noGrad(() => model.forward(x)).split(1, 1) as [Tensor, Tensor, Tensor];
  expect(await y.ge(low).logicalAnd(y.le(high)).float().mean().item()).toBeCloseTo(0.8, 1);
});

interface Point {
  readonly x: number[];
  readonly y: number[];
}

/** y = 3 a − b of random points. */
function pointFrom(random: () => number): Point {
  const [a, b] = [random(), random()];
  return { x: [a, b], y: [3 * a - b] };
}

test.each([
  [
    "examples that are fetched one by one, read ahead",
    () => {
      const points = Array.from(
        { length: 40 },
        (
          (random) => () =>
            pointFrom(random)
        )(randomFrom(3)),
      );
      const get = async (i: number): Promise<Point> => {
        await new Promise((resume) => setImmediate(resume));
        return points[i] as Point;
      };
      return new DataLoader({ length: 40, get }, { batchSize: 8, shuffle: true, prefetch: 2 });
    },
  ],
  [
    "a stream of examples, shuffled as it comes",
    () => {
      const random = randomFrom(3);
      async function* stream(): AsyncGenerator<Point> {
        for (let i = 0; i < 40; i++) {
          if (i % 5 === 0) await new Promise((resume) => setImmediate(resume));
          yield pointFrom(random);
        }
      }
      return new DataLoader({ [Symbol.asyncIterator]: stream }, { batchSize: 8, shuffleBuffer: 16 });
    },
  ],
])("data that comes later: %s", async (_, loaderOf) => {
  const watch = new Watch();
  const loader = loaderOf();
  const model = new nn.Linear(2, 1);
  const optimizer = new Adam(model.parameters(), { lr: 0.1 });
  const lossOf = new nn.MSELoss();
  let last = 0;
  for (let epoch = 1; epoch <= 20; epoch++) {
    for await (const { x, y } of loader) {
      const loss = watch.forward(lossOf.forward(model.forward(x), y));
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      last = await loss.item();
      watch.step();
    }
  }
  expect(watch.report()).toEqual({ plans: 1, runs: 10, forwards: 1, changed: {} });
  expect(last).toBeLessThan(0.05);
});
