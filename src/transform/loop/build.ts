/** Loops as composites write them: a function builds the step, over leaves. Floor: transform. */
import { isFloating } from "../../base/dtype.ts";
import { internal } from "../../base/errors.ts";
import { makeBody } from "../../ir/body.ts";
import { withMode } from "../../ir/mode.ts";
import type { Value } from "../../ir/value.ts";
import { makeLeaf } from "../../ops/leaf.ts";
import { pullback } from "../grad.ts";
import { type LoopResults, runLoop } from "./vertex.ts";

export interface LoopInputs {
  /** What the first step finds; a step leaves the same shapes to the next. All of one floating dtype. */
  readonly carries: readonly Value[];
  /** [steps, ...] each; a step sees a slice. */
  readonly sequences: readonly Value[];
  /** What is the same in all steps. */
  readonly constants: readonly Value[];
  readonly steps: number;
  /** Whether the last slice is taken first. Stacked results are in the order of the slices all the same. */
  readonly reverse: boolean;
}

/** One step: from carries, slices and constants to the next carries and what the step gives beside them. */
export type LoopStep = (
  carries: readonly Value[],
  slices: readonly Value[],
  constants: readonly Value[],
) => { readonly carries: readonly Value[]; readonly outputs: readonly Value[] };

/** Runs a step for all slices. Its graph is built once, whatever the number of steps. */
export function loop({ carries, sequences, constants, steps, reverse }: LoopInputs, step: LoopStep): LoopResults {
  const inputs = [...carries, ...sequences, ...constants];
  const sequenceEnd = carries.length + sequences.length;
  const body = withMode({ phase: 0, path: "", call: "", grad: true }, () => {
    const leaves = inputs.map(({ shape, dtype }, index) => {
      const isSequence = index >= carries.length && index < sequenceEnd;
      return makeLeaf(isSequence ? shape.slice(1) : shape, dtype, { kind: "input", index }, isFloating(dtype));
    });
    const [first, second] = [leaves.slice(0, carries.length), leaves.slice(carries.length, sequenceEnd)];
    const after = step(first, second, leaves.slice(sequenceEnd));
    const outputs = [...after.carries, ...after.outputs];
    const dtype = outputs[0]?.dtype;
    if (outputs.some((y) => y.dtype !== dtype || !isFloating(y.dtype))) throw internal("a loop of several dtypes");
    return makeBody(carries.length, sequences.length, leaves, outputs);
  });
  return runLoop({ body, inputs, steps, reverse }, pullback);
}
