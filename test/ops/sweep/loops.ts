/** Cases of loops: recurrent steps of several kinds, both ways, with few steps and many. */
import type { Value } from "../../../src/ir/value.ts";
import { kit } from "../../../src/ops/kit.ts";
import { table } from "../../../src/ops/table.ts";
import { type LoopStep, loop as runLoop } from "../../../src/transform/loop/build.ts";
import * as models from "../../transform/loop-models.ts";
import type { Case, Family, Input } from "./case.ts";
import { floats } from "./common.ts";

interface Shapes {
  readonly carries: readonly (readonly number[])[];
  readonly sequences: readonly Input[];
  readonly constants: readonly (readonly number[])[];
  readonly steps: number;
}

/** The vector of all that a loop gives. */
function wholeOf(view: Value): Value {
  let value = view;
  while (value.op.kind === "view") value = value.inputs[0] as Value;
  return value;
}

function cases(name: string, step: LoopStep, { carries, sequences, constants, steps }: Shapes): Case[] {
  return [false, true].map((reverse) => ({
    label: `${name}, ${steps} steps${reverse ? " back" : ""}`,
    inputs: [...carries.map((shape) => ({ shape })), ...sequences, ...constants.map((shape) => ({ shape }))],
    build(...x) {
      const end = carries.length + sequences.length;
      const given = { carries: x.slice(0, carries.length), sequences: x.slice(carries.length, end) };
      const results = runLoop({ ...given, constants: x.slice(end), steps, reverse }, step);
      return wholeOf(results.carries[0] as Value);
    },
  }));
}

/** Sums of sums: a loop in each step. */
const nested: LoopStep = ([s], [x], [w]) => {
  const inside = runLoop(
    { carries: [s as Value], sequences: [x as Value], constants: [w as Value], steps: 3, reverse: true },
    models.elman,
  );
  return { carries: inside.carries, outputs: inside.outputs };
};

/** Carries that change places, one that stays, and one that forgets. */
const moving: LoopStep = ([a, b, c, d], [x]) => {
  const [p, q] = [a as Value, b as Value];
  return {
    carries: [q, p, c as Value, kit.sin(x as Value)],
    outputs: [kit.mul(p, q), kit.add(c as Value, d as Value)],
  };
};

const batches = (steps: number, batch: number, size: number, gates: number): Shapes => ({
  carries: Array.from({ length: gates === 4 ? 2 : 1 }, () => [batch, size]),
  sequences: [{ shape: [steps, batch, gates * size] }],
  constants: [[gates * size, size]],
  steps,
});

export const loop: Family = {
  record: table.loop,
  dtypes: floats,
  tolerance: 200,
  cases: [
    ...cases("tanh", models.elman, batches(4, 3, 2, 1)),
    ...cases("tanh", models.elman, batches(1, 2, 5, 1)),
    ...cases("tanh", models.elman, batches(2, 0, 3, 1)),
    ...cases("LSTM", models.lstm, batches(5, 2, 5, 4)),
    ...cases("LSTM", models.lstm, batches(1, 1, 1, 4)),
    ...cases("masked GRU", models.maskedGru, {
      carries: [[3, 2]],
      sequences: [{ shape: [4, 3, 6] }, { shape: [4, 3], dtype: "bool" }],
      constants: [[6, 2], [2]],
      steps: 4,
    }),
    ...cases("scaled", models.scaled, {
      carries: [[3], [3]],
      sequences: [{ shape: [5, 3] }],
      constants: [[3]],
      steps: 5,
    }),
    ...cases("moving", moving, {
      carries: [[2], [2], [2], [2]],
      sequences: [{ shape: [3, 2] }],
      constants: [],
      steps: 3,
    }),
    ...cases("nested", nested, {
      carries: [[2, 2]],
      sequences: [{ shape: [2, 3, 2, 2] }],
      constants: [[2, 2]],
      steps: 2,
    }),
  ],
};
