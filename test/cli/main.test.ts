import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { TwopassError } from "../../src/base/errors.ts";
import { digitModels } from "../../src/cli/digit-models.ts";
import { run } from "../../src/cli/run.ts";
import { loadFile } from "../../src/io/node.ts";
import { tensor } from "../../src/tensor/creation.ts";
import { writeRows } from "./idx-files.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "twopass-cli-"));
const file = (name: string): string => join(folder, name);

beforeAll(() => {
  writeRows(file("good"), 600, 200);
  writeRows(file("truncated"), 20, 20);
  truncateSync(join(file("truncated"), "train-images-idx3-ubyte"), 1000);
  writeRows(file("magic"), 20, 20);
  writeFileSync(join(file("magic"), "t10k-labels-idx1-ubyte"), "PNG image");
  writeRows(file("empty"), 0, 20);
  writeRows(file("swapped"), 20, 20);
  const labels = readFileSync(join(file("swapped"), "train-labels-idx1-ubyte"));
  writeFileSync(join(file("swapped"), "train-images-idx3-ubyte"), labels);
  mkdirSync(file("none"));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function twopass(...args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, ["--import", "tsx", "src/cli/main.ts", ...args], { cwd: root });
  const texts = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    texts.out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    texts.err += text;
  });
  return new Promise((done, fail) => child.on("close", (code) => done({ code, ...texts })).on("error", fail));
}

/** `DIR` in an argument stands for the folder of this test. */
const mistakes = [
  ["tran digits", 'twopass: unknown command "tran digits" (did you mean "train digits"?)'],
  ["train", 'twopass: unknown command "train" (did you mean "train digits"?)'],
  ["train birds", 'twopass: unknown command "train birds" (did you mean "train digits"?)'],
  ["frobnicate --json", 'twopass: unknown command "frobnicate" (--help lists what there is)'],
  ["train digits --epoch 3", "twopass train digits: unknown option --epoch (did you mean --epochs?)"],
  ["train digits --epochs many", 'twopass train digits: --epochs cannot be "many" (it takes a whole number from 1)'],
  ["train digits --device gpu", 'twopass train digits: --device cannot be "gpu" (it takes js or wasm)'],
  ["train digits --out DIR/a/b", "twopass train digits: --out: there is no folder DIR/a (create it first)"],
  ["train digits --out DIR", "twopass train digits: --out: DIR is a folder (give the name of a file)"],
  ["train digits --data DIR/none", 'readFileBytes: cannot read the file: "DIR/none/'],
  ["train digits --data DIR/truncated", 'decodeIdx: too few elements: "DIR/truncated/train-images-idx3-ubyte"'],
  ["train digits --data DIR/magic", 'decodeIdx: not an IDX file: "DIR/magic/t10k-labels-idx1-ubyte"'],
  ["train digits --data DIR/swapped", "mnist: images and labels do not belong together"],
  ["train digits --data DIR/empty", "mnist: the data set is empty: labels [0]"],
] as const;

test.for(mistakes)("%s", async ([line, message]) => {
  const error: unknown = await run(line.replaceAll("DIR", folder).split(" ")).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(TwopassError);
  expect((error as TwopassError).message).toContain(message.replaceAll("DIR", folder));
  expect((error as TwopassError).message).not.toContain("\n");
});

test.for([
  ["train digits --epoch 3", "twopass train digits: unknown option --epoch (did you mean --epochs?)\n"],
  ["train digits --data nowhere", /^readFileBytes: cannot read the file: .*ENOENT.*\n$/],
] as const)("a mistake is one line, and the exit code is 2: %s", { timeout: 60_000 }, async ([line, message]) => {
  const { code, out, err } = await twopass(...line.split(" "));
  expect(err).toMatch(message);
  expect(err.trimEnd()).not.toContain("\n");
  expect([code, out]).toEqual([2, ""]);
});

async function printed(...args: string[]): Promise<string> {
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  await run(args);
  const text = write.mock.calls.map(([part]) => String(part)).join("");
  write.mockRestore();
  return text;
}

test("help and version", async () => {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  expect(await printed("--version")).toBe(`${version}\n`);
  expect(await printed()).toContain("twopass train digits");
  expect(await printed("--help")).toBe(await printed());
  const help = await printed("train", "digits", "--help");
  for (const option of ["--epochs N", "--lr X", "--model cnn|mlp", "--json"]) expect(help).toContain(option);
});

test.for(["cnn", "mlp"] as const)("trains, reports and saves: %s", { timeout: 120_000 }, async (model) => {
  const out = file(`${model}.safetensors`);
  const line = `train digits --json --epochs 6 --batch-size 50 --model ${model} --data ${file("good")} --out ${out}`;
  const ended = await twopass(...line.split(" "));
  expect([ended.code, ended.err]).toEqual([0, ""]);
  const lines = ended.out.trimEnd().split("\n");
  const result = JSON.parse(lines.at(-1) ?? "") as Record<string, unknown>;
  expect(Object.keys(result).join()).toBe("task,test_accuracy,epochs,seconds,device,threads,ms_per_step");
  expect(result).toMatchObject({ task: "digits", epochs: 6, device: "wasm", threads: 1 });
  expect(result["test_accuracy"]).toBeGreaterThan(0.95);
  expect(ended.out).toMatch(/epoch +loss +train +images\/s +forward +backward +update\n/);
  expect(ended.out).toMatch(/ 6\/6 +\d\.\d{4} +\d+\.\d\d% +[\d,]+ +\d+\.\d\d s +\d+\.\d\d s +\d+\.\d\d s\n/);
  expect(ended.out).toContain(`model saved in ${out}`);

  // What was saved recognises the digits too: row 6 is bright in a 3.
  const trained = digitModels[model].make();
  trained.loadStateDict(await loadFile(out));
  const pixels = new Uint8Array(784).fill(255, 6 * 28, 7 * 28);
  const scores = trained.forward(tensor(pixels, { shape: [1, 1, 28, 28] }));
  expect(await scores.argmax().item()).toBe(3);
});
