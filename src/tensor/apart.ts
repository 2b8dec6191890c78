/** Looking at vertices beside what is pending: nothing is written, and nothing counts as having run. Floor: tensor. */
import type { TypedArray } from "../base/dtype.ts";
import { withMode } from "../ir/mode.ts";
import { keyOf } from "../ir/program.ts";
import type { Value } from "../ir/value.ts";
import { kit } from "../ops/kit.ts";
import type { Engine } from "./engine.ts";

/** The elements of vertices, by one run of its own. @throws on a device in another thread. */
export function elementsApart(engine: Engine, values: readonly Value[]): readonly TypedArray[] {
  if (values.length === 0) return [];
  const wanted = withMode({ grad: false }, () =>
    values.map((value) => ({ value: value.leaf === undefined ? value : kit.alias(value, false), cell: undefined })),
  );
  const key = keyOf(wanted);
  return engine.runPlan(engine.plans.find(key, wanted).plan, key.leaves, key) as readonly TypedArray[];
}
