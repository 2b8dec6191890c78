/** A watched training: it has the bits of one that is not, and what is recorded is what is computed apart. */
import { expect, test } from "vitest";
import { streamStates } from "../../src/base/random-stream.ts";
import {
  MemoryRun,
  type RunRecord,
  type RunSink,
  type RunStatistics,
  type Trace,
  watch,
} from "../../src/inspect/index.ts";
import { watchedCalls } from "../../src/nn/module/forward-call.ts";
import * as nn from "../../src/nn/index.ts";
import { Adam, OneCycleLR, SGD } from "../../src/optim/index.ts";
import { compile } from "../../src/tensor/compile.ts";
import { full, tensor } from "../../src/tensor/creation.ts";
import { currentEngine } from "../../src/tensor/engines.ts";
import { manualSeed, randn } from "../../src/tensor/random.ts";
import { noGrad } from "../../src/tensor/scope.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { MemoryLogger, NonFiniteError, type Scalars, Trainer } from "../../src/train/index.ts";
import { onEachDevice } from "../devices.ts";
import { type Setup, contentsOf, training } from "../train/support.ts";

/** A net whose gradient and change are large enough to be reduced on the device, and one that is read whole. */
function small(setup: { readonly clip?: number; readonly frozen?: boolean } = {}) {
  manualSeed(5);
  const head = new nn.Linear(30, 2);
  const model = new nn.Sequential(new nn.Linear(20, 30), new nn.Tanh(), head);
  if (setup.frozen === true) {
    model.requiresGrad_(false);
    head.requiresGrad_();
  }
  const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
  const batches = [1, 2, 3, 4, 5].map(() => [randn(6, 20), randn(6, 2)] as const);
  const options = { model, optimizer, loss: new nn.MSELoss(), ...(setup.clip ? { clipGradNorm: setup.clip } : {}) };
  return { model, head, optimizer, batches, trainer: new Trainer(options), options };
}

const read = async (x: Tensor): Promise<number[]> => Array.from(await x.data());
const normOf = (data: readonly number[]): number => Math.sqrt(data.reduce((sum, x) => sum + x * x, 0));

/** Compares statistics with the elements that they are of. */
function expectStatistics(found: RunStatistics | undefined, data: readonly number[]): void {
  const mean = data.reduce((sum, x) => sum + x, 0) / data.length;
  expect(found).toMatchObject({ size: data.length, nonFinite: 0, zeros: data.filter((x) => x === 0).length });
  expect(found?.min).toBe(Math.min(...data));
  expect(found?.max).toBe(Math.max(...data));
  expect(found?.norm).toBeCloseTo(normOf(data), 4);
  expect(found?.rms).toBeCloseTo(normOf(data) / Math.sqrt(data.length), 5);
  expect(found?.mean).toBeCloseTo(mean, 5);
  const { counts, sampled } = found?.histogram ?? { counts: [], sampled: 0 };
  expect([sampled, counts.reduce((sum, n) => sum + n, 0)]).toEqual([data.length, data.length]);
}

onEachDevice(() => {
  test.each<[string, Setup]>([
    ["with batch statistics, dropout, clipping and means of weights", {}],
    ["where three batches make an update, and some are left at the end of an epoch", { accumulate: 3 }],
    ["with momentum", { optimizer: "sgd" }],
  ])("a watched training has the same bits, %s", async (_, setup) => {
    const run = async (isWatched: boolean) => {
      const made = training({ ...setup, size: 34 });
      const memory = new MemoryRun();
      if (isWatched) watch(made.trainer, { sink: memory, every: 2, traceEvery: 3, activations: "**" });
      const { epochs } = await made.trainer.fit(made.loader, { epochs: 2, validation: made.validation });
      const scalars = epochs.map((epoch): Scalars => ({ ...epoch, seconds: 0 }));
      const state = await made.trainer.state();
      return { made, scalars, memory, contents: await contentsOf(made), streams: streamStates(), state };
    };
    const plain = await run(false);
    const watched = await run(true);
    expect(watched.made.losses).toEqual(plain.made.losses);
    expect(watched.contents).toEqual(plain.contents);
    expect(watched.scalars).toEqual(plain.scalars);
    expect(watched.streams).toEqual(plain.streams);
    expect(watched.state.progress).toEqual(plain.state.progress);
    const { records, traces, scalars } = watched.memory.run;
    expect(records.length).toBeGreaterThan(1);
    expect(traces.length).toBeGreaterThan(1);
    // What loggers get, and a record's own.
    expect(Object.keys(scalars).sort()).toEqual(
      ["batch/loss", "gradient/norm", ...Object.keys(plain.scalars[0] ?? {})].sort(),
    );
    expect(scalars["val/loss"]?.map(([, value]) => value)).toEqual(plain.scalars.map((epoch) => epoch["val/loss"]));
    for (const { step, batch, epoch, loss } of records) {
      expect(scalars["batch/loss"]).toContainEqual([step, loss]);
      expect(loss).toBe(plain.made.losses[(epoch - 1) * 5 + batch - 1]);
    }
  });

  test("a record has the norms and distributions of the step", async () => {
    const { model, batches, trainer } = small();
    const memory = new MemoryRun();
    const steps: { before: number[][]; gradients: number[][]; after: number[][]; results: number[][] }[] = [];
    let before: number[][] = [];
    let results: number[][] = [];
    const contents = (): Promise<number[][]> => Promise.all(model.parameters().map(read));
    trainer.add({
      onBatchStart: async ({ data }) => {
        before = await contents();
        const [x] = data as (typeof batches)[number];
        const hidden = noGrad(() => model.at(1).forward(model.at(0).forward(x) as never) as Tensor);
        results = [await read(hidden), await read(noGrad(() => model.forward(x)))];
      },
    });
    watch(trainer, { sink: memory, every: 1, activations: ["1", ""] });
    trainer.add({
      onBatchEnd: async () => {
        const gradients = await Promise.all(model.parameters().map((p) => read(p.grad as Tensor)));
        steps.push({ before, gradients, after: await contents(), results });
      },
    });
    await trainer.fit(batches);
    const { records, info } = memory.run;
    expect(records.map(({ step, epoch, batch }) => [step, epoch, batch])).toEqual(
      [1, 2, 3, 4, 5].map((i) => [i, 1, i]),
    );
    expect(info.parameters).toEqual([
      { path: "0.weight", shape: [30, 20], dtype: "float32" },
      { path: "0.bias", shape: [30], dtype: "float32" },
      { path: "2.weight", shape: [2, 30], dtype: "float32" },
      { path: "2.bias", shape: [2], dtype: "float32" },
    ]);
    expect(info).toMatchObject({ model: "Sequential", optimizer: "SGD", device: currentEngine().device.name });
    expect(info.modules.map(({ path, type, settings }) => [path, type, settings])).toEqual([
      ["", "Sequential", ""],
      ["0", "Linear", "20, 30"],
      ["1", "Tanh", ""],
      ["2", "Linear", "30, 2"],
    ]);
    expect(info.settings).toMatchObject({ seed: 5, every: 1, traceEvery: 0, activations: ["1", ""] });
    expect(info.settings.groups).toMatchObject([{ lr: 0.1, momentum: 0.9, nesterov: false }]);
    records.forEach(({ parameters, layers, gradient, activations, lr }, i) => {
      const step = steps[i] as (typeof steps)[number];
      expect(lr).toBe(0.1);
      info.parameters.forEach(({ path }, j) => {
        const [weights, gradients] = [step.after[j], step.gradients[j]] as [number[], number[]];
        const change = weights.map((w, k) => Math.fround(w - (step.before[j]?.[k] as number)));
        const found = parameters[path];
        expectStatistics(found?.weight, weights);
        expectStatistics(found?.gradient, gradients);
        expectStatistics(found?.change, change);
        expect(found?.ratio).toBeCloseTo(normOf(change) / normOf(weights), 4);
      });
      const norm = (...ofs: number[]): number => normOf(ofs.flatMap((j) => step.gradients[j] as number[]));
      expect(layers["0"]).toBeCloseTo(norm(0, 1), 4);
      expect(layers["2"]).toBeCloseTo(norm(2, 3), 4);
      expect(Object.keys(layers)).toEqual(["0", "2"]);
      expect(gradient).toBeCloseTo(norm(0, 1, 2, 3), 4);
      expect(Object.keys(activations)).toEqual(["1", ""]);
      expectStatistics(activations["1"], step.results[0] as number[]);
      expectStatistics(activations[""], step.results[1] as number[]);
    });
  });

  test("gradients are those before they are limited, and parameters without one have none", async () => {
    const free = small();
    const limited = small({ clip: 0.01 });
    const [a, b] = [new MemoryRun(), new MemoryRun()];
    watch(free.trainer, a);
    watch(limited.trainer, b);
    await free.trainer.fit(free.batches);
    await limited.trainer.fit(limited.batches);
    const [one, other] = [a.run.records[0], b.run.records[0]];
    expect(other?.gradient).toBe(one?.gradient);
    expect(other?.parameters["0.weight"]?.gradient).toEqual(one?.parameters["0.weight"]?.gradient);
    expect(other?.parameters["0.weight"]?.change?.norm).toBeLessThan(0.0011);

    const frozen = small({ frozen: true });
    const memory = new MemoryRun();
    watch(frozen.trainer, memory);
    await frozen.trainer.fit(frozen.batches);
    const { parameters, layers } = memory.run.records[0] as RunRecord;
    expect(Object.keys(parameters["0.weight"] ?? {})).toEqual(["weight"]);
    expect(Object.keys(parameters["2.weight"] ?? {})).toEqual(["weight", "gradient", "change", "ratio"]);
    expect(Object.keys(layers)).toEqual(["2"]);
  });

  test("a trace is one of the step that the training makes", async () => {
    const { head, batches, trainer, optimizer } = small();
    const memory = new MemoryRun();
    const after: number[][] = [await read(head.bias as Tensor)];
    watch(trainer, { sink: memory, every: 100, traceEvery: 2 });
    trainer.add({ onBatchEnd: async () => void after.push(await read(head.bias as Tensor)) });
    await trainer.fit(batches);
    expect(memory.run.traces).toEqual([1, 2, 4]);
    for (const step of memory.run.traces) {
      const trace = memory.trace(step) as Trace;
      expect([trace.step, trace.optimizer, trace.model]).toEqual([step, optimizer.constructor.name, "Sequential"]);
      const bias = trace.parameters.find(({ path }) => path === "2.bias");
      expect(bias?.before).toEqual({ kind: "elements", data: after[step - 1] });
      expect(bias?.after).toEqual({ kind: "elements", data: after[step] });
      const { module, op } = trace.operations[trace.loss] as Trace["operations"][number];
      expect([module, op]).toEqual(["loss", "div"]);
      expect(trace.operations.filter(({ label }) => label === "target").length).toBe(1);
      expect(new Set(trace.operations.map(({ phase }) => phase))).toEqual(new Set(["forward", "backward", "update"]));
    }
    expect(memory.trace(3)).toBeUndefined();
    expect(memory.run.records[0]?.loss).toBe(memory.trace(1)?.lossValue);
  });

  test("a trace has the settings of its own update, though a schedule changes them right behind it", async () => {
    const { batches, optimizer, options } = small();
    const schedule = new OneCycleLR(optimizer, { maxLr: 0.5, totalSteps: batches.length });
    const trainer = new Trainer({ ...options, schedule });
    const memory = new MemoryRun();
    watch(trainer, { sink: memory, every: 1, traceEvery: 1 });
    await trainer.fit(batches);
    const rates = memory.run.records.map(({ lr }) => lr);
    expect(new Set(rates).size).toBe(batches.length);
    const traced = memory.run.traces.map((step) => memory.trace(step)?.parameters[0]?.settings["lr"]);
    expect(traced).toEqual(rates);
  });

  test("a step that is not recorded runs and compiles nothing more", async () => {
    const { batches, trainer, options } = small();
    await trainer.fit(batches, { epochs: 2 });
    const memory = new MemoryRun();
    watch(trainer, { sink: memory, every: 1000, activations: "**" });
    const counted = async (body: () => Promise<unknown>): Promise<number[]> => {
      const { runs, plans, kernels } = currentEngine().stats;
      await body();
      const now = currentEngine().stats;
      return [now.runs - runs, now.plans - plans, now.kernels - kernels];
    };
    const watched = await counted(() => trainer.fit(batches));
    expect(memory.run.records).toEqual([]);
    const plain = new Trainer(options);
    await plain.fit(batches);
    expect(await counted(() => plain.fit(batches))).toEqual(watched);
    expect(watched.slice(1)).toEqual([0, 0]);
    expect(watchedCalls.ended).toBeUndefined();
  });

  test("a recorded and a traced step fail as any other", async () => {
    const fail = async (options?: { readonly every: number; readonly traceEvery: number }): Promise<NonFiniteError> => {
      const { trainer, batches } = small();
      const memory = new MemoryRun();
      const every = options?.every;
      if (options !== undefined) watch(trainer, { sink: memory, ...options });
      const data = [...batches.slice(0, 3), [full([6, 20], NaN), randn(6, 2)] as const];
      const error: unknown = await trainer.fit(data).catch((e: unknown) => e);
      expect(trainer.step).toBe(3);
      expect(every === 1 ? memory.run.records.length : 3).toBe(3);
      // The next fit goes on.
      await trainer.fit(batches);
      expect(trainer.step).toBe(8);
      return error as NonFiniteError;
    };
    const plain = await fail();
    expect(plain.message).toMatch(/^fit: the input is not finite: .*epoch 1, batch 4/);
    for (const options of [
      { every: 1, traceEvery: 0 },
      { every: 1, traceEvery: 1 },
      { every: 9, traceEvery: 2 },
    ]) {
      const error = await fail(options);
      expect(error).toBeInstanceOf(NonFiniteError);
      expect([error.message, error.place]).toEqual([plain.message, plain.place]);
    }
  });
});

test("numbers that are not finite are counted", async () => {
  const model = new nn.Linear(2, 1);
  const optimizer = new SGD(model.parameters(), { lr: 0.1 });
  const trainer = new Trainer({ model, optimizer, loss: new nn.MSELoss(), checkFinite: false });
  const memory = new MemoryRun();
  watch(trainer, memory);
  await trainer.fit([[tensor([[Infinity, 1]]), tensor([[1]])]]);
  const weight = memory.run.records[0]?.parameters["weight"];
  expect(weight?.gradient).toMatchObject({ nonFinite: 2, size: 2, norm: 0 });
  expect(weight?.gradient?.min).toBeNaN();
  expect(memory.run.records[0]?.loss).toBe(Infinity);
});

test("modules that are called twice, results of several tensors, and modules in compiled functions", async () => {
  class Twice extends nn.Module {
    layer = new nn.Linear(3, 3);
    lstm = new nn.LSTM(3, 2, { batchFirst: true });
    head = new nn.Linear(2, 1);
    forward(x: Tensor): Tensor {
      const [y] = this.lstm.forward(this.layer.forward(this.layer.forward(x)));
      return this.head.forward(y.select(1, -1));
    }
  }
  const model = new Twice();
  const optimizer = new Adam(model.parameters());
  const memory = new MemoryRun();
  const trainer = new Trainer({ model, optimizer, loss: new nn.MSELoss() });
  watch(trainer, { sink: memory, activations: ["l*"] });
  await trainer.fit([[randn(2, 4, 3), randn(2, 1)]]);
  const { activations } = memory.run.records[0] as RunRecord;
  expect(Object.keys(activations)).toEqual(["layer", "layer (2)", "lstm", "lstm (2)", "lstm (3)"]);
  expect(activations["layer (2)"]?.size).toBe(24);

  // A graph that a function is compiled from does not run itself.
  const teacher = compile((x: Tensor) => model.forward(x).add(1));
  const step = (x: Tensor): Tensor =>
    model
      .forward(x)
      .sub(noGrad(() => teacher(x)))
      .square()
      .mean();
  const other = new Trainer({ model, optimizer, step, checkFinite: false });
  const second = new MemoryRun();
  watch(other, { sink: second, activations: "layer" });
  await other.fit([randn(2, 4, 3)]);
  expect(Object.keys(second.run.records[0]?.activations ?? {})).toEqual(["layer", "layer (2)"]);
});

test("patterns mean modules, not what is below them", async () => {
  const block = (): nn.Module => new nn.Sequential(new nn.Linear(2, 2), new nn.Sequential(new nn.Linear(2, 2)));
  const model = new nn.Sequential(block() as never, block() as never);
  const trainer = new Trainer({ model, optimizer: new SGD(model.parameters()), loss: new nn.MSELoss() });
  const named = async (activations: string | readonly string[]): Promise<string[]> => {
    const memory = new MemoryRun();
    const stop = watch(trainer, { sink: memory, every: 1, activations });
    await trainer.fit([[randn(1, 2), randn(1, 2)]]);
    await stop();
    return Object.keys(memory.run.records[0]?.activations ?? {}).sort();
  };
  expect(await named("0")).toEqual(["0"]);
  expect(await named("*.1")).toEqual(["0.1", "1.1"]);
  expect(await named("1.**")).toEqual(["1", "1.0", "1.1", "1.1.0"]);
  expect(await named("**.0")).toEqual(["0", "0.0", "0.1.0", "1.0", "1.1.0"]);
  expect((await named("**")).length).toBe(9);
  expect(await named([])).toEqual([]);
});

test("scalars are those that loggers get, and none comes twice", async () => {
  const { options, batches } = small();
  const logger = new MemoryLogger();
  const trainer = new Trainer({ ...options, loggers: [logger], logEvery: 2 });
  const memory = new MemoryRun();
  let rows: [number, string[]][] = [];
  const sink: RunSink = {
    begin: (info, step) => memory.begin(info, step),
    writeScalars: (step, scalars) => {
      rows.push([step, Object.keys(scalars)]);
      memory.writeScalars(step, scalars);
    },
    writeRecord: (record) => memory.writeRecord(record),
    writeTrace: () => undefined,
    end: () => undefined,
  };
  watch(trainer, { sink, every: 4 });
  await trainer.fit(batches, { epochs: 2 });
  const { scalars } = memory.run;
  for (const name of ["epoch", "train/loss"]) expect(scalars[name]).toEqual(logger.values(name));
  expect(scalars["batch/loss"]?.filter(([step]) => step > 1)).toEqual(logger.values("batch/loss"));
  expect(scalars["lr"]?.map(([step]) => step)).toEqual([1, 2, 4, 5, 6, 8, 10]);
  expect(rows.filter(([step]) => step === 4 || step === 8).map(([, names]) => names)).toEqual([
    ["batch/loss", "lr", "gradient/norm"],
    ["batch/loss", "lr", "gradient/norm"],
  ]);

  // Without loggers they are told too.
  const alone = new Trainer({ ...small().options, logEvery: 1 });
  const heard = new MemoryRun();
  watch(alone, heard);
  await alone.fit(batches);
  expect(heard.run.scalars["batch/loss"]?.length).toBe(5);
});

test("a training that is watched from its middle on, and no longer", async () => {
  const { trainer, batches } = small();
  const memory = new MemoryRun();
  let stop: (() => Promise<void>) | undefined;
  const ends: string[] = [];
  const sink: RunSink = Object.assign(Object.create(memory) as MemoryRun, {
    begin: (info: Parameters<RunSink["begin"]>[0], step: number) => memory.begin(info, step),
    writeScalars: (step: number, scalars: Record<string, number>) => memory.writeScalars(step, scalars),
    writeRecord: (record: Parameters<RunSink["writeRecord"]>[0]) => memory.writeRecord(record),
    end: () => void ends.push("end"),
  });
  trainer.add({
    onBatchEnd: async () => {
      if (trainer.step === 2) stop = watch(trainer, { sink, every: 1 });
      if (trainer.step === 4) await stop?.();
    },
  });
  await trainer.fit(batches);
  // The fourth was not written when it was told to end.
  expect(memory.run.records.map(({ step }) => step)).toEqual([3]);
  expect(ends).toEqual(["end"]);
  expect(Object.keys(memory.run.scalars)).toEqual(["batch/loss", "lr", "gradient/norm"]);
  expect(trainer.step).toBe(5);
});

test("a training that goes back takes what was recorded with it", async () => {
  const { trainer, batches } = small();
  const memory = new MemoryRun();
  watch(trainer, { sink: memory, every: 2, traceEvery: 3 });
  await trainer.fit(batches.slice(0, 3));
  const state = await trainer.state();
  const { info } = memory.run;
  await trainer.fit(batches);
  expect(memory.run.records.map(({ step }) => step)).toEqual([1, 2, 4, 6, 8]);
  const before = memory.run;
  await trainer.restore(state);
  await trainer.fit(batches.slice(0, 2), { epochs: 2 });
  const after = memory.run;
  expect(after.records.map(({ step }) => step)).toEqual([1, 2, 4]);
  expect(after.traces).toEqual([1, 3]);
  expect(after.scalars["batch/loss"]?.map(([step]) => step)).toEqual([1, 2, 4]);
  expect(after.records[2]?.loss).toBe(before.records[2]?.loss);
  expect(after.info.date).toBe(info.date);
});

test("mistakes are named", async () => {
  const { trainer, batches } = small();
  const memory = new MemoryRun();
  const bad = (options: object): (() => unknown) => {
    return () => watch(trainer, { sink: memory, ...options });
  };
  expect(() => watch(trainer, {} as never)).toThrow("watch: the sink must be one, such as new MemoryRun()");
  expect(() => watch(trainer, undefined as never)).toThrow("watch: takes a sink");
  expect(() => watch({ model: trainer.model } as never, memory)).toThrow("watch: takes a trainer");
  expect(bad({ evry: 2 })).toThrow('watch: unknown option "evry" (did you mean "every"?)');
  expect(bad({ every: 0 })).toThrow("watch: every must be a whole number from 1: got 0");
  expect(bad({ traceEvery: 1.5 })).toThrow("watch: traceEvery must be a whole number from 0: got 1.5");
  expect(bad({ activations: 3 })).toThrow("watch: activations must be a module path, a pattern");
  expect(bad({ activations: "encoder" })).toThrow('watch: no module has the path "encoder" (known: 0, 1, 2)');
  expect(bad({ activations: ["0", "0.weight"] })).toThrow('no module has the path "0.weight"');
  expect(() => memory.run).toThrow("MemoryRun: nothing was recorded yet");
  const stop = watch(trainer, memory);
  expect(() => watch(trainer, memory)).toThrow("watch: this trainer is watched already");
  await stop();
  watch(trainer, memory);
  await trainer.fit(batches);
  expect(memory.run.records.length).toBe(1);
});

test("what the sink throws is the failure of fit", async () => {
  const { trainer, batches } = small();
  const memory = new MemoryRun();
  let ends = 0;
  const failing: RunSink = {
    begin: (info, step) => memory.begin(info, step),
    writeScalars: () => undefined,
    writeRecord: () => Promise.reject(new Error("the disk is full")),
    writeTrace: () => undefined,
    end: () => void ends++,
  };
  watch(trainer, failing);
  await expect(trainer.fit(batches)).rejects.toThrow("the disk is full");
  expect(ends).toBe(1);
  expect(trainer.step).toBe(1);
});

test("callbacks that are added: called from then on, removed, and checked", async () => {
  const { trainer, batches } = small();
  const calls: string[] = [];
  const remove = trainer.add({ onEpochEnd: () => void calls.push("a") });
  trainer.add({ onFitEnd: ({ outcome }) => void calls.push(outcome) });
  await trainer.fit(batches);
  remove();
  await trainer.fit(batches);
  expect(calls).toEqual(["a", "finished", "finished"]);
  expect(() => trainer.add({ onEpochEnds: () => undefined } as never)).toThrow('did you mean "onEpochEnd"?');
  const { callbacks } = await trainer.state();
  expect(callbacks).toEqual([null]);
});

test("a step that callbacks write: one of them, whole", async () => {
  const { trainer, batches } = small();
  const seen: unknown[] = [];
  const removes = [
    trainer.add({
      onBatchStart: ({ data, isLast, writeWith }) => {
        seen.push([data === batches[0], isLast]);
        writeWith(({ forward, update }) => {
          forward().backward();
          update();
        });
      },
    }),
  ];
  await trainer.fit(batches.slice(0, 1));
  expect(seen).toEqual([[true, true]]);
  removes.push(trainer.add({ onBatchStart: ({ writeWith }) => writeWith(() => undefined) }));
  await expect(trainer.fit(batches)).rejects.toThrow("Trainer: two callbacks write the same step");
  removes[0]?.();
  await expect(trainer.fit(batches)).rejects.toThrow("must call forward() and update()");
  expect(trainer.step).toBe(1);
});

test("traces of batches that are no tensors, and of steps that cannot be differentiated", async () => {
  const model = new nn.Linear(2, 1);
  const optimizer = new SGD(model.parameters(), { lr: 0.1 });
  const step = (size: number): Tensor =>
    model
      .forward(full([size, 2], 1))
      .square()
      .mean();
  const trainer = new Trainer({ model, optimizer, step });
  const memory = new MemoryRun();
  watch(trainer, { sink: memory, traceEvery: 1 });
  await trainer.fit([3, 4]);
  expect(memory.run.traces).toEqual([1, 2]);
  expect(memory.trace(2)?.modules[0]?.calls.length).toBe(1);

  const fail = async (traceEvery: number): Promise<string> => {
    const other = new Trainer({ model, optimizer, step: (size: number) => noGrad(() => step(size)) });
    watch(other, { sink: new MemoryRun(), traceEvery });
    return other.fit([3]).then(String, (error: Error) => error.message);
  };
  expect(await fail(0)).toMatch(/^backward: .*requires? grad/);
  expect(await fail(1)).toBe(await fail(0));
});
