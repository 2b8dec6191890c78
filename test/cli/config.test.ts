/** Configuration files: what is wrong in them is named with its place. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readConfig } from "../../src/cli/config.ts";
import { completeJob } from "../../src/cli/tasks.ts";
import { cli, housesCsv, lastJson, mistakeOf } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "twopass-config-"));
const path = join(folder, "c.json");
beforeAll(() => writeFileSync(join(folder, "houses.csv"), housesCsv(50)));
afterAll(() => rmSync(folder, { recursive: true }));

const data = { csv: "houses.csv", target: "price" };

test.for([
  ["{ data: 1 }", "not JSON: "],
  ["[]", "data names no data: expected one of csv, images, text, series"],
  ["null", "data names no data"],
  [{ data: { cvs: "a.csv" } }, 'data names no data: expected one of csv, images, text, series (did you mean "csv"?)'],
  [{ data: { csv: "a.csv", text: "b.txt" } }, "data has csv and text: expected one of"],
  [{ data: { csv: "a.csv" } }, "data.target is missing"],
  [{ data: { csv: 3, target: "x" } }, "data.csv is wrong: expected a path, got 3"],
  [{ data: { ...data, colour: 1 } }, 'unknown key "data.colour" (known: csv, target, inputs, task, missing, delimiter'],
  [{ data: { ...data, missing: "drop" } }, 'data.missing is wrong: expected "fill" or "error", got "drop"'],
  [{ data: { ...data, inputs: [] } }, "data.inputs is wrong: expected one column or more, got an array of length 0"],
  [{ data: { images: "pets", size: 8 } }, "data.size is wrong: expected a whole number from 16 to 1024, got 8"],
  [{ data, trian: {} }, 'unknown key "trian" (did you mean "train"?)'],
  [{ data, train: { epoch: 3 } }, 'unknown key "train.epoch" (did you mean "epochs"?)'],
  [{ data, train: { epochs: "many" } }, 'train.epochs is wrong: expected a whole number from 1 to 1000000, got "many"'],
  [{ data, train: { validation: 1 } }, "train.validation is wrong: expected a number between 0 and 1, got 1"],
  [{ data, train: { device: "gpu" } }, 'train.device is wrong: expected "native" or "wasm" or "js", got "gpu"'],
  [{ data, train: 5 }, "train is wrong: expected an object, got 5"],
  [{ data, model: { name: "mpl" } }, 'no model "mpl" for this task (did you mean "mlp"? there are mlp, linear)'],
  [{ data, model: { hiden: [3] } }, 'unknown key "model.hiden" (did you mean "hidden"?)'],
  [{ data, model: { hidden: [0] } }, "model.hidden.0 is wrong: expected a whole number from 1 to 65536, got 0"],
  [{ data, model: { name: "linear", hidden: [3] } }, 'unknown key "model.hidden" (known: name)'],
  [{ data: { text: "book.txt" }, model: { width: 30, heads: 4 } }, "cannot read the file"],
  [{ data, out: "no/m.safetensors" }, "--out: there is no folder"],
] as const)("%j", async ([config, message]) => {
  writeFileSync(path, typeof config === "string" ? config : JSON.stringify(config));
  const found = await mistakeOf(`train --config ${path}`);
  expect(found).toContain(message);
  expect(found).toMatch(/^twopass train: |^readFileBytes: /);
  expect(found).not.toContain("\n");
});

test("the file that is missing is named", async () => {
  expect(await mistakeOf(`train --config ${folder}/none.json`)).toContain(`"${folder}/none.json"`);
});

test("paths begin at the file, sizes are taken, and options come before the file", { timeout: 60_000 }, async () => {
  const config = { data, model: { hidden: [8] }, train: { epochs: 50, seed: 7, batchSize: 16 }, out: "m.safetensors" };
  writeFileSync(path, JSON.stringify(config));
  expect(await readConfig(path)).toEqual({
    task: "c",
    kind: "table",
    data: { path: join(folder, "houses.csv"), target: "price", missing: "fill" },
    model: { hidden: [8] },
    train: { epochs: 50, seed: 7, batchSize: 16 },
    out: join(folder, "m.safetensors"),
  });
  const printed = await cli(`train --config ${path} --epochs 2 --json`);
  // Inputs: rooms, area, three towns, two sizes.
  expect(printed).toContain(`mlp with ${8 * 7 + 8 + 8 + 1} parameters, 40 examples to train, 10 to test, 2 epochs in`);
  expect(lastJson(printed)).toMatchObject({
    task: "c",
    epochs: 2,
    seed: 7,
    steps: 6,
    out: join(folder, "m.safetensors"),
  });
  const other = await cli(`train --config ${path} --epochs 1 --model linear --json`);
  expect(other).toContain("linear with 8 parameters");
});

test.for(["command-line.md", "command-line.zh-CN.md"])("the files in %s are right", async (page) => {
  const text = await readFile(new URL(`../../docs/${page}`, import.meta.url), "utf8");
  const blocks = Array.from(text.matchAll(/```json\n(.*?)```/gs), (found) => found[1] as string);
  expect(blocks.length).toBe(4);
  const kinds: string[] = [];
  for (const block of blocks) {
    writeFileSync(path, block);
    const config = await readConfig(path);
    kinds.push(completeJob("test", config).kind);
  }
  expect(kinds).toEqual(["table", "image", "text", "series"]);
});
