/** The derivative of a loop: a loop that goes the other way, and sums over all steps behind it. Floor: transform. */
import { isFloating } from "../../base/dtype.ts";
import { withMode } from "../../ir/mode.ts";
import type { Attrs } from "../../ir/op.ts";
import type { Value } from "../../ir/value.ts";
import { kit } from "../../ops/kit.ts";
import { loopSettings, partsOf } from "../../ops/loop.ts";
import { type Differentiate, type Source, type StepGradient, stepGradient } from "./step-gradient.ts";
import { type Piece, piecesWithin } from "./pieces.ts";
import { LoopViews, endSlots, loopVertex, runLoop, wantedOf } from "./vertex.ts";

/** What comes into the results of a loop. */
interface Incoming {
  /** For each carry: into what it is behind the last step, and into what it was before the first. */
  readonly finals: (Value | undefined)[];
  readonly starts: (Value | undefined)[];
  /** By number of an output: into what it is at each step, [steps, ...]. */
  readonly stacks: Map<number, Value>;
}

/** From `g`, the gradient of the loop's vector `out`, the gradients of its inputs. */
export function loopRule(
  g: Value,
  inputs: readonly Value[],
  out: Value,
  attrs: Attrs,
  differentiate: Differentiate,
): (Value | undefined)[] {
  const { body, steps, reverse } = loopSettings(attrs);
  const incoming = incomingOf(g, out);
  const seeded = [...incoming.stacks.keys()].sort((a, b) => a - b);
  const gradient = stepGradient(body, wantedOf(body, inputs), seeded, differentiate);
  const forward = new LoopViews(withAll(out, inputs, gradient));
  const extras = body.outputs.length;
  const sequence = (source: Source): Value => {
    switch (source.kind) {
      case "input":
        return inputs[source.input] as Value;
      case "before":
        return forward.before(source.carry);
      case "behind":
        return forward.behind(source.carry);
      case "stack":
        return forward.stack(source.output);
      case "extra":
        return forward.stack(extras + source.extra);
      case "gradient":
        return incoming.stacks.get(source.output) as Value;
    }
  };

  const starts = gradient.body.inputs.slice(0, gradient.body.carries).map((x) => kit.full(x.shape, 0, x.dtype));
  incoming.finals.forEach((final, carry) => {
    const first = gradient.carries[carry]?.[0];
    if (final !== undefined && first !== undefined) starts[first] = final;
  });
  const given = [...starts, ...gradient.sequences.map(sequence), ...gradient.constants.map((i) => inputs[i] as Value)];
  const back = runLoop({ body: gradient.body, inputs: given, steps, reverse: !reverse }, differentiate);

  const terms = gradient.carries.reduce((sum, list) => sum + list.length, 0);
  const behind = {
    steps,
    stackOf: (value: Value): Value => {
      const source = gradient.sources.get(value);
      return source === undefined ? (back.outputs[gradient.stacked.get(value) as number] as Value) : sequence(source);
    },
    input: (number: number): Value => inputs[number] as Value,
    total: (number: number): Value => back.carries[terms + number] as Value,
  };
  return inputs.map((x, i) => {
    if (!x.requiresGrad || !isFloating(x.dtype)) return undefined;
    const slices = gradient.slices.get(i);
    if (slices !== undefined) return back.outputs[slices];
    const sum = gradient.sums.get(i);
    if (sum !== undefined) return sum(behind);
    const carried = gradient.carries[i]?.map((term) => back.carries[term] as Value);
    if (carried === undefined) return kit.full(x.shape, 0, x.dtype);
    const start = incoming.starts[i];
    return [...carried, ...(start === undefined ? [] : [start])].reduce((a, b) => kit.add(a, b));
  });
}

/** The loop with all that the loop back reads: mostly it was made so. */
function withAll(out: Value, inputs: readonly Value[], { histories, extra }: StepGradient): Value {
  const settings = loopSettings(out.attrs);
  if (extra.length === 0 && histories.every((carry) => settings.histories.includes(carry))) return out;
  const all = [...new Set([...settings.histories, ...histories])];
  const finals = settings.finals.filter((carry) => !all.includes(carry));
  return withMode({ phase: out.phase, path: out.path }, () =>
    loopVertex({ ...settings, inputs }, [...settings.body.outputs, ...extra], finals, all),
  );
}

/** Splits the gradient of the vector into those of its parts. What comes into the last step alone comes into the carry. */
function incomingOf(g: Value, out: Value): Incoming {
  const settings = loopSettings(out.attrs);
  const { body, steps } = settings;
  const incoming: Incoming = { finals: [], starts: [], stacks: new Map() };
  const plus = (a: Value | undefined, b: Value): Value => (a === undefined ? b : kit.add(a, b));
  for (const part of partsOf(settings)) {
    const { kind, output, start, size, slots } = part;
    const { shape } = body.outputs[output] as Value;
    const { first, last } = endSlots(out, part);
    const carry = kind === "stack" ? body.outputs.indexOf(body.outputs[output] as Value) : output;
    const isCarry = carry < body.carries;
    // The slots of the steps alone.
    const from = first === 0 ? 1 : 0;
    for (const piece of piecesWithin(g, start, start + slots * size)) {
      for (const { at, value } of atBorders(piece, first < 0 ? [] : [first * size, (first + 1) * size])) {
        const covers = (slot: number): boolean =>
          at >= slot * size && at + (value.shape[0] as number) <= (slot + 1) * size;
        const slotOf = (slot: number): Value => kit.reshape(padTo(value, at - slot * size, size), shape);
        if (first >= 0 && covers(first)) incoming.starts[output] = plus(incoming.starts[output], slotOf(first));
        else if (isCarry && covers(last)) incoming.finals[carry] = plus(incoming.finals[carry], slotOf(last));
        else {
          const all = kit.reshape(padTo(value, at - from * size, steps * size), [steps, ...shape]);
          incoming.stacks.set(output, plus(incoming.stacks.get(output), all));
        }
      }
    }
  }
  return incoming;
}

/** A vector in the middle of zeros. */
function padTo(x: Value, low: number, size: number): Value {
  return kit.pad(x, [low], [size - low - (x.shape[0] as number)]);
}

/** A piece cut at some places. */
function atBorders(piece: Piece, borders: readonly number[]): Piece[] {
  const end = piece.at + (piece.value.shape[0] as number);
  const cuts = [piece.at, ...borders.filter((b) => b > piece.at && b < end), end];
  return cuts.slice(1).map((to, i) => {
    const from = cuts[i] as number;
    return { at: from, value: kit.range(piece.value, 0, from - piece.at, to - piece.at) };
  });
}
