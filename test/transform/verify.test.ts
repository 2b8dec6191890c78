/** The checker of graphs and programs: it lets through what the kit builds, and names what is wrong with anything else. */
import { describe, expect, test } from "vitest";
import { mode, withMode } from "../../src/ir/mode.ts";
import type { Attrs, OpDef } from "../../src/ir/op.ts";
import type { Program } from "../../src/ir/program.ts";
import { Value } from "../../src/ir/value.ts";
import { verifyGraph, verifyProgram } from "../../src/ir/verify.ts";
import { kit } from "../../src/ops/kit.ts";
import { makeLeaf } from "../../src/ops/leaf.ts";
import { table } from "../../src/ops/table.ts";
import { dataLeaf } from "../runtime/compiled-graph.ts";
import { lenetStep, mlpStep, planOf, transformerStep } from "../schedule/models.ts";

const x = dataLeaf([2, 3], "float32", [1, 2, 3, 4, 5, 6]);
const i = dataLeaf([2, 3], "int32", [0, 1, 0, 1, 0, 1]);

test.each([mlpStep, lenetStep, transformerStep])("passes what a training step is made of: %o", (step) => {
  const wanted = step();
  expect(() =>
    verifyGraph(
      wanted.map((w) => w.value),
      "test",
    ),
  ).not.toThrow();
  expect(() => verifyProgram(planOf(wanted).program, "test")).not.toThrow();
});

/** A vertex whose rule lies: what the checker must find by itself. */
function lying(op: OpDef, inputs: readonly Value[], attrs: Attrs, of: Value): Value {
  const liar: OpDef = { ...op, infer: () => ({ shape: of.shape, dtype: of.dtype }) };
  return new Value(liar, inputs, attrs);
}

const conv = { stride: [1], low: [0], high: [0], dilation: [1], groups: 1 };
const image = dataLeaf([1, 2, 5], "float32", new Float32Array(10));

const wrongs: readonly (readonly [string, () => Value, RegExp])[] = [
  ["too many inputs", () => lying(table.neg, [x, x], {}, x), /2 inputs, not 1/],
  ["unlike shapes", () => lying(table.add, [x, kit.reshape(x, [6])], {}, x), /an input of another shape/],
  ["unlike dtypes", () => lying(table.add, [x, i], {}, i), /inputs of unlike dtypes/],
  ["an attribute too many", () => lying(table.exp, [x], { dim: 1 }, x), /attributes dim, not \(none\)/],
  ["an attribute that is missing", () => lying(table.sort, [x], {}, i), /attributes \(none\), not descending/],
  [
    "attributes in another order",
    () => kit.apply(table.pad, [x], { high: [0, 0], low: [1, 1], inner: [0, 0], value: 0 }),
    /attributes high low inner value, not low high inner value/,
  ],
  ["dims out of order", () => kit.apply(table.sum, [x], { dims: [1, 0] }), /dims out of order/],
  ["dims twice", () => lying(table.sum, [x], { dims: [1, 1] }, x), /holds no dims of a tensor with 2/],
  ["dims out of range", () => lying(table.sum, [x], { dims: [2] }, x), /holds no dims of a tensor with 2/],
  ["nothing to fold", () => kit.apply(table.sum, [x], { dims: [] }), /nothing to fold/],
  ["a sum of bytes", () => kit.apply(table.sum, [kit.cast(x, "uint8")], { dims: [0] }), /a sum that wraps in a byte/],
  ["an order that is none", () => lying(table.permute, [x], { order: [0, 0] }, x), /holds no dims/],
  [
    "a slice out of range",
    () => lying(table.slice, [x], { start: [0, 2], step: [1, 1], size: [2, 3] }, x),
    /a slice out of range/,
  ],
  [
    "a slice that stands",
    () => lying(table.slice, [x], { start: [0, 0], step: [0, 1], size: [2, 3] }, x),
    /a slice that does not move/,
  ],
  [
    "negative padding",
    () => lying(table.pad, [x], { low: [-1, 0], high: [0, 0], inner: [0, 0], value: 0 }, x),
    /whole numbers from 0/,
  ],
  [
    "parts of unlike shapes",
    () => lying(table.concat, [x, kit.reshape(x, [3, 2])], { dim: 0 }, x),
    /parts of unlike shapes/,
  ],
  ["a float index", () => lying(table.gather, [x, x], { dim: 0 }, x), /an index that is not int32/],
  ["a dim that is not there", () => lying(table.scatter, [i, x], { dim: 2, size: 1 }, x), /no dim of a tensor with 2/],
  [
    "a dim with two roles",
    () => lying(table.dot, [x, x], { batchA: [0], batchB: [0], contractA: [0], contractB: [1] }, x),
    /both batch and contracted/,
  ],
  [
    "dims without a partner",
    () => lying(table.dot, [x, x], { batchA: [], batchB: [], contractA: [0, 1], contractB: [0] }, x),
    /without a partner/,
  ],
  [
    "groups that do not divide",
    () => lying(table.conv, [image, image], { ...conv, groups: 3 }, image),
    /no multiple of the groups/,
  ],
  [
    "channels that differ",
    () => kit.conv(image, dataLeaf([1, 1, 2], "float32", [1, 1]), conv),
    /channels of image and kernels differ/,
  ],
  [
    "a stride of nothing",
    () => lying(table.conv, [image, image], { ...conv, stride: [0] }, image),
    /stride holds something else than whole numbers from 1/,
  ],
  [
    "a window without spatial dims",
    () => lying(table.window, [x], { kernel: [1], stride: [1], low: [0], dilation: [1], extents: [1] }, i),
    /no spatial dims/,
  ],
  [
    "a type that is not its rule's",
    () => {
      const y = kit.neg(x);
      Object.assign(y, { shape: [3, 2] });
      return y;
    },
    /its rule gives float32 \[2, 3\]/,
  ],
  [
    "a gradient of integers",
    () => new Value(table.neg, [i], {}, undefined, true),
    /a gradient for something that is not floating/,
  ],
  [
    "a leaf without elements",
    () => new Value(table.leaf, [], { shape: [2], dtype: "float32" }),
    /a leaf without elements/,
  ],
  [
    "a leaf with too few elements",
    () => makeLeaf([4], "float32", { kind: "data", data: new Float32Array(3) }),
    /3 elements/,
  ],
];

describe("names", () => {
  test.each(wrongs)("%s", (_, make, message) => {
    expect(() => verifyGraph([make()], "some pass")).toThrow(message);
    expect(() => verifyGraph([kit.copy(make())], "some pass")).toThrow(/^internal: some pass: /);
  });

  test("an input of a later phase", () => {
    const late = withMode({ phase: 2 }, () => kit.neg(x));
    const y = kit.neg(late);
    expect(y.phase).toBe(2);
    Object.assign(y, { phase: 1 });
    expect(() => verifyGraph([y], "test")).toThrow(/an input of a later phase/);
    expect(mode.phase).toBe(0);
  });
});

describe("of programs it names", () => {
  const program = planOf(mlpStep()).program;
  const changed = (change: Partial<Program>): Program => ({ ...program, ...change });

  test("data left inside", () => {
    const outputs = [{ value: kit.neg(x), target: -1 }];
    expect(() => verifyProgram(changed({ outputs }), "test")).toThrow(/a program holds a data itself/);
  });

  test("a write to something that is no cell", () => {
    const target = program.sources.indexOf("data");
    const outputs = program.outputs.map((o) => ({ ...o, target }));
    expect(() => verifyProgram(changed({ outputs }), "test")).toThrow(/no cell/);
  });

  test("two writes to one cell", () => {
    const write = program.outputs.at(-1) as Program["outputs"][number];
    expect(() => verifyProgram(changed({ outputs: [write, write] }), "test")).toThrow(/two outputs go into input/);
  });

  test("a write of another size", () => {
    const [a, b] = program.outputs.slice(-2) as [Program["outputs"][number], Program["outputs"][number]];
    const outputs = [{ value: a.value, target: b.target }];
    expect(() => verifyProgram(changed({ outputs }), "test")).toThrow(/goes into a cell of/);
  });

  test("inputs out of order", () => {
    const inputs = [...program.inputs].reverse();
    expect(() => verifyProgram(changed({ inputs }), "test")).toThrow(/is not numbered so/);
  });
});
