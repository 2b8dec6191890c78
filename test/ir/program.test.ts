/** The structural key: equal for equal programs, different wherever the plan would be. */
import { expect, test } from "vitest";
import { Cell } from "../../src/ir/cell.ts";
import { withMode } from "../../src/ir/mode.ts";
import { type Wanted, keyOf, programOf } from "../../src/ir/program.ts";
import type { Leaf, Value } from "../../src/ir/value.ts";
import { kit } from "../../src/ops/kit.ts";
import { makeLeaf } from "../../src/ops/leaf.ts";

const data = (shape: number[]): Value =>
  makeLeaf(shape, "float32", { kind: "data", data: new Float32Array(shape.reduce((a, b) => a * b, 1)) });
const keep = (value: Value): Wanted[] => [{ value, cell: undefined }];
const wordsFor = (wanted: readonly Wanted[]): string => keyOf(wanted).words.copy().join(" ");
const words = (value: Value): string => wordsFor(keep(value));

test("a graph that is built again has an equal key, whatever the data and the slots hold", () => {
  const build = (number: number): Value => {
    const slot = makeLeaf([], "float32", { kind: "slot", read: () => number });
    return kit.sum(kit.mul(kit.add(data([2, 3]), slot), 0.1), [1]);
  };
  const known = keyOf(keep(build(3))).words.copy();
  const key = keyOf(keep(build(4)));
  expect(key.words.equals(known)).toBe(true);
  expect(key.leaves.map((leaf) => leaf.kind)).toEqual(["data", "slot"]);
});

test.each<[string, () => Value, () => Value]>([
  ["another operation", () => kit.sin(data([2])), () => kit.cos(data([2]))],
  ["another shape", () => kit.sin(data([2])), () => kit.sin(data([3]))],
  ["another rank of the same size", () => kit.sin(data([4])), () => kit.sin(data([2, 2]))],
  ["another dtype", () => kit.cast(data([2]), "int32"), () => kit.cast(data([2]), "float64")],
  ["another constant", () => kit.add(data([2]), 0.1), () => kit.add(data([2]), 0.2)],
  ["−0 and 0", () => kit.add(data([2]), 0), () => kit.add(data([2]), -0)],
  ["numbers beyond 30 bits", () => kit.add(data([2]), 2 ** 30), () => kit.add(data([2]), 0)],
  ["numbers beyond 32 bits", () => kit.add(data([2]), 2 ** 40), () => kit.add(data([2]), 2 ** 41)],
  ["NaN and a number", () => kit.add(data([2]), Number.NaN), () => kit.add(data([2]), 0)],
  ["another dim", () => kit.sum(data([2, 2]), [0]), () => kit.sum(data([2, 2]), [1])],
  [
    "operands in another order",
    () => kit.sub(kit.sin(data([2])), data([2])),
    () => kit.sub(data([2]), kit.sin(data([2]))),
  ],
  ["another phase", () => kit.sin(data([2])), () => withMode({ phase: 1 }, () => kit.sin(data([2])))],
  [
    "one buffer twice and two buffers",
    () => {
      const x = data([2]);
      return kit.mul(x, x);
    },
    () => kit.mul(data([2]), data([2])),
  ],
])("%s is another key", (_, a, b) => {
  expect(words(a())).not.toBe(words(b()));
  expect(words(a())).toBe(words(a()));
});

test("an argument of a function being traced counts as data", () => {
  const argument = makeLeaf([2], "float32", { kind: "input", index: 0 });
  expect(words(kit.sin(argument))).toBe(words(kit.sin(data([2]))));
});

test("which cell is overwritten is part of the key", () => {
  const [a, b] = [
    new Cell([2], "float32", new Float32Array(2), "a"),
    new Cell([2], "float32", new Float32Array(2), "b"),
  ];
  const leafOf = (cell: Cell): Value => makeLeaf([2], "float32", { kind: "cell", cell, version: 0 });
  const next = kit.sub(kit.mul(leafOf(a), 2), leafOf(b));
  const writes = [keep(next), [{ value: next, cell: a }], [{ value: next, cell: b }]].map(wordsFor);
  expect(new Set(writes).size).toBe(3);
});

test("a program holds no leaf of the run it was made from, and writes go to numbered cells", () => {
  const cell = new Cell([2], "float32", new Float32Array(2), "a");
  const other = new Cell([2], "float32", new Float32Array(2), "only written");
  const x = data([2]);
  const sum = kit.add(makeLeaf([2], "float32", { kind: "cell", cell, version: 0 }), x);
  const wanted: Wanted[] = [
    { value: sum, cell: undefined },
    { value: kit.neg(sum), cell },
    { value: kit.sin(sum), cell: other },
  ];
  const key = keyOf(wanted);
  const program = programOf(key, wanted, (like, leaf: Leaf) => makeLeaf(like.shape, like.dtype, leaf));
  expect(program.sources).toEqual(["cell", "data", "cell"]);
  expect(program.outputs.map((o) => o.target)).toEqual([-1, 0, 2]);
  expect(program.inputs.map((v) => v.leaf)).toEqual([0, 1, 2].map((index) => ({ kind: "input", index })));
  expect(program.outputs[0]?.value.inputs[0]).toBe(program.inputs[0]);
  expect(program.outputs[0]?.value).not.toBe(sum);
});
