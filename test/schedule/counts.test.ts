/** How many kernels a training step takes: more is slower, fewer is a reason to look. Change a number on purpose only. */
import { expect, test } from "vitest";
import { verifyProgram } from "../../src/ir/verify.ts";
import { verifyPlan } from "../../src/schedule/verify.ts";
import { lenetStep, mlpStep, planOf, transformerStep } from "./models.ts";

const models = [
  // Two layers: product and bias forward, products for weights and input back, one update for each parameter.
  { name: "MLP, SGD", step: mlpStep, forward: 5, backward: 6, update: 4 },
  { name: "LeNet, Adam", step: lenetStep, forward: 11, backward: 19, update: 10 },
  { name: "transformer block, Adam", step: transformerStep, forward: 16, backward: 29, update: 16 },
] as const;

test.each(models)("$name", ({ step, forward, backward, update }) => {
  const { plan, program } = planOf(step());
  verifyProgram(program, "simplify");
  verifyPlan(program, plan);
  const counts = [0, 1, 2, 3].map((stage) => plan.steps.filter((s) => s.stage === stage).length);
  expect(counts).toEqual([forward, backward, update, 0]);
});

test("without fusing there is a kernel for each operation", () => {
  const { plan, program } = planOf(mlpStep(), false);
  verifyPlan(program, plan);
  expect(plan.steps.length).toBeGreaterThan(30);
});
