/**
 * Calls: a graph that was made before is used again over other inputs, without making its vertices. Programs do not have
 * them (ir/program.ts puts the bodies in their place), so no pass and no device knows of them. No gradient flows through
 * a call. Floor: ops.
 */
import { internal } from "../base/errors.ts";
import type { Body } from "../ir/body.ts";
import { Value } from "../ir/value.ts";
import type { Type } from "../ir/op.ts";
import { numberOf, record } from "./record.ts";

/** A call has no elements of its own. */
const nothing: Type = { shape: [], dtype: "bool" };

/** Attribute `body` is the graph. */
const call = record({
  name: "call",
  kind: "call",
  doc: "a graph that was made before, over other inputs",
  infer: () => nothing,
  evaluate: () => {
    throw internal("a call is not evaluated");
  },
  vjp: null,
});

/** Attribute `index` is the number of the output. */
const result = record({
  name: "result",
  kind: "result",
  doc: "one output of a call",
  infer: ([of], attrs) => ((of as Value).attrs["body"] as Body).outputs[numberOf(attrs, "index")] as Value,
  evaluate: () => {
    throw internal("the result of a call is not evaluated");
  },
  vjp: null,
});

/** What tells the outputs apart: the same objects for all calls. */
const indices: { readonly index: number }[] = [];

/** A call, as the only input of its results. */
export type Call = readonly [Value];

/** The graph of `body` over other inputs of the same types. */
export function callBody(body: Body, inputs: readonly Value[]): Call {
  return [new Value(call, inputs, { body }, undefined, false)];
}

/** An output of a call. */
export function resultOf(from: Call, index: number): Value {
  while (indices.length <= index) indices.push({ index: indices.length });
  return new Value(result, from, indices[index] as { readonly index: number }, undefined, false);
}
