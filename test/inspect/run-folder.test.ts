/** Run folders: what is in the files, over resumes, kills, full disks, and two writers. */
import { type ChildProcess, execFileSync, fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { MemoryRun, type Run, type RunRecord, watch } from "../../src/inspect/index.ts";
import { RunFolder, readRun, readRunTrace } from "../../src/inspect/node/index.ts";
import * as nn from "../../src/nn/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { tensor } from "../../src/tensor/creation.ts";
import { MemoryLogger, Trainer } from "../../src/train/index.ts";
import { type Message, doubles, inside, readEvents, text } from "../train/tensorboard-reader.ts";
import { training } from "../train/support.ts";

let base = "";
let folder = "";
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "twopass-runs-"));
  folder = join(base, "runs/first");
});
afterEach(() => rmSync(base, { recursive: true }));

/** Times are of the clock. */
function comparable({ scalars, records, traces, problems, info }: Run): unknown {
  const told = Object.entries(scalars).filter(([name]) => name !== "seconds");
  return { scalars: Object.fromEntries(told), records, traces, problems, info: { ...info, date: "" } };
}

/** A training of 7 steps an epoch, watched into a folder and into memory. */
function watched(setup: { readonly path?: string; readonly every?: number; readonly seed?: number } = {}) {
  const made = training({ plain: true, seed: setup.seed ?? 7 });
  const sink = new RunFolder(setup.path ?? folder);
  const stop = watch(made.trainer, { sink, every: setup.every ?? 2, traceEvery: 5, activations: "*" });
  return { ...made, sink, stop };
}

async function inMemory(epochs: number): Promise<Run> {
  const made = training({ plain: true });
  const memory = new MemoryRun();
  watch(made.trainer, { sink: memory, every: 2, traceEvery: 5, activations: "*" });
  await made.trainer.fit(made.loader, { epochs });
  return memory.run;
}

const eventFiles = (): string[] => readdirSync(folder).filter((name) => name.startsWith("events.out.tfevents."));

test("a folder holds what memory holds", async () => {
  const { trainer, loader } = watched();
  await trainer.fit(loader, { epochs: 2 });
  const run = await readRun(folder);
  const memory = await inMemory(2);
  expect(comparable(run)).toEqual(comparable(memory));
  expect(run.records.map(({ step }) => step)).toEqual([1, 2, 4, 6, 8, 10, 12, 14]);
  expect(run.traces).toEqual([1, 5, 10]);
  expect(run.scalars["seconds"]?.map(([step]) => step)).toEqual([7, 14]);
  const files = readdirSync(folder).filter((name) => !name.startsWith("events."));
  expect(files.sort()).toEqual(["records.jsonl", "run.json", "scalars.csv", "traces"]);
  expect(readdirSync(join(folder, "traces"))).toEqual(["step-000001.json", "step-000005.json", "step-000010.json"]);
  expect((await readRunTrace(folder, 5)).step).toBe(5);
});

test("TensorBoard is told the same", async () => {
  const { trainer, loader } = watched({ every: 7 });
  await trainer.fit(loader, { epochs: 2 });
  const { records, scalars } = await readRun(folder);
  const [file = "", ...others] = eventFiles();
  expect(others).toEqual([]);
  const { events } = readEvents(join(folder, file));
  expect(events.some(({ isRestart }) => isRestart)).toBe(false);
  const told: [string, number, number][] = [];
  const histograms = new Map<string, Message>();
  for (const { step, values } of events) {
    for (const value of values) {
      const tag = text(value.get(1)?.[0]);
      if (value.has(2)) told.push([tag, step, value.get(2)?.[0] as number]);
      else histograms.set(`${tag} ${step}`, inside(value, 5));
    }
  }
  const expected = Object.entries(scalars).flatMap(([name, curve]) =>
    curve.map(([step, value]) => [name, step, Math.fround(value)]),
  );
  for (const { step, layers, parameters } of records) {
    for (const [path, norm] of Object.entries(layers))
      expected.push([`gradient-norm/${path}`, step, Math.fround(norm)]);
    for (const [path, { ratio }] of Object.entries(parameters)) {
      expected.push([`update-ratio/${path}`, step, Math.fround(ratio as number)]);
    }
  }
  const sorted = (list: readonly (readonly unknown[])[]): unknown[] =>
    [...list].sort((a, b) => (a.join() < b.join() ? -1 : 1));
  expect(sorted(told)).toEqual(sorted(expected));

  const { step, parameters, activations } = records[1] as RunRecord;
  expect(step).toBe(7);
  const kinds = ["weight", "gradient", "change"] as const;
  const wanted = [
    ...Object.entries(parameters).flatMap(([path, one]) =>
      kinds.map((kind) => [`${kind}/${path}`, one[kind]] as const),
    ),
    ...Object.entries(activations).map(([path, one]) => [`activation/${path}`, one] as const),
  ];
  expect(wanted.length).toBe(4 * 3 + 5);
  for (const [tag, statistics] of wanted) {
    const found = histograms.get(`${tag} 7`) as Message;
    const [min, max, num, sum, squares] = [1, 2, 3, 4, 5].map((field) => found.get(field)?.[0] as number);
    expect([min, max, num]).toEqual([statistics?.min, statistics?.max, statistics?.size]);
    expect((sum as number) / (num as number)).toBeCloseTo(statistics?.mean as number, 10);
    expect(Math.sqrt(squares as number)).toBeCloseTo(statistics?.norm as number, 10);
    const [limits, counts] = [6, 7].map((field) => doubles(found.get(field)?.[0])) as [number[], number[]];
    expect(limits.at(-1)).toBe(max);
    expect(limits).toEqual([...limits].sort((a, b) => a - b));
    expect(counts).toEqual(statistics?.histogram.counts);
  }
});

test("constants and nothing but NaN in TensorBoard", async () => {
  const model = new nn.Linear(2, 1);
  nn.init.constant_(model.weight, 3);
  nn.init.constant_(model.bias as nn.Parameter, 0);
  const trainer = new Trainer({
    model,
    optimizer: new SGD(model.parameters(), { lr: 0 }),
    loss: (output) => output.div(0).sum(),
    checkFinite: false,
  });
  watch(trainer, { sink: new RunFolder(folder), activations: "" });
  await trainer.fit([[tensor([[1, 1]]), tensor([[1]])]]);
  const { events } = readEvents(join(folder, eventFiles()[0] as string));
  const values = events.flatMap((event) => event.values.filter((value) => value.has(5)));
  const found = new Map(values.map((value) => [text(value.get(1)?.[0]), inside(value, 5)]));
  // Gradients are infinite, and so what the update adds is NaN.
  expect([...found.keys()]).toEqual(["activation/"]);
  const { parameters, gradient } = (await readRun(folder)).records[0] as RunRecord;
  expect(gradient).toBe(0);
  expect(parameters["weight"]?.gradient).toMatchObject({ nonFinite: 2, min: Number.NaN });
  const constant = found.get("activation/") as Message;
  expect([6, 7].map((field) => doubles(constant.get(field)?.[0]))).toEqual([[6], [1]]);
});

test("a training that is resumed goes on in its folder, and steps that come again are there once", async () => {
  const whole = await inMemory(3);
  const first = watched();
  await first.trainer.fit(first.loader, { epochs: 1 });
  const state = await first.trainer.state();
  // It goes on for an epoch that no checkpoint knows.
  await first.trainer.fit(first.loader, { epochs: 1 });
  expect((await readRun(folder)).records.at(-1)?.step).toBe(14);
  const { date } = (await readRun(folder)).info;

  const second = watched({ seed: 3 });
  await second.trainer.restore(state);
  await second.trainer.fit(second.loader, { epochs: 3 });
  const run = await readRun(folder);
  expect(run.info.date).toBe(date);
  expect(comparable(run)).toEqual(comparable(whole));
  expect(run.scalars["seconds"]?.length).toBe(3);

  // Each fit has a file of its own, which says from where on it is valid.
  const restarts = eventFiles().map((name) => readEvents(join(folder, name)).events.filter((event) => event.isRestart));
  expect(restarts.map((events) => events.map(({ step }) => step))).toEqual([[], [8], [8]]);
});

test("a training that begins anew takes the place of the old one", async () => {
  const first = watched();
  await first.trainer.fit(first.loader, { epochs: 2 });
  const model = new nn.Linear(4, 3);
  const other = new Trainer({ model, optimizer: new SGD(model.parameters()), loss: new nn.CrossEntropyLoss() });
  watch(other, new RunFolder(folder));
  await other.fit(first.loader);
  const { info, records, scalars, traces } = await readRun(folder);
  expect(info.model).toBe("Linear");
  expect(records.map(({ step }) => step)).toEqual([1]);
  expect(traces).toEqual([]);
  expect(Object.keys(scalars)).toEqual(["batch/loss", "lr", "gradient/norm", "epoch", "train/loss", "seconds"]);
});

test("pieces of lines that a killed process left are cut off", async () => {
  const first = watched();
  await first.trainer.fit(first.loader);
  const before = comparable(await readRun(folder));
  appendFileSync(join(folder, "records.jsonl"), '{"step":8,"epoch":2,"ba');
  appendFileSync(join(folder, "scalars.csv"), "8,0.1");
  writeFileSync(join(folder, "traces/.twopass-1-abc.tmp"), '{"format":"twop');
  expect(comparable(await readRun(folder))).toEqual(before);
  const state = await first.trainer.state();
  const second = watched();
  await second.trainer.restore(state);
  await second.trainer.fit(second.loader, { epochs: 2 });
  expect(comparable(await readRun(folder))).toEqual(comparable(await inMemory(2)));
});

/** A process that trains into a folder until it is killed, once it has said that a record is there. */
async function killedProcess(): Promise<ChildProcess> {
  const program = fileURLToPath(new URL("watch-child.ts", import.meta.url));
  const child = fork(program, [folder], {
    execArgv: ["--import", "tsx"],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const [said] = (await Promise.race([once(child, "message"), once(child, "exit")])) as [unknown];
  expect(said).toBe("recorded");
  return child;
}

test("a process that is killed leaves all that it has written, and its folder to the next one", {
  timeout: 120_000,
}, async () => {
  let last = 0;
  for (const wait of [0, 35, 90]) {
    const child = await killedProcess();
    await new Promise((resolve) => setTimeout(resolve, wait));
    // While it trains its folder can be read, and nobody else may write to it.
    expect((await readRun(folder)).problems).toEqual([]);
    const { trainer, loader } = watched();
    await expect(trainer.fit(loader)).rejects.toThrow(
      new RegExp(
        `^RunFolder: another process writes into the folder: ".*first", process ${child.pid} on .* \\(give each run`,
      ),
    );
    expect(trainer.step).toBe(0);
    expect(existsSync(join(folder, "lock"))).toBe(true);
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;

    const { records, problems, traces } = await readRun(folder);
    expect(problems).toEqual([]);
    expect(records.map(({ step }) => step)).toEqual(records.map((_, i) => i + 1));
    expect(records.length).toBeGreaterThan(0);
    for (const step of traces) expect((await readRunTrace(folder, step)).step).toBe(step);
    last = records.length;
  }
  expect(last).toBeGreaterThan(0);
  const { trainer, loader } = watched();
  await trainer.fit(loader);
  expect((await readRun(folder)).records.map(({ step }) => step)).toEqual([1, 2, 4, 6]);
  expect(existsSync(join(folder, "lock"))).toBe(false);
});

test("two writers of one process, and a lock of another computer", async () => {
  const [first, second] = [watched(), watched()];
  let refused: unknown;
  first.trainer.add({
    onEpochStart: async () => {
      refused = await second.trainer.fit(second.loader).catch((error: unknown) => error);
    },
  });
  await first.trainer.fit(first.loader);
  expect(String(refused)).toContain(
    `another process writes into the folder: ${JSON.stringify(folder)}, process ${process.pid} on`,
  );
  expect((await readRun(folder)).records.length).toBe(4);

  writeFileSync(join(folder, "lock"), `process 1 on ${hostname()}-other`);
  await expect(second.trainer.fit(second.loader)).rejects.toThrow(
    /process 1 on .*-other .*where that process is over, remove/,
  );
  expect(existsSync(join(folder, "lock"))).toBe(true);
  // Killed before it could write its name.
  writeFileSync(join(folder, "lock"), "");
  await second.trainer.fit(second.loader);
  expect(existsSync(join(folder, "lock"))).toBe(false);
});

test("folders that are something else", async () => {
  expect(() => new RunFolder("")).toThrow('RunFolder: takes the path of a folder: got ""');
  await expect(readRun(join(base, "none"))).rejects.toThrow(/^readRun: there is no run: no run\.json in ".*none"/);
  writeFileSync(join(base, "file"), "");
  await expect(readRun(join(base, "file"))).rejects.toThrow("readRun: there is no run");
  const { trainer, loader } = watched({ path: join(base, "file") });
  await expect(trainer.fit(loader)).rejects.toThrow(/^RunFolder: cannot open the folder: ".*file", (EEXIST|ENOTDIR)/);

  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "run.json"), '{"format":"twopass-run","version":2}');
  await expect(readRun(folder)).rejects.toThrow(
    /^readRun: cannot read the run: ".*first", parseRun: the run is of another version/,
  );
  const second = watched();
  await expect(second.trainer.fit(second.loader)).rejects.toThrow(
    /^RunFolder: the folder has something else: ".*first", parseRun: the run is of another version/,
  );
  expect(readFileSync(join(folder, "run.json"), "utf8")).toBe('{"format":"twopass-run","version":2}');
  expect(readdirSync(folder)).toEqual(["run.json"]);
  await expect(readRunTrace(folder, 3)).rejects.toThrow(
    /^readRunTrace: there is no trace of step 3: ".*step-000003\.json"/,
  );
});

test("a run that is resumed with another model is refused", async () => {
  const first = watched();
  await first.trainer.fit(first.loader);
  const before = await readRun(folder);
  const model = new nn.Sequential(new nn.Linear(4, 12), new nn.ReLU(), new nn.Linear(12, 3, { bias: false }));
  const logger = new MemoryLogger();
  const other = new Trainer({
    model,
    optimizer: new SGD(model.parameters()),
    loss: new nn.CrossEntropyLoss(),
    loggers: [logger],
  });
  await other.fit(first.loader);
  watch(other, new RunFolder(folder));
  await expect(other.fit(first.loader)).rejects.toThrow(
    /^RunFolder: the folder has the run of another model: ".*first", 4\.weight \[3, 12\] there, 2\.weight \[3, 12\] here/,
  );
  expect(await readRun(folder)).toEqual(before);
});

/** A file system of 2 MB, where this machine lets the test mount one. */
function mounted(path: string): boolean {
  return (
    process.platform === "linux" && spawnSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", path]).status === 0
  );
}

test("a full disk is told with the folder, and what was written stays", async (context) => {
  const small = join(base, "small");
  mkdirSync(small);
  if (!mounted(small)) context.skip("no file system can be mounted here");
  try {
    const path = join(small, "run");
    const { trainer, loader } = watched({ path, every: 1 });
    trainer.add({
      onBatchStart: () => {
        if (trainer.step !== 4) return;
        const { bavail, bsize } = statfsSync(small);
        writeFileSync(join(small, "filler"), new Uint8Array(Math.max(0, bavail - 1) * bsize));
      },
    });
    await expect(trainer.fit(loader)).rejects.toThrow(/"[^"]*small\/run\/[^"]*", ENOSPC.* \(the disk is full\)$/);
    const steps = (await readRun(path)).records.map(({ step }) => step);
    expect(steps.slice(0, 4)).toEqual([1, 2, 3, 4]);
    expect(existsSync(join(path, "lock"))).toBe(false);
    rmSync(join(small, "filler"));
    const again = watched({ path, every: 3 });
    await again.trainer.fit(again.loader);
    expect((await readRun(path)).records.map(({ step }) => step)).toEqual([1, 3, 6]);
  } finally {
    execFileSync("umount", [small]);
  }
});
