/** Scratch of loop kernels: in the workspace of the thread where the elements of a row fit there, else in the arena. */
import { describe, expect, test } from "vitest";
import { itemSize } from "../../src/base/dtype.ts";
import { softmax } from "../../src/ops/composite/activation.ts";
import { kit } from "../../src/ops/kit.ts";
import { type Access, type LoopKernel, kernelKey, rowScratch } from "../../src/schedule/kernel.ts";
import { rowScratchBytes, scratchInRows } from "../../src/schedule/row-scratch.ts";
import { verifyPlan } from "../../src/schedule/verify.ts";
import { inputOf, planOf } from "./models.ts";

const most = rowScratchBytes / itemSize.float32;

function softmaxPlan(shape: readonly number[], dim: number) {
  const x = inputOf(shape, () => 0);
  const { plan, program } = planOf([softmax(kit, x, dim)]);
  expect(plan.steps).toHaveLength(1);
  verifyPlan(program, plan);
  return { plan, program, kernel: plan.steps[0]?.kernel as LoopKernel };
}

const scratchOf = (kernel: LoopKernel): Access[] => kernel.accesses.filter((a) => a.buffer === rowScratch);

describe("scratch of a softmax", () => {
  test("is a row in the workspace, and the arena holds the result alone", () => {
    const { plan, kernel } = softmaxPlan([6, 10], 1);
    expect(scratchOf(kernel)).toMatchObject([{ offset: 0, strides: [0, 1] }]);
    expect(plan.steps[0]?.buffers).toHaveLength(2);
    expect(plan.arenaBytes).toBe(6 * 10 * 4);
  });

  test("is in the arena where lanes lie along the rows", () => {
    const { plan, kernel } = softmaxPlan([10, 6], 0);
    expect(kernel.lanes).toBe("along");
    expect(scratchOf(kernel)).toEqual([]);
    expect(plan.steps[0]?.buffers).toHaveLength(3);
  });

  test("is in the arena where a row is too long, with code of its own", () => {
    const [longest, longer] = [softmaxPlan([2, most - 16], 1), softmaxPlan([2, most - 15], 1)];
    expect(scratchOf(longest.kernel)).toHaveLength(1);
    expect(longest.plan.arenaBytes).toBe(2 * (most - 16) * 4);
    expect(scratchOf(longer.kernel)).toEqual([]);
    expect(longer.plan.arenaBytes).toBeGreaterThanOrEqual(2 * 2 * (most - 15) * 4);
    expect(kernelKey(longest.kernel)).not.toBe(kernelKey(longer.kernel));
    expect(kernelKey(longest.kernel)).toBe(kernelKey(softmaxPlan([6, 10], 1).kernel));
  });
});

describe("places in the workspace", () => {
  const access = { dtype: "float32", buffer: 0, offset: 7, strides: [60, 1, 4] } as const;
  const kernel: LoopKernel = {
    kind: "loop",
    lanes: "across",
    outer: 1,
    inner: 2,
    extents: [8, 4, 15],
    accesses: [access, { ...access, dtype: "bool" }, access, { ...access, dtype: "float64" }],
    numbers: [],
    levels: [],
  };

  test("are dense rows one behind the other, each from a multiple of 64 bytes on", () => {
    const places = scratchInRows(kernel, [true, true, false, true]) as readonly Access[];
    expect(places[2]).toBe(access);
    const strides = [0, 15, 1];
    expect(places[0]).toEqual({ dtype: "float32", buffer: rowScratch, offset: 0, strides });
    expect(places[1]).toEqual({ dtype: "bool", buffer: rowScratch, offset: 256, strides });
    expect(places[3]).toEqual({ dtype: "float64", buffer: rowScratch, offset: 320 / 8, strides });
  });

  test("are none where all of them together do not fit", () => {
    const long = { ...kernel, extents: [8, 4, most / 8 - 4] };
    expect(scratchInRows(long, [true, false, true, false])).toBeDefined();
    expect(scratchInRows(long, [true, true, true, false])).toBeUndefined();
  });
});

describe("a plan is refused", () => {
  const { plan, program, kernel } = softmaxPlan([6, 10], 1);
  const expectWrong = (change: Partial<LoopKernel>, message: RegExp): void => {
    const steps = plan.steps.map((step) => ({ ...step, kernel: { ...kernel, ...change } }));
    expect(() => verifyPlan(program, { ...plan, steps })).toThrow(message);
  };
  const changed = (change: Partial<Access>): Access[] =>
    kernel.accesses.map((a) => (a.buffer === rowScratch ? { ...a, ...change } : a));

  test("with scratch that differs from row to row", () => {
    expectWrong({ accesses: changed({ strides: [10, 1] }) }, /differs from row to row/);
  });

  test("with scratch outside of the workspace", () => {
    expectWrong({ accesses: changed({ offset: most - 9 }) }, /scratch of rows from byte/);
    expectWrong({ accesses: changed({ offset: -1 }) }, /scratch of rows from byte -4/);
  });

  test("with scratch in two places that overlap", () => {
    expectWrong(
      { accesses: [...kernel.accesses, ...changed({ offset: 9 }).filter((a) => a.buffer === rowScratch)] },
      /scratch of rows from byte 36 to 76/,
    );
  });

  test("with scratch that is read before it is written", () => {
    const levels = kernel.levels.map((level) => ({ ...level, loop: level.loop.filter((s) => s.kind !== "store") }));
    const last = kernel.levels.at(-1) as LoopKernel["levels"][number];
    expectWrong({ levels: [...levels.slice(0, -1), last] }, /read before it is written/);
  });
});
