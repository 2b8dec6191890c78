/**
 * The body of a loop: a graph over numbered inputs that is run once for each step. It is an attribute of the loop's
 * vertex, so it is plain data and part of the structure. Floor: ir.
 */
import { graphWords } from "./program.ts";
import { type Value, sortGraph } from "./value.ts";

/** Bodies that are remembered, so that one that is written again is the same object. */
const mostKnown = 256;

const known = new Map<string, Body>();
let made = 0;

export class Body {
  /** The first inputs are carries: what one step leaves to the next. */
  readonly carries: number;
  /** Then come the slices of sequences; the rest is the same in all steps. */
  readonly sequences: number;
  /** Leaves of the kind "input", in the order of their numbers. */
  readonly inputs: readonly Value[];
  /** The new carries, then what each step gives beside them. */
  readonly outputs: readonly Value[];
  /** The graph in words: equal words mean equal bodies. */
  readonly words: Int32Array;
  readonly #number = made++;

  constructor(carries: number, sequences: number, inputs: readonly Value[], outputs: readonly Value[]) {
    this.carries = carries;
    this.sequences = sequences;
    this.inputs = inputs;
    this.outputs = outputs;
    this.words = graphWords([carries, sequences], inputs, outputs);
  }

  /** Unlike for unlike bodies; of equal ones alike while they are remembered. */
  toString(): string {
    return `body ${this.#number}`;
  }

  toJSON(): string {
    return String(this);
  }
}

/** The body of this structure. What was found out about it may be kept by the object: it is one while it is in use. */
export function makeBody(
  carries: number,
  sequences: number,
  inputs: readonly Value[],
  outputs: readonly Value[],
): Body {
  const fresh = new Body(carries, sequences, inputs, outputs);
  // Passes leave bodies that cannot be differentiated; they are others.
  const { order } = sortGraph(outputs, () => false);
  const key = `${fresh.words.join()} ${order.map((value) => (value.requiresGrad ? 1 : 0)).join("")}`;
  const body = known.get(key) ?? fresh;
  known.delete(key);
  known.set(key, body);
  if (known.size > mostKnown) {
    const [oldest] = known.keys();
    known.delete(oldest as string);
  }
  return body;
}
