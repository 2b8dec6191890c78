/**
 * Makes the vertex of a loop. Where gradients are recorded, it stacks what the loop back will read, so that nothing is
 * computed twice; simplify takes out what is not used after all. Floor: transform.
 */
import { isFloating } from "../../base/dtype.ts";
import type { Shape } from "../../base/shape.ts";
import { type Body, makeBody } from "../../ir/body.ts";
import { mode } from "../../ir/mode.ts";
import { Value } from "../../ir/value.ts";
import { kit } from "../../ops/kit.ts";
import { type LoopPart, firstSlot, loopAttrs, loopSettings, partsOf, slotBehind } from "../../ops/loop.ts";
import { table } from "../../ops/table.ts";
import { type Differentiate, type StepGradient, stepGradient } from "./step-gradient.ts";

export interface LoopResults {
  /** The carries behind the last step. */
  readonly carries: readonly Value[];
  /** What each step gives beside them, [steps, ...] each. */
  readonly outputs: readonly Value[];
}

export interface LoopCall {
  readonly body: Body;
  /** Carries, sequences, and what is the same in all steps. */
  readonly inputs: readonly Value[];
  readonly steps: number;
  readonly reverse: boolean;
}

export function runLoop(call: LoopCall, differentiate: Differentiate): LoopResults {
  const { body, inputs, steps } = call;
  const carries = body.outputs.slice(0, body.carries);
  const asked = body.outputs.slice(body.carries);
  if (steps === 0) {
    return { carries: inputs.slice(0, body.carries), outputs: asked.map((y) => kit.full([0, ...y.shape], 0, y.dtype)) };
  }
  const gradient = mode.grad && inputs.some((x) => x.requiresGrad) ? gradientOf(call, differentiate) : undefined;
  const histories = gradient?.histories ?? [];
  const inHistory = (value: Value): boolean => histories.some((carry) => carries[carry] === value);
  const stacked = [...new Set([...asked, ...(gradient?.extra ?? [])])].filter((value) => !inHistory(value));
  const finals = carries.flatMap((value, i) => (stacked.includes(value) || inHistory(value) ? [] : [i]));
  const vertex = loopVertex(call, [...carries, ...stacked], finals, histories);
  const views = new LoopViews(vertex);
  const stackOf = (value: Value): Value =>
    inHistory(value) ? views.behind(historyOf(value)) : views.stack(body.carries + stacked.indexOf(value));
  const historyOf = (value: Value): number => histories.find((carry) => carries[carry] === value) as number;
  return {
    carries: carries.map((value, i) => {
      if (inHistory(value)) return views.final(historyOf(value));
      return stacked.includes(value) ? views.last(stackOf(value)) : views.final(i);
    }),
    outputs: asked.map(stackOf),
  };
}

/** The derivative of all that a loop gives. */
function gradientOf({ body, inputs }: LoopCall, differentiate: Differentiate): StepGradient {
  const outputs = body.outputs.map((_, i) => i).slice(body.carries);
  return stepGradient(body, wantedOf(body, inputs), outputs, differentiate);
}

/** The inputs of a body, without carries, that a gradient flows to. */
export function wantedOf(body: Body, inputs: readonly Value[]): number[] {
  return inputs.flatMap((x, i) => (i >= body.carries && x.requiresGrad && isFloating(x.dtype) ? [i] : []));
}

/** The vertex of a loop with other outputs of the same step. */
export function loopVertex(
  { body, inputs, steps, reverse }: LoopCall,
  outputs: readonly Value[],
  finals: readonly number[],
  histories: readonly number[],
): Value {
  const whole = makeBody(body.carries, body.sequences, body.inputs, outputs);
  return new Value(table.loop, inputs, loopAttrs({ body: whole, steps, reverse, finals, histories }));
}

/** The parts of a loop's result as tensors. */
export class LoopViews {
  readonly #loop: Value;
  readonly #settings;
  readonly #parts: readonly LoopPart[];

  constructor(loop: Value) {
    this.#loop = loop;
    this.#settings = loopSettings(loop.attrs);
    this.#parts = partsOf(this.#settings);
  }

  /** What an output of this number was in all steps, in the order of the slices. */
  stack(output: number): Value {
    return this.#slots(this.#part("stack", output), 0, this.#settings.steps);
  }

  /** What a carry was behind each step. */
  behind(carry: number): Value {
    return this.#slots(this.#part("history", carry), this.#settings.reverse ? 0 : 1, this.#settings.steps);
  }

  /** What a carry was before each step. */
  before(carry: number): Value {
    return this.#slots(this.#part("history", carry), this.#settings.reverse ? 1 : 0, this.#settings.steps);
  }

  /** What a carry was behind the last step. */
  final(carry: number): Value {
    const part = this.#parts.find(({ kind, output }) => kind === "final" && output === carry);
    const slots = this.#slots(part ?? this.#part("history", carry), part === undefined ? this.#lastSlot(carry) : 0, 1);
    return kit.reshape(slots, slots.shape.slice(1));
  }

  /** The last step's part of a stack. */
  last(stack: Value): Value {
    const at = this.#settings.reverse ? 0 : this.#settings.steps - 1;
    return kit.reshape(kit.range(stack, 0, at, at + 1), stack.shape.slice(1));
  }

  #lastSlot(carry: number): number {
    const { steps, reverse } = this.#settings;
    return slotBehind(this.#part("history", carry), this.#settings, reverse ? 0 : steps - 1);
  }

  #part(kind: LoopPart["kind"], output: number): LoopPart {
    return this.#parts.find((part) => part.kind === kind && part.output === output) as LoopPart;
  }

  #slots({ output, start, size }: LoopPart, from: number, slots: number): Value {
    const shape: Shape = (this.#settings.body.outputs[output] as Value).shape;
    const at = start + from * size;
    return kit.reshape(kit.range(this.#loop, 0, at, at + slots * size), [slots, ...shape]);
  }
}

/** The slots of a history that stand before and behind all steps. */
export function endSlots(loop: Value, part: LoopPart): { readonly first: number; readonly last: number } {
  const settings = loopSettings(loop.attrs);
  const { steps, reverse } = settings;
  return {
    first: part.kind === "history" ? firstSlot(settings) : -1,
    last: part.kind === "final" ? 0 : slotBehind(part, settings, reverse ? 0 : steps - 1),
  };
}
