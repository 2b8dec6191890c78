/**
 * Random graphs on all devices: fused equals unfused to the bit, both are near the reference, and the graphs and plans
 * pass their checks. TWOPASS_FUZZ_SEED and TWOPASS_FUZZ_COUNT choose which; a failure prints its seed and the smallest
 * graph that still fails.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { debug, setDebug } from "../../src/base/debug.ts";
import { loopKernel } from "../../src/codegen/wasm/loops/loops.ts";
import { assembleModule } from "../../src/codegen/wasm/module.ts";
import { kernelKey } from "../../src/schedule/kernel.ts";
import { planOf } from "../schedule/models.ts";
import { check, failure, report } from "./fuzz/check.ts";
import { generate, recipeOf } from "./fuzz/generate.ts";

const first = Number(process.env["TWOPASS_FUZZ_SEED"] ?? 1);
const count = Number(process.env["TWOPASS_FUZZ_COUNT"] ?? 300);

beforeAll(() => setDebug(debug.level, { verify: true }));
afterAll(() => setDebug(debug.level, { verify: false }));

test(
  `${count} random graphs from seed ${first}`,
  () => {
    let found = "";
    for (let seed = first; seed < first + count && found === ""; seed++) {
      const recipe = recipeOf(seed);
      if (failure(recipe) !== "") found = report(recipe);
    }
    expect(found).toBe("");
  },
  120_000 + 1000 * count,
);

test("kernels with equal keys have equal code", () => {
  const known = new Map<string, string>();
  let shared = 0;
  for (let seed = first; seed < first + 40; seed++) {
    for (const { kernel } of planOf(generate(recipeOf(seed)).wanted).plan.steps) {
      if (kernel.kind !== "loop") continue;
      const key = kernelKey(kernel);
      const code = assembleModule({ kernel: loopKernel(kernel, new Map()) }).join();
      expect(known.get(key) ?? code).toBe(code);
      if (known.has(key)) shared++;
      known.set(key, code);
    }
  }
  expect(shared).toBeGreaterThan(10);
});

test("a seed gives the same graph each time", () => {
  const [a, b] = [generate(recipeOf(7)), generate(recipeOf(7))];
  expect(a.wanted.length).toBe(b.wanted.length);
  expect(check(a)).toBe("");
  expect(a.wanted.map(({ value }) => [value.op.name, ...value.shape])).toEqual(
    b.wanted.map(({ value }) => [value.op.name, ...value.shape]),
  );
});
