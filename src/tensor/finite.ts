/** The check that losses and gradients are finite, before anything is written. Floor: tensor. */
import { isFloating } from "../base/dtype.ts";
import { TwopassError, showShape } from "../base/errors.ts";
import type { Value } from "../ir/value.ts";
import type { Inner } from "./inner.ts";

/** Throws where a result that has run holds NaN or an infinity. `owner` is the variable whose gradient it is. */
export function checkFinite(value: Value, owner?: Inner): void {
  const leaf = value.leaf;
  if (leaf?.kind !== "data" || !isFloating(value.dtype)) return;
  const at = leaf.data.findIndex((x) => !Number.isFinite(x));
  if (at < 0) return;
  const what = owner === undefined ? `a ${value.op.name}` : `the gradient of ${owner.cell?.label ?? "a tensor"}`;
  const where = value.path === "" ? "" : ` in ${value.path}`;
  throw new TwopassError({
    op: "checkFinite",
    problem: `${what}${where} is not finite`,
    facts: `${leaf.data[at]} at element ${at} of ${showShape(value.shape)}`,
    hint: owner === undefined ? "look at its inputs" : "setEager(true) names the operation where it arises",
    shapes: [value.shape],
  });
}
