/** What traces and runs look like as JSON, for those who read them. Its types are valibot's, so nothing public has them. Floor: inspect. */
import * as v from "valibot";
import { traceFormat, traceVersion } from "./trace-format.ts";

/** JSON in which NaN, infinities and −0 are texts. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "number" ? (Object.is(part, -0) ? "-0" : Number.isFinite(part) ? part : String(part)) : part,
  );
}

/** A number of such a text. */
export const number = v.union([
  v.number(),
  v.pipe(
    v.picklist(["NaN", "Infinity", "-Infinity", "-0"]),
    v.transform((text) => Number(text)),
  ),
]);
export const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const counts = v.array(count);
const phase = v.picklist(["forward", "backward", "update"]);
export const dtype = v.picklist(["float32", "float64", "int32", "uint8", "bool"]);
export const settings = v.record(v.string(), v.union([number, v.boolean(), v.string(), v.array(number)]));
export const statistics = v.object({
  kind: v.literal("statistics"),
  size: count,
  min: number,
  max: number,
  mean: number,
  std: number,
  norm: number,
  zeros: number,
  nonFinite: number,
  nan: number,
  histogram: v.object({ from: number, to: number, counts, sampled: count }),
});
const value = v.variant("kind", [v.object({ kind: v.literal("elements"), data: v.array(number) }), statistics]);

export const traceSchema = v.object({
  format: v.literal(traceFormat),
  version: v.literal(traceVersion),
  date: v.string(),
  device: v.string(),
  model: v.string(),
  optimizer: v.string(),
  step: v.exactOptional(count),
  loss: count,
  lossValue: number,
  modules: v.array(
    v.object({
      path: v.string(),
      type: v.string(),
      settings: v.string(),
      parameters: v.array(v.string()),
      calls: v.array(v.object({ inputs: counts, outputs: counts })),
    }),
  ),
  operations: v.array(
    v.object({
      phase,
      op: v.string(),
      call: v.string(),
      module: v.string(),
      line: v.string(),
      label: v.string(),
      inputs: counts,
      shape: counts,
      dtype,
      settings,
      derivativeOf: v.exactOptional(count),
      gradient: v.exactOptional(count),
      gradientOf: v.exactOptional(count),
      keptBytes: count,
      flat: v.exactOptional(number),
      value: v.exactOptional(value),
    }),
  ),
  parameters: v.array(
    v.object({
      path: v.string(),
      shape: counts,
      dtype,
      operation: v.exactOptional(count),
      gradient: v.exactOptional(count),
      before: value,
      after: v.exactOptional(value),
      change: v.exactOptional(value),
      state: v.record(v.string(), v.object({ before: v.exactOptional(value), after: value })),
      settings,
    }),
  ),
  kernels: v.array(
    v.object({
      label: v.string(),
      kind: v.string(),
      phase,
      milliseconds: number,
      operations: number,
      bytes: number,
    }),
  ),
});
