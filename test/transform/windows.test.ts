/** Maxima over windows and their gradients as the compiled devices get them: the same numbers in another way. */
import { describe, expect, test } from "vitest";
import { Rewriter } from "../../src/ir/rewrite.ts";
import { showGraph } from "../../src/ir/show.ts";
import { type Value, sortGraph } from "../../src/ir/value.ts";
import { verifyGraph } from "../../src/ir/verify.ts";
import { maxPool } from "../../src/ops/composite/pooling.ts";
import { kit } from "../../src/ops/kit.ts";
import { JsDevice } from "../../src/runtime/js/device.ts";
import { decompose } from "../../src/transform/decompose.ts";
import { simplify } from "../../src/transform/simplify.ts";
import { unrollWindows } from "../../src/transform/windows.ts";
import { dataLeaf, runOnce, sameBits } from "../runtime/compiled-graph.ts";
import { gradientsOf } from "../schedule/models.ts";

interface Windows {
  readonly image: readonly number[];
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation?: readonly number[];
  readonly padding?: readonly number[];
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((n, extent) => n * extent, 1);

/** Few distinct numbers, so that windows hold equal ones, zeros of both signs, infinities and NaN. */
const elements = [1, -0, 0, 3, Number.NaN, -2, 3, Number.NEGATIVE_INFINITY, 0.5, -1, Number.POSITIVE_INFINITY, 2, -0.5];

/** The largest of each window after relu, where it is, the gradients of the image and of what is added to channels. */
function pooled({
  image: shape,
  kernel,
  stride,
  dilation = kernel.map(() => 1),
  padding = kernel.map(() => 0),
}: Windows): Value[] {
  const count = sizeOf(shape);
  const image = dataLeaf(
    shape,
    "float32",
    Array.from({ length: count }, (_, i) => elements[(i * i + 3 * i) % 13] as number),
    true,
  );
  const extents = kernel.map((n, d) =>
    Math.floor(
      ((shape[d + 2] as number) + 2 * (padding[d] as number) - (dilation[d] as number) * (n - 1) - 1) /
        (stride[d] as number) +
        1,
    ),
  );
  const y = kit.relu(image);
  const { values, indices } = maxPool(kit, y, { kernel, stride, padding, dilation, extents });
  const weights = dataLeaf(
    values.shape,
    "float32",
    Array.from({ length: sizeOf(values.shape) }, (_, i) => ((i * 7) % 11) - 5),
  );
  const [dx] = gradientsOf(
    kit.sum(
      kit.mul(values, weights),
      values.shape.map((_, d) => d),
    ),
    [image],
  ) as [Value];
  return [values, indices, dx, kit.sum(dx, [0, ...kernel.map((_, d) => d + 2)])];
}

function passes(roots: readonly Value[]): { before: Value[]; after: Value[]; kinds: Set<string> } {
  const before = simplify(new Rewriter().run(roots, decompose));
  const after = unrollWindows(before);
  verifyGraph(after, "windows");
  const { order } = sortGraph(after, (v) => v.leaf !== undefined);
  return { before, after, kinds: new Set(order.map(({ op }) => op.name)) };
}

const tiles: readonly (readonly [string, Windows])[] = [
  ["tiles that fill the image", { image: [2, 3, 6, 4], kernel: [2, 2], stride: [2, 2] }],
  ["tiles that leave rows and columns over", { image: [1, 2, 7, 8], kernel: [3, 3], stride: [3, 3] }],
  ["tiles of one column", { image: [1, 2, 4, 3], kernel: [2, 1], stride: [2, 1] }],
  ["tiles in one dim", { image: [2, 2, 9], kernel: [4], stride: [4] }],
  ["tiles in three dims", { image: [1, 2, 4, 2, 6], kernel: [2, 1, 3], stride: [2, 1, 3] }],
];
const others: readonly (readonly [string, Windows])[] = [
  ["windows that overlap", { image: [1, 2, 7, 7], kernel: [3, 3], stride: [2, 2] }],
  ["windows with gaps", { image: [1, 2, 7, 9], kernel: [2, 2], stride: [1, 3], dilation: [2, 1] }],
  ["windows of many elements", { image: [1, 2, 8, 8], kernel: [4, 4], stride: [4, 4] }],
];

describe.each([...tiles, ...others])("%s", (_, windows) => {
  test("have the same results", () => {
    const roots = pooled(windows);
    const { before, after } = passes(roots);
    const [want, got] = [runOnce(new JsDevice(), before), runOnce(new JsDevice(), after)];
    want.slice(0, 3).forEach((list, i) => expect(sameBits(got[i] as typeof list, list), `result ${i}`).toBe(true));
    got[3]?.forEach((sum, i) => expect(sum).toBeCloseTo(want[3]?.[i] as number, 4));
  });
});

test.each(tiles)("%s are compared and filled without search", (_, windows) => {
  const { kinds } = passes(pooled(windows));
  for (const name of ["window", "windowMax", "scatter"]) expect(kinds).not.toContain(name);
});

test("what follows the gradient of a maximum goes over maxima alone", () => {
  const windows = { image: [2, 3, 7, 7], kernel: [3, 3], stride: [2, 2] };
  const [, , dx, bias] = passes(pooled(windows)).after as [Value, Value, Value, Value];
  expect(dx.op.name).toBe("reshape");
  const { order } = sortGraph([dx, bias], (v) => v.leaf !== undefined);
  expect(order.filter(({ op }) => op.name === "where").map(({ shape }) => shape.slice(2))).not.toContainEqual([7, 7]);
  expect(bias.inputs[0]?.shape).toEqual([2, 3, 3, 3]);
});

test("a mask of another image stays where it is", () => {
  const shape = [1, 1, 4, 4];
  const [a, b] = [1, 2].map((k) =>
    dataLeaf(
      shape,
      "float32",
      Array.from({ length: 16 }, (_, i) => ((i * k * 5) % 7) - 3),
    ),
  );
  const windows = { kernel: [2, 2], stride: [2, 2], low: [0, 0], dilation: [1, 1], extents: [2, 2] };
  const index = kit.reshape(kit.window(a as Value, windows), [1, 1, 4]);
  const placed = kit.reshape(kit.scatter(index, dataLeaf([1, 1, 4], "float32", [1, 2, 3, 4]), 2, 16), shape);
  const masked = kit.where(kit.gt(b as Value, 0), placed, 0);
  const { before, after } = passes([masked]);
  expect(
    sameBits(...(runOnce(new JsDevice(), [before[0] as Value, after[0] as Value]) as [Float32Array, Float32Array])),
  ).toBe(true);
  expect(after[0]?.shape).toEqual(shape);
  expect(after[0]?.op.name).toBe("where");
});

test("windows over padding stay as they are", () => {
  const { before, after } = passes(pooled({ image: [1, 2, 6, 6], kernel: [2, 2], stride: [2, 2], padding: [1, 1] }));
  expect(showGraph(after)).toBe(showGraph(before));
});

test("integers are compared as they are", () => {
  const image = dataLeaf([1, 1, 4, 4], "int32", [5, 5, -3, 2, 5, 1, 0, -9, 2 ** 31 - 1, 0, 3, 3, -(2 ** 31), 7, 3, 3]);
  const windows = { kernel: [2, 2], stride: [2, 2], low: [0, 0], dilation: [1, 1], extents: [2, 2] };
  const { before, after } = passes([kit.window(image, windows), kit.windowMax(image, windows)]);
  const [want, got] = [runOnce(new JsDevice(), before), runOnce(new JsDevice(), after)];
  expect(got.map((list) => [...list])).toEqual(want.map((list) => [...list]));
  expect([...(got[0] ?? [])]).toEqual([0, 3, 8, 10]);
});
