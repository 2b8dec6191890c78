/** `twopass train --watch`: the run that it records, also over an interruption. */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readRun, readRunTrace } from "../../src/inspect/node/index.ts";
import { cli, housesCsv, lastJson, mistakeOf } from "./support.ts";

let folder = "";
const file = (name: string): string => join(folder, name);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "twopass-watch-"));
  writeFileSync(file("houses.csv"), housesCsv(80));
});
afterEach(() => rmSync(folder, { recursive: true }));

const line = "train regression --json --data {} --target price --epochs 4 --batch-size 16";

test("a run is recorded, and the training has the same bits", { timeout: 60_000 }, async () => {
  const train = (options: string, name: string): Promise<string> =>
    cli(`${line} --out {}${options}`, file("houses.csv"), file(`${name}.safetensors`), file("runs/a"));
  const plain = lastJson(await train("", "plain"));
  const seen = lastJson(await train(" --watch {} --watch-every 3 --watch-traces 5", "seen"));
  expect(seen["test_loss"]).toBe(plain["test_loss"]);
  expect(readFileSync(file("seen.safetensors")).equals(readFileSync(file("plain.safetensors")))).toBe(true);
  const { info, records, traces, scalars, problems } = await readRun(file("runs/a"));
  const { steps } = seen as { steps: number };
  const every = (n: number): number[] => Array.from({ length: Math.floor(steps / n) }, (_, i) => n * (i + 1));
  expect(steps).toBe(16);
  expect(records.map(({ step }) => step)).toEqual([1, ...every(3)]);
  expect(traces).toEqual([1, ...every(5)]);
  expect([info.optimizer, info.settings.every, info.settings.traceEvery, problems]).toEqual(["AdamW", 3, 5, []]);
  expect(scalars["train/loss"]?.length).toBe(4);
  expect((await readRunTrace(file("runs/a"), 5)).step).toBe(5);
});

test("without numbers: each 50 steps, and a trace of the first one; 0 makes none", { timeout: 60_000 }, async () => {
  const [csv, out] = [file("houses.csv"), file("a.safetensors")];
  await cli(`${line} --out {} --watch {}`, csv, out, file("a"));
  const run = await readRun(file("a"));
  expect([run.records.map(({ step }) => step), run.traces]).toEqual([[1], [1]]);
  await cli(`${line} --out {} --watch {} --watch-traces 0`, csv, out, file("b"));
  expect(readdirSync(file("b/traces"))).toEqual([]);
});

test("a training that goes on goes on in its run", { timeout: 60_000 }, async () => {
  const [csv, out] = [file("houses.csv"), file("a.safetensors")];
  const watched = "--watch {} --watch-every 1 --watch-traces 4";
  await cli(`${line} --out {} ${watched} --checkpoint {} --checkpoint-every 6`, csv, out, file("run"), file("kept"));
  const whole = await readRun(file("run"));
  // As if it had been killed behind step 12.
  for (const name of readdirSync(file("kept")).filter((name) => name.startsWith("checkpoint-"))) {
    const { step } = JSON.parse(readFileSync(file(`kept/${name}/checkpoint.json`), "utf8")) as { step: number };
    if (step > 12) rmSync(file(`kept/${name}`), { recursive: true });
  }
  const before = readFileSync(file("run/records.jsonl"), "utf8").split("\n");
  writeFileSync(file("run/records.jsonl"), `${before.slice(0, 14).join("\n")}\n`);
  await cli(`train --json --out {} ${watched} --resume {}`, out, file("run"), file("kept"));
  const { records, traces } = await readRun(file("run"));
  expect(records).toEqual(whole.records);
  expect([records.length, traces]).toEqual([16, [1, 4, 8, 12, 16]]);
});

test("a run and a log in one folder are refused before anything is made", async () => {
  const [csv, out] = [file("houses.csv"), file("a.safetensors")];
  const said = await mistakeOf(`${line} --out {} --watch {} --log {}`, csv, out, file("a"), `${file("b")}/../a`);
  expect(said).toContain("--watch and --log have one folder (give each its own; that of --watch has the scalars too)");
  expect([existsSync(file("a")), existsSync(out)]).toEqual([false, false]);
});

test("a run and a log beside each other", { timeout: 60_000 }, async () => {
  await cli(`${line} --out {} --watch {} --log {}`, file("houses.csv"), file("a.safetensors"), file("a"), file("b"));
  expect((await readRun(file("a"))).scalars["train/loss"]?.length).toBe(4);
  expect(existsSync(file("b/log.csv"))).toBe(true);
});
