/** Means of weights: by hand, swapped, copied, saved. */
import { describe, expect, test } from "vitest";
import { load, save } from "../../src/io/index.ts";
import { BatchNorm1d, Linear, Parameter, Sequential } from "../../src/nn/index.ts";
import { type AverageState, ExponentialMovingAverage, SGD, WeightAverage } from "../../src/optim/index.ts";
import { compile } from "../../src/tensor/compile.ts";
import { tensor } from "../../src/tensor/creation.ts";
import { currentEngine } from "../../src/tensor/engines.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { onEachDevice } from "../devices.ts";

/** One step of size 0.5 on p²: the weights halve. */
function halve(p: Parameter, optimizer: SGD): void {
  optimizer.zeroGrad();
  p.square().sum().mul(0.5).backward();
  optimizer.step();
}

function made(decay?: number, warmup = false): [Parameter, SGD, ExponentialMovingAverage] {
  const p = new Parameter(tensor([8, -16]));
  return [p, new SGD([p], { lr: 0.5 }), new ExponentialMovingAverage([p], { decay: decay ?? 0.75, warmup })];
}

describe("means of weights", () => {
  onEachDevice(() => {
    test("fade by the decay, in the next run, with one plan", async () => {
      const [p, optimizer, ema] = made();
      let [x, mean] = [8, 8];
      for (let i = 0; i < 3; i++) {
        halve(p, optimizer);
        ema.update();
        x /= 2;
        mean = 0.75 * mean + 0.25 * x;
      }
      const { runs, plans } = currentEngine().stats;
      halve(p, optimizer);
      ema.update();
      halve(p, optimizer);
      expect(currentEngine().stats).toMatchObject({ runs: runs + 2, plans });
      mean = 0.75 * mean + 0.25 * (x / 2);
      expect(await (ema.stateDict().averages["0"] as Tensor).array()).toEqual([mean, -2 * mean]);
      expect(await p.array()).toEqual([x / 4, -x / 2]);
    });

    test("are swapped in and out", async () => {
      const [p, optimizer, ema] = made();
      halve(p, optimizer);
      ema.update();
      expect(await ema.withAverage(async () => p.array())).toEqual([7, -14]);
      expect(await p.array()).toEqual([4, -8]);
      await expect(ema.withAverage(() => Promise.reject(new Error("no luck")))).rejects.toThrow("no luck");
      expect(await p.array()).toEqual([4, -8]);
      ema.swap();
      expect(() => ema.update()).toThrow("ExponentialMovingAverage.update: the model has the means as its weights");
      ema.swap();
      ema.update();
      expect(await (ema.stateDict().averages["0"] as Tensor).array()).toEqual([6.25, -12.5]);
    });

    test("a run that fails inside of withAverage leaves the weights alone", async () => {
      const [p, optimizer, ema] = made();
      halve(p, optimizer);
      ema.update();
      const place = tensor([9]).int().add(0);
      await expect(ema.withAverage(async () => p.gather(0, place).item())).rejects.toThrow("out of range");
      expect(await p.array()).toEqual([4, -8]);
      expect(await (ema.stateDict().averages["0"] as Tensor).array()).toEqual([7, -14]);
    });
  });
});

test("warm-up lets the first updates count more", async () => {
  const [p, optimizer, ema] = made(0.75, true);
  let [x, mean] = [8, 8];
  for (let n = 1; n <= 30; n++) {
    halve(p, optimizer);
    ema.update();
    x /= 2;
    const decay = Math.min(0.75, (1 + n) / (10 + n));
    mean = decay * mean + (1 - decay) * x;
  }
  expect((await ema.stateDict().averages["0"]?.array()) as number[]).toEqual([
    expect.closeTo(mean, 6) as number,
    expect.closeTo(-2 * mean, 6) as number,
  ]);
});

test("the equal mean is that of all updates", async () => {
  const p = new Parameter(tensor([8]));
  const optimizer = new SGD([p], { lr: 0.5 });
  const swa = new WeightAverage([p]);
  for (let i = 0; i < 4; i++) {
    halve(p, optimizer);
    swa.update();
  }
  expect(await swa.withAverage(() => p.item())).toBeCloseTo((4 + 2 + 1 + 0.5) / 4, 6);
});

test("a compiled step counts its updates", async () => {
  const train = async (isCompiled: boolean): Promise<unknown> => {
    const [p, optimizer, ema] = made(0.9, true);
    const step = (): Tensor => {
      halve(p, optimizer);
      ema.update();
      return p.sum();
    };
    const run = isCompiled ? compile(step) : step;
    for (let i = 0; i < 5; i++) await run().item();
    return [ema.updates, await ema.stateDict().averages["0"]?.array(), await p.array()];
  };
  expect(await train(true)).toEqual(await train(false));
});

test("buffers stay the model's own, or are averaged and copied", async () => {
  const model = new Sequential(new Linear(2, 2), new BatchNorm1d(2));
  const [own, all] = [
    new ExponentialMovingAverage(model),
    new ExponentialMovingAverage(model, { useBuffers: true, decay: 0.5 }),
  ];
  expect(Object.keys(own.stateDict().averages)).toEqual(["0.weight", "0.bias", "1.weight", "1.bias"]);
  expect(Object.keys(all.stateDict().averages)).toContain("1.num_batches_tracked");
  const mean = await model.buffers()[0]?.array(1);
  model.forward(
    tensor([
      [1, 2],
      [3, 5],
    ]),
  );
  own.update();
  all.update();
  const moved = await model.buffers()[0]?.array(1);
  const { averages } = all.stateDict();
  expect(await averages["1.running_mean"]?.array(1)).toEqual(
    mean?.map((m, i) => Math.fround((m + (moved?.[i] ?? 0)) / 2)),
  );
  expect(await averages["1.num_batches_tracked"]?.item()).toBe(1);
  const copy = new Sequential(new Linear(2, 2), new BatchNorm1d(2));
  all.copyTo(copy);
  expect(await copy.stateDict()["0.weight"]?.array()).toEqual(await averages["0.weight"]?.array());
  expect(await copy.stateDict()["1.num_batches_tracked"]?.item()).toBe(1);
  expect(() => all.copyTo(new Sequential(new Linear(2, 3), new BatchNorm1d(3)))).toThrow(
    "ExponentialMovingAverage.copyTo: the weights differ: the mean of 0.weight is [2, 2]",
  );
});

test("a saved mean goes on, and what does not fit is refused", async () => {
  const [p, optimizer, ema] = made(0.75, true);
  const [q, second, other] = made(0.75, true);
  for (let i = 0; i < 3; i++) {
    halve(p, optimizer);
    ema.update();
  }
  other.loadStateDict(load<AverageState & Record<string, unknown>>(await save(ema.stateDict())));
  q.assign(p);
  for (const [x, o, mean] of [
    [p, optimizer, ema],
    [q, second, other],
  ] as const) {
    halve(x, o);
    mean.update();
  }
  expect([other.updates, await other.stateDict().averages["0"]?.array()]).toEqual([
    4,
    await ema.stateDict().averages["0"]?.array(),
  ]);
  const model = new Linear(2, 1);
  const wrong = (): void => new ExponentialMovingAverage(model).loadStateDict(ema.stateDict());
  expect(wrong).toThrow("the state does not fit: weight is missing; bias is missing; unexpected 0");
  expect(() => new ExponentialMovingAverage([])).toThrow("got no parameters");
  expect(() => new ExponentialMovingAverage(model, { decay: 2 })).toThrow("decay must be a number from 0 to 1: got 2");
  expect(() => new ExponentialMovingAverage({} as Linear)).toThrow("takes a model or its parameters");
});
