/** Copies graphs: vertices over other inputs, and in the place of calls what their bodies say. Floor: ir. */
import type { Body } from "./body.ts";
import { Value, sortGraph } from "./value.ts";

const hasLeaf = (value: Value): boolean => value.leaf !== undefined;

export class Copier {
  readonly #made = new Map<Value, Value>();
  /** The outputs of calls. */
  readonly #outputs = new Map<Value, readonly Value[]>();

  /** What stands for a vertex. */
  set(value: Value, to: Value): void {
    this.#made.set(value, to);
  }

  get(value: Value): Value {
    return this.#made.get(value) as Value;
  }

  /** Copies a vertex whose inputs have been copied. It keeps its phase, or comes into that of its inputs. */
  copy(value: Value): void {
    const { op, attrs, inputs } = value;
    if (op.kind === "result") {
      const outputs = this.#outputs.get(inputs[0] as Value) as readonly Value[];
      this.set(value, outputs[attrs["index"] as number] as Value);
      return;
    }
    const copied = inputs.map((input) => this.get(input));
    if (op.kind === "call") this.#outputs.set(value, bodyOver(attrs["body"] as Body, copied));
    else this.set(value, new Value(op, copied, attrs, undefined, false, value));
  }
}

/** The outputs of a body over these inputs. */
function bodyOver(body: Body, inputs: readonly Value[]): readonly Value[] {
  const copier = new Copier();
  body.inputs.forEach((input, i) => copier.set(input, inputs[i] as Value));
  for (const value of sortGraph(body.outputs, hasLeaf).order) if (value.leaf === undefined) copier.copy(value);
  return body.outputs.map((output) => copier.get(output));
}

/** The graph below `root` with the bodies of calls in their place, over the same leaves. */
export function withoutCalls(root: Value): Value {
  const copier = new Copier();
  for (const value of sortGraph([root], hasLeaf).order) {
    if (value.leaf === undefined) copier.copy(value);
    else copier.set(value, value);
  }
  return copier.get(root);
}
