/**
 * The written specification of the graph: what holds for every vertex, whoever made it. It computes nothing and asks
 * operations by kind. Passes are checked with it in tests, and everywhere under a switch (base/debug.ts). Floor: ir.
 */
import { dtypes, isFloating } from "../base/dtype.ts";
import { type TwopassError, internal, showShape } from "../base/errors.ts";
import { sameShape, sizeOf } from "../base/shape.ts";
import type { Body } from "./body.ts";
import type { AttrValue, Attrs, Kind } from "./op.ts";
import { phases } from "./mode.ts";
import type { Program } from "./program.ts";
import { type Value, sortGraph } from "./value.ts";

/** Checks all vertices below `roots`; `after` says in the error where the graph came from. */
export function verifyGraph(roots: readonly Value[], after: string): void {
  const { order, walk } = sortGraph(roots, (value) => value.leaf !== undefined);
  for (const value of order) {
    const check = new Check(value, after);
    check.common();
    if (value.leaf !== undefined) continue;
    for (const input of value.inputs) {
      check.that(input.mark === walk && input.position < value.position, "an input does not come before it");
    }
    rules[value.op.kind](check, value.inputs, value.attrs);
  }
}

/** Checks a program: its graph, its inputs and what its outputs overwrite. */
export function verifyProgram(program: Program, after: string): void {
  const { inputs, sources, outputs } = program;
  verifyGraph(
    outputs.map((o) => o.value),
    after,
  );
  const wrong = (problem: string): TwopassError => internal(`${after}: ${problem}`);
  if (sources.length !== inputs.length) throw wrong(`${inputs.length} inputs but ${sources.length} sources`);
  inputs.forEach((input, i) => {
    if (input.leaf?.kind !== "input" || input.leaf.index !== i) throw wrong(`input ${i} is not numbered so`);
  });
  const { order } = sortGraph(
    outputs.map((o) => o.value),
    (value) => value.leaf !== undefined,
  );
  for (const { leaf, op } of order) {
    if (leaf === undefined) continue;
    if (leaf.kind !== "input") throw wrong(`a program holds a ${leaf.kind} itself`);
    if (inputs[leaf.index] === undefined) throw wrong(`${op.name} stands for input ${leaf.index} of ${inputs.length}`);
  }
  const targets = new Set<number>();
  for (const { value, target } of outputs) {
    if (target < 0) continue;
    const input = inputs[target];
    if (input === undefined || sources[target] !== "cell") throw wrong(`output goes into input ${target}, no cell`);
    if (targets.has(target)) throw wrong(`two outputs go into input ${target}`);
    targets.add(target);
    if (value.dtype !== input.dtype || sizeOf(value.shape) !== sizeOf(input.shape)) {
      throw wrong(
        `${value.dtype} ${showShape(value.shape)} goes into a cell of ${input.dtype} ${showShape(input.shape)}`,
      );
    }
  }
}

/** Reads attributes and states facts of one vertex; what is wrong names it. */
class Check {
  readonly value: Value;
  readonly after: string;

  constructor(value: Value, after: string) {
    this.value = value;
    this.after = after;
  }

  that(holds: boolean, problem: string): void {
    if (!holds) throw this.#wrong(problem);
  }

  #wrong(problem: string): TwopassError {
    const { op, dtype, shape, inputs, attrs } = this.value;
    const from = inputs.map((x) => `${x.op.name} ${x.dtype} ${showShape(x.shape)}`).join(", ");
    const settings = JSON.stringify(attrs);
    return internal(`${this.after}: ${op.name} ${dtype} ${showShape(shape)} of (${from}) with ${settings}: ${problem}`);
  }

  /** What holds for every kind. */
  common(): void {
    const { op, inputs, attrs, shape, dtype, phase, leaf, requiresGrad } = this.value;
    this.that(dtypes.includes(dtype), "unknown dtype");
    this.that(shape.every(isCount), "an extent is no whole number from 0");
    this.that(phases[phase] !== undefined, "unknown phase");
    this.that(!requiresGrad || isFloating(dtype), "a gradient for something that is not floating");
    if (leaf !== undefined) {
      if (leaf.kind === "data") this.that(leaf.data.length === sizeOf(shape), `${leaf.data.length} elements`);
      if (leaf.kind === "cell") {
        const { cell } = leaf;
        this.that(cell.dtype === dtype && sizeOf(cell.shape) === sizeOf(shape), `the cell is unlike: ${cell.label}`);
      }
      return;
    }
    this.that(op.kind !== "leaf", "a leaf without elements");
    for (const input of inputs) {
      // Something already computed may be of any phase.
      this.that(input.leaf !== undefined || input.phase <= phase, "an input of a later phase");
    }
    for (const [key, attr] of Object.entries(attrs)) this.that(isAttr(attr), `attribute ${key} is no plain data`);
    let type: { shape: readonly number[]; dtype: string };
    try {
      type = op.infer(inputs, attrs);
    } catch (error) {
      throw this.#wrong(`it has no type: ${error instanceof Error ? error.message : String(error)}`);
    }
    this.that(
      type.dtype === dtype && sameShape(type.shape, shape),
      `its rule gives ${type.dtype} ${showShape(type.shape)}`,
    );
  }

  inputs(count: number): void {
    const { inputs } = this.value;
    this.that(inputs.length === count, `${inputs.length} inputs, not ${count}`);
  }

  /** Exactly these attributes, in this order: the order is part of the structural key. */
  attributes(...names: readonly string[]): void {
    const found = Object.keys(this.value.attrs);
    this.that(sameWords(found, names), `attributes ${found.join(" ") || "(none)"}, not ${names.join(" ") || "(none)"}`);
  }

  number(key: string): number {
    const attr = this.value.attrs[key];
    if (typeof attr !== "number") throw this.#wrong(`attribute ${key} is no number`);
    return attr;
  }

  count(key: string, least = 0): number {
    const attr = this.number(key);
    this.that(isCount(attr) && attr >= least, `attribute ${key} is no whole number from ${least}`);
    return attr;
  }

  /** A list of `length` whole numbers from `least`. */
  list(key: string, length: number | undefined, least = 0): readonly number[] {
    const attr = this.value.attrs[key];
    if (typeof attr !== "object" || "words" in attr) throw this.#wrong(`attribute ${key} is no list`);
    this.that(length === undefined || attr.length === length, `attribute ${key} has ${attr.length} numbers`);
    this.that(
      attr.every((n) => Number.isInteger(n) && n >= least),
      `attribute ${key} holds something else than whole numbers from ${least}`,
    );
    return attr;
  }

  body(key: string): Body {
    const attr = this.value.attrs[key];
    if (typeof attr !== "object" || !("words" in attr)) throw this.#wrong(`attribute ${key} is no body`);
    return attr;
  }

  /** A list of distinct dims of a tensor of that rank. */
  dims(key: string, rank: number): readonly number[] {
    const dims = this.list(key, undefined);
    this.that(
      dims.every((d) => d < rank) && new Set(dims).size === dims.length,
      `attribute ${key} holds no dims of a tensor with ${rank}`,
    );
    return dims;
  }

  dim(key: string, rank: number): number {
    const dim = this.count(key);
    this.that(dim < rank, `attribute ${key} is no dim of a tensor with ${rank}`);
    return dim;
  }
}

type Rule = (check: Check, inputs: readonly Value[], attrs: Attrs) => void;

/** Convolution and window settings, one number for each spatial dim. */
function spatialLists(check: Check, spatial: number): void {
  check.list("stride", spatial, 1);
  check.list("low", spatial, Number.NEGATIVE_INFINITY);
  check.list("dilation", spatial, 1);
}

const rules: Readonly<Record<Kind, Rule>> = {
  leaf: (check) => check.that(false, "a leaf without elements"),

  constant(check) {
    check.inputs(0);
    check.attributes("shape", "dtype", "value");
    check.number("value");
  },

  iota(check) {
    check.inputs(0);
    check.attributes("size");
    check.count("size");
  },

  elementwise(check, inputs) {
    const { op, shape } = check.value;
    check.attributes();
    check.that(op.scalar !== undefined && op.lower !== undefined, "no scalar function");
    check.inputs(op.scalar?.length ?? 0);
    const last = inputs[inputs.length - 1];
    inputs.forEach((x, i) => {
      check.that(sameShape(x.shape, shape), "an input of another shape");
      const isCondition = i === 0 && inputs.length === 3 && x.dtype === "bool";
      check.that(isCondition || x.dtype === last?.dtype, "inputs of unlike dtypes");
    });
  },

  view(check, [x], attrs) {
    if (check.value.op.isPartial === true) {
      check.that("rule" in attrs && sameShape((x as Value).shape, check.value.shape), "no rule, or another shape");
      return;
    }
    check.inputs(1);
    const from = (x as Value).shape;
    const rank = from.length;
    const { shape } = check.value;
    if ("order" in attrs) {
      check.attributes("order");
      check.that(check.dims("order", rank).length === rank, "not every dim is in the order");
    } else if ("step" in attrs) {
      check.attributes("start", "step", "size");
      // A slice of nothing may start anywhere.
      const start = check.list("start", rank, Number.NEGATIVE_INFINITY);
      const size = check.list("size", rank);
      const step = check.list("step", rank, Number.NEGATIVE_INFINITY);
      for (let d = 0; d < rank; d++) {
        check.that(step[d] !== 0, "a slice that does not move");
        if (size.includes(0)) continue;
        const first = start[d] as number;
        const last = first + ((size[d] as number) - 1) * (step[d] as number);
        check.that(Math.max(first, last) < (from[d] as number) && Math.min(first, last) >= 0, "a slice out of range");
      }
    } else {
      check.attributes("shape");
      const isExpand = shape.length === rank && from.every((n, d) => n === 1 || n === shape[d]);
      check.that(isExpand || sizeOf(shape) === sizeOf(from), "neither a reshape nor an expand");
    }
  },

  pad(check, [x]) {
    check.inputs(1);
    check.attributes("low", "high", "inner", "value");
    for (const key of ["low", "high", "inner"]) check.list(key, (x as Value).shape.length);
    check.number("value");
  },

  concat(check, inputs) {
    check.attributes("dim");
    check.that(inputs.length > 0, "nothing to join");
    const first = inputs[0] as Value;
    const dim = check.dim("dim", first.shape.length);
    for (const { shape, dtype } of inputs) {
      check.that(dtype === first.dtype, "parts of unlike dtypes");
      check.that(sameShape(shape.toSpliced(dim, 1), first.shape.toSpliced(dim, 1)), "parts of unlike shapes");
    }
  },

  reduce(check, [x]) {
    check.inputs(1);
    check.attributes("dims");
    check.that(check.value.op.fold !== undefined, "no fold");
    const dims = check.dims("dims", (x as Value).shape.length);
    check.that(dims.length > 0, "nothing to fold");
    check.that(
      dims.every((d, i) => i === 0 || d > (dims[i - 1] as number)),
      "dims out of order",
    );
    const isByte = check.value.dtype === "uint8" || check.value.dtype === "bool";
    check.that(!isByte || check.value.op.fold === "max" || check.value.op.fold === "min", "a sum that wraps in a byte");
  },

  arg(check, [x]) {
    check.inputs(1);
    check.attributes();
    check.that((x as Value).shape.length > 0, "no dim to choose along");
  },

  contract(check, [a, b]) {
    check.inputs(2);
    check.attributes("batchA", "batchB", "contractA", "contractB");
    const [x, y] = [a as Value, b as Value];
    check.that(isFloating(x.dtype) || x.dtype === "int32", `a contraction of ${x.dtype}`);
    const lists = ([batch, contract]: readonly [string, string], of: Value): readonly (readonly number[])[] => {
      const both = [check.dims(batch, of.shape.length), check.dims(contract, of.shape.length)];
      check.that(new Set(both.flat()).size === both.flat().length, "a dim is both batch and contracted");
      return both;
    };
    const [batchA, contractA] = lists(["batchA", "contractA"], x) as [readonly number[], readonly number[]];
    const [batchB, contractB] = lists(["batchB", "contractB"], y) as [readonly number[], readonly number[]];
    check.that(batchA.length === batchB.length && contractA.length === contractB.length, "dims without a partner");
  },

  conv(check, [a, b], attrs) {
    check.inputs(2);
    const [x, y] = [a as Value, b as Value];
    const spatial = x.shape.length - 2;
    check.that(spatial >= 1 && y.shape.length === x.shape.length, "operands without spatial dims in common");
    check.that(x.dtype === y.dtype && isFloating(x.dtype), "a convolution of these dtypes");
    const isDerivative = "extents" in attrs;
    check.attributes("stride", "low", "high", "dilation", "groups", ...(isDerivative ? ["extents"] : []));
    spatialLists(check, spatial);
    check.list("high", spatial, Number.NEGATIVE_INFINITY);
    const groups = check.count("groups", 1);
    check.that((x.shape[1] as number) % groups === 0, "channels that are no multiple of the groups");
    if (isDerivative) {
      check.list("extents", spatial);
      return;
    }
    check.that((y.shape[0] as number) % groups === 0, "output channels that are no multiple of the groups");
    check.that(x.shape[1] === (y.shape[1] as number) * groups, "channels of image and kernels differ");
  },

  gather(check, [x, index]) {
    check.inputs(2);
    check.attributes("dim");
    const [a, i] = [x as Value, index as Value];
    check.that(i.dtype === "int32", "an index that is not int32");
    const dim = check.dim("dim", a.shape.length);
    check.that(sameShape(a.shape.toSpliced(dim, 1), i.shape.toSpliced(dim, 1)), "other dims differ");
  },

  scatter(check, [index, x]) {
    check.inputs(2);
    check.attributes("dim", "size");
    const [i, a] = [index as Value, x as Value];
    check.that(i.dtype === "int32" && sameShape(i.shape, a.shape), "an index that is not int32 or of another shape");
    check.dim("dim", a.shape.length);
    check.count("size");
  },

  window(check, [x], attrs) {
    check.inputs(1);
    // A window over an image that is padded already counts positions in the image as it was.
    const padded = "spatial" in attrs;
    check.attributes("kernel", "stride", "low", "dilation", "extents", ...(padded ? ["spatial"] : []));
    const spatial = (x as Value).shape.length - 2;
    check.that(spatial >= 1, "no spatial dims");
    spatialLists(check, spatial);
    check.list("kernel", spatial, 1);
    check.list("extents", spatial);
    if (padded) check.list("spatial", spatial);
  },

  sort(check, [x]) {
    check.inputs(1);
    check.attributes("descending");
    check.that((x as Value).shape.length > 0, "no dim to sort along");
    check.that(typeof check.value.attrs["descending"] === "boolean", "attribute descending is no boolean");
  },

  cumulate(check, [x]) {
    check.inputs(1);
    check.attributes();
    check.that((x as Value).shape.length > 0, "no dim to add along");
  },

  loop(check, inputs) {
    check.attributes("body", "steps", "reverse", "finals", "histories");
    const body = check.body("body");
    check.inputs(body.inputs.length);
    check.count("steps", 1);
    for (const key of ["finals", "histories"]) {
      const carries = check.list(key, undefined);
      check.that(new Set(carries).size === carries.length, `a carry is twice in ${key}`);
      check.that(
        carries.every((i) => i < body.carries),
        `attribute ${key} holds no carries`,
      );
    }
    check.that(body.carries + body.sequences <= inputs.length, "more carries and sequences than inputs");
    check.that(body.outputs.length >= body.carries, "fewer outputs than carries");
    verifyGraph(body.outputs, `${check.after}, in ${body.toString()}`);
    const { dtype } = check.value;
    body.outputs.forEach((output, i) => {
      check.that(output.dtype === dtype, `output ${i} of a step is ${output.dtype}`);
      const carry = i < body.carries ? body.inputs[i] : undefined;
      check.that(carry === undefined || sameShape(output.shape, carry.shape), `carry ${i} changes its shape`);
    });
    const { order } = sortGraph(body.outputs, (value) => value.leaf !== undefined);
    for (const { leaf, phase } of order) {
      if (leaf === undefined) check.that(phase === 0, "a step with phases");
      else check.that(leaf.kind === "input" && leaf.index < inputs.length, `a step that holds a ${leaf.kind} itself`);
    }
  },

  attention(check, inputs, attrs) {
    const isGradient = "parts" in attrs;
    check.attributes("scale", "causal", ...(isGradient ? ["parts"] : []));
    check.number("scale");
    if (isGradient) check.count("parts", 1);
    const least = isGradient ? 5 : 3;
    check.that(inputs.length === least || inputs.length === least + 1, `${inputs.length} inputs`);
    const { dtype } = check.value;
    inputs.forEach((x, i) => {
      const isCondition = i === least && x.dtype === "bool";
      check.that(isCondition || (x.dtype === dtype && isFloating(dtype)), "inputs of unlike dtypes");
    });
  },

  either(check, [x, y]) {
    check.inputs(2);
    check.attributes();
    const [a, b] = [x as Value, y as Value];
    check.that(a.dtype === b.dtype && sameShape(a.shape, b.shape), "two ways to unlike values");
  },

  call: (check) => check.that(false, "a call in a program"),

  result: (check) => check.that(false, "the result of a call in a program"),
};

function isCount(n: number): boolean {
  return Number.isInteger(n) && n >= 0;
}

function isAttr(attr: AttrValue): boolean {
  return typeof attr !== "object" || "words" in attr || attr.every((n) => typeof n === "number");
}

function sameWords(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((word, i) => word === b[i]);
}
