/** Kernels of the native device: shared, dropped when too many are idle, found again in the cache. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isnan } from "../../../src/ops/composite/elementwise.ts";
import { kit } from "../../../src/ops/kit.ts";
import { NativeKernels } from "../../../src/runtime/native/node/kernels.ts";
import { startNative } from "../../../src/runtime/native/node/library.ts";
import type { Kernel } from "../../../src/schedule/kernel.ts";
import { lower } from "../../../src/schedule/lower.ts";
import { dataLeaf } from "../compiled-graph.ts";

const folder = mkdtempSync(join(tmpdir(), "twopass-kernels-"));
const before = process.env["TWOPASS_CACHE"];
beforeAll(() => void (process.env["TWOPASS_CACHE"] = folder));
afterAll(() => {
  if (before === undefined) delete process.env["TWOPASS_CACHE"];
  else process.env["TWOPASS_CACHE"] = before;
  rmSync(folder, { recursive: true, force: true });
});

const started = startNative();
const isHere = "library" in started;

function kernels(mostIdle: number): NativeKernels {
  const again = startNative();
  if ("reason" in again) throw new Error(again.reason);
  return new NativeKernels(again.library, mostIdle);
}

/** One of eight kernels of unlike code. */
function kernel(bits: number): Kernel {
  let y = dataLeaf([40], "float32", []);
  const x = y;
  for (let bit = 0; bit < 3; bit++) y = (bits >> bit) & 1 ? kit.neg(kit.relu(y)) : kit.abs(y);
  return lower({ space: [40], reduced: [], members: [y] }, { isBuffer: (v) => v === x, stored: () => true }).kernel;
}

test.skipIf(!isHere)("idle kernels are dropped beyond a number, used ones never, and come back", () => {
  const held = kernels(3);
  const first = held.acquire([kernel(0)]);
  const rest = held.acquire([1, 2, 3, 4].map(kernel));
  expect(held.compiled).toBe(5);
  held.release(rest.keys);
  // The one in use stays where it is.
  expect(held.acquire([kernel(0)]).functions).toEqual(first.functions);
  const again = held.acquire([1, 2, 3, 4].map(kernel));
  expect(again.functions.every((address) => address > 0)).toBe(true);
  expect(held.compiled).toBeGreaterThan(5);
  expect(held.compiled).toBeLessThan(9);
});

test.skipIf(!isHere)("kernels compiled together are found one by one by other programs", () => {
  const here = kernels(100).acquire([5, 6, 7].map(kernel));
  const other = kernels(100);
  // With others beside it, so that no file of the cache holds just these.
  const there = other.acquire([kernel(6)]);
  expect(there.functions).toEqual([here.functions[1]]);
});

test.skipIf(!isHere)("kernels that differ in a buffer which nothing reads share one function", () => {
  const noNaN = (["int32", "uint8", "bool"] as const).map((dtype) => {
    const x = dataLeaf([], dtype, []);
    const y = isnan(kit, x);
    return lower({ space: [], reduced: [], members: [y] }, { isBuffer: (v) => v === x, stored: () => true }).kernel;
  });
  const held = kernels(1);
  const first = held.acquire(noNaN);
  expect(held.compiled).toBe(1);
  expect(new Set(first.keys).size).toBe(3);
  expect(new Set(first.functions).size).toBe(1);
  // The file is closed with the last of them only.
  held.release(first.keys.slice(0, 2));
  expect(held.acquire(noNaN.slice(2)).functions).toEqual(first.functions.slice(2));
});
