/** Kernels as pseudo code, and the printers themselves. */
import { describe, expect, test } from "vitest";
import { showGraph } from "../../src/ir/show.ts";
import { kit } from "../../src/ops/kit.ts";
import { showArena, showPlan } from "../../src/schedule/show.ts";
import { verifyPlan } from "../../src/schedule/verify.ts";
import { cases } from "./cases.ts";
import { inputOf, planOf } from "./models.ts";

describe("kernels of", () => {
  test.each(Object.entries(cases))("%s", (_, make) => {
    const { plan, program } = planOf(make());
    verifyPlan(program, plan);
    expect(showPlan(plan)).toMatchSnapshot();
  });
});

test("a graph is printed inputs first, with attributes", () => {
  const x = inputOf([2, 3]);
  const total = kit.sum(kit.mul(kit.permute(x, [1, 0]), kit.full([3, 2], -0, "float32")), [0]);
  expect(showGraph([total, x])).toBe(
    [
      "%0: float32 [2, 3] = data",
      "%1: float32 [3, 2] = permute %0 order=[1, 0]",
      "%2: float32 [3, 2] = constant value=-0",
      "%3: float32 [3, 2] = mul %1 %2",
      "%4: float32 [2] = sum %3 dims=[0]",
      "return %4, %0",
    ].join("\n"),
  );
});

test("the arena is printed by place, with the kernels that need each buffer", () => {
  const x = inputOf([4, 4]);
  const y = kit.matmul(kit.matmul(x, x), x);
  expect(showArena(planOf([y]).plan)).toBe(
    [
      "0..64: b1 float32 [4, 4], kernels 0 to 1",
      "64..128: b2 float32 [4, 4], kernels 1 to the end",
      "128 bytes in all",
    ].join("\n"),
  );
});

test("chosen places, scans, positions and sorts are printed", () => {
  const x = inputOf([3, 5]);
  const index = kit.argmax(x);
  const chosen = kit.gather(x, kit.reshape(index, [3, 1]), 1);
  const text = showPlan(planOf([chosen, kit.cumulate(x), kit.sort(x, true)]).plan);
  expect(text).toContain("argmax of b0[5 i0 + i1] at (i1)  # float32");
  expect(text).toMatch(/b0\[5 i0 \+ \{b\d\[i0\] below 5\}\]/);
  expect(text).toContain("running sum of b0[5 i0 + i1]");
  expect(text).toContain("positions that sort 3 rows of 5 float32 of b0, descending");
});
