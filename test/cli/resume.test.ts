/** A run that was left goes on with the same numbers, to the bit; logs; other settings are refused. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CheckpointFolder } from "../../src/train/node/index.ts";
import { writeRows } from "./idx-files.ts";
import { cli, housesCsv, lastJson, mistakeOf } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "twopass-resume-"));
const file = (name: string): string => join(folder, name);
beforeAll(() => {
  writeRows(file("rows"), 200, 50);
  writeFileSync(file("houses.csv"), housesCsv(80));
  writeFileSync(file("book.txt"), "The whale swims. A ship sails. ".repeat(80));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Numbers of a result that depend on the training alone. */
function curveOf(printed: string): Readonly<Record<string, unknown>> {
  const { seconds, ms_per_step, out, ...rest } = lastJson(printed);
  expect([typeof seconds, ms_per_step === null || typeof ms_per_step === "number", typeof out]).toEqual([
    "number",
    true,
    "string",
  ]);
  return rest;
}

/** Leaves only the checkpoint that was made at a step, as if the process had been killed behind it. */
async function keepStep(run: string, step: number): Promise<void> {
  const names = readdirSync(run).filter((name) => name.startsWith("checkpoint-"));
  for (const name of names) {
    const { step: found } = JSON.parse(readFileSync(join(run, name, "checkpoint.json"), "utf8")) as { step: number };
    if (found !== step) rmSync(join(run, name), { recursive: true });
  }
  expect((await new CheckpointFolder(run).load())?.progress.step).toBe(step);
}

test.for([
  ["digits", "--data DIR/rows --epochs 3 --batch-size 50", 4, 8],
  ["regression", "--data DIR/houses.csv --target price --epochs 4", 3, 6],
  ["text", "--data DIR/book.txt --epochs 2", 1, 3],
] as const)("%s", { timeout: 60_000 }, async ([task, settings, every, step]) => {
  const line = `train ${task} --json ${settings.replaceAll("DIR", folder)}`;
  const [whole, run, rest] = [file(`${task}.safetensors`), file(`${task}-run`), file(`${task}-rest.safetensors`)];
  const uninterrupted = curveOf(await cli(`${line} --out ${whole} --checkpoint ${run} --checkpoint-every ${every}`));
  expect(uninterrupted["steps"]).toBeGreaterThan(step);
  await keepStep(run, step);
  expect(curveOf(await cli(`train --json --resume ${run} --out ${rest}`))).toEqual(uninterrupted);
  expect(readFileSync(rest).equals(readFileSync(whole))).toBe(true);
  // The same settings may be said again, also with the task.
  expect(curveOf(await cli(`${line} --out ${rest} --resume ${run}`))).toEqual(uninterrupted);
  expect(await mistakeOf(`${line} --seed 5 --resume ${run}`)).toContain("has the seed 1, not 5");
});

test("data that has changed, and a damaged run, are refused", { timeout: 60_000 }, async () => {
  mkdirSync(file("own"));
  const csv = join(file("own"), "houses.csv");
  copyFileSync(file("houses.csv"), csv);
  const run = join(file("own"), "run");
  const line = `train regression --data ${csv} --target price --epochs 1 --out ${file("x.safetensors")}`;
  await cli(`${line} --checkpoint ${run}`);
  writeFileSync(csv, housesCsv(81));
  expect(await mistakeOf(`train --resume ${run}`)).toContain(`the data has changed since the run in ${run} began`);
  writeFileSync(join(run, "run.json"), "{}");
  expect(await mistakeOf(`train --resume ${run}`)).toContain(`--resume: ${run} has a damaged run.json`);
});

test("a configuration goes on only as it was", { timeout: 60_000 }, async () => {
  const config = {
    data: { csv: "houses.csv", target: "price" },
    model: { hidden: [4] },
    train: { epochs: 1 },
    out: "c.safetensors",
  };
  writeFileSync(file("c.json"), JSON.stringify(config));
  const run = file("c-run");
  const first = curveOf(await cli(`train --json --config ${file("c.json")} --checkpoint ${run}`));
  expect(curveOf(await cli(`train --json --config ${file("c.json")} --resume ${run}`))).toEqual(first);
  writeFileSync(file("c.json"), JSON.stringify({ ...config, model: { hidden: [5] } }));
  const message = `--resume: the run in ${run} has the hidden [4], not [5]`;
  expect(await mistakeOf(`train --config ${file("c.json")} --resume ${run}`)).toContain(message);
});

test("logs", { timeout: 60_000 }, async () => {
  const log = file("log");
  const line = `train digits --data ${file("rows")} --epochs 2 --batch-size 4 --model mlp --out ${file("l.safetensors")}`;
  await cli(`${line} --log ${log}`);
  const entries = readFileSync(join(log, "log.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((one) => JSON.parse(one) as object);
  expect(entries).toContainEqual(expect.objectContaining({ step: 50, "batch/loss": expect.any(Number) as number }));
  expect(entries).toContainEqual(
    expect.objectContaining({ step: 100, epoch: 2, "train/accuracy": expect.any(Number) as number }),
  );
  expect(readFileSync(join(log, "log.csv"), "utf8")).toMatch(/^step,/);
  expect(readdirSync(log).some((name) => name.startsWith("events.out.tfevents."))).toBe(true);
});
