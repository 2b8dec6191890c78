/** Ctrl-C: the step is finished and a checkpoint saved; a second one ends the process at once. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CheckpointFolder } from "../../../src/train/node/checkpoint-folder.ts";
import { Trainer } from "../../../src/train/node/file-trainer.ts";
import { training } from "../support.ts";

let dir = "";

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "twopass-interrupt-"));
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

/** Starts a training in a process of its own, waits until it trains, and collects what it says. */
async function trainingProcess(mode: string): Promise<{ child: ChildProcess; output: () => string }> {
  const program = fileURLToPath(new URL("interrupt-child.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", program, dir, mode], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text: Buffer) => (output += text.toString()));
  while (!output.includes("training\n")) {
    await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
    if (child.exitCode !== null) throw new Error(`the process ended: ${output}`);
  }
  return { child, output: () => output };
}

test("the first Ctrl-C ends after the step, with a checkpoint", { timeout: 60_000 }, async () => {
  const { child, output } = await trainingProcess("fast");
  child.kill("SIGINT");
  expect(await once(child, "exit")).toEqual([0, null]);
  expect(output()).toContain("ending after this step; Ctrl-C again ends at once");
  const result = JSON.parse(output().trim().split("\n").at(-1) as string) as { steps: number };
  expect(result).toEqual({ interrupted: true, steps: result.steps, listeners: 0 });
  const state = await new CheckpointFolder(dir).load();
  expect(state?.progress.step).toBe(result.steps);
});

test("the second Ctrl-C ends at once", { timeout: 60_000 }, async () => {
  const { child, output } = await trainingProcess("slow");
  child.kill("SIGINT");
  while (!output().includes("ending after this step"))
    await once(child.stderr as NonNullable<typeof child.stderr>, "data");
  expect(child.exitCode).toBeNull();
  child.kill("SIGINT");
  expect(await once(child, "exit")).toEqual([130, null]);
});

test("an interrupted training goes on with the same curve, and the signal is given back", async () => {
  const before = process.listenerCount("SIGINT");
  const whole = training({ accumulate: 2 });
  await whole.trainer.fit(whole.loader, { epochs: 2 });
  const made = training({ accumulate: 2 });
  const interrupting = {
    onBatchEnd: ({ batch }: { batch: number }): void => {
      expect(process.listenerCount("SIGINT")).toBe(before + 1);
      if (batch === 3) trainer.interrupt();
    },
  };
  const trainer = new Trainer({ ...made.options, callbacks: [...(made.options.callbacks ?? []), interrupting] });
  const history = await trainer.fit(made.loader, { epochs: 2, checkpoint: { dir } });
  // The update that the third batch began is finished by the fourth.
  expect(history).toMatchObject({ epochs: [], steps: 2, interrupted: true });
  expect(process.listenerCount("SIGINT")).toBe(before);
  const rest = training({ accumulate: 2, seed: 1 });
  await new Trainer(rest.options).fit(rest.loader, { epochs: 2, resume: dir });
  expect([...made.losses, ...rest.losses]).toEqual(whole.losses);
  await expect(new Trainer(made.options).fit([], { epochs: 1 })).rejects.toThrow(/no batch/);
  expect(process.listenerCount("SIGINT")).toBe(before);
});
