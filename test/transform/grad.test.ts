/** Pullback as a graph: what it reaches, what it joins, what it refuses. The numbers are checked in test/ops/sweep.test.ts. */
import { expect, test } from "vitest";
import { Value } from "../../src/ir/value.ts";
import { kit } from "../../src/ops/kit.ts";
import { table } from "../../src/ops/table.ts";
import { JsDevice } from "../../src/runtime/js/device.ts";
import { pullback } from "../../src/transform/grad.ts";
import { dataLeaf, runOnce } from "../runtime/compiled-graph.ts";

const leafOf = (shape: readonly number[], grad = true): Value => {
  const size = shape.reduce((n, extent) => n * extent, 1);
  return dataLeaf(
    shape,
    "float32",
    Array.from({ length: size }, (_, i) => i + 1),
    grad,
  );
};

const backFrom = (y: Value, ...wanted: Value[]): (Value | undefined)[] => {
  const { reached } = pullback("test", [{ value: y, gradient: kit.full(y.shape, 1, y.dtype) }], new Set(wanted));
  return wanted.map((x) => reached.find(({ value }) => value === x)?.gradient);
};

test("slices that cover a tensor without overlap give one join, others a sum", () => {
  const x = leafOf([6, 2]);
  const part = (from: number, to: number, factor: number): Value => kit.mul(kit.range(x, 0, from, to), factor);
  const sumOf = (...parts: Value[]): Value =>
    parts.map((y) => kit.sum(y, [0, 1])).reduce((total, y) => kit.add(total, y));
  const [joined] = backFrom(sumOf(part(2, 6, 3), part(0, 2, 5)), x) as [Value];
  expect(joined.op.kind).toBe("concat");
  const [overlapping] = backFrom(sumOf(part(0, 3, 3), part(2, 6, 5)), x) as [Value];
  expect(overlapping.op.kind).toBe("elementwise");
  const [a, b] = runOnce(new JsDevice(), [joined, overlapping]);
  expect([...(a ?? [])]).toEqual([5, 5, 5, 5, 3, 3, 3, 3, 3, 3, 3, 3]);
  expect([...(b ?? [])]).toEqual([3, 3, 3, 3, 8, 8, 5, 5, 5, 5, 5, 5]);
});

test("only what was asked for is reached, and only what leads there is walked", () => {
  const [x, w, fixed] = [leafOf([3]), leafOf([3]), leafOf([3], false)];
  const inner = kit.exp(kit.mul(x, fixed));
  const y = kit.mul(inner, w);
  const [gx, gw, none] = backFrom(y, x, w, fixed);
  expect(gx?.shape).toEqual([3]);
  expect(gw).toBeDefined();
  expect(none).toBeUndefined();
  const seed = { value: y, gradient: kit.full([3], 1, "float32") };
  const { visited } = pullback("test", [seed], new Set([w]));
  expect(visited).toEqual([y]);
});

test("an operation without derivative is named; integers end the way silently", () => {
  const x = leafOf([2, 3]);
  const stuck = new Value({ ...table.exp, vjp: null }, [x], {});
  expect(() => backFrom(kit.neg(stuck), x)).toThrow(/test: an operation has no derivative: exp of float32 \[2, 3\]/);
  const whole = kit.cast(kit.cast(x, "int32"), "float32");
  expect(whole.requiresGrad).toBe(false);
  expect(backFrom(kit.mul(whole, x), x)[0]).toBeDefined();
});

test("a graph that was used up says so", () => {
  const x = leafOf([2]);
  const y = kit.exp(x);
  const [first] = backFrom(y, x);
  expect(first).toBeDefined();
  y.released = true;
  expect(() => backFrom(kit.neg(y), x)).toThrow(
    /test: the graph was used by an earlier backward\(\) and is gone: at exp \[2\]/,
  );
});
