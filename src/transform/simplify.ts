/**
 * Graph to a smaller graph with the same results to the bit: only identities that hold for NaN, ±Infinity and −0.
 * Rules ask for kinds and attributes, never for the name of an operation. Floor: transform.
 */
import { type Dtype, allocate, toElement } from "../base/dtype.ts";
import { sameShape, sizeOf } from "../base/shape.ts";
import type { HostTensor } from "../ir/op.ts";
import { type RewriteRule, Rewriter } from "../ir/rewrite.ts";
import { type Value, sortGraph } from "../ir/value.ts";
import { withMode } from "../ir/mode.ts";
import { kit } from "../ops/kit.ts";
import { listOf, numberOf } from "../ops/record.ts";
import { withBody } from "./loop/bodies.ts";
import { LoopPruning } from "./loop/prune.ts";

export function simplify(roots: readonly Value[]): Value[] {
  const simple = pass(roots, (value, inputs) => rewrite(value, inputs));
  const { order } = sortGraph(simple, (value) => value.leaf !== undefined);
  if (!order.some(({ op }) => op.kind === "loop")) return simple;
  // What is read of a loop shows once views are simple.
  const loops = new LoopPruning(simple);
  return pass(simple, (value, inputs) => {
    if (value.op.kind === "view") return loops.slice(value, inputs);
    return value.op.kind === "loop" ? withBody(loops.loop(value, inputs), inputs, simplify) : undefined;
  });
}

function pass(roots: readonly Value[], rewriteOne: RewriteRule): Value[] {
  const rule: RewriteRule = (value, inputs) => {
    if (value.leaf !== undefined) return value;
    return withMode({ phase: value.phase, path: value.path, grad: false }, () => rewriteOne(value, inputs));
  };
  return new Rewriter().run(roots, rule);
}

function rewrite(value: Value, inputs: readonly Value[]): Value | undefined {
  const { kind } = value.op;
  if (kind === "elementwise") return foldConstants(value, inputs) ?? neutral(value, inputs);
  if (kind === "view") return simplerView(value, inputs[0] as Value);
  return undefined;
}

/** The number of a vertex that is the same everywhere by its structure. */
function constantOf(value: Value): number | undefined {
  return value.op.kind === "constant" ? numberOf(value.attrs, "value") : undefined;
}

/** A function of numbers is a number, rounded as the operation would. */
function foldConstants(value: Value, inputs: readonly Value[]): Value | undefined {
  const numbers = inputs.map(constantOf);
  if (numbers.some((n) => n === undefined)) return undefined;
  const single = (dtype: Dtype, n: number): HostTensor => {
    const data = allocate(dtype, 1);
    data[0] = toElement(dtype, n);
    return { shape: [1], dtype, data };
  };
  const out = single(value.dtype, 0);
  const args = numbers.map((n, i) => single((inputs[i] as Value).dtype, n as number));
  value.op.evaluate(out, args, value.attrs);
  return kit.full(value.shape, out.data[0] as number, value.dtype);
}

/** x · 1, x / 1, x − 0: exact for every x. */
function neutral(value: Value, inputs: readonly Value[]): Value | undefined {
  const identity = value.op.identity;
  if (identity === undefined) return undefined;
  const [a, b] = inputs as [Value, Value];
  if (identity.right !== undefined && constantOf(b) === identity.right && !Object.is(constantOf(b), -0)) return a;
  if (identity.left !== undefined && constantOf(a) === identity.left && !Object.is(constantOf(a), -0)) return b;
  return undefined;
}

function simplerView(value: Value, x: Value): Value | undefined {
  const number = constantOf(x);
  if (number !== undefined) return kit.full(value.shape, number, value.dtype);
  const { attrs } = value;
  const isReshape = isReshapeOf(value, x);
  if (isReshape && sameShape(value.shape, x.shape)) return x;
  if (isReshape && x.op.kind === "view" && isReshapeOf(x, x.inputs[0] as Value)) {
    return kit.reshape(x.inputs[0] as Value, value.shape);
  }
  if (attrs["order"] !== undefined && x.op.kind === "view" && x.attrs["order"] !== undefined) {
    const [outer, inner] = [listOf(attrs, "order"), listOf(x.attrs, "order")];
    return kit.permute(
      x.inputs[0] as Value,
      outer.map((d) => inner[d] as number),
    );
  }
  return attrs["step"] !== undefined && x.op.kind === "view" ? simplerSlice(value, x) : undefined;
}

/** A slice of a slice, and rows of a reshaped vector, which are a part of the vector. */
function simplerSlice(slice: Value, x: Value): Value | undefined {
  const [start, step] = [listOf(slice.attrs, "start"), listOf(slice.attrs, "step")];
  const below = x.inputs[0] as Value;
  if (slice.shape.includes(0)) return undefined;
  if (x.attrs["step"] !== undefined) {
    const [first, by] = [listOf(x.attrs, "start"), listOf(x.attrs, "step")];
    return kit.slice(
      below,
      start.map((s, d) => (first[d] as number) + s * (by[d] as number)),
      step.map((s, d) => s * (by[d] as number)),
      slice.shape,
    );
  }
  const isRows = slice.shape.every((n, d) => d === 0 || n === x.shape[d]) && step.every((s) => s === 1);
  if (!isRows || below.shape.length !== 1 || !isReshapeOf(x, below)) return undefined;
  const from = (start[0] as number) * sizeOf(slice.shape.slice(1));
  const part = kit.range(below, 0, from, from + sizeOf(slice.shape));
  const isSlice = part !== below && below.op.kind === "view";
  return kit.reshape((isSlice ? simplerSlice(part, below) : undefined) ?? part, slice.shape);
}

function isReshapeOf(view: Value, x: Value): boolean {
  return (
    view.attrs["shape"] !== undefined && view.attrs["step"] === undefined && sizeOf(view.shape) === sizeOf(x.shape)
  );
}
