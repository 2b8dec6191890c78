/** Passes over the bodies of loops. Floor: transform. */
import { type Body, makeBody } from "../../ir/body.ts";
import { Value } from "../../ir/value.ts";
import { loopAttrs, loopSettings } from "../../ops/loop.ts";

/** A loop of the same results whose body a pass has gone over; the vertex itself where nothing has changed. */
export function withBody(
  loop: Value,
  inputs: readonly Value[],
  pass: (outputs: readonly Value[]) => readonly Value[],
): Value {
  const settings = loopSettings(loop.attrs);
  const body = passed(settings.body, pass);
  const same = body === settings.body && inputs.every((input, i) => input === loop.inputs[i]);
  return same ? loop : new Value(loop.op, inputs, loopAttrs({ ...settings, body }));
}

function passed(body: Body, pass: (outputs: readonly Value[]) => readonly Value[]): Body {
  const outputs = pass(body.outputs);
  if (outputs.every((value, i) => value === body.outputs[i])) return body;
  return makeBody(body.carries, body.sequences, body.inputs, outputs);
}
