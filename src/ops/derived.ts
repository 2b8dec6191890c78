/**
 * Values with a derivative of their own. A composite computes its result from primitives and gives the gradients of its
 * inputs in closed form, where following the primitives would take more work. Floor: ops.
 */
import { internal } from "../base/errors.ts";
import type { Value } from "../ir/value.ts";
import { type Rule, record } from "./record.ts";

const rules = new Map<string, Rule>();

/** Gives a rule a name, by which `kit.derived` asks for it: rules are no part of a vertex, names are. */
export function derivative(name: string, rule: Rule): string {
  if (rules.has(name)) throw internal(`two rules are called ${name}`);
  rules.set(name, rule);
  return name;
}

/**
 * y = the first input; the others are what y was made from. The rule gets all of them and gives the gradients of the
 * others; what it leaves undefined has its share in another one's gradient. Attribute `rule` is its name.
 */
export const derived = record({
  name: "derived",
  kind: "view",
  doc: "the first input, with a derivative given by a composite",
  isPartial: true,
  infer: ([x]) => ({ shape: (x as Value).shape, dtype: (x as Value).dtype }),
  evaluate: (out, [x]) => {
    if (x !== undefined) out.data.set(x.data);
  },
  vjp: (k, g, inputs, out, attrs) => {
    const rule = rules.get(String(attrs["rule"]));
    if (rule === undefined) throw internal(`no rule is called ${String(attrs["rule"])}`);
    return rule(k, g, inputs, out, attrs);
  },
});
