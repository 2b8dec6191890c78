import { expect, test } from "vitest";
import { commandHeaderBytes, driverModule, kernelArgument, kernelFunction } from "../../../src/codegen/wasm/driver.ts";
import { assembleModule } from "../../../src/codegen/wasm/module.ts";

test("the driver runs the commands of a buffer in order", () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const words = new Int32Array(memory.buffer);
  const floats = new Float32Array(memory.buffer);

  // word at argument 0 = word at argument 0 * argument 1 + argument 2
  const step = kernelFunction();
  const [target, factor, summand] = [kernelArgument(step, 0), kernelArgument(step, 1), kernelArgument(step, 2)];
  step.get(target).get(target).load("i32.load").get(factor).op("i32.mul").get(summand).op("i32.add").store("i32.store");
  // float at argument 0 = argument 1, and what the kernel was called with behind it
  const put = kernelFunction();
  put
    .get(kernelArgument(put, 0))
    .get(kernelArgument(put, 1, "f32"))
    .store("f32.store");
  const [, from, to, workspace] = put.params;
  for (const [i, param] of [from, to, workspace].entries()) {
    put
      .get(kernelArgument(put, 0))
      .get(param)
      .store("i32.store", 4 + 4 * i);
  }

  const kernels = new WebAssembly.Instance(new WebAssembly.Module(assembleModule({ step, put })), { env: { memory } });
  const table = new WebAssembly.Table({ element: "anyfunc", initial: 4 });
  table.set(1, kernels.exports["step"]);
  table.set(3, kernels.exports["put"]);
  const driver = new WebAssembly.Instance(new WebAssembly.Module(driverModule()), { env: { memory, table } });
  const run = driver.exports["run"] as (begin: number, end: number, workspace: number, pool: number) => void;

  const begin = 1024;
  let end = begin;
  let wave = begin;
  const command = (kernel: number, units: number, args: readonly number[], startsWave = true): void => {
    const bytes = commandHeaderBytes + 4 * args.length;
    if (startsWave) wave = end;
    words.set([kernel, bytes, startsWave ? 5 : 0, 0, units, 1, 0, 0, ...args], end / 4);
    end += bytes;
    words[wave / 4 + 3] = end - wave;
  };
  command(1, 1, [16, 10, 1]);
  command(1, 1, [16, 10, 2], false);
  command(3, 7, [32, 0], false);
  floats[end / 4 - 1] = 0.5;
  const beforeLast = end;
  command(1, 1, [16, 10, 3]);

  run(begin, end, 4096, 0);
  expect(words[4]).toBe(123);
  expect(floats[8]).toBe(0.5);
  // A wave without threads is one call of each kernel for all its units.
  expect([...words.subarray(9, 12)]).toEqual([0, 7, 4096]);
  run(beforeLast, end, 4096, 0);
  expect(words[4]).toBe(1233);
  run(end, end, 4096, 0);
  expect(words[4]).toBe(1233);
});
