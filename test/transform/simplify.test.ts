/** Identities of the simplifier: those that hold to the bit, and those that must not be used. */
import { describe, expect, test } from "vitest";
import { showGraph } from "../../src/ir/show.ts";
import type { Value } from "../../src/ir/value.ts";
import { verifyGraph } from "../../src/ir/verify.ts";
import { kit } from "../../src/ops/kit.ts";
import { table } from "../../src/ops/table.ts";
import { simplify } from "../../src/transform/simplify.ts";
import { dataLeaf } from "../runtime/compiled-graph.ts";

const x = dataLeaf([2, 3], "float32", [1, 2, 3, 4, 5, 6]);

function simple(value: Value): Value {
  const [out] = simplify([value]) as [Value];
  verifyGraph([out], "simplify");
  expect([out.dtype, ...out.shape]).toEqual([value.dtype, ...value.shape]);
  return out;
}

const numberOf = (value: Value): unknown => value.attrs["value"];

describe("leaves out", () => {
  test("factors of one and subtracted zeros", () => {
    expect(simple(kit.mul(x, 1))).toBe(x);
    expect(simple(kit.mul(1, x))).toBe(x);
    expect(simple(kit.sub(x, 0))).toBe(x);
    expect(simple(kit.mul(kit.sub(kit.mul(x, 1), 0), 1))).toBe(x);
  });

  test("views that undo each other", () => {
    expect(simple(kit.permute(kit.permute(x, [1, 0]), [1, 0]))).toBe(x);
    expect(simple(kit.reshape(kit.reshape(x, [6]), [2, 3]))).toBe(x);
    expect(simple(kit.apply(table.expand, [x], { shape: [2, 3] }))).toBe(x);
  });

  test("all but one of equal vertices", () => {
    const y = kit.add(kit.exp(x), kit.exp(x));
    const out = simple(y);
    expect(out.inputs[0]).toBe(out.inputs[1]);
    // Where a number is told from its negative, zeros are too.
    const [a, b] = [0, -0].map((n) => kit.div(x, kit.full([2, 3], n, "float32"))) as [Value, Value];
    const [p, q] = simplify([a, b]) as [Value, Value];
    expect(p).not.toBe(q);
  });
});

describe("keeps", () => {
  test("what changes zeros, NaN or infinities", () => {
    for (const y of [kit.add(x, 0), kit.mul(x, 0), kit.sub(x, -0), kit.sub(0, x), kit.sub(x, x), kit.div(x, x)]) {
      expect(simple(y).op).toBe(y.op);
    }
  });

  test("integers that look like it", () => {
    const i = dataLeaf([2], "int32", [3, 4]);
    expect(simple(kit.mul(i, 1))).toBe(i);
    expect(simple(kit.map(table.irem, i, 1)).op).toBe(table.irem);
  });
});

describe("computes", () => {
  test("functions of numbers, rounded as the operation rounds", () => {
    expect(numberOf(simple(kit.add(kit.full([2], 0.1, "float32"), 0.2)))).toBe(
      Math.fround(Math.fround(0.1) + Math.fround(0.2)),
    );
    expect(numberOf(simple(kit.map(table.mul, kit.full([2], 2 ** 31 - 1, "int32"), 3)))).toBe(2147483645);
    expect(numberOf(simple(kit.cast(kit.full([2], 300.7, "float32"), "uint8")))).toBe(44);
    expect(numberOf(simple(kit.where(kit.full([2], 1, "bool"), kit.full([2], 5, "float32"), 6)))).toBe(5);
    expect(numberOf(simple(kit.neg(kit.full([], 0, "float32"))))).toBe(-0);
  });

  test("views of numbers", () => {
    const y = simple(kit.expand(kit.reshape(kit.full([], 2, "float64"), [1, 1]), [3, 4]));
    expect(showGraph([y])).toBe("%0: float64 [3, 4] = constant value=2\nreturn %0");
  });
});

test("phases stay, and equal vertices of unlike phases stay apart", () => {
  const early = kit.exp(x);
  const out = simplify([early, kit.mul(early, 1)]);
  expect(out[0]).toBe(out[1]);
  expect(out.every((value) => value.phase === 0)).toBe(true);
});
