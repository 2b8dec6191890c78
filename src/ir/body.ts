/**
 * The body of a loop: a graph over numbered inputs that is run once for each step. It is an attribute of the loop's
 * vertex, so it is plain data and part of the structure. Floor: ir.
 */
import { dtypeCode } from "../base/dtype.ts";
import { internal } from "../base/errors.ts";
import { type Value, sortGraph } from "./value.ts";
import { Recent, Words } from "./words.ts";

/** Bodies that are remembered, so that one that is written again is the same object. */
const known = new Recent<Body>(256);
const scratch = new Words();
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
  readonly hash: number;
  /** Unlike for unlike bodies; of equal ones alike while they are remembered. */
  readonly number: number = made++;

  constructor(
    carries: number,
    sequences: number,
    inputs: readonly Value[],
    outputs: readonly Value[],
    words: Int32Array,
    hash: number,
  ) {
    this.carries = carries;
    this.sequences = sequences;
    this.inputs = inputs;
    this.outputs = outputs;
    this.words = words;
    this.hash = hash;
  }

  toString(): string {
    return `body ${this.number}`;
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
  scratch.length = 0;
  scratch.numbers([carries, sequences, inputs.length]);
  for (const { shape, dtype } of inputs) {
    scratch.push(dtypeCode[dtype]);
    scratch.numbers(shape);
  }
  for (const value of sortGraph(outputs, (x) => x.leaf !== undefined).order) {
    const { leaf } = value;
    if (leaf === undefined) scratch.vertex(value);
    else if (leaf.kind === "input") scratch.push(-1 - leaf.index);
    else throw internal(`a graph over numbered inputs holds a ${leaf.kind} itself`);
    // Passes leave bodies that cannot be differentiated; they are others.
    scratch.push(value.requiresGrad ? 1 : 0);
  }
  for (const { position } of outputs) scratch.push(position);
  const hash = scratch.hash();
  return known.find(scratch, hash) ?? known.add(new Body(carries, sequences, inputs, outputs, scratch.copy(), hash));
}
