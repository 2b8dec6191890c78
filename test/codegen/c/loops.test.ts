/**
 * Loop kernels of random graphs and of training steps in C: equal to the interpreter, for all targets that this machine
 * runs, and equal to the bit however the units are cut. Skipped where there is no C compiler.
 */
import { describe, expect, test } from "vitest";
import { loopSource } from "../../../src/codegen/c/loops/loops.ts";
import { type Kernel, kernelKey } from "../../../src/schedule/kernel.ts";
import type { Wanted } from "../../../src/ir/program.ts";
import type { Value } from "../../../src/ir/value.ts";
import { generate, recipeOf } from "../../runtime/fuzz/generate.ts";
import { cases } from "../../schedule/cases.ts";
import { lenetStep, planOf, transformerStep } from "../../schedule/models.ts";
import { CMemory, compileKernels, runnableTargets } from "./compiler.ts";
import { shapes } from "./shapes.ts";
import { type KernelCase, caseOf, difference, interpretCase, isExact, pieces, runCase, whole } from "./run-kernel.ts";

const seeds = Number(process.env["TWOPASS_FUZZ_COUNT"] ?? 60);

interface Named {
  readonly item: KernelCase;
  readonly from: string;
  readonly code: number;
}

/** Kernels of graphs with data for them, and the number of the code of each. */
class Collection {
  readonly cases: Named[] = [];
  readonly codes: Kernel[] = [];
  readonly #numbers = new Map<string, number>();

  add(from: string, wanted: readonly (Value | Wanted)[]): void {
    const { plan } = planOf(wanted);
    plan.steps.forEach((step, at) => {
      const { kernel } = step;
      if (kernel.kind !== "loop") return;
      const key = kernelKey(kernel);
      let code = this.#numbers.get(key);
      if (code === undefined) {
        code = this.codes.push(kernel) - 1;
        this.#numbers.set(key, code);
      }
      this.cases.push({ item: caseOf(plan, step, at + 1), from: `${from}, kernel ${at}`, code });
    });
  }
}

const targets = runnableTargets();

describe.skipIf(targets.length === 0)("loop kernels in C", () => {
  const collection = new Collection();
  for (let seed = 1; seed <= seeds; seed++) collection.add(`seed ${seed}`, generate(recipeOf(seed)).wanted);
  for (const [name, make] of Object.entries(cases)) collection.add(name, make());
  for (const [name, make] of Object.entries(shapes)) collection.add(name, make());
  collection.add("LeNet", lenetStep(2));
  collection.add("transformer", transformerStep());
  const wanted = [false, true].map((isFused) => {
    const isNeeded = targets.some(({ fma }) => fma === isFused);
    return new Map(isNeeded ? collection.cases.map(({ item }) => [item, interpretCase(item, isFused)]) : []);
  });

  test.each(targets)("$isa", { timeout: 120_000 }, (target) => {
    const text = collection.codes.map((kernel, i) =>
      kernel.kind === "loop" ? loopSource(kernel, `k${i}`, target) : "",
    );
    const functions = compileKernels(text.join(""), text.length, target);
    const memory = new CMemory(64 * 2 ** 20);
    const wrong: string[] = [];
    expect(collection.cases.length).toBeGreaterThan(300);
    for (const { item, from, code } of collection.cases) {
      const run = functions[code] as (typeof functions)[number];
      const all = runCase(item, run, memory, 4096, whole);
      const cut = runCase(item, run, memory, 64, pieces(code + 1));
      const outcome = wanted[Number(target.fma)]?.get(item) as typeof all;
      const problem = difference(all, outcome, isExact(item.kernel));
      if (problem !== "") wrong.push(`${from} (k${code}): ${problem}`);
      const moved = difference(cut, all, true);
      if (moved !== "") wrong.push(`${from} (k${code}), in pieces: ${moved}`);
    }
    expect(wrong.slice(0, 20)).toEqual([]);
  });
});
