/** The checker of plans: plans of the scheduler pass, plans with one thing changed do not. */
import { describe, expect, test } from "vitest";
import type { Program } from "../../src/ir/program.ts";
import { kit } from "../../src/ops/kit.ts";
import type { ContractKernel, LoopKernel } from "../../src/schedule/kernel.ts";
import type { KernelPlan, PlanBuffer, Step } from "../../src/schedule/plan.ts";
import { verifyPlan } from "../../src/schedule/verify.ts";
import { inputOf, mlpStep, planOf } from "./models.ts";

const { plan, program } = planOf(mlpStep(4));

function expectWrong(change: Partial<KernelPlan>, message: RegExp, of: Program = program): void {
  expect(() => verifyPlan(of, { ...plan, ...change })).toThrow(message);
}

const changedStep = (at: number, change: (step: Step) => Partial<Step>): Step[] =>
  plan.steps.map((step, i) => (i === at ? { ...step, ...change(step) } : step));

const changedBuffer = (at: number, change: Partial<PlanBuffer>): PlanBuffer[] =>
  plan.buffers.map((buffer, i) => (i === at ? { ...buffer, ...change } : buffer));

/** The first step with a loop kernel, and its kernel. */
const loopAt = plan.steps.findIndex((step) => step.kernel.kind === "loop");
const loop = plan.steps[loopAt]?.kernel as LoopKernel;

describe("a plan is refused", () => {
  test("never as it is", () => {
    expect(() => verifyPlan(program, plan)).not.toThrow();
  });

  test("with an access that leaves its buffer", () => {
    const accesses = loop.accesses.map((a, i) => (i === 0 ? { ...a, offset: a.offset + 1 } : a));
    expectWrong(
      { steps: changedStep(loopAt, () => ({ kernel: { ...loop, accesses } })) },
      /elements \d+ to \d+ of buffer/,
    );
    const back = loop.accesses.map((a, i) => (i === 0 ? { ...a, offset: -1 } : a));
    expectWrong({ steps: changedStep(loopAt, () => ({ kernel: { ...loop, accesses: back } })) }, /elements -1 to/);
  });

  test("with a contraction that leaves its buffers", () => {
    const at = plan.steps.findIndex((step) => step.kernel.kind === "contract");
    const kernel = plan.steps[at]?.kernel as ContractKernel;
    for (const change of [{ m: kernel.m + 1 }, { k: kernel.k + 1 }, { aOffset: 1 }]) {
      expectWrong(
        { steps: changedStep(at, () => ({ kernel: { ...kernel, ...change } })) },
        /elements \d+ to \d+ of buffer/,
      );
    }
    const table = { table: new Int32Array(kernel.m + 1) };
    expectWrong({ steps: changedStep(at, () => ({ kernel: { ...kernel, aM: table } })) }, /a table of 5 for 4/);
  });

  test("with a buffer that is read before it is written", () => {
    expectWrong({ steps: plan.steps.slice(1) }, /is read but never written/);
  });

  test("with a result that nothing writes", () => {
    const spare = plan.buffers.length;
    const like = plan.buffers[plan.outputs[0] as number] as PlanBuffer;
    const buffers = [...plan.buffers, { ...like, offset: 0 }];
    expectWrong({ buffers, outputs: [spare, ...plan.outputs.slice(1)] }, /result 0 is never written/);
  });

  test("with a result in a buffer of another type", () => {
    expectWrong({ outputs: [plan.outputs[1] as number, ...plan.outputs.slice(1)] }, /result 0 is not in buffer/);
  });

  test("with stages out of order", () => {
    const last = plan.steps.length - 1;
    expectWrong({ steps: changedStep(last, () => ({ stage: 0 })) }, /a kernel of an earlier stage/);
  });

  test("with a cell written before the update, or before the update is checked", () => {
    const updates = plan.steps.findIndex((step) => step.stage === 2);
    const early = plan.steps.map((step, i) => (i >= updates ? { ...step, stage: 1 as const } : step));
    expectWrong({ steps: early }, /is written before anything could be found out of range/);
    expectWrong({ faultsInUpdate: true }, /is written before the update is checked/);
  });

  test("with data that is overwritten", () => {
    const at = plan.steps.length - 1;
    const target = program.sources.indexOf("data");
    const written = plan.steps[at]?.buffers.at(-1) as number;
    const like = plan.buffers[written] as PlanBuffer;
    expect(() => verifyPlan(program, { ...plan, buffers: changedBuffer(written, { input: target }) })).toThrow(
      /unlike|no cell/,
    );
    expect(like.input).toBeGreaterThanOrEqual(0);
  });

  test("with buffers that overlap while both are needed", () => {
    const own = plan.buffers.flatMap((b, i) => (b.input < 0 && b.bytes > 0 && b.offset > 0 ? [i] : []));
    const moved = plan.buffers.map((b, i) => (own.includes(i) ? { ...b, offset: 0 } : b));
    expectWrong({ buffers: moved }, /live at the same time and overlap/);
  });

  test("with a buffer outside of the arena, or of the wrong size", () => {
    const at = plan.buffers.findIndex((b) => b.input < 0);
    expectWrong({ buffers: changedBuffer(at, { offset: plan.arenaBytes }) }, /of an arena of/);
    expectWrong({ buffers: changedBuffer(at, { bytes: 4 }) }, /4 bytes/);
  });

  test("with old content that is read when it is gone", () => {
    // A step that reads a parameter behind the one that replaces it.
    const at = plan.steps.findIndex((step) => step.stage === 2);
    const update = plan.steps[at] as Step;
    const again = { ...update, buffers: update.buffers };
    const copy = plan.buffers.length;
    const written = update.buffers.at(-1) as number;
    const buffers = [...plan.buffers, { ...(plan.buffers[written] as PlanBuffer), input: -1, offset: 0 }];
    const elsewhere = { ...again, buffers: [...update.buffers.slice(0, -1), copy] };
    const arenaBytes = 2 ** 24;
    expectWrong({ steps: [...plan.steps, elsewhere], buffers, arenaBytes }, /the old content of input \d+ is read/);
  });
});

test("a statement of a row may not move with the elements of the row", () => {
  const x = inputOf([3, 5]);
  const { plan: rows, program: own } = planOf([kit.exp(kit.sum(x, [1]))]);
  const kernel = rows.steps[0]?.kernel as LoopKernel;
  expect(kernel.levels.some((level) => level.row.length > 0)).toBe(true);
  const accesses = kernel.accesses.map((a) => ({ ...a, strides: a.strides.map(() => 1) }));
  const steps = rows.steps.map((step) => ({ ...step, kernel: { ...kernel, accesses } }));
  expect(() => verifyPlan(own, { ...rows, steps })).toThrow(/a statement of a row that moves/);
});
