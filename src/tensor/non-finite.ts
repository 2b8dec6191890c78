/**
 * Which operation made the first NaN or infinity of a step: its forward pass is looked through in the order in which it
 * was written, then its backward pass from the loss on. Slow; only for a step that has failed. Floor: tensor.
 */
import { type TypedArray, isFloating, itemSize } from "../base/dtype.ts";
import { lineOf, showShape } from "../base/errors.ts";
import { sizeOf } from "../base/shape.ts";
import { withMode } from "../ir/mode.ts";
import { type Leaf, type Value, sortGraph } from "../ir/value.ts";
import { kit } from "../ops/kit.ts";
import { pullback } from "../transform/grad.ts";
import { elementsApart } from "./apart.ts";
import type { Engine } from "./engine.ts";
import { firstNonFinite } from "./finite.ts";

/** Where the first number that is not finite came from. */
export interface NonFiniteOrigin {
  /** In which pass it arose; "data" where it was there before the step, in a tensor that the step reads. */
  readonly pass: "forward" | "backward" | "data";
  /** The operation as the program wrote it; for data the name of the stored tensor, or "". */
  readonly operation: string;
  /** Path of the module that was running, or "". */
  readonly path: string;
  /** The line that wrote the operation, or "". */
  readonly line: string;
  /** What it gave, where, and what it was given: "log(-1) = NaN at element 3 of [4]". */
  readonly facts: string;
  /** The elements, where they are data. */
  readonly data: TypedArray | undefined;
}

/** Runs a body in which each operation remembers its line. */
export function withLines<T>(body: () => T): T {
  return withMode({ lines: true }, body);
}

/** Bytes of results that are looked at together. */
const chunkBytes = 64 * 2 ** 20;

/** What the elements of a vertex are: `intended` infinities come from constants and data, by choosing and adding. */
type Content = "finite" | "intended" | "bad";

/**
 * The origin of what is not finite in a loss or in the gradients it leaves; undefined where all is finite. The graph must
 * not have been used by `backward()` yet.
 */
export function findNonFinite(engine: Engine, loss: Value): NonFiniteOrigin | undefined {
  const { order } = sortGraph([loss], (value) => value.leaf !== undefined);
  // In the order in which they were written, which is the order that a reader looks for.
  const written = [...order].sort((a, b) => a.id - b.id);
  const faults = new Faults(engine);
  const contents = faults.look(written);
  if (contents.get(loss) === "bad") {
    const guilty = firstOf(written, contents, [loss]);
    return guilty === undefined ? undefined : faults.describe(guilty, "forward");
  }
  if (!loss.requiresGrad) return undefined;

  const flows: { value: Value; gradient: Value; results: readonly Value[] }[] = [];
  withMode({ phase: 1, grad: false }, () => {
    const one = kit.full(loss.shape, 1, loss.dtype);
    return pullback("backward", [{ value: loss, gradient: one }], undefined, (value, gradient, results) => {
      flows.push({
        value,
        gradient,
        results: results.filter((x, i) => x !== undefined && value.inputs[i]?.requiresGrad) as Value[],
      });
    });
  });
  const gradients = faults.look(flows.flatMap(({ gradient, results }) => [gradient, ...results]));
  const isBad = (value: Value): boolean => gradients.get(value) !== "finite";
  const flow = flows.find(({ gradient, results }) => !isBad(gradient) && results.some(isBad));
  if (flow === undefined) return undefined;
  // An infinity that the forward pass made and hid behind a choice may be what the gradient meets.
  const hidden = firstOf(written, contents, [flow.value, ...flow.value.inputs]);
  if (hidden !== undefined) return faults.describe(hidden, hidden.leaf === undefined ? "forward" : "data");
  return faults.describe(flow.value, "backward", flow.results.find(isBad));
}

/** The first vertex that is bad though its inputs are not, among those that lead to `ends` through bad ones. */
function firstOf(
  written: readonly Value[],
  contents: ReadonlyMap<Value, Content>,
  ends: readonly Value[],
): Value | undefined {
  const leading = new Set(ends.filter((value) => contents.get(value) === "bad"));
  for (let i = written.length - 1; i >= 0; i--) {
    const value = written[i] as Value;
    if (!leading.has(value)) continue;
    for (const input of value.inputs) if (contents.get(input) === "bad") leading.add(input);
  }
  return written.find((value) => leading.has(value) && value.inputs.every((input) => contents.get(input) !== "bad"));
}

class Faults {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** What the vertices hold. They are computed again, some at a time, and not kept. */
  look(values: readonly Value[]): ReadonlyMap<Value, Content> {
    const held = new Map<Value, { readonly nan: boolean; readonly infinite: boolean }>();
    const floating = [...new Set(values)].filter((value) => isFloating(value.dtype));
    for (const part of chunks(floating)) {
      const data = elementsApart(this.#engine, part);
      part.forEach((value, i) => held.set(value, kindsIn(data[i] as TypedArray)));
    }
    const contents = new Map<Value, Content>();
    for (const value of values) {
      const kinds = held.get(value);
      contents.set(value, kinds === undefined ? "finite" : contentOf(value, kinds, contents));
    }
    return contents;
  }

  /** `result` is what was not finite, where it is not the vertex itself. */
  describe(guilty: Value, pass: NonFiniteOrigin["pass"], result: Value = guilty): NonFiniteOrigin {
    const [data = new Float32Array(0)] = elementsApart(this.#engine, [result]);
    const at = firstNonFinite(data);
    const place = `${data[at]} at element ${at} of ${showShape(result.shape)}`;
    const { leaf } = guilty;
    if (leaf !== undefined) {
      const operation = leaf.kind === "cell" ? leaf.cell.label : "";
      return { pass: "data", operation, path: "", line: "", facts: place, data: elementsOf(leaf) };
    }
    const operation = guilty.call === "" ? guilty.op.name : guilty.call;
    const given = pass === "forward" ? this.#given(guilty, at) : "";
    return {
      pass,
      operation,
      path: guilty.path,
      line: guilty.origin === undefined ? "" : lineOf(guilty.origin).replace(/^async /, ""),
      facts: given === "" ? place : `${given} = ${place}`,
      data: undefined,
    };
  }

  /** The operands that an elementwise operation had at an element: "log(-1)". */
  #given({ op, inputs }: Value, at: number): string {
    if (op.kind !== "elementwise" || inputs.length === 0) return "";
    const operands = elementsApart(this.#engine, inputs).map((data) => String(data[at]));
    return `${op.name}(${operands.join(", ")})`;
  }
}

function elementsOf(leaf: Leaf): TypedArray | undefined {
  return leaf.kind === "data" ? leaf.data : undefined;
}

function kindsIn(data: TypedArray): { readonly nan: boolean; readonly infinite: boolean } {
  let infinite = false;
  for (let i = 0; i < data.length; i++) {
    const x = data[i] as number;
    if (x === x && x - x === 0) continue;
    if (x !== x) return { nan: true, infinite };
    infinite = true;
  }
  return { nan: false, infinite };
}

/** Infinities alone are intended where they were given, and where they come from intended ones only. */
function contentOf(
  value: Value,
  { nan, infinite }: { readonly nan: boolean; readonly infinite: boolean },
  contents: ReadonlyMap<Value, Content>,
): Content {
  if (nan) return "bad";
  if (!infinite) return "finite";
  const { kind } = value.op;
  if (value.leaf !== undefined) return value.leaf.kind === "cell" ? "bad" : "intended";
  if (kind === "constant") return "intended";
  const inputs = value.inputs.map((input) => contents.get(input) ?? "finite");
  return inputs.includes("intended") && !inputs.includes("bad") ? "intended" : "bad";
}

function chunks(values: readonly Value[]): Value[][] {
  const parts: Value[][] = [[]];
  let bytes = 0;
  for (const value of values) {
    const size = sizeOf(value.shape) * itemSize[value.dtype];
    if (bytes + size > chunkBytes && bytes > 0) {
      parts.push([]);
      bytes = 0;
    }
    (parts[parts.length - 1] as Value[]).push(value);
    bytes += size;
  }
  return parts;
}
