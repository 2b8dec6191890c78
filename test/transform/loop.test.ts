/** Loops against the same steps written out, and what their derivative and simplify make of them. */
import { describe, expect, test } from "vitest";
import type { TypedArray } from "../../src/base/dtype.ts";
import { makeBody } from "../../src/ir/body.ts";
import { withMode } from "../../src/ir/mode.ts";
import { keyOf, programOf } from "../../src/ir/program.ts";
import { type Value, sortGraph } from "../../src/ir/value.ts";
import { showGraph } from "../../src/ir/show.ts";
import { verifyGraph } from "../../src/ir/verify.ts";
import { kit } from "../../src/ops/kit.ts";
import { makeLeaf } from "../../src/ops/leaf.ts";
import { type LoopSettings, loopSettings, partsOf } from "../../src/ops/loop.ts";
import { JsDevice } from "../../src/runtime/js/device.ts";
import { readProgram, writeProgram } from "../../src/runtime/worker/wire.ts";
import { pullback } from "../../src/transform/grad.ts";
import { type LoopInputs, type LoopStep, loop } from "../../src/transform/loop/build.ts";
import { simplify } from "../../src/transform/simplify.ts";
import { randomStream } from "../ops/sweep/case.ts";
import { dataLeaf, runOnce } from "../runtime/compiled-graph.ts";
import { elman, lstm, maskedGru, scaled, writtenOut } from "./loop-models.ts";

const js = new JsDevice();
const random = randomStream(3);

function leafOf(shape: readonly number[], grad = true): Value {
  const size = shape.reduce((n, extent) => n * extent, 1);
  return dataLeaf(
    shape,
    "float64",
    Array.from({ length: size }, () => random() - 0.5),
    grad,
  );
}

function square(y: Value): Value {
  const flat = kit.reshape(y, [y.shape.reduce((a, b) => a * b, 1)]);
  return kit.sum(kit.mul(kit.sin(flat), flat), [0]);
}

const sumOf = (parts: readonly Value[]): Value => parts.reduce((a, b) => kit.add(a, b));

function gradientsOf(loss: Value, of: readonly Value[], grad = false): Value[] {
  return withMode({ phase: 1, grad }, () => {
    const { reached } = pullback("test", [{ value: loss, gradient: kit.full([], 1, "float64") }], new Set(of));
    return of.map((x) => reached.find(({ value }) => value === x)?.gradient ?? kit.full(x.shape, 0, x.dtype));
  });
}

function expectNear(a: readonly TypedArray[], b: readonly TypedArray[]): void {
  expect(a.map((x) => x.length)).toEqual(b.map((x) => x.length));
  a.forEach((x, i) =>
    x.forEach((n, j) => {
      const want = (b[i] as TypedArray)[j] as number;
      expect(Math.abs(n - want) / (1 + Math.abs(want)), `result ${i} at ${j}`).toBeLessThan(1e-10);
    }),
  );
}

function recurrence(steps: number, batch: number, size: number, gates: number): Omit<LoopInputs, "reverse"> {
  return {
    carries: Array.from({ length: gates === 4 ? 2 : 1 }, () => leafOf([batch, size])),
    sequences: [leafOf([steps, batch, gates * size])],
    constants: [leafOf([gates * size, size])],
    steps,
  };
}

const goesOn = dataLeaf([4, 3], "bool", [1, 1, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0]);
const gru = recurrence(4, 3, 2, 3);
const models: readonly (readonly [string, LoopStep, Omit<LoopInputs, "reverse">])[] = [
  ["tanh", elman, recurrence(4, 3, 2, 1)],
  ["LSTM", lstm, recurrence(5, 2, 3, 4)],
  [
    "masked GRU",
    maskedGru,
    { ...gru, sequences: [...gru.sequences, goesOn], constants: [...gru.constants, leafOf([2])] },
  ],
  [
    "scaled",
    scaled,
    { carries: [leafOf([3]), leafOf([3])], sequences: [leafOf([6, 3])], constants: [leafOf([3])], steps: 6 },
  ],
];

describe.each(models)("%s", (_, step, inputs) => {
  const variables = [...inputs.carries, ...inputs.sequences, ...inputs.constants].filter((x) => x.requiresGrad);

  test.each([false, true])("is what the steps written out are, to the second derivative; reverse: %s", (reverse) => {
    const all = [loop, writtenOut].map((run) => {
      const { carries, outputs } = run({ ...inputs, reverse }, step);
      const results = [...carries, ...outputs];
      const first = gradientsOf(sumOf(results.map(square)), variables, true);
      return [...results, ...first, ...gradientsOf(sumOf(first.map(square)), variables)];
    });
    verifyGraph(all[0] as Value[], "test");
    const [mine, theirs] = all.map((values) => runOnce(js, values)) as [TypedArray[], TypedArray[]];
    expectNear(mine, theirs);
  });

  test("a gradient of the last step alone, of one step, and of nothing", () => {
    const all = [loop, writtenOut].map((run) => {
      const { carries, outputs } = run({ ...inputs, reverse: false }, step);
      const [y] = outputs as [Value];
      const at = (t: number): Value =>
        kit.sum(kit.reshape(kit.range(y, 0, t, t + 1), [y.shape.reduce((a, b) => a * b, 1) / inputs.steps]), [0]);
      const losses = [square(carries[0] as Value), at(inputs.steps - 1), at(1), kit.add(at(0), at(inputs.steps - 1))];
      return losses.flatMap((loss) => gradientsOf(loss, variables));
    });
    const [mine, theirs] = all.map((values) => runOnce(js, values)) as [TypedArray[], TypedArray[]];
    expectNear(mine, theirs);
  });
});

/** The loops below some vertices, as simplify leaves them. */
function loopsIn(roots: readonly Value[]): LoopSettings[] {
  const { order } = sortGraph(simplify(roots), (value) => value.leaf !== undefined);
  return order.filter(({ op }) => op.kind === "loop").map(({ attrs }) => loopSettings(attrs));
}

const countOf = ({ body }: LoopSettings, kind: string): number =>
  sortGraph(body.outputs, () => false).order.filter(({ op }) => op.kind === kind).length;

describe("the derivative", () => {
  const inputs = recurrence(5, 2, 3, 4);
  const [w] = inputs.constants as [Value];
  const [x] = inputs.sequences as [Value];

  test("computes no step twice: one loop there, one back, a product each, and one product for the weights", () => {
    const { outputs } = loop({ ...inputs, reverse: false }, lstm);
    const gradients = gradientsOf(square(outputs[0] as Value), [w, x]);
    const loops = loopsIn([...outputs, ...gradients]);
    expect(loops.map((settings) => settings.reverse)).toEqual([false, true]);
    expect(loops.map((settings) => countOf(settings, "contract"))).toEqual([1, 1]);
    const { order } = sortGraph(gradients, (value) => value.op.kind === "loop");
    expect(order.filter(({ op }) => op.kind === "contract")).toHaveLength(1);
    // h and c before and behind each step, the four gates and tanh(c).
    const kinds = (at: number): string =>
      partsOf(loops[at] as LoopSettings)
        .map(({ kind }) => kind)
        .join(" ");
    expect(kinds(0)).toBe("history history stack stack stack stack stack");
    expect(kinds(1)).toBe("stack");
  });

  test("what comes into the last step alone is no sequence of the loop back", () => {
    const { outputs } = loop({ ...inputs, reverse: false }, lstm);
    const last = kit.range(outputs[0] as Value, 0, 4, 5);
    const back = (y: Value): LoopSettings => loopsIn(gradientsOf(square(y), [w])).at(-1) as LoopSettings;
    expect(back(outputs[0] as Value).body.sequences).toBe(back(last).body.sequences + 1);
  });

  test("a product that a carry is added to is a carry of its own", () => {
    const given = { ...gru, sequences: [...gru.sequences, goesOn], constants: [...gru.constants, leafOf([2])] };
    const { carries } = loop({ ...given, reverse: false }, maskedGru);
    const [, back] = loopsIn(gradientsOf(square(carries[0] as Value), given.constants));
    expect(back?.body.carries).toBe(2);
    expect(back?.body.outputs[0]?.op.kind).toBe("contract");
  });

  test("weights that no product takes are added up by a carry", () => {
    const given = models[3]?.[2] as LoopInputs;
    const { carries } = loop({ ...given, reverse: false }, scaled);
    const [, back] = loopsIn(gradientsOf(square(carries[0] as Value), given.constants));
    // The gradients of two carries, and the sum.
    expect(back?.body.carries).toBe(3);
  });

  test("no gradient is recorded where none is wanted", () => {
    const plain = withMode({ grad: false }, () => loop({ ...inputs, reverse: false }, lstm));
    const [made] = loopsIn([...plain.carries, ...plain.outputs]);
    expect(partsOf(made as LoopSettings).map(({ kind, output }) => `${kind} ${output}`)).toEqual([
      "final 1",
      "stack 2",
    ]);
  });
});

describe("simplify", () => {
  const inputs = recurrence(4, 2, 3, 4);
  const { carries, outputs } = loop({ ...inputs, reverse: true }, lstm);
  const parts = (...roots: Value[]): string[] =>
    partsOf(loopsIn(roots)[0] as LoopSettings).map(({ kind, output, slots }) => `${kind} ${output} of ${slots}`);

  test("leaves out what nobody reads", () => {
    expect(parts(carries[0] as Value)).toEqual(["final 0 of 1"]);
    expect(parts(carries[1] as Value)).toEqual(["final 1 of 1"]);
    expect(parts(outputs[0] as Value)).toEqual(["stack 2 of 4"]);
    expect(parts(outputs[0] as Value, carries[1] as Value)).toEqual(["final 1 of 1", "stack 2 of 4"]);
  });

  test("changes no number", () => {
    const roots = [carries[0], outputs[0], kit.range(outputs[0] as Value, 0, 1, 3)] as Value[];
    for (const some of [roots, roots.slice(0, 1), roots.slice(1), roots.slice(2)]) {
      expectNear(runOnce(js, simplify(some)), runOnce(js, some));
    }
  });
});

describe("bodies", () => {
  test("equal steps are one body and one key; another number of steps is another key", () => {
    const wanted = (steps: number): Int32Array => {
      const { outputs } = loop({ ...recurrence(steps, 2, 3, 4), reverse: false }, lstm);
      return keyOf(outputs.map((value) => ({ value, cell: undefined }))).words.copy();
    };
    expect(wanted(4)).toEqual(wanted(4));
    expect(wanted(4)).not.toEqual(wanted(5));
    const bodyOf = (inputs: Omit<LoopInputs, "reverse">): unknown =>
      (loopsIn(loop({ ...inputs, reverse: false }, elman).outputs)[0] as LoopSettings).body.words;
    expect(bodyOf(recurrence(4, 2, 3, 1))).toEqual(bodyOf(recurrence(9, 2, 3, 1)));
    expect(bodyOf(recurrence(4, 2, 3, 1))).not.toEqual(bodyOf(recurrence(4, 2, 5, 1)));
  });

  test("a body whose vertices take no gradient is another one", () => {
    const given = { carries: [leafOf([2])], sequences: [], constants: [], steps: 2, reverse: false };
    const { carries } = loop(given, ([x]) => ({ carries: [kit.exp(x as Value)], outputs: [] }));
    const { body } = loopsIn(carries)[0] as LoopSettings;
    const still = withMode({ grad: false }, () => kit.exp(body.inputs[0] as Value));
    expect(makeBody(1, 0, body.inputs, [still])).not.toBe(
      makeBody(1, 0, body.inputs, [kit.exp(body.inputs[0] as Value)]),
    );
  });
});

test("no steps leave the carries as they are; no rows are no elements", () => {
  const none = loop({ ...recurrence(0, 2, 3, 4), reverse: false }, lstm);
  expect(none.outputs.map(({ shape }) => shape)).toEqual([[0, 2, 3]]);
  expect(none.carries.every(({ op }) => op.kind === "leaf")).toBe(true);
  const inputs = recurrence(3, 0, 2, 4);
  const { outputs } = loop({ ...inputs, reverse: false }, lstm);
  const [w] = inputs.constants as [Value];
  const [y, g] = runOnce(js, [outputs[0] as Value, ...gradientsOf(square(outputs[0] as Value), [w])]);
  expect(y).toHaveLength(0);
  expect([...(g as TypedArray)]).toEqual(Array(16).fill(0));
});

test("the text of a graph shows each body once, and does not depend on what was made before", () => {
  const textOf = (): string => {
    const { outputs } = loop({ ...recurrence(3, 2, 2, 4), reverse: true }, lstm);
    return showGraph([...outputs, ...loop({ ...recurrence(7, 2, 2, 4), reverse: true }, lstm).outputs]);
  };
  const text = textOf();
  expect(text.match(/^body 0, 2 carries, 1 sequences:$/gm)).toHaveLength(1);
  expect(text.match(/body=body 0 /g)).toHaveLength(2);
  expect(textOf()).toBe(text);
});

test("a body crosses to another thread", () => {
  const { outputs } = loop({ ...recurrence(3, 2, 2, 4), reverse: true }, lstm);
  const wanted = outputs.map((value) => ({ value, cell: undefined }));
  const key = keyOf(wanted);
  const program = programOf(key, wanted, (like, leaf) => makeLeaf(like.shape, like.dtype, leaf));
  const wire = structuredClone(writeProgram(program));
  const { program: read } = readProgram(wire);
  expect(writeProgram(read)).toEqual(wire);
  const [there] = js.compile(read).run(key.leaves);
  expect(there).toEqual(runOnce(js, outputs)[0]);
});
