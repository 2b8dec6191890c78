/** The command line as a process, its mistakes, and its help. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { languageOf, languages, localeOf } from "../../src/cli/texts.ts";
import { zeros } from "../../src/tensor/creation.ts";
import { saveFile } from "../../src/io/node.ts";
import { writeRows } from "./idx-files.ts";
import { cli, cliIn, housesCsv, lastJson, mistakeOf } from "./support.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "twopass-cli-"));
const file = (name: string): string => join(folder, name);

beforeAll(async () => {
  writeRows(file("good"), 100, 50);
  writeRows(file("truncated"), 20, 20);
  truncateSync(join(file("truncated"), "train-images-idx3-ubyte"), 1000);
  writeRows(file("magic"), 20, 20);
  writeFileSync(join(file("magic"), "t10k-labels-idx1-ubyte"), "PNG image");
  writeRows(file("empty"), 0, 20);
  writeRows(file("swapped"), 20, 20);
  const labels = readFileSync(join(file("swapped"), "train-labels-idx1-ubyte"));
  writeFileSync(join(file("swapped"), "train-images-idx3-ubyte"), labels);
  mkdirSync(file("none"));
  mkdirSync(join(file("one"), "cats"), { recursive: true });
  writeFileSync(join(file("one"), "cats", "a.png"), "");
  writeFileSync(file("houses.csv"), housesCsv(40));
  writeFileSync(file("one-class.csv"), `size,kind\n${"3,a\n".repeat(20)}`);
  writeFileSync(file("two-rows.csv"), "size,price\n3,1\n");
  writeFileSync(file("hole.csv"), `sold\n${"3\n".repeat(20)}NA\n${"4\n".repeat(20)}`);
  writeFileSync(file("short.csv"), "sold\n1\n2\n3\n");
  writeFileSync(file("empty.txt"), "");
  writeFileSync(file("short.txt"), "Call me Ishmael.");
  writeFileSync(file("broken.safetensors"), "not a model");
  await saveFile({ weight: zeros(2) }, file("other.safetensors"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** `TMP` stands for the folder of this test. */
const mistakes = [
  ["tran digits", 'twopass: unknown command "tran" (did you mean "train"?'],
  ["frobnicate --json", 'twopass: unknown command "frobnicate" (--help lists what there is)'],
  ["--lang fr", 'twopass: --lang cannot be "fr" (it takes en or zh)'],
  ["train", "twopass train: what shall be trained? (there are digits, fashion,"],
  ["train birds", 'twopass train: unknown task "birds" (there are digits, fashion,'],
  ["train digit", 'twopass train: unknown task "digit" (did you mean "digits"?'],
  ["train digits --epoch 3", "twopass train digits: unknown option --epoch (did you mean --epochs?)"],
  ["train digits --epochs many", 'twopass train digits: --epochs cannot be "many" (it takes a whole number from 1)'],
  ["train digits --device gpu", 'twopass train digits: --device cannot be "gpu" (it takes native or wasm or js)'],
  ["train digits --model cn", 'no model "cn" for this task (did you mean "cnn"? there are cnn, mlp)'],
  ["train digits fashion", 'twopass train digits: unexpected argument "fashion"'],
  ["train digits --out TMP/a/b", "twopass train digits: --out: there is no folder TMP/a (create it first)"],
  ["train digits --out TMP", "twopass train digits: --out: TMP is a folder (give the name of a file)"],
  ["train digits --out TMP/a.pt", "twopass train digits: --out: TMP/a.pt does not end in .safetensors"],
  ["train digits --data TMP/none", 'readFileBytes: cannot read the file: "TMP/none/'],
  ["train digits --data TMP/truncated", 'decodeIdx: too few elements: "TMP/truncated/train-images-idx3-ubyte"'],
  ["train digits --data TMP/magic", 'decodeIdx: not an IDX file: "TMP/magic/t10k-labels-idx1-ubyte"'],
  ["train digits --data TMP/swapped", "mnist: images and labels do not belong together"],
  ["train digits --data TMP/empty", "mnist: the data set is empty: labels [0]"],
  ["train digits --data TMP/good --checkpoint TMP/houses.csv", "--checkpoint: TMP/houses.csv cannot be used"],
  ["train digits --data TMP/good --log TMP/houses.csv", "TensorBoardLogger: cannot open the file"],
  ["train digits --checkpoint-every 5", "--checkpoint-every without a folder (--checkpoint DIR)"],
  ["train digits --resume TMP/none", "--resume: TMP/none holds no run (a run is begun with --checkpoint DIR)"],
  ["train digits --resume TMP/none --checkpoint TMP/a", "both --resume and --checkpoint"],
  ["train digits --config TMP/a.json", "both a task and --config"],
  ["train digits --target price", "--target does not fit this task"],
  ["train regression --target price", "--target is for data of your own (give it with --data FILE)"],
  ["train regression --data TMP/houses.csv", "--data needs --target (the name of a column)"],
  ["train regression --data TMP/houses.csv --target prise", 'no column "prise" (did you mean "price"?)'],
  ["train regression --data TMP/two-rows.csv --target price", "too few examples to hold some out: 1, a share of 0.2"],
  ["train table --data TMP/one-class.csv --target kind", 'the target "kind" has one class only'],
  ["train series --data TMP/hole.csv --column sold", 'a number is missing: "TMP/hole.csv", column "sold", row 21'],
  ["train series --data TMP/short.csv --column sold", "series: the series is too short: 3 rows, the model reads 28"],
  ["train series --data TMP/houses.csv --column town", 'column "town" holds no numbers'],
  ["train text --data TMP/empty.txt", 'text: the text is empty: "TMP/empty.txt"'],
  ["train text --data TMP/short.txt", "text: the text is too short: the part to train with has 15 tokens"],
  ["train text --data TMP/good", 'readFileBytes: not a file: "TMP/good"'],
  ["eval --model TMP/nothing.safetensors", "openSafetensors: cannot read the file"],
  ["eval --model TMP/broken.safetensors", "openSafetensors: cannot open the file"],
  ["eval --model TMP/other.safetensors", '"TMP/other.safetensors" has no model of twopass train'],
  ["summary digit", "openSafetensors: cannot read the file"],
  ["train digits --watch-every 5", "--watch-every without a folder (--watch DIR)"],
  ["train digits --watch-traces 0", "--watch-traces without a folder (--watch DIR)"],
  ["train digits --watch TMP/a --checkpoint TMP/b/../a", "--watch and the checkpoints have one folder (give each its"],
  ["train digits --data TMP/good --watch TMP/houses.csv", "RunFolder: cannot open the folder"],
  ["inspect TMP/houses.csv", 'serveRuns: this is a file, not a folder: "TMP/houses.csv"'],
  ["inspect --port many", 'twopass inspect: --port cannot be "many" (it takes a whole number from 0)'],
  ["inspect --port 70000", "serveRuns: port must be a whole number from 0 to 65535: got 70000"],
  ["inspect a b", 'twopass inspect: unexpected argument "b"'],
  ["devices now", 'twopass devices: unexpected argument "now"'],
] as const;

test.for(mistakes)("%s", async ([line, message]) => {
  const found = await mistakeOf(line.replaceAll("TMP", folder));
  expect(found).toContain(message.replaceAll("TMP", folder));
  expect(found).not.toContain("\n");
});

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a process; `onOut` sees what it has printed so far and may send it a signal. */
function twopass(args: readonly string[], onOut?: (out: string, kill: () => void) => void): Promise<Ended> {
  const child = spawn(process.execPath, ["--import", "tsx", "src/cli/main.ts", ...args], {
    cwd: root,
    env: { ...process.env, LC_ALL: "C" },
  });
  const texts = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    texts.out += text;
    onOut?.(texts.out, () => child.kill("SIGINT"));
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    texts.err += text;
  });
  return new Promise((done, fail) => child.on("close", (code) => done({ code, ...texts })).on("error", fail));
}

test("a mistake is one line, and the exit code is 2", { timeout: 60_000 }, async () => {
  const { code, out, err } = await twopass(["train", "digits", "--epoch", "3"]);
  expect(err).toBe("twopass train digits: unknown option --epoch (did you mean --epochs?)\n");
  expect([code, out]).toEqual([2, ""]);
});

test("Ctrl-C ends after the step, and the run goes on", { timeout: 120_000 }, async () => {
  const [run, out] = [file("run"), file("interrupted.safetensors")];
  const line = `train digits --epochs 500 --batch-size 50 --model mlp --data ${file("good")} --out ${out} --checkpoint ${run}`;
  let isSent = false;
  const ended = await twopass(line.split(" "), (printed, kill) => {
    if (isSent || !printed.includes("epoch 2/")) return;
    isSent = true;
    kill();
  });
  expect(ended.code).toBe(130);
  expect(ended.err).toContain("ending after this step");
  expect(ended.out).toMatch(/interrupted in epoch \d+, after step \d+; no model was saved\n/);
  expect(ended.out).toContain(`go on with: twopass train --resume ${run} --out ${out}\n`);
  expect(await mistakeOf(line)).toContain(`--checkpoint: ${run} holds a run (go on with it: --resume ${run})`);
  expect(await mistakeOf(`train --resume ${run} --epochs 5`)).toContain(
    `--resume: the run in ${run} has the epochs 500, not 5`,
  );
  const others = [
    ["train fashion", `--resume: the run in ${run} is of the task digits`],
    ["train digits --model cnn", `the run in ${run} has the model mlp, not cnn`],
    ["train digits --lr 0.5", `the run in ${run} has the lr 0.002, not 0.5`],
    ["train --device js", `the run in ${run} has the device wasm, not js`],
    [`train digits --data ${file("empty")}`, `the run in ${run} has the path ${file("good")}, not ${file("empty")}`],
  ] as const;
  for (const [other, message] of others) expect(await mistakeOf(`${other} --resume ${run}`)).toContain(message);
});

test("trains as a process: plain lines, and the fields of --json", { timeout: 120_000 }, async () => {
  const out = file("cnn.safetensors");
  const line = `train digits --json --epochs 2 --batch-size 50 --data ${file("good")} --out ${out}`;
  const ended = await twopass(line.split(" "));
  expect([ended.code, ended.err]).toEqual([0, ""]);
  expect(ended.out).toMatch(
    /^cnn with 20,522 parameters, 100 examples to train, 50 to test, 2 epochs in batches of 50, device wasm, seed 1\n/,
  );
  expect(ended.out).toMatch(/\nepoch 2\/2 {2}2 batches {2}loss \d/);
  expect(ended.out).toMatch(/\ntest accuracy \d+\.\d\d%, loss [\d.]+ after [\d.]+ s\n/);
  const times =
    /\nforward passes ([\d.]+) s, backward passes ([\d.]+) s, updates ([\d.]+) s; the rest ([\d.]+) s: /.exec(
      ended.out,
    );
  const [total] = /[\d.]+(?= s\n)/.exec(ended.out) ?? [];
  // Each is rounded.
  expect(Math.abs((times ?? []).slice(1).reduce((sum, time) => sum + Number(time), 0) - Number(total))).toBeLessThan(
    0.08,
  );
  expect(ended.out).toContain(`\nmodel saved in ${out}\n`);
  const result = lastJson(ended.out);
  expect(Object.keys(result).join()).toBe(
    "task,test_accuracy,epochs,seconds,device,threads,ms_per_step,test_loss,steps,seed,model,out",
  );
  expect(result).toMatchObject({
    task: "digits",
    epochs: 2,
    device: "wasm",
    threads: Math.min(availableParallelism(), 8),
    steps: 4,
    seed: 1,
    model: "cnn",
    out,
  });
  for (const name of ["test_accuracy", "seconds", "ms_per_step", "test_loss"]) expect(result[name]).toBeGreaterThan(0);
});

test("help and version", async () => {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  expect(await cli("--version")).toBe(`${version}\n`);
  const help = await cli("--help");
  for (const command of ["train", "eval", "predict", "summary", "devices", "inspect"]) {
    expect(help).toContain(`\n  ${command} `);
    expect(await cli(`${command} --help`)).toMatch(new RegExp(`^usage: twopass ${command}`));
  }
  const digits = await cli("train digits --help");
  for (const option of ["--epochs N", "--lr X", "--model cnn|mlp", "--json"]) expect(digits).toContain(option);
  expect(digits).not.toContain("--column");
  expect(await cli("train series --help")).toContain("--column COLUMN");
});

test("the language is that of the locale, or of --lang", async () => {
  const environments = [
    [{ LC_ALL: "zh_CN.UTF-8", LANG: "en_US.UTF-8" }, "zh"],
    [{ LC_ALL: "", LC_MESSAGES: "zh_TW", LANG: "en" }, "zh"],
    [{ LANG: "zh-Hans" }, "zh"],
    [{ LANG: "C" }, "en"],
    [{ LANG: "zhx" }, "en"],
  ] as const;
  for (const [environment, language] of environments) expect(languageOf(localeOf(environment))).toBe(language);
  expect(localeOf({})).toBe(new Intl.DateTimeFormat().resolvedOptions().locale);
  expect(await cliIn("zh_CN.UTF-8", "--help")).toMatch(/^用法/);
  expect(await cliIn("zh_CN.UTF-8", "train --help")).toContain("手写数字");
  expect(await cliIn("zh_CN.UTF-8", "train --help --lang en")).toMatch(/^usage/);
  expect(await cli("--lang=zh devices --help")).toContain("显示可用的计算设备");
});

/** Every text of a language by its place; functions with example numbers. */
function allTexts(part: unknown, place: string): [string, string][] {
  if (typeof part === "string") return [[place, part]];
  if (typeof part === "function") {
    const plan = {
      model: "m",
      parameters: "1",
      training: "2",
      test: "3",
      batchSize: 4,
      epochs: 5,
      device: "d",
      seed: 6,
    };
    const text: unknown = (part as (...args: unknown[]) => unknown)(place.endsWith("plan") ? plan : 7, 8, 9);
    return [[place, String(text)]];
  }
  return Object.entries(part as object).flatMap(([key, value]) => allTexts(value, `${place}.${key}`));
}

test("no text is missing in a language, and Chinese ones are Chinese", () => {
  const [en, zh] = [allTexts(languages.en, ""), allTexts(languages.zh, "")];
  expect(zh.map(([place]) => place)).toEqual(en.map(([place]) => place));
  expect(en.length).toBeGreaterThan(80);
  expect(en.filter(([, text]) => !/^[\x20-\x7e²]+$/.test(text))).toEqual([]);
  const foreign = zh.filter(([, text]) => !/[\u4e00-\u9fff]/.test(text)).map(([place]) => place);
  expect(foreign).toEqual([".headings.json", ".help.json.summary", ".metrics.r2"]);
});

test("devices", async () => {
  expect(await cli("devices")).toMatch(/\njs:\n {2}the reference/);
  expect(await cliIn("zh_CN", "devices")).toContain("wasm (默认):");
  const { devices } = lastJson(await cli("devices --json")) as {
    devices: Record<string, { default: boolean; report: string }>;
  };
  expect(devices["wasm"]?.default).toBe(true);
  expect(devices["wasm"]?.report).toContain("SIMD");
});
