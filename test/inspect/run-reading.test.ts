/** Runs as data: from texts, also bad ones; at a step; side by side. */
import { expect, test } from "vitest";
import {
  MemoryRun,
  type Run,
  type RunRecord,
  compareRuns,
  parseRun,
  runAt,
  runTraceFile,
  watch,
} from "../../src/inspect/index.ts";
import { jsonText } from "../../src/inspect/schema.ts";
import * as nn from "../../src/nn/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { manualSeed, randn } from "../../src/tensor/random.ts";
import { Trainer } from "../../src/train/index.ts";

async function recorded(
  setup: { readonly lr?: number; readonly bend?: number; readonly every?: number } = {},
): Promise<Run> {
  manualSeed(1);
  const head = new nn.Linear(4, 1);
  const model = new nn.Sequential(new nn.Linear(3, 4), new nn.ReLU(), head);
  const optimizer = new SGD(model.parameters(), { lr: setup.lr ?? 0.1 });
  const trainer = new Trainer({ model, optimizer, loss: new nn.MSELoss() });
  const memory = new MemoryRun();
  watch(trainer, { sink: memory, every: setup.every ?? 1, activations: "1", traceEvery: 4 });
  const batches = [1, 2, 3, 4].map(() => [randn(5, 3), randn(5, 1)] as const);
  if (setup.bend !== undefined) {
    trainer.add({ onBatchEnd: () => void (trainer.step === setup.bend && head.bias?.add_(1e-6)) });
  }
  await trainer.fit(batches, { epochs: 2 });
  return memory.run;
}

/** The files that a run is written as. */
function filesOf({ info, records, scalars }: Run): Record<string, string> {
  const names = Object.keys(scalars);
  const steps = new Set(Object.values(scalars).flatMap((curve) => curve.map(([step]) => step)));
  const rows = [...steps]
    .sort((a, b) => a - b)
    .map((step) => {
      const fields = names.map((name) => scalars[name]?.find(([at]) => at === step)?.[1] ?? "");
      return [step, ...fields].join(",");
    });
  return {
    "run.json": JSON.stringify(info),
    "records.jsonl": records.map((record) => `${jsonText(record)}\n`).join(""),
    "scalars.csv": [["step", ...names].join(","), ...rows, ""].join("\r\n"),
    "traces/step-000004.json": "",
    "traces/step-000001.json": "",
    "traces/notes.txt": "",
  };
}

test("a run from its texts", async () => {
  const run = await recorded();
  const files = filesOf(run);
  expect(parseRun(files)).toEqual({ ...run, traces: [1, 4] });
  // Where files are missing there is nothing.
  expect(parseRun({ "run.json": files["run.json"] as string })).toEqual({
    info: run.info,
    scalars: {},
    records: [],
    traces: [],
    problems: [],
  });
  expect(runTraceFile(4)).toBe("traces/step-000004.json");
  expect(runTraceFile(12_345_678)).toBe("traces/step-12345678.json");
});

test("numbers that are not finite, and names with commas and quotes", async () => {
  const run = await recorded();
  const [first] = run.records as [RunRecord];
  const odd = { ...first, loss: Number.NaN, lr: Number.NEGATIVE_INFINITY, gradient: -0 };
  const files = {
    ...filesOf(run),
    "records.jsonl": `${jsonText(odd)}\n`,
    "scalars.csv": 'step,"a, ""b""",c\r\n1,NaN,-Infinity\r\n2,,1e-7\r\n',
  };
  const { records, scalars, problems } = parseRun(files);
  expect(records).toEqual([odd]);
  expect(scalars).toEqual({
    'a, "b"': [[1, Number.NaN]],
    c: [
      [1, Number.NEGATIVE_INFINITY],
      [2, 1e-7],
    ],
  });
  expect(problems).toEqual([]);
});

test("lines that are damaged are told, one that is not whole is left out", async () => {
  const run = await recorded();
  const files = filesOf(run);
  const lines = (files["records.jsonl"] as string).split("\n");
  lines[1] = (lines[1] as string).slice(0, 50);
  lines[2] = '{"step":3}';
  const rows = (files["scalars.csv"] as string).split("\r\n");
  rows[2] = "2,0.1";
  rows[3] = (rows[3] as string).replace(/,[^,]*/, ",x");
  const { records, scalars, problems } = parseRun({
    ...files,
    "records.jsonl": `${lines.join("\n")}{"step":9,"ep`,
    "scalars.csv": `${rows.join("\r\n")}9,0.`,
  });
  expect(records.map(({ step }) => step)).toEqual([1, 4, 5, 6, 7, 8]);
  expect(scalars["lr"]?.map(([step]) => step)).toEqual([1, 4, 5, 6, 7, 8]);
  expect(problems).toEqual([
    "records.jsonl, line 2, is damaged",
    "records.jsonl, line 3, is damaged",
    "scalars.csv, line 3, is damaged",
    "scalars.csv, line 4, is damaged",
  ]);
  expect(parseRun({ ...files, "scalars.csv": "name,loss\r\n1,2\r\n" })).toMatchObject({
    scalars: {},
    problems: ["scalars.csv is damaged"],
  });
});

test("steps that come again take the place of those before", async () => {
  const run = await recorded();
  const files = filesOf(run);
  const lines = (files["records.jsonl"] as string).split(/(?<=\n)/);
  const again = parseRun({
    ...files,
    "records.jsonl": [...lines.slice(0, 5), ...lines.slice(2, 4)].join(""),
    "scalars.csv": "step,a\r\n1,1\r\n2,2\r\n3,3\r\n2,4\r\n",
  });
  expect(again.records.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
  expect(again.scalars["a"]).toEqual([
    [1, 1],
    [2, 4],
  ]);
});

test("what is no run is named", async () => {
  const files = filesOf(await recorded());
  const withInfo = (text: string): (() => Run) => {
    return () => parseRun({ ...files, "run.json": text });
  };
  expect(() => parseRun({})).toThrow("parseRun: this is no run: there is no run.json");
  expect(withInfo("{")).toThrow("parseRun: this is no run: run.json is no JSON");
  expect(withInfo("null")).toThrow("the format in run.json is undefined");
  expect(withInfo('{"format":"other"}')).toThrow('the format in run.json is "other"');
  expect(withInfo('{"format":"twopass-run","version":2}')).toThrow(
    "parseRun: the run is of another version: version 2, and this reads 1",
  );
  expect(withInfo('{"format":"twopass-run","version":1}')).toThrow(/parseRun: this is no run: date in run\.json: /);
});

test("what a run was at a step", async () => {
  const run = await recorded({ every: 3 });
  expect(run.records.map(({ step }) => step)).toEqual([1, 3, 6]);
  expect(runAt(run, 0)).toEqual({ scalars: {} });
  const at = runAt(run, 5);
  expect(at.record).toBe(run.records[1]);
  expect(at.trace).toBe(4);
  expect(at.scalars).toMatchObject({ epoch: 1, "batch/loss": run.records[1]?.loss });
  expect(runAt(run, 100).scalars["epoch"]).toBe(2);
  expect(runAt(run, 100).trace).toBe(8);
});

test("two runs of one seed are equal, and one that is bent differs from there on", async () => {
  const [a, b] = [await recorded(), await recorded()];
  const same = compareRuns(a, b);
  expect(same.first).toBeUndefined();
  expect(same.gradients.map(({ difference }) => difference)).toEqual([0, 0, 0, 0]);
  expect(same.scalars["batch/loss"]?.map(([step, x, y]) => [step, x === y])).toEqual(
    [1, 2, 3, 4, 5, 6, 7, 8].map((step) => [step, true]),
  );

  const bent = compareRuns(a, await recorded({ bend: 3 }));
  // The fourth step is the first one that begins with another bias.
  expect(bent.first).toMatchObject({ step: 4, name: "batch/loss" });
  expect(bent.gradients[0]?.difference).toBeGreaterThan(0);
  expect(bent.gradients[0]?.step).toBeGreaterThan(3);
  const order = bent.gradients.map(({ difference }) => difference);
  expect(order).toEqual([...order].sort((x, y) => y - x));

  const faster = compareRuns(a, await recorded({ lr: 0.2, every: 2 }));
  expect(faster.first).toEqual({ step: 1, name: "lr", a: 0.1, b: 0.2 });
  expect(faster.scalars["batch/loss"]?.[2]).toEqual([3, a.scalars["batch/loss"]?.[2]?.[1], undefined]);
  for (const { path, step, a: x, b: y, difference } of faster.gradients) {
    const norms = [a, await recorded({ lr: 0.2, every: 2 })].map(
      (run) => run.records.find((record) => record.step === step)?.parameters[path]?.gradient?.norm,
    );
    expect(norms).toEqual([x, y]);
    expect(difference).toBeCloseTo(Math.abs(x - y) / Math.max(x, y), 12);
  }
});
