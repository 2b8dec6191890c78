/**
 * Loops over time: a body (ir/body.ts) is run for each step, on what the step before left (carries), on the step's slices
 * of sequences, and on what is the same in all steps. Floor: ops.
 */
import { type TypedArray, allocate } from "../base/dtype.ts";
import { internal, showShape } from "../base/errors.ts";
import { type Shape, sameShape, sizeOf } from "../base/shape.ts";
import type { Body } from "../ir/body.ts";
import type { AttrValue, Attrs, HostTensor } from "../ir/op.ts";
import { type Value, sortGraph } from "../ir/value.ts";
import { listOf, numberOf, record } from "./record.ts";

/** The settings of a loop, in the order of the attributes. */
export interface LoopSettings {
  readonly body: Body;
  /** From 1; where there are no steps there is no loop. */
  readonly steps: number;
  /** Whether the last slice is taken first. */
  readonly reverse: boolean;
  /** The carries whose content behind the last step is a part of the result. */
  readonly finals: readonly number[];
  /** The carries that are parts of the result with their content before the first step and behind each step. */
  readonly histories: readonly number[];
}

export function loopSettings(attrs: Attrs): LoopSettings {
  return {
    body: bodyOf(attrs["body"]),
    steps: numberOf(attrs, "steps"),
    reverse: attrs["reverse"] === true,
    finals: listOf(attrs, "finals"),
    histories: listOf(attrs, "histories"),
  };
}

/** The body that an attribute holds. */
export function bodyOf(attr: AttrValue | undefined): Body {
  if (typeof attr !== "object" || !("words" in attr)) throw internal("attribute body is no body");
  return attr;
}

export function loopAttrs({ body, steps, reverse, finals, histories }: LoopSettings): Attrs {
  return { body, steps, reverse, finals, histories };
}

/** A part of the result of a loop, which is one vector. */
export interface LoopPart {
  /** "stack": what each step gives, in the order of the slices. */
  readonly kind: "final" | "history" | "stack";
  /** Number of the body's output; for finals and histories that is the carry's. */
  readonly output: number;
  /** First element in the result. */
  readonly start: number;
  /** Elements of one slot: of the carry, or of what a step gives. */
  readonly size: number;
  readonly slots: number;
}

/** The parts in the order in which they lie. */
export function partsOf({ body, steps, finals, histories }: LoopSettings): LoopPart[] {
  const parts: LoopPart[] = [];
  let start = 0;
  const add = (kind: LoopPart["kind"], output: number, slots: number): void => {
    const size = sizeOf((body.outputs[output] as Value).shape);
    parts.push({ kind, output, start, size, slots });
    start += slots * size;
  };
  for (const carry of finals) add("final", carry, 1);
  for (const carry of histories) add("history", carry, steps + 1);
  for (let i = body.carries; i < body.outputs.length; i++) add("stack", i, steps);
  return parts;
}

/** The slot of a history that holds what was before the first step. */
export function firstSlot({ steps, reverse }: LoopSettings): number {
  return reverse ? steps : 0;
}

/** The slot in which a part keeps the result of the step with slice `t`. */
export function slotBehind(part: LoopPart, { reverse }: LoopSettings, t: number): number {
  return part.kind === "history" && !reverse ? t + 1 : t;
}

/** The shape of an input, without its dim of steps where it is a sequence. */
function stepShape(shape: Shape, input: number, body: Body): Shape {
  return input >= body.carries && input < body.carries + body.sequences ? shape.slice(1) : shape;
}

/** One vector: finals, histories, stacks. Its parts are views of it, so that a loop is a vertex like any other. */
export const loop = record({
  name: "loop",
  kind: "loop",
  doc: "a graph run step after step over slices of sequences",
  infer(inputs, attrs) {
    const settings = loopSettings(attrs);
    const { body, steps } = settings;
    if (inputs.length !== body.inputs.length) throw internal(`a loop of ${inputs.length} inputs`);
    inputs.forEach((x, i) => {
      const inside = body.inputs[i] as Value;
      const shape = stepShape(x.shape, i, body);
      if (x.dtype !== inside.dtype || !sameShape(shape, inside.shape)) {
        throw internal(`loop: input ${i} is ${x.dtype} ${showShape(x.shape)}, a step takes ${showShape(inside.shape)}`);
      }
      if (shape !== x.shape && x.shape[0] !== steps) throw internal(`loop: ${steps} steps over ${showShape(x.shape)}`);
    });
    const last = partsOf(settings).at(-1);
    const size = last === undefined ? 0 : last.start + last.size * last.slots;
    return { shape: [size], dtype: (body.outputs[0] as Value).dtype };
  },
  evaluate(out, inputs, attrs) {
    const settings = loopSettings(attrs);
    const { body, steps, reverse } = settings;
    const parts = partsOf(settings);
    const evaluateStep = stepEvaluator(body);
    const put = (part: LoopPart, slot: number, from: TypedArray): void =>
      out.data.set(from, part.start + slot * part.size);
    let carries = inputs.slice(0, body.carries).map((x) => x.data);
    for (const part of parts) {
      if (part.kind === "history") put(part, firstSlot(settings), carries[part.output] as TypedArray);
    }
    for (let i = 0; i < steps; i++) {
      const t = reverse ? steps - 1 - i : i;
      const results = evaluateStep((input) => {
        const { data } = inputs[input] as HostTensor;
        if (input < body.carries) return carries[input] as TypedArray;
        if (input >= body.carries + body.sequences) return data;
        const size = data.length / steps;
        return data.subarray(t * size, (t + 1) * size);
      });
      for (const part of parts) {
        if (part.kind !== "final" || i === steps - 1) {
          put(part, part.kind === "final" ? 0 : slotBehind(part, settings, t), results[part.output] as TypedArray);
        }
      }
      carries = results.slice(0, body.carries);
    }
  },
  // Made by transform/loop: it takes differentiation itself.
  vjp: null,
});

/** Evaluates the outputs of a body from the elements of its inputs. */
function stepEvaluator(body: Body): (input: (number: number) => TypedArray) => TypedArray[] {
  const { order } = sortGraph(body.outputs, () => false);
  const positions = order.map((value) => value.inputs.map((input) => input.position));
  const outputs = body.outputs.map((value) => value.position);
  return (input) => {
    const tensors: HostTensor[] = [];
    order.forEach(({ op, attrs, shape, dtype, leaf }, i) => {
      if (leaf?.kind === "input") {
        tensors.push({ shape, dtype, data: input(leaf.index) });
        return;
      }
      const out = { shape, dtype, data: allocate(dtype, sizeOf(shape)) };
      op.evaluate(
        out,
        (positions[i] as number[]).map((at) => tensors[at] as HostTensor),
        attrs,
      );
      tensors.push(out);
    });
    return outputs.map((at) => (tensors[at] as HostTensor).data);
  };
}
