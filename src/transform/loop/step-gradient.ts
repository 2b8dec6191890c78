/**
 * The derivative of one step of a loop, found once for each body: the body of the loop that goes back, what that loop reads
 * of the forward one, and how the gradients of what is the same in all steps come out of it. Floor: transform.
 */
import { isFloating } from "../../base/dtype.ts";
import { type Body, makeBody } from "../../ir/body.ts";
import { withMode } from "../../ir/mode.ts";
import { substitute } from "../../ir/rewrite.ts";
import { type Value, sortGraph } from "../../ir/value.ts";
import { kit } from "../../ops/kit.ts";
import { makeLeaf } from "../../ops/leaf.ts";
import { table } from "../../ops/table.ts";
import type { pullback } from "../grad.ts";
import { type Late, StepSums } from "./step-sums.ts";

/** The differentiation of graphs; it comes here for loops, so it is handed in. */
export type Differentiate = typeof pullback;

/** A sequence that the loop back reads. */
export type Source =
  /** An input of the forward loop. */
  | { readonly kind: "input"; readonly input: number }
  /** What a carry was before each step. */
  | { readonly kind: "before"; readonly carry: number }
  /** What a carry was behind each step. */
  | { readonly kind: "behind"; readonly carry: number }
  /** What each step gives, by the number of the body's output. */
  | { readonly kind: "stack"; readonly output: number }
  /** What else a step computes, by its number in `extra`. */
  | { readonly kind: "extra"; readonly extra: number }
  /** The gradient of an output at each step. */
  | { readonly kind: "gradient"; readonly output: number };

export interface StepGradient {
  /** Carries whose history is read. */
  readonly histories: readonly number[];
  /** Vertices of the step that must be stacked beside its outputs. */
  readonly extra: readonly Value[];
  readonly body: Body;
  /** What its sequences are. */
  readonly sequences: readonly Source[];
  /** What its constants are: inputs of the forward loop. */
  readonly constants: readonly number[];
  /** For each carry of the forward loop the carries of the loop back whose sum is its gradient. */
  readonly carries: readonly (readonly number[])[];
  /** By input of the forward loop, where it is a sequence that has a gradient: which of the stacked results that is. */
  readonly slices: ReadonlyMap<number, number>;
  /** By input of the forward loop, where it is the same in all steps and has a gradient. */
  readonly sums: ReadonlyMap<number, Late>;
  /** Sequences that the sums read, and what stacked results they read. */
  readonly sources: ReadonlyMap<Value, Source>;
  readonly stacked: ReadonlyMap<Value, number>;
}

/** Work up to this is done again by the loop back, where all that it reads is there anyway. */
const cheap = 3;

const found = new WeakMap<Body, Map<string, StepGradient>>();

/**
 * The derivative with respect to all carries and the inputs `wanted`. `seeded` are the outputs (carries among them) that
 * have a gradient at each step, beside that of the carries behind the last one.
 */
export function stepGradient(
  body: Body,
  wanted: readonly number[],
  seeded: readonly number[],
  differentiate: Differentiate,
): StepGradient {
  const known = found.get(body) ?? new Map<string, StepGradient>();
  found.set(body, known);
  const key = `${wanted.join()} from ${seeded.join()}`;
  let gradient = known.get(key);
  if (gradient === undefined) {
    gradient = withMode({ phase: 0, path: "", call: "", grad: true }, () =>
      new Differentiation(body, wanted, seeded, differentiate).run(),
    );
    known.set(key, gradient);
  }
  return gradient;
}

/** Where the graph back is cut off the forward step. */
interface Cut {
  readonly histories: readonly number[];
  readonly extra: readonly Value[];
  readonly sources: ReadonlyMap<Value, Source>;
  /** The sources and inputs that the loop itself reads. */
  readonly sliced: readonly Value[];
  readonly constants: readonly number[];
}

class Differentiation {
  readonly #body: Body;
  readonly #wanted: readonly number[];
  readonly #seeded: readonly number[];
  readonly #differentiate: Differentiate;
  /** All vertices of the forward step. */
  readonly #forward: ReadonlySet<Value>;
  /** Leaves of the graph back: the gradients of the carries, and of outputs by their numbers. */
  readonly #carried: Value[] = [];
  readonly #gradients = new Map<Value, number>();

  constructor(body: Body, wanted: readonly number[], seeded: readonly number[], differentiate: Differentiate) {
    this.#body = body;
    this.#wanted = wanted;
    this.#seeded = seeded;
    this.#differentiate = differentiate;
    this.#forward = new Set([...body.inputs, ...sortGraph(body.outputs, () => false).order]);
  }

  run(): StepGradient {
    const body = this.#body;
    const reached = this.#pullBack();
    const sums = new StepSums(body, (value) => this.#isSlice(value) || this.#canStack(value));
    const slices = new Map<number, Value>();
    const late = new Map<number, Late>();
    for (const input of this.#wanted) {
      const gradient = reached.get(body.inputs[input] as Value);
      if (gradient === undefined || input < body.carries) continue;
      if (input < body.carries + body.sequences) slices.set(input, gradient);
      else late.set(input, sums.of(gradient));
    }
    const terms: Value[] = [];
    const carries = body.inputs.slice(0, body.carries).map((carry) => {
      const gradient = reached.get(carry) ?? kit.full(carry.shape, 0, carry.dtype);
      return summands(gradient).map((term) => terms.push(term) - 1);
    });
    const totals = sums.totals.map(({ leaf, value }) => kit.add(leaf, value));
    const stacked = [...new Set([...slices.values(), ...sums.stacked])];
    const roots = [...terms, ...totals, ...stacked];
    const cut = this.#cut(roots, sums.read);

    const made = new Map<Value, Value>();
    const inputs: Value[] = [];
    const leafLike = ({ shape, dtype }: Value): Value => {
      const leaf = makeLeaf(shape, dtype, { kind: "input", index: inputs.length }, isFloating(dtype));
      inputs.push(leaf);
      return leaf;
    };
    this.#carried.forEach((carried, i) => {
      // Of a carry in several summands the sum is read.
      const leaves = (carries[i] as number[]).map(() => leafLike(carried));
      made.set(
        carried,
        leaves.reduce((sum, leaf) => kit.add(sum, leaf)),
      );
    });
    for (const { leaf } of sums.totals) made.set(leaf, leafLike(leaf));
    for (const value of cut.sliced) made.set(value, leafLike(value));
    for (const input of cut.constants) made.set(body.inputs[input] as Value, leafLike(body.inputs[input] as Value));
    const places = new Map(stacked.map((value, i) => [value, i]));
    return {
      histories: cut.histories,
      extra: cut.extra,
      body: makeBody(terms.length + totals.length, cut.sliced.length, inputs, substitute(roots, made)),
      sequences: cut.sliced.map((value) => cut.sources.get(value) as Source),
      constants: cut.constants,
      carries,
      slices: new Map([...slices].map(([input, value]) => [input, places.get(value) as number])),
      sums: late,
      sources: cut.sources,
      stacked: places,
    };
  }

  /** The gradients of the body's inputs, over leaves for the gradients of its outputs. */
  #pullBack(): ReadonlyMap<Value, Value> {
    const { inputs, outputs, carries } = this.#body;
    const seedOf = (output: number): Value => {
      const value = outputs[output] as Value;
      const gradient = makeLeaf(value.shape, value.dtype, { kind: "input", index: -1 }, true);
      seeds.push({ value, gradient });
      return gradient;
    };
    const seeds: { value: Value; gradient: Value }[] = [];
    for (let i = 0; i < carries; i++) this.#carried.push(seedOf(i));
    for (const output of this.#seeded) this.#gradients.set(seedOf(output), output);
    const wanted = inputs.filter((x, i) => isFloating(x.dtype) && (i < carries || this.#wanted.includes(i)));
    const { reached } = this.#differentiate("backward", seeds, new Set(wanted));
    return new Map(reached.map(({ value, gradient }) => [value, gradient]));
  }

  /** The number of a vertex among the body's inputs, or -1. */
  #inputNumber(value: Value): number {
    const { leaf } = value;
    return leaf?.kind === "input" && this.#forward.has(value) ? leaf.index : -1;
  }

  /** Whether a vertex is a leaf that differs from step to step and that is there behind the forward loop. */
  #isSlice(value: Value): boolean {
    const input = this.#inputNumber(value);
    return this.#gradients.has(value) || (input >= 0 && input < this.#body.carries + this.#body.sequences);
  }

  /** Whether the forward loop can stack a vertex: it has one dtype. Views are taken again. */
  #canStack(value: Value): boolean {
    const { kind } = value.op;
    const isPlain = kind === "view" || kind === "constant" || kind === "iota";
    const dtype = (this.#body.outputs[0] as Value).dtype;
    return value.leaf === undefined && this.#forward.has(value) && !isPlain && value.dtype === dtype;
  }

  /**
   * What of the forward step is read becomes a sequence. Cheap work over what is there anyway is done again, and so is what
   * no loop can stack, such as conditions. `behind` is read behind the loop too.
   */
  #cut(roots: readonly Value[], behind: ReadonlySet<Value>): Cut {
    const body = this.#body;
    const all = [...roots, ...behind];
    const needed = sortGraph(all, (value) => value.leaf !== undefined || this.#canStack(value)).order;
    const kept = new Set(needed.filter((value) => this.#canStack(value)));
    this.#doAgain(kept, new Set(needed), behind);
    const isEnd = (value: Value): boolean => value.leaf !== undefined || kept.has(value);
    const inside = new Set(sortGraph(roots, isEnd).order);
    const histories = new Set<number>();
    const extra: Value[] = [];
    const sources = new Map<Value, Source>();
    const constants: number[] = [];
    for (const value of sortGraph(all, isEnd).order) {
      const input = this.#inputNumber(value);
      if (input >= body.carries + body.sequences && inside.has(value)) constants.push(input);
      if (!kept.has(value) && !this.#isSlice(value)) continue;
      const source = this.#sourceOf(value, input, extra);
      sources.set(value, source);
      if (source.kind === "before" || source.kind === "behind") histories.add(source.carry);
    }
    const sliced = [...sources.keys()].filter((value) => inside.has(value));
    return { histories: [...histories].sort((a, b) => a - b), extra, sources, sliced, constants };
  }

  #sourceOf(value: Value, input: number, extra: Value[]): Source {
    const { carries, outputs } = this.#body;
    const gradient = this.#gradients.get(value);
    if (gradient !== undefined) return { kind: "gradient", output: gradient };
    if (input >= 0) return input < carries ? { kind: "before", carry: input } : { kind: "input", input };
    const output = outputs.lastIndexOf(value);
    if (output >= carries) return { kind: "stack", output };
    return output >= 0 ? { kind: "behind", carry: output } : { kind: "extra", extra: extra.push(value) - 1 };
  }

  /** Takes cheap work out of `kept` whose inputs are among what is `needed` anyway. */
  #doAgain(kept: Set<Value>, needed: ReadonlySet<Value>, behind: ReadonlySet<Value>): void {
    const again = new Set<Value>();
    const isThere = (value: Value): boolean => {
      let base = value;
      while (base.op.kind === "view") base = base.inputs[0] as Value;
      if (base.leaf === undefined) return kept.has(base) || again.has(base) || base.op.kind === "constant";
      return this.#inputNumber(base) >= this.#body.carries || needed.has(base);
    };
    for (const value of sortGraph([...kept], (x) => x.leaf !== undefined).order) {
      if (!kept.has(value) || behind.has(value) || this.#body.outputs.includes(value)) continue;
      const cost = value.op.kind === "elementwise" ? value.op.cost : undefined;
      if (cost === undefined || cost > cheap || !value.inputs.every(isThere)) continue;
      again.add(value);
      kept.delete(value);
    }
  }
}

/**
 * The parts of a sum that become carries of their own: products, and the rest. Kernels of products add nothing, so their
 * results are added where the next step reads them.
 */
function summands(gradient: Value): Value[] {
  const parts: Value[] = [];
  const flatten = (value: Value): void => {
    if (value.op === table.add) value.inputs.forEach(flatten);
    else parts.push(value);
  };
  flatten(gradient);
  const products = parts.filter((part) => part.op.kind === "contract");
  const rest = parts.filter((part) => part.op.kind !== "contract");
  if (products.length === 0 || parts.length === 1) return [gradient];
  return rest.length === 0 ? products : [...products, rest.reduce((sum, part) => kit.add(sum, part))];
}
