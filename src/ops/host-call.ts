/** How a record is written whose function targets may call from the host. No records here. Floor: ops. */
import { type HostFunction, hostFunctionTable } from "../base/host-functions.ts";
import type { OpDef } from "../ir/op.ts";
import type { Scalar, ScalarBuilder } from "../ir/scalar.ts";
import { type ElementwiseParts, elementwise, floating } from "./record.ts";

interface HostedParts extends Omit<ElementwiseParts, "accepts" | "evaluate" | "lower"> {
  /** The lowering in float32, where it is not a call in float64. */
  readonly float32?: (s: ScalarBuilder, x: Scalar) => Scalar;
}

/** A record of floats that is a host function: float64 calls it, and float32 too unless it has a lowering of its own. */
export function hosted(name: HostFunction, parts: HostedParts): OpDef {
  const { float32, ...rest } = parts;
  return elementwise(name, {
    ...rest,
    accepts: floating,
    evaluate: hostFunctionTable[name],
    lower: (s, x, out) =>
      out === "float32" && float32 !== undefined ? float32(s, x[0] as Scalar) : s.call(name, ...x),
    cost: parts.cost ?? 50,
  });
}
