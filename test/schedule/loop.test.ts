/** Plans of loops: the kernels of a step, where they read and write, and what another number of steps changes. */
import { describe, expect, test } from "vitest";
import type { TypedArray } from "../../src/base/dtype.ts";
import { withMode } from "../../src/ir/mode.ts";
import type { Value } from "../../src/ir/value.ts";
import { verifyProgram } from "../../src/ir/verify.ts";
import { kit } from "../../src/ops/kit.ts";
import { JsDevice } from "../../src/runtime/js/device.ts";
import { CpuDevice } from "../../src/runtime/cpu/device.ts";
import { startsOfWaves } from "../../src/runtime/cpu/waves.ts";
import type { BufferParts, KernelPlan, Step } from "../../src/schedule/plan.ts";
import { showPlan } from "../../src/schedule/show.ts";
import { verifyPlan } from "../../src/schedule/verify.ts";
import { type LoopStep, loop } from "../../src/transform/loop/build.ts";
import { makeDevice } from "../cpu-machine.ts";
import { CompiledGraph, dataLeaf, runOnce, sameBits } from "../runtime/compiled-graph.ts";
import { elman, lstm, maskedGru } from "../transform/loop-models.ts";
import { gradientsOf, inputOf, planOf } from "./models.ts";

interface Layer {
  readonly outputs: readonly Value[];
  readonly carries: readonly Value[];
  readonly weight: Value;
}

/** Data, so that several devices can read it. */
function weightOf(shape: readonly number[]): Value {
  const size = shape.reduce((n, extent) => n * extent, 1);
  return dataLeaf(
    shape,
    "float32",
    Array.from({ length: size }, (_, i) => Math.sin(1.7 * i) / 3),
    true,
  );
}

function layer(step: LoopStep, gates: number, steps: number, batch = 4, size = 8, reverse = false): Layer {
  const weight = weightOf([gates * size, size]);
  const zeros = kit.full([batch, size], 0, "float32");
  const carries = gates === 4 ? [zeros, zeros] : [zeros];
  const masked = step === maskedGru;
  const lengths = withMode({ grad: false }, () =>
    kit.lt(kit.iota([steps, batch], 0), kit.add(kit.iota([steps, batch], 1), 1)),
  );
  const sequences = [inputOf([steps, batch, gates * size]), ...(masked ? [lengths] : [])];
  const constants = [weight, ...(masked ? [weightOf([size])] : [])];
  return { ...loop({ carries, sequences, constants, steps, reverse }, step), weight };
}

function step({ outputs, carries, weight }: Layer): Value[] {
  const loss = kit.add(kit.sum(kit.square(outputs[0] as Value), [0, 1, 2]), kit.sum(carries[0] as Value, [0, 1]));
  return [loss, ...gradientsOf(loss, [weight])];
}

/** Of each round of each loop the kinds of its kernels. */
function rounds({ steps, loops }: KernelPlan): string[][] {
  return loops.map(({ from, kernels }) => steps.slice(from, from + kernels).map(({ kernel }) => kernel.kind));
}

const models = [
  { name: "tanh", body: elman, gates: 1 },
  { name: "LSTM", body: lstm, gates: 4 },
  { name: "masked GRU", body: maskedGru, gates: 3 },
] as const;

describe.each(models)("$name", ({ body, gates }) => {
  const { plan, program } = planOf(step(layer(body, gates, 6)));

  test("a step is one product and one kernel for all the rest, there and back", () => {
    verifyProgram(program, "test");
    verifyPlan(program, plan);
    expect(rounds(plan)).toEqual([
      ["contract", "loop"],
      ["loop", "contract"],
    ]);
    const counts = plan.loops.map(({ rounds: times, count }) => [times, count]);
    // Nobody reads what the last step back would carry on.
    expect(counts[0]).toEqual([6, 12]);
    expect(counts[1]).toEqual([6, 11]);
  });

  test("fused and unfused, there and back, it is what the reference makes of it", () => {
    for (const reverse of [false, true]) {
      const roots = step(layer(body, gates, 5, 3, 5, reverse));
      const want = runOnce(new JsDevice(), roots);
      const [fused, alone] = [{}, { fuse: false }].map((options) => runOnce(makeDevice(options), roots));
      want.forEach((x, i) => {
        expect(sameBits(fused?.[i] as TypedArray, alone?.[i] as TypedArray)).toBe(true);
        x.forEach((n, j) => expect(Math.abs(n - (fused?.[i]?.[j] as number))).toBeLessThan(1e-5 * (1 + Math.abs(n))));
      });
    }
  });

  test("another number of steps, or of rows, compiles nothing and has the same kernels", () => {
    const device = makeDevice();
    const run = (steps: number, batch: number): number => {
      new CompiledGraph(device, step(layer(body, gates, steps, batch))).plan.dispose();
      return device.compiled;
    };
    const before = run(4, 4);
    expect([run(9, 4), run(40, 4), run(4, 6)]).toEqual([before, before, before]);
    const kernelsOf = (p: KernelPlan): unknown[] =>
      p.steps
        .slice((p.loops[0] as { from: number }).from)
        .slice(0, 2)
        .map((s) => s.kernel);
    const [a, b] = [6, 11].map((steps) => planOf(step(layer(body, gates, steps))).plan) as [KernelPlan, KernelPlan];
    expect(kernelsOf(a)).toEqual(kernelsOf(b));
    expect(kernelsOf(a)[0]).toBe(kernelsOf(b)[0]);
  });
});

describe("memory", () => {
  const arena = (roots: readonly Value[]): number => planOf(roots).plan.arenaBytes;
  const untrained = (steps: number): Value[] =>
    withMode({ grad: false }, () => [layer(lstm, 4, steps).carries[0] as Value]);

  test("what a step needs is used again by the next: without a backward pass it is the same for all lengths", () => {
    expect(arena(untrained(50))).toBe(arena(untrained(10)));
  });

  test("where no gradient is read, nothing is kept for one", () => {
    const recorded = [layer(lstm, 4, 20).carries[0] as Value];
    expect(arena(recorded)).toBe(arena(untrained(20)));
  });

  test("a training step keeps h, c, the gates and tanh(c), and the gradients of the products", () => {
    const more = arena(step(layer(lstm, 4, 30))) - arena(step(layer(lstm, 4, 10)));
    const row = 4 * 4 * 8;
    // Beside them the gradient of the outputs.
    expect(more).toBeLessThanOrEqual(20 * row * (7 + 4 + 1));
    expect(more).toBeGreaterThanOrEqual(20 * row * (7 + 4));
  });
});

describe("places", () => {
  const { plan, program } = planOf(step(layer(lstm, 4, 6)));
  const offsetsOf = ({ parts }: Step): readonly number[] => (parts as BufferParts).offsets;
  const first = (plan.loops[0] as { from: number }).from;

  test("slices and stacks move by a slot from step to step", () => {
    const [a, b] = [plan.steps[first + 3], plan.steps[first + 5]] as [Step, Step];
    expect(a.kernel).toBe(b.kernel);
    const moves = offsetsOf(b).map((offset, i) => offset - (offsetsOf(a)[i] as number));
    const row = 4 * 4 * 8;
    // The product lies where it lay; the slice of the inputs has four gates.
    expect(new Set(moves)).toEqual(new Set([0, row, 4 * row]));
  });

  test("a step waits for the one before", () => {
    const starts = startsOfWaves(plan);
    expect(starts.slice(first + 1, first + 12).every(Boolean)).toBe(true);
  });

  test("the text shows a step once", () => {
    const text = showPlan(plan);
    expect(text).toContain("these 2 kernels come 6 times, 12 kernels in all:");
    expect(text.match(/^kernel /gm)?.length).toBeLessThan(plan.steps.length - 10);
    expect(text).toMatch(/b\d+@\d+\[/);
    const device = makeDevice();
    expect(device).toBeInstanceOf(CpuDevice);
    const { plan: compiled } = new CompiledGraph(device, step(layer(lstm, 4, 6)));
    expect(compiled.explain()).toContain("these 2 kernels come 6 times, 12 kernels in all:");
    expect(compiled.kernels[0]).toBe(plan.steps.filter(({ stage }) => stage === 0).length);
    compiled.dispose();
  });

  test("the checker refuses a part that leaves its buffer", () => {
    const wrong = (change: (parts: BufferParts) => Partial<BufferParts>, message: RegExp): void => {
      const steps = plan.steps.map((s, i): Step => {
        const parts = s.parts as BufferParts;
        return i === first + 2 ? { ...s, parts: { ...parts, ...change(parts) } } : s;
      });
      expect(() => verifyPlan(program, { ...plan, steps })).toThrow(message);
    };
    wrong(({ offsets }) => ({ offsets: offsets.map((n) => n + 2 ** 20) }), /a part from \d+ to \d+ of/);
    wrong(({ offsets }) => ({ offsets: offsets.map((n) => n + 1) }), /a part of \d+ bytes/);
    wrong(
      ({ types }) => ({ types: types.map((type) => ({ ...type, shape: type.shape.slice(1) })) }),
      /a part of \d+ bytes/,
    );
  });
});

test("sequences may lie anywhere in rows: views of them are not copied", () => {
  const x = inputOf([3, 12, 4, 8]);
  const weight = weightOf([8, 8]);
  // Every second row of a part, from behind.
  const part = kit.reshape(kit.slice(x, [1, 11, 0, 0], [1, -2, 1, 1], [1, 6, 4, 8]), [6, 4, 8]);
  const carries = [kit.reshape(kit.range(x, 0, 0, 1), [12 * 4, 8])].map((y) => kit.range(y, 0, 4, 8));
  const { outputs } = loop({ carries, sequences: [part], constants: [weight], steps: 6, reverse: false }, elman);
  const { plan, program } = planOf(outputs);
  verifyPlan(program, plan);
  expect(plan.steps.length - 2 * 6).toBeLessThanOrEqual(2);
  const [want, got] = [new JsDevice(), makeDevice()].map((device) => runOnce(device, outputs)[0] as TypedArray);
  want?.forEach((n, i) => expect(Math.abs(n - (got?.[i] as number))).toBeLessThan(1e-5));
});

describe("concat", () => {
  const x = inputOf([5, 6]);
  const shared = kit.exp(kit.mul(x, 0.1));

  test("parts of one shape are one kernel, with what they share", () => {
    const joined = kit.concat([kit.sin(shared), kit.mul(shared, x), kit.neg(shared)], 1);
    const { plan, program } = planOf([joined]);
    verifyPlan(program, plan);
    expect(plan.steps).toHaveLength(1);
    const [want, got] = [new JsDevice(), makeDevice()].map((device) => runOnce(device, [joined])[0] as TypedArray);
    want?.forEach((n, i) => expect(Math.abs(n - (got?.[i] as number))).toBeLessThan(1e-5));
  });

  test("unlike parts are a kernel each", () => {
    const joined = kit.concat([kit.sin(x), kit.cos(kit.range(x, 0, 0, 2))], 0);
    expect(planOf([joined]).plan.steps).toHaveLength(2);
  });

  test("slices that lie apart repeat no work", () => {
    const sum = kit.add(kit.add(x, inputOf([5, 6], Math.cos)), inputOf([6], Math.sin));
    const halves = [kit.range(sum, 1, 0, 3), kit.range(sum, 1, 3, 6)] as const;
    expect(planOf([kit.mul(kit.sin(halves[0]), kit.cos(halves[1]))]).plan.steps).toHaveLength(1);
    const over = [kit.range(sum, 1, 0, 4), kit.range(sum, 1, 2, 6)] as const;
    expect(planOf([kit.mul(kit.sin(over[0]), kit.cos(over[1]))]).plan.steps).toHaveLength(2);
  });
});
