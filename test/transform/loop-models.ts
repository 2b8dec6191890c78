/** Recurrent steps as bodies of loops, and the same written out: what a loop must agree with. */
import { kit } from "../../src/ops/kit.ts";
import { linear } from "../../src/ops/composite/matmul.ts";
import type { Value } from "../../src/ir/value.ts";
import { type LoopInputs, type LoopStep, loop } from "../../src/transform/loop/build.ts";

export interface Recurrence {
  readonly carries: readonly Value[];
  readonly outputs: readonly Value[];
}

/** h' = tanh(x + h Wᵀ). */
export const elman: LoopStep = ([h], [x], [w]) => {
  const next = kit.tanh(kit.add(x as Value, linear(kit, h as Value, w as Value)));
  return { carries: [next], outputs: [next] };
};

const gates = (x: Value, count: number): Value[] => {
  const size = (x.shape[1] as number) / count;
  return Array.from({ length: count }, (_, i) => kit.range(x, 1, i * size, (i + 1) * size));
};

export const lstm: LoopStep = ([h, c], [x], [w]) => {
  const [i, f, g, o] = gates(kit.add(x as Value, linear(kit, h as Value, w as Value)), 4) as [
    Value,
    Value,
    Value,
    Value,
  ];
  const next = kit.add(kit.mul(kit.sigmoid(f), c as Value), kit.mul(kit.sigmoid(i), kit.tanh(g)));
  const out = kit.mul(kit.sigmoid(o), kit.tanh(next));
  return { carries: [out, next], outputs: [out] };
};

/** A gated unit with a bias of the step and a mask of the sequences that go on. */
export const maskedGru: LoopStep = ([h], [x, goesOn], [w, bias]) => {
  const before = h as Value;
  const hidden = gates(linear(kit, before, w as Value), 3);
  const input = gates(x as Value, 3);
  const both = (i: number): Value => kit.sigmoid(kit.add(input[i] as Value, hidden[i] as Value));
  const n = kit.tanh(kit.add(input[2] as Value, kit.mul(both(0), kit.add(hidden[2] as Value, bias as Value))));
  const next = kit.add(n, kit.mul(both(1), kit.sub(before, n)));
  const kept = kit.where(kit.spread(goesOn as Value, next.shape, [1]), next, before);
  return { carries: [kept], outputs: [kept, kit.mul(n, n)] };
};

/** Weights that no product takes: a step-wise scaling, and a sum over all that came before. */
export const scaled: LoopStep = ([s, all], [x], [w]) => {
  const next = kit.add(kit.mul(s as Value, kit.exp(kit.neg(w as Value))), x as Value);
  return { carries: [next, kit.add(all as Value, next)], outputs: [kit.square(next), x as Value] };
};

/** The same steps one behind the other. */
export function writtenOut({ carries, sequences, constants, steps, reverse }: LoopInputs, step: LoopStep): Recurrence {
  let state = carries;
  const rows: (readonly Value[])[] = [];
  for (let i = 0; i < steps; i++) {
    const t = reverse ? steps - 1 - i : i;
    const slices = sequences.map((x) => kit.reshape(kit.range(x, 0, t, t + 1), x.shape.slice(1)));
    const after = step(state, slices, constants);
    state = after.carries;
    rows[t] = after.outputs.map((y) => kit.reshape(y, [1, ...y.shape]));
  }
  return {
    carries: state,
    outputs: (rows[0] as Value[]).map((_, j) =>
      kit.concat(
        rows.map((row) => row[j] as Value),
        0,
      ),
    ),
  };
}

export const ways = { loop, writtenOut };
