/** The public names have an example in their comment, and it prints what it says. */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as data from "../../src/data/index.ts";
import * as dataNode from "../../src/data/node/index.ts";
import * as debug from "../../src/debug.ts";
import * as core from "../../src/index.ts";
import * as io from "../../src/io/index.ts";
import * as ioNode from "../../src/io/node.ts";
import * as functional from "../../src/nn/functional.ts";
import * as nn from "../../src/nn/index.ts";
import * as optim from "../../src/optim/index.ts";
import * as train from "../../src/train/index.ts";
import * as trainNode from "../../src/train/node/index.ts";
import { agrees, declarationsOf, docstringsOf, outputsOf, sourceFiles } from "./docstrings.ts";
import { root } from "./run-program.ts";

const entries: Readonly<Record<string, object>> = {
  "src/index.ts": core,
  "src/nn/index.ts": nn,
  "src/nn/functional.ts": functional,
  "src/optim/index.ts": optim,
  "src/data/index.ts": data,
  "src/data/node/index.ts": dataNode,
  "src/train/index.ts": train,
  "src/train/node/index.ts": trainNode,
  "src/io/index.ts": io,
  "src/io/node.ts": ioNode,
  "src/debug.ts": debug,
};

const docstrings = sourceFiles.flatMap(docstringsOf);
const examples = docstrings.flatMap(({ file, name, example }) => (example === undefined ? [] : { file, name, ...example }));

const folder = mkdtempSync(join(tmpdir(), "twopass-docstrings-"));
const cwd = process.cwd();
beforeAll(() => {
  copyFileSync(join(root, "test/io/fixtures/linear-half.pt"), join(folder, "model.pt"));
  process.chdir(folder);
});
afterAll(() => {
  process.chdir(cwd);
  rmSync(folder, { recursive: true });
});

/** What a reader has imported, and a model, its optimiser and its data. */
function scope(own: object): Record<string, unknown> {
  core.manualSeed(0);
  const model = new nn.Linear(4, 3);
  const x = core.randn(12, 4);
  const labels = core.arange(12).remainder(3);
  return {
    ...{ ...core, ...debug, ...optim, ...data, ...dataNode, ...train, ...trainNode, ...io, ...ioNode, ...own, nn },
    ...{ model, x, labels, optimizer: new optim.Adam(model.parameters(), { lr: 0.1 }) },
    loader: new data.DataLoader(new data.TensorDataset(x, labels), { batchSize: 4 }),
  };
}

test.for(examples)("$file:$line, $name", async ({ file, ...example }) => {
  const own = (await import(join(root, file))) as object;
  const outputs = await outputsOf(example, scope(file.startsWith("src/nn/") && !file.includes("/functional/") ? {} : own));
  for (const output of outputs) expect(agrees(output) ? output.wanted : output.printed).toBe(output.wanted);
  expect(outputs).not.toEqual([]);
});
