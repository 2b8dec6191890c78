/** Derivatives of one case by pullback, first and second order, and forward; with what is needed to check them. */
import type { Dtype, TypedArray } from "../../../src/base/dtype.ts";
import { isFloating } from "../../../src/base/dtype.ts";
import { sizeOf } from "../../../src/base/shape.ts";
import type { Value } from "../../../src/ir/value.ts";
import { pullback } from "../../../src/transform/grad.ts";
import { dataLeaf } from "../../runtime/compiled-graph.ts";
import { type Case, elementsOf } from "./case.ts";
import type { Variant } from "./variants.ts";

/** The operands of a case as leaves, and what the case makes of them. */
export interface Applied {
  readonly leaves: readonly Value[];
  /** Those of the leaves that have a gradient. */
  readonly variables: readonly Value[];
  readonly y: Value;
}

export function apply(c: Case, dtype: Dtype, random: () => number, variant: Variant, grad = false): Applied {
  const leaves = c.inputs.map((input) => {
    const own = input.dtype ?? dtype;
    const shape = variant.leaf(input.shape);
    return dataLeaf(shape, own, elementsOf(input, dtype, shape, random), grad && isFloating(own));
  });
  return applyTo(c, leaves, variant);
}

/** The same with the magnitudes of floating operands: how large the numbers are that a result is made of. */
export function applyToMagnitudes(c: Case, { leaves }: Applied, variant: Variant): Applied {
  const magnitudes = leaves.map((leaf) =>
    isFloating(leaf.dtype) ? dataLeaf(leaf.shape, leaf.dtype, dataOf(leaf).map(Math.abs)) : leaf,
  );
  return applyTo(c, magnitudes, variant);
}

function applyTo(c: Case, leaves: readonly Value[], variant: Variant): Applied {
  const operands = leaves.map((leaf, i) => variant.view(leaf, (c.inputs[i] as Case["inputs"][number]).shape));
  return { leaves, variables: leaves.filter((leaf) => leaf.requiresGrad), y: c.build(...operands) };
}

/** A leaf of the shape of `like` with numbers in [-1, 1]. */
export function weightsLike(like: Value, random: () => number, grad = false): Value {
  const elements = Float64Array.from({ length: sizeOf(like.shape) }, () => 2 * random() - 1);
  return dataLeaf(like.shape, like.dtype, elements, grad);
}

/** Gradients of Σ seedᵢ · valueᵢ with respect to `wanted`; undefined where nothing flows. */
export function gradients(
  values: readonly Value[],
  seeds: readonly Value[],
  wanted: readonly Value[],
): (Value | undefined)[] {
  const pairs = values.map((value, i) => ({ value, gradient: seeds[i] as Value }));
  const { reached } = pullback("sweep", pairs, new Set(wanted));
  return wanted.map((x) => reached.find(({ value }) => value === x)?.gradient);
}

/** Σ aᵢ · bᵢ over the elements of both lists, and the sum of the magnitudes, which says how much may be lost. */
export function inner(a: readonly ArrayLike<number>[], b: readonly ArrayLike<number>[]): { sum: number; size: number } {
  let [sum, size] = [0, 0];
  a.forEach((list, i) => {
    const other = b[i] as ArrayLike<number>;
    for (let j = 0; j < list.length; j++) {
      const product = (list[j] as number) * (other[j] as number);
      sum += product;
      size += Math.abs(product);
    }
  });
  return { sum, size };
}

/** The data of variables, moved by `step` in directions. */
export function moved(
  variables: readonly Value[],
  directions: readonly Value[],
  step: number,
): ReadonlyMap<Value, TypedArray> {
  return new Map(
    variables.map((x, i) => {
      const by = dataOf(directions[i] as Value);
      return [x, dataOf(x).map((element, j) => element + step * (by[j] as number)) as TypedArray];
    }),
  );
}

export function dataOf(leaf: Value): TypedArray {
  if (leaf.leaf?.kind !== "data") throw new Error("no data");
  return leaf.leaf.data;
}
