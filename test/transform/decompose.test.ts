/** What the compiled devices are given instead of padded convolutions and windows. */
import { describe, expect, test } from "vitest";
import { Rewriter } from "../../src/ir/rewrite.ts";
import { type Value, sortGraph } from "../../src/ir/value.ts";
import { verifyGraph } from "../../src/ir/verify.ts";
import { kit } from "../../src/ops/kit.ts";
import { decompose } from "../../src/transform/decompose.ts";
import { dataLeaf, runOnce } from "../runtime/compiled-graph.ts";
import { JsDevice } from "../../src/runtime/js/device.ts";
import { inputOf } from "../schedule/models.ts";

const settings = { stride: [2, 1], low: [1, 0], high: [1, 2], dilation: [1, 2], groups: 2 };
const [x, w, y] = [inputOf([2, 4, 6, 5]), inputOf([6, 2, 3, 2]), inputOf([2, 6, 3, 5])];

function decomposed(value: Value): { root: Value; order: readonly Value[] } {
  const [root] = new Rewriter().run([value], decompose) as [Value];
  verifyGraph([root], "decompose");
  return { root, order: sortGraph([root], (v) => v.leaf !== undefined).order };
}

const cases: readonly (readonly [string, Value])[] = [
  ["a convolution", kit.conv(x, w, settings)],
  ["the gradient of its image", kit.convInput(y, w, [6, 5], settings)],
  ["the gradient of its kernels", kit.convWeight(x, y, [3, 2], settings)],
];

describe.each(cases)("%s", (_, value) => {
  test("is one over a padded image, with the same result", () => {
    const { root, order } = decomposed(value);
    const convolutions = order.filter(({ op }) => op.kind === "conv");
    expect(convolutions.map(({ op }) => op.name)).not.toContain("convInput");
    for (const { attrs } of convolutions) expect([attrs["low"], attrs["high"]].flat()).toEqual([0, 0, 0, 0]);
    expect([root.shape, root.phase]).toEqual([value.shape, value.phase]);
    const [got, want] = runOnce(new JsDevice(), [root, value]);
    got?.forEach((element, i) => expect(element).toBeCloseTo(want?.[i] as number, 5));
  });
});

test("a window is one over an image padded with what never wins, positions counted without the padding", () => {
  const attrs = { kernel: [2], stride: [1], low: [1], dilation: [1], extents: [4] };
  const image = dataLeaf([1, 1, 3], "float32", [-5, -7, -6]);
  const { order } = decomposed(kit.window(image, attrs));
  const padded = order.find(({ op }) => op.kind === "pad");
  expect(padded?.attrs["value"]).toBe(Number.NEGATIVE_INFINITY);
  const window = order.find(({ op }) => op.kind === "window");
  expect(window?.attrs["spatial"]).toEqual([3]);
  // Once decomposed it stays as it is.
  expect(decomposed(window as Value).root).toBe(window);
});
