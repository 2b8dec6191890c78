/** The trainer against loops written by hand, and what it refuses. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { DataLoader, TensorDataset } from "../../src/data/index.ts";
import * as nn from "../../src/nn/index.ts";
import { CosineAnnealingLR, LBFGS, ReduceLROnPlateau, SGD } from "../../src/optim/index.ts";
import type { ExponentialMovingAverage } from "../../src/optim/weight-average.ts";
import { engineOf } from "../../src/tensor/engines.ts";
import { int32, tensor } from "../../src/tensor/creation.ts";
import { manualSeed, randn } from "../../src/tensor/random.ts";
import { noGrad } from "../../src/tensor/scope.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import type { Callback } from "../../src/train/callbacks/callback.ts";
import { EarlyStopping } from "../../src/train/callbacks/early-stopping.ts";
import type { Scalars } from "../../src/train/loggers/logger.ts";
import { Accuracy } from "../../src/train/metrics/accuracy.ts";
import { Mean } from "../../src/train/metrics/mean.ts";
import { Trainer } from "../../src/train/trainer/trainer.ts";
import type { TrainerOptions } from "../../src/train/trainer/trainer-options.ts";
import { onEachDevice } from "../devices.ts";
import { contentsOf, training } from "./support.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

/** A linear model of one weight, and options that fit it. */
function line(): { model: nn.Linear; options: TrainerOptions; batches: [Tensor, Tensor][] } {
  manualSeed(2);
  const model = new nn.Linear(1, 1);
  const batches = [1, 2, 3, 4].map((n): [Tensor, Tensor] => [tensor([[n], [-n]]), tensor([[2 * n], [-2 * n]])]);
  const optimizer = new SGD(model.parameters(), { lr: 0.01 });
  return { model, options: { model, optimizer, loss: new nn.MSELoss() }, batches };
}

onEachDevice(() => {
  test.each([1, 3])("has the curve of a loop written by hand, updates every %d batches", async (accumulate) => {
    const made = training({ accumulate });
    const history = await made.trainer.fit(made.loader, { epochs: 2, validation: made.validation });

    const hand = training({ accumulate });
    const { model, optimizer, loader, validation, options } = hand;
    const lossOf = new nn.CrossEntropyLoss();
    const losses: number[] = [];
    const results: number[] = [];
    const counted = async (over: typeof loader, body: (x: Tensor, y: Tensor) => [Tensor, Tensor]): Promise<void> => {
      let [sum, hits, count] = [0, 0, 0];
      for await (const [x, y] of over) {
        const [loss, output] = body(x, y);
        sum += (await loss.item()) * y.size;
        hits += await output.argmax(1).eq(y).sum().item();
        count += y.size;
      }
      results.push(sum / count, hits / count);
    };
    for (let epoch = 0; epoch < 2; epoch++) {
      model.train();
      let waiting = 0;
      const update = (): void => {
        nn.clipGradNorm(model.parameters(), 1);
        optimizer.step();
        (options.average as ExponentialMovingAverage).update();
        options.schedule?.step();
        waiting = 0;
      };
      await counted(loader, (x, y) => {
        const output = model.forward(x) as Tensor;
        const loss = lossOf.forward(output, y);
        if (waiting === 0) optimizer.zeroGrad();
        (accumulate === 1 ? loss : loss.div(accumulate)).backward();
        waiting++;
        if (waiting === accumulate) update();
        losses.push(loss.itemSync());
        return [loss, output];
      });
      if (waiting > 0) update();
      model.eval();
      await counted(validation, (x, y) =>
        noGrad(() => {
          const output = model.forward(x) as Tensor;
          return [lossOf.forward(output, y), output];
        }),
      );
    }
    expect(made.losses).toEqual(losses);
    expect(await contentsOf(made)).toEqual(await contentsOf(hand));
    const names = ["train/loss", "train/accuracy", "val/loss", "val/accuracy"];
    expect(history.epochs.flatMap((record) => names.map((name) => record[name]))).toEqual(results);
    expect(history).toMatchObject({ steps: accumulate === 1 ? 14 : 6, interrupted: false });
  });
});

test("a small classifier learns", async () => {
  const made = training({ totalSteps: 140, size: 100 });
  const history = await made.trainer.fit(made.loader, { epochs: 10, validation: made.validation });
  expect(history.epochs[0]?.["train/loss"]).toBeGreaterThan(0.8);
  expect(history.epochs.at(-1)?.["val/accuracy"]).toBeGreaterThan(0.85);
  const results = await made.trainer.evaluate(made.validation);
  expect(Object.keys(results)).toEqual(["loss", "accuracy"]);
  expect(results["accuracy"]).toBe(history.epochs.at(-1)?.["val/accuracy"]);
  const output = await made.trainer.predict(made.x);
  expect(output.shape).toEqual([100, 3]);
  expect(output.requiresGrad).toBe(false);
  expect(await output.argmax(1).eq(made.y).double().mean().item()).toBe(results["accuracy"]);
});

test("one plan for each shape of a batch, and one to read the results", async () => {
  const made = training({ totalSteps: 1000, size: 48 });
  const trainer = new Trainer({ ...made.options, callbacks: [] });
  const engine = engineOf("wasm");
  engine.run([]);
  const before = engine.stats.plans;
  await trainer.fit(made.loader, { epochs: 3 });
  expect(engine.stats.plans - before).toBeLessThanOrEqual(3);
});

describe("modes", () => {
  test("are set for the work and restored after it", async () => {
    const { model, options, batches } = line();
    const seen: boolean[] = [];
    model.registerForwardPreHook((module) => void seen.push(module.training));
    const trainer = new Trainer(options);
    model.eval();
    await trainer.fit(batches.slice(0, 1), { validation: batches.slice(0, 1) });
    expect(model.training).toBe(false);
    model.train();
    await trainer.evaluate(batches.slice(0, 1));
    await trainer.predict(tensor([[1]]));
    expect(model.training).toBe(true);
    expect(seen).toEqual([true, false, false, false]);
  });

  test("a frozen part of a model in training mode stays in evaluation mode", async () => {
    const model = new nn.Sequential(new nn.BatchNorm1d(1), new nn.Linear(1, 1));
    (model.children()[0] as nn.Module).eval();
    const { batches } = line();
    const trainer = new Trainer({
      model,
      optimizer: new SGD(model.parameters(), { lr: 0.01 }),
      loss: new nn.MSELoss(),
    });
    await trainer.fit(batches);
    await trainer.evaluate(batches);
    expect(model.children().map((module) => module.training)).toEqual([false, true]);
    expect(await model.namedBuffers()[0]?.[1].array()).toEqual([0]);
  });
});

describe("batches of other forms", () => {
  test("several inputs by forward, anything by step", async () => {
    const { model, options } = line();
    const triples = [[tensor([[1]]), tensor([[2]]), tensor([[3]])]] as [Tensor, Tensor, Tensor][];
    const sum = new Trainer<[Tensor, Tensor, Tensor]>({
      model,
      optimizer: options.optimizer,
      loss: new nn.MSELoss(),
      forward: ([a, b]) => model.forward(a.add(b)),
    });
    const first = await sum.evaluate(triples);
    const output = model.forward(tensor([[3]])).itemSync();
    expect(first["loss"]).toBeCloseTo((output - 3) ** 2, 4);
    const own = new Trainer<{ x: Tensor }>({
      model,
      optimizer: options.optimizer,
      metrics: [new Mean((a, b) => a.sub(b), { name: "difference" })],
      step: ({ x }) => {
        const y = model.forward(x);
        return { loss: y.square().mean(), output: y, target: x };
      },
    });
    const results = await own.evaluate([{ x: tensor([[1], [2]]) }]);
    expect(Object.keys(results)).toEqual(["loss", "difference"]);
  });
});

describe("schedules", () => {
  test("a step each epoch, and OneCycleLR each update", async () => {
    const { options, batches } = line();
    const rates: number[] = [];
    const schedule = new CosineAnnealingLR(options.optimizer, { tMax: 4 });
    const callbacks: Callback[] = [{ onEpochEnd: ({ scalars }) => void rates.push(scalars["lr"] as number) }];
    await new Trainer({ ...options, schedule, callbacks }).fit(batches, { epochs: 3 });
    expect(rates).toEqual([0.01, 0.01 * ((1 + Math.cos(Math.PI / 4)) / 2), 0.01 * ((1 + Math.cos(Math.PI / 2)) / 2)]);
    expect(schedule.lastEpoch).toBe(3);
    const { loader, options: cycle } = training();
    await new Trainer(cycle).fit(loader);
    expect((cycle.schedule as CosineAnnealingLR).lastEpoch).toBe(7);
  });

  test("ReduceLROnPlateau gets the monitored number", async () => {
    const { options, batches } = line();
    const schedule = new ReduceLROnPlateau(options.optimizer, {
      threshold: 1e9,
      thresholdMode: "abs",
      patience: 0,
      factor: 0.5,
    });
    await new Trainer({ ...options, schedule }).fit(batches, { epochs: 3, validation: batches });
    expect(options.optimizer.paramGroups[0]?.lr).toBe(0.0025);
    await expect(new Trainer({ ...options, schedule, monitor: "val/los" }).fit(batches)).rejects.toThrow(
      /fit: nothing is named "val\/los" \(known: train\/loss, lr, seconds, epoch\)/,
    );
  });
});

describe("callbacks and loggers", () => {
  test("are called in order and awaited", async () => {
    const { options, batches } = line();
    const calls: string[] = [];
    const note = (name: string) => async (): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      calls.push(name);
    };
    const callback: Callback = {
      onFitStart: note("fit"),
      onEpochStart: note("epoch"),
      onBatchStart: note("batch"),
      onBatchEnd: note("batch end"),
      onValidationStart: note("validation"),
      onValidationBatchEnd: note("validation batch"),
      onValidationEnd: note("validation end"),
      onEpochEnd: note("epoch end"),
      onFitEnd: note("fit end"),
    };
    await new Trainer({ ...options, callbacks: [callback] }).fit(batches.slice(0, 1), {
      validation: batches.slice(0, 1),
    });
    expect(calls).toEqual([
      "fit",
      "epoch",
      "batch",
      "batch end",
      "validation",
      "validation batch",
      "validation end",
      "epoch end",
      "fit end",
    ]);
  });

  test("an exception is told, and the end too", async () => {
    const { options, batches } = line();
    const calls: string[] = [];
    const callback: Callback = {
      onBatchEnd: () => {
        throw new Error("mine");
      },
      onException: ({ error }) => void calls.push(String(error)),
      onFitEnd: ({ outcome }) => void calls.push(outcome),
    };
    await expect(new Trainer({ ...options, callbacks: [callback] }).fit(batches)).rejects.toThrow("mine");
    expect(calls).toEqual(["Error: mine", "failed"]);
  });

  test("what fails while fit fails does not hide why", async () => {
    const { options, batches } = line();
    const told = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const failing = (text: string) => (): never => {
      throw new Error(text);
    };
    const callback: Callback = {
      onBatchEnd: failing("first"),
      onException: failing("second"),
      onFitEnd: failing("third"),
    };
    await expect(new Trainer({ ...options, callbacks: [callback] }).fit(batches)).rejects.toThrow("first");
    expect(told.mock.calls.map(([, error]) => String(error))).toEqual(["Error: second", "Error: third"]);
    told.mockRestore();
  });

  test("loggers get the epochs, and batches as often as asked", async () => {
    const { options, batches } = line();
    const logged: [number, Scalars][] = [];
    let flushed = 0;
    const logger = {
      log: (step: number, scalars: Scalars) => void logged.push([step, scalars]),
      flush: () => void flushed++,
    };
    await new Trainer({ ...options, loggers: [logger], logEvery: 2 }).fit(batches, { epochs: 1 });
    expect(logged.map(([step, scalars]) => [step, ...Object.keys(scalars)])).toEqual([
      [2, "batch/loss", "lr"],
      [4, "batch/loss", "lr"],
      [4, "epoch", "train/loss", "lr", "seconds"],
    ]);
    expect(flushed).toBe(1);
  });

  test("stop ends after the update, and fit begins a new epoch next time", async () => {
    const { options, batches } = line();
    const callback: Callback = { onBatchEnd: ({ trainer, batch }) => void (batch === 2 && trainer.stop("enough")) };
    const trainer = new Trainer({ ...options, callbacks: [callback] });
    expect(await trainer.fit(batches, { epochs: 5 })).toMatchObject({ epochs: [], steps: 2, stopped: "enough" });
    expect(await trainer.fit(batches.slice(0, 1), { epochs: 2 })).toMatchObject({ epochs: [{}, {}], steps: 4 });
  });

  test("metrics are evaluated in the middle of an epoch without losing its sums", async () => {
    const plain = training();
    const whole = await plain.trainer.fit(plain.loader);
    const middle = training({
      callbacks: [
        { onBatchEnd: async ({ batch }) => void (batch === 3 && (await middle.trainer.evaluate(middle.validation))) },
      ],
    });
    const history = await middle.trainer.fit(middle.loader);
    expect(history.epochs[0]?.["train/accuracy"]).toBe(whole.epochs[0]?.["train/accuracy"]);
    expect(history.epochs[0]?.["train/loss"]).toBe(whole.epochs[0]?.["train/loss"]);
  });
});

describe("EarlyStopping", () => {
  test("ends after patience, with the best weights", async () => {
    const { model, options, batches } = line();
    const weights: number[] = [];
    const losses: number[] = [];
    // The rate that is too high makes it worse from the third epoch on.
    const worsen: Callback = {
      async onEpochEnd({ trainer, epoch, scalars }) {
        weights.push((await trainer.model.parameters()[0]?.item()) as number);
        losses.push(scalars["val/loss"] as number);
        if (epoch === 2) options.optimizer.paramGroups[0]!.lr = 0.2;
      },
    };
    const stopping = new EarlyStopping({ patience: 1, restoreBest: true });
    const trainer = new Trainer({ ...options, callbacks: [stopping, worsen] });
    const history = await trainer.fit(batches, { epochs: 20, validation: batches });
    expect(history.epochs).toHaveLength(4);
    expect(history.stopped).toMatch(/^val\/loss was best in epoch 2/);
    expect(stopping.bestEpoch).toBe(2);
    expect(stopping.best).toBe(losses[1]);
    expect(await model.weight.item()).toBe(weights[1]);
  });

  test("refuses names that no epoch has", async () => {
    const { options, batches } = line();
    const fit = (monitor: string): Promise<unknown> =>
      new Trainer({ ...options, metrics: [new Accuracy()], callbacks: [new EarlyStopping({ monitor })] }).fit(batches);
    await expect(fit("train/acuracy")).rejects.toThrow(
      /^EarlyStopping: nothing is named "train\/acuracy" \(did you mean "train\/accuracy"\? known: /,
    );
    await expect(fit("val/loss")).rejects.toThrow(/nothing is named "val\/loss"/);
    await expect(fit("accuracy")).rejects.toThrow(/did you mean "train\/accuracy"/);
    expect(() => new EarlyStopping({ patince: 3 } as object)).toThrow(/did you mean "patience"/);
  });
});

describe("what is refused", () => {
  const { options, batches } = line();

  test.each<[string, object, RegExp]>([
    ["an unknown option", { modle: 1 }, /^Trainer: unknown option "modle" \(did you mean "model"\?\)/],
    ["a model that is none", { model: {} }, /^Trainer: model must be a module/],
    ["an optimiser that is none", { optimizer: {} }, /^Trainer: optimizer must be an optimiser/],
    ["no loss", { loss: undefined }, /^Trainer: loss must be a loss such as/],
    [
      "a misspelt moment",
      { callbacks: [{ onEpochEn: () => undefined }] },
      /unknown option "onEpochEn" \(did you mean "onEpochEnd"\?\)/,
    ],
    ["a part of a batch", { accumulate: 1.5 }, /^Trainer: accumulate must be a whole number from 1: got 1.5/],
    ["two metrics of one name", { metrics: [new Accuracy(), new Accuracy()] }, /two metrics are named "accuracy"/],
    ["a metric by name", { metrics: ["accuracy"] }, /metrics must be metrics: got "accuracy" \(.*metricByName/],
    [
      "an optimiser with a closure",
      { optimizer: new LBFGS(new nn.Linear(1, 1).parameters()) },
      /takes a closure.*by hand/,
    ],
  ])("%s", (_, change, message) => {
    expect(() => new Trainer({ ...options, ...change } as TrainerOptions)).toThrow(message);
  });

  test.each<[string, unknown, RegExp]>([
    ["no loader", 3, /^fit: the loader must be a loader, or an array of batches: got 3/],
    ["no batches", [], /^fit: the loader gave no batch \(is the data set empty/],
    [
      "batches without targets",
      [tensor([[1]])],
      /a batch must be \[input, target\].*for batches without targets give step/,
    ],
    ["three tensors", [[tensor([1]), tensor([1]), tensor([1])]], /for several inputs give forward/],
    [
      "labels that are texts",
      [[tensor([[1]]), ["cat"]]],
      /got targets that are texts such as "cat" \(turn class names/,
    ],
    ["other rows", [[tensor([[1], [2]]), tensor([[1], [2], [3]])]], /mseLoss: .*\[2, 1\].*\[3, 1\]/],
  ])("%s", async (_, given, message) => {
    await expect(new Trainer(options).fit(given as typeof batches)).rejects.toThrow(message);
  });

  test("an empty validation, floating labels, a loss of several numbers, a second fit", async () => {
    const trainer = new Trainer(options);
    await expect(trainer.fit(batches, { validation: [] })).rejects.toThrow(/the validation loader gave no batch/);
    await expect(trainer.evaluate([])).rejects.toThrow(/^evaluate: the loader gave no batch/);
    const wide = new nn.Linear(1, 2);
    const classes = new Trainer({
      ...options,
      model: wide,
      optimizer: new SGD(wide.parameters(), { lr: 0.1 }),
      loss: new nn.CrossEntropyLoss(),
    });
    await expect(classes.fit([[tensor([[1]]), tensor([1.5])]])).rejects.toThrow(/convert with .int\(\)|floating|shape/);
    await expect(classes.fit([[tensor([[1]]), int32([2])]])).rejects.toThrow(/out of range/);
    const many = new Trainer({ ...options, loss: (a, b) => a.sub(b) });
    await expect(many.fit(batches)).rejects.toThrow(/the loss must be a tensor of one number: got shape \[2, 1\]/);
    const twice: Callback = { onBatchEnd: () => other.fit(batches).then(() => undefined) };
    const other = new Trainer({ ...options, callbacks: [twice] });
    await expect(other.fit(batches)).rejects.toThrow(/^fit: this trainer is training \(await fit first/);
  });

  test("an evaluation or a prediction beside a fit that nobody awaited", async () => {
    const trainer = new Trainer(options);
    const fitting = trainer.fit(batches, { epochs: 2 });
    await expect(trainer.evaluate(batches)).rejects.toThrow(/^evaluate: this trainer is training \(await fit first/);
    await expect(trainer.predict(tensor([[1]]))).rejects.toThrow(/^predict: this trainer is training/);
    await fitting;
    expect(await trainer.evaluate(batches)).toHaveProperty("loss");
  });

  test("an optimiser of another model, a folder for checkpoints", async () => {
    const other = new SGD(new nn.Linear(1, 1).parameters(), { lr: 0.1 });
    expect(() => new Trainer({ ...options, optimizer: other })).toThrow(/the optimizer has no parameter of the model/);
    const checkpoint = { dir: "run" } as never;
    await expect(new Trainer(options).fit(batches, { checkpoint })).rejects.toThrow(/twopass\/train\/node/);
  });

  test("another loader in the middle of an epoch", async () => {
    const { options: made, batches: three } = line();
    const stop: Callback = { onBatchEnd: ({ trainer }) => trainer.stop() };
    const first = new Trainer({ ...made, callbacks: [stop] });
    await first.fit(three, { epochs: 2 });
    const second = new Trainer({ ...line().options, callbacks: [{}] });
    await second.restore(await first.state());
    await expect(second.fit(three.slice(1), { epochs: 2 })).rejects.toThrow(/the loader is not the one of the state/);
  });

  test("ragged examples", async () => {
    const loader = new DataLoader(
      [
        [[1], 1],
        [[1, 2], 2],
      ] as [number[], number][],
      { batchSize: 2 },
    );
    await expect(new Trainer(options).fit(loader as never)).rejects.toThrow(/DataLoader: .*(alike|shape|length)/);
  });
});

test("the device is that of the trainer", async () => {
  const { options, batches } = line();
  const trainer = new Trainer({ ...options, device: "js" });
  await trainer.fit(batches);
  expect(options.model.parameters()[0]?.device).toBe("js");
  expect((await trainer.predict(tensor([[1]]))).device).toBe("js");
});

test("the batches of a loader and of random tensors are those of its data set", async () => {
  manualSeed(4);
  const model = new nn.Linear(3, 2);
  const loader = new DataLoader(new TensorDataset(randn(10, 3), randn(10, 2)), { batchSize: 4 });
  const trainer = new Trainer({ model, optimizer: new SGD(model.parameters(), { lr: 0.1 }), loss: new nn.MSELoss() });
  expect((await trainer.predict(loader)).shape).toEqual([10, 2]);
});
