/** What the functions of this folder share: results, and checks of what users give. Floor: nn. */
import { type Dtype, isFloating } from "../../base/dtype.ts";
import { TwopassError, checkOptions, describe, nearest, showShape } from "../../base/errors.ts";
import type { Value } from "../../ir/value.ts";
import { type Reduction, reductions } from "../../ops/composite/loss.ts";
import { TensorHandle, valueOf } from "../../tensor/handle.ts";
import { Tensor } from "../../tensor/tensor.ts";

export type { Reduction } from "../../ops/composite/loss.ts";
export { resultOf } from "../../tensor/joining.ts";
export { checkWhole } from "../../tensor/options.ts";

/** A tensor argument that may be left out. */
export type Optional<T> = T | null | undefined;

/** Those that are there. */
export function present(...tensors: readonly Optional<Tensor>[]): Tensor[] {
  return tensors.filter((x) => x instanceof Tensor);
}

/** The vertex of a tensor argument. */
export function vertexOf(op: string, name: string, x: unknown): Value {
  if (x instanceof TensorHandle) return valueOf(x);
  throw new TwopassError({
    op,
    problem: `${name} must be a tensor`,
    facts: `got ${describe(x)}`,
    ...(Array.isArray(x) || ArrayBuffer.isView(x) ? { hint: "wrap it: tensor([...])" } : {}),
  });
}

/** The vertex of a tensor argument that must have the dtype of another one. */
export function likeVertex(op: string, name: string, x: unknown, like: Value): Value {
  return checkDtype(op, name, vertexOf(op, name, x), like);
}

/** Throws unless a vertex has the dtype of another one. */
export function checkDtype(op: string, name: string, value: Value, like: Value): Value {
  if (value.dtype !== like.dtype) throw dtypesDiffer(op, name, value.dtype, like.dtype);
  return value;
}

/** The vertex of an optional tensor argument of a given shape, which has the dtype of another one. */
export function optionalVertex(
  op: string,
  name: string,
  x: Optional<Tensor>,
  like: Value,
  shape: readonly number[],
): Value | undefined {
  if (x === undefined || x === null) return undefined;
  const value = likeVertex(op, name, x, like);
  if (value.shape.length === shape.length && value.shape.every((n, i) => n === shape[i])) return value;
  throw new TwopassError({
    op,
    problem: `${name} must have shape ${showShape(shape)}`,
    facts: `it has ${showShape(value.shape)}, the input ${showShape(like.shape)}`,
    shapes: [value.shape, like.shape],
  });
}

function dtypesDiffer(op: string, name: string, found: Dtype, wanted: Dtype): TwopassError {
  return new TwopassError({
    op,
    problem: `${name} must have the dtype of the input`,
    facts: `${name} is ${found}, the input ${wanted}`,
    hint: isFloating(wanted)
      ? `convert it with .to("${wanted}"), parameters with model.to("${wanted}")`
      : `convert the input with .to("${found}")`,
    dtypes: [found, wanted],
  });
}

/** The vertex of an input that must be floating. */
export function floatingVertex(op: string, x: unknown): Value {
  const value = vertexOf(op, "the input", x);
  if (isFloating(value.dtype)) return value;
  throw new TwopassError({
    op,
    problem: "the input must be floating",
    facts: `it is ${value.dtype} ${showShape(value.shape)}`,
    hint: 'convert it with .to("float32")',
    dtypes: [value.dtype],
  });
}

/** One whole number for each of n spatial dims, given as one number for all or as a list. */
export function perDim(
  op: string,
  name: string,
  given: number | readonly number[] | undefined,
  n: number,
  standard: readonly number[],
  least: number,
): readonly number[] {
  if (given === undefined) return standard;
  const list = typeof given === "number" ? [given] : given;
  const all = Array.isArray(list) && list.length === 1 ? new Array<number>(n).fill(list[0] as number) : list;
  if (Array.isArray(all) && all.length === n && all.every((x) => Number.isInteger(x) && x >= least)) return [...all];
  throw new TwopassError({
    op,
    problem: `${name} must be a whole number from ${least}${n > 1 ? `, or ${n} of them` : ""}`,
    facts: `got ${Array.isArray(given) ? `[${given.map(describe).join(", ")}]` : describe(given)}`,
  });
}

/** A number within [low, high]. */
export function numberIn(op: string, name: string, x: unknown, low: number, high: number): number {
  if (typeof x === "number" && x >= low && x <= high) return x;
  const range = high === Number.POSITIVE_INFINITY ? `a number from ${low}` : `a number from ${low} to ${high}`;
  throw new TwopassError({ op, problem: `${name} must be ${range}`, facts: `got ${describe(x)}` });
}

/** Options over their defaults. A key that is not among the defaults is an error; undefined means the default. */
export function withDefaults<O extends object>(op: string, given: Partial<O> | undefined, defaults: O): O {
  checkOptions(op, given, Object.keys(defaults));
  const merged = { ...defaults };
  for (const key in given) {
    const value = given[key];
    if (value !== undefined) merged[key] = value as O[Extract<keyof O, string>];
  }
  return merged;
}

export function checkReduction(op: string, reduction: unknown): Reduction {
  if (reductions.includes(reduction as Reduction)) return reduction as Reduction;
  const near = typeof reduction === "string" ? nearest(reduction, reductions) : undefined;
  throw new TwopassError({
    op,
    problem: `unknown reduction ${describe(reduction)}`,
    hint: near === undefined ? `known: ${reductions.join(", ")}` : `did you mean "${near}"?`,
  });
}

/** Which rank an input with n spatial dims may have, in words. */
export function rankError(op: string, x: Value, n: number): TwopassError {
  const letters = ["L", "H, W", "D, H, W"][n - 1] ?? "...";
  return new TwopassError({
    op,
    problem: `the input must have ${n + 2} dims [N, C, ${letters}], or ${n + 1} without a batch`,
    facts: `it has shape ${showShape(x.shape)}`,
    shapes: [x.shape],
  });
}
