/** Rewriting of graphs: every vertex is offered to a rule once, inputs first; equal vertices become one. Floor: ir. */
import { Value, sortGraph } from "./value.ts";

/** Gives the vertex that shall stand for `value`, whose inputs were rewritten to `inputs`; undefined keeps it. */
export type RewriteRule = (value: Value, inputs: readonly Value[]) => Value | undefined;

export class Rewriter {
  readonly #known = new Map<string, Value>();
  readonly #numbers = new Map<Value, number>();

  /** The one vertex of this structure. */
  unify(value: Value): Value {
    if (value.leaf !== undefined) return value;
    const attrs = Object.values(value.attrs).map((attr) => (Object.is(attr, -0) ? "-0" : String(attr)));
    const head = [value.op.code, value.phase, value.dtype, value.shape.join(), ...attrs].join(";");
    const key = `${head} of ${value.inputs.map((input) => this.#number(input)).join()}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    this.#known.set(key, value);
    return value;
  }

  #number(value: Value): number {
    let number = this.#numbers.get(value);
    if (number === undefined) {
      number = this.#numbers.size;
      this.#numbers.set(value, number);
    }
    return number;
  }

  /** The graphs below `roots`, rewritten by `rule`. */
  run(roots: readonly Value[], rule: RewriteRule): Value[] {
    const made = new Map<Value, Value>();
    const { order } = sortGraph(roots, (value) => value.leaf !== undefined);
    for (const value of order) {
      const inputs = value.leaf === undefined ? value.inputs.map((input) => made.get(input) as Value) : [];
      let to = rule(value, inputs);
      if (to === undefined) {
        const same = inputs.every((input, i) => input === value.inputs[i]);
        to = same ? value : new Value(value.op, inputs, value.attrs, undefined, false, value);
      }
      made.set(value, this.unify(to));
    }
    return roots.map((root) => made.get(root) as Value);
  }
}

/** The graphs below `roots` with some vertices replaced by others of their types; constants stay as they are. */
export function substitute(roots: readonly Value[], replacements: ReadonlyMap<Value, Value>): Value[] {
  const made = new Map(replacements);
  const { order } = sortGraph(roots, (value) => made.has(value) || value.leaf !== undefined);
  for (const value of order) {
    if (made.has(value)) continue;
    const inputs = value.inputs.map((input) => made.get(input) as Value);
    const same = inputs.every((input, i) => input === value.inputs[i]);
    made.set(value, same ? value : new Value(value.op, inputs, value.attrs));
  }
  return roots.map((root) => made.get(root) as Value);
}
