/** The device in a thread of its own keeps the run contract: the same numbers, and failures that leave nothing behind. */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { TwopassError } from "../../src/base/errors.ts";
import { type Thread, startThread } from "../../src/base/thread.ts";
import { DataLoader, TensorDataset } from "../../src/data/index.ts";
import { load, save } from "../../src/io/index.ts";
import { crossEntropy } from "../../src/nn/functional/loss.ts";
import * as nn from "../../src/nn/index.ts";
import { Adam, SGD } from "../../src/optim/index.ts";
import { RemoteDevice } from "../../src/runtime/worker/remote-device.ts";
import { hostEffect } from "../../src/tensor/capture.ts";
import { compile } from "../../src/tensor/compile.ts";
import { int32, ones, tensor, zeros } from "../../src/tensor/creation.ts";
import { addEngine, currentEngine, deviceQueue, removeEngine, setDefaultDevice } from "../../src/tensor/engines.ts";
import { inner } from "../../src/tensor/inner.ts";
import { manualSeed, randn } from "../../src/tensor/random.ts";
import { type StartedDevice, deviceReports, startDevice } from "../../src/tensor/start-device.ts";
import { StoredTensor } from "../../src/tensor/stored.ts";
import { setCheckFinite, setEager } from "../../src/tensor/switches.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { Descent, counter, parameter } from "../contract/support.ts";
import { preload, readSourcesInThreads } from "../data/workers/sources-in-threads.ts";

class Net extends nn.Module {
  readonly first = new nn.Linear(4, 8);
  readonly norm = new nn.BatchNorm1d(8);
  readonly drop = new nn.Dropout(0.25);
  readonly last = new nn.Linear(8, 3);

  override forward(x: Tensor): Tensor {
    return this.last.forward(this.drop.forward(this.norm.forward(this.first.forward(x)).relu()));
  }
}

type Step = (x: Tensor, y: Tensor) => Tensor;

/** Twenty steps with dropout and Adam: losses, and all that the model holds at the end. */
async function train(wrap: (step: Step) => Step = (step) => step, reads = true): Promise<unknown> {
  manualSeed(3);
  const model = new Net();
  const optimizer = new Adam(model.parameters(), { lr: 0.01, weightDecay: 0.1 });
  const step = wrap((x, y) => {
    const loss = crossEntropy(model.forward(x), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  });
  const losses: Tensor[] = [];
  for (let i = 0; i < 20; i++) {
    const x = tensor(
      Float32Array.from({ length: 24 }, (_, j) => Math.sin(i + j)),
      { shape: [6, 4] },
    );
    const y = tensor(Int32Array.from({ length: 6 }, (_, j) => (i + j) % 3));
    const loss = step(x, y);
    losses.push(loss);
    if (reads) await loss.item();
  }
  const state = await model.snapshot();
  const entries = await Promise.all(Object.entries(state).map(async ([key, value]) => [key, await value.array()]));
  return [await Promise.all(losses.map((loss) => loss.item())), entries];
}

let device: StartedDevice;
let inThread: unknown;

beforeAll(async () => {
  readSourcesInThreads();
  setDefaultDevice("wasm");
  inThread = await train();
  removeEngine("wasm");
  device = await startDevice("wasm", { worker: true });
});

afterAll(() => device.close());

afterEach(() => {
  setCheckFinite(false);
  setEager(false);
});

/** Positions that are known only when they run: x + 1 as whole numbers. */
const computed = (values: number[]): Tensor => tensor(values).add(1).int();

async function errorOf(promise: Promise<unknown>): Promise<TwopassError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof TwopassError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

test("training gives the numbers of the device in this thread, to the bit", async () => {
  expect(await train()).toEqual(inThread);
});

test("a loop that reads nothing until its end gives them too", async () => {
  expect(await train(undefined, false)).toEqual(inThread);
});

test("compiled, it gives them too", async () => {
  expect(await train((step) => compile(step))).toEqual(inThread);
});

test("each operation in a run of its own gives them too", async () => {
  setEager(true);
  expect(await train()).toEqual(inThread);
});

test("a step is one run, and a plan serves all steps", async () => {
  await train();
  const count = counter();
  await train();
  expect(count.plans).toBe(0);
  // The state at the end is read without a run.
  expect(count.runs).toBeLessThanOrEqual(21);
});

test("runs start before what they need has arrived", async () => {
  const w = parameter([1, 2]);
  const optimizer = new Descent([w], 0.5);
  let sum: Tensor = tensor(0);
  for (let i = 0; i < 50; i++) {
    const loss = w.mul(w).sum();
    loss.backward();
    optimizer.step();
    optimizer.zeroGrad();
    // Each run uses a result of the one before.
    sum = sum.add(loss.detach());
    await sum.realize().then(() => undefined);
  }
  let sums: Tensor = tensor(0);
  for (let i = 0; i < 50; i++) {
    sums = sums.add(1);
    currentEngine().run([]);
  }
  expect(await sums.item()).toBe(50);
  expect(await sum.item()).toBe(5);
  expect(await w.array()).toEqual([0, 0]);
});

test("a read sees the content of its time, whatever is written after it", async () => {
  const s = new StoredTensor(tensor([1]), { label: "s" });
  const seen: Promise<unknown>[] = [];
  for (let i = 0; i < 5; i++) {
    seen.push(s.array());
    s.assign(s.mul(2));
    currentEngine().run([]);
  }
  expect(await Promise.all(seen)).toEqual([[1], [2], [4], [8], [16]]);
  s.load(Float32Array.of(7));
  expect(await s.array()).toEqual([7]);
});

test("gradients add up and are read", async () => {
  const w = parameter([1, 2]);
  w.mul(3).sum().backward();
  w.mul(4).sum().backward();
  const first = w.grad;
  expect(await first?.array()).toEqual([7, 7]);
  w.mul(w).sum().backward();
  expect(await w.grad?.array()).toEqual([9, 11]);
  expect(await first?.array()).toEqual([7, 7]);
});

test("stored tensors are made of what was not computed yet", async () => {
  const made = new StoredTensor(ones(2, 3).mul(2));
  const copy = new StoredTensor(made);
  made.assign(made.add(1));
  const random = randn(4, { requiresGrad: true });
  random.mul(random).sum().backward();
  expect(await copy.array()).toEqual([
    [2, 2, 2],
    [2, 2, 2],
  ]);
  expect(await made.sum().item()).toBe(18);
  const [values, gradient] = [await random.array(1), await random.grad?.array(1)];
  expect(gradient).toEqual(values.map((x) => Math.fround(2 * x)));
  made.to_({ dtype: "float64" });
  expect(made.dtype).toBe("float64");
  expect(await made.sum().item()).toBe(18);
});

test("states are saved and loaded", async () => {
  const model = new nn.Linear(3, 2);
  const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
  const step = (): Tensor => {
    const loss = model.forward(tensor([[1, 2, 3]])).sum();
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  };
  step();
  const bytes = await save({ model: model.stateDict(), optimizer: optimizer.stateDict() });
  const next = await step().item();
  const after = await step().item();
  const state = load(bytes) as unknown as {
    model: Parameters<typeof model.loadStateDict>[0];
    optimizer: Parameters<typeof optimizer.loadStateDict>[0];
  };
  model.loadStateDict(state.model);
  optimizer.loadStateDict(state.optimizer);
  expect(await step().item()).toBe(next);
  expect(await step().item()).toBe(after);
});

test("what is asked for at once throws, and says what to write instead", () => {
  const x = tensor([1, 2]);
  expect(x.dataSync()).toEqual(Float32Array.of(1, 2));
  const y = x.add(1);
  const count = counter();
  expect(() => y.dataSync()).toThrow(/^dataSync: .*another thread.*await x\.data\(\)/);
  expect(() => y.sum().itemSync()).toThrow(/^itemSync: .*await x\.item\(\)/);
  expect(() => parameter([1]).arraySync()).toThrow(/^arraySync: .*await x\.array\(\)/);
  expect(count.runs).toBe(0);
});

test("an index out of range writes nothing, of its run and of those behind it, and is told at the next read", async () => {
  const w = parameter([1, 2, 3]);
  const seen = new StoredTensor(tensor([0]), { label: "seen" });
  const optimizer = new Descent([w], 1);
  let steps = 0;
  const step = (positions: number[]): void => {
    seen.assign(seen.add(1));
    optimizer.zeroGrad();
    hostEffect(() => {
      steps++;
      return () => {
        steps--;
      };
    }, true);
    w.gather(0, computed(positions)).sum().backward();
    optimizer.step();
  };
  step([0, 1]);
  step([0, 5]);
  step([0, 1]);
  const error = await errorOf(w.array());
  expect(error.message).toMatch(
    /^gather: index out of range: 6 where 3 places are there, at .*worker-device\.test\.ts:\d+/,
  );
  expect(error.hint).toMatch(/from 0 to 2/);
  expect(w.grad).toBeNull();
  expect(steps).toBe(1);
  expect(await w.array()).toEqual([1, 1, 2]);
  expect(await seen.array()).toEqual([1]);
  const count = counter();
  step([1, 1]);
  expect(await w.array()).toEqual([1, 1, 0]);
  expect(count.plans).toBe(0);
  expect(await seen.array()).toEqual([2]);
});

/** Time for all answers, that of a busy machine. */
async function allAnswers(): Promise<void> {
  await new Promise((resume) => setTimeout(resume, 1000));
}

test("a failure that nobody has read is thrown by the next step, once", async () => {
  const w = parameter([1, 2, 3]);
  const optimizer = new Descent([w], 1);
  const step = (position: number): void => {
    optimizer.zeroGrad();
    w.gather(0, computed([position]))
      .sum()
      .backward();
    optimizer.step();
  };
  step(7);
  await allAnswers();
  expect(() => step(0)).toThrow(/index out of range: 8 where 3/);
  expect(w.grad).toBeNull();
  step(0);
  expect(await w.array()).toEqual([1, 1, 3]);
});

test("a failed result stays a failure; what does not need it is fine", async () => {
  const x = tensor([1, 2, 3]);
  const bad = x.gather(0, computed([7]));
  const first = await errorOf(bad.array());
  expect(first.message).toMatch(/index out of range/);
  expect((await errorOf(bad.array())).message).toMatch(/index out of range/);
  expect((await errorOf(bad.add(1).array())).message).toMatch(/index out of range/);
  expect(await x.mul(2).array()).toEqual([2, 4, 6]);
});

test("a compiled step that fails takes its host effects back and writes nothing", async () => {
  const w = new nn.Parameter(tensor([1, 2]));
  const optimizer = new Adam([w], { lr: 0.5 });
  const step = compile((position: Tensor) => {
    optimizer.zeroGrad();
    const loss = w.gather(0, position.add(0.25).int()).sum();
    loss.backward();
    optimizer.step();
    return loss;
  });
  for (let i = 0; i < 4; i++) step(tensor([0]));
  const before = await w.array();
  const loss = step(tensor([5]));
  step(tensor([0]));
  expect((await errorOf(loss.item())).message).toMatch(/index out of range: 5 where 2/);
  expect(await w.array()).toEqual(before);
  expect(optimizer.stateDict().state[0]?.["step"]).toBe(4);
  await step(tensor([0])).item();
  expect(optimizer.stateDict().state[0]?.["step"]).toBe(5);
});

test("numbers that are not finite are told before anything is written", async () => {
  setCheckFinite(true);
  const w = parameter([2], "head.weight");
  const step = (x: number): Tensor => {
    const loss = tensor([x]).log().mul(w).sum();
    w.grad = null;
    loss.backward();
    new Descent([w], 1).step();
    return loss;
  };
  await step(1).item();
  expect((await errorOf(step(0).item())).message).toMatch(/^checkFinite: .*not finite/);
  expect(await w.array()).toEqual([2]);
});

test("a loader waits for the worker, and tells what failed", async () => {
  const set = new TensorDataset(tensor(Array.from({ length: 64 }, (_, i) => i)));
  const w = parameter([1]);
  const optimizer = new Descent([w], 1e-3);
  let batches = 0;
  const loop = async (last: number): Promise<void> => {
    for await (const [x] of new DataLoader(set, { batchSize: 4 })) {
      await deviceQueue();
      optimizer.zeroGrad();
      w.gather(
        0,
        x
          .mul(0)
          .add(batches === last ? 3 : 0)
          .int(),
      )
        .sum()
        .backward();
      optimizer.step();
      batches++;
    }
    await deviceQueue();
  };
  await loop(-1);
  expect(batches).toBe(16);
  batches = 0;
  expect((await errorOf(loop(5))).message).toMatch(/index out of range: 3 where 1/);
  expect(batches).toBeLessThanOrEqual(8);
});

test("memory after many steps is that after few", async () => {
  manualSeed(1);
  const model = new nn.Sequential(new nn.Linear(64, 128), new nn.ReLU(), new nn.Linear(128, 10));
  const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
  const x = randn(32, 64);
  await x.realize();
  const y = int32(Array.from({ length: 32 }, (_, i) => i % 10));
  const used = (): number => {
    const { cells, arena, cache, reserved } = currentEngine().device.memory();
    return cells + arena + cache + reserved;
  };
  const run = async (steps: number): Promise<void> => {
    for (let i = 0; i < steps; i++) {
      const loss = crossEntropy(model.forward(x.add(i)), y);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      if (i % 10 === 9) await loss.item();
      else await deviceQueue();
    }
  };
  await run(20);
  const early = used();
  await run(200);
  // Cells of earlier tests may go meanwhile.
  expect(used()).toBeLessThanOrEqual(early);
});

test("a cell that is not used for long comes home, and is as it was when it is used again", async () => {
  const idle = parameter([3, 4]);
  await idle.mul(1).array();
  const held = [...currentEngine().device.holds()].length;
  const busy = parameter([0]);
  for (let i = 0; i < 1200; i++) {
    busy.assign(busy.add(1));
    currentEngine().run([]);
    if (i % 50 === 49) await deviceQueue();
  }
  expect(await busy.item()).toBe(1200);
  expect([...currentEngine().device.holds()].length).toBeLessThanOrEqual(held);
  expect(await idle.array()).toEqual([3, 4]);
  expect(await idle.mul(2).array()).toEqual([6, 8]);
});

test("the same options give the same device, others throw", async () => {
  expect(await startDevice("wasm", { worker: true })).toBe(device);
  await expect(startDevice("wasm")).rejects.toThrow(/^startDevice: the device wasm has started in a worker already/);
  await expect(startDevice("js", { worker: true })).rejects.toThrow(/startDevice: the device js/);
  await expect(startDevice("wasm", { workers: 2 } as object)).rejects.toThrow(/did you mean "worker"/);
  expect(device.report()).toMatch(/WebAssembly[^]*in a worker/);
  expect(deviceReports().wasm).toBe(device.report());
  expect(deviceReports().js).toMatch(/reference/);
});

test("a program that reads nothing ends by itself, and one that waits for a read gets it", () => {
  const program = fileURLToPath(new URL("./worker/ends-by-itself.ts", import.meta.url));
  const run = (how: string): string => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", preload, program, how], {
      encoding: "utf8",
      timeout: 60_000,
    });
    return `${status} ${stdout}${stderr}`;
  };
  expect(run("leaves")).toBe("0 left\n");
  expect(run("reads")).toBe("0 left\n3\n");
}, 60_000);

// The last ones: they end the worker.

test("a worker that is killed says so wherever something is asked of it", async () => {
  device.close();
  let thread: Thread | undefined;
  const entry = new URL("../../src/runtime/worker/entry.ts", import.meta.url);
  const remote = new RemoteDevice("wasm", (events) => {
    thread = startThread(
      entry,
      () => {
        throw new Error("there are no Web Workers here");
      },
      events,
    );
    thread.post({});
    return thread;
  });
  const engine = addEngine("wasm", remote);
  const w = parameter([1, 2]);
  await w.mul(2).array();
  const [under, read] = [w.mul(3), w.array()];
  engine.run([under.add(0)[inner].value]);
  thread?.close();
  const ended = /^device: the worker of device wasm has ended: .*exit code/;
  expect((await errorOf(Promise.race([under.array(), read.then(() => under.array())]))).message).toMatch(ended);
  expect((await errorOf(w.array())).message).toMatch(ended);
  w.mul(w).sum().backward();
  expect(() => new Descent([w], 1).step()).toThrow(ended);
  await expect(deviceQueue()).rejects.toThrow(ended);
  expect(remote.report()).toMatch(ended);
  removeEngine("wasm");
  device = await startDevice("wasm", { worker: true });
});

test("a worker that cannot start says why, and the name is free again", async () => {
  const missing = new URL("./worker/no-such-file.ts", import.meta.url);
  const remote = new RemoteDevice("wasm", (events) =>
    startThread(
      missing,
      () => {
        throw new Error("there are no Web Workers here");
      },
      events,
    ),
  );
  await expect(remote.started).rejects.toThrow(/^device: the worker of device wasm has ended: .*no-such-file/);
});

test("close() ends the worker; its tensors say so, and the name is free again", async () => {
  const x = zeros(3).add(1);
  const [kept, given] = [x.mul(2), tensor([1, 2])];
  await kept.realize();
  device.close();
  expect(await kept.array()).toEqual([2, 2, 2]);
  expect((await errorOf(x.add(1).array())).message).toMatch(/^device: the device wasm was closed/);
  device = await startDevice("wasm", { worker: true });
  expect(await given.mul(2).array()).toEqual([2, 4]);
});
