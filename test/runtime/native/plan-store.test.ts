/** Plans that outlive their process: found by the text of their program, and never a wrong one. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { mkdtempSync, readdirSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setDebug } from "../../../src/base/debug.ts";
import type { Value } from "../../../src/ir/value.ts";
import { kit } from "../../../src/ops/kit.ts";
import { CpuDevice } from "../../../src/runtime/cpu/device.ts";
import { startNativeDevice } from "../../../src/runtime/native/node/machine.ts";
import { JsDevice } from "../../../src/runtime/js/device.ts";
import { dataLeaf, runOnce } from "../compiled-graph.ts";

const folder = mkdtempSync(join(tmpdir(), "twopass-plans-"));
const before = process.env["TWOPASS_CACHE"];
beforeAll(() => {
  process.env["TWOPASS_CACHE"] = folder;
  // Plans are checked as they are made, so with the check on none is stored.
  setDebug(0, { verify: false });
});
afterAll(() => {
  setDebug(0, { verify: true });
  if (before === undefined) delete process.env["TWOPASS_CACHE"];
  else process.env["TWOPASS_CACHE"] = before;
  rmSync(folder, { recursive: true, force: true });
});

const isHere = typeof startNativeDevice() !== "string";

function device(): CpuDevice {
  const made = startNativeDevice();
  if (typeof made === "string") throw new Error(made);
  return made;
}

const plans = (): string[] => readdirSync(folder).filter((name) => name.endsWith(".plan"));

/** A chain of products and folds, with a number in it. */
function program(factor: number): Value[] {
  let x = dataLeaf(
    [6, 6],
    "float32",
    Array.from({ length: 36 }, (_, i) => i / 36),
  );
  for (let i = 0; i < 5; i++) x = kit.tanh(kit.add(kit.matmul(x, x), kit.mul(x, factor)));
  return [kit.sum(x, [0]), x];
}

test.skipIf(!isHere)("a plan is found by another device, with its kernels, and gives the same bits", () => {
  const first = runOnce(device(), program(3));
  expect(plans()).toHaveLength(1);
  const other = device();
  expect(runOnce(other, program(3))).toEqual(first);
  // Nothing was generated or compiled for it.
  expect(other.compiled).toBe(0);
  const reference = runOnce(new JsDevice(), program(3));
  first.forEach((data, i) => data.forEach((x, j) => expect(x).toBeCloseTo(reference[i]?.[j] as number, 5)));
});

test.skipIf(!isHere)("another number, order or shape is another plan", () => {
  const count = plans().length;
  const expected = runOnce(new JsDevice(), program(4));
  runOnce(device(), program(4)).forEach((data, i) =>
    data.forEach((x, j) => expect(x).toBeCloseTo(expected[i]?.[j] as number, 5)),
  );
  expect(plans()).toHaveLength(count + 1);
  const [sum, whole] = program(4) as [Value, Value];
  expect(runOnce(device(), [whole, sum])[0]).toHaveLength(36);
  expect(plans()).toHaveLength(count + 2);
});

test.skipIf(!isHere)("a plan that was cut short is made anew, and one without its kernels compiles them", () => {
  const first = runOnce(device(), program(3));
  for (const name of plans()) truncateSync(join(folder, name), 100);
  expect(runOnce(device(), program(3))).toEqual(first);
  for (const name of readdirSync(folder)) if (name.endsWith(".in")) rmSync(join(folder, name));
  const other = device();
  expect(runOnce(other, program(3))).toEqual(first);
  expect(other.compiled).toBeGreaterThan(0);
});
