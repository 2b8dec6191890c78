/** A step that is not finite writes nothing, and is told by the operation that began it. */
import { describe, expect, test } from "vitest";
import * as nn from "../../src/nn/index.ts";
import { Adam, SGD } from "../../src/optim/index.ts";
import { ExponentialMovingAverage } from "../../src/optim/weight-average.ts";
import { tensor } from "../../src/tensor/creation.ts";
import { NonFiniteError } from "../../src/tensor/finite.ts";
import { manualSeed, randn } from "../../src/tensor/random.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import { Trainer } from "../../src/train/trainer/trainer.ts";
import type { TrainerOptions } from "../../src/train/trainer/trainer-options.ts";
import { contentsOf, training } from "./support.ts";
import { onEachDevice } from "../devices.ts";

/** The function of a test, in a module of its own. */
class Head extends nn.Module {
  readonly #fn: (x: Tensor) => Tensor;

  constructor(fn: (x: Tensor) => Tensor) {
    super();
    this.#fn = fn;
  }

  forward(x: Tensor): Tensor {
    return this.#fn(x);
  }
}

class Net extends nn.Module {
  readonly fc = new nn.Linear(2, 2);
  readonly norm = new nn.BatchNorm1d(2);
  readonly head: Head;

  constructor(fn: (x: Tensor) => Tensor) {
    super();
    this.head = new Head(fn);
  }

  forward(x: Tensor): Tensor {
    return this.head.forward(this.norm.forward(this.fc.forward(x)));
  }
}

type Batch = readonly [Tensor, Tensor];

/** Good batches, then one that `bad` changes. */
function batches(bad: (x: Float32Array, y: Float32Array) => void): Batch[] {
  manualSeed(3);
  return [0, 1, 2].map((i) => {
    const [x, y] = [randn(4, 2).dataSync() as Float32Array, randn(4, 2).dataSync() as Float32Array];
    if (i === 2) bad(x, y);
    return [tensor(x, { shape: [4, 2] }), tensor(y, { shape: [4, 2] })];
  });
}

async function failure(fit: Promise<unknown>): Promise<NonFiniteError> {
  const error: unknown = await fit.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof NonFiniteError) return error;
  throw error ?? new Error("it did not fail");
}

function nothing(): void {
  // Good data: the function is at fault.
}

/** A state with elements in place of tensors. */
function elementsOf(state: unknown): unknown {
  if (state instanceof Tensor) return Array.from(state.dataSync());
  if (Array.isArray(state)) return state.map(elementsOf);
  if (typeof state !== "object" || state === null) return state;
  return Object.fromEntries(Object.entries(state).map(([key, item]) => [key, elementsOf(item)]));
}

/** Where `fn` makes numbers that are not finite in the third step, what is said. */
async function originOf(
  fn: (x: Tensor, call: number) => Tensor,
  bad: (x: Float32Array, y: Float32Array) => void = nothing,
  more: Partial<TrainerOptions> = {},
): Promise<NonFiniteError> {
  manualSeed(1);
  // The call that looks for the fault is the fourth.
  let call = 0;
  const model = new Net((x) => fn(x, ++call));
  const optimizer = new Adam(model.parameters(), { lr: 0.01 });
  const trainer = new Trainer({ model, optimizer, loss: new nn.MSELoss(), ...more });
  const data = batches(bad);
  const error = await failure(trainer.fit(data, { epochs: 1 }));

  // Parameters, buffers and the optimiser's state are those of two good steps.
  manualSeed(1);
  let calls = 0;
  const other = new Net((x) => fn(x, ++calls));
  const optimizer2 = new Adam(other.parameters(), { lr: 0.01 });
  await new Trainer({ model: other, optimizer: optimizer2, loss: new nn.MSELoss(), ...more }).fit(data.slice(0, 2));
  const snapshot = await model.snapshot();
  for (const [name, x] of Object.entries(await other.snapshot())) {
    expect([name, await snapshot[name]?.array()]).toEqual([name, await x.array()]);
  }
  expect(elementsOf(optimizer.stateDict())).toEqual(elementsOf(optimizer2.stateDict()));
  return error;
}

onEachDevice(() => {
  test("the logarithm of a negative number, in the forward pass", async () => {
    const error = await originOf((x, call) => (call < 3 ? x : x.square().neg().log()));
    expect(error.message).toMatch(
      /^fit: log gave the first number that is not finite, in the forward pass: log\(-[\d.e-]+\) = NaN at element 0 of \[4, 2\], in head, at .*non-finite\.test\.ts:\d+:\d+, epoch 1, batch 3 \(nothing of this step was written: the model is as after step 2; if the data is right, try a smaller learning rate\)$/,
    );
    expect(error.place).toMatchObject({ epoch: 1, batch: 3, step: 2, origin: { pass: "forward", operation: "log" } });
  });

  test("the square root at 0, in the backward pass", async () => {
    const error = await originOf((x, call) => (call < 3 ? x : x.mul(0).sqrt()));
    expect(error.message).toMatch(/^fit: sqrt gave the first number that is not finite, in the backward pass: /);
    expect(error.message).toMatch(/in head, at .*non-finite\.test\.ts:\d+:\d+/);
  });

  test("an exponential that overflows", async () => {
    const error = await originOf((x, call) => (call < 3 ? x : x.abs().add(100).exp()));
    expect(error.message).toMatch(/^fit: exp gave .*in the forward pass: exp\(10[\d.]+\) = Infinity/);
  });

  test("an infinity behind a choice, which the backward pass meets", async () => {
    const error = await originOf((x, call) => (call < 3 ? x : x.mul(0).reciprocal().where(x.gt(1e9), x)));
    expect(error.message).toMatch(/^fit: (reciprocal|div) gave .*in the forward pass: /);
  });

  test("NaN in the data", async () => {
    const input = await originOf(
      (x) => x,
      (x) => {
        x[5] = Number.NaN;
      },
    );
    expect(input.message).toMatch(/^fit: the input is not finite: NaN at element 5 of \[4, 2\], epoch 1, batch 3/);
    const target = await originOf(
      (x) => x,
      (_, y) => {
        y[1] = Number.NaN;
      },
    );
    expect(target.message).toMatch(/^fit: the target is not finite: NaN at element 1 of \[4, 2\]/);
  });

  test("masks of minus infinity are meant", async () => {
    const masked = (x: Tensor): Tensor => x.maskedFill(x.gt(1e9), Number.NEGATIVE_INFINITY).softmax(1);
    const error = await originOf((x, call) => (call < 3 ? masked(x) : masked(x).sub(2).log()));
    expect(error.message).toMatch(/^fit: log gave /);
  });

  test("the batch of an accumulation that was bad", async () => {
    const data = batches((x) => {
      x[0] = Number.POSITIVE_INFINITY;
    });
    manualSeed(1);
    const model = new Net((x) => x);
    const before = await model.snapshot();
    const trainer = new Trainer({
      model,
      optimizer: new SGD(model.parameters(), { lr: 0.01 }),
      loss: new nn.MSELoss(),
      accumulate: 3,
    });
    const error = await failure(trainer.fit(data));
    expect(error.place).toMatchObject({ epoch: 1, batch: 3, step: 0 });
    // The statistics of the good batches of this update are taken; no parameter is changed.
    for (const [name, x] of model.namedParameters()) expect(await x.array()).toEqual(await before[name]?.array());
  });
});

test("new weights that overflow are not written", async () => {
  manualSeed(1);
  const model = new nn.Linear(2, 2);
  const before = await model.snapshot();
  const optimizer = new SGD(model.parameters(), { lr: 3e38 });
  const big = new Trainer({ model, optimizer, loss: (output, target) => output.sub(target).abs().sum().mul(100) });
  const error = await failure(big.fit(batches(nothing)));
  expect(error.message).toMatch(/the new content of (weight|bias) is not finite/);
  for (const [name, x] of Object.entries(model.stateDict()))
    expect(await x.array()).toEqual(await before[name]?.array());
});

test("a learning rate that is not finite", async () => {
  const model = new nn.Linear(2, 2);
  const optimizer = new SGD(model.parameters(), { lr: 0.1 });
  optimizer.paramGroups[0]!.lr = Number.NaN;
  const trainer = new Trainer({ model, optimizer, loss: new nn.MSELoss() });
  await expect(trainer.fit(batches(nothing))).rejects.toThrow(
    /the learning rate is not finite: lr NaN \(look at the schedule\)/,
  );
});

test("what goes on after a failure has the numbers of a run without the bad batch", async () => {
  const curve = async (data: Batch[]): Promise<unknown> => {
    manualSeed(1);
    const model = new Net((x) => x);
    const optimizer = new Adam(model.parameters(), { lr: 0.01 });
    const average = new ExponentialMovingAverage(model, { decay: 0.5 });
    const trainer = new Trainer({ model, optimizer, loss: new nn.MSELoss(), average });
    for (const batch of data) await trainer.fit([batch]).catch(() => undefined);
    const means = Object.values(average.stateDict().averages).map((x) => Array.from(x.dataSync()));
    return [means, ...Object.values(await model.snapshot()).map((x) => x.arraySync())];
  };
  const [first, second, bad] = batches((x) => x.fill(Number.NaN)) as [Batch, Batch, Batch];
  expect(await curve([first, bad, second])).toEqual(await curve([first, second]));
});

test("off, NaN goes on as in PyTorch", async () => {
  const model = new nn.Linear(2, 2);
  const optimizer = new SGD(model.parameters(), { lr: 0.1 });
  const trainer = new Trainer({ model, optimizer, loss: new nn.MSELoss(), checkFinite: false });
  const history = await trainer.fit(batches((x) => x.fill(Number.NaN)));
  expect(history.epochs[0]?.["train/loss"]).toBeNaN();
});

describe("with everything that has a state", () => {
  test("the state before the bad step", async () => {
    const good = training();
    await good.trainer.fit(good.loader, { epochs: 1 });
    const made = training();
    let epoch = 0;
    made.model.registerForwardPreHook((_, [x]) => {
      if (made.trainer.epoch === 2) return [(x as Tensor).div(0)];
      epoch = made.trainer.epoch;
      return undefined;
    });
    await expect(made.trainer.fit(made.loader, { epochs: 2 })).rejects.toThrow(NonFiniteError);
    expect(epoch).toBe(1);
    expect(await contentsOf(made)).toEqual(await contentsOf(good));
  });
});
