/** Checkpoints in a folder: what is kept, what damage does, a full disk, states of other trainings. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  appendFile,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  statfs,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { loadFile } from "../../../src/io/node.ts";
import * as nn from "../../../src/nn/index.ts";
import { Adam, SGD } from "../../../src/optim/index.ts";
import { CheckpointFolder } from "../../../src/train/node/checkpoint-folder.ts";
import { Trainer } from "../../../src/train/node/file-trainer.ts";
import { ModelCheckpoint } from "../../../src/train/node/model-checkpoint.ts";
import { type Made, type Setup, contentsOf, training } from "../support.ts";

let dir = "";

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "twopass-checkpoint-"));
});

afterEach(async () => {
  vi.restoreAllMocks();
  await rm(dir, { recursive: true, force: true });
});

function withFiles(setup: Setup = {}): Made & { readonly files: Trainer } {
  const made = training(setup);
  return { ...made, files: new Trainer(made.options) };
}

/** Names in the folder, hidden ones too. */
async function names(): Promise<string[]> {
  return (await readdir(dir)).sort();
}

test("a run that goes on from a folder has the same curve", async () => {
  const whole = withFiles();
  await whole.files.fit(whole.loader, { epochs: 3, validation: whole.validation });
  const first = withFiles();
  const run = { epochs: 3, checkpoint: { dir, everySteps: 4 } };
  vi.spyOn(console, "log").mockImplementation(() => undefined);
  const stopping = new Trainer({
    ...first.options,
    callbacks: [
      ...(first.options.callbacks ?? []),
      { onBatchEnd: ({ trainer }) => void (trainer.step === 10 && fail()) },
    ],
  });
  await expect(stopping.fit(first.loader, { ...run, validation: first.validation, resume: dir })).rejects.toThrow(
    "the lights went out",
  );
  const second = withFiles({ seed: 99 });
  const history = await second.files.fit(second.loader, { ...run, validation: second.validation, resume: dir });
  expect(second.losses).toEqual(whole.losses.slice(8));
  expect(await contentsOf(second)).toEqual(await contentsOf(whole));
  expect(history.epochs).toHaveLength(3);
});

function fail(): never {
  throw new Error("the lights went out");
}

test("the newest checkpoints are kept, and nothing else", async () => {
  const { files, loader } = withFiles();
  await mkdir(join(dir, ".twopass-999999999-new-killed"));
  // In a container each program may have the same number.
  const namesake = join(dir, `.twopass-${process.pid}-new-killed`);
  await mkdir(namesake);
  await utimes(namesake, 0, 0);
  await writeFile(join(dir, "notes.txt"), "mine");
  await files.fit(loader, { epochs: 2, checkpoint: { dir, everySteps: 2, keep: 2 } });
  expect(await names()).toEqual(["checkpoint-00000007", "checkpoint-00000008", "notes.txt"]);
  expect(await readdir(join(dir, "checkpoint-00000008"))).toEqual(
    expect.arrayContaining(["checkpoint.json", "model.safetensors", "training.safetensors"]),
  );
  const weights = await loadFile(join(dir, "checkpoint-00000008", "model.safetensors"));
  expect(Object.keys(weights)).toEqual(Object.keys(files.model.stateDict()));
});

test("each epoch is saved unless said otherwise, and the last one always", async () => {
  const { files, loader } = withFiles();
  await files.fit(loader, { epochs: 3, checkpoint: { dir, everyEpochs: 2 } });
  expect(await names()).toEqual(["checkpoint-00000001", "checkpoint-00000002"]);
  const { progress } = (await new CheckpointFolder(dir).load()) ?? fail();
  expect(progress).toMatchObject({ epoch: 3, batch: 0, step: 21 });
});

describe("damage", () => {
  async function two(): Promise<{ newest: string; steps: () => Promise<number> }> {
    const { files, loader } = withFiles();
    await files.fit(loader, { epochs: 2, checkpoint: { dir } });
    const steps = async (): Promise<number> => ((await new CheckpointFolder(dir).load()) ?? fail()).progress.step;
    return { newest: join(dir, "checkpoint-00000002"), steps };
  }

  test.each<[string, RegExp, (newest: string) => Promise<void>]>([
    ["a missing file", /model\.safetensors.*ENOENT/, (newest) => rm(join(newest, "model.safetensors"))],
    ["a missing manifest", /checkpoint\.json.*ENOENT/, (newest) => rm(join(newest, "checkpoint.json"))],
    [
      "a file that is cut off",
      /training\.safetensors has 100 bytes instead of/,
      (newest) => truncate(join(newest, "training.safetensors"), 100),
    ],
    [
      "a file that is longer",
      /model\.safetensors has \d+ bytes instead of/,
      (newest) => appendFile(join(newest, "model.safetensors"), "x"),
    ],
    [
      "a changed byte",
      /model\.safetensors has another SHA-256/,
      async (newest) => {
        const file = join(newest, "model.safetensors");
        const bytes = await readFile(file);
        bytes[bytes.length - 3] = (bytes.at(-3) ?? 0) ^ 1;
        await writeFile(file, bytes);
      },
    ],
    [
      "a manifest that is none",
      /checkpoint\.json is no JSON/,
      (newest) => writeFile(join(newest, "checkpoint.json"), "{"),
    ],
    [
      "another manifest",
      /checkpoint\.json is no manifest/,
      (newest) => writeFile(join(newest, "checkpoint.json"), "null"),
    ],
  ])("%s: the one before is taken, and it is said", async (_, reason, damage) => {
    const { newest, steps } = await two();
    expect(await steps()).toBe(14);
    await damage(newest);
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    expect(await steps()).toBe(7);
    expect(warn.mock.calls).toHaveLength(1);
    expect(String(warn.mock.calls[0]?.[0])).toMatch(/^twopass: checkpoints passed over: checkpoint-00000002 \(/);
    expect(String(warn.mock.calls[0]?.[0])).toMatch(reason);
    await damage(join(dir, "checkpoint-00000001"));
    await expect(steps()).rejects.toThrow(
      /^loadCheckpoint: no checkpoint in ".*" is undamaged: checkpoint-00000002 .*checkpoint-00000001/,
    );
  });
});

test("nothing to go on from", async () => {
  const { files, loader } = withFiles();
  const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
  await expect(files.loadCheckpoint(join(dir, "none"))).rejects.toThrow(
    /^loadCheckpoint: there is no checkpoint: ".*none"/,
  );
  await files.fit(loader, { epochs: 1, resume: join(dir, "none") });
  expect(log.mock.calls.flat()).toContainEqual(expect.stringMatching(/no checkpoint in ".*none" yet: training begins/));
});

describe("a state of another training", () => {
  test("names the keys of another model, and changes nothing", async () => {
    await withFiles().files.saveCheckpoint(dir);
    const model = new nn.Sequential(new nn.Linear(4, 12), new nn.Linear(12, 3));
    const before = await model.snapshot();
    const other = new Trainer({ model, optimizer: new Adam(model.parameters()), loss: new nn.CrossEntropyLoss() });
    await expect(other.loadCheckpoint(dir)).rejects.toThrow(
      /^loadStateDict: the state does not fit Sequential: unexpected .*"4.weight"/,
    );
    const after = await model.snapshot();
    for (const [name, x] of Object.entries(before)) expect(await after[name]?.array()).toEqual(await x.array());
  });

  test("refuses another optimiser after the model fitted, and changes nothing", async () => {
    const saved = withFiles();
    await saved.files.fit(saved.loader);
    await saved.files.saveCheckpoint(dir);
    const made = training();
    const before = await contentsOf(made);
    const optimizer = new SGD(made.model.parameters(), { lr: 0.1 });
    const other = new Trainer({ ...made.options, optimizer });
    await expect(other.loadCheckpoint(dir)).rejects.toThrow(/SGD\.loadStateDict: /);
    expect(await contentsOf(made)).toEqual(before);
  });

  test("refuses a schedule that one side does not have", async () => {
    const { options } = training();
    await new Trainer(options).saveCheckpoint(dir);
    const { schedule, ...rest } = options;
    expect(schedule).toBeDefined();
    await expect(new Trainer(rest).loadCheckpoint(dir)).rejects.toThrow(/the state is of a trainer with schedule/);
  });
});

/** A file system of 60 kB, where this machine lets the test mount one. */
function mounted(path: string): boolean {
  return (
    process.platform === "linux" && spawnSync("mount", ["-t", "tmpfs", "-o", "size=60k", "tmpfs", path]).status === 0
  );
}

describe("a full disk", () => {
  test("is told, and the old checkpoint and the training stay as they were", async (context) => {
    const small = join(dir, "small");
    await mkdir(small);
    if (!mounted(small)) context.skip("no file system can be mounted here");
    try {
      const whole = withFiles();
      await whole.files.fit(whole.loader, { epochs: 2 });

      const made = withFiles();
      await made.files.fit(made.loader, { epochs: 1, checkpoint: { dir: small } });
      const before = await contentsOf(made);
      const { bavail, bsize } = await statfs(small);
      await writeFile(join(small, "filler"), new Uint8Array(bavail * bsize - 8192));
      await expect(made.files.saveCheckpoint(small)).rejects.toThrow(
        /^saveCheckpoint: cannot save the checkpoint: ".*small", ENOSPC.* \(the disk is full; the checkpoints that were there still are\)$/,
      );
      expect(await readdir(small)).toEqual(["checkpoint-00000001", "filler"]);
      expect((await new CheckpointFolder(small).load())?.progress.step).toBe(7);
      expect(await contentsOf(made)).toEqual(before);

      // In the middle of a fit: what is thrown is that error, and the training can go on from where it was.
      const state = await made.files.state();
      await expect(
        made.files.fit(made.loader, { epochs: 1, checkpoint: { dir: small, everySteps: 3 } }),
      ).rejects.toThrow(/ENOSPC/);
      expect((await made.files.state()).progress).toMatchObject({ epoch: 1, batch: 3, step: 10 });
      await rm(join(small, "filler"));
      await made.files.restore(state);
      made.losses.length = 7;
      await made.files.fit(made.loader, { epochs: 2, checkpoint: { dir: small, keep: 1 } });
      expect(made.losses).toEqual(whole.losses);
      expect(await contentsOf(made)).toEqual(await contentsOf(whole));
      expect(await readdir(small)).toEqual(["checkpoint-00000002"]);
    } finally {
      execFileSync("umount", [small]);
    }
  });

  test("a folder that is a file, and one that cannot be made", async () => {
    const { files } = withFiles();
    await writeFile(join(dir, "file"), "");
    await expect(files.saveCheckpoint(join(dir, "file"))).rejects.toThrow(
      /^saveCheckpoint: cannot save the checkpoint: .*EEXIST.*this is a file/,
    );
    await expect(files.saveCheckpoint(join(dir, "file", "x"))).rejects.toThrow(/ENOTDIR/);
  });
});

test("ModelCheckpoint keeps the weights of the best epoch", async () => {
  const path = join(dir, "best.safetensors");
  const made = training({ totalSteps: 1000 });
  const losses: number[] = [];
  const weights: unknown[] = [];
  const note = {
    async onEpochEnd({ scalars }: { scalars: Readonly<Record<string, number>> }) {
      losses.push(scalars["val/loss"] as number);
      weights.push(await made.model.parameters()[0]?.array());
      if (losses.length === 2) for (const group of made.optimizer.paramGroups) group.lr = 5;
    },
  };
  const { schedule, ...options } = made.options;
  expect(schedule).toBeDefined();
  const trainer = new Trainer({ ...options, callbacks: [new ModelCheckpoint(path), note] });
  await trainer.fit(made.loader, { epochs: 4, validation: made.validation });
  const best = losses.indexOf(Math.min(...losses));
  expect(best).toBe(1);
  expect(await (await loadFile(path))["0.weight"]?.array()).toEqual(weights[best]);
});
