import { expect, test } from "vitest";
import { readTrace, trace, traceText } from "../../src/inspect/index.ts";
import * as nn from "../../src/nn/index.ts";
import { Adam } from "../../src/optim/index.ts";
import { TwopassError } from "../../src/base/errors.ts";
import { xorBatch } from "./models.ts";

async function text(): Promise<string> {
  const model = new nn.Sequential(new nn.Linear(2, 3), new nn.Tanh(), new nn.Linear(3, 1));
  const optimizer = new Adam(model.parameters());
  return traceText(await trace(model, new nn.MSELoss(), xorBatch(), { optimizer }));
}

test("a text that is cut short anywhere is told so", async () => {
  const whole = await text();
  for (let end = 0; end < whole.length; end += Math.max(1, Math.floor(whole.length / 300))) {
    expect(() => readTrace(whole.slice(0, end))).toThrow(TwopassError);
  }
  expect(() => readTrace(whole.slice(0, -1))).toThrow("the trace is cut short or damaged");
  expect(() => readTrace(whole.slice(0, 10))).toThrow("this is no trace");
});

test("other files and other versions are told", async () => {
  const whole = await text();
  expect(() => readTrace("{}")).toThrow("readTrace: this is no trace: its format is undefined");
  expect(() => readTrace("null")).toThrow("this is no trace");
  expect(() => readTrace("hello")).toThrow("it is not JSON");
  expect(() => readTrace(whole.replace('"version":1', '"version":2'))).toThrow("version 2, and this reads 1");
});

test("a damaged trace names what is wrong", async () => {
  const whole = await text();
  const change = (edit: (data: never) => void): string => {
    const data = JSON.parse(whole) as never;
    edit(data);
    return JSON.stringify(data);
  };
  type Data = {
    operations: { inputs: number[]; phase: string; shape: unknown }[];
    loss: number;
    parameters: unknown[];
  };
  const cases: [(data: Data) => void, RegExp][] = [
    [
      (data) => void (data.operations[3] = { ...data.operations[3], phase: "sideways" } as never),
      /operations\.3\.phase/,
    ],
    [(data) => void (data.loss = 1e6), /loss names operation 1000000/],
    [(data) => void data.operations.at(-1)?.inputs.push(1e6), /names operation 1000000/],
    [(data) => void data.operations[1]?.inputs.push(1), /operations\.1\.inputs names operation 1/],
    [(data) => void ((data.operations[2] as { shape: unknown }).shape = [-1]), /operations\.2\.shape\.0/],
    [(data) => void (data.parameters[0] = 7), /parameters\.0/],
  ];
  for (const [edit, message] of cases) expect(() => readTrace(change(edit as (data: never) => void))).toThrow(message);
});
